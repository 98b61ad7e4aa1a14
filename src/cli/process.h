/*
 * process.h - the programs that crq starts: found beside crq itself, so that
 * what was built or installed together runs together, or in PATH.
 */
#ifndef CRQ_CLI_PROCESS_H
#define CRQ_CLI_PROCESS_H

#include <crq.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/** Append the path of the program. Returns 0, or prints that it is missing
 *  and returns the exit code. */
int process_find(const char *name, struct crq_buf *out);

/** A program that is ours to end. */
struct process {
    const char *name; /* for messages */
    pid_t pid;        /* 0: it doesn't run */
    int status;       /* as from waitpid(), when it has run */
    int notify_fd;    /* it says here how it is, sd_notify(3); -1: nowhere */
    bool ready;       /* it has said so */
    char told[160];   /* its last STATUS=, "" without one */
};

/**
 * Start argv[0], a path. It gets a process group of its own (Ctrl-C is for
 * crq, which passes it on), default signals, /dev/null as standard input, and
 * `death_signal` when crq dies. env: "NAME=value" or NULL, two at most.
 * keep_fd: a descriptor that it inherits, -1: none.
 * Returns 0, or prints why not and returns the exit code.
 */
int process_start(struct process *p, const char *const argv[],
        const char *const env[2], int death_signal, int keep_fd);

/**
 * Let it say when it is ready: a socket, and in `env` the variable that names
 * it, to start it with. Returns 0, or prints why not and returns the exit code.
 */
#define PROCESS_NOTIFY_SIZE 140
int process_notify(struct process *p, char env[PROCESS_NOTIFY_SIZE]);

/** Read what it has said by now. */
void process_listen(struct process *p);

/** Whether it still runs; fetches its status when it doesn't. */
bool process_runs(struct process *p);

/** Send a signal, if it runs. */
void process_signal(const struct process *p, int number);

/** "exit status 1" or "SIGSEGV", for messages. */
const char *process_end_text(const struct process *p, char *space, size_t size);

#endif
