/* plan.c - which slots are run, by arithmetic or by asking a cron expression.
 */
#include "sched/plan.h"

#include "base/error.h"

#define SECOND_US INT64_C(1000000)
#define GRACE_US  (CRQ_PLAN_GRACE_S * SECOND_US)

static int64_t floor_s(int64_t us)
{
    return us / SECOND_US - (us % SECOND_US < 0);
}

/* How many slots may be run, of those that are due. */
static size_t most_slots(const struct crq_plan_rule *rule)
{
    int64_t most = rule->catchup == CRQ_CATCHUP_ALL ? rule->catchup_max : 1;

    if (rule->left != CRQ_UNSET && rule->left < most)
        most = rule->left;
    if (most > CRQ_PLAN_MAX)
        most = CRQ_PLAN_MAX;
    return most < 0 ? 0 : (size_t)most;
}

/* The instant that slots must have come behind to be run. */
static int64_t oldest_us(const struct crq_plan_rule *rule, int64_t next_us,
        int64_t now_us)
{
    int64_t oldest = next_us;

    if (rule->catchup == CRQ_CATCHUP_SKIP && now_us - GRACE_US > oldest)
        oldest = now_us - GRACE_US;
    return oldest;
}

/* ---- intervals ---- */

static void plan_interval(const struct crq_plan_rule *rule, int64_t next_us,
        int64_t now_us, struct crq_plan *out)
{
    int64_t passed = (now_us - next_us) / rule->every_us;
    int64_t newest_us = next_us + passed * rule->every_us;
    int64_t from_us = oldest_us(rule, next_us, now_us);
    size_t most = most_slots(rule);

    while (out->count < most &&
            newest_us - (int64_t)out->count * rule->every_us >= from_us)
        out->count++;
    for (size_t i = 0; i < out->count; i++)
        out->slots_us[i] =
                newest_us - (int64_t)(out->count - 1 - i) * rule->every_us;
    out->missed = passed + 1 > (int64_t)out->count;
    out->next_us = newest_us + rule->every_us;
}

/* ---- cron, inside of its zone ---- */

/* How many slots there are in (from_s, to_s], up to `enough`. */
static size_t count_slots(const struct crq_cron *cron, int64_t from_s,
        int64_t to_s, size_t enough)
{
    size_t count = 0;

    while (count < enough && crq_cron_next_here(cron, from_s, &from_s) &&
            from_s <= to_s)
        count++;
    return count;
}

/* Behind this instant there are as many slots as may be run, and no more: the
 * newest. There may have been a million: they are not walked through. */
static int64_t before_newest(const struct crq_cron *cron, int64_t from_s,
        int64_t to_s, size_t most)
{
    if (count_slots(cron, from_s, to_s, most + 1) <= most)
        return from_s;
    while (to_s - from_s > 1) {
        int64_t middle_s = from_s + (to_s - from_s) / 2;

        if (count_slots(cron, middle_s, to_s, most) == most)
            from_s = middle_s;
        else
            to_s = middle_s;
    }
    return from_s;
}

static void plan_cron(const struct crq_plan_rule *rule, int64_t next_us,
        int64_t now_us, struct crq_plan *out)
{
    int64_t now_s = floor_s(now_us), begin_s = floor_s(next_us - 1);
    int64_t from_s = floor_s(oldest_us(rule, next_us, now_us) - 1);
    int64_t slot_s, next_s;
    size_t most = most_slots(rule);

    slot_s = from_s =
            most > 0 ? before_newest(&rule->cron, from_s, now_s, most) : now_s;
    while (out->count < most &&
            crq_cron_next_here(&rule->cron, slot_s, &slot_s) && slot_s <= now_s)
        out->slots_us[out->count++] = slot_s * SECOND_US;
    out->missed = count_slots(&rule->cron, begin_s, from_s, 1) > 0;
    if (crq_cron_next_here(&rule->cron, now_s, &next_s))
        out->next_us = next_s * SECOND_US;
}

/* ---- both ---- */

int crq_plan_due(const struct crq_plan_rule *rule, int64_t next_us,
        int64_t now_us, struct crq_zone_stay *stay, struct crq_plan *out,
        crq_error *err)
{
    struct crq_zone_stay here = CRQ_ZONE_STAY_INIT;
    int rc;

    if (next_us > now_us) {
        *out = (struct crq_plan){ .next_us = next_us };
        return 0;
    }
    if (rule->every_us > 0) {
        *out = (struct crq_plan){ .next_us = CRQ_UNSET };
        plan_interval(rule, next_us, now_us, out);
        return 0;
    }
    rc = crq_zone_stay(stay != NULL ? stay : &here, rule->zone, err);
    if (rc < 0)
        return rc;
    *out = (struct crq_plan){ .next_us = CRQ_UNSET };
    plan_cron(rule, next_us, now_us, out);
    crq_zone_stay_end(&here);
    return 0;
}

int crq_plan_first(const struct crq_plan_rule *rule, int64_t now_us,
        int64_t *out_us, crq_error *err)
{
    int64_t start_us = rule->start_us;

    if (rule->every_us == 0)
        return crq_cron_next(&rule->cron, rule->zone,
                start_us > now_us ? start_us - 1 : now_us, out_us, err);
    if (start_us == CRQ_UNSET)
        start_us = now_us + rule->every_us;
    if (start_us < now_us)
        start_us += (now_us - start_us + rule->every_us - 1) / rule->every_us *
                rule->every_us;
    *out_us = start_us;
    return 0;
}
