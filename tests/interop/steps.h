/* steps.h - what can be killed at each of its steps: see steps.c. */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>

/** Whether this process counts its steps. */
bool steps_taken(void);
/** A step, at which it may be killed. */
void steps_take(const char *when, const char *what);

#endif
