/*
 * bench_enqueue_many.c - jobs by the thousand, against plain hiredis.
 *
 * The floor sends the same keys and fields through hiredis's own pipeline, as
 * three commands for each job and without crq's promises: no transaction, no
 * look at what is there, every job the same bytes but for its id. Memory must
 * not grow with the number of jobs.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bench.h"
#include "job.h"
#include "redis/conn.h"

#define BATCH 512 /* as crq_queue_enqueue_many() has it */
#define WORDS 64

struct side {
    crq_conn *conn;
    crq_queue *queue;
    redisContext *plain;
    struct job job;
    long left; /* jobs still to be given to crq */
};

static int next_call(void *arg, crq_call *call, crq_error *err)
{
    struct side *side = arg;

    (void)err;
    if (side->left == 0)
        return 0;
    side->left--;
    *call = side->job.call;
    return 1;
}

static int run_many(void *arg, long count, crq_error *err)
{
    struct side *side = arg;

    side->left = count;
    return crq_queue_enqueue_many(side->queue, next_call, NULL, side, NULL,
            err);
}

static int fail_plain(struct side *side, crq_error *err)
{
    return crq_fail(err, CRQ_EREDIS, "hiredis: %s", side->plain->errstr);
}

static int append_plain(struct side *side, const struct crq_args *args,
        crq_error *err)
{
    const char *words[WORDS];
    size_t lens[WORDS];

    for (size_t i = 0; i < args->count; i++)
        words[i] = crq_args_word(args, i, &lens[i]);
    return redisAppendCommandArgv(side->plain, (int)args->count, words, lens) ==
                    REDIS_OK
            ? 0
            : fail_plain(side, err);
}

static int read_plain(struct side *side, long replies, crq_error *err)
{
    int rc = 0;

    for (; replies > 0 && rc == 0; replies--) {
        void *reply = NULL;

        if (redisGetReply(side->plain, &reply) != REDIS_OK)
            return fail_plain(side, err);
        if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
            rc = crq_fail(err, CRQ_EREDIS, "%s", ((redisReply *)reply)->str);
        freeReplyObject(reply);
    }
    return rc;
}

static int run_floor(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    struct crq_args words[JOB_COMMANDS];
    int rc = 0;

    for (int i = 0; i < JOB_COMMANDS; i++)
        crq_args_init(&words[i]);
    while (count > 0 && rc == 0) {
        long batch = count < BATCH ? count : BATCH;

        for (long n = 0; n < batch && rc == 0; n++) {
            job_commands(&side->job, words);
            for (int i = 0; i < JOB_COMMANDS && rc == 0; i++)
                rc = append_plain(side, &words[i], err);
        }
        if (rc == 0)
            rc = read_plain(side, batch * JOB_COMMANDS, err);
        count -= batch;
    }
    for (int i = 0; i < JOB_COMMANDS; i++)
        crq_args_fini(&words[i]);
    return rc;
}

static int reset(void *arg, crq_error *err)
{
    struct side *side = arg;

    return crq_conn_run(side->conn, NULL, err, "FLUSHALL", NULL);
}

static void side_init(struct side *side)
{
    const char *url = bench_url("BENCH_UNIX");
    crq_error err = { 0, "" };

    side->plain = redisConnectUnix(url + strlen("unix://"));
    if (side->plain == NULL || side->plain->err != 0)
        bench_must(crq_fail(&err, CRQ_ECONNECT, "hiredis: no link to %s", url),
                &err);
    bench_must(crq_conn_open(url, NULL, &side->conn, &err), &err);
    bench_must(crq_queue_new(side->conn, JOB_QUEUE, &side->queue, &err), &err);
    bench_must(job_init(&side->job, side->conn, &err), &err);
}

/* How far the peak goes up from a thousand jobs to very many. */
static int check_memory(struct side *side)
{
    long jobs = (long)bench_setting("BENCH_JOBS", 100000), before_kib;
    crq_error err = { 0, "" };

    bench_must(reset(side, &err), &err);
    bench_must(run_many(side, 1000, &err), &err);
    bench_peak_reset();
    before_kib = bench_peak_kib();
    bench_must(run_many(side, jobs, &err), &err);
    printf("%ld jobs in one call:\n", jobs);
    return bench_number("enqueue_many", "peak memory", "KiB",
            (double)(bench_peak_kib() - before_kib), 4096);
}

int main(void)
{
    struct side side = { .left = 0 };
    const struct bench_subject subjects[] = {
        { "floor", run_floor, &side, { { NULL, 0 } } },
        { "enqueue_many", run_many, &side, { { "floor", 2.5 } } },
    };
    const struct bench bench = { "enqueue_many", "jobs", subjects, 2, 0.05,
        reset, &side };
    int failed;

    side_init(&side);
    failed = bench_run(&bench);
    failed += check_memory(&side);
    job_fini(&side.job);
    crq_queue_free(side.queue);
    crq_conn_free(side.conn);
    redisFree(side.plain);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
