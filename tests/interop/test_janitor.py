"""What a crq-worker cleans up, alone and beside RQ's workers."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from rq import Callback, Retry
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, StartedJobRegistry

from conftest import eventually

ENDED = (JobStatus.FINISHED, JobStatus.FAILED)


def abandoned(job, queue="q", old=False, deadline=5):
    """As a Python worker leaves it that was killed."""
    r, execution = job.connection, uuid.uuid4().hex
    r.lrem(f"rq:queue:{queue}", 1, job.id)
    r.hset(job.key, mapping={"status": "started", "worker_name": "gone"})
    if old:
        r.zadd(f"rq:wip:{queue}", {job.id: deadline})
        return job
    r.zadd(f"rq:executions:{job.id}", {execution: deadline + 60})
    r.zadd(f"rq:wip:{queue}", {f"{job.id}:{execution}": deadline})
    return job


def half_taken(job):
    r = job.connection
    r.lmove("rq:queue:q", "rq:queue:q:intermediate", "LEFT", "RIGHT")
    r.set(f"rq:queue:q:intermediate:first_seen:{job.id}", time.time() - 61)
    return job


# ---- what a round does ----

def test_abandoned_runs_of_a_python_worker_fail(r, q, worker):
    jobs = [abandoned(q.enqueue("demo.add", 1, 2), old=old)
            for old in (False, True)]
    worker("--jobs", 1, "q")
    for job in jobs:
        eventually(lambda: job.get_status() == JobStatus.FAILED)
        result = job.latest_result()
        assert "AbandonedJobError" in result.exc_string
        assert result.worker_name == ""
        assert job.id in FailedJobRegistry("q", connection=r).get_job_ids()
    assert r.zcard("rq:wip:q") == 0


def test_abandoned_runs_with_retries_run_again(r, q, worker):
    job = abandoned(q.enqueue("demo.add", 1, 2, retry=Retry(1)))
    assert worker("--jobs", 1, "--burst", "q", wait=False).wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert job.return_value() == 3


@pytest.mark.parametrize("burst", [[], ["--burst"]], ids=["on", "burst"])
@pytest.mark.parametrize("count", [1, 3])
def test_on_failure_is_called_for_abandoned_runs(r, q, worker, burst, count):
    jobs = [abandoned(q.enqueue("demo.add", 1, 2,
                                on_failure=Callback("demo.on_failure")))
            for _ in range(count)]
    worker("--jobs", 1, *burst, "q", wait=False)
    for job in jobs:
        eventually(lambda: job.get_status() == JobStatus.FAILED)
        assert "AbandonedJobError" in job.latest_result().exc_string
    lines = [json.loads(line) for line in r.lrange("demo:callbacks", 0, -1)]
    assert sorted(line["job_id"] for line in lines) == \
        sorted(job.id for job in jobs)
    assert {line["callback"] for line in lines} == {"on_failure"}


def test_an_on_failure_that_no_module_has_does_not_hold_up(r, q, worker):
    job = abandoned(q.enqueue("demo.add", 1, 2,
                              on_failure=Callback("nobody.has_it")))
    worker("--jobs", 1, "q")
    eventually(lambda: job.get_status() == JobStatus.FAILED)
    text = job.latest_result().exc_string
    assert "AbandonedJobError" in text and "nobody.has_it" in text


def test_an_abandoned_run_of_a_long_id_fails_without_its_on_failure(
        r, q, worker):
    job = abandoned(q.enqueue("demo.add", 1, 2, job_id="x" * 401,
                              on_failure=Callback("demo.on_failure")))
    worker("--jobs", 1, "q")
    eventually(lambda: job.get_status() == JobStatus.FAILED)
    assert "AbandonedJobError" in job.latest_result().exc_string
    assert r.zcard("rq:wip:q") == 0 and r.zcard("crq:alive") == 0
    assert r.llen("demo:callbacks") == 0


@pytest.mark.skipif(not os.environ.get("CRQ_LONG"), reason="takes a minute")
def test_what_is_half_taken_later_is_seen_within_a_minute(r, q, worker):
    r.sadd("rq:groups", "gone")  # the last that a whole round looks at
    worker("--jobs", 1, *[f"q{n}" for n in range(4)], "q")
    eventually(lambda: not r.exists("rq:groups"))
    job = Job.create("demo.add", (1, 2), connection=r, origin="q", timeout=60,
                     status=JobStatus.QUEUED)
    job.save()
    r.set(f"rq:queue:q:intermediate:first_seen:{job.id}", time.time() - 61)
    r.rpush("rq:queue:q:intermediate", job.id)
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 90)


def test_expired_entries_leave_the_registries(r, q, worker):
    for kind in ("finished", "failed"):
        r.zadd(f"rq:{kind}:q", {"past": 5, "ever": -1,
                                "later": time.time() + 100})
    worker("--jobs", 1, "q")
    for kind in ("finished", "failed"):
        eventually(lambda: r.zrange(f"rq:{kind}:q", 0, -1)
                   == [b"ever", b"later"])


def test_what_a_dead_worker_had_half_taken_is_run(r, q, worker):
    job = half_taken(q.enqueue("demo.add", 1, 2))
    behind = q.enqueue("demo.add", 3, 4)
    made = worker("--jobs", 1, "q")
    eventually(lambda: job.get_status() == JobStatus.FINISHED)
    eventually(lambda: behind.get_status() == JobStatus.FINISHED)
    assert r.llen("rq:queue:q:intermediate") == 0
    eventually(lambda: "back in their queue" in made.text())


def test_workers_without_a_record_leave_the_lists(r, worker):
    for key in ("rq:workers", "rq:workers:q"):
        r.sadd(key, "rq:worker:dead")
    worker("--jobs", 1, "--name", "w", "q")
    for key in ("rq:workers", "rq:workers:q"):
        eventually(lambda: r.smembers(key) == {b"rq:worker:w"})


def test_groups_lose_what_is_gone(r, q, worker):
    job = q.enqueue("demo.nosuch")
    r.sadd("rq:groups", *[f"g{n}" for n in range(300)], "kept")
    r.sadd("rq:group:kept", job.id, *[f"id{n}" for n in range(500)])
    worker("--jobs", 1, "other")
    eventually(lambda: r.smembers("rq:groups") == {b"kept"})
    eventually(lambda: r.smembers("rq:group:kept") == {job.id.encode()})


def test_it_is_done_again_and_again(r, worker):
    worker("--jobs", 1, "--maintenance-interval", 1, "q")
    for _ in range(3):
        r.zadd("rq:finished:q", {"past": 5})
        eventually(lambda: not r.exists("rq:finished:q"))


# ---- whose turn it is ----

def test_a_locked_queue_is_left_alone_and_others_are_not(r, q, worker):
    r.set("rq:clean_registries:q", 1, ex=899)
    for name in ("q", "p"):
        r.zadd(f"rq:finished:{name}", {"past": 5})
    worker("--jobs", 1, "q", "p")
    eventually(lambda: not r.exists("rq:finished:p"))
    eventually(lambda: not r.exists("rq:clean_registries:p"))
    assert r.zcard("rq:finished:q") == 1
    assert r.get("rq:clean_registries:q") == b"1"


def test_a_key_of_a_foreign_type_does_not_hold_up_the_rest(r, worker):
    r.set("rq:wip:q", 5)
    r.sadd("rq:workers:q", "rq:worker:dead")
    r.zadd("rq:finished:p", {"past": 5})
    made = worker("--jobs", 1, "q", "p")
    eventually(lambda: not r.exists("rq:finished:p"))
    eventually(lambda: not r.sismember("rq:workers:q", "rq:worker:dead"))
    eventually(lambda: not r.keys("rq:clean_registries:*"))
    said, = [line for line in made.text().splitlines()
             if "maintenance of q, registries:" in line]
    assert "WRONGTYPE rq:wip:q" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_gives_the_lock_back(r, worker, number):
    names = [f"q{n}" for n in range(30)]
    for name in names:
        r.zadd(f"rq:finished:{name}", {f"a{n}": 5 for n in range(1000)})
    made = worker("--jobs", 1, *names, wait=False)
    eventually(lambda: r.keys("rq:clean_registries:*"), every=0)
    made.signal(number)
    assert made.wait() == 0
    assert r.keys("rq:clean_registries:*") == []


# ---- old RQ ----

def test_a_worker_of_old_rq_is_named_once(r, worker):
    for name, version in (("old", "1.16.2"), ("new", "2.0.0")):
        key = f"rq:worker:{name}"
        r.hset(key, mapping={"version": version, "python_version": "3",
                             "queues": "q"})
        r.sadd("rq:workers", key)
        r.sadd("rq:workers:q", key)
    made = worker("--jobs", 1, "--maintenance-interval", 1, "q")
    eventually(lambda: "the worker old is RQ 1.16.2" in made.text())
    r.zadd("rq:finished:q", {"past": 5})
    eventually(lambda: not r.exists("rq:finished:q"))
    eventually(lambda: not r.exists("rq:clean_registries:q"))
    assert made.text().count("the worker old") == 1
    assert "the worker new" not in made.text()


# ---- a mixed fleet ----

PYTHON_WORKER = """
import sys
from redis import Redis
from rq import Queue, Worker
r = Redis.from_url(sys.argv[1])
Worker([Queue("q", connection=r)], connection=r, maintenance_interval=1,
       name=sys.argv[2]).work(burst=False, logging_level="WARNING")
"""


@pytest.fixture
def python_worker(redis_server):
    made = []

    def start(name):
        here = os.path.dirname(os.path.abspath(__file__))
        process = subprocess.Popen(
            [sys.executable, "-c", PYTHON_WORKER, redis_server.url, name],
            env={**os.environ, "PYTHONPATH": here}, start_new_session=True)
        made.append(process)
        return process

    yield start
    for process in made:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def places(r, job_id):
    """All lists and registries that a job is in."""
    found = [name for name in ("finished", "failed", "deferred", "scheduled",
                               "canceled")
             if r.zscore(f"rq:{name}:q", job_id) is not None]
    found += ["wip" for member in r.zrange("rq:wip:q", 0, -1)
              if member.decode().split(":")[0] == job_id]
    for key in ("rq:queue:q", "rq:queue:q:intermediate"):
        found += [key] * r.lrange(key, 0, -1).count(job_id.encode())
    return found


def test_a_mixed_fleet_accounts_for_every_job(r, q, worker, python_worker):
    """Both clean every second, while jobs run, are abandoned, get stuck."""
    made = worker("--jobs", 2, "--maintenance-interval", 1, "q")
    python_worker("p")
    eventually(lambda: len(r.smembers("rq:workers:q")) == 3, 20)
    jobs = []
    for n in range(60):
        retry = Retry(1) if n % 2 else None
        job = Job.create("demo.add", (n, 1), connection=r, origin="q",
                         timeout=60, retry=retry, status=JobStatus.QUEUED)
        if n % 5 == 0:
            job.save()
            # To come: RQ drops entries that become old while it cleans.
            abandoned(job, deadline=int(time.time()) + 1 + n % 3)
        elif n % 7 == 0:
            job.save()
            r.set(f"rq:queue:q:intermediate:first_seen:{job.id}",
                  time.time() - 61)
            r.rpush("rq:queue:q:intermediate", job.id)
        else:
            q.enqueue_job(job)
        jobs.append(job)
    for job in jobs:
        eventually(lambda: job.get_status() in ENDED, 30)
        eventually(lambda: places(r, job.id) in (["finished"], ["failed"]), 30)
    assert made.running()
    for n, job in enumerate(jobs):
        if job.get_status() == JobStatus.FINISHED:
            assert job.return_value() == n + 1
            continue
        # Only what was taken from a worker that is gone, and may not be
        # tried again, has failed; of half-taken jobs those that RQ found.
        text = job.latest_result().exc_string
        assert n % 2 == 0 and (n % 5 == 0 or n % 7 == 0), text
        assert "AbandonedJobError" in text or "stuck in" in text
    assert StartedJobRegistry("q", connection=r).get_job_ids() == []
    eventually(lambda: r.keys("crq:runs:*") == [])
