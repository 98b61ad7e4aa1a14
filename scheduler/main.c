/* main.c - crq-scheduler: options, log, pid file; then the scheduler's life. */
#include <stdlib.h>

#include "scheduler/options.h"
#include "scheduler/scheduler.h"

/* As crq-scheduler(8) says: not from REDIS_HOST and its like, which the other
 * programs know. */
static const char *url_from_environment(void)
{
    static const char *const names[] = { "CRQ_URL", "RQ_REDIS_URL",
        "REDIS_URL" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *url = getenv(names[i]);

        if (url != NULL && url[0] != '\0')
            return url;
    }
    return "redis://localhost:6379/0";
}

int main(int argc, char **argv)
{
    struct options options;
    struct crq_log log;
    int rc;

    options_parse(&options, argc, argv);
    if (options.daemon.url == NULL)
        options.daemon.url = url_from_environment();
    if (!crq_daemon_begin(&options.daemon, "crq-scheduler", &options.url, &log))
        return 1;
    rc = scheduler_run(&options, &log);
    crq_daemon_end(&options.daemon);
    return rc;
}
