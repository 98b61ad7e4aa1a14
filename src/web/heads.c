/* heads.c - see heads.h. */
#include "web/heads.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/timetext.h"
#include "model/fields.h"
#include "model/keys.h"
#include "web/many.h"

/* Queues are walked over in steps, so that pipelines stay small. */
#define STEP 256

struct heads {
    char *const *queues;
    char (*ids)[CRQ_NAME_MAX + 1]; /* "": there is none */
    int64_t *out_us;
};

static void ask_id(void *arg, size_t i, struct crq_args *args)
{
    const struct heads *h = arg;
    char key[CRQ_KEY_MAX];

    crq_key(key, CRQ_KEY_QUEUE, h->queues[i]);
    crq_args_list(args, "LINDEX", key, "0", NULL);
}

/* A text; a queue that is no list, or an id that is none, has no head. */
static const char *text_of(const crq_reply *reply)
{
    return crq_reply_kind(reply) == CRQ_REPLY_TEXT ? crq_text_of(reply) : NULL;
}

static int take_id(void *arg, size_t i, const crq_reply *reply, crq_error *err)
{
    const struct heads *h = arg;
    const char *id = text_of(reply);

    (void)err;
    if (id != NULL && strlen(id) <= CRQ_NAME_MAX)
        strcpy(h->ids[i], id);
    return 0;
}

static void ask_time(void *arg, size_t i, struct crq_args *args)
{
    const struct heads *h = arg;
    char key[CRQ_KEY_MAX];

    if (h->ids[i][0] == '\0')
        return;
    crq_key(key, CRQ_KEY_JOB, h->ids[i]);
    crq_args_list(args, "HGET", key, "enqueued_at", NULL);
}

static int take_time(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    const struct heads *h = arg;
    const char *text = text_of(reply);

    (void)err;
    if (text == NULL ||
            crq_timetext_get(text, strlen(text), &h->out_us[i], NULL) < 0)
        h->out_us[i] = CRQ_UNSET;
    return 0;
}

int heads_fetch(crq_conn *conn, char *const *queues, size_t count,
        int64_t *out_us, crq_error *err)
{
    struct heads h = { NULL, crq_calloc(STEP, sizeof(*h.ids)), NULL };
    int rc = h.ids != NULL ? 0 : crq_fail_nomem(err);

    for (size_t i = 0; i < count; i++)
        out_us[i] = CRQ_UNSET;
    for (size_t i = 0; rc == 0 && i < count; i += STEP) {
        size_t n = count - i < STEP ? count - i : STEP;

        h.queues = queues + i;
        h.out_us = out_us + i;
        memset(h.ids, 0, STEP * sizeof(*h.ids));
        rc = many_ask(conn, n, ask_id, take_id, &h, err);
        if (rc == 0)
            rc = many_ask(conn, n, ask_time, take_time, &h, err);
    }
    crq_free(h.ids);
    return rc;
}
