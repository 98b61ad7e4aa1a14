/*
 * fault.h - where a child crashed.
 *
 * The child's handler writes no more than addresses: a process with a damaged
 * heap can do that. Its server, forked with the same layout of memory, turns
 * them into names.
 */
#ifndef CRQ_EXEC_FAULT_H
#define CRQ_EXEC_FAULT_H

#include <stdint.h>

#include "base/buf.h"

/** A file for one child's evidence, close-on-exec; -1: none to be had. */
int crq_fault_file(void);

/** Load what the handler needs; once, in the server. */
void crq_fault_prepare(void);

/** In a child: from now on SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS
 *  leave a backtrace in the file before they kill. */
void crq_fault_install(int fd);

/** Count the runs in the file, so that who reads the child's output can tell
 *  one run's from the next. */
void crq_fault_set_run(int fd, uint64_t run);
uint64_t crq_fault_run(int fd);

/**
 * What a child writes into its output before a run, when an earlier run's is
 * still unread: where the one ends and the other begins. The first byte comes
 * once in it.
 */
#define CRQ_OUTPUT_PART     "\0<crq: next run>\n"
#define CRQ_OUTPUT_PART_LEN (sizeof(CRQ_OUTPUT_PART) - 1)

/** In the server: the backtrace, "#0 crash+0x12 (demo.so)\n" per frame; nothing
 *  when the child left none. What is in the file is not trusted. */
void crq_fault_text(int fd, struct crq_buf *buf);

#endif
