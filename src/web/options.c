/* options.c - the options of crq-web: crq-worker's words where both have
 * them. */
#include "web/options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "web/rate.h"

enum {
    OPT_LISTEN = 256,
    OPT_APP,
    OPT_ORIGIN,
    OPT_TOKENS,
    OPT_CERT,
    OPT_KEY,
    OPT_PER_ADDRESS,
    OPT_PER_SECOND
};

static const struct argp_option table[] = {
    { "app", OPT_APP, "PATH", 0,
            "An application: its folder, or its app.json; several times for "
            "several",
            1 },
    { "listen", OPT_LISTEN, "ADDRESS", 0,
            "Where to listen (default: 127.0.0.1:8080; port 0: any)", 2 },
    { "token-file", OPT_TOKENS, "FILE", 0,
            "Who may use the API: lines of a role (read, enqueue, operate) and "
            "a token",
            2 },
    { "allow-origin", OPT_ORIGIN, "ORIGIN", 0,
            "Pages of this origin, as https://shop.example, may send requests "
            "and open sockets; several times for several",
            2 },
    { "per-address", OPT_PER_ADDRESS, "N", 0,
            "Take so many connections from one address (default: any number; "
            "a proxy is one address)",
            2 },
    { "per-second", OPT_PER_SECOND, "N", 0,
            "Take so many requests and messages a second from one address, on "
            "average (default: any number; a proxy is one address)",
            2 },
    { "tls-cert", OPT_CERT, "FILE", 0, "Serve HTTPS with this certificate", 2 },
    { "tls-key", OPT_KEY, "FILE", 0, "The certificate's private key", 2 },
    { 0 },
};

static unsigned count(struct argp_state *state, const char *what,
        const char *arg)
{
    char *end;
    unsigned long n = strtoul(arg, &end, 10);

    if (*arg < '0' || *arg > '9' || *end != '\0' || n == 0 || n > RATE_MAX)
        argp_error(state, "'%s' is no number of %s", arg, what);
    return (unsigned)n;
}

static void check(struct argp_state *state, const struct options *o)
{
    if ((o->tls_cert == NULL) != (o->tls_key == NULL))
        argp_error(state, "--tls-cert and --tls-key belong together");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->daemon; return 0;
    case OPT_APP:
        crq_daemon_add(state, o->apps, &o->app_count, APPS_MAX, "applications",
                arg);
        return 0;
    case OPT_ORIGIN:
        if (strstr(arg, "://") == NULL || arg[strlen(arg) - 1] == '/')
            argp_error(state,
                    "--allow-origin %s: expected one as https://shop.example",
                    arg);
        crq_daemon_add(state, o->origins, &o->origin_count, ORIGINS_MAX,
                "origins", arg);
        return 0;
    case OPT_LISTEN: o->listen = arg; return 0;
    case OPT_PER_ADDRESS:
        o->per_address = count(state, "connections", arg);
        return 0;
    case OPT_PER_SECOND:
        o->per_second = count(state, "requests", arg);
        return 0;
    case OPT_TOKENS: o->token_file = arg; return 0;
    case OPT_CERT: o->tls_cert = arg; return 0;
    case OPT_KEY: o->tls_key = arg; return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': applications are named with --app", arg);
        return 0;
    case ARGP_KEY_END: check(state, o); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &crq_daemon_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { table, parse, "",
        "Turn HTTP requests into jobs, and answer them with what the jobs "
        "return.",
        children, NULL, NULL };

    *o = (struct options){ .listen = "127.0.0.1:8080",
        .daemon = CRQ_DAEMON_INIT };
    crq_daemon_parse("crq-web", &argp, argc, argv, o);
}
