"""What crq doctor finds, and mends."""

import time
import uuid

import pytest
from rq import Queue, Retry, Worker
from rq.job import Dependency, Job, JobStatus
from rq.registry import (CanceledJobRegistry, DeferredJobRegistry,
                         FailedJobRegistry, FinishedJobRegistry)

from conftest import eventually


@pytest.fixture(autouse=True)
def durable(r):
    """A Redis as it should be: the tests' own one keeps nothing."""
    r.config_set("save", "3600 1")
    yield
    r.config_set("save", "")
    r.config_set("maxmemory", 0)
    r.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def listener(r):
    """A worker that listens to q, as far as its record says."""
    key = "rq:worker:w"
    r.hset(key, mapping={
        "birth": "2026-01-01T00:00:00.000000Z", "version": "2.10.0",
        "python_version": "3", "queues": "q", "state": "idle",
        "last_heartbeat": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z",
                                        time.gmtime())})
    r.sadd("rq:workers", key)
    r.sadd("rq:workers:q", key)
    return key


def found(crq, *args):
    """[(check, where, fixed)], and the exit status fits."""
    done = crq("doctor", "--json", *args)
    rows = [(one["check"], one["where"], one["fixed"])
            for one in done.json()]
    assert done.code == (1 if any(row[2] is None for row in rows) else 0), \
        done.err
    return rows


def whole(r):
    """All of Redis, as bytes."""
    return {key: r.dump(key) for key in r.keys("*")}


# ---- nothing, Redis, workers ----

def test_nothing_is_found_where_nothing_is_wrong(r, q, crq, listener):
    jobs = [q.enqueue("demo.add", n, n) for n in range(250)]
    q.enqueue("demo.add", depends_on=jobs[0])
    q.enqueue("demo.add", depends_on=Dependency(jobs=jobs[1:3]))
    q.enqueue_in(__import__("datetime").timedelta(hours=1), "demo.add")
    jobs[5].cancel()
    before = whole(r)
    for args in ([], ["--fix"]):
        done = crq("doctor", *args)
        assert (done.code, done.out, done.err) == (0, "Nothing found\n", "")
    assert whole(r) == before


@pytest.mark.parametrize("settings, where", [
    ({"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"},
     "maxmemory-policy"),
    ({"maxmemory": "1mb"}, "maxmemory"),
    ({"save": ""}, "persistence"),
])
def test_settings_of_redis(r, crq, settings, where):
    for name, value in settings.items():
        r.config_set(name, value)
    assert found(crq) == [("redis", where, None)]


def test_a_policy_without_a_limit_does_no_harm(r, crq):
    r.config_set("maxmemory-policy", "allkeys-lru")
    assert found(crq) == []


def test_suspension(r, crq):
    r.set("rq:suspended", 1)
    assert found(crq, "--fix") == [("suspended", "workers", None)]


@pytest.mark.parametrize("fields, check", [
    ({"version": "1.16.2"}, "old-rq"),
    ({"last_heartbeat": "2026-01-01T00:00:00.000000Z"}, "silent-worker"),
    ({"last_heartbeat": ""}, "silent-worker"),
])
def test_workers(r, crq, listener, fields, check):
    r.hset(listener, mapping=fields)
    assert found(crq) == [(check, "w", None)]


def test_a_queue_that_nobody_listens_to(r, q, crq):
    for text in ("1 job waits, and no", "2 jobs wait, and no"):
        q.enqueue("demo.add")
        assert found(crq) == [("no-worker", "queue q", None)]
        assert f"queue q: {text}" in crq("doctor").out


def test_jobs_that_are_overdue(r, q, crq, listener):
    job = q.enqueue_in(__import__("datetime").timedelta(hours=1), "demo.add")
    r.zadd("rq:scheduled:q", {job.id: time.time() - 100})
    assert found(crq) == [("overdue", "queue q", None)]


# ---- jobs ----

def start_without_a_lease(r, job):
    r.lrem("rq:queue:q", 1, job.id)
    r.hset(job.key, "status", "started")


def test_a_started_job_without_a_lease_fails(r, q, crq, listener):
    job = q.enqueue("demo.add")
    start_without_a_lease(r, job)
    assert found(crq) == [("abandoned", f"job {job.id}", None)]
    assert job.get_status() == JobStatus.STARTED
    (check, where, fixed), = found(crq, "--fix")
    assert (check, where) == ("abandoned", f"job {job.id}") and fixed
    assert job.get_status(refresh=True) == JobStatus.FAILED
    assert "AbandonedJobError" in job.latest_result().exc_string
    assert FailedJobRegistry("q", connection=r).get_job_ids() == [job.id]
    assert found(crq) == []


def test_a_started_job_without_a_lease_is_retried(r, q, crq, listener):
    job = q.enqueue("demo.add", retry=Retry(1))
    start_without_a_lease(r, job)
    found(crq, "--fix")
    assert job.get_status(refresh=True) == JobStatus.QUEUED
    assert q.get_job_ids() == [job.id]


def test_a_job_that_got_lost_goes_back_to_its_queue(r, q, crq, listener):
    job, other = q.enqueue("demo.add"), q.enqueue("demo.add")
    r.lpop("rq:queue:q")
    assert found(crq) == [("lost", f"job {job.id}", None)]
    found(crq, "--fix")
    assert q.get_job_ids() == [job.id, other.id]


@pytest.mark.parametrize("status, registry", [
    ("deferred", DeferredJobRegistry), ("failed", FailedJobRegistry),
    ("stopped", FailedJobRegistry), ("canceled", CanceledJobRegistry),
    ("finished", FinishedJobRegistry)])
def test_a_job_that_is_in_no_registry_is_put_there(r, q, crq, listener, status,
                                                   registry):
    job, other = q.enqueue("demo.add"), q.enqueue("demo.add")
    r.lrem("rq:queue:q", 1, job.id)
    r.hset(job.key, "status", status)
    r.sadd(f"rq:job::{job.id}:dependencies", other.id)
    assert found(crq) == [("lost", f"job {job.id}", None)]
    found(crq, "--fix")
    assert registry("q", connection=r).get_job_ids(cleanup=False) == [job.id]
    assert found(crq) == []


def test_nobody_knows_when_a_job_was_due(r, q, crq, listener):
    job = q.enqueue_in(__import__("datetime").timedelta(hours=1), "demo.add")
    r.delete("rq:scheduled:q")
    assert found(crq, "--fix") == [("lost", f"job {job.id}", None)]


# ---- dependents ----

ENDS = {
    "failed": lambda r, job: r.hset(job.key, "status", "failed"),
    "stopped": lambda r, job: r.hset(job.key, "status", "stopped"),
    "canceled": lambda r, job: job.cancel(),
    "finished": lambda r, job: r.hset(job.key, "status", "finished"),
    "gone": lambda r, job: r.delete(job.key),
}


@pytest.mark.parametrize("allow", [False, True], ids=["strict", "allowing"])
@pytest.mark.parametrize("end", ENDS)
def test_a_dependent_that_was_left_hanging_is_settled(r, q, crq, listener, end,
                                                      allow):
    parent = q.enqueue("demo.add")
    child = q.enqueue("demo.add", depends_on=Dependency(
        jobs=[parent], allow_failure=allow))
    last = q.enqueue("demo.add", depends_on=child)
    r.lrem("rq:queue:q", 1, parent.id)
    ENDS[end](r, parent)
    r.expire(parent.key, 1000)
    runs = end in ("finished", "gone") or (end == "failed" and allow)
    check = "forgotten" if runs else "hopeless"
    assert found(crq) == [(check, f"job {child.id}", None)]
    rows = found(crq, "--fix")
    assert rows[0][:2] == (check, f"job {child.id}") and rows[0][2]
    if runs:
        assert len(rows) == 1
        assert child.get_status(refresh=True) == JobStatus.QUEUED
        assert last.get_status(refresh=True) == JobStatus.DEFERRED
        assert q.get_job_ids() == [child.id]
    else:
        # With it the one behind.
        assert rows[1][:2] == ("hopeless", f"job {last.id}") and rows[1][2]
        assert child.get_status(refresh=True) == JobStatus.FAILED
        assert last.get_status(refresh=True) == JobStatus.FAILED
        assert f"waited for job {parent.id}, which is {end}" in \
            child.latest_result().exc_string
        assert q.get_job_ids() == []
    assert [row for row in found(crq)] == []


def test_a_chain_is_settled_in_one_go(r, q, crq, listener):
    jobs = [q.enqueue("demo.add")]
    for _ in range(150):
        jobs.append(q.enqueue("demo.add", depends_on=jobs[-1]))
    r.lrem("rq:queue:q", 1, jobs[0].id)
    r.hset(jobs[0].key, "status", "failed")
    r.zadd("rq:failed:q", {jobs[0].id: time.time() + 1000})
    assert len(found(crq, "--fix")) == 150
    assert {job.get_status(refresh=True) for job in jobs} == {JobStatus.FAILED}
    assert found(crq) == []
    assert r.zcard("rq:deferred:q") == 0


# ---- ids ----

def test_ids_without_a_job_are_taken_out(r, q, crq, listener):
    job = q.enqueue("demo.add")
    r.rpush("rq:queue:q", "none", "nobody")
    for kind in ("deferred", "scheduled", "canceled"):
        r.zadd(f"rq:{kind}:q", {"none": time.time() + 1000})
    r.sadd("rq:queues", "rq:queue:q")
    assert found(crq) == [("no-job", "queue q", None)] * 4
    assert found(crq, "--fix") == [("no-job", "queue q", "taken out")] * 4
    assert found(crq) == []
    assert q.get_job_ids() == [job.id]


def test_what_was_half_taken(r, q, crq, listener):
    job = q.enqueue("demo.add")
    r.lmove("rq:queue:q", "rq:queue:q:intermediate", "LEFT", "RIGHT")
    assert found(crq) == [("half-taken", "queue q", None)]
    r.set(f"rq:queue:q:intermediate:first_seen:{job.id}", time.time() - 61)
    (check, _, fixed), = found(crq, "--fix")
    assert check == "maintenance" and fixed
    assert q.get_job_ids() == [job.id]


def test_abandoned_runs(r, q, crq, listener):
    job, execution = q.enqueue("demo.add"), uuid.uuid4().hex
    start_without_a_lease(r, job)
    r.zadd(f"rq:executions:{job.id}", {execution: 5})
    r.zadd("rq:wip:q", {f"{job.id}:{execution}": 5})
    assert found(crq) == [("abandoned-runs", "queue q", None)]
    (check, _, fixed), = found(crq, "--fix")
    assert check == "maintenance" and fixed
    assert job.get_status(refresh=True) == JobStatus.FAILED


def test_a_key_of_a_foreign_type(r, q, crq, listener):
    job = q.enqueue("demo.add")
    start_without_a_lease(r, job)
    r.set(f"rq:results:{job.id}", "mine")
    assert found(crq, "--fix") == [("foreign", f"job {job.id}", None)]


# ---- beside work, and how it is said ----

def test_jobs_on_their_way_are_left_alone(r, q, crq, worker):
    worker("--jobs", 2, "q")
    eventually(lambda: len(Worker.all(connection=r)) == 2)
    jobs = [q.enqueue("demo.sleep", 0.02) for _ in range(100)]
    while any(job.get_status() != JobStatus.FINISHED for job in jobs):
        assert found(crq, "--fix") == []
    assert all(len(job.results()) == 1 for job in jobs)


def test_it_says_what_it_found_and_what_to_do(r, q, crq, listener):
    jobs = [Job.create("demo.add", connection=r, origin="q",
                       status=JobStatus.QUEUED) for _ in range(13)]
    for job in jobs:
        job.save()
    done = crq("doctor")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].endswith(": queued in queue q: it is in no list of its "
                             "queue")
    assert lines[1].startswith("    crq doctor --fix puts it back")
    assert lines[-2:] == ["... and 3 more like that; --json has all",
                          "13 found, 0 fixed"]
    done = crq("doctor", "--fix")
    assert done.code == 0
    assert "    fixed: put into its queue" in done.out.splitlines()
    assert sorted(q.get_job_ids()) == sorted(job.id for job in jobs)


def test_a_limit_is_said(r, q, crq, listener):
    q.enqueue_many([Queue.prepare_data("demo.add") for _ in range(3000)])
    done = crq("doctor", "--limit", 1000)
    assert done.code == 0 and "--limit" in done.err


# ---- what others write ----

def test_what_schedulers_have_set_aside(r, q, crq, listener):
    aside = "crq:scheduler:quarantine"
    r.hset(aside, mapping={
        "crq:schedules a b": "no cron", b"crq:schedules \xff": "no hash",
        "rq:scheduled:q j": "rq:job:j is a string",
        "rq:scheduler:scheduled_jobs p": "due 1: no pickle",
        "some stream 1-0": "no queue"})
    rows = sorted(found(crq))
    assert rows == [("set-aside", where, None) for where in (
        "event some stream 1-0", "rq-scheduler's entry p", "schedule \\xff",
        "schedule a b", "scheduled job j")]
    assert "a scheduler could not read it: no cron" in crq("doctor").out
    assert [row[2] for row in found(crq, "--fix")] == ["forgotten"] * 5
    assert not r.exists(aside) and found(crq) == []
    r.set(aside, "foreign")
    assert found(crq) == [("foreign", aside, None)]


def test_names_that_are_no_text_are_shown(r, q, crq, listener):
    r.sadd("rq:queues", "rq:queue:q")
    r.hset(b"rq:job:lost\xfa", mapping={
        "data": "D", "status": "queued", "origin": "q",
        "created_at": "2026-01-01T00:00:00.000000Z"})
    assert found(crq) == [("lost", "job lost\\xfa", None)]
    shown = crq("show", b"lost\xfa".decode(errors="surrogateescape"), "--json")
    assert shown.json()["id"] == "lost\\xfa"
