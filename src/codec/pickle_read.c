/*
 * pickle_read.c - the machine that runs a pickle.
 *
 * Kept true here:
 *  - Nothing is called, imported or looked up outside: the opcodes make plain
 *    values, and the globals that are known stand in pickle_globals.c.
 *  - Memory and time follow the input. Every push is counted, so is every
 *    byte of text made; the memo grows no further than the input has come; a
 *    promised length is compared with what is left before anything is made.
 *  - A key is paid for by its size each time it is put, since Python programs
 *    remember the hash of a str and we do not: a short pickle could otherwise
 *    have one long key hashed millions of times.
 *  - Nothing leaks, also when a container contains itself: see finish().
 *
 * Not here: frames. They are hints for readers of files; only the length that
 * they promise is checked, as in CPython's own reader.
 */
#include "codec/pickle_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define KEY_PARTS 10000 /* what a key can be made of: see dict.c */
#define KEY_FREE  16    /* parts of a key, of 64 bytes each, per item */
#define MEMO_FREE 256   /* memo entries that may be numbered as one likes */
#define DEPTH_MAX ((size_t)10000)

int crq_unpickle_fail(struct crq_unpickler *r, int code, const char *format,
        ...)
{
    char text[sizeof(r->err->text)];
    va_list ap;

    va_start(ap, format);
    if (vsnprintf(text, sizeof(text), format, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    return crq_fail(r->err, code, "offset %zu: %s", r->op, text);
}

int crq_unpickle_refused(struct crq_unpickler *r, int rc, const crq_error *why)
{
    if (rc == CRQ_ENOMEM)
        return crq_fail_nomem(r->err);
    return crq_unpickle_fail(r, rc == CRQ_EINVAL ? CRQ_ECODEC : rc, "%s",
            why->text);
}

int crq_unpickle_made(struct crq_unpickler *r, const crq_value *v)
{
    return v != NULL ? 0 : crq_fail_nomem(r->err);
}

/* ---- limits ---- */

int crq_unpickle_count(struct crq_unpickler *r, size_t items)
{
    if (items > r->limits.max_items - r->items)
        return crq_unpickle_fail(r, CRQ_ELIMIT, "more than %zu values",
                r->limits.max_items);
    r->items += items;
    return 0;
}

int crq_unpickle_count_bytes(struct crq_unpickler *r, size_t bytes)
{
    if (bytes > r->limits.max_bytes - r->made_bytes)
        return crq_unpickle_fail(r, CRQ_ELIMIT, "more than %zu bytes of text",
                r->limits.max_bytes);
    r->made_bytes += bytes;
    return 0;
}

/* How much there is to hash in a key. */
static void weigh(const crq_value *key, size_t depth, size_t *weight)
{
    crq_type type = crq_value_type(key);
    size_t len;

    if (*weight > KEY_PARTS * KEY_FREE || depth == 0)
        return;
    ++*weight;
    if (type == CRQ_STR || type == CRQ_BYTES || type == CRQ_DECIMAL) {
        crq_value_data(key, &len);
        *weight += len / 64;
    } else if (type == CRQ_INT && !crq_value_int_fits(key)) {
        crq_value_int_bytes(key, &len);
        *weight += len / 64;
    } else if (type == CRQ_TUPLE || type == CRQ_FROZENSET) {
        /* Members of a set are looked up in the other when compared. */
        *weight += type == CRQ_FROZENSET ? crq_value_count(key) * 4 : 0;
        for (size_t i = 0; i < crq_value_count(key); i++)
            weigh(crq_value_item(key, i), depth - 1, weight);
    }
}

static int count_key(struct crq_unpickler *r, const crq_value *key)
{
    size_t weight = 0;

    weigh(key, CRQ_MAX_DEPTH, &weight);
    return crq_unpickle_count(r, weight / KEY_FREE);
}

/* ---- stack ---- */

/* Room for one more in a growing array. */
static int reserve(struct crq_unpickler *r, void **items, size_t size,
        size_t count, size_t *cap)
{
    size_t more = *cap > 0 ? *cap * 2 : 16;
    void *grown;

    if (count < *cap)
        return 0;
    grown = crq_reallocarray(*items, more, size);
    if (grown == NULL)
        return crq_fail_nomem(r->err);
    *items = grown;
    *cap = more;
    return 0;
}

int crq_unpickle_push(struct crq_unpickler *r, crq_value *v)
{
    void *items = r->stack;
    int rc = crq_unpickle_made(r, v);

    if (rc == 0)
        rc = crq_unpickle_count(r, 1);
    if (rc == 0)
        rc = reserve(r, &items, sizeof(*r->stack), r->count, &r->cap);
    r->stack = items;
    if (rc < 0) {
        crq_value_free(v);
        return rc;
    }
    r->stack[r->count++] = v;
    return 0;
}

/* Nothing reaches below the last MARK. */
static size_t bottom(const struct crq_unpickler *r)
{
    return r->mark_count > 0 ? r->marks[r->mark_count - 1] : 0;
}

crq_value *crq_unpickle_top(struct crq_unpickler *r)
{
    if (r->count > bottom(r))
        return r->stack[r->count - 1];
    crq_unpickle_fail(r, CRQ_ECODEC, "nothing on the stack");
    return NULL;
}

int crq_unpickle_pop(struct crq_unpickler *r, crq_value **out)
{
    crq_value *top = crq_unpickle_top(r);

    if (top == NULL)
        return CRQ_ECODEC;
    r->count--;
    *out = top;
    return 0;
}

int crq_unpickle_mark(struct crq_unpickler *r)
{
    void *items = r->marks;
    int rc = crq_unpickle_count(r, 1);

    if (rc == 0)
        rc = reserve(r, &items, sizeof(*r->marks), r->mark_count, &r->mark_cap);
    r->marks = items;
    if (rc == 0)
        r->marks[r->mark_count++] = r->count;
    return rc;
}

int crq_unpickle_pop_mark(struct crq_unpickler *r, size_t *out)
{
    if (r->mark_count == 0)
        return crq_unpickle_fail(r, CRQ_ECODEC, "no MARK on the stack");
    *out = r->marks[--r->mark_count];
    return 0;
}

/* ---- memo ---- */

static int widen_memo(struct crq_unpickler *r, size_t index)
{
    size_t cap = r->memo_cap > 0 ? r->memo_cap : 16;
    crq_value **memo;

    while (cap <= index)
        cap *= 2;
    memo = crq_reallocarray(r->memo, cap, sizeof(*memo));
    if (memo == NULL)
        return crq_fail_nomem(r->err);
    memset(memo + r->memo_cap, 0, (cap - r->memo_cap) * sizeof(*memo));
    r->memo = memo;
    r->memo_cap = cap;
    return 0;
}

int crq_unpickle_put(struct crq_unpickler *r, size_t index)
{
    crq_value *top = crq_unpickle_top(r);
    struct crq_pickle_token *token;
    int rc = top != NULL ? crq_unpickle_count(r, 1) : CRQ_ECODEC;

    if (rc < 0)
        return rc;
    /* Who numbers entries one by one is never ahead of the bytes written. */
    if (index > r->at + MEMO_FREE || index >= r->limits.max_items)
        return crq_unpickle_fail(r, CRQ_ELIMIT,
                "memo entry %zu is far beyond those in use", index);
    if (index >= r->memo_cap) {
        rc = widen_memo(r, index);
        if (rc < 0)
            return rc;
    }
    if (r->memo[index] == NULL)
        r->memo_count++;
    crq_value_free(r->memo[index]);
    r->memo[index] = crq_value_ref(top);
    token = crq_unpickle_token(r, top);
    if (token != NULL && token->unbuilt)
        token->memo = index + 1;
    return 0;
}

int crq_unpickle_get(struct crq_unpickler *r, size_t index)
{
    if (index >= r->memo_cap || r->memo[index] == NULL)
        return crq_unpickle_fail(r, CRQ_ECODEC, "no memo entry %zu", index);
    return crq_unpickle_push(r, crq_value_ref(r->memo[index]));
}

/* ---- containers ---- */

int crq_unpickle_note(struct crq_unpickler *r, crq_value *container)
{
    if (crq_value_add(r->made, crq_value_ref(container)) < 0)
        return crq_fail_nomem(r->err);
    return 0;
}

static int added(struct crq_unpickler *r, int rc, crq_type key)
{
    if (rc == CRQ_EINVAL)
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "a %s is, or holds, what cannot be a key", crq_type_name(key));
    if (rc == CRQ_ELIMIT)
        return crq_unpickle_fail(r, rc, "a key is too large");
    return rc < 0 ? crq_fail_nomem(r->err) : 0;
}

int crq_unpickle_add(struct crq_unpickler *r, crq_value *v, crq_value *item)
{
    crq_type type = crq_value_type(item);
    bool keyed =
            crq_value_type(v) == CRQ_SET || crq_value_type(v) == CRQ_FROZENSET;
    int rc = keyed ? count_key(r, item) : 0;

    if (rc < 0) {
        crq_value_free(item);
        return rc;
    }
    return added(r, crq_value_add(v, item), type);
}

int crq_unpickle_pair(struct crq_unpickler *r, crq_value *dict, crq_value *key,
        crq_value *val)
{
    crq_type type = crq_value_type(key);
    int rc = count_key(r, key);

    if (rc < 0) {
        crq_value_free(key);
        crq_value_free(val);
        return rc;
    }
    return added(r, crq_value_put(dict, key, val), type);
}

/* ---- the run ---- */

static int run(struct crq_unpickler *r)
{
    while (!r->stopped) {
        const struct crq_pickle_op *op;
        int rc;

        r->op = r->at;
        if (r->at == r->len)
            return crq_unpickle_fail(r, CRQ_ECODEC,
                    "the pickle ends without a STOP");
        op = &crq_pickle_ops[r->bytes[r->at]];
        if (op->run == NULL)
            return crq_unpickle_fail(r, CRQ_ECODEC,
                    "0x%02x is no opcode of a pickle", r->bytes[r->at]);
        r->at++;
        rc = op->run(r, op);
        if (rc < 0)
            return rc;
    }
    if (r->at < r->len) {
        r->op = r->at;
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "%zu bytes behind the end of the pickle", r->len - r->at);
    }
    return 0;
}

/*
 * Take the result off and see that it can be walked. Everything that was made
 * is checked with it: what was popped or only remembered may be a cycle too,
 * which counting references would never free.
 */
static int finish(struct crq_unpickler *r, crq_value **out)
{
    size_t depth =
            r->limits.max_depth < DEPTH_MAX ? r->limits.max_depth : DEPTH_MAX;
    crq_value *root = crq_unpickle_top(r);
    int rc;

    if (root == NULL)
        return CRQ_ECODEC;
    rc = crq_unpickle_note(r, root);
    if (rc < 0)
        return rc;
    rc = crq_value_check(r->made, depth + 1, r->err);
    if (rc < 0)
        return crq_fail_in(r->err, rc, "offset %zu", r->op);
    r->count--;
    *out = root;
    return 0;
}

/* Drop everything but the result. After a failure containers are emptied
 * first, as there may be cycles. */
static void drop_all(struct crq_unpickler *r, bool failed)
{
    for (size_t i = 0; failed && i < crq_value_count(r->made); i++) {
        /* Only ours: the items of the list are known as const. */
        crq_value *v = crq_value_ref(crq_value_item(r->made, i));

        crq_value_clear(v);
        crq_value_free(v);
    }
    for (size_t i = 0; i < r->count; i++)
        crq_value_free(r->stack[i]);
    for (size_t i = 0; i < r->memo_cap; i++)
        crq_value_free(r->memo[i]);
    crq_value_free(r->made);
    crq_free(r->stack);
    crq_free(r->marks);
    crq_free(r->memo);
}

int crq_pickle_decode(const void *bytes, size_t len,
        const struct crq_limits *limits, crq_value **out, crq_error *err)
{
    struct crq_unpickler r = {
        .bytes = bytes, .len = len, .limits = crq_limits_resolve(limits)
    };
    crq_value *root = NULL;
    int rc;

    r.err = err;
    if (len > r.limits.max_bytes)
        return crq_fail(err, CRQ_ELIMIT,
                "a pickle of %zu bytes; %zu are the limit", len,
                r.limits.max_bytes);
    r.made = crq_value_new_list();
    if (r.made == NULL)
        return crq_fail_nomem(err);
    rc = run(&r);
    if (rc == 0)
        rc = finish(&r, &root);
    drop_all(&r, rc < 0);
    if (rc < 0)
        r.err = NULL; /* it says already what was first */
    if (crq_unpickle_drop_tokens(&r) < 0 && rc == 0)
        rc = CRQ_EUNSUPPORTED;
    if (rc < 0) {
        crq_value_free(root);
        return rc;
    }
    *out = root;
    return 0;
}

bool crq_pickle_likely(const void *bytes, size_t len)
{
    const uint8_t *b = bytes;

    if (len < 2 || b[len - 1] != '.')
        return false;
    if (b[0] == 0x80)
        return len >= 4 && b[1] >= 2 && b[1] <= CRQ_PICKLE_PROTOCOL;
    /* Protocols 0 and 1 have no header: their opcodes are ASCII. */
    return b[0] < 0x80 && b[0] != '.' && crq_pickle_ops[b[0]].run != NULL;
}
