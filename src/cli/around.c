/* around.c - see around.h. */
#include "cli/around.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"

enum {
    OPT_RETRY_MAX = 512,
    OPT_RETRY_INTERVAL,
    OPT_RETRY_AT_FRONT,
    OPT_REPEAT,
    OPT_REPEAT_INTERVAL,
    OPT_DEPENDS_ON,
    OPT_ALLOW_FAILURES,
    OPT_ON_SUCCESS,
    OPT_ON_FAILURE,
    OPT_ON_STOPPED,
    OPT_ON_SUCCESS_TIMEOUT,
    OPT_ON_FAILURE_TIMEOUT,
    OPT_ON_STOPPED_TIMEOUT,
    OPT_WEBHOOK,
    OPT_GROUP
};

static const struct argp_option option_table[] = {
    { "retry-max", OPT_RETRY_MAX, "N", 0, "Run again up to N times", 2 },
    { "retry-interval", OPT_RETRY_INTERVAL, "TIME", 0,
            "Wait before a retry; once for each of them", 2 },
    { "retry-at-front", OPT_RETRY_AT_FRONT, NULL, 0,
            "Retries go to the front of the queue", 2 },
    { "repeat", OPT_REPEAT, "N", 0, "After a success, run N times more", 2 },
    { "repeat-interval", OPT_REPEAT_INTERVAL, "TIME", 0,
            "Wait before a repeat; several count from the last one on", 2 },
    { "depends-on", OPT_DEPENDS_ON, "ID", 0,
            "Wait for this job to be finished; may be given often", 3 },
    { "allow-dependency-failures", OPT_ALLOW_FAILURES, NULL, 0,
            "One that has failed will do, too", 3 },
    { "on-success", OPT_ON_SUCCESS, "FUNC", 0, "Call this after a success", 4 },
    { "on-failure", OPT_ON_FAILURE, "FUNC", 0, "Call this after a failure", 4 },
    { "on-stopped", OPT_ON_STOPPED, "FUNC", 0,
            "Call this when the job was stopped", 4 },
    { "on-success-timeout", OPT_ON_SUCCESS_TIMEOUT, "TIME", 0,
            "Its longest time (default: 60)", 4 },
    { "on-failure-timeout", OPT_ON_FAILURE_TIMEOUT, "TIME", 0, NULL, 4 },
    { "on-stopped-timeout", OPT_ON_STOPPED_TIMEOUT, "TIME", 0, NULL, 4 },
    { "webhook", OPT_WEBHOOK, "URL[,WORD...]", 0,
            "Send a request there when the job has ended; words: finished "
            "(default) or failed, GET (default) or POST, a TIME, NAME=HEADER",
            4 },
    { "group", OPT_GROUP, "NAME", 0, "The group to be in", 4 },
    { 0 },
};

/* Room for one more of a list; memory that is out is our end. */
static void *grow(struct argp_state *state, void *list, size_t count,
        size_t size)
{
    void *more = crq_reallocarray(list, count + 1, size);

    if (more == NULL)
        argp_failure(state, CLI_BUG, 0, "out of memory");
    return more;
}

static char *keep(struct cli_around *a, struct argp_state *state,
        const char *text)
{
    char *copy = crq_strdup(text);

    a->texts = grow(state, a->texts, a->texts_count, sizeof(*a->texts));
    if (copy == NULL)
        argp_failure(state, CLI_BUG, 0, "out of memory");
    a->texts[a->texts_count++] = copy;
    return copy;
}

static int64_t read_seconds(const struct argp_state *state, const char *option,
        const char *text, int64_t least_s)
{
    return cli_time_us(state, option, text, least_s, false) / 1000000;
}

static void add_retry_interval(struct cli_around *a, struct argp_state *state,
        const char *text)
{
    size_t count = a->call->retry_intervals++;

    a->retry_intervals =
            grow(state, a->retry_intervals, count, sizeof(int64_t));
    a->retry_intervals[count] = read_seconds(state, "retry-interval", text, 0);
    a->call->retry_intervals_s = a->retry_intervals;
}

static void add_repeat_interval(struct cli_around *a, struct argp_state *state,
        const char *text)
{
    size_t count = a->call->repeat_intervals++;

    a->repeat_intervals =
            grow(state, a->repeat_intervals, count, sizeof(int64_t));
    a->repeat_intervals[count] =
            read_seconds(state, "repeat-interval", text, 0);
    a->call->repeat_intervals_s = a->repeat_intervals;
}

static void add_dependency(struct cli_around *a, struct argp_state *state,
        const char *id)
{
    size_t count = a->call->dependencies++;

    a->depends_on = grow(state, a->depends_on, count, sizeof(*a->depends_on));
    a->depends_on[count] = id;
    a->call->depends_on = a->depends_on;
}

/* One of the words behind a webhook's URL. */
static void read_word(struct argp_state *state, crq_webhook *webhook,
        crq_value **headers, const char *word)
{
    char *value = strchr(word, '=');

    if (strcmp(word, "finished") == 0 || strcmp(word, "failed") == 0)
        webhook->job_status = word;
    else if (strcmp(word, "GET") == 0 || strcmp(word, "POST") == 0)
        webhook->method = word;
    else if (value != NULL) {
        *value++ = '\0';
        if (*headers == NULL)
            *headers = crq_value_new_dict();
        if (*headers == NULL ||
                crq_value_set(*headers, word, crq_value_new_text(value)) < 0)
            argp_error(state, "--webhook: the header %s is no text", word);
        webhook->headers = *headers;
    } else
        webhook->timeout_s = read_seconds(state, "webhook", word, 1);
}

static void add_webhook(struct cli_around *a, struct argp_state *state,
        const char *text)
{
    size_t count = a->call->webhooks_count++;
    char *rest = keep(a, state, text), *word;
    crq_webhook webhook = { .job_status = "finished" };
    crq_value *headers = NULL;

    webhook.url = strsep(&rest, ",");
    for (word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ","))
        read_word(state, &webhook, &headers, word);
    a->webhooks = grow(state, a->webhooks, count, sizeof(*a->webhooks));
    a->webhooks[count] = webhook;
    a->call->webhooks = a->webhooks;
}

static void finish(const crq_call *call, struct argp_state *state)
{
    /* The library says the same, in the names of its fields. */
    if (call->retry_max == CRQ_UNSET && call->retry_intervals > 0)
        argp_error(state, "--retry-interval needs --retry-max");
    if (call->retry_max == CRQ_UNSET && call->retry_at_front)
        argp_error(state, "--retry-at-front needs --retry-max");
    if (call->repeat_times == CRQ_UNSET && call->repeat_intervals > 0)
        argp_error(state, "--repeat-interval needs --repeat");
    if (call->unique && call->dependencies > 0)
        argp_error(state, "--unique and --depends-on exclude each other");
}

static error_t parse_callback(int key, char *arg, struct argp_state *state)
{
    struct cli_around *a = state->input;
    const struct {
        int name_key, timeout_key;
        const char *timeout_name;
        crq_callback *callback;
    } rows[] = {
        { OPT_ON_SUCCESS, OPT_ON_SUCCESS_TIMEOUT, "on-success-timeout",
                &a->call->on_success },
        { OPT_ON_FAILURE, OPT_ON_FAILURE_TIMEOUT, "on-failure-timeout",
                &a->call->on_failure },
        { OPT_ON_STOPPED, OPT_ON_STOPPED_TIMEOUT, "on-stopped-timeout",
                &a->call->on_stopped },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (key == rows[i].name_key) {
            rows[i].callback->name = arg;
            return 0;
        }
        if (key == rows[i].timeout_key) {
            rows[i].callback->timeout_s =
                    cli_time_us(state, rows[i].timeout_name, arg, 1, true) /
                    1000000;
            return 0;
        }
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cli_around *a = state->input;

    switch (key) {
    case OPT_RETRY_MAX:
        a->call->retry_max = cli_number(state, "retry-max", arg, 0);
        if (a->call->retry_max == 0) /* as in RQ: none */
            a->call->retry_max = CRQ_UNSET;
        return 0;
    case OPT_RETRY_INTERVAL: add_retry_interval(a, state, arg); return 0;
    case OPT_RETRY_AT_FRONT: a->call->retry_at_front = true; return 0;
    case OPT_REPEAT:
        a->call->repeat_times = cli_number(state, "repeat", arg, 1);
        return 0;
    case OPT_REPEAT_INTERVAL: add_repeat_interval(a, state, arg); return 0;
    case OPT_DEPENDS_ON: add_dependency(a, state, arg); return 0;
    case OPT_ALLOW_FAILURES:
        a->call->allow_dependency_failures = true;
        return 0;
    case OPT_WEBHOOK: add_webhook(a, state, arg); return 0;
    case OPT_GROUP: a->call->group_id = arg; return 0;
    case ARGP_KEY_END: finish(a->call, state); return 0;
    default: return parse_callback(key, arg, state);
    }
}

const struct argp cli_around_argp = { option_table, parse, NULL, NULL, NULL,
    NULL, NULL };

void cli_around_fini(struct cli_around *a)
{
    for (size_t i = 0; a->webhooks != NULL && i < a->call->webhooks_count; i++)
        crq_value_free((crq_value *)(uintptr_t)a->webhooks[i].headers);
    for (size_t i = 0; i < a->texts_count; i++)
        crq_free(a->texts[i]);
    crq_free(a->texts);
    crq_free(a->webhooks);
    crq_free(a->depends_on);
    crq_free(a->repeat_intervals);
    crq_free(a->retry_intervals);
}
