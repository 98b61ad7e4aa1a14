/* funcargs.c - RQ's syntax for arguments on the command line. */
#include "app/funcargs.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/literal.h"
#include "codec/value.h"

enum mode { TEXT, JSON, LITERAL };

struct argument {
    enum mode mode;
    size_t key_len; /* 0: positional */
    const char *value;
};

/* Which form it is. The first '=' tells a keyword; what stands right before it
 * tells how to read the value, when that is the first of its kind. */
static struct argument dissect(const char *arg)
{
    const char *equals = strchr(arg, '=');
    size_t at = equals != NULL ? (size_t)(equals - arg) : 0;

    if (arg[0] == ':')
        return (struct argument){ JSON, 0, arg + 1 };
    if (arg[0] == '%')
        return (struct argument){ LITERAL, 0, arg + 1 };
    if (at == 0) /* none, or "=text", which is positional */
        return (struct argument){ TEXT, 0, arg };
    if (strcspn(arg, ":") + 1 == at)
        return (struct argument){ JSON, at - 1, equals + 1 };
    if (strcspn(arg, "%") + 1 == at)
        return (struct argument){ LITERAL, at - 1, equals + 1 };
    return (struct argument){ TEXT, at, equals + 1 };
}

static int decode(enum mode mode, const char *text, size_t len, crq_value **out,
        crq_error *err)
{
    switch (mode) {
    case JSON: return crq_json_decode(text, len, NULL, out, err);
    case LITERAL: return crq_literal_decode(text, len, NULL, out, err);
    default: return crq_value_new_str(text, len, out, err);
    }
}

static int read_value(const struct argument *a, crq_value **out, crq_error *err)
{
    struct crq_buf file;
    int rc;

    if (a->value[0] != '@')
        return decode(a->mode, a->value, strlen(a->value), out, err);
    crq_buf_init(&file, CRQ_MAX_BYTES);
    rc = crq_file_read(a->value + 1, &file, err);
    if (rc == 0)
        rc = decode(a->mode, crq_buf_text(&file), file.len, out, err);
    crq_buf_fini(&file);
    return rc;
}

static int put(const struct argument *a, const char *arg, crq_value *value,
        crq_value *args, crq_value *kwargs, crq_error *err)
{
    crq_value *key;
    int rc;

    if (a->key_len == 0) {
        rc = crq_value_add(args, value);
        return rc < 0 ? crq_fail(err, rc, "%s", crq_error_summary(rc)) : 0;
    }
    rc = crq_value_new_str(arg, a->key_len, &key, err);
    if (rc < 0) {
        crq_value_free(value);
        return rc;
    }
    if (crq_value_find(kwargs, key) != NULL) {
        crq_value_free(key);
        crq_value_free(value);
        return crq_fail(err, CRQ_EINVAL, "'%.*s' is given twice",
                (int)a->key_len, arg);
    }
    rc = crq_value_put(kwargs, key, value);
    return rc < 0 ? crq_fail(err, rc, "%s", crq_error_summary(rc)) : 0;
}

int crq_funcargs(int argc, char **argv, crq_value **out_args,
        crq_value **out_kwargs, crq_error *err)
{
    static const char *const kinds[] = { "text", "JSON", "a Python literal" };
    crq_value *args = crq_value_new_list(), *kwargs = crq_value_new_dict();
    int rc = args != NULL && kwargs != NULL ? 0 : crq_fail_nomem(err);

    for (int i = 0; i < argc && rc == 0; i++) {
        struct argument a = dissect(argv[i]);
        crq_value *value = NULL;

        rc = read_value(&a, &value, err);
        if (rc < 0 && rc != CRQ_ENOMEM)
            rc = crq_fail_in(err, rc == CRQ_EIO ? CRQ_EIO : CRQ_EINVAL,
                    "argument %d '%.60s', read as %s", i + 1, argv[i],
                    kinds[a.mode]);
        if (rc == 0)
            rc = put(&a, argv[i], value, args, kwargs, err);
    }
    if (rc < 0) {
        crq_value_free(args);
        crq_value_free(kwargs);
        return rc;
    }
    *out_args = args;
    *out_kwargs = kwargs;
    return 0;
}
