"""What crq enqueues is what RQ would have: in Redis, and to RQ's classes."""

import datetime
import subprocess
import sys

import pytest
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import (FailedJobRegistry, FinishedJobRegistry,
                         ScheduledJobRegistry)
from rq.scheduler import RQScheduler

import tasks
from state import dump

# What is in Redis afterwards is compared with RQ 2.10's own; all else holds
# for every RQ since 1.16.
old_rq = pytest.mark.old_rq


def rq_cli(redis_server, *args):
    """The unmodified command line of RQ."""
    return subprocess.run(
        [sys.executable, "-m", "rq.cli", *args, "--url", redis_server.url],
        capture_output=True, text=True, timeout=60, check=True)


def work(r, *queues, serializer=None):
    worker = SimpleWorker([Queue(q, connection=r) for q in queues],
                          connection=r, serializer=serializer)
    worker.work(burst=True, logging_level="ERROR")
    return worker


# The same options on both command lines; the state must be the same.
SAME_ON_BOTH = [
    ["builtins.pow", ":2", ":10"],
    ["f"],
    ["f", "text", ":[1, null, true, 1.5]", "%(1, 'x')", "a=b", "n:=3",
     "s%={1, 2}", "=x"],
    ["f", "naïve ☃", "k=ä"],
    ["-q", "other", "f"],
    ["--queue", "other", "--timeout", "1h", "f"],
    ["--timeout", "-1", "f"],
    ["--timeout", "90", "--result-ttl", "2m", "--failure-ttl", "3d", "f"],
    ["--result-ttl", "-1", "--failure-ttl", "-1", "f"],
    ["--result-ttl", "0", "--failure-ttl", "0", "f"],
    ["--ttl", "77", "f"],
    ["--description", "what it is", "f", "x"],
    ["--job-id", "my_job-1", "f"],
    ["--at-front", "f"],
    ["--retry-max", "3", "f"],
    ["--retry-max", "3", "--retry-interval", "10", "--retry-interval", "20",
     "f"],
    ["--schedule-in", "10m", "f", ":1"],
    ["--schedule-in", "2d", "--job-id", "later", "--ttl", "9", "f"],
    ["--schedule-at", "2037-05-27T21:45:00", "-q", "s", "f"],
    ["-S", "json", "f", ":[1, \"ü\"]", "k:={\"a\": null}"],
]


@pytest.mark.parametrize("args", SAME_ON_BOTH, ids=" ".join)
def test_the_state_is_the_one_that_rq_leaves(redis_server, r, crq, args):
    rq_cli(redis_server, "enqueue", *args)
    want = dump(r, ttl_step=10)
    r.flushall()

    done = crq("enqueue", *args)

    assert done.code == 0, done.err
    assert dump(r, ttl_step=10) == want


def test_an_old_job_is_overwritten_as_rq_does(redis_server, r, crq):
    def twice(enqueue):
        r.flushall()
        enqueue("--job-id", "a", "--ttl", "500", "--retry-max", "2", "f", "x")
        r.hset("rq:job:a", mapping={"rate_limit_key": "k", "result": "old",
                                    "ended_at": "2020-01-01T00:00:00.000000Z"})
        enqueue("--job-id", "a", "--at-front", "g")
        return dump(r, ttl_step=100)

    want = twice(lambda *args: rq_cli(redis_server, "enqueue", *args))
    got = twice(lambda *args: crq("enqueue", *args))

    assert got == want


@old_rq
def test_rq_reads_the_job_as_its_own(r, crq):
    done = crq("enqueue", "-q", "q", "--job-id", "j", "--timeout", "11",
               "--result-ttl", "22", "--failure-ttl", "33", "--ttl", "44",
               "--description", "Ümläut", "--meta", '{"a": [1, null]}',
               "--retry-max", "3", "--retry-interval", "5", "tasks.echo",
               ":2", "k%=(1, 2)")
    assert done.code == 0, done.err
    crq("enqueue", "-q", "q", "f")

    job = Job.fetch("j", connection=r)

    assert job.func_name == "tasks.echo"
    assert job.args == [2] and job.kwargs == {"k": (1, 2)}
    assert job.description == "Ümläut"
    assert job.meta == {"a": [1, None]} == job.get_meta()
    assert (job.timeout, job.result_ttl, job.failure_ttl, job.ttl) == (
        11, 22, 33, 44)
    assert job.retries_left == 3 and job.retry_intervals == [5]
    assert job.origin == "q" and job.get_position() == 0
    assert job.get_status() == "queued" and job.is_queued
    age = datetime.datetime.now(datetime.timezone.utc) - job.created_at.replace(
        tzinfo=datetime.timezone.utc)
    assert abs(age.total_seconds()) < 60
    assert job.enqueued_at is not None and job.started_at is None
    assert 0 < r.ttl("rq:job:j") <= 44
    queue = Queue("q", connection=r)
    assert queue.count == 2 and queue.job_ids[0] == "j"
    assert [q.name for q in Queue.all(connection=r)] == ["q"]
    assert queue.started_job_registry.count == 0


@old_rq
def test_an_unmodified_worker_runs_it(redis_server, r, crq):
    job_id = crq("enqueue", "-q", "back", "builtins.pow", ":2", ":10",
                 "--json").json()["id"]

    rq_cli(redis_server, "worker", "--burst", "back")

    done = crq("result", job_id)
    assert (done.out, done.code) == ("1024\n", 0)
    shown = crq("result", job_id, "--json").json()
    assert shown["result"] == 1024 and shown["status"] == "finished"
    assert shown["func"] == "builtins.pow" and shown["args"] == [2, 10]
    assert shown["error"] is None and shown["worker_name"]


@old_rq
def test_a_failure_shows_pythons_traceback(redis_server, r, crq):
    job_id = crq("enqueue", "-q", "back", "builtins.int", "x1",
                 "--json").json()["id"]

    rq_cli(redis_server, "worker", "--burst", "back")

    done = crq("result", job_id)
    assert done.code == 1
    assert done.out.startswith("Traceback (most recent call last):\n")
    assert done.out.endswith(
        "ValueError: invalid literal for int() with base 10: 'x1'\n")
    shown = crq("result", job_id, "--json")
    assert shown.code == 1 and shown.json()["status"] == "failed"
    assert "ValueError" in shown.json()["error"]


@old_rq
@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_both_serializers_go_there_and_back(r, crq, serializer):
    value = '{"a": [1, 2.5, null, true, "\\u0000☃"], "b": {"c": -7}}'
    job_id = crq("enqueue", "-S", serializer, "tasks.echo", ":" + value,
                 "--json").json()["id"]
    python = {"json": "json", "pickle": "pickle"}[serializer]
    from rq.serializers import DefaultSerializer, JSONSerializer
    python = JSONSerializer if serializer == "json" else DefaultSerializer

    work(r, "default", serializer=python)

    shown = crq("result", job_id, "--json").json()
    assert shown["result"] == {"a": [1, 2.5, None, True, "\0☃"],
                               "b": {"c": -7}}
    assert shown["serializer"] == serializer


@old_rq
def test_every_value_arrives_in_python_as_it_was_written(r, crq):
    plain = {name: value for name, value in tasks.VALUES.items()
             if not isinstance(value, bytearray)
             and "datetime" not in type(value).__module__
             and type(value).__module__ not in (
                 "decimal", "uuid", "collections")
             and name != "frozenset"}
    for name, value in plain.items():
        done = crq("enqueue", "--job-id", f"v-{name}", "f", f"%{value!r}")
        assert done.code == 0, (name, done.err)
        got = Job.fetch(f"v-{name}", connection=r).args[0]
        assert got == value and type(got) is type(value), name


@old_rq
def test_wait_prints_the_result_and_nothing_else(redis_server, r, crq):
    worker = subprocess.Popen(
        [sys.executable, "-m", "rq.cli", "worker", "w", "--url",
         redis_server.url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        done = crq("enqueue", "-q", "w", "--wait=30", "builtins.pow", ":2",
                   ":8")
        assert (done.out, done.code) == ("256\n", 0)
        failed = crq("enqueue", "-q", "w", "--wait=30", "builtins.int", "x")
        assert failed.code == 1 and "ValueError" in failed.out
        again = crq("enqueue", "-q", "w", "--wait=30", "--job-id", "same",
                    "builtins.pow", ":2", ":9")
        assert again.out == "512\n"
        again = crq("enqueue", "-q", "w", "--wait=30", "--job-id", "same",
                    "builtins.pow", ":2", ":3")
        assert again.out == "8\n", "the result of the run before it"
    finally:
        worker.terminate()
        worker.wait(20)


@old_rq
def test_a_wait_that_is_too_short_says_so(r, crq):
    done = crq("enqueue", "--wait=0.2", "f")

    assert done.code == 1
    assert "is still queued after 200 ms" in done.err


@old_rq
def test_a_scheduled_job_that_is_waited_for_is_called_scheduled(r, crq):
    done = crq("enqueue", "--wait=0.1", "--schedule-in", "1h", "f")

    assert done.out == "" and done.err.startswith("Scheduled job ")


@old_rq
def test_unique_refuses_a_taken_id_and_changes_nothing(r, crq):
    crq("enqueue", "--job-id", "one", "--unique", "f", "x")
    before = dump(r)

    done = crq("enqueue", "--job-id", "one", "--unique", "g")

    assert done.code == 1 and "one" in done.err
    assert dump(r) == before
    assert crq("enqueue", "--unique", "g").code == 64


@old_rq
def test_rqs_scheduler_enqueues_what_crq_scheduled(r, crq):
    crq("enqueue", "-q", "s", "--schedule-at", "2020-01-01T00:00:00Z",
        "--job-id", "due", "tasks.echo", "x")
    crq("enqueue", "-q", "s", "--schedule-in", "1.5h", "--job-id", "later",
        "f")
    queue = Queue("s", connection=r)
    registry = ScheduledJobRegistry(queue=queue)
    assert set(registry.get_job_ids()) == {"due", "later"}
    due = registry.get_scheduled_time("later")
    in_s = (due - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 5300 < in_s <= 5400

    scheduler = RQScheduler(["s"], connection=r)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()

    assert queue.job_ids == ["due"]
    work(r, "s")
    assert crq("result", "due").out == "x\n"
    assert crq("show", "later", "--json").json()["status"] == "scheduled"


@old_rq
def test_rqs_worker_retries_as_often_as_crq_said(r, crq):
    crq("enqueue", "--job-id", "again", "--retry-max", "2", "tasks.fail")

    work(r, "default")

    job = Job.fetch("again", connection=r)
    assert job.retries_left == 0 and job.is_failed
    assert "again" in FailedJobRegistry("default", connection=r)
    assert crq("result", "again").code == 1


@old_rq
def test_a_result_ttl_of_rq_is_kept(r, crq):
    crq("enqueue", "--job-id", "kept", "--result-ttl", "77", "tasks.echo",
        ":1")

    work(r, "default")

    assert 60 < r.ttl("rq:job:kept") <= 77
    assert "kept" in FinishedJobRegistry("default", connection=r)
    crq("enqueue", "--job-id", "gone", "--result-ttl", "0", "tasks.echo", ":1")
    work(r, "default")
    with pytest.raises(NoSuchJobError):
        Job.fetch("gone", connection=r)
    assert crq("result", "gone").code == 1


@old_rq
def test_names_that_no_shell_expects_are_fine(r, crq):
    crq("enqueue", "-q", "a:b c/ü", "--job-id", "x", "f")

    assert Queue("a:b c/ü", connection=r).job_ids == ["x"]
    assert [row["id"] for row in crq("list", "-q", "a:b c/ü",
                                     "--json").json()] == ["x"]
