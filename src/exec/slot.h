/*
 * slot.h - the states of a slot of the pool, and every legal change of them.
 *
 * Pure: no process, no socket, no time. The pool does what a change of state
 * means; the table says which changes there are.
 */
#ifndef CRQ_EXEC_SLOT_H
#define CRQ_EXEC_SLOT_H

#include <stdbool.h>

enum crq_slot_state {
    CRQ_SLOT_EMPTY,    /* no child */
    CRQ_SLOT_STARTING, /* a child was asked for and is not ready */
    CRQ_SLOT_IDLE,     /* ready for a run */
    CRQ_SLOT_CLEARING, /* a run waits for the old child to leave */
    CRQ_SLOT_AWAITING, /* a run waits for the new child to be ready */
    CRQ_SLOT_RUNNING,  /* the child has the run */
    CRQ_SLOT_ENDING,   /* the run was asked to end, by SIGTERM */
    CRQ_SLOT_KILLING,  /* the child dies, and a run with it */
    CRQ_SLOT_LEAVING   /* the child goes, without a run */
};
#define CRQ_SLOT_STATES 9

enum crq_slot_event {
    CRQ_SLOT_SPAWN,   /* the server is asked for a child */
    CRQ_SLOT_READY,   /* the child says that it is ready */
    CRQ_SLOT_RUN,     /* a run is sent to it */
    CRQ_SLOT_RENEW,   /* a run came that wants a fresh child */
    CRQ_SLOT_OUTCOME, /* the child says how its run ended */
    CRQ_SLOT_TERM,    /* its run shall end */
    CRQ_SLOT_KILL,    /* the child shall die, now */
    CRQ_SLOT_LEAVE,   /* an idle child shall go */
    CRQ_SLOT_EXITED   /* the child is dead, and nothing of it is left */
};
#define CRQ_SLOT_EVENTS 9

/** Change the state. False, and nothing changes, when that is no legal move:
 *  of a child's event, that the child is broken. */
bool crq_slot_move(enum crq_slot_state *state, enum crq_slot_event event);

/** Whether a run is in the slot, begun or not, that has not been told about. */
bool crq_slot_has_run(enum crq_slot_state state);

const char *crq_slot_state_name(enum crq_slot_state state);
const char *crq_slot_event_name(enum crq_slot_event event);

#endif
