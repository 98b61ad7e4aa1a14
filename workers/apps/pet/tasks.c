/*
 * tasks.c - the module "pet": virtual pets, which get hungry by a schedule and
 * wake up by a job for later.
 *
 * A pet is a name; what it is like is in Redis alone. Each change of it is one
 * script beside this file, which checks, changes and tells at once.
 *
 * Kept true here:
 *  - The job that wakes a pet up is made before it falls asleep, and names the
 *    sleep that it ends. So no sleep lasts for ever, and what is left of an
 *    earlier one wakes nobody up.
 *  - A pet has a hunger schedule, and only a pet has one: see settle().
 */
#include <crq.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/pet/lua.h"

#define QUEUE    "pet"
#define NAME_MAX 40
#define ID_SIZE  (NAME_MAX + 48) /* of jobs and schedules */

static const struct app_option hunger_seconds = { "hunger_seconds", 3600, 0.05,
    1e8 };
static const struct app_option sleep_seconds = { "sleep_seconds", 1200, 0.05,
    1e8 };

/* --------------------------------------------------------------- the pieces */

static int get_name(crq_task *task, const char **out, crq_error *err)
{
    return app_word(task, "name", 1, NAME_MAX, "-_", out, err);
}

static void schedule_id(char out[ID_SIZE], const char *name)
{
    snprintf(out, ID_SIZE, "pet-hunger-%s", name);
}

static void wake_id(char out[ID_SIZE], const char *name, const char *slept_at)
{
    snprintf(out, ID_SIZE, "pet-%s-wake-%.20s", name, slept_at);
}

/* When hunger comes next, in milliseconds, as text; "" when it doesn't. */
static int next_hunger(crq_task *task, const char *name, char out[24],
        crq_error *err)
{
    crq_schedule *schedule = NULL;
    char id[ID_SIZE];
    crq_conn *conn;
    int64_t next_us;
    int rc = crq_task_conn(task, &conn, err);

    if (rc < 0)
        return rc;
    schedule_id(id, name);
    rc = crq_schedule_fetch(conn, id, &schedule, err);
    out[0] = '\0';
    if (rc == CRQ_ENOTFOUND)
        return 0;
    if (rc < 0)
        return rc;
    next_us = crq_schedule_next_us(schedule);
    if (next_us != CRQ_UNSET)
        snprintf(out, 24, "%" PRId64, next_us / 1000);
    crq_schedule_free(schedule);
    return 0;
}

/* Run one of the scripts, with up to two more arguments; what it says goes to
 * *out. */
static int run(crq_task *task, const char *lua, const char *name,
        const char *more, const char *still_more, crq_value **out,
        crq_error *err)
{
    crq_value *reply = NULL;
    char next[24];
    int rc = next_hunger(task, name, next, err);

    if (rc == 0)
        rc = crq_task_script(task, lua, 2, &reply, err,
                "pet:state:%s pet:events %s pet:live:%s %s %s %s", name, name,
                name, next, more, still_more);
    return rc < 0 ? rc : app_read(task, reply, out, err);
}

/* A task that is a script and nothing else. */
static int just_run(crq_task *task, const char *lua, crq_error *err)
{
    crq_value *pet = NULL;
    const char *name;
    int rc = get_name(task, &name, err);

    if (rc == 0)
        rc = run(task, lua, name, "", "", &pet, err);
    return rc < 0 ? rc : crq_task_return(task, pet);
}

/* ------------------------------------------------------- the hunger schedule
 */

static int put_schedule(crq_task *task, const char *name, crq_error *err)
{
    crq_schedule_options options = CRQ_SCHEDULE_INIT;
    crq_call call = CRQ_CALL_INIT;
    crq_value *args = app_args(1, crq_value_new_text(name));
    char id[ID_SIZE];
    crq_conn *conn;
    double every_s = 0;
    int rc = args != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = app_option_of(task, "pet", &hunger_seconds, &every_s, err);
    if (rc == 0)
        rc = crq_task_conn(task, &conn, err);
    if (rc == 0) {
        schedule_id(id, name);
        options.id = id;
        options.queue = QUEUE;
        options.every_us = (int64_t)(every_s * 1e6);
        /* Time goes by for a pet, whoever was down meanwhile. */
        options.catchup = CRQ_CATCHUP_ALL;
        options.allow_overlap = true;
        call.func = "pet.increase_hunger";
        call.args = args;
        call.result_ttl_s = 60;
        call.failure_ttl_s = 3600;
        rc = crq_schedule_put(conn, &options, &call, NULL, err);
    }
    crq_value_free(args);
    return rc;
}

static int remove_schedule(crq_task *task, const char *name, crq_error *err)
{
    char id[ID_SIZE];
    crq_conn *conn;
    int rc = crq_task_conn(task, &conn, err);

    if (rc < 0)
        return rc;
    schedule_id(id, name);
    rc = crq_schedule_remove(conn, id, err);
    return rc == CRQ_ENOTFOUND ? 0 : rc;
}

static int exists(crq_task *task, const char *name, int64_t *out,
        crq_error *err)
{
    return crq_task_redis_int(task, out, err, "EXISTS pet:state:%s", name);
}

/*
 * Give the pet its schedule, or take it away when there is no pet.
 *
 * Pet and schedule can't be changed in one step. So whoever has changed whether
 * there is a pet comes here, and does what the pet he sees needs until that pet
 * is still there, or still not, afterwards. Of any number who do this at the
 * same time, the last one to look has seen the last change.
 */
static int settle(crq_task *task, const char *name, crq_error *err)
{
    int64_t before, after;
    int rc = exists(task, name, &after, err);

    if (rc < 0)
        return rc;
    do {
        before = after;
        rc = before != 0 ? put_schedule(task, name, err)
                         : remove_schedule(task, name, err);
        if (rc == 0)
            rc = exists(task, name, &after, err);
    } while (rc == 0 && before != after);
    return rc;
}

/* ----------------------------------------------------------------- the tasks
 */

/* pet.adopt(name) -> the pet, the same one however often it is adopted */
static int adopt(crq_task *task, crq_error *err)
{
    crq_value *pet = NULL;
    const char *name;
    int rc = get_name(task, &name, err);

    /* First, so that the pet is never there without its hunger, not even when
     * this process dies in between. */
    if (rc == 0)
        rc = put_schedule(task, name, err);
    if (rc == 0)
        rc = run(task, lua_adopt, name, "", "", &pet, err);
    if (rc == 0)
        rc = settle(task, name, err);
    if (rc < 0) {
        crq_value_free(pet);
        return rc;
    }
    return crq_task_return(task, pet);
}

/* pet.feed(name) -> the pet */
static int feed(crq_task *task, crq_error *err)
{
    return just_run(task, lua_feed, err);
}

/* pet.play(name) -> the pet */
static int play(crq_task *task, crq_error *err)
{
    return just_run(task, lua_play, err);
}

/* pet.view(name) -> the pet */
static int view(crq_task *task, crq_error *err)
{
    return just_run(task, lua_view, err);
}

/* The job that wakes the pet up from the sleep that began at slept_ms. */
static int schedule_waking(crq_task *task, const char *name, int64_t slept_ms,
        int64_t until_us, crq_error *err)
{
    char id[ID_SIZE], slept_at[24];
    struct app_job job = { QUEUE, id, "pet.wake_up", until_us };

    snprintf(slept_at, sizeof(slept_at), "%" PRId64, slept_ms);
    wake_id(id, name, slept_at);
    return app_follow_up(task, &job,
            app_args(2, crq_value_new_text(name), crq_value_new_int(slept_ms)),
            err);
}

/* Fall asleep at now_us; the pet as the script returns it. */
static int fall_asleep(crq_task *task, const char *name, int64_t now_us,
        double for_s, crq_value **out, crq_error *err)
{
    int64_t slept_ms = now_us / 1000;
    int64_t until_us = slept_ms * 1000 + (int64_t)(for_s * 1e6);
    char slept_at[24], until[24], id[ID_SIZE];
    int rc = schedule_waking(task, name, slept_ms, until_us, err);

    if (rc < 0)
        return rc;
    snprintf(slept_at, sizeof(slept_at), "%" PRId64, slept_ms);
    snprintf(until, sizeof(until), "%" PRId64, until_us / 1000);
    rc = run(task, lua_sleep, name, slept_at, until, out, err);
    /* Refused: somebody else was faster. Lost: it may be asleep now, and what
     * is not needed does nothing. */
    if (rc == CRQ_ETASK) {
        wake_id(id, name, slept_at);
        if (app_withdraw(task, id, NULL) < 0)
            crq_task_log(task, "%s is left, and will do nothing", id);
    }
    return rc;
}

/* pet.sleep(name) -> the pet, asleep */
static int sleep_task(crq_task *task, crq_error *err)
{
    crq_value *pet = NULL;
    const char *name;
    double for_s = 0;
    int rc = get_name(task, &name, err);

    if (rc == 0)
        rc = app_option_of(task, "pet", &sleep_seconds, &for_s, err);
    /* An unknown name, or a second sleep, costs no job. */
    if (rc == 0)
        rc = run(task, lua_view, name, "", "", &pet, err);
    crq_value_free(pet);
    if (rc == 0)
        rc = fall_asleep(task, name, app_now_us(), for_s, &pet, err);
    return rc < 0 ? rc : crq_task_return(task, pet);
}

/* pet.wake_up(name, slept_at) -> the pet, or None when it is gone */
static int wake_up(crq_task *task, crq_error *err)
{
    int64_t slept_ms = crq_task_int(task, "slept_at");
    crq_value *pet = NULL;
    char slept_at[24];
    const char *name;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = get_name(task, &name, err);
    if (rc < 0)
        return rc;
    snprintf(slept_at, sizeof(slept_at), "%" PRId64, slept_ms);
    rc = run(task, lua_wake_up, name, slept_at, "", &pet, err);
    return rc < 0 ? rc : crq_task_return(task, pet);
}

/* The slot in the id of a job that our schedule has made; else "". */
static const char *slot_of(const crq_task *task, const char *name)
{
    const char *job_id = crq_task_job_id(task);
    char begin[ID_SIZE];
    size_t len;

    schedule_id(begin, name);
    len = strlen(begin);
    if (strncmp(job_id, begin, len) != 0 || job_id[len] != '-' ||
            strspn(job_id + len + 1, "0123456789") != strlen(job_id + len + 1))
        return "";
    return job_id + len + 1;
}

/* pet.increase_hunger(name) -> the pet, or None when there is none */
static int increase_hunger(crq_task *task, crq_error *err)
{
    crq_value *pet = NULL;
    const char *name;
    int rc = get_name(task, &name, err);

    if (rc == 0)
        rc = run(task, lua_increase_hunger, name, slot_of(task, name), "", &pet,
                err);
    /* A schedule without a pet: whoever made or let go the pet has died. */
    if (rc == 0 && crq_value_type(pet) == CRQ_NONE)
        rc = settle(task, name, err);
    if (rc < 0) {
        crq_value_free(pet);
        return rc;
    }
    return crq_task_return(task, pet);
}

/* pet.release(name) -> {"name"}; its schedule and its waking go too */
static int release(crq_task *task, crq_error *err)
{
    crq_value *gone = NULL;
    const char *name, *slept_at;
    char id[ID_SIZE];
    int rc = get_name(task, &name, err);

    if (rc == 0)
        rc = run(task, lua_release, name, "", "", &gone, err);
    if (rc < 0)
        return rc;
    slept_at = app_get_text(gone, "slept_at");
    if (slept_at[0] != '\0') {
        wake_id(id, name, slept_at);
        rc = app_withdraw(task, id, err);
    }
    if (rc == 0)
        rc = settle(task, name, err);
    crq_value_free(gone);
    if (rc < 0)
        return rc;
    gone = crq_value_new_dict();
    if (gone == NULL || crq_value_set(gone, "name", crq_value_new_text(name)))
        rc = CRQ_ENOMEM;
    if (rc < 0) {
        crq_value_free(gone);
        return rc;
    }
    return crq_task_return(task, gone);
}

/* pet.authorise(name) -> what a socket begins with: anybody may look */
static int authorise(crq_task *task, crq_error *err)
{
    return just_run(task, lua_authorise, err);
}

/* resumable: those that leave the same when they are run again. */
CRQ_MODULE("pet",
        CRQ_TASK("pet.adopt", adopt, "name", .timeout_s = 10,
                .resumable = true),
        CRQ_TASK("pet.authorise", authorise, "name", .timeout_s = 10,
                .resumable = true),
        CRQ_TASK("pet.feed", feed, "name", .timeout_s = 10),
        CRQ_TASK("pet.increase_hunger", increase_hunger, "name",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("pet.play", play, "name", .timeout_s = 10),
        CRQ_TASK("pet.release", release, "name", .timeout_s = 10),
        CRQ_TASK("pet.sleep", sleep_task, "name", .timeout_s = 10),
        CRQ_TASK("pet.view", view, "name", .timeout_s = 10, .resumable = true),
        CRQ_TASK("pet.wake_up", wake_up, "name, slept_at", .timeout_s = 10,
                .resumable = true))
