/* steps_courier.c - the steps of a crq-courier's transfers: see steps.c. */
#include <curl/curl.h>

#include "steps.h"

CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __real_curl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode __real_curl_multi_socket_action(CURLM *multi, curl_socket_t fd,
        int what, int *running);
CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t fd,
        int what, int *running);

static void take(const char *when, const char *what)
{
    if (steps_taken())
        steps_take(when, what);
}

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    CURLMcode rc;

    take("before", " transfer");
    rc = __real_curl_multi_add_handle(multi, easy);
    take("after", " transfer");
    return rc;
}

CURLMcode __wrap_curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    CURLMcode rc;

    take("before", " transfer's end");
    rc = __real_curl_multi_remove_handle(multi, easy);
    take("after", " transfer's end");
    return rc;
}

/* Connecting, writing, reading: whatever can be done without waiting. */
CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t fd,
        int what, int *running)
{
    const char *name =
            fd == CURL_SOCKET_TIMEOUT ? " transfer's time" : " transfer's turn";
    CURLMcode rc;

    take("before", name);
    rc = __real_curl_multi_socket_action(multi, fd, what, running);
    take("after", name);
    return rc;
}
