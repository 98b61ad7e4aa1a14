/*
 * bench_codec.c - what a job's data costs: writing and reading
 * ("shop.send_mail", None, ["bob@example.org"], {"copies": 2, "urgent": True}).
 * For information only: nothing here has a limit.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "bench.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/zip.h"
#include "model/serializer.h"

struct side {
    crq_serializer serializer;
    crq_value *tuple;
    struct crq_buf bytes;
};

static int run_write(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++) {
        crq_buf_clear(&side->bytes);
        rc = crq_serialize(side->serializer, side->tuple, &side->bytes, err);
    }
    return rc;
}

static int run_read(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++) {
        crq_serializer found;
        crq_value *v = NULL;

        rc = crq_deserialize(side->bytes.data, side->bytes.len, &v, &found,
                err);
        crq_value_free(v);
    }
    return rc;
}

static int run_zip(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    struct crq_buf zip = CRQ_BUF_INIT;
    int rc = 0;

    for (long i = 0; i < count && rc == 0; i++) {
        crq_buf_clear(&zip);
        rc = crq_zip_deflate(side->bytes.data, side->bytes.len, &zip, err);
    }
    crq_buf_fini(&zip);
    return rc;
}

static int run_unzip(void *arg, long count, crq_error *err)
{
    struct side *side = arg;
    struct crq_buf zip = CRQ_BUF_INIT, back = CRQ_BUF_INIT;
    int rc = crq_zip_deflate(side->bytes.data, side->bytes.len, &zip, err);

    for (long i = 0; i < count && rc == 0; i++) {
        crq_buf_clear(&back);
        rc = crq_zip_inflate(zip.data, zip.len, &back, err);
    }
    crq_buf_fini(&zip);
    crq_buf_fini(&back);
    return rc;
}

static const char call[] = "[\"shop.send_mail\", null, [\"bob@example.org\"], "
                           "{\"copies\": 2, \"urgent\": true}]";

static void side_init(struct side *side, crq_serializer serializer)
{
    crq_error err = { 0, "" };

    side->serializer = serializer;
    side->bytes = (struct crq_buf)CRQ_BUF_INIT;
    bench_must(crq_value_from_json(call, sizeof(call) - 1, &side->tuple, &err),
            &err);
    bench_must(run_write(side, 1, &err), &err);
}

int main(void)
{
    struct side pickle, json;
    const struct bench_subject subjects[] = {
        { "pickle write", run_write, &pickle, { { "json write", 0 } } },
        { "pickle read", run_read, &pickle, { { "json read", 0 } } },
        { "json write", run_write, &json, { { NULL, 0 } } },
        { "json read", run_read, &json, { { NULL, 0 } } },
        { "zip", run_zip, &pickle, { { NULL, 0 } } },
        { "unzip", run_unzip, &pickle, { { NULL, 0 } } },
    };
    const struct bench bench = { "codec", "calls", subjects,
        sizeof(subjects) / sizeof(subjects[0]), 0.005, NULL, NULL };
    int failed;

    side_init(&pickle, CRQ_PICKLE);
    side_init(&json, CRQ_JSON);
    failed = bench_run(&bench);
    crq_value_free(pickle.tuple);
    crq_value_free(json.tuple);
    crq_buf_fini(&pickle.bytes);
    crq_buf_fini(&json.bytes);
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
