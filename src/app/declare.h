/*
 * declare.h - an application's schedules, triggers and options, as steps in
 * Redis.
 *
 * First each schedule is registered, then crq_app_keep_words() removes what the
 * source has declared before and no longer does. Every step may be repeated.
 */
#ifndef CRQ_APP_DECLARE_H
#define CRQ_APP_DECLARE_H

#include <crq.h>

#include "app/app.h"
#include "redis/args.h"

/**
 * Schedule i of the application: the words of crq_script_sched_put.
 * source  the file's name.
 * The number of keys; CRQ_EINVAL: Redis must not see it, and why; CRQ_ENOMEM.
 */
int crq_app_schedule_words(const struct crq_app *app, size_t i,
        const char *source, int64_t now_us, struct crq_args *out,
        crq_error *err) CRQ_MUST_CHECK;

/** The words of crq_script_sched_keep; its number of keys, or CRQ_ENOMEM. */
int crq_app_keep_words(const struct crq_app *app, const char *source,
        struct crq_args *out, crq_error *err) CRQ_MUST_CHECK;

/**
 * HSET of the application's options, as its tasks read them: texts as they
 * are, all else as JSON. Nothing without options; fields that the file does not
 * have stay. CRQ_EINVAL: the name is too long for a key; CRQ_ENOMEM.
 */
int crq_app_options_words(const struct crq_app *app, struct crq_args *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
