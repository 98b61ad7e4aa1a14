/* send.c - libcurl's multi interface on libev. */
#include "courier/send.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "courier/address.h"

#define BODY_MAX      ((size_t)64 << 10)
#define TIMEOUT_MAX_S 3600

struct sender {
    struct ev_loop *loop;
    CURLM *multi;
    ev_timer timer;
    bool allow_private;
    size_t running;
    sender_done *done;
    void *arg;
};

/* One request on its way. */
struct transfer {
    struct sender *sender;
    CURL *easy;
    int64_t number;
    char *body;
    struct curl_slist *headers;
    size_t read;  /* bytes of the answer */
    bool refused; /* its address */
    bool cut;     /* its answer is long: the rest is not read */
    char error[CURL_ERROR_SIZE];
};

/* A socket of libcurl's. */
struct watch {
    struct sender *sender;
    ev_io io;
};

static void transfer_free(struct transfer *transfer)
{
    if (transfer->easy != NULL)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    crq_free(transfer->body);
    crq_free(transfer);
}

/* ---- what libcurl asks ---- */

static curl_socket_t on_open(void *arg, curlsocktype purpose,
        struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;

    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!transfer->sender->allow_private &&
            !address_is_public(&address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
            address->protocol);
}

/* Head and body: neither is of interest. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;

    (void)bytes;
    transfer->read += size * count;
    transfer->cut = transfer->read > BODY_MAX;
    return transfer->cut ? 0 : size * count;
}

/* ---- the end of a request ---- */

static void describe(const struct transfer *transfer, CURLcode result,
        struct crq_buf *out)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_WRITE_ERROR && transfer->cut)
        result = CURLE_OK;
    if (result == CURLE_OK && status < 300)
        return;
    if (result == CURLE_OK)
        crq_buf_printf(out, "answered with %ld%s", status,
                status < 400 ? ", a redirection, which is not followed" : "");
    else if (transfer->refused)
        crq_buf_puts(out,
                "its address is not public (--webhook-allow-private lets it "
                "through)");
    else
        crq_buf_puts(out,
                transfer->error[0] != '\0' ? transfer->error
                                           : curl_easy_strerror(result));
}

static void take_ended(struct sender *sender)
{
    struct crq_buf problem = CRQ_BUF_INIT;
    struct transfer *transfer;
    CURLMsg *message;
    CURLcode result;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        crq_buf_clear(&problem);
        describe(transfer, result, &problem);
        curl_multi_remove_handle(sender->multi, transfer->easy);
        sender->running--;
        sender->done(sender->arg, transfer->number, crq_buf_text(&problem));
        transfer_free(transfer);
    }
    crq_buf_fini(&problem);
}

/* ---- the loop ---- */

static void on_socket_ready(struct ev_loop *loop, ev_io *io, int revents)
{
    struct watch *watch = io->data;
    struct sender *sender = watch->sender;
    int running,
            what = (revents & EV_READ ? CURL_CSELECT_IN : 0) |
            (revents & EV_WRITE ? CURL_CSELECT_OUT : 0);

    (void)loop;
    curl_multi_socket_action(sender->multi, io->fd, what, &running);
    take_ended(sender);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct sender *sender = timer->data;
    int running;

    (void)loop;
    (void)revents;
    curl_multi_socket_action(sender->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_ended(sender);
}

static int on_set_timer(CURLM *multi, long after_ms, void *arg)
{
    struct sender *sender = arg;

    (void)multi;
    ev_timer_stop(sender->loop, &sender->timer);
    if (after_ms < 0)
        return 0;
    ev_now_update(sender->loop);
    ev_timer_set(&sender->timer, (double)after_ms / 1e3, 0.);
    ev_timer_start(sender->loop, &sender->timer);
    return 0;
}

static int on_set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
        void *of_socket)
{
    struct sender *sender = arg;
    struct watch *watch = of_socket;

    (void)easy;
    if (watch != NULL)
        ev_io_stop(sender->loop, &watch->io);
    if (what == CURL_POLL_REMOVE) {
        crq_free(watch);
        return 0;
    }
    if (watch == NULL) {
        watch = crq_calloc(1, sizeof(*watch));
        if (watch == NULL)
            return -1;
        watch->sender = sender;
        ev_io_init(&watch->io, on_socket_ready, fd, EV_READ);
        watch->io.data = watch;
        curl_multi_assign(sender->multi, fd, watch);
    }
    ev_io_set(&watch->io, fd,
            (what & CURL_POLL_IN ? EV_READ : 0) |
                    (what & CURL_POLL_OUT ? EV_WRITE : 0));
    ev_io_start(sender->loop, &watch->io);
    return 0;
}

/* ---- a request ---- */

/* Of an empty value libcurl wants to be told by a ';'. */
static bool add_header(struct transfer *transfer, const char *line, size_t len)
{
    struct crq_buf text = CRQ_BUF_INIT;
    struct curl_slist *longer = NULL;

    if (len > 2 && line[len - 2] == ':' && line[len - 1] == ' ')
        crq_buf_printf(&text, "%.*s;", (int)len - 2, line);
    else
        crq_buf_put(&text, line, len);
    if (text.rc == 0)
        longer = curl_slist_append(transfer->headers, crq_buf_text(&text));
    crq_buf_fini(&text);
    if (longer != NULL)
        transfer->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct transfer *transfer, const char *lines)
{
    size_t len;

    for (; *lines != '\0'; lines += len + (lines[len] == '\n')) {
        len = strcspn(lines, "\n");
        if (len > 0 && !add_header(transfer, lines, len))
            return false;
    }
    /* What libcurl would add of its own. */
    return add_header(transfer, "Accept:", 7) &&
            add_header(transfer, "Expect:", 7);
}

static void set_options(struct transfer *transfer,
        const struct request *request)
{
    CURL *easy = transfer->easy;
    int64_t timeout_s = request->timeout_s;

    if (timeout_s < 1 || timeout_s > TIMEOUT_MAX_S)
        timeout_s = TIMEOUT_MAX_S;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_s * 1000);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (request->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                (curl_off_t)request->body_len);
    }
}

bool sender_send(struct sender *sender, const struct request *request)
{
    struct transfer *transfer = crq_calloc(1, sizeof(*transfer));

    if (transfer == NULL)
        return false;
    transfer->sender = sender;
    transfer->number = request->number;
    transfer->easy = curl_easy_init();
    if (request->body != NULL)
        transfer->body = crq_memdup(request->body, request->body_len);
    if (transfer->easy == NULL ||
            (request->body != NULL && transfer->body == NULL) ||
            !add_headers(transfer, request->headers)) {
        transfer_free(transfer);
        return false;
    }
    set_options(transfer, request);
    if (curl_multi_add_handle(sender->multi, transfer->easy) != CURLM_OK) {
        transfer_free(transfer);
        return false;
    }
    sender->running++;
    return true;
}

size_t sender_running(const struct sender *sender)
{
    return sender->running;
}

struct sender *sender_new(struct ev_loop *loop, bool allow_private,
        sender_done *done, void *arg)
{
    struct sender *sender = crq_calloc(1, sizeof(*sender));

    if (sender == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        crq_free(sender);
        return NULL;
    }
    sender->multi = curl_multi_init();
    if (sender->multi == NULL) {
        crq_free(sender);
        return NULL;
    }
    sender->loop = loop;
    sender->allow_private = allow_private;
    sender->done = done;
    sender->arg = arg;
    ev_timer_init(&sender->timer, on_timer, 0., 0.);
    sender->timer.data = sender;
    curl_multi_setopt(sender->multi, CURLMOPT_SOCKETFUNCTION, on_set_socket);
    curl_multi_setopt(sender->multi, CURLMOPT_SOCKETDATA, sender);
    curl_multi_setopt(sender->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
    curl_multi_setopt(sender->multi, CURLMOPT_TIMERDATA, sender);
    return sender;
}
