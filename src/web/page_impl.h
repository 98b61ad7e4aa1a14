/*
 * page_impl.h - what the files of the dashboard share.
 *
 * page.c calls a page's function, which appends the main part to p->out and
 * returns 0; what it has not answered itself it returns as a failure, with
 * *p->err filled, and page.c shows that.
 */
#ifndef CRQ_WEB_PAGE_IMPL_H
#define CRQ_WEB_PAGE_IMPL_H

#include "web/html.h"
#include "web/page.h"

#define PAGE_TITLE_MAX 120

struct page {
    struct api *api;
    crq_conn *conn;
    const struct api_request *req;
    const struct page_viewer *viewer;
    const char *name; /* what stands for {id} or {name} in the path */
    struct crq_buf *out;
    crq_error *err;
    int64_t now_us;
    const char *nav; /* the link in the navigation that is this page's */
    char title[PAGE_TITLE_MAX];
    bool still;     /* nothing in it changes by itself */
    int status;     /* 200, unless the page says else */
    char *location; /* not NULL: it is over there; freed by page.c */
};

typedef int page_function(struct page *p);

page_function page_overview, page_queue, page_jobs, page_job, page_job_log;
page_function page_failures, page_workers, page_schedules, page_groups;
page_function page_group, page_api;

/** Name the page in the browser's title, instead of its row's words. */
void page_title(struct page *p, const char *format, ...) CRQ_PRINTF(2, 3);

/** A parameter of the query, or NULL when it is empty or not there. */
const char *page_query(const struct page *p, const char *name);

/** Whether the viewer may do what takes this role. */
bool page_may(const struct page *p, enum api_role role);

/**
 * GET from the REST interface: what it answers as a value, the caller's.
 * `path` ends with NULL. A refusal is returned as a failure by its status.
 */
int page_ask(struct page *p, const char *const *path,
        const struct api_pair *query, size_t query_count,
        crq_value **out) CRQ_MUST_CHECK;

/** Names of all queues, sorted; what can be no queue's is left out. To be
 *  freed with crq_names_free(). */
int page_queue_names(struct page *p, char ***out,
        size_t *out_count) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------- parts */

/** 1234567 as 1,234,567. */
void page_number(struct page *p, int64_t n);
/** Microseconds: "850 ms", "12.3 s", "4 min 10 s"; CRQ_UNSET: a dash. */
void page_duration(struct page *p, int64_t us);
/** How long ago it was, or how soon it will be, with the moment itself for who
 *  wants it; CRQ_UNSET: a dash. */
void page_age(struct page *p, int64_t us);
/** The moment itself. */
void page_moment(struct page *p, int64_t us);
/** A status of RQ's, marked by its colour. */
void page_status(struct page *p, const char *status);
/** A dash for what is not there. */
void page_none(struct page *p);
/** A text, or a dash for NULL and "". */
void page_text(struct page *p, const char *text);
void page_job_link(struct page *p, const char *id);
void page_queue_link(struct page *p, const char *queue);

/** The address of a list of jobs; what is NULL is left out. It needs no
 *  escape. */
void page_jobs_href(struct page *p, const char *queue, const char *status,
        const char *func, const char *group, const char *error);

/** <h1>, and the place where buttons go: `page_head_end()` closes it. */
void page_head(struct page *p, const char *title);
void page_head_end(struct page *p);

/** A table that becomes cards on a phone: headings up to NULL. One that begins
 *  with '#' is of numbers. The caption is for who can't see the page. */
void page_table(struct page *p, const char *caption,
        const char *const *headings);
void page_table_end(struct page *p);
/** <td>, named for cards: the caller closes it. */
void page_cell(struct page *p, const char *heading);

/** A line that says that there is nothing. */
void page_empty(struct page *p, const char *text);

/* A button that sends one request to the REST interface, after a question.
 * Pages show it only to who may, and only with a script. */
struct page_button {
    const char *label, *method;
    const char *folder, *name, *tail; /* "/jobs/", an id, "/requeue" */
    const char *body;                 /* JSON, or NULL */
    const char *question;             /* NULL: it is not asked */
    const char *done;                 /* what is said when it is */
    const char *then;                 /* the page to go to; NULL: this one */
    bool danger;                      /* what it does can't be undone */
    bool small;
};
void page_button(struct page *p, const struct page_button *button);

/* The same for all jobs that a filter describes: what would be done is counted
 * first. What is NULL does not matter. */
struct page_apply {
    const char *label, *operation;
    const char *queue, *status, *func, *group, *error;
    bool danger;
    bool small;
};
int page_apply(struct page *p, const struct page_apply *apply) CRQ_MUST_CHECK;

/* ------------------------------------------------------------------ charts */

struct page_series {
    const char *name, *kind; /* its class: "good", "bad", "a", "b" */
    const double *values;    /* oldest first; below 0: there is none */
};

/** Bars, the series of one minute on top of each other. `unit` is behind each
 *  number; NULL: durations, as seconds. */
void page_chart_bars(struct page *p, const char *id, const char *title,
        const struct page_series *series, size_t series_count, size_t count,
        const char *unit);
/** Lines. */
void page_chart_lines(struct page *p, const char *id, const char *title,
        const struct page_series *series, size_t series_count, size_t count,
        const char *unit);
/** A small one, without axes. */
void page_spark(struct page *p, const char *label, const double *values,
        size_t count);

#endif
