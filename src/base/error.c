/* error.c - the table of error codes, and filling a crq_error. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Make the text one printable line, and whole in UTF-8 where it was cut. */
static void clean(char *text, size_t size, size_t wanted)
{
    size_t len = strlen(text);

    if (wanted >= size) {
        /* Step back over the last sequence, which may be half there. */
        while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
            len--;
        if (len > 0 && (unsigned char)text[len - 1] >= 0xc0)
            len--;
        text[len] = '\0';
    }
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

CRQ_PRINTF(3, 0)
static void fill(crq_error *err, int code, const char *format, va_list ap)
        CRQ_PRINTF(3, 0);

static void fill(crq_error *err, int code, const char *format, va_list ap)
{
    int wanted = vsnprintf(err->text, sizeof(err->text), format, ap);

    err->code = code;
    if (wanted < 0)
        snprintf(err->text, sizeof(err->text), "%s", crq_error_summary(code));
    else
        clean(err->text, sizeof(err->text), (size_t)wanted);
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
