/* schedule_read.c - schedules as they are in Redis, for who wants to see. */
#include "sched/schedule.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/fields.h"
#include "model/keys.h"
#include "redis/conn.h"
#include "sched/zone.h"

/* Which fields of the hash are shown. */
enum shown {
    QUEUE,
    FUNC,
    DESCRIPTION,
    SOURCE,
    CRON,
    TZ,
    EVERY,
    LEFT,
    NEXT,
    LAST,
    LATENESS,
    LAST_JOB,
    START,
    CATCHUP,
    SHOWN
};

static const char *const names[SHOWN] = { "queue", "func", "job.description",
    "source", "cron", "tz", "every", "left", "next", "last", "lateness",
    "last_job", "start", "catchup" };

struct crq_schedule {
    char *id, *fields[SHOWN]; /* NULL: not there, or no text */
    crq_error problem;
};

void crq_schedule_free(crq_schedule *schedule)
{
    if (schedule == NULL)
        return;
    for (int f = 0; f < SHOWN; f++)
        crq_free(schedule->fields[f]);
    crq_free(schedule->id);
    crq_free(schedule);
}

void crq_schedules_free(crq_schedule **schedules, size_t count)
{
    for (size_t i = 0; schedules != NULL && i < count; i++)
        crq_schedule_free(schedules[i]);
    crq_free(schedules);
}

/* ---- reading ---- */

static int rule_of(const crq_schedule *s, struct crq_plan_rule *rule,
        int64_t *next_us, crq_error *err)
{
    const char *const values[CRQ_RULE_FIELDS] = {
        [CRQ_RULE_EVERY] = s->fields[EVERY],
        [CRQ_RULE_CRON] = s->fields[CRON],
        [CRQ_RULE_TZ] = s->fields[TZ],
        [CRQ_RULE_START] = s->fields[START],
        [CRQ_RULE_CATCHUP] = s->fields[CATCHUP],
        [CRQ_RULE_LEFT] = s->fields[LEFT],
        [CRQ_RULE_NEXT] = s->fields[NEXT],
    };

    return crq_rule_decode(values, rule, next_us, err);
}

/* From the reply of HMGET. CRQ_ENOTFOUND: there is no such hash. */
static int decode(const char *id, const crq_reply *reply, crq_schedule **out,
        crq_error *err)
{
    crq_schedule *s = crq_calloc(1, sizeof(*s));
    struct crq_plan_rule rule;
    int64_t next_us;
    bool any = false, ok = s != NULL;

    if (ok) {
        s->id = crq_strdup(id);
        ok = s->id != NULL;
    }
    for (int f = 0; ok && f < SHOWN; f++) {
        const crq_reply *item = crq_reply_item(reply, (size_t)f);
        const char *text = crq_text_of(item);

        any |= crq_reply_kind(item) == CRQ_REPLY_TEXT;
        if (text != NULL) {
            s->fields[f] = crq_strdup(text);
            ok = s->fields[f] != NULL;
        }
    }
    if (!ok || !any) {
        crq_schedule_free(s);
        return ok
                ? crq_fail(err, CRQ_ENOTFOUND, "there is no schedule '%s'", id)
                : crq_fail_nomem(err);
    }
    if (rule_of(s, &rule, &next_us, &s->problem) == 0)
        (void)!crq_zone_check(rule.zone, &s->problem);
    *out = s;
    return 0;
}

static void put_query(struct crq_args *args, const char *id)
{
    char key[CRQ_KEY_MAX];

    crq_args_clear(args);
    crq_key(key, CRQ_KEY_SCHEDULE, id);
    crq_args_list(args, "HMGET", key, NULL);
    for (int f = 0; f < SHOWN; f++)
        crq_args_puts(args, names[f]);
}

int crq_schedule_fetch(crq_conn *conn, const char *id, crq_schedule **out,
        crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    int rc;

    if (strlen(id) > CRQ_NAME_MAX)
        return crq_fail(err, CRQ_ENOTFOUND, "there is no schedule '%.80s'", id);
    crq_args_init(&args);
    put_query(&args, id);
    rc = crq_conn_command(conn, &args, &reply, err);
    if (rc == 0)
        rc = decode(id, reply, out, err);
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

/* The hashes of ids in a pipeline. What is gone meanwhile is left out; every
 * reply is taken, whatever happens. */
static int fetch_all(crq_conn *conn, const crq_reply *ids, crq_schedule **out,
        size_t *out_count, crq_error *err)
{
    size_t asked = 0, got = 0, n = crq_reply_count(ids);
    struct crq_args args;
    int rc = 0;

    crq_args_init(&args);
    for (; rc == 0 && asked < n; asked++) {
        const char *id = crq_text_of(crq_reply_item(ids, asked));

        put_query(&args, id != NULL && strlen(id) <= CRQ_NAME_MAX ? id : "");
        rc = crq_conn_append(conn, &args, err);
        if (rc < 0)
            break;
    }
    for (size_t i = 0; i < asked; i++) {
        crq_reply *reply = NULL;
        const char *id = crq_text_of(crq_reply_item(ids, i));
        int next = crq_conn_next(conn, &reply, rc == 0 ? err : NULL);

        if (next == 0 && rc == 0 && id != NULL) {
            next = decode(id, reply, &out[got], err);
            got += next == 0;
        }
        if (rc == 0 && next < 0 && next != CRQ_ENOTFOUND)
            rc = next;
        crq_reply_free(reply);
        if (next == CRQ_ELOST || next == CRQ_ETIMEOUT)
            break;
    }
    crq_args_fini(&args);
    *out_count = got;
    return rc;
}

int crq_schedule_list(crq_conn *conn, crq_schedule ***out, size_t *out_count,
        crq_error *err)
{
    crq_schedule **list = NULL;
    crq_reply *ids = NULL;
    size_t count = 0;
    int rc = crq_conn_run(conn, &ids, err, "ZRANGE",
            crq_key_pattern(CRQ_KEY_SCHEDULES), "0", "-1", NULL);

    if (rc < 0)
        return rc;
    list = crq_calloc(crq_reply_count(ids) + 1, sizeof(crq_schedule *));
    rc = list != NULL ? fetch_all(conn, ids, list, &count, err)
                      : crq_fail_nomem(err);
    crq_reply_free(ids);
    if (rc < 0) {
        crq_schedules_free(list, count);
        return rc;
    }
    *out = list;
    *out_count = count;
    return 0;
}

/* ---- showing ---- */

static int64_t time_of(const crq_schedule *s, enum shown field)
{
    int64_t us;

    return s->fields[field] != NULL &&
                    crq_timetext_duration(s->fields[field], &us, NULL) == 0
            ? us
            : CRQ_UNSET;
}

const char *crq_schedule_id(const crq_schedule *schedule)
{
    return schedule->id;
}

const char *crq_schedule_queue(const crq_schedule *schedule)
{
    return schedule->fields[QUEUE];
}

const char *crq_schedule_func(const crq_schedule *schedule)
{
    return schedule->fields[FUNC];
}

const char *crq_schedule_description(const crq_schedule *schedule)
{
    return schedule->fields[DESCRIPTION];
}

const char *crq_schedule_source(const crq_schedule *schedule)
{
    return schedule->fields[SOURCE];
}

const char *crq_schedule_cron(const crq_schedule *schedule)
{
    return schedule->fields[CRON];
}

const char *crq_schedule_tz(const crq_schedule *schedule)
{
    return schedule->fields[TZ];
}

int64_t crq_schedule_every_us(const crq_schedule *schedule)
{
    return time_of(schedule, EVERY);
}

int64_t crq_schedule_left(const crq_schedule *schedule)
{
    int64_t left = time_of(schedule, LEFT);

    return left == CRQ_UNSET ? left : left / 1000000;
}

int64_t crq_schedule_next_us(const crq_schedule *schedule)
{
    return time_of(schedule, NEXT);
}

int64_t crq_schedule_last_us(const crq_schedule *schedule)
{
    return time_of(schedule, LAST);
}

int64_t crq_schedule_lateness_us(const crq_schedule *schedule)
{
    return time_of(schedule, LATENESS);
}

const char *crq_schedule_last_job(const crq_schedule *schedule)
{
    return schedule->fields[LAST_JOB];
}

const char *crq_schedule_problem(const crq_schedule *schedule)
{
    return schedule->problem.code < 0 ? schedule->problem.text : NULL;
}

int crq_schedule_times(const crq_schedule *schedule, int64_t *out_us,
        size_t count, size_t *out_count, crq_error *err)
{
    struct crq_plan_rule rule;
    size_t found = 0;
    int64_t at_us;
    int rc = rule_of(schedule, &rule, &at_us, err);

    if (rc == 0 && rule.left != CRQ_UNSET && (uint64_t)rule.left < count)
        count = (size_t)rule.left;
    while (rc == 0 && found < count) {
        out_us[found++] = at_us;
        if (rule.every_us > 0)
            at_us += rule.every_us;
        else
            rc = crq_cron_next(&rule.cron, rule.zone, at_us, &at_us, err);
    }
    if (rc == CRQ_EINVAL)
        rc = crq_fail(err, CRQ_ECODEC, "there is no time zone '%.100s'",
                rule.zone);
    if (rc < 0 && rc != CRQ_ENOTFOUND)
        return rc;
    *out_count = found;
    return 0;
}
