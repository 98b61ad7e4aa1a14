"""How fast a worker is and what it costs, beside RQ's own workers and a bare
round trip to Redis of the same minutes. Sanitizers would be measured as well,
so this wants a build without: ./check speed."""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from datetime import datetime

import pytest
from rq import Queue, Worker
from rq.job import Job

from conftest import WorkerProcess, eventually, module, program_folder

LONG = bool(os.environ.get("CRQ_LONG"))
ROUNDS = 3
JOBS = 10000


@pytest.fixture(autouse=True)
def plain_build():
    with open(os.path.join(program_folder(), "crq-worker"), "rb") as f:
        if b"libasan" in f.read():
            pytest.skip("the build has sanitizers")


def fill(q, func, count):
    q.empty()
    q.finished_job_registry.cleanup(float("inf"))
    return [job.id for job in q.enqueue_many(
        [Queue.prepare_data(func) for _ in range(count)])]


def rate(r, ids):
    """Jobs in a second, from the first start to the last end."""
    with r.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hmget(f"rq:job:{job_id}", "started_at", "ended_at", "status")
        rows = pipe.execute()
    assert all(status == b"finished" for _, _, status in rows)
    first, last = (datetime.fromisoformat(x.decode().replace("Z", "+00:00"))
                   for x in (min(row[0] for row in rows),
                             max(row[1] for row in rows)))
    return len(ids) / (last - first).total_seconds()


# ---- how many jobs in a second ----

def crq_rate(redis_server, r, q):
    ids = fill(q, "demo.noop", JOBS)
    w = WorkerProcess(redis_server.url,
                      ["-q", "--burst", "--jobs", 2, "--load", module("demo"),
                       "q"])
    assert w.wait(120) == 0, w.text()
    return rate(r, ids)


def rq_rate(redis_server, r, q, kind, count):
    ids = fill(q, "os.getpid", count)
    subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "rq"), "worker", "-q",
         "-b", "-w", f"rq.worker.{kind}", "-u", redis_server.url, "q"],
        check=True, timeout=120)
    return rate(r, ids)


def test_jobs_in_a_second(redis_server, r, q):
    subjects = {
        "crq": lambda: crq_rate(redis_server, r, q),
        "SimpleWorker": lambda: rq_rate(redis_server, r, q, "SimpleWorker",
                                        1000),
        "Worker": lambda: rq_rate(redis_server, r, q, "Worker", 150),
    }
    rates = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, measure in subjects.items():
            rates[name].append(measure())
    medians = {name: statistics.median(x) for name, x in rates.items()}
    print({name: round(x) for name, x in medians.items()})
    assert medians["crq"] >= 50 * medians["Worker"]
    assert medians["crq"] >= 10 * medians["SimpleWorker"]


# ---- how soon one begins ----

class Bare:
    """A connection with nothing around it."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, *words):
        self.socket.sendall(
            b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.socket.recv(1000)

    def round_trip(self):
        began = time.perf_counter()
        assert self.call(b"PING") == b"+PONG\r\n"
        return time.perf_counter() - began


def idle(r):
    eventually(lambda: Worker.all(connection=r) and all(
        w.get_state() == "idle" for w in Worker.all(connection=r)))


def test_an_idle_worker_begins_at_once(redis_server, r, q, worker):
    worker("-q", "--jobs", 2, "q")
    idle(r)
    bare = Bare(redis_server)
    trips, starts = [], []
    for n in range(300 if LONG else 120):
        job = Job.create("demo.noop", connection=r, origin="q", status="queued")
        job.save()
        # As cold as the worker is.
        time.sleep(0.01)
        trips.append(bare.round_trip())
        time.sleep(0.01)
        began = time.time()
        bare.call(b"RPUSH", b"rq:queue:q", job.id.encode())
        eventually(lambda: r.hget(job.key, "status") == b"finished",
                   every=0.002)
        job.refresh()
        starts.append(job.started_at.timestamp() - began)
    trip, start = statistics.median(trips), statistics.median(starts)
    print(f"a round trip {trip * 1e6:.0f} us, a start {start * 1e6:.0f} us")
    assert start < 10 * trip


# ---- what an idle one costs ----

def commands(r):
    """What clients have sent; the rest of the count is of scripts."""
    stats = r.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]
               for name in ("eval", "evalsha", "blmove", "ping", "subscribe",
                            "select", "client|setname", "publish", "multi"))


def cpu_ticks(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            words = f.read().rsplit(")", 1)[1].split()
        ticks += int(words[11]) + int(words[12])
    return ticks


@pytest.mark.parametrize("queues", [1, 5])
def test_an_idle_worker_costs_next_to_nothing(redis_server, r, q, worker,
                                              queues):
    w = worker("-q", "--jobs", 2, "q", *[f"q{n}" for n in range(1, queues)])
    job = q.enqueue("demo.add", 2, 3)
    eventually(lambda: job.get_status() == "finished")
    idle(r)
    time.sleep(1)
    pids = w.pids()
    assert len(pids) == 4  # worker, fork server, two children
    seconds = 64 if LONG else 34  # a BLMOVE ends after 30
    before = cpu_ticks(pids)
    r.config_resetstat()
    time.sleep(seconds)
    sent, spent = commands(r), cpu_ticks(pids) - before
    print(f"{sent} commands and {spent} ticks in {seconds} s")
    assert sent <= seconds / 2
    assert spent <= 2
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            kib = int(re.search(r"^Pss: +(\d+) kB", f.read(), re.M)[1])
        print(f"PSS {kib} KiB")
        assert kib < 5 * 1024
