/*
 * float.h - doubles and decimal digits, in every locale alike.
 */
#ifndef CRQ_CODEC_FLOAT_H
#define CRQ_CODEC_FLOAT_H

#include <stddef.h>

/**
 * Read a number that the caller has checked to be digits with at most one
 * point and one exponent; correctly rounded, infinite when it is too large.
 * CRQ_ENOMEM.
 */
int crq_float_get(const char *text, size_t len, double *out);

#define CRQ_FLOAT_DIGITS 17

/**
 * The shortest digits that read back as the finite |d|: 0.d1d2d3... * 10^point.
 * Returns how many digits there are; the last one is not 0, except for 0.
 */
size_t crq_float_digits(double d, char digits[CRQ_FLOAT_DIGITS + 1],
        int *out_point);

#endif
