/* queue_rig.c - see queue_rig.h. */
#include "queue_rig.h"

#include "redis/conn.h"

struct crq_clock_manual clock_at;
crq_conn *conn;
crq_queue *queue;

crq_queue *new_queue(crq_conn *on, const char *name)
{
    crq_queue *q = NULL;
    crq_error err;

    crq_clock_manual_init(&clock_at, NOON);
    crq_conn_set_clock(on, &clock_at.clock);
    unit_ok(crq_queue_new(on, name, &q, &err), &err);
    return q;
}

static void set_up(void)
{
    conn = live_conn();
    queue = new_queue(conn, "q");
}

static void tear_down(void)
{
    crq_queue_free(queue);
    crq_conn_free(conn);
}

int queue_run(const char *name, TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    return live_run(name, tc);
}
