/*
 * cmd_bench.c - crq bench: what a round trip, an enqueue and a job cost, with
 * one's own Redis.
 *
 * All jobs are in a queue of this process's own, which is deleted at the end,
 * also after Ctrl-C: signals are blocked, and looked for between steps.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/process.h"
#include "cli/show.h"
#include "cli/term.h"
#include "model/job_json.h"
#include "model/keys.h"
#include "redis/conn.h"

#define JOBS_MAX 10000000
/* So many fewer are done one by one. */
#define ONE_BY_ONE 10
#define PAUSE_MS   2
/* How long a worker may do nothing. */
#define PATIENCE_US INT64_C(30000000)

struct bench {
    struct cli *cli;
    int64_t jobs;
    bool worker;
    const char *module; /* that has demo.noop */
    char name[40];
    crq_queue *queue;
    struct process process;
    crq_value *rows; /* with --json */
    int64_t left;    /* to be enqueued */
};

/* ---- signals, between steps ---- */

static void watched(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static bool is_interrupted(void)
{
    sigset_t set;

    return sigpending(&set) == 0 &&
            (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
                    sigismember(&set, SIGHUP));
}

static int look_for_signals(crq_error *err)
{
    return is_interrupted() ? crq_fail(err, CRQ_ESTATE, "interrupted") : 0;
}

static int64_t now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

/* ---- rows ---- */

static int tell(struct bench *b, const char *what, int64_t count,
        int64_t took_us, crq_error *err)
{
    double us = (double)(took_us > 0 ? took_us : 1) / (double)count;
    crq_value *v;
    int rc = 0;

    if (b->rows == NULL) {
        printf("%-14s %9lld  %10.1f us each  %9.0f a second\n", what,
                (long long)count, us, 1e6 / us);
        fflush(stdout);
        return 0;
    }
    v = crq_value_new_dict();
    if (v == NULL)
        return crq_fail_nomem(err);
    crq_dict_put_text(v, "what", what, &rc);
    crq_dict_put_number(v, "count", count, &rc);
    crq_dict_put(v, "us", crq_value_new_float(us), &rc);
    crq_dict_put(v, "per_second", crq_value_new_float(1e6 / us), &rc);
    if (rc == 0)
        rc = crq_value_add(b->rows, v);
    else
        crq_value_free(v);
    return rc < 0 ? crq_fail_nomem(err) : 0;
}

/* ---- what is measured ---- */

/* A job that does nothing, and leaves nothing behind when it has run. */
static crq_call job_of(void)
{
    crq_call call = CRQ_CALL_INIT;

    call.func = "demo.noop";
    call.result_ttl_s = 0;
    return call;
}

static int64_t one_by_one(const struct bench *b)
{
    return (b->jobs + ONE_BY_ONE - 1) / ONE_BY_ONE;
}

static int measure_ping(struct bench *b, crq_error *err)
{
    int64_t count = one_by_one(b), begin_us = now_us();
    int rc = 0;

    for (int64_t i = 0; rc == 0 && i < count; i++) {
        rc = look_for_signals(err);
        if (rc == 0)
            rc = crq_conn_run(b->cli->conn, NULL, err, "PING", NULL);
    }
    return rc < 0 ? rc : tell(b, "round trip", count, now_us() - begin_us, err);
}

static int measure_one(struct bench *b, crq_error *err)
{
    int64_t count = one_by_one(b), begin_us = now_us();
    crq_call call = job_of();
    int rc = 0;

    for (int64_t i = 0; rc == 0 && i < count; i++) {
        rc = look_for_signals(err);
        if (rc == 0)
            rc = crq_queue_enqueue(b->queue, &call, NULL, err);
    }
    return rc < 0 ? rc : tell(b, "enqueue", count, now_us() - begin_us, err);
}

static int next_call(void *arg, crq_call *call, crq_error *err)
{
    struct bench *b = arg;

    if (b->left == 0)
        return 0;
    b->left--;
    *call = job_of();
    return is_interrupted() ? look_for_signals(err) : 1;
}

static int measure_many(struct bench *b, crq_error *err)
{
    int64_t begin_us = now_us();
    int rc;

    b->left = b->jobs;
    rc = crq_queue_enqueue_many(b->queue, next_call, NULL, b, NULL, err);
    return rc < 0 ? rc
                  : tell(b, "enqueue many", b->jobs, now_us() - begin_us, err);
}

/* ---- a worker ---- */

static void pause_a_little(void)
{
    const struct timespec pause = { 0, PAUSE_MS * 1000000L };

    nanosleep(&pause, NULL);
}

/* For the queue as it is, though it takes nothing until it is ready. */
static int start_worker(struct bench *b, crq_error *err)
{
    struct crq_buf path = CRQ_BUF_INIT, url = CRQ_BUF_INIT, env = CRQ_BUF_INIT;
    const char *where = cli_url(b->cli, &url);
    char notify[PROCESS_NOTIFY_SIZE];
    const char *variables[2] = { NULL, notify };
    const char *argv[] = { NULL, "--quiet", "--load", b->module, b->name,
        NULL };
    int rc = process_find("crq-worker", &path);

    crq_buf_printf(&env, "CRQ_URL=%s",
            where != NULL ? where : "redis://localhost:6379/0");
    if (rc == 0)
        rc = process_notify(&b->process, notify);
    if (rc == 0 && (path.rc < 0 || url.rc < 0 || env.rc < 0))
        rc = cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    argv[0] = crq_buf_text(&path);
    variables[0] = crq_buf_text(&env);
    if (rc == 0)
        rc = process_start(&b->process, argv, variables, SIGTERM, -1);
    crq_buf_fini(&path);
    crq_buf_fini(&url);
    crq_buf_fini(&env);
    return rc == 0 ? 0 : crq_fail(err, CRQ_ESTATE, "there is no worker");
}

/* Jobs that wait or run. */
static int count_left(struct bench *b, int64_t *out, crq_error *err)
{
    crq_reply *reply = NULL;
    char key[CRQ_KEY_MAX];
    int rc = crq_queue_count(b->queue, out, err);

    if (rc < 0 || *out > 0)
        return rc;
    crq_key(key, CRQ_KEY_STARTED, b->name);
    rc = crq_conn_run(b->cli->conn, &reply, err, "ZCARD", key, NULL);
    if (rc == 0)
        *out = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    return rc;
}

static int wait_for_worker(struct bench *b, crq_error *err)
{
    int64_t left = 0, seen = -1, seen_us = now_us();
    int rc;

    do {
        rc = look_for_signals(err);
        if (rc == 0)
            rc = count_left(b, &left, err);
        if (rc == 0 && left != seen) {
            seen = left;
            seen_us = now_us();
        }
        if (rc == 0 && left > 0 && !process_runs(&b->process))
            rc = crq_fail(err, CRQ_ESTATE, "the worker ended by itself");
        if (rc == 0 && now_us() - seen_us > PATIENCE_US)
            rc = crq_fail(err, CRQ_ESTATE,
                    "the worker takes no job; are workers suspended?");
        if (rc == 0 && left > 0)
            pause_a_little();
    } while (rc == 0 && left > 0);
    return rc;
}

/* From when it is ready on: with an empty queue, which is filled then. */
static int measure_worker(struct bench *b, crq_error *err)
{
    int64_t begin_us = now_us();
    int rc = crq_queue_empty(b->queue, NULL, err);

    if (rc == 0)
        rc = start_worker(b, err);
    while (rc == 0 && !b->process.ready) {
        rc = look_for_signals(err);
        if (rc == 0 && !process_runs(&b->process))
            rc = crq_fail(err, CRQ_ESTATE, "the worker ended by itself");
        if (rc == 0 && now_us() - begin_us > PATIENCE_US)
            rc = crq_fail(err, CRQ_ESTATE, "the worker does not get ready");
        pause_a_little();
        process_listen(&b->process);
    }
    begin_us = now_us();
    b->left = b->jobs;
    if (rc == 0)
        rc = crq_queue_enqueue_many(b->queue, next_call, NULL, b, NULL, err);
    if (rc == 0)
        rc = wait_for_worker(b, err);
    return rc < 0 ? rc : tell(b, "jobs run", b->jobs, now_us() - begin_us, err);
}

/* ---- the whole ---- */

static int measure(struct bench *b, crq_error *err)
{
    int rc = measure_ping(b, err);

    if (rc == 0)
        rc = measure_one(b, err);
    if (rc == 0)
        rc = measure_many(b, err);
    if (rc == 0 && b->worker)
        rc = measure_worker(b, err);
    return rc;
}

/* Whatever happened: the worker first, it may have jobs in hand. */
static int clean_up(struct bench *b, crq_error *err)
{
    int64_t end_us = now_us() + PATIENCE_US;
    char counted[CRQ_KEY_MAX];
    int rc;

    if (b->process.pid > 0)
        process_signal(&b->process, SIGTERM);
    while (b->process.pid > 0 && process_runs(&b->process)) {
        if (now_us() > end_us)
            process_signal(&b->process, SIGKILL);
        pause_a_little();
    }
    if (b->process.notify_fd >= 0)
        close(b->process.notify_fd);
    rc = crq_queue_delete(b->queue, true, err);
    if (rc < 0)
        return rc;
    crq_key(counted, CRQ_KEY_STATS, b->name);
    return crq_conn_run(b->cli->conn, NULL, err, "DEL", counted, NULL);
}

static int bench(struct bench *b, crq_error *err)
{
    crq_error why;
    int rc, cleaned;

    snprintf(b->name, sizeof(b->name), "crq:bench-%ld", (long)getpid());
    rc = crq_queue_new(b->cli->conn, b->name, &b->queue, err);
    if (rc < 0)
        return rc;
    rc = measure(b, err);
    cleaned = clean_up(b, rc == 0 ? err : &why);
    crq_queue_free(b->queue);
    if (rc == 0 && cleaned == 0 && b->rows != NULL)
        rc = show_json(b->rows, err);
    return rc < 0 ? rc : cleaned;
}

enum { OPT_WORKER = 256 };

static const struct argp_option option_table[] = {
    { "jobs", 'n', "N", 0,
            "How many jobs are many (default: 10000); one by one it is a tenth",
            1 },
    { "worker", OPT_WORKER, NULL, 0, "Start a crq-worker for as many jobs, too",
            1 },
    { "load", 'l', "MODULE", 0,
            "Where that finds the task demo.noop (default: demo)", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bench *b = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = b->cli; return 0;
    case 'n':
        b->jobs = cli_number(state, "jobs", arg, 1);
        if (b->jobs > JOBS_MAX)
            argp_error(state, "--jobs: up to %d", JOBS_MAX);
        return 0;
    case 'l': b->module = arg; return 0;
    case OPT_WORKER: b->worker = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cmd_bench(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, NULL,
        "Measure what a round trip to Redis, an enqueue and a job cost, in a "
        "queue of its own, which is deleted afterwards.",
        children, NULL, NULL };
    struct bench b = { .cli = cli, .jobs = 10000, .module = "demo" };
    sigset_t set;
    crq_error err;
    int rc;

    b.process = (struct process){ .name = "crq-worker", .notify_fd = -1 };
    argp_parse(&argp, argc, argv, 0, NULL, &b);
    watched(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    if (cli->json)
        b.rows = crq_value_new_list();
    rc = cli->json && b.rows == NULL ? crq_fail_nomem(&err) : bench(&b, &err);
    crq_value_free(b.rows);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
