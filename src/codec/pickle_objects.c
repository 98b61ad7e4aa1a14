/*
 * pickle_objects.c - classes, functions and objects on the stack of a pickle.
 *
 * Names are looked up in the table of pickle_globals.c. What a class or an
 * object without its attributes is on the stack, says struct crq_pickle_token.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/pickle_impl.h"

typedef struct crq_unpickler reader;

int crq_unpickle_wrong_args(reader *r, const char *what)
{
    return crq_unpickle_fail(r, CRQ_ECODEC, "wrong arguments of %s", what);
}

/* Names of Python 2, and of Python 3 when it writes for Python 2 or without
 * its modules in C. */
static const struct {
    const char *module, *name; /* NULL: every name */
    const char *new_module, *new_name;
} renamed[] = {
    { "__builtin__", "long", "builtins", "int" },
    { "__builtin__", "unicode", "builtins", "str" },
    { "__builtin__", NULL, "builtins", NULL },
    { "_pydatetime", NULL, "datetime", NULL },
    { "_pydecimal", NULL, "decimal", NULL },
    { "copy_reg", NULL, "copyreg", NULL },
};

/* ---- tokens ---- */

struct crq_pickle_token *crq_unpickle_token(reader *r, const crq_value *v)
{
    if (crq_value_type(v) != CRQ_BYTEARRAY)
        return NULL;
    for (size_t i = 0; i < r->token_count; i++)
        if (r->tokens[i].v == v)
            return &r->tokens[i];
    return NULL;
}

static int new_token(reader *r, const struct crq_pickle_global *global,
        bool unbuilt, crq_value **out)
{
    struct crq_pickle_token *token = &r->tokens[r->token_count];

    if (r->token_count == CRQ_PICKLE_TOKENS)
        return crq_unpickle_fail(r, CRQ_ELIMIT, "too many unfinished objects");
    token->v = crq_value_new_bytearray("", 0);
    token->global = global;
    token->unbuilt = unbuilt;
    token->memo = 0;
    if (token->v == NULL)
        return crq_fail_nomem(r->err);
    r->token_count++;
    *out = crq_value_ref(token->v);
    return 0;
}

static int utc(reader *r, crq_value **out)
{
    crq_error why;
    int rc = crq_value_new_timezone(&(crq_tz){ 0, 0, NULL }, out, &why);

    return rc < 0 ? crq_unpickle_refused(r, rc, &why) : 0;
}

/* "module.name", cut to what fits into a message. */
static int refuse(reader *r, int code, const char *module, const char *name,
        const char *why)
{
    return crq_unpickle_fail(r, code, "the class or function '%s.%s' %s",
            module, name, why);
}

#define NAME_MAX_LEN 150

int crq_unpickle_global(reader *r, const char *module, size_t module_len,
        const char *name, size_t name_len, crq_value **out)
{
    const struct crq_pickle_global *global = NULL;
    char m[NAME_MAX_LEN + 1], n[NAME_MAX_LEN + 1];
    const char *new_module = m, *new_name = n;

    snprintf(m, sizeof(m), "%.*s",
            (int)(module_len < NAME_MAX_LEN ? module_len : NAME_MAX_LEN),
            module);
    snprintf(n, sizeof(n), "%.*s",
            (int)(name_len < NAME_MAX_LEN ? name_len : NAME_MAX_LEN), name);
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
        if (strcmp(renamed[i].module, m) == 0 &&
                (renamed[i].name == NULL || strcmp(renamed[i].name, n) == 0)) {
            new_module = renamed[i].new_module;
            new_name = renamed[i].name != NULL ? renamed[i].new_name : n;
            break;
        }
    /* The one constant that is known by a name. */
    if (strcmp(m, "datetime") == 0 && strcmp(n, "timezone.utc") == 0)
        return utc(r, out);
    global = crq_pickle_find_global(new_module, new_name);
    if (global == NULL || strlen(m) != module_len || strlen(n) != name_len)
        return refuse(r, CRQ_EUNSUPPORTED, m, n,
                "is not one of the plain values that crq takes");
    for (size_t i = 0; i < r->token_count; i++)
        if (r->tokens[i].global == global && !r->tokens[i].unbuilt) {
            *out = crq_value_ref(r->tokens[i].v);
            return 0;
        }
    return new_token(r, global, false, out);
}

/* What stands where a class or function is needed. */
static int find_class(reader *r, const crq_value *callable,
        const struct crq_pickle_global **out)
{
    const struct crq_pickle_token *token = crq_unpickle_token(r, callable);

    if (token == NULL || token->unbuilt)
        return crq_unpickle_fail(r, CRQ_ECODEC,
                "a %s where a class or function is needed",
                crq_type_name(crq_value_type(callable)));
    *out = token->global;
    return 0;
}

int crq_unpickle_reduce(reader *r, const crq_value *callable,
        const crq_value *args, crq_value **out)
{
    const struct crq_pickle_global *global = NULL;
    int rc = find_class(r, callable, &global);

    if (rc < 0)
        return rc;
    if (global->reduce == NULL)
        return refuse(r, CRQ_EUNSUPPORTED, global->module, global->name,
                "is called, but its result is not known");
    return global->reduce(r, args, out);
}

int crq_unpickle_object(reader *r, const crq_value *class,
        const crq_value *args, crq_value **out)
{
    const struct crq_pickle_global *global = NULL;
    int rc = find_class(r, class, &global);

    if (rc < 0)
        return rc;
    if (global->build != NULL && crq_value_count(args) == 0)
        return new_token(r, global, true, out);
    return crq_unpickle_reduce(r, class, args, out);
}

/* ---- copyreg, which does the same in protocols 0 and 1 ---- */

/* __newobj__(class, ...) is what NEWOBJ does. */
int crq_unpickle_newobj(reader *r, const crq_value *args, crq_value **out)
{
    crq_value *rest;
    int rc;

    if (crq_value_count(args) == 0)
        return crq_unpickle_wrong_args(r, "copyreg.__newobj__");
    rest = crq_value_new_tuple();
    rc = crq_unpickle_made(r, rest);
    if (rc == 0)
        rc = crq_unpickle_count(r, crq_value_count(args));
    for (size_t i = 1; i < crq_value_count(args) && rc == 0; i++)
        rc = crq_unpickle_add(r, rest, crq_value_ref(crq_value_item(args, i)));
    if (rc == 0)
        rc = crq_unpickle_object(r, crq_value_item(args, 0), rest, out);
    crq_value_free(rest);
    return rc;
}

/* _reconstructor(class, object, None): NEWOBJ of protocols 0 and 1 */
int crq_unpickle_reconstruct(reader *r, const crq_value *args, crq_value **out)
{
    const struct crq_pickle_global *class = NULL, *base = NULL;
    int rc;

    if (crq_value_count(args) != 3 ||
            crq_value_type(crq_value_item(args, 2)) != CRQ_NONE)
        return crq_unpickle_wrong_args(r, "copyreg._reconstructor");
    rc = find_class(r, crq_value_item(args, 0), &class);
    if (rc == 0)
        rc = find_class(r, crq_value_item(args, 1), &base);
    if (rc < 0)
        return rc;
    if (class->build == NULL || base->reduce != NULL)
        return crq_unpickle_wrong_args(r, "copyreg._reconstructor");
    return new_token(r, class, true, out);
}

/* ---- attributes ---- */

/* Put what an object has become in its place: on the stack and in the memo.
 * Anywhere else it may not be yet. */
static int settle(reader *r, struct crq_pickle_token *token, crq_value *v)
{
    struct crq_pickle_token old = *token;
    int rc = 0;

    *token = r->tokens[--r->token_count];
    crq_value_free(r->stack[r->count - 1]);
    r->stack[r->count - 1] = v;
    if (old.memo > 0 && r->memo[old.memo - 1] == old.v) {
        crq_value_free(r->memo[old.memo - 1]);
        r->memo[old.memo - 1] = crq_value_ref(v);
    }
    if (crq_value_shared(old.v))
        rc = refuse(r, CRQ_EUNSUPPORTED, old.global->module, old.global->name,
                "made an object that is used before it is finished");
    crq_value_free(old.v);
    return rc;
}

int crq_unpickle_build(reader *r, const crq_value *state)
{
    const crq_value *top = crq_unpickle_top(r);
    struct crq_pickle_token *token;
    crq_value *v = NULL;
    int rc;

    if (top == NULL)
        return CRQ_ECODEC;
    token = crq_unpickle_token(r, top);
    if (token == NULL || !token->unbuilt)
        return crq_unpickle_fail(r, CRQ_EUNSUPPORTED,
                "a %s with attributes of its own",
                crq_type_name(crq_value_type(top)));
    rc = token->global->build(r, state, &v);
    return rc < 0 ? rc : settle(r, token, v);
}

int crq_unpickle_drop_tokens(reader *r)
{
    int rc = 0;

    for (size_t i = 0; i < r->token_count; i++) {
        struct crq_pickle_token *token = &r->tokens[i];

        if (rc == 0 && crq_value_shared(token->v))
            rc = refuse(r, CRQ_EUNSUPPORTED, token->global->module,
                    token->global->name,
                    token->unbuilt ? "made an object that is not finished"
                                   : "is itself no plain value");
        crq_value_free(token->v);
    }
    r->token_count = 0;
    return rc;
}
