/*
 * refusal.c - the table of Redis's errors that people meet.
 *
 * Redis puts a code in front of each ("READONLY You can't write ..."). When a
 * command inside a script fails, the script fails with that error, wrapped:
 *
 *   Redis 6  ERR Error running script (call to f_SHA): @user_script:3:
 *            @user_script: 3: -READONLY You can't write against ...
 *   Redis 7  READONLY You can't write against ... script: SHA,
 *            on @user_script:3.
 *   Valkey 9 the same without "SHA, "
 *
 * All are unwrapped before the table is asked. Errors of the script itself
 * (a nil index, say) stay whole: there the line number is what counts.
 */
#include "redis/refusal.h"

#include <string.h>

#include "base/error.h"

static const struct {
    const char *word; /* what the error begins with */
    int code;
    const char *says; /* behind "Redis at ADDRESS " */
} rows[] = {
    { "NOAUTH", CRQ_EAUTH, "wants a password" },
    { "WRONGPASS", CRQ_EAUTH, "does not take this user and password" },
    { "NOPERM", CRQ_EAUTH, "does not allow this user to do that" },
    /* Of a command in a script, by Redis 7.0 and by Redis 6. */
    { "ERR The user executing the script", CRQ_EAUTH,
            "does not allow this user to do that" },
    { "The user executing the script", CRQ_EAUTH,
            "does not allow this user to do that" },
    /* By Valkey 9; Redis 7.2 writes NOPERM in front of it. */
    { "ERR ACL failure in script:", CRQ_EAUTH,
            "does not allow this user to do that" },
    { "ERR invalid password", CRQ_EAUTH, "does not take this password" },
    { "DENIED", CRQ_EAUTH, "takes no connections from other machines" },
    { "READONLY", CRQ_EREDIS, "is a read-only replica" },
    { "MASTERDOWN", CRQ_EREDIS, "is a replica that has lost its master" },
    { "OOM", CRQ_EREDIS, "is out of memory (maxmemory)" },
    { "LOADING", CRQ_EREDIS, "is still loading its data" },
    { "MISCONF", CRQ_EREDIS, "takes no writes, because it cannot save them" },
    { "NOREPLICAS", CRQ_EREDIS, "takes no writes, because replicas are gone" },
    { "BUSY", CRQ_EREDIS, "is busy with somebody's script" },
    { "WRONGTYPE", CRQ_EREDIS, "holds another type of value in this key" },
    { "MOVED", CRQ_EREDIS, "is part of a cluster, which crq cannot use" },
    { "CROSSSLOT", CRQ_EREDIS, "is part of a cluster, which crq cannot use" },
    { "CLUSTERDOWN", CRQ_EREDIS, "is part of a cluster, which is down" },
    { "ERR max number of clients", CRQ_EREDIS, "has no room for more clients" },
    { "ERR DB index", CRQ_EREDIS, "has no such database" },
};

static bool starts_with(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);

    return len >= n && memcmp(text, word, n) == 0 &&
            (len == n || text[n] == ' ');
}

/* Whether this is "SHA, on @user_script:N.", or without "SHA, ". */
static bool is_place(const char *text, const char *end)
{
    static const char comma[] = ", ", on[] = "on @";
    size_t left = (size_t)(end - text);

    if (left > 40 && strspn(text, "0123456789abcdef") == 40) {
        text += 40;
        left -= 40;
        if (left < sizeof(comma) || memcmp(text, comma, sizeof(comma) - 1) != 0)
            return false;
        text += sizeof(comma) - 1;
        left -= sizeof(comma) - 1;
    }
    return left >= sizeof(on) && memcmp(text, on, sizeof(on) - 1) == 0;
}

const char *crq_refusal_core(const char *text, size_t *len)
{
    static const char redis6[] = "ERR Error running script",
                      where[] = "@user_script: ", redis7[] = " script: ";
    const char *end = text + *len, *found;

    if (starts_with(text, *len, redis6)) {
        found = memmem(text, *len, where, sizeof(where) - 1);
        if (found == NULL)
            return text;
        found += sizeof(where) - 1;
        while (found < end && *found >= '0' && *found <= '9')
            found++;
        while (found < end && strchr(": -", *found) != NULL)
            found++;
        *len = (size_t)(end - found);
        return found;
    }
    /* The error itself may speak of scripts as well. */
    for (const char *at = text;; at = found + 1) {
        found = memmem(at, (size_t)(end - at), redis7, sizeof(redis7) - 1);
        if (found == NULL)
            return text;
        if (is_place(found + sizeof(redis7) - 1, end)) {
            *len = (size_t)(found - text);
            return text;
        }
    }
}

int crq_refusal(const char *address, const char *text, size_t len,
        crq_error *err)
{
    const char *at = address != NULL ? " at " : "";
    size_t core_len = len;
    const char *core = crq_refusal_core(text, &core_len);

    if (address == NULL)
        address = "";
    if (starts_with(core, core_len, "CRQ"))
        return crq_fail(err, CRQ_ESTATE, "%.*s",
                core_len > 4 ? (int)core_len - 4 : 0, core + 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (starts_with(core, core_len, rows[i].word))
            return crq_fail(err, rows[i].code, "Redis%s%s %s: %.*s", at,
                    address, rows[i].says, (int)core_len, core);
    return crq_fail(err, CRQ_EREDIS, "Redis%s%s refused: %.*s", at, address,
            (int)len, text);
}
