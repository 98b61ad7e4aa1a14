/*
 * conn.h - one synchronous connection: the command line's, a client's, a
 * child's. (The daemons' loops have their own, in src/exec.)
 *
 * After fork() only one of the two processes may go on using it.
 *
 * A link that broke is opened again by the next command. A command whose
 * outcome is unknown is never repeated here: CRQ_ELOST tells the caller.
 * Scripts are another matter, see script.h.
 *
 * Error replies become failures:
 *   CRQ_EAUTH    NOAUTH, WRONGPASS, NOPERM, "invalid password"
 *   CRQ_EREDIS   every other (READONLY, OOM, WRONGTYPE, LOADING, ...), with
 *                Redis's text after words of ours for the well-known ones
 * and what happens to the link:
 *   CRQ_ECONNECT it could not be opened; the text has the address, the reason
 *   CRQ_ELOST    it broke after the command was sent
 *   CRQ_ETIMEOUT no reply in time; the link is closed, the outcome unknown
 */
#ifndef CRQ_REDIS_CONN_H
#define CRQ_REDIS_CONN_H

#include <crq.h>

#include "base/clock.h"
#include "redis/args.h"
#include "redis/reply.h"

/** As crq_conn_open(), but the first command connects. CRQ_EINVAL (the URL),
 *  CRQ_ENOMEM. */
int crq_conn_new(const char *url, const crq_conn_options *options,
        crq_conn **out, crq_error *err) CRQ_MUST_CHECK;

/** The clock that times written through this connection come from. */
const struct crq_clock *crq_conn_clock(const crq_conn *conn);
/** For tests: another clock, borrowed as long as the connection lives. */
void crq_conn_set_clock(crq_conn *conn, const struct crq_clock *clock);

/** "localhost:6379/0" or "unix:/path?db=1", for messages; borrowed. */
const char *crq_conn_address(const crq_conn *conn);

/**
 * Send a command, wait for its reply. `out` may be NULL when only the success
 * counts. The timeout is for silence: as long as bytes come, it starts again.
 */
int crq_conn_command(crq_conn *conn, const struct crq_args *args,
        crq_reply **out, crq_error *err) CRQ_MUST_CHECK;

/** The same for words that are texts: up to NULL. */
int crq_conn_run(crq_conn *conn, crq_reply **out, crq_error *err,
        ...) CRQ_MUST_CHECK __attribute__((sentinel));

/** As crq_conn_command() for commands that block in Redis for up to wait_ms:
 *  the connection's own timeout comes on top. */
int crq_conn_command_wait(crq_conn *conn, const struct crq_args *args,
        int64_t wait_ms, crq_reply **out, crq_error *err) CRQ_MUST_CHECK;

/**
 * Pipelines: append commands, then take one reply for each, in order. Here an
 * error reply is a reply of kind CRQ_REPLY_ERROR, because the others count.
 *
 * crq_conn_append() fails when no link can be opened (CRQ_ECONNECT ...) or
 * memory is out; the command is then not part of the pipeline. It sends when
 * much is waiting and reads meanwhile, so a pipeline may be of any length.
 *
 * When the link breaks, the replies that had come are still handed out. The
 * next one is CRQ_ELOST or CRQ_ETIMEOUT, and with it the pipeline is empty:
 * appending starts another one, asking for more replies is CRQ_ELOST again.
 */
int crq_conn_append(crq_conn *conn, const struct crq_args *args,
        crq_error *err) CRQ_MUST_CHECK;
int crq_conn_next(crq_conn *conn, crq_reply **out,
        crq_error *err) CRQ_MUST_CHECK;

/** The failure that an error reply stands for, as crq_conn_command() gives,
 *  though without the address. */
int crq_conn_reply_error(const crq_reply *reply, crq_error *err);

/**
 * Whoever looks at all there is must not be stopped by one key that holds
 * another type of value than crq keeps there: while this is on, such a key
 * reads as one that is not there. Not for who writes. Returns what it was.
 */
bool crq_conn_look_past_types(crq_conn *conn, bool on);
/** How often that has happened so far. */
size_t crq_conn_passed_types(const crq_conn *conn);

#endif
