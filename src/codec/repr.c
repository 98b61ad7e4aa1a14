/*
 * repr.c - values as Python prints them.
 *
 * Where Python's versions differ: an OrderedDict is printed as Python 3.8 to
 * 3.11 do, OrderedDict([('a', 1)]), and which characters are escaped is
 * decided by the table in unprintable.h. Sets are printed in the order of
 * their insertion; Python's own order differs from run to run. A Decimal is
 * printed with the text that it was made from, which is Python's own unless
 * an application wrote it in another form (1e3 for 1E+3).
 *
 * A value that was made from a few hundred bytes can share its parts so that
 * its text would fill the memory. Printing stops when the buffer is full, and
 * for a description as soon as there is more than will be kept.
 */
#include "codec/repr_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/float.h"
#include "codec/unprintable.h"

struct printer {
    struct crq_buf *out;
    size_t stop_at; /* length of `out` from which on nothing is wanted */
    crq_error *err;
};

static bool is_full(const struct printer *p)
{
    return p->out->rc < 0 || p->out->len >= p->stop_at;
}

/* ---- scalars ---- */

int crq_repr_float(double d, struct crq_buf *out)
{
    char digits[CRQ_FLOAT_DIGITS + 1];
    int point, len;

    if (isnan(d))
        return crq_buf_puts(out, "nan");
    if (signbit(d))
        crq_buf_putc(out, '-');
    if (isinf(d))
        return crq_buf_puts(out, "inf");
    len = (int)crq_float_digits(d, digits, &point);
    if (d == 0)
        point = 1;
    if (point > 16 || point < -3) {
        crq_buf_printf(out, "%c%s%s", digits[0], len > 1 ? "." : "",
                digits + 1);
        return crq_buf_printf(out, "e%c%02d", point > 0 ? '+' : '-',
                abs(point - 1));
    }
    if (point <= 0)
        return crq_buf_printf(out, "0.%.*s%s", -point, "000", digits);
    if (point < len)
        return crq_buf_printf(out, "%.*s.%s", point, digits, digits + point);
    return crq_buf_printf(out, "%s%.*s.0", digits, point - len,
            "0000000000000000");
}

static bool is_printable(uint32_t c)
{
    size_t low = 0, high = sizeof(unprintable) / sizeof(unprintable[0]);

    if (c < 0x80)
        return c >= 0x20 && c < 0x7f;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (c > unprintable[middle].last)
            low = middle + 1;
        else if (c < unprintable[middle].first)
            high = middle;
        else
            return false;
    }
    return true;
}

static void put_escape(struct crq_buf *out, uint32_t c)
{
    switch (c) {
    case '\t': crq_buf_puts(out, "\\t"); return;
    case '\n': crq_buf_puts(out, "\\n"); return;
    case '\r': crq_buf_puts(out, "\\r"); return;
    default: break;
    }
    if (c < 0x80 && is_printable(c)) /* a backslash or the quote */
        crq_buf_printf(out, "\\%c", (int)c);
    else if (c <= 0xff)
        crq_buf_printf(out, "\\x%02x", (unsigned)c);
    else if (c <= 0xffff)
        crq_buf_printf(out, "\\u%04x", (unsigned)c);
    else
        crq_buf_printf(out, "\\U%08x", (unsigned)c);
}

/* Single quotes, unless double ones need no escaping and single ones would. */
static char quote_for(const char *text, size_t len)
{
    return memchr(text, '\'', len) != NULL && memchr(text, '"', len) == NULL
            ? '"'
            : '\'';
}

/* How many bytes from here on are plain ASCII that stands for itself. */
static size_t plain_run(const char *text, size_t len, char quote)
{
    size_t n = 0;

    while (n < len && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '\\' &&
            text[n] != quote)
        n++;
    return n;
}

/* str and bytes differ in what is behind ASCII: characters, or bytes. */
static void put_quoted(struct printer *p, const char *text, size_t len,
        bool bytes)
{
    char quote = quote_for(text, len);
    size_t at = 0, n, left;

    crq_buf_putc(p->out, quote);
    while (at < len && !is_full(p)) {
        uint32_t c;

        left = p->stop_at - p->out->len;
        left = len - at < left ? len - at : left;
        n = plain_run(text + at, left, quote);
        crq_buf_put(p->out, text + at, n);
        at += n;
        if (at == len || is_full(p))
            continue;
        n = 1;
        c = bytes ? (unsigned char)text[at]
                  : crq_utf8_next(text + at, len - at, &n);
        if (c > 0x7f && !bytes && is_printable(c))
            crq_buf_put(p->out, text + at, n);
        else
            put_escape(p->out, c);
        at += n;
    }
    crq_buf_putc(p->out, quote);
}

static void put_uuid(struct crq_buf *out, const uint8_t *uuid)
{
    crq_buf_puts(out, "UUID('");
    for (int i = 0; i < 16; i++)
        crq_buf_printf(out,
                i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                uuid[i]);
    crq_buf_puts(out, "')");
}

/* ---- dates and times ---- */

static void put_timedelta(struct crq_buf *out, const crq_timedelta *d)
{
    const struct {
        const char *name;
        int32_t n;
    } parts[] = { { "days", d->days }, { "seconds", d->seconds },
        { "microseconds", d->microseconds } };
    const char *before = "";

    crq_buf_puts(out, "datetime.timedelta(");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].n == 0)
            continue;
        crq_buf_printf(out, "%s%s=%d", before, parts[i].name, parts[i].n);
        before = ", ";
    }
    crq_buf_puts(out, *before == '\0' ? "0)" : ")");
}

static void put_timezone(struct printer *p, const crq_tz *tz)
{
    crq_timedelta offset = { 0, tz->offset_s, tz->offset_us };

    if (tz->offset_s == 0 && tz->offset_us == 0 && tz->name == NULL) {
        crq_buf_puts(p->out, "datetime.timezone.utc");
        return;
    }
    if (offset.seconds < 0) {
        offset.days = -1;
        offset.seconds += 86400;
    }
    crq_buf_puts(p->out, "datetime.timezone(");
    put_timedelta(p->out, &offset);
    if (tz->name != NULL) {
        crq_buf_puts(p->out, ", ");
        put_quoted(p, tz->name, strlen(tz->name), false);
    }
    crq_buf_putc(p->out, ')');
}

static void put_clock(struct crq_buf *out, const crq_datetime *d)
{
    crq_buf_printf(out, "%d, %d", d->hour, d->minute);
    if (d->second != 0 || d->microsecond != 0)
        crq_buf_printf(out, ", %d", d->second);
    if (d->microsecond != 0)
        crq_buf_printf(out, ", %d", d->microsecond);
}

static void put_datetime(struct printer *p, crq_type type,
        const crq_datetime *d)
{
    crq_buf_printf(p->out, "%s(", crq_type_name(type));
    if (type != CRQ_TIME)
        crq_buf_printf(p->out, "%d, %d, %d", d->year, d->month, d->day);
    if (type == CRQ_DATETIME)
        crq_buf_puts(p->out, ", ");
    if (type != CRQ_DATE)
        put_clock(p->out, d);
    /* Python has the two in this order for one type and not the other. */
    if (d->fold && type == CRQ_DATETIME)
        crq_buf_puts(p->out, ", fold=1");
    if (d->has_tz) {
        crq_buf_puts(p->out, ", tzinfo=");
        put_timezone(p, &d->tz);
    }
    if (d->fold && type == CRQ_TIME)
        crq_buf_puts(p->out, ", fold=1");
    crq_buf_putc(p->out, ')');
}

/* ---- containers ---- */

static int put_value(struct printer *p, const crq_value *v);

static int put_items(struct printer *p, const crq_value *v, const char *open,
        const char *close)
{
    size_t count = crq_value_count(v);
    int rc = 0;

    crq_buf_puts(p->out, open);
    for (size_t i = 0; i < count && rc == 0 && !is_full(p); i++) {
        if (i > 0)
            crq_buf_puts(p->out, ", ");
        rc = put_value(p, crq_value_item(v, i));
    }
    crq_buf_puts(p->out, close);
    return rc;
}

static int put_set(struct printer *p, const crq_value *v)
{
    bool frozen = crq_value_type(v) == CRQ_FROZENSET;

    if (crq_value_count(v) == 0)
        return crq_buf_puts(p->out, frozen ? "frozenset()" : "set()"), 0;
    return put_items(p, v, frozen ? "frozenset({" : "{", frozen ? "})" : "}");
}

static int put_dict(struct printer *p, const crq_value *v)
{
    bool ordered = crq_value_dict_ordered(v);
    size_t count = crq_value_count(v);
    int rc = 0;

    if (ordered && count == 0)
        return crq_buf_puts(p->out, "OrderedDict()"), 0;
    crq_buf_puts(p->out, ordered ? "OrderedDict([" : "{");
    for (size_t i = 0; i < count && rc == 0 && !is_full(p); i++) {
        if (i > 0)
            crq_buf_puts(p->out, ", ");
        if (ordered)
            crq_buf_putc(p->out, '(');
        rc = put_value(p, crq_value_key(v, i));
        crq_buf_puts(p->out, ordered ? ", " : ": ");
        if (rc == 0)
            rc = put_value(p, crq_value_item(v, i));
        if (ordered)
            crq_buf_putc(p->out, ')');
    }
    crq_buf_puts(p->out, ordered ? "])" : "}");
    return rc;
}

/* As rq.job.Retry.__repr__(): one interval stands without its list. */
static int put_retry(struct printer *p, const crq_value *v)
{
    const crq_value *state = crq_value_retry_state(v), *interval;
    int rc;

    if (crq_value_type(state) != CRQ_DICT)
        return crq_buf_puts(p->out, "Retry()"), 0;
    interval = crq_value_get(state, "intervals");
    if (crq_value_type(interval) == CRQ_LIST && crq_value_count(interval) == 1)
        interval = crq_value_item(interval, 0);
    crq_buf_puts(p->out, "Retry(max=");
    rc = put_value(p, crq_value_get(state, "max"));
    crq_buf_puts(p->out, ", interval=");
    if (rc == 0)
        rc = put_value(p, interval);
    crq_buf_puts(p->out, ", enqueue_at_front=");
    if (rc == 0)
        rc = put_value(p, crq_value_get(state, "enqueue_at_front"));
    crq_buf_putc(p->out, ')');
    return rc;
}

/* Fails only where a value has no text; a full buffer says so itself. */
static int put_value(struct printer *p, const crq_value *v)
{
    crq_type type = crq_value_type(v);
    const char *text;
    size_t len;

    switch (type) {
    case CRQ_NONE: crq_buf_puts(p->out, "None"); return 0;
    case CRQ_BOOL:
        crq_buf_puts(p->out, crq_value_bool(v) ? "True" : "False");
        return 0;
    case CRQ_INT: return crq_value_int_text(v, p->out, p->err);
    case CRQ_FLOAT: crq_repr_float(crq_value_float(v), p->out); return 0;
    case CRQ_STR:
        text = crq_value_data(v, &len);
        put_quoted(p, text, len, false);
        return 0;
    case CRQ_BYTES:
    case CRQ_BYTEARRAY:
        text = crq_value_data(v, &len);
        crq_buf_puts(p->out, type == CRQ_BYTES ? "b" : "bytearray(b");
        put_quoted(p, text, len, true);
        crq_buf_puts(p->out, type == CRQ_BYTES ? "" : ")");
        return 0;
    case CRQ_LIST: return put_items(p, v, "[", "]");
    case CRQ_TUPLE:
        return put_items(p, v, "(", crq_value_count(v) == 1 ? ",)" : ")");
    case CRQ_DICT: return put_dict(p, v);
    case CRQ_SET:
    case CRQ_FROZENSET: return put_set(p, v);
    case CRQ_DATETIME:
    case CRQ_DATE:
    case CRQ_TIME: put_datetime(p, type, crq_value_datetime(v)); return 0;
    case CRQ_TIMEDELTA: put_timedelta(p->out, crq_value_timedelta(v)); return 0;
    case CRQ_TIMEZONE: put_timezone(p, crq_value_timezone(v)); return 0;
    case CRQ_DECIMAL:
        crq_buf_puts(p->out, "Decimal(");
        text = crq_value_data(v, &len);
        put_quoted(p, text, len, false);
        crq_buf_putc(p->out, ')');
        return 0;
    case CRQ_UUID: put_uuid(p->out, crq_value_uuid(v)); return 0;
    case CRQ_RETRY: return put_retry(p, v);
    }
    return 0;
}

int crq_repr_until(const crq_value *v, size_t stop_at, struct crq_buf *out,
        crq_error *err)
{
    struct printer p = { out, stop_at, err };
    int rc = put_value(&p, v);

    return rc < 0 ? rc : crq_buf_check(out, err);
}

int crq_repr(const crq_value *v, struct crq_buf *out, crq_error *err)
{
    size_t start = out->len;
    int rc = crq_value_check(v, CRQ_MAX_DEPTH, err);

    if (rc == 0)
        rc = crq_repr_until(v, SIZE_MAX, out, err);
    if (rc < 0)
        crq_buf_cut(out, start);
    return rc;
}

int crq_value_repr(const crq_value *v, char **out, size_t *out_len,
        crq_error *err)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc = crq_repr(v, &buf, err);

    if (rc == 0)
        rc = crq_buf_steal(&buf, out, out_len, err);
    crq_buf_fini(&buf);
    return rc;
}
