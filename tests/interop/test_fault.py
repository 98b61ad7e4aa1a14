"""Whatever is killed, whenever: no job is lost, none runs twice, and nothing
of a dead worker stays behind."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter

import pytest
import redis
from rq import Queue, Retry
from rq.job import Job, JobStatus

from conftest import _free_port, _wait_until_up, duties, eventually

MODULES = ("demo", "ledger")
FIVE = ["q1", "q2", "q3", "q4", "q5"]
LONG = bool(os.environ.get("CRQ_LONG"))


class Redis:
    """A Redis that writes all down, and can be killed and come back."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="crq-", dir="/tmp")
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()
        self.r = redis.Redis(port=self.port)

    def start(self):
        self.process = subprocess.Popen(
            [shutil.which("redis-server"), "--port", str(self.port), "--bind",
             "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly",
             "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        _wait_until_up(self.process, self.port)

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(10)


@pytest.fixture
def own_redis():
    made = Redis()
    yield made
    made.r.close()
    made.end(signal.SIGKILL)
    shutil.rmtree(made.folder, ignore_errors=True)


def pass_deadlines(r, queues):
    """As if the time of all runs had passed, and somebody looked."""
    for queue in queues:
        for run in r.zrange(f"rq:wip:{queue}", 0, -1):
            r.zadd(f"rq:wip:{queue}", {run: time.time() - 1}, xx=True)
    for stem in r.zrange("crq:alive", 0, -1):
        r.zadd("crq:alive", {stem: 0}, xx=True)


def begun(r, job):
    return int(r.hget("ledger:begun", job.id) or 0)


# ---- Redis ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_runs_end_while_redis_is_away_and_are_told_later(own_redis, worker,
                                                         number):
    r = own_redis.r
    q = Queue("q", connection=r)
    worker("--jobs", 2, "q", url=own_redis.url)
    # In one piece: the first two must not end while the others are written.
    jobs = q.enqueue_many(
        [Queue.prepare_data("demo.sleep", (1,)) for _ in range(2)]
        + [Queue.prepare_data("demo.add", (i, i)) for i in range(20)])
    running, waiting = jobs[:2], jobs[2:]
    eventually(lambda: r.zcard("rq:wip:q") == 2)
    own_redis.end(number)
    time.sleep(1.2)
    own_redis.start()
    for job in running + waiting:
        eventually(lambda: job.get_status() == JobStatus.FINISHED)
        assert len(job.results()) == 1
    assert [job.return_value() for job in waiting] == list(range(0, 40, 2))
    assert r.zcard("rq:wip:q") == 0


def test_redis_killed_under_load_loses_nothing(own_redis, worker):
    r = own_redis.r
    q = Queue("q", connection=r)
    worker("--jobs", 2, "q", url=own_redis.url, modules=MODULES)
    jobs = [q.enqueue("demo.sleep", 0.002) for _ in range(300)]
    for _ in range(3):
        time.sleep(0.15)
        own_redis.end(signal.SIGKILL)
        own_redis.start()
    for job in jobs:
        eventually(lambda: job.get_status() == JobStatus.FINISHED, 20)
        assert len(job.results()) == 1
    assert r.zcard("rq:wip:q") == 0


def test_a_run_whose_end_redis_has_lost_is_found_while_its_worker_lives(
        r, worker):
    """As after a crash that took the last second, or a failover."""
    q = Queue("q", connection=r)
    worker("--jobs", 1, "q")
    job = q.enqueue("demo.sleep", 0.3)
    eventually(lambda: b"begun" in r.hvals(f"rq:execution:{job.id}:" + str(
        (r.zrange(f"rq:executions:{job.id}", 0, 0) or [b""])[0], "ascii")))
    before = {key: r.dump(key) for key in r.keys()
              if key.startswith((b"crq:runs:", b"rq:wip:"))
              or job.id.encode() in key}
    eventually(lambda: job.get_status() == JobStatus.FINISHED)
    r.delete("rq:finished:q", f"rq:results:{job.id}")
    for key, what in before.items():
        r.restore(key, 0, what, replace=True)
    # A minute and a half later: nobody has renewed it.
    stem, = (key[len(b"crq:runs:"):] for key in r.keys("crq:runs:*"))
    r.delete(*r.keys(f"rq:execution:{job.id}:*"))
    pass_deadlines(r, ["q"])
    eventually(lambda: (r.zscore("crq:alive", stem) or 0) > time.time())
    worker("--jobs", 1, "q")
    eventually(lambda: job.get_status() == JobStatus.FAILED)
    assert "AbandonedJobError" in job.latest_result().exc_string
    assert r.zcard("rq:wip:q") == 0 and r.keys("crq:runs:*") == []


def test_a_worker_waits_for_a_redis_that_is_not_there_yet(own_redis, worker):
    own_redis.end(signal.SIGTERM)
    w = worker("--jobs", 1, "q", url=own_redis.url, wait=False)
    time.sleep(0.5)
    assert w.running()
    own_redis.start()
    job = Queue("q", connection=own_redis.r).enqueue("demo.add", 2, 3)
    eventually(lambda: job.get_status() == JobStatus.FINISHED)


def test_a_worker_can_be_stopped_while_redis_is_away(own_redis, worker):
    w = worker("--jobs", 1, "q", url=own_redis.url)
    eventually(lambda: any(client["cmd"] == "blmove"
                           for client in own_redis.r.client_list()))
    own_redis.end(signal.SIGKILL)
    w.signal(signal.SIGTERM)
    assert w.wait(5) == 0


def read_only(r):
    r.replicaof("127.0.0.1", 1)
    return lambda: r.replicaof("NO", "ONE")


def full(r):
    r.config_set("maxmemory", 1)
    return lambda: r.config_set("maxmemory", 0)


def busy(r):
    """With somebody's script that does not end."""
    r.config_set("lua-time-limit", 50)
    port = r.connection_pool.connection_kwargs["port"]
    other = socket.create_connection(("127.0.0.1", port))
    other.sendall(b'EVAL "while true do end" 0\r\n')

    def undo():
        r.script_kill()
        assert b"killed" in other.recv(1000)
        other.close()

    return undo


def unsaved(r):
    """As after a failed save."""
    r.config_set("min-replicas-to-write", 1)
    return lambda: r.config_set("min-replicas-to-write", 0)


@pytest.mark.parametrize("refuse", [read_only, full, busy, unsaved])
def test_results_come_when_redis_takes_writes_again(own_redis, worker,
                                                    refuse):
    r = own_redis.r
    q = Queue("q", connection=r)
    w = worker("--jobs", 1, "q", url=own_redis.url)
    job = q.enqueue("demo.sleep", 0.3)
    eventually(lambda: job.get_status() == JobStatus.STARTED)
    undo = refuse(r)
    time.sleep(1)
    undo()
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 5)
    assert len(job.results()) == 1
    job = q.enqueue("demo.add", 2, 3)
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 5)
    w.signal(signal.SIGTERM)
    assert w.wait() == 0 and duties(r) == []


def test_a_cold_stop_does_not_wait_for_a_redis_that_is_away(own_redis,
                                                            worker):
    r = own_redis.r
    w = worker("--jobs", 2, "q", url=own_redis.url)
    q = Queue("q", connection=r)
    jobs = [q.enqueue("demo.sleep", 0.2), q.enqueue("demo.spin")]
    eventually(lambda: r.zcard("rq:wip:q") == len(jobs))
    own_redis.end(signal.SIGKILL)
    time.sleep(0.4)
    w.stop_cold()
    assert w.wait(5) == 1
    assert "the ends of 2 runs are not written" in w.text()


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_what_is_claimed_after_the_stop_goes_back(r, worker, cold):
    w = worker("--jobs", 1, "q")
    q = Queue("q", connection=r)
    q.enqueue("demo.noop")
    eventually(lambda: r.zcard("rq:finished:q") == 1)
    time.sleep(0.2)
    with r.pipeline(transaction=False) as pipe:
        job = q.enqueue("demo.spin", pipeline=pipe)
        pipe.execute_command("CLIENT", "PAUSE", 2500 if cold else 500, "WRITE")
        pipe.execute()
    time.sleep(0.1)
    if cold:
        w.stop_cold()
    else:
        w.signal(signal.SIGTERM)
    assert w.wait(5) == 0
    assert job.get_status() == JobStatus.QUEUED
    assert q.get_job_ids() == [job.id]
    assert r.keys("rq:execution*") == [] and duties(r) == []


# ---- a worker dies, another lives ----

@pytest.mark.parametrize("queues", [["q1"], FIVE], ids=["one", "five"])
def test_a_dead_workers_resumable_runs_start_again(r, worker, queues):
    jobs = [Queue(name, connection=r).enqueue("ledger.resume")
            for name in queues]
    first = worker("--jobs", len(jobs), *queues, modules=MODULES)
    eventually(lambda: r.hlen("ledger:begun") == len(jobs))
    # What waits behind them is run as well.
    worker("--jobs", 2, *queues, modules=MODULES)
    first.kill()
    died = time.monotonic()
    for job in jobs:
        eventually(lambda: job.get_status() == JobStatus.FINISHED, 9, 0.02)
    assert time.monotonic() - died < 8
    assert {job.return_value() for job in jobs} == {2}
    assert first.pids() == []
    assert r.keys("crq:runs:*") == []


@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_resumable_run_outlives_the_ttl_of_its_wait(r, worker, ends):
    """A ttl is the time that a job may wait. This one has begun in time."""
    q = Queue("q", connection=r)
    job = q.enqueue("ledger.resume", ttl=2)
    first = worker("--jobs", 1, "--drain-timeout", "0", "q", modules=MODULES)
    eventually(lambda: r.hlen("ledger:begun") == 1)
    time.sleep(2.1)
    if ends == "killed":
        first.kill()
    else:
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        assert 0 < r.ttl(job.key) <= 2
    worker("--jobs", 1, "q", modules=MODULES)
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 9)
    assert job.return_value() == 2


def test_a_dead_workers_begun_runs_end_at_rqs_deadline(r, worker):
    q = Queue("q", connection=r)
    failing = q.enqueue("ledger.hang_once")
    retried = q.enqueue("ledger.hang_once", retry=Retry(1))
    first = worker("--jobs", 2, "--name", "ann", "q", modules=MODULES)
    eventually(lambda: r.hlen("ledger:begun") == 2)
    worker("--jobs", 1, "--name", "bob", "q", modules=MODULES)
    first.kill()
    eventually(lambda: r.zrangebyscore("crq:alive", 0, time.time()), 8)
    for job in failing, retried:
        assert job.get_status() == JobStatus.STARTED
    pass_deadlines(r, ["q"])
    eventually(lambda: failing.get_status() == JobStatus.FAILED, 5)
    assert "ann" in failing.latest_result().exc_string
    eventually(lambda: retried.get_status() == JobStatus.FINISHED, 5)
    assert begun(r, failing) == 1 and begun(r, retried) == 2
    assert r.zcard("rq:wip:q") == 0 and r.keys("crq:runs:*") == []


def test_a_dead_fork_servers_resumable_run_starts_again(r, worker):
    job = Queue("q", connection=r).enqueue("ledger.resume")
    w = worker("--jobs", 1, "q", modules=MODULES)
    eventually(lambda: begun(r, job) == 1)
    os.kill(w.server_pid(), signal.SIGKILL)
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 5)
    assert begun(r, job) == 2


# ---- the ledger ----

class Fleet:
    """Two workers; whatever of them is killed comes back."""

    def __init__(self, start, rng):
        self.start, self.rng = start, rng
        self.workers = [self.another() for _ in range(2)]
        self.dead = []

    def another(self):
        return self.start("--jobs", 2, "--quiet", *FIVE, modules=MODULES,
                          wait=False)

    def strike(self, kind):
        """Kill one of that kind; the kind, or "nothing"."""
        at = self.rng.randrange(2)
        w = self.workers[at]
        try:
            if kind == "worker":
                w.kill()
                self.dead.append(w)
                self.workers[at] = self.another()
            elif kind == "server":
                os.kill(w.server_pid(), signal.SIGKILL)
            else:
                os.kill(self.rng.choice(w.child_pids()), signal.SIGKILL)
        except (ValueError, IndexError, FileNotFoundError,
                ProcessLookupError):
            kind = "nothing"  # it is between two lives
        return kind


def places(r):
    """Where each id is, as many times as it is there."""
    found = {}
    for q in FIVE:
        for kind, ids in (
                ("queue", r.lrange(f"rq:queue:{q}", 0, -1)),
                ("queue", r.lrange(f"rq:queue:{q}:intermediate", 0, -1)),
                ("wip", [x.split(b":")[0]
                         for x in r.zrange(f"rq:wip:{q}", 0, -1)]),
                ("finished", r.zrange(f"rq:finished:{q}", 0, -1)),
                ("failed", r.zrange(f"rq:failed:{q}", 0, -1)),
                ("other", r.zrange(f"rq:scheduled:{q}", 0, -1)),
                ("other", r.zrange(f"rq:deferred:{q}", 0, -1)),
                ("other", r.zrange(f"rq:canceled:{q}", 0, -1))):
            for job_id in ids:
                found.setdefault(job_id.decode(), []).append(kind)
    return found


def waiting(r):
    return sum(r.llen(f"rq:queue:{q}") for q in FIVE)


def enqueue(r, count, rng):
    """Half of them may be retried."""
    data = {q: [] for q in FIVE}
    for i in range(count):
        data[FIVE[i % 5]].append(Queue.prepare_data(
            "ledger.run", args=(rng.uniform(0.001, 0.005),), result_ttl=-1,
            retry=Retry(20) if i % 2 else None))
    return {job.id: job for q in FIVE
            for job in Queue(q, connection=r).enqueue_many(data[q])}


def check_job(r, job_id, place, runs):
    job = Job.fetch(job_id, connection=r)
    times = int(runs.get(job_id.encode(), 0))
    again = 20 - job.retries_left if job.retries_left is not None else 0
    assert place == [job.get_status().value], f"{job_id}: {place}"
    # A retry is for a run that was lost, which may not have come to count.
    assert times <= 1 + again, f"{job_id} was begun {times} times"
    assert job.get_executions() == []
    if place == ["finished"]:
        assert times >= 1 and len(job.results()) == 1
        return
    assert place == ["failed"] and job.retries_left is None
    text = job.latest_result().exc_string
    assert "Work-horse terminated unexpectedly" in text \
        or "due to AbandonedJobError" in text, text


def test_the_books_balance(r, worker):
    seed = random.randrange(10 ** 6)
    print("seed", seed)
    rng = random.Random(seed)
    count, strikes = (20000, 20) if LONG else (2000, 10)
    jobs = enqueue(r, count, rng)
    fleet = Fleet(worker, rng)
    hits = Counter()
    left = count
    while sum(hits.values()) - hits["nothing"] < strikes and left > 100:
        # Spread over the work, however fast that is.
        goal = left - count * 0.9 / strikes * rng.uniform(0.2, 1)
        eventually(lambda: waiting(r) <= max(goal, 0), 120, 0.002)
        hits[fleet.strike(["worker", "server", "child"][
            sum(hits.values()) % 3])] += 1
        left = waiting(r)
    print(dict(hits))
    eventually(lambda: waiting(r) == 0, 120)
    # Runs of the dead: others wait for RQ's deadline, which is now.
    lost = 0

    def settled():
        nonlocal lost
        live = {str(w.pid) for w in fleet.workers}
        stems = [x for x in r.zrange("crq:alive", 0, -1)
                 if x.decode().rsplit(".", 2)[1] not in live]
        for stem in stems:
            r.zadd("crq:alive", {stem: 0}, xx=True)
            entries = r.hgetall(b"crq:runs:" + stem)
            lost += len(entries)
            for execution, entry in entries.items():
                _, _, size, rest = entry.split(b":", 3)
                job_id, queue = rest[:int(size)], rest[int(size) + 1:]
                r.zadd(b"rq:wip:" + queue, {job_id + b":" + execution:
                                            time.time() - 1}, xx=True)
        return all(p == ["finished"] or p == ["failed"]
                   for p in places(r).values())

    eventually(settled, 30, 0.2)
    found, runs = places(r), r.hgetall("ledger:begun")
    assert set(found) == set(jobs)
    for job_id, place in found.items():
        check_job(r, job_id, place, runs)
    for w in fleet.dead:
        assert w.pids() == []
    assert r.keys("crq:runs:*") == []
    print(Counter(p[0] for p in found.values()), "seen lost", lost)
