/*
 * fetch.c - questions from another server.
 *
 * It is asked once, and not believed: what it says is bounded in time and size,
 * and checked like the bank. The address is the operator's own, so it may be a
 * private one; it is in no text that players see.
 */
#include <crq.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "apps/trivia/trivia.h"

#define ANSWER_MAX ((size_t)1 << 20)

struct answer {
    char *text;
    size_t len;
    bool cut;
};

static size_t on_bytes(char *bytes, size_t one, size_t len, void *arg)
{
    struct answer *answer = arg;

    (void)one; /* is 1 */
    if (len > ANSWER_MAX - answer->len) {
        answer->cut = true;
        return 0;
    }
    memcpy(answer->text + answer->len, bytes, len);
    answer->len += len;
    return len;
}

/* {"topic": ..., "count": ...} */
static int question_text(const char *topic, size_t count, char **out,
        crq_error *err)
{
    crq_value *ask = crq_value_new_dict();
    int rc = ask != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0)
        rc = crq_value_set(ask, "topic", crq_value_new_text(topic));
    if (rc == 0)
        rc = crq_value_set(ask, "count", crq_value_new_int((int64_t)count));
    if (rc == 0)
        rc = crq_value_json(ask, out, NULL, err);
    crq_value_free(ask);
    return rc;
}

static bool set_up(CURL *curl, const char *url, double timeout_s,
        const char *ask, struct curl_slist *headers, struct answer *answer)
{
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") ==
            CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                    (long)(timeout_s * 1000)) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes) ==
            CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK;
}

/* POST, and wait for the answer. */
static int post(const char *url, double timeout_s, const char *ask,
        struct answer *answer, crq_error *err)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
            curl_slist_append(NULL, "Content-Type: application/json");
    long status = 0;
    CURLcode code;
    int rc = 0;

    if (curl == NULL || headers == NULL ||
            !set_up(curl, url, timeout_s, ask, headers, answer)) {
        rc = trivia_error(err, CRQ_EINVAL,
                "the server for questions can't be asked");
        goto out;
    }
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (answer->cut)
        rc = trivia_error(err, CRQ_ELIMIT,
                "the server for questions said too much");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        rc = trivia_error(err, CRQ_ETIMEOUT,
                "the server for questions did not answer in time");
    else if (code != CURLE_OK)
        rc = trivia_error(err, CRQ_EIO,
                "the server for questions can't be reached: %s",
                curl_easy_strerror(code));
    else if (status != 200)
        rc = trivia_error(err, CRQ_EIO,
                "the server for questions answered with status %ld", status);
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return rc;
}

static int read_answer(const struct answer *answer, size_t count,
        crq_value **out, crq_error *err)
{
    const crq_value *questions = NULL;
    crq_value *said = NULL;
    crq_error why = { 0 };
    int rc = crq_value_from_json(answer->text, answer->len, &said, &why);

    if (rc < 0)
        return trivia_error(err, rc,
                "the server for questions did not send JSON: %s", why.text);
    if (crq_value_type(said) == CRQ_DICT)
        questions = crq_value_get(said, "questions");
    if (crq_value_type(questions) != CRQ_LIST)
        rc = trivia_error(err, CRQ_ECODEC,
                "the server for questions sent none");
    else
        rc = trivia_choose(questions, count, false, out, &why);
    if (rc < 0 && why.code != 0)
        trivia_error(err, rc, "the server for questions: %s", why.text);
    crq_value_free(said);
    return rc;
}

int trivia_fetch(const char *url, double timeout_s, const char *topic,
        size_t count, crq_value **out, crq_error *err)
{
    struct answer answer = { malloc(ANSWER_MAX), 0, false };
    char *ask = NULL;
    int rc = answer.text != NULL
            ? question_text(topic, count, &ask, err)
            : trivia_error(err, CRQ_ENOMEM, "out of memory");

    if (rc == 0)
        rc = post(url, timeout_s, ask, &answer, err);
    if (rc == 0)
        rc = read_answer(&answer, count, out, err);
    crq_text_free(ask);
    free(answer.text);
    return rc;
}
