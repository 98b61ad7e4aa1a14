/*
 * bench_enqueue.c - one job at a time, against a bare round trip.
 *
 * Between PING and an enqueue stand others that show where the time goes:
 *   echo         PING with as many bytes as the script's arguments have
 *   nothing      a script of one line that gets the same words as enqueue.lua
 *   transaction  the commands that RQ would send for it, in one write
 *
 * An enqueue shall take at most 1.3 times a bare round trip, and does on a link
 * with the delay of a network, even one of 50 us each way. Within one machine
 * it can't: a round trip is 12 us by a Unix socket and 18 by TCP, redis-server
 * takes 2 to 3 more for a script that does nothing and 6 for what RQ sends, so
 * that 1.3 times a PING is less than those commands alone. What stands there
 * is 1.6 times by TCP, 1.9 by a Unix socket; the limits are that, with room for
 * a busy machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench.h"
#include "job.h"
#include "link.h"
#include "redis/conn.h"
#include "redis/script.h"

static const struct crq_script nothing = { "nothing", "return 1",
    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" };

#define NOTHING_KEYS 3

struct side {
    crq_conn *conn;
    crq_queue *queue;
    struct job job;
    struct crq_args nothing; /* keys and arguments as those of enqueue.lua */
    struct crq_args echo;
};

static int run_ping(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++)
        rc = crq_conn_run(side->conn, NULL, err, "PING", NULL);
    return rc;
}

static int run_echo(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++)
        rc = crq_conn_command(side->conn, &side->echo, NULL, err);
    return rc;
}

static int run_nothing(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++)
        rc = crq_script_call(side->conn, &nothing, NOTHING_KEYS, &side->nothing,
                NULL, err);
    return rc;
}

static int append_transaction(struct side *side, struct crq_args words[],
        crq_error *err)
{
    int rc = crq_conn_append(side->conn, &words[JOB_COMMANDS], err);

    job_commands(&side->job, words);
    for (int i = 0; i < JOB_COMMANDS && rc == 0; i++)
        rc = crq_conn_append(side->conn, &words[i], err);
    return rc < 0 ? rc
                  : crq_conn_append(side->conn, &words[JOB_COMMANDS + 1], err);
}

static int run_transaction(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    struct crq_args words[JOB_COMMANDS + 2]; /* and MULTI, EXEC */
    int rc = 0;

    for (int i = 0; i < JOB_COMMANDS + 2; i++)
        crq_args_init(&words[i]);
    crq_args_puts(&words[JOB_COMMANDS], "MULTI");
    crq_args_puts(&words[JOB_COMMANDS + 1], "EXEC");
    for (long i = 0; i < count && rc == 0; i++) {
        rc = append_transaction(side, words, err);
        for (int k = 0; k < JOB_COMMANDS + 2 && rc == 0; k++) {
            crq_reply *reply = NULL;

            rc = crq_conn_next(side->conn, &reply, err);
            if (rc == 0 && crq_reply_kind(reply) == CRQ_REPLY_ERROR)
                rc = crq_conn_reply_error(reply, err);
            crq_reply_free(reply);
        }
    }
    for (int i = 0; i < JOB_COMMANDS + 2; i++)
        crq_args_fini(&words[i]);
    return rc;
}

static int run_enqueue(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++)
        rc = crq_queue_enqueue(side->queue, &side->job.call, NULL, err);
    return rc;
}

static int reset(void *arg, crq_error *err)
{
    struct side *side = arg;

    return crq_conn_run(side->conn, NULL, err, "FLUSHALL", NULL);
}

static void side_init(struct side *side, const char *url)
{
    /* Of most jobs the script is sent this; the rest it knows. */
    static const char *const sent[] = { "created_at", "data", "origin",
        "description", "timeout" };
    crq_error err = { 0, "" };
    char key[JOB_KEY_LEN + 1];

    bench_must(crq_conn_open(url, NULL, &side->conn, &err), &err);
    bench_must(crq_queue_new(side->conn, JOB_QUEUE, &side->queue, &err), &err);
    bench_must(job_init(&side->job, side->conn, &err), &err);
    job_new_key(key);
    crq_args_init(&side->nothing);
    crq_args_list(&side->nothing, "rq:queues", JOB_QUEUE_KEY, key, key + 7,
            "RPUSH", "", "0", NULL);
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        size_t len;
        const char *word = job_field(&side->job, sent[i], &len);

        crq_args_put(&side->nothing, word, len);
    }
    crq_args_init(&side->echo);
    crq_args_puts(&side->echo, "PING");
    crq_args_put(&side->echo, crq_buf_text(&side->nothing.bytes),
            side->nothing.bytes.len);
    bench_must(crq_args_check(&side->nothing, &err), &err);
    bench_must(crq_args_check(&side->echo, &err), &err);
}

static void side_fini(struct side *side)
{
    job_fini(&side->job);
    crq_args_fini(&side->nothing);
    crq_args_fini(&side->echo);
    crq_queue_free(side->queue);
    crq_conn_free(side->conn);
}

static int run_side(const char *name, const char *url, double most_pings)
{
    struct side side;
    const struct bench_subject subjects[] = {
        { "ping", run_ping, &side, { { NULL, 0 } } },
        { "echo", run_echo, &side, { { "ping", 0 } } },
        { "nothing", run_nothing, &side, { { "ping", 0 } } },
        { "transaction", run_transaction, &side, { { "ping", 0 } } },
        { "enqueue", run_enqueue, &side,
                { { "ping", most_pings }, { "nothing", 2 },
                        { "transaction", 1.5 } } },
    };
    const struct bench bench = { name, "round trips", subjects,
        sizeof(subjects) / sizeof(subjects[0]), 0.005, reset, &side };
    int failed;

    side_init(&side, url);
    failed = bench_run(&bench);
    side_fini(&side);
    return failed;
}

#define NETWORK_US 50

int main(void)
{
    struct link network;
    int failed = run_side("enqueue over TCP", bench_url("BENCH_TCP"), 2.1);

    failed += run_side("enqueue over a Unix socket", bench_url("BENCH_UNIX"),
            2.5);
    link_start(&network, bench_url("BENCH_UNIX"), NETWORK_US);
    failed += run_side("enqueue over a network", network.url, 1.3);
    link_stop(&network);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
