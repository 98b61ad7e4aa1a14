/*
 * repr_call.c - a call as RQ describes it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "codec/repr_impl.h"

/* A keyword part, "name=value", in the buffer of all of them. */
struct part {
    const char *text;
    size_t at, len;
};

/* The order of UTF-8 bytes is the order of characters, by which Python
 * sorts. */
static int compare(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->text, y->text, len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Cut what stands behind `start` to `cut` characters and "...". */
static void shorten(struct crq_buf *out, size_t start, size_t cut)
{
    size_t chars = 0;

    for (size_t at = start; at < out->len; at++) {
        if (((unsigned char)out->data[at] & 0xc0) == 0x80)
            continue;
        if (chars++ == cut) {
            crq_buf_cut(out, at);
            crq_buf_puts(out, "...");
            return;
        }
    }
}

static int put_argument(struct crq_buf *out, const crq_value *v, size_t cut,
        crq_error *err)
{
    size_t start = out->len, stop_at = SIZE_MAX;
    int rc;

    /* A character has four bytes at most: this is one more than is kept. */
    if (cut > 0 && cut < (SIZE_MAX - start) / 4 - 1)
        stop_at = start + (cut + 1) * 4;
    rc = crq_repr_until(v, stop_at, out, err);
    if (rc == 0 && cut > 0)
        shorten(out, start, cut);
    return rc;
}

static int put_keyword(struct crq_buf *out, const crq_value *key,
        const crq_value *val, size_t cut, crq_error *err)
{
    int rc = 0;
    size_t len;

    if (crq_value_type(key) == CRQ_STR) {
        const char *name = crq_value_data(key, &len);

        crq_buf_put(out, name, len);
    } else
        rc = put_argument(out, key, 0, err);
    crq_buf_putc(out, '=');
    return rc < 0 ? rc : put_argument(out, val, cut, err);
}

static int put_keywords(struct crq_buf *out, const crq_value *kwargs,
        size_t cut, const char *before, crq_error *err)
{
    size_t count = crq_value_count(kwargs);
    struct crq_buf all;
    struct part *parts;
    int rc = 0;

    crq_buf_init(&all, out->max);
    parts = crq_calloc(count, sizeof(*parts));
    if (parts == NULL)
        return crq_fail_nomem(err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        parts[i].at = all.len;
        rc = put_keyword(&all, crq_value_key(kwargs, i),
                crq_value_item(kwargs, i), cut, err);
        parts[i].len = all.len - parts[i].at;
    }
    if (rc == 0)
        rc = crq_buf_check(&all, err);
    if (rc < 0)
        goto out;
    for (size_t i = 0; i < count; i++)
        parts[i].text = all.data + parts[i].at;
    qsort(parts, count, sizeof(*parts), compare);
    for (size_t i = 0; i < count; i++) {
        crq_buf_puts(out, i > 0 ? ", " : before);
        crq_buf_put(out, parts[i].text, parts[i].len);
    }
out:
    crq_free(parts);
    crq_buf_fini(&all);
    return rc;
}

int crq_repr_call(const char *func, const crq_value *args,
        const crq_value *kwargs, size_t cut, struct crq_buf *out,
        crq_error *err)
{
    size_t start = out->len, count = args != NULL ? crq_value_count(args) : 0;
    int rc = crq_value_check(args, CRQ_MAX_DEPTH, err);

    if (rc == 0)
        rc = crq_value_check(kwargs, CRQ_MAX_DEPTH, err);
    crq_buf_puts(out, func);
    crq_buf_putc(out, '(');
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (i > 0)
            crq_buf_puts(out, ", ");
        rc = put_argument(out, crq_value_item(args, i), cut, err);
    }
    if (rc == 0 && kwargs != NULL && crq_value_count(kwargs) > 0)
        rc = put_keywords(out, kwargs, cut, count > 0 ? ", " : "", err);
    crq_buf_putc(out, ')');
    if (rc == 0)
        rc = crq_buf_check(out, err);
    if (rc < 0)
        crq_buf_cut(out, start);
    return rc;
}
