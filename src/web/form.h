/* form.h - what a page's form has sent. */
#ifndef CRQ_WEB_FORM_H
#define CRQ_WEB_FORM_H

#include "web/http.h"

#define FORM_FIELDS 8
#define FORM_BYTES  8192

struct form {
    char *text; /* what the others point into */
    size_t len;
    const char *names[FORM_FIELDS], *values[FORM_FIELDS];
    size_t count;
};

/** Read application/x-www-form-urlencoded. False, and nothing is to be freed:
 *  it is another type, broken, too large, or memory is out. */
bool form_read(const struct http_request *request, struct form *out);
/** The same of a text. */
bool form_parse(const char *text, size_t len, struct form *out);
/** It may hold a secret: its memory is wiped. */
void form_fini(struct form *form);

/** The first field of that name, or NULL. */
const char *form_get(const struct form *form, const char *name);

#endif
