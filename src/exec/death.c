/* death.c - the evidence of a dead child, as text. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "exec/pool.h"

static const struct {
    const char *name, *text;
} ends[] = {
    [CRQ_END_NONE] = { "none", "" },
    [CRQ_END_TIMEOUT] = { "timeout", "ended because its time was up" },
    [CRQ_END_MEMORY] = { "memory",
            "ended because it took more memory than it may" },
    [CRQ_END_CPU] = { "cpu",
            "ended because it took more CPU time than it may" },
    [CRQ_END_STOPPED] = { "stopped", "stopped by request" },
    [CRQ_END_KILLED] = { "killed", "killed by request" },
    [CRQ_END_LEASE_LOST] = { "lease lost",
            "ended because its execution was gone from Redis" },
    [CRQ_END_SHUTDOWN] = { "shutdown", "ended because the worker stopped" },
    [CRQ_END_PROTOCOL] = { "protocol",
            "ended because it closed its socket or sent what is no frame" },
    [CRQ_END_SERVER] = { "server", "lost with the fork server, which died" },
};

const char *crq_end_name(enum crq_end end)
{
    return ends[end].name;
}

const char *crq_signal_name(int number, char space[16])
{
    const char *name = sigabbrev_np(number);

    if (name != NULL)
        snprintf(space, 16, "SIG%s", name);
    else
        snprintf(space, 16, "signal %d", number);
    return space;
}

static void put_status(const struct crq_death *death, struct crq_buf *buf)
{
    char name[16];

    if (death->pid == 0)
        crq_buf_puts(buf, "no child process could be made");
    else if (!death->has_status)
        crq_buf_printf(buf, "the child process %ld died", (long)death->pid);
    else if (WIFSIGNALED(death->wait_status))
        crq_buf_printf(buf, "the child process %ld was killed by %s",
                (long)death->pid,
                crq_signal_name(WTERMSIG(death->wait_status), name));
    else
        crq_buf_printf(buf, "the child process %ld exited with code %d",
                (long)death->pid, WEXITSTATUS(death->wait_status));
    if (death->oom)
        crq_buf_puts(buf, ", sent by the kernel, which was out of memory");
    if (death->end != CRQ_END_NONE)
        crq_buf_printf(buf, "; %s", ends[death->end].text);
}

/* Lines of somebody else, set off by two blanks. */
static void put_lines(struct crq_buf *buf, const char *title, const char *text,
        size_t len)
{
    const char *end = text + len, *next;

    while (end > text && end[-1] == '\n')
        end--;
    if (end == text)
        return;
    crq_buf_printf(buf, "\n%s:", title);
    for (; text < end; text = next + 1) {
        next = memchr(text, '\n', (size_t)(end - text));
        if (next == NULL)
            next = end;
        crq_buf_puts(buf, "\n  ");
        crq_buf_put(buf, text, (size_t)(next - text));
    }
}

int crq_death_text(const struct crq_death *death, struct crq_buf *buf)
{
    put_status(death, buf);
    if (death->pid != 0)
        crq_buf_printf(buf,
                "\nafter %.3f s; the process took %.3f s CPU (user), %.3f s "
                "(system), at most %lld KiB of memory",
                (double)death->ran_us / 1e6, (double)death->user_us / 1e6,
                (double)death->system_us / 1e6, (long long)death->peak_kib);
    put_lines(buf, "backtrace", death->backtrace, strlen(death->backtrace));
    put_lines(buf, "last output", death->output, death->output_len);
    return buf->rc;
}
