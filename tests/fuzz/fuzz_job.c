/*
 * fuzz_job.c - any bytes as a job's hash, and as an entry of its results.
 *
 * The input is fields "name=value" with a line "--" between them. Whatever
 * they hold, what is handed out as text is text, and a call is whole or not
 * there.
 */
#include <string.h>

#include <hiredis/hiredis.h>

#include "fuzz.h"
#include "model/job.h"
#include "model/result.h"
#include "model/webhook.h"

#define BETWEEN     "\n--\n"
#define BETWEEN_LEN (sizeof(BETWEEN) - 1)

static void put_text(struct crq_buf *resp, const void *bytes, size_t len)
{
    crq_buf_printf(resp, "$%zu\r\n", len);
    crq_buf_put(resp, bytes, len);
    crq_buf_puts(resp, "\r\n");
}

/* Names and values, as Redis would send them; returns how many. */
static size_t put_fields(struct crq_buf *resp, const char *at, size_t size)
{
    const char *end = at + size;
    size_t count = 0;

    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), BETWEEN, BETWEEN_LEN);
        const char *equals;

        if (stop == NULL)
            stop = end;
        equals = memchr(at, '=', (size_t)(stop - at));
        if (equals != NULL) {
            put_text(resp, at, (size_t)(equals - at));
            put_text(resp, equals + 1, (size_t)(stop - equals - 1));
            count += 2;
        }
        at = end - stop > (ptrdiff_t)BETWEEN_LEN ? stop + BETWEEN_LEN : end;
    }
    return count;
}

static crq_reply *parse(const struct crq_buf *resp)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    fuzz_check(resp->rc == 0 && reader != NULL);
    fuzz_check(redisReaderFeed(reader, resp->data, resp->len) == REDIS_OK);
    fuzz_check(redisReaderGetReply(reader, &reply) == REDIS_OK);
    fuzz_check(reply != NULL);
    redisReaderFree(reader);
    return reply;
}

/* NULL, or text. */
static void check_text(const char *text)
{
    size_t bad;

    fuzz_check(text == NULL || crq_text_valid(text, strlen(text), &bad));
}

static void show(const crq_value *v)
{
    char *text = NULL;
    size_t len;

    if (v == NULL)
        return;
    if (crq_value_json(v, &text, &len, NULL) == 0)
        fuzz_check(text[len] == '\0');
    crq_text_free(text);
}

static void look_at_job(crq_job *job)
{
    const char *func = crq_job_func(job);

    check_text(crq_job_status_text(job));
    fuzz_check(crq_job_status_text(job) != NULL);
    check_text(crq_job_origin(job));
    check_text(crq_job_description(job));
    check_text(crq_job_worker_name(job));
    check_text(crq_job_group_id(job));
    check_text(func);
    fuzz_check((func == NULL) == (crq_job_args(job) == NULL));
    fuzz_check((func == NULL) == (crq_job_kwargs(job) == NULL));
    fuzz_check(func != NULL || crq_job_problem(job) != NULL);
    if (func != NULL) {
        crq_type args = crq_value_type(crq_job_args(job));

        fuzz_check(args == CRQ_LIST || args == CRQ_TUPLE);
        fuzz_check(crq_value_type(crq_job_kwargs(job)) == CRQ_DICT);
    }
    show(crq_job_args(job));
    show(crq_job_kwargs(job));
    if (crq_job_meta(job) != NULL)
        fuzz_check(crq_value_type(crq_job_meta(job)) == CRQ_DICT);
    show(crq_job_meta(job));
    for (int f = 0; f < CRQ_FIELD_COUNT; f++) {
        crq_value *json = crq_job_json(job, (enum crq_field)f);
        size_t len;
        const char *bytes =
                crq_job_field(job, crq_field_name((enum crq_field)f), &len);

        fuzz_check(bytes == NULL || bytes[len] == '\0');
        show(json);
        crq_value_free(json);
    }
}

/* What is written of a job reads as the job was. */
static void check_copy(const crq_job *job)
{
    static const char *const bare[] = { "created_at", "data", "origin",
        "description", "timeout" };
    const size_t bare_count = sizeof(bare) / sizeof(bare[0]);
    struct crq_buf resp = CRQ_BUF_INIT;
    struct crq_fields copy;
    struct crq_args args;
    crq_reply *reply;
    crq_error err;

    crq_args_init(&args);
    crq_fields_encode(&job->fields, &args);
    crq_buf_printf(&resp, "*%zu\r\n", args.count + bare_count);
    for (size_t i = 0; i < args.count; i++) {
        size_t len;
        const char *word = crq_args_word(&args, i, &len);

        if (i < bare_count)
            put_text(&resp, bare[i], strlen(bare[i]));
        put_text(&resp, word, len);
    }
    reply = parse(&resp);
    crq_fields_init(&copy);
    fuzz_ok(crq_fields_decode(&copy, reply, &err), &err);
    for (int f = 0; f < CRQ_FIELD_RESULT; f++) {
        /* The scripts that create jobs know these themselves. */
        if (f == CRQ_FIELD_STATUS || f == CRQ_FIELD_ENQUEUED_AT)
            continue;
        fuzz_check(copy.known[f].len == job->fields.known[f].len);
        fuzz_check(copy.known[f].number == job->fields.known[f].number);
    }
    crq_fields_fini(&copy);
    crq_reply_free(reply);
    crq_args_fini(&args);
    crq_buf_fini(&resp);
}

/* Whatever a job says, no header of it ends another one or the head. */
static void look_at_hooks(const crq_job *job)
{
    const char *json = job->fields.known[CRQ_FIELD_WEBHOOKS].bytes;
    struct crq_hooks hooks;

    if (json == NULL ||
            crq_hooks_decode(json, job->fields.known[CRQ_FIELD_WEBHOOKS].len,
                    &hooks, NULL) < 0)
        return;
    for (size_t i = 0; i < hooks.count; i++) {
        const struct crq_hook *hook = &hooks.items[i];
        struct crq_buf site = CRQ_BUF_INIT;

        fuzz_check(hook->timeout_s > 0);
        fuzz_check(strpbrk(hook->headers, "\r\v\f") == NULL);
        fuzz_check(strstr(hook->headers, "\n\n") == NULL);
        fuzz_check(crq_hook_put_site(hook->url, &site) == 0);
        fuzz_check(strchr(crq_buf_text(&site), '@') == NULL);
        crq_buf_fini(&site);
    }
    crq_hooks_fini(&hooks);
}

static void look_at_result(const crq_result *result)
{
    check_text(crq_result_worker_name(result));
    check_text(crq_result_execution_id(result));
    check_text(crq_result_exc_string(result));
    fuzz_check(crq_result_type_name(crq_result_type_of(result)) != NULL);
    show(crq_result_return_value(result));
}

static void read_result(const struct crq_buf *fields, size_t count)
{
    struct crq_buf resp = CRQ_BUF_INIT;
    crq_result *result = NULL;
    crq_reply *reply;

    crq_buf_printf(&resp, "*2\r\n$3\r\n1-0\r\n*%zu\r\n", count);
    crq_buf_put(&resp, fields->data, fields->len);
    reply = parse(&resp);
    if (crq_result_from_entry(reply, &result, NULL) == 0)
        look_at_result(result);
    crq_result_free(result);
    crq_reply_free(reply);
    crq_buf_fini(&resp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crq_buf fields = CRQ_BUF_INIT, resp = CRQ_BUF_INIT;
    size_t count = put_fields(&fields, (const char *)data, size);
    crq_reply *reply;
    crq_job *job = NULL;

    crq_buf_printf(&resp, "*%zu\r\n", count);
    crq_buf_put(&resp, fields.data, fields.len);
    reply = parse(&resp);
    if (crq_job_from_reply(NULL, "id", reply, &job, NULL) == 0) {
        look_at_job(job);
        check_copy(job);
        look_at_hooks(job);
    }
    crq_job_free(job);
    crq_reply_free(reply);
    read_result(&fields, count);
    crq_buf_fini(&resp);
    crq_buf_fini(&fields);
    return 0;
}
