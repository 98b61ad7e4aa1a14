/* cmd_workers.c - crq workers: who works, and at what. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/term.h"
#include "redis/conn.h"

struct options {
    struct cli *cli;
    const char *queue;
};

static const struct argp_option option_table[] = {
    { "queue", 'q', "NAME", 0, "Only those that listen to this queue", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'q': o->queue = arg; return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one word too many; name a queue with -q",
                arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Whether a comma list has the word. */
static bool listens_to(const crq_worker *worker, const char *queue)
{
    const char *at = crq_worker_queues(worker);
    size_t len;

    if (queue == NULL)
        return true;
    for (len = strlen(queue); at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, queue, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static void print_row(const crq_worker *w, int width, int64_t now_us)
{
    int64_t heartbeat = crq_worker_last_heartbeat_us(w);

    term_text(TERM_PLAIN, crq_worker_name(w), (size_t)width, (size_t)width);
    printf("  ");
    term_text(strcmp(crq_worker_state(w), "busy") == 0 ? TERM_YELLOW
                                                       : TERM_PLAIN,
            crq_worker_state(w), 0, 9);
    printf("  %8lld %8lld  ", (long long)crq_worker_successful_job_count(w),
            (long long)crq_worker_failed_job_count(w));
    /* Whole seconds align. */
    if (heartbeat == CRQ_UNSET)
        printf("%8s", "-");
    else
        printf("%7llds",
                (long long)(now_us > heartbeat ? (now_us - heartbeat) / 1000000
                                               : 0));
    printf("  ");
    term_text(TERM_PLAIN, crq_worker_queues(w), 0, 0);
    if (crq_worker_current_job(w)[0] != '\0') {
        printf("  ");
        term_text(TERM_DIM, crq_worker_current_job(w), 0, 0);
    }
    putchar('\n');
}

static void print_table(const struct options *o, const crq_worker *workers,
        size_t count)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(o->cli->conn));
    int width = 6;

    for (size_t i = 0; i < count; i++) {
        const char *name = crq_worker_name(crq_workers_at(workers, i));
        int columns = (int)term_columns(name);

        width = columns > width ? columns : width;
    }
    width = width > 50 ? 50 : width;
    /* On a terminal only: other programs count lines. */
    if (term_is_tty())
        term_printf(TERM_BOLD, "%-*s  %-9s  %8s %8s  %8s  %s\n", width,
                "WORKER", "STATE", "FINISHED", "FAILED", "SEEN", "QUEUES, JOB");
    for (size_t i = 0; i < count; i++)
        if (listens_to(crq_workers_at(workers, i), o->queue))
            print_row(crq_workers_at(workers, i), width, now_us);
}

static int print_json(const struct options *o, const crq_worker *workers,
        size_t count, crq_error *err)
{
    crq_value *all = crq_value_new_list();
    int rc = all != NULL ? 0 : crq_fail_nomem(err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_value *v = NULL;

        if (!listens_to(crq_workers_at(workers, i), o->queue))
            continue;
        rc = crq_worker_to_value(crq_workers_at(workers, i), &v, err);
        if (rc == 0 && crq_value_add(all, v) < 0)
            rc = crq_fail_nomem(err);
    }
    if (rc == 0)
        rc = show_json(all, err);
    crq_value_free(all);
    return rc;
}

int cmd_workers(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "List the workers, RQ's and crq's.", children, NULL, NULL };
    struct options o = { cli, NULL };
    crq_worker *workers = NULL;
    size_t count = 0;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_workers_fetch(cli->conn, &workers, &count, &err);
    if (rc == 0) {
        if (cli->json)
            rc = print_json(&o, workers, count, &err);
        else
            print_table(&o, workers, count);
    }
    crq_workers_free(workers, count);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
