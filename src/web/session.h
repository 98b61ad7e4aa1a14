/*
 * session.h - who has signed in with a browser.
 *
 * Sessions are kept in the gateway's memory, not in signed cookies: to sign out
 * ends one for good, also where its cookie was copied to. Who can open one has
 * a token, and of more than SESSIONS_MAX the one used longest ago ends, so
 * there is a bound. They end with the gateway; to sign in again costs nothing.
 */
#ifndef CRQ_WEB_SESSION_H
#define CRQ_WEB_SESSION_H

#include <crq.h>

#include "base/clock.h"
#include "web/tokens.h"

#define SESSIONS_MAX   1024
#define SESSION_S      (12 * 3600)
#define SESSION_ID_LEN 32 /* hex digits: 128 bits */
#define SESSION_COOKIE "crq_session"

struct session {
    enum token_role role;
    char caller[TOKEN_NAME_LEN + 1];
    /* What pages of this session send along with what changes something; other
     * sites can't read it. */
    char csrf[SESSION_ID_LEN + 1];
};

struct sessions;

/** The clock is borrowed. CRQ_ENOMEM. */
int sessions_new(const struct crq_clock *clock, struct sessions **out,
        crq_error *err) CRQ_MUST_CHECK;
void sessions_free(struct sessions *sessions);

/** Begin one; `id` is what its cookie holds, and known to nobody else. */
void sessions_open(struct sessions *sessions, enum token_role role,
        const char *caller, char id[SESSION_ID_LEN + 1]);

/** The session that a Cookie header (or NULL) names, borrowed until the next
 *  call; NULL: there is none, or it is over. */
const struct session *sessions_find(struct sessions *sessions,
        const char *cookies);

/** End the one that a Cookie header names. */
void sessions_close(struct sessions *sessions, const char *cookies);

/** The csrf of pages when nobody signs in. */
const char *sessions_csrf(const struct sessions *sessions);

/** Whether these are equal; `given` may be NULL. Takes the same time for each
 *  that is not. */
bool session_csrf_is(const char *csrf, const char *given);

#endif
