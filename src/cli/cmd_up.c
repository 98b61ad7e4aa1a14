/*
 * cmd_up.c - crq up: a Redis and a worker of one's own, until Ctrl-C. The
 * worker brings a scheduler along.
 *
 * The Redis listens on a Unix socket in a folder that only its user may enter,
 * so it needs neither a free port nor a password. Its data stays there.
 *
 * Kept true here:
 *  - Nothing is left behind: the worker goes first, so that Redis hears how its
 *    runs ended; and when crq is killed, the kernel ends both.
 *  - One Redis for a folder: it holds the folder's lock itself, so that a
 *    second one cannot begin while the first is still writing its data.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/process.h"
#include "cli/show.h"
#include "cli/term.h"

#define MODULES_MAX   64
#define PAUSE_MS      20
#define REDIS_START_S 30 /* it may have to read much */
#define REDIS_STOP_S  10
/* Of the worker, when there is no Redis any more that it could tell. */
#define ORPHAN_S 3

struct up {
    struct cli *cli;
    const char *modules[MODULES_MAX];
    size_t module_count;
    const char *jobs;    /* NULL: the worker's default */
    struct crq_buf data; /* the folder; "" with -u */
    struct crq_buf url;
    char socket_dir[32]; /* "": the socket is in the data folder */
    struct process redis, worker;
    int lock_fd, notify_fd;
    char notify_env[140];
    bool announced, stopping;
    int64_t worker_deadline_us; /* 0: none */
};

/* ---- options ---- */

static const struct argp_option option_table[] = {
    { "load", 'l', "MODULE", 0,
            "A module of tasks, by name or by a path with a slash; several "
            "times for several (default: demo)",
            1 },
    { "jobs", 'n', "N", 0, "Jobs at a time (default: one per core)", 1 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct up *up = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = up->cli; return 0;
    case 'l':
        if (up->module_count == MODULES_MAX)
            argp_error(state, "more than %d modules", MODULES_MAX);
        up->modules[up->module_count++] = arg;
        return 0;
    case 'n':
        cli_number(state, "jobs", arg, 1);
        up->jobs = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': modules are named with --load", arg);
        return 0;
    case ARGP_KEY_END:
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

/* Wait a little, or until something happens; whether we are told to stop. */
static bool told_to_stop(void)
{
    struct timespec pause = { 0, PAUSE_MS * 1000000L };
    sigset_t set;
    int got;

    watched(&set);
    got = sigtimedwait(&set, NULL, &pause);
    return got == SIGINT || got == SIGTERM || got == SIGHUP;
}

static int64_t now_us(void)
{
    return crq_clock_mono_us(&crq_clock_system);
}

/* ---- the folder ---- */

static int make_folders(const char *path)
{
    char part[PATH_MAX];

    for (size_t i = 1; i < sizeof(part) && path[i - 1] != '\0'; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int find_folder(struct up *up)
{
    const char *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const struct passwd *user;
    struct stat st;

    if (share != NULL && share[0] == '/') {
        crq_buf_printf(&up->data, "%s/crq", share);
    } else {
        user = home == NULL || home[0] != '/' ? getpwuid(getuid()) : NULL;
        crq_buf_printf(&up->data, "%s/.local/share/crq",
                user != NULL           ? user->pw_dir
                        : home != NULL ? home
                                       : "");
    }
    if (make_folders(crq_buf_text(&up->data)) < 0 ||
            stat(crq_buf_text(&up->data), &st) < 0) {
        fprintf(stderr, "crq: can't make the folder %s: %s\n",
                crq_buf_text(&up->data), strerror(errno));
        return CLI_FAILED;
    }
    /* Who may enter it can do all with the jobs. */
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        fprintf(stderr,
                "crq: %s has to be yours alone: chmod 700 would do that\n",
                crq_buf_text(&up->data));
        return CLI_FAILED;
    }
    return 0;
}

static int lock_folder(struct up *up)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/lock", crq_buf_text(&up->data));
    up->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (up->lock_fd >= 0 && flock(up->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (up->lock_fd >= 0 && errno == EWOULDBLOCK)
        fprintf(stderr,
                "crq: another 'crq up' runs on %s; its Redis can be used "
                "with -u\n",
                crq_buf_text(&up->data));
    else
        fprintf(stderr, "crq: can't lock %s: %s\n", path, strerror(errno));
    return CLI_FAILED;
}

/* Of the socket: in the data folder unless its path is too long for one. */
static int choose_socket(struct up *up, struct crq_buf *path)
{
    crq_buf_printf(path, "%s/redis.sock", crq_buf_text(&up->data));
    if (path->len >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        strcpy(up->socket_dir, "/tmp/crq-XXXXXX");
        if (mkdtemp(up->socket_dir) == NULL) {
            fprintf(stderr, "crq: can't make a folder in /tmp: %s\n",
                    strerror(errno));
            up->socket_dir[0] = '\0';
            return CLI_FAILED;
        }
        crq_buf_clear(path);
        crq_buf_printf(path, "%s/redis.sock", up->socket_dir);
    }
    crq_buf_puts(&up->url, "unix://");
    for (const char *p = crq_buf_text(path); *p != '\0'; p++)
        if (strchr("/-._~", *p) != NULL || (*p >= '0' && *p <= '9') ||
                ((*p | 32) >= 'a' && (*p | 32) <= 'z'))
            crq_buf_putc(&up->url, *p);
        else
            crq_buf_printf(&up->url, "%%%02X", (unsigned char)*p);
    return 0;
}

/* ---- Redis ---- */

static int say_ended(struct process *p)
{
    char how[32];

    fprintf(stderr, "crq: %s ended: %s\n", p->name,
            process_end_text(p, how, sizeof(how)));
    return CLI_FAILED;
}

static int wait_for_redis(struct up *up)
{
    int64_t end_us = now_us() + REDIS_START_S * INT64_C(1000000);
    crq_error err = { 0 };

    for (;;) {
        if (crq_conn_open(crq_buf_text(&up->url), NULL, &up->cli->conn, &err) ==
                0)
            return 0;
        if (!process_runs(&up->redis)) {
            say_ended(&up->redis);
            fprintf(stderr, "crq: why is in %s/redis.log\n",
                    crq_buf_text(&up->data));
            return CLI_UNAVAILABLE;
        }
        if (now_us() > end_us)
            return cli_error(&err);
        up->stopping = told_to_stop();
        if (up->stopping)
            return CLI_DONE;
    }
}

static int start_redis(struct up *up, const char *program)
{
    static const char *const none[2] = { NULL, NULL };
    struct crq_buf path = CRQ_BUF_INIT;
    char log[PATH_MAX];
    /* One append-only file, written every second. */
    const char *argv[] = { program, "--port", "0", "--unixsocket", NULL,
        "--unixsocketperm", "700", "--dir", crq_buf_text(&up->data),
        "--logfile", log, "--appendonly", "yes", "--save", "", "--daemonize",
        "no", NULL };
    int rc = choose_socket(up, &path);

    snprintf(log, sizeof(log), "%s/redis.log", crq_buf_text(&up->data));
    argv[4] = crq_buf_text(&path);
    if (rc == 0 && (path.rc < 0 || up->url.rc < 0))
        rc = cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    if (rc == 0)
        rc = process_start(&up->redis, argv, none, SIGTERM, up->lock_fd);
    if (rc == 0)
        rc = wait_for_redis(up);
    crq_buf_fini(&path);
    return rc;
}

/* A Redis of our own, or the one of -u, which has to answer. */
static int get_redis(struct up *up)
{
    struct crq_buf program = CRQ_BUF_INIT;
    int rc;

    if (up->cli->url != NULL) {
        crq_buf_puts(&up->url, up->cli->url);
        return cli_connect(up->cli);
    }
    rc = process_find("redis-server", &program);
    if (rc == 0)
        rc = find_folder(up);
    if (rc == 0)
        rc = lock_folder(up);
    if (rc == 0)
        rc = start_redis(up, program.data);
    crq_buf_fini(&program);
    return rc;
}

/* ---- the worker ---- */

/* Where it says that it is ready: a socket whose name the kernel chooses. */
static int open_notify(struct up *up)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(name);

    up->notify_fd =
            socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (up->notify_fd < 0 ||
            bind(up->notify_fd, (struct sockaddr *)&name, sizeof(sa_family_t)) <
                    0 ||
            getsockname(up->notify_fd, (struct sockaddr *)&name, &len) < 0) {
        fprintf(stderr, "crq: can't make a socket: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
    snprintf(up->notify_env, sizeof(up->notify_env), "NOTIFY_SOCKET=@%.*s",
            (int)len, name.sun_path + 1);
    return 0;
}

static int start_worker(struct up *up, const char *program)
{
    const char *argv[2 * MODULES_MAX + 9];
    const char *env[2];
    struct crq_buf url = CRQ_BUF_INIT;
    size_t n = 0;
    int rc = open_notify(up);

    argv[n++] = program;
    for (size_t i = 0; i < up->module_count; i++) {
        argv[n++] = "--load";
        argv[n++] = up->modules[i];
    }
    if (up->jobs != NULL) {
        argv[n++] = "--jobs";
        argv[n++] = up->jobs;
    }
    argv[n++] = "--with-scheduler";
    if (up->cli->json)
        argv[n++] = "--log-format=json";
    argv[n] = NULL;
    crq_buf_printf(&url, "CRQ_URL=%s", crq_buf_text(&up->url));
    if (rc == 0 && url.rc < 0)
        rc = cli_error(&(crq_error){ CRQ_ENOMEM, "out of memory" });
    env[0] = crq_buf_text(&url);
    env[1] = up->notify_env;
    /* Without its Redis a warm stop would never end. */
    if (rc == 0)
        rc = process_start(&up->worker, argv, env,
                up->cli->url != NULL ? SIGTERM : SIGKILL, -1);
    crq_buf_fini(&url);
    return rc;
}

static bool is_ready(const struct up *up)
{
    char text[256];
    ssize_t n = recv(up->notify_fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    return strstr(text, "READY=1") != NULL;
}

/* ---- what it says ---- */

static void announce_json(const struct up *up)
{
    crq_value *v = crq_value_new_dict();
    crq_error err = { CRQ_ENOMEM, "out of memory" };
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put_text(v, "url", crq_buf_text(&up->url), &rc);
    crq_dict_put_number(v, "redis_pid", (int64_t)up->redis.pid, &rc);
    crq_dict_put_number(v, "worker_pid", (int64_t)up->worker.pid, &rc);
    if (rc == 0)
        rc = show_json(v, &err);
    if (rc < 0)
        (void)cli_error(&err);
    crq_value_free(v);
}

static void announce(const struct up *up)
{
    bool is_demo = strcmp(up->modules[0], "demo") == 0;

    if (up->cli->json) {
        announce_json(up);
        fflush(stdout);
        return;
    }
    printf("\n%s and a worker with a scheduler are up. In another terminal:\n\n",
            up->data.len > 0 ? "Redis" : "The connection to Redis");
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
    fflush(stdout);
}

/* ---- until the end ---- */

static void stop(struct up *up)
{
    if (!up->stopping)
        fprintf(stderr, "crq: stopping; again: at once\n");
    up->stopping = true;
    process_signal(&up->worker, SIGTERM);
}

/* Both run until one ends or we are told to stop; then the worker leaves. */
static int watch(struct up *up)
{
    int rc = CLI_DONE;

    while (process_runs(&up->worker)) {
        if (!up->announced && is_ready(up)) {
            up->announced = true;
            announce(up);
        }
        if (up->redis.pid != 0 && !process_runs(&up->redis)) {
            rc = say_ended(&up->redis);
            stop(up);
            up->worker_deadline_us = now_us() + ORPHAN_S * INT64_C(1000000);
        }
        if (up->worker_deadline_us != 0 && now_us() > up->worker_deadline_us)
            process_signal(&up->worker, SIGKILL);
        if (told_to_stop())
            stop(up);
    }
    if (!up->stopping)
        rc = say_ended(&up->worker);
    return rc;
}

static void end_redis(struct up *up)
{
    int64_t end_us = now_us() + REDIS_STOP_S * INT64_C(1000000);

    process_signal(&up->redis, SIGTERM);
    while (process_runs(&up->redis)) {
        if (now_us() > end_us)
            process_signal(&up->redis, SIGKILL);
        (void)told_to_stop();
    }
    if (up->socket_dir[0] != '\0')
        rmdir(up->socket_dir);
}

static int run(struct up *up)
{
    struct crq_buf program = CRQ_BUF_INIT;
    sigset_t set;
    int rc = process_find("crq-worker", &program);

    /* From here on signals wait until told_to_stop() fetches them. */
    watched(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would lose exit statuses */
    if (rc == 0)
        rc = get_redis(up);
    crq_conn_free(up->cli->conn);
    up->cli->conn = NULL;
    if (rc == 0 && !up->stopping)
        rc = start_worker(up, program.data);
    if (up->worker.pid != 0)
        rc = watch(up);
    end_redis(up);
    crq_buf_fini(&program);
    return rc;
}

int cmd_up(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { option_table, parse, "",
        "Start a Redis and a worker for the queue 'default' with a scheduler, and "
        "stop them at Ctrl-C.\v"
        "The Redis is private: a Unix socket and its data in "
        "~/.local/share/crq. With -u it is the one at that URL.",
        children, NULL, NULL };
    struct up up = { .cli = cli,
        .data = CRQ_BUF_INIT,
        .url = CRQ_BUF_INIT,
        .redis = { .name = "redis-server" },
        .worker = { .name = "crq-worker" },
        .lock_fd = -1,
        .notify_fd = -1 };
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &up);
    rc = run(&up);
    if (up.notify_fd >= 0)
        close(up.notify_fd);
    if (up.lock_fd >= 0)
        close(up.lock_fd);
    crq_buf_fini(&up.url);
    crq_buf_fini(&up.data);
    return rc;
}
