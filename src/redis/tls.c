/*
 * tls.c - TLS with OpenSSL.
 *
 * Not through hiredis_ssl: that does not compare the certificate with the
 * host's name, so that anybody's certificate would do. OpenSSL's own socket
 * BIO raises SIGPIPE as write() does, hence the one here.
 */
#include "redis/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/mem.h"

struct crq_tls {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    BIO_METHOD *socket; /* read and write on fd */
};

static bool is_later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int on_write(BIO *bio, const char *bytes, int len)
{
    const struct crq_tls *tls = BIO_get_data(bio);
    ssize_t n = send(tls->fd, bytes, (size_t)len, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (n < 0 && is_later())
        BIO_set_retry_write(bio);
    return (int)n;
}

static int on_read(BIO *bio, char *bytes, int len)
{
    const struct crq_tls *tls = BIO_get_data(bio);
    ssize_t n = recv(tls->fd, bytes, (size_t)len, 0);

    BIO_clear_retry_flags(bio);
    if (n < 0 && is_later())
        BIO_set_retry_read(bio);
    return (int)n;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int open_socket(struct crq_tls *tls)
{
    BIO *bio;

    /* Without a type of its own: a process has 127 of these, nothing gives one
     * back, and nobody looks for a BIO of ours by its type. */
    tls->socket = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "crq socket");
    if (tls->socket == NULL || !BIO_meth_set_write(tls->socket, on_write) ||
            !BIO_meth_set_read(tls->socket, on_read) ||
            !BIO_meth_set_ctrl(tls->socket, on_ctrl))
        return CRQ_ENOMEM;
    bio = BIO_new(tls->socket);
    if (bio == NULL)
        return CRQ_ENOMEM;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return 0;
}

/* Whom the certificate must be made out to. */
static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, host, address) == 1 ||
            inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 &&
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) == 1;
}

int crq_tls_new(const char *host, struct crq_tls **out, crq_error *err)
{
    struct crq_tls *tls = crq_calloc(1, sizeof(*tls));

    if (tls == NULL)
        return crq_fail_nomem(err);
    tls->fd = -1;
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context != NULL)
        tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || open_socket(tls) < 0) {
        crq_tls_free(tls);
        return crq_fail_nomem(err);
    }
    if (SSL_CTX_set_default_verify_paths(tls->context) != 1 ||
            SSL_set_min_proto_version(tls->ssl, TLS1_2_VERSION) != 1 ||
            !expect_host(tls->ssl, host)) {
        crq_tls_free(tls);
        return crq_fail(err, CRQ_ECONNECT, "TLS cannot be set up");
    }
    SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, NULL);
    /* RESP says where its replies end: a link that is cut needs no goodbye to
     * be told from a whole one. */
    SSL_set_options(tls->ssl,
            SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* The buffer that is written from moves and grows between two tries. */
    SSL_set_mode(tls->ssl,
            SSL_MODE_ENABLE_PARTIAL_WRITE |
                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_connect_state(tls->ssl);
    *out = tls;
    return 0;
}

void crq_tls_free(struct crq_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    crq_free(tls);
}

int crq_tls_handshake(struct crq_tls *tls, int fd, short *out_events,
        crq_error *err)
{
    int rc, number;
    unsigned long code;
    const char *reason;

    tls->fd = fd;
    ERR_clear_error();
    errno = 0;
    rc = SSL_do_handshake(tls->ssl);
    if (rc == 1)
        return 1;
    number = errno;
    rc = SSL_get_error(tls->ssl, rc);
    if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE) {
        *out_events = rc == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return 0;
    }
    if (SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return crq_fail(err, CRQ_ECONNECT, "its certificate is refused: %s",
                X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl)));
    code = ERR_peek_error();
    reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (reason == NULL)
        reason = number != 0 ? strerror(number) : "the connection was closed";
    return crq_fail(err, CRQ_ECONNECT, "no TLS with it: %s", reason);
}

/* What SSL_read() or SSL_write() returned, in the terms of link.h. */
static ssize_t moved(const struct crq_tls *tls, int n)
{
    int number = errno;

    if (n > 0)
        return n;
    switch (SSL_get_error(tls->ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return 0;
    case SSL_ERROR_SYSCALL: errno = number; return -1;
    case SSL_ERROR_ZERO_RETURN: errno = 0; return -1;
    default: errno = EPROTO; return -1;
    }
}

static int clipped(size_t len)
{
    return len < INT32_MAX ? (int)len : INT32_MAX;
}

ssize_t crq_tls_write(struct crq_tls *tls, const void *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return moved(tls, SSL_write(tls->ssl, bytes, clipped(len)));
}

ssize_t crq_tls_read(struct crq_tls *tls, void *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return moved(tls, SSL_read(tls->ssl, bytes, clipped(len)));
}

bool crq_tls_is_quiet(struct crq_tls *tls)
{
    char byte;

    ERR_clear_error();
    errno = 0;
    return moved(tls, SSL_peek(tls->ssl, &byte, 1)) == 0;
}
