/*
 * zone.c - instants and wall clocks, through glibc.
 *
 * Kept true here: at most one change of a clock is looked for within 16 hours
 * of a time. No zone has had two so close, and none is further from UTC.
 */
#include "sched/zone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define AROUND_S INT64_C(57600) /* 16 h */

/* ---- names ---- */

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= CRQ_ZONE_NAME_MAX && name[0] != '/' &&
            strspn(name,
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789_+-/") == len;
}

static const char *zone_folder(void)
{
    const char *folder = getenv("TZDIR");

    return folder != NULL && folder[0] == '/' ? folder : "/usr/share/zoneinfo";
}

static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good;

    if (fd < 0)
        return false;
    good = read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
            memcmp(magic, "TZif", sizeof(magic)) == 0;
    close(fd);
    return good;
}

int crq_zone_check(const char *name, crq_error *err)
{
    char path[PATH_MAX];

    /* glibc counts in UTC without a file, which a small machine may lack. */
    if (name == NULL || strcmp(name, "UTC") == 0)
        return 0;
    if (is_name(name) &&
            snprintf(path, sizeof(path), "%s/%s", zone_folder(), name) <
                    (int)sizeof(path) &&
            is_zone_file(path))
        return 0;
    return crq_fail(err, CRQ_EINVAL,
            "there is no time zone '%.100s'; zones are named like "
            "Europe/Berlin, as in %s",
            name, zone_folder());
}

int crq_zone_enter(const char *name, struct crq_zone_saved *saved,
        crq_error *err)
{
    const char *before = getenv("TZ");
    char tz[CRQ_ZONE_NAME_MAX + 2];

    *saved = (struct crq_zone_saved){ NULL, false };
    if (name == NULL) {
        tzset();
        return 0;
    }
    if (before != NULL) {
        saved->tz = crq_strdup(before);
        if (saved->tz == NULL)
            return crq_fail_nomem(err);
    }
    if (strcmp(name, "UTC") == 0)
        strcpy(tz, "UTC0");
    else
        snprintf(tz, sizeof(tz), ":%s", name);
    if (setenv("TZ", tz, 1) < 0) {
        crq_free(saved->tz);
        return crq_fail_nomem(err);
    }
    saved->changed = true;
    tzset();
    return 0;
}

void crq_zone_leave(struct crq_zone_saved *saved)
{
    if (!saved->changed)
        return;
    /* It can only fail for want of memory, and nobody could be told of it:
     * the next crq_zone_enter() sets what it needs by itself. */
    if (saved->tz == NULL)
        unsetenv("TZ");
    else
        (void)!setenv("TZ", saved->tz, 1);
    tzset();
    crq_free(saved->tz);
    *saved = (struct crq_zone_saved){ NULL, false };
}

static bool is_there(const struct crq_zone_stay *stay, const char *name)
{
    if (name == NULL)
        return stay->inside && stay->name[0] == '\0';
    return stay->inside && name[0] != '\0' && strcmp(stay->name, name) == 0;
}

int crq_zone_stay(struct crq_zone_stay *stay, const char *name, crq_error *err)
{
    int rc;

    if (is_there(stay, name))
        return 0;
    crq_zone_stay_end(stay);
    rc = crq_zone_check(name, err); /* its length, too */
    if (rc == 0)
        rc = crq_zone_enter(name, &stay->saved, err);
    if (rc < 0)
        return rc;
    strcpy(stay->name, name != NULL ? name : "");
    stay->inside = true;
    return 0;
}

void crq_zone_stay_end(struct crq_zone_stay *stay)
{
    if (stay->inside)
        crq_zone_leave(&stay->saved);
    stay->inside = false;
}

/* ---- clocks ---- */

int64_t crq_zone_offset_s(int64_t at_s)
{
    time_t at = at_s < CRQ_ZONE_FIRST_S ? CRQ_ZONE_FIRST_S
            : at_s > CRQ_ZONE_LAST_S    ? CRQ_ZONE_LAST_S
                                        : (time_t)at_s;
    struct tm tm;

    return localtime_r(&at, &tm) != NULL ? (int64_t)tm.tm_gmtoff : 0;
}

/* The first instant in (from_s, to_s] that has not the offset of from_s. */
static int64_t find_change(int64_t from_s, int64_t to_s)
{
    int64_t offset_s = crq_zone_offset_s(from_s);

    while (to_s - from_s > 1) {
        int64_t middle_s = from_s + (to_s - from_s) / 2;

        if (crq_zone_offset_s(middle_s) == offset_s)
            from_s = middle_s;
        else
            to_s = middle_s;
    }
    return to_s;
}

void crq_zone_wall(int64_t wall_s, struct crq_zone_wall *out)
{
    int64_t before_s = crq_zone_offset_s(wall_s - AROUND_S);
    int64_t after_s = crq_zone_offset_s(wall_s + AROUND_S);
    bool old, new;

    *out = (struct crq_zone_wall){ 1, wall_s - before_s, 0, 0, 0, 0 };
    if (before_s == after_s)
        return;
    old = crq_zone_offset_s(wall_s - before_s) == before_s;
    new = crq_zone_offset_s(wall_s - after_s) == after_s;
    if (old != new) {
        if (new)
            out->first_s = wall_s - after_s;
        return;
    }
    out->count = old ? 2 : 0;
    out->second_s = wall_s - after_s;
    out->change_s = find_change(wall_s - AROUND_S, wall_s + AROUND_S);
    out->change_from_s = out->change_s + before_s;
    out->change_to_s = out->change_s + after_s;
}
