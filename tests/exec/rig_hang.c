/* rig_hang.c - a module that never finishes loading, and leaves a process. */
#include <crq.h>

#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void hang(void)
{
    signal(SIGTERM, SIG_IGN);
    (void)!fork();
    for (;;)
        pause();
}

static int nothing(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    return 0;
}

CRQ_MODULE("hang", CRQ_TASK("hang.nothing", nothing, ""))
