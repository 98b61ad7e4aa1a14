"""All that a job can be enqueued with: crq writes what RQ writes, and each
finishes what the other one has begun."""

import datetime
import os
import subprocess

import pytest
from rq import Callback, Queue, Repeat, Retry, SimpleWorker
from rq.group import Group
from rq.job import Dependency, Job
from rq.registry import DeferredJobRegistry
from rq.webhook import Webhook

from conftest import eventually, program_folder
from jobs import Msgpack
from state import dump

HOOK = "http://127.0.0.1:9/hook"


def work(r, *names, serializer=None):
    SimpleWorker([Queue(name, connection=r, serializer=serializer)
                  for name in names], connection=r, serializer=serializer
                 ).work(burst=True, logging_level="ERROR")


def make(r, **statuses):
    """Jobs of these ids, as far as those that depend on them look."""
    for job_id, status in statuses.items():
        job = Job.create("f", id=job_id, origin="q", connection=r)
        job.save()
        r.hset(job.key, "status", status)


# ---- the same call, from Python and from C: the same keys and fields

def on(*ids, **options):
    return {"depends_on": Dependency(list(ids), **options)
            if options else list(ids)}


SAME = [
    ("waits", on("open"), ["--depends-on", "open"]),
    ("done", on("done"), ["--depends-on", "done"]),
    ("gone", on("gone"), ["--depends-on", "gone"]),
    ("several", on("done", "open", "gone"),
     ["--depends-on", "done", "--depends-on", "open", "--depends-on", "gone"]),
    ("failed", on("failed"), ["--depends-on", "failed"]),
    ("allowed", on("open", allow_failure=True),
     ["--depends-on", "open", "--allow-dependency-failures"]),
    ("front", {**on("open", enqueue_at_front=True), "at_front": True},
     ["--depends-on", "open", "--at-front"]),
    ("front at once", {**on("done", enqueue_at_front=True), "at_front": True},
     ["--depends-on", "done", "--at-front"]),
    ("ttl", {**on("open"), "ttl": 77}, ["--depends-on", "open", "--ttl", "77"]),
    ("callbacks", {"on_success": Callback("m.ok"),
                   "on_failure": Callback("m.bad", timeout="2m"),
                   "on_stopped": Callback("m.stop", timeout=7)},
     ["--on-success", "m.ok", "--on-failure", "m.bad", "--on-failure-timeout",
      "2m", "--on-stopped", "m.stop", "--on-stopped-timeout", "7"]),
    ("repeat", {"repeat": Repeat(3)}, ["--repeat", "3"]),
    ("repeats", {"repeat": Repeat(3, interval=[10, 20])},
     ["--repeat", "3", "--repeat-interval", "10", "--repeat-interval", "20"]),
    ("retry at the front", {"retry": Retry(2, [5], enqueue_at_front=True)},
     ["--retry-max", "2", "--retry-interval", "5", "--retry-at-front"]),
    ("webhook", {"webhooks": [Webhook(HOOK, "finished")]},
     ["--webhook", HOOK]),
    ("webhooks", {"webhooks": [
        Webhook(HOOK + "?a=b", "failed", method="POST", timeout=3,
                headers={"X-A": "ä=1", "B": ""}),
        Webhook("https://h/", "finished")]},
     ["--webhook", HOOK + "?a=b,failed,POST,3,X-A=ä=1,B=", "--webhook",
      "https://h/,finished,GET"]),
    ("all of it", {**on("open", "done", allow_failure=True),
                   "on_success": Callback("m.ok"), "repeat": Repeat(1, 5),
                   "retry": Retry(1), "webhooks": [Webhook(HOOK, "failed")]},
     ["--depends-on", "open", "--depends-on", "done",
      "--allow-dependency-failures", "--on-success", "m.ok", "--repeat", "1",
      "--repeat-interval", "5", "--retry-max", "1", "--webhook",
      HOOK + ",failed"]),
]


@pytest.mark.parametrize("options, args", [row[1:] for row in SAME],
                         ids=[row[0] for row in SAME])
@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
def test_the_same_call_leaves_the_same_state(r, q, crq, options, args, later):
    def seed():
        r.flushall()
        make(r, open="started", done="finished", failed="failed")
        r.rpush("rq:queue:q", "other")

    seed()
    if later:
        q.enqueue_in(datetime.timedelta(hours=1), "f", args=[], kwargs={},
                     **options)
    else:
        q.enqueue_call("f", args=[], kwargs={}, **options)
    want = dump(r)
    seed()

    done = crq("enqueue", "-q", "q", *args,
               *(["--schedule-in", "1h"] if later else []), "f")

    assert done.code == 0, done.err
    assert dump(r) == want


def test_rq_reads_every_option_as_its_own(r, crq):
    make(r, a="started")
    crq("enqueue", "-q", "q", "--job-id", "x", "--depends-on", "a",
        "--allow-dependency-failures", "--on-success", "builtins.print",
        "--on-failure", "builtins.repr", "--on-failure-timeout", "5",
        "--repeat", "2", "--repeat-interval", "9", "--group", "my group",
        "--webhook", HOOK + ",failed,POST,7,A=b", "f")

    job = Job.fetch("x", connection=r)

    assert job.get_status() == "deferred" and job.enqueued_at is None
    assert job.dependency_ids == ["a"] and job.allow_dependency_failures
    assert [d.id for d in job.fetch_dependencies()] == ["a"]
    assert Job.fetch("a", connection=r).dependent_ids == ["x"]
    assert DeferredJobRegistry("q", connection=r).get_job_ids() == ["x"]
    assert job.success_callback is print and job.failure_callback is repr
    assert job.success_callback_timeout == 60
    assert job.failure_callback_timeout == 5
    assert job.repeats_left == 2 and job.repeat_intervals == [9]
    hook, = job.webhooks
    assert (hook.url, hook.job_status, hook.method, hook.headers,
            hook.timeout) == (HOOK, "failed", "POST", {"A": "b"}, 7)
    group = Group.fetch("my group", connection=r)
    assert [j.id for j in group.get_jobs()] == ["x"]
    assert [g.name for g in Group.all(connection=r)] == ["my group"]
    job.delete()
    assert group.get_jobs() == []


def test_crq_shows_who_waits_on_whom(r, q, crq):
    for i in range(12):
        q.enqueue("f", job_id=f"d{i:02}", depends_on=["a", "b"])
    make(r, a="started", b="finished")
    for i in range(12):
        q.enqueue("f", job_id=f"d{i:02}", depends_on=["a", "b"])

    parent = crq("show", "a")
    child = crq("show", "d03")

    assert "needed by   d00, d01, d02, d03" in parent.out
    assert "d10, d11\n" in parent.out
    assert "waits on    a (started), b (finished)\n" in child.out
    assert crq("show", "a", "--json").json()["dependents"] == [
        f"d{i:02}" for i in range(12)]
    child = crq("show", "d03", "--json").json()
    assert child["dependency_ids"] == ["a", "b"]
    assert child["waits_on"] == [{"id": "a", "status": "started"},
                                 {"id": "b", "status": "finished"}]


# ---- many at once

MANY = [
    ["a", "b", "c"],
    ["a=b", "b", "c=a"],
    ["a=gone", "b", "c=done,gone"],
    ["a=c", "b", "c=done"],
    ["a=c", "b=failed", "c=gone", "d", "e=d,open"],
    ["a=failed", "b=open"],
]


def inner(calls):
    """Whether a call depends on another one of them."""
    ids = {call.partition("=")[0] for call in calls}
    return any(ids & set(call.partition("=")[2].split(",")) for call in calls)


@pytest.mark.parametrize("calls", MANY, ids=" ".join)
@pytest.mark.parametrize("group", ["-", "g"])
def test_many_calls_leave_the_same_state(redis_server, r, q, calls, group):
    def seed():
        r.flushall()
        make(r, open="started", done="finished", failed="failed")

    datas = []
    for call in calls:
        job_id, _, ids = call.partition("=")
        datas.append(Queue.prepare_data(
            "f", args=(), kwargs={}, job_id=job_id,
            depends_on=ids.split(",") if ids else None))
    seed()
    if group == "-":
        q.enqueue_many(datas)
    elif inner(calls):
        # With the pipeline that a group passes, RQ does not see the jobs that
        # it has just made: it enqueues those that depend on them at once.
        jobs = q.enqueue_many(datas, group_id=group)
        Group.create(r, group)._add_jobs(jobs, r.pipeline())
    else:
        Group.create(r, group).enqueue_many(q, datas)
    want = dump(r)
    seed()

    subprocess.run([os.path.join(program_folder(), "tests/interop/enqueue_peer"),
                    redis_server.url, "q", group, *calls], check=True)

    got = dump(r)
    # RQ saves those that it enqueues in a second step: with all they had.
    for state in (want, got):
        state.get("rq:queue:q", [0, []])[1].sort()
    assert got == want


# ---- each promotes what the other one has deferred

@pytest.mark.parametrize("allow, bad, runs", [
    (False, False, True), (False, True, False), (True, True, True)])
def test_rqs_worker_promotes_what_crq_deferred(r, q, crq, allow, bad, runs):
    parent = q.enqueue("tasks.fail" if bad else "tasks.echo",
                       *(() if bad else (1,)))
    other = Queue("other", connection=r)
    crq("enqueue", "-q", "other", "--job-id", "x", "--depends-on", parent.id,
        *(["--allow-dependency-failures"] if allow else []), "tasks.echo",
        ":2")
    assert other.count == 0

    work(r, "q", "other")

    job = Job.fetch("x", connection=r)
    assert job.get_status() == ("finished" if runs else "deferred")
    assert parent.dependent_ids == ([] if runs else ["x"])
    assert DeferredJobRegistry("other", connection=r).count == (not runs)


@pytest.mark.parametrize("allow, bad, runs", [
    (False, False, True), (False, True, False), (True, True, True)])
def test_crq_worker_promotes_what_rq_deferred(r, q, worker, allow, bad, runs):
    other = Queue("other", connection=r)
    parents = [q.enqueue("demo.fail" if bad else "demo.noop",
                         *(("no luck",) if bad else ())) for _ in range(3)]
    job = other.enqueue("demo.echo", 2, depends_on=Dependency(
        parents, allow_failure=allow))
    front = other.enqueue("demo.echo", 3, depends_on=Dependency(
        parents, allow_failure=allow, enqueue_at_front=True))

    worker("--jobs", 1, "--burst", "q", wait=False).wait()

    assert other.job_ids == ([front.id, job.id] if runs else [])
    worker("--jobs", 1, "--burst", "other", wait=False).wait()
    assert job.get_status() == ("finished" if runs else "deferred")
    assert job.return_value() == (2 if runs else None)
    # As in RQ: the last parent to end takes them out of its set.
    assert sorted(len(p.dependent_ids) for p in parents) == (
        [0, 2, 2] if runs else [2, 2, 2])


def test_a_deferred_job_runs_once_though_a_parent_runs_again(r, q, worker):
    first = q.enqueue("demo.noop", repeat=Repeat(2))
    second = q.enqueue("demo.noop")
    job = q.enqueue("demo.noop", depends_on=[first, second])

    worker("--jobs", 1, "--burst", "q", wait=False).wait()

    assert len(job.results()) == 1 and len(first.results()) == 3


# ---- many dependents

def defer(r, ids, parent_of, queue="q"):
    """Deferred jobs, quicker than RQ makes them."""
    template = Job.create("demo.noop", origin=queue, connection=r,
                          timeout=180, status="deferred").to_dict()
    with r.pipeline(transaction=False) as pipe:
        for job_id in ids:
            parent = parent_of(job_id)
            pipe.hset(f"rq:job:{job_id}", mapping={
                **template, "dependency_id": parent,
                "dependency_ids": f'["{parent}"]'})
            pipe.zadd(f"rq:deferred:{queue}", {job_id: 1})
            pipe.sadd(f"rq:job:{parent}:dependents", job_id)
            pipe.sadd(f"rq:job::{job_id}:dependencies", parent)
        pipe.execute()


def test_a_fan_of_ten_thousand_is_promoted(r, q, worker):
    q.enqueue("demo.noop", job_id="parent")
    defer(r, [f"d{i}" for i in range(10_000)], lambda _: "parent", "other")

    worker("--jobs", 1, "--burst", "q", wait=False).wait(60)

    assert r.llen("rq:queue:other") == 10_000
    assert not r.exists("rq:deferred:other", "rq:job:parent:dependents",
                        "crq:promoting", "crq:promoting:parent")
    assert Queue("other", connection=r).fetch_job("d77").get_status() == "queued"


def test_a_chain_of_a_thousand_runs_in_its_order(r, q, worker):
    ids = [f"c{i}" for i in range(1000)]
    defer(r, ids[1:], lambda job_id: f"c{int(job_id[1:]) - 1}")
    q.enqueue("demo.noop", job_id="c0")

    worker("--jobs", 1, "--burst", "q", wait=False).wait(60)

    assert r.zcard("rq:finished:q") == 1000
    assert not r.exists("rq:deferred:q")
    ended = [r.hget(f"rq:job:{job_id}", "ended_at") for job_id in ids]
    assert ended == sorted(ended)


def test_a_worker_goes_on_where_a_dead_one_left_off(r, q, worker):
    q.enqueue("demo.noop", job_id="parent")
    defer(r, [f"d{i}" for i in range(300)], lambda _: "parent", "other")
    # Killed behind its finish: the set is renamed, nobody is promoted.
    r.rename("rq:job:parent:dependents", "crq:promoting:parent")
    r.hset("crq:promoting", "parent", "finished:q")
    r.delete("rq:queue:q")

    worker("--jobs", 1, "q")

    eventually(lambda: r.llen("rq:queue:other") == 300)
    eventually(lambda: not r.exists("crq:promoting", "crq:promoting:parent"))


# ---- repeats, msgpack

def test_rqs_worker_repeats_what_crq_enqueued(r, crq):
    crq("enqueue", "-q", "q", "--job-id", "x", "--repeat", "2", "tasks.echo",
        ":1")

    work(r, "q")

    job = Job.fetch("x", connection=r)
    assert len(job.results()) == 3 and job.repeats_left == 0


@pytest.mark.parametrize("value", [5, 53, -1, "Done.", [1, {"a": None}], 1.5,
                                   b"\x00\xff"])
def test_msgpack_goes_both_ways(r, crq, worker, value):
    pytest.importorskip("msgpack")
    q = Queue("q", connection=r, serializer=Msgpack)
    job = q.enqueue("demo.echo", value, meta={"k": [1]})

    worker("--jobs", 1, "--burst", "q", wait=False).wait()

    assert job.return_value() == value and job.get_meta() == {"k": [1]}
    shown = crq("show", job.id, "--json").json()
    assert shown["serializer"] == "msgpack" and shown["meta"] == {"k": [1]}
    if not isinstance(value, bytes):
        assert crq("result", job.id, "--json").json()["result"] == value


def test_rqs_worker_runs_what_crq_packed(r, crq):
    pytest.importorskip("msgpack")
    job_id = crq("enqueue", "-q", "q", "-S", "msgpack", "--json", "tasks.echo",
                 ":53").json()["id"]
    assert Job.fetch(job_id, connection=r, serializer=Msgpack).args == [53]

    work(r, "q", serializer=Msgpack)

    assert crq("result", job_id).out == "53\n"


# ---- wrong options

@pytest.mark.parametrize("args, says", [
    (["--repeat-interval", "5"], "--repeat-interval needs --repeat"),
    (["--unique", "--job-id", "x", "--depends-on", "a"],
     "--unique and --depends-on exclude each other"),
    (["--depends-on", "a:b"], "depends_on 1: 'a:b' is not a job id"),
    (["--webhook", "ftp://h/"], "webhook 1: url must be"),
    (["--webhook", HOOK + ",stopped"], "--webhook stopped"),
    (["--group", ""], "group_id has 0 bytes"),
    (["--on-success", ""], "on_success: the name is empty"),
    (["-S", "xml"], "there are pickle, json and msgpack"),
])
def test_a_wrong_option_is_named(r, crq, args, says):
    done = crq("enqueue", *args, "f")

    assert done.code == 64 and says in done.err
    assert r.keys() == []
