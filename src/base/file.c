/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define PIECE 16384

int crq_file_read(const char *path, struct crq_buf *out, crq_error *err)
{
    FILE *file = fopen(path, "rbe");
    size_t n = 1;
    int rc = 0;

    if (file == NULL)
        return crq_fail(err, CRQ_EIO, "can't read '%s': %s", path,
                strerror(errno));
    while (n > 0 && out->rc == 0) {
        char *room = crq_buf_room(out, PIECE);

        n = room != NULL ? fread(room, 1, PIECE, file) : 0;
        out->len += n;
    }
    if (ferror(file))
        rc = crq_fail(err, CRQ_EIO, "can't read '%s': %s", path,
                strerror(errno));
    fclose(file);
    (void)crq_buf_put(out, "", 0); /* the '\0' behind it */
    if (rc == 0 && crq_buf_check(out, err) < 0)
        rc = crq_fail_in(err, out->rc, "'%s'", path);
    return rc;
}

bool crq_file_is_folder(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool crq_file_beside(const char *name, char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    char *slash;

    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL || slash + 1 + strlen(name) >= out + PATH_MAX)
        return false;
    strcpy(slash + 1, name);
    return access(out, X_OK) == 0;
}
