"""A job that crq's worker runs leaves what RQ's worker would have left."""

import os
import pickle
import subprocess

import pytest
from rq import Queue, Retry, SimpleWorker, Worker
from rq.job import Dependency, Job, JobStatus
from rq.registry import (FailedJobRegistry, FinishedJobRegistry,
                         StartedJobRegistry)
from rq.repeat import Repeat

import tasks
from state import dump


@pytest.fixture
def peer(redis_server):
    """Steps of a run: see run_peer.c. Returns the words it prints."""
    program = os.path.join(os.path.dirname(os.environ.get("CRQ_BIN", "")),
                           "tests", "interop", "run_peer")
    if not os.access(program, os.X_OK):
        pytest.skip(f"there is no {program}")

    def run(*args):
        done = subprocess.run([program, redis_server.url, *map(str, args)],
                              text=True, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def job(r, func, *args, **options):
    return Queue("q", connection=r).enqueue(func, args=args, job_id="a",
                                            **options)


def waiting(r, number, queue="q", **options):
    """A job that depends on a."""
    return Queue(queue, connection=r).enqueue(
        "tasks.echo", args=(number,), job_id=f"w{number}",
        depends_on=Dependency(jobs=["a"], **options))


def plain(r):
    job(r, "tasks.echo", 7)


def with_dependents(r, func="tasks.echo"):
    job(r, func, "x")
    waiting(r, 1)
    waiting(r, 2, "other", enqueue_at_front=True)
    waiting(r, 3, allow_failure=True)


#: What is enqueued, how the run ends, and how often it is run.
SCENARIOS = {
    "success": (plain, ("success", 7), 1),
    "none": (lambda r: job(r, "tasks.echo", None), ("success", None), 1),
    "result_ttl": (lambda r: job(r, "tasks.echo", 7, result_ttl=77),
                   ("success", 7), 1),
    "kept": (lambda r: job(r, "tasks.echo", 7, result_ttl=-1),
             ("success", 7), 1),
    "dropped": (lambda r: job(r, "tasks.echo", 7, result_ttl=0),
                ("success", 7), 1),
    "ttl": (lambda r: job(r, "tasks.echo", 7, ttl=50), ("success", 7), 1),
    "meta": (lambda r: job(r, "tasks.echo", 7, meta={"k": 1}),
             ("success", 7), 1),
    "repeat": (lambda r: job(r, "tasks.echo", 7,
                             repeat=Repeat(4, interval=[100, 200, 300])),
               ("success", 7), 1),
    "repeat at once": (lambda r: job(r, "tasks.echo", 7, ttl=70,
                                     repeat=Repeat(2)), ("success", 7), 2),
    "failure": (lambda r: job(r, "tasks.fail"), ("failure",), 1),
    "failure_ttl": (lambda r: job(r, "tasks.fail", failure_ttl=60),
                    ("failure",), 1),
    "failed for ever": (lambda r: job(r, "tasks.fail", failure_ttl=-1),
                        ("failure",), 1),
    "retry": (lambda r: job(r, "tasks.fail", retry=Retry(3)),
              ("failure",), 2),
    "last retry": (lambda r: job(r, "tasks.fail", retry=Retry(1)),
                   ("failure",), 2),
    "retry later": (lambda r: job(r, "tasks.fail", ttl=66, retry=Retry(
        4, interval=[100, 200])), ("failure",), 1),
    "retry in front": (
        lambda r: (job(r, "tasks.fail", retry=Retry(
            2, enqueue_at_front=True)), Queue("q", connection=r).enqueue(
                "tasks.echo", job_id="b")), ("failure",), 1),
    "returned retry": (lambda r: job(r, "tasks.again", 2),
                       ("retry", 2, [0]), 1),
    "returned later": (lambda r: job(r, "tasks.again", 5, [100, 200],
                                     failure_ttl=90),
                       ("retry", 5, [100, 200]), 1),
    "returned too often": (lambda r: job(r, "tasks.again", 1),
                           ("retry", 1, [0]), 2),
    "dependents": (with_dependents, ("success", "x"), 1),
    "dependents of a failure": (lambda r: with_dependents(r, "tasks.fail"),
                                ("failure",), 1),
}


def run_by_rq(r, times):
    SimpleWorker([Queue("q", connection=r)], connection=r, name="w").work(
        burst=True, max_jobs=times, logging_level="CRITICAL")


def finish(peer, run, ending):
    how, *values = ending
    if how == "failure":
        words = ["failure", "Traceback: no luck"]
    elif how == "retry":
        value = pickle.dumps(Retry(values[0], interval=values[1]))
        words = ["retry", value.hex(), values[0],
                 ",".join(map(str, values[1]))]
    else:
        words = ["success", "-" if values[0] is None
                 else pickle.dumps(values[0]).hex()]
    return peer("finish", "q", *run, "w", *words)


def run_by_crq(peer, times, ending):
    for _ in range(times):
        finish(peer, peer("claim", "q", "w", "begun"), ending)


def comparable(state, name):
    """Without what each worker keeps of itself, and RQ's old result fields,
    which crq reads but never writes. RQ promotes dependents in the order of a
    Python set, which is any."""
    state = {key: value for key, value in state.items()
             if not key.startswith(("rq:worker", "rq:clean_registries"))}
    for kind, content, _ in state.values():
        if kind == "hash":
            content.pop("result", None)
            content.pop("exc_info", None)
        if kind == "list" and "dependents" in name:
            content.sort()
        if kind == "stream":
            for entry in content:
                if "Retry object" in entry.get("return_value", ""):
                    entry["return_value"] = "<Retry>"
    return state


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_workers_leave_the_same(r, peer, name):
    enqueue, ending, times = SCENARIOS[name]
    enqueue(r)
    run_by_rq(r, times)
    theirs = comparable(dump(r, ttl_step=20), name)
    r.flushall()

    enqueue(r)
    run_by_crq(peer, times, ending)

    assert comparable(dump(r, ttl_step=20), name) == theirs


def look(r):
    """All that RQ's classes read of a job; none of it may raise."""
    got = Job.fetch("a", connection=r)
    got.get_status(), got.latest_result(), got.results(), got.get_position()
    executions = got.get_executions()
    started = StartedJobRegistry("q", connection=r)
    started.get_job_and_execution_ids()
    return got, executions, started.get_job_ids()


@pytest.mark.parametrize("mark", ["waiting", "begun"])
def test_rq_reads_every_state_on_the_way(r, peer, mark):
    peer("birth", "w", "q")
    job(r, "tasks.echo", 7, ttl=100)
    assert look(r)[0].get_status() == JobStatus.QUEUED

    run = peer("claim", "q", "w", mark)

    peer("update", "w", "busy", "a")
    got, executions, started = look(r)
    assert got.get_status() == JobStatus.STARTED and got.worker_name == "w"
    assert [e.id for e in executions] == [run[1]] and started == ["a"]
    assert (got.started_at is None) == (mark == "waiting")
    assert r.ttl("rq:job:a") == -1
    worker, = Worker.all(connection=r)
    assert worker.get_state() == "busy" and worker.get_current_job_id() == "a"
    assert worker.successful_job_count == 2 and worker.failed_job_count == 1
    assert worker.total_working_time == 3.25

    assert peer("begin", "q", *run) == ["1"]
    assert look(r)[0].started_at is not None
    assert peer("beat", "q", *run) == ["1"]
    assert [e.composite_key for e in look(r)[1]] == [":".join(run)]

    assert finish(peer, run, ("success", 7)) == ["1"]
    got, executions, started = look(r)
    assert got.return_value() == 7 and executions == [] and started == []
    assert got.latest_result().execution_id == run[1]
    assert got.latest_result().worker_name == "w"
    assert finish(peer, run, ("success", 7)) == ["0"]
    assert len(got.results()) == 1
    peer("death", "w", "q")
    assert Worker.all(connection=r) == [] and r.keys("crq:*") == []


def test_a_job_handed_back_is_run_by_rq(r, peer):
    job(r, "tasks.echo", 7, ttl=100)
    run = peer("claim", "q", "w", "waiting")
    assert peer("back", "q", *run) == ["1"]
    assert look(r)[0].get_status() == JobStatus.QUEUED
    assert 90 < r.ttl("rq:job:a") <= 100

    run_by_rq(r, 1)

    assert look(r)[0].return_value() == 7


def test_a_running_job_can_be_canceled_and_deleted(r, peer):
    got = job(r, "tasks.echo", 7)
    waiting(r, 1)
    run = peer("claim", "q", "w", "begun")
    got.refresh()
    got.cancel()
    assert finish(peer, run, ("success", 7)) == ["6"]
    got, executions, started = look(r)
    assert got.get_status() == JobStatus.CANCELED and executions == []
    assert got.latest_result().return_value == 7
    assert Job.fetch("w1", connection=r).get_status() == JobStatus.DEFERRED
    assert "a" not in FinishedJobRegistry("q", connection=r)

    r.flushall()
    got = job(r, "tasks.echo", 7)
    run = peer("claim", "q", "w", "begun")
    got.refresh()
    got.delete()
    assert peer("beat", "q", *run) == ["0"]
    assert finish(peer, run, ("success", 7)) == ["0"]
    assert not r.exists("rq:job:a") and r.keys("crq:*") == []
    assert StartedJobRegistry("q", connection=r).get_job_ids() == []


def test_a_stopped_job_can_be_requeued_by_rq(r, peer):
    job(r, "tasks.echo", 7, retry=Retry(3))
    run = peer("claim", "q", "w", "begun")
    text = "Job stopped by user, work-horse terminated."
    assert peer("finish", "q", *run, "w", "stopped", text) == ["3"]
    got, _, _ = look(r)
    assert got.get_status() == JobStatus.STOPPED
    assert got.latest_result().exc_string == text
    assert "a" in FailedJobRegistry("q", connection=r)

    FailedJobRegistry("q", connection=r).requeue("a")
    run_by_rq(r, 1)

    assert look(r)[0].return_value() == 7


def test_rqs_worker_finds_nothing_to_clean_while_a_job_runs(r, peer):
    job(r, "tasks.echo", 7)
    run = peer("claim", "q", "w", "begun")
    worker = SimpleWorker([Queue("q", connection=r)], connection=r)
    worker.clean_registries()
    assert look(r)[0].get_status() == JobStatus.STARTED
    assert finish(peer, run, ("success", 7)) == ["1"]


def test_tasks_are_those_of_this_folder():
    assert tasks.echo(7) == 7 and isinstance(tasks.again(1), Retry)
