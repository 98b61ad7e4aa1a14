/* random.h - unguessable bytes and the ids made of them. */
#ifndef CRQ_BASE_RANDOM_H
#define CRQ_BASE_RANDOM_H

#include <stddef.h>

#define CRQ_UUID_LEN 36

/** Fill with bytes of the kernel's generator. */
void crq_random(void *bytes, size_t len);

/** A version 4 UUID in lower case with dashes, and '\0'. */
void crq_uuid4(char out[CRQ_UUID_LEN + 1]);

#endif
