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
from clients import RQClient

TABLE = scenarios.load()
MANUAL = os.path.join(os.path.dirname(__file__), "../../..", "man",
                      "crq-protocol.7")


class Record:
    """What the tests of this session have met with."""

    def __init__(self):
        self.played, self.used = set(), set()


@pytest.fixture(scope="session")
def record():
    return Record()


def ends(scenario, statuses):
    return {job_id: statuses.get(job_id) for job_id in
            {*scenario.ends, *statuses}}


@pytest.mark.parametrize("name", TABLE)
def test_rq_ends_each_job_as_the_scenario_says(theatre, name):
    _, statuses = theatre.by_rq(TABLE[name])
    assert ends(TABLE[name], statuses) == TABLE[name].ends


@pytest.mark.parametrize("name", TABLE)
def test_crq_leaves_what_rq_leaves(theatre, record, name):
    theirs, _ = theatre.by_rq(TABLE[name])
    ours, _ = theatre.play(TABLE[name], RQClient, "crq")
    record.played.add(name)
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
    if set(TABLE) - record.played:
        pytest.skip("only some of the scenarios were played")
    assert [entry for entry in differences.TABLE if entry not in record.used
            and not entry.sometimes] == []


@pytest.mark.parametrize("reason", sorted(
    {entry.reason for entry in differences.INTENDED + differences.CLIENT}))
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
    name for name, one in TABLE.items() if one.mixed])
def test_a_mixed_fleet_ends_jobs_as_rq_does(theatre, name):
    theirs, _ = theatre.by_rq(TABLE[name])
    ours, statuses = theatre.play(TABLE[name], RQClient, "rq", "crq")
    assert ends(TABLE[name], statuses) == TABLE[name].ends
    lost = forgotten(theirs, ours)
    assert counts(ours, lost) == counts(theirs, lost)


def share(s):
    """Many jobs for both."""
    for number in range(60):
        s.enqueue("demo.sleep", 0.02, job_id=f"j{number}")
    s.work()
    for number in range(60):
        job = s.job(f"j{number}")
        s.see(job.id, (job.get_status().value, len(job.results())))
    s.see("who", sorted({s.job(f"j{number}").worker_name
                         for number in range(60)}))


def test_a_mixed_fleet_shares_a_queue(theatre):
    scenario = scenarios.Scenario("share", share, {}, frozenset(), True)
    seen, _ = theatre.play(scenario, RQClient, "rq", "crq")
    assert {seen[f"(j{number})"] for number in range(60)} \
        == {"('finished', 1)"}
    assert seen["(who)"] == "['w0', 'w1']"


def forgotten(theirs, ours):
    """Jobs whose execution RQ's own worker, w0, has left behind: when another
    worker writes to a dependency meanwhile, its EXEC is repeated, and by then
    it has forgotten which execution it was. The result shows it."""
    return {path.split(":")[3].split("/")[0] for path, worker in ours.items()
            if worker == "w0" and path.endswith(" worker_name")
            and path.replace("worker_name", "execution_id") in theirs
            and path.replace("worker_name", "execution_id") not in ours}


def counts(seen, lost=()):
    """How many entries each result stream, list, set and sorted set has. When
    RQ first saw an id that was half taken is nobody's end."""
    return Counter(path.split("/")[0] for path in seen if re.match(
        r"end: rq:(results:\w+/\d+ type|queue:(?!\w+:intermediate:)|wip:"
        r"|finished:|failed:|deferred:|scheduled:|canceled:|executions:)", path)
        and not path.endswith(" ttl") and not any(re.match(
            rf"end: rq:(wip:\w+/|executions:){job_id}[:/]", path)
            for job_id in lost))
