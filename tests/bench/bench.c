/* bench.c - interleaved rounds, medians, ratios. */
#include "bench.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ROUNDS_LEAST 5
#define ROUNDS_MOST  2000
#define COUNT_MOST   1000000

double bench_setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    char *end;
    double value;

    if (text == NULL || text[0] == '\0')
        return otherwise;
    value = strtod(text, &end);
    if (*end != '\0' || !(value > 0)) {
        fprintf(stderr, "%s=%s: not a number above 0\n", name, text);
        exit(EXIT_FAILURE);
    }
    return value;
}

const char *bench_url(const char *name)
{
    const char *url = getenv(name);

    if (url != NULL)
        return url;
    fprintf(stderr, "%s is not set: start this by tests/bench/run\n", name);
    exit(EXIT_FAILURE);
}

void bench_must(int rc, const crq_error *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", crq_error_name(rc), err->text);
    exit(EXIT_FAILURE);
}

/* ---- memory ---- */

long bench_peak_kib(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[200];
    long kib = 0;

    if (status == NULL)
        return 0;
    while (kib == 0 && fgets(line, sizeof(line), status) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    fclose(status);
    return kib;
}

void bench_peak_reset(void)
{
    FILE *refs = fopen("/proc/self/clear_refs", "we");

    if (refs == NULL)
        return;
    fputs("5\n", refs);
    fclose(refs);
}

/* ---- rounds ---- */

struct samples {
    long count;   /* how often in one slice */
    double *time; /* seconds for one, of each round */
};

static double now_s(void)
{
    return (double)crq_clock_mono_us(&crq_clock_system) / 1e6;
}

static double time_slice(const struct bench_subject *subject, long count)
{
    crq_error err = { 0, "" };
    double began_s = now_s(), took_s;

    bench_must(subject->run(subject->arg, count, &err), &err);
    took_s = now_s() - began_s;
    /* The clock has microseconds. */
    return took_s > 1e-6 ? took_s : 1e-6;
}

static void reset(const struct bench *bench)
{
    crq_error err = { 0, "" };

    if (bench->reset != NULL)
        bench_must(bench->reset(bench->arg, &err), &err);
}

/* How often fits into a slice; warms up what there is to warm up. */
static long calibrate(const struct bench *bench, size_t nth)
{
    long count = 1;

    for (;;) {
        double took_s = time_slice(&bench->subjects[nth], count);
        double wanted = (double)count * bench->slice_s / took_s;

        if (took_s >= bench->slice_s / 2 || count >= COUNT_MOST) {
            count = wanted < COUNT_MOST ? (long)wanted : COUNT_MOST;
            return count > 0 ? count : 1;
        }
        count = wanted < 4 * (double)count ? (long)wanted + 1 : count * 4;
    }
}

static long measure(const struct bench *bench, struct samples *samples)
{
    double seconds = bench_setting("BENCH_SECONDS", 2), began_s;
    long round;

    for (size_t i = 0; i < bench->count; i++) {
        reset(bench);
        samples[i].time = calloc(ROUNDS_MOST, sizeof(double));
        assert(samples[i].time != NULL);
        samples[i].count = calibrate(bench, i);
    }
    began_s = now_s();
    for (round = 0; round < ROUNDS_MOST; round++) {
        if (round >= ROUNDS_LEAST && now_s() - began_s > seconds)
            break;
        reset(bench);
        for (size_t turn = 0; turn < bench->count; turn++) {
            size_t i = (turn + (size_t)round) % bench->count;

            samples[i].time[round] =
                    time_slice(&bench->subjects[i], samples[i].count) /
                    (double)samples[i].count;
        }
    }
    return round;
}

/* ---- numbers ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* The value that `part` of all lie below; sorts them. */
static double quantile(double *values, long count, double part)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[(long)((double)(count - 1) * part + 0.5)];
}

static size_t find_base(const struct bench *bench, const char *name)
{
    for (size_t i = 0; i < bench->count; i++)
        if (strcmp(bench->subjects[i].name, name) == 0)
            return i;
    assert(!"a subject is compared with one that is not there");
    return 0;
}

static double median_ratio(const struct samples *a, const struct samples *b,
        long rounds)
{
    double *ratios = calloc((size_t)rounds, sizeof(*ratios)), median;

    assert(ratios != NULL);
    for (long i = 0; i < rounds; i++)
        ratios[i] = a->time[i] / b->time[i];
    median = quantile(ratios, rounds, 0.5);
    free(ratios);
    return median;
}

struct ratio {
    const char *base;
    double value, most;
    bool bad;
};

/* The bases of a subject, up to one without a name; returns how many are
 * above what they may be. Before any sort: samples of one round are pairs. */
static int compare_with_bases(const struct bench *bench, size_t nth,
        const struct samples *samples, long rounds, struct ratio *out)
{
    const struct bench_subject *subject = &bench->subjects[nth];
    int failed = 0;

    for (int i = 0; i < BENCH_BASES; i++) {
        out[i].base = subject->against[i].base;
        out[i].most = subject->against[i].most;
        if (out[i].base == NULL)
            continue;
        out[i].value = median_ratio(&samples[nth],
                &samples[find_base(bench, out[i].base)], rounds);
        out[i].bad = out[i].most > 0 && out[i].value > out[i].most;
        failed += out[i].bad;
    }
    return failed;
}

static void report(const struct bench *bench, const char *subject,
        struct samples *samples, long rounds, const struct ratio *ratios)
{
    double low = quantile(samples->time, rounds, 0.1) * 1e6;
    double median = quantile(samples->time, rounds, 0.5) * 1e6;
    double high = quantile(samples->time, rounds, 0.9) * 1e6;
    const char *comma = "";

    printf("  %-14s %9.2f us %9.2f %9.2f %11.0f/s ", subject, median, low, high,
            1e6 / median);
    for (int i = 0; i < BENCH_BASES && ratios[i].base != NULL; i++) {
        printf("%s %.2f x %s", comma, ratios[i].value, ratios[i].base);
        if (ratios[i].most > 0)
            printf(" (%.2f)%s", ratios[i].most,
                    ratios[i].bad ? " TOO SLOW" : "");
        comma = ",";
    }
    printf("\n{\"bench\": \"%s\", \"subject\": \"%s\", \"us\": %.3f, "
           "\"us_p10\": %.3f, \"us_p90\": %.3f, \"rounds\": %ld, "
           "\"against\": [",
            bench->name, subject, median, low, high, rounds);
    comma = "";
    for (int i = 0; i < BENCH_BASES && ratios[i].base != NULL; i++) {
        printf("%s{\"base\": \"%s\", \"ratio\": %.3f", comma, ratios[i].base,
                ratios[i].value);
        if (ratios[i].most > 0)
            printf(", \"most\": %.2f, \"ok\": %s", ratios[i].most,
                    ratios[i].bad ? "false" : "true");
        printf("}");
        comma = ", ";
    }
    printf("]}\n");
}

int bench_run(const struct bench *bench)
{
    struct samples *samples = calloc(bench->count, sizeof(*samples));
    struct ratio(*ratios)[BENCH_BASES] = calloc(bench->count, sizeof(*ratios));
    long rounds;
    int failed = 0;

    assert(samples != NULL && ratios != NULL);
    rounds = measure(bench, samples);
    for (size_t i = 0; i < bench->count; i++)
        failed += compare_with_bases(bench, i, samples, rounds, ratios[i]);
    printf("%s: time for one of the %s, %ld rounds\n", bench->name, bench->what,
            rounds);
    printf("  %-14s %12s %9s %9s %13s  %s\n", "", "median", "p10", "p90", "",
            "against (at most)");
    for (size_t i = 0; i < bench->count; i++) {
        report(bench, bench->subjects[i].name, &samples[i], rounds, ratios[i]);
        free(samples[i].time);
    }
    free(samples);
    free(ratios);
    return failed;
}

int bench_number(const char *bench, const char *subject, const char *unit,
        double value, double most)
{
    int bad = value > most;

    printf("  %-14s %9.1f %s (at most %.1f)%s\n", subject, value, unit, most,
            bad ? " TOO MUCH" : "");
    printf("{\"bench\": \"%s\", \"subject\": \"%s\", \"%s\": %.3f, "
           "\"most\": %.3f, \"ok\": %s}\n",
            bench, subject, unit, value, most, bad ? "false" : "true");
    return bad;
}
