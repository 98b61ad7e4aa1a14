/* tls.h - TLS on a connected socket. link.h is above it: the handshake alone is
 * for those who wait for the socket in a way of their own. */
#ifndef CRQ_REDIS_TLS_H
#define CRQ_REDIS_TLS_H

#include <sys/types.h>

#include <crq.h>

struct crq_tls;

/**
 * What is needed for TLS with `host`. The server's certificate must
 * be signed by an authority that the system trusts (or that SSL_CERT_FILE
 * names) and be made out to that name or address.
 *
 * CRQ_ECONNECT when OpenSSL cannot be set up so, CRQ_ENOMEM.
 */
int crq_tls_new(const char *host, struct crq_tls **out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_tls_free(struct crq_tls *tls);

/** A step of the handshake on `fd`, a socket that never blocks. 1: done; 0:
 *  *out_events (POLLIN or POLLOUT) must come first; or CRQ_ECONNECT. */
int crq_tls_handshake(struct crq_tls *tls, int fd, short *out_events,
        crq_error *err) CRQ_MUST_CHECK;

/** As crq_link_write() and crq_link_read(). Reads take at least 16 KiB, one
 *  whole record: so nothing is left that poll() can't see. */
ssize_t crq_tls_write(struct crq_tls *tls, const void *bytes, size_t len);
ssize_t crq_tls_read(struct crq_tls *tls, void *bytes, size_t len);

/** Whether nothing has come but what TLS sends for itself. */
bool crq_tls_is_quiet(struct crq_tls *tls);

#endif
