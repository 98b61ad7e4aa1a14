/* daemon.c - see daemon.h. */
#include "exec/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "redis/url.h"

/* ---- options ---- */

enum { OPT_PID = 1024, OPT_LOG_FORMAT };

/* The last group, behind those of the programs. */
#define LAST 9

static const struct argp_option table[] = {
    { "url", 'u', "URL", 0,
            "Redis: redis://[user:password@]host[:port][/db], rediss:// for "
            "TLS, or unix:///path[?db=n]",
            1 },
    { "pid", OPT_PID, "FILE", 0, "Write the process id to FILE", LAST },
    { "verbose", 'v', NULL, 0, "Log more", LAST },
    { "quiet", 'q', NULL, 0, "Log warnings and errors only", LAST },
    { "log-format", OPT_LOG_FORMAT, "FORMAT", 0, "text (default) or json",
            LAST },
    { NULL, 'h', NULL, OPTION_HIDDEN, NULL, LAST }, /* as good as -? */
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct crq_daemon *d = state->input;

    switch (key) {
    case 'u': d->url = arg; return 0;
    case 'v': d->level = CRQ_LOG_DEBUG; return 0;
    case 'q': d->level = CRQ_LOG_WARN; return 0;
    case 'h':
        argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
        return 0;
    case OPT_PID: d->pid_file = arg; return 0;
    case OPT_LOG_FORMAT:
        if (strcmp(arg, "text") != 0 && strcmp(arg, "json") != 0)
            argp_error(state, "--log-format %s: text or json", arg);
        d->json_log = strcmp(arg, "json") == 0;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp crq_daemon_argp = { table, parse, NULL, NULL, NULL, NULL,
    NULL };

void crq_daemon_parse(const char *name, const struct argp *argp, int argc,
        char **argv, void *input)
{
    char version[64];

    snprintf(version, sizeof(version), "%s %s", name, crq_version());
    argp_program_version = version;
    argp_err_exit_status = 64;
    argp_parse(argp, argc, argv, 0, NULL, input);
    argp_program_version = NULL;
}

void crq_daemon_add(const struct argp_state *state, const char **list,
        size_t *count, size_t most, const char *what, const char *word)
{
    if (*count == most)
        argp_error(state, "more than %zu %s", most, what);
    list[(*count)++] = word;
}

/* ---- life ---- */

static bool write_pid(const char *path, const char *name)
{
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fprintf(file, "%ld\n", (long)getpid());
        if (fclose(file) == 0)
            return true;
    }
    fprintf(stderr, "%s: can't write '%s': %s\n", name, path, strerror(errno));
    return false;
}

bool crq_daemon_begin(struct crq_daemon *d, const char *name,
        const char **out_url, struct crq_log *out_log)
{
    const char *url = d->url;

    if (url == NULL)
        url = crq_url_from_environment(&d->url_space);
    if (d->url_space.rc < 0) {
        fprintf(stderr, "%s: out of memory\n", name);
        return false;
    }
    *out_url = url != NULL ? url : "redis://localhost:6379/0";
    *out_log = (struct crq_log){ .clock = &crq_clock_system,
        .name = name,
        .fd = STDERR_FILENO,
        .level = d->level,
        .json = d->json_log };
    signal(SIGPIPE, SIG_IGN);
    return d->pid_file == NULL || write_pid(d->pid_file, name);
}

void crq_daemon_end(struct crq_daemon *d)
{
    if (d->pid_file != NULL)
        unlink(d->pid_file);
    crq_buf_fini(&d->url_space);
}
