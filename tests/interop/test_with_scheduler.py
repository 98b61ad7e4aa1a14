"""crq-worker --with-scheduler, crq scheduler, crq up: a scheduler comes along."""

import os
import signal
import subprocess
from datetime import timedelta

from conftest import eventually, program_folder
from rq import Queue, Retry
from rq.job import JobStatus

LEADER = "crq:scheduler:leader"


def scheduler_pid(made):
    """The worker's child that is the scheduler."""
    for pid in made.pids():
        with open(f"/proc/{pid}/comm") as f:
            if f.read().strip() == "crq-scheduler":
                return pid
    return None


def test_a_job_for_later_and_a_delayed_retry_are_run(r, worker):
    q = Queue("q", connection=r)
    later = q.enqueue_in(timedelta(seconds=1), "demo.add", 2, 3)
    retried = q.enqueue("demo.fail", retry=Retry(max=1, interval=1))
    worker("--with-scheduler", "q")
    eventually(lambda: later.get_status() == JobStatus.FINISHED)
    assert later.return_value() == 5
    eventually(lambda: retried.get_status() == JobStatus.FAILED)
    retried.refresh()
    assert retried.retries_left == 0


def test_the_scheduler_works_for_the_queues_of_its_worker(r, worker):
    Queue("q", connection=r).enqueue_in(timedelta(hours=1), "demo.add", 2, 3)
    Queue("p", connection=r).enqueue_in(timedelta(hours=1), "demo.add", 2, 3)
    worker("--with-scheduler", "q")
    eventually(lambda: r.exists("rq:scheduler-lock:q"))
    assert not r.exists("rq:scheduler-lock:p")


def test_workers_of_different_queues_have_their_jobs_run(r, worker):
    """Though one scheduler leads, and gives back what it held in the end."""
    first = worker("--with-scheduler", "q")
    eventually(lambda: r.exists(LEADER))
    worker("--with-scheduler", "p")
    jobs = [Queue(name, connection=r).enqueue_in(
        timedelta(seconds=1), "demo.add", 2, 3) for name in "qp"]
    eventually(lambda: all(job.get_status() == JobStatus.FINISHED
                           for job in jobs), 20)
    held = {r.get(f"rq:scheduler-lock:{name}") for name in "qp"}
    assert len(held) == 1 and None not in held
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    job = Queue("p", connection=r).enqueue_in(timedelta(seconds=1),
                                              "demo.add", 2, 3)
    eventually(lambda: job.get_status() == JobStatus.FINISHED, 20)
    assert r.get("rq:scheduler-lock:p") not in held
    # The new leader is not asked for this one any more.
    eventually(lambda: not r.exists("rq:scheduler-lock:q"), 30)


def test_the_scheduler_leaves_with_its_worker(r, worker):
    made = worker("--with-scheduler", "q")
    eventually(lambda: r.exists(LEADER))
    made.signal(signal.SIGTERM)
    assert made.wait() == 0
    assert not r.exists(LEADER)


def test_a_scheduler_that_died_is_started_again(r, worker):
    made = worker("--with-scheduler", "q")
    eventually(lambda: r.exists(LEADER))
    first = scheduler_pid(made)
    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: scheduler_pid(made) not in (None, first)
                        and scheduler_pid(made))
    assert "it is started again" in made.text()
    eventually(lambda: f".{second}." in (r.get(LEADER) or b"").decode())


def test_the_scheduler_of_a_killed_worker_gives_its_locks_back(r, worker):
    made = worker("--with-scheduler", "q")
    eventually(lambda: r.exists(LEADER))
    made.kill()
    eventually(lambda: not made.pids())
    assert not r.exists(LEADER)


def test_a_stopped_scheduler_does_not_keep_its_worker(r, worker):
    made = worker("--with-scheduler", "q")
    eventually(lambda: r.exists(LEADER))
    os.kill(scheduler_pid(made), signal.SIGSTOP)
    made.signal(signal.SIGTERM)
    assert made.wait(15) == 0


def test_a_burst_runs_what_is_due_and_not_what_comes_later(r, worker):
    q = Queue("q", connection=r)
    due = q.enqueue_in(timedelta(seconds=-1), "demo.add", 2, 3)
    later = q.enqueue_in(timedelta(hours=1), "demo.add", 2, 3)
    made = worker("--with-scheduler", "--burst", "q", wait=False)
    assert made.wait() == 0
    assert due.return_value() == 5
    assert later.get_status() == JobStatus.SCHEDULED


def test_crq_scheduler_becomes_the_program(r, redis_server):
    made = subprocess.Popen(
        [os.path.join(program_folder(), "crq"), "-u", redis_server.url,
         "scheduler", "--name", "verb"], stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: (r.get(LEADER) or b"").startswith(b"verb."))
        assert f".{made.pid}." in r.get(LEADER).decode()
    finally:
        made.terminate()
        assert made.wait(10) == 0
    assert not r.exists(LEADER)
