/* triggers.c - what crq schedules tells of triggers: how far each is behind. */
#include "cli/triggers.h"

#include "base/error.h"
#include "cli/term.h"
#include "model/job_json.h"

static int add_row(crq_value *rows, const crq_trigger *t)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", crq_trigger_id(t), &rc);
    crq_dict_put_text(v, "stream", crq_trigger_stream(t), &rc);
    if (rc == 0)
        crq_dict_put(v, "match", crq_value_ref(crq_trigger_match(t)), &rc);
    crq_dict_put_text(v, "queue", crq_trigger_queue(t), &rc);
    crq_dict_put_text(v, "func", crq_trigger_func(t), &rc);
    crq_dict_put_number(v, "lag", crq_trigger_lag(t), &rc);
    crq_dict_put_text(v, "source", crq_trigger_source(t), &rc);
    if (rc == 0)
        return crq_value_add(rows, v);
    crq_value_free(v);
    return rc;
}

static void print_row(const crq_trigger *t)
{
    const crq_value *match = crq_trigger_match(t);

    term_text(TERM_BOLD, crq_trigger_id(t), 0, 20);
    printf("  on ");
    term_text(TERM_CYAN, crq_trigger_stream(t), 0, 0);
    for (size_t i = 0; i < crq_value_count(match); i++) {
        printf("  ");
        term_text(TERM_PLAIN, crq_value_text(crq_value_key(match, i)), 0, 0);
        printf("=");
        term_text(TERM_PLAIN, crq_value_text(crq_value_item(match, i)), 0, 0);
    }
    if (crq_trigger_lag(t) != CRQ_UNSET)
        printf("  lag %lld", (long long)crq_trigger_lag(t));
    printf("  ");
    term_text(TERM_PLAIN, crq_trigger_func(t), 60, 0);
    printf("\n");
}

int triggers_show(const struct cli *cli, crq_value *rows, crq_error *err)
{
    crq_trigger **list = NULL;
    size_t count = 0;
    int rc = crq_trigger_list(cli->conn, &list, &count, err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (rows == NULL)
            print_row(list[i]);
        else if (add_row(rows, list[i]) < 0)
            rc = crq_fail_nomem(err);
    }
    crq_triggers_free(list, count);
    return rc;
}
