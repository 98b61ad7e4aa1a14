/* problem.c - see problem.h. */
#include "web/problem.h"

#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "web/api.h"

#define REFUSED     "crq.Refused: "
#define REFUSAL_MAX ((size_t)64 << 10)

crq_value *problem_with(crq_value *problem, const char *name, const char *text)
{
    if (problem != NULL &&
            crq_value_set(problem, name, crq_value_new_text(text)) < 0) {
        crq_value_free(problem);
        return NULL;
    }
    return problem;
}

static crq_value *begin(int status)
{
    crq_value *problem = crq_value_new_dict();

    problem = problem_with(problem, "type", "about:blank");
    problem = problem_with(problem, "title", api_title(status));
    if (problem != NULL &&
            crq_value_set(problem, "status", crq_value_new_int(status)) < 0) {
        crq_value_free(problem);
        return NULL;
    }
    return problem;
}

crq_value *problem_new(int status, const char *detail, ...)
{
    char text[600];
    crq_value *problem = begin(status), *v = NULL;
    va_list ap;

    va_start(ap, detail);
    (void)vsnprintf(text, sizeof(text), detail, ap);
    va_end(ap);
    /* A text that was cut inside of a character, say, is left out. */
    v = crq_value_new_text(text);
    if (problem != NULL && v != NULL &&
            crq_value_set(problem, "detail", v) < 0) {
        crq_value_free(problem);
        return NULL;
    }
    if (problem == NULL)
        crq_value_free(v);
    return problem;
}

/* The object behind "crq.Refused: " in the last line that is not empty. */
static crq_value *find_refusal(const char *text)
{
    size_t end = strlen(text), begin_at;
    const crq_value *status;
    crq_value *v = NULL;

    while (end > 0 && text[end - 1] == '\n')
        end--;
    for (begin_at = end; begin_at > 0 && text[begin_at - 1] != '\n';)
        begin_at--;
    if (end - begin_at < strlen(REFUSED) || end - begin_at > REFUSAL_MAX ||
            strncmp(text + begin_at, REFUSED, strlen(REFUSED)) != 0)
        return NULL;
    begin_at += strlen(REFUSED);
    if (crq_json_decode(text + begin_at, end - begin_at, NULL, &v, NULL) < 0)
        return NULL;
    status = crq_value_type(v) == CRQ_DICT ? crq_value_get(v, "status") : NULL;
    if (crq_value_type(status) == CRQ_INT && crq_value_int_fits(status) &&
            crq_value_int(status) >= 400 && crq_value_int(status) <= 499)
        return v;
    crq_value_free(v);
    return NULL;
}

crq_value *problem_of_failure(const char *text, const char *job_id)
{
    crq_value *refusal = text != NULL ? find_refusal(text) : NULL;
    crq_value *problem;

    if (refusal == NULL)
        return problem_with(problem_new(500, "the job failed"), "job", job_id);
    problem = begin((int)crq_value_int(crq_value_get(refusal, "status")));
    for (size_t i = 0; problem != NULL && i < crq_value_count(refusal); i++) {
        const char *name = crq_value_text(crq_value_key(refusal, i));

        if (strcmp(name, "type") == 0 ||
                crq_value_set(problem, name,
                        crq_value_ref(crq_value_item(refusal, i))) == 0)
            continue;
        crq_value_free(problem);
        problem = NULL;
    }
    crq_value_free(refusal);
    return problem;
}

int problem_status(const crq_value *problem)
{
    return problem != NULL
            ? (int)crq_value_int(crq_value_get(problem, "status"))
            : 503;
}

void problem_answer(struct http_request *request, crq_value *problem,
        const struct http_field *fields)
{
    static const char nomem[] = "{\"type\":\"about:blank\","
                                "\"title\":\"Service Unavailable\","
                                "\"status\":503,\"detail\":\"out of memory\"}";
    struct crq_buf text = CRQ_BUF_INIT;
    bool written = problem != NULL &&
            crq_json_encode(problem, CRQ_JSON_SHOW, &text, NULL) == 0;

    http_answer(request, written ? problem_status(problem) : 503,
            "application/problem+json", written ? crq_buf_text(&text) : nomem,
            written ? text.len : sizeof(nomem) - 1, fields);
    crq_buf_fini(&text);
    crq_value_free(problem);
}

void problem_unavailable(struct http_request *request)
{
    static const struct http_field later[] = { { "Retry-After", "1" },
        { "Cache-Control", "no-store" }, { NULL, NULL } };

    problem_answer(request, problem_new(503, "jobs can't be made now"), later);
}
