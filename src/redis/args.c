/* args.c - collecting the words of a command, and their form on the wire. */
#include "redis/args.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void crq_args_init(struct crq_args *args)
{
    *args = (struct crq_args){ .bytes = CRQ_BUF_INIT };
}

void crq_args_fini(struct crq_args *args)
{
    crq_buf_fini(&args->bytes);
    crq_free(args->ends);
    crq_args_init(args);
}

void crq_args_clear(struct crq_args *args)
{
    crq_buf_clear(&args->bytes);
    args->count = 0;
}

void crq_args_cut(struct crq_args *args, size_t count, size_t len)
{
    crq_buf_cut(&args->bytes, len);
    args->bytes.rc = 0;
    args->count = count;
}

static int grow(struct crq_args *args, size_t cap)
{
    size_t *ends = crq_reallocarray(args->ends, cap, sizeof(*ends));

    if (ends == NULL)
        return CRQ_ENOMEM;
    args->ends = ends;
    args->cap = cap;
    return 0;
}

void crq_args_reserve(struct crq_args *args, size_t words, size_t bytes)
{
    if (args->cap < args->count + words)
        (void)grow(args, args->count + words);
    (void)crq_buf_room(&args->bytes, bytes);
}

void crq_args_put(struct crq_args *args, const void *bytes, size_t len)
{
    if (args->bytes.rc == 0 && args->count == args->cap)
        args->bytes.rc = grow(args, args->cap > 0 ? args->cap * 2 : 8);
    if (crq_buf_put(&args->bytes, bytes, len) == 0)
        args->ends[args->count++] = args->bytes.len;
}

void crq_args_puts(struct crq_args *args, const char *text)
{
    crq_args_put(args, text, strlen(text));
}

void crq_args_puti(struct crq_args *args, int64_t n)
{
    char text[CRQ_INT_LEN + 1];
    size_t len = crq_int_put(text, n);

    crq_args_put(args, text, len);
}

void crq_args_list(struct crq_args *args, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, args);
    for (text = va_arg(ap, const char *); text != NULL;
            text = va_arg(ap, const char *))
        crq_args_puts(args, text);
    va_end(ap);
}

int crq_args_check(const struct crq_args *args, crq_error *err)
{
    return crq_buf_check(&args->bytes, err);
}

const char *crq_args_word(const struct crq_args *args, size_t i,
        size_t *out_len)
{
    size_t from = i > 0 ? args->ends[i - 1] : 0;

    *out_len = args->ends[i] - from;
    return crq_buf_text(&args->bytes) + from;
}

/* "$5\r\n" or "*5\r\n" at the end of `out`, where there is room. */
static size_t put_head(char *out, char kind, size_t n)
{
    size_t len = 1;

    out[0] = kind;
    if (n < 10) /* most are */
        out[len++] = (char)('0' + n);
    else
        len += crq_int_put(out + 1, (int64_t)n);
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}

#define HEAD_MAX (CRQ_INT_LEN + 3) /* a kind, digits, the line's end */

int crq_args_encode(const struct crq_args *head, const struct crq_args *args,
        struct crq_buf *out)
{
    const struct crq_args *parts[] = { head, args };
    size_t count = (head != NULL ? head->count : 0) + args->count;
    size_t len = (head != NULL ? head->bytes.len : 0) + args->bytes.len;
    char *room = crq_buf_room(out, len + (count + 1) * (HEAD_MAX + 2));
    char *at = room;

    if (room == NULL)
        return out->rc;
    at += put_head(at, '*', count);
    for (size_t part = head != NULL ? 0 : 1; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->count; i++) {
            const char *word = crq_args_word(parts[part], i, &len);

            at += put_head(at, '$', len);
            memcpy(at, word, len);
            at += len;
            *at++ = '\r';
            *at++ = '\n';
        }
    }
    *at = '\0';
    out->len += (size_t)(at - room);
    return 0;
}
