/*
 * top_draw.c - a sample of crq top as lines, or as JSON.
 *
 * On a screen each part gets its share of the lines: queues first, then
 * workers, then failures; what does not fit is counted in a line.
 */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/screen.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/top.h"
#include "model/job_json.h"
#include "model/stats_json.h"

struct pen {
    const struct top_sample *s;
    bool screen; /* lines are cut and counted */
    int width;
    bool begun;
};

/* Begin a line. */
static void line(struct pen *pen)
{
    if (pen->begun && pen->screen)
        screen_line();
    else if (pen->begun)
        putchar('\n');
    pen->begun = true;
}

/* ---- figures ---- */

/* In at most seven columns. */
static void time_text(char out[16], int64_t us)
{
    int64_t s = us / 1000000;

    if (us == CRQ_UNSET)
        snprintf(out, 16, "-");
    else if (us < 10000)
        snprintf(out, 16, "%.1fms", (double)(us < 0 ? 0 : us) / 1e3);
    else if (us < 1000000)
        snprintf(out, 16, "%dms", (int)(us / 1000));
    else if (s < 100)
        snprintf(out, 16, "%.1fs", (double)us / 1e6);
    else if (s < 6000)
        snprintf(out, 16, "%dm%02ds", (int)(s / 60), (int)(s % 60));
    else if (s < 360000)
        snprintf(out, 16, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(out, 16, "%lldd", (long long)(s / 86400 % 1000000));
}

static void print_time(enum term_style style, int64_t us, int width)
{
    char text[16];

    time_text(text, us);
    term_printf(us == CRQ_UNSET ? TERM_DIM : style, " %*s", width, text);
}

static void print_count(enum term_style style, int64_t n, int width)
{
    char text[CRQ_INT_LEN + 2];

    if (n < 10000000)
        snprintf(text, sizeof(text), "%lld", (long long)n);
    else
        snprintf(text, sizeof(text), "%lldM", (long long)(n / 1000000));
    term_printf(n > 0 ? style : TERM_DIM, " %*s", width, text);
}

static void print_rate(enum term_style style, double rate, int width)
{
    int digits = rate > 0 && rate < 0.05 ? 2 : rate < 1000 ? 1 : 0;

    term_printf(rate > 0 ? style : TERM_DIM, " %*.*f", width, digits, rate);
}

static int64_t percentile(const crq_stats *stats, crq_timing timing, double p)
{
    return crq_stats_percentile_us(stats, timing, 0, TOP_WINDOW, p);
}

/* ---- the head ---- */

static int64_t sum_queued(const struct top_sample *s, bool started)
{
    int64_t sum = 0;

    for (size_t i = 0; i < s->queues; i++)
        sum += started ? s->counts[i].started : s->counts[i].queued;
    return sum;
}

static void draw_title(struct pen *pen, const struct top_frame *frame)
{
    const struct top_sample *s = pen->s;
    time_t now = (time_t)(s->now_us / 1000000);
    struct tm tm;
    char clock[16] = "";

    if (localtime_r(&now, &tm) != NULL)
        (void)!strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
    line(pen);
    term_printf(TERM_BOLD, "crq");
    fputs("  ", stdout);
    term_text(TERM_PLAIN, frame->address, 30, 0);
    printf("  %s  %lld waiting, %lld running", clock,
            (long long)sum_queued(s, false), (long long)sum_queued(s, true));
    if (s->suspended)
        term_printf(TERM_YELLOW, "  suspended");
    if (frame->problem != NULL) {
        line(pen);
        term_text(TERM_RED, frame->problem, (size_t)pen->width, 0);
    }
}

static void draw_timing(const crq_stats *stats, const char *name,
        crq_timing timing)
{
    char text[16];

    term_printf(TERM_DIM, "   %s", name);
    for (int i = 0; i < 3; i++) {
        time_text(text,
                percentile(stats, timing, (const double[]){ .5, .95, .99 }[i]));
        printf("%s%s", i == 0 ? " " : " / ", text);
    }
}

static void draw_summary(struct pen *pen)
{
    const struct top_sample *s = pen->s;
    const crq_stats *all = crq_stats_at(s->stats, s->queues);
    const struct top_rates *rates = &s->rates[s->queues];

    line(pen);
    printf("%.1f runs/s", rates->all);
    if (rates->failed > 0)
        term_printf(TERM_RED, ", %.1f failed/s", rates->failed);
    draw_timing(all, "wait", CRQ_TIMING_WAIT);
    draw_timing(all, "run", CRQ_TIMING_RUN);
}

/* ---- queues, workers, failures ---- */

/* The width of a column of names that leaves `rest` columns. */
static size_t name_width(const struct pen *pen, size_t longest, size_t rest)
{
    size_t room =
            (size_t)pen->width > rest + 10 ? (size_t)pen->width - rest : 10;

    if (!pen->screen && !term_is_tty())
        return longest;
    return longest < room ? longest : room;
}

static void draw_queue_head(struct pen *pen, size_t width)
{
    line(pen);
    term_text(TERM_BOLD, "QUEUE", width, width);
    term_printf(TERM_BOLD, " %8s %7s %8s %7s %7s %7s %7s %7s", "WAITING",
            "RUNNING", "FAILED", "RUNS/S", "WAIT50", "WAIT95", "RUN95",
            "OLDEST");
}

static void draw_queue(struct pen *pen, size_t i, size_t width)
{
    const struct top_sample *s = pen->s;
    const crq_stats *stats = crq_stats_at(s->stats, i);
    int64_t oldest_us = crq_stats_oldest_us(stats);

    line(pen);
    term_text(TERM_PLAIN, s->names[i], width, width);
    print_count(TERM_BLUE, s->counts[i].queued, 8);
    print_count(TERM_YELLOW, s->counts[i].started, 7);
    print_count(TERM_RED, s->counts[i].failed, 8);
    print_rate(TERM_GREEN, s->rates[i].all, 7);
    print_time(TERM_PLAIN, percentile(stats, CRQ_TIMING_WAIT, .5), 7);
    print_time(TERM_PLAIN, percentile(stats, CRQ_TIMING_WAIT, .95), 7);
    print_time(TERM_PLAIN, percentile(stats, CRQ_TIMING_RUN, .95), 7);
    print_time(TERM_YELLOW,
            oldest_us == CRQ_UNSET          ? CRQ_UNSET
                    : s->now_us > oldest_us ? s->now_us - oldest_us
                                            : 0,
            7);
}

static void draw_worker_head(struct pen *pen, size_t width)
{
    line(pen);
    term_text(TERM_BOLD, "WORKER", width, width);
    term_printf(TERM_BOLD, " %-9s %8s %8s  %s", "STATE", "FINISHED", "FAILED",
            "RUNS");
}

static void draw_worker(struct pen *pen, size_t i, size_t width)
{
    const struct top_sample *s = pen->s;
    const crq_worker *worker = crq_workers_at(s->workers, i);
    const char *state = crq_worker_state(worker);
    size_t before = width + 30;

    line(pen);
    term_text(TERM_PLAIN, crq_worker_name(worker), width, width);
    putchar(' ');
    term_text(strcmp(state, "busy") == 0 ? TERM_YELLOW : TERM_DIM, state, 9, 9);
    print_count(TERM_GREEN, crq_worker_successful_job_count(worker), 8);
    print_count(TERM_RED, crq_worker_failed_job_count(worker), 8);
    if (s->jobs[i].text[0] == '\0')
        return;
    print_time(TERM_PLAIN,
            s->jobs[i].started_us == CRQ_UNSET
                    ? CRQ_UNSET
                    : s->now_us - s->jobs[i].started_us,
            7);
    fputs("  ", stdout);
    term_text(TERM_PLAIN, s->jobs[i].text,
            !pen->screen ? 0
                    : (size_t)pen->width > before + 8
                    ? (size_t)pen->width - before
                    : 8,
            0);
}

static void draw_failure_head(struct pen *pen, size_t width)
{
    line(pen);
    term_text(TERM_BOLD, "FAILED IN 30 DAYS", width, width);
    term_printf(TERM_BOLD, " %8s %7s  %s", "TIMES", "AGO", "OF");
}

static void draw_failure(struct pen *pen, size_t i, size_t width)
{
    const crq_failures *f = pen->s->failures;
    const char *func = crq_failure_func(f, i);
    const char *name = crq_failure_class(f, i);
    const char *message = crq_failure_message(f, i);
    struct crq_buf text = CRQ_BUF_INIT;
    size_t before = width + 19;

    crq_buf_printf(&text, "%s%s%s", name, name[0] && message[0] ? ": " : "",
            message);
    line(pen);
    term_text(TERM_PLAIN, func[0] != '\0' ? func : "?", width, width);
    print_count(TERM_RED, crq_failure_times(f, i), 8);
    print_time(TERM_PLAIN, pen->s->now_us - crq_failure_last_us(f, i), 7);
    fputs("  ", stdout);
    term_text(TERM_PLAIN, crq_buf_text(&text),
            !pen->screen ? 0
                    : (size_t)pen->width > before + 8
                    ? (size_t)pen->width - before
                    : 8,
            0);
    crq_buf_fini(&text);
}

/* ---- parts ---- */

static const char *queue_name(const struct top_sample *s, size_t i)
{
    return s->names[i];
}

static const char *worker_name(const struct top_sample *s, size_t i)
{
    return crq_worker_name(crq_workers_at(s->workers, i));
}

static const char *failure_name(const struct top_sample *s, size_t i)
{
    return crq_failure_func(s->failures, i);
}

enum { QUEUES, WORKERS, FAILURES, PARTS };

static const struct {
    const char *what;
    size_t least, rest; /* of the first column; columns behind it */
    const char *(*name)(const struct top_sample *s, size_t i);
    void (*head)(struct pen *pen, size_t width);
    void (*row)(struct pen *pen, size_t i, size_t width);
} parts[PARTS] = {
    [QUEUES] = { "queues", 5, 67, queue_name, draw_queue_head, draw_queue },
    [WORKERS] = { "workers", 6, 50, worker_name, draw_worker_head,
            draw_worker },
    [FAILURES] = { "causes", 17, 45, failure_name, draw_failure_head,
            draw_failure },
};

/* Lines that a part takes beside its rows: a blank one and the head. */
#define AROUND 2
/* Rows below which a part is left out, for those in front of it. */
#define ROWS_LEAST 2

/* How many rows of each part are shown: all where there is room; else those
 * that come first get no more than half of what is left. On a low screen the
 * last parts are not there at all. */
static void share(size_t counts[PARTS], int rows, size_t out[PARTS])
{
    int used = 0, left = rows;

    for (int p = 0; p < PARTS; p++)
        used += counts[p] > 0;
    for (int p = PARTS - 1; p > 0; p--)
        if (counts[p] > 0 && rows < used * (AROUND + ROWS_LEAST)) {
            counts[p] = 0;
            used--;
        }
    left -= used * AROUND;
    for (int p = 0; p < PARTS; p++) {
        size_t behind = 0, room = left > 0 ? (size_t)left : 0;

        for (int next = p + 1; next < PARTS; next++)
            behind += counts[next];
        if (behind > 0 && counts[p] + behind > room)
            room = behind < room / 2 ? room - behind : room - room / 2;
        out[p] = counts[p] < room ? counts[p] : room;
        left -= (int)out[p];
    }
}

static void draw_part(struct pen *pen, int p, size_t count, size_t shown)
{
    size_t longest = parts[p].least, width;

    for (size_t i = 0; i < count; i++) {
        size_t n = term_columns(parts[p].name(pen->s, i));

        longest = n > longest ? n : longest;
    }
    width = name_width(pen, longest, parts[p].rest);
    line(pen);
    parts[p].head(pen, width);
    /* The last line says how many there are beside those shown. */
    for (size_t i = 0; i < shown && (shown == count || i + 1 < shown); i++)
        parts[p].row(pen, i, width);
    if (shown < count && shown > 0) {
        line(pen);
        term_printf(TERM_DIM, "and %zu more %s", count - shown + 1,
                parts[p].what);
    }
}

void top_draw(const struct top_sample *s, const struct top_frame *frame)
{
    struct pen pen = { s, frame->rows > 0, term_width(), false };
    size_t counts[PARTS] = { s->queues, s->workers_count,
        s->failures != NULL ? crq_failures_count(s->failures) : 0 };
    size_t shown[PARTS] = { counts[0], counts[1], counts[2] };

    draw_title(&pen, frame);
    if (s->stats != NULL)
        draw_summary(&pen);
    if (pen.screen)
        share(counts, frame->rows - 2 - (frame->problem != NULL), shown);
    for (int p = 0; p < PARTS; p++)
        if (counts[p] > 0)
            draw_part(&pen, p, counts[p], shown[p]);
    if (!pen.screen)
        putchar('\n');
}

/* ---- for programs ---- */

static void put_queues(crq_value *all, const struct top_sample *s, int *rc)
{
    crq_value *list = crq_value_new_list();

    *rc = *rc == 0 && list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < s->queues; i++) {
        crq_value *queue = NULL, *stats = NULL;

        *rc = crq_counts_to_value(s->names[i], &s->counts[i], &queue, NULL);
        if (*rc == 0)
            *rc = crq_stats_to_value(crq_stats_at(s->stats, i), TOP_WINDOW, 0,
                    &stats, NULL);
        crq_dict_put(queue, "stats", stats, rc);
        if (*rc == 0)
            *rc = crq_value_add(list, queue);
        else
            crq_value_free(queue);
    }
    crq_dict_put(all, "queues", list, rc);
}

static void put_workers(crq_value *all, const struct top_sample *s, int *rc)
{
    crq_value *list = crq_value_new_list();

    *rc = *rc == 0 && list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < s->workers_count; i++) {
        crq_value *worker = NULL;

        *rc = crq_worker_to_value(crq_workers_at(s->workers, i), &worker, NULL);
        if (*rc == 0)
            *rc = crq_value_add(list, worker);
    }
    crq_dict_put(all, "workers", list, rc);
}

static void put_failures(crq_value *all, const struct top_sample *s, int *rc)
{
    crq_value *list = crq_value_new_list();

    *rc = *rc == 0 && list == NULL ? CRQ_ENOMEM : *rc;
    for (size_t i = 0; *rc == 0 && i < crq_failures_count(s->failures); i++) {
        crq_value *failure = NULL;

        *rc = crq_failure_to_value(s->failures, i, &failure, NULL);
        if (*rc == 0)
            *rc = crq_value_add(list, failure);
    }
    crq_dict_put(all, "failures", list, rc);
}

int top_json(const struct top_sample *s, crq_error *err)
{
    crq_value *all = crq_value_new_dict(), *stats = NULL;
    int rc = all != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_stats_to_value(crq_stats_at(s->stats, s->queues), TOP_WINDOW,
                0, &stats, NULL);
    crq_dict_put(all, "all", stats, &rc);
    put_queues(all, s, &rc);
    put_workers(all, s, &rc);
    put_failures(all, s, &rc);
    crq_dict_put(all, "suspended", crq_value_new_bool(s->suspended), &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(all, err);
    crq_value_free(all);
    return rc;
}
