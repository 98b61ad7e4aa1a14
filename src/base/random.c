/* random.c - unguessable bytes and the ids made of them. */
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

void crq_random(void *bytes, size_t len)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        /* The only failure of a valid call is a signal before the kernel's
         * pool was ready, early at boot. */
        assert(n >= 0 || errno == EINTR);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

void crq_uuid4(char out[CRQ_UUID_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t b[16];
    char *at = out;

    crq_random(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[b[i] >> 4];
        *at++ = hex[b[i] & 15];
    }
    *at = '\0';
}
