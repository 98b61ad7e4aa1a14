/*
 * kit.h - what the gateway gives to the pages of applications: /crq/live.js,
 * the other end of its sockets, and /crq/page.css, a plain look.
 */
#ifndef CRQ_WEB_KIT_H
#define CRQ_WEB_KIT_H

#include <stddef.h>

#include "web/http.h"

/** Answer a GET or HEAD of one of these. False: it is for something else. */
bool kit_answer(struct http_request *request);

/* The files as they are served: src/web/kit. */
extern const char kit_live_js[], kit_page_css[];
extern const size_t kit_live_js_len, kit_page_css_len;

#endif
