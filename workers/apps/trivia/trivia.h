/*
 * trivia.h - what the files of the module "trivia" share.
 *
 * tasks.c: rooms and players. rounds.c: what happens at a time. questions.c:
 * where questions come from. fetch.c: from another server.
 */
#ifndef APPS_TRIVIA_TRIVIA_H
#define APPS_TRIVIA_TRIVIA_H

#include <crq.h>

#include "apps/app.h"

#define QUEUE   "trivia"
#define ID_SIZE 96

/* The keys and arguments that all scripts begin with: see room.lua. */
#define ROOM                                                                   \
    "trivia:room:%s trivia:players:%s trivia:tokens:%s trivia:questions:%s "   \
    "trivia:answers:%s trivia:events:%s trivia:events %s %s "
#define ROOM_KEYS              7
#define ROOM_ARGS(code, token) code, code, code, code, code, code, code, token

#define QUESTIONS_MAX 50 /* of a room */

/** The options that are numbers. */
enum {
    BUILD_SECONDS,
    COUNTDOWN_SECONDS,
    PLAYERS_MAX,
    QUESTIONS,
    QUESTIONS_TIMEOUT_SECONDS,
    ROUND_SECONDS,
    OPTIONS
};

/** texts: all options, owned by the caller; NULL when only numbers matter. */
int trivia_options(crq_task *task, double out[OPTIONS], crq_value **out_texts,
        crq_error *err) CRQ_MUST_CHECK;

/** The id of the job that fails a room which is still building. */
void trivia_fail_id(char out[ID_SIZE], const char *code);

/** Run a script that needs one more word than ROOM; *out as app_read(). */
int trivia_run(crq_task *task, const char *lua, const char *code,
        const char *token, const char *more, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Make the jobs that end the question which is shown now, and count it down;
 *  those that are there stay. No game: nothing. */
int trivia_go_on(crq_task *task, const char *code,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * `count` questions about a topic, a list of dicts {"text", "choices",
 * "answer"}, from the bank that is installed with the module: of other topics
 * when there are not as many.
 *
 * CRQ_ETASK and the like: nothing came of it. CRQ_ECODEC: the bank, or what the
 * other server said, is wrong; err->text is the reason to be told.
 */
int trivia_bank(const char *topic, size_t count, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The same from the server at url: POST {"topic", "count"}, and a 200 with
 *  {"questions": [...]} of at least as many. CRQ_EIO, CRQ_ETIMEOUT,
 *  CRQ_ELIMIT: as their texts say, none of which has the url. */
int trivia_fetch(const char *url, double timeout_s, const char *topic,
        size_t count, crq_value **out, crq_error *err) CRQ_MUST_CHECK;

/** The first `count` of a list of questions, if they are such; at random, and
 *  their choices mixed, when `mix`. CRQ_ECODEC says what is wrong. */
int trivia_choose(const crq_value *questions, size_t count, bool mix,
        crq_value **out, crq_error *err) CRQ_MUST_CHECK;

/** Set err and return code. */
int trivia_error(crq_error *err, int code, const char *format, ...)
        CRQ_PRINTF(3, 4);

/* The tasks of rounds.c and questions.c. */
crq_task_function trivia_cycle_question, trivia_emit_countdown,
        trivia_fail_if_building, trivia_generate_questions,
        trivia_schedule_rounds;

#endif
