/*
 * page.c - the table of pages, what goes wrong, and the frame around all.
 *
 * A new page is a row here and a function. The main part is written first, so
 * that a page that fails halfway is answered with what went wrong, whole.
 */
#include "web/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "codec/json.h"
#include "model/foreign.h"
#include "model/queue.h"
#include "redis/conn.h"
#include "web/assets.h"
#include "web/page_impl.h"

#define PAGE_TYPE "text/html; charset=utf-8"

/* "{...}" takes any segment. All are for whoever may read. */
static const struct row {
    const char *path, *nav, *title;
    page_function *show;
} rows[] = {
    { "/", "/", "Overview", page_overview },
    { "/queues", "/", "Overview", page_overview },
    { "/queues/{name}", "/", "Queue", page_queue },
    { "/jobs", "/jobs", "Jobs", page_jobs },
    { "/jobs/{id}", "/jobs", "Job", page_job },
    { "/jobs/{id}/log", "/jobs", "Log", page_job_log },
    { "/failures", "/failures", "Failures", page_failures },
    { "/workers", "/workers", "Workers", page_workers },
    { "/schedules", "/schedules", "Schedules", page_schedules },
    { "/groups", "/groups", "Groups", page_groups },
    { "/groups/{name}", "/groups", "Group", page_group },
    { "/api", "/api", "API", page_api },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* In the order of the navigation. */
static const struct {
    const char *path, *label;
} links[] = {
    { "/", "Overview" },
    { "/jobs", "Jobs" },
    { "/failures", "Failures" },
    { "/workers", "Workers" },
    { "/schedules", "Schedules" },
    { "/groups", "Groups" },
    { "/api", "API" },
};

/* ----------------------------------------------------------------- finding */

/* *out_name: what stands for the row's {}. */
static bool is_path(const char *at, const char *const *path, size_t count,
        const char **out_name)
{
    size_t i = 0;

    *out_name = "";
    for (; i < count && *at == '/'; i++) {
        size_t len = strcspn(at + 1, "/");

        if (at[1] == '{' && path[i][0] != '\0')
            *out_name = path[i];
        else if (strlen(path[i]) != len || strncmp(path[i], at + 1, len) != 0)
            return false;
        at += 1 + len;
    }
    return i == count && *at == '\0';
}

static const struct row *find(const char *const *path, size_t count,
        const char **out_name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (is_path(rows[i].path, path, count, out_name))
            return &rows[i];
    return NULL;
}

bool page_is_known(const char *const *path, size_t count)
{
    const char *name;

    return find(path, count, &name) != NULL;
}

/* ---------------------------------------------------------- what pages use */

void page_title(struct page *p, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(p->title, sizeof(p->title), format, ap);
    va_end(ap);
}

const char *page_query(const struct page *p, const char *name)
{
    for (size_t i = 0; i < p->req->query_count; i++)
        if (strcmp(p->req->query[i].name, name) == 0)
            return p->req->query[i].value[0] != '\0' ? p->req->query[i].value
                                                     : NULL;
    return NULL;
}

bool page_may(const struct page *p, enum api_role role)
{
    return p->req->role >= role;
}

/* A problem's status as a failure, with its detail. */
static int refusal(struct page *p, const struct api_response *response)
{
    static const struct {
        int status, code;
    } meanings[] = { { 400, CRQ_EINVAL }, { 404, CRQ_ENOTFOUND },
        { 409, CRQ_ESTATE }, { 410, CRQ_ENOTFOUND }, { 413, CRQ_ELIMIT },
        { 422, CRQ_EINVAL }, { 503, CRQ_ECONNECT } };
    crq_value *problem = NULL;
    const crq_value *detail = NULL;
    int code = CRQ_EIO;

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].status == response->status)
            code = meanings[i].code;
    if (crq_json_decode(crq_buf_text(&response->body), response->body.len, NULL,
                &problem, NULL) == 0 &&
            crq_value_type(problem) == CRQ_DICT)
        detail = crq_value_get(problem, "detail");
    code = crq_fail(p->err, code, "%s",
            crq_value_type(detail) == CRQ_STR ? crq_value_text(detail)
                                              : "there was no answer");
    crq_value_free(problem);
    return code;
}

int page_ask(struct page *p, const char *const *path,
        const struct api_pair *query, size_t query_count, crq_value **out)
{
    struct api_response response = API_RESPONSE_INIT;
    struct api_request request = { .method = "GET",
        .path = path,
        .query = query,
        .query_count = query_count,
        .role = p->req->role,
        .caller = p->req->caller };
    int rc;

    while (path[request.path_count] != NULL)
        request.path_count++;
    rc = api_handle(p->api, &request, &response, p->err);
    /* What the log is told is worth more than what the caller is. */
    if (rc == 0 && p->err->code != 0)
        rc = p->err->code;
    else if (rc == 0 && response.status != 200)
        rc = refusal(p, &response);
    else if (rc == 0)
        rc = crq_json_decode(crq_buf_text(&response.body), response.body.len,
                NULL, out, p->err);
    api_response_fini(&response);
    return rc;
}

int page_queue_names(struct page *p, char ***out, size_t *out_count)
{
    char **names = NULL;
    size_t count = 0, kept = 0;
    int rc = crq_queue_names(p->conn, &names, &count, p->err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (crq_queue_name_check(names[i], NULL) == 0)
            names[kept++] = names[i];
        else
            crq_free(names[i]);
    *out = names;
    *out_count = kept;
    return 0;
}

/* --------------------------------------------------------------- the frame */

static void put_top(struct crq_buf *out, const char *title, const char *csrf)
{
    html(out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n"
            "<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" "
            "content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n");
    if (csrf != NULL)
        html(out, "<meta name=\"csrf\" content=\"%s\">\n", csrf);
    html(out,
            "<title>%s \xc2\xb7 crq</title>\n"
            "<link rel=\"icon\" type=\"image/svg+xml\" "
            "href=\"/assets/%s/icon.svg\">\n"
            "<link rel=\"stylesheet\" href=\"/assets/%s/style.css\">\n"
            "<script type=\"module\" src=\"/assets/%s/main.js\"></script>\n"
            "</head>\n<body>\n",
            title, assets_sum, assets_sum, assets_sum);
}

static void put_nav(struct crq_buf *out, const char *nav)
{
    html(out,
            "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
            "<header><a class=\"brand\" href=\"/\">crq</a>\n"
            "<nav aria-label=\"Pages\"><ul>\n");
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        bool current = nav != NULL && strcmp(nav, links[i].path) == 0;

        html(out,
                current ? "<li><a href=\"%s\" aria-current=\"page\">%s</a></li>\n"
                        : "<li><a href=\"%s\">%s</a></li>\n",
                links[i].path, links[i].label);
    }
    html(out, "</ul></nav>\n");
}

static void put_tools(struct crq_buf *out, const struct page_viewer *viewer)
{
    html(out,
            "<div class=\"tools\"><button type=\"button\" id=\"live\" "
            "class=\"scripted\" aria-pressed=\"true\">Live</button>\n");
    if (viewer->signed_in)
        html(out,
                "<form method=\"post\" action=\"/logout\">"
                "<input type=\"hidden\" name=\"csrf\" value=\"%s\">"
                "<button type=\"submit\">Sign out</button></form>\n",
                viewer->csrf);
    html(out, "</div>");
}

/* Who came for one of these finds it; what has taken our address has no need
 * of a link. */
static void put_places(struct crq_buf *out, const struct api *api)
{
    const char *before = "<nav aria-label=\"Applications\">Applications: ";

    for (size_t i = 0; api != NULL && i < api->places_count; i++) {
        const struct api_pair *place = &api->places[i];

        if (strcmp(place->value, "/") == 0)
            continue;
        crq_buf_puts(out, before);
        html(out, "<a href=\"%s\">%s</a>", place->value, place->name);
        before = " \xc2\xb7 ";
    }
    if (before[0] == ' ')
        crq_buf_puts(out, "</nav>\n");
}

static void put_bottom(struct crq_buf *out, const struct api *api)
{
    crq_buf_puts(out, "</main>\n<footer>");
    put_places(out, api);
    html(out,
            "crq %s</footer>\n"
            "<div id=\"say\" role=\"status\"></div>\n"
            "<div id=\"news\" class=\"quiet\" aria-live=\"polite\"></div>\n"
            "</body>\n</html>\n",
            crq_version());
}

/* What was looked past, or there is nothing to tell. */
static void put_foreign(struct page *p, struct crq_buf *out, size_t before)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    size_t count = 0;

    if (crq_conn_passed_types(p->conn) == before ||
            crq_foreign_find(p->conn, p->name, found, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        html(out,
                "<p class=\"banner\" role=\"note\"><b>%s</b> is a %s, where "
                "a %s is kept: " CRQ_FOREIGN_REMEDY ". See crq doctor.</p>\n",
                found[i].key, found[i].is, found[i].want);
}

static void put_page(const struct page *p, struct crq_buf *out,
        const struct crq_buf *foreign, const struct crq_buf *main)
{
    put_top(out, p->title, p->viewer->csrf);
    put_nav(out, p->nav);
    put_tools(out, p->viewer);
    html(out,
            p->still
                    ? "</header>\n<main id=\"main\" tabindex=\"-1\" data-still>\n"
                    : "</header>\n<main id=\"main\" tabindex=\"-1\">\n");
    crq_buf_put(out, foreign->data, foreign->len);
    crq_buf_put(out, main->data, main->len);
    put_bottom(out, p->api);
}

/* ---------------------------------------------------------- what went wrong */

int page_notice(int status, const char *title, const char *text,
        struct crq_buf *out)
{
    put_top(out, title, NULL);
    put_nav(out, NULL);
    html(out,
            "</header>\n<main id=\"main\" tabindex=\"-1\" class=\"notice\">\n"
            "<p class=\"code\">%d</p><h1>%s</h1><p>%s</p>\n",
            status, title, text);
    put_bottom(out, NULL);
    return out->rc;
}

/* From 500 on what went wrong is for the log only. */
static const struct {
    int code, status;
    const char *title, *text;
} meanings[] = {
    { CRQ_EINVAL, 400, "That is not right", NULL },
    { CRQ_ENOTFOUND, 404, "Not there", NULL },
    { CRQ_ESTATE, 409, "Not now", NULL },
    { CRQ_ELIMIT, 413, "Too much", NULL },
    { CRQ_ECONNECT, 503, "No Redis", "Redis can't be reached." },
    { CRQ_EAUTH, 503, "No Redis", "Redis refuses the gateway." },
    { CRQ_EREDIS, 503, "No Redis", "Redis refused." },
    { CRQ_ELOST, 503, "No Redis", "The link to Redis broke." },
    { CRQ_ETIMEOUT, 503, "No Redis", "Redis did not answer in time." },
};

static int put_failure(struct page *p, int rc, struct api_response *out)
{
    size_t i = 0;

    while (i < sizeof(meanings) / sizeof(meanings[0]) && meanings[i].code != rc)
        i++;
    if (i == sizeof(meanings) / sizeof(meanings[0])) {
        p->status = 500;
        return page_notice(500, "That failed", "The gateway has failed.",
                &out->body);
    }
    p->status = meanings[i].status;
    return page_notice(p->status, meanings[i].title,
            meanings[i].text != NULL ? meanings[i].text : p->err->text,
            &out->body);
}

/* --------------------------------------------------------------- the answer */

static int answer(struct page *p, int rc, const struct crq_buf *foreign,
        const struct crq_buf *main, struct api_response *out)
{
    if (rc == 0)
        rc = main->rc < 0 ? main->rc : foreign->rc;
    if (rc == CRQ_ENOMEM)
        return rc;
    if (rc < 0)
        rc = put_failure(p, rc, out);
    else if (p->location == NULL)
        put_page(p, &out->body, foreign, main);
    if (rc < 0 || out->body.rc < 0)
        return CRQ_ENOMEM;
    out->status = p->location != NULL ? 303 : p->status;
    out->content_type = PAGE_TYPE;
    out->location = p->location;
    p->location = NULL;
    return 0;
}

int page_handle(struct api *api, const struct api_request *request,
        const struct page_viewer *viewer, struct api_response *out,
        crq_error *err)
{
    static const crq_error none = { 0, "" };
    crq_error ours = { 0, "" };
    struct crq_buf main = CRQ_BUF_INIT, foreign = CRQ_BUF_INIT;
    struct page p = { .api = api,
        .conn = api->conn,
        .req = request,
        .viewer = viewer,
        .out = &main,
        .err = err != NULL ? err : &ours,
        .now_us = crq_clock_wall_us(crq_conn_clock(api->conn)),
        .status = 200 };
    const struct row *row = find(request->path, request->path_count, &p.name);
    size_t passed = crq_conn_passed_types(api->conn);
    bool was = crq_conn_look_past_types(api->conn, true);
    int rc;

    *p.err = none;
    if (row != NULL) {
        p.nav = row->nav;
        page_title(&p, "%s", row->title);
        rc = row->show(&p);
    } else {
        rc = crq_fail(p.err, CRQ_ENOTFOUND, "there is no such page");
    }
    put_foreign(&p, &foreign, passed);
    crq_conn_look_past_types(api->conn, was);
    rc = answer(&p, rc, &foreign, &main, out);
    crq_free(p.location);
    crq_buf_fini(&foreign);
    crq_buf_fini(&main);
    if (rc < 0) {
        api_response_fini(out);
        return crq_fail_nomem(err);
    }
    if (out->status < 500)
        *p.err = none;
    return 0;
}
