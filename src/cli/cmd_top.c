/*
 * cmd_top.c - crq top: queues, workers and failures, live.
 *
 * On a terminal it takes the screen until it is told to leave; in a pipe, and
 * with --once or --json, it looks once.
 */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/screen.h"
#include "cli/term.h"
#include "cli/top.h"
#include "redis/conn.h"

/* Rates are of so many samples back. */
#define SAMPLES 6

struct options {
    struct cli *cli;
    bool once;
    int64_t interval_us;
};

enum { ONCE = 256 };

static const struct argp_option option_table[] = {
    { "interval", 'i', "TIME", 0, "Look so often; 1 second unless given", 1 },
    { "once", ONCE, NULL, 0, "Look once, on a terminal, too", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case ONCE: o->once = true; return 0;
    case 'i':
        o->interval_us = cli_duration_us(state, "interval", arg);
        if (o->interval_us < 100000)
            argp_error(state, "--interval %s: at least 0.1", arg);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int look_once(const struct options *o, crq_error *err)
{
    struct top_frame frame = { crq_conn_address(o->cli->conn), NULL, 0 };
    struct top_sample sample;
    int rc = top_fetch(o->cli->conn, &sample, err);

    if (rc < 0)
        return rc;
    if (o->cli->json)
        rc = top_json(&sample, err);
    else
        top_draw(&sample, &frame);
    top_sample_fini(&sample);
    return rc;
}

/* The newest samples, of which the last one is shown. */
struct history {
    struct top_sample samples[SAMPLES];
    size_t count;
};

static void remember(struct history *h, struct top_sample *sample)
{
    if (h->count > 0)
        top_rate(sample, &h->samples[0]);
    if (h->count == SAMPLES) {
        top_sample_fini(&h->samples[0]);
        memmove(&h->samples[0], &h->samples[1],
                (SAMPLES - 1) * sizeof(h->samples[0]));
        h->count--;
    }
    h->samples[h->count++] = *sample;
}

static void draw(const struct options *o, const struct history *h,
        const char *problem)
{
    struct top_frame frame = { crq_conn_address(o->cli->conn), problem,
        screen_rows() };
    static const struct top_sample none;

    screen_begin();
    top_draw(h->count > 0 ? &h->samples[h->count - 1] : &none, &frame);
    screen_end();
}

/* A Redis that is away now may come back: that is shown, and no reason to
 * leave. */
static int watch(const struct options *o)
{
    struct history h = { .count = 0 };
    enum screen_event event = SCREEN_TIME;
    crq_error err = { 0, "" };

    screen_take();
    while (event != SCREEN_QUIT && !ferror(stdout)) {
        if (event == SCREEN_TIME) {
            struct top_sample sample;
            int rc = top_fetch(o->cli->conn, &sample, &err);

            if (rc == 0)
                remember(&h, &sample);
            err.code = rc;
        }
        draw(o, &h, err.code < 0 ? err.text : NULL);
        event = screen_wait(o->interval_us);
    }
    screen_give_back();
    for (size_t i = 0; i < h.count; i++)
        top_sample_fini(&h.samples[i]);
    return CLI_DONE;
}

int cmd_top(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, NULL,
        "Show queues, workers and failures, live: q leaves. In a pipe it "
        "looks once.",
        children, NULL, NULL };
    struct options o = { .cli = cli, .interval_us = 1000000 };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    if (!o.once && !cli->json && screen_is_possible())
        return watch(&o);
    rc = look_once(&o, &err);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
