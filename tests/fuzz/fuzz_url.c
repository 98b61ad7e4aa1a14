/*
 * fuzz_url.c - redis/url.c with any text.
 *
 * Held true: what is taken is in range, what is refused is told in one
 * printable line, and no part of a password is in it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "redis/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct crq_url *url)
{
    struct crq_buf shown = CRQ_BUF_INIT;

    assert((url->host != NULL) != (url->path != NULL));
    assert(url->port >= 1 && url->port <= 65535 && url->db >= 0);
    assert(url->user == NULL || url->user[0] != '\0');
    assert(url->password == NULL || url->password[0] != '\0');
    assert(crq_url_describe(url, &shown) == 0 && shown.len > 0);
    crq_buf_fini(&shown);
}

static void check_refused(const crq_error *err)
{
    assert(err->code == CRQ_EINVAL && err->text[0] != '\0');
    for (const char *p = err->text; *p != '\0'; p++)
        assert((unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f);
}

static void parse(const char *text, const char *secret)
{
    struct crq_url url;
    crq_error err;

    if (crq_url_parse(text, &url, &err) == 0) {
        check_taken(&url);
        crq_url_fini(&url);
        return;
    }
    check_refused(&err);
    assert(secret == NULL || strstr(err.text, secret) == NULL);
}

/* The same bytes once more as a part of a password. */
static void parse_as_password(const char *text)
{
    static const char secret[] = "Zq9xK";
    struct crq_buf url = CRQ_BUF_INIT;

    crq_buf_printf(&url, "redis://u:%s%s%s@h:1/2", text, secret, text);
    parse(crq_buf_text(&url), secret);
    crq_buf_fini(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = crq_memdup(data, size);

    if (text == NULL)
        return 0;
    parse(text, NULL);
    parse_as_password(text);
    crq_free(text);
    return 0;
}
