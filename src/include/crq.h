/*
 * crq.h - RQ in C: background jobs on Redis, in the protocol of Python RQ.
 *
 * The only header that applications include. With it a program makes values,
 * puts jobs on queues, follows them and reads their results. Jobs that are
 * put here run in Python's "rq worker" too, and the other way round.
 *
 * Conventions
 *   - What can fail returns int: 0, or one of the negative CRQ_E... codes.
 *     Outputs are changed on success only. `err` may always be NULL.
 *   - `const T *` is borrowed; whoever gets a `T **out` filled owns it.
 *   - Every _free function takes NULL.
 *   - Text is UTF-8. Times are int64_t microseconds since 1970 UTC where the
 *     name ends in _us, whole seconds where it ends in _s.
 *   - Nothing here prints, exits, or keeps state between objects. An object
 *     belongs to one thread at a time.
 */
#ifndef CRQ_H
#define CRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CRQ_MUST_CHECK   __attribute__((warn_unused_result))
#define CRQ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CRQ_MUST_CHECK
#define CRQ_PRINTF(f, a)
#endif

/* ---------------------------------------------------------------- errors */

enum {
    CRQ_OK = 0,
    CRQ_ENOMEM = -1,       /* out of memory */
    CRQ_EINVAL = -2,       /* a wrong argument: nothing was done */
    CRQ_ECODEC = -3,       /* bytes that are not what they should be */
    CRQ_ELIMIT = -4,       /* larger or deeper than a limit allows */
    CRQ_EUNSUPPORTED = -5, /* well formed, but nothing crq takes */
    CRQ_EEXIST = -6,       /* the job id is taken (unique) */
    CRQ_ENOTFOUND = -7,    /* no such job, queue, result ... */
    CRQ_ESTATE = -8,       /* the job's status does not allow it */
    CRQ_ECONNECT = -9,     /* Redis cannot be reached: nothing was done */
    CRQ_EAUTH = -10,       /* Redis wants another user or password */
    CRQ_EREDIS = -11,      /* Redis refused: nothing was written */
    CRQ_ELOST = -12,       /* the link broke: the outcome is unknown */
    CRQ_ETIMEOUT = -13,    /* nothing came in time */
    CRQ_EIO = -14,         /* a file could not be read or written */
    CRQ_ETASK = -15        /* the task failed: see crq_task_fail() */
};

/** What went wrong, in one line without a full stop or line break. */
typedef struct crq_error {
    int code; /* CRQ_E..., or 0 */
    char text[500];
} crq_error;

/** The name of a code, "CRQ_EINVAL", or "CRQ_E?" for a number that is none. */
const char *crq_error_name(int code);

/** A code in words, for when there is no crq_error: "out of memory". */
const char *crq_error_summary(int code);

/** The version of the library that runs, as "0.1.0". */
const char *crq_version(void);

/* ---------------------------------------------------------------- values */

/**
 * A value as Python has them: what jobs take and return.
 *
 * Values are counted references. Every crq_value_new_... returns one reference
 * that the caller owns, or NULL when memory is out. Containers own what is put
 * into them. A value that sits in two places is shared, not copied, and a
 * pickle keeps it so. Never change a container that is already inside another
 * one in a way that makes it contain itself.
 */
typedef struct crq_value crq_value;

typedef enum crq_type {
    CRQ_NONE,
    CRQ_BOOL,
    CRQ_INT, /* any size; see crq_value_int_fits() */
    CRQ_FLOAT,
    CRQ_STR,
    CRQ_BYTES,
    CRQ_BYTEARRAY,
    CRQ_LIST,
    CRQ_TUPLE,
    CRQ_DICT,
    CRQ_SET,
    CRQ_FROZENSET,
    CRQ_DATETIME,
    CRQ_DATE,
    CRQ_TIME,
    CRQ_TIMEDELTA,
    CRQ_TIMEZONE, /* a fixed offset from UTC */
    CRQ_DECIMAL,
    CRQ_UUID,
    CRQ_RETRY /* rq.job.Retry: what a task returned to be run again */
} crq_type;

/** A fixed offset from UTC, datetime.timezone. */
typedef struct crq_tz {
    int32_t offset_s;  /* east of UTC, less than a day either way */
    int32_t offset_us; /* 0..999999, added to offset_s */
    const char *name;  /* NULL unless one was given */
} crq_tz;

/** datetime, date (day fields only) or time (clock fields only). */
typedef struct crq_datetime {
    int year, month, day;     /* 1..9999, 1..12, 1..31 */
    int hour, minute, second; /* 0..23, 0..59, 0..59 */
    int microsecond;          /* 0..999999 */
    bool fold;                /* the second of two equal local times */
    bool has_tz;              /* false: naive */
    crq_tz tz;
} crq_datetime;

/** datetime.timedelta, normalised as Python's. */
typedef struct crq_timedelta {
    int32_t days;         /* -999999999..999999999 */
    int32_t seconds;      /* 0..86399 */
    int32_t microseconds; /* 0..999999 */
} crq_timedelta;

crq_value *crq_value_new_none(void);
crq_value *crq_value_new_bool(bool b);
crq_value *crq_value_new_int(int64_t n);
crq_value *crq_value_new_float(double d);
crq_value *crq_value_new_list(void);
crq_value *crq_value_new_tuple(void);
crq_value *crq_value_new_dict(void);
crq_value *crq_value_new_set(void);
crq_value *crq_value_new_frozenset(void);

/**
 * An int of any size from decimal text ("-12345678901234567890").
 * CRQ_EINVAL when the text is not a decimal integer, CRQ_ELIMIT beyond 4300
 * digits, which is Python's own limit.
 */
int crq_value_new_int_text(const char *text, size_t len, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * A str from UTF-8, copied; '\0' may be part of it. Lone surrogates are taken
 * in their three-byte form, as Python's "surrogatepass" writes them.
 * crq_value_new_text() is the same for a C string known to be valid: it
 * returns NULL when it isn't.
 */
int crq_value_new_str(const char *text, size_t len, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
crq_value *crq_value_new_text(const char *text);

crq_value *crq_value_new_bytes(const void *bytes, size_t len);
crq_value *crq_value_new_bytearray(const void *bytes, size_t len);
crq_value *crq_value_new_uuid(const uint8_t bytes[16]);

/** CRQ_EINVAL when a field is out of its range. The names are copied. */
int crq_value_new_datetime(const crq_datetime *d, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
int crq_value_new_date(int year, int month, int day, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
int crq_value_new_time(const crq_datetime *d, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
int crq_value_new_timedelta(const crq_timedelta *d, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;
int crq_value_new_timezone(const crq_tz *tz, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

/** A Decimal from its text ("1.50", "-Infinity", "sNaN12", "1E+3"). */
int crq_value_new_decimal(const char *text, size_t len, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

crq_value *crq_value_ref(const crq_value *v);
void crq_value_free(crq_value *v); /* drops one reference */

/** The type; NULL counts as None. */
crq_type crq_value_type(const crq_value *v);

/** Python's name of the type: "int", "dict", "datetime.datetime" ... */
const char *crq_type_name(crq_type type);

/*
 * Getters take a value of their own type only; anything else is a mistake of
 * the caller's and ends in assert().
 */
bool crq_value_bool(const crq_value *v);
bool crq_value_int_fits(const crq_value *v); /* in an int64_t */
int64_t crq_value_int(const crq_value *v);   /* only when it fits */
double crq_value_float(const crq_value *v);

/** str, bytes, bytearray, Decimal (its text). Ends in '\0' beyond `len`. */
const char *crq_value_data(const crq_value *v, size_t *out_len);
/** As crq_value_data() for a str, without the length. */
const char *crq_value_text(const crq_value *v);
const uint8_t *crq_value_uuid(const crq_value *v);
const crq_datetime *crq_value_datetime(const crq_value *v); /* date, time too */
const crq_timedelta *crq_value_timedelta(const crq_value *v);
const crq_tz *crq_value_timezone(const crq_value *v);

/** Number of items of a list, tuple, set, frozenset, of pairs of a dict. */
size_t crq_value_count(const crq_value *v);
/** Item i; of a dict the value of pair i. In order of insertion. */
const crq_value *crq_value_item(const crq_value *v, size_t i);
/** Key of pair i of a dict. */
const crq_value *crq_value_key(const crq_value *v, size_t i);
/** The value under a str key, or NULL. */
const crq_value *crq_value_get(const crq_value *dict, const char *key);
/** The value under any key that equals `key` as Python has it, or NULL. */
const crq_value *crq_value_find(const crq_value *dict, const crq_value *key);

/**
 * Add to a list, tuple, set or frozenset. `item` is taken over in every case,
 * also on failure; NULL counts as CRQ_ENOMEM, so that calls can be nested:
 * crq_value_add(list, crq_value_new_int(3)). A set keeps one of equal items.
 * CRQ_EINVAL when a set's item can't be a key.
 */
int crq_value_add(crq_value *v, crq_value *item) CRQ_MUST_CHECK;

/**
 * Put a pair into a dict; both are taken over in every case. An equal key
 * keeps its place and gets the new value. CRQ_EINVAL when the key is of a type
 * that Python cannot hash (list, dict, set, bytearray, or a tuple of one).
 */
int crq_value_put(crq_value *dict, crq_value *key,
        crq_value *val) CRQ_MUST_CHECK;
/** As crq_value_put() with a str key. */
int crq_value_set(crq_value *dict, const char *key,
        crq_value *val) CRQ_MUST_CHECK;

/** Python's ==: 1 == 1.0 == True, lists and tuples differ. */
bool crq_value_equal(const crq_value *a, const crq_value *b);

/**
 * Python's repr() of a value, as a new string that ends in '\0' and is freed
 * with crq_text_free(). out_len may be NULL.
 */
int crq_value_repr(const crq_value *v, char **out, size_t *out_len,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * The value as JSON text. What JSON has no form for is written as the next
 * best thing: tuples and sets as arrays, times as ISO 8601, the rest as repr.
 */
int crq_value_json(const crq_value *v, char **out, size_t *out_len,
        crq_error *err) CRQ_MUST_CHECK;

/** A value from JSON text; numbers keep every digit. */
int crq_value_from_json(const char *text, size_t len, crq_value **out,
        crq_error *err) CRQ_MUST_CHECK;

void crq_text_free(char *text);

/* ----------------------------------------------------------- connections */

/**
 * A connection to Redis, for one thread. It is opened when it is first needed
 * and again after it broke, with the same database, user and password.
 */
typedef struct crq_conn crq_conn;

typedef struct crq_conn_options {
    size_t size;            /* set by CRQ_CONN_OPTIONS_INIT */
    int connect_timeout_ms; /* 0: 5000 */
    int timeout_ms;         /* for a reply; 0: 10000 */
    const char *name;       /* CLIENT SETNAME, or NULL */
} crq_conn_options;

/* clang-format off */
#define CRQ_CONN_OPTIONS_INIT { sizeof(crq_conn_options), 0, 0, NULL }
/* clang-format on */

/**
 * Connect, log in and select the database.
 *
 * url   redis://[[user]:password@]host[:port][/db], rediss:// for TLS, or
 *       unix://[[user]:password@]/path[?db=n]. Reserved characters in user,
 *       password and path are percent-escaped. NULL: redis://localhost:6379/0.
 *
 * Blocks up to the connect timeout. CRQ_EINVAL (the text quotes the URL at the
 * wrong place, never the password), CRQ_ECONNECT, CRQ_EAUTH, CRQ_EREDIS,
 * CRQ_ENOMEM.
 */
int crq_conn_open(const char *url, const crq_conn_options *options,
        crq_conn **out, crq_error *err) CRQ_MUST_CHECK;
void crq_conn_free(crq_conn *conn);

/* ------------------------------------------------------- calls and queues */

/** "Not given", for numbers of seconds and counts. */
#define CRQ_UNSET INT64_MIN

/** How arguments and results are written; RQ's workers choose one too. */
typedef enum crq_serializer {
    CRQ_PICKLE, /* RQ's default; any value */
    CRQ_JSON,   /* "rq worker -S json"; what JSON has a form for */
    CRQ_MSGPACK /* Python's msgpack, packb(v); what that has a form for */
} crq_serializer;

/** A function to be told how a job ended: rq.Callback. */
typedef struct crq_callback {
    const char *name;  /* "module.function", or a C callback's; NULL: none */
    int64_t timeout_s; /* of its run, from 1 on; 0: 60, as in RQ */
} crq_callback;

/** A request to be sent when a job has ended: rq.Webhook. */
typedef struct crq_webhook {
    const char *url;          /* http:// or https:// */
    const char *job_status;   /* the end to tell of: "finished" or "failed" */
    const char *method;       /* "GET" or "POST"; NULL: "GET" */
    const crq_value *headers; /* dict of str to str; NULL: none */
    int64_t timeout_s;        /* from 1 on; 0: 10, as in RQ */
} crq_webhook;

/**
 * A call to be run as a job: what RQ's Queue.enqueue() takes. Start from
 * CRQ_CALL_INIT. Everything is borrowed for the time of the function it is
 * passed to. It grows at its end only: a program that was built with an older
 * crq.h goes on with a newer library.
 */
typedef struct crq_call {
    size_t size;             /* set by CRQ_CALL_INIT */
    const char *func;        /* "module.function", or a C task's name */
    const crq_value *args;   /* list or tuple; NULL: none */
    const crq_value *kwargs; /* dict with str keys; NULL: none */
    crq_serializer serializer;
    const char *job_id;      /* letters, digits, - and _; NULL: a new UUID */
    const char *description; /* NULL: the call as Python prints it */
    const crq_value *meta;   /* dict; NULL: none */
    int64_t timeout_s;       /* of a run; -1: no limit; unset: 180 */
    int64_t result_ttl_s;    /* -1: for ever, 0: not kept; unset: worker's */
    int64_t failure_ttl_s;   /* -1: for ever, 0: not kept; unset: a year */
    int64_t ttl_s;           /* how long it may wait; unset: for ever */
    int64_t retry_max;       /* runs after a failed one; unset: none */
    /* Seconds before each. With fewer than retry_max, the first one counts
     * for the retries at the beginning, too: 4 and [10, 20] is 10 10 10 20. */
    const int64_t *retry_intervals_s;
    size_t retry_intervals; /* how many; none: at once */
    bool retry_at_front;    /* a retry goes to the front */
    bool at_front;          /* push at the front of the queue */
    bool unique; /* CRQ_EEXIST when job_id, which must be given, is taken */
    /* Ids of jobs to wait for: rq.Dependency. One that doesn't exist counts as
     * done. With at_front the job goes to the front when they are, too. Not
     * with `unique`. */
    const char *const *depends_on;
    size_t dependencies;               /* how many */
    crq_callback on_success;           /* called with the job and its result */
    crq_callback on_failure;           /* with the job and the error */
    crq_callback on_stopped;           /* with the job */
    int64_t repeat_times;              /* runs after a good one; unset: none */
    const int64_t *repeat_intervals_s; /* seconds before each, taken from the
                                        * end of the list: see RQ's Repeat */
    size_t repeat_intervals;           /* how many; none: at once */
    const char *group_id;              /* the group to be in; NULL: none */
    const crq_webhook *webhooks;
    size_t webhooks_count;
    bool allow_dependency_failures; /* a failed one counts as done, too */
} crq_call;

/* clang-format off */
#define CRQ_CALL_INIT \
    { sizeof(crq_call), NULL, NULL, NULL, CRQ_PICKLE, NULL, NULL, NULL, \
      CRQ_UNSET, CRQ_UNSET, CRQ_UNSET, CRQ_UNSET, CRQ_UNSET, NULL, 0, \
      false, false, false, \
      NULL, 0, { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, CRQ_UNSET, NULL, 0, \
      NULL, NULL, 0, false }
/* clang-format on */

typedef struct crq_queue crq_queue;
typedef struct crq_job crq_job;
typedef struct crq_result crq_result;

/** A queue by its name; nothing is asked of Redis. The connection is borrowed
 *  and must outlive the queue. CRQ_EINVAL: an empty or overlong name. */
int crq_queue_new(crq_conn *conn, const char *name, crq_queue **out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_queue_free(crq_queue *queue);
const char *crq_queue_name(const crq_queue *queue);

/**
 * Put a call on the queue, as Queue.enqueue() in RQ. With dependencies that are
 * not done it is deferred instead: whoever ends the last of them puts it on
 * the queue. One that fails, or has failed already, keeps it waiting unless
 * allow_dependency_failures is set.
 *
 * The job and its place in the queue are written by one script: a worker never
 * finds an id without its job. When the link breaks before the reply, the
 * script is run once more, which changes nothing if the job is there already:
 * waiting, running or done. (Only a job that was done and deleted meanwhile,
 * with a result_ttl of 0, would run again.) A job_id that is in use is
 * overwritten, as in RQ, unless `unique` is set. Blocks up to the connection's
 * timeout, twice.
 *
 * out_job  the job as it was written; may be NULL.
 *
 * CRQ_EINVAL       the call is wrong; the text names the field
 * CRQ_EUNSUPPORTED a value that the serializer has no form for
 * CRQ_EEXIST       `unique` is set and the job id is taken
 * CRQ_EREDIS, CRQ_EAUTH, CRQ_ECONNECT  nothing was written
 * CRQ_ELOST, CRQ_ETIMEOUT              the job may have been written
 */
int crq_queue_enqueue(crq_queue *queue, const crq_call *call, crq_job **out_job,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Schedule a call: a scheduler puts it on the queue when its time has come,
 * whatever it depends on, as in RQ.
 * crq keeps fractions of a second; RQ's own scheduler looks once a second.
 * Errors as crq_queue_enqueue(), and CRQ_EINVAL for a time outside the years
 * 1 to 9999. A time that has passed is due at once.
 */
int crq_queue_enqueue_at(crq_queue *queue, int64_t when_us,
        const crq_call *call, crq_job **out_job, crq_error *err) CRQ_MUST_CHECK;
int crq_queue_enqueue_in(crq_queue *queue, int64_t delay_us,
        const crq_call *call, crq_job **out_job, crq_error *err) CRQ_MUST_CHECK;

/**
 * Where crq_queue_enqueue_many() gets its calls: fill *call, which starts as
 * CRQ_CALL_INIT, and return 1; return 0 at the end, a code below 0 to stop.
 * What the call points to must live until the next time it is asked.
 */
typedef int crq_call_source(void *arg, crq_call *call, crq_error *err);

/** Told about each call, the nth from 0 on, in their order but for those with
 *  dependencies, which come last: its job id, or its failure (rc below 0: a
 *  wrong call, a taken id). Returning below 0 stops. It must not use the
 *  queue's connection, which is in the middle of the pipeline. */
typedef int crq_call_done(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err);

/**
 * Put any number of calls on the queue through pipelines of bounded size:
 * memory does not grow with their number. Each job is written atomically; jobs
 * appear in the order of the calls, mixed with those of others.
 *
 * Jobs that depend on others come last, and may depend on any job of these
 * calls. They are kept in memory, written as deferred, and those that have
 * nothing to wait for are enqueued then. Who dies just before that leaves them
 * deferred, as in RQ.
 *
 * done       may be NULL: then the first failed call stops the work.
 * out_count  the number of jobs written, also on failure; may be NULL.
 *
 * Errors as crq_queue_enqueue(); what was sent before a failure is written or,
 * after CRQ_ELOST, may be.
 */
int crq_queue_enqueue_many(crq_queue *queue, crq_call_source *next,
        crq_call_done *done, void *arg, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/** How many jobs wait in the queue. */
int crq_queue_count(crq_queue *queue, int64_t *out,
        crq_error *err) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------- jobs */

typedef enum crq_status {
    CRQ_STATUS_CREATED,
    CRQ_STATUS_QUEUED,
    CRQ_STATUS_STARTED,
    CRQ_STATUS_FINISHED,
    CRQ_STATUS_FAILED,
    CRQ_STATUS_DEFERRED,
    CRQ_STATUS_SCHEDULED,
    CRQ_STATUS_STOPPED,
    CRQ_STATUS_CANCELED,
    CRQ_STATUS_OTHER /* one of a newer RQ: see crq_job_status_text() */
} crq_status;

/** RQ's word for a status: "queued"; NULL for CRQ_STATUS_OTHER. */
const char *crq_status_name(crq_status status);

/**
 * Fetch a job as it is in Redis now. CRQ_ENOTFOUND when there is none; an id
 * of the form "<job>:<execution>" means the job. The connection is borrowed
 * and must outlive the job.
 */
int crq_job_fetch(crq_conn *conn, const char *id, crq_job **out,
        crq_error *err) CRQ_MUST_CHECK;

/** Read everything again. CRQ_ENOTFOUND: it is gone, the object unchanged. */
int crq_job_refresh(crq_job *job, crq_error *err) CRQ_MUST_CHECK;
void crq_job_free(crq_job *job);

/*
 * What the job holds, as of the last fetch. Texts are NULL and numbers and
 * times CRQ_UNSET where there is nothing. All stay valid until the job is
 * refreshed or freed.
 */
const char *crq_job_id(const crq_job *job);
crq_status crq_job_status(const crq_job *job);
const char *crq_job_status_text(const crq_job *job); /* never NULL */
const char *crq_job_origin(const crq_job *job);      /* the queue's name */
const char *crq_job_description(const crq_job *job);
const char *crq_job_worker_name(const crq_job *job);
const char *crq_job_group_id(const crq_job *job);
int64_t crq_job_created_us(const crq_job *job);
int64_t crq_job_enqueued_us(const crq_job *job);
int64_t crq_job_started_us(const crq_job *job);
int64_t crq_job_ended_us(const crq_job *job);
int64_t crq_job_timeout_s(const crq_job *job);
int64_t crq_job_result_ttl_s(const crq_job *job);
int64_t crq_job_failure_ttl_s(const crq_job *job);
int64_t crq_job_ttl_s(const crq_job *job);
int64_t crq_job_retries_left(const crq_job *job);

/** Any field of the hash by RQ's name for it, as the bytes that Redis has. */
const char *crq_job_field(const crq_job *job, const char *name,
        size_t *out_len);

/**
 * The call. It is decoded when it is first asked for; where that fails (an
 * object of a Python class among the arguments, damaged bytes) these return
 * NULL and crq_job_problem() says why.
 */
const char *crq_job_func(crq_job *job);
const crq_value *crq_job_args(crq_job *job);   /* list or tuple */
const crq_value *crq_job_kwargs(crq_job *job); /* dict */
const crq_value *crq_job_meta(crq_job *job);   /* dict; NULL: none */
crq_serializer crq_job_serializer(crq_job *job);

/** The first thing in the hash that could not be read, or NULL. */
const char *crq_job_problem(crq_job *job);

/** Place in its queue, 0 for the next one; CRQ_ENOTFOUND: it does not wait. */
int crq_job_position(crq_job *job, int64_t *out, crq_error *err) CRQ_MUST_CHECK;

/* ---------------------------------------------------------------- results */

/** How a run ended: the numbers that RQ stores. */
typedef enum crq_result_type {
    CRQ_RESULT_SUCCESSFUL = 1,
    CRQ_RESULT_FAILED = 2,
    CRQ_RESULT_STOPPED = 3,
    CRQ_RESULT_RETRIED = 4,             /* the task returned a Retry */
    CRQ_RESULT_MAX_RETRIES_EXCEEDED = 5 /* and once more than it may */
} crq_result_type;

/**
 * The newest result. CRQ_ENOTFOUND: there is none (yet, or no more).
 * Results of jobs that RQ before 1.12 ran are found too.
 */
int crq_job_latest_result(crq_job *job, crq_result **out,
        crq_error *err) CRQ_MUST_CHECK;

/** All results, newest first: an array of *out_count, freed as a whole with
 *  crq_results_free(). No result is no error. */
int crq_job_results(crq_job *job, crq_result ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
void crq_results_free(crq_result **results, size_t count);

/**
 * Wait until the job has ended and take its result; a run that will be retried
 * is not the end. Refreshes the job.
 *
 * after       the id of a result to be passed over with all older ones, for a
 *             job that ran before; NULL: the newest one there counts.
 * timeout_ms  -1: no limit.
 *
 * CRQ_ETIMEOUT   not ended in time
 * CRQ_ESTATE     canceled: there will be no result
 * CRQ_ENOTFOUND  the result is gone, mostly with the job: deleted, expired, or
 *                done with a result_ttl of 0
 */
int crq_job_wait(crq_job *job, const char *after, int64_t timeout_ms,
        crq_result **out, crq_error *err) CRQ_MUST_CHECK;

void crq_result_free(crq_result *result);
const char *crq_result_id(const crq_result *result); /* in Redis; "" if none */
crq_result_type crq_result_type_of(const crq_result *result);
int64_t crq_result_created_us(const crq_result *result);
const char *crq_result_worker_name(const crq_result *result);  /* or NULL */
const char *crq_result_execution_id(const crq_result *result); /* or NULL */
int64_t crq_result_started_us(const crq_result *result); /* or CRQ_UNSET */
int64_t crq_result_ended_us(const crq_result *result);   /* or CRQ_UNSET */
/** The error text of a failed run, Python's traceback; NULL for others. */
const char *crq_result_exc_string(const crq_result *result);
/** What the task returned; NULL: None, or see crq_result_problem(). */
const crq_value *crq_result_return_value(const crq_result *result);
/** Why the return value or error text could not be read, or NULL. */
const char *crq_result_problem(const crq_result *result);

/* ------------------------------------------------------------------- logs */

/**
 * Lines that a job's runs have logged with crq_task_log(), oldest first. crq's
 * workers keep them with the job, RQ's have nothing of the kind. The newest
 * 16384 lines and 1 MiB of a job are there: of each run the first 4096 lines
 * and 256 KiB. They are there at most 0.1 s after they were logged, and all of
 * a run before its job has ended. They live as long as the job, at most a year
 * after the last run.
 */
typedef struct crq_lines crq_lines;

/**
 * Read lines, at most 1000 at once.
 *
 * after    the id of a line that was read before: those behind it; NULL: from
 *          the oldest on.
 * wait_ms  how long to wait when there is none, 0: not at all.
 *
 * No line is no error. CRQ_EINVAL: `after` is no line's id.
 */
int crq_job_log(crq_job *job, const char *after, int64_t wait_ms,
        crq_lines **out, crq_error *err) CRQ_MUST_CHECK;

/** The newest `count` lines, 1000 at most. */
int crq_job_log_tail(crq_job *job, size_t count, crq_lines **out,
        crq_error *err) CRQ_MUST_CHECK;

void crq_lines_free(crq_lines *lines);
size_t crq_lines_count(const crq_lines *lines);
/* Of line i; borrowed until crq_lines_free(). */
const char *crq_lines_id(const crq_lines *lines, size_t i);
const char *crq_lines_text(const crq_lines *lines, size_t i); /* UTF-8 */
int64_t crq_lines_time_us(const crq_lines *lines, size_t i);  /* or CRQ_UNSET */
/** The run that logged it; NULL when that isn't known. */
const char *crq_lines_execution_id(const crq_lines *lines, size_t i);

/* -------------------------------------------------------------- schedules */

/** What becomes of slots that were missed: more than a minute late because no
 *  scheduler was there, or with another one due behind them. */
typedef enum crq_catchup {
    CRQ_CATCHUP_SKIP, /* nothing */
    CRQ_CATCHUP_ONCE, /* one run for all of them, as the newest */
    CRQ_CATCHUP_ALL   /* a run for each, of the newest catchup_max */
} crq_catchup;

/**
 * When a call is to be run again and again. Start from CRQ_SCHEDULE_INIT.
 *
 * Either `every_us`, or `cron`: minute, hour, day of month, month and day of
 * week, with seconds in front of them when there are six; lists, ranges,
 * steps, names, @daily ...; days of the month and of the week: either will do.
 * A time that the zone's clock skips is made up for at the change, one that
 * comes twice counts when it comes first; an expression that names every hour
 * goes by elapsed time instead.
 */
typedef struct crq_schedule_options {
    size_t size;         /* set by CRQ_SCHEDULE_INIT */
    const char *id;      /* letters, digits, - and _, up to 360 */
    const char *queue;   /* NULL: "default" */
    int64_t every_us;    /* at least 1000; 0: by cron */
    const char *cron;    /* NULL: by every_us */
    const char *tz;      /* of cron: "Europe/Berlin"; NULL: UTC */
    int64_t start_us;    /* no run before it, every_us counts from it */
    int64_t repeat;      /* runs in all, at least 1; unset: no limit */
    crq_catchup catchup; /* of missed slots */
    int64_t catchup_max; /* of CRQ_CATCHUP_ALL: up to 100, which 0 means */
    bool allow_overlap;  /* a run though the last one has not ended yet;
                          * else that slot is left out */
    const char *source;  /* where it comes from, a file's name; or NULL */
} crq_schedule_options;

/* clang-format off */
#define CRQ_SCHEDULE_INIT \
    { sizeof(crq_schedule_options), NULL, NULL, 0, NULL, NULL, CRQ_UNSET, \
      CRQ_UNSET, CRQ_CATCHUP_SKIP, 0, false, NULL }
/* clang-format on */

typedef struct crq_schedule crq_schedule;

/**
 * Register a schedule, which crq-scheduler then runs: at each slot a job with
 * the id "<id>-<unix time of the slot in milliseconds>". An id that is there is
 * replaced; when every_us, cron, tz and start_us are as before, its next slot
 * stays the same, and with an unchanged `repeat` so does the number of runs
 * left: registering the same schedule again changes nothing. Blocks up to the
 * connection's timeout, twice.
 *
 * call         job_id, unique and what it depends on must not be set.
 * out_next_us  its next slot; may be NULL.
 *
 * CRQ_EINVAL  what is wrong with the options or the call: of cron the field
 *             and the place, also an unknown zone and impossible dates
 * and the errors of crq_queue_enqueue().
 *
 * For the zone the process's own is changed for a moment: no other thread may
 * use local time or the environment meanwhile.
 */
int crq_schedule_put(crq_conn *conn, const crq_schedule_options *options,
        const crq_call *call, int64_t *out_next_us,
        crq_error *err) CRQ_MUST_CHECK;

/** Remove a schedule; jobs that it has made stay. CRQ_ENOTFOUND: there is
 *  none (or, had the link broken, not any more). */
int crq_schedule_remove(crq_conn *conn, const char *id,
        crq_error *err) CRQ_MUST_CHECK;

/** CRQ_ENOTFOUND: there is none. */
int crq_schedule_fetch(crq_conn *conn, const char *id, crq_schedule **out,
        crq_error *err) CRQ_MUST_CHECK;
/** All schedules, the next one due first; freed with crq_schedules_free(). */
int crq_schedule_list(crq_conn *conn, crq_schedule ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
void crq_schedule_free(crq_schedule *schedule);
void crq_schedules_free(crq_schedule **schedules, size_t count);

/* What a schedule holds, as of the fetch: NULL or CRQ_UNSET where there is
 * nothing. */
const char *crq_schedule_id(const crq_schedule *schedule);
const char *crq_schedule_queue(const crq_schedule *schedule);
const char *crq_schedule_func(const crq_schedule *schedule);
const char *crq_schedule_description(const crq_schedule *schedule);
const char *crq_schedule_source(const crq_schedule *schedule);
const char *crq_schedule_cron(const crq_schedule *schedule);
const char *crq_schedule_tz(const crq_schedule *schedule);
int64_t crq_schedule_every_us(const crq_schedule *schedule);
int64_t crq_schedule_left(const crq_schedule *schedule); /* runs; unset: all */
int64_t crq_schedule_next_us(const crq_schedule *schedule);
int64_t crq_schedule_last_us(const crq_schedule *schedule); /* slot */
/** How much later than its slot the last job was enqueued. */
int64_t crq_schedule_lateness_us(const crq_schedule *schedule);
/** The id of the last job that it made. */
const char *crq_schedule_last_job(const crq_schedule *schedule);
/** Why it can't be run, when what Redis holds is damaged; else NULL. */
const char *crq_schedule_problem(const crq_schedule *schedule);

/**
 * Its next slots, at most `count`, as far as there are any. *out_count is how
 * many. Threads: as crq_schedule_put(). CRQ_ECODEC: see its problem.
 */
int crq_schedule_times(const crq_schedule *schedule, int64_t *out_us,
        size_t count, size_t *out_count, crq_error *err) CRQ_MUST_CHECK;

/* --------------------------------------------------------------- triggers */

/**
 * Which events a job is to be made for: what is added to a stream of Redis,
 * XADD's fields and values. Start from CRQ_TRIGGER_INIT.
 */
typedef struct crq_trigger_options {
    size_t size;            /* set by CRQ_TRIGGER_INIT */
    const char *id;         /* letters, digits, - and _, up to 300 */
    const char *queue;      /* NULL: "default" */
    const char *stream;     /* the key */
    const crq_value *match; /* dict of texts, all of which the event's fields
                             * must be; NULL: every event */
} crq_trigger_options;

/* clang-format off */
#define CRQ_TRIGGER_INIT \
    { sizeof(crq_trigger_options), NULL, NULL, NULL, NULL }
/* clang-format on */

typedef struct crq_trigger crq_trigger;

/**
 * Register a trigger, which crq-scheduler handles from within a second on: each
 * event of the stream that matches becomes one job. So do those that are there
 * already, if there was no trigger of this stream before: an event that has
 * been handled stays so. An id that is there is replaced. Blocks up to the
 * connection's timeout, twice.
 *
 * call  either args or kwargs; what JSON has no form for is refused. In them a
 *       text "$event.FIELD" stands for that field of the event, "$event" for
 *       all as a dict; ":int" behind it, ":float", ":bool" or ":str" for what
 *       it is read as, "?" at the end for one that may be missing; "$$" begins
 *       a text that begins with "$". Of the rest, description, times, retries
 *       and at_front may be set.
 *
 * CRQ_EINVAL  what is wrong with the options or the call
 * CRQ_EEXIST  an application that a file declares has this name; see
 *             crq-scheduler(8)
 * and the errors of crq_schedule_remove().
 */
int crq_trigger_put(crq_conn *conn, const crq_trigger_options *options,
        const crq_call *call, crq_error *err) CRQ_MUST_CHECK;

/** Remove a trigger, or all those of the application of this name: its file
 *  declares them again when its scheduler is started. Jobs that were made
 *  stay. CRQ_ENOTFOUND: there is none (or, had the link broken, not any
 *  more). */
int crq_trigger_remove(crq_conn *conn, const char *id,
        crq_error *err) CRQ_MUST_CHECK;

/** One that was put by this id, or "APPLICATION#0", "#1" ... of those that a
 *  file declares. CRQ_ENOTFOUND: there is none. */
int crq_trigger_fetch(crq_conn *conn, const char *id, crq_trigger **out,
        crq_error *err) CRQ_MUST_CHECK;
/** All triggers, by their ids; freed with crq_triggers_free(). What is damaged
 *  in Redis is left out. */
int crq_trigger_list(crq_conn *conn, crq_trigger ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
void crq_trigger_free(crq_trigger *trigger);
void crq_triggers_free(crq_trigger **triggers, size_t count);

/* What a trigger holds, as of the fetch; all is valid as long as it is. */
const char *crq_trigger_id(const crq_trigger *trigger);
const char *crq_trigger_stream(const crq_trigger *trigger);
const crq_value *crq_trigger_match(const crq_trigger *trigger); /* dict */
const char *crq_trigger_queue(const crq_trigger *trigger);
const char *crq_trigger_func(const crq_trigger *trigger);
/** The file that declares it; NULL: it was put. */
const char *crq_trigger_source(const crq_trigger *trigger);
/** Events of the stream that have not been handled; CRQ_UNSET when Redis
 *  can't tell: before Redis 7, or when events were deleted. */
int64_t crq_trigger_lag(const crq_trigger *trigger);

/* ------------------------------------------------------------- operations */

/*
 * What is done to jobs, queues and workers from outside. Each change is one
 * step in Redis: whole, or not done at all. A job's object keeps what it held;
 * crq_job_refresh() shows what has become of the job.
 *
 * All of them may fail with CRQ_EREDIS, CRQ_EAUTH, CRQ_ECONNECT (nothing was
 * changed), CRQ_ELOST or CRQ_ETIMEOUT (it may have been), and CRQ_ENOMEM.
 */

/** Texts that were given as an array: ids, names. */
void crq_names_free(char **names, size_t count);

enum {
    /* Cancel: for those that wait for it, this job counts as met ... */
    CRQ_CANCEL_ENQUEUE_DEPENDENTS = 1,
    /* ... and it is no longer among the dependents of what it waited for. */
    CRQ_CANCEL_REMOVE_FROM_DEPENDENCIES = 2,
    /* Delete: its id stays in the queue ... */
    CRQ_DELETE_KEEP_IN_QUEUE = 4,
    /* ... and those that wait for it are deleted, too. */
    CRQ_DELETE_DEPENDENTS = 8,
    CRQ_AT_FRONT = 16 /* requeue, move */
};

/**
 * Cancel a job: it leaves its queue or registry for the canceled ones. A run
 * that is under way is not stopped (crq_job_stop() does that), but crq's
 * workers leave the job canceled when it ends. Its dependents stay deferred
 * unless flags say else. More than a hundred are enqueued in pieces, after the
 * job is canceled: should the link break meanwhile, crq's workers go on.
 * CRQ_ENOTFOUND: it is gone. CRQ_ESTATE: it is canceled already.
 */
int crq_job_cancel(crq_job *job, unsigned flags, crq_error *err) CRQ_MUST_CHECK;

/** Put a failed or stopped job on its queue again. CRQ_ENOTFOUND: it is gone.
 *  CRQ_ESTATE: it is not among the failed jobs of its queue. */
int crq_job_requeue(crq_job *job, unsigned flags,
        crq_error *err) CRQ_MUST_CHECK;

/** Delete a job and forget it everywhere; only its results stay for their own
 *  time. A run that is under way goes on, but can store nothing. A job that
 *  is gone already is no error. */
int crq_job_delete(crq_job *job, unsigned flags, crq_error *err) CRQ_MUST_CHECK;

/** Ask the worker to stop a job that runs. It answers nothing: see
 *  crq_job_wait(). CRQ_ENOTFOUND: the job is gone. CRQ_ESTATE: it does not
 *  run, or its worker does not listen. */
int crq_job_stop(crq_job *job, crq_error *err) CRQ_MUST_CHECK;

/**
 * Move a job that is queued, deferred or scheduled to another queue, or to an
 * end of its own one. RQ has no word for this.
 * CRQ_ENOTFOUND: it is gone. CRQ_ESTATE: another status; or it was just taken
 * from its queue. CRQ_EINVAL: not the name of a queue.
 */
int crq_job_move(crq_job *job, const char *queue, unsigned flags,
        crq_error *err) CRQ_MUST_CHECK;

/** Ids of the jobs that wait for this one, sorted. Some may be gone. */
int crq_job_dependents(crq_job *job, char ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
/** Ids of the jobs that this one waits or waited for, sorted. */
int crq_job_dependencies(crq_job *job, char ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/** Names of all known queues, sorted. */
int crq_queue_names(crq_conn *conn, char ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/** Delete all jobs that wait in the queue; those that are added meanwhile may
 *  stay. In steps of bounded size: after a failure some are gone, and
 *  *out_count (may be NULL) says how many surely are. */
int crq_queue_empty(crq_queue *queue, int64_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
/** Forget the queue. With delete_jobs it is emptied first; else the ids go and
 *  the jobs stay, as in RQ. Its registries stay in any case. */
int crq_queue_delete(crq_queue *queue, bool delete_jobs,
        crq_error *err) CRQ_MUST_CHECK;
/** Take ids without a job out of the queue, the order of the others kept.
 *  out_count: how many; may be NULL. */
int crq_queue_compact(crq_queue *queue, int64_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/** No worker takes a job until crq_resume(), or for so many seconds;
 *  CRQ_UNSET: no limit. Runs go on. CRQ_EINVAL: less than a second. */
int crq_suspend(crq_conn *conn, int64_t seconds, crq_error *err) CRQ_MUST_CHECK;
int crq_resume(crq_conn *conn, crq_error *err) CRQ_MUST_CHECK;
/** out_left_s: -1: for ever; at most 10^12, so that it can be multiplied; may
 *  be NULL, and is left alone when there is no suspension. */
int crq_is_suspended(crq_conn *conn, bool *out, int64_t *out_left_s,
        crq_error *err) CRQ_MUST_CHECK;

/* -------------------------------------------------------------- registries */

/**
 * One page of the jobs of a status in a queue: those waiting (queued) from
 * front to back, those of a registry by score and id, or the other way round.
 * Failed and stopped jobs share a registry.
 */
typedef struct crq_page crq_page;

typedef enum crq_order {
    CRQ_OLDEST_FIRST, /* a queue from the front, a registry by score and id */
    CRQ_NEWEST_FIRST  /* exactly the other way round */
} crq_order;

/**
 * order   the same for all pages of a walk. What a score is depends on the
 *         status (see crq_page_score()): of finished, failed and stopped jobs
 *         it is when they expire. Those with TTLs alike are in the order in
 *         which they ended; in a mixture those kept longer pass for newer.
 *         Of those that never expire, finished ones (infinity) are the newest,
 *         failed ones (-1) the oldest, and in the order of their ids.
 * cursor  NULL for the first page, then crq_page_cursor() of the one before.
 *         Entries that come and go between two pages do no harm: each one that
 *         is there all the time is seen, and once. Only where the last entry
 *         read was taken out of a queue, some may be seen again; newest first,
 *         when others were put in front meanwhile, some may be left out.
 * limit   1 to 10000.
 * CRQ_EINVAL: limit, cursor, the queue's name, or a status that has no list.
 */
int crq_registry_page(crq_conn *conn, const char *queue, crq_status status,
        crq_order order, const char *cursor, size_t limit, crq_page **out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_page_free(crq_page *page);
size_t crq_page_count(const crq_page *page);
const char *crq_page_id(const crq_page *page, size_t i);
/** Of a started job; NULL for others. */
const char *crq_page_execution(const crq_page *page, size_t i);
/** Unix seconds: when a started run's lease ends, a scheduled job is due, a
 *  finished or failed one expires (-1, infinity: never), a deferred or
 *  canceled one was entered. 0 for queued. */
double crq_page_score(const crq_page *page, size_t i);
/** Where to go on; NULL behind the last page. */
const char *crq_page_cursor(const crq_page *page);

/** How many there are; those whose time has passed and that only wait for
 *  maintenance are not counted. CRQ_EINVAL as above. */
int crq_registry_count(crq_conn *conn, const char *queue, crq_status status,
        int64_t *out, crq_error *err) CRQ_MUST_CHECK;
/** Take an id out of a registry (not a queue), and nothing else. CRQ_ENOTFOUND:
 *  it is not in there. */
int crq_registry_remove(crq_conn *conn, const char *queue, crq_status status,
        const char *id, crq_error *err) CRQ_MUST_CHECK;

/* -------------------------------------------------------------- many jobs */

/** Which jobs; what is NULL or unset does not matter. From CRQ_FILTER_INIT. */
typedef struct crq_filter {
    size_t size;           /* set by CRQ_FILTER_INIT */
    const char *queue;     /* NULL: all */
    const char *group;     /* only jobs of this group */
    const char *func;      /* the function's name; "*" is any text in it */
    int statuses;          /* 1 << CRQ_STATUS_..., or'ed; 0: all that the
                            * operation is for */
    int64_t older_than_us; /* since it got its status, as far as is known */
    const char *error;     /* the class of the error in its newest result, as
                            * crq_failure_class() has it; "*" is any text in
                            * it, "" is none that can be read */
} crq_filter;

/* clang-format off */
#define CRQ_FILTER_INIT \
    { sizeof(crq_filter), NULL, NULL, NULL, 0, CRQ_UNSET, NULL }
/* clang-format on */

typedef enum crq_operation {
    CRQ_OPERATION_NONE, /* only look */
    CRQ_OPERATION_CANCEL,
    CRQ_OPERATION_REQUEUE,
    CRQ_OPERATION_DELETE,
    CRQ_OPERATION_STOP,
    CRQ_OPERATION_MOVE
} crq_operation;

typedef struct crq_tally {
    int64_t total;   /* entries there were at the beginning */
    int64_t seen;    /* entries so far */
    int64_t matched; /* jobs that the filter let pass */
    int64_t done;    /* operated on; in a dry run: would have been tried */
    int64_t gone;    /* vanished meanwhile */
    int64_t refused; /* not in a state for it, or Redis can't */
} crq_tally;

/** What to do with them. From CRQ_BULK_INIT. */
typedef struct crq_bulk {
    size_t size; /* set by CRQ_BULK_INIT */
    crq_operation operation;
    unsigned flags;       /* of the operation */
    const char *to_queue; /* of a move */
    bool dry_run;
    /** Told of each job that matched: rc 0, or why not. Below 0 stops. */
    int (*each)(void *arg, crq_job *job, int rc, const crq_error *why);
    /** Told now and then. Below 0 stops. Neither may use the connection. */
    int (*progress)(void *arg, const crq_tally *tally);
    void *arg;
} crq_bulk;

/* clang-format off */
#define CRQ_BULK_INIT \
    { sizeof(crq_bulk), CRQ_OPERATION_NONE, 0, NULL, false, NULL, NULL, NULL }
/* clang-format on */

/**
 * Walk over all jobs that a filter describes and do something to each, in
 * pages of bounded size. Not atomic: each job is. Jobs that are added
 * meanwhile may be met or not; one that moves from one list into another may
 * be met twice.
 *
 * out  what was done, also on failure; may be NULL.
 *
 * CRQ_EINVAL, what a callback returned, and the errors of operations; a single
 * job that is gone or can't be operated on is counted, not an error.
 */
int crq_jobs_apply(crq_conn *conn, const crq_filter *filter,
        const crq_bulk *bulk, crq_tally *out, crq_error *err) CRQ_MUST_CHECK;

/* ----------------------------------------------------------------- groups */

/** Names of all groups, sorted. */
int crq_group_names(crq_conn *conn, char ***out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
/** Ids of a group's jobs, sorted; some may be gone. CRQ_ENOTFOUND: there is no
 *  such group. */
int crq_group_ids(crq_conn *conn, const char *group, char ***out,
        size_t *out_count, crq_error *err) CRQ_MUST_CHECK;
/** Delete a group with all of its jobs. out_count: jobs; may be NULL.
 *  CRQ_ENOTFOUND: there is no such group. */
int crq_group_delete(crq_conn *conn, const char *group, int64_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;

/* ---------------------------------------------------------------- workers */

typedef struct crq_worker crq_worker;

/** All workers that have a record, RQ's and crq's, sorted by name: an array to
 *  be freed as a whole. */
int crq_workers_fetch(crq_conn *conn, crq_worker **out, size_t *out_count,
        crq_error *err) CRQ_MUST_CHECK;
void crq_workers_free(crq_worker *workers, size_t count);
/** Worker i of the array. */
const crq_worker *crq_workers_at(const crq_worker *workers, size_t i);

/* Texts are "" and times CRQ_UNSET where there is nothing. */
const char *crq_worker_name(const crq_worker *worker);
const char *crq_worker_state(const crq_worker *worker);  /* RQ's word */
const char *crq_worker_queues(const crq_worker *worker); /* "high,low" */
const char *crq_worker_hostname(const crq_worker *worker);
const char *crq_worker_ip_address(const crq_worker *worker);
const char *crq_worker_pid(const crq_worker *worker);
const char *crq_worker_current_job(const crq_worker *worker);
const char *crq_worker_version(const crq_worker *worker);
int64_t crq_worker_birth_us(const crq_worker *worker);
int64_t crq_worker_last_heartbeat_us(const crq_worker *worker);
int64_t crq_worker_successful_job_count(const crq_worker *worker);
int64_t crq_worker_failed_job_count(const crq_worker *worker);
double crq_worker_total_working_time_s(const crq_worker *worker);

/** Ask a worker to end when its runs have. CRQ_ENOTFOUND: nobody of that name
 *  listens. */
int crq_worker_shutdown(crq_conn *conn, const char *name,
        crq_error *err) CRQ_MUST_CHECK;
/** Ask a worker to kill the run it is busy with, which then has failed. As
 *  crq_worker_shutdown(). */
int crq_worker_kill_horse(crq_conn *conn, const char *name,
        crq_error *err) CRQ_MUST_CHECK;

/* ------------------------------------------------------------- statistics */

/*
 * What crq's workers and scheduler have counted: how runs ended, how long jobs
 * waited and ran. They count by themselves and add it to Redis ten times a
 * second at most; one that is killed takes its last tenth of a second along.
 * What RQ's own workers run is not in here. Statistics are no promise: a
 * key that holds something else than it should counts as empty.
 */

/** Statistics of one queue, or of all together, as of the fetch. */
typedef struct crq_stats crq_stats;

/** How a run ended. */
typedef enum crq_stat {
    CRQ_STAT_FINISHED,
    CRQ_STAT_FAILED,    /* for good */
    CRQ_STAT_STOPPED,   /* by stop-job */
    CRQ_STAT_CANCELED,  /* the job was canceled meanwhile */
    CRQ_STAT_RETRIED,   /* failed or asked for it: the job runs again */
    CRQ_STAT_ABANDONED, /* of those failed or retried: the worker was gone */
    CRQ_STAT_COUNT
} crq_stat;

/** The short word for it, "finished"; NULL for a number that is none. */
const char *crq_stat_name(crq_stat stat);

typedef enum crq_timing {
    CRQ_TIMING_WAIT, /* from enqueued (or due) until its run begins */
    CRQ_TIMING_RUN,  /* from then until the end */
    CRQ_TIMING_LATE, /* the scheduler: from due until enqueued */
    CRQ_TIMING_COUNT
} crq_timing;

/* Times are kept by buckets, the last one being without an upper bound. */
#define CRQ_STATS_BUCKETS 21
#define CRQ_STATS_MINUTES 60

/** The upper bound of bucket i, which belongs to it: 1 ms, 2 ms, 5 ms, ... one
 *  hour; INT64_MAX for the last. */
int64_t crq_stats_bound_us(size_t i);

/**
 * Fetch statistics of queues, in two round trips. A queue that nobody knows has
 * empty ones.
 *
 * queues   `count` names; NULL as one of them: all queues together, also those
 *          that are gone.
 * minutes  how many minutes of the series to read: 0 (none; only what was
 *          counted since ever) to CRQ_STATS_MINUTES. Each costs a read for
 *          each queue.
 * out      an array in the same order: crq_stats_at(), freed as a whole.
 *
 * CRQ_EINVAL: minutes, or what is no queue's name; and the errors of Redis.
 */
int crq_stats_fetch(crq_conn *conn, const char *const *queues, size_t count,
        int minutes, crq_stats **out, crq_error *err) CRQ_MUST_CHECK;
void crq_stats_free(crq_stats *stats, size_t count);
/** Row i of the array. */
const crq_stats *crq_stats_at(const crq_stats *stats, size_t i);

/** The queue; NULL: all. */
const char *crq_stats_queue(const crq_stats *stats);
/** When it was fetched, by the clock of Redis, which also parts the minutes. */
int64_t crq_stats_now_us(const crq_stats *stats);
/** When the job that is the next of its queue was enqueued; for all queues, the
 *  earliest of those that were fetched along. CRQ_UNSET: none waits. */
int64_t crq_stats_oldest_us(const crq_stats *stats);

/** Since ever. */
int64_t crq_stats_total(const crq_stats *stats, crq_stat stat);
/** In the minute that began `ago` minutes before the running one: 0 is the
 *  running one. 0 for what was not read. */
int64_t crq_stats_minute(const crq_stats *stats, int ago, crq_stat stat);
/** Runs that ended so, a second, over about the last minute (it needs two
 *  minutes of the series). CRQ_STAT_COUNT: however they ended. */
double crq_stats_rate(const crq_stats *stats, crq_stat stat);

/* Of these, `ago` and `minutes` say which minutes are taken together: so many,
 * from that one back. minutes 0: all since ever. */

/** How many there are. */
int64_t crq_stats_timed(const crq_stats *stats, crq_timing timing, int ago,
        int minutes);
/** In bucket i alone. */
int64_t crq_stats_bucket(const crq_stats *stats, crq_timing timing, int ago,
        int minutes, size_t i);
/** All of these times together. */
int64_t crq_stats_sum_us(const crq_stats *stats, crq_timing timing, int ago,
        int minutes);
/**
 * The time that a share `p` (0 to 1) of them does not exceed, as far as buckets
 * can tell; within a bucket they are taken to be spread evenly. What is beyond
 * an hour counts as an hour. CRQ_UNSET: there are none.
 */
int64_t crq_stats_percentile_us(const crq_stats *stats, crq_timing timing,
        int ago, int minutes, double p);

/**
 * Runs that failed, for good or to be retried, grouped by cause: the function
 * and the class of the error. The 500 causes met last are kept, each for 30
 * days after it was met last.
 */
typedef struct crq_failures crq_failures;

/** The causes, those of most failures first. limit: 1 to 500. */
int crq_failures_fetch(crq_conn *conn, size_t limit, crq_failures **out,
        crq_error *err) CRQ_MUST_CHECK;
/**
 * The same of the newest `limit` (1 to 1000) jobs that are among the failed
 * ones of a queue now, whoever ran them, counted job by job as it is called. A
 * job without a readable error has the class "".
 */
int crq_failures_scan(crq_conn *conn, const char *queue, size_t limit,
        crq_failures **out, crq_error *err) CRQ_MUST_CHECK;
void crq_failures_free(crq_failures *failures);

size_t crq_failures_count(const crq_failures *failures);
/* Cause i. Texts are cut at 200 bytes, and "" where nothing is known. */
const char *crq_failure_func(const crq_failures *failures, size_t i);
const char *crq_failure_class(const crq_failures *failures, size_t i);
int64_t crq_failure_times(const crq_failures *failures, size_t i);
int64_t crq_failure_last_us(const crq_failures *failures, size_t i);
/* The job of the last one, which may be gone; its queue; what it failed with
 * behind the class. */
const char *crq_failure_job(const crq_failures *failures, size_t i);
const char *crq_failure_queue(const crq_failures *failures, size_t i);
const char *crq_failure_message(const crq_failures *failures, size_t i);

/* ------------------------------------------------------------------ tasks */

/**
 * One run of a job, as its task function sees it. The function runs in a child
 * process of crq-worker, alone: it may block, crash and leak without harm to
 * other runs. It gets its arguments by the names it declares, and returns 0
 * after at most one crq_task_return...(), or a code below 0: then the run has
 * failed with what is in *err.
 *
 *     // shop.total(price, count=1) -> what it costs
 *     static int total(crq_task *task, crq_error *err)
 *     {
 *         int64_t price = crq_task_int(task, "price");
 *         int64_t count = crq_task_int_or(task, "count", 1);
 *         int rc = crq_task_args_end(task, err);
 *
 *         if (rc < 0)
 *             return rc;
 *         if (count < 0)
 *             return crq_task_fail(task, err, "ValueError",
 *                     "count is %lld", (long long)count);
 *         return crq_task_return_int(task, price * count);
 *     }
 *
 *     CRQ_MODULE("shop",
 *         CRQ_TASK("shop.total", total, "price, count=1", .timeout_s = 5))
 */
typedef struct crq_task crq_task;
typedef int crq_task_function(crq_task *task, crq_error *err);

/** A row of a module's table. Unset numbers are 0 and mean: no limit of its
 *  own. Made by CRQ_TASK() and CRQ_CALLBACK(). */
typedef struct crq_task_def {
    const char *name; /* what jobs call: "module.function" */
    crq_task_function *run;
    /* Parameters as in Python: "name, meals=1, *args, **kwargs". What has a
     * "=..." may be left out; the text behind it is for readers, the value
     * comes from the ..._or() getter. NULL or "": none. */
    const char *params;
    int64_t timeout_s;  /* for jobs that do not give one, instead of 180 */
    int64_t memory_mib; /* hard limit of the process: a fresh child each run */
    int64_t cpu_s;      /* hard limit of CPU time: a fresh child each run */
    bool resumable;     /* a run whose worker died may simply be run again */
    bool callback;      /* see crq_task_event(): no job calls it */
} crq_task_def;

/** What a module exports, by the name crq_module: made by CRQ_MODULE(). */
typedef struct crq_module_def {
    unsigned abi;       /* CRQ_MODULE_ABI */
    unsigned task_size; /* sizeof(crq_task_def) of its time */
    const char *name;
    const crq_task_def *tasks;
    size_t count;
} crq_module_def;

#define CRQ_MODULE_ABI 1u

#define CRQ_TASK(name_, run_, params_, ...)                                    \
    {                                                                          \
        .name = (name_), .run = (run_), .params = (params_), __VA_ARGS__       \
    }
#define CRQ_CALLBACK(name_, run_)                                              \
    {                                                                          \
        .name = (name_), .run = (run_), .params = NULL, .callback = true       \
    }
#define CRQ_MODULE(name_, ...)                                                 \
    static const crq_task_def crq_module_tasks_[] = { __VA_ARGS__ };           \
    extern const crq_module_def crq_module;                                    \
    const crq_module_def crq_module = { CRQ_MODULE_ABI, sizeof(crq_task_def),  \
        (name_), crq_module_tasks_,                                            \
        sizeof(crq_module_tasks_) / sizeof(crq_module_tasks_[0]) };

/*
 * Arguments, by the names declared in params. A getter for the wrong type, or
 * for an argument that is missing, remembers the first such mistake and gives
 * a harmless value; crq_task_args_end() reports it as Python would: a
 * TypeError that says which. int is taken for float; nothing else is converted.
 */
const char *crq_task_str(crq_task *task, const char *name); /* "" if wrong */
const char *crq_task_str_or(crq_task *task, const char *name,
        const char *otherwise);
int64_t crq_task_int(crq_task *task, const char *name);
int64_t crq_task_int_or(crq_task *task, const char *name, int64_t otherwise);
double crq_task_float(crq_task *task, const char *name);
double crq_task_float_or(crq_task *task, const char *name, double otherwise);
bool crq_task_bool(crq_task *task, const char *name);
bool crq_task_bool_or(crq_task *task, const char *name, bool otherwise);
/** Any value, borrowed; NULL where it was left out. */
const crq_value *crq_task_value(crq_task *task, const char *name);
/** What "*args" (a list) and "**kwargs" (a dict) took; never NULL. */
const crq_value *crq_task_rest(crq_task *task);
const crq_value *crq_task_keywords(crq_task *task);
/** 0, or the first mistake in the arguments, ready to be returned. */
int crq_task_args_end(crq_task *task, crq_error *err) CRQ_MUST_CHECK;

/* The job: its id, queue, worker, and how often it may still be retried when
 * it fails. */
const char *crq_task_job_id(const crq_task *task);
const char *crq_task_queue(const crq_task *task);
const char *crq_task_worker(const crq_task *task);
int64_t crq_task_retries_left(const crq_task *task); /* 0: none */
/** The serializer of the job; what it returns is written in it too. */
crq_serializer crq_task_serializer(const crq_task *task);

/* What the run returns: 0, or CRQ_ENOMEM. Without one it is None. */
int crq_task_return(crq_task *task, crq_value *v); /* takes v over */
int crq_task_return_int(crq_task *task, int64_t n);
int crq_task_return_float(crq_task *task, double d);
int crq_task_return_bool(crq_task *task, bool b);
int crq_task_return_str(crq_task *task, const char *text);

/** Fail with a class name and a message: "ValueError", "count is -1". The
 *  class is a dotted name, Python's or the application's own. Return what this
 *  returns. */
int crq_task_fail(crq_task *task, crq_error *err, const char *class_name,
        const char *format, ...) CRQ_PRINTF(4, 5);

/**
 * Fail because the request was refused, not because something broke: who asked
 * over HTTP is answered with this status, 400 to 499, and with `title` and the
 * message as a problem of RFC 9457. The class is "crq.Refused".
 *
 * extra  a dict of further members of the answer ("retry_in_s"), or NULL;
 *        borrowed. "type", "status", "title" and "detail" in it do not count.
 *
 * Return what this returns. An exception in Python whose class is crq.Refused
 * and whose text is such an object as JSON is answered likewise.
 */
int crq_task_refuse(crq_task *task, crq_error *err, int status,
        const crq_value *extra, const char *title, const char *format, ...)
        CRQ_PRINTF(6, 7);

/**
 * Ask to be run again, like returning rq.Retry(max, intervals) in Python: up
 * to `max` times, after intervals_s[n] seconds (the last one stays; none: at
 * once). Return what this returns: 0, or a code when `max` is below 1 or an
 * interval below 0; then the run has failed with RQ's ValueError.
 */
int crq_task_retry(crq_task *task, int64_t max, const int64_t *intervals_s,
        size_t intervals);

/** One key of the job's meta, as it was when the run began plus what this run
 *  has set; borrowed until it is set again. NULL: there is none. */
const crq_value *crq_task_meta(crq_task *task, const char *key);
/**
 * Set one key of meta and store it; takes v over. Others can read it at once.
 * CRQ_ENOTFOUND: the job was deleted; CRQ_EUNSUPPORTED: the meta that is there,
 * or `v`, can't be read or written here, and nothing was changed; and the
 * errors of Redis.
 */
int crq_task_meta_set(crq_task *task, const char *key, crq_value *v,
        crq_error *err) CRQ_MUST_CHECK;
/** meta["progress"], 0.0 to 1.0, at most ten times a second (1.0 always): what
 *  comes in between is dropped. */
int crq_task_progress(crq_task *task, double done,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * A callback is a function that a job names to be called when it has ended
 * (on_success, on_failure, on_stopped), written as a task is, without
 * parameters and registered by CRQ_CALLBACK(). It has all that a task has but
 * arguments; what it returns with crq_task_return() and crq_task_retry() is
 * ignored. The job is still "started" in Redis while it runs.
 *
 * on_success is called before the job is finished: when it fails, the job has
 * failed. on_failure is called for every failed run, also one that will be
 * retried, but not when the child died; when it fails, its error is stored
 * behind the one it was called for. Whether on_stopped fails changes nothing.
 *
 *     static int on_failure(crq_task *task, crq_error *err)
 *     {
 *         return crq_task_redis(task, NULL, err, "RPUSH failures %s",
 *                 crq_task_error_class(task));
 *     }
 */
typedef enum crq_event {
    CRQ_EVENT_NONE, /* it is no callback but the task itself */
    CRQ_EVENT_SUCCESS,
    CRQ_EVENT_FAILURE,
    CRQ_EVENT_STOPPED
} crq_event;

/** What this function is called for: one may serve several events. */
crq_event crq_task_event(const crq_task *task);
/** CRQ_EVENT_SUCCESS: what the task returned, borrowed; NULL: None, and for
 *  all else. */
const crq_value *crq_task_result(const crq_task *task);
/** CRQ_EVENT_FAILURE: "ValueError", "count is -1", and the whole text whose
 *  last line these two are. For all else "". Borrowed. */
const char *crq_task_error_class(const crq_task *task);
const char *crq_task_error_message(const crq_task *task);
const char *crq_task_error_text(const crq_task *task);

/** Lines kept with the job, shown by "crq log" and "crq show", read with
 *  crq_job_log(); the first 4096 lines and 256 KiB of a run are. A line break
 *  at the end is not needed. What a task prints to stdout or stderr is not
 * kept. */
void crq_task_log(crq_task *task, const char *format, ...) CRQ_PRINTF(2, 3);

/** Whether the run should end soon: its time is up, it was stopped, or the
 *  worker shuts down. For loops that can end early; nobody has to ask. */
bool crq_task_should_stop(crq_task *task);

/**
 * A connection to the worker's Redis, opened when first asked for and kept for
 * later runs in the same child; borrowed. With it a task enqueues jobs:
 * crq_queue_new(), crq_queue_enqueue(), crq_queue_enqueue_in() ...
 */
int crq_task_conn(crq_task *task, crq_conn **out,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Run one command. `format` is split at blanks; %s is one word whatever it
 * holds, %b a word with its size_t length, %d %lld %llu %zu %g numbers; %% a
 * percent sign. A blank inside of a word that has a % in it can't be written:
 * give such a word through %s. The reply as a value: nil is None, a status or
 * string a str (bytes when it is not UTF-8), an int, a list. `out` may be NULL.
 *
 * CRQ_EINVAL: the format; CRQ_EREDIS: an error reply, also one inside of a
 * list; and the errors of crq_task_conn().
 */
int crq_task_redis(crq_task *task, crq_value **out, crq_error *err,
        const char *format, ...) CRQ_MUST_CHECK;
/** The same for replies that are an int. CRQ_ECODEC if it is none. */
int crq_task_redis_int(crq_task *task, int64_t *out, crq_error *err,
        const char *format, ...) CRQ_MUST_CHECK;

/**
 * Run a Lua script of the application, by its SHA-1 (loaded when Redis does
 * not know it). `format` gives the keys, then the arguments. A script that
 * returns error_reply("CODE text") fails with CRQ_EREDIS.
 */
int crq_task_script(crq_task *task, const char *lua, int keys, crq_value **out,
        crq_error *err, const char *format, ...) CRQ_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
