/* serializer.c - the table of serializers. */
#include "model/serializer.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/pickle.h"

static int json_encode(const crq_value *v, struct crq_buf *out, crq_error *err)
{
    return crq_json_encode(v, CRQ_JSON_PYTHON, out, err);
}

static int json_decode(const void *bytes, size_t len,
        const struct crq_limits *limits, crq_value **out, crq_error *err)
{
    return crq_json_decode(bytes, len, limits, out, err);
}

static const struct {
    const char *name;
    int (*encode)(const crq_value *, struct crq_buf *, crq_error *);
    int (*decode)(const void *, size_t, const struct crq_limits *, crq_value **,
            crq_error *);
} serializers[] = {
    [CRQ_PICKLE] = { "pickle", crq_pickle_encode, crq_pickle_decode },
    [CRQ_JSON] = { "json", json_encode, json_decode },
};

#define COUNT (sizeof(serializers) / sizeof(serializers[0]))

const char *crq_serializer_name(crq_serializer serializer)
{
    return serializers[serializer].name;
}

int crq_serializer_parse(const char *name, crq_serializer *out, crq_error *err)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(serializers[i].name, name) == 0) {
            *out = (crq_serializer)i;
            return 0;
        }
    return crq_fail(err, CRQ_EINVAL,
            "'%.60s' is not a serializer; there are pickle and json", name);
}

int crq_serialize(crq_serializer serializer, const crq_value *v,
        struct crq_buf *out, crq_error *err)
{
    return serializers[serializer].encode(v, out, err);
}

int crq_deserialize(const void *bytes, size_t len, crq_value **out,
        crq_serializer *out_serializer, crq_error *err)
{
    /* A pickle ends in STOP ('.'), which no JSON text does. */
    crq_serializer is = crq_pickle_likely(bytes, len) ? CRQ_PICKLE : CRQ_JSON;

    int rc = serializers[is].decode(bytes, len, NULL, out, err);

    if (rc == 0 && out_serializer != NULL)
        *out_serializer = is;
    return rc;
}
