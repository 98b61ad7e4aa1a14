"""Jobs that a worker has claimed before a child is free for them, and what
keeps it from claiming."""

import json
import os
import signal
import time

import pytest
from rq import Callback, Queue, Worker
from rq.command import send_command
from rq.job import JobStatus
from rq.suspension import resume, suspend

from conftest import eventually, program_folder
from test_fault import Redis


@pytest.fixture
def own_redis():
    made = Redis()
    yield made
    made.r.close()
    made.end(signal.SIGKILL)


def status(job, wanted, seconds=10):
    eventually(lambda: job.get_status() == wanted, seconds)
    job.refresh()
    return job


def used_to_short_jobs(r, q):
    """The worker has seen so many that it claims ahead."""
    jobs = q.enqueue_many([Queue.prepare_data("demo.noop")
                           for _ in range(150)])
    for job in jobs:
        status(job, JobStatus.FINISHED)
    eventually(lambda: all(w.get_state() == "idle"
                           for w in Worker.all(connection=r)))


def enqueue(q, *calls, **options):
    """All at once, so that one claim finds them."""
    return q.enqueue_many([Queue.prepare_data(func, args=args, **options)
                           for func, *args in calls])


def mark(r, job):
    """How far the run of a job is: None when there is none."""
    for key in r.scan_iter(f"rq:execution:{job.id}:*"):
        return r.hget(key, "crq")
    return None


def end_early(r, long, short):
    eventually(lambda: long.get_status() in (JobStatus.STARTED,
                                             JobStatus.FINISHED))
    if long.get_status() == JobStatus.STARTED:
        long.refresh()
        send_command(r, long.worker_name, "stop-job", job_id=long.id)
    status(short, JobStatus.FINISHED)


def wait_behind(r, q, seconds, **options):
    """A long job, and one that is claimed and waits behind it at this very
    moment: which it does for 10 ms only."""
    for _ in range(20):
        long, short = enqueue(q, ("demo.sleep", seconds), ("demo.noop",),
                              **options)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            if mark(r, short) == b"waiting":
                return long, short
        end_early(r, long, short)
        used_to_short_jobs(r, q)
    pytest.fail("no run was seen to wait")


# ---- what waits ----

@pytest.mark.parametrize("jobs", [1, 2])
def test_what_waits_behind_long_jobs_goes_back_in_its_order(r, q, worker,
                                                            jobs):
    worker("--jobs", jobs, "q")
    used_to_short_jobs(r, q)
    made = enqueue(q, *[("demo.sleep", 1)] * jobs, *[("demo.noop",)] * 6)
    status(made[jobs - 1], JobStatus.STARTED)
    eventually(lambda: q.get_job_ids() == [job.id for job in made[jobs:]],
               0.9, 0.001)
    for job in made[jobs:]:
        job.refresh()
        assert job.get_status() == JobStatus.QUEUED
        assert job.started_at is None and not job.worker_name
        assert job.get_executions() == []
    assert r.zcard("rq:wip:q") == jobs
    for job in made:
        status(job, JobStatus.FINISHED)
    assert [job.started_at for job in made] \
        == sorted(job.started_at for job in made)


@pytest.mark.parametrize("options", [{}, {
    "on_stopped": Callback("demo.on_stopped"),
    "on_failure": Callback("demo.on_failure")}], ids=["alone", "callbacks"])
def test_a_waiting_run_can_be_stopped(r, q, worker, options):
    worker("--jobs", 1, "--name", "w", "q")
    used_to_short_jobs(r, q)
    for _ in range(20):
        long, short = wait_behind(r, q, 0.2, **options)
        send_command(r, "w", "stop-job", job_id=short.id)
        status(long, JobStatus.FINISHED)
        ended = eventually(lambda: short.get_status() in (
            JobStatus.STOPPED, JobStatus.FINISHED) and short.get_status())
        if ended == JobStatus.STOPPED:
            break
        used_to_short_jobs(r, q)
    assert short.get_status() == JobStatus.STOPPED
    assert "stopped by user" in short.latest_result().exc_string
    assert short.get_executions() == [] and short.id in \
        [x.decode() for x in r.zrange("rq:failed:q", 0, -1)]
    called = [json.loads(line) for line in r.lrange("demo:callbacks", 0, -1)]
    assert [line["callback"] for line in called
            if line["job_id"] == short.id] == ["on_stopped"][:len(options)]


def test_a_killed_workers_waiting_runs_start_again_in_8_s(r, q, worker):
    first = worker("--jobs", 1, "q")
    used_to_short_jobs(r, q)
    for _ in range(20):
        long, short = wait_behind(r, q, 30)
        first.signal(signal.SIGSTOP)
        if mark(r, short) == b"waiting":
            break
        first.signal(signal.SIGCONT)
        end_early(r, long, short)
        used_to_short_jobs(r, q)
    assert mark(r, short) == b"waiting"
    first.kill()
    died = time.monotonic()
    worker("--jobs", 2, "q")  # the long one may have been waiting, too
    status(short, JobStatus.FINISHED)
    assert time.monotonic() - died < 8
    assert first.pids() == []


@pytest.mark.parametrize("hold", ["suspend", "stop"])
def test_no_run_waits_in_a_worker_that_takes_no_jobs(r, q, worker, hold):
    w = worker("--jobs", 1, "q")
    used_to_short_jobs(r, q)
    made = enqueue(q, *[("demo.sleep", 0.002)] * 400)
    eventually(lambda: q.count < 350, every=0.001)
    if hold == "suspend":
        suspend(r)
        eventually(lambda: r.zcard("rq:wip:q") == 0, 2)
    else:
        w.signal(signal.SIGTERM)
        assert w.wait() == 0
    left = q.get_job_ids()
    # Those at the front were not overtaken.
    assert left == [job.id for job in made[-len(left):]]
    assert 0 < len(left) and r.keys("rq:execution*") == []
    resume(r)


def test_short_jobs_are_claimed_several_at_a_time(r, q, worker):
    worker("-q", "--jobs", 2, "q")
    used_to_short_jobs(r, q)
    time.sleep(0.2)
    r.config_resetstat()
    jobs = enqueue(q, *[("demo.noop",)] * 400)
    for job in jobs:
        status(job, JobStatus.FINISHED)
    # Once for the claim of each, its begin and its end would be 1200.
    assert r.info("commandstats")["cmdstat_evalsha"]["calls"] < 1000


# ---- what cannot be taken ----

def test_nothing_is_claimed_ahead_while_there_are_no_children(r, q, worker):
    w = worker("--jobs", 4, "q")
    used_to_short_jobs(r, q)
    server = w.server_pid()
    children = w.child_pids()
    os.kill(server, signal.SIGSTOP)
    try:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)  # the worker sees their sockets end
        before = w.text().count("goes back")
        job = q.enqueue("demo.noop")
        time.sleep(0.3)
        assert w.text().count("goes back") == before
        assert job.get_status() == JobStatus.QUEUED
    finally:
        os.kill(server, signal.SIGCONT)
    status(job, JobStatus.FINISHED)


@pytest.mark.parametrize("key", ["rq:queue:bad", "rq:wip:bad"])
def test_a_queue_that_cannot_be_served_holds_up_no_other(r, q, worker, key):
    bad = Queue("bad", connection=r)
    job = bad.enqueue("demo.add", 1, 1)
    content = r.dump(key) if r.exists(key) else None
    r.set(key, "nonsense")
    w = worker("--jobs", 1, "bad", "q")
    for n in range(3):
        other = status(q.enqueue("demo.add", n, n), JobStatus.FINISHED)
        assert other.return_value() == 2 * n
    time.sleep(1.2)
    assert w.text().count("bad cannot be served: WRONGTYPE") == 1
    r.delete(key)
    if content is not None:
        r.restore(key, 0, content)
    assert status(job, JobStatus.FINISHED).return_value() == 2
    assert w.text().count("bad can be served again") == 1


def test_an_id_of_any_length_comes_to_an_end(r, q, worker):
    worker("--jobs", 1, "q")
    for length in (400, 401, 5000):
        job = q.enqueue("demo.add", 2, 3, job_id="x" * length)
        ended = eventually(lambda: job.get_status() in (
            JobStatus.FINISHED, JobStatus.FAILED) and job.get_status())
        assert (ended == JobStatus.FINISHED) == (length == 400)
        assert job.get_executions() == []
    assert "longer than" in job.latest_result().exc_string
    assert r.zcard("rq:wip:q") == 0


def test_a_job_too_large_for_a_child_fails_and_the_next_one_runs(r, q, worker):
    with open(os.path.join(program_folder(), "crq-worker"), "rb") as f:
        if b"libasan" in f.read():
            pytest.skip("sanitizers need half a minute for such a reply")
    large, small = q.enqueue("demo.noop"), q.enqueue("demo.noop")
    r.hset(large.key, "data", bytes(131 << 20))
    worker("--jobs", 1, "q")
    eventually(lambda: large.get_status() == JobStatus.FAILED, 30)
    r.delete(large.key)
    status(small, JobStatus.FINISHED)


# ---- what is said ----

def test_an_outage_is_said_once(own_redis, worker):
    w = worker("--jobs", 1, "q", url=own_redis.url)
    own_redis.end(signal.SIGKILL)
    time.sleep(4)
    own_redis.start()
    job = Queue("q", connection=own_redis.r).enqueue("demo.add", 2, 3)
    status(job, JobStatus.FINISHED)
    lines = w.text().splitlines()
    assert len([x for x in lines if " warning " in x or " error " in x]) == 1
    assert len([x for x in lines if "connected to Redis" in x]) == 2


def test_a_redis_that_takes_no_writes_is_said_once(own_redis, worker):
    r = own_redis.r
    w = worker("--jobs", 1, "q", url=own_redis.url)
    job = Queue("q", connection=r).enqueue("demo.sleep", 0.6)
    status(job, JobStatus.STARTED)
    r.config_set("min-replicas-to-write", 1)
    time.sleep(3.5)
    r.config_set("min-replicas-to-write", 0)
    status(job, JobStatus.FINISHED)

    def lines():
        return [x for x in w.text().splitlines() if "ends of runs" in x]

    eventually(lambda: len(lines()) > 1)
    assert len(lines()) == 2 and "over:" in lines()[1]


def test_a_missing_module_is_the_first_thing_said(worker, tmp_path):
    w = worker("--load", tmp_path / "nope.so", "q", modules=(), wait=False,
               url=f"unix://{tmp_path}/nothing")
    assert w.wait() == 1
    assert "nope.so" in w.text().splitlines()[0]
    assert f"{tmp_path}/nothing" not in w.text()
