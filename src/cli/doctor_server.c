/* doctor_server.c - crq doctor: Redis itself, clocks, keys, and the workers. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/doctor.h"
#include "model/foreign.h"
#include "model/worker.h"
#include "redis/conn.h"

#define PINGS       5
#define SLOW_US     20000
#define CLOCK_US    1000000
#define SILENT_US   INT64_C(480000000) /* RQ's records expire then */
#define SILENT_BUSY INT64_C(120000000) /* renewed every 30 s */

struct info {
    struct doctor *d;
    const char *text; /* of INFO */
};

/* The value of a line of INFO; "" where there is none. */
static const char *value_of(const struct info *info, const char *name,
        char space[64])
{
    size_t len = strlen(name), n;

    space[0] = '\0';
    for (const char *at = info->text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, len) != 0 || at[len] != ':')
            continue;
        n = strcspn(at + len + 1, "\r\n");
        n = n < 63 ? n : 63;
        memcpy(space, at + len + 1, n);
        space[n] = '\0';
        break;
    }
    return space;
}

static int64_t number_of(const struct info *info, const char *name)
{
    char space[64];

    return strtoll(value_of(info, name, space), NULL, 10);
}

static int find(const struct info *info, const char *where, const char *what,
        const char *remedy)
{
    return doctor_find(info->d, "redis", where, what, remedy, NULL);
}

static int look_at_version(const struct info *info)
{
    char version[64], what[120];
    int major, minor = 0;
    char *end;

    value_of(info, "redis_version", version);
    major = (int)strtol(version, &end, 10);
    if (*end == '.')
        minor = (int)strtol(end + 1, NULL, 10);
    if (version[0] == '\0' || major > 6 || (major == 6 && minor >= 2))
        return 0;
    snprintf(what, sizeof(what), "is %s: workers need BLMOVE, of Redis 6.2",
            version);
    return find(info, "redis_version", what, "install Redis 6.2 or newer");
}

static int look_at_memory(const struct info *info)
{
    int64_t most = number_of(info, "maxmemory");
    int64_t used = number_of(info, "used_memory");
    char policy[64], what[120];
    int rc = 0;

    value_of(info, "maxmemory_policy", policy);
    if (most == 0)
        return 0;
    if (policy[0] != '\0' && strcmp(policy, "noeviction") != 0) {
        snprintf(what, sizeof(what),
                "is %s: when its memory is full Redis throws away jobs",
                policy);
        rc = find(info, "maxmemory-policy", what,
                "CONFIG SET maxmemory-policy noeviction, and in redis.conf");
    }
    if (rc == 0 && used > most / 10 * 9) {
        snprintf(what, sizeof(what), "%lld of %lld MiB are used",
                (long long)(used >> 20), (long long)(most >> 20));
        rc = find(info, "maxmemory", what,
                "raise maxmemory, or let results live for less long");
    }
    return rc;
}

/* Whether snapshots are made at all; true where Redis does not say. */
static bool makes_snapshots(struct doctor *d)
{
    crq_reply *reply = NULL;
    const char *save = NULL;
    bool makes;

    if (crq_conn_run(d->cli->conn, &reply, NULL, "CONFIG", "GET", "save",
                NULL) < 0)
        return true;
    save = crq_reply_text(crq_reply_item(reply, 1), NULL);
    makes = save == NULL || save[0] != '\0';
    crq_reply_free(reply);
    return makes;
}

static int look_at_persistence(const struct info *info)
{
    static const char *const states[] = { "rdb_last_bgsave_status",
        "aof_last_bgrewrite_status", "aof_last_write_status" };
    char state[64];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(states) / sizeof(states[0]); i++) {
        value_of(info, states[i], state);
        if (strcmp(state, "err") == 0)
            rc = find(info, states[i], "Redis cannot write its data to disk",
                    "see its log: is the disk full, the folder writable?");
    }
    if (rc == 0 && number_of(info, "aof_enabled") == 0 &&
            !makes_snapshots(info->d))
        rc = find(info, "persistence",
                "neither a log nor snapshots: a restart of Redis loses all jobs",
                "CONFIG SET appendonly yes, and in redis.conf");
    return rc;
}

static int look_at_role(const struct info *info)
{
    char role[64];

    value_of(info, "role", role);
    return strcmp(role, "slave") != 0
            ? 0
            : find(info, "role",
                      "this Redis is a replica: nobody can work here",
                      "use the address of its master");
}

static int look_at_info(struct doctor *d)
{
    static int (*const looks[])(const struct info *info) = { look_at_version,
        look_at_memory, look_at_persistence, look_at_role };
    crq_reply *reply = NULL;
    struct info info = { .d = d };
    int rc = crq_conn_run(d->cli->conn, &reply, d->err, "INFO", NULL);

    info.text = crq_reply_text(reply, NULL);
    for (size_t i = 0; rc == 0 && info.text != NULL &&
            i < sizeof(looks) / sizeof(looks[0]);
            i++)
        rc = looks[i](&info);
    crq_reply_free(reply);
    return rc;
}

/* The clock of Redis beside ours, and the way there and back. */
static int look_at_clock(struct doctor *d)
{
    const struct crq_clock *clock = crq_conn_clock(d->cli->conn);
    int64_t best_us = INT64_MAX, ahead_us = 0;
    char what[160];
    int rc = 0;

    for (int i = 0; rc == 0 && i < PINGS; i++) {
        int64_t mono_us = crq_clock_mono_us(clock), took_us, theirs_us;
        crq_reply *reply = NULL;

        rc = crq_conn_run(d->cli->conn, &reply, d->err, "TIME", NULL);
        took_us = crq_clock_mono_us(clock) - mono_us;
        theirs_us = crq_reply_int(crq_reply_item(reply, 0), 0) * 1000000 +
                crq_reply_int(crq_reply_item(reply, 1), 0);
        crq_reply_free(reply);
        if (rc < 0 || took_us >= best_us)
            continue;
        best_us = took_us;
        ahead_us = theirs_us - (crq_clock_wall_us(clock) - took_us / 2);
    }
    if (rc == 0 && llabs(ahead_us) > CLOCK_US + best_us) {
        snprintf(what, sizeof(what),
                "the clock of Redis is %.1f s %s of this machine's: leases and "
                "due times are wrong by that",
                (double)llabs(ahead_us) / 1e6,
                ahead_us > 0 ? "ahead" : "behind");
        rc = doctor_find(d, "clock", "clock", what, "set both by NTP", NULL);
    }
    if (rc == 0 && best_us > SLOW_US) {
        snprintf(what, sizeof(what), "the best of %d answers took %.0f ms",
                PINGS, (double)best_us / 1e3);
        rc = doctor_find(d, "latency", "latency", what,
                "run workers nearer to Redis; see redis-cli --latency", NULL);
    }
    return rc;
}

static int look_at_suspension(struct doctor *d)
{
    int64_t left_s = 0;
    bool suspended = false;
    int rc = crq_is_suspended(d->cli->conn, &suspended, &left_s, d->err);

    if (rc < 0 || !suspended)
        return rc;
    return doctor_find(d, "suspended", "workers",
            "are suspended: nobody takes a job", "crq resume", NULL);
}

int doctor_server(struct doctor *d)
{
    int rc = look_at_info(d);

    if (rc == 0)
        rc = look_at_clock(d);
    return rc < 0 ? rc : look_at_suspension(d);
}

/* ---- keys ---- */

int doctor_keys(struct doctor *d)
{
    struct crq_foreign found[CRQ_FOREIGN_MAX];
    char what[80];
    size_t count = 0;
    int rc = crq_foreign_find(d->cli->conn, NULL, found, &count, d->err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        (void)snprintf(what, sizeof(what), "is a %s, where a %s is kept",
                found[i].is, found[i].want);
        rc = doctor_find(d, "foreign", found[i].key, what, CRQ_FOREIGN_REMEDY,
                NULL);
    }
    d->cut = d->cut || count == CRQ_FOREIGN_MAX;
    return rc;
}

/* ---- workers ---- */

static int look_at_worker(struct doctor *d, const crq_worker *w, int64_t now_us)
{
    int64_t beat_us = crq_worker_last_heartbeat_us(w);
    int64_t most_us =
            strcmp(crq_worker_state(w), "busy") == 0 ? SILENT_BUSY : SILENT_US;
    char what[160];
    int rc = 0;

    if (w->old_rq) {
        snprintf(what, sizeof(what),
                "is RQ %.20s: before 2.0 it takes runs of crq and of newer "
                "workers for jobs, and loses them",
                crq_worker_version(w));
        rc = doctor_find(d, "old-rq", crq_worker_name(w), what,
                "update it, or give it queues of its own", NULL);
    }
    if (rc < 0 || (beat_us != CRQ_UNSET && now_us - beat_us <= most_us))
        return rc;
    if (beat_us == CRQ_UNSET)
        snprintf(what, sizeof(what), "has never shown a sign of life");
    else
        snprintf(what, sizeof(what), "has shown no sign of life for %lld s",
                (long long)((now_us - beat_us) / 1000000));
    return doctor_find(d, "silent-worker", crq_worker_name(w), what,
            "look after its process; its record can be deleted if that is gone",
            NULL);
}

int doctor_workers(struct doctor *d)
{
    int64_t now_us = crq_clock_wall_us(crq_conn_clock(d->cli->conn));
    crq_worker *workers = NULL;
    size_t count = 0;
    int rc = crq_workers_fetch(d->cli->conn, &workers, &count, d->err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = look_at_worker(d, crq_workers_at(workers, i), now_us);
    crq_workers_free(workers, count);
    return rc;
}
