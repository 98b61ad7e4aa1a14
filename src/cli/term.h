/*
 * term.h - output for people: colours and widths on a terminal, plain bytes
 * in a pipe. Everything that comes from jobs is made harmless for a terminal.
 */
#ifndef CRQ_CLI_TERM_H
#define CRQ_CLI_TERM_H

#include <crq.h>
#include <stdio.h>

enum term_style {
    TERM_PLAIN,
    TERM_BOLD,
    TERM_DIM,
    TERM_RED,
    TERM_GREEN,
    TERM_YELLOW,
    TERM_BLUE,
    TERM_CYAN
};

/** Whether standard output is a terminal; colours also need NO_COLOR unset. */
bool term_is_tty(void);
/** Columns of the terminal; 80 where it is none. */
int term_width(void);

/** The colour of a status. */
enum term_style term_status_style(crq_status status);

/** Characters (not bytes) of a UTF-8 text, as columns. */
size_t term_columns(const char *text);

/**
 * Print one line's worth of text: control characters as \xNN, line breaks and
 * tabs as one space, cut to `width` columns with an ellipsis (0: not cut),
 * padded with spaces to `pad` columns.
 */
void term_text(enum term_style style, const char *text, size_t width,
        size_t pad);

/** Print text of several lines, each behind `indent`; control characters but
 *  line breaks and tabs as \xNN. Ends in a line break. */
void term_block(enum term_style style, const char *text, size_t len,
        const char *indent);

/** Print a duration as people say it: "3.2s", "4m 10s", "2h 5m", "3d 4h". */
void term_duration(int64_t us);

/** Print a point in time: local date and time. */
void term_time(int64_t us);

/** printf() in a style. */
void term_printf(enum term_style style, const char *format, ...)
        CRQ_PRINTF(2, 3);

#endif
