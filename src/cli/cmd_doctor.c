/*
 * cmd_doctor.c - crq doctor: what is wrong with Redis, workers and jobs.
 *
 * Every part only looks, unless --fix. What it then does is what nobody could
 * want otherwise: to enqueue what only had to be enqueued, and to fail, with
 * its reason, what will never run.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/doctor.h"
#include "cli/show.h"
#include "model/job_json.h"
#include "cli/term.h"
#include "redis/conn.h"

#define SHOWN_MOST 10 /* findings of one kind that are printed */

enum { OPT_LIMIT = 256 };

struct options {
    struct cli *cli;
    bool fix;
    int64_t limit;
};

static const struct argp_option option_table[] = {
    { "fix", 'f', NULL, 0, "Mend what can be mended safely", 1 },
    { "limit", OPT_LIMIT, "N", 0,
            "Look at N jobs and entries of each kind at most (default: 100000)",
            1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'f': o->fix = true; return 0;
    case OPT_LIMIT: o->limit = cli_number(state, "limit", arg, 1); return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one word too many", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int doctor_find(struct doctor *d, const char *check, const char *where,
        const char *what, const char *remedy, const char *fixed)
{
    crq_value *one = crq_value_new_dict();
    int rc = one != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(one, "check", check, &rc);
    crq_dict_put_text(one, "where", where, &rc);
    crq_dict_put_text(one, "what", what, &rc);
    crq_dict_put_text(one, "remedy", remedy, &rc);
    crq_dict_put_text(one, "fixed", fixed, &rc);
    if (rc < 0) {
        crq_value_free(one);
        return crq_fail_nomem(d->err);
    }
    if (crq_value_add(d->found, one) < 0)
        return crq_fail_nomem(d->err);
    d->left += fixed == NULL;
    return 0;
}

void doctor_progress(const char *what, int64_t count)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (what == NULL)
        fprintf(stderr, "\r\033[K");
    else
        fprintf(stderr, "\r\033[K%s: %lld", what, (long long)count);
}

static const char *text_of(const crq_value *one, const char *key)
{
    const crq_value *v = crq_value_get(one, key);

    return crq_value_type(v) == CRQ_STR ? crq_value_text(v) : NULL;
}

static void print_one(const crq_value *one)
{
    const char *fixed = text_of(one, "fixed");

    term_text(TERM_BOLD, text_of(one, "where"), 0, 0);
    printf(": ");
    term_text(TERM_PLAIN, text_of(one, "what"), 0, 0);
    printf("\n    ");
    if (fixed != NULL) {
        term_printf(TERM_GREEN, "fixed: ");
        term_text(TERM_PLAIN, fixed, 0, 0);
    } else {
        term_text(TERM_DIM, text_of(one, "remedy"), 0, 0);
    }
    putchar('\n');
}

/* The findings of a kind stand together. */
static void print(const struct doctor *d)
{
    size_t count = crq_value_count(d->found), same = 0;

    for (size_t i = 0; i < count; i++) {
        const crq_value *one = crq_value_item(d->found, i);
        const crq_value *next =
                i + 1 < count ? crq_value_item(d->found, i + 1) : NULL;
        const char *check = text_of(one, "check");

        if (++same <= SHOWN_MOST)
            print_one(one);
        if (next != NULL && strcmp(text_of(next, "check"), check) == 0)
            continue;
        if (same > SHOWN_MOST)
            printf("... and %zu more like that; --json has all\n",
                    same - SHOWN_MOST);
        same = 0;
    }
    if (count == 0)
        printf("Nothing found\n");
    else
        printf("%zu found, %zu fixed\n", count, count - d->left);
    if (d->cut)
        fprintf(stderr, "crq: there is more than was looked at: --limit\n");
}

static int examine(struct doctor *d)
{
    static int (*const parts[])(struct doctor * d) = { doctor_server,
        doctor_keys, doctor_workers, doctor_queues, doctor_jobs, doctor_aside };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
        rc = parts[i](d);
    doctor_progress(NULL, 0);
    return rc;
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "Look for what is wrong with Redis, workers and jobs.", children, NULL,
        NULL };
    struct options o = { cli, false, 100000 };
    crq_error err;
    struct doctor d = { .cli = cli, .err = &err };
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    /* What stands in the way of one part must not hide what others find. Who
     * mends, writes: that is refused. */
    crq_conn_look_past_types(cli->conn, !o.fix);
    d.fix = o.fix;
    d.limit = o.limit;
    d.found = crq_value_new_list();
    rc = d.found != NULL ? examine(&d) : crq_fail_nomem(&err);
    if (rc == 0 && cli->json)
        rc = show_json(d.found, &err);
    else if (rc == 0)
        print(&d);
    crq_value_free(d.found);
    if (rc < 0)
        return cli_error(&err);
    return d.left > 0 ? CLI_FAILED : CLI_DONE;
}
