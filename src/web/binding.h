/*
 * binding.h - where the arguments of a job come from: a request, and what came
 * over a socket.
 *
 * Zero it before use, then fill in what there is. All is borrowed but `kept`.
 */
#ifndef CRQ_WEB_BINDING_H
#define CRQ_WEB_BINDING_H

#include <crq.h>

#include "app/app.h"
#include "web/http.h"

struct binding {
    struct http_request *request; /* NULL: it is over, see binding_keep() */
    const struct crq_app_pattern *path;
    const crq_value *body;    /* JSON of the request; NULL: none */
    const crq_value *message; /* JSON of a socket's message; NULL: none */
    /* What $socket.KEY is: a new reference in *out, or NULL there. */
    int (*socket)(void *arg, const char *key, crq_value **out);
    void *arg;
    crq_value *kept; /* dict; owned */
};

/** The arguments of a call: see crq_app_call_bind(). */
int binding_bind(struct binding *b, const struct crq_app_call *call,
        crq_value **out_args, crq_value **out_kwargs,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether the call takes anything of this source. */
bool binding_wants(const struct crq_app_call *call, enum crq_app_from from);

/** Remember what this call takes from the request, for when it is over. */
int binding_keep(struct binding *b,
        const struct crq_app_call *call) CRQ_MUST_CHECK;
void binding_fini(struct binding *b);

/** The token that came with a request: Authorization: Bearer, else the query's
 *  "token"; NULL: none. */
const char *binding_token(const struct http_request *request);

/** Append a text with {NAME} of the path and {identity}. Returns out->rc. */
int binding_expand(const struct binding *b, const char *text,
        const char *identity, struct crq_buf *out);

#endif
