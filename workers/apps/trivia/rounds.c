/*
 * rounds.c - what happens in a game at a time: a question ends, the next one
 * begins, and seconds are counted.
 *
 * Step n ends question n, at T0 + n rounds, however late step n - 1 was. Two
 * jobs of a game wait at a time: the next step and the next word about the time
 * left. A question's own countdown jobs follow each other.
 */
#include <crq.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/trivia/lua.h"
#include "apps/trivia/trivia.h"

/* A game that goes on. */
struct clock {
    int64_t step; /* questions that are over */
    int64_t count;
    int64_t started_ms, round_ms;
    int64_t countdown_ms; /* between two words about the time left */
};

static int64_t number_at(const crq_value *list, size_t i)
{
    const crq_value *v = crq_value_item(list, i);

    return crq_value_type(v) == CRQ_STR ? strtoll(crq_value_text(v), NULL, 10)
                                        : 0;
}

/* *going: whether there is one. */
static int read_clock(crq_task *task, const char *code, struct clock *out,
        bool *going, crq_error *err)
{
    crq_value *read = NULL;
    const crq_value *status;
    int rc = crq_task_redis(task, &read, err,
            "HMGET trivia:room:%s status step count started_ms round_ms "
            "countdown_ms",
            code);

    if (rc < 0)
        return rc;
    status = crq_value_item(read, 0);
    *out = (struct clock){
        .step = number_at(read, 1),
        .count = number_at(read, 2),
        .started_ms = number_at(read, 3),
        .round_ms = number_at(read, 4),
        .countdown_ms = number_at(read, 5),
    };
    *going = crq_value_type(status) == CRQ_STR &&
            strcmp(crq_value_text(status), "in_progress") == 0 &&
            out->round_ms > 0 && out->countdown_ms > 0;
    crq_value_free(read);
    return 0;
}

/* When step n is. */
static int64_t step_us(const struct clock *clock, int64_t n)
{
    return (clock->started_ms + n * clock->round_ms) * 1000;
}

/* ------------------------------------------------------------ jobs to follow
 */

static int schedule_step(crq_task *task, const char *code,
        const struct clock *clock, int64_t n, crq_error *err)
{
    char id[ID_SIZE];
    struct app_job job = { QUEUE, id, "trivia.cycle_question",
        step_us(clock, n) };

    snprintf(id, sizeof(id), "trivia-%s-%" PRId64, code, n);
    return app_follow_up(task, &job,
            app_args(2, crq_value_new_text(code), crq_value_new_int(n)), err);
}

/*
 * Make the job that tells, when it is so, that left_ms of the question behind
 * step n are left: or the next one after it, when that has passed. None when
 * there is nothing left to be told.
 */
static int schedule_countdown(crq_task *task, const char *code,
        const struct clock *clock, int64_t n, int64_t left_ms, crq_error *err)
{
    int64_t end_us = step_us(clock, n + 1), now_us = app_now_us();
    int64_t every_ms = clock->countdown_ms;
    char id[ID_SIZE];
    struct app_job job = { QUEUE, id, "trivia.emit_countdown", 0 };

    if (left_ms < 0)
        left_ms = clock->round_ms;
    do
        left_ms -= every_ms;
    while (left_ms > 0 && end_us - left_ms * 1000 < now_us - every_ms * 1000);
    if (left_ms <= 0)
        return 0;
    job.when_us = end_us - left_ms * 1000;
    snprintf(id, sizeof(id), "trivia-%s-%" PRId64 "-left-%" PRId64, code, n,
            left_ms);
    return app_follow_up(task, &job,
            app_args(3, crq_value_new_text(code), crq_value_new_int(n),
                    crq_value_new_float((double)left_ms / 1000)),
            err);
}

int trivia_go_on(crq_task *task, const char *code, crq_error *err)
{
    struct clock clock;
    bool going;
    int rc = read_clock(task, code, &clock, &going, err);

    if (rc < 0 || !going)
        return rc;
    rc = schedule_step(task, code, &clock, clock.step + 1, err);
    if (rc == 0)
        rc = schedule_countdown(task, code, &clock, clock.step, -1, err);
    return rc;
}

/* ------------------------------------------------------------------ the tasks
 */

/* trivia.schedule_rounds(code) -> None: a game has begun */
int trivia_schedule_rounds(crq_task *task, crq_error *err)
{
    const char *code;
    int rc = app_get_code(task, "room", &code, err);

    return rc < 0 ? rc : trivia_go_on(task, code, err);
}

/* The jobs that question n + 1 will need. */
static int prepare(crq_task *task, const char *code, const struct clock *clock,
        int64_t n, crq_error *err)
{
    int rc;

    if (n >= clock->count)
        return 0;
    rc = schedule_step(task, code, clock, n + 1, err);
    return rc < 0 ? rc : schedule_countdown(task, code, clock, n, -1, err);
}

/* Step n, and before it those that should have been taken: *out is of the last
 * one. */
static int take_steps(crq_task *task, const char *code,
        const struct clock *clock, int64_t n, crq_value **out, crq_error *err)
{
    char step[APP_NUMBER_SIZE];
    crq_value *done = NULL;
    int rc = 0;

    for (int64_t i = clock->step + 1; rc == 0 && i <= n; i++) {
        crq_value_free(done);
        done = NULL;
        snprintf(step, sizeof(step), "%" PRId64, i);
        rc = trivia_run(task, lua_cycle, code, "", step, &done, err);
    }
    if (rc == 0)
        *out = done;
    return rc;
}

/* trivia.cycle_question(code, step) -> whether this was the one that did it */
int trivia_cycle_question(crq_task *task, crq_error *err)
{
    static const int64_t one_s = 1;
    int64_t n = crq_task_int(task, "step");
    crq_value *done = NULL;
    struct clock clock;
    const char *code;
    bool going;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = app_get_code(task, "room", &code, err);
    if (rc == 0)
        rc = read_clock(task, code, &clock, &going, err);
    if (rc < 0)
        return rc;
    if (!going || n <= clock.step || n > clock.count)
        return crq_task_return_bool(task, false);
    /* A step before this one has not been taken. When its time has come, its
     * worker has died or it was lost: this one does not wait for it. */
    if (n > clock.step + 1 && step_us(&clock, n - 1) > app_now_us())
        return crq_task_retry(task, 600, &one_s, 1);
    rc = prepare(task, code, &clock, n, err);
    if (rc == 0)
        rc = take_steps(task, code, &clock, n, &done, err);
    return rc < 0 ? rc : crq_task_return(task, done);
}

/* trivia.emit_countdown(code, step, left) -> whether it was told */
int trivia_emit_countdown(crq_task *task, crq_error *err)
{
    int64_t n = crq_task_int(task, "step");
    double left_s = crq_task_float(task, "left");
    crq_value *reply = NULL;
    struct clock clock;
    const char *code;
    int64_t left_ms;
    bool going;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = app_get_code(task, "room", &code, err);
    if (rc == 0)
        rc = read_clock(task, code, &clock, &going, err);
    if (rc < 0)
        return rc;
    /* Written so that NaN is refused, too. */
    if (!going || n != clock.step || !(left_s > 0 && left_s < 1e6))
        return crq_task_return_bool(task, false);
    left_ms = llround(left_s * 1000);
    rc = schedule_countdown(task, code, &clock, n, left_ms, err);
    if (rc == 0)
        rc = crq_task_script(task, lua_countdown, ROOM_KEYS, &reply, err,
                ROOM "%lld %lld", ROOM_ARGS(code, ""), (long long)n,
                (long long)left_ms);
    return rc < 0 ? rc : app_answer(task, reply, err);
}
