/*
 * notify.h - telling systemd how a daemon is: sd_notify(3), without its
 * library. Without $NOTIFY_SOCKET nothing happens.
 *
 * The watchdog is fed by a timer of the loop that does the work: when that
 * hangs, in a callback or for lack of a processor, nothing is fed.
 */
#ifndef CRQ_EXEC_NOTIFY_H
#define CRQ_EXEC_NOTIFY_H

#include <ev.h>
#include <stdbool.h>

struct notify {
    struct ev_loop *loop;
    int fd;       /* -1: nobody wants to know */
    char to[108]; /* a path, or @ and an abstract name */
    bool ready;   /* has been said */
    ev_timer feed;
};

/** Read the environment and begin to feed the watchdog; the variables are
 *  taken out, as they are for this process and not for its children. */
void notify_init(struct notify *n, struct ev_loop *loop);
void notify_fini(struct notify *n);

/** It serves: modules are loaded and Redis knows it. Again after a reload. */
void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n);

/** One line of text about how it is, as systemctl status shows it. */
void notify_status(struct notify *n, const char *text);

#endif
