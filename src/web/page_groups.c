/* page_groups.c - groups of jobs. */
#include <string.h>

#include "base/error.h"
#include "model/fields.h"
#include "model/keys.h"
#include "web/many.h"
#include "web/page_impl.h"

#define NAMES_MAX 500
#define LIMIT     "100"

struct groups {
    struct page *p;
    char **names;
};

static void ask_count(void *arg, size_t i, struct crq_args *args)
{
    const struct groups *g = arg;
    char key[CRQ_KEY_MAX];

    if (strlen(g->names[i]) > CRQ_NAME_MAX)
        return;
    crq_key(key, CRQ_KEY_GROUP, g->names[i]);
    crq_args_list(args, "SCARD", key, NULL);
}

static int put_group(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    const struct groups *g = arg;
    struct page *p = g->p;

    (void)err;
    html(p->out, "<tr><th scope=\"row\"><a href=\"/groups/");
    html_url(p->out, g->names[i]);
    html(p->out, "\">%s</a></th>", g->names[i]);
    page_cell(p, "#Jobs");
    page_number(p, crq_reply_int(reply, 0));
    html(p->out, "</td></tr>\n");
    return 0;
}

int page_groups(struct page *p)
{
    static const char *const headings[] = { "Group", "#Jobs", NULL };
    struct groups g = { p, NULL };
    size_t count = 0;
    int rc = crq_group_names(p->conn, &g.names, &count, p->err);

    if (rc < 0)
        return rc;
    page_head(p, "Groups");
    page_head_end(p);
    if (count == 0) {
        page_empty(p, "There are no groups.");
    } else {
        page_table(p, "Groups", headings);
        rc = many_ask(p->conn, count < NAMES_MAX ? count : NAMES_MAX, ask_count,
                put_group, &g, p->err);
        page_table_end(p);
    }
    if (count > NAMES_MAX)
        html(p->out, "<p class=\"empty\">And %zu more.</p>\n",
                count - NAMES_MAX);
    crq_names_free(g.names, count);
    return rc;
}

/* --------------------------------------------------------------- one of them
 */

struct members {
    struct page *p;
    const crq_value *ids;
};

static const char *id_at(const struct members *m, size_t i)
{
    return crq_value_text(crq_value_item(m->ids, i));
}

static void ask_member(void *arg, size_t i, struct crq_args *args)
{
    char key[CRQ_KEY_MAX];

    if (strlen(id_at(arg, i)) > CRQ_NAME_MAX)
        return;
    crq_key(key, CRQ_KEY_JOB, id_at(arg, i));
    crq_args_list(args, "HMGET", key, "status", "origin", "description", NULL);
}

static const char *text_at(const crq_reply *reply, size_t i)
{
    const char *text = crq_text_of(crq_reply_item(reply, i));

    return text != NULL ? text : "";
}

static int put_member(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct members *m = arg;
    struct page *p = m->p;
    const char *status = text_at(reply, 0), *queue = text_at(reply, 1);
    const char *description = text_at(reply, 2);

    (void)err;
    html(p->out, "<tr><th scope=\"row\">");
    page_job_link(p, id_at(m, i));
    html(p->out, "</th>");
    page_cell(p, "Status");
    page_status(p, status[0] != '\0' ? status : "gone");
    html(p->out, "</td><td data-th=\"Call\" class=\"call\">");
    if (description[0] != '\0')
        html_cut(p->out, description, strlen(description), 300);
    else
        page_none(p);
    html(p->out, "</td>");
    page_cell(p, "Queue");
    if (queue[0] != '\0')
        page_queue_link(p, queue);
    else
        page_none(p);
    html(p->out, "</td></tr>\n");
    return 0;
}

static int put_buttons(struct page *p)
{
    static const struct {
        const char *label, *operation;
        bool danger;
    } rows[] = { { "Requeue failed", "requeue", false },
        { "Cancel waiting", "cancel", true } };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        rc = page_apply(p,
                &(struct page_apply){ .label = rows[i].label,
                        .operation = rows[i].operation,
                        .group = p->name,
                        .danger = rows[i].danger });
    page_button(p,
            &(struct page_button){ .label = "Delete group",
                    .method = "DELETE",
                    .folder = "/groups/",
                    .name = p->name,
                    .tail = "",
                    .question = "Delete this group with all of its jobs?",
                    .done = "Deleted.",
                    .then = "/groups",
                    .danger = true });
    return rc;
}

static int put_members(struct page *p, const crq_value *answer)
{
    static const char *const headings[] = { "Job", "Status", "Call", "Queue",
        NULL };
    struct members m = { p, crq_value_get(answer, "jobs") };
    const crq_value *next = crq_value_get(answer, "next");
    int rc;

    html(p->out, "<p class=\"lead\">");
    page_number(p, crq_value_int(crq_value_get(answer, "count")));
    html(p->out, " jobs</p>\n");
    page_table(p, "Jobs of the group", headings);
    rc = many_ask(p->conn, crq_value_count(m.ids), ask_member, put_member, &m,
            p->err);
    page_table_end(p);
    if (rc < 0 || crq_value_type(next) != CRQ_STR)
        return rc;
    html(p->out,
            "<nav class=\"pager\" aria-label=\"Pages of this list\">"
            "<a rel=\"next\" href=\"/groups/");
    html_url(p->out, p->name);
    html(p->out, "?cursor=");
    html_url(p->out, crq_value_text(next));
    html(p->out, "\">Next page</a></nav>\n");
    return 0;
}

int page_group(struct page *p)
{
    const char *const path[] = { "groups", p->name, NULL };
    const struct api_pair query[] = { { "limit", LIMIT },
        { "cursor", page_query(p, "cursor") } };
    crq_value *answer = NULL;
    int rc = page_ask(p, path, query, query[1].value != NULL ? 2 : 1, &answer);

    if (rc < 0)
        return rc;
    page_title(p, "Group %s", p->name);
    page_head(p, p->name);
    rc = put_buttons(p);
    page_head_end(p);
    if (rc == 0)
        rc = put_members(p, answer);
    crq_value_free(answer);
    return rc;
}
