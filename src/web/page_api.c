/* page_api.c - openapi.json, which describes the REST interface, as a page. */
#include <string.h>

#include "base/error.h"
#include "codec/json.h"
#include "web/page_impl.h"

#define DEPTH_MAX 4 /* of schemas within schemas; what is deeper has a name */

static const char *text_of(const crq_value *v, const char *key)
{
    const crq_value *text =
            crq_value_type(v) == CRQ_DICT ? crq_value_get(v, key) : NULL;

    return crq_value_type(text) == CRQ_STR ? crq_value_text(text) : NULL;
}

static const crq_value *part_of(const crq_value *v, const char *key)
{
    const crq_value *part =
            crq_value_type(v) == CRQ_DICT ? crq_value_get(v, key) : NULL;

    return crq_value_type(part) == CRQ_DICT || crq_value_type(part) == CRQ_LIST
            ? part
            : NULL;
}

static size_t count_of(const crq_value *v)
{
    return v != NULL ? crq_value_count(v) : 0;
}

/* The last part of "#/components/schemas/Job". */
static const char *ref_name(const crq_value *v)
{
    const char *ref = text_of(v, "$ref");
    const char *slash = ref != NULL ? strrchr(ref, '/') : NULL;

    return slash != NULL ? slash + 1 : ref;
}

/* ----------------------------------------------------------------- schemas */

static void put_schema(struct page *p, const crq_value *schema, int depth);

static void put_list(struct page *p, const crq_value *list, const char *between,
        int depth)
{
    for (size_t i = 0; i < count_of(list); i++) {
        const crq_value *item = crq_value_item(list, i);

        if (i > 0)
            html(p->out, "%s", between);
        if (crq_value_type(item) == CRQ_STR)
            html(p->out, "%s", crq_value_text(item));
        else
            put_schema(p, item, depth);
    }
}

/* In a few words: "string", "list of Job", "one of queued, started". */
static void put_schema(struct page *p, const crq_value *schema, int depth)
{
    const crq_value *type = crq_value_type(schema) == CRQ_DICT
            ? crq_value_get(schema, "type")
            : NULL;
    const char *name = ref_name(schema);

    if (name != NULL) {
        html(p->out, "<a href=\"#schema-%s\">%s</a>", name, name);
    } else if (part_of(schema, "enum") != NULL) {
        html(p->out, "one of ");
        put_list(p, part_of(schema, "enum"), ", ", depth);
    } else if (part_of(schema, "oneOf") != NULL && depth < DEPTH_MAX) {
        put_list(p, part_of(schema, "oneOf"), " or ", depth + 1);
    } else if (crq_value_type(type) == CRQ_STR &&
            strcmp(crq_value_text(type), "array") == 0) {
        html(p->out, "list of ");
        if (depth < DEPTH_MAX)
            put_schema(p, part_of(schema, "items"), depth + 1);
    } else if (crq_value_type(type) == CRQ_LIST) {
        put_list(p, type, " or ", depth);
    } else {
        html(p->out, "%s",
                crq_value_type(type) == CRQ_STR ? crq_value_text(type)
                                                : "anything");
    }
}

static bool is_required(const crq_value *schema, const char *name)
{
    const crq_value *list = part_of(schema, "required");

    for (size_t i = 0; i < count_of(list); i++)
        if (crq_value_type(crq_value_item(list, i)) == CRQ_STR &&
                strcmp(crq_value_text(crq_value_item(list, i)), name) == 0)
            return true;
    return false;
}

static void put_component(struct page *p, const char *name,
        const crq_value *schema)
{
    static const char *const headings[] = { "Member", "Type", "Meaning", NULL };
    const crq_value *members = part_of(schema, "properties");

    html(p->out, "<section class=\"schema\"><h3 id=\"schema-%s\">%s</h3>\n",
            name, name);
    if (text_of(schema, "description") != NULL)
        html(p->out, "<p>%s</p>\n", text_of(schema, "description"));
    if (count_of(members) > 0) {
        page_table(p, name, headings);
        for (size_t i = 0; i < count_of(members); i++) {
            const char *member = crq_value_text(crq_value_key(members, i));
            const crq_value *one = crq_value_item(members, i);

            html(p->out, "<tr><th scope=\"row\"><code>%s</code>%s</th>", member,
                    is_required(schema, member) ? " *" : "");
            page_cell(p, "Type");
            put_schema(p, one, 0);
            html(p->out, "</td>");
            page_cell(p, "Meaning");
            page_text(p, text_of(one, "description"));
            html(p->out, "</td></tr>\n");
        }
        page_table_end(p);
    }
    html(p->out, "</section>\n");
}

/* -------------------------------------------------------------- operations */

static void put_params(struct page *p, const crq_value *params)
{
    static const char *const headings[] = { "Parameter", "In", "Type",
        "Meaning", NULL };

    if (count_of(params) == 0)
        return;
    page_table(p, "Parameters", headings);
    for (size_t i = 0; i < count_of(params); i++) {
        const crq_value *param = crq_value_item(params, i);
        const char *name = text_of(param, "name");

        if (name == NULL)
            continue;
        html(p->out, "<tr><th scope=\"row\"><code>%s</code></th>", name);
        page_cell(p, "In");
        page_text(p, text_of(param, "in"));
        html(p->out, "</td>");
        page_cell(p, "Type");
        put_schema(p, part_of(param, "schema"), 0);
        html(p->out, "</td>");
        page_cell(p, "Meaning");
        page_text(p, text_of(param, "description"));
        html(p->out, "</td></tr>\n");
    }
    page_table_end(p);
}

static void put_content(struct page *p, const crq_value *holder)
{
    const crq_value *content = part_of(holder, "content");

    for (size_t i = 0; i < count_of(content); i++) {
        html(p->out, "%s<code>%s</code>: ", i > 0 ? "; " : "",
                crq_value_text(crq_value_key(content, i)));
        put_schema(p, part_of(crq_value_item(content, i), "schema"), 0);
    }
}

static void put_responses(struct page *p, const crq_value *responses,
        const crq_value *components)
{
    html(p->out, "<dl class=\"facts\">\n");
    for (size_t i = 0; i < count_of(responses); i++) {
        const crq_value *response = crq_value_item(responses, i);
        const char *name = ref_name(response);

        if (name != NULL)
            response = part_of(part_of(components, "responses"), name);
        html(p->out, "<div><dt>%s</dt><dd>%s ",
                crq_value_text(crq_value_key(responses, i)),
                text_of(response, "description"));
        put_content(p, response);
        html(p->out, "</dd></div>\n");
    }
    html(p->out, "</dl>\n");
}

static void put_operation(struct page *p, const char *path, const char *method,
        const crq_value *shared, const crq_value *operation,
        const crq_value *components)
{
    const char *role = text_of(operation, "x-role");

    html(p->out,
            "<details class=\"operation\"><summary>"
            "<span class=\"method m-%s\">%s</span> <code>/api/v1%s</code> "
            "<span class=\"what\">%s</span></summary>\n",
            method, method, path, text_of(operation, "summary"));
    if (role != NULL)
        html(p->out, "<p>For the role <b>%s</b>.</p>\n", role);
    if (text_of(operation, "description") != NULL)
        html(p->out, "<p>%s</p>\n", text_of(operation, "description"));
    put_params(p, shared);
    put_params(p, part_of(operation, "parameters"));
    if (part_of(operation, "requestBody") != NULL) {
        html(p->out, "<p>Body: ");
        put_content(p, part_of(operation, "requestBody"));
        html(p->out, "</p>\n");
    }
    put_responses(p, part_of(operation, "responses"), components);
    html(p->out, "</details>\n");
}

static bool has_tag(const crq_value *operation, const char *tag)
{
    const crq_value *tags = part_of(operation, "tags");
    const crq_value *first =
            count_of(tags) > 0 ? crq_value_item(tags, 0) : NULL;

    return crq_value_type(first) == CRQ_STR &&
            strcmp(crq_value_text(first), tag) == 0;
}

static void put_tag(struct page *p, const crq_value *document, const char *tag)
{
    const crq_value *paths = part_of(document, "paths");

    html(p->out, "<h2>%s</h2>\n", tag);
    for (size_t i = 0; i < count_of(paths); i++) {
        const crq_value *item = crq_value_item(paths, i);

        for (size_t k = 0; k < count_of(item); k++)
            if (has_tag(crq_value_item(item, k), tag))
                put_operation(p, crq_value_text(crq_value_key(paths, i)),
                        crq_value_text(crq_value_key(item, k)),
                        part_of(item, "parameters"), crq_value_item(item, k),
                        part_of(document, "components"));
    }
}

/* It is ours, and yet only what has the right form is shown. */
int page_api(struct page *p)
{
    crq_value *document = NULL;
    const crq_value *tags, *schemas;
    int rc = crq_json_decode(api_openapi, api_openapi_len, NULL, &document,
            p->err);

    if (rc < 0)
        return rc;
    tags = part_of(document, "tags");
    schemas = part_of(part_of(document, "components"), "schemas");
    p->still = true;
    page_head(p, "API");
    page_head_end(p);
    html(p->out,
            "<p>%s Programs read <a href=\"/api/v1/openapi.json\">"
            "openapi.json</a>, and <a href=\"/metrics\">/metrics</a> is for "
            "Prometheus.</p>\n",
            text_of(part_of(document, "info"), "description"));
    for (size_t i = 0; i < count_of(tags); i++) {
        const char *tag = text_of(crq_value_item(tags, i), "name");

        if (tag != NULL)
            put_tag(p, document, tag);
    }
    html(p->out, "<h2>schemas</h2>\n");
    for (size_t i = 0; i < count_of(schemas); i++)
        put_component(p, crq_value_text(crq_value_key(schemas, i)),
                crq_value_item(schemas, i));
    crq_value_free(document);
    return 0;
}
