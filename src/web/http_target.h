/* http_target.h - the parts of a request's head that clients choose, as text.
 */
#ifndef CRQ_WEB_HTTP_TARGET_H
#define CRQ_WEB_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/** Undo percent-escapes in place. False: a broken one, a '\0', no UTF-8. */
bool http_unescape(char *text);

/** Split a path ("/a/b") at its slashes, in place, then undo the escapes of
 *  each part: %2F is no slash. False: more than `max`, or one is none. */
bool http_split(char *path, const char **out_segments, size_t max,
        size_t *out_count);

/** RFC 9110's token: what names of headers and methods are made of. */
bool http_is_token(const char *text, size_t len);
/** Whether it may be the value of a header. */
bool http_is_visible(const char *text, size_t len);
/** Whether a list of words has this one, in any case: "keep-alive, Upgrade".
 *  `list` may be NULL. */
bool http_has_word(const char *list, const char *word);

#endif
