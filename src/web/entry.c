/* entry.c - see entry.h. */
#include "web/entry.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

bool entry_id_read(const char *text, struct entry_id *out)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 41)
        return false;
    out->ms = strtoull(text, &end, 10);
    out->n = 0;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        out->n = strtoull(end + 1, &end, 10);
    return *end == '\0';
}

bool entry_id_is_behind(struct entry_id a, struct entry_id b)
{
    return a.ms != b.ms ? a.ms > b.ms : a.n > b.n;
}

const char *entry_describe(const crq_reply *entry, struct crq_buf *out)
{
    const char *id = crq_reply_text(crq_reply_item(entry, 0), NULL);
    const crq_reply *fields = crq_reply_item(entry, 1);
    const char *type = "", *data = NULL;
    int64_t at_ms = strtoll(id, NULL, 10);
    size_t type_len = 0, data_len = 0;
    crq_value *v = NULL;

    for (size_t i = 0; i + 1 < crq_reply_count(fields); i += 2) {
        const char *name = crq_reply_text(crq_reply_item(fields, i), NULL);
        const crq_reply *value = crq_reply_item(fields, i + 1);

        if (name == NULL)
            continue;
        if (strcmp(name, "type") == 0)
            type = crq_reply_text(value, &type_len);
        else if (strcmp(name, "data") == 0)
            data = crq_reply_text(value, &data_len);
        else if (strcmp(name, "at_ms") == 0)
            at_ms = crq_reply_int(value, at_ms);
    }
    type = type != NULL ? type : "";
    crq_buf_printf(out, "{\"id\":\"%s\",\"type\":", id);
    crq_json_put_string(out, type, type_len);
    crq_buf_printf(out, ",\"at_ms\":%lld,\"data\":", (long long)at_ms);
    if (data == NULL)
        crq_buf_puts(out, "null");
    else if (crq_json_decode(data, data_len, NULL, &v, NULL) == 0)
        (void)!crq_json_encode(v, CRQ_JSON_SHOW, out, NULL);
    else
        crq_json_put_string(out, data, data_len);
    crq_buf_puts(out, "}");
    crq_value_free(v);
    return type;
}
