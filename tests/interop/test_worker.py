"""RQ enqueues, crq-worker runs: what RQ's classes then see."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from rq import Queue, Retry, SimpleWorker, Worker
from rq.command import (send_command, send_kill_horse_command, send_shutdown_command,
                        send_stop_job_command)
from rq.job import Dependency, Job, JobStatus
from rq.registry import (CanceledJobRegistry, FailedJobRegistry,
                         FinishedJobRegistry, StartedJobRegistry)
from rq.serializers import JSONSerializer, PickleSerializer
from rq.suspension import resume, suspend
from rq.worker_registration import clean_worker_registry

import tasks
from conftest import duties, eventually, module, program_folder
from jobs import has_begun

ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED,
         JobStatus.CANCELED)


@pytest.fixture
def q(r):
    return Queue("q", connection=r)


def ended(job, seconds=10):
    """The job as it is when it has ended."""
    eventually(lambda: job.get_status() in ENDED, seconds)
    job.refresh()
    return job


def started(job):
    eventually(lambda: has_begun(job))
    return job


def in_its_task(q, seconds, **options):
    """A job whose task has been called: it needs the module `ledger`."""
    job = q.enqueue("ledger.run", seconds, **options)
    eventually(lambda: q.connection.hexists("ledger:begun", job.id))
    return job


def idle(r, seconds=5):
    """Every record shows a worker that does nothing."""
    eventually(lambda: all(w.get_state() == "idle"
                           and w.get_current_job_id() is None
                           for w in Worker.all(connection=r)), seconds)


def counted(r, good, bad):
    """The records, which are a tenth of a second late, have so many jobs."""
    eventually(lambda: (
        sum(w.successful_job_count for w in Worker.all(connection=r)),
        sum(w.failed_job_count for w in Worker.all(connection=r)))
        == (good, bad))


def why(job):
    return job.latest_result().exc_string


def is_nowhere_but(job, registry):
    """The job is in this registry, and in nothing else of its queue."""
    r, name = job.connection, job.origin
    places = {"wip": StartedJobRegistry(name, connection=r).get_job_ids(),
              "finished": FinishedJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "failed": FailedJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "canceled": CanceledJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "queue": Queue(name, connection=r).get_job_ids()}
    return [place for place, ids in places.items() if job.id in ids] == (
        [registry] if registry else [])


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


class Msgpack:
    @staticmethod
    def dumps(value):
        return pytest.importorskip("msgpack").packb(value)

    @staticmethod
    def loads(data):
        return pytest.importorskip("msgpack").unpackb(data)


SERIALIZERS = {"pickle": PickleSerializer, "json": JSONSerializer,
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
    job = started(q.enqueue("demo.sleep", 3))  # rq takes its time to start
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


# ---- names ----

def names(r):
    return sorted(w.name for w in Worker.all(connection=r))


def test_one_job_at_a_time_has_exactly_the_name(r, worker):
    worker("--jobs", 1, "--name", "ann", "q")
    eventually(lambda: names(r) == ["ann"])


def test_several_jobs_at_a_time_have_a_record_each(r, worker):
    w = worker("--jobs", 3, "--name", "ann", "q")
    eventually(lambda: names(r) == ["ann.1", "ann.2", "ann.3"])
    w.signal(signal.SIGINT)
    assert w.wait() == 0 and names(r) == []


def test_without_a_name_it_is_host_and_pid(r, worker):
    w = worker("--jobs", 1, "q")
    shown, = Worker.all(connection=r)
    assert shown.name == f"{os.uname().nodename}.{w.pid}"
    assert shown.hostname == os.uname().nodename


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_live_name_is_refused(r, worker, jobs):
    worker("--jobs", jobs, "--name", "ann", "q")
    before = names(r)
    second = worker("--jobs", jobs, "--name", "ann", "q", wait=False)
    assert second.wait() == 1
    assert "ann" in second.text()
    assert names(r) == before


def test_a_live_python_workers_name_is_refused(r, q, worker):
    python = SimpleWorker([q], connection=r, name="ann")
    python.register_birth()
    second = worker("--jobs", 1, "--name", "ann", "q", wait=False)
    assert second.wait() == 1
    assert r.hget("rq:worker:ann", "pid") == str(os.getpid()).encode()


def test_a_dead_name_is_taken_over(r, q, worker):
    first = worker("--jobs", 1, "--name", "ann", "q")
    first.kill()
    second = worker("--jobs", 1, "--name", "ann", "q", wait=False)
    eventually(lambda: r.hget("rq:worker:ann", "pid")
               == str(second.pid).encode())
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


# ---- how long it works ----

def test_burst_runs_all_and_ends(r, q, worker):
    jobs = [q.enqueue("demo.echo", i) for i in range(50)]
    nested = q.enqueue("demo.enqueue", "demo.add", 2, 3)
    w = worker("--burst", "--jobs", 2, "q", wait=False)
    assert w.wait() == 0
    assert [job.return_value() for job in jobs] == list(range(50))
    assert Job.fetch(nested.return_value(), connection=r).return_value() == 5
    assert Worker.all(connection=r) == []


def test_burst_with_nothing_to_do_ends(r, worker):
    assert worker("--burst", "q", wait=False).wait() == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_max_jobs_is_exact(r, q, worker, jobs):
    made = [q.enqueue("demo.noop") for _ in range(10)]
    w = worker("--max-jobs", 4, "--jobs", jobs, "q", wait=False)
    assert w.wait() == 0
    states = [job.get_status() for job in made]
    assert states.count(JobStatus.FINISHED) == 4 and len(q) == 6


def test_queues_are_served_in_their_order(r, worker):
    low, high = Queue("low", connection=r), Queue("high", connection=r)
    lows = [low.enqueue("demo.noop") for _ in range(3)]
    highs = [high.enqueue("demo.noop") for _ in range(3)]
    assert worker("-b", "--jobs", 1, "high", "low", wait=False).wait() == 0
    times = [Job.fetch(job.id, connection=r).started_at
             for job in highs + lows]
    assert times == sorted(times)


def order_of(r, queues):
    """The queues in the order in which their jobs ran."""
    jobs = [Job.fetch(job_id, connection=r) for queue in queues
            for job_id in FinishedJobRegistry(queue, connection=r).get_job_ids()]
    return [job.origin for job in sorted(jobs, key=lambda job: job.started_at)]


@pytest.mark.parametrize("strategy, check", [
    ("default", lambda order: order == ["a"] * 8 + ["b"] * 8 + ["c"] * 8),
    ("round_robin", lambda order: order == ["a", "b", "c"] * 8),
    # All of one queue first: once in 10^10 runs.
    ("random", lambda order: order != sorted(order)),
])
def test_the_strategy_says_which_queue_comes_next(r, worker, strategy, check):
    for name in "abc":
        for _ in range(8):
            Queue(name, connection=r).enqueue("demo.noop")
    assert worker("--jobs", 1, "--burst", "--dequeue-strategy", strategy,
                  *"abc", wait=False).wait() == 0
    order = order_of(r, "abc")
    assert len(order) == 24 and check(order), order


def test_a_worker_without_work_leaves_after_its_time(r, q, worker):
    job = q.enqueue("demo.sleep", 1.5)
    w = worker("--jobs", 1, "--max-idle-time", 1, "q", wait=False)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert "nothing to do for 1 seconds" in w.text()


@pytest.mark.parametrize("arguments", [
    ["--dequeue-strategy", "fifo"], ["--max-idle-time", "0"],
    ["--maintenance-interval", "0"], ["--serializer", "yaml"]])
def test_options_that_make_no_sense_are_refused(worker, arguments):
    w = worker(*arguments, "q", wait=False)
    assert w.wait() == 64
    assert arguments[0] in w.text()


def test_suspension_holds_new_jobs_back(r, q, worker):
    worker("--jobs", 1, "q")
    idle(r)
    suspend(r)
    job = q.enqueue("demo.add", 2, 3)
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "suspended")
    time.sleep(0.3)
    assert job.get_status() == JobStatus.QUEUED
    resume(r)
    assert ended(job).return_value() == 5


def states(r):
    return {w.get_state() for w in Worker.all(connection=r)}


@pytest.mark.parametrize("around", ["nothing", "lost link", "expiry"])
def test_an_idle_worker_sees_suspension(r, worker, around):
    worker("--jobs", 2, "q", "p")
    idle(r)
    if around == "lost link":
        assert r.client_kill_filter(_type="pubsub") > 0
    suspend(r, 1 if around == "expiry" else None)
    eventually(lambda: states(r) == {"suspended"})
    if around != "expiry":
        resume(r)
    eventually(lambda: states(r) == {"idle"})


def test_redis_tells_a_worker_of_suspension(r, worker):
    worker("--jobs", 1, "q")
    eventually(lambda: [c for c in r.client_list(_type="pubsub")
                        if "t" in c["flags"]])


def test_a_worker_that_is_not_told_of_suspension_asks(redis_server, r, worker):
    r.execute_command("ACL", "SETUSER", "few", "on", ">x", "~*", "&rq:pubsub:*",
                      "+@all", "-client|tracking")
    try:
        w = worker("--jobs", 1, "q",
                   url=redis_server.url.replace("//", "//few:x@"))
        idle(r)
        suspend(r)
        eventually(lambda: states(r) == {"suspended"}, 20)
        resume(r)
        eventually(lambda: states(r) == {"idle"})
        assert "NOPERM" not in w.text()
    finally:
        r.acl_deluser("few")


# ---- stop ----

def test_a_warm_stop_lets_running_jobs_end(r, q, worker):
    w = worker("--jobs", 1, "q")
    job = started(q.enqueue("demo.sleep", 0.7))
    later = q.enqueue("demo.noop")
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert later.get_status() == JobStatus.QUEUED
    assert Worker.all(connection=r) == [] and duties(r) == []


@pytest.mark.parametrize("options, second", [
    ([], signal.SIGTERM), ([], signal.SIGINT),
    (["--drain-timeout", "0.2"], None),
])
def test_a_cold_stop_ends_running_jobs(r, q, worker, options, second):
    w = worker("--jobs", 1, *options, "q", modules=("ledger",))
    job = in_its_task(q, 30)
    if second is not None:
        w.stop_cold(second=second)
    else:
        w.signal(signal.SIGTERM)
    assert w.wait(5) == 0
    assert job.get_status() == JobStatus.FAILED
    assert is_nowhere_but(job, "failed")
    assert Worker.all(connection=r) == [] and duties(r) == []


@pytest.mark.parametrize("by", ["signals", "commands"])
def test_being_told_to_stop_twice_at_once_is_a_warm_stop(r, q, worker, by):
    """As by a terminal and by what has started the worker, or by a command to
    each of its records."""
    w = worker("--jobs", 2, "q")
    job = started(q.enqueue("demo.sleep", 0.7))
    names = [one.name for one in Worker.all(connection=r)]
    for name in names:
        if by == "signals":
            w.signal(signal.SIGINT)
        else:
            send_shutdown_command(r, name)
        time.sleep(0.1)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED


def test_a_reload_keeps_running_jobs_and_takes_new_ones(r, q, worker):
    w = worker("--jobs", 2, "q")
    idle(r)
    old = w.server_pid()
    job = started(q.enqueue("demo.sleep", 0.8))
    w.signal(signal.SIGHUP)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert ended(job).get_status() == JobStatus.FINISHED
    eventually(lambda: not os.path.exists(f"/proc/{old}"))
    assert ended(q.enqueue("demo.add", 3, 3)).return_value() == 6
    assert w.server_pid() != old


# ---- Redis has its troubles ----

def test_cut_links_lose_nothing(r, q, worker):
    worker("--jobs", 2, "q")
    idle(r)
    jobs = [q.enqueue("demo.sleep", 0.003) for _ in range(300)]
    for _ in range(10):
        time.sleep(0.05)
        r.client_kill_filter(_type="normal", skipme=True)
        r.client_kill_filter(_type="pubsub")
    for job in jobs:
        assert ended(job, 20).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1
    assert r.zcard("rq:wip:q") == 0
    eventually(lambda: r.pubsub_numsub("rq:pubsub:x") is not None)
    job = started(q.enqueue("demo.spin"))
    eventually(lambda: any(x.get_current_job_id() == job.id
                           for x in Worker.all(connection=r)))
    eventually(lambda: r.pubsub_channels("rq:pubsub:*"))
    send_stop_job_command(r, job.id)
    assert ended(job).get_status() == JobStatus.STOPPED


def test_flushed_scripts_are_loaded_again(r, q, worker):
    worker("--jobs", 2, "q")
    jobs = [q.enqueue("demo.noop") for _ in range(500)]
    while q.count > 0:
        r.script_flush()
    for job in jobs:
        assert ended(job).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1


def test_a_flushed_database_gets_its_worker_back(r, q, worker):
    worker("--jobs", 1, "--name", "w", "--job-monitoring-interval", 1, "q")
    r.flushall()
    eventually(lambda: names(r) == ["w"], 5)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


# ---- processes that die ----

def test_a_run_that_its_child_never_took_up_runs_again(r, q, worker):
    w = worker("--jobs", 1, "q")
    child, = eventually(w.child_pids)
    idle(r)
    os.kill(child, signal.SIGSTOP)
    job = started(q.enqueue("demo.add", 2, 3))
    os.kill(child, signal.SIGKILL)
    assert ended(job).return_value() == 5
    assert len(job.results()) == 1 and is_nowhere_but(job, "finished")


@pytest.mark.parametrize("retry", [None, Retry(1)])
def test_a_killed_child_fails_its_run_with_the_evidence(r, q, worker, retry):
    w = worker("--jobs", 1, "q", modules=("ledger",))
    job = in_its_task(q, 0.5, retry=retry)
    child, = w.child_pids()
    os.kill(child, signal.SIGKILL)
    ended(job)
    first = job.results()[-1]
    if retry is None:
        assert job.get_status() == JobStatus.FAILED
        assert "SIGKILL" in first.exc_string
    else:
        assert job.get_status() == JobStatus.FINISHED
    assert is_nowhere_but(job, "finished" if retry else "failed")


def test_a_killed_fork_server_is_replaced(r, q, worker):
    w = worker("--jobs", 2, "q", modules=("demo", "ledger"))
    job = in_its_task(q, 30)
    again = in_its_task(q, 0.4, retry=Retry(1))
    old = w.server_pid()
    os.kill(old, signal.SIGKILL)
    assert ended(job).get_status() == JobStatus.FAILED
    assert ended(again).get_status() == JobStatus.FINISHED
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert w.server_pid() != old and w.running()


def test_a_killed_worker_leaves_no_process(r, q, worker):
    w = worker("--jobs", 2, "q", modules=("demo", "rig_tasks"))
    started(q.enqueue("demo.spin"))
    before = len(w.pids())
    started(q.enqueue("rig.brood", 5, "wait"))
    eventually(lambda: len(w.pids()) > before + 2)
    w.kill()
    eventually(lambda: not w.pids(), 3)


# ---- several workers ----

def test_two_workers_share_a_queue(r, q, worker):
    worker("--jobs", 2, "--name", "ann", "q")
    worker("--jobs", 2, "--name", "bob", "q")
    jobs = [q.enqueue("demo.sleep", 0.002) for _ in range(400)]
    for job in jobs:
        assert ended(job).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1
    who = {job.worker_name.split(".")[0] for job in jobs}
    assert who == {"ann", "bob"}
    counted(r, 400, 0)


def test_a_mixed_fleet_runs_each_job_once(r, q, worker):
    """tasks.echo is Python's; demo.* only crq has, so that each queue has its
    own jobs and both run the clean-up of all."""
    worker("--jobs", 2, "--name", "c", "q")
    mixed = [q.enqueue("demo.sleep", 0.01, retry=Retry(50))
             for _ in range(60)]
    python = SimpleWorker([q], connection=r, name="py",
                          maintenance_interval=0)
    python.log.disabled = True
    for _ in range(10):
        python.run_maintenance_tasks()
        clean_worker_registry(q)
        for name in (StartedJobRegistry, FailedJobRegistry,
                     FinishedJobRegistry):
            name("q", connection=r).cleanup()
        python.work(burst=True, max_jobs=2, logging_level="CRITICAL")
    for job in mixed:
        assert ended(job, 20).get_status() == JobStatus.FINISHED, why(job)
        kinds = [x.type.name for x in job.results()]
        assert kinds.count("SUCCESSFUL") == 1
    assert r.zcard("rq:wip:q") == 0


def test_the_environment_says_where_redis_is(redis_server, r, q, crq):
    job = q.enqueue("demo.add", 2, 3)
    clean = {k: v for k, v in os.environ.items()
             if "REDIS" not in k and k != "CRQ_URL"}
    program = os.path.join(program_folder(), "crq-worker")
    subprocess.run([program, "--load", module("demo"), "--burst", "q"],
                   check=True, timeout=30, capture_output=True,
                   env={**clean, "REDIS_HOST": "127.0.0.1",
                        "REDIS_PORT": str(redis_server.port)})
    assert ended(job).return_value() == 5


def test_h_explains_as_help_does():
    program = os.path.join(program_folder(), "crq-worker")
    said = [subprocess.run([program, option], capture_output=True, timeout=30,
                           check=True).stdout
            for option in ("-h", "--help")]
    assert said[0] == said[1] and b"--load" in said[0]


def test_a_worker_without_tasks_takes_no_jobs(redis_server, r, q, crq):
    job = q.enqueue("demo.add", 2, 3)
    done = crq("worker", "--burst", "q")
    assert done.code == 64 and "--load MODULE" in done.err
    assert job.get_status() == JobStatus.QUEUED


# ---- birth and death ----

def test_a_worker_that_is_stopped_while_it_is_born_leaves_no_record(r, worker):
    r.client_pause(1500, all=False)
    w = worker("--jobs", 2, "--name", "w", "q", wait=False)
    eventually(lambda: sum(c["name"] == "w" and c["cmd"] in ("eval", "evalsha")
                           for c in r.client_list()))
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert r.smembers("rq:workers") == set()
    # Both were born, and died in due form.
    assert all(r.hexists(f"rq:worker:w.{n}", "death") for n in (1, 2))


@pytest.mark.parametrize("record", [
    {"hostname": os.uname().nodename, "pid": 0},
    {"hostname": os.uname().nodename, "pid": 4194305},
    {"state": "busy"},
])
def test_a_record_without_birth_is_a_live_worker(r, worker, record):
    r.hset("rq:worker:w", mapping=record)
    w = worker("--jobs", 1, "--name", "w", "q", wait=False)
    assert w.wait() == 1
    assert "There exists an active worker named 'w' already" in w.text()


def test_a_record_lives_as_long_as_its_next_heartbeat(r, worker):
    worker("--jobs", 1, "--worker-ttl", 1, "--job-monitoring-interval", 200,
           "--name", "w", "q")
    assert 250 < r.ttl("rq:worker:w") <= 260
    idle(r)
    assert 250 < r.ttl("rq:worker:w") <= 260


def test_observers_are_told_of_the_slots_that_changed(r, q, worker):
    worker("-q", "--jobs", 3, "--name", "w", "q")
    idle(r)
    with r.monitor() as monitor:
        ended(q.enqueue("demo.sleep", 0.3))
        idle(r)
        r.echo("enough")
        updates = []
        for said in monitor.listen():
            words = said["command"].split(" ")
            if words[0] == "ECHO":
                break
            names = [x for x in words if x.startswith("rq:worker:w.")]
            if words[0].startswith("EVAL") and names and "busy" in words:
                updates.append(names)
    assert updates and all(len(names) == 1 for names in updates)


def test_a_refused_subscription_is_said_with_its_remedy(redis_server, r, q,
                                                        worker):
    r.acl_setuser("deaf", enabled=True, passwords=["+x"], keys=["*"],
                  commands=["+@all"], reset_channels=True)
    try:
        w = worker("--jobs", 1, "q",
                   url=redis_server.url.replace("//", "//deaf:x@"))
        assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
        eventually(lambda: "ACL SETUSER" in w.text())
        assert w.text().count("ACL SETUSER") == 1
    finally:
        r.acl_deluser("deaf")


def test_a_user_with_the_rights_of_the_manual_is_enough(redis_server, r, q,
                                                        worker):
    rights = ("~rq:* ~crq:* &rq:pubsub:* &__redis__:invalidate +@all "
              "-@dangerous").split()
    page = (Path(__file__).parents[2] / "man" / "crq-worker.8").read_text()
    assert f".Ql {' '.join(rights)} ." in page
    r.execute_command("ACL", "SETUSER", "few", "on", ">x", *rights)
    try:
        w = worker("--jobs", 1, "--kill-grace", "0.1", "q",
                   modules=("demo", "rig_tasks"),
                   url=redis_server.url.replace("//", "//few:x@"))
        assert ended(q.enqueue("rig.log", 2)).get_status() == "finished"
        job = started(q.enqueue("demo.spin"))
        eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
        send_stop_job_command(r, job.id)
        assert ended(job).get_status() == JobStatus.STOPPED
        suspend(r)
        eventually(lambda: states(r) == {"suspended"})
        w.signal(signal.SIGTERM)
        assert w.wait() == 0
        assert "NOPERM" not in w.text() and "error" not in w.text()
    finally:
        r.acl_deluser("few")


def test_a_module_that_hangs_outlives_no_worker(worker):
    w = worker("--jobs", 1, "q", modules=("rig_hang",), wait=False)
    eventually(lambda: len(w.pids()) == 3)
    server = w.server_pid()
    w.kill()
    eventually(lambda: server not in w.pids(), 3)
    for pid in w.pids():  # what the module itself has started is its affair
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("after", ["unlink", "replace", "nothing"])
def test_a_new_server_is_of_the_workers_own_version(q, worker, tmp_path,
                                                    after):
    program = tmp_path / "crq-worker"
    shutil.copy(os.path.join(program_folder(), "crq-worker"), program)
    w = worker("--jobs", 1, "q", program=str(program))
    ended(q.enqueue("demo.noop"))
    if after != "nothing":
        program.unlink()
    if after == "replace":  # as the next version of a package does
        program.write_text("#!/bin/false\n")
        program.chmod(0o755)
    os.kill(w.server_pid(), signal.SIGKILL)
    eventually(lambda: w.text().count("1 children") == 2)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
