/* tokens.c - see tokens.h. */
#include "web/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_MAX  ((size_t)1 << 20)
#define LEAST_LEN 16

struct tokens {
    struct token {
        unsigned char sum[SHA256_DIGEST_LENGTH];
        enum token_role role;
    } * list;
    size_t count;
};

static const char *const roles[] = { [TOKEN_READ] = "read",
    [TOKEN_ENQUEUE] = "enqueue",
    [TOKEN_OPERATE] = "operate" };

static bool read_role(const char *text, size_t len, enum token_role *out)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strlen(roles[i]) == len && strncmp(roles[i], text, len) == 0) {
            *out = (enum token_role)i;
            return true;
        }
    return false;
}

/* One line, without its end. The text of an error never quotes a token. */
static int read_line(struct tokens *tokens, const char *line, size_t len,
        crq_error *err)
{
    static const char blanks[] = " \t\r";
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    struct token *list, token;
    size_t role, from, end;

    while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
        len--;
    if (len == 0 || line[0] == '#')
        return 0;
    role = strcspn(line, blanks);
    role = role < len ? role : len;
    if (!read_role(line, role, &token.role))
        return crq_fail(err, CRQ_EINVAL,
                "expected a role (read, enqueue, operate) and a token");
    from = role + strspn(line + role, blanks);
    end = from < len ? from + strspn(line + from, allowed) : from;
    if (end != len || len - from < LEAST_LEN)
        return crq_fail(err, CRQ_EINVAL,
                "the token must have %d characters or more, letters, digits "
                "and -._~+/=",
                LEAST_LEN);
    SHA256((const unsigned char *)line + from, len - from, token.sum);
    for (size_t i = 0; i < tokens->count; i++)
        if (memcmp(tokens->list[i].sum, token.sum, sizeof(token.sum)) == 0)
            return crq_fail(err, CRQ_EINVAL,
                    "the token stands in a line before, too");
    list = crq_reallocarray(tokens->list, tokens->count + 1, sizeof(*list));
    if (list == NULL)
        return crq_fail_nomem(err);
    tokens->list = list;
    list[tokens->count++] = token;
    return 0;
}

int tokens_parse(const char *path, const char *text, struct tokens **out,
        crq_error *err)
{
    struct tokens *tokens = crq_calloc(1, sizeof(*tokens));
    size_t line = 1;
    int rc = 0;

    if (tokens == NULL)
        return crq_fail_nomem(err);
    for (; rc == 0 && *text != '\0'; line++) {
        size_t len = strcspn(text, "\n");

        rc = read_line(tokens, text, len, err);
        if (rc == CRQ_EINVAL)
            rc = crq_fail_in(err, rc, "%s, line %zu", path, line);
        text += len + (text[len] == '\n');
    }
    if (rc == 0 && tokens->count == 0)
        rc = crq_fail(err, CRQ_EINVAL, "%s holds no token", path);
    if (rc < 0) {
        tokens_free(tokens);
        return rc;
    }
    *out = tokens;
    return 0;
}

int tokens_load(const char *path, struct tokens **out, crq_error *err)
{
    struct crq_buf text;
    struct stat about;
    int rc;

    if (stat(path, &about) < 0)
        return crq_fail(err, CRQ_EIO, "can't read '%s': %s", path,
                strerror(errno));
    /* A credential of systemd's shows its access list as the group's. */
    if ((about.st_mode & 07) != 0)
        return crq_fail(err, CRQ_EINVAL,
                "others may read '%s': chmod 600 would prevent that", path);
    crq_buf_init(&text, FILE_MAX);
    rc = crq_file_read(path, &text, err);
    if (rc == 0 && strlen(crq_buf_text(&text)) != text.len)
        rc = crq_fail(err, CRQ_EINVAL, "%s is no text", path);
    if (rc == 0)
        rc = tokens_parse(path, crq_buf_text(&text), out, err);
    if (text.data != NULL)
        OPENSSL_cleanse(text.data, text.len);
    crq_buf_fini(&text);
    return rc;
}

void tokens_free(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    crq_free(tokens->list);
    crq_free(tokens);
}

bool tokens_find(const struct tokens *tokens, const char *token,
        enum token_role *out_role, char out_name[TOKEN_NAME_LEN + 1])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    bool found = false;

    SHA256((const unsigned char *)token, strlen(token), sum);
    for (size_t i = 0; i < tokens->count; i++)
        if (CRYPTO_memcmp(sum, tokens->list[i].sum, sizeof(sum)) == 0) {
            *out_role = tokens->list[i].role;
            found = true;
        }
    for (size_t i = 0; found && i < TOKEN_NAME_LEN / 2; i++)
        snprintf(out_name + 2 * i, 3, "%02x", sum[i]);
    return found;
}
