/*
 * joblog.h - writing the lines that runs log: crq_script_joblog. Reading them
 * is public: crq_job_log() in crq.h.
 *
 * A line has a number within its run, so that the script can be repeated: it
 * knows which ones it has written. Only a run that holds its fence may write.
 */
#ifndef CRQ_MODEL_JOBLOG_H
#define CRQ_MODEL_JOBLOG_H

#include <crq.h>

#include "model/run.h"

/* What a job's log holds at most, of all its runs. */
#define CRQ_JOBLOG_BYTES ((int64_t)1 << 20)
#define CRQ_JOBLOG_LINES 16384

/** Append a line to those of one run. `number` grows by 1 from 1 on. What is
 *  no UTF-8, and '\0', becomes '?'. A failure shows in crq_args_check(). */
void crq_joblog_line(struct crq_args *lines, int64_t number, int64_t time_us,
        const char *text, size_t len);

/** The call: start, then the lines of each run. */
size_t crq_joblog_start(struct crq_args *out, int64_t most_bytes,
        int64_t most_lines);
void crq_joblog_add(struct crq_args *out, const struct crq_runref *run,
        const struct crq_args *lines);

int crq_joblog_read(const crq_reply *reply, size_t count,
        crq_error *err) CRQ_MUST_CHECK;
/** How many lines of run i were added; -1: it has lost its fence, and nothing
 *  was written; -2: Redis can't, *out_why says why. */
int64_t crq_joblog_state(const crq_reply *reply, size_t i,
        const char **out_why);

#endif
