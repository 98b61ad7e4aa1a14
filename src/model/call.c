/*
 * call.c - a call, checked and written into the fields of a job.
 *
 * Source: RQ 2.10, rq/queue.py, Queue.create_job(); rq/job.py, Job.create().
 */
#include "model/call.h"

#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "codec/repr.h"
#include "codec/value.h"
#include "codec/zip.h"
#include "model/keys.h"
#include "model/serializer.h"

bool crq_job_id_valid(const char *id)
{
    size_t len = strspn(id,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            "0123456789-_");

    return len > 0 && len <= CRQ_NAME_MAX && id[len] == '\0';
}

/* ---- checking ---- */

static int check_text(const char *text, const char *what, crq_error *err)
{
    size_t bad;

    if (text != NULL && !crq_text_valid(text, strlen(text), &bad))
        return crq_fail(err, CRQ_EINVAL, "%s: byte %zu is not UTF-8", what,
                bad);
    return 0;
}

static int check_kwargs(const crq_value *kwargs, crq_error *err)
{
    if (kwargs == NULL)
        return 0;
    if (crq_value_type(kwargs) != CRQ_DICT)
        return crq_fail(err, CRQ_EINVAL, "kwargs is a %s; it must be a dict",
                crq_type_name(crq_value_type(kwargs)));
    for (size_t i = 0; i < crq_value_count(kwargs); i++)
        if (crq_value_type(crq_value_key(kwargs, i)) != CRQ_STR)
            return crq_fail(err, CRQ_EINVAL,
                    "key %zu of kwargs is a %s; names of arguments are str", i,
                    crq_type_name(crq_value_type(crq_value_key(kwargs, i))));
    return 0;
}

static int check_values(const crq_call *call, crq_error *err)
{
    crq_type args = crq_value_type(call->args);

    if (call->args != NULL && args != CRQ_LIST && args != CRQ_TUPLE)
        return crq_fail(err, CRQ_EINVAL,
                "args is a %s; it must be a list or a tuple",
                crq_type_name(args));
    if (call->meta != NULL && crq_value_type(call->meta) != CRQ_DICT)
        return crq_fail(err, CRQ_EINVAL, "meta is a %s; it must be a dict",
                crq_type_name(crq_value_type(call->meta)));
    return check_kwargs(call->kwargs, err);
}

/* The whole numbers of a call, the least each may be, and what else it may. */
static int check_numbers(const crq_call *call, crq_error *err)
{
    const struct {
        const char *name, *rule;
        int64_t value, least, but_not;
    } rows[] = {
        { "timeout", "seconds from 1 on, or -1 for no limit", call->timeout_s,
                -1, 0 },
        { "result_ttl", "seconds, 0 for not kept, or -1 for ever",
                call->result_ttl_s, -1, INT64_MAX },
        { "failure_ttl", "seconds, 0 for not kept, or -1 for ever",
                call->failure_ttl_s, -1, INT64_MAX },
        { "ttl", "seconds from 1 on", call->ttl_s, 1, INT64_MAX },
        { "retry_max", "at least 1", call->retry_max, 1, INT64_MAX },
    };
    /* Redis adds a TTL to the time in milliseconds and refuses more. */
    const int64_t most = INT64_C(1) << 40;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value == CRQ_UNSET)
            continue;
        if (rows[i].value < rows[i].least || rows[i].value > most ||
                rows[i].value == rows[i].but_not)
            return crq_fail(err, CRQ_EINVAL, "%s is %lld; it must be %s",
                    rows[i].name, (long long)rows[i].value, rows[i].rule);
    }
    if (call->retry_intervals > 0 && call->retry_intervals_s == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "%zu retry intervals are announced, but there are none",
                call->retry_intervals);
    for (size_t i = 0; i < call->retry_intervals; i++)
        if (call->retry_intervals_s[i] < 0 || call->retry_intervals_s[i] > most)
            return crq_fail(err, CRQ_EINVAL,
                    "retry interval %zu is %lld; it must be seconds, 0 or more",
                    i + 1, (long long)call->retry_intervals_s[i]);
    if (call->retry_max == CRQ_UNSET && call->retry_intervals > 0)
        return crq_fail(err, CRQ_EINVAL,
                "retry intervals without retry_max: say how many retries");
    return 0;
}

int crq_call_check(const crq_call *call, crq_error *err)
{
    int rc;

    if (call->size != sizeof(*call))
        return crq_fail(err, CRQ_EINVAL,
                "the call was not made with this version's CRQ_CALL_INIT");
    if ((int)call->serializer < CRQ_PICKLE || call->serializer > CRQ_JSON)
        return crq_fail(err, CRQ_EINVAL, "%d is not a serializer",
                (int)call->serializer);
    if (call->func == NULL || call->func[0] == '\0')
        return crq_fail(err, CRQ_EINVAL, "func is missing: name a function");
    if (call->job_id != NULL && !crq_job_id_valid(call->job_id))
        return crq_fail(err, CRQ_EINVAL,
                "'%.80s' is not a job id: letters, digits, - and _ only",
                call->job_id);
    if (call->unique && call->job_id == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "unique needs a job_id: it is what must not exist yet");
    rc = check_text(call->func, "func", err);
    if (rc == 0)
        rc = check_text(call->description, "description", err);
    if (rc == 0)
        rc = check_values(call, err);
    return rc < 0 ? rc : check_numbers(call, err);
}

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

/* rq/job.py, Retry: without an interval there is one of 0. */
static int set_retry(const crq_call *call, struct crq_fields *out,
        crq_error *err)
{
    static const int64_t at_once = 0;
    const int64_t *list =
            call->retry_intervals > 0 ? call->retry_intervals_s : &at_once;
    size_t count = call->retry_intervals > 0 ? call->retry_intervals : 1;
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    if (call->retry_max == CRQ_UNSET)
        return 0;
    for (size_t i = 0; i < count; i++)
        crq_buf_printf(&text, "%s%lld", i == 0 ? "[" : ", ",
                (long long)list[i]);
    crq_buf_putc(&text, ']');
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = crq_fields_take(out, CRQ_FIELD_RETRY_INTERVALS, &text, err);
    if (rc == 0)
        rc = crq_fields_set_number(out, CRQ_FIELD_RETRIES_LEFT, call->retry_max,
                err);
    if (rc == 0 && call->retry_at_front)
        rc = crq_fields_set_number(out, CRQ_FIELD_ENQUEUE_AT_FRONT_ON_RETRY, 1,
                err);
    crq_buf_fini(&text);
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
    return rc < 0 ? rc : set_retry(call, out, err);
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
    struct crq_payload p = { NULL, NULL, NULL, NULL, CRQ_PICKLE };
    struct crq_buf plain;
    crq_error why;
    int rc, inflated;

    crq_buf_init(&plain, CRQ_MAX_BYTES);
    rc = inflated = crq_zip_inflate(data, len, &plain, &why);
    if (inflated == 0)
        rc = crq_deserialize(crq_buf_text(&plain), plain.len, &p.tuple,
                &p.serializer, err);
    else if (inflated == CRQ_ECODEC) /* stored as it is: RQ reads it too */
        rc = crq_deserialize(data, len, &p.tuple, &p.serializer, err);
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
