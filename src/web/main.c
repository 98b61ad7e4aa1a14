/* main.c - crq-web: options, log, pid file; then the gateway's life. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "redis/url.h"
#include "web/gateway.h"
#include "web/options.h"

static bool write_pid(const char *path)
{
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fprintf(file, "%ld\n", (long)getpid());
        if (fclose(file) == 0)
            return true;
    }
    fprintf(stderr, "crq-web: can't write '%s': %s\n", path, strerror(errno));
    return false;
}

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
    struct crq_log log = {
        .clock = &crq_clock_system, .name = "crq-web", .fd = STDERR_FILENO
    };
    struct crq_buf url = CRQ_BUF_INIT;
    char version[64];
    int rc;

    snprintf(version, sizeof(version), "crq-web %s", crq_version());
    argp_program_version = version;
    options_parse(&options, argc, argv);
    if (options.url == NULL)
        options.url = crq_url_from_environment(&url);
    if (url.rc < 0) {
        fprintf(stderr, "crq-web: out of memory\n");
        return 1;
    }
    if (options.url == NULL)
        options.url = "redis://localhost:6379/0";
    log.level = options.level;
    log.json = options.json_log;
    signal(SIGPIPE, SIG_IGN);
    raise_limit();
    if (options.pid_file != NULL && !write_pid(options.pid_file))
        return 1;
    rc = gateway_run(&options, &log);
    if (options.pid_file != NULL)
        unlink(options.pid_file);
    crq_buf_fini(&url);
    return rc;
}
