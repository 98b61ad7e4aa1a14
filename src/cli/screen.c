/*
 * screen.c - see screen.h.
 *
 * Signals only set a flag, and are let in while it waits and at no other time:
 * so a frame is never cut in two, and what gives the terminal back is an
 * ordinary function.
 */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What the signals that came in have asked for: the one thing that a handler
 * may write. */
static volatile sig_atomic_t came_quit, came_resize, came_stop;

/* How the terminal was found. One process has one. */
static struct termios found;
static sigset_t found_mask, blocked;
static char frame[1 << 16];

static void on_quit(int signal)
{
    (void)signal;
    came_quit = 1;
}

static void on_resize(int signal)
{
    (void)signal;
    came_resize = 1;
}

static void on_stop(int signal)
{
    (void)signal;
    came_stop = 1;
}

static const struct {
    int signal;
    void (*on)(int signal);
} handlers[] = {
    { SIGINT, on_quit },
    { SIGTERM, on_quit },
    { SIGHUP, on_quit },
    { SIGQUIT, on_quit },
    { SIGWINCH, on_resize },
    { SIGCONT, on_resize },
    { SIGTSTP, on_stop },
};

bool screen_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int screen_rows(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        return size.ws_row;
    return 24;
}

/* Alternate screen, no cursor, long lines are cut and not wrapped. */
static void enter(void)
{
    struct termios mode = found;

    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 0;
    mode.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
    fputs("\033[?1049h\033[?25l\033[?7l\033[2J", stdout);
    fflush(stdout);
}

static void leave(void)
{
    fputs("\033[0m\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &found);
}

void screen_take(void)
{
    tcgetattr(STDIN_FILENO, &found);
    /* A frame goes out in one write, so that it does not flicker. */
    setvbuf(stdout, frame, _IOFBF, sizeof(frame));
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        sigaddset(&blocked, handlers[i].signal);
    sigprocmask(SIG_BLOCK, &blocked, &found_mask);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        struct sigaction action = { .sa_handler = handlers[i].on };

        sigaction(handlers[i].signal, &action, NULL);
    }
    enter();
}

void screen_give_back(void)
{
    leave();
    sigprocmask(SIG_SETMASK, &found_mask, NULL);
}

/* ---- frames ---- */

void screen_begin(void)
{
    fputs("\033[H", stdout);
}

void screen_line(void)
{
    fputs("\033[K\n", stdout);
}

void screen_end(void)
{
    fputs("\033[K\033[J", stdout);
    fflush(stdout);
}

/* ---- waiting ---- */

/* As if Ctrl-Z had its usual effect, but on a terminal that is in order. */
static void stop(void)
{
    came_stop = 0;
    leave();
    raise(SIGSTOP);
    enter();
    came_resize = 1;
}

static bool wants_to_quit(void)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

    if (n < 0)
        return errno != EAGAIN && errno != EINTR;
    if (n == 1 && keys[0] == '\033') /* Esc itself: other keys send more */
        return true;
    return memchr(keys, 'q', (size_t)n) != NULL ||
            memchr(keys, 'Q', (size_t)n) != NULL ||
            memchr(keys, 4, (size_t)n) != NULL;
}

enum screen_event screen_wait(int64_t us)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    struct timespec until, now, left;
    sigset_t open = found_mask;

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        sigdelset(&open, handlers[i].signal);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    for (;;) {
        int64_t left_us;
        int n;

        clock_gettime(CLOCK_MONOTONIC, &now);
        left_us = (until.tv_sec - now.tv_sec) * INT64_C(1000000) +
                (until.tv_nsec - now.tv_nsec) / 1000;
        left = (struct timespec){ left_us > 0 ? left_us / 1000000 : 0,
            left_us > 0 ? left_us % 1000000 * 1000 : 0 };
        n = ppoll(&in, 1, &left, &open);
        if (came_stop)
            stop();
        if (came_quit || (n > 0 && (in.revents & (POLLERR | POLLHUP))) ||
                (n > 0 && wants_to_quit()))
            return SCREEN_QUIT;
        if (came_resize) {
            came_resize = 0;
            return SCREEN_RESIZE;
        }
        if (n == 0 || left_us <= 0)
            return SCREEN_TIME;
    }
}
