/*
 * log.h - lines that a program writes about its work.
 *
 * The library itself never logs: programs make a log and pass it to what may
 * write to it. One line per record, in one write(), so that the lines of
 * several processes never mix.
 */
#ifndef CRQ_BASE_LOG_H
#define CRQ_BASE_LOG_H

#include <crq.h>

#include "base/clock.h"

enum crq_log_level { CRQ_LOG_ERROR, CRQ_LOG_WARN, CRQ_LOG_INFO, CRQ_LOG_DEBUG };

struct crq_log {
    const struct crq_clock *clock;
    const char *name;         /* the program, borrowed */
    int fd;                   /* -1: nowhere */
    enum crq_log_level level; /* the most talkative one that is written */
    bool json;                /* {"time", "level", "name", "pid", "message"} */
};

/** Write one line; control characters in it are replaced. */
void crq_log_write(const struct crq_log *log, enum crq_log_level level,
        const char *format, ...) CRQ_PRINTF(3, 4);

#define crq_log_error(log, ...) crq_log_write((log), CRQ_LOG_ERROR, __VA_ARGS__)
#define crq_log_warn(log, ...)  crq_log_write((log), CRQ_LOG_WARN, __VA_ARGS__)
#define crq_log_info(log, ...)  crq_log_write((log), CRQ_LOG_INFO, __VA_ARGS__)
#define crq_log_debug(log, ...) crq_log_write((log), CRQ_LOG_DEBUG, __VA_ARGS__)

#endif
