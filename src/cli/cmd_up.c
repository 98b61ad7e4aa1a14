/*
 * cmd_up.c - crq up: a Redis and a worker of one's own, until Ctrl-C, and with
 * applications a scheduler and a gateway for them. Without, the worker brings
 * a scheduler along.
 *
 * Kept true here:
 *  - They leave in the order in which they need each other: the gateway while
 *    there is a worker to answer those who wait, the worker while there is a
 *    Redis to hear how its runs ended.
 *  - Nothing is left behind: when crq is killed, the kernel ends all.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/up.h"

#define PAUSE_MS 20
/* Of those that have no Redis any more that they could tell. */
#define ORPHAN_S 3
/* Two words for each module, each application, one for each queue. */
#define WORDS_MAX 512

/* ---- options ---- */

enum { OPT_LISTEN = 256 };

static const struct argp_option option_table[] = {
    { "load", 'l', "MODULE", 0,
            "A module of tasks, by name or by a path with a slash; several "
            "times for several (default: demo)",
            1 },
    { "jobs", 'n', "N", 0, "Jobs at a time (default: one per core)", 1 },
    { "listen", OPT_LISTEN, "ADDRESS", 0,
            "Where the gateway of the applications listens (default: "
            "127.0.0.1:8080; port 0: any that is free)",
            1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct up *up = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = up->cli; return 0;
    case 'l':
        if (up->module_count == UP_MODULES_MAX)
            argp_error(state, "more than %d modules", UP_MODULES_MAX);
        up->modules[up->module_count++] = arg;
        return 0;
    case 'n':
        cli_number(state, "jobs", arg, 1);
        up->jobs = arg;
        return 0;
    case OPT_LISTEN: up->listen = arg; return 0;
    case ARGP_KEY_ARG:
        if (up->app_count == UP_APPS_MAX)
            argp_error(state, "more than %d applications", UP_APPS_MAX);
        up->apps[up->app_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (up->listen != NULL && up->app_count == 0)
            argp_error(state, "--listen is for applications: name one");
        if (up->module_count == 0)
            up->modules[up->module_count++] = "demo";
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- signals, instead of a loop ---- */

static void watched(sigset_t *set)
{
    struct sigaction hangup;

    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGCHLD);
    /* nohup crq up: it does not want to know. */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(set, SIGHUP);
}

bool up_told_to_stop(void)
{
    struct timespec pause = { 0, PAUSE_MS * 1000000L };
    sigset_t set;
    int got;

    watched(&set);
    got = sigtimedwait(&set, NULL, &pause);
    return got == SIGINT || got == SIGTERM || got == SIGHUP;
}

int64_t up_now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

int up_say_ended(struct process *p)
{
    char how[32];

    fprintf(stderr, "crq: %s ended: %s\n", p->name,
            process_end_text(p, how, sizeof(how)));
    return CLI_FAILED;
}

/* ---- the programs ---- */

struct words {
    const char *argv[WORDS_MAX];
    size_t count;
};

/* What does not fit is not said: one place is kept for the NULL behind. */
static void put(struct words *words, const char *word)
{
    if (words->count + 1 < WORDS_MAX)
        words->argv[words->count++] = word;
}

static bool has(const struct words *words, size_t from, const char *word)
{
    for (size_t i = from; i < words->count; i++)
        if (strcmp(words->argv[i], word) == 0)
            return true;
    return false;
}

/* One's own queues come first: they are what somebody looks at. */
static void put_queues(const struct up *up, struct words *words)
{
    size_t from;

    if (up->app_count == 0)
        return;
    put(words, "--dequeue-strategy=round_robin");
    put(words, "--");
    from = words->count;
    for (size_t i = 0; i < up->loaded_count; i++)
        for (size_t k = 0; k < up->loaded[i]->queue_count; k++)
            if (!has(words, from, up->loaded[i]->queues[k]))
                put(words, up->loaded[i]->queues[k]);
    if (!has(words, from, "default"))
        put(words, "default");
}

static void put_apps(const struct up *up, struct words *words)
{
    for (size_t i = 0; i < up->loaded_count; i++) {
        put(words, "--app");
        put(words, up->loaded[i]->folder);
    }
}

static void worker_words(const struct up *up, struct words *words)
{
    for (size_t i = 0; i < up->module_count; i++) {
        put(words, "--load");
        put(words, up->modules[i]);
    }
    if (up->jobs != NULL) {
        put(words, "--jobs");
        put(words, up->jobs);
    }
    if (up->app_count == 0)
        put(words, "--with-scheduler");
    put_queues(up, words);
}

static void web_words(const struct up *up, struct words *words)
{
    if (up->listen != NULL) {
        put(words, "--listen");
        put(words, up->listen);
    }
    put_apps(up, words);
}

static const struct {
    const char *program;
    void (*words)(const struct up *up, struct words *words);
    bool for_apps; /* only with applications */
} programs[UP_PARTS] = {
    [UP_REDIS] = { "redis-server", NULL, false }, /* up_redis.c starts it */
    [UP_WORKER] = { "crq-worker", worker_words, false },
    [UP_SCHEDULER] = { "crq-scheduler", put_apps, true },
    [UP_WEB] = { "crq-web", web_words, true },
};

static bool is_wanted(const struct up *up, enum up_part part)
{
    return programs[part].words != NULL &&
            (up->app_count > 0 || !programs[part].for_apps);
}

/* Before anything is started: all that will be. */
static int find_programs(const struct up *up, struct crq_buf paths[UP_PARTS])
{
    int rc = 0;

    for (enum up_part i = 0; rc == 0 && i < UP_PARTS; i++)
        if (is_wanted(up, i))
            rc = process_find(programs[i].program, &paths[i]);
    return rc;
}

static int start(struct up *up, enum up_part part, const char *path)
{
    struct process *p = &up->parts[part];
    struct words words = { .count = 0 };
    struct crq_buf url = CRQ_BUF_INIT;
    char notify[PROCESS_NOTIFY_SIZE];
    const char *env[2];
    int rc = process_notify(p, notify);

    put(&words, path);
    if (up->cli->json)
        put(&words, "--log-format=json");
    programs[part].words(up, &words);
    words.argv[words.count] = NULL;
    crq_buf_printf(&url, "CRQ_URL=%s", crq_buf_text(&up->url));
    if (rc == 0 && url.rc < 0)
        rc = cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    env[0] = crq_buf_text(&url);
    env[1] = notify;
    /* Without its Redis a warm stop would never end. */
    if (rc == 0)
        rc = process_start(p, words.argv, env,
                up->cli->url != NULL ? SIGTERM : SIGKILL, -1);
    crq_buf_fini(&url);
    return rc;
}

/* ---- what it says ---- */

/* "http://127.0.0.1:8080", the port as the gateway has told it. */
static void web_address(const struct up *up, struct crq_buf *out)
{
    const char *listen = up->listen != NULL ? up->listen : "127.0.0.1:8080";
    const char *colon = strrchr(listen, ':');
    int port = 0;

    if (sscanf(up->parts[UP_WEB].told, "listening at port %d", &port) == 1 &&
            colon != NULL)
        crq_buf_printf(out, "http://%.*s:%d", (int)(colon - listen), listen,
                port);
}

/* Where its page is; NULL: it has none. */
static const char *page_of(const struct crq_app *app)
{
    return app->files_count > 0 ? app->files[0].prefix : NULL;
}

static void put_app_list(const struct up *up, const char *address,
        crq_value *list, int *rc)
{
    for (size_t i = 0; *rc == 0 && i < up->loaded_count; i++) {
        const char *page = page_of(up->loaded[i]);
        struct crq_buf url = CRQ_BUF_INIT;
        crq_value *row = crq_value_new_dict();

        if (page != NULL)
            crq_buf_printf(&url, "%s%s", address, page);
        *rc = row != NULL ? url.rc : CRQ_ENOMEM;
        crq_dict_put_text(row, "name", up->loaded[i]->name, rc);
        crq_dict_put_text(row, "address",
                page != NULL ? crq_buf_text(&url) : NULL, rc);
        crq_buf_fini(&url);
        if (*rc == 0)
            *rc = crq_value_add(list, row);
        else
            crq_value_free(row);
    }
}

static void announce_json(const struct up *up, const char *address)
{
    crq_value *v = crq_value_new_dict(), *apps = crq_value_new_list();
    crq_error err = { CRQ_ENOMEM, "out of memory" };
    int rc = v != NULL && apps != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "url", crq_buf_text(&up->url), &rc);
    crq_dict_put_number(v, "redis_pid", (int64_t)up->parts[UP_REDIS].pid, &rc);
    crq_dict_put_number(v, "worker_pid", (int64_t)up->parts[UP_WORKER].pid,
            &rc);
    if (up->app_count > 0) {
        crq_dict_put_number(v, "scheduler_pid",
                (int64_t)up->parts[UP_SCHEDULER].pid, &rc);
        crq_dict_put_number(v, "web_pid", (int64_t)up->parts[UP_WEB].pid, &rc);
        crq_dict_put_text(v, "address", address, &rc);
        put_app_list(up, address, apps, &rc);
        crq_dict_put(v, "apps", rc == 0 ? crq_value_ref(apps) : NULL, &rc);
    }
    if (rc == 0)
        rc = show_json(v, &err);
    if (rc < 0)
        (void)cli_error(&err);
    crq_value_free(apps);
    crq_value_free(v);
}

static void announce_apps(const struct up *up, const char *address)
{
    bool any = false;

    for (size_t i = 0; i < up->loaded_count; i++) {
        const char *page = page_of(up->loaded[i]);

        if (page != NULL)
            term_printf(TERM_BOLD, "  open %s%s\n", address, page);
        any = any || page != NULL;
    }
    if (!any)
        term_printf(TERM_BOLD, "  open %s/\n", address);
    printf("\nIn another terminal:\n\n");
}

static void announce_plain(const struct up *up, const char *address)
{
    bool is_demo = strcmp(up->modules[0], "demo") == 0;
    const char *redis = up->data.len > 0 ? "Redis" : "The connection to Redis";

    if (up->app_count > 0) {
        printf("\n%s, worker, scheduler and gateway are up.\n\n", redis);
        announce_apps(up, address);
    } else {
        printf("\n%s and a worker with a scheduler are up. In another "
               "terminal:\n\n",
                redis);
    }
    term_printf(TERM_BOLD, "  export CRQ_URL=%s\n", crq_buf_text(&up->url));
    if (is_demo)
        term_printf(TERM_BOLD, "  crq enqueue --wait demo.add :2 :3\n");
    term_printf(TERM_BOLD, "  crq info\n");
    printf("\nPython programs connect with redis.from_url(\"%s\")\n"
           "and enqueue by name: Queue(connection=...).enqueue(%s).\n",
            crq_buf_text(&up->url),
            is_demo ? "\"demo.add\", 2, 3" : "\"module.task\"");
    if (up->data.len > 0)
        printf("Data is kept in %s. ", crq_buf_text(&up->data));
    printf("Ctrl-C stops all.\n\n");
}

static void announce(const struct up *up)
{
    struct crq_buf address = CRQ_BUF_INIT;

    web_address(up, &address);
    if (up->cli->json)
        announce_json(up, crq_buf_text(&address));
    else
        announce_plain(up, crq_buf_text(&address));
    fflush(stdout);
    crq_buf_fini(&address);
}

/* ---- until the end ---- */

static bool all_ready(struct up *up)
{
    bool ready = true;

    for (enum up_part i = 0; i < UP_PARTS; i++) {
        process_listen(&up->parts[i]);
        if (is_wanted(up, i) && !up->parts[i].ready)
            ready = false;
    }
    return ready;
}

/* Those that has_lost() has not missed yet. */
static bool any_runs(const struct up *up)
{
    for (enum up_part i = UP_WORKER; i < UP_PARTS; i++)
        if (up->parts[i].pid != 0)
            return true;
    return false;
}

static void stop(struct up *up)
{
    if (up->stops == 0 && any_runs(up))
        fprintf(stderr, "crq: stopping; a second Ctrl-C ends all at once\n");
    up->stops++;
}

/* The next one to leave is told so, once for each time that we were. Without
 * a Redis there is no order to keep. */
static void dismiss(struct up *up)
{
    static const enum up_part order[] = { UP_WEB, UP_SCHEDULER, UP_WORKER };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        enum up_part part = order[i];

        if (up->parts[part].pid == 0)
            continue;
        /* One in a turn: two at once would be one to it. */
        if (up->asked[part] < up->stops) {
            up->asked[part]++;
            process_signal(&up->parts[part], SIGTERM);
        }
        if (up->deadline_us == 0)
            return;
        if (up_now_us() > up->deadline_us)
            process_signal(&up->parts[part], SIGKILL);
    }
}

/* Whether one that we have started has ended, the first time for each. */
static bool has_lost(struct up *up, enum up_part part)
{
    struct process *p = &up->parts[part];

    if (p->pid == 0 || process_runs(p))
        return false;
    if (part == UP_REDIS)
        up->deadline_us = up_now_us() + ORPHAN_S * INT64_C(1000000);
    return true;
}

/* All run until one ends or we are told to stop. */
static int watch(struct up *up, int rc)
{
    if (rc != CLI_DONE)
        stop(up);
    while (any_runs(up)) {
        for (enum up_part i = 0; i < UP_PARTS; i++)
            /* Those that were told to end may; Redis never is, here. */
            if (has_lost(up, i) && up->asked[i] == 0) {
                rc = up_say_ended(&up->parts[i]);
                stop(up);
            }
        if (up->stops > 0)
            dismiss(up);
        else if (!up->announced && all_ready(up)) {
            up->announced = true;
            announce(up);
        }
        if (up_told_to_stop())
            stop(up);
    }
    return rc;
}

static int start_all(struct up *up, struct crq_buf paths[UP_PARTS])
{
    int rc = 0;

    for (enum up_part i = 0; rc == 0 && i < UP_PARTS; i++)
        if (is_wanted(up, i))
            rc = start(up, i, crq_buf_text(&paths[i]));
    return rc;
}

static int run(struct up *up)
{
    struct crq_buf paths[UP_PARTS] = { CRQ_BUF_INIT, CRQ_BUF_INIT, CRQ_BUF_INIT,
        CRQ_BUF_INIT };
    sigset_t set;
    int rc = up_load_apps(up);

    if (rc == 0)
        rc = find_programs(up, paths);
    /* From here on signals wait until up_told_to_stop() fetches them. */
    watched(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would lose exit statuses */
    if (rc == 0)
        rc = up_get_redis(up);
    if (rc == 0 && up->stops == 0)
        rc = up_put_options(up);
    crq_conn_free(up->cli->conn);
    up->cli->conn = NULL;
    if (rc == 0 && up->stops == 0)
        rc = start_all(up, paths);
    rc = watch(up, rc);
    up_end_redis(up);
    for (enum up_part i = 0; i < UP_PARTS; i++)
        crq_buf_fini(&paths[i]);
    return rc;
}

int cmd_up(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "[APP...]",
        "Start a Redis and a worker for the queue 'default' with a scheduler, "
        "and stop them at Ctrl-C. With applications the worker is for them, "
        "too, and a gateway serves them.\v"
        "APP is the name of one that is installed, or its folder. The Redis is "
        "private: a Unix socket and its data in ~/.local/share/crq. With -u it "
        "is the one at that URL.",
        children, NULL, NULL };
    struct up up = {
        .cli = cli, .data = CRQ_BUF_INIT, .url = CRQ_BUF_INIT, .lock_fd = -1
    };
    int rc;

    for (enum up_part i = 0; i < UP_PARTS; i++)
        up.parts[i] = (struct process){ .name = programs[i].program,
            .notify_fd = -1 };
    argp_parse(&argp, argc, argv, 0, NULL, &up);
    rc = run(&up);
    for (enum up_part i = 0; i < UP_PARTS; i++)
        if (up.parts[i].notify_fd >= 0)
            close(up.parts[i].notify_fd);
    if (up.lock_fd >= 0)
        close(up.lock_fd);
    up_free_apps(&up);
    crq_buf_fini(&up.url);
    crq_buf_fini(&up.data);
    return rc;
}
