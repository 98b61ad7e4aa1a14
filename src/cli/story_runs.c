/*
 * story_runs.c - what became of a job's runs: the attempts, how the newest one
 * ended, and what it has logged.
 */
#include "cli/story_impl.h"

#include <string.h>

#include "cli/show.h"
#include "cli/term.h"
#include "codec/repr.h"
#include "model/job.h"
#include "model/result.h"

#define ERROR_LINES  12  /* of the newest error */
#define RESULT_MAX   800 /* characters */
#define ATTEMPTS_MAX 5

static void heading(const char *name)
{
    putchar('\n');
    term_printf(TERM_BOLD, "%s", name);
    putchar('\n');
}

/* ---- attempts ---- */

static enum term_style result_style(crq_result_type type)
{
    static const enum term_style styles[] = {
        [CRQ_RESULT_SUCCESSFUL] = TERM_GREEN,
        [CRQ_RESULT_FAILED] = TERM_RED,
        [CRQ_RESULT_STOPPED] = TERM_RED,
        [CRQ_RESULT_RETRIED] = TERM_YELLOW,
        [CRQ_RESULT_MAX_RETRIES_EXCEEDED] = TERM_RED,
    };

    return styles[type];
}

/* The line that says what happened: the last one that holds anything. */
static void print_last_line(const char *text)
{
    size_t len = strlen(text), from;
    char line[500];

    while (len > 0 && strchr("\r\n\t ", text[len - 1]) != NULL)
        len--;
    for (from = len; from > 0 && text[from - 1] != '\n';)
        from--;
    if (len == from)
        return;
    snprintf(line, sizeof(line), "%.*s", (int)(len - from), text + from);
    fputs("     ", stdout);
    term_text(TERM_PLAIN, line,
            term_is_tty() && term_width() > 20 ? (size_t)term_width() - 5 : 0,
            0);
    putchar('\n');
}

/* Who ran it, and under which execution: both are 32 characters with RQ. */
static void print_run(const char *worker, const char *execution)
{
    bool has_worker = worker != NULL && worker[0] != '\0';

    if (!has_worker && execution == NULL)
        return;
    fputs("     ", stdout);
    if (has_worker) {
        term_printf(TERM_DIM, "by ");
        term_text(TERM_PLAIN, worker, 0, 0);
    }
    if (execution != NULL) {
        term_printf(TERM_DIM, has_worker ? " run " : "run ");
        term_text(TERM_PLAIN, execution, 0, 0);
    }
    putchar('\n');
}

static void print_attempt(const struct view *v, size_t nth,
        const crq_result *result, bool newest, size_t pad)
{
    int64_t ended = crq_result_ended_us(result);
    int64_t started = crq_result_started_us(result);
    const char *exc = crq_result_exc_string(result);

    printf("%3zu  ", nth);
    term_text(result_style(crq_result_type_of(result)),
            crq_result_type_name(crq_result_type_of(result)), 0, pad);
    if (crq_result_created_us(result) != CRQ_UNSET) {
        printf("  ");
        term_time(crq_result_created_us(result));
    }
    if (started != CRQ_UNSET && ended != CRQ_UNSET && ended >= started) {
        printf("  took ");
        term_duration(ended - started);
    }
    putchar('\n');
    print_run(crq_result_worker_name(result), crq_result_execution_id(result));
    if (newest)
        return; /* its outcome has a section of its own */
    if (exc != NULL && v->full)
        term_block(TERM_PLAIN, exc, strlen(exc), "     ");
    else if (exc != NULL)
        print_last_line(exc);
}

/* Newest last: where the eye ends. */
void story_attempts(const struct view *v)
{
    const struct crq_story *story = v->story;
    size_t count = story->results_count, nth = 0, pad = 0, shown = count;

    if (count + story->executions_count == 0)
        return;
    heading("attempts");
    if (!v->full && count > ATTEMPTS_MAX) {
        shown = ATTEMPTS_MAX;
        nth = count - shown;
        term_printf(TERM_DIM, "     (%zu before; --full shows all)\n", nth);
    }
    for (size_t i = 0; i < shown; i++) {
        size_t columns = strlen(
                crq_result_type_name(crq_result_type_of(story->results[i])));

        pad = columns > pad ? columns : pad;
    }
    for (size_t i = shown; i-- > 0;)
        print_attempt(v, ++nth, story->results[i], i == 0, pad);
    for (size_t i = 0; i < story->executions_count; i++) {
        printf("%3zu  ", ++nth);
        term_printf(TERM_YELLOW, "running");
        putchar('\n');
        print_run(i == 0 ? crq_job_worker_name(v->job) : NULL,
                story->executions[i]);
    }
}

/* ---- how the last one ended ---- */

/* The last lines of a text, and how many there are above them. */
static const char *last_lines(const char *text, size_t most, size_t *out_above)
{
    size_t len = strlen(text), lines = 0, at;

    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (at = len; at > 0; at--)
        if (text[at - 1] == '\n' && ++lines == most)
            break;
    *out_above = 0;
    for (size_t i = 0; i < at; i++)
        *out_above += text[i] == '\n';
    return text + at;
}

static void print_error(const struct view *v, const char *exc)
{
    const char *shown = exc;
    size_t above = 0;

    if (!v->full)
        shown = last_lines(exc, ERROR_LINES, &above);
    heading("error");
    if (above > 0)
        term_printf(TERM_DIM, "  (%zu line%s above; --full shows all)\n", above,
                above == 1 ? "" : "s");
    term_block(TERM_PLAIN, shown, strlen(shown), "  ");
}

static int print_return(const struct view *v, const crq_result *result,
        crq_error *err)
{
    struct crq_buf text;
    int rc;

    crq_buf_init(&text, 1 << 24);
    rc = crq_repr(crq_result_return_value(result), &text, err);
    if (rc == 0) {
        heading("result");
        fputs("  ", stdout);
        term_text(TERM_PLAIN, crq_buf_text(&text), v->full ? 0 : RESULT_MAX, 0);
        putchar('\n');
        if (!v->full && term_columns(crq_buf_text(&text)) > RESULT_MAX)
            term_printf(TERM_DIM, "  (cut; --full shows all)\n");
    } else if (rc == CRQ_ELIMIT || rc == CRQ_EUNSUPPORTED) {
        heading("result");
        term_printf(TERM_RED, "  (too large to be shown)\n");
        rc = 0;
    }
    crq_buf_fini(&text);
    return rc;
}

int story_outcome(const struct view *v, crq_error *err)
{
    const crq_result *newest =
            v->story->results_count > 0 ? v->story->results[0] : NULL;

    if (newest == NULL)
        return 0;
    if (crq_result_problem(newest) != NULL) {
        heading("result");
        fputs("  ", stdout);
        term_text(TERM_RED, crq_result_problem(newest), 0, 0);
        putchar('\n');
    } else if (crq_result_exc_string(newest) != NULL)
        print_error(v, crq_result_exc_string(newest));
    else if (crq_result_type_of(newest) == CRQ_RESULT_SUCCESSFUL ||
            crq_result_return_value(newest) != NULL)
        return print_return(v, newest, err);
    return 0;
}

void story_log(const struct view *v)
{
    const crq_lines *log = v->story->log;
    size_t count = log != NULL ? crq_lines_count(log) : 0;

    if (count == 0)
        return;
    putchar('\n');
    term_printf(TERM_BOLD, "log");
    if (count == CRQ_STORY_LINES)
        term_printf(TERM_DIM, "  the last %d lines; crq log shows all",
                CRQ_STORY_LINES);
    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        printf("  ");
        show_line(log, i);
    }
}
