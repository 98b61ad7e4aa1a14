/*
 * resolve.h - the addresses of a host, without blocking the loop.
 *
 * getaddrinfo() waits for name servers, for half a minute when they are away,
 * and glibc's way around that is a thread, which the daemons must not have:
 * they fork. So a look-up is a process: a fork that asks, writes the answer
 * into a pipe and exits. It has nothing else to do and holds nothing open; it
 * dies with its parent. Addresses, and localhost, are known without one.
 *
 * The process becomes a child of the caller, reaped by libev's default loop.
 * A caller that kills its children (the pool, when its server has died) only
 * makes a look-up fail, which is then tried again.
 */
#ifndef CRQ_EXEC_RESOLVE_H
#define CRQ_EXEC_RESOLVE_H

#include <ev.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <crq.h>

#define CRQ_ADDRESSES_MAX 16

struct crq_addresses {
    int failure; /* an EAI_ code of getaddrinfo(); 0: there are addresses */
    size_t count;
    struct {
        socklen_t len;
        struct sockaddr_storage to;
    } list[CRQ_ADDRESSES_MAX];
};

/** What is known at once: addresses, and localhost, which is the loopback
 *  whatever a name server says. False: it has to be looked up. */
bool crq_resolve_known(const char *host, int port, struct crq_addresses *out);

struct crq_lookup {
    struct ev_loop *loop;
    void (*on_found)(void *arg, const struct crq_addresses *addresses);
    void *arg;
    ev_io readable;
    int fd; /* -1: none goes on */
    pid_t pid;
};

/** Before the first use. `on_found` is called from the loop. */
void crq_lookup_init(struct crq_lookup *lookup, struct ev_loop *loop,
        void (*on_found)(void *arg, const struct crq_addresses *addresses),
        void *arg);
/** Begin; ends in on_found() unless it is canceled. CRQ_EIO: no process or
 *  pipe is to be had. */
int crq_lookup_start(struct crq_lookup *lookup, const char *host, int port,
        crq_error *err) CRQ_MUST_CHECK;
/** Stop; the process is killed. No effect when none goes on. */
void crq_lookup_cancel(struct crq_lookup *lookup);

#endif
