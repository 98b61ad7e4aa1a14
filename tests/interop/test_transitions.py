"""A worker that is killed between any two of its writes, as in test_steps.py,
while jobs are retried, repeated, called back, waited for and forgotten: each
job is accounted for, and so is each that waits for one."""

import os
import time
from collections import Counter

import pytest
from rq import Callback, Queue, Retry
from rq.job import Dependency
from rq.repeat import Repeat

from conftest import eventually, program_folder
from test_steps import CHILDREN, STEPS, Point, chosen, marks, visit_all

#: More than are promoted in the script that ends a run.
MANY = 120
LATER = 3600
CALLED = {"on_success": Callback("demo.on_success"),
          "on_failure": Callback("demo.on_failure")}
#: name: (function, arguments, options, where it may be in the end). What was
#: running when its worker died may have failed, unless it is retried.
JOBS = {
    "called": ("demo.noop", (), CALLED, {"finished", "failed"}),
    "retried": ("demo.fail", ("x",), {**CALLED, "retry": Retry(1)},
                {"failed"}),
    "delayed": ("demo.fail", ("x",), {"retry": Retry(2, interval=LATER)},
                {"scheduled"}),
    "returned": ("demo.retry", (1,), {}, {"failed"}),
    # As in RQ, a run that ended well is not forgotten when the next one fails.
    "repeated": ("demo.noop", (), {"repeat": Repeat(1)},
                 {"finished", "failed", "failed finished"}),
    "later": ("demo.noop", (), {"repeat": Repeat(1, interval=LATER)},
              {"finished scheduled", "failed"}),
    "forgotten": ("demo.noop", (), {"result_ttl": 0}, {"", "failed"}),
    "parent": ("demo.noop", (), {}, {"finished", "failed"}),
    "failing": ("demo.fail", ("x",), {}, {"failed"}),
}
PLACES = ("finished", "failed", "canceled", "deferred", "scheduled")


def places(r, queue):
    """{id: where it is}, each place as often as it is there."""
    found = {}
    for place in PLACES:
        for job_id in r.zrange(f"rq:{place}:{queue}", 0, -1):
            found.setdefault(job_id.decode(), []).append(place)
    for run in r.zrange(f"rq:wip:{queue}", 0, -1):
        found.setdefault(run.decode().split(":")[0], []).append("wip")
    for key in (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate"):
        for job_id in r.lrange(key, 0, -1):
            found.setdefault(job_id.decode(), []).append("queue")
    return {job_id: " ".join(sorted(where)) for job_id, where in found.items()}


class Transitions(Point):
    """One of the workers. Who waits does so for a queue without a worker."""

    modules = ("demo",)

    def fill(self, r):
        self.r, q = r, Queue(self.queues[0], connection=r)
        self.after = f"{self.queues[0]}.after"
        after = Queue(self.after, connection=r)
        parent = self.id("parent")
        with r.pipeline() as pipe:
            for name, (func, args, options, _) in JOBS.items():
                q.enqueue(func, *args, **options, job_id=self.id(name),
                          pipeline=pipe)
            pipe.execute()
        after.enqueue_many([Queue.prepare_data(
            "demo.noop", depends_on=parent) for _ in range(MANY)])
        after.enqueue("demo.noop", depends_on=Dependency(
            self.id("failing"), allow_failure=True), job_id=self.id("waits"))
        return []

    def id(self, name):
        return f"{self.queues[0].replace('.', '-')}-{name}"

    def status(self, name):
        return self.r.hget(f"rq:job:{self.id(name)}", "status")

    def all_done(self):
        return not self.r.hlen("crq:promoting") and not any(
            self.status(name) in (b"queued", b"started") for name in JOBS)

    def check(self):
        step = self.step() if self.log else "the first run"
        found = places(self.r, self.queues[0])
        for name, (_, _, _, ends) in JOBS.items():
            assert found.pop(self.id(name), "") in ends, (step, name, found)
        assert found == {}, step
        for name in ("parent", "failing"):
            assert self.r.scard(f"rq:job:{self.id(name)}:dependents") == 0 \
                or self.status(name) != b"finished", step
        after = places(self.r, self.after)
        assert after.pop(self.id("waits")) == "queue", step
        parent = self.status("parent")
        assert Counter(after.values()) == {
            "queue" if parent == b"finished" else "deferred": MANY}, \
            (step, parent)
        return parent


def test_each_job_is_accounted_for_wherever_a_worker_is_killed(
        r, worker, tmp_path):
    if not os.path.exists(os.path.join(program_folder(), STEPS)):
        pytest.fail(f"{STEPS} is not built")
    log = tmp_path / "all"
    first = Transitions(r, worker, 0, 1, log)
    eventually(first.ended, 20)
    assert first.check() == b"finished"
    names = log.read_text().splitlines()
    for part in ("finish", "promote_rest"):
        assert any(part in name for name in names), part
    points = visit_all(r, worker, chosen(names), 1, tmp_path, Transitions)
    survivor = worker("-q", "--jobs", CHILDREN,
                      *(q for p in points[:30] for q in p.queues),
                      modules=("demo",))

    # What had not begun is back in its queue, by Redis's time.
    eventually(lambda: "waiting" not in marks(r).values(), 8, 0.05)
    # The others end when RQ's deadline has passed, which is now.
    for key in r.keys("rq:wip:*"):
        for run in r.zrange(key, 0, -1):
            r.zadd(key, {run: time.time() - 1}, xx=True)
    for stem in r.zrange("crq:alive", 0, -1):
        if not stem.decode().endswith(f".{survivor.pid}"):
            r.zadd("crq:alive", {stem: 0}, xx=True)
    for at in range(30, len(points), 30):
        w = worker("-q", "--burst", "--jobs", CHILDREN,
                   *(q for p in points[at:at + 30] for q in p.queues),
                   modules=("demo",), wait=False)
        assert w.wait(60) == 0
    eventually(lambda: all(p.all_done() for p in points)
               and not r.keys("rq:wip:*"), 30, 0.05)
    parents = Counter(point.check() for point in points)
    assert r.keys("rq:execution*") == [] and r.hlen("crq:promoting") == 0
    print(len(points), "steps,", dict(parents))
