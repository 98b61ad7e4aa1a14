/* birth.h - a new child of the fork server. */
#ifndef CRQ_EXEC_BIRTH_H
#define CRQ_EXEC_BIRTH_H

#include <stdint.h>
#include <sys/types.h>

#include "task/module.h"

/** All borrowed; the descriptors stay open in the server. */
struct crq_birth {
    const struct crq_modules *modules;
    const char *url;    /* of Redis; NULL: none */
    int socket;         /* to the worker */
    int output;         /* its stdout and stderr */
    int evidence;       /* see fault.h */
    int64_t memory_mib; /* hard limits; 0: none */
    int64_t cpu_s;
};

/** Make a child, which lives as child.h says and never returns from here. Its
 *  process id, or -1 with errno. */
pid_t crq_birth(const struct crq_birth *birth);

#endif
