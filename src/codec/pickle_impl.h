/*
 * pickle_impl.h - the machine that runs a pickle, for the pickle_*.c files.
 *
 * A pickle is a program for a stack machine. pickle_read.c holds the machine,
 * pickle_ops.c its instructions, pickle_text.c the texts of protocol 0,
 * pickle_objects.c classes and objects, and pickle_globals.c the list of those
 * that are known.
 */
#ifndef CRQ_CODEC_PICKLE_IMPL_H
#define CRQ_CODEC_PICKLE_IMPL_H

#include "codec/pickle.h"

#define CRQ_PICKLE_PROTOCOL 5

struct crq_unpickler;

/*
 * A class or function that may stand in a pickle. Nothing is called: `reduce`
 * makes the value that calling it would have given, `build` the value of an
 * object that is made empty first and gets its attributes later. Either may be
 * NULL.
 */
struct crq_pickle_global {
    const char *module, *name;
    int (*reduce)(struct crq_unpickler *r, const crq_value *args,
            crq_value **out);
    int (*build)(struct crq_unpickler *r, const crq_value *state,
            crq_value **out);
};

/*
 * On the stack a class, or an object that waits for its attributes, is a
 * value that nobody else makes, known by its address. It is a bytearray since
 * that can't be a key. When everything but the result is gone, a token that
 * is still referred to sits inside the result: then the pickle is refused.
 */
struct crq_pickle_token {
    crq_value *v;
    const struct crq_pickle_global *global;
    bool unbuilt; /* an object; else the class itself */
    size_t memo;  /* of an object: its memo entry + 1, or 0 */
};

#define CRQ_PICKLE_TOKENS 128 /* classes, and objects within objects */

struct crq_unpickler {
    const uint8_t *bytes;
    size_t len, at; /* the next byte to read */
    size_t op;      /* the offset of the opcode at work */
    struct crq_limits limits;
    size_t items, made_bytes; /* so far, against the limits */
    crq_value **stack;
    size_t count, cap;
    size_t *marks; /* the height of the stack at each MARK */
    size_t mark_count, mark_cap;
    crq_value **memo; /* NULL where nothing was put */
    size_t memo_count, memo_cap;
    /* A list of all containers that can still be changed: a cycle goes
     * through one of them, and emptying them breaks it. */
    crq_value *made;
    struct crq_pickle_token tokens[CRQ_PICKLE_TOKENS];
    size_t token_count;
    bool stopped;
    crq_error *err;
};

struct crq_pickle_op {
    const char *name;
    int (*run)(struct crq_unpickler *r, const struct crq_pickle_op *op);
    uint8_t arg;  /* the bytes of its number, or what `run` makes of it */
    uint8_t type; /* crq_type of what it makes */
    int (*parse)(struct crq_unpickler *r, const char *line, size_t len,
            crq_value **out);
};

/* pickle_ops.c */
extern const struct crq_pickle_op crq_pickle_ops[256];

/* pickle_read.c: all return 0 or a code with r->err filled. */

/** Fail with "offset N: " in front, N being that of the opcode. */
int crq_unpickle_fail(struct crq_unpickler *r, int code, const char *format,
        ...) CRQ_PRINTF(3, 4);
/** Fail with what a constructor said of data that it did not take. */
int crq_unpickle_refused(struct crq_unpickler *r, int rc, const crq_error *why);
/** CRQ_ENOMEM when v is NULL, else 0. */
int crq_unpickle_made(struct crq_unpickler *r, const crq_value *v);
/** Count values, or bytes of text, against the limits. */
int crq_unpickle_count(struct crq_unpickler *r, size_t items);
int crq_unpickle_count_bytes(struct crq_unpickler *r, size_t bytes);
/** Push; v is taken over in every case. NULL means that memory is out. */
int crq_unpickle_push(struct crq_unpickler *r, crq_value *v);
/** Pop into *out, which the caller then owns. */
int crq_unpickle_pop(struct crq_unpickler *r, crq_value **out);
/** The top, borrowed; NULL, with r->err filled, when there is none. */
crq_value *crq_unpickle_top(struct crq_unpickler *r);
int crq_unpickle_mark(struct crq_unpickler *r);
/** The height of the stack at the last MARK, which is removed. */
int crq_unpickle_pop_mark(struct crq_unpickler *r, size_t *out);
/** Remember the top under an index, push what is remembered. */
int crq_unpickle_put(struct crq_unpickler *r, size_t index);
int crq_unpickle_get(struct crq_unpickler *r, size_t index);
/** Note a container that can be changed later. */
int crq_unpickle_note(struct crq_unpickler *r, crq_value *container);
/** Add to a container; key and val are taken over. */
int crq_unpickle_add(struct crq_unpickler *r, crq_value *v, crq_value *item);
int crq_unpickle_pair(struct crq_unpickler *r, crq_value *dict, crq_value *key,
        crq_value *val);

/* pickle_text.c: the value of a line, and of Python 2's 8-bit strings. */
int crq_unpickle_int_line(struct crq_unpickler *r, const char *line, size_t len,
        crq_value **out);
int crq_unpickle_long_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out);
int crq_unpickle_float_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out);
int crq_unpickle_string_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out);
int crq_unpickle_unicode_line(struct crq_unpickler *r, const char *line,
        size_t len, crq_value **out);
int crq_unpickle_8bit(struct crq_unpickler *r, const char *bytes, size_t len,
        crq_value **out);
/** A str, bytes or bytearray; what isn't UTF-8 is CRQ_ECODEC. */
int crq_unpickle_data(struct crq_unpickler *r, crq_type type, const char *bytes,
        size_t len, crq_value **out);

/* pickle_globals.c */

/** The row of a class or function by its name in Python 3, or NULL. */
const struct crq_pickle_global *crq_pickle_find_global(const char *module,
        const char *name);

/* pickle_objects.c */

/** Fail with "wrong arguments of ...". */
int crq_unpickle_wrong_args(struct crq_unpickler *r, const char *what);
/** The token of a class or function, a new reference. */
int crq_unpickle_global(struct crq_unpickler *r, const char *module,
        size_t module_len, const char *name, size_t name_len, crq_value **out);
/** What calling `callable` with a tuple of arguments would give. */
int crq_unpickle_reduce(struct crq_unpickler *r, const crq_value *callable,
        const crq_value *args, crq_value **out);
/** The same for a class, which may get its attributes later. */
int crq_unpickle_object(struct crq_unpickler *r, const crq_value *class,
        const crq_value *args, crq_value **out);
/** Give the object on top of the stack its attributes. */
int crq_unpickle_build(struct crq_unpickler *r, const crq_value *state);
/* copyreg.__newobj__ and copyreg._reconstructor, rows of the table. */
int crq_unpickle_newobj(struct crq_unpickler *r, const crq_value *args,
        crq_value **out);
int crq_unpickle_reconstruct(struct crq_unpickler *r, const crq_value *args,
        crq_value **out);
/** The token that `v` is, or NULL. */
struct crq_pickle_token *crq_unpickle_token(struct crq_unpickler *r,
        const crq_value *v);
/** The end: refuse a class or an unfinished object inside the result. */
int crq_unpickle_drop_tokens(struct crq_unpickler *r);

#endif
