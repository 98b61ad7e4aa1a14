/* unresolved.c - a module that calls what nobody has. */
#include <crq.h>

int nobody_has_this(void);

static int run(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return nobody_has_this();
}

CRQ_MODULE("unresolved", CRQ_TASK("unresolved.a", run, ""))
