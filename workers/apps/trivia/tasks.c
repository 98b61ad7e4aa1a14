/*
 * tasks.c - the module "trivia": rooms in which up to ten players answer
 * questions against the clock.
 *
 * Kept true here, and in rounds.c and questions.c:
 *  - A room that is building has the job that fails it, made before the room.
 *  - A question that is shown has the job that ends it: cycle_question() makes
 *    that of the next one before it shows it; that of the first one is made by
 *    start(), and by the trigger on GAME_ROOM_STARTED should start() die.
 *  - Rounds are counted from T0, which is written when the game begins. Late
 *    steps do not make later ones late.
 *  - A token is told to its player only, an answer to nobody before its reveal.
 */
#include <crq.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "apps/trivia/lua.h"
#include "apps/trivia/trivia.h"

static const struct app_option table[OPTIONS] = {
    [BUILD_SECONDS] = { "build_seconds", 300, 0.05, 3600 },
    [COUNTDOWN_SECONDS] = { "countdown_seconds", 2, 0.02, 3600 },
    [PLAYERS_MAX] = { "players_max", 10, 1, 1000 },
    [QUESTIONS] = { "questions", 10, 1, QUESTIONS_MAX },
    [QUESTIONS_TIMEOUT_SECONDS] = { "questions_timeout_seconds", 20, 0.05, 60 },
    [ROUND_SECONDS] = { "round_seconds", 10, 0.05, 3600 },
};

int trivia_options(crq_task *task, double out[OPTIONS], crq_value **out_texts,
        crq_error *err)
{
    crq_value *texts = NULL;
    int rc = app_options(task, "trivia", &texts, err);

    for (size_t i = 0; rc == 0 && i < OPTIONS; i++)
        rc = app_option(task, texts, &table[i], &out[i], err);
    if (rc == 0 && out_texts != NULL)
        *out_texts = texts;
    else
        crq_value_free(texts);
    return rc;
}

void trivia_fail_id(char out[ID_SIZE], const char *code)
{
    snprintf(out, ID_SIZE, "trivia-%s-fail", code);
}

int trivia_run(crq_task *task, const char *lua, const char *code,
        const char *token, const char *more, crq_value **out, crq_error *err)
{
    crq_value *reply = NULL;
    int rc = crq_task_script(task, lua, ROOM_KEYS, &reply, err, ROOM "%s",
            ROOM_ARGS(code, token), more);

    return rc < 0 ? rc : app_read(task, reply, out, err);
}

/* A task that is a script with one more word. */
static int just_run(crq_task *task, const char *lua, const char *more,
        crq_error *err)
{
    crq_value *said = NULL;
    const char *code;
    int rc = app_get_code(task, "room", &code, err);

    if (rc == 0)
        rc = trivia_run(task, lua, code, app_get_token(task, "token"), more,
                &said, err);
    return rc < 0 ? rc : crq_task_return(task, said);
}

/* --------------------------------------------------------------------- rooms
 */

struct wishes {
    const char *title, *topic, *owner, *avatar;
    int64_t count;
    double options[OPTIONS];
};

/* A player's picture, a word for the page; "" when none is given. */
static int get_avatar(crq_task *task, const char **out, crq_error *err)
{
    *out = "";
    return crq_value_type(crq_task_value(task, "avatar")) == CRQ_NONE
            ? 0
            : app_text(task, "avatar", 16, out, err);
}

static int read_wishes(crq_task *task, struct wishes *w, crq_error *err)
{
    const crq_value *count = crq_task_value(task, "count");
    int rc = app_name(task, "title", 60, &w->title, err);

    if (rc == 0)
        rc = app_text(task, "topic", 40, &w->topic, err);
    if (rc == 0)
        rc = app_name(task, "owner_name", 20, &w->owner, err);
    if (rc == 0)
        rc = get_avatar(task, &w->avatar, err);
    if (rc == 0)
        rc = trivia_options(task, w->options, NULL, err);
    if (rc < 0)
        return rc;
    w->count = (int64_t)w->options[QUESTIONS];
    if (crq_value_type(count) == CRQ_NONE)
        return 0;
    w->count = crq_value_type(count) == CRQ_INT && crq_value_int_fits(count)
            ? crq_value_int(count)
            : 0;
    if (w->count < 1 || w->count > QUESTIONS_MAX)
        return crq_task_refuse(task, err, 422, NULL,
                "Not a number of questions",
                "count must be a number from 1 to %d", QUESTIONS_MAX);
    return 0;
}

/* The job that fails the room unless its questions come. It stays when the code
 * turns out to be taken: it may be that room's, and does it no harm. */
static int guard_building(crq_task *task, const char *code, double build_s,
        crq_error *err)
{
    char id[ID_SIZE];
    struct app_job job = { QUEUE, id, "trivia.fail_if_building",
        app_now_us() + (int64_t)(build_s * 1e6) };

    trivia_fail_id(id, code);
    return app_follow_up(task, &job, app_args(1, crq_value_new_text(code)),
            err);
}

/* trivia.create_room(title, topic, owner_name, count, avatar) -> {"code",
 * "token", "player_id", "status"} */
static int create_room(crq_task *task, crq_error *err)
{
    char code[APP_CODE_SIZE], token[APP_TOKEN_SIZE];
    crq_value *reply, *room = NULL;
    struct wishes w;
    int rc = read_wishes(task, &w, err);

    if (rc == 0)
        rc = app_token(token, err);
    while (rc == 0 && crq_value_type(room) != CRQ_DICT) {
        crq_value_free(room);
        reply = room = NULL;
        rc = app_code(code, err);
        if (rc == 0)
            rc = guard_building(task, code, w.options[BUILD_SECONDS], err);
        if (rc == 0)
            rc = crq_task_script(task, lua_create, ROOM_KEYS, &reply, err,
                    ROOM "%s %s %s %lld %s", ROOM_ARGS(code, token), w.title,
                    w.topic, w.owner, (long long)w.count, w.avatar);
        if (rc == 0)
            rc = app_read(task, reply, &room, err);
    }
    return rc < 0 ? rc : crq_task_return(task, room);
}

/* trivia.join(code, player_name, avatar) -> {"token", "player_id"} */
static int join(crq_task *task, crq_error *err)
{
    char token[APP_TOKEN_SIZE];
    const char *code, *name, *avatar;
    crq_value *reply = NULL;
    double options[OPTIONS];
    int rc = app_get_code(task, "room", &code, err);

    if (rc == 0)
        rc = app_name(task, "player_name", 20, &name, err);
    if (rc == 0)
        rc = get_avatar(task, &avatar, err);
    if (rc == 0)
        rc = trivia_options(task, options, NULL, err);
    if (rc == 0)
        rc = app_token(token, err);
    if (rc == 0)
        rc = crq_task_script(task, lua_join, ROOM_KEYS, &reply, err,
                ROOM "%s %s %g", ROOM_ARGS(code, token), name, avatar,
                options[PLAYERS_MAX]);
    return rc < 0 ? rc : app_answer(task, reply, err);
}

/* trivia.start(code, token) -> {"status", "started_ms", "round_ms",
 * "questions"} */
static int start(crq_task *task, crq_error *err)
{
    double options[OPTIONS];
    crq_value *reply = NULL, *begun = NULL;
    const char *code;
    int rc = app_get_code(task, "room", &code, err);

    if (rc == 0)
        rc = trivia_options(task, options, NULL, err);
    if (rc < 0)
        return rc;
    rc = crq_task_script(task, lua_start, ROOM_KEYS, &reply, err,
            ROOM "%lld %lld", ROOM_ARGS(code, app_get_token(task, "token")),
            llround(options[ROUND_SECONDS] * 1000),
            llround(options[COUNTDOWN_SECONDS] * 1000));
    if (rc == 0)
        rc = app_read(task, reply, &begun, err);
    /* T0 is known only now. What this can't do any more the trigger does. */
    if (rc == 0 && trivia_go_on(task, code, err) < 0)
        crq_task_log(task, "left to the trigger: %s", err->text);
    return rc < 0 ? rc : crq_task_return(task, begun);
}

/* ------------------------------------------------------------------- players
 */

/* trivia.answer(code, token, question_id, choice) -> {"question_id",
 * "choice"} */
static int answer(crq_task *task, crq_error *err)
{
    const crq_value *choice = crq_task_value(task, "choice");
    char number[APP_NUMBER_SIZE];
    crq_value *reply = NULL;
    const char *code, *id;
    int rc = app_get_code(task, "room", &code, err);

    if (rc == 0)
        rc = app_text(task, "question_id", 20, &id, err);
    app_number_text(choice, number);
    if (rc == 0)
        rc = crq_task_script(task, lua_answer, ROOM_KEYS, &reply, err,
                ROOM "%s %s", ROOM_ARGS(code, app_get_token(task, "token")), id,
                number);
    return rc < 0 ? rc : app_answer(task, reply, err);
}

/* trivia.view(code, token) -> {"room", "question", "me", "players",
 * "deadline_ms", "now_ms"} */
static int view(crq_task *task, crq_error *err)
{
    return just_run(task, lua_view, "", err);
}

/* trivia.authorise(code, token, socket) -> who it is, and the room as it is
 * now */
static int authorise(crq_task *task, crq_error *err)
{
    char what[APP_SOCKET_SIZE];

    app_socket_text(task, true, what);
    return just_run(task, lua_socket, what, err);
}

/* trivia.leave(code, token, socket) -> None: a socket was closed */
static int leave(crq_task *task, crq_error *err)
{
    char what[APP_SOCKET_SIZE];
    crq_value *said = NULL;
    const char *code;
    int rc = app_get_code(task, "room", &code, err);

    app_socket_text(task, false, what);
    if (rc == 0)
        rc = trivia_run(task, lua_socket, code, app_get_token(task, "token"),
                what, &said, err);
    crq_value_free(said);
    return rc;
}

/* resumable: those that leave the same when they are run again. */
CRQ_MODULE("trivia",
        CRQ_TASK("trivia.answer", answer,
                "code, token=None, question_id=None, choice=None",
                .timeout_s = 10),
        CRQ_TASK("trivia.authorise", authorise, "code, token=None, socket=None",
                .timeout_s = 10),
        CRQ_TASK("trivia.create_room", create_room,
                "title, topic, owner_name, count=None, avatar=None",
                .timeout_s = 10),
        CRQ_TASK("trivia.cycle_question", trivia_cycle_question, "code, step",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("trivia.emit_countdown", trivia_emit_countdown,
                "code, step, left", .timeout_s = 10, .resumable = true),
        CRQ_TASK("trivia.fail_if_building", trivia_fail_if_building, "code",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("trivia.generate_questions", trivia_generate_questions,
                "code, topic, count=None", .timeout_s = 90, .resumable = true),
        CRQ_TASK("trivia.join", join, "code, player_name, avatar=None",
                .timeout_s = 10),
        CRQ_TASK("trivia.leave", leave, "code, token=None, socket=None",
                .timeout_s = 10),
        CRQ_TASK("trivia.schedule_rounds", trivia_schedule_rounds, "code",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("trivia.start", start, "code, token=None", .timeout_s = 10),
        CRQ_TASK("trivia.view", view, "code, token=None", .timeout_s = 10,
                .resumable = true))
