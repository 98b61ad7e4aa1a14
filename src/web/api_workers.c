/* api_workers.c - workers, and commands to them; groups. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "web/api_impl.h"

/* ------------------------------------------------------------------ workers */

static int one_worker(void *arg, size_t i, crq_value **out, crq_error *err)
{
    return crq_worker_to_value(crq_workers_at(arg, i), out, err);
}

int api_workers_list(struct api_ask *ask)
{
    crq_worker *workers = NULL;
    size_t count = 0;
    int rc = crq_workers_fetch(ask->conn, &workers, &count, ask->err);

    if (rc == 0)
        rc = api_answer_list(ask, "workers", count, one_worker, workers);
    crq_workers_free(workers, count);
    return rc;
}

int api_worker_show(struct api_ask *ask)
{
    crq_worker *workers = NULL;
    crq_value *v = NULL;
    size_t count = 0, i = 0;
    int rc = crq_workers_fetch(ask->conn, &workers, &count, ask->err);

    while (rc == 0 && i < count &&
            strcmp(crq_worker_name(crq_workers_at(workers, i)), ask->name) != 0)
        i++;
    if (rc == 0 && i == count)
        rc = crq_fail(ask->err, CRQ_ENOTFOUND, "there is no worker '%.80s'",
                ask->name);
    if (rc == 0)
        rc = one_worker(workers, i, &v, ask->err);
    crq_workers_free(workers, count);
    return api_answer(ask, 200, v, rc);
}

/* The command is on its way. */
static int answer_asked(struct api_ask *ask, int rc)
{
    crq_value *v = NULL;

    if (rc == 0) {
        v = crq_value_new_dict();
        rc = v != NULL ? 0 : CRQ_ENOMEM;
        crq_dict_put_text(v, "name", ask->name, &rc);
    }
    return api_answer(ask, 202, v, rc);
}

int api_worker_shutdown(struct api_ask *ask)
{
    return answer_asked(ask,
            crq_worker_shutdown(ask->conn, ask->name, ask->err));
}

int api_worker_kill_horse(struct api_ask *ask)
{
    return answer_asked(ask,
            crq_worker_kill_horse(ask->conn, ask->name, ask->err));
}

/* ------------------------------------------------------------------- groups */

#define IDS_MAX 10000

static int one_name(void *arg, size_t i, crq_value **out, crq_error *err)
{
    char *const *names = arg;

    *out = crq_shown_text(names[i]);
    return *out != NULL ? 0 : crq_fail_nomem(err);
}

int api_groups_list(struct api_ask *ask)
{
    char **names = NULL;
    size_t count = 0;
    int rc = crq_group_names(ask->conn, &names, &count, ask->err);

    if (rc == 0)
        rc = api_answer_list(ask, "groups", count, one_name, names);
    crq_names_free(names, count);
    return rc;
}

struct group_page {
    const char *cursor;
    int64_t limit;
};

/* Ids are sorted: a page begins behind the id that the cursor holds. */
static int answer_group(struct api_ask *ask, char **ids, size_t count,
        const char *after, int64_t limit)
{
    crq_value *v = crq_value_new_dict(), *list = crq_value_new_list();
    char *next = NULL;
    size_t i = 0, end;
    int rc = v != NULL && list != NULL ? 0 : crq_fail_nomem(ask->err);

    while (i < count && after != NULL && strcmp(ids[i], after) <= 0)
        i++;
    end = count - i > (size_t)limit ? i + (size_t)limit : count;
    if (rc == 0 && end < count)
        rc = api_cursor_put(ask->name, ids[end - 1], &next, ask->err);
    for (; rc == 0 && i < end; i++)
        rc = crq_value_add(list, crq_shown_text(ids[i]));
    crq_dict_put_text(v, "name", ask->name, &rc);
    crq_dict_put_number(v, "count", (int64_t)count, &rc);
    crq_dict_put(v, "jobs", list, &rc);
    crq_dict_put_text(v, "next", next, &rc);
    crq_free(next);
    return api_answer(ask, 200, v, rc);
}

int api_group_show(struct api_ask *ask)
{
    static const struct api_param params[] = {
        { "cursor", API_PARAM_TEXT, offsetof(struct group_page, cursor), 0 },
        { "limit", API_PARAM_COUNT, offsetof(struct group_page, limit),
                IDS_MAX },
    };
    struct group_page page = { NULL, 1000 };
    char **ids = NULL, *group = NULL, *after = NULL;
    size_t count = 0;
    int rc = api_query(ask, params, 2, &page);

    if (rc == 0 && page.cursor != NULL)
        rc = api_cursor_get(page.cursor, &group, &after, ask->err);
    if (rc == 0)
        rc = crq_group_ids(ask->conn, ask->name, &ids, &count, ask->err);
    if (rc == 0)
        rc = answer_group(ask, ids, count, after, page.limit);
    crq_names_free(ids, count);
    crq_free(group);
    crq_free(after);
    return rc;
}

int api_group_delete(struct api_ask *ask)
{
    crq_value *v = crq_value_new_dict();
    int64_t count = 0;
    int rc = crq_group_delete(ask->conn, ask->name, &count, ask->err);

    if (rc == 0 && v == NULL)
        rc = crq_fail_nomem(ask->err);
    crq_dict_put_number(v, "deleted", count, &rc);
    return api_answer(ask, 200, v, rc);
}
