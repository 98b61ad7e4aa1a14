/* cmd_show.c - crq show: one job's story on one screen. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "cli/story.h"
#include "redis/conn.h"

struct options {
    struct cli *cli;
    const char *id;
    bool full;
};

static const struct argp_option option_table[] = {
    { "full", 'f', NULL, 0, "Cut nothing: error texts, arguments, results", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case 'f': o->full = true; return 0;
    default: return cli_one_job(key, arg, state, &o->id);
    }
}

static int print_json(const struct crq_story *story, crq_error *err)
{
    crq_value *v = NULL;
    int rc = crq_story_to_value(story, &v, err);

    if (rc == 0)
        rc = show_json(v, err);
    crq_value_free(v);
    return rc;
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "JOB",
        "Show all about one job: its call, where it stands, times, settings, "
        "attempts, result or error, and the last lines that it logged.",
        children, NULL, NULL };
    struct options o = { cli, NULL, false };
    struct crq_story story = CRQ_STORY_INIT;
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &o);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_story_fetch(cli->conn, o.id, &story, &err);
    if (rc == 0)
        rc = cli->json
                ? print_json(&story, &err)
                : story_print(&story, o.full,
                          crq_clock_wall_us(crq_conn_clock(cli->conn)), &err);
    crq_story_fini(&story);
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
