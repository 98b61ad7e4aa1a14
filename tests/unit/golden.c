/* golden.c - rows of input and output that Python wrote. */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static crq_value *field(const char *json, size_t len)
{
    crq_value *v;
    crq_error err;

    unit_ok(crq_value_from_json(json, len, &v, &err), &err);
    ck_assert_int_eq(crq_value_type(v), CRQ_STR);
    return v;
}

static void run_row(const char *line, void (*check)(const struct golden *row))
{
    const char *in = strchr(line, '\t') + 1, *want = strchr(in, '\t') + 1;
    crq_value *a = field(in, (size_t)(want - 1 - in));
    crq_value *b = field(want, strlen(want));
    struct golden row = { a, b };

    check(&row);
    crq_value_free(a);
    crq_value_free(b);
}

void golden_each_of(const char *file_name, const char *kind,
        void (*check)(const struct golden *row))
{
    const char *dir = getenv("srcdir");
    char path[4096], *line = NULL;
    size_t size = 0, rows = 0, n = strlen(kind);
    FILE *file;

    /* automake names the folder of the sources. */
    snprintf(path, sizeof(path), "%s/tests/golden/%s", dir != NULL ? dir : ".",
            file_name);
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s: set srcdir", path);
    while (getline(&line, &size, file) > 0)
        if (strncmp(line, kind, n) == 0 && line[n] == '\t') {
            run_row(line, check);
            rows++;
        }
    free(line);
    fclose(file);
    ck_assert_uint_gt(rows, 0);
}

void golden_each(const char *kind, void (*check)(const struct golden *row))
{
    golden_each_of("values.tsv", kind, check);
}

void golden_check(const struct golden *row, const char *got, size_t len)
{
    size_t want_len;
    const char *want = crq_value_data(row->want, &want_len);

    ck_assert_msg(len == want_len && memcmp(got, want, len) == 0,
            "input:  %.300s\nwanted: %.300s\ngot:    %.300s",
            crq_value_text(row->in), want, got);
}
