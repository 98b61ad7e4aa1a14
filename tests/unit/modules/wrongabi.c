/* wrongabi.c - a module for another crq. */
#include <crq.h>

extern const crq_module_def crq_module;
const crq_module_def crq_module = { CRQ_MODULE_ABI + 1, sizeof(crq_task_def),
    "wrongabi", NULL, 0 };
