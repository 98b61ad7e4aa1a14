/*
 * proc.h - who is whose parent, and what a process tree uses, from /proc.
 *
 * All of it is a snapshot: processes come and go while it is taken. Who wants
 * every process of a tree dead looks again until none is left.
 */
#ifndef CRQ_EXEC_PROC_H
#define CRQ_EXEC_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct crq_pids {
    pid_t *items;
    size_t count, cap;
};
#define CRQ_PIDS_INIT                                                          \
    {                                                                          \
        NULL, 0, 0                                                             \
    }
void crq_pids_fini(struct crq_pids *pids);

/* More processes than a tree is looked at for. */
#define CRQ_PIDS_MAX ((size_t)32768)

/** Add the children of a process, of all its threads. 0 or CRQ_ENOMEM; a
 *  process that is gone has none. */
int crq_proc_children(pid_t pid, struct crq_pids *pids);

/** Add a process and all its descendants. */
int crq_proc_tree(pid_t pid, struct crq_pids *pids);

/** What a tree uses now: memory in RAM, and CPU time of what still lives in it
 *  and of what its members have waited for. False when it is gone. */
bool crq_proc_usage(pid_t pid, int64_t *out_kib, int64_t *out_cpu_us);

/**
 * Kill every child of this process that `keep` (may be NULL) does not claim,
 * with all its descendants. Nothing is waited for: what dies becomes a child
 * of this process, a subreaper, and is the caller's to reap. Returns how many
 * children were found that are not kept, dead ones that wait to be reaped
 * included; -1 when memory is out.
 */
int crq_proc_sweep(bool (*keep)(void *arg, pid_t pid), void *arg);

/** How many processes the kernel has killed for lack of memory, -1: it does
 *  not say. */
int64_t crq_proc_oom_kills(void);

/** Close every descriptor from `first` on. */
void crq_proc_close_from(int first);

#endif
