/* check_slot.c - tests of exec/slot.c: every move, legal or not. */
#include "unit.h"

#include "exec/slot.h"

/* Every legal move; what is not here is illegal. Written down again and not
 * taken from the table: a slip there shall show here. */
static const struct move {
    enum crq_slot_state from;
    enum crq_slot_event event;
    enum crq_slot_state to;
} legal[] = {
    { CRQ_SLOT_EMPTY, CRQ_SLOT_SPAWN, CRQ_SLOT_STARTING },

    { CRQ_SLOT_STARTING, CRQ_SLOT_READY, CRQ_SLOT_IDLE },
    { CRQ_SLOT_STARTING, CRQ_SLOT_KILL, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_STARTING, CRQ_SLOT_LEAVE, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_STARTING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_IDLE, CRQ_SLOT_RUN, CRQ_SLOT_RUNNING },
    { CRQ_SLOT_IDLE, CRQ_SLOT_RENEW, CRQ_SLOT_CLEARING },
    { CRQ_SLOT_IDLE, CRQ_SLOT_KILL, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_IDLE, CRQ_SLOT_LEAVE, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_IDLE, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_CLEARING, CRQ_SLOT_TERM, CRQ_SLOT_KILLING },
    { CRQ_SLOT_CLEARING, CRQ_SLOT_KILL, CRQ_SLOT_KILLING },
    { CRQ_SLOT_CLEARING, CRQ_SLOT_EXITED, CRQ_SLOT_AWAITING },

    { CRQ_SLOT_AWAITING, CRQ_SLOT_SPAWN, CRQ_SLOT_AWAITING },
    { CRQ_SLOT_AWAITING, CRQ_SLOT_READY, CRQ_SLOT_RUNNING },
    { CRQ_SLOT_AWAITING, CRQ_SLOT_TERM, CRQ_SLOT_KILLING },
    { CRQ_SLOT_AWAITING, CRQ_SLOT_KILL, CRQ_SLOT_KILLING },
    { CRQ_SLOT_AWAITING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_RUNNING, CRQ_SLOT_OUTCOME, CRQ_SLOT_IDLE },
    { CRQ_SLOT_RUNNING, CRQ_SLOT_TERM, CRQ_SLOT_ENDING },
    { CRQ_SLOT_RUNNING, CRQ_SLOT_KILL, CRQ_SLOT_KILLING },
    { CRQ_SLOT_RUNNING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_ENDING, CRQ_SLOT_OUTCOME, CRQ_SLOT_KILLING },
    { CRQ_SLOT_ENDING, CRQ_SLOT_TERM, CRQ_SLOT_ENDING },
    { CRQ_SLOT_ENDING, CRQ_SLOT_KILL, CRQ_SLOT_KILLING },
    { CRQ_SLOT_ENDING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_KILLING, CRQ_SLOT_READY, CRQ_SLOT_KILLING },
    { CRQ_SLOT_KILLING, CRQ_SLOT_OUTCOME, CRQ_SLOT_KILLING },
    { CRQ_SLOT_KILLING, CRQ_SLOT_TERM, CRQ_SLOT_KILLING },
    { CRQ_SLOT_KILLING, CRQ_SLOT_KILL, CRQ_SLOT_KILLING },
    { CRQ_SLOT_KILLING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },

    { CRQ_SLOT_LEAVING, CRQ_SLOT_READY, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_LEAVING, CRQ_SLOT_KILL, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_LEAVING, CRQ_SLOT_LEAVE, CRQ_SLOT_LEAVING },
    { CRQ_SLOT_LEAVING, CRQ_SLOT_EXITED, CRQ_SLOT_EMPTY },
};

static const struct move *find(int from, int event)
{
    size_t i;

    for (i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
        if ((int)legal[i].from == from && (int)legal[i].event == event)
            return &legal[i];
    return NULL;
}

START_TEST(test_a_move_goes_where_the_table_says_or_nowhere)
{
    int from = _i / CRQ_SLOT_EVENTS, event = _i % CRQ_SLOT_EVENTS;
    enum crq_slot_state state = (enum crq_slot_state)from;
    const struct move *move = find(from, event);
    bool moved = crq_slot_move(&state, (enum crq_slot_event)event);

    ck_assert_msg(moved == (move != NULL), "%s, %s",
            crq_slot_state_name((enum crq_slot_state)from),
            crq_slot_event_name((enum crq_slot_event)event));
    ck_assert_int_eq(state, move == NULL ? from : (int)move->to);
}
END_TEST

/* A run comes by RUN or RENEW only, and goes by OUTCOME or EXITED only. */
START_TEST(test_no_move_loses_or_makes_a_run)
{
    const struct move *move = &legal[_i];
    bool before = crq_slot_has_run(move->from);
    bool after = crq_slot_has_run(move->to);

    if (!before && after)
        ck_assert(move->event == CRQ_SLOT_RUN || move->event == CRQ_SLOT_RENEW);
    if (before && !after)
        ck_assert(move->event == CRQ_SLOT_OUTCOME ||
                move->event == CRQ_SLOT_EXITED);
}
END_TEST

START_TEST(test_a_run_that_was_told_to_end_has_no_outcome)
{
    enum crq_slot_state state = CRQ_SLOT_RUNNING;

    ck_assert(crq_slot_move(&state, CRQ_SLOT_TERM));
    ck_assert(crq_slot_move(&state, CRQ_SLOT_OUTCOME));
    ck_assert(crq_slot_has_run(state));
    ck_assert(crq_slot_move(&state, CRQ_SLOT_EXITED));
    ck_assert_int_eq(state, CRQ_SLOT_EMPTY);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("slot");

    tcase_add_loop_test(tc, test_a_move_goes_where_the_table_says_or_nowhere, 0,
            CRQ_SLOT_STATES * CRQ_SLOT_EVENTS);
    unit_add_rows(tc, test_no_move_loses_or_makes_a_run, legal);
    tcase_add_test(tc, test_a_run_that_was_told_to_end_has_no_outcome);
    return unit_run("slot", tc);
}
