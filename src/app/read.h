/*
 * read.h - reading JSON objects by tables of their fields.
 *
 * A reader goes on after a mistake, so that one run tells all of them.
 */
#ifndef CRQ_APP_READ_H
#define CRQ_APP_READ_H

#include <stddef.h>

#include "app/app.h"
#include "base/buf.h"

struct crq_app_reader {
    crq_app_mistake *mistake; /* or NULL */
    void *arg;
    crq_error *err; /* gets the first mistake */
    size_t mistakes;
    struct crq_buf path; /* of the value that is read now */
    bool nomem;
    const struct crq_app *app;
    unsigned sources; /* that arguments may come from: 1 << crq_app_from */
    const struct crq_app_pattern *pattern; /* whose names $path has, or NULL */
};

/** Reads `v` into `to`. */
typedef void crq_app_read(struct crq_app_reader *r, const crq_value *v,
        void *to);

struct crq_app_key {
    const char *name;
    crq_app_read *read;
    size_t offset; /* of what it is read into */
    bool required;
};

/** A mistake at the value that is read now. */
void crq_app_wrong(struct crq_app_reader *r, const char *format, ...)
        CRQ_PRINTF(2, 3);
/** "expected EXPECTED, found 'VALUE'". */
void crq_app_unexpected(struct crq_app_reader *r, const crq_value *v,
        const char *expected);

/** Go to a part of the value that is read now, and back with the length that
 *  came from there. */
size_t crq_app_enter_key(struct crq_app_reader *r, const char *key);
size_t crq_app_enter_item(struct crq_app_reader *r, size_t i);
void crq_app_back(struct crq_app_reader *r, size_t mark);

/** The keys of an object in the order of the table; others are mistakes. */
void crq_app_object(struct crq_app_reader *r, const crq_value *v,
        const struct crq_app_key *keys, size_t count, void *base);

/** A list of objects of `size` bytes each, zeroed and then read: the array is
 *  the caller's. NULL and 0 when there are none. */
void *crq_app_list(struct crq_app_reader *r, const crq_value *v, size_t size,
        size_t *out_count, crq_app_read *read);

/* Readers of single values. */
crq_app_read crq_app_text;     /* char *: not empty, no control characters */
crq_app_read crq_app_name;     /* char *: letters, digits, '-', '_' */
crq_app_read crq_app_func;     /* char *: "module.function" */
crq_app_read crq_app_bool;     /* bool */
crq_app_read crq_app_count;    /* int64_t, from 1 on */
crq_app_read crq_app_seconds;  /* int64_t, from 1 on: 5, "5s", "2h" */
crq_app_read crq_app_ttl;      /* the same, and -1 for ever and 0 */
crq_app_read crq_app_limit;    /* the same, and -1 for none, without 0 */
crq_app_read crq_app_interval; /* int64_t microseconds, above 0 */
crq_app_read crq_app_overlap;  /* bool: "allow" instead of "skip" */

/** "skip", "once", "all" or "all:N", which alone sets `out_max`. */
void crq_app_catchup(struct crq_app_reader *r, const crq_value *v,
        crq_catchup *out, int64_t *out_max);

void crq_app_texts_free(char **texts, size_t count);

/** A copy that the reader notes when there is no memory for it. */
char *crq_app_copy(struct crq_app_reader *r, const char *text);

/** What "enqueue" holds, into a struct crq_app_call (call.c). */
crq_app_read crq_app_read_call;
void crq_app_call_fini(struct crq_app_call *call);

/* Routes, sockets and files, into a struct crq_app (web.c). */
crq_app_read crq_app_read_routes;
crq_app_read crq_app_read_sockets;
crq_app_read crq_app_read_files;
void crq_app_web_fini(struct crq_app *app);

/** "/rooms/{code}", into a struct crq_app_pattern (pattern.c). */
crq_app_read crq_app_read_pattern;
void crq_app_pattern_fini(struct crq_app_pattern *pattern);

#endif
