/*
 * api_peer.c - the REST interface on standard input and output, for tests in
 * Python.
 *
 *     api_peer URL
 *
 * Each line in is a request, {"method", "path": ["jobs", "x"], "query":
 * [[name, value]], "body", "content_type", "key", "caller", "role": 0..2,
 * "waited"}, or {"metrics": true} or {"routes": true}. Each line out is its
 * answer: {"status", "content_type", "body", "location", "fields": {},
 * "wait_for_job", "wait_ms", "log"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "model/job_json.h"
#include "web/api.h"
#include "web/metrics.h"

#define PARTS_MAX 32

static const char *text_of(const crq_value *v, const char *key)
{
    const crq_value *text = crq_value_get(v, key);

    return crq_value_type(text) == CRQ_STR ? crq_value_text(text) : NULL;
}

static int64_t number_of(const crq_value *v, const char *key, int64_t otherwise)
{
    const crq_value *n = crq_value_get(v, key);

    return crq_value_type(n) == CRQ_INT ? crq_value_int(n) : otherwise;
}

/* The bytes of the body and the rest of an answer, as one line. */
static int print(const struct api_response *out, const crq_error *log)
{
    crq_value *v = crq_value_new_dict(), *fields = crq_value_new_dict();
    struct crq_buf line = CRQ_BUF_INIT;
    crq_value *body = NULL;
    int rc = crq_value_new_str(crq_buf_text(&out->body), out->body.len, &body,
            NULL);

    for (size_t i = 0; i < out->fields_count; i++)
        crq_dict_put_text(fields, out->fields[i].name, out->fields[i].value,
                &rc);
    crq_dict_put_number(v, "status", out->status, &rc);
    crq_dict_put_text(v, "content_type", out->content_type, &rc);
    crq_dict_put(v, "body", body, &rc);
    crq_dict_put_text(v, "location", out->location, &rc);
    crq_dict_put(v, "fields", fields, &rc);
    crq_dict_put_text(v, "wait_for_job", out->wait_for_job, &rc);
    crq_dict_put_number(v, "wait_ms", out->wait_ms, &rc);
    crq_dict_put_text(v, "log", log->code != 0 ? log->text : NULL, &rc);
    if (rc == 0)
        rc = crq_json_encode(v, CRQ_JSON_PYTHON, &line, NULL);
    if (rc == 0)
        puts(crq_buf_text(&line));
    fflush(stdout);
    crq_buf_fini(&line);
    crq_value_free(v);
    return rc;
}

static int ask(struct api *api, const crq_value *v)
{
    struct api_response out = API_RESPONSE_INIT;
    const crq_value *path = crq_value_get(v, "path");
    const crq_value *query = crq_value_get(v, "query");
    const crq_value *body = crq_value_get(v, "body");
    const char *segments[PARTS_MAX];
    struct api_pair pairs[PARTS_MAX];
    struct api_request req = { .method = text_of(v, "method"),
        .path = segments,
        .query = pairs,
        .content_type = text_of(v, "content_type"),
        .idempotency_key = text_of(v, "key"),
        .caller = text_of(v, "caller"),
        .role = (enum api_role)number_of(v, "role", API_OPERATE),
        .waited = number_of(v, "waited", 0) != 0 };
    crq_error err;
    int rc;

    for (size_t i = 0; path != NULL && i < crq_value_count(path); i++)
        segments[req.path_count++] = crq_value_text(crq_value_item(path, i));
    for (size_t i = 0; query != NULL && i < crq_value_count(query); i++) {
        const crq_value *pair = crq_value_item(query, i);

        pairs[req.query_count].name = crq_value_text(crq_value_item(pair, 0));
        pairs[req.query_count++].value =
                crq_value_text(crq_value_item(pair, 1));
    }
    if (crq_value_type(body) == CRQ_STR)
        req.body = crq_value_data(body, &req.body_len);
    rc = api_handle(api, &req, &out, &err);
    if (rc == 0)
        rc = print(&out, &err);
    api_response_fini(&out);
    return rc;
}

static int show_metrics(struct api *api)
{
    static const struct metrics_gateway gateway = { .connections = 3,
        .requests_total = { 0, 0, 7, 0, 1, 0 },
        .start_s = 1790000000 };
    struct api_response out = API_RESPONSE_INIT;
    crq_error err;
    int rc = metrics_write(api->conn, &gateway, &out.body, &err);

    out.status = 200;
    out.content_type = METRICS_TYPE;
    if (rc == 0)
        rc = print(&out, &err);
    api_response_fini(&out);
    return rc;
}

/* "GET /jobs 0" for each row of the table. */
static int show_routes(void)
{
    struct api_response out = API_RESPONSE_INIT;
    crq_error none = { 0, "" };
    const char *method, *path;
    enum api_role role;
    int rc;

    for (size_t i = 0; api_route(i, &method, &path, &role); i++)
        crq_buf_printf(&out.body, "%s %s %d\n", method, path, (int)role);
    rc = print(&out, &none);
    api_response_fini(&out);
    return rc;
}

static int serve(struct api *api, const char *line, size_t len)
{
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_json_decode(line, len, NULL, &v, &err);

    if (rc < 0) {
        fprintf(stderr, "api_peer: %s\n", err.text);
        return rc;
    }
    if (crq_value_get(v, "metrics") != NULL)
        rc = show_metrics(api);
    else if (crq_value_get(v, "routes") != NULL)
        rc = show_routes();
    else
        rc = ask(api, v);
    crq_value_free(v);
    return rc;
}

int main(int argc, char **argv)
{
    struct api api = { .apply_ms = argc > 2 ? atoi(argv[2]) : 0 };
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    char *line = NULL;
    size_t cap = 0;
    crq_error err;
    ssize_t len;
    int rc;

    if (argc < 2)
        return 64;
    rc = crq_conn_open(argv[1], &options, &api.conn, &err);
    if (rc < 0)
        fprintf(stderr, "api_peer: %s\n", err.text);
    while (rc == 0 && (len = getline(&line, &cap, stdin)) > 0)
        rc = serve(&api, line, (size_t)len);
    free(line);
    crq_conn_free(api.conn);
    return rc == 0 ? 0 : 1;
}
