/* file.h - whole files. */
#ifndef CRQ_BASE_FILE_H
#define CRQ_BASE_FILE_H

#include <crq.h>
#include <limits.h>

#include "base/buf.h"

/** Append what the file holds. CRQ_EIO, and CRQ_ELIMIT when it is more than
 *  the buffer may hold; the text names the file. Blocks, as files do. */
int crq_file_read(const char *path, struct crq_buf *out,
        crq_error *err) CRQ_MUST_CHECK;

/** Whether there is a folder of this name. */
bool crq_file_is_folder(const char *path);

/** Find a program in the folder of the one that runs. False: it is not there,
 *  and `out` holds nothing of use. */
bool crq_file_beside(const char *name, char out[PATH_MAX]) CRQ_MUST_CHECK;

#endif
