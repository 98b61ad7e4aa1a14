/* http_answer.c - what goes out: answers, and connections that leave HTTP. */
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "web/http_impl.h"

static const struct http_field always[] = {
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Content-Security-Policy",
            "default-src 'self'; img-src 'self' data:; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
};

static bool has_field(const struct http_field *fields, const char *name)
{
    for (; fields != NULL && fields->name != NULL; fields++)
        if (strcasecmp(fields->name, name) == 0)
            return true;
    return false;
}

/* What an answer says itself counts. */
static void add_fields(struct MHD_Response *response, const char *type,
        const struct http_field *fields)
{
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (!has_field(fields, always[i].name))
            (void)MHD_add_response_header(response, always[i].name,
                    always[i].value);
    if (type != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                type);
    for (; fields != NULL && fields->name != NULL; fields++)
        (void)MHD_add_response_header(response, fields->name, fields->value);
}

static struct MHD_Response *empty_response(void)
{
    return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "",
            MHD_RESPMEM_PERSISTENT);
}

/* The response is there; NULL: no memory for it. */
static void answer(struct http_request *request, int status,
        struct MHD_Response *response)
{
    if (response == NULL) {
        status = 503;
        response = empty_response();
    }
    request->status = status;
    request->response = response;
    request->state = HTTP_ANSWERED;
    if (request->suspended) {
        request->suspended = false;
        request->server->run = true;
        MHD_resume_connection(request->connection);
    }
}

void http_answer(struct http_request *request, int status, const char *type,
        const void *body, size_t len, const struct http_field *fields)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len,
            (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);

    if (response != NULL)
        add_fields(response, type, fields);
    answer(request, status, response);
}

void http_answer_file(struct http_request *request, int status,
        const char *type, int fd, uint64_t size,
        const struct http_field *fields)
{
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);

    if (response != NULL)
        add_fields(response, type, fields);
    else
        close(fd);
    answer(request, status, response);
}

/* ----------------------------------------------------------------- upgrades */

static void on_upgraded(void *arg, struct MHD_Connection *connection,
        void *slot, const char *extra, size_t extra_len, MHD_socket fd,
        struct MHD_UpgradeResponseHandle *handle)
{
    struct http_request *request = arg;
    struct http_server *server = request->server;
    struct http_upgrade *upgrade = crq_calloc(1, sizeof(*upgrade));

    (void)connection;
    (void)slot;
    request->opened = true;
    if (upgrade == NULL) {
        (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        request->on_open(request->on_open_arg, NULL, -1, NULL, 0);
        return;
    }
    upgrade->server = server;
    upgrade->handle = handle;
    upgrade->next = server->upgrades;
    upgrade->link = &server->upgrades;
    if (upgrade->next != NULL)
        upgrade->next->link = &upgrade->next;
    server->upgrades = upgrade;
    server->busy++;
    request->on_open(request->on_open_arg, upgrade, fd, extra, extra_len);
}

void http_answer_upgrade(struct http_request *request, const char *protocol,
        const struct http_field *fields,
        void (*on_open)(void *arg, struct http_upgrade *upgrade, int fd,
                const void *extra, size_t extra_len),
        void *arg)
{
    struct MHD_Response *response =
            MHD_create_response_for_upgrade(on_upgraded, request);

    request->on_open = on_open;
    request->on_open_arg = arg;
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE,
                protocol);
        add_fields(response, NULL, fields);
    }
    answer(request, response != NULL ? 101 : 503, response);
}

void http_upgrade_close(struct http_upgrade *upgrade)
{
    *upgrade->link = upgrade->next;
    if (upgrade->next != NULL)
        upgrade->next->link = upgrade->link;
    upgrade->server->busy--;
    upgrade->server->run = true;
    (void)MHD_upgrade_action(upgrade->handle, MHD_UPGRADE_ACTION_CLOSE);
    crq_free(upgrade);
}

void http_answer_nothing(struct http_request *request)
{
    answer(request, 503, empty_response());
}
