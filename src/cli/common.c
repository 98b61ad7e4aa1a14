/* common.c - connecting, failing and reading options, alike in every verb. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "codec/timetext.h"
#include "redis/conn.h"
#include "redis/url.h"

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case 'u': cli->url = arg; return 0;
    case 'j': cli->json = true; return 0;
    case 'h':
        argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option common_options[] = {
    { "url", 'u', "URL", 0,
            "Redis: redis://[user:password@]host[:port][/db], rediss:// for "
            "TLS, or unix:///path[?db=n]",
            90 },
    { "json", 'j', NULL, 0, "Print JSON", 90 },
    { NULL, 'h', NULL, OPTION_HIDDEN, NULL, 90 }, /* as good as -? */
    { 0 },
};

const struct argp cli_common_argp = { common_options, parse_common, NULL, NULL,
    NULL, NULL, NULL };

error_t cli_one_job(int key, char *arg, const struct argp_state *state,
        const char **out_id)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*out_id != NULL)
            argp_error(state, "one job id, not '%s' as well", arg);
        *out_id = arg;
        return 0;
    case ARGP_KEY_END:
        if (*out_id == NULL)
            argp_error(state, "name the job");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- negative numbers ---- */

static error_t parse_negative(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key < '0' || key > '9')
        return ARGP_ERR_UNKNOWN;
    argp_error(state, "-%c is no option; a negative number is written :-%c",
            key, key);
    return EINVAL;
}

static const struct argp_option negative_options[] = {
    { NULL, '0', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '1', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '2', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '3', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '4', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '5', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '6', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '7', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '8', NULL, OPTION_HIDDEN, NULL, 0 },
    { NULL, '9', NULL, OPTION_HIDDEN, NULL, 0 },
    { 0 },
};

const struct argp cli_negative_argp = { negative_options, parse_negative, NULL,
    NULL, NULL, NULL, NULL };

/* ---- connecting ---- */

const char *cli_url(const struct cli *cli, struct crq_buf *space)
{
    return cli->url != NULL ? cli->url : crq_url_from_environment(space);
}

int cli_connect(struct cli *cli)
{
    struct crq_buf parts = CRQ_BUF_INIT;
    const char *url = cli_url(cli, &parts);
    crq_error err;
    int rc = crq_buf_check(&parts, &err);

    if (rc == 0)
        rc = crq_conn_open(url, NULL, &cli->conn, &err);
    crq_buf_fini(&parts);
    if (rc == 0 && cli->looks)
        crq_conn_look_past_types(cli->conn, true);
    return rc < 0 ? cli_error(&err) : 0;
}

/* ---- failing ---- */

int cli_error(const crq_error *err)
{
    static const struct {
        int code, exit;
    } exits[] = {
        { CRQ_EINVAL, CLI_USAGE },
        { CRQ_EUNSUPPORTED, CLI_USAGE },
        { CRQ_ELIMIT, CLI_USAGE },
        { CRQ_EIO, CLI_USAGE },
        { CRQ_EEXIST, CLI_FAILED },
        { CRQ_ENOTFOUND, CLI_FAILED },
        { CRQ_ESTATE, CLI_FAILED },
        { CRQ_ETIMEOUT, CLI_FAILED },
        { CRQ_ECODEC, CLI_FAILED },
        { CRQ_ECONNECT, CLI_UNAVAILABLE },
        { CRQ_EAUTH, CLI_UNAVAILABLE },
        { CRQ_EREDIS, CLI_UNAVAILABLE },
        { CRQ_ELOST, CLI_UNAVAILABLE },
    };

    fprintf(stderr, "crq: %s\n", err->text);
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
        if (exits[i].code == err->code)
            return exits[i].exit;
    return CLI_BUG;
}

/* ---- option values ---- */

int64_t cli_duration_us(const struct argp_state *state, const char *option,
        const char *text)
{
    int64_t us = 0;

    if (crq_timetext_duration(text, &us, NULL) < 0)
        argp_error(state,
                "--%s %s: not a duration; write seconds, or a number with "
                "d, h, m or s, such as 90 or 1h",
                option, text);
    return us;
}

int64_t cli_time_us(const struct argp_state *state, const char *option,
        const char *text, int64_t least_s, bool endless)
{
    int64_t us = cli_duration_us(state, option, text);

    if (us < least_s * 1000000 && !(endless && us == -1000000))
        argp_error(state, "--%s %s: it must be %lld second%s or more%s", option,
                text, (long long)least_s, least_s == 1 ? "" : "s",
                endless ? ", or -1 for no limit" : "");
    return us;
}

int64_t cli_seconds(const struct argp_state *state, const char *option,
        const char *text)
{
    return cli_duration_us(state, option, text) / 1000000;
}

int64_t cli_number(const struct argp_state *state, const char *option,
        const char *text, int64_t least)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < least)
        argp_error(state, "--%s %s: not a whole number from %lld on", option,
                text, (long long)least);
    return n;
}
