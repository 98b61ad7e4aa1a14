/* page_parts.c - times, numbers, links, tables and buttons of pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/timetext.h"
#include "model/job_json.h"
#include "web/page_impl.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* ----------------------------------------------------------------- numbers */

void page_number(struct page *p, int64_t n)
{
    char digits[CRQ_INT_LEN + 1];
    size_t len = crq_int_put(digits, n);

    for (size_t i = 0; i < len; i++) {
        crq_buf_putc(p->out, digits[i]);
        if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
            crq_buf_putc(p->out, ',');
    }
}

/* Two units at most, the second one left out where it is 0. */
static void put_units(struct page *p, int64_t us)
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = { { DAY, "d" }, { HOUR, "h" }, { MINUTE, "min" },
        { SECOND, "s" } };
    size_t i = 0;

    while (us < units[i].us)
        i++;
    html(p->out, "%lld %s", (long long)(us / units[i].us), units[i].name);
    us %= units[i].us;
    if (i < 3 && us >= units[i + 1].us)
        html(p->out, " %lld %s", (long long)(us / units[i + 1].us),
                units[i + 1].name);
}

void page_duration(struct page *p, int64_t us)
{
    if (us == CRQ_UNSET)
        page_none(p);
    else if (us < 0)
        html(p->out, "0 s");
    else if (us < 1000)
        html(p->out, "%lld \xc2\xb5s", (long long)us);
    else if (us < 10000)
        crq_buf_printf(p->out, "%.1f ms", (double)us / 1e3);
    else if (us < SECOND)
        html(p->out, "%lld ms", (long long)us / 1000);
    else if (us < MINUTE && us % SECOND != 0)
        crq_buf_printf(p->out, "%.1f s", (double)us / 1e6);
    else
        put_units(p, us);
}

/* ------------------------------------------------------------------- times */

/* "2026-11-21 17:20:52.123", and the attributes that hold the moment. */
static void put_time(struct page *p, int64_t us, char shown[24])
{
    char text[CRQ_TIMETEXT_LEN + 1];

    crq_timetext_put(text, us);
    html(p->out, "<time datetime=\"%s\"", text);
    memcpy(shown, text, 23);
    shown[10] = ' ';
    shown[23] = '\0';
}

void page_age(struct page *p, int64_t us)
{
    char shown[24];
    int64_t age;

    if (us == CRQ_UNSET) {
        page_none(p);
        return;
    }
    age = p->now_us - us;
    put_time(p, us, shown);
    html(p->out, " title=\"%s UTC\">", shown);
    if (age < -SECOND) {
        html(p->out, "in ");
        put_units(p, -age);
    } else if (age < SECOND) {
        html(p->out, "now");
    } else {
        put_units(p, age);
        html(p->out, " ago");
    }
    html(p->out, "</time>");
}

void page_moment(struct page *p, int64_t us)
{
    char shown[24];

    if (us == CRQ_UNSET) {
        page_none(p);
        return;
    }
    put_time(p, us, shown);
    html(p->out, " data-local>%s UTC</time>", shown);
}

/* ------------------------------------------------------------------- texts */

void page_none(struct page *p)
{
    html(p->out, "<span class=\"none\">\xe2\x80\x93</span>");
}

void page_text(struct page *p, const char *text)
{
    if (text == NULL || text[0] == '\0')
        page_none(p);
    else
        html(p->out, "%s", text);
}

void page_status(struct page *p, const char *status)
{
    html(p->out, "<span class=\"status s-%s\">%s</span>", status, status);
}

void page_job_link(struct page *p, const char *id)
{
    html(p->out, "<a class=\"id\" href=\"/jobs/");
    html_url(p->out, id);
    html(p->out, "\">%s</a>", id);
}

void page_queue_link(struct page *p, const char *queue)
{
    html(p->out, "<a href=\"/queues/");
    html_url(p->out, queue);
    html(p->out, "\">%s</a>", queue);
}

void page_jobs_href(struct page *p, const char *queue, const char *status,
        const char *func, const char *group, const char *error)
{
    const struct api_pair pairs[] = { { "queue", queue }, { "status", status },
        { "func", func }, { "group", group }, { "error", error } };
    char before = '?';

    html(p->out, "/jobs");
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i].value != NULL) {
            crq_buf_putc(p->out, before);
            html(p->out, "%s=", pairs[i].name);
            html_url(p->out, pairs[i].value);
            before = '&';
        }
}

/* ------------------------------------------------------------------ tables */

void page_head(struct page *p, const char *title)
{
    html(p->out, "<div class=\"head\"><h1>%s</h1><div class=\"buttons\">",
            title);
}

void page_head_end(struct page *p)
{
    html(p->out, "</div></div>\n");
}

void page_table(struct page *p, const char *caption,
        const char *const *headings)
{
    html(p->out,
            "<div class=\"wide\" role=\"group\" aria-label=\"%s\" "
            "tabindex=\"0\"><table class=\"cards\">"
            "<caption class=\"quiet\">%s</caption><thead><tr>",
            caption, caption);
    for (; *headings != NULL; headings++)
        if ((*headings)[0] == '#')
            html(p->out, "<th scope=\"col\" class=\"n\">%s</th>",
                    *headings + 1);
        else
            html(p->out, "<th scope=\"col\">%s</th>", *headings);
    html(p->out, "</tr></thead><tbody>\n");
}

void page_table_end(struct page *p)
{
    html(p->out, "</tbody></table></div>\n");
}

void page_cell(struct page *p, const char *heading)
{
    bool number = heading[0] == '#';

    html(p->out,
            number ? "<td class=\"n\" data-th=\"%s\">" : "<td data-th=\"%s\">",
            heading + number);
}

void page_empty(struct page *p, const char *text)
{
    html(p->out, "<p class=\"empty\">%s</p>\n", text);
}

/* ----------------------------------------------------------------- buttons */

static void put_label(struct page *p, const char *label, bool danger,
        bool small)
{
    html(p->out, " class=\"act%s%s\">%s</button>", danger ? " danger" : "",
            small ? " small" : "", label);
}

static void put_data(struct page *p, const char *name, const char *value)
{
    if (value != NULL)
        html(p->out, " data-%s=\"%s\"", name, value);
}

void page_button(struct page *p, const struct page_button *b)
{
    if (!page_may(p, API_OPERATE))
        return;
    html(p->out, "<button type=\"button\" data-method=\"%s\" data-path=\"%s",
            b->method, b->folder);
    if (b->name != NULL)
        html_url(p->out, b->name);
    html(p->out, "%s\"", b->tail);
    put_data(p, "body", b->body);
    put_data(p, "ask", b->question);
    put_data(p, "done", b->done);
    put_data(p, "then", b->then);
    put_label(p, b->label, b->danger, b->small);
}

int page_apply(struct page *p, const struct page_apply *a)
{
    const struct api_pair pairs[] = { { "operation", a->operation },
        { "queue", a->queue }, { "status", a->status }, { "func", a->func },
        { "group", a->group }, { "error", a->error } };
    crq_value *filter;
    char *json = NULL;
    int rc = 0;

    if (!page_may(p, API_OPERATE))
        return 0;
    filter = crq_value_new_dict();
    if (filter == NULL)
        return crq_fail_nomem(p->err);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i].value != NULL)
            crq_dict_put_text(filter, pairs[i].name, pairs[i].value, &rc);
    if (rc == 0)
        rc = crq_value_json(filter, &json, NULL, p->err);
    else
        rc = crq_fail_nomem(p->err);
    crq_value_free(filter);
    if (rc < 0)
        return rc;
    html(p->out, "<button type=\"button\" data-apply=\"%s\"", json);
    put_label(p, a->label, a->danger, a->small);
    crq_text_free(json);
    return 0;
}
