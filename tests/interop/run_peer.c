/*
 * run_peer.c - one step of a run for tests in Python: what a worker of crq
 * does in Redis, without running anything.
 *
 *     run_peer URL claim QUEUE WORKER waiting|begun  prints "ID EXECUTION", or
 *                                                    nothing
 *     run_peer URL begin QUEUE ID EXECUTION          prints the state's number
 *     run_peer URL beat QUEUE ID EXECUTION
 *     run_peer URL back QUEUE ID EXECUTION
 *     run_peer URL finish QUEUE ID EXECUTION WORKER success|retry HEX MAX S,S
 *     run_peer URL finish QUEUE ID EXECUTION WORKER failure|stopped TEXT
 *     run_peer URL birth WORKER QUEUE
 *     run_peer URL update WORKER STATE ID            "-": no id
 *     run_peer URL death WORKER QUEUE
 *     run_peer URL clean                             all of maintenance
 *
 * HEX is a serialized value, "-" is None.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/janitor.h"
#include "model/record.h"
#include "model/run.h"
#include "redis/conn.h"
#include "redis/scripts.h"

#define STEM "peer"
/* A birth that every call of this program knows. */
#define BIRTH_US (INT64_C(1790000000) * 1000000)

struct peer {
    crq_conn *conn;
    int64_t now_us;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
};

static int call(struct peer *peer, const struct crq_script *script,
        size_t nkeys)
{
    return crq_script_call(peer->conn, script, nkeys, &peer->args, &peer->reply,
            &peer->err);
}

/* `run` may be of the last reply. */
static int begin(struct peer *peer, const struct crq_runref *run)
{
    size_t nkeys = crq_begin_start(&peer->args, 30, peer->now_us);

    crq_begin_add(&peer->args, STEM, run, "w", CRQ_MARK_BEGUN);
    crq_reply_free(peer->reply);
    peer->reply = NULL;
    return call(peer, &crq_script_begin, nkeys);
}

static int do_claim(struct peer *peer, char **argv)
{
    const char *queues[] = { argv[0] };
    char execution[CRQ_EXECUTION_ID_LEN + 1];
    struct crq_claim_slot slot = { execution, argv[1] };
    struct crq_claim claim = { STEM, queues, 1, &slot, 1, 10, 30,
        peer->now_us };
    struct crq_claimed_job job;
    struct crq_claimed claimed;
    int rc;

    crq_execution_id(execution);
    rc = call(peer, &crq_script_claim, crq_claim_words(&claim, &peer->args));
    if (rc == 0)
        rc = crq_claim_read(peer->reply, &claimed, &peer->err);
    if (rc < 0 || claimed.count == 0)
        return rc;
    rc = crq_claim_job(&claimed, 0, &job, &peer->err);
    if (rc == 0)
        printf("%s %s\n", job.run.id, job.run.execution);
    if (rc == 0 && strcmp(argv[2], "begun") == 0)
        rc = begin(peer, &job.run);
    return rc;
}

static int print_state(struct peer *peer, int rc)
{
    if (rc == 0)
        rc = crq_runs_read(peer->reply, 1, &peer->err);
    if (rc == 0)
        printf("%d\n", (int)crq_runs_state(peer->reply, 0));
    return rc;
}

static int do_begin(struct peer *peer, char **argv)
{
    struct crq_runref run = { argv[0], argv[1], argv[2] };

    return print_state(peer, begin(peer, &run));
}

static int do_beat(struct peer *peer, char **argv)
{
    struct crq_runref run = { argv[0], argv[1], argv[2] };
    size_t nkeys = crq_heartbeat_start(&peer->args, peer->now_us);

    crq_heartbeat_add(&peer->args, STEM, &run, 90);
    return print_state(peer, call(peer, &crq_script_heartbeat, nkeys));
}

static int do_back(struct peer *peer, char **argv)
{
    struct crq_runref run = { argv[0], argv[1], argv[2] };
    size_t nkeys = crq_hand_back_start(&peer->args);

    crq_hand_back_add(&peer->args, STEM, &run);
    return print_state(peer, call(peer, &crq_script_hand_back, nkeys));
}

static size_t from_hex(const char *hex, char *out)
{
    size_t len = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[len++] = (char)byte;
    return len;
}

static int do_finish(struct peer *peer, char **argv)
{
    static const char *const endings[] = { "success", "failure", "retry",
        "stopped" };
    struct crq_finish finish = { .run = { argv[0], argv[1], argv[2] },
        .stem = STEM,
        .worker = argv[3],
        .ended_us = peer->now_us };
    char *value = malloc(strlen(argv[5]) + 1), *at;
    int64_t intervals[8];
    size_t nkeys;
    int rc;

    while (strcmp(endings[finish.ending], argv[4]) != 0)
        finish.ending++;
    if (finish.ending == CRQ_ENDING_FAILURE ||
            finish.ending == CRQ_ENDING_STOPPED) {
        finish.error = argv[5];
        finish.error_len = strlen(argv[5]);
    } else if (strcmp(argv[5], "-") != 0) {
        finish.value_len = from_hex(argv[5], value);
        finish.value = value;
    }
    if (finish.ending == CRQ_ENDING_RETRY) {
        finish.retry_max = atoll(argv[6]);
        for (at = argv[7]; *at != '\0' && finish.retry_intervals < 8;
                at += *at == ',')
            intervals[finish.retry_intervals++] = strtoll(at, &at, 10);
        finish.retry_intervals_s = intervals;
    }
    nkeys = crq_finish_start(&peer->args, CRQ_DEFAULT_RESULT_TTL_S,
            peer->now_us);
    rc = crq_finish_add(&peer->args, &finish, &peer->err);
    if (rc == 0)
        rc = call(peer, &crq_script_finish, nkeys);
    if (rc == 0)
        rc = crq_finish_read(peer->reply, 1, &peer->err);
    if (rc == 0)
        printf("%d\n", (int)crq_finish_state(peer->reply, 0, NULL));
    free(value);
    return rc;
}

static struct crq_record record_of(const char *name, const char **queue)
{
    return (struct crq_record){ name, BIRTH_US, queue, 1, getpid(), "host",
        "127.0.0.1", "0.1.0", "C11" };
}

static int do_birth(struct peer *peer, char **argv)
{
    const char *queue = argv[1];
    struct crq_record record = record_of(argv[0], &queue);

    return call(peer, &crq_script_worker_birth,
            crq_birth_words(&record, 480, NULL, peer->now_us, &peer->args));
}

static int do_update(struct peer *peer, char **argv)
{
    struct crq_record_update update = { argv[0], BIRTH_US, argv[1],
        strcmp(argv[2], "-") != 0 ? argv[2] : NULL, 0.5, 2, 1, 3.25, CRQ_UNSET,
        90 };
    size_t nkeys = crq_update_start(&peer->args, peer->now_us);

    crq_update_add(&peer->args, &update);
    return call(peer, &crq_script_worker_update, nkeys);
}

static int do_death(struct peer *peer, char **argv)
{
    const char *queue = argv[1];
    struct crq_record record = record_of(argv[0], &queue);

    return call(peer, &crq_script_worker_death,
            crq_death_words(&record, peer->now_us, &peer->args));
}

static int do_clean(struct peer *peer, char **argv)
{
    struct crq_swept swept;

    (void)argv;
    return crq_janitor_run(peer->conn, &swept, &peer->err);
}

static const struct {
    const char *name;
    int args;
    int (*run)(struct peer *peer, char **argv);
} steps[] = {
    { "claim", 3, do_claim },
    { "begin", 3, do_begin },
    { "beat", 3, do_beat },
    { "back", 3, do_back },
    { "finish", 6, do_finish },
    { "birth", 2, do_birth },
    { "update", 3, do_update },
    { "death", 2, do_death },
    { "clean", 0, do_clean },
};

int main(int argc, char **argv)
{
    struct peer peer = { .conn = NULL };
    int rc = CRQ_EINVAL;

    for (size_t i = 0; argc > 2 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(argv[2], steps[i].name) != 0 || argc - 3 < steps[i].args)
            continue;
        crq_args_init(&peer.args);
        peer.now_us = crq_clock_wall_us(&crq_clock_system);
        rc = crq_conn_open(argv[1], NULL, &peer.conn, &peer.err);
        if (rc == 0)
            rc = steps[i].run(&peer, argv + 3);
        if (rc < 0)
            fprintf(stderr, "run_peer: %s\n", peer.err.text);
        crq_reply_free(peer.reply);
        crq_args_fini(&peer.args);
        crq_conn_free(peer.conn);
        return rc < 0;
    }
    fprintf(stderr, "usage: see the top of run_peer.c\n");
    return 64;
}
