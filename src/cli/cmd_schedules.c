/* cmd_schedules.c - crq schedules: what runs again and again, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/triggers.h"
#include "codec/timetext.h"
#include "model/job_json.h"
#include "redis/conn.h"
#include "sched/entry.h"
#include "sched/schedule_json.h"

#define MAX_NEXT 1000

struct options {
    struct cli *cli;
    int64_t next; /* how many slots to tell of */
    const char *id;
};

static const struct argp_option option_table[] = {
    { "next", 'n', "N", 0, "The next N times of a schedule", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'n':
        o->next = cli_number(state, "next", arg, 1);
        if (o->next > MAX_NEXT)
            argp_error(state, "--next: up to %d", MAX_NEXT);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one schedule, not '%s' as well", arg);
        o->id = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->next > 0 && o->id == NULL)
            argp_error(state, "--next: of which schedule?");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- for programs ---- */

/* An entry of rq-scheduler, with the names that schedules have. */
static int add_entry(void *arg, const struct crq_entry *entry)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "id", entry->id, &rc);
    crq_dict_put_text(v, "queue", entry->queue, &rc);
    crq_dict_put_text(v, "func", entry->func, &rc);
    crq_dict_put_text(v, "description", entry->description, &rc);
    crq_dict_put(v, "every",
            entry->every_us == 0
                    ? crq_value_new_none()
                    : crq_value_new_float((double)entry->every_us / 1e6),
            &rc);
    crq_dict_put_text(v, "cron", entry->cron, &rc);
    crq_dict_put_time(v, "next", entry->next_us, &rc);
    crq_dict_put_number(v, "left", entry->left, &rc);
    crq_dict_put_text(v, "source", "rq-scheduler", &rc);
    crq_dict_put_text(v, "problem", entry->problem, &rc);
    if (rc == 0)
        return crq_value_add(arg, v);
    crq_value_free(v);
    return rc;
}

/* Schedules, and with `cli` entries of rq-scheduler and triggers, too. */
static int print_json(const struct cli *cli, crq_schedule *const *list,
        size_t count, crq_error *err)
{
    crq_value *all = crq_value_new_list();
    int rc = all != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_value *v = NULL;

        rc = crq_schedule_to_value(list[i], &v, NULL);
        if (rc == 0)
            rc = crq_value_add(all, v);
    }
    if (rc < 0)
        rc = crq_fail_nomem(err);
    else if (cli != NULL)
        rc = crq_entry_each(cli->conn, add_entry, all, err);
    if (rc == 0 && cli != NULL)
        rc = triggers_show(cli, all, err);
    if (rc == 0)
        rc = show_json(all, err);
    crq_value_free(all);
    return rc;
}

/* ---- for people ---- */

static void print_next(int64_t next_us, int64_t now_us, const char *call)
{
    printf("  next ");
    if (next_us > now_us) {
        printf("in ");
        term_duration(next_us - now_us);
    } else
        term_time(next_us);
    printf("  ");
    term_text(TERM_PLAIN, call != NULL ? call : "", 60, 0);
    printf("\n");
}

static int print_entry(void *arg, const struct crq_entry *entry)
{
    const int64_t *now_us = arg;

    term_text(TERM_BOLD, entry->id, 0, 20);
    printf("  ");
    if (entry->problem != NULL) {
        term_text(TERM_RED, entry->problem, 0, 0);
        printf("\n");
        return 0;
    }
    printf("rq-scheduler ");
    if (entry->cron != NULL)
        term_text(TERM_CYAN, entry->cron, 0, 0);
    else if (entry->every_us > 0) {
        printf("every ");
        term_duration(entry->every_us);
    } else
        printf("once");
    print_next(entry->next_us, *now_us, entry->description);
    return 0;
}

static void print_one(const crq_schedule *s, int64_t now_us)
{
    term_text(TERM_BOLD, crq_schedule_id(s), 0, 20);
    printf("  ");
    if (crq_schedule_problem(s) != NULL) {
        term_text(TERM_RED, crq_schedule_problem(s), 0, 0);
        printf("\n");
        return;
    }
    if (crq_schedule_cron(s) != NULL)
        term_printf(TERM_CYAN, "%s (%s)", crq_schedule_cron(s),
                crq_schedule_tz(s) != NULL ? crq_schedule_tz(s) : "UTC");
    else {
        printf("every ");
        term_duration(crq_schedule_every_us(s));
    }
    if (crq_schedule_left(s) == 0)
        printf("  ended\n");
    else
        print_next(crq_schedule_next_us(s), now_us,
                crq_schedule_description(s));
}

static int print_list(struct options *o, crq_error *err)
{
    crq_schedule **list = NULL;
    size_t count = 0;
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(o->cli->conn));
    int rc = crq_schedule_list(o->cli->conn, &list, &count, err);

    if (rc < 0)
        return rc;
    if (o->cli->json)
        rc = print_json(o->cli, list, count, err);
    for (size_t i = 0; !o->cli->json && i < count; i++)
        print_one(list[i], now_us);
    if (!o->cli->json)
        rc = crq_entry_each(o->cli->conn, print_entry, &now_us, err);
    if (rc == 0 && !o->cli->json)
        rc = triggers_show(o->cli, NULL, err);
    crq_schedules_free(list, count);
    return rc;
}

static int print_times(const struct options *o, const crq_schedule *s,
        crq_error *err)
{
    int64_t times[MAX_NEXT];
    crq_value *all = crq_value_new_dict();
    size_t count = 0;
    int rc = all != NULL
            ? crq_schedule_times(s, times, (size_t)o->next, &count, err)
            : crq_fail_nomem(err);

    for (size_t i = 0; rc == 0 && !o->cli->json && i < count; i++) {
        term_time(times[i]);
        printf("\n");
    }
    if (rc == 0 && o->cli->json) {
        crq_value *list = crq_value_new_list();

        rc = list != NULL ? 0 : CRQ_ENOMEM;
        for (size_t i = 0; rc == 0 && i < count; i++) {
            char text[CRQ_TIMETEXT_LEN + 1];

            crq_timetext_put(text, times[i]);
            rc = crq_value_add(list, crq_value_new_text(text));
        }
        crq_dict_put(all, "next", list, &rc);
        rc = rc < 0 ? crq_fail_nomem(err) : show_json(all, err);
    }
    crq_value_free(all);
    return rc;
}

static int print_schedule(struct options *o, crq_error *err)
{
    crq_schedule *s = NULL;
    int rc = crq_schedule_fetch(o->cli->conn, o->id, &s, err);

    if (rc < 0)
        return rc;
    if (o->next > 0)
        rc = print_times(o, s, err);
    else if (o->cli->json)
        rc = print_json(NULL, &s, 1, err);
    else
        print_one(s, crq_clock_wall_us(crq_conn_clock(o->cli->conn)));
    crq_schedule_free(s);
    return rc;
}

int cmd_schedules(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "[ID]",
        "List schedules, the next one due first, and triggers with the "
        "events that they are behind.",
        children, NULL, NULL };
    struct options o = { cli, 0, NULL };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = o.id != NULL ? print_schedule(&o, &err) : print_list(&o, &err);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
