/* triggers.h - triggers among the schedules that crq lists. */
#ifndef CRQ_CLI_TRIGGERS_H
#define CRQ_CLI_TRIGGERS_H

#include <crq.h>

#include "cli/cli.h"

/** All triggers: added to `rows` as dicts, or printed when it is NULL. */
int triggers_show(const struct cli *cli, crq_value *rows,
        crq_error *err) CRQ_MUST_CHECK;

#endif
