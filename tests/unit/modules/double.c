/* double.c - a module that has a name which good.c has too. */
#include <crq.h>

static int run(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

CRQ_MODULE("double", CRQ_TASK("double.a", run, ""), CRQ_TASK("good.a", run, ""))
