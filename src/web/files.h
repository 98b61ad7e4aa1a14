/*
 * files.h - folders of applications, served as they are.
 *
 * Nothing outside of a folder is ever opened: each part of a path is opened
 * beneath the one before it, without following links. Names that begin with
 * '.' are not served, and nothing but plain files is.
 */
#ifndef CRQ_WEB_FILES_H
#define CRQ_WEB_FILES_H

#include <crq.h>

#include "app/app.h"
#include "web/http.h"

/** Answer a GET or HEAD with a file of this application. False: it has none
 *  for this path, and the request is as it was. */
bool files_answer(const struct crq_app *app, struct http_request *request);

/** Whether the client has what this ETag stands for: it is answered 304. */
bool files_is_known(struct http_request *request, const char *etag);

/** The media type of a file's name. */
const char *files_type(const char *name);

#endif
