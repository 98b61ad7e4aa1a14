/* check_frame.c - tests of exec/frame.c. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "exec/frame.h"

static int64_t intervals[] = { 0, 60, INT64_MAX };

/* A frame with something in every field that its message has. */
static struct crq_frame filled(const struct crq_frame_message *message)
{
    static const char bytes[] = "a\0b";
    struct crq_frame frame;
    size_t i;
    void *at;

    memset(&frame, 0, sizeof(frame));
    frame.type = message->type;
    for (i = 0; i < message->count; i++) {
        at = (char *)&frame + message->fields[i].offset;
        switch (message->fields[i].kind) {
        case CRQ_FIELD_INT: *(int64_t *)at = (int64_t)i * 1000003 - 5; break;
        case CRQ_FIELD_BOOL: *(bool *)at = i % 2 == 1; break;
        case CRQ_FIELD_TEXT:
            *(struct crq_span *)at =
                    crq_span_of(i % 2 == 0 ? "" : "t\xc3\xa4xt");
            break;
        case CRQ_FIELD_INTS:
            frame.intervals_s = intervals;
            frame.intervals = 3;
            break;
        default: *(struct crq_span *)at = (struct crq_span){ bytes, 3 }; break;
        }
    }
    return frame;
}

static void check_field(const struct crq_frame *a, const struct crq_frame *b,
        const struct crq_frame_field *field)
{
    const char *x = (const char *)a + field->offset;
    const char *y = (const char *)b + field->offset;
    const struct crq_span *s = (const void *)x, *t = (const void *)y;
    size_t i;

    switch (field->kind) {
    case CRQ_FIELD_INT:
        ck_assert_int_eq(*(const int64_t *)(const void *)x,
                *(const int64_t *)(const void *)y);
        break;
    case CRQ_FIELD_BOOL:
        ck_assert_int_eq(*(const bool *)x, *(const bool *)y);
        break;
    case CRQ_FIELD_INTS:
        ck_assert_uint_eq(a->intervals, b->intervals);
        for (i = 0; i < a->intervals; i++)
            ck_assert_int_eq(a->intervals_s[i], b->intervals_s[i]);
        break;
    default:
        ck_assert_uint_eq(s->len, t->len);
        ck_assert_int_eq(s->data == NULL, t->data == NULL);
        if (s->data != NULL)
            ck_assert_mem_eq(s->data, t->data, s->len);
        if (field->kind == CRQ_FIELD_TEXT)
            ck_assert_int_eq(t->data[t->len], '\0');
        break;
    }
}

static void check_same(const struct crq_frame *a, const struct crq_frame *b)
{
    const struct crq_frame_message *message = crq_frame_messages;
    size_t i;

    ck_assert_int_eq(a->type, b->type);
    while (message->type != a->type)
        message++;
    for (i = 0; i < message->count; i++)
        check_field(a, b, &message->fields[i]);
}

START_TEST(test_every_message_goes_there_and_back_cut_at_every_byte)
{
    struct crq_frame in = filled(&crq_frame_messages[_i]), out;
    struct crq_frame_reader reader;
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_error err;
    size_t cut;

    unit_ok(crq_frame_encode(&in, CRQ_FRAME_MAX, &buf, &err), &err);
    for (cut = 0; cut <= buf.len; cut++) {
        crq_frame_reader_init(&reader, CRQ_FRAME_MAX);
        unit_ok(crq_frame_reader_feed(&reader, buf.data, cut, &err), &err);
        if (cut < buf.len) {
            ck_assert_int_eq(crq_frame_reader_next(&reader, &out, &err), 0);
            unit_ok(crq_frame_reader_feed(&reader, buf.data + cut,
                            buf.len - cut, &err),
                    &err);
        }
        ck_assert_int_eq(crq_frame_reader_next(&reader, &out, &err), 1);
        check_same(&in, &out);
        crq_frame_fini(&out);
        ck_assert_int_eq(crq_frame_reader_next(&reader, &out, &err), 0);
        crq_frame_reader_fini(&reader);
    }
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_a_message_that_lacks_bytes_is_refused)
{
    struct crq_frame in = filled(&crq_frame_messages[_i]), out;
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_error err;
    size_t len;
    char *copy;

    unit_ok(crq_frame_encode(&in, CRQ_FRAME_MAX, &buf, &err), &err);
    for (len = 0; len < buf.len - 4; len++) {
        /* Of exact size, so that reading beyond it shows. */
        copy = malloc(len + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, buf.data + 4, len);
        ck_assert_int_eq(crq_frame_decode(copy, len, &out, &err), CRQ_ECODEC);
        free(copy);
    }
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_the_table_is_sound)
{
    const struct crq_frame_message *message = &crq_frame_messages[_i];
    size_t i;

    ck_assert_str_eq(crq_frame_name(message->type), message->name);
    for (i = 0; i < crq_frame_message_count; i++)
        ck_assert_int_eq(crq_frame_messages[i].type == message->type,
                i == (size_t)_i);
    /* Behind a text there has to be a byte for its '\0'. */
    if (message->count > 0)
        ck_assert_int_ne(message->fields[message->count - 1].kind,
                CRQ_FIELD_TEXT);
}
END_TEST

START_TEST(test_nil_stays_nil)
{
    struct crq_frame in = { .type = CRQ_FRAME_DONE, .peak_kib = 1 }, out;
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_frame_encode(&in, CRQ_FRAME_MAX, &buf, &err), &err);
    unit_ok(crq_frame_decode(buf.data + 4, buf.len - 4, &out, &err), &err);
    ck_assert_ptr_null(out.value.data);
    crq_buf_fini(&buf);
}
END_TEST

static const struct {
    const char *name, *bytes;
    size_t len;
} hostile[] = {
#define ROW(name, bytes)                                                       \
    {                                                                          \
        name, bytes, sizeof(bytes) - 1                                         \
    }
    ROW("nothing", ""),
    ROW("no array", "\x21"),
    ROW("an empty array", "\x90"),
    ROW("a type that is none", "\x91\x7f"),
    ROW("a negative type", "\x91\xff"),
    ROW("a type that is text", "\x91\xa1x"),
    ROW("a type of 64 bits", "\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
    ROW("an array of four thousand million", "\xdd\xff\xff\xff\xff\x21"),
    ROW("a map of four thousand million", "\x92\x21\xdf\xff\xff\xff\xff"),
    ROW("a text longer than all", "\x92\x02\xdb\xff\xff\xff\xffxxxx"),
    ROW("bytes longer than all", "\x92\x02\xc6\x7f\xff\xff\xffxxxx"),
    ROW("an extension", "\x92\x02\xc7\x01\x01x"),
    ROW("a byte that is nothing", "\x92\x02\xc1"),
    ROW("bytes behind the array", "\x91\x21\x21"),
    ROW("a field missing", "\x92\x04\x01"),
    ROW("a text for a number", "\x94\x04\xa1x\x00\x00"),
    ROW("a number beyond 63 bits",
            "\x94\x04\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"),
    ROW("a float for a number", "\x94\x04\xca\x00\x00\x00\x00\x00\x00"),
    ROW("nil for bytes", "\x92\x02\xc0"),
    ROW("a '\\0' in a text", "\x98\x11\xa1\x00\xa0\x00\x00\x00\xc2\xc2"),
    ROW("a number for a bool", "\x98\x11\xa0\xa0\x00\x00\x00\x01\xc2"),
    ROW("intervals of text", "\x96\x34\x01\x00\xc0\x01\x91\xa1x"),
    ROW("nine arrays deep",
            "\x92\x21\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"),
#undef ROW
};

START_TEST(test_what_is_no_frame_is_refused)
{
    char *copy = malloc(hostile[_i].len + 1);
    struct crq_frame out;
    crq_error err;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, hostile[_i].bytes, hostile[_i].len);
    ck_assert_msg(crq_frame_decode(copy, hostile[_i].len, &out, &err) ==
                    CRQ_ECODEC,
            "%s", hostile[_i].name);
    ck_assert_str_ne(err.text, "");
    free(copy);
}
END_TEST

START_TEST(test_fields_of_a_later_version_are_passed_over)
{
    /* STOP_SOON with [nil, {1: "x"}] behind its type. */
    char bytes[] = "\x92\x21\x92\xc0\x81\x01\xa1x";
    struct crq_frame out;
    crq_error err;

    unit_ok(crq_frame_decode(bytes, sizeof(bytes) - 1, &out, &err), &err);
    ck_assert_int_eq(out.type, CRQ_FRAME_STOP_SOON);
}
END_TEST

START_TEST(test_a_length_beyond_the_cap_is_refused_at_once)
{
    struct crq_frame_reader reader;
    struct crq_frame out;
    crq_error err;

    crq_frame_reader_init(&reader, 1000);
    unit_ok(crq_frame_reader_feed(&reader, "\0\0\3\xe9", 4, &err), &err);
    ck_assert_int_eq(crq_frame_reader_next(&reader, &out, &err), CRQ_ELIMIT);
    crq_frame_reader_fini(&reader);
}
END_TEST

START_TEST(test_a_promised_length_takes_no_memory)
{
    struct crq_frame_reader reader;
    struct crq_frame out;
    crq_error err;

    crq_frame_reader_init(&reader, CRQ_FRAME_MAX);
    unit_ok(crq_frame_reader_feed(&reader, "\x08\0\0\0", 4, &err), &err);
    ck_assert_int_eq(crq_frame_reader_next(&reader, &out, &err), 0);
    ck_assert_uint_lt(reader.buf.cap, 4096);
    crq_frame_reader_fini(&reader);
}
END_TEST

START_TEST(test_a_frame_too_large_is_not_written_and_hurts_no_other)
{
    static char bytes[2000];
    struct crq_frame large = { .type = CRQ_FRAME_LOG, .text = { bytes, 2000 } };
    struct crq_frame small = { .type = CRQ_FRAME_STOP_SOON }, out;
    struct crq_buf buf;
    crq_error err;

    crq_buf_init(&buf, 1500);
    unit_ok(crq_frame_encode(&small, 1000, &buf, &err), &err);
    ck_assert_int_eq(crq_frame_encode(&large, 1000, &buf, &err), CRQ_ELIMIT);
    large.text.len = 1100; /* fits the buffer, not the frame */
    ck_assert_int_eq(crq_frame_encode(&large, 1000, &buf, &err), CRQ_ELIMIT);
    ck_assert_uint_eq(buf.len, 6);
    unit_ok(crq_frame_decode(buf.data + 4, 2, &out, &err), &err);
    crq_buf_fini(&buf);
}
END_TEST

START_TEST(test_what_stands_behind_a_frame_moves_to_another_reader)
{
    struct crq_frame run = filled(crq_frame_messages), out;
    struct crq_frame stop = { .type = CRQ_FRAME_STOP_SOON };
    struct crq_frame_reader a, b;
    struct crq_buf buf = CRQ_BUF_INIT;
    crq_error err;

    unit_ok(crq_frame_encode(&run, 1000, &buf, &err), &err);
    unit_ok(crq_frame_encode(&stop, 1000, &buf, &err), &err);
    crq_frame_reader_init(&a, 1000);
    crq_frame_reader_init(&b, 1000);
    unit_ok(crq_frame_reader_feed(&a, buf.data, buf.len - 2, &err), &err);
    ck_assert_int_eq(crq_frame_reader_next(&a, &out, &err), 1);
    unit_ok(crq_frame_reader_move(&a, &b, &err), &err);
    check_same(&run, &out);
    ck_assert_int_eq(crq_frame_reader_next(&a, &out, &err), 0);
    unit_ok(crq_frame_reader_feed(&b, buf.data + buf.len - 2, 2, &err), &err);
    ck_assert_int_eq(crq_frame_reader_next(&b, &out, &err), 1);
    ck_assert_int_eq(out.type, CRQ_FRAME_STOP_SOON);
    crq_frame_reader_fini(&a);
    crq_frame_reader_fini(&b);
    crq_buf_fini(&buf);
}
END_TEST

static int there_and_back(void *arg, crq_error *err)
{
    struct crq_frame in = filled(arg), out;
    struct crq_frame_reader reader;
    struct crq_buf buf = CRQ_BUF_INIT;
    int rc;

    crq_frame_reader_init(&reader, 1000);
    rc = crq_frame_encode(&in, 1000, &buf, err);
    if (rc == 0)
        rc = crq_frame_reader_feed(&reader, buf.data, buf.len, err);
    if (rc == 0)
        rc = crq_frame_reader_next(&reader, &out, err);
    if (rc == 1)
        crq_frame_fini(&out);
    crq_frame_reader_fini(&reader);
    crq_buf_fini(&buf);
    return rc < 0 ? rc : 0;
}

START_TEST(test_memory_that_is_out_is_reported)
{
    struct crq_frame_message message = crq_frame_messages[_i];

    unit_fail_each_allocation(there_and_back, &message);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("frame");
    int count = (int)crq_frame_message_count;

    tcase_add_loop_test(tc,
            test_every_message_goes_there_and_back_cut_at_every_byte, 0, count);
    tcase_add_loop_test(tc, test_a_message_that_lacks_bytes_is_refused, 0,
            count);
    tcase_add_loop_test(tc, test_the_table_is_sound, 0, count);
    tcase_add_loop_test(tc, test_memory_that_is_out_is_reported, 0, count);
    tcase_add_test(tc, test_nil_stays_nil);
    unit_add_rows(tc, test_what_is_no_frame_is_refused, hostile);
    tcase_add_test(tc, test_fields_of_a_later_version_are_passed_over);
    tcase_add_test(tc, test_a_length_beyond_the_cap_is_refused_at_once);
    tcase_add_test(tc, test_a_promised_length_takes_no_memory);
    tcase_add_test(tc,
            test_a_frame_too_large_is_not_written_and_hurts_no_other);
    tcase_add_test(tc, test_what_stands_behind_a_frame_moves_to_another_reader);
    return unit_run("frame", tc);
}
