/* good.c - a module as anybody would write it, for check_module. */
#include <crq.h>

static int run(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return_str(task, "good");
}

CRQ_MODULE("good",
        CRQ_TASK("good.b", run, "x, y=1", .timeout_s = 5, .memory_mib = 64,
                .cpu_s = 2, .resumable = true),
        CRQ_TASK("good.a", run, NULL), CRQ_CALLBACK("good.on_success", run))
