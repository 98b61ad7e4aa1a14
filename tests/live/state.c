/* state.c - what is in Redis, as text: live_seed(), live_dump(). */
#include "live.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* ------------------------------------------------------------------- seed */

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0'
                                     : tolower((unsigned char)c) - 'a' + 10;
}

/* The word at *at, without its quotes; moves *at behind it. */
static void put_word(struct crq_args *args, const char **at)
{
    struct crq_buf word = CRQ_BUF_INIT;
    const char *p = *at;
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';

    while (quote != '\0' ? *p != quote
                         : *p != '\0' && strchr(" \t\n", *p) == NULL) {
        char c = *p++;

        ck_assert_msg(c != '\0' && (c != '\n' || quote == '\0'),
                "a quote is not closed: %s", *at);
        if (c == '\\' && quote == '"') {
            c = *p++;
            if (c == 'x') {
                ck_assert(isxdigit((unsigned char)p[0]) &&
                        isxdigit((unsigned char)p[1]));
                c = (char)(hex(p[0]) * 16 + hex(p[1]));
                p += 2;
            } else {
                c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
            }
        }
        crq_buf_putc(&word, c);
    }
    crq_args_put(args, crq_buf_text(&word), word.len);
    crq_buf_fini(&word);
    *at = quote != '\0' ? p + 1 : p;
}

static void run_line(crq_conn *conn, const char *line)
{
    const char *at = line;
    struct crq_args args;
    crq_error err;
    int rc;

    crq_args_init(&args);
    for (at += strspn(at, " \t"); *at != '\0' && *at != '\n';
            at += strspn(at, " \t"))
        put_word(&args, &at);
    if (args.count > 0 && *line != '#') {
        rc = crq_conn_command(conn, &args, NULL, &err);
        ck_assert_msg(rc == 0, "%.*s: %s", (int)(at - line), line, err.text);
    }
    crq_args_fini(&args);
}

void live_seed(crq_conn *conn, const char *lines)
{
    while (*lines != '\0') {
        run_line(conn, lines);
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
}

/* ------------------------------------------------------------------- dump */

static crq_reply *ask(crq_conn *conn, const char *const *words,
        const crq_reply *key)
{
    crq_reply *reply = NULL;
    struct crq_args args;
    crq_error err;
    size_t len;

    crq_args_init(&args);
    for (; *words != NULL; words++) {
        if (strcmp(*words, "KEY") == 0) {
            const char *text = crq_reply_text(key, &len);

            crq_args_put(&args, text, len);
        } else {
            crq_args_puts(&args, *words);
        }
    }
    unit_ok(crq_conn_command(conn, &args, &reply, &err), &err);
    crq_args_fini(&args);
    return reply;
}

#define ASK(conn, key, ...)                                                    \
    ask(conn, (const char *[]){ __VA_ARGS__, NULL }, key)

/* A text as live_seed() reads it. */
static void put_text(struct crq_buf *out, const crq_reply *reply)
{
    size_t len = 0;
    const char *text = crq_reply_text(reply, &len);
    bool plain = len > 0;

    if (crq_reply_kind(reply) == CRQ_REPLY_INT) {
        crq_buf_printf(out, "%lld", (long long)crq_reply_int(reply, 0));
        return;
    }
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)text[i]) || strchr("\"'\\", text[i]))
            plain = false;
    if (plain) {
        crq_buf_put(out, text, len);
        return;
    }
    crq_buf_putc(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            crq_buf_printf(out, "\\%c", text[i]);
        else if (text[i] == '\n')
            crq_buf_puts(out, "\\n");
        else if (text[i] < ' ' || text[i] > '~')
            crq_buf_printf(out, "\\x%02x", (unsigned char)text[i]);
        else
            crq_buf_putc(out, text[i]);
    }
    crq_buf_putc(out, '"');
}

static int compare(const void *a, const void *b)
{
    size_t len_a, len_b;
    const char *text_a = crq_reply_text(*(const crq_reply *const *)a, &len_a);
    const char *text_b = crq_reply_text(*(const crq_reply *const *)b, &len_b);
    int order = memcmp(text_a, text_b, len_a < len_b ? len_a : len_b);

    return order != 0 ? order : (len_a > len_b) - (len_a < len_b);
}

/* The items step by step, sorted: keys of a hash with step 2. What belongs to
 * an item is found through its place in the reply. */
static const crq_reply **sorted(const crq_reply *list, size_t step)
{
    size_t count = crq_reply_count(list) / step;
    const crq_reply **items = calloc(count + 1, sizeof(*items));

    for (size_t i = 0; i < count; i++)
        items[i] = crq_reply_item(list, i * step);
    qsort(items, count, sizeof(*items), compare);
    return items;
}

static const crq_reply *behind(const crq_reply *list, const crq_reply *item)
{
    for (size_t i = 0; i < crq_reply_count(list); i++)
        if (crq_reply_item(list, i) == item)
            return crq_reply_item(list, i + 1);
    return NULL;
}

static void dump_string(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *reply = ASK(conn, key, "GET", "KEY");

    (void)flags;
    crq_buf_puts(out, "  ");
    put_text(out, reply);
    crq_buf_putc(out, '\n');
    crq_reply_free(reply);
}

static void dump_list(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *reply = ASK(conn, key, "LRANGE", "KEY", "0", "-1");

    (void)flags;
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        crq_buf_puts(out, "  ");
        put_text(out, crq_reply_item(reply, i));
        crq_buf_putc(out, '\n');
    }
    crq_reply_free(reply);
}

static void dump_set(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *reply = ASK(conn, key, "SMEMBERS", "KEY");
    const crq_reply **members = sorted(reply, 1);

    (void)flags;
    for (size_t i = 0; i < crq_reply_count(reply); i++) {
        crq_buf_puts(out, "  ");
        put_text(out, members[i]);
        crq_buf_putc(out, '\n');
    }
    free(members);
    crq_reply_free(reply);
}

static void dump_hash(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *reply = ASK(conn, key, "HGETALL", "KEY");
    const crq_reply **fields = sorted(reply, 2);

    (void)flags;
    for (size_t i = 0; i < crq_reply_count(reply) / 2; i++) {
        crq_buf_puts(out, "  ");
        put_text(out, fields[i]);
        crq_buf_putc(out, ' ');
        put_text(out, behind(reply, fields[i]));
        crq_buf_putc(out, '\n');
    }
    free(fields);
    crq_reply_free(reply);
}

static void dump_zset(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *reply = ASK(conn, key, "ZRANGE", "KEY", "0", "-1", "WITHSCORES");

    (void)flags;
    for (size_t i = 0; i < crq_reply_count(reply); i += 2) {
        crq_buf_puts(out, "  ");
        put_text(out, crq_reply_item(reply, i + 1));
        crq_buf_putc(out, ' ');
        put_text(out, crq_reply_item(reply, i));
        crq_buf_putc(out, '\n');
    }
    crq_reply_free(reply);
}

static void put_id(struct crq_buf *out, const crq_reply *id, unsigned flags)
{
    if (flags & LIVE_MASK_IDS)
        crq_buf_putc(out, '*');
    else
        put_text(out, id);
}

/* The value of a field in one of XINFO's flat lists. */
static const crq_reply *info(const crq_reply *list, const char *field)
{
    for (size_t i = 0; i < crq_reply_count(list); i += 2)
        if (strcmp(crq_reply_text(crq_reply_item(list, i), NULL), field) == 0)
            return crq_reply_item(list, i + 1);
    return NULL;
}

static void dump_stream(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *entries = ASK(conn, key, "XRANGE", "KEY", "-", "+");
    crq_reply *groups = ASK(conn, key, "XINFO", "GROUPS", "KEY");

    for (size_t i = 0; i < crq_reply_count(entries); i++) {
        const crq_reply *entry = crq_reply_item(entries, i);
        const crq_reply *pairs = crq_reply_item(entry, 1);

        crq_buf_puts(out, "  ");
        put_id(out, crq_reply_item(entry, 0), flags);
        for (size_t j = 0; j < crq_reply_count(pairs); j++) {
            crq_buf_putc(out, ' ');
            put_text(out, crq_reply_item(pairs, j));
        }
        crq_buf_putc(out, '\n');
    }
    for (size_t i = 0; i < crq_reply_count(groups); i++) {
        const crq_reply *group = crq_reply_item(groups, i);

        crq_buf_puts(out, "  group ");
        put_text(out, info(group, "name"));
        crq_buf_puts(out, " last=");
        put_id(out, info(group, "last-delivered-id"), flags);
        crq_buf_puts(out, " pending=");
        put_text(out, info(group, "pending"));
        crq_buf_putc(out, '\n');
    }
    crq_reply_free(entries);
    crq_reply_free(groups);
}

static const struct {
    const char *type;
    void (*dump)(crq_conn *conn, const crq_reply *key, unsigned flags,
            struct crq_buf *out);
} types[] = {
    { "hash", dump_hash },
    { "list", dump_list },
    { "set", dump_set },
    { "stream", dump_stream },
    { "string", dump_string },
    { "zset", dump_zset },
};

static void dump_key(crq_conn *conn, const crq_reply *key, unsigned flags,
        struct crq_buf *out)
{
    crq_reply *type = ASK(conn, key, "TYPE", "KEY");
    crq_reply *ttl = ASK(conn, key, "PTTL", "KEY");
    int64_t ttl_ms = crq_reply_int(ttl, -1);

    put_text(out, key);
    crq_buf_printf(out, " %s", crq_reply_text(type, NULL));
    if (ttl_ms >= 0)
        crq_buf_printf(out, " ttl=%lld", (long long)(ttl_ms + 999) / 1000);
    crq_buf_putc(out, '\n');
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, crq_reply_text(type, NULL)) == 0)
            types[i].dump(conn, key, flags, out);
    crq_reply_free(type);
    crq_reply_free(ttl);
}

char *live_dump(crq_conn *conn, unsigned flags)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_reply *keys = ASK(conn, NULL, "KEYS", "*");
    const crq_reply **in_order = sorted(keys, 1);
    crq_error err;
    char *text;

    for (size_t i = 0; i < crq_reply_count(keys); i++)
        dump_key(conn, in_order[i], flags, &out);
    free(in_order);
    crq_reply_free(keys);
    unit_ok(crq_buf_steal(&out, &text, NULL, &err), &err);
    return text;
}

void live_expect(crq_conn *conn, const char *want)
{
    char *got = live_dump(conn, LIVE_MASK_IDS);

    ck_assert_str_eq(got, want);
    crq_text_free(got);
}
