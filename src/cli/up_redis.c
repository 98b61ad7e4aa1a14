/*
 * up_redis.c - the Redis of crq up.
 *
 * It listens on a Unix socket in a folder that only its user may enter, so it
 * needs neither a free port nor a password. Its data stays there. It holds the
 * folder's lock itself, so that a second one cannot begin while the first is
 * still writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/up.h"
#include "redis/conn.h"

#define REDIS_START_S 30 /* it may have to read much */
#define REDIS_STOP_S  10

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

/* It is there, and has read all its data: until then it refuses commands. */
static bool answers(struct up *up, crq_error *err)
{
    if (crq_conn_open(crq_buf_text(&up->url), NULL, &up->cli->conn, err) < 0)
        return false;
    if (crq_conn_run(up->cli->conn, NULL, err, "PING", NULL) == 0)
        return true;
    crq_conn_free(up->cli->conn);
    up->cli->conn = NULL;
    return false;
}

static int wait_for_redis(struct up *up)
{
    int64_t end_us = up_now_us() + REDIS_START_S * INT64_C(1000000);
    crq_error err = { 0 };

    for (;;) {
        if (answers(up, &err))
            return 0;
        if (!process_runs(&up->parts[UP_REDIS])) {
            up_say_ended(&up->parts[UP_REDIS]);
            fprintf(stderr, "crq: why is in %s/redis.log\n",
                    crq_buf_text(&up->data));
            return CLI_UNAVAILABLE;
        }
        /* One that says that it is reading may take as long as it needs. */
        if (strstr(err.text, "LOADING") != NULL)
            end_us = up_now_us() + REDIS_START_S * INT64_C(1000000);
        if (up_now_us() > end_us)
            return cli_error(&err);
        if (up_told_to_stop()) {
            up->stops++;
            return CLI_DONE;
        }
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
        rc = process_start(&up->parts[UP_REDIS], argv, none, SIGTERM,
                up->lock_fd);
    if (rc == 0)
        rc = wait_for_redis(up);
    crq_buf_fini(&path);
    return rc;
}

int up_get_redis(struct up *up)
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

void up_end_redis(struct up *up)
{
    int64_t end_us = up_now_us() + REDIS_STOP_S * INT64_C(1000000);

    process_signal(&up->parts[UP_REDIS], SIGTERM);
    while (process_runs(&up->parts[UP_REDIS])) {
        if (up_now_us() > end_us)
            process_signal(&up->parts[UP_REDIS], SIGKILL);
        (void)up_told_to_stop();
    }
    if (up->socket_dir[0] != '\0')
        rmdir(up->socket_dir);
}
