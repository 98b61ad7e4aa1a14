/* relay.h - the process behind live_start_relay(). */
#ifndef RELAY_H
#define RELAY_H

#include "live.h"

/** A socket connected to `path`, or -1. */
int live_socket(const char *path);

/** Pass on between who connects to `listener` and the server at `to`, one
 *  client after the other, until killed. */
void live_relay_run(const struct live_relay *relay, int listener,
        const char *to) __attribute__((noreturn));

#endif
