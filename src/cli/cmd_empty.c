/* cmd_empty.c - crq empty: queues without what waits in them. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/show.h"

struct options {
    struct cli *cli;
    bool all, dry_run, forget;
    char **queues; /* of argv */
    size_t count;
};

static const struct argp_option option_table[] = {
    { "all", 'a', NULL, 0, "All queues", 1 },
    { "dry-run", 'n', NULL, 0, "Only say how many jobs would go", 1 },
    { "delete", 'd', NULL, 0, "Then forget the queue itself, too", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'a': o->all = true; return 0;
    case 'n': o->dry_run = true; return 0;
    case 'd': o->forget = true; return 0;
    case ARGP_KEY_ARGS:
        o->queues = state->argv + state->next;
        o->count = (size_t)(state->argc - state->next);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int put_json(crq_value *list, const char *queue, int64_t removed)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "queue", queue, &rc);
    crq_dict_put_number(v, "removed", removed, &rc);
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    return crq_value_add(list, v);
}

static int empty_one(const struct options *o, const char *name, crq_value *list,
        crq_error *err)
{
    crq_queue *queue = NULL;
    int64_t removed = 0;
    int rc = crq_queue_new(o->cli->conn, name, &queue, err);

    if (rc == 0 && o->dry_run)
        rc = crq_queue_count(queue, &removed, err);
    else if (rc == 0) {
        rc = crq_queue_empty(queue, &removed, err);
        if (rc == 0 && o->forget)
            rc = crq_queue_delete(queue, true, err);
    }
    crq_queue_free(queue);
    if (rc < 0)
        return rc;
    if (o->cli->json) {
        rc = put_json(list, name, removed);
        return rc < 0 ? crq_fail_nomem(err) : 0;
    }
    printf(o->dry_run ? "%lld jobs would be removed from %s queue\n"
                      : "%lld jobs removed from %s queue\n",
            (long long)removed, name);
    return 0;
}

static int empty(const struct options *o, crq_value *list, crq_error *err)
{
    char **names = o->queues;
    size_t count = o->count;
    int rc = 0;

    if (o->all)
        rc = crq_queue_names(o->cli->conn, &names, &count, err);
    if (rc == 0 && count == 0 && !o->cli->json)
        printf("Nothing to do\n");
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = empty_one(o, names[i], list, err);
    if (o->all && names != o->queues)
        crq_names_free(names, count);
    return rc;
}

int cmd_empty(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "QUEUE...\n--all",
        "Delete all jobs that wait in a queue. Its registries stay.", children,
        NULL, NULL };
    struct options o = { .cli = cli };
    crq_value *list;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    list = crq_value_new_list();
    rc = list != NULL ? empty(&o, list, &err) : crq_fail_nomem(&err);
    if (rc == 0 && cli->json)
        rc = show_json(list, &err);
    crq_value_free(list);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
