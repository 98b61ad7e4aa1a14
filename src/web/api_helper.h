/* api_helper.h - a process that answers requests to the REST interface. */
#ifndef CRQ_WEB_API_HELPER_H
#define CRQ_WEB_API_HELPER_H

#include <sys/types.h>

#include "web/api.h"

/** What a process that was forked does instead of its parent's work: answer
 *  the questions on this socket until it ends, as `api` says but for its
 *  connection. All other descriptors behind standard error are closed. */
__attribute__((noreturn)) void api_helper_run(pid_t parent, int fd,
        const char *url, struct api api);

#endif
