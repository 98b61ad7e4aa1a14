/* form.c - see form.h. */
#include "web/form.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "model/fields.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False: a broken escape, a '\0', no UTF-8. */
static bool unescape(char *text)
{
    char *to = text;
    size_t bad;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '%') {
            *to++ = (char)(*at == '+' ? ' ' : *at);
            continue;
        }
        if (digit(at[1]) < 0 || digit(at[2]) < 0)
            return false;
        *to = (char)(digit(at[1]) << 4 | digit(at[2]));
        if (*to++ == '\0')
            return false;
        at += 2;
    }
    *to = '\0';
    return crq_text_valid(text, (size_t)(to - text), &bad);
}

static bool add(struct form *form, char *name)
{
    char *value = strchr(name, '=');

    if (value == NULL || form->count == FORM_FIELDS)
        return false;
    *value++ = '\0';
    form->names[form->count] = name;
    form->values[form->count++] = value;
    return unescape(name) && unescape(value);
}

bool form_parse(const char *text, size_t len, struct form *out)
{
    char *at;

    *out = (struct form){ .text = NULL };
    if (len > FORM_BYTES || (len > 0 && memchr(text, '\0', len) != NULL))
        return false;
    out->text = crq_memdup(len > 0 ? text : "", len);
    out->len = len;
    at = out->text;
    while (at != NULL && *at != '\0') {
        char *next = at + strcspn(at, "&");

        if (*next == '&')
            *next++ = '\0';
        if (!add(out, at)) {
            form_fini(out);
            return false;
        }
        at = next;
    }
    return out->text != NULL;
}

bool form_read(const struct http_request *request, struct form *out)
{
    static const char want[] = "application/x-www-form-urlencoded";
    const char *type = http_header(request, "Content-Type");
    size_t len;
    const char *body = http_body(request, &len);

    return type != NULL && strcspn(type, "; ") == sizeof(want) - 1 &&
            strncasecmp(type, want, sizeof(want) - 1) == 0 &&
            form_parse(body, len, out);
}

void form_fini(struct form *form)
{
    if (form->text != NULL)
        OPENSSL_cleanse(form->text, form->len);
    crq_free(form->text);
    *form = (struct form){ .text = NULL };
}

const char *form_get(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcmp(form->names[i], name) == 0)
            return form->values[i];
    return NULL;
}
