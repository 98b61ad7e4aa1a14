/* web.c - what an app.json declares for the gateway. */
#include <string.h>

#include "app/read.h"
#include "base/mem.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define FROM(source) (1U << (source))

/* What every request has. */
#define REQUEST                                                                \
    (FROM(CRQ_APP_OPTION) | FROM(CRQ_APP_PATH) | FROM(CRQ_APP_QUERY) |         \
            FROM(CRQ_APP_HEADER) | FROM(CRQ_APP_TOKEN))

/* ------------------------------------------------------------------ routes */

/* "POST /pet/{name}/feed" */
static void read_on(struct crq_app_reader *r, const crq_value *v, void *to)
{
    static const char *const methods[] = { "GET", "PUT", "POST", "PATCH",
        "DELETE" };
    struct crq_app_route *route = to;
    const char *text = crq_value_type(v) == CRQ_STR ? crq_value_text(v) : "";
    size_t len = strcspn(text, " "), i = 0;
    crq_value *path;

    while (i < COUNT(methods) &&
            (strlen(methods[i]) != len || strncmp(methods[i], text, len) != 0))
        i++;
    if (i == COUNT(methods) || text[len] != ' ') {
        crq_app_unexpected(r, v,
                "GET, PUT, POST, PATCH or DELETE, a blank and a path");
        return;
    }
    strcpy(route->method, methods[i]);
    path = crq_value_new_text(text + len + 1);
    if (path == NULL)
        r->nomem = true;
    else
        crq_app_read_pattern(r, path, &route->path);
    crq_value_free(path);
}

static void read_status(struct crq_app_reader *r, const crq_value *v, void *to)
{
    int *out = to;

    if (crq_value_type(v) == CRQ_INT && crq_value_int_fits(v) &&
            crq_value_int(v) >= 200 && crq_value_int(v) <= 299)
        *out = (int)crq_value_int(v);
    else
        crq_app_unexpected(r, v, "a status of success, 200 to 299");
}

static void read_route(struct crq_app_reader *r, const crq_value *v, void *to)
{
#define AT(field) offsetof(struct crq_app_route, field)
    static const struct crq_app_key keys[] = {
        { "on", read_on, 0, true },
        { "enqueue", crq_app_read_call, AT(call), true },
        { "wait", crq_app_interval, AT(wait_us), false },
        { "status", read_status, AT(status), false },
    };
#undef AT
    struct crq_app_route *route = to;

    r->sources = REQUEST | FROM(CRQ_APP_BODY);
    r->pattern = &route->path;
    crq_app_object(r, v, keys, COUNT(keys), route);
    if (route->status != 0 && route->wait_us == 0)
        crq_app_wrong(r,
                "'status' is for a route that waits: others answer "
                "202");
    if (route->status == 0)
        route->status = 200;
}

void crq_app_read_routes(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app *app = to;

    app->routes = crq_app_list(r, v, sizeof(*app->routes), &app->route_count,
            read_route);
    for (size_t i = 0; i < app->route_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(app->routes[i].method, app->routes[k].method) == 0 &&
                    app->routes[i].path.count > 0 &&
                    crq_app_pattern_same(&app->routes[i].path,
                            &app->routes[k].path)) {
                size_t mark = crq_app_enter_item(r, i);

                crq_app_wrong(r, "answers the same requests as route %zu", k);
                crq_app_back(r, mark);
            }
}

/* ----------------------------------------------------------------- sockets */

/* A key of Redis with {NAME} of the path, or {identity}. */
static void read_key(struct crq_app_reader *r, const crq_value *v, void *to)
{
    char **out = to;
    const char *at;

    crq_app_text(r, v, out);
    for (at = *out; at != NULL && (at = strchr(at, '{')) != NULL; at++) {
        size_t len = strcspn(at + 1, "}");
        char *name = crq_memdup(at + 1, len);

        if (name == NULL)
            r->nomem = true;
        else if (strcmp(name, "identity") != 0 &&
                crq_app_pattern_find(r->pattern, name) < 0)
            crq_app_wrong(r, "the path has no {%.60s}", name);
        crq_free(name);
    }
}

static void read_streams(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app_socket *s = to;

    s->streams = crq_app_list(r, v, sizeof(char *), &s->stream_count, read_key);
}

static void read_channels(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app_socket *s = to;

    s->channels =
            crq_app_list(r, v, sizeof(char *), &s->channel_count, read_key);
}

static void read_authorise(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    r->sources = REQUEST | FROM(CRQ_APP_SOCKET);
    crq_app_read_call(r, v, to);
}

static void read_leave(struct crq_app_reader *r, const crq_value *v, void *to)
{
    r->sources = REQUEST | FROM(CRQ_APP_SOCKET);
    crq_app_read_call(r, v, to);
}

static void read_messages(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app_socket *s = to;
    size_t count;

    if (crq_value_type(v) != CRQ_DICT) {
        crq_app_unexpected(r, v, "an object of jobs");
        return;
    }
    count = crq_value_count(v);
    s->messages = count > 0 ? crq_calloc(count, sizeof(*s->messages)) : NULL;
    if (s->messages == NULL) {
        r->nomem = r->nomem || count > 0;
        return;
    }
    s->message_count = count;
    r->sources = REQUEST | FROM(CRQ_APP_MESSAGE) | FROM(CRQ_APP_SOCKET);
    for (size_t i = 0; i < count; i++) {
        const char *name = crq_value_text(crq_value_key(v, i));
        size_t mark = crq_app_enter_key(r, name);

        s->messages[i].name = crq_app_copy(r, name);
        crq_app_read_call(r, crq_value_item(v, i), &s->messages[i].call);
        crq_app_back(r, mark);
    }
}

static void read_socket(struct crq_app_reader *r, const crq_value *v, void *to)
{
#define AT(field) offsetof(struct crq_app_socket, field)
    static const struct crq_app_key keys[] = {
        { "on", crq_app_read_pattern, AT(path), true },
        { "authorise", read_authorise, AT(authorise), true },
        { "streams", read_streams, 0, false },
        { "channels", read_channels, 0, false },
        { "messages", read_messages, 0, false },
        { "leave", read_leave, AT(leave), false },
    };
#undef AT
    struct crq_app_socket *s = to;

    r->pattern = &s->path;
    crq_app_object(r, v, keys, COUNT(keys), s);
}

void crq_app_read_sockets(struct crq_app_reader *r, const crq_value *v,
        void *to)
{
    struct crq_app *app = to;

    app->sockets = crq_app_list(r, v, sizeof(*app->sockets), &app->socket_count,
            read_socket);
}

/* ------------------------------------------------------------------- files */

/* A folder that does not lead out of the application's. */
static void read_folder(struct crq_app_reader *r, const crq_value *v, void *to)
{
    char **out = to;
    const char *at;

    crq_app_text(r, v, out);
    if (*out == NULL)
        return;
    if (**out == '/')
        crq_app_wrong(r, "expected a folder inside of the application's");
    for (at = *out; *at != '\0'; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");

        if (len == 2 && strncmp(at, "..", 2) == 0)
            crq_app_wrong(r, "'..' leads out of the application's folder");
        at += len;
    }
}

void crq_app_read_files(struct crq_app_reader *r, const crq_value *v, void *to)
{
    struct crq_app *app = to;
    size_t count;

    if (crq_value_type(v) != CRQ_DICT) {
        crq_app_unexpected(r, v, "an object of paths and folders");
        return;
    }
    count = crq_value_count(v);
    app->files = count > 0 ? crq_calloc(count, sizeof(*app->files)) : NULL;
    if (app->files == NULL) {
        r->nomem = r->nomem || count > 0;
        return;
    }
    app->files_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *prefix = crq_value_text(crq_value_key(v, i));
        size_t mark = crq_app_enter_key(r, prefix), len = strlen(prefix);

        if (len == 0 || prefix[0] != '/' || prefix[len - 1] != '/')
            crq_app_wrong(r, "the path must begin and end with '/'");
        app->files[i].prefix = crq_app_copy(r, prefix);
        read_folder(r, crq_value_item(v, i), &app->files[i].folder);
        crq_app_back(r, mark);
    }
}

/* ----------------------------------------------------------------- freeing */

static void socket_fini(struct crq_app_socket *s)
{
    for (size_t i = 0; i < s->message_count; i++) {
        crq_free(s->messages[i].name);
        crq_app_call_fini(&s->messages[i].call);
    }
    crq_free(s->messages);
    crq_app_texts_free(s->streams, s->stream_count);
    crq_app_texts_free(s->channels, s->channel_count);
    crq_app_call_fini(&s->authorise);
    crq_app_call_fini(&s->leave);
    crq_app_pattern_fini(&s->path);
}

void crq_app_web_fini(struct crq_app *app)
{
    for (size_t i = 0; i < app->route_count; i++) {
        crq_app_pattern_fini(&app->routes[i].path);
        crq_app_call_fini(&app->routes[i].call);
    }
    for (size_t i = 0; i < app->socket_count; i++)
        socket_fini(&app->sockets[i]);
    for (size_t i = 0; i < app->files_count; i++) {
        crq_free(app->files[i].prefix);
        crq_free(app->files[i].folder);
    }
    crq_free(app->routes);
    crq_free(app->sockets);
    crq_free(app->files);
}
