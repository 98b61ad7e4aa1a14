/*
 * pickle_peer.c - reads pickles and writes them again, for pickle_peer.py.
 *
 * Both ways a pickle has its length in front, four bytes, the least
 * significant first. What is refused is answered with a length of 0.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/pickle.h"

static void answer(const char *bytes, size_t len)
{
    for (int i = 0; i < 4; i++)
        putchar((int)(len >> (8 * i) & 0xff));
    fwrite(bytes, 1, len, stdout);
    fflush(stdout);
}

static void serve(const char *pickle, size_t len)
{
    struct crq_buf out = CRQ_BUF_INIT;
    crq_value *v = NULL;
    crq_error err;
    int rc = crq_pickle_decode(pickle, len, NULL, &v, &err);

    if (rc == 0)
        rc = crq_pickle_encode(v, &out, &err);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    answer(crq_buf_text(&out), out.len);
    crq_value_free(v);
    crq_buf_fini(&out);
}

int main(void)
{
    unsigned char head[4];

    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
                (size_t)head[3] << 24;
        char *pickle = malloc(len + 1);

        if (pickle == NULL || fread(pickle, 1, len, stdin) != len)
            return 1;
        serve(pickle, len);
        free(pickle);
    }
    return 0;
}
