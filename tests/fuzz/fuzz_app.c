/*
 * fuzz_app.c - app/ with any app.json.
 *
 * Held true: every mistake has a path that begins with '$' and a text; a file
 * is refused if and only if there is a mistake; what was taken can be bound.
 */
#include "fuzz.h"

#include <string.h>

#include "app/app.h"

static void on_mistake(void *arg, const char *where, const char *what)
{
    size_t *count = arg;

    fuzz_check(where[0] == '$' && what[0] != '\0');
    ++*count;
}

static int look_up(void *arg, enum crq_app_from from, const char *key,
        crq_value **out)
{
    (void)arg;
    (void)from;
    *out = crq_value_new_text(key != NULL ? "12" : "true");
    return *out != NULL ? 0 : CRQ_ENOMEM;
}

static void bind(const struct crq_app_call *call)
{
    crq_value *args, *kwargs;
    crq_error err;
    int rc = crq_app_call_bind(call, look_up, NULL, &args, &kwargs, &err);

    fuzz_check(rc == 0 || (rc == CRQ_EINVAL && err.text[0] != '\0'));
    if (rc == 0) {
        crq_value_free(args);
        crq_value_free(kwargs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_app *app = NULL;
    size_t mistakes = 0;
    crq_error err;
    int rc = crq_app_parse((const char *)data, size, ".", on_mistake, &mistakes,
            &app, &err);

    fuzz_check((rc == CRQ_EINVAL) == (mistakes > 0));
    fuzz_check(rc == 0 || err.text[0] != '\0');
    if (rc < 0)
        return 0;
    for (size_t i = 0; i < app->schedule_count; i++)
        bind(&app->schedules[i].call);
    for (size_t i = 0; i < app->trigger_count; i++)
        bind(&app->triggers[i].call);
    for (size_t i = 0; i < app->route_count; i++)
        bind(&app->routes[i].call);
    for (size_t i = 0; i < app->socket_count; i++)
        bind(&app->sockets[i].authorise);
    crq_app_free(app);
    return 0;
}
