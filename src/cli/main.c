/*
 * main.c - crq: finds the verb and runs it.
 *
 * Every verb has a parser of its own and takes -u and --json on either side of
 * its name.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "model/foreign.h"
#include "redis/conn.h"

/* In the order of the help: what most people need first. */
static const struct cli_verb verbs[] = {
    { "enqueue", "put a call on a queue", cmd_enqueue, false },
    { "result", "what a job returned, or why it failed", cmd_result, true },
    { "show", "all about one job", cmd_show, true },
    { "log", "the lines that a job has logged", cmd_log, true },
    { "list", "the jobs of a queue", cmd_list, true },
    { "info", "queues and workers at a glance", cmd_info, true },
    { "top", "queues, workers and failures, live", cmd_top, true },
    { "app", "check the app.json of an application", cmd_app, false },
    { "workers", "the workers, and what they do", cmd_workers, true },
    { "position", "how many jobs are ahead of one", cmd_position, true },
    { "cancel", "jobs that shall not run", cmd_cancel, false },
    { "requeue", "failed jobs once more", cmd_requeue, false },
    { "stop", "jobs that run", cmd_stop, false },
    { "move", "waiting jobs to another queue", cmd_move, false },
    { "delete", "jobs that are to be forgotten", cmd_delete, false },
    { "empty", "delete all that waits in a queue", cmd_empty, false },
    { "doctor", "what is wrong with Redis, workers and jobs", cmd_doctor,
            false },
    { "bench", "what enqueueing and running jobs cost", cmd_bench, false },
    { "suspend", "let no worker take a job", cmd_suspend, false },
    { "resume", "let workers take jobs again", cmd_resume, false },
    { "shutdown", "end workers when their jobs have", cmd_shutdown, false },
    { "kill-horse", "kill the job that a worker runs", cmd_kill_horse, false },
    { "schedule", "run a call again and again", cmd_schedule, false },
    { "schedules", "what runs again and again, and when", cmd_schedules, true },
    { "unschedule", "remove schedules", cmd_unschedule, false },
    { "worker", "run jobs in C tasks: crq-worker", cmd_worker, false },
    { "cron", "run the schedules of a file: crq-scheduler --cron", cmd_cron,
            false },
    { "scheduler", "enqueue jobs at their time: crq-scheduler", cmd_scheduler,
            false },
    { "web", "answer HTTP, with a dashboard: crq-web", cmd_web, false },
    { "up", "a Redis and a worker of your own, until Ctrl-C", cmd_up, false },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* What --help prints. */
#define HELP (ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC)

struct start {
    struct cli *cli;
    int verb_at; /* in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct start *start = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = start->cli; return 0;
    case ARGP_KEY_ARG:
        /* All from here on is the verb's. */
        start->verb_at = state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        /* Who types crq and no more wants to know what there is. */
        argp_state_help(state, stderr, HELP | ARGP_HELP_EXIT_ERR);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static char *list_verbs(int key, const char *text, void *input)
{
    char *all = NULL;
    size_t len = 0;
    FILE *out;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)(uintptr_t)text;
    out = open_memstream(&all, &len);
    if (out == NULL)
        return NULL;
    fprintf(out, "Verbs:\n");
    for (size_t i = 0; i < VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(out, "\n'crq VERB --help' explains one; crq(1) all of them.");
    fclose(out);
    return all;
}

static int run_verb(struct cli *cli, int argc, char **argv)
{
    char name[64];

    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, argv[0]) == 0) {
            snprintf(name, sizeof(name), "crq %s", verbs[i].name);
            argv[0] = name; /* what usage messages begin with */
            cli->looks = verbs[i].looks;
            return verbs[i].run(cli, argc, argv);
        }
    fprintf(stderr, "crq: there is no verb '%s'; 'crq --help' lists them\n",
            argv[0]);
    return CLI_USAGE;
}

/* What was looked past is missing in what was printed. */
static void tell_foreign(struct cli *cli)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count = 0;
    crq_error why;

    if (cli->conn == NULL || !cli->looks ||
            crq_conn_passed_types(cli->conn) == 0 ||
            crq_foreign_find(cli->conn, NULL, found, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        (void)crq_fail(&why, CRQ_EREDIS,
                "'%s' is a %s, where a %s is kept: see crq doctor",
                found[i].key, found[i].is, found[i].want);
        fprintf(stderr, "crq: %s\n", why.text);
    }
    if (count == 0)
        fprintf(stderr,
                "crq: a key of the job holds another type of value: see crq "
                "doctor\n");
}

/* Whether standard output is a pipe to a program that has seen enough, such
 * as head: that is nothing to complain of. */
static bool reader_has_left(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int main(int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, parse, "VERB [ARG...]",
        "Background jobs on Redis, in the protocol of Python RQ.\v", children,
        list_verbs, NULL };
    struct cli cli = { 0 };
    struct start start = { &cli, 0 };
    char version[64];
    int rc;

    snprintf(version, sizeof(version), "crq %s", crq_version());
    argp_program_version = version;
    argp_err_exit_status = CLI_USAGE;
    /* A link that breaks while we write is an error, not our end. */
    signal(SIGPIPE, SIG_IGN);

    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &start);
    rc = run_verb(&cli, argc - start.verb_at, argv + start.verb_at);
    tell_foreign(&cli);
    crq_conn_free(cli.conn);
    /* A full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && rc == CLI_DONE) {
        if (!reader_has_left())
            fprintf(stderr, "crq: the output could not be written: %s\n",
                    strerror(errno));
        rc = CLI_FAILED;
    }
    return rc;
}
