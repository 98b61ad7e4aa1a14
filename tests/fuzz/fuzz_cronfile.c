/* fuzz_cronfile.c - any bytes as a cron file. */
#include "fuzz.h"

#include <string.h>

#include "app/cronfile.h"

static void on_mistake(void *arg, const char *where, const char *what)
{
    size_t *count = arg;

    fuzz_check(strchr(where, ':') != NULL && what[0] != '\0');
    ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_app *app = NULL;
    size_t mistakes = 0;
    crq_error err = { 0, "" };
    int rc = crq_cronfile_parse((const char *)data, size, on_mistake, &mistakes,
            &app, &err);

    fuzz_check((rc == CRQ_EINVAL) == (mistakes > 0));
    fuzz_check((rc == 0) == (app != NULL));
    fuzz_check(rc == 0 || err.text[0] != '\0');
    crq_app_free(app);
    return 0;
}
