/* failures_impl.h - a list of causes, for those that make one. */
#ifndef CRQ_MODEL_FAILURES_IMPL_H
#define CRQ_MODEL_FAILURES_IMPL_H

#include "model/failures.h"

struct crq_failures {
    struct crq_cause *causes;
    size_t count;
};

/** Add a cause, or its times to the same one. NULL: no memory. */
struct crq_cause *crq_failures_add(struct crq_failures *f,
        const struct crq_cause *cause);
/** Those of most failures first. */
void crq_failures_sort(struct crq_failures *f);

#endif
