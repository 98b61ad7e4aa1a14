"""Thousands of schedules, and of rq-scheduler's entries, due at one instant."""

import signal
import time

import pytest
from conftest import eventually
from rq.job import Job, JobStatus
from test_scheduler import LEADER, PERIODIC, ids, scheduler  # noqa: F401

COUNT = 2000
SCHEDULES = "crq:schedules"
#: Steps that may be needed: one for 20 of them is a third of what is taken at
#: once, and leaves room for reading them and for beats.
STEPS = COUNT // 20
PATIENCE_S = 60
HOUR_S = 3600


class Own:
    """crq's own schedules, of every hour."""
    zset = SCHEDULES

    def __init__(self, r, crq):
        crq("schedule", "--every", "1h", "-q", "q", "model", "f.g", ":1")
        self._r, self._fields = r, r.hgetall("crq:schedule:model")
        crq("unschedule", "model")

    def add(self, names, due):
        pipe = self._r.pipeline()
        for name in names:
            pipe.hset(f"crq:schedule:{name}", mapping=self._fields | {
                b"next": f"{due:.6f}"})
            pipe.zadd(self.zset, {name: f"{due:.6f}"})
        pipe.execute()

    def job(self, name, due):
        """The id of its job at that time."""
        return f"{name}-{due * 1000:.0f}"

    def spoil(self, name):
        self._r.hdel(f"crq:schedule:{name}", "job.data")


class Entries:
    """rq-scheduler's, of every hour."""
    zset = PERIODIC

    def __init__(self, r, crq):
        made = Job.create("f.g", (1,), connection=r, origin="q", timeout=180,
                          status="scheduled", result_ttl=-1)
        made.meta["interval"] = HOUR_S
        made.save()
        self._r, self._fields = r, r.hgetall(made.key)
        r.delete(made.key)

    def add(self, names, due):
        pipe = self._r.pipeline()
        for name in names:
            pipe.hset(f"rq:job:{name}", mapping=self._fields)
            pipe.zadd(self.zset, {name: f"{due:.6f}"})
        pipe.execute()

    def job(self, name, due):
        return name

    def spoil(self, name):
        self._r.hdel(f"rq:job:{name}", "origin")


@pytest.fixture(params=[Own, Entries])
def kind(request, r, crq):
    return request.param(r, crq)


def steps(r):
    """Scripts that were sent so far."""
    return r.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)


def names(count=COUNT):
    return [f"n{n:04}" for n in range(count)]


def soon():
    """A whole second: what is due has no fraction to be rounded."""
    return int(time.time()) + 3


def test_many_at_one_instant_are_run_in_few_steps(r, kind, scheduler):
    due = soon()
    kind.add(names(), due)
    scheduler()
    before = steps(r)
    eventually(lambda: len(ids(r)) >= COUNT, PATIENCE_S)
    sent, waited = steps(r) - before, time.time() - due
    # Never early, each once, in the order that Redis has them in.
    assert waited >= 0
    assert ids(r) == [kind.job(name, due) for name in names()]
    # A beat comes every second, and behind each that had something to do.
    assert sent <= STEPS + 2 * waited + 10
    assert r.zcount(kind.zset, due + HOUR_S, due + HOUR_S) == COUNT
    for name in (names()[0], names()[-1]):
        job = Job.fetch(kind.job(name, due), connection=r)
        assert job.get_status() == JobStatus.QUEUED and list(job.args) == [1]
        assert job.enqueued_at.timestamp() >= due


def test_what_is_wrong_with_some_does_not_hold_up_the_others(
        r, kind, scheduler):
    due = soon()
    kind.add(names(), due)
    bad = set(names()[7::100])
    for name in bad:
        kind.spoil(name)
    made = scheduler()
    good = [name for name in names() if name not in bad]
    eventually(lambda: len(ids(r)) >= len(good), PATIENCE_S)
    assert ids(r) == [kind.job(name, due) for name in good]
    eventually(lambda: r.hlen("crq:scheduler:quarantine") == len(bad))
    # "is set aside", "is passed over"; told behind the step that did it.
    eventually(lambda: all(f"'{name}' is " in made.text() for name in bad))
    # crq's are taken out of the way; rq-scheduler's stay, where it has them.
    left = r.zcount(kind.zset, due, due)
    assert left == (0 if kind.zset == SCHEDULES else len(bad))


def test_two_that_lead_run_each_once(r, kind, scheduler):
    """The first is stopped in the midst of it, and goes on behind the other."""
    due = soon()
    kind.add(names(), due)
    first = scheduler()
    second = scheduler(wait=False)
    eventually(lambda: "waits" in second.text())
    token = r.get(LEADER)
    eventually(lambda: len(ids(r)) > 0, PATIENCE_S, every=0)
    first.signal(signal.SIGSTOP)
    eventually(lambda: len(ids(r)) >= COUNT, PATIENCE_S)
    eventually(lambda: r.get(LEADER) not in (None, token), PATIENCE_S)
    first.signal(signal.SIGCONT)
    eventually(lambda: "another scheduler leads" in first.text()
               or first.text().count("waits"))
    assert sorted(ids(r)) == [kind.job(name, due) for name in names()]
