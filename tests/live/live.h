/*
 * live.h - tests against a Redis of their own.
 *
 * Each test program starts one redis-server in a fresh folder, on a Unix
 * socket, and empties it before each test. A test says what is in Redis before,
 * acts, and compares all that is in Redis afterwards:
 *
 *     START_TEST(test_a_popped_id_leaves_the_queue)
 *     {
 *         crq_conn *conn = live_conn();
 *
 *         live_seed(conn, "RPUSH q a b\n"
 *                         "HSET job:a status queued");
 *         ... act ...
 *         live_expect(conn, "job:a hash\n"
 *                           "  status started\n"
 *                           "q list\n"
 *                           "  b\n");
 *         crq_conn_free(conn);
 *     }
 *     END_TEST
 *
 *     int main(void)
 *     {
 *         TCase *tc = tcase_create("queue");
 *
 *         tcase_add_test(tc, test_a_popped_id_leaves_the_queue);
 *         return live_run("queue", tc);
 *     }
 *
 * Servers are stopped by their pid when the process that started them ends,
 * however it ends. Everything here fails the running test when it can't do
 * its work.
 */
#ifndef LIVE_H
#define LIVE_H

#include <sys/types.h>

#include "redis/conn.h"
#include "unit.h"

/** As unit_run(), with a server. Without redis-server all is skipped. */
int live_run(const char *name, TCase *tc);

/* ---------------------------------------------------------------- servers */

struct live_server {
    pid_t pid; /* 0: it doesn't run */
    int port;  /* 0: no TCP */
    char folder[80];
    char socket[100];
    char url[120]; /* unix://SOCKET, without any password */
    pid_t owner;   /* who started it, and stops it */
    /* "" without TLS; else its port speaks nothing but that. */
    char cert[100], key[100];
    const char *args[16];
};

/** The server that live_run() started. */
struct live_server *live_main(void);

/**
 * Another server for this test: with options as on redis-server's command
 * line, which must live as long as the server, up to NULL:
 *
 *     server = live_start(true, "--requirepass", "secret", NULL);
 *
 * tcp  also listen on a free port of 127.0.0.1.
 */
struct live_server *live_start(int tcp, ...) __attribute__((sentinel));

/** A server that speaks TLS on its port, with a certificate that signs itself
 *  and is made out to `names`, as "DNS:localhost,IP:127.0.0.1". */
struct live_server *live_start_tls(const char *names);

/** SIGKILL, and wait for the end. What it had is gone. */
void live_kill(struct live_server *server);
/** Start one that was killed again: same socket, port and options. */
void live_restart(struct live_server *server);
/** SIGSTOP and SIGCONT: a server that hangs, with its links open. */
void live_freeze(struct live_server *server);
void live_thaw(struct live_server *server);

/** A new connection to the main server, or to `url` (printf). */
crq_conn *live_conn(void);
crq_conn *live_conn_to(const char *format, ...) CRQ_PRINTF(1, 2);

/**
 * A process between client and main server that passes everything on, but does
 * things at the nth piece (bit n - 1 of a mask) from a client that contains
 * `word`. A piece is what one read() brings, at most 16 KiB.
 */
struct live_relay {
    const char *word;
    unsigned drop;  /* close both links, the server never sees it */
    unsigned cut;   /* let the server have it, then close both links ... */
    size_t pass;    /* ... when so many bytes of the reply have been passed */
    bool last;      /* and take no more connections after a cut */
    unsigned flush; /* SCRIPT FLUSH before it */
};

/** Start one; live_kill() ends it. Connect to its url. */
struct live_server *live_start_relay(const struct live_relay *relay);

/* ------------------------------------------------------------------ state */

/**
 * Run commands, one in each line, their words as redis-cli takes them: parted
 * by blanks, or in quotes, "..." with \n \r \t \\ \" and \xHH, '...' as it is.
 * Empty lines and those that begin with '#' are skipped. A refused command
 * fails the test.
 */
void live_seed(crq_conn *conn, const char *lines);

enum {
    LIVE_MASK_IDS = 1 /* stream ids as "*", one as good as another */
};

/**
 * All that is in the connection's database, as text, to be freed with
 * crq_text_free(). Keys, fields and members of sets are sorted by their bytes;
 * texts that have blanks, quotes or bytes that can't be printed are quoted as
 * for live_seed(). A time to live is in whole seconds, rounded up, so that one
 * just set reads as it was set:
 *
 *     counter string
 *       41
 *     h hash ttl=60
 *       field "two words"
 *     l list
 *       first
 *     s set
 *       member
 *     x stream
 *       1-0 field value
 *       group g last=1-0 pending=1
 *     z zset
 *       1.5 member
 */
char *live_dump(crq_conn *conn, unsigned flags);

/** Compare live_dump(conn, LIVE_MASK_IDS) with `want`. */
void live_expect(crq_conn *conn, const char *want);

#endif
