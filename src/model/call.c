/*
 * call.c - a call, written into the fields of a job and read from its data.
 *
 * Source: RQ 2.10, rq/queue.py, Queue.create_job(); rq/job.py, Job.create().
 * What is checked before: call_check.c.
 */
#include "model/call.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "codec/value.h"
#include "codec/zip.h"
#include "model/call_impl.h"
#include "model/serializer.h"

/* ---- writing ---- */

/* (func, None, args, kwargs). RQ passes args as the tuple of Python's call. */
static int make_tuple(const crq_call *call, crq_value **out, crq_error *err)
{
    crq_value *tuple = crq_value_new_tuple();
    int rc = tuple != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_add(tuple, crq_value_new_text(call->func));
    if (rc == 0)
        rc = crq_value_add(tuple, crq_value_new_none());
    if (rc == 0)
        rc = crq_value_add(tuple,
                call->args != NULL ? crq_value_ref(call->args)
                                   : crq_value_new_tuple());
    if (rc == 0)
        rc = crq_value_add(tuple,
                call->kwargs != NULL ? crq_value_ref(call->kwargs)
                                     : crq_value_new_dict());
    if (rc < 0) {
        crq_value_free(tuple);
        return crq_fail_nomem(err);
    }
    *out = tuple;
    return 0;
}

static int set_data(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    struct crq_buf plain = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    crq_value *tuple = NULL;
    int rc = make_tuple(call, &tuple, err);

    (void)crq_buf_room(&plain, 192); /* what most take, to grow once */
    if (rc == 0)
        rc = crq_serialize(call->serializer, tuple, &plain, err);
    if (rc == 0)
        rc = crq_zip_deflate(plain.data, plain.len, &packed, err);
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_DATA, &packed, err);
    crq_value_free(tuple);
    crq_buf_fini(&plain);
    crq_buf_fini(&packed);
    return rc;
}

static int set_description(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    size_t bad;
    int rc;

    if (call->description != NULL && call->description[0] != '\0')
        return crq_fields_set_text(out, CRQ_FIELD_DESCRIPTION,
                call->description, err);
    rc = crq_repr_call(call->func, call->args, call->kwargs,
            CRQ_DESCRIPTION_CUT, &text, err);
    /* Names of arguments stand in it as they are. RQ could not write such a
     * description, and its readers would not get past this one. */
    if (rc == 0 && !crq_text_valid(crq_buf_text(&text), text.len, &bad))
        rc = crq_fail(err, CRQ_EINVAL,
                "a name in kwargs has a surrogate or NUL: give a description");
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_DESCRIPTION, &text, err);
    crq_buf_fini(&text);
    return rc;
}

static int set_meta(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    struct crq_buf bytes = CRQ_BUF_INIT;
    int rc;

    if (call->meta == NULL || crq_value_count(call->meta) == 0)
        return 0;
    rc = crq_serialize(call->serializer, call->meta, &bytes, err);
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_META, &bytes, err);
    crq_buf_fini(&bytes);
    return rc;
}

static int set_numbers(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    const struct {
        enum crq_field field;
        int64_t value;
    } rows[] = {
        { CRQ_FIELD_TIMEOUT,
                call->timeout_s != CRQ_UNSET ? call->timeout_s
                                             : CRQ_DEFAULT_TIMEOUT_S },
        { CRQ_FIELD_RESULT_TTL, call->result_ttl_s },
        { CRQ_FIELD_FAILURE_TTL, call->failure_ttl_s },
        { CRQ_FIELD_TTL, call->ttl_s },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = rows[i].value == CRQ_UNSET
                ? 0
                : crq_fields_set_number(out, rows[i].field, rows[i].value, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int crq_call_to_fields(const crq_call *call, const char *origin, int64_t now_us,
        struct crq_fields *out, crq_error *err)
{
    int rc = crq_fields_set_time(out, CRQ_FIELD_CREATED_AT, now_us, err);

    if (rc == 0)
        rc = set_data(call, out, err);
    if (rc == 0)
        rc = crq_fields_set_text(out, CRQ_FIELD_ORIGIN, origin, err);
    if (rc == 0)
        rc = set_description(call, out, err);
    if (rc == 0)
        rc = set_meta(call, out, err);
    if (rc == 0)
        rc = set_numbers(call, out, err);
    return rc < 0 ? rc : crq_call_options_to_fields(call, out, err);
}

/* ---- reading ---- */

void crq_payload_fini(struct crq_payload *payload)
{
    crq_value_free(payload->tuple);
    memset(payload, 0, sizeof(*payload));
}

static int check_payload(struct crq_payload *p, crq_error *err)
{
    const crq_value *tuple = p->tuple, *func;
    const char *name;
    size_t len, bad;
    crq_type type = crq_value_type(tuple), args;

    if ((type != CRQ_TUPLE && type != CRQ_LIST) || crq_value_count(tuple) != 4)
        return crq_fail(err, CRQ_ECODEC,
                "the data is a %s, not (function, instance, args, kwargs)",
                crq_type_name(type));
    func = crq_value_item(tuple, 0);
    if (crq_value_type(crq_value_item(tuple, 1)) != CRQ_NONE)
        return crq_fail(err, CRQ_EUNSUPPORTED,
                "it calls a method of a %s object, which only Python can do",
                crq_type_name(crq_value_type(crq_value_item(tuple, 1))));
    args = crq_value_type(crq_value_item(tuple, 2));
    if (crq_value_type(func) != CRQ_STR ||
            (args != CRQ_TUPLE && args != CRQ_LIST) ||
            crq_value_type(crq_value_item(tuple, 3)) != CRQ_DICT)
        return crq_fail(err, CRQ_ECODEC,
                "the data is (%s, None, %s, %s), not (str, None, list, dict)",
                crq_type_name(crq_value_type(func)), crq_type_name(args),
                crq_type_name(crq_value_type(crq_value_item(tuple, 3))));
    /* "shop.pay\0" must not run as "shop.pay". */
    name = crq_value_data(func, &len);
    if (!crq_text_valid(name, len, &bad))
        return crq_fail(err, CRQ_ECODEC,
                "the function's name is not text at byte %zu", bad);
    p->func = name;
    p->args = crq_value_item(tuple, 2);
    p->kwargs = crq_value_item(tuple, 3);
    return 0;
}

/* Whether bytes begin as zlib's do: then what is wrong is the zlib. */
static bool is_zlib(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;

    return len >= 2 && (b[0] & 0x0f) == 8 && (b[0] * 256 + b[1]) % 31 == 0;
}

int crq_payload_decode(const void *data, size_t len, struct crq_payload *out,
        crq_error *err)
{
    return crq_payload_decode_as(NULL, data, len, out, err);
}

int crq_payload_decode_as(const crq_serializer *told, const void *data,
        size_t len, struct crq_payload *out, crq_error *err)
{
    struct crq_payload p = { NULL, NULL, NULL, NULL, CRQ_PICKLE };
    struct crq_buf plain;
    crq_error why;
    int rc, inflated;

    crq_buf_init(&plain, CRQ_MAX_BYTES);
    rc = inflated = crq_zip_inflate(data, len, &plain, &why);
    if (inflated == 0)
        rc = crq_deserialize_as(told, crq_buf_text(&plain), plain.len, &p.tuple,
                &p.serializer, err);
    else if (inflated == CRQ_ECODEC) /* stored as it is: RQ reads it too */
        rc = crq_deserialize_as(told, data, len, &p.tuple, &p.serializer, err);
    crq_buf_fini(&plain);
    if (rc < 0 && inflated < 0 &&
            (inflated != CRQ_ECODEC ||
                    (rc == CRQ_ECODEC && is_zlib(data, len))))
        rc = crq_fail(err, inflated, "%s", why.text);
    if (rc == 0)
        rc = check_payload(&p, err);
    if (rc < 0) {
        crq_payload_fini(&p);
        return rc;
    }
    *out = p;
    return 0;
}
