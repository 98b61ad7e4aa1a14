/* names.c - arrays of ids and names. */
#include "model/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/fields.h"
#include "model/keys.h"
#include "redis/conn.h"

void crq_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crq_free(names[i]);
    crq_free(names);
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

void crq_names_sort(char **names, size_t count)
{
    if (count > 1) /* of none there may be no array */
        qsort(names, count, sizeof(*names), by_text);
}

int crq_names_copy(const crq_reply *reply, char ***out, size_t *out_count,
        crq_error *err)
{
    char **names = crq_calloc(crq_reply_count(reply) + 1, sizeof(*names));
    size_t count = 0;

    if (names == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        const char *text = crq_text_of(crq_reply_item(reply, i));

        if (text == NULL || text[0] == '\0' || strlen(text) > CRQ_NAME_MAX)
            continue;
        names[count] = crq_strdup(text);
        if (names[count] == NULL) {
            crq_names_free(names, count);
            return crq_fail_nomem(err);
        }
        count++;
    }
    *out = names;
    *out_count = count;
    return 0;
}

int crq_names_of_set(crq_conn *conn, const char *key, char ***out,
        size_t *out_count, crq_error *err)
{
    crq_reply *reply = NULL;
    int rc = crq_conn_run(conn, &reply, err, "SMEMBERS", key, NULL);

    if (rc == 0)
        rc = crq_names_copy(reply, out, out_count, err);
    if (rc == 0)
        crq_names_sort(*out, *out_count);
    crq_reply_free(reply);
    return rc;
}
