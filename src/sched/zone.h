/*
 * zone.h - instants and what clocks on the wall show, in an IANA zone.
 *
 * glibc knows one zone at a time, the process's: $TZ. Whoever asks about
 * another one changes it for a moment, so all of this belongs to one thread,
 * and no other thread may use local time or the environment meanwhile.
 */
#ifndef CRQ_SCHED_ZONE_H
#define CRQ_SCHED_ZONE_H

#include <crq.h>

/** Instants are taken within these years: libc's offsets are at home there. */
#define CRQ_ZONE_FIRST_S INT64_C(-62135596800) /* 0001-01-01 */
#define CRQ_ZONE_LAST_S  INT64_C(253402300799) /* 9999-12-31 */

/**
 * Whether there is such a zone: "Europe/Berlin", "UTC". glibc takes UTC for
 * what it does not know, without a word. NULL, the machine's own zone, is one.
 * CRQ_EINVAL with the name, CRQ_ENOMEM.
 */
int crq_zone_check(const char *name, crq_error *err) CRQ_MUST_CHECK;

/** What was before, to be given back. */
struct crq_zone_saved {
    char *tz; /* NULL: $TZ was not set */
    bool changed;
};

/** Go into a zone (checked before); NULL: stay. CRQ_ENOMEM. */
int crq_zone_enter(const char *name, struct crq_zone_saved *saved,
        crq_error *err) CRQ_MUST_CHECK;
void crq_zone_leave(struct crq_zone_saved *saved);

#define CRQ_ZONE_NAME_MAX 100

/**
 * For many decisions in a row: a zone that is entered is not left before
 * another is wanted, because glibc reads a zone's file whenever it goes there.
 * Between the first and the end the process is anywhere.
 */
struct crq_zone_stay {
    bool inside;
    char name[CRQ_ZONE_NAME_MAX + 1]; /* "": the machine's own */
    struct crq_zone_saved saved;
};
#define CRQ_ZONE_STAY_INIT                                                     \
    {                                                                          \
        false, "",                                                             \
        {                                                                      \
            NULL, false                                                        \
        }                                                                      \
    }

/** Check a zone and go into it. CRQ_EINVAL, CRQ_ENOMEM: it is in none. */
int crq_zone_stay(struct crq_zone_stay *stay, const char *name,
        crq_error *err) CRQ_MUST_CHECK;
/** Back to where the first was. */
void crq_zone_stay_end(struct crq_zone_stay *stay);

/*
 * Within a zone. Seconds of a wall clock, "wall_s", are counted as if it
 * showed UTC: since 1970-01-01 00:00 on that clock.
 */

/** Seconds east of UTC at an instant. */
int64_t crq_zone_offset_s(int64_t at_s);

/** What instants show a time of the wall clock. */
struct crq_zone_wall {
    int count;       /* 0: the clock skips it; 2: it shows it twice */
    int64_t first_s; /* the instant, or the first of two */
    int64_t second_s;
    /* When the clock is changed around this time (count 0 or 2): the instant
     * of the change, and what the clock would have shown without it and shows
     * with it. */
    int64_t change_s, change_from_s, change_to_s;
};
void crq_zone_wall(int64_t wall_s, struct crq_zone_wall *out);

#endif
