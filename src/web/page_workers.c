/*
 * page_workers.c - who works, and at what.
 *
 * crq's worker has a record for each of its children, all with the process's
 * number: these are one section. RQ's workers are one of their own each.
 */
#include <stdio.h>
#include <string.h>

#include "model/keys.h"
#include "web/page_impl.h"

static bool is_same_process(const crq_worker *a, const crq_worker *b)
{
    return crq_worker_pid(a)[0] != '\0' &&
            strcmp(crq_worker_pid(a), crq_worker_pid(b)) == 0 &&
            strcmp(crq_worker_hostname(a), crq_worker_hostname(b)) == 0;
}

/* The name of a process with several records is that of the first without the
 * ".1" at its end. */
static void process_name(const crq_worker *first, size_t count,
        char out[CRQ_NAME_MAX + 1])
{
    char *dot;

    (void)snprintf(out, CRQ_NAME_MAX + 1, "%s", crq_worker_name(first));
    dot = strrchr(out, '.');
    if (count > 1 && dot != NULL &&
            dot[1 + strspn(dot + 1, "0123456789")] == '\0')
        *dot = '\0';
}

static void put_command(struct page *p, const crq_worker *worker,
        const char *label, const char *tail, const char *question,
        const char *done, bool small)
{
    page_button(p,
            &(struct page_button){ .label = label,
                    .method = "POST",
                    .folder = "/workers/",
                    .name = crq_worker_name(worker),
                    .tail = tail,
                    .question = question,
                    .done = done,
                    .danger = true,
                    .small = small });
}

static void put_child(struct page *p, const crq_worker *w)
{
    const char *job = crq_worker_current_job(w);

    html(p->out, "<tr><th scope=\"row\">%s</th>", crq_worker_name(w));
    page_cell(p, "State");
    html(p->out, "<span class=\"status s-%s\">%s</span></td>",
            strcmp(crq_worker_state(w), "busy") == 0 ? "started" : "idle",
            crq_worker_state(w)[0] != '\0' ? crq_worker_state(w) : "unknown");
    page_cell(p, "Job");
    if (job[0] != '\0')
        page_job_link(p, job);
    else
        page_none(p);
    html(p->out, "</td>");
    page_cell(p, "#Finished");
    page_number(p, crq_worker_successful_job_count(w));
    html(p->out, "</td>");
    page_cell(p, "#Failed");
    page_number(p, crq_worker_failed_job_count(w));
    html(p->out, "</td>");
    page_cell(p, "#Worked");
    page_duration(p, (int64_t)(crq_worker_total_working_time_s(w) * 1e6));
    html(p->out, "</td>");
    page_cell(p, "Seen");
    page_age(p, crq_worker_last_heartbeat_us(w));
    html(p->out, "</td>");
    if (page_may(p, API_OPERATE)) {
        html(p->out, "<td class=\"acts\">");
        if (job[0] != '\0')
            put_command(p, w, "Kill horse", "/kill-horse",
                    "Kill the process that runs this job? The job fails.",
                    "It was asked to kill it.", true);
        html(p->out, "</td>");
    }
    html(p->out, "</tr>\n");
}

static void put_process(struct page *p, const crq_worker *workers, size_t first,
        size_t count)
{
    const crq_worker *w = crq_workers_at(workers, first);
    const char *const headings[] = { "Child", "State", "Job", "#Finished",
        "#Failed", "#Worked", "Seen",
        page_may(p, API_OPERATE) ? "Actions" : NULL, NULL };
    char name[CRQ_NAME_MAX + 1];

    process_name(w, count, name);
    html(p->out,
            "<section><div class=\"head\"><h2>%s</h2>"
            "<div class=\"buttons\">",
            name);
    put_command(p, w, "Shut down", "/shutdown",
            "Shut this worker down, when its runs have ended?",
            "It was asked to shut down.", false);
    html(p->out,
            "</div></div>\n<p class=\"lead\">%s, process %s, listens to "
            "<b>%s</b>, since ",
            crq_worker_hostname(w)[0] != '\0' ? crq_worker_hostname(w)
                                              : "a host",
            crq_worker_pid(w), crq_worker_queues(w));
    page_age(p, crq_worker_birth_us(w));
    if (crq_worker_version(w)[0] != '\0')
        html(p->out, ", version %s", crq_worker_version(w));
    html(p->out, "</p>\n");
    page_table(p, name, headings);
    for (size_t i = first; i < first + count; i++)
        put_child(p, crq_workers_at(workers, i));
    page_table_end(p);
    html(p->out, "</section>\n");
}

int page_workers(struct page *p)
{
    crq_worker *workers = NULL;
    size_t count = 0, first = 0;
    int rc = crq_workers_fetch(p->conn, &workers, &count, p->err);

    if (rc < 0)
        return rc;
    page_head(p, "Workers");
    page_head_end(p);
    if (count == 0)
        page_empty(p, "Nobody works: start one with crq worker.");
    while (first < count) {
        size_t end = first + 1;

        while (end < count &&
                is_same_process(crq_workers_at(workers, first),
                        crq_workers_at(workers, end)))
            end++;
        put_process(p, workers, first, end - first);
        first = end;
    }
    crq_workers_free(workers, count);
    return 0;
}
