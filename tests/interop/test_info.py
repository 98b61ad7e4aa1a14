"""crq info beside rq info: nothing of RQ's is missing, and it fits."""

import os
import re
import subprocess
import sys

import pytest
from rq import Queue
from rq.scheduler import RQScheduler
from rq.suspension import suspend

from test_cli import on_terminal


@pytest.fixture
def queues(r):
    made = [Queue(name, connection=r) for name in ("high", "default", "low")]
    for queue in made:
        queue.enqueue("tasks.echo")
    return made


def test_without_schedulers_nothing_is_said_of_them(r, crq, queues):
    assert "schedul" not in crq("info").out.split("\n\n")[-1]
    info = crq("info", "--json").json()
    assert info["schedulers"] == [] and info["schedules"] == 0


def test_rqs_scheduler_is_named_with_its_locks(redis_server, r, crq, queues):
    scheduler = RQScheduler(queues[:2], connection=r)
    assert scheduler.acquire_locks() == {"high", "default"}
    [shown] = crq("info", "--json").json()["schedulers"]
    assert shown["name"] == r.get("rq:scheduler-lock:high").decode()
    assert (shown["leader"], shown["locks"]) == (False, 2)
    lines = on_terminal(redis_server.url, 80, "info")
    assert lines[-1].endswith(" holds RQ's lock of 2 queues")
    assert max(map(len, lines)) <= 80


def test_crqs_scheduler_leads_and_may_hold_locks(r, crq, queues):
    crq("schedule", "--every", "1h", "s1", "tasks.echo")
    crq("schedule", "--every", "1h", "s2", "tasks.echo")
    r.zadd("rq:scheduler:scheduled_jobs", {"p": 2e9})
    *_, summary, missing = crq("info").out.splitlines()
    assert summary == (
        "3 queues, 3 jobs waiting, 0 workers, 2 schedules, 1 of rq-scheduler")
    assert missing == "No crq-scheduler is there to run the schedules."
    r.set("crq:scheduler:leader", "host.7")
    r.set("rq:scheduler-lock:low", "crq:host.7")
    assert crq("info").out.splitlines()[-1] == (
        "scheduler host.7 leads and holds RQ's lock of 1 queue")
    info = crq("info", "--json").json()
    assert info["schedulers"] == [
        {"name": "host.7", "leader": True, "locks": 1}]
    assert (info["schedules"], info["periodic"]) == (2, 1)


def test_keys_of_foreign_types_hide_nothing_else(r, crq, queues):
    r.rpush("crq:scheduler:leader", "x")
    r.set("crq:schedules", "x")
    r.hset("rq:scheduler-lock:low", "x", "y")
    info = crq("info", "--json").json()
    assert (info["schedulers"], info["schedules"]) == ([], 0)
    assert len(info["queues"]) == 3


def test_suspension_is_one_line_with_its_time(r, crq, queues):
    suspend(r)
    assert crq("info").out.splitlines()[-1] == (
        "Workers are suspended: they take no new jobs.")
    suspend(r, 3700)
    assert re.fullmatch(
        r"Workers are suspended for 1h 1m: they take no new jobs\.",
        crq("info").out.splitlines()[-1])


@pytest.mark.parametrize("raw", [[], ["--raw"]], ids=["people", "raw"])
def test_workers_by_queue_are_those_of_rq(redis_server, r, crq, queues, raw):
    for name, state, served in (("b", "busy", "high,default"),
                                ("a", "idle", "default")):
        key = f"rq:worker:{name}"
        r.hset(key, mapping={
            "birth": "2026-01-01T00:00:00.000000Z", "queues": served,
            "last_heartbeat": "2026-01-01T00:00:00.000000Z", "pid": "7",
            "hostname": "h", "ip_address": "unknown", "version": "2.10.0",
            "python_version": "3", "state": state})
        for of in ("", *(f":{queue}" for queue in served.split(","))):
            r.sadd(f"rq:workers{of}", key)
    rq = os.path.join(os.path.dirname(sys.executable), "rq")
    words = "info", *raw, "--by-queue", "--only-workers"
    # RQ has its queues in any order.
    theirs = sorted(subprocess.run(
        [rq, *words, "-u", redis_server.url], text=True,
        capture_output=True).stdout.splitlines()[:3])
    assert theirs == ["default: a (idle), b (busy)", "high:    b (busy)",
                      "low:     –"]
    assert crq(*words).out.splitlines()[:3] == theirs
    assert "high:    b (busy)" in crq("info", *raw, "-R").out.splitlines()
