/*
 * tokens.h - who may use the API, and how much of it.
 *
 * A file of lines "ROLE TOKEN"; what begins with '#' is a remark. A token has
 * at least 16 characters, letters, digits and "-._~+/=". Kept are their
 * SHA-256 sums only.
 */
#ifndef CRQ_WEB_TOKENS_H
#define CRQ_WEB_TOKENS_H

#include <crq.h>

/* Each may all that those before it may. */
enum token_role { TOKEN_READ, TOKEN_ENQUEUE, TOKEN_OPERATE };

/* So many hex digits of its sum name a token in logs. */
#define TOKEN_NAME_LEN 12

struct tokens;

/** Read the file. CRQ_EINVAL: a line that is none, or others may read the
 *  file; CRQ_EIO; CRQ_ENOMEM. */
int tokens_load(const char *path, struct tokens **out,
        crq_error *err) CRQ_MUST_CHECK;
/** The same from memory; `path` is for messages. */
int tokens_parse(const char *path, const char *text, struct tokens **out,
        crq_error *err) CRQ_MUST_CHECK;
void tokens_free(struct tokens *tokens);

/** Whether there is such a token. It takes the same time for each that is
 *  not. */
bool tokens_find(const struct tokens *tokens, const char *token,
        enum token_role *out_role, char out_name[TOKEN_NAME_LEN + 1]);

#endif
