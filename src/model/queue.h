/* queue.h - the inside of a queue. The functions are public: crq.h. */
#ifndef CRQ_MODEL_QUEUE_H
#define CRQ_MODEL_QUEUE_H

#include <crq.h>

struct crq_queue {
    crq_conn *conn; /* borrowed */
    char *name;
};

/** CRQ_EINVAL unless the text can be a queue's name: UTF-8, not empty, at
 *  most CRQ_NAME_MAX bytes, no control characters. */
int crq_queue_name_check(const char *name, crq_error *err) CRQ_MUST_CHECK;

#endif
