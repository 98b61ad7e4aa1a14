/*
 * fault.c - the crash handler of a child, and its backtrace in words.
 *
 * The evidence file is a memfd: the number of the current run, the number of
 * frames, then the address of each. Task functions are mostly static, and
 * dladdr() knows only what a module exports; so the module's own symbol table
 * is read (symbols.c).
 */
#include "exec/fault.h"

#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/mem.h"
#include "exec/symbols.h"

#define FRAMES_MAX    64
#define STACK_BYTES   ((size_t)64 << 10)
#define FRAMES_OFFSET ((off_t)sizeof(uint64_t))

struct evidence {
    uint64_t count;
    uint64_t frames[FRAMES_MAX];
};

/* A signal handler gets no argument of its own: the one variable. */
static int evidence_fd = -1;

int crq_fault_file(void)
{
    return memfd_create("crq-evidence", MFD_CLOEXEC);
}

void crq_fault_prepare(void)
{
    void *frame;

    /* The first call loads libgcc, which a handler must not do. */
    (void)backtrace(&frame, 1);
}

static uint64_t fault_pc(const void *context)
{
    const ucontext_t *uc = context;

#if defined(__x86_64__)
    return (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return uc->uc_mcontext.pc;
#else
    (void)uc;
    return 0;
#endif
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    void *frames[FRAMES_MAX];
    struct evidence out;
    uint64_t pc = fault_pc(context);
    int count = backtrace(frames, FRAMES_MAX), first, i;

    (void)info;
    /* The frames of this handler say nothing. */
    for (first = 0; first < count; first++)
        if ((uint64_t)(uintptr_t)frames[first] == pc)
            break;
    if (first == count)
        first = 0;
    out.count = (uint64_t)(count - first);
    for (i = first; i < count; i++)
        out.frames[i - first] = (uint64_t)(uintptr_t)frames[i];
    (void)!pwrite(evidence_fd, &out,
            sizeof(out.count) + out.count * sizeof(out.frames[0]),
            FRAMES_OFFSET);
    /* The default action is back (SA_RESETHAND): it happens when this
     * function has returned and the signal is no longer blocked. */
    raise(number);
}

void crq_fault_install(int fd)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
        SIGSYS };
    struct sigaction action;
    stack_t stack;
    size_t i;

    evidence_fd = fd;
    memset(&stack, 0, sizeof(stack));
    stack.ss_size = STACK_BYTES;
    stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
        return;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

void crq_fault_set_run(int fd, uint64_t run)
{
    (void)!pwrite(fd, &run, sizeof(run), 0);
}

uint64_t crq_fault_run(int fd)
{
    uint64_t run = 0;

    return pread(fd, &run, sizeof(run), 0) == (ssize_t)sizeof(run) ? run : 0;
}

void crq_fault_text(int fd, struct crq_buf *buf)
{
    struct evidence in;
    ssize_t got;
    uint64_t i;

    got = pread(fd, &in, sizeof(in), FRAMES_OFFSET);
    if (got < (ssize_t)sizeof(in.count) || in.count > FRAMES_MAX ||
            (size_t)got < sizeof(in.count) + in.count * sizeof(in.frames[0]))
        return;
    for (i = 0; i < in.count; i++) {
        crq_buf_printf(buf, "#%d ", (int)i);
        /* All but the first are return addresses: the call is before. */
        crq_symbol_put(in.frames[i], i > 0, buf);
        crq_buf_putc(buf, '\n');
    }
}
