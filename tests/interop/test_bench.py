"""crq bench: it measures, and leaves nothing behind."""

import os
import signal
import subprocess

from conftest import eventually, module


def rest(r):
    """All keys but what a worker leaves of itself for a minute, and what it
    has counted for all queues and for minutes that are over."""
    return {key for key in r.keys() if not key.startswith(
        (b"rq:worker:", b"crq:stats:minute:", b"crq:stats:seen:"))
        and key != b"crq:stats:queue:"}


def test_rows_say_what_was_measured_and_nothing_is_left(r, crq):
    r.set("mine", "x")
    r.rpush("rq:queue:other", "x")
    before = rest(r)
    rows = crq("bench", "--json", "-n", "50").json()
    assert [(row["what"], row["count"]) for row in rows] == [
        ("round trip", 5), ("enqueue", 5), ("enqueue many", 50)]
    assert all(row["us"] * row["per_second"] - 1e6 < 1 for row in rows)
    assert all(row["us"] > 0 for row in rows)
    assert rest(r) == before
    done = crq("bench", "-n", "20")
    assert [line.split("  ")[0] for line in done.out.splitlines()] == [
        "round trip", "enqueue", "enqueue many"]
    assert rest(r) == before


def test_a_worker_runs_the_jobs_and_leaves(r, crq):
    rows = crq("bench", "--json", "--worker", "--load", module("demo"), "-n",
               "50", timeout=90).json()
    assert rows[-1]["what"] == "jobs run" and rows[-1]["count"] == 50
    assert rest(r) == set()
    assert all(r.hexists(key, "death") for key in r.keys("rq:worker:*"))


def test_a_worker_that_cannot_start_is_no_reason_to_leave_jobs(r, crq):
    done = crq("bench", "--worker", "--load", "./nothing.so", "-n", "20")
    assert done.code == 1
    assert "the worker ended by itself" in done.err
    assert rest(r) == set()


def test_ctrl_c_leaves_nothing_behind(r, redis_server):
    process = subprocess.Popen(
        [os.environ["CRQ_BIN"], "-u", redis_server.url, "bench", "-n",
         "200000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    eventually(lambda: r.keys("rq:queue:crq:bench-*"), 30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    assert process.stderr.read() == b"crq: interrupted\n"
    assert rest(r) == set()
