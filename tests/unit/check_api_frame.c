/* check_api_frame.c - tests of web/api_frame.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "web/api_frame.h"

static const char *const path[] = { "jobs", "", "\xc3\xbc" };
static const struct api_pair query[] = { { "a", "" }, { "a", "b" } };
static const struct metrics_gateway numbers = { .sockets = 7, .start_s = 1.5 };

static int encode_request(struct crq_buf *out)
{
    const struct api_question question = { .request = { "POST", path, 3, query,
                                                   2, "x\0y", 3, NULL, "key",
                                                   "me", API_ENQUEUE, true } };

    return api_question_encode(&question, out);
}

static int encode_metrics(struct crq_buf *out)
{
    const struct api_question question = { .metrics = &numbers };

    return api_question_encode(&question, out);
}

static int encode_page(struct crq_buf *out)
{
    const struct page_viewer viewer = { "secret", true };
    const struct api_question question = { .request = { .method = "GET" },
        .viewer = &viewer };

    return api_question_encode(&question, out);
}

static int encode_answer(struct crq_buf *out)
{
    char value[] = "GET", job[] = "j", location[] = "/x";
    struct api_response response = API_RESPONSE_INIT;
    int rc;

    response.status = 405;
    response.content_type = "text/plain";
    response.location = location;
    response.fields[0].name = "Allow";
    response.fields[0].value = value;
    response.fields_count = 1;
    response.wait_for_job = job;
    response.wait_ms = API_WAIT_MAX_MS;
    rc = crq_buf_put(&response.body, "b\0c", 3);
    if (rc == 0)
        rc = api_answer_encode(&response, "why", out);
    crq_buf_fini(&response.body);
    return rc;
}

static bool decode_question(const char *bytes, size_t len)
{
    struct api_question_room room;
    struct api_question question;

    return api_question_decode(bytes, len, &room, &question);
}

static bool decode_answer(const char *bytes, size_t len)
{
    struct api_answer answer;

    return api_answer_decode(bytes, len, &answer);
}

static const struct {
    int (*encode)(struct crq_buf *out);
    bool (*decode)(const char *bytes, size_t len);
} frames[] = {
    { encode_request, decode_question },
    { encode_metrics, decode_question },
    { encode_page, decode_question },
    { encode_answer, decode_answer },
};

START_TEST(test_a_question_arrives_as_it_was_asked)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    struct api_question_room room;
    struct api_question got;
    const struct api_request *req = &got.request;

    ck_assert_int_eq(encode_request(&buf), 0);
    ck_assert_uint_eq(api_frame_len(buf.data), buf.len - API_FRAME_HEAD);
    ck_assert(api_question_decode(buf.data + API_FRAME_HEAD,
            buf.len - API_FRAME_HEAD, &room, &got));
    ck_assert_ptr_null(got.metrics);
    ck_assert_ptr_null(got.viewer);
    ck_assert_str_eq(req->method, "POST");
    ck_assert_uint_eq(req->path_count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(req->path[i], path[i]);
    ck_assert_uint_eq(req->query_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(req->query[i].name, query[i].name);
        ck_assert_str_eq(req->query[i].value, query[i].value);
    }
    ck_assert_uint_eq(req->body_len, 3);
    ck_assert_mem_eq(req->body, "x\0y", 3);
    ck_assert_ptr_null(req->content_type);
    ck_assert_str_eq(req->idempotency_key, "key");
    ck_assert_str_eq(req->caller, "me");
    ck_assert_int_eq(req->role, API_ENQUEUE);
    ck_assert(req->waited);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_who_looks_at_a_page_arrives)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    struct api_question_room room;
    struct api_question got;

    ck_assert_int_eq(encode_page(&buf), 0);
    ck_assert(api_question_decode(buf.data + API_FRAME_HEAD,
            buf.len - API_FRAME_HEAD, &room, &got));
    ck_assert_ptr_nonnull(got.viewer);
    ck_assert_str_eq(got.viewer->csrf, "secret");
    ck_assert(got.viewer->signed_in);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_the_numbers_for_the_metrics_arrive)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    struct api_question_room room;
    struct api_question got;

    ck_assert_int_eq(encode_metrics(&buf), 0);
    ck_assert(api_question_decode(buf.data + API_FRAME_HEAD,
            buf.len - API_FRAME_HEAD, &room, &got));
    ck_assert_ptr_nonnull(got.metrics);
    ck_assert_int_eq(got.metrics->sockets, 7);
    ck_assert(got.metrics->start_s == 1.5);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_an_answer_arrives_as_it_was_given)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    struct api_answer got;

    ck_assert_int_eq(encode_answer(&buf), 0);
    ck_assert(api_answer_decode(buf.data + API_FRAME_HEAD,
            buf.len - API_FRAME_HEAD, &got));
    ck_assert_int_eq(got.status, 405);
    ck_assert_str_eq(got.content_type, "text/plain");
    ck_assert_uint_eq(got.body_len, 3);
    ck_assert_mem_eq(got.body, "b\0c", 3);
    ck_assert_str_eq(got.location, "/x");
    ck_assert_uint_eq(got.fields_count, 1);
    ck_assert_str_eq(got.fields[0].name, "Allow");
    ck_assert_str_eq(got.fields[0].value, "GET");
    ck_assert_str_eq(got.wait_for_job, "j");
    ck_assert_int_eq(got.wait_ms, API_WAIT_MAX_MS);
    ck_assert_str_eq(got.log, "why");
    crq_buf_fini(&buf);
}
END_TEST

/* Each byte is read in memory of its own, so that a sanitizer sees the end. */
START_TEST(test_a_part_of_a_frame_is_none)
{
    struct crq_buf buf = CRQ_BUF_INIT;

    ck_assert_int_eq(frames[_i].encode(&buf), 0);
    for (size_t len = 0; len < buf.len - API_FRAME_HEAD; len++) {
        char *part = malloc(len + 1);

        ck_assert_ptr_nonnull(part);
        memcpy(part, buf.data + API_FRAME_HEAD, len);
        ck_assert(!frames[_i].decode(part, len));
        free(part);
    }
    crq_buf_putc(&buf, '\0');
    ck_assert(!frames[_i].decode(buf.data + API_FRAME_HEAD,
            buf.len - API_FRAME_HEAD));
    crq_buf_fini(&buf);
}
END_TEST

/* Whether it is one or not: nothing outside of it is read. */
START_TEST(test_a_changed_byte_does_no_harm)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    size_t refused = 0, len;
    char *copy;

    ck_assert_int_eq(frames[_i].encode(&buf), 0);
    len = buf.len - API_FRAME_HEAD;
    copy = malloc(len);
    ck_assert_ptr_nonnull(copy);
    for (size_t i = 0; i < len; i++) {
        memcpy(copy, buf.data + API_FRAME_HEAD, len);
        copy[i] = (char)~copy[i];
        refused += !frames[_i].decode(copy, len);
    }
    ck_assert_uint_gt(refused, 0);
    free(copy);
    crq_buf_fini(&buf);
}
END_TEST

static int encode(void *arg, crq_error *err)
{
    struct crq_buf buf = CRQ_BUF_INIT;
    int (*const *one)(struct crq_buf *) = arg;
    int rc = (*one)(&buf);

    if (rc < 0)
        err->code = rc;
    crq_buf_fini(&buf);
    return rc;
}

START_TEST(test_without_memory_there_is_no_frame)
{
    int (*one)(struct crq_buf *) = frames[_i].encode;

    unit_fail_each_allocation(encode, &one);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("api_frame");

    tcase_add_test(tc, test_a_question_arrives_as_it_was_asked);
    tcase_add_test(tc, test_who_looks_at_a_page_arrives);
    tcase_add_test(tc, test_the_numbers_for_the_metrics_arrive);
    tcase_add_test(tc, test_an_answer_arrives_as_it_was_given);
    unit_add_rows(tc, test_a_part_of_a_frame_is_none, frames);
    unit_add_rows(tc, test_a_changed_byte_does_no_harm, frames);
    unit_add_rows(tc, test_without_memory_there_is_no_frame, frames);
    return unit_run("api_frame", tc);
}
