/*
 * daemon.h - what crq-worker, crq-scheduler and crq-web do alike around their
 * work: the options that all of them have, their log and their pid file.
 *
 * This is for main() and what it calls: here it is printed and exited.
 */
#ifndef CRQ_EXEC_DAEMON_H
#define CRQ_EXEC_DAEMON_H

#include <argp.h>
#include <crq.h>

#include "base/buf.h"
#include "base/log.h"

/* Starts as CRQ_DAEMON_INIT. */
struct crq_daemon {
    const char *url;      /* NULL: from the environment */
    const char *pid_file; /* NULL: none */
    enum crq_log_level level;
    bool json_log;
    struct crq_buf url_space;
};

/* clang-format off */
#define CRQ_DAEMON_INIT \
    { NULL, NULL, CRQ_LOG_INFO, false, CRQ_BUF_INIT }
/* clang-format on */

/** -u, --pid, -v, -q and --log-format. A program's parser puts it among its
 *  children and sets state->child_inputs[0] to the struct crq_daemon. */
extern const struct argp crq_daemon_argp;

/** Read the command line of the program `name`; prints and exits when it is
 *  wrong. `input` is for the parser. */
void crq_daemon_parse(const char *name, const struct argp *argp, int argc,
        char **argv, void *input);

/** For a parser: put a word into a list of at most `most` of them, which are
 *  `what`: "queues". Prints and exits when it is full. */
void crq_daemon_add(const struct argp_state *state, const char **list,
        size_t *count, size_t most, const char *what, const char *word);

/**
 * Be a daemon: log on standard error, ignore SIGPIPE, write the pid file.
 *
 * name     borrowed for as long as the log is used.
 * out_url  where Redis is, as the options or the environment say, else on this
 *          machine; good until crq_daemon_end().
 *
 * False when it can't be, which has been printed.
 */
bool crq_daemon_begin(struct crq_daemon *daemon, const char *name,
        const char **out_url, struct crq_log *out_log) CRQ_MUST_CHECK;

/** Remove the pid file. */
void crq_daemon_end(struct crq_daemon *daemon);

#endif
