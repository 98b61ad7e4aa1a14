/*
 * url.c - Redis URLs, read with uriparser.
 *
 * uriparser splits the text by RFC 3986; here the pieces are decoded, checked
 * and put into a crq_url.
 *
 * Kept true here: a password never gets into an error text. Errors quote the
 * URL as mask() shows it, and a piece of it only when no part of a password
 * can have ended up in that piece: "redis://:12/34@host" splits into port 12
 * and path 34@host, although somebody meant the password 12/34.
 */
#include "redis/url.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <uriparser/Uri.h>

#include "base/error.h"
#include "base/mem.h"

#define DEFAULT_PORT 6379
#define SHOWN_MAX    220 /* bytes of a URL in an error text */
#define PATH_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* One URL on its way from text to struct. */
struct reading {
    UriUriA uri;
    const char *text;
    const char *secret, *secret_end; /* between user ':' and the last '@' */
    char shown[SHOWN_MAX + 4];       /* the text as errors quote it */
    struct crq_url url;
};

static const struct {
    const char *name;
    bool unix_socket, tls;
} schemes[] = {
    { "redis", false, false },
    { "rediss", false, true },
    { "unix", true, false },
};

#define SCHEMES "redis://, rediss:// and unix://"

/* ------------------------------------------------------------- the quote */

/* The text behind "scheme://", or all of it when it doesn't start so. */
static const char *behind_scheme(const char *text)
{
    const char *p = text;

    while (isalnum((unsigned char)*p) || (*p != '\0' && strchr("+-.", *p)))
        p++;
    return strncmp(p, "://", 3) == 0 ? p + 3 : text;
}

/* Whatever can't be printed, or isn't ASCII, becomes '?'. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}

static void mask(struct reading *r)
{
    const char *colon = strchr(behind_scheme(r->text), ':');
    const char *at = strrchr(r->text, '@');
    const char *query = strchr(r->text, '?');

    r->secret = r->secret_end = r->text;
    if (colon != NULL && at != NULL && colon < at) {
        r->secret = colon + 1;
        r->secret_end = at;
        query = strchr(at, '?');
    }
    /* Python's redis takes ?password=...; we don't, but people try. */
    if (query != NULL && strcasestr(query, "pass") == NULL)
        query = NULL;
    snprintf(r->shown, SHOWN_MAX, "%.*s%s%.*s%s", (int)(r->secret - r->text),
            r->text, r->secret < r->secret_end ? "***" : "",
            query != NULL ? (int)(query - r->secret_end) : INT_MAX,
            r->secret_end, query != NULL ? "?***" : "");
    if (strlen(r->shown) == SHOWN_MAX - 1)
        strcat(r->shown, "...");
    make_printable(r->shown);
}

/* ---------------------------------------------------------------- pieces */

static bool present(const UriTextRangeA *piece)
{
    return piece->first != NULL && piece->first < piece->afterLast;
}

static int piece_len(const char *from, const char *end)
{
    return end - from < SHOWN_MAX / 2 ? (int)(end - from) : SHOWN_MAX / 2;
}

/* Digits only, at most max. -1: something else. */
static int64_t number(const char *from, const char *end, int64_t max)
{
    int64_t n = 0;

    if (from == end)
        return -1;
    for (; from < end; from++) {
        if (*from < '0' || *from > '9')
            return -1;
        n = n * 10 + (*from - '0');
        if (n > max)
            return -1;
    }
    return n;
}

/* Percent-decode [from, end) into a new string; `what` names it in errors. */
static int decode(const struct reading *r, const char *from, const char *end,
        const char *what, char **out, crq_error *err)
{
    char *text = crq_memdup(from, (size_t)(end - from));
    const char *decoded_end;

    if (text == NULL)
        return crq_fail_nomem(err);
    decoded_end = uriUnescapeInPlaceExA(text, URI_FALSE, URI_BR_DONT_TOUCH);
    for (const char *p = text; p < decoded_end; p++) {
        if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            continue;
        crq_free(text);
        return crq_fail(err, CRQ_EINVAL,
                "the %s in '%s' has a control character", what, r->shown);
    }
    *out = text;
    return 0;
}

static int bad_db(const struct reading *r, const char *from, const char *end,
        crq_error *err)
{
    return crq_fail(err, CRQ_EINVAL,
            "the database '%.*s' in '%s' is not a number in 0..2147483647",
            piece_len(from, end), from, r->shown);
}

static int read_db(struct reading *r, const char *from, const char *end,
        crq_error *err)
{
    int64_t db = number(from, end, INT32_MAX);

    if (db < 0)
        return bad_db(r, from, end, err);
    r->url.db = (int)db;
    return 0;
}

static int read_scheme(struct reading *r, bool *out_unix, crq_error *err)
{
    const UriTextRangeA *scheme = &r->uri.scheme;
    size_t len =
            present(scheme) ? (size_t)(scheme->afterLast - scheme->first) : 0;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strlen(schemes[i].name) != len ||
                strncasecmp(scheme->first, schemes[i].name, len) != 0)
            continue;
        r->url.tls = schemes[i].tls;
        *out_unix = schemes[i].unix_socket;
        return 0;
    }
    if (len == 0 || behind_scheme(r->text) == r->text)
        return crq_fail(err, CRQ_EINVAL,
                "'%s' is not a Redis URL: it starts with none of " SCHEMES,
                r->shown);
    return crq_fail(err, CRQ_EINVAL,
            "the scheme '%.*s' in '%s' is not one of " SCHEMES,
            piece_len(scheme->first, scheme->afterLast), scheme->first,
            r->shown);
}

/* As Python's redis: an empty user or password counts as none. */
static int read_user(struct reading *r, crq_error *err)
{
    const UriTextRangeA *info = &r->uri.userInfo;
    const char *colon;
    int rc = 0;

    if (!present(info))
        return 0;
    colon = memchr(info->first, ':', (size_t)(info->afterLast - info->first));
    if (colon == NULL)
        colon = info->afterLast;
    if (colon > info->first)
        rc = decode(r, info->first, colon, "user", &r->url.user, err);
    if (rc == 0 && colon + 1 < info->afterLast)
        rc = decode(r, colon + 1, info->afterLast, "password", &r->url.password,
                err);
    return rc;
}

static int read_port(struct reading *r, crq_error *err)
{
    const UriTextRangeA *port = &r->uri.portText;
    int64_t n;

    if (!present(port))
        return 0;
    n = number(port->first, port->afterLast, 65535);
    if (n < 1)
        return crq_fail(err, CRQ_EINVAL,
                "the port '%.*s' in '%s' is not in 1..65535",
                piece_len(port->first, port->afterLast), port->first, r->shown);
    r->url.port = (int)n;
    return 0;
}

/* "?db=3", the only thing there may be. */
static int read_query(struct reading *r, crq_error *err)
{
    const char *at = r->uri.query.first, *end = r->uri.query.afterLast;
    bool seen = false;

    while (present(&r->uri.query) && at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        const char *equals;
        int rc;

        if (stop == NULL)
            stop = end;
        equals = memchr(at, '=', (size_t)(stop - at));
        if (equals == NULL)
            equals = stop;
        if (equals - at != 2 || memcmp(at, "db", 2) != 0)
            return crq_fail(err, CRQ_EINVAL,
                    "'%.*s' in '%s' is not known; only 'db' may follow '?'",
                    piece_len(at, equals), at, r->shown);
        if (seen)
            return crq_fail(err, CRQ_EINVAL, "'db' stands twice in '%s'",
                    r->shown);
        rc = read_db(r, equals < stop ? equals + 1 : stop, stop, err);
        if (rc < 0)
            return rc;
        seen = true;
        at = stop < end ? stop + 1 : end;
    }
    return 0;
}

static int read_tcp(struct reading *r, const char *path, const char *path_end,
        crq_error *err)
{
    const UriTextRangeA *host = &r->uri.hostText;
    int rc;

    if (r->uri.hostText.first == NULL)
        return crq_fail(err, CRQ_EINVAL,
                "'%s' has no host: write redis://HOST:PORT/DB", r->shown);
    if (present(host)) {
        rc = decode(r, host->first, host->afterLast, "host", &r->url.host, err);
        if (rc < 0)
            return rc;
    } else {
        r->url.host = crq_strdup("localhost");
        if (r->url.host == NULL)
            return crq_fail_nomem(err);
    }
    rc = read_port(r, err);
    /* "/3" and "/3/" name database 3, "/" and nothing the first. */
    if (path < path_end && *path == '/')
        path++;
    if (path < path_end && path_end[-1] == '/')
        path_end--;
    if (rc == 0 && path < path_end)
        rc = read_db(r, path, path_end, err);
    return rc;
}

static int read_unix(struct reading *r, const char *path, const char *path_end,
        crq_error *err)
{
    int rc;

    if (present(&r->uri.hostText) || present(&r->uri.portText) ||
            path == path_end || *path != '/')
        return crq_fail(err, CRQ_EINVAL,
                "'%s' has no absolute path: write unix:///PATH", r->shown);
    rc = decode(r, path, path_end, "path", &r->url.path, err);
    if (rc < 0)
        return rc;
    if (strlen(r->url.path) > PATH_MAX_LEN)
        return crq_fail(err, CRQ_EINVAL,
                "the path in '%s' is longer than the %zu bytes of a socket's",
                r->shown, PATH_MAX_LEN);
    return 0;
}

/* ----------------------------------------------------------------- whole */

/* "'PIECE' in 'URL' WRONG", for a piece that has not been checked. */
static int bad_piece(const struct reading *r, const char *what,
        const char *from, const char *end, const char *wrong, crq_error *err)
{
    char piece[SHOWN_MAX / 2 + 1];

    snprintf(piece, sizeof(piece), "%.*s", piece_len(from, end), from);
    make_printable(piece);
    return crq_fail(err, CRQ_EINVAL, "%s'%s' in '%s' %s", what, piece, r->shown,
            wrong);
}

/* The port in a text that is no URI, if that is the reason for it. */
static const char *bad_port(const struct reading *r, const char **out_end)
{
    const char *host = behind_scheme(r->text);
    const char *end = host + strcspn(host, "/?#");
    const char *port = memrchr(host, ':', (size_t)(end - host));

    if (host == r->text || r->secret < r->secret_end || port == NULL ||
            port + 1 == end ||
            memchr(port, ']', (size_t)(end - port)) != NULL ||
            number(port + 1, end, 65535) >= 1)
        return NULL;
    *out_end = end;
    return port + 1;
}

/* The text is no URI; `at` is where uriparser stopped. */
static int bad_syntax(const struct reading *r, const char *at, crq_error *err)
{
    const char *end, *port = bad_port(r, &end);

    if (at == NULL)
        at = r->text + strlen(r->text);
    if (r->secret < r->secret_end && at <= r->secret_end)
        return crq_fail(err, CRQ_EINVAL,
                "the user or password in '%s' has a character that must be "
                "percent-escaped, such as '/' as %%2F",
                r->shown);
    for (int back = 0; back <= 2 && at - r->text >= back; back++)
        if (at[-back] == '%')
            return bad_piece(r, "", at - back,
                    at - back + strnlen(at - back, 3),
                    "is not a percent-escape", err);
    if (port != NULL)
        return bad_piece(r, "the port ", port, end, "is not in 1..65535", err);
    if (*at == '\0')
        return crq_fail(err, CRQ_EINVAL, "'%s' ends too early to be a URL",
                r->shown);
    return crq_fail(err, CRQ_EINVAL,
            "'%s' is not a URL: character %zu must be percent-escaped",
            r->shown, (size_t)(at - r->text) + 1);
}

/* Whether what mask() took for a password ended up in another piece. */
static bool secret_strayed(const struct reading *r)
{
    const UriTextRangeA *info = &r->uri.userInfo;

    return r->secret < r->secret_end &&
            (!present(info) || info->afterLast != r->secret_end);
}

static int read_all(struct reading *r, crq_error *err)
{
    const char *path, *path_end;
    bool unix_socket = false;
    int rc;

    if (secret_strayed(r))
        return bad_syntax(r, r->secret, err);
    rc = read_scheme(r, &unix_socket, err);
    if (rc < 0)
        return rc;
    if (present(&r->uri.fragment))
        return crq_fail(err, CRQ_EINVAL,
                "the '#' in '%s' must be percent-escaped as %%23", r->shown);
    /* From the text itself: uriparser's empty segments point elsewhere. */
    path = behind_scheme(r->text);
    path += path == r->text ? strcspn(path, ":") + 1 : strcspn(path, "/?");
    path_end = path + strcspn(path, "?");
    rc = read_user(r, err);
    if (rc == 0)
        rc = unix_socket ? read_unix(r, path, path_end, err)
                         : read_tcp(r, path, path_end, err);
    if (rc == 0)
        rc = read_query(r, err);
    return rc;
}

int crq_url_parse(const char *text, struct crq_url *out, crq_error *err)
{
    struct reading r = { .text = text, .url.port = DEFAULT_PORT };
    const char *at = NULL;
    int rc;

    mask(&r);
    rc = uriParseSingleUriA(&r.uri, text, &at);
    if (rc == URI_ERROR_MALLOC)
        return crq_fail_nomem(err);
    if (rc != URI_SUCCESS)
        return bad_syntax(&r, at, err);
    rc = read_all(&r, err);
    uriFreeUriMembersA(&r.uri);
    if (rc < 0) {
        crq_url_fini(&r.url);
        return rc;
    }
    *out = r.url;
    return 0;
}

void crq_url_fini(struct crq_url *url)
{
    crq_free(url->host);
    crq_free(url->path);
    crq_free(url->user);
    crq_free(url->password);
    *url = (struct crq_url){ .port = DEFAULT_PORT };
}

int crq_url_describe(const struct crq_url *url, struct crq_buf *out)
{
    if (url->path != NULL) {
        crq_buf_printf(out, "unix:%s", url->path);
        if (url->db != 0)
            crq_buf_printf(out, "?db=%d", url->db);
        return out->rc;
    }
    crq_buf_printf(out, strchr(url->host, ':') != NULL ? "[%s]" : "%s",
            url->host);
    return crq_buf_printf(out, ":%d/%d", url->port, url->db);
}

/* ---- the environment ---- */

/* As rq does when there is no URL: REDIS_HOST and its like, if any is set. */
static void put_parts(struct crq_buf *out)
{
    const char *host = getenv("REDIS_HOST"), *port = getenv("REDIS_PORT");
    const char *db = getenv("REDIS_DB"), *password = getenv("REDIS_PASSWORD");
    bool brackets;

    if (host == NULL && port == NULL && db == NULL && password == NULL)
        return;
    host = host != NULL ? host : "localhost";
    brackets = strchr(host, ':') != NULL && host[0] != '['; /* IPv6 */
    crq_buf_puts(out, "redis://");
    if (password != NULL && password[0] != '\0') {
        crq_buf_putc(out, ':');
        for (const char *p = password; *p != '\0'; p++)
            crq_buf_printf(out, "%%%02X", (unsigned char)*p);
        crq_buf_putc(out, '@');
    }
    crq_buf_printf(out, brackets ? "[%s]:%s/%s" : "%s:%s/%s", host,
            port != NULL ? port : "6379", db != NULL ? db : "0");
}

const char *crq_url_from_environment(struct crq_buf *space)
{
    static const char *const names[] = { "CRQ_URL", "RQ_REDIS_URL",
        "REDIS_URL" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *url = getenv(names[i]);

        if (url != NULL && url[0] != '\0')
            return url;
    }
    put_parts(space);
    /* Half of a URL could be another one. */
    return space->rc == 0 && space->len > 0 ? space->data : NULL;
}
