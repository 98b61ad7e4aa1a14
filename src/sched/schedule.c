/*
 * schedule.c - registering schedules, and reading them back.
 *
 * What is told to Redis is told to sched_put.lua, which keeps the phase of a
 * schedule that is registered again.
 */
#include "sched/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/call.h"
#include "model/fields.h"
#include "model/keys.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "redis/scripts.h"
#include "sched/zone.h"

const char *const crq_rule_names[CRQ_RULE_FIELDS] = { "every", "cron", "tz",
    "start", "catchup", "left", "next" };

void crq_unix_text(char out[CRQ_UNIX_LEN], int64_t us)
{
    const int64_t most = INT64_C(999999999999) * 1000000;
    bool negative = us < 0;

    us = us > most ? most : us < -most ? -most : us;
    us = negative ? -us : us;
    snprintf(out, CRQ_UNIX_LEN, "%s%lld.%06d", negative ? "-" : "",
            (long long)(us / 1000000), (int)(us % 1000000));
}

/* ---- rules ---- */

static const struct {
    const char *name;
    crq_catchup catchup;
} catchups[] = { { "skip", CRQ_CATCHUP_SKIP }, { "once", CRQ_CATCHUP_ONCE },
    { "all", CRQ_CATCHUP_ALL } };

static int decode_catchup(const char *text, struct crq_plan_rule *out,
        crq_error *err)
{
    size_t len = strcspn(text, ":");
    int64_t most_us = CRQ_PLAN_MAX * INT64_C(1000000);

    for (size_t i = 0; i < sizeof(catchups) / sizeof(catchups[0]); i++) {
        if (strlen(catchups[i].name) != len ||
                strncmp(catchups[i].name, text, len) != 0)
            continue;
        if (text[len] == ':' &&
                crq_timetext_duration(text + len + 1, &most_us, NULL) < 0)
            break;
        out->catchup = catchups[i].catchup;
        out->catchup_max = most_us / 1000000;
        return 0;
    }
    return crq_fail(err, CRQ_ECODEC,
            "catchup '%.40s' is not skip, once or all:N", text);
}

static int decode_time(const char *name, const char *text, int64_t least_us,
        int64_t *out, crq_error *err)
{
    int64_t us;

    if (text == NULL || text[0] == '\0')
        return 0;
    if (crq_timetext_duration(text, &us, NULL) < 0 || us < least_us ||
            us > CRQ_FUTURE_US)
        return crq_fail(err, CRQ_ECODEC, "%s '%.40s' is not a time", name,
                text);
    *out = us;
    return 0;
}

int crq_rule_decode(const char *const values[CRQ_RULE_FIELDS],
        struct crq_plan_rule *out, int64_t *out_next_us, crq_error *err)
{
    struct crq_plan_rule rule = { .start_us = CRQ_UNSET, .left = CRQ_UNSET };
    const char *cron = values[CRQ_RULE_CRON], *left = values[CRQ_RULE_LEFT];
    int64_t next_us = CRQ_UNSET;
    crq_error why = { 0, "" };
    int rc;

    rc = decode_time("every", values[CRQ_RULE_EVERY], CRQ_SCHEDULE_LEAST_US,
            &rule.every_us, err);
    if (rc == 0)
        rc = decode_time("start", values[CRQ_RULE_START], 0, &rule.start_us,
                err);
    if (rc == 0)
        rc = decode_time("next", values[CRQ_RULE_NEXT], 0, &next_us, err);
    if (rc == 0 && left != NULL) {
        rc = decode_time("left", left, 0, &rule.left, err);
        rule.left = rc == 0 ? rule.left / 1000000 : CRQ_UNSET;
    }
    if (rc == 0 && values[CRQ_RULE_CATCHUP] != NULL)
        rc = decode_catchup(values[CRQ_RULE_CATCHUP], &rule, err);
    if (rc == 0 && (rule.every_us > 0) == (cron != NULL))
        rc = crq_fail(err, CRQ_ECODEC, "it has %s",
                cron != NULL ? "both an interval and a cron expression"
                             : "neither an interval nor a cron expression");
    if (rc == 0 && cron != NULL &&
            crq_cron_parse(cron, CRQ_CRON_STANDARD, &rule.cron, &why) < 0)
        rc = crq_fail(err, CRQ_ECODEC, "%s", why.text);
    if (rc == 0 && next_us == CRQ_UNSET)
        rc = crq_fail(err, CRQ_ECODEC, "it has no next time");
    if (rc < 0)
        return rc;
    rule.zone = values[CRQ_RULE_TZ] != NULL ? values[CRQ_RULE_TZ] : "UTC";
    *out = rule;
    *out_next_us = next_us;
    return 0;
}

/* ---- checking ---- */

static bool is_schedule_id(const char *id)
{
    return id != NULL && crq_job_id_valid(id) &&
            strlen(id) <= CRQ_SCHEDULE_ID_MAX;
}

static int check_id(const char *id, crq_error *err)
{
    if (is_schedule_id(id))
        return 0;
    return crq_fail(err, CRQ_EINVAL,
            "'%.80s' is not an id of a schedule: up to %d letters, digits, - "
            "and _",
            id != NULL ? id : "", CRQ_SCHEDULE_ID_MAX);
}

/* *out: the call as this version knows it. */
static int read_call(const crq_call *call, crq_call *out, crq_error *err)
{
    int rc = crq_call_read(call, out, err);

    if (rc == 0)
        rc = crq_call_check(out, err);
    if (rc == 0 && (out->job_id != NULL || out->unique))
        return crq_fail(err, CRQ_EINVAL,
                "a schedule's jobs get ids by themselves: no job_id, no "
                "unique");
    return rc;
}

static int check_when(const crq_schedule_options *o, crq_error *err)
{
    if ((o->every_us != 0) == (o->cron != NULL))
        return crq_fail(err, CRQ_EINVAL, "either every_us or cron: %s given",
                o->cron != NULL ? "both are" : "neither is");
    if (o->cron == NULL &&
            (o->every_us < CRQ_SCHEDULE_LEAST_US ||
                    o->every_us > CRQ_FUTURE_US))
        return crq_fail(err, CRQ_EINVAL,
                "an interval of %lld microseconds; it must be 1000 or more",
                (long long)o->every_us);
    if (o->cron == NULL && o->tz != NULL)
        return crq_fail(err, CRQ_EINVAL,
                "an interval knows no time zone: tz goes with cron");
    if (o->start_us != CRQ_UNSET &&
            (o->start_us < 0 || o->start_us > CRQ_FUTURE_US))
        return crq_fail(err, CRQ_EINVAL,
                "the start is not in the years 1970 to 9999");
    if (o->repeat != CRQ_UNSET && (o->repeat < 1 || o->repeat > INT32_MAX))
        return crq_fail(err, CRQ_EINVAL, "repeat is %lld; it must be 1 to %d",
                (long long)o->repeat, INT32_MAX);
    if ((int)o->catchup < CRQ_CATCHUP_SKIP || o->catchup > CRQ_CATCHUP_ALL ||
            o->catchup_max < 0 || o->catchup_max > CRQ_PLAN_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "catchup is one of skip, once and all, catchup_max up to %d",
                CRQ_PLAN_MAX);
    return 0;
}

/* Check the options; the rule in *out borrows the zone. */
static int check_options(const crq_schedule_options *o,
        struct crq_plan_rule *out, crq_error *err)
{
    int rc;

    if (o->size != sizeof(*o))
        return crq_fail(err, CRQ_EINVAL,
                "the options were not made with this version's "
                "CRQ_SCHEDULE_INIT");
    rc = check_id(o->id, err);
    if (rc == 0 && o->queue != NULL)
        rc = crq_queue_name_check(o->queue, err);
    if (rc == 0)
        rc = check_when(o, err);
    *out = (struct crq_plan_rule){ .every_us = o->every_us,
        .zone = o->tz != NULL ? o->tz : "UTC",
        .start_us = o->start_us,
        .left = CRQ_UNSET };
    if (rc == 0 && o->cron != NULL)
        rc = crq_cron_parse(o->cron, CRQ_CRON_STANDARD, &out->cron, err);
    if (rc == 0)
        rc = crq_zone_check(out->zone, err);
    return rc;
}

/* ---- registering ---- */

static void put_pair(struct crq_args *args, const char *name, const char *text)
{
    if (text != NULL)
        crq_args_list(args, name, text, NULL);
}

static void put_time(struct crq_args *args, const char *name, int64_t us)
{
    char text[CRQ_UNIX_LEN];

    crq_unix_text(text, us);
    crq_args_list(args, name, text, NULL);
}

static void put_options(struct crq_args *args, const crq_schedule_options *o,
        const crq_call *call)
{
    char catchup[40];

    snprintf(catchup, sizeof(catchup), "%s", catchups[o->catchup].name);
    if (o->catchup == CRQ_CATCHUP_ALL && o->catchup_max > 0)
        snprintf(catchup, sizeof(catchup), "all:%lld",
                (long long)o->catchup_max);
    if (o->every_us > 0)
        put_time(args, "every", o->every_us);
    put_pair(args, "cron", o->cron);
    if (o->cron != NULL)
        put_pair(args, "tz", o->tz != NULL ? o->tz : "UTC");
    if (o->start_us != CRQ_UNSET)
        put_time(args, "start", o->start_us);
    put_pair(args, "catchup", catchup);
    put_pair(args, "overlap", o->allow_overlap ? "allow" : "skip");
    if (o->repeat != CRQ_UNSET) {
        crq_args_puts(args, "repeat");
        crq_args_puti(args, o->repeat);
    }
    put_pair(args, "source", o->source);
    put_pair(args, "func", call->func);
    if (call->at_front)
        put_pair(args, "at_front", "1");
}

void crq_schedule_put_fields(struct crq_args *out, const char *prefix,
        const struct crq_fields *fields)
{
    for (int f = 0; f < CRQ_FIELD_COUNT; f++) {
        char name[60];

        if (f == CRQ_FIELD_CREATED_AT || fields->known[f].bytes == NULL)
            continue;
        snprintf(name, sizeof(name), "%s%s", prefix,
                crq_field_name((enum crq_field)f));
        crq_args_puts(out, name);
        crq_args_put(out, fields->known[f].bytes, fields->known[f].len);
    }
}

/* What each job gets, but its status and times. */
static int put_job(struct crq_args *args, const struct crq_fields *fields,
        crq_error *err)
{
    static const enum crq_field refused[] = { CRQ_FIELD_DEPENDENCY_ID,
        CRQ_FIELD_DEPENDENCY_IDS, CRQ_FIELD_GROUP_ID };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (fields->known[refused[i]].bytes != NULL)
            return crq_fail(err, CRQ_EINVAL, "a schedule's jobs can have no %s",
                    crq_field_name(refused[i]));
    crq_schedule_put_fields(args, "job.", fields);
    return 0;
}

static int put_words(const crq_schedule_options *o, const crq_call *call,
        int64_t now_us, int64_t next_us, struct crq_args *args, crq_error *err)
{
    const char *queue = o->queue != NULL ? o->queue : "default";
    char text[CRQ_KEY_MAX];
    struct crq_fields fields;
    int rc;

    crq_args_puts(args, crq_key_pattern(CRQ_KEY_SCHEDULES));
    crq_key(text, CRQ_KEY_SCHEDULE, o->id);
    crq_args_list(args, text, crq_key_pattern(CRQ_KEY_QUARANTINE), o->id, NULL);
    crq_unix_text(text, next_us);
    crq_args_puts(args, text);
    if (o->repeat != CRQ_UNSET)
        crq_args_puti(args, o->repeat);
    else
        crq_args_puts(args, "");
    crq_args_list(args, crq_key_pattern(CRQ_KEY_WAKE), "queue", queue, NULL);
    put_time(args, "created_at", now_us);
    put_options(args, o, call);
    crq_fields_init(&fields);
    rc = crq_call_to_fields(call, queue, now_us, &fields, err);
    if (rc == 0)
        rc = put_job(args, &fields, err);
    crq_fields_fini(&fields);
    return rc;
}

int crq_schedule_words(const crq_schedule_options *options,
        const crq_call *call, int64_t now_us, struct crq_args *out,
        crq_error *err)
{
    struct crq_plan_rule rule;
    crq_call read;
    int64_t next_us;
    int rc = check_options(options, &rule, err);

    crq_args_clear(out);
    if (rc == 0)
        rc = read_call(call, &read, err);
    if (rc == 0)
        rc = crq_plan_first(&rule, now_us, &next_us, err);
    if (rc == CRQ_ENOTFOUND)
        rc = crq_fail(err, CRQ_EINVAL, "cron '%.80s' names no time to come",
                options->cron);
    if (rc == 0)
        rc = put_words(options, &read, now_us, next_us, out, err);
    return rc < 0 ? rc : 3;
}

int crq_schedule_put(crq_conn *conn, const crq_schedule_options *options,
        const crq_call *call, int64_t *out_next_us, crq_error *err)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(conn)), next_us;
    struct crq_args args;
    crq_reply *reply = NULL;
    const char *next;
    int rc;

    crq_args_init(&args);
    rc = crq_schedule_words(options, call, now_us, &args, err);
    if (rc >= 0)
        rc = crq_script_call(conn, &crq_script_sched_put, (size_t)rc, &args,
                &reply, err);
    if (rc == 0) {
        next = crq_reply_text(crq_reply_item(reply, 1), NULL);
        if (next == NULL || crq_timetext_duration(next, &next_us, NULL) < 0)
            rc = crq_fail(err, CRQ_EREDIS, "unexpected reply to a script");
    }
    if (rc == 0 && out_next_us != NULL)
        *out_next_us = next_us;
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}

int crq_schedule_remove(crq_conn *conn, const char *id, crq_error *err)
{
    struct crq_args args;
    crq_reply *reply = NULL;
    char key[CRQ_KEY_MAX];
    int rc = check_id(id, err);

    if (rc < 0)
        return rc;
    crq_args_init(&args);
    crq_key(key, CRQ_KEY_SCHEDULE, id);
    crq_args_list(&args, crq_key_pattern(CRQ_KEY_SCHEDULES), key,
            crq_key_pattern(CRQ_KEY_QUARANTINE), id, NULL);
    rc = crq_script_call(conn, &crq_script_sched_remove, 3, &args, &reply, err);
    if (rc == 0 && crq_reply_int(reply, 0) == 0)
        rc = crq_fail(err, CRQ_ENOTFOUND, "there is no schedule '%s'", id);
    crq_reply_free(reply);
    crq_args_fini(&args);
    return rc;
}
