/* page_schedules.c - what runs again and again, and on which events. */
#include <string.h>

#include "app/trigger.h"
#include "base/error.h"
#include "model/keys.h"
#include "redis/conn.h"
#include "sched/entry.h"
#include "web/many.h"
#include "web/page_impl.h"

#define ENTRIES_MAX 200 /* of rq-scheduler, which has all its jobs in there */
#define ASIDE_MAX   100 /* of what no scheduler can read */

/* -------------------------------------------------------------- who leads */

static int put_leader(struct page *p)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    const char *leader;
    int rc;

    crq_key(key, CRQ_KEY_LEADER, NULL);
    rc = crq_conn_run(p->conn, &reply, p->err, "GET", key, NULL);
    if (rc < 0)
        return rc;
    leader = crq_reply_text(reply, NULL);
    if (leader != NULL)
        html(p->out, "<p class=\"lead\">%s leads.</p>\n",
                strncmp(leader, "crq:", 4) == 0 ? leader + 4 : leader);
    else
        html(p->out,
                "<p class=\"wrong\">No scheduler of crq is there: "
                "nothing runs by itself.</p>\n");
    crq_reply_free(reply);
    return 0;
}

/* --------------------------------------------------------------- schedules */

static void put_rule(struct page *p, int64_t every_us, const char *cron,
        const char *tz)
{
    page_cell(p, "When");
    if (cron != NULL) {
        html(p->out, "<code>%s</code>", cron);
        if (tz != NULL)
            html(p->out, " %s", tz);
    } else if (every_us > 0) {
        html(p->out, "every ");
        page_duration(p, every_us);
    } else {
        html(p->out, "once");
    }
    html(p->out, "</td>");
}

static void put_call(struct page *p, const char *call, const char *problem)
{
    html(p->out, "<td data-th=\"Call\" class=\"call\">");
    if (problem != NULL)
        html(p->out, "<span class=\"wrong\">%s</span>", problem);
    else
        page_text(p, call);
    html(p->out, "</td>");
}

static void put_queue(struct page *p, const char *queue)
{
    page_cell(p, "Queue");
    if (queue != NULL && queue[0] != '\0')
        page_queue_link(p, queue);
    else
        page_none(p);
    html(p->out, "</td>");
}

static void put_last(struct page *p, const crq_schedule *s)
{
    const char *job = crq_schedule_last_job(s);

    page_cell(p, "Last");
    if (job != NULL && job[0] != '\0' && crq_schedule_last_us(s) != CRQ_UNSET) {
        html(p->out, "<a href=\"/jobs/");
        html_url(p->out, job);
        html(p->out, "\">");
        page_age(p, crq_schedule_last_us(s));
        html(p->out, "</a>");
    } else {
        page_age(p, crq_schedule_last_us(s));
    }
    html(p->out, "</td>");
    page_cell(p, "#Late by");
    page_duration(p, crq_schedule_lateness_us(s));
    html(p->out, "</td>");
}

static void put_schedule(struct page *p, const crq_schedule *s)
{
    html(p->out, "<tr><th scope=\"row\">%s</th>", crq_schedule_id(s));
    put_call(p, crq_schedule_description(s), crq_schedule_problem(s));
    put_rule(p, crq_schedule_every_us(s), crq_schedule_cron(s),
            crq_schedule_tz(s));
    put_queue(p, crq_schedule_queue(s));
    page_cell(p, "Next");
    page_age(p, crq_schedule_next_us(s));
    html(p->out, "</td>");
    put_last(p, s);
    page_cell(p, "#Runs left");
    if (crq_schedule_left(s) != CRQ_UNSET)
        page_number(p, crq_schedule_left(s));
    else
        page_none(p);
    html(p->out, "</td>");
    page_cell(p, "From");
    page_text(p, crq_schedule_source(s));
    html(p->out, "</td>");
    if (page_may(p, API_OPERATE)) {
        html(p->out, "<td class=\"acts\">");
        page_button(p,
                &(struct page_button){ .label = "Remove",
                        .method = "DELETE",
                        .folder = "/schedules/",
                        .name = crq_schedule_id(s),
                        .tail = "",
                        .question = "Remove this schedule? Jobs that it has "
                                    "made stay.",
                        .done = "Removed.",
                        .danger = true,
                        .small = true });
        html(p->out, "</td>");
    }
    html(p->out, "</tr>\n");
}

static int put_schedules(struct page *p)
{
    const char *const headings[] = { "Schedule", "Call", "When", "Queue",
        "Next", "Last", "#Late by", "#Runs left", "From",
        page_may(p, API_OPERATE) ? "Actions" : NULL, NULL };
    crq_schedule **list = NULL;
    size_t count = 0;
    int rc = crq_schedule_list(p->conn, &list, &count, p->err);

    if (rc < 0)
        return rc;
    if (count == 0) {
        page_empty(p, "There are no schedules.");
    } else {
        page_table(p, "Schedules, the next one first", headings);
        for (size_t i = 0; i < count; i++)
            put_schedule(p, list[i]);
        page_table_end(p);
    }
    crq_schedules_free(list, count);
    return 0;
}

/* ------------------------------------------------------------ rq-scheduler */

struct entries {
    struct page *p;
    size_t count;
};

static int put_entry(void *arg, const struct crq_entry *entry)
{
    static const char *const headings[] = { "Job", "Call", "When", "Queue",
        "Next", NULL };
    struct entries *e = arg;
    struct page *p = e->p;

    if (e->count == ENTRIES_MAX)
        return CRQ_ELIMIT;
    if (e->count++ == 0) {
        html(p->out, "<h2>rq-scheduler</h2>\n");
        page_table(p, "Entries of rq-scheduler, the next one first", headings);
    }
    html(p->out, "<tr><th scope=\"row\">");
    page_job_link(p, entry->id);
    html(p->out, "</th>");
    put_call(p, entry->description, entry->problem);
    put_rule(p, entry->every_us, entry->cron, NULL);
    put_queue(p, entry->queue);
    page_cell(p, "Next");
    page_age(p, entry->next_us);
    html(p->out, "</td></tr>\n");
    return 0;
}

static int put_entries(struct page *p)
{
    struct entries e = { p, 0 };
    int rc = crq_entry_each(p->conn, put_entry, &e, p->err);

    if (e.count > 0)
        page_table_end(p);
    if (rc == CRQ_ELIMIT && e.count == ENTRIES_MAX) {
        page_empty(p, "There are more: crq schedules shows all.");
        rc = 0;
    }
    return rc;
}

/* ---------------------------------------------------------------- triggers */

/* All triggers of all applications in a row, for one pipeline. */
struct triggers {
    struct page *p;
    struct crq_triggers all;
};

/* `i` is below the count of all. */
static const struct crq_app_trigger *trigger_at(const struct triggers *t,
        size_t i, const struct crq_app **out_app, size_t *out_nth)
{
    struct crq_app *const *app = t->all.apps;

    while (i >= (*app)->trigger_count)
        i -= (*app++)->trigger_count;
    *out_app = *app;
    *out_nth = i;
    return &(*app)->triggers[i];
}

static void ask_groups(void *arg, size_t i, struct crq_args *args)
{
    const struct crq_app *app;
    size_t nth;
    const struct crq_app_trigger *t = trigger_at(arg, i, &app, &nth);

    crq_args_list(args, "XINFO", "GROUPS", t->stream, NULL);
}

/* Name and value of XINFO's answer. */
static const crq_reply *info_of(const crq_reply *group, const char *name)
{
    for (size_t i = 0; i + 1 < crq_reply_count(group); i += 2) {
        const char *text = crq_reply_text(crq_reply_item(group, i), NULL);

        if (text != NULL && strcmp(text, name) == 0)
            return crq_reply_item(group, i + 1);
    }
    return NULL;
}

/* Events that have not become jobs; CRQ_UNSET: Redis can't tell. */
static int64_t lag_of(const crq_reply *groups)
{
    for (size_t i = 0; i < crq_reply_count(groups); i++) {
        const crq_reply *group = crq_reply_item(groups, i);
        const char *name = crq_reply_text(info_of(group, "name"), NULL);
        const crq_reply *lag = info_of(group, "lag");

        if (name != NULL && strcmp(name, CRQ_TRIGGER_GROUP) == 0 &&
                crq_reply_kind(lag) == CRQ_REPLY_INT)
            return crq_reply_int(lag, 0) +
                    crq_reply_int(info_of(group, "pending"), 0);
    }
    return CRQ_UNSET;
}

static int put_trigger(void *arg, size_t i, const crq_reply *reply,
        crq_error *err)
{
    struct triggers *all = arg;
    struct page *p = all->p;
    const struct crq_app *app;
    size_t nth;
    const struct crq_app_trigger *t = trigger_at(all, i, &app, &nth);
    int64_t lag = lag_of(reply);

    (void)err;
    html(p->out,
            "<tr><th scope=\"row\">%s#%zu</th><td data-th=\"Stream\">"
            "<code>%s</code></td>",
            app->name, nth, t->stream);
    page_cell(p, "Match");
    for (size_t k = 0; k < t->matches; k++)
        html(p->out, "<code>%s=%s</code> ", t->match[k].name,
                t->match[k].value);
    if (t->matches == 0)
        html(p->out, "every event");
    html(p->out, "</td>");
    put_call(p, t->call.task, NULL);
    put_queue(p, t->call.queue);
    page_cell(p, "#Behind");
    if (lag != CRQ_UNSET)
        page_number(p, lag);
    else
        page_none(p);
    html(p->out, "</td></tr>\n");
    return 0;
}

static int put_triggers(struct page *p)
{
    static const char *const headings[] = { "Trigger", "Stream", "Match",
        "Call", "Queue", "#Behind", NULL };
    struct triggers t = { p, { 0 } };
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    size_t count = 0;
    int rc;

    crq_key(key, CRQ_KEY_TRIGGERS, NULL);
    rc = crq_conn_run(p->conn, &reply, p->err, "HGETALL", key, NULL);
    if (rc == 0)
        rc = crq_triggers_read(reply, NULL, NULL, &t.all, p->err);
    for (size_t a = 0; rc == 0 && a < t.all.count; a++)
        count += t.all.apps[a]->trigger_count;
    if (rc == 0 && count > 0) {
        html(p->out, "<h2>Triggers</h2>\n");
        page_table(p, "Streams whose events become jobs", headings);
        rc = many_ask(p->conn, count, ask_groups, put_trigger, &t, p->err);
        page_table_end(p);
    }
    crq_triggers_fini(&t.all);
    crq_reply_free(reply);
    return rc;
}

/* --------------------------------------------------------------- set aside */

static int put_aside(struct page *p)
{
    static const char *const headings[] = { "What", "Why", NULL };
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int64_t count;
    int rc;

    crq_key(key, CRQ_KEY_QUARANTINE, NULL);
    rc = crq_conn_run(p->conn, &reply, p->err, "HLEN", key, NULL);
    count = crq_reply_int(reply, 0);
    crq_reply_free(reply);
    reply = NULL;
    if (rc < 0 || count == 0)
        return rc;
    html(p->out, "<h2>Set aside</h2>\n<p>No scheduler can read these.</p>\n");
    if (count > ASIDE_MAX) {
        page_empty(p, "There are too many to be shown here.");
        return 0;
    }
    rc = crq_conn_run(p->conn, &reply, p->err, "HGETALL", key, NULL);
    if (rc < 0)
        return rc;
    page_table(p, "What no scheduler can read", headings);
    for (size_t i = 0; i + 1 < crq_reply_count(reply); i += 2) {
        size_t len = 0, why_len = 0;
        const char *what = crq_reply_text(crq_reply_item(reply, i), &len);
        const char *why =
                crq_reply_text(crq_reply_item(reply, i + 1), &why_len);

        html(p->out, "<tr><th scope=\"row\">");
        html_cut(p->out, what != NULL ? what : "", len, 200);
        html(p->out, "</th><td data-th=\"Why\">");
        html_cut(p->out, why != NULL ? why : "", why_len, 500);
        html(p->out, "</td></tr>\n");
    }
    page_table_end(p);
    crq_reply_free(reply);
    return 0;
}

int page_schedules(struct page *p)
{
    int rc;

    page_head(p, "Schedules");
    page_head_end(p);
    rc = put_leader(p);
    if (rc == 0)
        rc = put_schedules(p);
    if (rc == 0)
        rc = put_entries(p);
    if (rc == 0)
        rc = put_triggers(p);
    return rc == 0 ? put_aside(p) : rc;
}
