"""A worker that is killed between any two of its writes, to Redis or to a
child: no job is lost, none runs twice, and what had not begun starts again.

A first run writes down its steps; then there is a run for each of them that
ends there. They have queues of their own and are looked at all together, so
that the take-over is waited for once. Every step has its turn in ./check
--full; else each kind of them, and some of the many."""

import os
import time

import pytest
from rq import Queue
from rq.job import Job, JobStatus

from conftest import eventually, program_folder

STEPS = "tests/interop/crq-worker-steps"
MODULES = ("ledger",)
CHILDREN = 2
AT_ONCE = 4
#: Without FULL: the first step of each kind, and every so many.
FULL, SOME = bool(os.environ.get("FULL")), 6
#: Seconds: claimed ahead; then two that are long, so that those behind go
#: back to their queue.
LONG = 0.08
WORK = [0] * 14 + [LONG] * CHILDREN + [0] * 3


class Point:
    """A worker that dies at its nth step, and its jobs."""

    modules = MODULES

    def __init__(self, r, worker, n, queues, log=None):
        self.n, self.log = n, log
        self.queues = [f"{n}.{i}" for i in range(queues)]
        self.jobs = self.fill(r)
        env = {"CRQ_STEPS_KILL": str(n)} if n else {}
        if log:
            env["CRQ_STEPS_LOG"] = str(log)
        self.worker = worker("-q", "--jobs", CHILDREN, *self.queues,
                             modules=self.modules, wait=False, program=STEPS,
                             env=env)
        self.told = False

    def fill(self, r):
        return [Queue(self.queues[i % len(self.queues)], connection=r).enqueue(
            "ledger.run", seconds, result_ttl=-1)
            for i, seconds in enumerate(WORK)]

    def all_done(self):
        return all(job.get_status() == JobStatus.FINISHED for job in self.jobs)

    def ended(self):
        """Dead, or told to stop because it has done all."""
        if not self.worker.running():
            return True
        if not self.told and self.all_done():
            self.told = True
            self.worker.signal(15)
        return False

    def step(self):
        lines = self.log.read_text().splitlines()
        return f"step {self.n}, {lines[-1]}"


def places(r, queues):
    found = {}
    for q in queues:
        for kind, ids in (
                ("queue", r.lrange(f"rq:queue:{q}", 0, -1)),
                ("wip", [x.split(b":")[0]
                         for x in r.zrange(f"rq:wip:{q}", 0, -1)]),
                ("finished", r.zrange(f"rq:finished:{q}", 0, -1)),
                ("failed", r.zrange(f"rq:failed:{q}", 0, -1))):
            for job_id in ids:
                found.setdefault(job_id.decode(), []).append(kind)
    return found


def marks(r):
    return {key.split(b":")[2].decode(): (r.hget(key, "crq") or b"").decode()
            for key in r.keys("rq:execution:*")}


def chosen(names, some=SOME):
    """The numbers of the steps to die at; runs differ a little, and some have
    more steps than the first one had."""
    steps = range(1, len(names) + 11)
    return steps if FULL else sorted(
        {*steps[::some], *(names.index(name) + 1 for name in names)})


def visit_all(r, worker, steps, queues, tmp_path, kind=Point):
    """One worker for each step, some at a time."""
    points, live = [], []
    for n in steps:
        live.append(kind(r, worker, n, queues, tmp_path / f"{queues}.{n}"))
        points.append(live[-1])
        eventually(lambda: len([p for p in live if not p.ended()]) < AT_ONCE,
                   20)
        live = [p for p in live if p.worker.running()]
    eventually(lambda: all([p.ended() for p in points]), 20)
    return points


def run_rest(r, worker, points):
    """Whatever is in a queue runs, a few queues at a time."""
    queues = [q for p in points for q in p.queues
              if r.llen(f"rq:queue:{q}") > 0]
    for at in range(0, len(queues), 32):
        w = worker("-q", "--burst", "--jobs", CHILDREN,
                   *queues[at:at + 32], modules=MODULES, wait=False)
        assert w.wait(60) == 0


@pytest.mark.parametrize("queues", [1, 5], ids=["one", "five"])
def test_a_worker_can_be_killed_at_any_step(r, worker, tmp_path, queues):
    if not os.path.exists(os.path.join(program_folder(), STEPS)):
        pytest.fail(f"{STEPS} is not built")
    for n in range(5):  # until it has handed back, too
        log = tmp_path / f"all.{n}"
        first = Point(r, worker, 0, queues, log)
        eventually(first.ended, 20)
        names = log.read_text().splitlines()
        if any("hand_back" in name for name in names):
            break
    for part in ("claim", "begin", "RUN", "finish", "worker_birth",
                 "worker_death"):
        assert any(part in name for name in names), part
    worker("-q", "--jobs", 1, "--name", "survivor", "elsewhere",
           modules=MODULES)
    points = visit_all(r, worker, chosen(names), queues, tmp_path)
    died = time.monotonic()

    # What had not begun is back in its queue, by Redis's time.
    eventually(lambda: "waiting" not in marks(r).values(), 8, 0.05)
    assert time.monotonic() - died < 8
    begun = marks(r)
    for point in points:
        assert point.worker.pids() == [], point.step()
        found = places(r, point.queues)
        for job in point.jobs:
            assert len(found.get(job.id, [])) == 1, \
                f"{point.step()}: {job.id} is in {found.get(job.id)}"
        held = [job for job in point.jobs if found[job.id] == ["wip"]]
        # No more than a child can have run, or have been about to.
        assert len(held) <= CHILDREN, point.step()
        assert all(begun[job.id] == "begun" for job in held), point.step()
    run_rest(r, worker, points)

    # The others end when RQ's deadline has passed, which is now.
    for point in points:
        for q in point.queues:
            for run in r.zrange(f"rq:wip:{q}", 0, -1):
                r.zadd(f"rq:wip:{q}", {run: time.time() - 1}, xx=True)
    for stem in r.zrange("crq:alive", 0, -1):
        r.zadd("crq:alive", {stem: 0}, xx=True)
    eventually(lambda: not r.keys("crq:runs:*"), 10, 0.05)
    runs = r.hgetall("ledger:begun")
    for point in points:
        found = places(r, point.queues)
        for job in point.jobs:
            times = int(runs.get(job.id.encode(), 0))
            status = Job.fetch(job.id, connection=r).get_status().value
            assert found.get(job.id) == [status], point.step()
            assert times == 1 if status == "finished" else times <= 1, \
                f"{point.step()}: {job.id} {status} after {times} runs"
            assert status == "finished" or job.id in begun, point.step()
    print(len(points), "steps,", len(begun), "runs had begun")
