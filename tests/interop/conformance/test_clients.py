"""The same table from the other side: what crq enqueues and steers, RQ's
worker runs, and RQ's classes see what they see of RQ's own."""

import inspect
import os
import re

import pytest

import scenarios
import whole
from clients import VERBS, WORDS, CrqClient, RQClient
from differences import CLIENT

TABLE = scenarios.load()
#: Scenarios about values that JSON has as well.
JSON = ("a_job_is_run", "named_arguments_arrive", "a_task_fails",
        "a_task_without_a_value_leaves_none", "a_task_writes_meta",
        "a_result_lives_as_long_as_the_job_says",
        "a_job_with_a_time_waits_for_it",
        "a_retry_with_an_interval_is_scheduled",
        "a_worker_stops_after_some_jobs", "a_horse_that_crashes_is_retried")


def told():
    """Of each thing that a client can say, the first scenario in which it is
    said; with CRQ_LONG, all scenarios."""
    said = set()
    for name, one in TABLE.items():
        text = inspect.getsource(one.play)
        words = {word for word in (*WORDS, *VERBS, "then", "at_front=True")
                 if re.search(rf"\b{word}\b", text)}
        if words - said or os.environ.get("CRQ_LONG"):
            yield name
        said |= words


def different(name, theirs, ours):
    """Whatever differs and should not, but for the worker's own record, which
    is not what a client has to do with."""
    return "".join(f"\n{path}: RQ {one!r}, crq {other!r}"
                   for path, one, other in whole.compare(theirs, ours)
                   if " rq:worker:" not in path and not any(
                       known.covers(name, (path, one, other))
                       for known in CLIENT))


@pytest.mark.parametrize("name", list(told()))
def test_what_crq_enqueues_rq_runs_as_its_own(theatre, name):
    ours, _ = theatre.play(TABLE[name], CrqClient, "rq")
    theirs, _ = theatre.by_rq(TABLE[name])
    assert not different(name, theirs, ours)


@pytest.mark.parametrize("worker", ["rq", "crq"])
@pytest.mark.parametrize("name", JSON)
def test_json_from_crq_is_as_json_from_rq(theatre, name, worker):
    theirs, _ = theatre.play(TABLE[name], RQClient, worker, serializer="json")
    ours, _ = theatre.play(TABLE[name], CrqClient, worker, serializer="json")
    assert any("json" in str(what) for what in ours.values())
    assert not different(name, theirs, ours)
