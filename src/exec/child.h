/* child.h - what a child process does with its life. */
#ifndef CRQ_EXEC_CHILD_H
#define CRQ_EXEC_CHILD_H

#include "task/module.h"

/* Where a child has its socket to the worker, and its evidence file. */
#define CRQ_CHILD_FD    3
#define CRQ_EVIDENCE_FD 4

/**
 * Take runs from the socket, one after the other, until the worker closes it.
 * Does not return. The process is set up by the server: see server.c.
 *
 * modules  the loaded tasks, borrowed.
 * url      of Redis, for tasks that ask for a connection; NULL: none.
 */
void crq_child_main(const struct crq_modules *modules, const char *url)
        __attribute__((noreturn));

#endif
