/*
 * callback.h - the callbacks that a job names, and what one needs to know that
 * is called when the child of its run is gone.
 */
#ifndef CRQ_MODEL_CALLBACK_H
#define CRQ_MODEL_CALLBACK_H

#include <crq.h>

#include "model/run.h"

#define CRQ_DEFAULT_CALLBACK_TIMEOUT_S 60 /* rq/defaults.py */

/** The function that a claimed job names for an event, borrowed from the
 *  reply, and its time; NULL: none. */
const char *crq_callback_name(const struct crq_claimed_job *job,
        crq_event event, int64_t *out_timeout_s);

/**
 * Ask whether a run still holds its job, and what the job is like now:
 * crq_script_recall. Words and reply as in run.h.
 */
size_t crq_recall_words(const struct crq_runref *run, struct crq_args *out);

/** Borrowed from the reply. */
struct crq_recalled {
    bool held; /* false: the fence is gone, and there is no more here */
    const char *data, *meta;
    size_t data_len, meta_len; /* 0: none */
    const char *on_failure;    /* "": none */
    int64_t failure_timeout_s;
};
int crq_recall_read(const crq_reply *reply, struct crq_recalled *out,
        crq_error *err) CRQ_MUST_CHECK;

#endif
