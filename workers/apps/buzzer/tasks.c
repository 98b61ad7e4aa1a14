/*
 * tasks.c - the module "buzzer": who of several players, near and far, pressed
 * first.
 *
 * Each player measures the time from hearing that the buzzer is open to the
 * press. That is believed as far as what the gateway has seen allows it: see
 * buzz.lua. The first buzz of a round starts a window in which slower lines
 * can deliver theirs; then the smallest time wins, not the first arrival.
 *
 * Kept true here:
 *  - The job that ends the window is made before the first buzz counts, so no
 *    round stays open because a process died.
 *  - Whatever belongs to a round has its number. What is left of an earlier
 *    one, a job or a press, changes nothing.
 *  - Tokens are in what create and join return, and nowhere else.
 */
#include <crq.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/buzzer/lua.h"

#define QUEUE   "buzzer"
#define ID_SIZE 96

/* The keys and arguments that all scripts begin with: see game.lua. */
#define GAME                                                                   \
    "buzzer:game:%s buzzer:players:%s buzzer:tokens:%s buzzer:buzzes:%s "      \
    "buzzer:events:%s %s %s "
#define GAME_ARGS(code, token) code, code, code, code, code, code, token

enum { PENALTY, WINDOW, WINDOW_MAX, PLAYERS_MAX, OPTIONS };
static const struct app_option table[OPTIONS] = {
    [PENALTY] = { "penalty_ms", 250, 0, 60000 },
    [WINDOW] = { "window_ms", 500, 1, 60000 },
    [WINDOW_MAX] = { "window_max_ms", 1500, 1, 60000 },
    [PLAYERS_MAX] = { "players_max", 50, 1, 1000 },
};

/* A round trip that no player of this world has. */
#define ROUND_TRIP_MAX_MS 10000.0

static int get_options(crq_task *task, double out[OPTIONS], crq_error *err)
{
    crq_value *options = NULL;
    int rc = app_options(task, "buzzer", &options, err);

    for (size_t i = 0; rc == 0 && i < OPTIONS; i++)
        rc = app_option(task, options, &table[i], &out[i], err);
    crq_value_free(options);
    return rc;
}

/* The job that ends the window which this player's buzz began. */
static void resolve_id(char out[ID_SIZE], const char *code, int64_t round,
        const char *first)
{
    snprintf(out, ID_SIZE, "buzzer-%s-%" PRId64 "-%.40s", code, round, first);
}

/* Withdraw it, when what a script has said names one. */
static int withdraw(crq_task *task, const char *code, const crq_value *said,
        crq_error *err)
{
    const char *first = app_get_text(said, "first");
    char id[ID_SIZE];

    if (first[0] == '\0')
        return 0;
    resolve_id(id, code, app_get_int(said, "round"), first);
    return app_withdraw(task, id, err);
}

/* ---------------------------------------------------------- create and join */

/* buzzer.create(host_name) -> {"code", "host_token"} */
static int create(crq_task *task, crq_error *err)
{
    char code[APP_CODE_SIZE], token[APP_TOKEN_SIZE];
    crq_value *reply, *game = NULL;
    const char *name;
    int rc = app_name(task, "host_name", 20, &name, err);

    if (rc == 0)
        rc = app_token(token, err);
    /* Of two thousand million codes one is free. */
    while (rc == 0 && crq_value_type(game) != CRQ_DICT) {
        crq_value_free(game);
        reply = game = NULL;
        rc = app_code(code, err);
        if (rc == 0)
            rc = crq_task_script(task, lua_create, 5, &reply, err, GAME "%s",
                    GAME_ARGS(code, token), name);
        if (rc == 0)
            rc = app_read(task, reply, &game, err);
    }
    return rc < 0 ? rc : crq_task_return(task, game);
}

/* buzzer.join(code, name) -> {"token", "player_id"} */
static int join(crq_task *task, crq_error *err)
{
    char token[APP_TOKEN_SIZE];
    crq_value *reply = NULL;
    double options[OPTIONS];
    const char *code, *name;
    int rc = app_get_code(task, "game", &code, err);

    if (rc == 0)
        rc = app_name(task, "name", 20, &name, err);
    if (rc == 0)
        rc = get_options(task, options, err);
    if (rc == 0)
        rc = app_token(token, err);
    if (rc == 0)
        rc = crq_task_script(task, lua_join, 5, &reply, err, GAME "%s %g",
                GAME_ARGS(code, token), name, options[PLAYERS_MAX]);
    return rc < 0 ? rc : app_answer(task, reply, err);
}

/* -------------------------------------------------------------- by the host */

/* Run a script that needs nothing but who asks, and one more word. */
static int run(crq_task *task, const char *lua, const char *token_name,
        const char *more, const char **code, crq_value **out, crq_error *err)
{
    crq_value *reply = NULL;
    int rc = app_get_code(task, "game", code, err);

    if (rc == 0)
        rc = crq_task_script(task, lua, 5, &reply, err, GAME "%s",
                GAME_ARGS(*code, app_get_token(task, token_name)), more);
    return rc < 0 ? rc : app_read(task, reply, out, err);
}

/* buzzer.open(code, host_token) -> {"round"} */
static int open_task(crq_task *task, crq_error *err)
{
    const char *code;
    crq_value *said = NULL;
    int rc = run(task, lua_open, "host_token", "", &code, &said, err);

    return rc < 0 ? rc : crq_task_return(task, said);
}

/* buzzer.close(code, host_token) -> {"round"} */
static int close_task(crq_task *task, crq_error *err)
{
    const char *code;
    crq_value *said = NULL;
    int rc = run(task, lua_close, "host_token", "", &code, &said, err);

    if (rc == 0)
        rc = withdraw(task, code, said, err);
    if (rc < 0) {
        crq_value_free(said);
        return rc;
    }
    return crq_task_return(task, said);
}

/* buzzer.judge(code, host_token, correct) -> {"round", "status"} */
static int judge(crq_task *task, crq_error *err)
{
    const crq_value *correct = crq_task_value(task, "correct");
    const char *code;
    crq_value *said = NULL;
    int rc;

    if (crq_value_type(correct) != CRQ_BOOL)
        return crq_task_refuse(task, err, 422, NULL, "Neither right nor wrong",
                "correct must be true or false");
    rc = run(task, lua_judge, "host_token", crq_value_bool(correct) ? "1" : "0",
            &code, &said, err);
    return rc < 0 ? rc : crq_task_return(task, said);
}

/* ------------------------------------------------------------ by the players
 */

/* The smallest and largest of the round trips as text; "" without any. */
static void round_trips(crq_task *task, char shortest[APP_NUMBER_SIZE],
        char longest[APP_NUMBER_SIZE])
{
    const crq_value *list = crq_task_value(task, "round_trips_ms");
    double least = INFINITY, most = -INFINITY;

    if (crq_value_type(list) == CRQ_LIST || crq_value_type(list) == CRQ_TUPLE)
        for (size_t i = 0; i < crq_value_count(list); i++) {
            const crq_value *v = crq_value_item(list, i);
            double ms = -1;

            if (crq_value_type(v) == CRQ_FLOAT)
                ms = crq_value_float(v);
            else if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v))
                ms = (double)crq_value_int(v);
            if (ms >= 0 && ms <= ROUND_TRIP_MAX_MS) {
                least = fmin(least, ms);
                most = fmax(most, ms);
            }
        }
    shortest[0] = longest[0] = '\0';
    if (most >= least) {
        snprintf(shortest, APP_NUMBER_SIZE, "%.3f", least);
        snprintf(longest, APP_NUMBER_SIZE, "%.3f", most);
    }
}

/* What a buzz is made of, as text for the script. */
struct press {
    const char *code, *token;
    char round[APP_NUMBER_SIZE], claim[APP_NUMBER_SIZE];
    char told[APP_NUMBER_SIZE], arrived[APP_NUMBER_SIZE];
    char shortest[APP_NUMBER_SIZE], longest[APP_NUMBER_SIZE];
    bool early;
    double options[OPTIONS];
};

static int read_press(crq_task *task, struct press *p, crq_error *err)
{
    const crq_value *early = crq_task_value(task, "early");
    int rc = app_get_code(task, "game", &p->code, err);

    if (rc < 0)
        return rc;
    p->token = app_get_token(task, "token");
    app_number_text(crq_task_value(task, "round"), p->round);
    app_number_text(crq_task_value(task, "difference_ms"), p->claim);
    app_number_text(crq_task_value(task, "sent_ms"), p->told);
    app_number_text(crq_task_value(task, "arrived_ms"), p->arrived);
    round_trips(task, p->shortest, p->longest);
    p->early = crq_value_type(early) == CRQ_BOOL && crq_value_bool(early);
    return get_options(task, p->options, err);
}

static int run_buzz(crq_task *task, const struct press *p, bool resolver,
        crq_value **out, crq_error *err)
{
    crq_value *reply = NULL;
    int rc = crq_task_script(task, lua_buzz, 5, &reply, err,
            GAME "%s %s %s %s %s %s %s %g %g %g %s",
            GAME_ARGS(p->code, p->token), p->round, p->claim,
            p->early ? "1" : "0", p->told, p->arrived, p->shortest, p->longest,
            p->options[PENALTY], p->options[WINDOW], p->options[WINDOW_MAX],
            resolver ? "1" : "0");

    return rc < 0 ? rc : app_read(task, reply, out, err);
}

/* Make the job that resolves the round once the window is over, from began_us
 * on. */
static int make_resolver(crq_task *task, const struct press *p,
        const crq_value *said, int64_t began_us, crq_error *err)
{
    const crq_value *wait = crq_value_get(said, "wait_ms");
    const char *first = app_get_text(said, "first");
    int64_t round = strtoll(p->round, NULL, 10);
    double wait_ms = crq_value_type(wait) == CRQ_FLOAT
            ? crq_value_float(wait)
            : (double)app_get_int(said, "wait_ms");
    char id[ID_SIZE];
    struct app_job job = { QUEUE, id, "buzzer.resolve",
        began_us + (int64_t)(wait_ms * 1000) };

    resolve_id(id, p->code, round, first);
    return app_follow_up(task, &job,
            app_args(3, crq_value_new_text(p->code), crq_value_new_int(round),
                    crq_value_new_text(first)),
            err);
}

/* buzzer.buzz(code, token, round, difference_ms, early, and what the gateway
 * knows: sent_ms, arrived_ms, round_trips_ms)
 * -> {"round", "ms", "early", "estimated"} */
static int buzz(crq_task *task, crq_error *err)
{
    int64_t began_us = app_now_us();
    crq_value *said = NULL;
    struct press p;
    int rc = read_press(task, &p, err);

    if (rc == 0)
        rc = run_buzz(task, &p, false, &said, err);
    if (rc == 0 && crq_value_get(said, "wait_ms") != NULL) {
        rc = make_resolver(task, &p, said, began_us, err);
        crq_value_free(said);
        said = NULL;
        if (rc == 0)
            rc = run_buzz(task, &p, true, &said, err);
    }
    if (rc == 0 && crq_value_bool(crq_value_get(said, "over")))
        rc = withdraw(task, p.code, said, err);
    if (rc < 0) {
        crq_value_free(said);
        return rc;
    }
    return crq_task_return(task, said);
}

/* buzzer.ready(code, token, round_trips_ms) -> True: how far away a player is,
 * for the first window */
static int ready(crq_task *task, crq_error *err)
{
    char shortest[APP_NUMBER_SIZE], longest[APP_NUMBER_SIZE];
    const char *code;
    crq_value *reply = NULL;
    int rc = app_get_code(task, "game", &code, err);

    round_trips(task, shortest, longest);
    if (rc == 0)
        rc = crq_task_script(task, lua_ready, 5, &reply, err, GAME "%s %s",
                GAME_ARGS(code, app_get_token(task, "token")), shortest,
                longest);
    return rc < 0 ? rc : app_answer(task, reply, err);
}

/* buzzer.resolve(code, round, first=None) -> whether this decided the round */
static int resolve(crq_task *task, crq_error *err)
{
    const char *first = crq_task_str_or(task, "first", "");
    char round[APP_NUMBER_SIZE];
    const char *code;
    double options[OPTIONS];
    crq_value *reply = NULL;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = app_get_code(task, "game", &code, err);
    if (rc == 0)
        rc = get_options(task, options, err);
    app_number_text(crq_task_value(task, "round"), round);
    if (rc == 0)
        rc = crq_task_script(task, lua_resolve, 5, &reply, err, GAME "%s %s %g",
                GAME_ARGS(code, ""), round, first, options[WINDOW_MAX]);
    return rc < 0 ? rc : app_answer(task, reply, err);
}

/* ------------------------------------------------------------------- sockets
 */

/* buzzer.view(code, token) -> {"game", "me", "players", "resolved", "now_ms"}
 */
static int view(crq_task *task, crq_error *err)
{
    const char *code;
    crq_value *said = NULL;
    int rc = run(task, lua_view, "token", "", &code, &said, err);

    return rc < 0 ? rc : crq_task_return(task, said);
}

/* buzzer.authorise(code, token, socket) -> who it is, and the game as it is
 * now */
static int authorise(crq_task *task, crq_error *err)
{
    char what[APP_SOCKET_SIZE];
    const char *code;
    crq_value *said = NULL;
    int rc;

    app_socket_text(task, true, what);
    rc = run(task, lua_socket, "token", what, &code, &said, err);
    return rc < 0 ? rc : crq_task_return(task, said);
}

/* buzzer.leave(code, token, socket) -> None: a socket was closed */
static int leave(crq_task *task, crq_error *err)
{
    char what[APP_SOCKET_SIZE];
    const char *code;
    crq_value *said = NULL;
    int rc;

    app_socket_text(task, false, what);
    rc = run(task, lua_socket, "token", what, &code, &said, err);
    crq_value_free(said);
    return rc;
}

/* resumable: those that leave the same when they are run again. */
CRQ_MODULE("buzzer",
        CRQ_TASK("buzzer.authorise", authorise, "code, token=None, socket=None",
                .timeout_s = 10),
        CRQ_TASK("buzzer.buzz", buzz,
                "code, token=None, round=None, difference_ms=None, "
                "early=False, sent_ms=None, arrived_ms=None, "
                "round_trips_ms=None",
                .timeout_s = 10),
        CRQ_TASK("buzzer.close", close_task, "code, host_token=None",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("buzzer.create", create, "host_name", .timeout_s = 10),
        CRQ_TASK("buzzer.join", join, "code, name", .timeout_s = 10),
        CRQ_TASK("buzzer.judge", judge, "code, host_token=None, correct=None",
                .timeout_s = 10),
        CRQ_TASK("buzzer.leave", leave, "code, token=None, socket=None",
                .timeout_s = 10),
        CRQ_TASK("buzzer.open", open_task, "code, host_token=None",
                .timeout_s = 10),
        CRQ_TASK("buzzer.ready", ready, "code, token=None, round_trips_ms=None",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("buzzer.resolve", resolve, "code, round, first=None",
                .timeout_s = 10, .resumable = true),
        CRQ_TASK("buzzer.view", view, "code, token=None", .timeout_s = 10,
                .resumable = true))
