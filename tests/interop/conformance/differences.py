"""Where crq-worker does not leave what RQ's worker leaves.

INTENDED: on purpose. The reason is a sentence of crq-protocol(7), in
"Differences from RQ"; test_conformance.py looks for it there.
DEFECTS: not on purpose, and to be mended; an entry leaves with its defect.

CLIENT: on purpose as well, of what crq enqueues and steers, not of its worker.

All are tables of (scenario, path, RQ's, crq's, reason). `scenario` and `path`
are regular expressions for the whole name. A value is text to match in the
same way, None for nothing, or ANY. What does not occur any more is an error:
in a scenario that an entry names alone, there; else when no scenario has it.
"""

import re
from dataclasses import dataclass

ANY = object()


@dataclass(frozen=True)
class Difference:
    scenario: str
    path: str
    theirs: object
    ours: object
    reason: str

    sometimes: bool = False

    def covers(self, name, found):
        path, theirs, ours = found
        return bool(re.fullmatch(self.scenario, name)
                    and re.fullmatch(self.path, path)
                    and _is(self.theirs, theirs) and _is(self.ours, ours))


def _is(wanted, value):
    if wanted is ANY or wanted == value:
        return True
    return isinstance(wanted, str) and isinstance(value, str) and \
        bool(re.fullmatch(wanted, value))


ALL = ".*"
#: Scenarios in which a job is stopped, or its horse dies.
CUT_SHORT = "|".join((
    "a_horse_that_crashes_fails_the_job", "a_horse_that_exits_fails_the_job",
    "a_horse_that_crashes_is_retried", "a_horse_is_killed",
    "a_horse_that_died_is_not_called_back",
    "a_killed_horse_is_retried_and_the_worker_goes_on",
    "a_running_job_is_stopped", "a_stop_is_called_back",
    "a_stopped_job_is_requeued", "dependents_of_a_stopped_job_stay"))

ADDS = "While a job runs on crq, there are also the keys and fields of " \
    "What crq adds."
NOT_KEPT = "A failure that is not to be kept leaves no member in rq:failed; " \
    "RQ's stays there until it is cleaned."
TEXTS = "What an error says of a wrong argument or a missing function is " \
    "each program's own."
KEPT = "When a run is stopped or its process dies, worker_name and " \
    "last_heartbeat stay, and ended_at is written, in the result as well."
THROWN = "An id without a hash is thrown away at once; RQ leaves it in the " \
    "intermediate list for the next maintenance."
ONCE = "An id that is in the queue twice is not run while its first run " \
    "has not ended: the second is dropped."
DROPPED = "The id of a canceled job that is still in a queue is thrown " \
    "away; RQ runs that job."
STUCK = "A job that is stuck in the intermediate list goes back to the " \
    "front of its queue; RQ fails it, though it has not begun."
FOUND = "The ended_at of an abandoned run is when it was found."
PROMOTED = "A job that has run is not run again when one of several that " \
    "it waited for is."
OLD = "The old fields result and exc_info are read, and never written."
CANCELED = "A job that is canceled while it runs stays canceled; its " \
    "result is kept."
UNCOUNTED = "A run whose job was canceled or deleted meanwhile counts as " \
    "neither finished nor failed."
COUNTERS = "The record of a worker has all its counters from birth on, and " \
    "an empty python_version."
BURST = "A burst worker that finds all work suspended does not end in the " \
    "state started."
WAITING = "Only jobs that still wait, deferred or just created, are " \
    "enqueued as dependents."

INTENDED = [Difference(*row) for row in (
    (ALL, r".*: crq:(alive|runs:).*", None, ANY, ADDS),
    (ALL, r".*: rq:execution:.*/crq", None, "begun", ADDS),

    ("a_failure_that_nobody_wants_is_dropped"
     "|a_stopped_job_that_nobody_wants_is_dropped",
     r"end: rq:failed:q( ttl|/a)", ANY, None, NOT_KEPT),

    ("a_wrong_argument_fails_the_job", "end: rq:results:a/0 exc_string",
     "TypeError: add() missing 1 required positional argument: 'y'",
     "TypeError: demo.add() missing 1 required positional argument: 'y'",
     TEXTS),
    ("a_task_that_is_not_there_fails_the_job",
     "end: rq:results:a/0 exc_string",
     "ValueError: Invalid attribute name: nosuch", ANY, TEXTS),

    (CUT_SHORT, ".*: rq:job:a/last_heartbeat", "", "<time>", KEPT),
    (CUT_SHORT, ".*: rq:job:a/worker_name", "", "w", KEPT),
    (CUT_SHORT, ".*: rq:job:a/ended_at", "", "<time>", KEPT),
    (CUT_SHORT, r".*: rq:job:a/\(order of dates\)",
     "created_at enqueued_at started_at",
     "created_at enqueued_at started_at ended_at", KEPT),
    (CUT_SHORT, ".*: rq:results:a/0 execution_ended_at", None, "<time>",
     KEPT),

    ("an_id_without_its_hash_is_passed_over",
     "end: rq:queue:q:intermediate( ttl|/0)", ANY, None, THROWN),
    ("an_id_that_is_queued_twice_is_run_twice", "end: rq:results:a/1 .*", ANY,
     None, ONCE, True),
    ("an_id_that_is_queued_twice_is_run_twice",
     "end: rq:worker:w/successful_job_count", "2", "1", ONCE, True),
    ("a_canceled_job_that_is_still_in_its_queue_is_run", "end: rq:.*", ANY,
     ANY, DROPPED),
    ("a_running_job_is_(canceled|deleted)",
     "end: rq:worker:w/successful_job_count", "1", "0", UNCOUNTED),
    ("a_dependent_of_two_and_one_of_them_again",
     r"\(runs\)|end: rq:(job:a:dependents|results:c/1|worker:w/succ).*", ANY,
     ANY, PROMOTED),
    ("a_job_that_is_stuck_fails", "end: rq:.*", ANY, ANY, STUCK),
    ("an_abandoned_job.*|the_dependents_of_an_abandoned_job_are_run",
     "end: rq:job:a/ended_at", "", "<time>", FOUND),
    ("an_abandoned_job.*|the_dependents_of_an_abandoned_job_are_run",
     r"end: rq:job:a/\(order of dates\)", "created_at enqueued_at started_at",
     "created_at enqueued_at started_at ended_at", FOUND),
    (ALL, ".*: rq:job:a/result", "Retry.*", None, OLD),

    ("a_running_job_is_canceled", "end: rq:finished:q( ttl|/a)", ANY, None,
     CANCELED),
    ("a_running_job_is_canceled", "end: rq:job:a ttl", ANY, -1, CANCELED),
    ("a_running_job_is_canceled", "end: rq:job:a/status", "finished",
     "canceled", CANCELED),
    ("a_running_job_is_canceled", "end: rq:job:a/ended_at", "<time>", "",
     CANCELED),
    ("a_running_job_is_canceled", r"end: rq:job:a/\(order of dates\)",
     "created_at enqueued_at started_at ended_at",
     "created_at enqueued_at started_at", CANCELED),

    ("a_dependent_of_two_and_one_of_them_again", r"\(runs\)", "2", "1",
     WAITING),
    ("a_dependent_of_two_and_one_of_them_again",
     "end: rq:job:a:dependents( ttl|/c)", None, ANY, WAITING),
    ("a_dependent_of_two_and_one_of_them_again", "end: rq:results:c/1 .*",
     ANY, None, WAITING),
    ("a_dependent_of_two_and_one_of_them_again",
     "end: rq:worker:w/successful_job_count", "2", "1", WAITING),

    (ALL, ".*: rq:worker:w/(successful|failed)_job_count", None, "0",
     COUNTERS),
    (ALL, ".*: rq:worker:w/(current_job|total)_working_time", None,
     "<seconds>", COUNTERS),
    (ALL, ".*: rq:worker:w/python_version", "<python_version>", "", COUNTERS),
    ("a_burst_worker_leaves_a_suspended_queue_alone",
     "end: rq:worker:w/state", "started", "idle|suspended", BURST),
)]

#: crq's own line: no option says no.
NO_IS_UNSAID = "What crq enqueue is not told to do it leaves unsaid"
AT_ONCE = "A job that allows failures and is enqueued behind one that has " \
    "failed already is enqueued at once."
CLIENT = [Difference(*row) for row in (
    (ALL, ".*: rq:job:a/exc_info", "", None, OLD),
    ("a_dependency_says_what_it_does_not_want",
     ".*: rq:job:b/(allow_dependency_failures|enqueue_at_front)", "0", None,
     NO_IS_UNSAID),
    ("a_dependency_that_has_failed_already_is_waited_for_in_vain",
     r"end: rq:((deferred|finished):q|job:a:dependents|job::?b|results:b)"
     "[ :/].*", ANY, ANY, AT_ONCE),
)]

DEFECTS = []

TABLE = INTENDED + DEFECTS
