/* timetext.h - instants and durations as texts. */
#ifndef CRQ_CODEC_TIMETEXT_H
#define CRQ_CODEC_TIMETEXT_H

#include <crq.h>

#include "base/buf.h"

#define CRQ_TIMETEXT_LEN 27 /* "2026-11-21T07:47:50.513712Z" */

/** RQ's form of an instant: UTC, six digits of fraction, "Z". Years 1..9999;
 *  others are cut to that range. */
void crq_timetext_put(char out[CRQ_TIMETEXT_LEN + 1], int64_t when_us);

/** Append a datetime, date or time as its isoformat() in Python. Returns
 *  out->rc. */
int crq_timetext_value(const crq_value *v, struct crq_buf *out);

/**
 * Read what RQ's versions have written: "YYYY-MM-DDTHH:MM:SS", a fraction of
 * one to six digits or none, "Z". CRQ_ECODEC.
 */
int crq_timetext_get(const char *text, size_t len, int64_t *out_us,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Read an ISO 8601 time as people give it: date "T" or space, hours and
 * minutes, optional seconds and fraction, then "Z", "+02:00", "+0200" or
 * nothing, which means the machine's local time. CRQ_EINVAL.
 */
int crq_timetext_iso(const char *text, int64_t *out_us,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Read a duration in microseconds: a number ("10", "0.5", "-1") and one of
 * d h m s, or none for seconds, in either case. CRQ_EINVAL.
 */
int crq_timetext_duration(const char *text, int64_t *out_us,
        crq_error *err) CRQ_MUST_CHECK;

/**
 * Read a score, in seconds, as servers write it: Valkey 9 has an exponent where
 * there are many digits, "1.7952868445828621e+9". CRQ_EINVAL for what is beyond
 * all times, as "inf" is.
 */
int crq_timetext_score(const char *text, int64_t *out_us) CRQ_MUST_CHECK;

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and
 *  back. For codecs of dates. */
int64_t crq_days_from_civil(int year, int month, int day);
void crq_civil_from_days(int64_t days, int *year, int *month, int *day);

#endif
