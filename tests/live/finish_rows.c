/* finish_rows.c - see finish_rows.h. */
#include "finish_rows.h"

static void finish(crq_conn *conn, const struct finish_row *row,
        enum crq_finished want)
{
    static const int64_t ten_twenty[] = { 10, 20 };
    struct crq_finish finish = steps_finish_of("a", row->ending);

    if (!row->none) {
        finish.value = "v";
        finish.value_len = 1;
    }
    finish.retry_max = row->max;
    finish.retry_intervals_s = ten_twenty;
    finish.retry_intervals = row->intervals;
    ck_assert_int_eq(steps_finish(conn, &finish), want);
}

void finish_row_check(const struct finish_row *row)
{
    crq_conn *conn = live_conn();

    live_seed(conn, row->seed);
    steps_mark(conn);
    finish(conn, row, row->became);
    steps_expect(conn, row->changes);
    finish(conn, row, CRQ_FINISHED_LOST);
    steps_expect(conn, row->changes);
    crq_conn_free(conn);
}
