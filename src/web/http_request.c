/* http_request.c - what the head of a request says, and whether it may. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/http_impl.h"
#include "web/http_target.h"

#define QUERY_MAX 64

struct reading {
    struct http_request *request;
    bool failed, nomem, malformed;
    int lengths, encodings, hosts;
};

static enum MHD_Result read_query(void *arg, enum MHD_ValueKind kind,
        const char *name, const char *value)
{
    struct reading *reading = arg;
    struct http_request *request = reading->request;
    struct http_pair *pair;

    (void)kind;
    if (request->query_count == QUERY_MAX) {
        reading->failed = true;
        return MHD_NO;
    }
    pair = &request->query[request->query_count++];
    pair->name = crq_strdup(name);
    pair->value = crq_strdup(value != NULL ? value : "");
    if (pair->name == NULL || pair->value == NULL)
        reading->nomem = true;
    else if (!http_unescape(pair->name) || !http_unescape(pair->value))
        reading->failed = true;
    return reading->nomem || reading->failed ? MHD_NO : MHD_YES;
}

/* libmicrohttpd lets much pass that other readers on the way would take for
 * something else. */
static enum MHD_Result read_header(void *arg, enum MHD_ValueKind kind,
        const char *name, size_t name_len, const char *value, size_t value_len)
{
    struct reading *reading = arg;

    (void)kind;
    if (!http_is_token(name, name_len) || !http_is_visible(value, value_len))
        reading->malformed = true;
    reading->lengths += strcasecmp(name, "Content-Length") == 0;
    reading->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
    reading->hosts += strcasecmp(name, "Host") == 0;
    return MHD_YES;
}

static void read_peer(struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(request->connection,
                    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    const void *bytes = NULL;

    if (address != NULL && address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address != NULL && address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)
                         ->sin6_addr;
    if (bytes == NULL ||
            inet_ntop(address->sa_family, bytes, request->peer,
                    sizeof(request->peer)) == NULL)
        strcpy(request->peer, "unknown");
}

/* The length that the client promises; 0: none, or chunks. */
static unsigned long long promised(const struct http_request *request)
{
    const char *text = http_header(request, "Content-Length");

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

bool http_request_read_head(struct http_request *request, const char *path,
        struct http_refusal *out_refusal)
{
    static const struct http_refusal nomem = { 503, "out of memory" },
                                     smuggled = { 400,
                                         "two lengths of one body" },
                                     malformed = { 400,
                                         "the head is not well-formed" },
                                     bad_path = { 400,
                                         "the address is not well-formed" },
                                     too_large = { 413,
                                         "the body is too large" };
    struct reading reading = { .request = request };

    read_peer(request);
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND,
            read_header, &reading);
    if (reading.lengths + reading.encodings > 1) {
        *out_refusal = smuggled;
        return false;
    }
    if (reading.malformed || reading.hosts > 1 || request->method == NULL ||
            !http_is_token(request->method, strlen(request->method))) {
        *out_refusal = request->method == NULL ? nomem : malformed;
        return false;
    }
    request->path = crq_strdup(path);
    request->segments_text = crq_strdup(path);
    request->query = crq_calloc(QUERY_MAX, sizeof(*request->query));
    if (request->path == NULL || request->segments_text == NULL ||
            request->query == NULL) {
        *out_refusal = nomem;
        return false;
    }
    if (!http_split(request->segments_text, request->segments,
                HTTP_SEGMENTS_MAX, &request->segment_count))
        reading.failed = true;
    else
        (void)MHD_get_connection_values(request->connection,
                MHD_GET_ARGUMENT_KIND, read_query, &reading);
    if (reading.nomem || reading.failed) {
        *out_refusal = reading.nomem ? nomem : bad_path;
        return false;
    }
    if (promised(request) > request->server->body_max) {
        *out_refusal = too_large;
        return false;
    }
    return true;
}

void http_request_free(struct http_request *request)
{
    for (size_t i = 0; i < request->query_count; i++) {
        crq_free(request->query[i].name);
        crq_free(request->query[i].value);
    }
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    crq_buf_fini(&request->body);
    crq_free(request->query);
    crq_free(request->segments_text);
    crq_free(request->path);
    crq_free(request->method);
    crq_free(request);
}

/* ---------------------------------------------------------------- getters */

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *const *http_segments(const struct http_request *request,
        size_t *out_count)
{
    *out_count = request->segment_count;
    return request->segments;
}

bool http_query_at(const struct http_request *request, size_t i,
        const char **out_name, const char **out_value)
{
    if (i >= request->query_count)
        return false;
    *out_name = request->query[i].name;
    *out_value = request->query[i].value;
    return true;
}

const char *http_query(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
            name);
}

const char *http_body(const struct http_request *request, size_t *out_len)
{
    *out_len = request->body.len;
    return crq_buf_text(&request->body);
}

const char *http_peer(const struct http_request *request)
{
    return request->peer;
}

void http_set_data(struct http_request *request, void *data)
{
    request->data = data;
}

void *http_data(const struct http_request *request)
{
    return request->data;
}
