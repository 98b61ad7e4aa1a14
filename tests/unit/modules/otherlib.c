/* otherlib.c - a module that brings the library of another crq with it. */
#include <crq.h>

const char *crq_version(void)
{
    return "9.8.7";
}

static int run(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

CRQ_MODULE("otherlib", CRQ_TASK("otherlib.a", run, ""))
