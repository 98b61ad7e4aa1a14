/*
 * fuzz_cron.c - cron expressions of any bytes, under both rules.
 *
 * Held true: a refusal is told in one printable line; what is taken names
 * instants that come one behind the other, each in bounded time, and a clock
 * change makes none of them go back.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "sched/cron.h"
#include "sched/zone.h"

static void walk(const struct crq_cron *cron, const char *zone, int64_t at_s)
{
    struct crq_zone_saved saved;
    crq_error err;
    int64_t next_s;

    if (crq_zone_check(zone, NULL) < 0)
        return; /* a machine without zones */
    fuzz_ok(crq_zone_enter(zone, &saved, &err), &err);
    for (int i = 0; i < 4 && crq_cron_next_here(cron, at_s, &next_s); i++) {
        fuzz_check(next_s > at_s);
        at_s = next_s;
    }
    crq_zone_leave(&saved);
}

static void parse(const char *text, enum crq_cron_rules rules)
{
    struct crq_cron cron;
    crq_error err;

    if (crq_cron_parse(text, rules, &cron, &err) == 0) {
        walk(&cron, "UTC", 1700000000);
        walk(&cron, "Europe/Berlin", 1711846700); /* before a change */
        walk(&cron, "Europe/Berlin", 1729988000);
        return;
    }
    fuzz_check(err.code == CRQ_EINVAL && err.text[0] != '\0');
    fuzz_check(strpbrk(err.text, "\r\n\t") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = crq_memdup(data, size);

    if (text == NULL)
        return 0;
    parse(text, CRQ_CRON_STANDARD);
    parse(text, CRQ_CRON_CRONTAB);
    crq_free(text);
    return 0;
}
