"""Random operations on jobs, children and workers: whatever the order, every
job is in one place in the end, none is lost and none is run too often.

A sequence is made from its seed alone. When one fails, its seed and the
shortest prefix that fails as well are in the message. CRQ_SEED=n plays one
sequence; CRQ_LONG plays two thousand.
"""

import os
import random
import signal
import time
from dataclasses import dataclass

import pytest
import redis
from redis import WatchError
from rq import Queue, Retry
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job

from conftest import WorkerProcess, module

SEQUENCES = 2000 if os.environ.get("CRQ_LONG") else 60
CHUNK = 10
OPERATIONS = 14
QUEUES = ("q1", "q2", "q3")
#: Where a job of this status has to be, and nowhere else.
PLACE = {"finished": "finished", "failed": "failed", "stopped": "failed",
         "canceled": "canceled"}
PLACES = ("finished", "failed", "canceled", "deferred", "scheduled")
#: At once: a run may begin and end behind a look at the job.
EXPIRE = """
if redis.call('HGET', KEYS[1], 'status') == 'queued' then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


@dataclass
class Known:
    """What the model knows of a job: how often it may be run."""

    queue: str
    runs: int
    gone: bool = False


class World:
    """A Redis, a crq-worker, and the model beside them."""

    def __init__(self, url):
        self.url = url
        self.r = redis.Redis.from_url(url)
        self.worker, self.dead, self.count = None, [], 0
        self.jobs = {}

    def start(self):
        self.count += 1
        self.name = f"random{self.count}"
        self.worker = WorkerProcess(self.url, [
            "--load", module("demo"), "--load", module("ledger"), "--jobs", 2,
            "--name", self.name, "--job-monitoring-interval", 1,
            "--kill-grace", "0.1", *QUEUES])

    def clear(self):
        """Everything but the worker and what it knows of itself."""
        self.jobs = {}
        keys = [key for key in self.r.keys()
                if not key.startswith((b"rq:worker", b"crq:"))]
        if keys:
            self.r.delete(*keys)

    # ---- operations: each is given a random number to choose with

    def some_job(self, number):
        if not self.jobs:
            raise NoSuchJobError
        job_id = sorted(self.jobs)[number % len(self.jobs)]
        return Job.fetch(job_id, connection=self.r)

    def enqueue(self, number):
        job_id, queue = f"j{len(self.jobs)}", QUEUES[number % 3]
        retries = (0, 0, 0, 1, 2)[number // 3 % 5]
        func, *args = (("ledger.run", 0.01), ("ledger.run", 0.15),
                       ("ledger.run", 0.0), ("demo.fail", "x"),
                       ("demo.crash",))[number // 15 % 5]
        self.jobs[job_id] = Known(queue, 1 + retries)
        Queue(queue, connection=self.r).enqueue(
            func, *args, job_id=job_id, at_front=number % 7 == 0,
            retry=Retry(retries) if retries else None)

    def _at_once(self, job, change):
        """RQ looks first and writes then: here with nothing between."""
        while True:
            with self.r.pipeline() as pipe:
                pipe.watch(job.key, f"rq:wip:{job.origin}")
                pipe.multi()
                try:
                    change(pipe)
                    pipe.execute()
                    return
                except (WatchError, ValueError):
                    continue  # ValueError: a run ended as RQ looked at it

    def cancel(self, number):
        job = self.some_job(number)
        self._at_once(job, lambda pipe: job.cancel(pipeline=pipe))

    def delete(self, number):
        job = self.some_job(number)
        self._at_once(job, lambda pipe: job.delete(pipeline=pipe))
        self.jobs[job.id].gone = True

    def requeue(self, number):
        job = self.some_job(number)
        job.requeue(at_front=number % 2 == 0)
        self.jobs[job.id].runs += 1

    def stop(self, number):
        send_stop_job_command(self.r, self.some_job(number).id)

    def expire(self, number):
        """As when its ttl is over, which it is for queued jobs only."""
        job = self.some_job(number)
        if self.r.eval(EXPIRE, 1, job.key):
            self.jobs[job.id].gone = True

    def kill_child(self, number):
        try:
            children = self.worker.child_pids()
            os.kill(children[number % len(children)], signal.SIGKILL)
        except (OSError, ValueError, ZeroDivisionError):
            pass  # it has just been replaced

    def kill_worker(self, _):
        self.worker.kill()
        self.dead.append(self.name)
        self.worker.log.close()
        self.start()

    def wait(self, number):
        time.sleep(number % 50 / 1000)

    # ---- the end

    def hurry(self):
        """What the dead left is old enough now."""
        for stem in self.r.zrange("crq:alive", 0, -1):
            if stem.decode().rsplit(".", 1)[0] in self.dead:
                self.r.zadd("crq:alive", {stem: 1}, xx=True)
        for queue in QUEUES:
            for run in self.r.zrange(f"rq:wip:{queue}", 0, -1):
                job_id = run.decode().split(":")[0]
                name = self.r.hget(f"rq:job:{job_id}", "worker_name") or b"."
                if name.decode().rsplit(".", 1)[0] in self.dead:
                    self.r.zadd(f"rq:wip:{queue}", {run: 1}, xx=True)

    def unsettled(self):
        """Jobs that still have something before them."""
        busy = [(key.decode(), self.r.type(key)) for queue in QUEUES
                for key in self.r.keys(f"rq:*:{queue}")
                if key.startswith((b"rq:queue:", b"rq:wip:"))]
        waiting = [job_id for job_id in self.jobs if self.r.hget(
            f"rq:job:{job_id}", "status") in (b"queued", b"started")]
        # A job that was canceled or deleted while it runs, runs on.
        return busy + waiting + self.r.keys("rq:execution*")

    def settle(self):
        deadline = time.monotonic() + 20
        while self.unsettled():
            assert time.monotonic() < deadline, \
                f"left: {self.unsettled()}\n{self.worker.text()}"
            if self.dead:
                self.hurry()
            time.sleep(0.01)

    def places_of(self, job_id, known):
        """Every registry, list and execution that has it."""
        found = [place for place in PLACES if self.r.zscore(
            f"rq:{place}:{known.queue}", job_id) is not None]
        for key in (f"rq:queue:{known.queue}",
                    f"rq:queue:{known.queue}:intermediate"):
            found += ["list"] * (self.r.lpos(key, job_id) is not None)
        return found + ["executions"] * self.r.exists(
            f"rq:executions:{job_id}")

    def check(self):
        for job_id, known in self.jobs.items():
            status = (self.r.hget(f"rq:job:{job_id}", "status") or b"").decode()
            begun, ended = (int(self.r.hget(f"ledger:{what}", job_id) or 0)
                            for what in ("begun", "ended"))
            places = self.places_of(job_id, known)
            what = (job_id, status, places, begun, ended, known)
            assert begun <= known.runs, f"run too often: {what}"
            if known.gone:
                # What is deleted while it runs may leave its last registry.
                assert not status and places == [], f"still there: {what}"
                continue
            assert status in PLACE, f"lost: {what}"
            assert places == [PLACE[status]], f"in the wrong place: {what}"
            func = self.r.hget(f"rq:job:{job_id}", "description")
            assert status != "finished" or not func.startswith(b"ledger") \
                or ended >= 1, f"finished and not run: {what}"


#: How often each operation comes.
WEIGHTS = {"enqueue": 40, "cancel": 8, "requeue": 10, "stop": 8, "delete": 8,
           "expire": 5, "kill_child": 8, "kill_worker": 1, "wait": 12}


def sequence(seed):
    chance = random.Random(seed)
    names = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=OPERATIONS)
    return [("enqueue", chance.randrange(1000)) for _ in range(3)] + \
        [(name, chance.randrange(1000)) for name in names]


def play(world, operations):
    world.clear()
    for name, number in operations:
        try:
            getattr(world, name)(number)
        except (InvalidJobOperation, NoSuchJobError):
            pass  # not in this state
    world.settle()
    world.check()
    world.dead.clear()


def shortest_failure(world, operations):
    """The shortest prefix that fails too, as far as it can be had again."""
    until = time.monotonic() + 60
    for length in range(1, len(operations)):
        if time.monotonic() > until:
            break
        try:
            play(world, operations[:length])
        except AssertionError:
            return operations[:length]
    return operations


@pytest.fixture(scope="module")
def world(redis_server):
    made = World(redis_server.url)
    made.r.flushall()
    made.start()
    yield made
    left = made.worker.stop()
    text = made.worker.text()
    made.worker.log.close()
    made.r.close()
    assert left == [], "processes outlived their worker"
    assert "AddressSanitizer" not in text and "runtime error" not in text, text


SEEDS = [int(os.environ["CRQ_SEED"])] if "CRQ_SEED" in os.environ \
    else range(SEQUENCES)


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_every_job_ends_in_one_place_and_runs_as_often_as_it_may(world, first):
    for seed in SEEDS[SEEDS.index(first):][:CHUNK]:
        operations = sequence(seed)
        try:
            play(world, operations)
        except AssertionError as error:
            prefix = shortest_failure(world, operations)
            pytest.fail(f"CRQ_SEED={seed}: {error}\nshortest: {prefix}")
