/* show.c - results and log lines as text, anything as JSON. */
#include "cli/show.h"

#include <string.h>

#include "base/error.h"
#include "cli/term.h"
#include "codec/json.h"
#include "model/result.h"

void show_line(const crq_lines *lines, size_t i)
{
    int64_t us = crq_lines_time_us(lines, i);

    if (us != CRQ_UNSET) {
        term_time(us);
        printf(".%03d", (int)((us % 1000000 + 1000000) % 1000000 / 1000));
    } else
        fputs("?", stdout);
    printf("  ");
    term_text(TERM_PLAIN, crq_lines_text(lines, i), 0, 0);
    putchar('\n');
}

int show_json(const crq_value *v, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc = crq_json_encode(v, CRQ_JSON_SHOW, &text, err);

    if (rc == 0)
        printf("%s\n", crq_buf_text(&text));
    crq_buf_fini(&text);
    return rc;
}

/* ---- outcomes ---- */

static int print_return(const crq_value *v, crq_error *err)
{
    char *text = NULL;
    size_t len;
    int rc;

    if (crq_value_type(v) == CRQ_STR) {
        const char *str = crq_value_data(v, &len);

        if (term_is_tty())
            term_block(TERM_PLAIN, str, len, "");
        else {
            fwrite(str, 1, len, stdout);
            putchar('\n');
        }
        return 0;
    }
    rc = crq_value_repr(v, &text, &len, err);
    if (rc == 0) /* repr has no control characters */
        printf("%s\n", text);
    crq_text_free(text);
    return rc;
}

static void print_error(const crq_result *result)
{
    const char *text = crq_result_exc_string(result);

    if (text == NULL)
        text = "the job failed and left no error text";
    if (term_is_tty())
        term_block(TERM_PLAIN, text, strlen(text), "");
    else
        printf("%s%s", text,
                text[0] != '\0' && text[strlen(text) - 1] == '\n' ? "" : "\n");
}

int show_outcome(const struct cli *cli, crq_job *job, const crq_result *result)
{
    bool good = crq_result_type_of(result) == CRQ_RESULT_SUCCESSFUL;
    crq_value *v = NULL;
    crq_error err;
    int rc = 0;

    if (cli->json) {
        rc = crq_job_to_value(job, result, &v, &err);
        if (rc == 0)
            rc = show_json(v, &err);
        crq_value_free(v);
    } else if (good && crq_result_problem(result) == NULL)
        rc = print_return(crq_result_return_value(result), &err);
    else if (!good)
        print_error(result);
    if (rc < 0)
        return cli_error(&err);
    if (good && crq_result_problem(result) != NULL) {
        crq_fail(&err, CRQ_ECODEC, "job '%.80s' succeeded, but its %s",
                crq_job_id(job), crq_result_problem(result));
        return cli_error(&err);
    }
    return good ? CLI_DONE : CLI_FAILED;
}
