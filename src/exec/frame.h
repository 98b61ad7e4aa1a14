/*
 * frame.h - the messages between worker, fork server, children and courier.
 *
 * A frame is its length, four bytes with the most significant first, and a
 * msgpack array [type, field, ...]. All messages stand in one table, which the
 * encoder, the decoder, the tests and crq-horse(7) follow. A reader ignores
 * fields behind those it knows, and refuses a type it does not know.
 *
 * Nothing here does I/O. Every byte may come from a child that runs foreign
 * code: lengths, counts and depth are checked before memory is asked for.
 */
#ifndef CRQ_EXEC_FRAME_H
#define CRQ_EXEC_FRAME_H

#include <crq.h>

#include "base/buf.h"

/* Grows when a message changes in a way that an older side cannot read. */
#define CRQ_FRAME_PROTOCOL 3

/* A frame of a child carries data and meta of a job, 64 MiB at most each. */
#define CRQ_FRAME_MAX ((size_t)130 << 20)
/* Those between worker and server are small. */
#define CRQ_FRAME_SERVER_MAX ((size_t)64 << 10)

enum crq_frame_type {
    /* worker to server, in this order: SETUP, LOAD ..., START */
    CRQ_FRAME_SETUP = 1,
    CRQ_FRAME_LOAD = 2,
    CRQ_FRAME_START = 3,
    /* then as often as needed */
    CRQ_FRAME_SPAWN = 4, /* with the child's socket, by SCM_RIGHTS */
    CRQ_FRAME_KILL = 5,
    CRQ_FRAME_SWEEP = 6,
    /* server to worker: HELLO, TASK ..., LOADED, or HELLO, REFUSED */
    CRQ_FRAME_HELLO = 16,
    CRQ_FRAME_TASK = 17,
    CRQ_FRAME_LOADED = 18,
    CRQ_FRAME_REFUSED = 19,
    CRQ_FRAME_EXITED = 20,
    /* worker to child */
    CRQ_FRAME_RUN = 32,
    CRQ_FRAME_STOP_SOON = 33,
    CRQ_FRAME_CALL_BACK = 34, /* instead of RUN: a callback by itself */
    /* child to worker */
    CRQ_FRAME_READY = 48,
    CRQ_FRAME_LOG = 49,
    CRQ_FRAME_DONE = 50,
    CRQ_FRAME_FAILED = 51,
    CRQ_FRAME_RETRY = 52,
    CRQ_FRAME_CALLBACK = 53, /* the task has ended, a callback begins */
    /* worker to courier, and back: see courier/main.c */
    CRQ_FRAME_HOOK = 64,
    CRQ_FRAME_SENT = 65
};

/** Text or bytes, borrowed. A text that was decoded ends in '\0' and has none
 *  inside. data is NULL for nil, where a field may be nil. */
struct crq_span {
    const char *data;
    size_t len;
};

/** A C string; NULL counts as "". */
struct crq_span crq_span_of(const char *text);

/** A message. Which fields mean something, and in which order they travel,
 *  says the table in frame.c. */
struct crq_frame {
    enum crq_frame_type type;
    int64_t slot, pid, protocol, count;
    int64_t timeout_s, memory_mib, cpu_s;
    /* TASK */
    bool resumable, callback;
    /* KILL; EXITED: pid 0 says that no child could be made, text says why */
    int64_t signal, wait_status, user_us, system_us, peak_kib;
    int64_t runs; /* how many the child has begun in its life */
    bool oom;
    struct crq_span text, params, output, backtrace;
    /* RUN */
    struct crq_span job_id, execution_id, queue, worker, data, meta;
    int64_t retries_left;
    struct crq_span on_success, on_failure;
    int64_t success_timeout_s, failure_timeout_s;
    /* CALL_BACK, CALLBACK */
    int64_t event; /* enum crq_event */
    struct crq_span function;
    /* HOOK, SENT: `text` is what went wrong, "" nothing; `data` the body */
    int64_t hook; /* the worker's number for it */
    struct crq_span url, headers;
    /* DONE, FAILED, RETRY; text: FAILED's whole error text */
    int64_t serializer; /* enum crq_serializer; in RUN and CALL_BACK the one
                           that was told, or -1 */
    struct crq_span value, error_class, error_message;
    int64_t retry_max;
    int64_t *intervals_s; /* of a decoded frame: freed by crq_frame_fini() */
    size_t intervals;
};

/** Free what decoding allocated; other frames need no call. */
void crq_frame_fini(struct crq_frame *frame);

/** "RUN"; NULL for a number that is no type. */
const char *crq_frame_name(int type);

/** Append a whole frame. CRQ_ENOMEM, or CRQ_ELIMIT beyond `max`: the buffer is
 *  as it was. */
int crq_frame_encode(const struct crq_frame *frame, size_t max,
        struct crq_buf *buf, crq_error *err) CRQ_MUST_CHECK;

/**
 * Decode what stands behind the length. Spans point into `bytes`, where the
 * byte behind each text is overwritten with '\0'. CRQ_ECODEC, CRQ_ENOMEM.
 */
int crq_frame_decode(char *bytes, size_t len, struct crq_frame *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Cuts a stream of bytes into frames. */
struct crq_frame_reader {
    struct crq_buf buf;
    size_t used; /* bytes of buf that were decoded */
    size_t max;
};

void crq_frame_reader_init(struct crq_frame_reader *reader, size_t max);
void crq_frame_reader_fini(struct crq_frame_reader *reader);

/** Take bytes in. CRQ_ENOMEM; CRQ_ELIMIT when the bytes that wait, undecoded,
 *  are more than a frame and one read can be. */
int crq_frame_reader_feed(struct crq_frame_reader *reader, const void *bytes,
        size_t len, crq_error *err) CRQ_MUST_CHECK;

/**
 * The next whole frame. Returns 1 and fills *out (its spans stay until the
 * next call of feed or next; crq_frame_fini() when done), 0 when more bytes
 * are needed, or CRQ_ECODEC, CRQ_ELIMIT (a length beyond max), CRQ_ENOMEM.
 * After a failure the stream is of no more use.
 */
int crq_frame_reader_next(struct crq_frame_reader *reader,
        struct crq_frame *out, crq_error *err) CRQ_MUST_CHECK;

/** Move the bytes behind the frames that were taken to another reader, which
 *  has none: spans of the last frame stay until `from` is fed again. */
int crq_frame_reader_move(struct crq_frame_reader *from,
        struct crq_frame_reader *to, crq_error *err) CRQ_MUST_CHECK;

/* The table, for tests and for what prints it. */
enum crq_frame_kind {
    CRQ_FIELD_INT,   /* int */
    CRQ_FIELD_BOOL,  /* bool */
    CRQ_FIELD_TEXT,  /* str of UTF-8 without '\0' */
    CRQ_FIELD_BYTES, /* bin */
    CRQ_FIELD_BYTES_OR_NIL,
    CRQ_FIELD_INTS /* array of int */
};

struct crq_frame_field {
    const char *name;
    enum crq_frame_kind kind;
    size_t offset; /* in struct crq_frame */
};

struct crq_frame_message {
    enum crq_frame_type type;
    const char *name;
    const struct crq_frame_field *fields;
    size_t count;
};

extern const struct crq_frame_message crq_frame_messages[];
extern const size_t crq_frame_message_count;

#endif
