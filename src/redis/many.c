/* many.c - see many.h. */
#include "redis/many.h"

#include "base/error.h"
#include "base/mem.h"
#include "redis/conn.h"

/* sent[i]: whether there is a command i, whose reply has to be taken. */
static int send_all(crq_conn *conn, size_t count, crq_many_words *words,
        void *arg, bool *sent, crq_error *err)
{
    struct crq_args args;
    int rc = 0;

    crq_args_init(&args);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_args_clear(&args);
        words(arg, i, &args);
        rc = crq_args_check(&args, err);
        if (rc < 0 || args.count == 0)
            continue;
        rc = crq_conn_append(conn, &args, err);
        sent[i] = rc == 0;
    }
    crq_args_fini(&args);
    return rc;
}

int crq_many_ask(crq_conn *conn, size_t count, crq_many_words *words,
        crq_many_reply *take, void *arg, crq_error *err)
{
    bool *sent = crq_calloc(count + 1, sizeof(*sent));
    int rc;

    if (sent == NULL)
        return crq_fail_nomem(err);
    rc = send_all(conn, count, words, arg, sent, err);
    for (size_t i = 0; i < count; i++) {
        crq_reply *reply = NULL;
        int got = 0;

        if (sent[i])
            got = crq_conn_next(conn, &reply, rc == 0 ? err : NULL);
        if (rc == 0)
            rc = got;
        if (rc == 0 && sent[i])
            rc = take(arg, i, reply, err);
        crq_reply_free(reply);
    }
    crq_free(sent);
    return rc;
}
