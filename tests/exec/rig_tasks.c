/*
 * rig_tasks.c - the module "rig": what the tests of the pool need to be done
 * in a child, beside the module demo.
 */
#include <crq.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void nap_ms(long ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&ts, NULL);
}

/* rig.say(text, then=""): to stderr, and then it crashes or exits. */
static int say(crq_task *task, crq_error *err)
{
    const char *text = crq_task_str(task, "text");
    const char *then = crq_task_str_or(task, "then", "");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    fputs(text, stderr);
    if (strcmp(then, "abort") == 0)
        abort();
    if (strcmp(then, "exit") == 0)
        _exit(7);
    return 0;
}

/* rig.log(lines, pause_ms=0, then=""): then it fails, crashes, or logs what is
 * no text. */
static int log_lines(crq_task *task, crq_error *err)
{
    int64_t i, lines = crq_task_int(task, "lines");
    int64_t pause_ms = crq_task_int_or(task, "pause_ms", 0);
    const char *then = crq_task_str_or(task, "then", "");
    int rc = crq_task_args_end(task, err);

    for (i = 0; rc == 0 && i < lines; i++) {
        crq_task_log(task, "line %d", (int)i);
        nap_ms(pause_ms);
    }
    if (strcmp(then, "fail") == 0)
        return crq_task_fail(task, err, "RuntimeError", "logged enough");
    if (strcmp(then, "crash") == 0)
        abort();
    if (strcmp(then, "bytes") == 0)
        crq_task_log(task, "caf\xe9");
    return rc;
}

/* rig.patient() -> True when it was asked to stop */
static int patient(crq_task *task, crq_error *err)
{
    int i;

    (void)err;
    for (i = 0; i < 5000; i++) {
        if (crq_task_should_stop(task))
            return crq_task_return_bool(task, true);
        nap_ms(2);
    }
    return crq_task_return_bool(task, false);
}

/* rig.pid() */
static int pid(crq_task *task, crq_error *err)
{
    (void)err;
    return crq_task_return_int(task, getpid());
}

/* What a compiler may not leave out. */
static char *volatile kept;

/* rig.hungry(mib): writes into so much memory, in pieces; a bool: got it */
static int hungry(crq_task *task, crq_error *err)
{
    int64_t i, mib = crq_task_int(task, "mib");
    int rc = crq_task_args_end(task, err);

    for (i = 0; rc == 0 && i < mib; i++) {
        char *p = malloc(1 << 20);

        if (p == NULL)
            return crq_task_return_bool(task, false);
        memset(p, 1, 1 << 20);
        kept = p;
    }
    return rc < 0 ? rc : crq_task_return_bool(task, true);
}

/* rig.brood(depth, end): a chain of processes, each in a session of its own
 * and a subreaper, all but the first without a parent that waits. Then the
 * run ends: "return", "crash", or "wait" for ever. */
static int brood(crq_task *task, crq_error *err)
{
    int64_t depth = crq_task_int(task, "depth");
    const char *end = crq_task_str(task, "end");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    if (depth > 0 && fork() == 0) {
        for (; depth > 0; depth--) {
            setsid();
            if (depth % 2 == 0)
                prctl(PR_SET_CHILD_SUBREAPER, 1);
            /* The parent goes or stays, by turns. */
            if (fork() != 0 && depth % 3 == 0)
                _exit(0);
        }
        for (;;)
            pause();
    }
    nap_ms(30);
    if (strcmp(end, "crash") == 0)
        raise(SIGSEGV);
    while (strcmp(end, "wait") == 0)
        pause();
    return 0;
}

/* rig.rude(how): what no child should do with the worker's socket. */
static int rude(crq_task *task, crq_error *err)
{
    static const char done[] = "\0\0\0\5\x94\x32\0\1\xc0";
    /* Twice the CALLBACK of a success. */
    static const char callback[] = "\0\0\0\5\x93\x35\1\xc4\0"
                                   "\0\0\0\5\x93\x35\1\xc4\0";
    const char *how = crq_task_str(task, "how");
    int rc = crq_task_args_end(task, err);

    if (rc < 0)
        return rc;
    if (strcmp(how, "babble") == 0 && write(3, "what?", 5) != 5)
        return crq_task_fail(task, err, "OSError", "write");
    if (strcmp(how, "twice") == 0)
        return write(3, done, sizeof(done) - 1) > 0 ? 0 : CRQ_EIO;
    if (strcmp(how, "callbacks") == 0)
        (void)!write(3, callback, sizeof(callback) - 1);
    if (strcmp(how, "hang up") == 0)
        close(3);
    for (;;)
        pause();
}

/* rig.linger: a callback that does not end, nor go when it is told to. */
static int linger(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    signal(SIGTERM, SIG_IGN);
    for (;;)
        nap_ms(100);
    return 0;
}

/* rig.abort: a callback that takes the child with it. */
static int abort_callback(crq_task *task, crq_error *err)
{
    (void)task;
    (void)err;
    abort();
}

/* rig.refuse: a callback that fails. */
static int refuse(crq_task *task, crq_error *err)
{
    return crq_task_fail(task, err, "KeyError", "refused after %s",
            crq_task_error_class(task));
}

/* rig.agree: a callback that logs what it is called for. */
static int agree(crq_task *task, crq_error *err)
{
    (void)err;
    crq_task_log(task, "agreed %d %s", (int)crq_task_event(task),
            crq_task_error_text(task));
    return 0;
}

/* rig.mark(seconds): leaves a mark in meta, and takes its time. */
static int mark(crq_task *task, crq_error *err)
{
    int64_t seconds = crq_task_int(task, "seconds");
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = crq_task_meta_set(task, "task", crq_value_new_text("was here"),
                err);
    if (rc == 0)
        nap_ms((long)seconds * 1000);
    return rc;
}

/* rig.marked: a callback that adds its own when it sees that of rig.mark. */
static int marked(crq_task *task, crq_error *err)
{
    bool seen = crq_task_meta(task, "task") != NULL;

    return crq_task_meta_set(task, "callback",
            crq_value_new_text(seen ? "saw it" : "saw nothing"), err);
}

CRQ_MODULE("rig", CRQ_CALLBACK("rig.abort", abort_callback),
        CRQ_CALLBACK("rig.agree", agree), CRQ_CALLBACK("rig.linger", linger),
        CRQ_TASK("rig.mark", mark, "seconds"),
        CRQ_CALLBACK("rig.marked", marked), CRQ_CALLBACK("rig.refuse", refuse),
        CRQ_TASK("rig.say", say, "text, then=''"),
        CRQ_TASK("rig.log", log_lines, "lines, pause_ms=0, then=''"),
        CRQ_TASK("rig.patient", patient, ""), CRQ_TASK("rig.pid", pid, ""),
        CRQ_TASK("rig.hungry", hungry, "mib"),
        CRQ_TASK("rig.rude", rude, "how"),
        CRQ_TASK("rig.brood", brood, "depth, end"))
