/*
 * api_apply.c - one operation on all jobs that a filter describes.
 *
 * A request may not take for ever, so the walk breaks off after a while and
 * says "complete": false. What has been operated on has left the filter, so
 * the same request again goes on with the rest.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/conn.h"
#include "web/api_call.h"
#include "web/api_impl.h"

#define APPLY_MS 5000
#define TOLD_MAX 100 /* ids of a dry run, and failures */

struct report {
    const struct crq_clock *clock;
    int64_t until_us; /* monotonic */
    bool broken_off;
    crq_value *jobs, *errors;
};

static int tell_failure(struct report *r, const char *id, const char *why)
{
    crq_value *error = crq_value_new_dict();
    int rc = error != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(error, "id", id, &rc);
    crq_dict_put_text(error, "error", why, &rc);
    if (rc == 0)
        return crq_value_add(r->errors, error);
    crq_value_free(error);
    return rc;
}

static int on_each(void *arg, crq_job *job, int rc, const crq_error *why)
{
    struct report *r = arg;
    crq_value *list = rc == 0 ? r->jobs : r->errors;

    if (crq_value_count(list) >= TOLD_MAX)
        return 0;
    return rc == 0 ? crq_value_add(list, crq_shown_text(crq_job_id(job)))
                   : tell_failure(r, crq_job_id(job), why->text);
}

static int on_progress(void *arg, const crq_tally *tally)
{
    struct report *r = arg;

    (void)tally;
    r->broken_off = crq_clock_mono_us(r->clock) >= r->until_us;
    return r->broken_off ? CRQ_ETIMEOUT : 0;
}

static int answer(struct api_ask *ask, const struct api_apply *apply,
        const struct report *r, const crq_tally *tally)
{
    const struct {
        const char *name;
        int64_t n;
    } numbers[] = {
        { "total", tally->total },
        { "seen", tally->seen },
        { "matched", tally->matched },
        { "done", tally->done },
        { "gone", tally->gone },
        { "refused", tally->refused },
    };
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put(v, "dry_run", crq_value_new_bool(apply->bulk.dry_run), &rc);
    crq_dict_put(v, "complete", crq_value_new_bool(!r->broken_off), &rc);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        crq_dict_put_number(v, numbers[i].name, numbers[i].n, &rc);
    crq_dict_put(v, "jobs", crq_value_ref(r->jobs), &rc);
    crq_dict_put(v, "errors", crq_value_ref(r->errors), &rc);
    return api_answer(ask, 200, v, rc);
}

static int run(struct api_ask *ask, struct api_apply *apply)
{
    int ms = ask->api->apply_ms > 0 ? ask->api->apply_ms : APPLY_MS;
    struct report r = { .clock = crq_conn_clock(ask->conn),
        .jobs = crq_value_new_list(),
        .errors = crq_value_new_list() };
    crq_tally tally = { 0, 0, 0, 0, 0, 0 };
    int rc = r.jobs != NULL && r.errors != NULL ? 0 : crq_fail_nomem(ask->err);

    r.until_us = crq_clock_mono_us(r.clock) + ms * INT64_C(1000);
    apply->bulk.each = on_each;
    apply->bulk.progress = on_progress;
    apply->bulk.arg = &r;
    if (rc == 0)
        rc = crq_jobs_apply(ask->conn, &apply->filter, &apply->bulk, &tally,
                ask->err);
    if (rc == CRQ_ETIMEOUT && r.broken_off)
        rc = 0;
    if (rc == 0)
        rc = answer(ask, apply, &r, &tally);
    crq_value_free(r.jobs);
    crq_value_free(r.errors);
    return rc;
}

int api_jobs_apply(struct api_ask *ask)
{
    crq_value *errors = NULL;
    struct api_apply apply;
    int rc = api_read_apply(ask->req->body, ask->req->body_len, &apply, &errors,
            ask->err);

    rc = rc < 0 ? api_body_problem(ask, rc, errors) : run(ask, &apply);
    api_apply_fini(&apply);
    return rc;
}
