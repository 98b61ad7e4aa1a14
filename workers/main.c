/* main.c - crq-worker: options, log, pid file; then the worker's life. */
#include "exec/server.h"
#include "workers/options.h"
#include "workers/worker.h"

int main(int argc, char **argv)
{
    struct options options;
    struct crq_log log;
    int rc;

    if (crq_server_wanted(argc, argv))
        return crq_server_main();
    options_parse(&options, argc, argv);
    if (!crq_daemon_begin(&options.daemon, "crq-worker", &options.url, &log))
        return 1;
    rc = worker_run(&options, &log);
    crq_daemon_end(&options.daemon);
    return rc;
}
