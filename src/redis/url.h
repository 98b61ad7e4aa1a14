/* url.h - where a Redis is, from one line of text. */
#ifndef CRQ_REDIS_URL_H
#define CRQ_REDIS_URL_H

#include <crq.h>

#include "base/buf.h"

struct crq_url {
    char *host;     /* NULL for a Unix socket */
    char *path;     /* NULL for TCP */
    char *user;     /* NULL: none given */
    char *password; /* NULL: none given */
    int port;       /* 6379 unless given */
    int db;         /* 0 unless given */
    bool tls;       /* rediss:// */
};

/**
 * Read a URL; the forms stand at crq_conn_open() in crq.h. redis-py's
 * redis://host?db=3 is taken too, the query winning over the path as there.
 * On CRQ_EINVAL the text says what is wrong and quotes it; a password is never
 * quoted. CRQ_ENOMEM.
 */
int crq_url_parse(const char *text, struct crq_url *out,
        crq_error *err) CRQ_MUST_CHECK;
void crq_url_fini(struct crq_url *url);

/** Append the URL for people: as short as it goes, without the password. */
int crq_url_describe(const struct crq_url *url, struct crq_buf *out);

/**
 * Where the environment says that Redis is, for programs: CRQ_URL,
 * RQ_REDIS_URL, REDIS_URL, or REDIS_HOST, REDIS_PORT, REDIS_DB and
 * REDIS_PASSWORD. NULL: it says nothing. Valid as long as the environment and
 * `space`, an empty buffer of the caller's that may come to hold the text;
 * space->rc says when there was no memory for it.
 */
const char *crq_url_from_environment(struct crq_buf *space);

#endif
