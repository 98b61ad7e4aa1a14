/*
 * pickle_ops.c - the opcodes of a pickle, one row each.
 *
 * The names are those of Python's pickletools. What differs between opcodes
 * only in the width of a number or the type made stands in the row.
 */
#include "codec/pickle_impl.h"

#include <string.h>

#include "base/mem.h"

typedef struct crq_unpickler reader;
typedef struct crq_pickle_op op_row;

/* ---- reading the argument ---- */

static int take(reader *r, uint64_t len, const char **out)
{
    if (len > r->len - r->at)
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "%llu bytes are promised, %zu are left",
                (unsigned long long)len, r->len - r->at);
    *out = (const char *)r->bytes + r->at;
    r->at += (size_t)len;
    return 0;
}

/* An unsigned number, least significant byte first. */
static int take_uint(reader *r, size_t width, uint64_t *out)
{
    const char *bytes = NULL;
    uint64_t n = 0;
    int rc = take(r, width, &bytes);

    if (rc < 0)
        return rc;
    for (size_t i = width; i > 0; i--)
        n = n << 8 | (uint8_t)bytes[i - 1];
    *out = n;
    return 0;
}

static int take_line(reader *r, const char **out, size_t *out_len)
{
    const char *text = (const char *)r->bytes + r->at;
    const char *end = memchr(text, '\n', r->len - r->at);

    if (end == NULL)
        return crq_unpickle_fail(r, CRQ_ECODEC, "a line without an end");
    *out = text;
    *out_len = (size_t)(end - text);
    r->at += *out_len + 1;
    return 0;
}

/* Memo indexes of protocol 0. */
static int take_decimal(reader *r, size_t *out)
{
    const char *line = "";
    size_t len = 0, n = 0;
    int rc = take_line(r, &line, &len);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++) {
        if (line[i] < '0' || line[i] > '9' || len > 10)
            return crq_unpickle_fail(r, CRQ_ECODEC,
                    "'%.*s' is no number of a memo entry",
                    len > 40 ? 40 : (int)len, line);
        n = n * 10 + (size_t)(line[i] - '0');
    }
    if (len == 0)
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "a memo entry without a number");
    *out = n;
    return 0;
}

/* ---- plain values ---- */

static int run_none(reader *r, const op_row *op)
{
    (void)op;
    return crq_unpickle_push(r, crq_value_new_none());
}

static int run_bool(reader *r, const op_row *op)
{
    return crq_unpickle_push(r, crq_value_new_bool(op->arg != 0));
}

static int run_uint(reader *r, const op_row *op)
{
    uint64_t n;
    int rc = take_uint(r, op->arg, &n);

    return rc < 0 ? rc : crq_unpickle_push(r, crq_value_new_int((int64_t)n));
}

static int run_int(reader *r, const op_row *op)
{
    uint64_t n;
    int rc = take_uint(r, op->arg, &n);

    if (rc < 0)
        return rc;
    return crq_unpickle_push(r, crq_value_new_int((int32_t)(uint32_t)n));
}

static int run_long(reader *r, const op_row *op)
{
    const char *bytes = NULL;
    uint64_t len = 0;
    int rc = take_uint(r, op->arg, &len);

    if (rc == 0)
        rc = take(r, len, &bytes);
    if (rc == 0)
        rc = crq_unpickle_count_bytes(r, (size_t)len);
    if (rc < 0)
        return rc;
    return crq_unpickle_push(r,
            crq_value_new_int_bytes((const uint8_t *)bytes, (size_t)len));
}

static int run_float(reader *r, const op_row *op)
{
    const char *bytes = NULL;
    uint64_t bits = 0;
    double d;
    int rc = take(r, sizeof(bits), &bytes);

    (void)op;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(bits); i++) /* the one big-endian number */
        bits = bits << 8 | (uint8_t)bytes[i];
    memcpy(&d, &bits, sizeof(d));
    return crq_unpickle_push(r, crq_value_new_float(d));
}

static int run_data(reader *r, const op_row *op)
{
    const char *bytes = NULL;
    crq_value *v = NULL;
    uint64_t len = 0;
    int rc = take_uint(r, op->arg, &len);

    if (rc == 0)
        rc = take(r, len, &bytes);
    if (rc == 0)
        rc = crq_unpickle_data(r, (crq_type)op->type, bytes, (size_t)len, &v);
    return rc < 0 ? rc : crq_unpickle_push(r, v);
}

static int run_8bit(reader *r, const op_row *op)
{
    const char *bytes = NULL;
    crq_value *v = NULL;
    uint64_t len = 0;
    int rc = take_uint(r, op->arg, &len);

    if (rc == 0)
        rc = take(r, len, &bytes);
    if (rc == 0)
        rc = crq_unpickle_8bit(r, bytes, (size_t)len, &v);
    return rc < 0 ? rc : crq_unpickle_push(r, v);
}

static int run_line(reader *r, const op_row *op)
{
    const char *line = NULL;
    crq_value *v = NULL;
    size_t len = 0;
    int rc = take_line(r, &line, &len);

    if (rc == 0)
        rc = op->parse(r, line, len, &v);
    return rc < 0 ? rc : crq_unpickle_push(r, v);
}

/* ---- containers ---- */

/* Push a new container; those that can be changed later are noted. */
static crq_value *push_new(reader *r, crq_type type, int *rc)
{
    crq_value *v = type == CRQ_LIST ? crq_value_new_list()
            : type == CRQ_TUPLE     ? crq_value_new_tuple()
            : type == CRQ_DICT      ? crq_value_new_dict()
            : type == CRQ_SET       ? crq_value_new_set()
                                    : crq_value_new_frozenset();

    *rc = crq_unpickle_push(r, v);
    if (*rc == 0 && type != CRQ_TUPLE && type != CRQ_FROZENSET)
        *rc = crq_unpickle_note(r, v);
    return *rc < 0 ? NULL : v;
}

static int run_empty(reader *r, const op_row *op)
{
    int rc;

    push_new(r, (crq_type)op->type, &rc);
    return rc;
}

/* Move what stands at start and above into v. On failure the rest stays on
 * the stack, which whoever cleans up frees. */
static int fill(reader *r, crq_value *v, size_t start, size_t end)
{
    bool pairs = crq_value_type(v) == CRQ_DICT;

    if (pairs && (end - start) % 2 != 0)
        return crq_unpickle_fail(r, CRQ_ECODEC, "a key without a value");
    for (size_t i = start; i < end; i++) {
        crq_value *first = r->stack[i], *second;
        int rc;

        r->stack[i] = NULL;
        if (pairs) {
            second = r->stack[++i];
            r->stack[i] = NULL;
            rc = crq_unpickle_pair(r, v, first, second);
        } else
            rc = crq_unpickle_add(r, v, first);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Make a container of the stack from `start` on, and leave it there. */
static int gather(reader *r, crq_type type, size_t start)
{
    size_t end = r->count;
    int rc;
    crq_value *v = push_new(r, type, &rc);

    if (v == NULL)
        return rc;
    rc = fill(r, v, start, end);
    if (rc < 0)
        return rc;
    r->count = start;
    r->stack[r->count++] = v;
    return 0;
}

static int run_gather(reader *r, const op_row *op)
{
    size_t start;
    int rc = crq_unpickle_pop_mark(r, &start);

    return rc < 0 ? rc : gather(r, (crq_type)op->type, start);
}

static int run_tuple(reader *r, const op_row *op)
{
    size_t low = r->mark_count > 0 ? r->marks[r->mark_count - 1] : 0;

    if (r->count - low < op->arg)
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "%d items are needed, %zu are on the stack", op->arg,
                r->count - low);
    return gather(r, CRQ_TUPLE, r->count - op->arg);
}

/* Add what stands above `start` to the container below it. */
static int extend(reader *r, const op_row *op, size_t start)
{
    size_t low = r->mark_count > 0 ? r->marks[r->mark_count - 1] : 0;
    crq_value *v;
    int rc;

    if (start <= low)
        return crq_unpickle_fail(r, CRQ_ECODEC, "nothing on the stack");
    v = r->stack[start - 1];
    if (crq_value_type(v) != (crq_type)op->type)
        return crq_unpickle_fail(r, CRQ_ECODEC, "%s on a %s", op->name,
                crq_type_name(crq_value_type(v)));
    rc = fill(r, v, start, r->count);
    if (rc == 0)
        r->count = start;
    return rc;
}

static int run_extend_mark(reader *r, const op_row *op)
{
    size_t start;
    int rc = crq_unpickle_pop_mark(r, &start);

    return rc < 0 ? rc : extend(r, op, start);
}

/* APPEND takes one from the top, SETITEM two. */
static int run_extend(reader *r, const op_row *op)
{
    if (r->count < op->arg)
        return crq_unpickle_fail(r, CRQ_ECODEC, "nothing on the stack");
    return extend(r, op, r->count - op->arg);
}

/* ---- stack and memo ---- */

static int run_mark(reader *r, const op_row *op)
{
    (void)op;
    return crq_unpickle_mark(r);
}

static void drop_to(reader *r, size_t height)
{
    while (r->count > height)
        crq_value_free(r->stack[--r->count]);
}

static int run_pop_mark(reader *r, const op_row *op)
{
    size_t start;
    int rc = crq_unpickle_pop_mark(r, &start);

    (void)op;
    if (rc == 0)
        drop_to(r, start);
    return rc;
}

static int run_pop(reader *r, const op_row *op)
{
    crq_value *v;
    int rc;

    if (r->mark_count > 0 && r->marks[r->mark_count - 1] == r->count)
        return run_pop_mark(r, op);
    rc = crq_unpickle_pop(r, &v);
    if (rc == 0)
        crq_value_free(v);
    return rc;
}

static int run_dup(reader *r, const op_row *op)
{
    crq_value *top = crq_unpickle_top(r);

    (void)op;
    return top != NULL ? crq_unpickle_push(r, crq_value_ref(top)) : CRQ_ECODEC;
}

static int take_index(reader *r, const op_row *op, size_t *out)
{
    uint64_t n;
    int rc;

    if (op->arg == 0)
        return take_decimal(r, out);
    rc = take_uint(r, op->arg, &n);
    if (rc == 0)
        *out = (size_t)n;
    return rc;
}

static int run_put(reader *r, const op_row *op)
{
    size_t index;
    int rc = take_index(r, op, &index);

    return rc < 0 ? rc : crq_unpickle_put(r, index);
}

static int run_get(reader *r, const op_row *op)
{
    size_t index;
    int rc = take_index(r, op, &index);

    return rc < 0 ? rc : crq_unpickle_get(r, index);
}

static int run_memoize(reader *r, const op_row *op)
{
    (void)op;
    return crq_unpickle_put(r, r->memo_count);
}

/* ---- classes, functions, objects ---- */

static int take_global(reader *r, crq_value **out)
{
    const char *module = NULL, *name = NULL;
    size_t module_len = 0, name_len = 0;
    int rc = take_line(r, &module, &module_len);

    if (rc == 0)
        rc = take_line(r, &name, &name_len);
    if (rc == 0)
        rc = crq_unpickle_global(r, module, module_len, name, name_len, out);
    return rc;
}

static int run_global(reader *r, const op_row *op)
{
    crq_value *token = NULL;
    int rc = take_global(r, &token);

    (void)op;
    return rc < 0 ? rc : crq_unpickle_push(r, token);
}

static int run_stack_global(reader *r, const op_row *op)
{
    crq_value *module = NULL, *name = NULL, *token = NULL;
    const char *module_text, *name_text;
    size_t module_len = 0, name_len = 0;
    int rc = crq_unpickle_pop(r, &name);

    (void)op;
    if (rc == 0)
        rc = crq_unpickle_pop(r, &module);
    if (rc < 0)
        goto out;
    if (crq_value_type(module) != CRQ_STR || crq_value_type(name) != CRQ_STR) {
        rc = crq_unpickle_fail(r, CRQ_ECODEC, "a name that is no str");
        goto out;
    }
    module_text = crq_value_data(module, &module_len);
    name_text = crq_value_data(name, &name_len);
    rc = crq_unpickle_global(r, module_text, module_len, name_text, name_len,
            &token);
    if (rc == 0)
        rc = crq_unpickle_push(r, token);
out:
    crq_value_free(module);
    crq_value_free(name);
    return rc;
}

/* REDUCE, NEWOBJ and NEWOBJ_EX: a callable, its arguments (a tuple) and, in
 * NEWOBJ_EX, keyword arguments, which no known class has. */
static int run_call(reader *r, const op_row *op)
{
    crq_value *callable = NULL, *args = NULL, *kwargs = NULL, *v = NULL;
    bool plain = true;
    int rc = 0;

    if (op->arg == 3)
        rc = crq_unpickle_pop(r, &kwargs);
    if (rc == 0)
        rc = crq_unpickle_pop(r, &args);
    if (rc == 0)
        rc = crq_unpickle_pop(r, &callable);
    if (rc < 0)
        goto out;
    if (kwargs != NULL)
        plain = crq_value_type(kwargs) == CRQ_DICT &&
                crq_value_count(kwargs) == 0;
    if (crq_value_type(args) != CRQ_TUPLE || !plain)
        rc = crq_unpickle_fail(r, CRQ_ECODEC,
                "%s with arguments that are no tuple", op->name);
    else if (op->arg == 1)
        rc = crq_unpickle_reduce(r, callable, args, &v);
    else
        rc = crq_unpickle_object(r, callable, args, &v);
    if (rc == 0)
        rc = crq_unpickle_push(r, v);
out:
    crq_value_free(callable);
    crq_value_free(args);
    crq_value_free(kwargs);
    return rc;
}

/* INST has the class in two lines, OBJ below the arguments: MARK class ... */
static int run_instance(reader *r, const op_row *op)
{
    crq_value *class = NULL, *args = NULL, *v = NULL;
    size_t start = 0;
    int rc = op->arg == 0 ? take_global(r, &class) : 0;

    if (rc == 0)
        rc = crq_unpickle_pop_mark(r, &start);
    if (rc == 0 && op->arg == 1 && start == r->count)
        rc = crq_unpickle_fail(r, CRQ_ECODEC, "OBJ without a class");
    if (rc == 0)
        rc = gather(r, CRQ_TUPLE, start + op->arg);
    if (rc == 0)
        rc = crq_unpickle_pop(r, &args);
    if (rc == 0 && op->arg == 1)
        rc = crq_unpickle_pop(r, &class);
    if (rc == 0)
        rc = crq_unpickle_object(r, class, args, &v);
    if (rc == 0)
        rc = crq_unpickle_push(r, v);
    crq_value_free(class);
    crq_value_free(args);
    return rc;
}

static int run_build(reader *r, const op_row *op)
{
    crq_value *state;
    int rc = crq_unpickle_pop(r, &state);

    (void)op;
    if (rc < 0)
        return rc;
    rc = crq_unpickle_build(r, state);
    crq_value_free(state);
    return rc;
}

static int run_refuse(reader *r, const op_row *op)
{
    return crq_unpickle_fail(r, CRQ_EUNSUPPORTED,
            "%s refers to something outside of the pickle", op->name);
}

/* ---- the frame around it all ---- */

static int run_proto(reader *r, const op_row *op)
{
    uint64_t n;
    int rc = take_uint(r, op->arg, &n);

    if (rc == 0 && n > CRQ_PICKLE_PROTOCOL)
        rc = crq_unpickle_fail(r, CRQ_EUNSUPPORTED,
                "a pickle of protocol %d; %d is the latest known", (int)n,
                CRQ_PICKLE_PROTOCOL);
    return rc;
}

static int run_frame(reader *r, const op_row *op)
{
    const char *bytes = NULL;
    uint64_t len = 0;
    int rc = take_uint(r, op->arg, &len);

    if (rc == 0)
        rc = take(r, len, &bytes);
    if (rc == 0)
        r->at -= (size_t)len;
    return rc;
}

static int run_stop(reader *r, const op_row *op)
{
    (void)op;
    r->stopped = true;
    return 0;
}

const struct crq_pickle_op crq_pickle_ops[256] = {
    ['('] = { "MARK", run_mark, 0, 0, NULL },
    [')'] = { "EMPTY_TUPLE", run_empty, 0, CRQ_TUPLE, NULL },
    ['.'] = { "STOP", run_stop, 0, 0, NULL },
    ['0'] = { "POP", run_pop, 0, 0, NULL },
    ['1'] = { "POP_MARK", run_pop_mark, 0, 0, NULL },
    ['2'] = { "DUP", run_dup, 0, 0, NULL },
    ['B'] = { "BINBYTES", run_data, 4, CRQ_BYTES, NULL },
    ['C'] = { "SHORT_BINBYTES", run_data, 1, CRQ_BYTES, NULL },
    ['F'] = { "FLOAT", run_line, 0, 0, crq_unpickle_float_line },
    ['G'] = { "BINFLOAT", run_float, 0, 0, NULL },
    ['I'] = { "INT", run_line, 0, 0, crq_unpickle_int_line },
    ['J'] = { "BININT", run_int, 4, 0, NULL },
    ['K'] = { "BININT1", run_uint, 1, 0, NULL },
    ['L'] = { "LONG", run_line, 0, 0, crq_unpickle_long_line },
    ['M'] = { "BININT2", run_uint, 2, 0, NULL },
    ['N'] = { "NONE", run_none, 0, 0, NULL },
    ['P'] = { "PERSID", run_refuse, 0, 0, NULL },
    ['Q'] = { "BINPERSID", run_refuse, 0, 0, NULL },
    ['R'] = { "REDUCE", run_call, 1, 0, NULL },
    ['S'] = { "STRING", run_line, 0, 0, crq_unpickle_string_line },
    ['T'] = { "BINSTRING", run_8bit, 4, 0, NULL },
    ['U'] = { "SHORT_BINSTRING", run_8bit, 1, 0, NULL },
    ['V'] = { "UNICODE", run_line, 0, 0, crq_unpickle_unicode_line },
    ['X'] = { "BINUNICODE", run_data, 4, CRQ_STR, NULL },
    [']'] = { "EMPTY_LIST", run_empty, 0, CRQ_LIST, NULL },
    ['a'] = { "APPEND", run_extend, 1, CRQ_LIST, NULL },
    ['b'] = { "BUILD", run_build, 0, 0, NULL },
    ['c'] = { "GLOBAL", run_global, 0, 0, NULL },
    ['d'] = { "DICT", run_gather, 0, CRQ_DICT, NULL },
    ['e'] = { "APPENDS", run_extend_mark, 0, CRQ_LIST, NULL },
    ['g'] = { "GET", run_get, 0, 0, NULL },
    ['h'] = { "BINGET", run_get, 1, 0, NULL },
    ['i'] = { "INST", run_instance, 0, 0, NULL },
    ['j'] = { "LONG_BINGET", run_get, 4, 0, NULL },
    ['l'] = { "LIST", run_gather, 0, CRQ_LIST, NULL },
    ['o'] = { "OBJ", run_instance, 1, 0, NULL },
    ['p'] = { "PUT", run_put, 0, 0, NULL },
    ['q'] = { "BINPUT", run_put, 1, 0, NULL },
    ['r'] = { "LONG_BINPUT", run_put, 4, 0, NULL },
    ['s'] = { "SETITEM", run_extend, 2, CRQ_DICT, NULL },
    ['t'] = { "TUPLE", run_gather, 0, CRQ_TUPLE, NULL },
    ['u'] = { "SETITEMS", run_extend_mark, 0, CRQ_DICT, NULL },
    ['}'] = { "EMPTY_DICT", run_empty, 0, CRQ_DICT, NULL },
    /* protocol 2 */
    [0x80] = { "PROTO", run_proto, 1, 0, NULL },
    [0x81] = { "NEWOBJ", run_call, 2, 0, NULL },
    [0x82] = { "EXT1", run_refuse, 0, 0, NULL },
    [0x83] = { "EXT2", run_refuse, 0, 0, NULL },
    [0x84] = { "EXT4", run_refuse, 0, 0, NULL },
    [0x85] = { "TUPLE1", run_tuple, 1, 0, NULL },
    [0x86] = { "TUPLE2", run_tuple, 2, 0, NULL },
    [0x87] = { "TUPLE3", run_tuple, 3, 0, NULL },
    [0x88] = { "NEWTRUE", run_bool, 1, 0, NULL },
    [0x89] = { "NEWFALSE", run_bool, 0, 0, NULL },
    [0x8a] = { "LONG1", run_long, 1, 0, NULL },
    [0x8b] = { "LONG4", run_long, 4, 0, NULL },
    /* protocol 4 */
    [0x8c] = { "SHORT_BINUNICODE", run_data, 1, CRQ_STR, NULL },
    [0x8d] = { "BINUNICODE8", run_data, 8, CRQ_STR, NULL },
    [0x8e] = { "BINBYTES8", run_data, 8, CRQ_BYTES, NULL },
    [0x8f] = { "EMPTY_SET", run_empty, 0, CRQ_SET, NULL },
    [0x90] = { "ADDITEMS", run_extend_mark, 0, CRQ_SET, NULL },
    [0x91] = { "FROZENSET", run_gather, 0, CRQ_FROZENSET, NULL },
    [0x92] = { "NEWOBJ_EX", run_call, 3, 0, NULL },
    [0x93] = { "STACK_GLOBAL", run_stack_global, 0, 0, NULL },
    [0x94] = { "MEMOIZE", run_memoize, 0, 0, NULL },
    [0x95] = { "FRAME", run_frame, 8, 0, NULL },
    /* protocol 5 */
    [0x96] = { "BYTEARRAY8", run_data, 8, CRQ_BYTEARRAY, NULL },
    [0x97] = { "NEXT_BUFFER", run_refuse, 0, 0, NULL },
    [0x98] = { "READONLY_BUFFER", run_refuse, 0, 0, NULL },
};
