/*
 * check_pickle_golden.c - tests of the pickle codec against real Pythons'.
 *
 * tests/golden/make_pickles.py wrote the files and says what is in them.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "codec/pickle.h"

#ifndef GOLDEN
#define GOLDEN "tests/golden"
#endif

/* ---- rows ---- */

struct row {
    char *line;
    const char *fields[6]; /* name, python, protocol, pickle, five, repr */
};

static FILE *golden(const char *name)
{
    char path[1000];
    FILE *file;

    snprintf(path, sizeof(path), "%s/pickle/%s", GOLDEN, name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    return file;
}

/* The next line, split at tabs. */
static bool next_row(FILE *file, struct row *row, size_t fields)
{
    size_t size = 0;
    char *at;

    free(row->line);
    row->line = NULL;
    if (getline(&row->line, &size, file) < 0) {
        free(row->line);
        row->line = NULL;
        return false;
    }
    at = row->line;
    at[strcspn(at, "\n")] = '\0';
    for (size_t i = 0; i < fields; i++)
        row->fields[i] = strsep(&at, "\t");
    ck_assert_ptr_nonnull(row->fields[fields - 1]);
    return true;
}

static void unhex(const char *hex, struct crq_buf *out)
{
    unsigned byte;

    for (; *hex != '\0'; hex += 2) {
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        crq_buf_putc(out, (char)byte);
    }
    ck_assert_int_eq(out->rc, 0);
}

/* ---- tests ---- */

START_TEST(test_every_pickle_is_read_and_written_as_python_does)
{
    FILE *file = golden("pickles.tsv");
    struct row row = { .line = NULL };
    int rows = 0;

    while (next_row(file, &row, 6)) {
        struct crq_buf in = CRQ_BUF_INIT, want = CRQ_BUF_INIT,
                       got = CRQ_BUF_INIT;
        crq_value *v = NULL;
        crq_error err;
        int rc;

        unhex(row.fields[3], &in);
        unhex(row.fields[strcmp(row.fields[4], "=") == 0 ? 3 : 4], &want);
        rc = crq_pickle_decode(in.data, in.len, NULL, &v, &err);
        ck_assert_msg(rc == 0, "%s, Python %s, protocol %s: %s", row.fields[0],
                row.fields[1], row.fields[2], err.text);
        ck_assert(crq_pickle_likely(in.data, in.len));
        rc = crq_pickle_encode(v, &got, &err);
        ck_assert_msg(rc == 0, "%s: %s", row.fields[0], err.text);
        ck_assert_msg(got.len == want.len &&
                        !memcmp(got.data, want.data, got.len),
                "%s, Python %s, protocol %s", row.fields[0], row.fields[1],
                row.fields[2]);
        crq_value_free(v);
        crq_buf_fini(&in);
        crq_buf_fini(&want);
        crq_buf_fini(&got);
        rows++;
    }
    ck_assert_int_gt(rows, 900);
    fclose(file);
}
END_TEST

START_TEST(test_no_pickle_that_is_cut_short_is_read)
{
    FILE *file = golden("pickles.tsv");
    struct row row = { .line = NULL };

    while (next_row(file, &row, 6)) {
        struct crq_buf in = CRQ_BUF_INIT;
        crq_value *v = NULL;
        crq_error err;

        unhex(row.fields[3], &in);
        for (size_t len = 0; len < in.len; len++) {
            /* A block of its own, so that reading beyond it is seen. */
            char *cut = malloc(len > 0 ? len : 1);
            int rc;

            memcpy(cut, in.data, len);
            rc = crq_pickle_decode(cut, len, NULL, &v, &err);
            ck_assert_msg(rc == CRQ_ECODEC && v == NULL,
                    "%s, protocol %s: %zu bytes of it: %s (%s)", row.fields[0],
                    row.fields[2], len, crq_error_name(rc), err.text);
            ck_assert_int_eq(strncmp(err.text, "offset ", 7), 0);
            free(cut);
        }
        crq_buf_fini(&in);
    }
    fclose(file);
}
END_TEST

/* ---- large values, of which only the sums are kept ---- */

static crq_value *add(crq_value *to, crq_value *item)
{
    ck_assert_int_eq(crq_value_add(to, item), 0);
    return to;
}

static crq_value *text(const char *before, int n)
{
    char buf[40];

    snprintf(buf, sizeof(buf), "%s%d", before, n);
    return crq_value_new_text(buf);
}

static crq_value *fill(crq_value *v, int n)
{
    for (int i = 0; i < n; i++)
        add(v, crq_value_new_int(i));
    return v;
}

static crq_value *list_of(int n)
{
    return fill(crq_value_new_list(), n);
}

static crq_value *tuple_of(int n)
{
    return fill(crq_value_new_tuple(), n);
}

static crq_value *set_of(int n)
{
    return fill(crq_value_new_set(), n);
}

static crq_value *frozenset_of(int n)
{
    return fill(crq_value_new_frozenset(), n);
}

static crq_value *dict_of(int n)
{
    crq_value *v = crq_value_new_dict();

    for (int i = 0; i < n; i++)
        ck_assert_int_eq(crq_value_put(v, crq_value_new_int(i),
                                 crq_value_new_int(i)),
                0);
    return v;
}

static crq_value *ordered_of(int n)
{
    crq_value *v = dict_of(n);

    crq_value_dict_set_ordered(v);
    return v;
}

static crq_value *data_of(crq_type type, int n)
{
    char *bytes = malloc((size_t)n);
    crq_value *v = NULL;

    memset(bytes, 'x', (size_t)n);
    if (type == CRQ_STR)
        ck_assert_int_eq(crq_value_new_str(bytes, (size_t)n, &v, NULL), 0);
    else if (type == CRQ_BYTES)
        v = crq_value_new_bytes(bytes, (size_t)n);
    else
        v = crq_value_new_bytearray(bytes, (size_t)n);
    free(bytes);
    return v;
}

static crq_value *str_of(int n)
{
    return data_of(CRQ_STR, n);
}

static crq_value *bytes_of(int n)
{
    return data_of(CRQ_BYTES, n);
}

static crq_value *bytearray_of(int n)
{
    return data_of(CRQ_BYTEARRAY, n);
}

static crq_value *between_texts_of(int n)
{
    crq_value *v = add(crq_value_new_list(), crq_value_new_int(1));

    add(add(v, str_of(n)), crq_value_new_int(2));
    return add(add(v, bytes_of(n)), crq_value_new_int(3));
}

/* What lists of many are made of, one each. */

static crq_value *int_at(int i)
{
    return crq_value_new_int((int64_t)i << 20);
}

static crq_value *text_at(int i)
{
    return text("text ", i);
}

static crq_value *date_at(int i)
{
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_date(2026, 1 + i % 12, 1 + i % 28, &v, NULL),
            0);
    return v;
}

static crq_value *datetime_at(int i)
{
    crq_datetime when = { 2026, 1, 1, i / 3600, i / 60 % 60, i % 60, i, false,
        true, { 0, 0, NULL } };
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_datetime(&when, &v, NULL), 0);
    return v;
}

static crq_value *timedelta_at(int i)
{
    crq_timedelta delta = { i, 1, i };
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_timedelta(&delta, &v, NULL), 0);
    return v;
}

static crq_value *decimal_at(int i)
{
    char digits[20];
    int len = snprintf(digits, sizeof(digits), "%d", i);
    crq_value *v = NULL;

    ck_assert_int_eq(crq_value_new_decimal(digits, (size_t)len, &v, NULL), 0);
    return v;
}

static crq_value *uuid_at(int i)
{
    uint8_t uuid[16] = { 0 };

    uuid[6] = (uint8_t)(i >> 8);
    uuid[7] = (uint8_t)i;
    return crq_value_new_uuid(uuid);
}

static crq_value *ordered_at(int i)
{
    crq_value *v = crq_value_new_dict();

    crq_value_dict_set_ordered(v);
    ck_assert_int_eq(crq_value_put(v, crq_value_new_int(i), text("v", i)), 0);
    return v;
}

static crq_value *many(crq_value *(*one)(int i), int n)
{
    crq_value *v = crq_value_new_list();

    for (int i = 0; i < n; i++)
        add(v, one(i));
    return v;
}

static crq_value *strings_twice(int n)
{
    crq_value *v = add(crq_value_new_list(), many(text_at, n));

    return add(v, crq_value_ref(crq_value_item(v, 0)));
}

static crq_value *strings_each_twice(int n)
{
    crq_value *v = crq_value_new_list();

    for (int i = 0; i < n; i++) {
        add(v, text_at(i));
        add(v, crq_value_ref(crq_value_item(v, (size_t)i * 2)));
    }
    return v;
}

static crq_value *long_int(int bits)
{
    size_t len = (size_t)bits / 8 + 1;
    uint8_t *le = calloc(len, 1);
    crq_value *v;

    le[len - 1] = (uint8_t)(1 << (bits % 8));
    v = crq_value_new_int_bytes(le, len);
    free(le);
    return v;
}

static const struct {
    const char *name; /* "... of %d" when n is in the name */
    crq_value *(*build)(int n);
    crq_value *(*one)(int i);
    int n;
} large[] = {
    { "list of", list_of, NULL, 0 },
    { "tuple of", tuple_of, NULL, 0 },
    { "dict of", dict_of, NULL, 0 },
    { "set of", set_of, NULL, 0 },
    { "frozenset of", frozenset_of, NULL, 0 },
    { "OrderedDict of", ordered_of, NULL, 0 },
    { "str of", str_of, NULL, 0 },
    { "bytes of", bytes_of, NULL, 0 },
    { "bytearray of", bytearray_of, NULL, 0 },
    { "between texts of", between_texts_of, NULL, 0 },
    { "strings", NULL, text_at, 20000 },
    { "strings twice", strings_twice, NULL, 5000 },
    { "strings, each twice", strings_each_twice, NULL, 300 },
    { "dates", NULL, date_at, 8000 },
    { "datetimes", NULL, datetime_at, 8000 },
    { "timedeltas", NULL, timedelta_at, 8000 },
    { "Decimals", NULL, decimal_at, 8000 },
    { "UUIDs", NULL, uuid_at, 8000 },
    { "OrderedDicts", NULL, ordered_at, 8000 },
    { "ints", NULL, int_at, 20000 },
    { "long int", long_int, NULL, 600000 },
};

static crq_value *build_large(const char *name)
{
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        size_t len = strlen(large[i].name);

        if (large[i].n == 0 && strncmp(name, large[i].name, len) == 0)
            return large[i].build(atoi(name + len));
        if (strcmp(name, large[i].name) == 0)
            return large[i].one != NULL ? many(large[i].one, large[i].n)
                                        : large[i].build(large[i].n);
    }
    ck_abort_msg("no large value '%s' is known", name);
    return NULL;
}

START_TEST(test_large_values_have_the_frames_and_batches_of_python)
{
    FILE *file = golden("sums.tsv");
    struct row row = { .line = NULL };
    int rows = 0;

    for (; next_row(file, &row, 3); rows++) {
        struct crq_buf got = CRQ_BUF_INIT, again = CRQ_BUF_INIT;
        crq_value *v = build_large(row.fields[0]), *read = NULL;
        crq_error err;
        char sum[20];

        unit_ok(crq_pickle_encode(v, &got, &err), &err);
        snprintf(sum, sizeof(sum), "%08lx",
                crc32(0, (const Bytef *)got.data, (uInt)got.len));
        ck_assert_msg(strtoul(row.fields[1], NULL, 10) == got.len,
                "%s: %zu bytes instead of %s", row.fields[0], got.len,
                row.fields[1]);
        ck_assert_msg(strcmp(sum, row.fields[2]) == 0,
                "%s: another pickle than Python's", row.fields[0]);
        unit_ok(crq_pickle_decode(got.data, got.len, NULL, &read, &err), &err);
        ck_assert_msg(crq_value_equal(v, read), "%s", row.fields[0]);
        unit_ok(crq_pickle_encode(read, &again, &err), &err);
        ck_assert_uint_eq(again.len, got.len);
        ck_assert_int_eq(memcmp(again.data, got.data, got.len), 0);
        crq_value_free(v);
        crq_value_free(read);
        crq_buf_fini(&got);
        crq_buf_fini(&again);
    }
    ck_assert_int_gt(rows, 60);
    fclose(file);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pickle_golden");

    tcase_add_test(tc, test_every_pickle_is_read_and_written_as_python_does);
    tcase_add_test(tc, test_no_pickle_that_is_cut_short_is_read);
    tcase_add_test(tc, test_large_values_have_the_frames_and_batches_of_python);
    return unit_run("pickle_golden", tc);
}
