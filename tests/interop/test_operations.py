"""What is done to jobs from outside: crq leaves what RQ leaves.

Each operation is done by RQ and then by crq on a copy of the same state; all
keys are compared. What differs on purpose stands in agree().
"""

import os
import subprocess
import sys
import time
import zlib

import pytest
from rq import Queue, Retry, SimpleWorker
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation
from rq.executions import Execution
from rq.group import Group
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.registry import (CanceledJobRegistry, DeferredJobRegistry,
                         FailedJobRegistry, FinishedJobRegistry,
                         ScheduledJobRegistry, StartedJobRegistry,
                         clean_registries)
from rq.suspension import is_suspended, suspend
from rq.worker_registration import clean_worker_registry

from conftest import eventually, names_of_workers, program_folder
from state import dump


@pytest.fixture
def queue(r):
    return Queue("q", connection=r)


@pytest.fixture
def clean(redis_server):
    """All of crq's maintenance."""
    def run():
        subprocess.run(
            [os.path.join(program_folder(), "tests", "interop", "run_peer"),
             redis_server.url, "clean"], check=True, timeout=30)
    return run


# ------------------------------------------------------------------ states

def enqueue(queue, func="tasks.echo", *args, **kwargs):
    return queue.enqueue(func, *args, job_id=kwargs.pop("id", "a"), **kwargs)


def queued(queue):
    enqueue(queue, id="before")
    enqueue(queue)
    enqueue(queue, id="after")


def with_ttl(queue):
    enqueue(queue, ttl=100, meta={"k": 1})


def scheduled(queue):
    from datetime import timedelta
    queue.enqueue_in(timedelta(hours=1), "tasks.echo", job_id="a")
    queue.enqueue_in(timedelta(hours=1), "tasks.echo", job_id="b")


def run(queue):
    SimpleWorker([queue], connection=queue.connection).work(burst=True)


def finished(queue):
    enqueue(queue, "tasks.echo", 1)
    run(queue)


def failed(queue):
    enqueue(queue, "tasks.fail", retry=Retry(max=1))
    enqueue(queue, "tasks.fail", id="b")
    run(queue)
    enqueue(queue, id="waiting")


def failed_for_an_hour(queue):
    enqueue(queue, "tasks.fail", failure_ttl=3600, ttl=50)
    run(queue)


def start(queue, id="a", ttl=90):
    """As a worker that has begun with it."""
    job = Job.fetch(id, connection=queue.connection)
    with queue.connection.pipeline() as pipe:
        execution = Execution.create(job, ttl, pipeline=pipe)
        job.prepare_for_execution("w", pipe)
        pipe.lrem(queue.key, 1, id)
        pipe.persist(job.key)
        pipe.execute()
    return execution


def started(queue):
    enqueue(queue)
    enqueue(queue, id="b")
    start(queue)
    start(queue, "b")


def stopped(queue):
    enqueue(queue, "tasks.fail")
    run(queue)
    queue.connection.hset("rq:job:a", "status", "stopped")


def canceled(queue):
    enqueue(queue).cancel()


def family(queue):
    """a waits for p; x, y and z wait for a, and z for p, too."""
    other = Queue("other", connection=queue.connection)
    p = enqueue(queue, id="p")
    a = enqueue(queue, id="a", depends_on=p)
    enqueue(queue, id="x", depends_on=a)
    enqueue(other, id="y", depends_on=a)
    enqueue(queue, id="z", depends_on=[a, p])


def group(queue):
    Group.create(queue.connection, "g").enqueue_many(queue, [
        Queue.prepare_data("tasks.echo", job_id=id) for id in "ab"])


def parent_failed(queue):
    enqueue(queue, "tasks.fail")
    run(queue)
    enqueue(queue, id="child", depends_on="a")


STATES = [queued, with_ttl, scheduled, finished, failed, failed_for_an_hour,
          started, stopped, canceled, family, group, parent_failed]


EMPTY = zlib.compress(b"").decode(errors="backslashreplace")


def agree(state):
    """What crq does otherwise, taken out of what RQ left."""
    for kind, content, _ in state.values():
        # RQ's requeue writes an empty error text, crq's none.
        if kind == "hash" and content.get("exc_info") == EMPTY:
            del content["exc_info"]

    return state


def on_both(r, build, by_rq, by_crq):
    """The same done by RQ and by crq: both states."""
    r.flushall()
    build(Queue("q", connection=r))
    copy = [(key, r.pttl(key), r.dump(key)) for key in r.keys()]
    states = []
    for act in by_rq, by_crq:
        r.flushall()
        for key, ttl, content in copy:
            r.restore(key, max(ttl, 0), content)
        try:
            failed = act()
        except InvalidJobOperation:
            failed = True
        states.append((bool(failed), agree(dump(r, ttl_step=10))))
    return states


def fetch(r, id="a"):
    return Job.fetch(id, connection=r)


# -------------------------------------------------------------- operations

@pytest.mark.parametrize("build", STATES)
@pytest.mark.parametrize("options", [
    [], ["--enqueue-dependents"], ["--remove-from-dependencies"]],
    ids=lambda o: " ".join(o))
def test_a_canceled_job_is_as_rq_leaves_it(r, crq, build, options):
    flags = {o[2:].replace("-", "_"): True for o in options}
    rqs, crqs = on_both(
        r, build, lambda: fetch(r).cancel(**flags),
        lambda: crq("cancel", "a", *options).code)

    assert crqs == rqs
    assert fetch(r).is_canceled
    assert fetch(r) in CanceledJobRegistry("q", connection=r)


@pytest.mark.parametrize("build", STATES)
@pytest.mark.parametrize("front", [False, True])
def test_a_requeued_job_is_as_rq_leaves_it(r, crq, build, front):
    rqs, crqs = on_both(
        r, build, lambda: fetch(r).requeue(at_front=front) and None,
        lambda: crq("requeue", "a", *["--at-front"] * front).code)

    assert crqs == rqs
    assert rqs[0] == (build not in (failed, failed_for_an_hour, stopped,
                                    parent_failed))


@pytest.mark.parametrize("build", STATES)
@pytest.mark.parametrize("dependents", [False, True])
def test_a_deleted_job_leaves_what_rq_leaves(r, crq, build, dependents):
    rqs, crqs = on_both(
        r, build, lambda: fetch(r).delete(delete_dependents=dependents),
        lambda: crq("delete", "a",
                    *["--delete-dependents"] * dependents).code)

    assert crqs == rqs
    assert not r.exists("rq:job:a")


@pytest.mark.parametrize("build", STATES)
def test_an_emptied_queue_is_as_rq_leaves_it(r, crq, build):
    rqs, crqs = on_both(
        r, build, lambda: Queue("q", connection=r).empty() and None,
        lambda: crq("empty", "q").code)

    assert crqs == rqs


@pytest.mark.parametrize("build", STATES)
def test_a_deleted_queue_leaves_what_rq_leaves(r, crq, build):
    rqs, crqs = on_both(
        r, build, lambda: Queue("q", connection=r).delete(),
        lambda: crq("empty", "--delete", "q").code)

    assert crqs == rqs


@pytest.mark.parametrize("status", ["queued", "deferred", "scheduled"])
def test_rq_finds_a_moved_job_where_it_is(r, crq, status):
    queue, other = Queue("q", connection=r), Queue("new", connection=r)
    {"queued": queued, "deferred": family, "scheduled": scheduled}[status](
        queue)

    assert crq("move", "--to", "new", "a").code == 0

    job = fetch(r)
    assert (job.origin, job.get_status()) == ("new", status)
    assert other in Queue.all(r)
    assert {"queued": other.job_ids,
            "deferred": other.deferred_job_registry.get_job_ids(),
            "scheduled": other.scheduled_job_registry.get_job_ids(),
            }[status] == ["a"]
    assert "a" not in (queue.job_ids
                       + DeferredJobRegistry("q", connection=r).get_job_ids()
                       + ScheduledJobRegistry("q", connection=r).get_job_ids())
    job.delete()


def test_rq_promotes_a_dependent_that_was_moved(r, crq, queue):
    enqueue(queue, id="p")
    enqueue(queue, id="a", depends_on="p")
    crq("move", "--to", "new", "a")

    run(queue)

    assert Queue("new", connection=r).job_ids == ["a"]
    assert fetch(r).get_status() == "queued"


def test_rq_runs_what_crq_requeued(r, crq, queue):
    enqueue(queue, "tasks.fail")
    run(queue)
    assert crq("requeue", "a").code == 0
    assert len(FailedJobRegistry("q", connection=r)) == 0
    run(queue)

    assert [x.type.value for x in fetch(r).results()] == [2, 2]


@pytest.mark.parametrize("words, want", [
    (["--all"], "3 jobs requeued"),
    (["--all", "--queue", "q"], "2 jobs requeued"),
    (["-a", "--queue", "none"], "Nothing to do"),
    (["--all", "--func", "tasks.f*", "--older-than", "1h"], "Nothing to do"),
    (["--all", "--dry-run"], "3 jobs would be requeued"),
    (["--all", "--error", "ValueError"], "3 jobs requeued"),
    (["--all", "--error", "Value*", "-q", "other"], "1 job requeued"),
    (["--all", "--error", "TypeError"], "Nothing to do"),
])
def test_all_failed_jobs_are_requeued_at_once(r, crq, words, want):
    for name in "q", "other":
        queue = Queue(name, connection=r)
        for i in range(2 if name == "q" else 1):
            enqueue(queue, "tasks.fail", id=f"{name}{i}")
        run(queue)

    done = crq("requeue", *words)

    assert (done.code, done.out.splitlines()[-1]) == (0, want)


def test_a_job_that_can_not_be_requeued_is_an_error(r, crq, queue):
    enqueue(queue)
    done = crq("requeue", "a", "none")

    assert done.code == 1
    assert done.err.splitlines() == [
        "crq: job 'a': it is not among the failed jobs of its queue",
        "crq: there is no job 'none'"]
    assert crq("requeue", "-q", "other", "a").code == 1


def test_many_jobs_are_canceled_as_one_object_of_json(r, crq, queue):
    queue.enqueue_many([Queue.prepare_data("tasks.echo", job_id=f"j{i}")
                        for i in range(250)])
    dry = crq("cancel", "--all", "--dry-run", "--json").json()
    assert (dry["dry_run"], dry["done"], len(dry["jobs"])) == (True, 250, 250)
    assert len(queue) == 250

    done = crq("cancel", "--all", "--json").json()

    assert done == {"operation": "cancel", "dry_run": False, "total": 250,
                    "matched": 250, "done": 250, "gone": 0, "refused": 0,
                    "jobs": [], "errors": []}
    assert len(queue) == 0
    assert len(CanceledJobRegistry("q", connection=r)) == 250


@pytest.mark.parametrize("words", [
    ["cancel"], ["cancel", "--all", "a"], ["cancel", "--status", "failed", "a"],
    ["cancel", "--all", "--status", "nonsense"], ["move", "a"],
    ["move", "--to", "", "a"], ["delete"], ["stop"], ["shutdown"],
    ["kill-horse", "--all", "w"], ["suspend", "--duration", "0"],
    ["position"]])
def test_wrong_words_are_refused_before_anything_is_done(r, crq, queue, words):
    queued(queue)
    before = dump(r)

    assert crq(*words).code == 64
    assert dump(r) == before


def test_the_position_of_a_job_is_that_of_rq(r, crq, queue):
    queued(queue)
    assert crq("position", "a").out == f"{fetch(r).get_position()}\n" == "1\n"
    assert crq("position", "--json", "a").json() == {
        "id": "a", "queue": "q", "position": 1}
    run(queue)
    assert crq("position", "a").code == 1


def test_several_queues_are_emptied(r, crq, queue):
    queued(queue)
    enqueue(Queue("other", connection=r), id="o")
    assert crq("empty", "-n", "q").out == (
        "3 jobs would be removed from q queue\n")
    assert crq("empty", "--all").out == ("1 jobs removed from other queue\n"
                                         "3 jobs removed from q queue\n")
    assert crq("empty", "--json", "q").json() == [{"queue": "q", "removed": 0}]
    assert crq("empty").out == "Nothing to do\n"


# ----------------------------------------------------------------- workers

def test_workers_are_suspended_as_by_rq(r, crq):
    def both(by_rq, *words):
        by_rq()
        want = r.get("rq:suspended"), r.ttl("rq:suspended")
        r.flushall()
        assert crq(*words).code == 0
        assert (r.get("rq:suspended"), r.ttl("rq:suspended")) == want

    both(lambda: suspend(r), "suspend")
    both(lambda: suspend(r, 60), "suspend", "--duration", "60")
    assert is_suspended(r)
    assert crq("info", "--json").json()["suspended"]
    assert crq("resume").code == 0
    assert not is_suspended(r)


@pytest.fixture
def rq_worker(r, redis_server):
    """A worker of Python's, as a process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rq.cli", "worker", "--url", redis_server.url,
         "--name", "python", "q"],
        cwd=os.path.dirname(__file__), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    eventually(lambda: names_of_workers(r), 20)
    eventually(lambda: r.pubsub_numsub("rq:pubsub:python")[0][1], 20)
    yield process
    process.kill()
    process.wait()


def test_crq_commands_a_worker_of_rq(r, crq, queue, rq_worker):
    def running(id):
        queue.enqueue("time.sleep", 60, job_id=id)
        eventually(lambda: r.hget("rq:worker:python", "current_job")
                   == id.encode()
                   and r.hget(f"rq:job:{id}", "status") == b"started", 20)

    running("a")
    workers = crq("workers", "--json").json()
    assert [(w["name"], w["state"], w["current_job"]) for w in workers] == [
        ("python", "busy", "a")]
    assert "python" in crq("workers", "-q", "q").out
    assert crq("workers", "-q", "other").out == ""
    assert crq("stop", "a").code == 0
    eventually(lambda: fetch(r).is_stopped, 20)

    running("b")
    assert crq("stop", "--all").out == "1 job told to stop\n"
    eventually(lambda: fetch(r, "b").is_stopped, 20)

    running("c")
    assert crq("kill-horse", "python").code == 0
    eventually(lambda: fetch(r, "c").is_failed, 20)

    assert crq("shutdown", "--all").code == 0
    assert rq_worker.wait(20) == 0
    assert crq("shutdown", "python").code == 1
    assert crq("shutdown", "--all").out == "Nothing to do\n"


def test_what_does_not_run_is_not_stopped_as_in_rq(r, crq, queue):
    enqueue(queue)
    with pytest.raises(InvalidJobOperation, match="not currently executing"):
        send_stop_job_command(r, "a")

    done = crq("stop", "a")

    assert done.code == 1
    assert "not currently executing" in done.err


def test_a_worker_of_crqs_is_commanded_too(r, crq, queue, worker):
    worker("--jobs", 1, "--name", "w", "q")
    crq("enqueue", "-q", "q", "--job-id", "a", "demo.sleep", ":60")
    eventually(lambda: r.hget("rq:job:a", "status") == b"started")
    eventually(lambda: r.hget("rq:worker:w", "current_job") == b"a")
    assert crq("stop", "a").code == 0
    eventually(lambda: fetch(r).is_stopped)
    crq("enqueue", "-q", "q", "--job-id", "b", "demo.sleep", ":60")
    eventually(lambda: r.hget("rq:worker:w", "current_job") == b"b")
    assert crq("kill-horse", "w").code == 0
    eventually(lambda: fetch(r, "b").is_failed)


def test_a_run_that_is_canceled_ends_canceled(r, crq, queue, worker):
    worker("--jobs", 1, "q")
    crq("enqueue", "-q", "q", "--job-id", "a", "demo.sleep", ":1")
    eventually(lambda: r.hget("rq:job:a", "status") == b"started")
    assert crq("cancel", "a").code == 0
    eventually(lambda: r.exists("rq:results:a"))

    assert fetch(r).is_canceled
    assert "a" in CanceledJobRegistry("q", connection=r).get_job_ids()
    assert len(FinishedJobRegistry("q", connection=r)) == 0
    assert fetch(r).get_executions() == []


# ------------------------------------------------------------- maintenance

def expired(queue):
    finished(queue)
    enqueue(queue, "tasks.fail", id="b")
    run(queue)
    queue.connection.zadd("rq:finished:q", {"a": 5, "forever": "inf"})
    queue.connection.zadd("rq:failed:q", {"b": 5, "forever": -1})


def abandoned(queue, **options):
    enqueue(queue, **options)
    start(queue)
    queue.connection.zadd("rq:wip:q", {queue.connection.zrange(
        "rq:wip:q", 0, 0)[0]: time.time() - 5})


def abandoned_with_retries(queue):
    abandoned(queue, retry=Retry(max=2, interval=[30, 40]))


def abandoned_and_retried_at_once(queue):
    abandoned(queue, retry=Retry(max=2))


def abandoned_with_a_dependent(queue):
    from rq.job import Dependency
    abandoned(queue)
    enqueue(queue, id="d", depends_on=Dependency(["a"], allow_failure=True))


def abandoned_for_an_hour(queue):
    abandoned(queue, failure_ttl=3600)


def dead_workers(queue):
    enqueue(queue)
    r = queue.connection
    for name in "live", "dead":
        r.sadd("rq:workers", f"rq:worker:{name}")
        r.sadd("rq:workers:q", f"rq:worker:{name}")
    r.hset("rq:worker:live", "birth", "2026-01-01T00:00:00.000000Z")


def gone_from_its_group(queue):
    group(queue)
    queue.connection.delete("rq:job:a")
    queue.connection.sadd("rq:groups", "gone")


def gone_from_the_intermediate_list(queue):
    enqueue(queue)
    queue.connection.rpush("rq:queue:q:intermediate", "none")


def maintain(r):
    """As RQ's workers do it, without a worker."""
    queue = Queue("q", connection=r)
    clean_registries(queue)
    clean_worker_registry(queue)
    IntermediateQueue(queue.key, r).cleanup(None, queue)
    Group.clean_registries(r)


def agree_on_runs(state):
    """RQ leaves ended_at, last_heartbeat and the keys of executions."""
    for key in list(state):
        if key.startswith("rq:execution"):
            del state[key]
    for kind, content, _ in state.values():
        if kind == "hash":
            content.pop("ended_at", None)
            content.pop("last_heartbeat", None)
    return state


@pytest.mark.parametrize("build", [
    expired, abandoned, abandoned_with_retries, abandoned_and_retried_at_once,
    abandoned_with_a_dependent, abandoned_for_an_hour, dead_workers,
    gone_from_its_group, gone_from_the_intermediate_list, started])
def test_maintenance_leaves_what_rqs_leaves(r, clean, build):
    rqs, crqs = on_both(r, build, lambda: maintain(r), clean)

    assert agree_on_runs(crqs[1]) == agree_on_runs(rqs[1])
    # And RQ's own finds nothing more to do.
    maintain(r)
    assert agree_on_runs(agree(dump(r, ttl_step=10))) == crqs[1]


def test_the_text_of_an_abandoned_run_is_rqs(r, clean, queue):
    abandoned(queue)
    clean()

    text = fetch(r).latest_result().exc_string
    assert text.startswith(
        "Moved to FailedJobRegistry, due to AbandonedJobError, at 20")


def test_nobody_cleans_what_somebody_is_cleaning(r, clean, queue):
    expired(queue)
    assert queue.acquire_maintenance_lock()
    clean()
    assert r.zscore("rq:finished:q", "a") == 5
    queue.release_maintenance_lock()
    clean()
    assert r.zscore("rq:finished:q", "a") is None
    assert queue.acquire_maintenance_lock()


def test_a_stuck_job_goes_back_where_rq_would_fail_it(r, clean, queue):
    enqueue(queue)
    enqueue(queue, id="b")
    r.lmove("rq:queue:q", "rq:queue:q:intermediate", "LEFT", "RIGHT")
    clean()
    assert queue.job_ids == ["b"]
    assert IntermediateQueue(queue.key, r).get_first_seen("a")
    r.set("rq:queue:q:intermediate:first_seen:a", time.time() - 61)
    clean()

    assert queue.job_ids == ["a", "b"]
    assert fetch(r).is_queued
    assert not r.exists("rq:queue:q:intermediate")
    assert not StartedJobRegistry("q", connection=r).get_job_ids()

