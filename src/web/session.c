/* session.c - see session.h. */
#include "web/session.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"

struct seat {
    char id[SESSION_ID_LEN + 1]; /* "": free */
    int64_t until_us, used_us;   /* monotonic */
    struct session session;
};

struct sessions {
    const struct crq_clock *clock;
    char csrf[SESSION_ID_LEN + 1];
    struct seat seats[SESSIONS_MAX];
};

static void make_id(char out[SESSION_ID_LEN + 1])
{
    unsigned char bytes[SESSION_ID_LEN / 2];

    crq_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int sessions_new(const struct crq_clock *clock, struct sessions **out,
        crq_error *err)
{
    struct sessions *sessions = crq_calloc(1, sizeof(*sessions));

    if (sessions == NULL)
        return crq_fail_nomem(err);
    sessions->clock = clock;
    make_id(sessions->csrf);
    *out = sessions;
    return 0;
}

void sessions_free(struct sessions *sessions)
{
    if (sessions != NULL)
        OPENSSL_cleanse(sessions, sizeof(*sessions));
    crq_free(sessions);
}

static void leave(struct seat *seat)
{
    OPENSSL_cleanse(seat, sizeof(*seat));
}

/* A free seat, or that of who has been away longest. */
static struct seat *take_seat(struct sessions *sessions, int64_t now)
{
    struct seat *best = NULL;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct seat *seat = &sessions->seats[i];

        if (seat->id[0] == '\0' || seat->until_us <= now)
            return seat;
        if (best == NULL || seat->used_us < best->used_us)
            best = seat;
    }
    return best;
}

void sessions_open(struct sessions *sessions, enum token_role role,
        const char *caller, char id[SESSION_ID_LEN + 1])
{
    int64_t now = crq_clock_mono_us(sessions->clock);
    struct seat *seat = take_seat(sessions, now);

    leave(seat);
    make_id(seat->id);
    make_id(seat->session.csrf);
    seat->session.role = role;
    snprintf(seat->session.caller, sizeof(seat->session.caller), "%s", caller);
    seat->used_us = now;
    seat->until_us = now + SESSION_S * INT64_C(1000000);
    memcpy(id, seat->id, sizeof(seat->id));
}

/* What the first cookie of our name holds, if it has an id's length. Browsers
 * send the one with the longest path first, and no path is longer than ours
 * by our doing; another's is no session's. */
static const char *id_in(const char *cookies)
{
    static const char name[] = SESSION_COOKIE "=";

    while (cookies != NULL) {
        cookies += strspn(cookies, " \t;");
        if (strncmp(cookies, name, sizeof(name) - 1) == 0) {
            cookies += sizeof(name) - 1;
            return strcspn(cookies, "; \t") == SESSION_ID_LEN ? cookies : NULL;
        }
        cookies = strchr(cookies, ';');
    }
    return NULL;
}

static struct seat *find(struct sessions *sessions, const char *cookies)
{
    const char *id = id_in(cookies);
    int64_t now = crq_clock_mono_us(sessions->clock);
    struct seat *found = NULL;

    for (size_t i = 0; id != NULL && i < SESSIONS_MAX; i++) {
        struct seat *seat = &sessions->seats[i];

        if (CRYPTO_memcmp(seat->id, id, SESSION_ID_LEN) == 0)
            found = seat;
    }
    if (found == NULL || found->until_us > now)
        return found;
    leave(found);
    return NULL;
}

const struct session *sessions_find(struct sessions *sessions,
        const char *cookies)
{
    struct seat *seat = find(sessions, cookies);

    if (seat == NULL)
        return NULL;
    seat->used_us = crq_clock_mono_us(sessions->clock);
    return &seat->session;
}

void sessions_close(struct sessions *sessions, const char *cookies)
{
    struct seat *seat = find(sessions, cookies);

    if (seat != NULL)
        leave(seat);
}

const char *sessions_csrf(const struct sessions *sessions)
{
    return sessions->csrf;
}

bool session_csrf_is(const char *csrf, const char *given)
{
    return given != NULL && strlen(given) == SESSION_ID_LEN &&
            CRYPTO_memcmp(csrf, given, SESSION_ID_LEN) == 0;
}
