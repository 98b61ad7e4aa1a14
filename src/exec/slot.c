/*
 * slot.c - the transition table of a slot.
 *
 * Two ideas: a child that dies with a run (KILLING) and one that dies without
 * (LEAVING) are different states, so that nobody has to remember it; and what
 * a child says while it is being killed changes nothing any more.
 */
#include "exec/slot.h"

#include <assert.h>
#include <stddef.h>

#define S(name) (CRQ_SLOT_##name + 1)

/* The next state plus one; 0: no legal move. */
static const unsigned char moves[CRQ_SLOT_STATES][CRQ_SLOT_EVENTS] = {
    [CRQ_SLOT_EMPTY] = {
        [CRQ_SLOT_SPAWN] = S(STARTING),
    },
    [CRQ_SLOT_STARTING] = {
        [CRQ_SLOT_READY] = S(IDLE),
        [CRQ_SLOT_KILL] = S(LEAVING),
        [CRQ_SLOT_LEAVE] = S(LEAVING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_IDLE] = {
        [CRQ_SLOT_RUN] = S(RUNNING),
        [CRQ_SLOT_RENEW] = S(CLEARING),
        [CRQ_SLOT_KILL] = S(LEAVING),
        [CRQ_SLOT_LEAVE] = S(LEAVING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_CLEARING] = {
        [CRQ_SLOT_TERM] = S(KILLING),
        [CRQ_SLOT_KILL] = S(KILLING),
        [CRQ_SLOT_EXITED] = S(AWAITING),
    },
    [CRQ_SLOT_AWAITING] = {
        [CRQ_SLOT_SPAWN] = S(AWAITING),
        [CRQ_SLOT_READY] = S(RUNNING),
        [CRQ_SLOT_TERM] = S(KILLING),
        [CRQ_SLOT_KILL] = S(KILLING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_RUNNING] = {
        [CRQ_SLOT_OUTCOME] = S(IDLE),
        [CRQ_SLOT_TERM] = S(ENDING),
        [CRQ_SLOT_KILL] = S(KILLING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_ENDING] = {
        /* Too late: the run has failed when it was told to end. */
        [CRQ_SLOT_OUTCOME] = S(KILLING),
        [CRQ_SLOT_TERM] = S(ENDING),
        [CRQ_SLOT_KILL] = S(KILLING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_KILLING] = {
        [CRQ_SLOT_READY] = S(KILLING),
        [CRQ_SLOT_OUTCOME] = S(KILLING),
        [CRQ_SLOT_TERM] = S(KILLING),
        [CRQ_SLOT_KILL] = S(KILLING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
    [CRQ_SLOT_LEAVING] = {
        [CRQ_SLOT_READY] = S(LEAVING),
        [CRQ_SLOT_KILL] = S(LEAVING),
        [CRQ_SLOT_LEAVE] = S(LEAVING),
        [CRQ_SLOT_EXITED] = S(EMPTY),
    },
};

static const char *const states[CRQ_SLOT_STATES] = { "empty", "starting",
    "idle", "clearing", "awaiting", "running", "ending", "killing", "leaving" };
static const char *const events[CRQ_SLOT_EVENTS] = { "spawn", "ready", "run",
    "renew", "outcome", "term", "kill", "leave", "exited" };

bool crq_slot_move(enum crq_slot_state *state, enum crq_slot_event event)
{
    unsigned char next = moves[*state][event];

    if (next == 0)
        return false;
    *state = (enum crq_slot_state)(next - 1);
    return true;
}

bool crq_slot_has_run(enum crq_slot_state state)
{
    return state >= CRQ_SLOT_CLEARING && state <= CRQ_SLOT_KILLING;
}

const char *crq_slot_state_name(enum crq_slot_state state)
{
    assert((unsigned)state < CRQ_SLOT_STATES);
    return states[state];
}

const char *crq_slot_event_name(enum crq_slot_event event)
{
    assert((unsigned)event < CRQ_SLOT_EVENTS);
    return events[event];
}
