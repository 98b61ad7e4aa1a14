/* stats_count.c - statistics, counted and written. */
#include "model/stats_count.h"

#include <string.h>

#include "base/mem.h"
#include "model/run_impl.h"

#define SEEN_TTL_S   3600     /* longer than any call is repeated */
#define EVER_TTL_S   31536000 /* a year after the last job */
#define MINUTE_TTL_S 7200     /* the series has an hour */
#define CAUSES_TTL_S (CRQ_CAUSES_DAYS * 86400)

void crq_tallies_init(struct crq_tallies *tallies)
{
    memset(tallies, 0, sizeof(*tallies));
}

void crq_tallies_fini(struct crq_tallies *tallies)
{
    crq_free(tallies->queues);
    crq_free(tallies->causes);
    crq_tallies_init(tallies);
}

bool crq_tallies_empty(const struct crq_tallies *tallies)
{
    return tallies->count == 0 && tallies->causes_count == 0;
}

/* The tally of a queue, begun when there is none; NULL: no memory, no room. */
static struct crq_numbers *numbers_of(struct crq_tallies *t, const char *queue)
{
    struct crq_tallied *grown;

    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->queues[i].queue, queue) == 0)
            return &t->queues[i].numbers;
    if (t->count > CRQ_TALLIES_QUEUES || strlen(queue) > CRQ_NAME_MAX)
        return NULL;
    grown = crq_reallocarray(t->queues, t->count + 1, sizeof(*grown));
    if (grown == NULL)
        return NULL;
    t->queues = grown;
    memset(&t->queues[t->count], 0, sizeof(*t->queues));
    strcpy(t->queues[t->count].queue, queue);
    return &t->queues[t->count++].numbers;
}

/* Both of them, the one of all first. */
static size_t both(struct crq_tallies *t, const char *queue,
        struct crq_numbers *out[2])
{
    size_t count = 0;

    /* A growing array moves: both have to be there before either is used. */
    if (numbers_of(t, "") == NULL)
        return 0;
    if (queue != NULL)
        out[count] = numbers_of(t, queue);
    count += queue != NULL && out[count] != NULL;
    out[count++] = numbers_of(t, "");
    return count;
}

void crq_tallies_end(struct crq_tallies *tallies, const char *queue,
        crq_stat stat, int64_t times)
{
    struct crq_numbers *numbers[2];
    size_t count = both(tallies, queue, numbers);

    for (size_t i = 0; i < count; i++)
        numbers[i]->stats[stat] += times;
}

void crq_tallies_time(struct crq_tallies *tallies, const char *queue,
        crq_timing timing, int64_t us)
{
    struct crq_numbers *numbers[2];
    size_t count = both(tallies, queue, numbers);

    for (size_t i = 0; i < count; i++)
        crq_times_add(&numbers[i]->times[timing], us);
}

void crq_tallies_cause(struct crq_tallies *tallies,
        const struct crq_cause *cause)
{
    struct crq_cause *grown;

    for (size_t i = 0; i < tallies->causes_count; i++)
        if (crq_cause_same(&tallies->causes[i], cause)) {
            crq_cause_merge(&tallies->causes[i], cause);
            return;
        }
    if (tallies->causes_count == CRQ_TALLIES_CAUSES)
        return;
    grown = crq_reallocarray(tallies->causes, tallies->causes_count + 1,
            sizeof(*grown));
    if (grown == NULL)
        return;
    tallies->causes = grown;
    tallies->causes[tallies->causes_count++] = *cause;
}

void crq_tallies_merge(struct crq_tallies *tallies, struct crq_tallies *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct crq_numbers *to = numbers_of(tallies, from->queues[i].queue);

        for (size_t n = 0; to != NULL && n < CRQ_STATS_FIELDS; n++)
            *crq_numbers_at(to, n) +=
                    *crq_numbers_at(&from->queues[i].numbers, n);
    }
    for (size_t i = 0; i < from->causes_count; i++)
        crq_tallies_cause(tallies, &from->causes[i]);
    crq_tallies_fini(from);
}

/* ---- words ---- */

static void put_tally(struct crq_args *out, struct crq_tallied *tally)
{
    char field[CRQ_STATS_FIELD_MAX];
    int64_t fields = 0;

    for (size_t i = 0; i < CRQ_STATS_FIELDS; i++)
        fields += *crq_numbers_at(&tally->numbers, i) != 0;
    crq_args_puts(out, tally->queue);
    crq_args_puti(out, fields);
    for (size_t i = 0; i < CRQ_STATS_FIELDS; i++) {
        int64_t n = *crq_numbers_at(&tally->numbers, i);

        if (n == 0)
            continue;
        crq_numbers_field(field, i);
        crq_args_puts(out, field);
        crq_args_puti(out, n);
    }
}

static void put_cause(struct crq_args *out, const struct crq_cause *cause)
{
    struct crq_buf sample = CRQ_BUF_INIT;
    char member[CRQ_CAUSE_MEMBER];

    crq_cause_member(member, cause);
    crq_args_puts(out, member);
    crq_args_puti(out, cause->times);
    crq_run_put_unix(out, cause->last_us);
    if (crq_cause_sample(cause, &sample) < 0)
        out->bytes.rc = sample.rc;
    crq_args_put(out, crq_buf_text(&sample), sample.len);
    crq_buf_fini(&sample);
}

size_t crq_tallies_words(const struct crq_tallies *tallies, const char *process,
        int64_t nth, struct crq_args *out)
{
    char key[CRQ_KEY_MAX];

    crq_args_clear(out);
    crq_key(key, CRQ_KEY_STATS_SEEN, process);
    crq_args_list(out, key, crq_key_pattern(CRQ_KEY_FAILURES),
            crq_key_pattern(CRQ_KEY_FAILURE_COUNTS),
            crq_key_pattern(CRQ_KEY_FAILURE_SAMPLES),
            crq_key_pattern(CRQ_KEY_STATS),
            crq_key_pattern(CRQ_KEY_STATS_MINUTE), NULL);
    crq_args_puti(out, nth);
    crq_args_puti(out, SEEN_TTL_S);
    crq_args_puti(out, EVER_TTL_S);
    crq_args_puti(out, MINUTE_TTL_S);
    crq_args_puti(out, CRQ_CAUSES_MAX);
    crq_args_puti(out, CAUSES_TTL_S);
    crq_args_puti(out, (int64_t)tallies->count);
    for (size_t i = 0; i < tallies->count; i++)
        put_tally(out, &tallies->queues[i]);
    for (size_t i = 0; i < tallies->causes_count; i++)
        put_cause(out, &tallies->causes[i]);
    return 4;
}
