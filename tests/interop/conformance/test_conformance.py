"""Each scenario of the table, played by RQ's worker, by crq-worker, and by
both at once.

What RQ's worker leaves is the expectation, made anew in every run; nothing
here says what it should be, but for the end of each job. crq-worker must leave
the same, all keys, fields, scores and TTLs, but for the tables of
differences.py. Of a mixed fleet the ends are compared.
"""

import os
import re
from collections import Counter

import pytest

import differences
import scenarios
import whole
from conftest import names_of_workers
from stage import RQClient, rq_workers, stage  # noqa: F401: a fixture

TABLE = scenarios.load()
MANUAL = os.path.join(os.path.dirname(__file__), "../../..", "man",
                      "crq-protocol.7")


class Record:
    """What was seen of the scenarios so far in this session."""

    def __init__(self):
        self.by_rq, self.by_crq, self.used = {}, set(), set()


@pytest.fixture(scope="session")
def record():
    return Record()


def play(scenario, *cast):
    """Plays it; what was seen, and how each job ended."""
    with stage(*cast) as s:
        scenario.play(s)
        s.look("end")
        return s.seen, s.statuses()


def seen_by_rq(record, name, *cast):
    if name not in record.by_rq:
        record.by_rq[name] = play(TABLE[name], *cast, RQClient, "rq")
    return record.by_rq[name]


def ends(scenario, statuses):
    return {job_id: statuses.get(job_id) for job_id in
            {*scenario.ends, *statuses}}


def marked(names):
    """The names as parameters; what crq does not do yet must fail."""
    return [pytest.param(name, marks=pytest.mark.xfail(
        strict=True, reason=TABLE[name].later) if TABLE[name].later else ())
        for name in names]


@pytest.mark.parametrize("name", TABLE)
def test_rq_ends_each_job_as_the_scenario_says(redis_server, rq_workers,
                                               record, name):
    _, statuses = seen_by_rq(record, name, redis_server, rq_workers)
    assert ends(TABLE[name], statuses) == TABLE[name].ends


@pytest.mark.parametrize("name", marked(TABLE))
def test_crq_leaves_what_rq_leaves(redis_server, rq_workers, record, name):
    cast = redis_server, rq_workers
    theirs, _ = seen_by_rq(record, name, *cast)
    ours, _ = play(TABLE[name], *cast, RQClient, "crq")
    record.by_crq.add(name)
    found = whole.compare(theirs, ours)
    known = [[one for one in differences.TABLE if one.covers(name, difference)]
             for difference in found]
    record.used.update(entry for entries in known for entry in entries)
    news = [difference for difference, entries in zip(found, known)
            if not entries]
    assert not news, "\n" + "\n".join(
        f"{path}: RQ {theirs!r}, crq {ours!r}" for path, theirs, ours in news)
    gone = [entry for entry in differences.TABLE
            if entry.scenario == name and not entry.sometimes
            and not any(entry in entries for entries in known)]
    assert not gone, "these do not differ any more"


def test_every_difference_still_occurs(record):
    missing = {name for name in TABLE
               if not TABLE[name].later} - record.by_crq
    if missing:
        pytest.skip("only some of the scenarios were played")
    assert [entry for entry in differences.TABLE if entry not in record.used
            and not entry.sometimes] == []


@pytest.mark.parametrize("reason", sorted(
    {entry.reason for entry in differences.INTENDED}))
def test_intended_differences_are_in_the_manual(reason):
    with open(MANUAL) as f:
        text = f.read()
    section = text[text.index(".Ss Differences from RQ"):]
    section = section[:re.search(r"\n\.S[sh] (?!Differences)", section).end()]
    words = re.sub(r"^\.(Sx|Sy|Ql|Va|Ar|Pp|It|Bl|El|Dq)\b ?|\.\\\"|[\"\\&]", "",
                   section, flags=re.M).split()
    assert " ".join(reason.split()) in " ".join(words).replace(" .", ".") \
        .replace(" ,", ",").replace(" ;", ";").replace(" :", ":")


@pytest.mark.parametrize("name", [
    name for name, one in TABLE.items() if one.mixed and not one.later])
def test_a_mixed_fleet_ends_jobs_as_rq_does(redis_server, rq_workers, record,
                                            name):
    cast = redis_server, rq_workers
    theirs, _ = seen_by_rq(record, name, *cast)
    ours, statuses = play(TABLE[name], *cast, RQClient, "rq", "crq")
    expected = dict(TABLE[name].ends)
    assert ends(TABLE[name], statuses) == expected
    assert counts(ours) == counts(theirs)


def counts(seen):
    """How many entries each result stream, list, set and sorted set has."""
    return Counter(path.split("/")[0] for path in seen if re.match(
        r"end: rq:(results:\w+/\d+ type|queue:|wip:|finished:|failed:"
        r"|deferred:|scheduled:|canceled:|executions:)", path))
