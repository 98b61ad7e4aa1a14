/*
 * apply.c - one operation on jobs, from the shell.
 *
 * What can't be done to a job that was named is an error; what can't be done
 * to one of many is counted, and the first few are told.
 */
#include "cli/apply.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/filter.h"
#include "cli/show.h"
#include "cli/term.h"
#include "model/job_json.h"

#define TOLD_MAX 10 /* failures of many jobs that are printed */

/* ---- options ---- */

static const struct argp_option option_table[] = {
    { "queue", 'q', "NAME", 0, "Only jobs of this queue", 10 },
    { "all", 'a', NULL, 0, "All jobs that the options describe", 10 },
    FILTER_OPTIONS('o', 10),
    { "error", FILTER_ERROR, "CLASS", 0,
            "That failed with this error; * is any text", 10 },
    { "dry-run", 'n', NULL, 0, "Only say to which jobs it would be done", 11 },
    { 0 },
};

static bool has_filter(const struct apply *apply)
{
    return apply->filter.statuses != 0 || filter_looks_closer(&apply->filter);
}

/* Nobody shall do something to all jobs by forgetting a word. */
static void check(const struct apply *apply, const struct argp_state *state)
{
    if (!apply->all && apply->ids_count == 0)
        argp_error(state, "name jobs by their ids, or say --all");
    else if (apply->all && apply->ids_count > 0)
        argp_error(state, "either ids or --all");
    else if (!apply->all && has_filter(apply))
        argp_error(state, "these options need --all");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *apply = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = apply->cli; return 0;
    case 'a': apply->all = true; return 0;
    case 'o':
        return filter_parse(FILTER_OLDER_THAN, arg, state, &apply->filter);
    case 'n': apply->bulk.dry_run = true; return 0;
    case ARGP_KEY_ARGS:
        apply->ids = state->argv + state->next;
        apply->ids_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END: check(apply, state); return 0;
    default: return filter_parse(key, arg, state, &apply->filter);
    }
}

static const struct argp_child children[] = { { &cli_common_argp, 0, NULL, 0 },
    { 0 } };
const struct argp apply_argp = { option_table, parse, NULL, NULL, children,
    NULL, NULL };

/* ---- telling ---- */

struct report {
    struct apply *apply;
    crq_tally tally;
    crq_value *jobs, *errors; /* for --json */
    bool bar;                 /* there is one on the screen */
    bool interrupted;
};

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t caught; /* the signal, 0: none yet */

static void on_signal(int signum)
{
    caught = signum;
}

/* The page under way is finished, and what was done is said; a second signal
 * ends the program at once. */
static void catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Who waits for us, such as a loop of the shell's, must see why we ended. */
static void end_by_signal(const crq_tally *tally, const struct apply *apply)
{
    fprintf(stderr, "crq: interrupted: of %lld jobs %lld %s%s\n",
            (long long)tally->total, (long long)tally->done,
            apply->bulk.dry_run ? "would be " : "", apply->done);
    fflush(stdout);
    signal(caught, SIG_DFL);
    raise(caught);
}

static void clear_bar(struct report *r)
{
    if (r->bar)
        fputs("\r\033[K", stderr);
    r->bar = false;
}

/* A bar, when somebody looks and it takes more than a moment. */
static int on_progress(void *arg, const crq_tally *tally)
{
    static const char full[] = "##############################";
    struct report *r = arg;
    int percent, width = (int)sizeof(full) - 1;

    if (caught != 0) {
        r->interrupted = true;
        return CRQ_ESTATE; /* to stop: it is not told */
    }
    if (r->apply->cli->json || tally->total <= 1000 || !isatty(STDERR_FILENO))
        return 0;
    percent = (int)(100 * tally->seen / tally->total);
    percent = percent > 100 ? 100 : percent;
    fprintf(stderr, "\r[%-*.*s] %3d%%  %lld of %lld, %lld %s", width,
            width * percent / 100, full, percent, (long long)tally->seen,
            (long long)tally->total, (long long)tally->done, r->apply->done);
    r->bar = true;
    return 0;
}

static int note_json(crq_value *list, const char *id, const char *why)
{
    crq_value *error = crq_value_new_dict();
    int rc = error != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(error, "id", id, &rc);
    crq_dict_put_text(error, "error", why, &rc);
    if (rc < 0) {
        crq_value_free(error);
        return rc;
    }
    return crq_value_add(list, error);
}

static int tell_failure(struct report *r, const char *id, const char *why)
{
    int64_t nth = r->tally.refused + r->tally.gone;

    if (r->apply->cli->json)
        return nth <= 100 ? note_json(r->errors, id, why) : 0;
    if (r->apply->all && nth > TOLD_MAX)
        return 0;
    clear_bar(r);
    fprintf(stderr, "crq: %s\n", why);
    return 0;
}

/* Jobs that were named, and those of a dry run, are told one by one. */
static int tell_done(struct report *r, crq_job *job)
{
    const char *call = crq_job_description(job);

    if (r->apply->all && !r->apply->bulk.dry_run)
        return 0;
    if (r->apply->cli->json)
        return crq_value_add(r->jobs, crq_shown_text(crq_job_id(job)));
    term_text(TERM_PLAIN, crq_job_id(job), 0, 36);
    printf("  ");
    if (r->apply->bulk.dry_run) {
        term_text(term_status_style(crq_job_status(job)),
                crq_job_status_text(job), 0, 9);
        printf("  ");
        term_text(TERM_PLAIN, call != NULL ? call : "?",
                term_is_tty() && term_width() > 60 ? (size_t)term_width() - 50
                                                   : 0,
                0);
        putchar('\n');
    } else
        printf("%s\n", r->apply->done);
    return 0;
}

static int on_each(void *arg, crq_job *job, int rc, const crq_error *why)
{
    struct report *r = arg;

    if (rc == 0)
        return tell_done(r, job);
    /* Only for how many have been told: the tally is the walk's. */
    if (rc == CRQ_ENOTFOUND)
        r->tally.gone++;
    else
        r->tally.refused++;
    return tell_failure(r, crq_job_id(job), why->text);
}

static int print_json(struct report *r, crq_error *err)
{
    const struct {
        const char *name;
        int64_t n;
    } numbers[] = {
        { "total", r->tally.total },
        { "matched", r->tally.matched },
        { "done", r->tally.done },
        { "gone", r->tally.gone },
        { "refused", r->tally.refused },
    };
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "operation", r->apply->name, &rc);
    crq_dict_put(v, "dry_run", crq_value_new_bool(r->apply->bulk.dry_run), &rc);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        crq_dict_put_number(v, numbers[i].name, numbers[i].n, &rc);
    crq_dict_put(v, "jobs", crq_value_ref(r->jobs), &rc);
    crq_dict_put(v, "errors", crq_value_ref(r->errors), &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(v, err);
    crq_value_free(v);
    return rc;
}

static void print_count(const struct report *r)
{
    const crq_tally *t = &r->tally;
    const char *s = t->done == 1 ? "" : "s";

    if (!r->apply->all)
        return;
    if (t->matched == 0) {
        printf("Nothing to do\n");
        return;
    }
    if (r->apply->bulk.dry_run)
        printf("%lld job%s would be %s\n", (long long)t->done, s,
                r->apply->done);
    else
        printf("%lld job%s %s\n", (long long)t->done, s, r->apply->done);
    if (t->refused > TOLD_MAX)
        fprintf(stderr, "crq: %lld jobs in all could not be %s\n",
                (long long)t->refused, r->apply->done);
}

/* ---- doing ---- */

/* An id stands for a job whatever its status; the operation itself refuses. */
static int operate(struct apply *apply, crq_job *job, crq_error *err)
{
    const crq_bulk *bulk = &apply->bulk;

    if (bulk->dry_run)
        return 0;
    switch (bulk->operation) {
    case CRQ_OPERATION_CANCEL: return crq_job_cancel(job, bulk->flags, err);
    case CRQ_OPERATION_REQUEUE: return crq_job_requeue(job, bulk->flags, err);
    case CRQ_OPERATION_DELETE: return crq_job_delete(job, bulk->flags, err);
    case CRQ_OPERATION_STOP: return crq_job_stop(job, err);
    case CRQ_OPERATION_MOVE:
        return crq_job_move(job, bulk->to_queue, bulk->flags, err);
    case CRQ_OPERATION_NONE: break;
    }
    return 0;
}

static int do_id(struct report *r, const char *id, crq_error *err)
{
    const char *queue = r->apply->filter.queue, *origin;
    crq_error why = { 0, "" };
    crq_job *job = NULL;
    int rc = crq_job_fetch(r->apply->cli->conn, id, &job, &why), told;

    r->tally.matched += rc == 0;
    origin = rc == 0 ? crq_job_origin(job) : NULL;
    if (rc == 0 && queue != NULL &&
            (origin == NULL || strcmp(origin, queue) != 0))
        rc = crq_fail(&why, CRQ_ESTATE, "job '%.80s' is not of queue '%.80s'",
                id, queue);
    if (rc == 0)
        rc = operate(r->apply, job, &why);
    /* Without Redis there is no going on; a damaged job is its own trouble. */
    if (rc < 0 && rc != CRQ_ENOTFOUND && rc != CRQ_ESTATE && rc != CRQ_ECODEC) {
        crq_job_free(job);
        return crq_fail(err, rc, "%s", why.text);
    }
    r->tally.done += rc == 0;
    r->tally.gone += rc == CRQ_ENOTFOUND;
    r->tally.refused += rc < 0 && rc != CRQ_ENOTFOUND;
    told = rc == 0 ? tell_done(r, job) : tell_failure(r, id, why.text);
    crq_job_free(job);
    return told < 0 ? crq_fail(err, told, "%s", crq_error_summary(told)) : 0;
}

static int do_ids(struct report *r, crq_error *err)
{
    int rc = 0;

    r->tally.total = (int64_t)r->apply->ids_count;
    for (size_t i = 0; rc == 0 && i < r->apply->ids_count; i++)
        rc = do_id(r, r->apply->ids[i], err);
    return rc;
}

static int do_all(struct report *r, crq_error *err)
{
    struct apply *apply = r->apply;
    crq_tally tally = { 0, 0, 0, 0, 0, 0 };
    int rc;

    apply->bulk.each = on_each;
    apply->bulk.progress = on_progress;
    apply->bulk.arg = r;
    catch_signals();
    rc = crq_jobs_apply(apply->cli->conn, &apply->filter, &apply->bulk, &tally,
            err);
    clear_bar(r);
    r->tally = tally;
    return r->interrupted ? 0 : rc;
}

int apply_run(struct apply *apply)
{
    struct report r = { .apply = apply };
    crq_error err;
    int rc = cli_connect(apply->cli), printed = 0;

    if (rc != 0)
        return rc;
    r.jobs = crq_value_new_list();
    r.errors = crq_value_new_list();
    if (r.jobs == NULL || r.errors == NULL)
        rc = crq_fail_nomem(&err);
    else
        rc = apply->all ? do_all(&r, &err) : do_ids(&r, &err);
    /* Also of work that broke off: what was done is done. */
    if (rc == 0 || r.tally.done > 0) {
        if (apply->cli->json)
            printed = print_json(&r, rc == 0 ? &err : NULL);
        else if (!r.interrupted)
            print_count(&r);
    }
    crq_value_free(r.jobs);
    crq_value_free(r.errors);
    if (rc < 0 || printed < 0)
        return cli_error(&err);
    if (r.interrupted)
        end_by_signal(&r.tally, apply);
    return r.tally.refused > 0 || (!apply->all && r.tally.gone > 0) ? CLI_FAILED
                                                                    : CLI_DONE;
}
