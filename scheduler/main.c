/* main.c - crq-scheduler: options, log, pid file; then the scheduler's life. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "scheduler/options.h"
#include "scheduler/scheduler.h"

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

static bool write_pid(const char *path)
{
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fprintf(file, "%ld\n", (long)getpid());
        if (fclose(file) == 0)
            return true;
    }
    fprintf(stderr, "crq-scheduler: can't write '%s': %s\n", path,
            strerror(errno));
    return false;
}

int main(int argc, char **argv)
{
    struct options options;
    struct crq_log log = {
        .clock = &crq_clock_system, .name = "crq-scheduler", .fd = STDERR_FILENO
    };
    char version[64];
    int rc;

    snprintf(version, sizeof(version), "crq-scheduler %s", crq_version());
    argp_program_version = version;
    options_parse(&options, argc, argv);
    if (options.url == NULL)
        options.url = url_from_environment();
    log.level = options.level;
    log.json = options.json_log;
    signal(SIGPIPE, SIG_IGN);
    if (options.pid_file != NULL && !write_pid(options.pid_file))
        return 1;
    rc = scheduler_run(&options, &log);
    if (options.pid_file != NULL)
        unlink(options.pid_file);
    return rc;
}
