/*
 * wire.h - a socket that carries frames, on the loop of the worker.
 *
 * One read a turn, so that one chatty peer cannot starve the others. What
 * cannot be written at once waits in memory and goes out as the peer reads.
 */
#ifndef CRQ_EXEC_WIRE_H
#define CRQ_EXEC_WIRE_H

#include <crq.h>
#include <ev.h>

#include "exec/frame.h"

struct crq_wire {
    struct ev_loop *loop;
    ev_io readable, writable;
    int fd; /* -1: closed */
    bool ended;
    struct crq_frame_reader reader;
    struct crq_buf out;
    size_t sent; /* bytes of out that went */
    size_t max;
    void *arg;
    /* Spans are valid for the call only. May not close this wire. */
    void (*on_frame)(void *arg, struct crq_frame *frame);
    /* Nothing more will be read: why is NULL at the end of the stream, else
     * what was wrong with the bytes. */
    void (*on_end)(void *arg, const char *why);
};

/** Take over `fd`, a non-blocking socket; frames up to `max` bytes. */
void crq_wire_open(struct crq_wire *wire, struct ev_loop *loop, int fd,
        size_t max, void *arg);
/** No effect on a wire that is closed. */
void crq_wire_close(struct crq_wire *wire);

/** Send a frame. CRQ_ELIMIT, CRQ_ENOMEM. A peer that is gone is no error: its
 *  end comes by on_end(). */
int crq_wire_send(struct crq_wire *wire, const struct crq_frame *frame,
        crq_error *err) CRQ_MUST_CHECK;

/** The same for bytes that are whole frames. */
int crq_wire_send_bytes(struct crq_wire *wire, const void *bytes, size_t len,
        crq_error *err) CRQ_MUST_CHECK;

/** Send a small frame with a descriptor, at once or not at all: CRQ_ESTATE,
 *  something else has to go first. `fd` stays the caller's. */
int crq_wire_send_fd(struct crq_wire *wire, const struct crq_frame *frame,
        int fd, crq_error *err) CRQ_MUST_CHECK;

/** Read and report everything that a dead peer has sent. */
void crq_wire_drain(struct crq_wire *wire);

#endif
