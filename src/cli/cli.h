/*
 * cli.h - what the verbs of crq share: options, exit codes, output.
 */
#ifndef CRQ_CLI_CLI_H
#define CRQ_CLI_CLI_H

#include <argp.h>
#include <crq.h>
#include <stdio.h>

#include "base/buf.h"

/* Exit codes, of crq(1); the numbers are those of sysexits.h. */
enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,       /* the job failed, or nothing was found */
    CLI_USAGE = 64,       /* wrong arguments */
    CLI_UNAVAILABLE = 69, /* Redis can't be reached or refuses */
    CLI_BUG = 70          /* our fault: out of memory, a broken promise */
};

/** What the options that every verb takes have set. */
struct cli {
    const char *url; /* NULL: from the environment */
    bool json;
    crq_conn *conn; /* see cli_connect() */
    bool looks;     /* the verb only looks: see crq_conn_look_past_types() */
};

/** One verb. `run` gets its own name as argv[0]; returns the exit code. */
struct cli_verb {
    const char *name, *summary;
    int (*run)(struct cli *cli, int argc, char **argv);
    bool looks; /* it changes nothing */
};

int cmd_app(struct cli *cli, int argc, char **argv);
int cmd_bench(struct cli *cli, int argc, char **argv);
int cmd_cancel(struct cli *cli, int argc, char **argv);
int cmd_cron(struct cli *cli, int argc, char **argv);
int cmd_delete(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_empty(struct cli *cli, int argc, char **argv);
int cmd_enqueue(struct cli *cli, int argc, char **argv);
int cmd_info(struct cli *cli, int argc, char **argv);
int cmd_kill_horse(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_log(struct cli *cli, int argc, char **argv);
int cmd_move(struct cli *cli, int argc, char **argv);
int cmd_position(struct cli *cli, int argc, char **argv);
int cmd_requeue(struct cli *cli, int argc, char **argv);
int cmd_result(struct cli *cli, int argc, char **argv);
int cmd_resume(struct cli *cli, int argc, char **argv);
int cmd_schedule(struct cli *cli, int argc, char **argv);
int cmd_scheduler(struct cli *cli, int argc, char **argv);
int cmd_schedules(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_shutdown(struct cli *cli, int argc, char **argv);
int cmd_stop(struct cli *cli, int argc, char **argv);
int cmd_suspend(struct cli *cli, int argc, char **argv);
int cmd_top(struct cli *cli, int argc, char **argv);
int cmd_unschedule(struct cli *cli, int argc, char **argv);
int cmd_up(struct cli *cli, int argc, char **argv);
int cmd_web(struct cli *cli, int argc, char **argv);
int cmd_worker(struct cli *cli, int argc, char **argv);
int cmd_workers(struct cli *cli, int argc, char **argv);

/** -u and --json, for the parser of a verb: put it among its children and
 *  set state->child_inputs[0] to the struct cli at ARGP_KEY_INIT. */
extern const struct argp cli_common_argp;

/** For the parser of a verb that is about one job: what it does with the keys
 *  that it does not know. Takes the job's id, or prints and exits. */
error_t cli_one_job(int key, char *arg, const struct argp_state *state,
        const char **out_id);

/** For verbs with arguments of a function: a child that says how a negative
 *  number is written to who gives -1. */
extern const struct argp cli_negative_argp;

/** Where Redis is, as the options or the environment say; NULL: neither does.
 *  `space` is the caller's and may come to hold the text. */
const char *cli_url(const struct cli *cli, struct crq_buf *space);

/** Connect, where the options or the environment say. Returns 0, or prints
 *  why not and returns the exit code. */
int cli_connect(struct cli *cli);

/** Print "crq: <text>" on standard error and return the exit code that the
 *  failure means. */
int cli_error(const crq_error *err);

/** Seconds from an option's text: "90", "1h"; prints and exits when wrong. */
int64_t cli_seconds(const struct argp_state *state, const char *option,
        const char *text);
/** The same in microseconds, fractions kept. */
int64_t cli_duration_us(const struct argp_state *state, const char *option,
        const char *text);
/** The same for one of `least_s` seconds or more; when it may be endless, also
 *  -1 for no limit. */
int64_t cli_time_us(const struct argp_state *state, const char *option,
        const char *text, int64_t least_s, bool endless);
/** A whole number from `least` on. */
int64_t cli_number(const struct argp_state *state, const char *option,
        const char *text, int64_t least);

#endif
