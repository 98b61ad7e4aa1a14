/*
 * app.h - what the applications have in common: options, the answers of their
 * scripts, jobs that follow.
 *
 * It stands on crq.h alone and is compiled into each module.
 */
#ifndef APPS_APP_H
#define APPS_APP_H

#include <crq.h>

#define APP_CODE_SIZE   7  /* of a room or a game, with '\0' */
#define APP_NUMBER_SIZE 32 /* a number as text, with '\0' */
#define APP_SOCKET_SIZE 66 /* a sign and the id of a socket, with '\0' */
#define APP_TOKEN_SIZE  33 /* 128 random bits in hex, with '\0' */

/** Microseconds since 1970. */
int64_t app_now_us(void);

/* --------------------------------------------------------------- arguments */

/** A text of 1 to `max` characters, none of them one that can't be seen, such
 * as controls, and not all of them blank; whatever else was given is refused
 * with 422, by the argument's name. */
int app_text(crq_task *task, const char *name, size_t max, const char **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The same without a blank at either end: of two such names nobody takes one
 *  for the other for what can't be seen. */
int app_name(crq_task *task, const char *name, size_t max, const char **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The same for a text of `min` to `max` bytes that are letters, digits or one
 *  of `others`: what may be part of a key and of a job's id. */
int app_word(crq_task *task, const char *name, size_t min, size_t max,
        const char *others, const char **out, crq_error *err) CRQ_MUST_CHECK;

/** The argument "code", six of A-Z0-9; borrowed. Whatever else is no `what`
 *  that there is: refused with 404. */
int app_get_code(crq_task *task, const char *what, const char **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The argument `name` when it looks like a token; else "", which no token is.
 *  Borrowed. */
const char *app_get_token(crq_task *task, const char *name);

/** What has become of a socket, for a script: '+' opened or '-' left, and the
 *  argument "socket", the gateway's $socket.id, if there is one. */
void app_socket_text(crq_task *task, bool opened, char out[APP_SOCKET_SIZE]);

/** A finite number as text, for a script; "" when it is none. */
void app_number_text(const crq_value *v, char out[APP_NUMBER_SIZE]);

/* ----------------------------------------------------------------- options */

/** An option that is a number: a field of the hash crq:app:<application>. */
struct app_option {
    const char *name;
    double otherwise; /* what it is when it is not set */
    double min, max;
};

/** Read all options of an application: a dict of texts. Owned by the caller. */
int app_options(crq_task *task, const char *app, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** One of them. What is no number in its range fails with ValueError. */
int app_option(crq_task *task, const crq_value *options,
        const struct app_option *option, double *out,
        crq_error *err) CRQ_MUST_CHECK;

/** One option when no other one is needed. */
int app_option_of(crq_task *task, const char *app,
        const struct app_option *option, double *out,
        crq_error *err) CRQ_MUST_CHECK;

/* ----------------------------------------------------- answers of scripts */

/**
 * Read what a script has answered: see app.lua. Takes `reply` over.
 * *out: what stands behind "ok", owned by the caller. What was refused makes
 * the run fail as crq_task_refuse() does.
 */
int app_read(crq_task *task, crq_value *reply, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The same, and the run returns it. */
int app_answer(crq_task *task, crq_value *reply, crq_error *err) CRQ_MUST_CHECK;

/** A list of `count` values, crq_value *, each of them taken over: arguments
 * for a job. NULL when memory is out, or one of them is. */
crq_value *app_args(size_t count, ...);

/* Members of what was read; "" and 0 where there is none of that type. */
const char *app_get_text(const crq_value *dict, const char *key);
int64_t app_get_int(const crq_value *dict, const char *key);

/* --------------------------------------------------------- jobs that follow */

/** A job that a state change will need. Its id says which change, so that
 *  whoever repeats the step makes no second one. */
struct app_job {
    const char *queue, *id, *func;
    int64_t when_us;
};

/** Make the job, unless it is there and still to be run: one that has ended did
 *  so before its time. Takes `args` over; NULL counts as CRQ_ENOMEM. */
int app_follow_up(crq_task *task, const struct app_job *job, crq_value *args,
        crq_error *err) CRQ_MUST_CHECK;

/** Delete a job that still waits. One that is gone, runs or has ended is no
 *  error: it finds that the state has moved on. */
int app_withdraw(crq_task *task, const char *job_id,
        crq_error *err) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------ secrets */

/** A secret that nobody guesses. CRQ_EIO: the kernel has no random bytes. */
int app_token(char out[APP_TOKEN_SIZE], crq_error *err) CRQ_MUST_CHECK;

/** A number from 0 to below `limit`, which is at least 1. */
int app_random(uint32_t limit, uint32_t *out, crq_error *err) CRQ_MUST_CHECK;

/** A random code: six of A-Z0-9. */
int app_code(char out[APP_CODE_SIZE], crq_error *err) CRQ_MUST_CHECK;

#endif
