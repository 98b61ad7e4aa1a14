/* mem.c - the allocator's front door, with the hook for failing tests. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Allocations until the failure; 0: never. Stays at 1 once it is reached. */
static _Thread_local long countdown;
static _Thread_local int failed;

void crq_mem_fail_at(long nth)
{
    countdown = nth;
    failed = 0;
}

int crq_mem_failed(void)
{
    return failed;
}

static int must_fail(void)
{
    if (countdown == 0)
        return 0;
    if (countdown > 1) {
        countdown--;
        return 0;
    }
    failed = 1;
    return 1;
}

void *crq_malloc(size_t size)
{
    return must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *crq_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : calloc(count > 0 ? count : 1, size);
}

void *crq_realloc(void *p, size_t size)
{
    return must_fail() ? NULL : realloc(p, size > 0 ? size : 1);
}

void *crq_reallocarray(void *p, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return crq_realloc(p, count * size);
}

void crq_free(void *p)
{
    free(p);
}

char *crq_memdup(const void *bytes, size_t len)
{
    char *copy = len < SIZE_MAX ? crq_malloc(len + 1) : NULL;

    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *crq_strdup(const char *text)
{
    return crq_memdup(text, strlen(text));
}
