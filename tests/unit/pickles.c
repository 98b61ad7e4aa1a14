/* pickles.c - see pickles.h. */
#include "pickles.h"

crq_value *pickles_decode(const char *pickle, size_t len)
{
    crq_value *v = NULL;
    crq_error err = { 0, "" };
    int rc = crq_pickle_decode(pickle, len, NULL, &v, &err);

    ck_assert_msg(rc == 0, "%s: %.60s", err.text, pickle);
    return v;
}

void pickles_encode(const crq_value *v, struct crq_buf *out)
{
    crq_error err = { 0, "" };

    crq_buf_clear(out);
    unit_ok(crq_pickle_encode(v, out, &err), &err);
}
