/* doctor.c - the words and replies of examine.lua. */
#include "model/doctor.h"

#include <string.h>

#include "base/buf.h"
#include "model/keys.h"
#include "model/run.h"
#include "model/run_impl.h"

static const char *const names[] = {
    [CRQ_WELL] = "",
    [CRQ_LOST] = "lost",
    [CRQ_ABANDONED] = "abandoned",
    [CRQ_MET] = "met",
    [CRQ_NEVER] = "never",
    [CRQ_FOREIGN] = "foreign",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

size_t crq_examine_start(struct crq_args *out, int64_t now_us, int64_t reach)
{
    size_t nkeys = crq_run_start(out, NULL);

    crq_run_put_unix(out, now_us);
    crq_run_put_stamp(out, now_us);
    crq_args_puts(out, crq_key_pattern(CRQ_KEY_CANCELED));
    crq_args_puti(out, reach);
    return nkeys;
}

static void put_reason(enum crq_ailment ailment, const char *about,
        struct crq_buf *out)
{
    const char *blank = strchr(about, ' ');

    if (ailment == CRQ_NEVER && blank != NULL)
        crq_buf_printf(out,
                "crq.DependencyError: it waited for job %.*s, which is %s",
                (int)(blank - about), about, blank + 1);
    else if (ailment == CRQ_ABANDONED)
        crq_buf_puts(out,
                "Moved to FailedJobRegistry, due to AbandonedJobError: it was "
                "started, and no worker had a lease of it any more");
}

int crq_examine_add(struct crq_args *out, const char *id, enum crq_ailment mend,
        const char *about, crq_error *err)
{
    struct crq_buf text = CRQ_BUF_INIT, packed = CRQ_BUF_INIT;
    int rc;

    put_reason(mend, about, &text);
    rc = crq_buf_check(&text, err);
    if (rc == 0 && text.len > 0)
        rc = crq_run_error_text(text.data, text.len, &packed, err);
    if (rc == 0) {
        crq_args_list(out, id, names[mend], NULL);
        crq_args_put(out, crq_buf_text(&packed), packed.len);
    }
    crq_buf_fini(&text);
    crq_buf_fini(&packed);
    return rc;
}

int crq_examine_read(const crq_reply *reply, size_t count, crq_error *err)
{
    return crq_run_check(reply, count, "examine", err);
}

static const char *text_of(const crq_reply *item, size_t i)
{
    const char *text = crq_reply_text(crq_reply_item(item, i), NULL);

    return text != NULL ? text : "";
}

struct crq_examined crq_examined_job(const crq_reply *reply, size_t i)
{
    const crq_reply *item = crq_reply_item(reply, i);
    struct crq_examined found = { CRQ_WELL, text_of(item, 1),
        text_of(item, 2) };

    for (size_t n = 0; n < NAMES; n++)
        if (strcmp(names[n], text_of(item, 0)) == 0)
            found.ailment = (enum crq_ailment)n;
    return found;
}
