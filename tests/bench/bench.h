/*
 * bench.h - measuring on machines that have other things to do.
 *
 * A bench has subjects: ways to do the same thing, or things to compare with.
 * All of them run in turn, a slice of a few milliseconds each, for many
 * rounds, and each round begins with another one: whatever slows the machine
 * for a while slows them all. What counts are ratios: a subject's time against
 * that of its base in the same round, of which the median is taken. An
 * absolute time is shown for people, never judged.
 *
 * Programs are run by tests/bench/run, which starts a Redis for them and says
 * in the environment where it is:
 *   BENCH_TCP, BENCH_UNIX  URLs of one private server
 *   BENCH_SECONDS          how long a bench shall take, about (2)
 *   BENCH_JOBS             how many jobs make "many" (100000)
 */
#ifndef BENCH_H
#define BENCH_H

#include <crq.h>
#include <stdbool.h>

#define BENCH_BASES 3

struct bench_subject {
    const char *name;
    /* Do it `count` times. Returns 0 or a code below, with *err. */
    int (*run)(void *arg, long count, crq_error *err);
    void *arg;
    struct {
        const char *base; /* the subject to compare with */
        double most;      /* times as long may it take; 0: any */
    } against[BENCH_BASES];
};

struct bench {
    const char *name;
    const char *what; /* of which `count` are done: "calls", "jobs" */
    const struct bench_subject *subjects;
    size_t count;
    double slice_s; /* of one subject in one round */
    /* Before each round, not timed; may be NULL. */
    int (*reset)(void *arg, crq_error *err);
    void *arg;
};

/** Run the bench, print its table and a line of JSON for each subject.
 *  Returns the number of ratios above what they may be. */
int bench_run(const struct bench *bench);

/** A line of JSON and one of text for a number that is no time; it fails
 *  when above `most`. Returns 0 or 1. */
int bench_number(const char *bench, const char *subject, const char *unit,
        double value, double most);

/** A number from the environment. */
double bench_setting(const char *name, double otherwise);

/** A text from the environment; the program ends when it isn't there. */
const char *bench_url(const char *name);

/** Print the failure and end the program, when rc is below 0. */
void bench_must(int rc, const crq_error *err);

/** The most memory this process has had, in KiB, since the last call of
 *  bench_peak_reset(); where the system can't reset it, since its start. */
long bench_peak_kib(void);
void bench_peak_reset(void);

#endif
