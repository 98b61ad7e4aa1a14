/*
 * params.c - reading a parameter list, and binding arguments to it.
 *
 * Binding goes as in CPython's initialize_locals() (Python/ceval.c), in the
 * same order, because the first mistake is the one that is told: positional
 * arguments take their places, then keywords; too many positional arguments
 * show after that, and missing ones last.
 */
#include "task/params.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define WORD    LETTERS "0123456789"
#define BLANKS  " \t\r\n"

/* A name in a sentence is cut here: it may come from anybody. */
#define SHOWN_MAX 200

struct parser {
    const char *text, *at;
    struct crq_params *out;
    crq_error *err;
};

static int wrong(const struct parser *p, const char *what)
{
    return crq_fail(p->err, CRQ_EINVAL, "at offset %zu of '%.200s': %s",
            (size_t)(p->at - p->text), p->text, what);
}

static void skip_blanks(struct parser *p)
{
    p->at += strspn(p->at, BLANKS);
}

/* A name, which stays without its '\0' until all has been read. */
static int parse_name(struct parser *p, char **out)
{
    size_t len = strspn(p->at, WORD);

    if (len == 0 || strchr(LETTERS, *p->at) == NULL)
        return wrong(p, "there should be a name");
    *out = p->out->text + (p->at - p->text);
    p->at += len;
    skip_blanks(p);
    return 0;
}

/* A string literal; backslashes only matter before a quote. */
static int skip_string(struct parser *p)
{
    char quote = *p->at;
    const char *at = p->at + 1;

    while (*at != '\0' && *at != quote)
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    if (*at == '\0')
        return wrong(p, "this quote is never closed");
    p->at = at + 1;
    return 0;
}

#define NESTED_MAX 32

/* The text behind "=", up to a comma of its own level. */
static int skip_default(struct parser *p)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char expected[NESTED_MAX];
    const char *kind, *from;
    size_t depth = 0;
    int rc = 0;

    skip_blanks(p);
    from = p->at;
    while (rc == 0 && *p->at != '\0' && (depth > 0 || *p->at != ',')) {
        if (*p->at == '\'' || *p->at == '"') {
            rc = skip_string(p);
            continue;
        }
        kind = strchr(opening, *p->at);
        if (kind != NULL) {
            if (depth == NESTED_MAX)
                return wrong(p, "too many brackets");
            expected[depth++] = closing[kind - opening];
        } else if (strchr(closing, *p->at) != NULL) {
            if (depth == 0 || expected[--depth] != *p->at)
                return wrong(p, "this bracket closes nothing");
        }
        p->at++;
    }
    if (rc < 0)
        return rc;
    if (depth > 0)
        return wrong(p, "a bracket is never closed");
    return p->at == from ? wrong(p, "there should be a default") : 0;
}

static int parse_plain(struct parser *p)
{
    struct crq_params *out = p->out;
    int rc;

    if (out->args != NULL)
        return wrong(p, "only **kwargs can stand behind *args");
    rc = parse_name(p, &out->names[out->count]);
    if (rc < 0)
        return rc;
    out->count++;
    if (*p->at == '=') {
        p->at++;
        return skip_default(p);
    }
    if (out->required + 1 != out->count)
        return wrong(p, "a parameter without a default follows one with it");
    out->required = out->count;
    return 0;
}

static int parse_starred(struct parser *p)
{
    bool two = p->at[1] == '*';
    char *name;
    int rc;

    if (!two && p->out->args != NULL)
        return wrong(p, "there is a *args before");
    p->at += two ? 2 : 1;
    skip_blanks(p);
    rc = parse_name(p, &name);
    if (rc == 0 && two)
        p->out->kwargs = name;
    else if (rc == 0)
        p->out->args = name;
    return rc;
}

static int parse_all(struct parser *p)
{
    int rc;

    for (;;) {
        skip_blanks(p);
        if (*p->at == '\0')
            return 0;
        if (p->out->kwargs != NULL)
            return wrong(p, "nothing can stand behind **kwargs");
        rc = *p->at == '*' ? parse_starred(p) : parse_plain(p);
        if (rc < 0)
            return rc;
        if (*p->at == '\0')
            return 0;
        if (*p->at != ',')
            return wrong(p, "there should be a comma");
        p->at++;
    }
}

static void end_name(char *name)
{
    if (name != NULL)
        name[strspn(name, WORD)] = '\0';
}

/* Give every name its end, and look for one that is there twice. */
static int finish(struct crq_params *out, crq_error *err)
{
    const char *name;

    end_name(out->args);
    end_name(out->kwargs);
    for (size_t i = 0; i < out->count; i++)
        end_name(out->names[i]);
    for (size_t i = 0; i < out->count + 2; i++) {
        name = i < out->count     ? out->names[i]
                : i == out->count ? out->args
                                  : out->kwargs;
        for (size_t j = 0; name != NULL && j < i && j < out->count; j++)
            if (strcmp(name, out->names[j]) == 0)
                return crq_fail(err, CRQ_EINVAL, "'%.200s' is there twice",
                        name);
    }
    if (out->args != NULL && out->kwargs != NULL &&
            strcmp(out->args, out->kwargs) == 0)
        return crq_fail(err, CRQ_EINVAL, "'%.200s' is there twice", out->args);
    return 0;
}

int crq_params_parse(const char *text, struct crq_params *out, crq_error *err)
{
    struct crq_params params = { NULL, NULL, 0, 0, NULL, NULL };
    struct parser p;
    size_t most = 1;
    int rc;

    if (text == NULL)
        text = "";
    for (const char *at = text; *at != '\0'; at++)
        most += *at == ',';
    params.text = crq_strdup(text);
    params.names = crq_calloc(most, sizeof(*params.names));
    p = (struct parser){ text, text, &params, err };
    if (params.text == NULL || params.names == NULL)
        rc = crq_fail_nomem(err);
    else
        rc = parse_all(&p);
    if (rc == 0)
        rc = finish(&params, err);
    if (rc < 0)
        crq_params_fini(&params);
    else
        *out = params;
    return rc;
}

void crq_params_fini(struct crq_params *params)
{
    crq_free(params->text);
    crq_free(params->names);
    memset(params, 0, sizeof(*params));
}

static int find(const struct crq_params *params, const char *name, size_t len)
{
    for (size_t i = 0; i < params->count; i++)
        if (strlen(params->names[i]) == len &&
                memcmp(params->names[i], name, len) == 0)
            return (int)i;
    return -1;
}

int crq_params_find(const struct crq_params *params, const char *name)
{
    return find(params, name, strlen(name));
}

/* ---------------------------------------------------------------- binding */

struct binding {
    const struct crq_params *params;
    const char *func;
    struct crq_bound *bound;
    struct crq_buf *why;
};

/* Begin the sentence: "demo.add() ". */
static int complain(const struct binding *b)
{
    crq_buf_printf(b->why, "%s() ", b->func);
    return CRQ_ETASK;
}

static void put_keyword(struct crq_buf *why, const char *name, size_t len)
{
    size_t shown = len <= SHOWN_MAX ? len : SHOWN_MAX;

    while (shown < len && shown > 0 && ((unsigned char)name[shown] >> 6) == 2)
        shown--;
    crq_buf_putc(why, '\'');
    crq_buf_put(why, name, shown);
    crq_buf_puts(why, shown < len ? "...'" : "'");
}

static int bind_positional(const struct binding *b, const crq_value *args)
{
    size_t given = crq_value_count(args);
    int rc = 0;

    for (size_t i = 0; i < given && i < b->params->count; i++)
        b->bound->values[i] = crq_value_item(args, i);
    if (b->params->args == NULL)
        return 0;
    for (size_t i = b->params->count; rc == 0 && i < given; i++)
        rc = crq_value_add(b->bound->rest,
                crq_value_ref(crq_value_item(args, i)));
    return rc;
}

static int bind_keyword(const struct binding *b, const crq_value *key,
        const crq_value *value)
{
    const char *name;
    size_t len;
    int i;

    if (crq_value_type(key) != CRQ_STR) {
        complain(b);
        crq_buf_puts(b->why, "keywords must be strings");
        return CRQ_ETASK;
    }
    name = crq_value_data(key, &len);
    i = find(b->params, name, len);
    if (i >= 0 && b->bound->values[i] == NULL) {
        b->bound->values[i] = value;
        return 0;
    }
    if (i < 0 && b->params->kwargs != NULL)
        return crq_value_put(b->bound->keywords, crq_value_ref(key),
                crq_value_ref(value));
    complain(b);
    crq_buf_puts(b->why,
            i < 0 ? "got an unexpected keyword argument "
                  : "got multiple values for argument ");
    put_keyword(b->why, name, len);
    return CRQ_ETASK;
}

static int too_many(const struct binding *b, size_t given)
{
    const struct crq_params *params = b->params;
    bool one = params->count == 1 && params->required == 1;

    complain(b);
    crq_buf_puts(b->why, "takes ");
    if (params->required < params->count)
        crq_buf_printf(b->why, "from %zu to ", params->required);
    crq_buf_printf(b->why, "%zu positional argument%s but %zu %s given",
            params->count, one ? "" : "s", given, given == 1 ? "was" : "were");
    return CRQ_ETASK;
}

/* "'x'", "'x' and 'y'", "'x', 'y', and 'z'". */
static int missing(const struct binding *b, size_t count)
{
    size_t told = 0;

    complain(b);
    crq_buf_printf(b->why,
            "missing %zu required positional argument%s: ", count,
            count == 1 ? "" : "s");
    for (size_t i = 0; i < b->params->required; i++) {
        if (b->bound->values[i] != NULL)
            continue;
        if (told > 0)
            crq_buf_puts(b->why,
                    count == 2                  ? " and "
                            : told + 1 == count ? ", and "
                                                : ", ");
        crq_buf_printf(b->why, "'%s'", b->params->names[i]);
        told++;
    }
    return CRQ_ETASK;
}

static int bind_all(const struct binding *b, const crq_value *args,
        const crq_value *kwargs)
{
    size_t lacking = 0;
    int rc;

    rc = bind_positional(b, args);
    for (size_t i = 0; rc == 0 && i < crq_value_count(kwargs); i++)
        rc = bind_keyword(b, crq_value_key(kwargs, i),
                crq_value_item(kwargs, i));
    if (rc < 0)
        return rc;
    if (crq_value_count(args) > b->params->count && b->params->args == NULL)
        return too_many(b, crq_value_count(args));
    for (size_t i = 0; i < b->params->required; i++)
        lacking += b->bound->values[i] == NULL;
    return lacking > 0 ? missing(b, lacking) : 0;
}

int crq_params_bind(const struct crq_params *params, const char *func,
        const crq_value *args, const crq_value *kwargs, struct crq_bound *out,
        struct crq_buf *why)
{
    struct crq_bound bound = { NULL, NULL, NULL };
    struct binding b = { params, func, &bound, why };
    int rc = CRQ_ENOMEM;

    /* One more, so that there is something to allocate. */
    bound.values = crq_calloc(params->count + 1, sizeof(*bound.values));
    bound.rest = crq_value_new_list();
    bound.keywords = crq_value_new_dict();
    if (bound.values != NULL && bound.rest != NULL && bound.keywords != NULL)
        rc = bind_all(&b, args, kwargs);
    if (rc == CRQ_ETASK && why->rc < 0)
        rc = why->rc;
    if (rc < 0)
        crq_bound_fini(&bound);
    else
        *out = bound;
    return rc;
}

void crq_bound_fini(struct crq_bound *bound)
{
    crq_free(bound->values);
    crq_value_free(bound->rest);
    crq_value_free(bound->keywords);
    memset(bound, 0, sizeof(*bound));
}
