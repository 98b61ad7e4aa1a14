/* error.c - the table of error codes, and filling a crq_error. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    int code;
    const char *name, *summary;
} codes[] = {
    { CRQ_OK, "CRQ_OK", "no error" },
    { CRQ_ENOMEM, "CRQ_ENOMEM", "out of memory" },
    { CRQ_EINVAL, "CRQ_EINVAL", "a wrong argument" },
    { CRQ_ECODEC, "CRQ_ECODEC", "malformed data" },
    { CRQ_ELIMIT, "CRQ_ELIMIT", "too large or too deep" },
    { CRQ_EUNSUPPORTED, "CRQ_EUNSUPPORTED", "not supported" },
    { CRQ_EEXIST, "CRQ_EEXIST", "it exists already" },
    { CRQ_ENOTFOUND, "CRQ_ENOTFOUND", "not found" },
    { CRQ_ESTATE, "CRQ_ESTATE", "not in this status" },
    { CRQ_ECONNECT, "CRQ_ECONNECT", "Redis cannot be reached" },
    { CRQ_EAUTH, "CRQ_EAUTH", "Redis refuses the user or password" },
    { CRQ_EREDIS, "CRQ_EREDIS", "Redis refused the command" },
    { CRQ_ELOST, "CRQ_ELOST", "the connection broke, the outcome is unknown" },
    { CRQ_ETIMEOUT, "CRQ_ETIMEOUT", "timed out" },
    { CRQ_EIO, "CRQ_EIO", "input or output failed" },
    { CRQ_ETASK, "CRQ_ETASK", "the task failed" },
};

const char *crq_error_name(int code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "CRQ_E?";
}

const char *crq_error_summary(int code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == code)
            return codes[i].summary;
    return "unknown error";
}

const char *crq_version(void)
{
    return PACKAGE_VERSION;
}

/* Make the text one printable line of UTF-8: it may quote anything, and quotes
 * are cut without a look at where characters end. */
static void clean(char *text, bool cut)
{
    size_t len = strlen(text), bad, size;

    /* The last character may be half there. */
    while (cut && len > 0 && !crq_utf8_valid(text, len, &bad) && bad + 3 >= len)
        text[--len] = '\0';
    for (size_t at = 0; at < len; at += size) {
        uint32_t c = crq_utf8_next(text + at, len - at, &size);
        bool whole = crq_utf8_valid(text + at, size, &bad);

        if (!whole || c < 0x20 || (c >= 0x7f && c < 0xa0))
            memset(text + at, '?', size);
    }
}

static void fill(crq_error *err, int code, const char *format, va_list ap)
        CRQ_PRINTF(3, 0);

static void fill(crq_error *err, int code, const char *format, va_list ap)
{
    int wanted = vsnprintf(err->text, sizeof(err->text), format, ap);

    err->code = code;
    if (wanted < 0)
        snprintf(err->text, sizeof(err->text), "%s", crq_error_summary(code));
    else
        clean(err->text, (size_t)wanted >= sizeof(err->text));
}

int crq_fail(crq_error *err, int code, const char *format, ...)
{
    va_list ap;

    if (err == NULL)
        return code;
    va_start(ap, format);
    fill(err, code, format, ap);
    va_end(ap);
    return code;
}

int crq_fail_nomem(crq_error *err)
{
    return crq_fail(err, CRQ_ENOMEM, "out of memory");
}

int crq_fail_in(crq_error *err, int code, const char *format, ...)
{
    crq_error outer, inner;
    va_list ap;

    if (err == NULL)
        return code;
    va_start(ap, format);
    fill(&outer, code, format, ap);
    va_end(ap);
    inner = *err;
    return crq_fail(err, code, "%s: %s", outer.text, inner.text);
}
