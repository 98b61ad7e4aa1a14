/* run_steps.c - see run_steps.h. */
#include "run_steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "redis/scripts.h"

crq_reply *steps_call(crq_conn *conn, const struct crq_script *script,
        size_t nkeys, struct crq_args *args)
{
    crq_reply *reply;
    crq_error err;

    unit_ok(crq_script_call(conn, script, nkeys, args, &reply, &err), &err);
    crq_args_fini(args);
    return reply;
}

static void describe(const crq_reply *reply, struct crq_buf *out)
{
    struct crq_claimed claimed;
    crq_error err;

    unit_ok(crq_claim_read(reply, &claimed, &err), &err);
    if (claimed.suspended)
        crq_buf_puts(out, "suspended ");
    if (claimed.more)
        crq_buf_puts(out, "more ");
    if (claimed.missing > 0)
        crq_buf_printf(out, "missing=%lld ", (long long)claimed.missing);
    if (claimed.canceled > 0)
        crq_buf_printf(out, "canceled=%lld ", (long long)claimed.canceled);
    if (claimed.running > 0)
        crq_buf_printf(out, "running=%lld ", (long long)claimed.running);
    for (size_t i = 0; i < claimed.count; i++) {
        struct crq_claimed_job job;

        unit_ok(crq_claim_job(&claimed, i, &job, &err), &err);
        crq_buf_printf(out, "%zu:%s@%s ", job.slot, job.run.id, job.run.queue);
    }
}

char *steps_claim(crq_conn *conn, size_t slots, int64_t look, int64_t now_us)
{
    static const char *const queues[] = { "q1", "q2" };
    const struct crq_claim_slot all[] = {
        { X1, "s.1" },
        { X2, "s.2" },
        { X3, "s.3" },
    };
    struct crq_claim claim = { "s", queues, 2, all, slots, look, 30, now_us };
    struct crq_buf text = CRQ_BUF_INIT;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;
    char *line;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_claim_words(&claim, &args);
    reply = steps_call(conn, &crq_script_claim, nkeys, &args);
    describe(reply, &text);
    crq_reply_free(reply);
    crq_buf_cut(&text, text.len > 0 ? text.len - 1 : 0);
    unit_ok(crq_buf_steal(&text, &line, NULL, &err), &err);
    return line;
}

static enum crq_run_state state_of(crq_reply *reply)
{
    enum crq_run_state state = crq_runs_state(reply, 0);
    crq_error err;

    unit_ok(crq_runs_read(reply, 1, &err), &err);
    crq_reply_free(reply);
    return state;
}

enum crq_run_state steps_begin(crq_conn *conn, const char *id,
        const char *execution, enum crq_mark mark, int64_t now_us)
{
    struct crq_runref run = { "q1", id, execution };
    struct crq_args args;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_begin_start(&args, 30, now_us);
    crq_begin_add(&args, "s", &run, "s.1", mark);
    return state_of(steps_call(conn, &crq_script_begin, nkeys, &args));
}

enum crq_run_state steps_heartbeat(crq_conn *conn, const char *id,
        const char *execution, int64_t ttl_s, int64_t now_us)
{
    struct crq_runref run = { "q1", id, execution };
    struct crq_args args;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_heartbeat_start(&args, now_us);
    crq_heartbeat_add(&args, "s", &run, ttl_s);
    return state_of(steps_call(conn, &crq_script_heartbeat, nkeys, &args));
}

struct crq_finish steps_finish_of(const char *id, enum crq_ending ending)
{
    return (struct crq_finish){
        .run = { "q1", id, X1 },
        .stem = "s",
        .worker = "s.1",
        .ending = ending,
        .ended_us = AT_US + 2000000,
        .error = "why",
        .error_len = 3,
    };
}

enum crq_finished steps_finish(crq_conn *conn, const struct crq_finish *finish)
{
    enum crq_finished state;
    struct crq_args args;
    const char *why;
    crq_reply *reply;
    crq_error err;
    size_t nkeys;

    crq_args_init(&args);
    nkeys = crq_finish_start(&args, 500, AT_US + 3000000);
    unit_ok(crq_finish_add(&args, finish, &err), &err);
    reply = steps_call(conn, &crq_script_finish, nkeys, &args);
    unit_ok(crq_finish_read(reply, 1, &err), &err);
    state = crq_finish_state(reply, 0, &why);
    ck_assert_msg(state != CRQ_FINISHED_REFUSED || strstr(why, "WRONGTYPE"),
            "%s", why);
    crq_reply_free(reply);
    return state;
}

/* ---- changes ---- */

#define KEYS_MAX  60
#define LINES_MAX 60

/* A dump, cut into keys and their lines, all inside `text`. */
struct state {
    char *text;
    struct {
        char *head, *lines[LINES_MAX];
        size_t count;
    } keys[KEYS_MAX];
    size_t count;
};

static struct state marked;

/* Long texts of tests by their short names. */
static const char *const names[][2] = {
    { X1, "X1" },
    { X2, "X2" },
    { X3, "X3" },
    { "2027-01-15T08:00:0", "@" },
    { ".000000Z", "" },
};

static char *shorten(char *text)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t from = strlen(names[i][0]), to = strlen(names[i][1]);
        char *at = strstr(text, names[i][0]);

        for (; at != NULL; at = strstr(at + to, names[i][0])) {
            memcpy(at, names[i][1], to);
            memmove(at + to, at + from, strlen(at + from) + 1);
        }
    }
    return text;
}

/* A number that nobody can foretell, because it is Redis's time. */
static void mask(char *at)
{
    size_t len = strspn(at, "0123456789.");

    if (len > strlen("1800000000")) {
        memcpy(at, "alive", 5);
        memmove(at + 5, at + len, strlen(at + len) + 1);
    }
}

static void state_load(struct state *state, crq_conn *conn)
{
    static const char alive[] = "crq:alive zset\n",
                      expires[] = "  crq_expires ";
    char *dump = live_dump(conn, LIVE_MASK_IDS), *rest, *at;

    state->text = shorten(strdup(dump));
    crq_text_free(dump);
    state->count = 0;
    at = strstr(state->text, alive);
    for (at = at != NULL ? at + strlen(alive) : NULL;
            at != NULL && at[0] == ' '; at = strchr(at, '\n') + 1)
        mask(at + 2);
    for (at = strstr(state->text, expires); at != NULL;
            at = strstr(at + 1, expires))
        mask(at + strlen(expires));
    for (char *line = strtok_r(state->text, "\n", &rest); line != NULL;
            line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] != ' ') {
            ck_assert_uint_lt(state->count, KEYS_MAX);
            state->keys[state->count].head = line;
            state->keys[state->count++].count = 0;
        } else {
            size_t nth = state->count - 1;

            ck_assert_uint_lt(state->keys[nth].count, LINES_MAX);
            state->keys[nth].lines[state->keys[nth].count++] = line + 2;
        }
    }
}

static bool has_line(const struct state *state, size_t key, const char *line)
{
    for (size_t i = 0; i < state->keys[key].count; i++)
        if (strcmp(state->keys[key].lines[i], line) == 0)
            return true;
    return false;
}

static void put_lines(struct crq_buf *out, const struct state *state,
        size_t key, const char *mark, const char *end)
{
    for (size_t i = 0; i < state->keys[key].count; i++)
        crq_buf_printf(out, "%s%s%s", mark, state->keys[key].lines[i], end);
}

/* A key that is in both. */
static void put_change(struct crq_buf *out, const struct state *old, size_t was,
        const struct state *new, size_t is)
{
    struct crq_buf lines = CRQ_BUF_INIT, before = CRQ_BUF_INIT;

    if (strstr(new->keys[is].head, " list") != NULL) {
        put_lines(&before, old, was, " ", "");
        put_lines(&lines, new, is, " ", "");
        if (strcmp(crq_buf_text(&before), crq_buf_text(&lines)) == 0)
            crq_buf_clear(&lines);
        else
            crq_buf_printf(out, "%s\n %s\n", new->keys[is].head,
                    crq_buf_text(&lines));
    } else {
        for (size_t i = 0; i < old->keys[was].count; i++)
            if (!has_line(new, is, old->keys[was].lines[i]))
                crq_buf_printf(&lines, "  -%s\n", old->keys[was].lines[i]);
        for (size_t i = 0; i < new->keys[is].count; i++)
            if (!has_line(old, was, new->keys[is].lines[i]))
                crq_buf_printf(&lines, "  +%s\n", new->keys[is].lines[i]);
        if (lines.len > 0 ||
                strcmp(old->keys[was].head, new->keys[is].head) != 0)
            crq_buf_printf(out, "%s\n%s", new->keys[is].head,
                    crq_buf_text(&lines));
    }
    crq_buf_fini(&lines);
    crq_buf_fini(&before);
}

static int compare_keys(const char *a, const char *b)
{
    size_t len_a = strcspn(a, " "), len_b = strcspn(b, " ");
    int order = strncmp(a, b, len_a < len_b ? len_a : len_b);

    return order != 0 ? order : (len_a > len_b) - (len_a < len_b);
}

void steps_mark(crq_conn *conn)
{
    free(marked.text);
    state_load(&marked, conn);
}

void steps_expect(crq_conn *conn, const char *want)
{
    struct crq_buf out = CRQ_BUF_INIT;
    struct state now;

    state_load(&now, conn);
    for (size_t i = 0, j = 0; i < marked.count || j < now.count;) {
        int order = i == marked.count ? 1
                : j == now.count
                ? -1
                : compare_keys(marked.keys[i].head, now.keys[j].head);

        if (order < 0) {
            const char *head = marked.keys[i++].head;

            crq_buf_printf(&out, "-%.*s\n", (int)strcspn(head, " "), head);
        } else if (order > 0) {
            bool list = strstr(now.keys[j].head, " list") != NULL;

            crq_buf_printf(&out, "+%s\n%s", now.keys[j].head, list ? " " : "");
            put_lines(&out, &now, j, list ? " " : "  ", list ? "" : "\n");
            crq_buf_puts(&out, list ? "\n" : "");
            j++;
        } else {
            put_change(&out, &marked, i++, &now, j++);
        }
    }
    ck_assert_str_eq(crq_buf_text(&out), want);
    crq_buf_fini(&out);
    free(now.text);
}
