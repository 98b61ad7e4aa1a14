/*
 * screen.h - a terminal as a screen: taken over, drawn upon, given back.
 *
 * While it is taken the terminal shows its alternate screen, echoes no keys and
 * hides the cursor. It is given back whatever ends the program, SIGKILL aside.
 */
#ifndef CRQ_CLI_SCREEN_H
#define CRQ_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/** Whether standard input and output are a terminal that can be taken. */
bool screen_is_possible(void);
void screen_take(void);
void screen_give_back(void);

/** Lines of the terminal. */
int screen_rows(void);

/* A frame: screen_begin(), then printf() line after line, each but the first
 * begun by screen_line(), then screen_end(). */
void screen_begin(void);
void screen_line(void);
void screen_end(void);

enum screen_event {
    SCREEN_TIME,   /* nothing came until then */
    SCREEN_RESIZE, /* or it was continued: draw again */
    SCREEN_QUIT /* q, Esc, Ctrl-C, Ctrl-D, SIGTERM, or the terminal is gone */
};
/** Wait for so long. */
enum screen_event screen_wait(int64_t us);

#endif
