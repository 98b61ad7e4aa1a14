"""RQ enqueues, crq-worker runs: what RQ's classes then see of the runs."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import pytest
from rq import Queue, Retry, Worker
from rq.command import (send_command, send_kill_horse_command,
                        send_shutdown_command,
                        send_stop_job_command)
from rq.job import Dependency, Job, JobStatus
from rq.serializers import DefaultSerializer, JSONSerializer

import tasks
from conftest import duties, eventually
from jobs import Msgpack, counted, ended, idle, is_nowhere_but, started, why


# ---- one job ----

def test_what_python_enqueues_runs_in_c(r, q, worker):
    worker("--jobs", 1, "--name", "w", "q")
    before = datetime.now(timezone.utc)
    job = ended(q.enqueue("demo.add", 2, 3))
    assert job.get_status() == JobStatus.FINISHED
    assert job.return_value() == 5
    result = job.latest_result()
    assert result.type == result.Type.SUCCESSFUL and result.return_value == 5
    assert result.worker_name == job.worker_name == "w"
    assert before <= job.enqueued_at.replace(tzinfo=timezone.utc)
    assert job.enqueued_at <= job.started_at <= job.ended_at
    assert job.ended_at - job.enqueued_at < timedelta(seconds=5)
    assert is_nowhere_but(job, "finished")
    assert 490 < r.ttl(job.key) <= 500
    assert 490 < r.ttl(f"rq:results:{job.id}") <= 500
    assert job.get_executions() == []
    counted(r, 1, 0)
    idle(r)
    shown, = Worker.all(connection=r)


@pytest.mark.parametrize("args, kwargs, value", [
    ((7,), {}, 7),
    ((), {"value": "naïve ☃"}, "naïve ☃"),
    (([1, (2, b"\x00\xff"), {"a": None}],), {},
     [1, (2, b"\x00\xff"), {"a": None}]),
    (({1, 2},), {}, {1, 2}),
    ((10 ** 40,), {}, 10 ** 40),
    (("x" * 1000000,), {}, "x" * 1000000),
    (tuple(), {"value": None}, None),
], ids=range(7))
def test_values_come_back_as_they_went(q, worker, args, kwargs, value):
    worker("-q", "--jobs", 1, "q")
    assert ended(q.enqueue("demo.echo", *args, **kwargs)
                 ).return_value() == value


@pytest.mark.parametrize("options, ttl", [
    ({"result_ttl": 77}, range(70, 78)),
    ({"result_ttl": -1}, [-1]),
    ({"result_ttl": 0}, [-2]),
])
def test_results_live_as_long_as_the_job_says(r, q, worker, options, ttl):
    worker("-q", "--jobs", 1, "--results-ttl", 33, "q")
    job = q.enqueue("demo.noop", **options)
    last = q.enqueue("demo.noop")
    assert ended(last).get_status() == JobStatus.FINISHED
    assert r.ttl(job.key) in ttl
    assert 25 < r.ttl(last.key) <= 33


def test_json_comes_and_goes_as_json(r, worker):
    worker("-q", "--jobs", 1, "q")
    q = Queue("q", connection=r, serializer=JSONSerializer)
    job = ended(q.enqueue("demo.greet", name="Ann"))
    assert job.return_value() == "Hi there, Ann!"
    assert ended(q.enqueue("demo.echo", {"a": [1, 2.5, None]})
                 ).return_value() == {"a": [1, 2.5, None]}
    assert ended(q.enqueue("demo.greet")).return_value() \
        == "Hi there, Stranger!"


SERIALIZERS = {"pickle": DefaultSerializer, "json": JSONSerializer,
               "msgpack": Msgpack}


@pytest.mark.parametrize("written", SERIALIZERS)
@pytest.mark.parametrize("name, told", [
    *((name, name) for name in SERIALIZERS),
    ("rq.serializers.JSONSerializer", "json"),
    ("rq.serializers.PickleSerializer", "pickle")])
def test_a_told_serializer_reads_all_jobs(r, worker, name, told, written):
    worker("-q", "--jobs", 1, "--serializer", name, "q")
    q = Queue("q", connection=r, serializer=SERIALIZERS[written])
    # 50 is the byte of "2" in msgpack, which alone could be JSON as well.
    jobs = [q.enqueue("demo.echo", value) for value in (50, [1, None], "x")]
    meta = q.enqueue("demo.meta", "k", 7, meta={"old": 1})
    if written == told:
        assert [ended(job).return_value() for job in jobs] == \
            [50, [1, None], "x"]
        assert ended(meta).get_meta(refresh=True) == {"old": 1, "k": 7}
        return
    for job in (*jobs, meta):
        assert ended(job).get_status() == JobStatus.FAILED
        assert f"reads all jobs as {told} (--serializer)" in \
            job.latest_result().exc_string
        # RQ finds it as it was.
        again = Job.fetch(job.id, connection=r,
                          serializer=SERIALIZERS[written])
        assert list(again.args) == list(job.args)


def test_rqs_worker_fails_what_it_was_not_told_either(r, redis_server):
    """So that failing is RQ's way, and not ours alone."""
    job = Queue("q", connection=r).enqueue("os.getpid")
    subprocess.run([os.path.join(os.path.dirname(sys.executable), "rq"),
                    "worker", "-q", "-b", "-S",
                    "rq.serializers.JSONSerializer", "-u", redis_server.url,
                    "q"], check=True, timeout=60)
    assert job.get_status() == JobStatus.FAILED


def test_progress_is_right_at_every_stage(r, q, worker):
    w = worker("--jobs", 1, "--name", "w", "q")
    idle(r)
    job = started(q.enqueue("demo.sleep", 120))
    execution, = job.get_executions()
    assert execution.job_id == job.id
    assert is_nowhere_but(job, "wip")
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
    shown, = Worker.all(connection=r)
    assert shown.name == "w" and shown.pid == w.pid
    assert shown.get_current_job_id() == job.id
    assert shown.queue_names() == ["q"]
    info = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "rq"), "info", "--raw",
         "-u", f"redis://127.0.0.1:"
         f"{r.connection_pool.connection_kwargs['port']}/0"],
        capture_output=True, text=True, timeout=30)
    assert "queue q 0, 1 executing" in info.stdout
    assert f"{w.pid}) busy q. jobs: 0 finished" in info.stdout
    send_stop_job_command(r, job.id)
    ended(job)
    idle(r)
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert Worker.all(connection=r) == [] and duties(r) == []


# ---- failures ----

@pytest.mark.parametrize("func, args, kwargs, texts", [
    ("demo.fail", ("no luck",), {}, ["RuntimeError: no luck", "demo.fail"]),
    ("demo.add", (1,), {}, [
        "TypeError: demo.add() missing 1 required positional argument: 'y'"]),
    ("demo.add", (1, 2, 3), {}, [
        "TypeError: demo.add() takes 2 positional arguments but 3 were "
        "given"]),
    ("demo.add", (1, 2), {"z": 3}, [
        "TypeError: demo.add() got an unexpected keyword argument 'z'"]),
    ("demo.add", (1, "2"), {}, [
        "TypeError: unsupported operand type(s) for +: 'int' and 'str'"]),
    ("demo.sleep", ("long",), {}, ["TypeError", "seconds", "demo.sleep"]),
    ("demo.nothing", (), {}, ["demo.nothing"]),
    ("other.thing", (), {}, ["other.thing"]),
    ("demo.crash", (), {}, ["SIGSEGV", "crash", "demo.crash",
                            "Work-horse terminated unexpectedly"]),
    ("demo.exit", (7,), {}, ["demo.exit", "7"]),
])
def test_a_failure_says_what_where_and_why(r, q, worker, func, args, kwargs,
                                           texts):
    worker("--jobs", 1, "--name", "w", "q")
    job = ended(q.enqueue(func, args=args, kwargs=kwargs))
    assert job.get_status() == JobStatus.FAILED
    assert all(text in why(job) for text in texts), why(job)
    assert job.id in why(job)
    assert job.latest_result().worker_name == "w"
    assert is_nowhere_but(job, "failed")
    assert r.ttl(job.key) > 31535000
    # The worker goes on.
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    counted(r, 1, 1)
    shown, = Worker.all(connection=r)


@pytest.mark.parametrize("enqueue, name", [
    (lambda q: q.enqueue("demo.echo", tasks.Order(7)), "tasks.Order"),
    (lambda q: q.enqueue(tasks.Order(7).ship), "tasks.Order"),
])
def test_an_object_of_the_application_fails_with_its_name(r, q, worker,
                                                          enqueue, name):
    worker("-q", "--jobs", 1, "q")
    job = enqueue(q)
    data = r.hget(job.key, "data")
    assert ended(job).get_status() == JobStatus.FAILED
    assert name in why(job)
    assert r.hget(job.key, "data") == data


def test_a_broken_payload_fails_and_is_kept(r, q, worker):
    job = q.enqueue("demo.noop")
    r.hset(job.key, "data", b"\x80\x04garbage")
    worker("-q", "--jobs", 1, "q")
    eventually(lambda: r.hget(job.key, "status") == b"failed")
    assert r.hget(job.key, "data") == b"\x80\x04garbage"


# ---- again ----

def test_retries_at_once_then_fails(r, q, worker):
    worker("-q", "--jobs", 1, "q")
    job = ended(q.enqueue("demo.fail", "x", retry=Retry(2, interval=0)))
    assert job.get_status() == JobStatus.FAILED and job.retries_left == 0
    results = job.results()
    assert [x.type.name for x in results] == ["FAILED"] * len(results)
    assert is_nowhere_but(job, "failed")
    counted(r, 0, 3)


def test_a_retry_with_an_interval_is_scheduled(r, q, worker):
    worker("-q", "--jobs", 1, "q")
    job = q.enqueue("demo.crash", retry=Retry(2, interval=[100, 200]))
    eventually(lambda: job.get_status() == JobStatus.SCHEDULED)
    assert 90 < r.zscore("rq:scheduled:q", job.id) - time.time() < 102
    job.refresh()
    assert job.retries_left == 1


def test_a_returned_retry_runs_again_up_to_its_limit(r, q, worker):
    worker("-q", "--jobs", 1, "q")
    job = ended(q.enqueue("demo.retry", 2))
    assert job.get_status() == JobStatus.FAILED
    assert [x.type.name for x in job.results()] \
        == ["MAX_RETRIES_EXCEEDED", "RETRIED", "RETRIED"]


# ---- what tasks do ----

def test_a_task_writes_meta(q, worker):
    worker("-q", "--jobs", 1, "q")
    job = ended(q.enqueue("demo.meta", "k", {"a": (1, 2)}, meta={"old": 1}))
    assert job.get_meta() == {"old": 1, "k": {"a": (1, 2)}}


def test_a_task_enqueues(r, q, worker):
    worker("-q", "--jobs", 1, "q")
    job = ended(q.enqueue("demo.enqueue", "demo.add", 2, y=3))
    other = Job.fetch(job.return_value(), connection=r)
    assert ended(other).return_value() == 5


def test_dependents_follow(r, q, worker):
    first = q.enqueue("demo.sleep", 0.2)
    then = Queue("other", connection=r).enqueue("demo.add", 1, 1,
                                                depends_on=first)
    failing = q.enqueue("demo.fail", "x")
    anyway = q.enqueue("demo.add", 2, 2, depends_on=Dependency(
        jobs=[failing], allow_failure=True))
    # Not before: RQ leaves alone what depends on a job that has failed already.
    worker("-q", "--jobs", 2, "q", "other")
    assert ended(then).return_value() == 2
    assert ended(anyway).return_value() == 4
    assert then.started_at >= ended(first).ended_at


# ---- running jobs that others touch ----

def test_a_running_job_can_be_canceled(r, q, worker):
    worker("--jobs", 1, "q")
    job = started(q.enqueue("demo.sleep", 0.5))
    job.cancel()
    idle(r)
    job.refresh()
    assert job.get_status() == JobStatus.CANCELED
    eventually(lambda: is_nowhere_but(job, "canceled"))
    eventually(lambda: job.get_executions() == [])
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


def test_a_running_job_can_be_deleted(r, q, worker):
    worker("--jobs", 1, "q")
    job = started(q.enqueue("demo.sleep", 0.5))
    job.delete()
    idle(r)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    eventually(lambda: not [key for key in r.keys()
                            if job.id.encode() in key])
    assert is_nowhere_but(job, None)


def test_a_run_that_lost_its_lease_is_ended(r, q, worker):
    worker("--jobs", 1, "--job-monitoring-interval", 1, "q")
    job = started(q.enqueue("demo.spin"))
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
    job.delete()
    idle(r, 3)
    assert [key for key in r.keys() if job.id.encode() in key] == []
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


@pytest.mark.parametrize("jobs", [1, 2])
def test_stop_job_stops_a_job(r, q, worker, jobs):
    w = worker("--jobs", jobs, "--kill-grace", "0.3", "q")
    job = started(q.enqueue("demo.spin", retry=Retry(3)))
    eventually(lambda: any(x.get_current_job_id() == job.id
                           for x in Worker.all(connection=r)))
    send_stop_job_command(r, job.id)
    ended(job)
    assert job.get_status() == JobStatus.STOPPED
    assert why(job).startswith("Job stopped by user, work-horse terminated.")
    assert is_nowhere_but(job, "failed")
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert w.running()


def test_stop_job_finds_a_run_in_whatever_slot_it_is(r, q, worker):
    """Whoever asks has read the slot of the claim; it began in another."""
    worker("--jobs", 2, "--name", "w", "q")
    job = started(q.enqueue("demo.spin"))
    eventually(lambda: any(x.get_current_job_id() == job.id
                           for x in Worker.all(connection=r)))
    other, = (x.name for x in Worker.all(connection=r)
              if x.get_current_job_id() is None)
    send_command(r, other, "stop-job", job_id=job.id)
    assert ended(job).get_status() == JobStatus.STOPPED


def test_kill_horse_kills_the_run(r, q, worker):
    worker("--jobs", 1, "--name", "w", "q")
    job = started(q.enqueue("demo.spin"))
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
    send_kill_horse_command(r, "w")
    assert ended(job).get_status() == JobStatus.FAILED
    assert "SIGKILL" in why(job) or "Work-horse" in why(job)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


@pytest.mark.parametrize("send, status", [
    (lambda r, job: send_stop_job_command(r, job.id), JobStatus.STOPPED),
    (lambda r, job: send_kill_horse_command(r, "w"), JobStatus.FAILED)],
    ids=["stop", "kill-horse"])
def test_a_command_ends_all_descendants_of_a_run(r, q, worker, send, status):
    w = worker("--jobs", 1, "--name", "w", "--kill-grace", "0.3", "q",
               modules=("demo", "rig_tasks"))
    ended(q.enqueue("demo.noop"))
    before = len(w.pids())
    job = started(q.enqueue("rig.brood", 5, "wait"))
    eventually(lambda: len(w.pids()) > before + 2)
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
    send(r, job)
    assert ended(job).get_status() == status
    eventually(lambda: len(w.pids()) == before)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


@pytest.mark.parametrize("jobs, name", [(1, "w"), (2, "w.2")])
def test_shutdown_ends_the_process_when_its_jobs_have(r, q, worker, jobs,
                                                      name):
    w = worker("--jobs", jobs, "--name", "w", "q")
    job = started(q.enqueue("demo.sleep", 0.5))
    time.sleep(0.1)
    send_shutdown_command(r, name)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert Worker.all(connection=r) == []


def test_what_is_no_command_is_ignored(r, q, worker):
    w = worker("--jobs", 1, "--name", "w", "q")
    for text in ("", "{", "[]", "7", '{"command": 1}', '{"command": "x"}',
                 '{"command": "stop-job"}', '{"command":"stop-job",'
                 '"job_id": 7}', "\xff"):
        r.publish("rq:pubsub:w", text)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert w.running()


# ---- limits ----

def test_a_job_that_spins_is_ended_in_time(r, q, worker):
    w = worker("--jobs", 1, "q")
    idle(r)
    children = set(w.child_pids())
    began = time.monotonic()
    job = ended(q.enqueue("demo.spin", job_timeout=1))
    assert time.monotonic() - began < 2.5
    assert job.get_status() == JobStatus.FAILED
    assert "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout " \
        "value (1 seconds)" in why(job)
    eventually(lambda: not children & set(w.pids()), 1)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


def test_what_a_run_leaves_behind_is_gone_when_it_ends(q, worker):
    worker("--jobs", 1, "q")
    pid = ended(q.enqueue("demo.orphan", 60)).return_value()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_limit_of_memory_ends_the_run(q, worker):
    worker("--jobs", 1, "--max-child-memory", 200, "q")
    job = ended(q.enqueue("demo.alloc", 400, seconds=20))
    assert job.get_status() == JobStatus.FAILED
    assert "memory" in why(job)
