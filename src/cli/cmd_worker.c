/*
 * cmd_worker.c - crq worker, crq scheduler, crq web and crq cron: become
 * crq-worker, crq-scheduler and crq-web.
 *
 * Options behind the verb are those programs' own. What stands before the verb
 * is translated: -u, into the environment, where other users of the machine
 * do not see a password; --json, into a log of JSON objects.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/process.h"

/* `first` stands before the other words; NULL: nothing does. */
static int become(struct cli *cli, char *name, char *first, int argc,
        char **argv)
{
    static char json[] = "--log-format=json";
    struct crq_buf path = CRQ_BUF_INIT, url = CRQ_BUF_INIT;
    const char *where = cli_url(cli, &url);
    char **words = crq_calloc((size_t)argc + 3, sizeof(*words));
    size_t count = 0;
    int rc = process_find(name, &path);

    if (rc == 0 &&
            (words == NULL || path.rc < 0 || url.rc < 0 ||
                    (where != NULL && setenv("CRQ_URL", where, 1) < 0)))
        rc = cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    if (rc == 0) {
        words[count++] = name;
        if (cli->json)
            words[count++] = json;
        if (first != NULL)
            words[count++] = first;
        for (int i = 1; i < argc; i++)
            words[count++] = strcmp(argv[i], "--json") == 0 ? json : argv[i];
        signal(SIGPIPE, SIG_DFL);
        execv(crq_buf_text(&path), words);
        fprintf(stderr, "crq: can't start %s: %s\n", crq_buf_text(&path),
                strerror(errno));
        rc = CLI_UNAVAILABLE;
    }
    crq_free(words);
    crq_buf_fini(&url);
    crq_buf_fini(&path);
    return rc;
}

int cmd_worker(struct cli *cli, int argc, char **argv)
{
    static char name[] = "crq-worker";

    return become(cli, name, NULL, argc, argv);
}

int cmd_scheduler(struct cli *cli, int argc, char **argv)
{
    static char name[] = "crq-scheduler";

    return become(cli, name, NULL, argc, argv);
}

int cmd_web(struct cli *cli, int argc, char **argv)
{
    static char name[] = "crq-web";

    return become(cli, name, NULL, argc, argv);
}

/* What is no file, but asks about the program. */
static bool asks_only(const char *word)
{
    static const char *const questions[] = { "--help", "-?", "--usage",
        "--version", "-V" };

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        if (strcmp(questions[i], word) == 0)
            return true;
    return false;
}

/* "crq cron FILE", as "rq cron FILE" is. */
int cmd_cron(struct cli *cli, int argc, char **argv)
{
    static char name[] = "crq-scheduler", option[] = "--cron";

    if (argc < 2) {
        fprintf(stderr, "crq: name the file of schedules: crq cron FILE\n");
        return CLI_USAGE;
    }
    return become(cli, name, asks_only(argv[1]) ? NULL : option, argc, argv);
}
