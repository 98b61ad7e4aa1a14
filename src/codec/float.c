/*
 * float.c - doubles and decimal digits, in every locale alike.
 *
 * The C library rounds correctly in both directions, but writes and expects
 * the decimal point of the locale, which a task may have changed. Reading
 * names the C locale; writing looks at nothing but the digits and reads them
 * back in the locale they were written in.
 */
#include "codec/float.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <crq.h>

#include "base/mem.h"

int crq_float_get(const char *text, size_t len, double *out)
{
    /* The C library hands out a constant for this one. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char small[64], *copy = small;

    if (c == (locale_t)0)
        return CRQ_ENOMEM;
    if (len >= sizeof(small))
        copy = crq_memdup(text, len);
    if (copy == NULL) {
        freelocale(c);
        return CRQ_ENOMEM;
    }
    if (copy == small) {
        memcpy(small, text, len);
        small[len] = '\0';
    }
    *out = strtod_l(copy, NULL, c);
    if (copy != small)
        crq_free(copy);
    freelocale(c);
    return 0;
}

/* "1.25e-07" of any locale: its digits, and the exponent it ends in. */
static int take_digits(const char *text, char *digits)
{
    for (; *text != 'e'; text++)
        if (*text >= '0' && *text <= '9')
            *digits++ = *text;
    *digits = '\0';
    return atoi(text + 1);
}

/*
 * Just above a power of two the doubles lie twice as far apart as below it.
 * The nearest decimal may then be too far below while the next one above
 * still reads back.
 */
static bool next_reads_back(double d, char *text)
{
    char *at = strchr(text, 'e') - 1;

    if (*at == '9')
        return false; /* rounding would have found what a carry makes */
    (*at)++;
    return strtod(text, NULL) == d;
}

size_t crq_float_digits(double d, char digits[CRQ_FLOAT_DIGITS + 1],
        int *out_point)
{
    char text[40];
    /* 15 digits always survive, so fewer are found by dropping zeros; not so
     * near 0, where a double holds less than that. */
    int precision = fabs(d) < DBL_MIN ? 1 : 15, exponent;
    size_t len;

    d = fabs(d);
    for (;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, d);
        if (precision == CRQ_FLOAT_DIGITS || strtod(text, NULL) == d)
            break;
        if (precision == 16 && next_reads_back(d, text))
            break;
    }
    exponent = take_digits(text, digits);
    len = strlen(digits);
    while (len > 1 && digits[len - 1] == '0')
        digits[--len] = '\0';
    *out_point = exponent + 1;
    return len;
}
