/* api_stats.c - statistics: rates, times, and why jobs failed. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/queue.h"
#include "model/stats_json.h"
#include "web/api_impl.h"

#define CAUSES     100 /* that are told unless asked for others */
#define CAUSES_MAX 500
#define SCAN       200 /* jobs of one queue that are looked at */
#define SCAN_MAX   1000
#define QUEUES_MAX 500 /* of one answer */
#define RATE_NEEDS 2   /* minutes */

struct asked {
    int64_t minutes; /* of the window, and one by one when `series` is set */
    bool series;
    const crq_stats *rows;
};

static int read_query(struct api_ask *ask, struct asked *a)
{
    static const struct api_param params[] = {
        { "minutes", API_PARAM_COUNT, offsetof(struct asked, minutes),
                CRQ_STATS_MINUTES },
        { "series", API_PARAM_BOOL, offsetof(struct asked, series), 0 },
    };

    return api_query(ask, params, 2, a);
}

static int to_value(const struct asked *a, size_t i, crq_value **out,
        crq_error *err)
{
    return crq_stats_to_value(crq_stats_at(a->rows, i), (int)a->minutes,
            a->series ? (int)a->minutes : 0, out, err);
}

static int fetch(struct api_ask *ask, const struct asked *a,
        const char *const *names, size_t count, crq_stats **out)
{
    int minutes = a->minutes > RATE_NEEDS ? (int)a->minutes : RATE_NEEDS;

    return crq_stats_fetch(ask->conn, names, count, minutes, out, ask->err);
}

/* {"all": ..., "queues": [...]} */
static int answer_all(struct api_ask *ask, const struct asked *a, size_t count)
{
    crq_value *v = crq_value_new_dict(), *list = crq_value_new_list();
    int rc = v != NULL && list != NULL ? 0 : CRQ_ENOMEM;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        crq_value *one = NULL;

        rc = to_value(a, i, &one, ask->err);
        if (rc == 0 && i == 0)
            crq_dict_put(v, "all", one, &rc);
        else if (rc == 0)
            rc = crq_value_add(list, one);
    }
    crq_dict_put(v, "queues", list, &rc);
    return api_answer(ask, 200, v, rc);
}

int api_stats_list(struct api_ask *ask)
{
    struct asked a = { CRQ_STATS_WINDOW, false, NULL };
    const char *rows[QUEUES_MAX + 1] = { NULL };
    crq_stats *stats = NULL;
    char **names = NULL;
    size_t known = 0, count = 1;
    int rc = read_query(ask, &a);

    if (rc != 0)
        return rc;
    rc = crq_queue_names(ask->conn, &names, &known, ask->err);
    /* Names that can be in the set but are no queue's are left out. */
    for (size_t i = 0; rc == 0 && i < known && count <= QUEUES_MAX; i++)
        if (crq_queue_name_check(names[i], NULL) == 0)
            rows[count++] = names[i];
    if (rc == 0)
        rc = fetch(ask, &a, rows, count, &stats);
    a.rows = stats;
    if (rc == 0)
        rc = answer_all(ask, &a, count);
    if (stats != NULL)
        crq_stats_free(stats, count);
    crq_names_free(names, known);
    return rc;
}

int api_queue_stats(struct api_ask *ask)
{
    struct asked a = { CRQ_STATS_MINUTES, true, NULL };
    const char *name = ask->name;
    crq_stats *stats = NULL;
    crq_value *v = NULL;
    int rc = read_query(ask, &a);

    if (rc == 0)
        rc = api_queue_is_known(ask);
    if (rc != 0)
        return rc;
    rc = fetch(ask, &a, &name, 1, &stats);
    a.rows = stats;
    if (rc == 0)
        rc = to_value(&a, 0, &v, ask->err);
    if (stats != NULL)
        crq_stats_free(stats, 1);
    return api_answer(ask, 200, v, rc);
}

/* ----------------------------------------------------------------- failures */

struct causes {
    const char *queue;
    int64_t limit, look;
    const crq_failures *failures;
};

static int cause_value(void *arg, size_t i, crq_value **out, crq_error *err)
{
    const struct causes *c = arg;

    return crq_failure_to_value(c->failures, i, out, err);
}

int api_failures_list(struct api_ask *ask)
{
    static const struct api_param params[] = {
        { "queue", API_PARAM_TEXT, offsetof(struct causes, queue), 0 },
        { "limit", API_PARAM_COUNT, offsetof(struct causes, limit),
                CAUSES_MAX },
        { "look", API_PARAM_COUNT, offsetof(struct causes, look), SCAN_MAX },
    };
    struct causes c = { NULL, CAUSES, SCAN, NULL };
    crq_failures *failures = NULL;
    size_t count;
    int rc = api_query(ask, params, 3, &c);

    if (rc != 0)
        return rc;
    rc = c.queue != NULL ? crq_failures_scan(ask->conn, c.queue, (size_t)c.look,
                                   &failures, ask->err)
                         : crq_failures_fetch(ask->conn, (size_t)c.limit,
                                   &failures, ask->err);
    c.failures = failures;
    if (rc == 0) {
        count = crq_failures_count(failures);
        if (count > (size_t)c.limit)
            count = (size_t)c.limit;
        rc = api_answer_list(ask, "failures", count, cause_value, &c);
    }
    crq_failures_free(failures);
    return rc;
}
