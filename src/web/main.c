/* main.c - crq-web: options, log, pid file; then the gateway's life. */
#include <sys/resource.h>

#include "web/gateway.h"
#include "web/options.h"

/* Each connection is a descriptor: as many as we may have. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct crq_log log;
    int rc;

    options_parse(&options, argc, argv);
    raise_limit();
    if (!crq_daemon_begin(&options.daemon, "crq-web", &options.url, &log))
        return 1;
    rc = gateway_run(&options, &log);
    crq_daemon_end(&options.daemon);
    return rc;
}
