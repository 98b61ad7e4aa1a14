/* serializer.c - the table of serializers. */
#include "model/serializer.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/msgpack.h"
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
    [CRQ_MSGPACK] = { "msgpack", crq_msgpack_encode, crq_msgpack_decode },
};

#define COUNT (sizeof(serializers) / sizeof(serializers[0]))

const char *crq_serializer_name(crq_serializer serializer)
{
    return serializers[serializer].name;
}

/* As rq worker --serializer takes them, in scripts that were written for it. */
static const struct {
    const char *path;
    crq_serializer serializer;
} paths[] = {
    { "rq.serializers.DefaultSerializer", CRQ_PICKLE },
    { "rq.serializers.PickleSerializer", CRQ_PICKLE },
    { "rq.serializers.JSONSerializer", CRQ_JSON },
};

int crq_serializer_parse(const char *name, crq_serializer *out, crq_error *err)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(serializers[i].name, name) == 0) {
            *out = (crq_serializer)i;
            return 0;
        }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (strcmp(paths[i].path, name) == 0) {
            *out = paths[i].serializer;
            return 0;
        }
    return crq_fail(err, CRQ_EINVAL,
            "'%.60s' is not a serializer; there are pickle, json and msgpack",
            name);
}

int crq_serialize(crq_serializer serializer, const crq_value *v,
        struct crq_buf *out, crq_error *err)
{
    return serializers[serializer].encode(v, out, err);
}

bool crq_serializer_known(int64_t number)
{
    return number >= 0 && number < (int64_t)COUNT;
}

bool crq_serializer_ambiguous(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;

    return len == 1 && b[0] >= '0' && b[0] <= '9';
}

/*
 * By the bytes. A pickle ends in STOP ('.'), which no JSON text does, and
 * msgpack not behind such a beginning. A JSON text begins with an ASCII
 * character. In msgpack these are small ints, which are one byte long; all else
 * begins with a byte from 0x80 on. 0x80 itself is an empty map, or the begin of
 * a pickle, of which something is missing if it comes here.
 */
static crq_serializer recognise(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;

    if (crq_pickle_likely(bytes, len))
        return CRQ_PICKLE;
    if (len == 0 || crq_serializer_ambiguous(b, len))
        return CRQ_JSON;
    if (len > 1 && b[0] == 0x80)
        return CRQ_PICKLE;
    return len == 1 || b[0] > 0x80 ? CRQ_MSGPACK : CRQ_JSON;
}

int crq_deserialize(const void *bytes, size_t len, crq_value **out,
        crq_serializer *out_serializer, crq_error *err)
{
    return crq_deserialize_as(NULL, bytes, len, out, out_serializer, err);
}

int crq_deserialize_as(const crq_serializer *told, const void *bytes,
        size_t len, crq_value **out, crq_serializer *out_serializer,
        crq_error *err)
{
    crq_serializer is = told != NULL ? *told : recognise(bytes, len);
    int rc = serializers[is].decode(bytes, len, NULL, out, err);

    if (rc == 0 && out_serializer != NULL)
        *out_serializer = is;
    return rc;
}
