/*
 * fuzz_api.c - web/ with any body of a request, and any cursor.
 *
 * The first byte says which kind of body it is. Held true: a body is refused if
 * and only if there are mistakes or a text; each mistake has a path that begins
 * with '$'; a cursor that is taken is made the same way again.
 */
#include "fuzz.h"

#include <string.h>

#include "web/api_call.h"
#include "web/api_impl.h"

static void check(int rc, crq_value *errors, const crq_error *err)
{
    fuzz_check((rc == CRQ_EINVAL) == (errors != NULL));
    fuzz_check(rc == 0 || err->text[0] != '\0');
    for (size_t i = 0; errors != NULL && i < crq_value_count(errors); i++) {
        const crq_value *e = crq_value_item(errors, i);

        fuzz_check(crq_value_text(crq_value_get(e, "path"))[0] == '$');
        fuzz_check(crq_value_text(crq_value_get(e, "detail"))[0] != '\0');
    }
    fuzz_check(errors == NULL || crq_value_count(errors) > 0);
    crq_value_free(errors);
}

static void read_cursor(const char *bytes, size_t len)
{
    char *text = strndup(bytes, len), *first, *second, *again;
    crq_error err;

    fuzz_check(text != NULL);
    if (api_cursor_get(text, &first, &second, &err) == 0) {
        char *first2, *second2;

        fuzz_ok(api_cursor_put(first, second, &again, &err), &err);
        fuzz_ok(api_cursor_get(again, &first2, &second2, &err), &err);
        fuzz_check(strcmp(first, first2) == 0);
        fuzz_check(strcmp(second, second2) == 0);
        crq_text_free(again);
        crq_text_free(first2);
        crq_text_free(second2);
        crq_text_free(first);
        crq_text_free(second);
    }
    free(text);
}

static void read_calls(const char *body, size_t len, bool lines)
{
    struct api_calls calls;
    crq_value *errors = NULL;
    crq_error err = { 0, "" };
    int rc = api_read_calls(body, len, lines, &calls, &errors, &err);

    for (size_t i = 0; rc == 0 && i < calls.count; i++)
        fuzz_check(calls.items[i].call.func != NULL);
    api_calls_fini(&calls);
    check(rc, errors, &err);
}

static void read_call(const char *body, size_t len)
{
    struct api_call call;
    crq_value *errors = NULL;
    crq_error err = { 0, "" };
    int rc = api_read_call(body, len, &call, &errors, &err);

    fuzz_check(rc < 0 || call.call.func != NULL);
    api_call_fini(&call);
    check(rc, errors, &err);
}

static void read_schedule(const char *body, size_t len)
{
    struct api_schedule s;
    crq_value *errors = NULL;
    crq_error err = { 0, "" };
    int rc = api_read_schedule(body, len, &s, &errors, &err);

    fuzz_check(rc < 0 || (s.options.every_us > 0) != (s.options.cron != NULL));
    api_schedule_fini(&s);
    check(rc, errors, &err);
}

static void read_apply(const char *body, size_t len)
{
    struct api_apply a;
    crq_value *errors = NULL;
    crq_error err = { 0, "" };
    int rc = api_read_apply(body, len, &a, &errors, &err);

    fuzz_check(rc < 0 || a.bulk.operation != CRQ_OPERATION_NONE);
    api_apply_fini(&a);
    check(rc, errors, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data + 1;

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'c': read_call(body, size - 1); break;
    case 'b': read_calls(body, size - 1, false); break;
    case 'l': read_calls(body, size - 1, true); break;
    case 's': read_schedule(body, size - 1); break;
    case 'a': read_apply(body, size - 1); break;
    default: read_cursor(body, size - 1); break;
    }
    return 0;
}
