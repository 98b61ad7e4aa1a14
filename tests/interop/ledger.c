/*
 * ledger.c - the module "ledger": tasks that count their own runs in Redis, so
 * that a test sees what was run twice, or not at all.
 */
#include <crq.h>

#include <time.h>

static void nap(double seconds)
{
    struct timespec ts = { (time_t)seconds,
        (long)((seconds - (double)(time_t)seconds) * 1e9) };

    nanosleep(&ts, NULL);
}

static int count(crq_task *task, const char *key, int64_t *out, crq_error *err)
{
    return crq_task_redis_int(task, out, err, "HINCRBY %s %s 1", key,
            crq_task_job_id(task));
}

/* ledger.run(seconds) -> how often it has been begun */
static int run(crq_task *task, crq_error *err)
{
    double seconds = crq_task_float(task, "seconds");
    int64_t begun, ended;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = count(task, "ledger:begun", &begun, err);
    if (rc < 0)
        return rc;
    nap(seconds);
    rc = count(task, "ledger:ended", &ended, err);
    return rc < 0 ? rc : crq_task_return_int(task, begun);
}

/* ledger.hang_once(): hangs when it runs for the first time */
static int hang_once(crq_task *task, crq_error *err)
{
    int64_t begun;
    int rc = count(task, "ledger:begun", &begun, err);

    if (rc < 0)
        return rc;
    if (begun == 1)
        nap(600);
    return crq_task_return_int(task, begun);
}

CRQ_MODULE("ledger", CRQ_TASK("ledger.run", run, "seconds"),
        CRQ_TASK("ledger.hang_once", hang_once, ""),
        CRQ_TASK("ledger.resume", hang_once, "", .resumable = true))
