/*
 * enqueue_peer.c - crq_queue_enqueue_many() for tests in Python.
 *
 *     enqueue_peer URL QUEUE GROUP ID[=ON,ON...] ...    GROUP "-": none
 *
 * Puts calls of f() on the queue, in this order, and prints the ids as they
 * are told of.
 */
#include <crq.h>
#include <stdio.h>
#include <string.h>

#define MAX_ON 8

struct peer {
    char **calls;
    const char *group;
    const char *on[MAX_ON];
};

static int give(void *arg, crq_call *call, crq_error *err)
{
    struct peer *peer = arg;
    char *on;

    (void)err;
    if (*peer->calls == NULL)
        return 0;
    on = *peer->calls++;
    call->func = "f";
    call->job_id = strsep(&on, "=");
    call->group_id = peer->group;
    call->depends_on = peer->on;
    while (on != NULL && call->dependencies < MAX_ON)
        peer->on[call->dependencies++] = strsep(&on, ",");
    return 1;
}

static int tell(void *arg, size_t nth, const char *job_id, int rc,
        const crq_error *err)
{
    (void)arg;
    if (rc == 0)
        printf("%s\n", job_id);
    else
        printf("%zu: %s\n", nth, err->text);
    return 0;
}

int main(int argc, char **argv)
{
    struct peer peer = { .calls = argv + 4 };
    crq_conn *conn = NULL;
    crq_queue *queue = NULL;
    crq_error err = { 0, "" };
    size_t count;
    int rc;

    if (argc < 4)
        return 64;
    if (strcmp(argv[3], "-") != 0)
        peer.group = argv[3];
    rc = crq_conn_open(argv[1], NULL, &conn, &err);
    if (rc == 0)
        rc = crq_queue_new(conn, argv[2], &queue, &err);
    if (rc == 0)
        rc = crq_queue_enqueue_many(queue, give, tell, &peer, &count, &err);
    crq_queue_free(queue);
    crq_conn_free(conn);
    if (rc < 0)
        fprintf(stderr, "enqueue_peer: %s\n", err.text);
    return rc < 0;
}
