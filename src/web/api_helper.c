/* api_helper.c - see api_helper.h. */
#include "web/api_helper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "exec/proc.h"
#include "redis/conn.h"
#include "web/api_frame.h"

#define CONNECT_MS 2000
#define REPLY_MS   5000
#define KEEP       ((size_t)1 << 20) /* of memory, between two questions */

static bool receive(int fd, char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, bytes, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool transmit(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static int answer(struct api *api, const struct api_question *question,
        struct api_response *out, crq_error *err)
{
    if (question->viewer != NULL)
        return page_handle(api, &question->request, question->viewer, out, err);
    if (question->metrics == NULL)
        return api_handle(api, &question->request, out, err);
    out->status = 200;
    out->content_type = METRICS_TYPE;
    return metrics_write(api->conn, question->metrics, &out->body, err);
}

/* False: this process is of no more use, for want of memory or of a parent. */
static bool serve(struct api *api, int fd, struct crq_buf *buf)
{
    struct api_question_room room;
    struct api_question question;
    struct api_response response = API_RESPONSE_INIT;
    struct crq_buf out = CRQ_BUF_INIT;
    crq_error err = { 0, "" };
    char head[API_FRAME_HEAD], *bytes;
    bool good = false;
    size_t len;

    if (!receive(fd, head, sizeof(head)))
        return false;
    len = api_frame_len(head);
    crq_buf_clear(buf);
    bytes = len <= API_FRAME_MAX ? crq_buf_room(buf, len) : NULL;
    if (bytes == NULL || !receive(fd, bytes, len) ||
            !api_question_decode(bytes, len, &room, &question))
        return false;
    if (answer(api, &question, &response, &err) == 0 &&
            api_answer_encode(&response, err.code != 0 ? err.text : NULL,
                    &out) == 0)
        good = transmit(fd, out.data, out.len);
    crq_buf_fini(&out);
    api_response_fini(&response);
    if (buf->cap > KEEP) {
        crq_buf_fini(buf);
        crq_buf_init(buf, API_FRAME_MAX);
    }
    return good;
}

/* The gateway answers those who wait before it ends, with our help: a signal
 * to its whole group is for it alone. We end when our socket does. */
static void set_signals(void)
{
    static const int defaults[] = { SIGCHLD, SIGHUP, SIGPIPE };
    static const int ignored[] = { SIGINT, SIGTERM };
    sigset_t none;

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        signal(defaults[i], SIG_DFL);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void api_helper_run(pid_t parent, int fd, const char *url, struct api api)
{
    crq_conn_options options = CRQ_CONN_OPTIONS_INIT;
    struct crq_buf buf;
    crq_error err;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    set_signals();
    prctl(PR_SET_NAME, "crq-web-api");
    if (fd != STDERR_FILENO + 1 && dup2(fd, STDERR_FILENO + 1) < 0)
        _exit(1);
    fd = STDERR_FILENO + 1;
    crq_proc_close_from(fd + 1);

    options.connect_timeout_ms = CONNECT_MS;
    options.timeout_ms = REPLY_MS;
    options.name = "crq-web-api";
    crq_buf_init(&buf, API_FRAME_MAX);
    if (crq_conn_new(url, &options, &api.conn, &err) < 0)
        _exit(1);
    while (serve(&api, fd, &buf))
        ;
    crq_conn_free(api.conn);
    crq_buf_fini(&buf);
    _exit(0);
}
