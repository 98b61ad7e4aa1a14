/* api_idempotency.c - see api_idempotency.h. */
#include "web/api_idempotency.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"
#include "model/keys.h"
#include "redis/conn.h"

#define KEEP_S "86400"

/* What the key of Redis holds: the request's digest, and this behind it once
 * the job was written. */
#define WRITTEN " written"

static int digest(const char *bytes, size_t len, char out[API_DIGEST_LEN + 1],
        crq_error *err)
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes, len, sum, NULL, EVP_sha256(), NULL) != 1)
        return crq_fail(err, CRQ_EUNSUPPORTED, "there is no SHA-256");
    for (size_t i = 0; i < API_DIGEST_LEN / 2; i++) {
        out[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    out[API_DIGEST_LEN] = '\0';
    return 0;
}

static int digest_key(const struct api_request *req,
        char out[API_DIGEST_LEN + 1], crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT;
    int rc;

    crq_buf_puts(&text, req->caller != NULL ? req->caller : "");
    crq_buf_putc(&text, '\0');
    crq_buf_puts(&text, req->idempotency_key);
    rc = crq_buf_check(&text, err);
    if (rc == 0)
        rc = digest(text.data, text.len, out, err);
    crq_buf_fini(&text);
    return rc;
}

int api_idempotency_init(struct api_idempotency *idem,
        const struct api_request *req, crq_error *err)
{
    const char *key = req->idempotency_key;
    size_t len = 0;
    int rc;

    while (key[len] >= ' ' && key[len] <= '~')
        len++;
    if (key[len] != '\0' || len == 0 || len > API_KEY_MAX)
        return crq_fail(err, CRQ_EINVAL,
                "Idempotency-Key: 1 to %d printable ASCII characters",
                API_KEY_MAX);
    rc = digest_key(req, idem->digest, err);
    if (rc == 0)
        rc = digest(req->body != NULL ? req->body : "", req->body_len,
                idem->request, err);
    if (rc == 0) {
        memcpy(idem->job_id, "idem-", 5);
        memcpy(idem->job_id + 5, idem->digest, sizeof(idem->digest));
    }
    return rc;
}

static enum api_idempotent judge(const struct api_idempotency *idem,
        const char *text)
{
    if (strncmp(text, idem->request, API_DIGEST_LEN) != 0)
        return API_DIFFERENT;
    return strcmp(text + API_DIGEST_LEN, WRITTEN) == 0 ? API_WRITTEN
                                                       : API_FIRST;
}

/*
 * Two requests at once may both be the first: then the unique job id lets one
 * of them write. A key that expires between the two commands is as good as
 * one that was never used.
 */
int api_idempotency_begin(crq_conn *conn, const struct api_idempotency *idem,
        enum api_idempotent *out, crq_error *err)
{
    char key[CRQ_KEY_MAX];
    crq_reply *reply = NULL;
    int rc;

    *out = API_FIRST;
    crq_key(key, CRQ_KEY_IDEMPOTENCY, idem->digest);
    rc = crq_conn_run(conn, NULL, err, "SET", key, idem->request, "NX", "EX",
            KEEP_S, NULL);
    if (rc == 0)
        rc = crq_conn_run(conn, &reply, err, "GET", key, NULL);
    if (rc == 0 && crq_reply_kind(reply) == CRQ_REPLY_TEXT)
        *out = judge(idem, crq_reply_text(reply, NULL));
    crq_reply_free(reply);
    return rc;
}

int api_idempotency_end(crq_conn *conn, const struct api_idempotency *idem,
        crq_error *err)
{
    char key[CRQ_KEY_MAX], text[API_DIGEST_LEN + sizeof(WRITTEN)];

    crq_key(key, CRQ_KEY_IDEMPOTENCY, idem->digest);
    memcpy(text, idem->request, API_DIGEST_LEN);
    memcpy(text + API_DIGEST_LEN, WRITTEN, sizeof(WRITTEN));
    return crq_conn_run(conn, NULL, err, "SET", key, text, "EX", KEEP_S, NULL);
}
