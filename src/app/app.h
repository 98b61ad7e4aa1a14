/*
 * app.h - app.json: what an application declares, read and checked.
 *
 * An application is a folder with a file app.json; crq-app(5) describes it.
 * Who acts on it, the scheduler, the gateway or "crq up", takes its own part of
 * struct crq_app. Nothing here asks Redis or starts anything.
 */
#ifndef CRQ_APP_APP_H
#define CRQ_APP_APP_H

#include <crq.h>

/** Where an argument of a call comes from. */
enum crq_app_from {
    CRQ_APP_CONSTANT,
    CRQ_APP_OPTION, /* $option.NAME */
    CRQ_APP_EVENT,  /* $event, $event.FIELD, in a trigger */
    /* In a route or a socket: */
    CRQ_APP_PATH,    /* $path.NAME, of the pattern's {NAME} */
    CRQ_APP_QUERY,   /* $query.NAME */
    CRQ_APP_HEADER,  /* $header.NAME, in lower case */
    CRQ_APP_TOKEN,   /* $token: Authorization: Bearer, else ?token= */
    CRQ_APP_BODY,    /* $body, $body.KEY, in a route */
    CRQ_APP_MESSAGE, /* $message, $message.KEY, in a socket's messages */
    CRQ_APP_SOCKET   /* $socket.NAME, in a socket's calls: what
                      * the gateway knows of it; see crq-app(5) */
};

/** What a text is turned into. */
enum crq_app_type {
    CRQ_APP_AS_IT_IS,
    CRQ_APP_STR,
    CRQ_APP_INT,
    CRQ_APP_FLOAT,
    CRQ_APP_BOOL
};

struct crq_app_arg {
    char *name; /* NULL: positional */
    enum crq_app_from from;
    char *key; /* the name within it; NULL: all of it */
    enum crq_app_type type;
    bool optional;       /* left out when it is not there */
    crq_value *constant; /* CRQ_APP_CONSTANT; also an option's value */
};

/** A job to be: what "enqueue" holds. */
struct crq_app_call {
    char *task, *queue; /* queue: never NULL once the file was read */
    char *description;
    struct crq_app_arg *args;
    size_t count;
    int64_t timeout_s, result_ttl_s, failure_ttl_s, ttl_s; /* or CRQ_UNSET */
    int64_t retry_max;                                     /* or CRQ_UNSET */
    int64_t *retry_intervals_s;
    size_t retry_intervals;
    bool at_front;
};

struct crq_app_schedule {
    char *id;
    int64_t every_us; /* 0: cron */
    char *cron, *tz;  /* tz NULL: UTC */
    int64_t start_us; /* CRQ_UNSET: at once */
    int64_t repeat;   /* jobs in all; CRQ_UNSET: for ever */
    crq_catchup catchup;
    int64_t catchup_max; /* of CRQ_CATCHUP_ALL; 0: as many as there may be */
    bool overlap;        /* a slot's job is made while the last one runs */
    struct crq_app_call call;
};

struct crq_app_field {
    char *name, *value;
};

struct crq_app_trigger {
    char *stream;
    struct crq_app_field *match; /* all must be equal; none: every event */
    size_t matches;
    struct crq_app_call call;
};

/** A path like /rooms/{code}/live, one item per segment. */
struct crq_app_pattern {
    char *text;
    struct crq_app_segment {
        char *text;
        bool variable; /* text is its name */
    } * segments;
    size_t count;
};

struct crq_app_route {
    char method[8];
    struct crq_app_pattern path;
    struct crq_app_call call;
    int64_t wait_us; /* 0: answered at once, with 202 */
    int status;      /* of an answer that was waited for */
};

struct crq_app_message {
    char *name; /* what "do" says */
    struct crq_app_call call;
};

struct crq_app_socket {
    struct crq_app_pattern path;
    struct crq_app_call authorise;
    char **streams, **channels; /* with {NAME} of the path or {identity} */
    size_t stream_count, channel_count;
    struct crq_app_message *messages;
    size_t message_count;
    struct crq_app_call leave; /* task NULL: none */
};

/** A folder served as it is. */
struct crq_app_files {
    char *prefix; /* begins and ends with '/' */
    char *folder; /* inside of the application's */
};

struct crq_app {
    char *name;
    char *folder; /* that app.json is in */
    char **modules;
    size_t module_count;
    char **queues;
    size_t queue_count;
    crq_value *options; /* dict */
    struct crq_app_schedule *schedules;
    size_t schedule_count;
    struct crq_app_trigger *triggers;
    size_t trigger_count;
    crq_value *trigger_list; /* as they stand in the file; NULL: none */
    struct crq_app_route *routes;
    size_t route_count;
    struct crq_app_socket *sockets;
    size_t socket_count;
    struct crq_app_files *files;
    size_t files_count;
};

/**
 * Told of each mistake: `where` is its JSON path ("$.schedules[2].every"),
 * `what` what is there and what was expected. Both are valid for the call.
 */
typedef void crq_app_mistake(void *arg, const char *where, const char *what);

/**
 * Read `path`, a file or a folder that holds an app.json.
 *
 * Every mistake is told to `mistake` (may be NULL), at most 50 of them.
 * CRQ_EINVAL: there were some; err holds the first, with the file and the path
 * in it. CRQ_ECODEC: no JSON. CRQ_EIO, CRQ_ELIMIT (4 MiB), CRQ_ENOMEM.
 */
int crq_app_load(const char *path, crq_app_mistake *mistake, void *arg,
        struct crq_app **out, crq_error *err) CRQ_MUST_CHECK;

/** The same from memory; `folder` is kept as the application's. */
int crq_app_parse(const char *text, size_t len, const char *folder,
        crq_app_mistake *mistake, void *arg, struct crq_app **out,
        crq_error *err) CRQ_MUST_CHECK;
/** The same from a value. */
int crq_app_read_value(const crq_value *v, const char *folder,
        crq_app_mistake *mistake, void *arg, struct crq_app **out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_app_free(struct crq_app *app);

/** Whether a path, split at its slashes and then without percent-escapes, is
 *  one of the pattern's. A variable stands for one segment that is not
 *  empty. */
bool crq_app_pattern_matches(const struct crq_app_pattern *pattern,
        const char *const *segments, size_t count);

/** The same shape: each path that matches one matches the other. */
bool crq_app_pattern_same(const struct crq_app_pattern *a,
        const struct crq_app_pattern *b);

/** The place of a variable's segment in the path, or -1. */
int crq_app_pattern_find(const struct crq_app_pattern *pattern,
        const char *name);

/**
 * What stands at `key` of a source for this one event or request: a new
 * reference in *out, or NULL there when it has none. CRQ_ENOMEM.
 */
typedef int crq_app_lookup(void *arg, enum crq_app_from from, const char *key,
        crq_value **out);

/**
 * The arguments of one job: *out_args a list, *out_kwargs a dict, both owned
 * by the caller. CRQ_EINVAL: something that is not optional is missing, or is
 * not of the type asked for; the text names argument and source.
 */
int crq_app_call_bind(const struct crq_app_call *call, crq_app_lookup *lookup,
        void *arg, crq_value **out_args, crq_value **out_kwargs,
        crq_error *err) CRQ_MUST_CHECK;

/** The job of a call with its arguments, as crq_queue_enqueue() takes it: all
 *  is borrowed. Its queue is call->queue. */
void crq_app_call_fill(const struct crq_app_call *call, const crq_value *args,
        const crq_value *kwargs, crq_call *out);

#endif
