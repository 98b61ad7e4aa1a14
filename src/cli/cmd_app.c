/* cmd_app.c - crq app check: whether an app.json can be used. */
#include <string.h>

#include "app/app.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"

struct options {
    struct cli *cli;
    const char *verb;
    char **paths;
    int count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = o->cli; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            return ARGP_ERR_UNKNOWN; /* all of them at once, below */
        if (strcmp(arg, "check") != 0)
            argp_error(state, "there is no 'app %s'; 'app check' is meant?",
                    arg);
        o->verb = arg;
        return 0;
    case ARGP_KEY_ARGS:
        o->paths = state->argv + state->next;
        o->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (o->verb == NULL)
            argp_error(state, "say 'app check' and a file or folder");
        if (o->count == 0)
            argp_error(state, "name an app.json or its folder");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What one file had to say; the list is NULL for people, who read at once. */
struct report {
    const char *path;
    crq_value *mistakes;
    size_t told;
    bool nomem;
};

static void tell(void *arg, const char *where, const char *what)
{
    struct report *report = arg;
    crq_value *row;

    report->told++;
    if (report->mistakes == NULL) {
        fprintf(stderr, "%s: %s: %s\n", report->path, where, what);
        return;
    }
    row = crq_value_new_dict();
    if (row == NULL ||
            crq_value_set(row, "path", crq_value_new_text(where)) < 0 ||
            crq_value_set(row, "mistake", crq_value_new_text(what)) < 0) {
        crq_value_free(row);
        report->nomem = true;
    } else if (crq_value_add(report->mistakes, row) < 0) {
        report->nomem = true;
    }
}

static void praise(const char *path, const struct crq_app *app)
{
    const struct {
        const char *what;
        size_t count;
    } parts[] = {
        { "queue", app->queue_count },
        { "schedule", app->schedule_count },
        { "trigger", app->trigger_count },
        { "route", app->route_count },
        { "socket", app->socket_count },
    };

    printf("%s: '%s' is well-formed: ", path, app->name);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("%s%zu %s%s", i == 0 ? "" : ", ", parts[i].count, parts[i].what,
                parts[i].count == 1 ? "" : "s");
    putchar('\n');
}

/* One file as an item of what --json prints: {file, ok, mistakes}. */
static int add_row(crq_value *rows, struct report *report, bool ok)
{
    crq_value *row = crq_value_new_dict();

    if (row == NULL || report->nomem ||
            crq_value_set(row, "file", crq_value_new_text(report->path)) < 0 ||
            crq_value_set(row, "ok", crq_value_new_bool(ok)) < 0) {
        crq_value_free(row);
        return CRQ_ENOMEM;
    }
    if (crq_value_set(row, "mistakes", crq_value_ref(report->mistakes)) < 0) {
        crq_value_free(row);
        return CRQ_ENOMEM;
    }
    return crq_value_add(rows, row);
}

/* Whether the file is right; what is wrong is told. */
static bool check(const char *path, crq_value *rows, int *out_rc)
{
    struct report report = { path, rows != NULL ? crq_value_new_list() : NULL,
        0, false };
    struct crq_app *app = NULL;
    crq_error err;
    int rc = crq_app_load(path, tell, &report, &app, &err);

    /* What stopped the reading has no place in the JSON. */
    if (rc < 0 && report.told == 0 && rows == NULL)
        fprintf(stderr, "crq: %s\n", err.text);
    else if (rc < 0 && report.told == 0)
        tell(&report, "", err.text);
    if (rc == 0 && rows == NULL)
        praise(path, app);
    if (rows != NULL && report.mistakes == NULL)
        *out_rc = CRQ_ENOMEM;
    else if (rows != NULL && add_row(rows, &report, rc == 0) < 0)
        *out_rc = CRQ_ENOMEM;
    crq_value_free(report.mistakes);
    crq_app_free(app);
    return rc == 0;
}

int cmd_app(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, parse, "check FILE...",
        "Read app.json files and tell every mistake.\v"
        "FILE is an app.json or the folder that holds one; crq-app(5) says "
        "what may be in it. The exit status is 0 when there is no mistake.",
        children, NULL, NULL };
    struct options o = { cli, NULL, NULL, 0 };
    crq_value *rows = NULL;
    crq_error err;
    bool good = true;
    int rc = 0;

    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &o);
    if (cli->json) {
        rows = crq_value_new_list();
        rc = rows != NULL ? 0 : CRQ_ENOMEM;
    }
    for (int i = 0; rc == 0 && i < o.count; i++)
        good = check(o.paths[i], rows, &rc) && good;
    if (rc < 0)
        crq_fail_nomem(&err);
    else if (rows != NULL)
        rc = show_json(rows, &err);
    crq_value_free(rows);
    return rc < 0 ? cli_error(&err) : good ? CLI_DONE : CLI_FAILED;
}
