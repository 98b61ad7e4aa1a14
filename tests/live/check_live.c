/* check_live.c - tests of what the live tests stand on. */
#include "live.h"

#include <string.h>

START_TEST(test_a_dump_shows_all_of_every_type)
{
    crq_conn *conn = live_conn();
    char *ids;

    live_seed(conn,
            "# seeds are read as redis-cli reads them\n"
            "\n"
            "  HSET h b 'it is' a \"\\x00\\n\\\"\" c ''\n"
            "RPUSH l two one two\n"
            "SADD s b a\n"
            "ZADD z 2 b 1.5 a 2 a2\n"
            "SET \"a key\" v\n"
            "EXPIRE h 60\n"
            "PEXPIRE s 59500\n"
            "XADD x 1-1 f v\n"
            "XADD x 2-0 f 1 g 2\n"
            "XGROUP CREATE x grp 0\n"
            "XREADGROUP GROUP grp me COUNT 1 STREAMS x >");
    live_expect(conn,
            "\"a key\" string\n"
            "  v\n"
            "h hash ttl=60\n"
            "  a \"\\x00\\n\\\"\"\n"
            "  b \"it is\"\n"
            "  c \"\"\n"
            "l list\n"
            "  two\n"
            "  one\n"
            "  two\n"
            "s set ttl=60\n"
            "  a\n"
            "  b\n"
            "x stream\n"
            "  * f v\n"
            "  * f 1 g 2\n"
            "  group grp last=* pending=1\n"
            "z zset\n"
            "  1.5 a\n"
            "  2 a2\n"
            "  2 b\n");
    ids = live_dump(conn, 0);
    ck_assert_ptr_nonnull(strstr(ids, "\n  2-0 f 1 g 2\n"));
    ck_assert_ptr_nonnull(strstr(ids, "\n  group grp last=1-1 pending=1\n"));
    crq_text_free(ids);
    crq_conn_free(conn);
}
END_TEST

START_TEST(test_every_test_starts_with_an_empty_redis)
{
    crq_conn *conn = live_conn();

    live_expect(conn, "");
    live_seed(conn, "SET left behind");
    crq_conn_free(conn);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("live");

    tcase_add_test(tc, test_a_dump_shows_all_of_every_type);
    tcase_add_loop_test(tc, test_every_test_starts_with_an_empty_redis, 0, 2);
    return live_run("live", tc);
}
