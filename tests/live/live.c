/* live.c - starting and stopping private Redis servers. */
#include "live.h"

#include "relay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVERS  8
#define START_MS 20000 /* a busy machine under valgrind */
#define MISSING  127

/* The folder of all this program's servers; made by the process that runs
 * the tests, which are processes of their own. */
static char root[64];
static pid_t root_owner;

static struct live_server servers[SERVERS];
static int server_count;

static void stop(struct live_server *server, int how)
{
    if (server->pid <= 0 || server->owner != getpid())
        return;
    kill(server->pid, how);
    kill(server->pid, SIGCONT);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    server->pid = 0;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return;
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[400];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) < 0)
            remove_folder(name);
    }
    closedir(dir);
    rmdir(path);
}

/* Tests leave through exit() too: each process ends its own servers only. */
static void at_exit(void)
{
    for (int i = 0; i < server_count; i++)
        stop(&servers[i], SIGKILL);
    if (root_owner == getpid())
        remove_folder(root);
}

static void make_root(void)
{
    const char *tmp = getenv("TMPDIR");

    /* The path of a Unix socket has 107 bytes in all. */
    if (tmp == NULL || strlen(tmp) > 30)
        tmp = "/tmp";
    snprintf(root, sizeof(root), "%s/crq-live-XXXXXX", tmp);
    if (mkdtemp(root) == NULL) {
        printf("Bail out! no temporary folder %s: %s\n", root, strerror(errno));
        exit(EXIT_FAILURE);
    }
    root_owner = getpid();
    atexit(at_exit);
}

static void child(const struct live_server *server, pid_t parent)
{
    const char *argv[48] = { "redis-server", "--unixsocket", server->socket,
        "--dir", server->folder, "--logfile", "log", "--save", "", "--bind",
        "127.0.0.1" };
    char port[8];
    size_t n = 11;
    char *words[48];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    snprintf(port, sizeof(port), "%d", server->port);
    argv[n++] = server->cert[0] != '\0' ? "--tls-port" : "--port";
    argv[n++] = port;
    if (server->cert[0] != '\0') {
        const char *const tls[] = { "--port", "0", "--tls-cert-file",
            server->cert, "--tls-key-file", server->key, "--tls-auth-clients",
            "no" };

        memcpy(&argv[n], tls, sizeof(tls));
        n += sizeof(tls) / sizeof(tls[0]);
    }
    for (size_t i = 0; server->args[i] != NULL; i++)
        argv[n++] = server->args[i];
    memcpy(words, argv, sizeof(words));
    execvp("redis-server", words);
    _exit(MISSING);
}

/* Whether the server answers a PING, be it with NOAUTH. */
static bool answers(const struct live_server *server)
{
    int fd = live_socket(server->socket);
    char bytes[16] = "";
    bool yes = false;

    if (fd < 0)
        return false;
    if (send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 &&
            read(fd, bytes, sizeof(bytes) - 1) > 0)
        yes = strncmp(bytes, "-LOADING", 8) != 0;
    close(fd);
    return yes;
}

/* 0, or the exit status of a server that didn't come up. */
static int launch(struct live_server *server)
{
    pid_t parent = getpid();
    int status = 0;

    unlink(server->socket);
    server->owner = parent;
    server->pid = fork();
    if (server->pid == 0)
        child(server, parent);
    for (int waited_ms = 0; waited_ms < START_MS; waited_ms += 2) {
        if (answers(server))
            return 0;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        }
        poll(NULL, 0, 2);
    }
    stop(server, SIGKILL);
    return EXIT_FAILURE;
}

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* NULL: too many, or no folder. Used outside of tests too, where ck_assert()
 * can't be. */
static struct live_server *new_server(void)
{
    struct live_server *server = &servers[server_count];
    char folder[sizeof(server->folder)];

    if (server_count == SERVERS)
        return NULL;
    memset(server, 0, sizeof(*server));
    snprintf(folder, sizeof(folder), "%s/%d.%d", root, (int)getpid(),
            server_count);
    memcpy(server->folder, folder, sizeof(folder));
    snprintf(server->socket, sizeof(server->socket), "%s/sock", folder);
    snprintf(server->url, sizeof(server->url), "unix://%s/sock", folder);
    if (mkdir(folder, 0700) < 0)
        return NULL;
    server_count++;
    return server;
}

struct live_server *live_main(void)
{
    return &servers[0];
}

static void start(struct live_server *server, int tcp)
{
    int rc = EXIT_FAILURE;

    /* Somebody else may take the port before the server does. */
    for (int tries = 0; tries < (tcp ? 5 : 1) && rc != 0; tries++) {
        server->port = tcp ? free_port() : 0;
        rc = launch(server);
    }
    ck_assert_msg(rc == 0, "redis-server did not start (status %d), see %s/log",
            rc, server->folder);
}

struct live_server *live_start(int tcp, ...)
{
    struct live_server *server = new_server();
    size_t n = 0;
    va_list ap;

    ck_assert_ptr_nonnull(server);
    va_start(ap, tcp);
    do {
        ck_assert_uint_lt(n, sizeof(server->args) / sizeof(server->args[0]));
        server->args[n] = va_arg(ap, const char *);
    } while (server->args[n++] != NULL);
    va_end(ap);
    start(server, tcp);
    return server;
}

struct live_server *live_start_tls(const char *names)
{
    struct live_server *server = new_server();
    char command[500];

    ck_assert_ptr_nonnull(server);
    snprintf(server->key, sizeof(server->key), "%s/key.pem", server->folder);
    snprintf(server->cert, sizeof(server->cert), "%s/cert.pem", server->folder);
    snprintf(command, sizeof(command),
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
            "-nodes -days 2 -subj /CN=crq -addext subjectAltName=%s "
            "-keyout %s -out %s 2>/dev/null",
            names, server->key, server->cert);
    ck_assert_int_eq(system(command), 0);
    start(server, true);
    return server;
}

struct live_server *live_start_relay(const struct live_relay *relay)
{
    struct live_server *server = new_server();
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_ptr_nonnull(server);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", server->socket);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&at, sizeof(at)),
            0);
    ck_assert_int_eq(listen(listener, 8), 0);
    server->owner = getpid();
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        live_relay_run(relay, listener, live_main()->socket);
    }
    close(listener);
    return server;
}

void live_kill(struct live_server *server)
{
    ck_assert_int_eq(server->owner, getpid());
    stop(server, SIGKILL);
}

void live_restart(struct live_server *server)
{
    ck_assert_int_eq(server->pid, 0);
    ck_assert_int_eq(launch(server), 0);
}

void live_freeze(struct live_server *server)
{
    siginfo_t info;

    ck_assert_int_eq(server->owner, getpid());
    ck_assert_int_eq(kill(server->pid, SIGSTOP), 0);
    /* kill() returns before the server stands still. */
    ck_assert_int_eq(waitid(P_PID, (id_t)server->pid, &info,
                             WSTOPPED | WNOWAIT),
            0);
}

void live_thaw(struct live_server *server)
{
    ck_assert_int_eq(kill(server->pid, SIGCONT), 0);
}

crq_conn *live_conn_to(const char *format, ...)
{
    crq_conn *conn = NULL;
    crq_error err;
    char url[300];
    va_list ap;

    va_start(ap, format);
    vsnprintf(url, sizeof(url), format, ap);
    va_end(ap);
    unit_ok(crq_conn_open(url, NULL, &conn, &err), &err);
    return conn;
}

crq_conn *live_conn(void)
{
    return live_conn_to("%s", live_main()->url);
}

/* Before each test: nothing in Redis, no settings of the test before. */
static void empty_main(void)
{
    crq_conn *conn = live_conn();

    live_seed(conn, "FLUSHALL\nSCRIPT FLUSH");
    crq_conn_free(conn);
}

int live_run(const char *name, TCase *tc)
{
    struct live_server *server;
    int rc;

    make_root();
    server = new_server();
    rc = server != NULL ? launch(server) : EXIT_FAILURE;
    if (rc == MISSING) {
        printf("1..0 # SKIP redis-server is not installed\n");
        return EXIT_SUCCESS;
    }
    if (rc != 0) {
        printf("Bail out! redis-server does not start (status %d)\n", rc);
        return EXIT_FAILURE;
    }
    tcase_add_checked_fixture(tc, empty_main, NULL);
    return unit_run(name, tc);
}
