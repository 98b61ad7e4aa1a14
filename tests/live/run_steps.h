/*
 * run_steps.h - the steps of a run for tests: words, script and reply in one
 * call, with times of the test's choosing.
 */
#ifndef LIVE_RUN_STEPS_H
#define LIVE_RUN_STEPS_H

#include "live.h"

#include "model/lease.h"
#include "model/record.h"
#include "model/run.h"

#define AT_S  INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define AT_US (AT_S * 1000000)

/* Execution ids that read well. */
#define X1 "11111111111111111111111111111111"
#define X2 "22222222222222222222222222222222"
#define X3 "33333333333333333333333333333333"

/**
 * What became of all keys since steps_mark(), as text:
 *
 *     -rq:queue:q1               a key that is gone
 *     +rq:wip:q1 zset            a new one, with all it holds
 *       1800000090 a:X1
 *     rq:job:a hash ttl=500      another TTL, and lines gone and new
 *       -status started
 *       +status finished
 *     rq:queue:q2 list           a list as a whole
 *       a b
 *
 * "X1" stands for that id, "@2" for the date-time AT + 2 s, and "alive" for
 * what is Redis's own time: scores in crq:alive, crq_expires.
 */
void steps_mark(crq_conn *conn);
void steps_expect(crq_conn *conn, const char *want);

/** The reply of a script whose words stand in `args`; frees these. */
crq_reply *steps_call(crq_conn *conn, const struct crq_script *script,
        size_t nkeys, struct crq_args *args);

/** Claim up to `slots` jobs (X1, X2, X3) from q1 and q2 for stem "s" and
 *  workers "s.1", "s.2", "s.3". The reply as one line: "suspended", "more",
 *  "missing=1" ..., and "slot:id@queue" for each job. */
char *steps_claim(crq_conn *conn, size_t slots, int64_t look, int64_t now_us);

enum crq_run_state steps_begin(crq_conn *conn, const char *id,
        const char *execution, enum crq_mark mark, int64_t now_us);
enum crq_run_state steps_heartbeat(crq_conn *conn, const char *id,
        const char *execution, int64_t ttl_s, int64_t now_us);

/** A finish with all that a test doesn't care about filled in: queue q1, stem
 *  s, worker s.1, execution X1, value None, error "why", at AT_US + 2 s. */
struct crq_finish steps_finish_of(const char *id, enum crq_ending ending);
enum crq_finished steps_finish(crq_conn *conn, const struct crq_finish *finish);

#endif
