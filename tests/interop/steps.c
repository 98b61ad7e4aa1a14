/*
 * steps.c - kills the worker, or its courier, between any two of its writes.
 *
 * Linked into crq-worker-steps, a crq-worker whose send(), sendmsg() and kill()
 * lead here (the linker's --wrap). Each is two steps, one before the kernel has
 * it and one behind; a step's name says which of the two, and what it is: the
 * scripts called, the frames sent, the signal.
 *
 *     CRQ_STEPS_LOG=FILE   write the name of each step to FILE
 *     CRQ_STEPS_KILL=N     SIGKILL at the Nth step, from 1
 *
 * Only the process that starts with these takes them: its fork server and
 * children are started without. So there are others for the crq-courier beside
 * it, CRQ_STEPS_COURIER_LOG and _KILL; these are taken by the first one that
 * there is, which makes the file. Its transfers are steps, too.
 */
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/frame.h"
#include "redis/scripts.h"

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

static const struct crq_script *const scripts[] = {
    &crq_script_alive,
    &crq_script_begin,
    &crq_script_claim,
    &crq_script_clean,
    &crq_script_clean_group,
    &crq_script_clean_workers,
    &crq_script_finish,
    &crq_script_hand_back,
    &crq_script_heartbeat,
    &crq_script_joblog,
    &crq_script_lock,
    &crq_script_promote_rest,
    &crq_script_recall,
    &crq_script_stats,
    &crq_script_stray,
    &crq_script_take_over,
    &crq_script_unlock,
    &crq_script_worker_birth,
    &crq_script_worker_death,
    &crq_script_worker_update,
};

static struct {
    bool on;
    int log;
    long kill_at, count;
} steps = { .log = -1 };

static void arm_courier(void)
{
    const char *file = getenv("CRQ_STEPS_COURIER_LOG");
    const char *number = getenv("CRQ_STEPS_COURIER_KILL");

    if (file == NULL)
        return;
    steps.log = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    steps.on = steps.log >= 0;
    if (number != NULL)
        steps.kill_at = strtol(number, NULL, 10);
}

__attribute__((constructor)) static void arm(void)
{
    const char *file = getenv("CRQ_STEPS_LOG");
    const char *number = getenv("CRQ_STEPS_KILL");

    if (strcmp(program_invocation_short_name, "crq-courier") == 0) {
        arm_courier();
        return;
    }
    if (file != NULL)
        steps.log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (number != NULL)
        steps.kill_at = strtol(number, NULL, 10);
    steps.on = file != NULL || number != NULL;
    unsetenv("CRQ_STEPS_LOG");
    unsetenv("CRQ_STEPS_KILL");
}

/* Whether a script is called here: by its sum, or by all of its text, as a link
 * does the first time. */
static bool is_call(const struct crq_script *script, const char *bytes,
        size_t len)
{
    size_t text = strlen(script->text);

    return (len >= 40 && memcmp(bytes, script->sha1, 40) == 0) ||
            (len >= text && memcmp(bytes, script->text, text) == 0);
}

/* The names of the scripts in the bytes, in their order. */
static void name_scripts(const char *bytes, size_t len, char *out, size_t size)
{
    for (size_t at = 0; at < len; at++)
        for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
            if (is_call(scripts[i], bytes + at, len - at) &&
                    strlen(out) + 40 < size)
                strcat(strcat(out, " "), scripts[i]->name);
}

static void name_bytes(const char *bytes, size_t len, char *out, size_t size)
{
    const char *frame = NULL;

    if (len > 0 && bytes[0] == '*') {
        name_scripts(bytes, len, out, size);
        if (out[0] == '\0')
            strcpy(out, " other");
        return;
    }
    /* A length of four bytes, an array, its first item: the type. */
    if (len > 5 && (unsigned char)bytes[4] < 0xdc)
        frame = crq_frame_name((unsigned char)bytes[5]);
    snprintf(out, size, " %s", frame != NULL ? frame : "bytes");
}

bool steps_taken(void)
{
    return steps.on;
}

void steps_take(const char *when, const char *what)
{
    char line[500];
    int len = snprintf(line, sizeof(line), "%s%s\n", when, what);

    steps.count++;
    if (steps.log >= 0)
        (void)!write(steps.log, line, (size_t)len);
    if (steps.count == steps.kill_at)
        raise(SIGKILL);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    char what[400] = "";
    ssize_t n;

    if (!steps.on)
        return __real_send(fd, bytes, len, flags);
    name_bytes(bytes, len, what, sizeof(what));
    steps_take("before", what);
    n = __real_send(fd, bytes, len, flags);
    steps_take("after", what);
    return n;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    char what[400] = "";
    ssize_t n;

    if (!steps.on)
        return __real_sendmsg(fd, msg, flags);
    name_bytes(msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len, what,
            sizeof(what));
    steps_take("before", what);
    n = __real_sendmsg(fd, msg, flags);
    steps_take("after", what);
    return n;
}

/* A look at whether somebody lives is none. */
int __wrap_kill(pid_t pid, int number)
{
    char what[40];
    int rc;

    if (!steps.on || number == 0)
        return __real_kill(pid, number);
    snprintf(what, sizeof(what), " SIG%s", sigabbrev_np(number));
    steps_take("before", what);
    rc = __real_kill(pid, number);
    steps_take("after", what);
    return rc;
}
