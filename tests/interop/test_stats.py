"""What workers count: rates, times, causes of failures; in Redis, in the REST
interface, and for Prometheus."""

import os
import re
import signal
import time
from datetime import timedelta

import jsonschema
import pytest
from rq import Queue, Retry, SimpleWorker
from rq.job import JobStatus

from conftest import WorkerProcess, duties, eventually, module
from jobs import has_begun

ALL = ("finished", "failed", "stopped", "canceled", "retried", "abandoned")


def totals(r, queue="q"):
    found = r.hgetall(f"crq:stats:queue:{queue}")
    return {name: int(found[name.encode()]) for name in ALL
            if name.encode() in found}


def times(r, kind, key="crq:stats:queue:q"):
    """How many were counted, and their sum in seconds."""
    found = {k.decode(): int(v) for k, v in r.hgetall(key).items()}
    return (sum(n for k, n in found.items()
                if k.startswith(f"{kind}:") and k != f"{kind}:us"),
            found.get(f"{kind}:us", 0) / 1e6)


def burst(redis_server, *args):
    w = WorkerProcess(redis_server.url, [
        "-q", "--burst", "--load", module("demo"), *args, "q"])
    assert w.wait(60) == 0, w.text()


def test_each_end_is_counted_once(redis_server, r, q):
    q.enqueue_many([Queue.prepare_data("demo.add", (1, n)) for n in range(50)])
    for n in range(3):
        q.enqueue("demo.fail", "x", retry=Retry(max=2))
    burst(redis_server)
    want = {"finished": 50, "failed": 3, "retried": 6}
    assert totals(r) == totals(r, "") == want
    for kind in ("wait", "run"):
        count, seconds = times(r, kind)
        assert count == 59 and seconds >= 0
    minutes = r.keys("crq:stats:minute:*:q")
    assert sum(int(r.hget(m, "finished") or 0) for m in minutes) == 50
    assert all(7100 < r.ttl(m) <= 7200 for m in minutes)


def test_times_are_those_of_waiting_and_running(redis_server, r, q):
    q.enqueue("demo.sleep", 0.3)
    time.sleep(0.5)
    burst(redis_server)
    job = q.finished_job_registry.get_job_ids()[0]
    job = q.fetch_job(job)
    count, waited = times(r, "wait")
    assert count == 1
    assert waited == pytest.approx(
        (job.started_at - job.enqueued_at).total_seconds(), abs=0.2)
    count, ran = times(r, "run")
    assert count == 1 and ran == pytest.approx(
        (job.ended_at - job.started_at).total_seconds(), abs=0.2)
    assert 0.3 <= ran and 0.5 <= waited


def test_many_workers_add_up(redis_server, r, q):
    q.enqueue_many([Queue.prepare_data("demo.noop") for _ in range(300)])
    workers = [WorkerProcess(redis_server.url, [
        "-q", "--burst", "--jobs", 2, "--load", module("demo"), "q"])
        for _ in range(3)]
    assert [w.wait(60) for w in workers] == [0, 0, 0]
    assert totals(r) == {"finished": 300}
    assert duties(r) == []


def test_stopped_and_canceled_runs_are_counted_as_such(r, q, worker, crq):
    worker("--jobs", 2, "q")
    stopped, canceled = (q.enqueue("demo.sleep", s) for s in (60, 1))
    for job in (stopped, canceled):
        eventually(lambda: job.get_status() == JobStatus.STARTED)
    canceled.cancel()
    assert crq("stop", stopped.id).code == 0
    eventually(lambda: totals(r) == {"stopped": 1, "canceled": 1})
    assert r.hgetall("crq:failures:counts") == {}


def test_a_killed_worker_loses_a_tenth_of_a_second_at_most(r, q, worker):
    w = worker("--jobs", 1, "q")
    jobs = [q.enqueue("demo.add", 1, 2) for _ in range(20)]
    eventually(lambda: all(j.get_status() == "finished" for j in jobs))
    # Late by design: what was there for longer is in Redis.
    eventually(lambda: totals(r) == {"finished": 20}, 5)
    w.signal(signal.SIGKILL)
    w.wait()
    assert totals(r) == {"finished": 20}


def test_runs_of_dead_workers_are_counted_as_abandoned(r, q, worker):
    dead = worker("--jobs", 1, "--name", "dead", "q")
    job = q.enqueue("demo.sleep", 60)
    eventually(lambda: has_begun(job))
    dead.signal(signal.SIGKILL)
    dead.wait()
    for stem in r.zrange("crq:alive", 0, -1):
        r.zadd("crq:alive", {stem: 1})
    for member in r.zrange("rq:wip:q", 0, -1):
        r.zadd("rq:wip:q", {member: 1})
    worker("--jobs", 1, "q")
    eventually(lambda: job.get_status() == JobStatus.FAILED, 20)
    # Of all together: which queue it was only the script knows.
    eventually(lambda: totals(r, "").get("abandoned") == 1)
    assert totals(r, "")["failed"] == 1


def test_what_redis_refuses_is_counted_later(r, q, worker):
    worker("--jobs", 1, "q")
    r.set("crq:failures", "x")  # of another type: the rest goes on
    q.enqueue("demo.fail", "x")
    eventually(lambda: totals(r) == {"failed": 1})
    assert r.get("crq:failures") == b"x"


def scripts(r):
    """How many calls of scripts Redis has run, and how many it refused."""
    found = [r.info("commandstats").get(f"cmdstat_{name}", {})
             for name in ("eval", "evalsha")]
    return (sum(each.get("calls", 0) for each in found),
            sum(each.get("rejected_calls", 0) for each in found))


def test_what_stays_refused_is_tried_with_signs_of_life_only(r, q, worker):
    w = worker("--jobs", 1, "q")
    r.acl_setuser("default", enabled=True, reset_keys=True,
                  keys=["[^c]*", "crq:[^s]*"])
    try:
        job = q.enqueue("demo.noop")
        eventually(lambda: "statistics: " in w.text())
        assert job.get_status() == JobStatus.FINISHED
        ran, refused = scripts(r)
        # By itself it does nothing but show that it lives.
        eventually(lambda: scripts(r)[0] >= ran + 2, 30)
        assert scripts(r)[1] <= refused + 4
    finally:
        r.acl_setuser("default", enabled=True, keys=["*"])
    eventually(lambda: totals(r) == {"finished": 1}, 30)


def test_statistics_cost_no_command_for_each_job(r, q, worker):
    worker("--jobs", 1, "q")
    q.enqueue("demo.noop")
    eventually(lambda: totals(r) == {"finished": 1})
    r.script_flush()
    r.config_resetstat()
    q.enqueue_many([Queue.prepare_data("demo.noop") for _ in range(2000)])
    began = time.monotonic()
    eventually(lambda: totals(r) == {"finished": 2001}, 60, 0.1)
    took = time.monotonic() - began
    sets = r.info("commandstats").get("cmdstat_hincrby", {"calls": 0})["calls"]
    # Four hashes, of which each call touches a few fields.
    assert sets <= (took * 10 + 5) * 4 * 20 and sets < 2000 * 4


def test_info_says_it_in_a_line(redis_server, r, q, crq):
    q.enqueue("demo.sleep", 0.01)
    assert "runs/s" not in crq("info").out
    burst(redis_server)
    line, = [x for x in crq("info").out.splitlines() if "runs/s" in x]
    assert re.fullmatch(
        r"\d+\.\d runs/s; of the last 5 minutes 95% waited at most [\w. ]+, "
        r"ran at most [\w. ]+", line)
    assert crq("info", "--json").json()["queues"][0]["stats"]["totals"][
        "finished"] == 1
    for args in (("--raw",), ("--only-workers",), ("q",)):
        assert "runs/s" not in crq("info", *args).out


# ---- the scheduler ----

def test_lateness_of_the_scheduler_is_counted(redis_server, r, crq):
    assert crq("schedule", "--every", "0.5", "--overlap", "allow",
               "often", "f").code == 0
    s = WorkerProcess(redis_server.url, [], program="crq-scheduler")
    Queue("q", connection=r).enqueue_in(timedelta(seconds=1), "f")
    eventually(lambda: times(r, "late", "crq:stats:queue:")[0] >= 4, 20)
    count, seconds = times(r, "late", "crq:stats:queue:")
    assert 0 <= seconds < count * 5
    s.signal(signal.SIGTERM)
    assert s.wait() == 0
    # Never early, and what was counted last is there, too.
    jobs = r.llen("rq:queue:default") + r.llen("rq:queue:q")
    assert times(r, "late", "crq:stats:queue:")[0] <= jobs


# ---- causes of failures ----

def causes(r):
    return {tuple(k.decode().split("\n")): int(v)
            for k, v in r.hgetall("crq:failures:counts").items()}


def test_failures_are_counted_by_cause(redis_server, r, q, api):
    for n in range(3):
        q.enqueue("demo.fail", f"message {n}")
    q.enqueue("demo.nothing")
    q.enqueue("demo.sleep", 60, job_timeout=1)
    last = q.enqueue("demo.fail", "last")
    burst(redis_server, "--jobs", 1)
    assert causes(r) == {
        ("demo.fail", "RuntimeError"): 4,
        ("demo.nothing", "crq.UnknownTask"): 1,
        ("demo.sleep", "rq.timeouts.JobTimeoutException"): 1}
    first = api("GET", "/failures").json()["failures"][0]
    assert first.pop("last")[:3] == "202"
    assert first == {"func": "demo.fail", "error": "RuntimeError", "count": 4,
                     "message": "last", "job": last.id, "queue": "q"}
    assert len(api("GET", "/failures", limit=1).json()["failures"]) == 1


def test_what_rqs_workers_ran_is_found_where_it_failed(r, q, api):
    for n in range(3):
        q.enqueue("tasks.fail")
    q.enqueue("tasks.nothing_of_that_name")
    SimpleWorker([q], connection=r).work(burst=True)
    assert api("GET", "/failures").json() == {"failures": []}
    found = api("GET", "/failures", queue="q").json()["failures"]
    assert [(f["func"], f["count"]) for f in found] == [
        ("tasks.fail", 3), ("tasks.nothing_of_that_name", 1)]
    assert found[0]["error"] and found[0]["last"]
    assert q.fetch_job(found[0]["job"]).is_failed
    few = api("GET", "/failures", queue="q", look=1).json()["failures"]
    assert sum(f["count"] for f in few) == 1


# ---- the REST interface ----

def check(api, path, got):
    """Compare an answer with what the description says of it."""
    schema = api.document["paths"][path]["get"]["responses"]["200"][
        "content"]["application/json"]["schema"]
    jsonschema.validate(got, {**schema,
                              "components": api.document["components"]})


def test_the_interface_tells_rates_and_times(redis_server, r, q, api):
    for n in range(20):
        q.enqueue("demo.sleep", 0.01)
    burst(redis_server)
    waiting = q.enqueue("demo.noop")
    got = api("GET", "/stats").json()
    check(api, "/stats", got)
    assert got["all"]["queue"] is None
    row, = got["queues"]
    assert row["queue"] == "q" and row["minutes"] == []
    assert row["totals"] == {**dict.fromkeys(ALL, 0), "finished": 20}
    assert row["per_second"]["finished"] == row["per_second"]["all"] > 0
    assert row["run"]["count"] == 20
    assert 0.01 <= row["run"]["p50"] <= row["run"]["p99"]
    assert row["oldest_enqueued_at"] == \
        waiting.enqueued_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    got = api("GET", "/queues/q/stats").json()
    check(api, "/queues/{name}/stats", got)
    assert len(got["minutes"]) == 60
    assert sum(m["finished"] for m in got["minutes"]) == 20
    got = api("GET", "/queues/q/stats", minutes=7, series="false").json()
    assert got["window"] == 7 and got["minutes"] == []
    assert api("GET", "/queues/none/stats").status == 404
    for wrong in ({"minutes": 0}, {"minutes": 61}, {"minutes": "x"}):
        assert api("GET", "/stats", **wrong).status == 400
    check(api, "/failures", api("GET", "/failures").json())


HOSTILE = [
    ("hash", {"finished": "x", "wait:5": "1e9", "run:us": "-1"}),
    ("hash", {"finished": "9" * 40, "wait:inf": "9223372036854775807",
              "wait:us": "9223372036854775807", "run:1": "0x10"}),
    ("string", "x"), ("list", ["x"]),
]


@pytest.mark.parametrize("kind, what", HOSTILE)
def test_whatever_stands_in_the_keys_is_answered(r, q, api, crq, kind, what):
    q.enqueue("f")
    minute = r.time()[0] // 60
    keys = ["crq:stats:queue:", "crq:stats:queue:q", "crq:failures",
            "crq:failures:counts", "crq:failures:samples"]
    keys += [f"crq:stats:minute:{minute + n}:{name}" for name in ("", "q")
             for n in (-1, 0, 1)]
    for key in keys:
        if kind == "hash":
            r.hset(key, mapping=what)
        elif kind == "list":
            r.rpush(key, *what)
        else:
            r.set(key, what)
    for path in ("/stats", "/queues/q/stats", "/failures"):
        answer = api("GET", path)
        assert answer.status == 200
        check(api, path.replace("/q/", "/{name}/"), answer.json())
    assert "crq_redis_up 1" in api.metrics().body
    assert crq("top").code == crq("info").code == 0


# ---- for Prometheus ----

def families(text):
    from prometheus_client.parser import text_string_to_metric_families
    return {f.name: f for f in text_string_to_metric_families(text)}


def test_prometheus_reads_counters_and_histograms(redis_server, r, q, api):
    Queue('odd"\\', connection=r).enqueue("f")
    for n in range(10):
        q.enqueue("demo.sleep", 0.01)
    q.enqueue("demo.fail", "x", retry=Retry(max=1))
    burst(redis_server)
    found = families(api.metrics().body)
    ended = {s.labels["status"]: s.value
             for s in found["crq_jobs_ended"].samples
             if s.labels["queue"] == "q"}
    assert ended == {"finished": 10, "failed": 1, "stopped": 0, "canceled": 0}
    assert [s.value for s in found["crq_jobs_retried"].samples
            if s.labels["queue"] == "q"] == [1]
    assert {s.labels["queue"] for s in found["crq_jobs_ended"].samples} == {
        "q", 'odd"\\'}
    for name, labels in (("crq_job_run_seconds", {"queue": "q"}),
                         ("crq_job_wait_seconds", {"queue": "q"}),
                         ("crq_scheduler_late_seconds", {})):
        family = found[name]
        assert family.type == "histogram"
        rows = [s for s in family.samples
                if {k: v for k, v in s.labels.items() if k != "le"} == labels]
        buckets = [s for s in rows if s.name == f"{name}_bucket"]
        bounds = [float(s.labels["le"]) for s in buckets]
        assert bounds == sorted(bounds) and bounds[-1] == float("inf")
        counts = [s.value for s in buckets]
        assert counts == sorted(counts)
        one = {s.name: s.value for s in rows if s not in buckets}
        assert one[f"{name}_count"] == counts[-1]
        assert one[f"{name}_sum"] >= 0
    assert sum(s.value for s in found["crq_job_run_seconds"].samples
               if s.name.endswith("_count")) == 12


def test_a_queue_name_cannot_forge_a_minute(redis_server, r, api):
    """Names of queues are parts of keys: none is another one's."""
    minute = r.time()[0] // 60
    for name in (f"minute:{minute}:q", f"{minute}:q", "q:x", "queue:q", "%"):
        odd = Queue(name, connection=r)
        odd.enqueue("demo.noop")
        w = WorkerProcess(redis_server.url, [
            "-q", "--burst", "--load", module("demo"), name])
        assert w.wait(60) == 0, w.text()
        assert totals(r, name) == {"finished": 1}
    Queue("q", connection=r).enqueue("f")
    got = api("GET", "/queues/q/stats").json()
    assert got["totals"]["finished"] == 0
    assert sum(m["finished"] for m in got["minutes"]) == 0


def test_what_is_counted_is_documented():
    page = os.path.join(os.path.dirname(__file__), "../../man/crq-protocol.7")
    with open(page) as f:
        text = re.sub(r"\\f.|\\-", lambda m: "-" if m[0] == r"\-" else "",
                      f.read())
    for key in ("crq:stats:queue:", "crq:stats:minute:", "crq:stats:seen:",
                "crq:failures", "crq:failures:counts", "crq:failures:samples"):
        assert key in text
    for name in ALL:
        assert name in text
