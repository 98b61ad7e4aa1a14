/* names.h - arrays of ids and names, as they come from Redis. */
#ifndef CRQ_MODEL_NAMES_H
#define CRQ_MODEL_NAMES_H

#include <crq.h>

#include "redis/reply.h"

/**
 * The texts of a reply, as an array to be freed with crq_names_free(). Items
 * that are no text, empty, or longer than any name are passed over.
 */
int crq_names_copy(const crq_reply *reply, char ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

void crq_names_sort(char **names, size_t count);

/** The members of a set, sorted. */
int crq_names_of_set(crq_conn *conn, const char *key, char ***out,
        size_t *out_count, crq_error *err) CRQ_MUST_CHECK;

#endif
