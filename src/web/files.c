/* files.c - see files.h. */
#include "web/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static const struct {
    const char *suffix, *type;
} types[] = {
    { ".css", "text/css; charset=utf-8" },
    { ".gif", "image/gif" },
    { ".html", "text/html; charset=utf-8" },
    { ".ico", "image/x-icon" },
    { ".jpg", "image/jpeg" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".map", "application/json" },
    { ".md", "text/markdown; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".mp3", "audio/mpeg" },
    { ".ogg", "audio/ogg" },
    { ".pdf", "application/pdf" },
    { ".png", "image/png" },
    { ".svg", "image/svg+xml" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".wasm", "application/wasm" },
    { ".wav", "audio/wav" },
    { ".webmanifest", "application/manifest+json" },
    { ".webp", "image/webp" },
    { ".woff2", "font/woff2" },
};

const char *files_type(const char *name)
{
    const char *suffix = strrchr(name, '.');

    for (size_t i = 0; suffix != NULL && i < sizeof(types) / sizeof(types[0]);
            i++)
        if (strcasecmp(types[i].suffix, suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* How many segments of the path the prefix, "/pet/", takes; 0: it is not the
 * path's. "/" takes none of them, which is 1 with the empty one before it. */
static size_t match_prefix(const char *prefix, const char *const *segments,
        size_t count)
{
    size_t n = 0;

    for (const char *at = prefix + 1; *at != '\0'; n++) {
        size_t len = strcspn(at, "/");

        if (n >= count || strlen(segments[n]) != len ||
                strncmp(segments[n], at, len) != 0)
            return 0;
        at += len + 1;
    }
    return n + 1;
}

/* The files whose prefix is the longest; *out_skip segments are the prefix's.
 * NULL: none. */
static const struct crq_app_files *choose(const struct crq_app *app,
        const char *const *segments, size_t count, size_t *out_skip)
{
    const struct crq_app_files *best = NULL;

    for (size_t i = 0; i < app->files_count; i++) {
        size_t n = match_prefix(app->files[i].prefix, segments, count);

        if (n > 0 && (best == NULL || n - 1 > *out_skip)) {
            best = &app->files[i];
            *out_skip = n - 1;
        }
    }
    return best;
}

static bool is_served(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Open `name` beneath a folder, which is closed. */
static int descend(int folder, const char *name, int flags)
{
    int fd = folder >= 0
            ? openat(folder, name,
                      flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            : -1;

    if (folder >= 0)
        close(folder);
    return fd;
}

static int open_folder(const struct crq_app *app,
        const struct crq_app_files *files)
{
    struct crq_buf path = CRQ_BUF_INIT;
    int fd = -1;

    if (crq_buf_printf(&path, "%s/%s", app->folder, files->folder) == 0)
        fd = open(crq_buf_text(&path), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    crq_buf_fini(&path);
    return fd;
}

bool files_is_known(struct http_request *request, const char *etag)
{
    const char *known = http_header(request, "If-None-Match");

    return known != NULL &&
            (strstr(known, etag) != NULL || strcmp(known, "*") == 0);
}

static void send_file(struct http_request *request, int fd,
        const struct stat *about, const char *name)
{
    char etag[80];
    const struct http_field fields[] = { { "ETag", etag },
        { "Cache-Control", "no-cache" }, { NULL, NULL } };

    (void)snprintf(etag, sizeof(etag),
            "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)about->st_size,
            (uint64_t)about->st_mtim.tv_sec * 1000000000 +
                    (uint64_t)about->st_mtim.tv_nsec,
            (uint64_t)about->st_ino);
    if (files_is_known(request, etag)) {
        close(fd);
        http_answer(request, 304, NULL, "", 0, fields);
        return;
    }
    http_answer_file(request, 200, files_type(name), fd,
            (uint64_t)about->st_size, fields);
}

/* A folder's address ends with '/', or its page's links lead elsewhere. */
static void redirect(struct http_request *request)
{
    struct crq_buf location = CRQ_BUF_INIT;
    struct http_field fields[] = { { "Location", NULL }, { NULL, NULL } };

    crq_buf_printf(&location, "%s/", http_path(request));
    fields[0].value = crq_buf_text(&location);
    http_answer(request, location.rc == 0 ? 308 : 503, NULL, "", 0, fields);
    crq_buf_fini(&location);
}

/* What is left of the path is a file in this folder, which is closed. */
static bool answer_from(int folder, const char *const *segments, size_t count,
        struct http_request *request)
{
    const char *name = count > 0 ? segments[count - 1] : "";
    struct stat about;
    int fd = folder;

    for (size_t i = 0; i + 1 < count; i++) {
        if (!is_served(segments[i])) {
            close(fd);
            return false;
        }
        fd = descend(fd, segments[i], O_DIRECTORY);
        if (fd < 0)
            return false;
    }
    if (name[0] == '\0')
        name = "index.html";
    if (!is_served(name)) {
        close(fd);
        return false;
    }
    fd = descend(fd, name, 0);
    if (fd < 0 || fstat(fd, &about) < 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (S_ISREG(about.st_mode)) {
        send_file(request, fd, &about, name);
        return true;
    }
    close(fd);
    if (!S_ISDIR(about.st_mode))
        return false;
    redirect(request);
    return true;
}

bool files_answer(const struct crq_app *app, struct http_request *request)
{
    size_t count, skip = 0;
    const char *const *segments = http_segments(request, &count);
    const struct crq_app_files *files = choose(app, segments, count, &skip);
    int folder;

    if (files == NULL)
        return false;
    /* "/pet" for "/pet/" */
    if (skip == count) {
        redirect(request);
        return true;
    }
    folder = open_folder(app, files);
    return folder >= 0 &&
            answer_from(folder, segments + skip, count - skip, request);
}
