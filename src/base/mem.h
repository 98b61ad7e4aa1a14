/*
 * mem.h - all memory of crq comes from here.
 *
 * One door, so that tests can make the nth allocation fail and see that
 * nothing leaks, crashes or is half done.
 */
#ifndef CRQ_BASE_MEM_H
#define CRQ_BASE_MEM_H

#include <stddef.h>

/* As in the C library; NULL when memory is out or the size overflows. */
void *crq_malloc(size_t size);
void *crq_calloc(size_t count, size_t size);
void *crq_realloc(void *p, size_t size);
void crq_free(void *p);

/** Resize to count * size bytes, checked for overflow. */
void *crq_reallocarray(void *p, size_t count, size_t size);

/** A copy of `len` bytes with a '\0' behind them. */
char *crq_memdup(const void *bytes, size_t len);
char *crq_strdup(const char *text);

/**
 * For tests: the nth allocation from now on (1 = the next) returns NULL, and
 * every later one too. 0 ends it. The one variable that the library shares
 * between objects: it is written by tests only.
 */
void crq_mem_fail_at(long nth);

/** For tests: whether the failure that was asked for has happened. */
int crq_mem_failed(void);

#endif
