"""Schedulers that share a Redis: RQ's, rq-scheduler's and several of crq's, as
processes that are stopped, cut off and killed at any step."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from conftest import eventually
from rq import Queue
from rq.job import Job
from test_schedule import slots, steps
from test_scheduler import SchedulerProcess, ids, scheduler  # noqa: F401
from test_trigger import app, every, trigger  # noqa: F401, a fixture

LEADER = "crq:scheduler:leader"
PERIODIC = "rq:scheduler:scheduled_jobs"


@pytest.fixture
def python_program(redis_server):
    """Start one of the packages' own programs: rq, rqscheduler."""
    started = []

    def start(name, *args):
        started.append(subprocess.Popen(
            [os.path.join(os.path.dirname(sys.executable), name), *args,
             "--url", redis_server.url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# ---- Python's schedulers ----

def test_jobs_that_rq_and_crq_take_turns_at_are_run_once(
        r, scheduler, python_program):  # noqa: F811
    q = Queue("q", connection=r)
    rival = python_program("rq", "worker", "--with-scheduler", "q")
    eventually(lambda: r.exists("rq:scheduler-lock:q"), 20)
    now = datetime.now(timezone.utc)
    jobs = [q.enqueue_at(now + timedelta(seconds=1 + n % 8), pow, 2, n)
            for n in range(100)]
    scheduler()
    assert not r.get("rq:scheduler-lock:q").startswith(b"crq:")
    time.sleep(3)
    rival.terminate()  # it gives its lock back, which crq takes
    eventually(lambda: (r.get("rq:scheduler-lock:q") or b"").startswith(
        b"crq:"), 20)
    # Another one works, and gets no lock. (It would look again in 10 minutes.)
    python_program("rq", "worker", "--with-scheduler", "q")
    eventually(lambda: all(r.exists(f"rq:results:{job.id}") for job in jobs),
               30)
    time.sleep(1)
    assert {r.xlen(f"rq:results:{job.id}") for job in jobs} == {1}
    assert r.zcard("rq:scheduled:q") == 0 and r.llen("rq:queue:q") == 0


def test_entries_that_rq_scheduler_and_crq_take_turns_at_are_run_once(
        r, scheduler, python_program):  # noqa: F811
    from rq_scheduler import Scheduler
    peer = Scheduler(queue_name="q", connection=r)
    entries = [peer.schedule(datetime.now(timezone.utc).replace(tzinfo=None),
                             "f.g", interval=1, repeat=6, id=f"p{n}")
               for n in range(20)]
    rivals = [python_program("rqscheduler", "--interval", "1")]
    made = scheduler()
    eventually(lambda: len(ids(r)) >= 20, 20)
    rivals.append(python_program("rqscheduler", "--interval", "1"))
    # Two of Python's and one of crq's.
    eventually(lambda: len(r.keys("rq:scheduler_instance:*")) == 3, 20)
    for process in rivals:
        time.sleep(1)
        process.terminate()
        process.wait(10)
    eventually(lambda: r.zcard(PERIODIC) == 0, 40)
    assert Counter(ids(r)) == {job.id: 6 for job in entries}
    assert made.process.poll() is None


# ---- links that break ----

class Line:
    """A way to Redis that can hang, be cut, and end its client at a step."""

    def __init__(self, server):
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = (f"redis://127.0.0.1:"
                    f"{self._listener.getsockname()[1]}/0")
        self.through = threading.Event()
        self.through.set()
        self.pieces = 0    # from the client, but those of its pub/sub
        self.kill_at = None  # at this one ...
        self.after = False   # ... or when Redis has answered it
        self.client = None
        self.killed = threading.Event()
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            redis = socket.create_connection(("127.0.0.1", self._server.port))
            self._sockets += [client, redis]
            for pair in ((client, redis, True), (redis, client, False)):
                threading.Thread(target=self._pump, args=pair,
                                 daemon=True).start()

    def _end_client(self):
        self.client.send_signal(signal.SIGKILL)
        self.client.wait()
        self.killed.set()

    def _pump(self, source, sink, asks):
        last = False
        try:
            while data := source.recv(65536):
                self.through.wait()
                last = False
                if asks and b"SUBSCRIBE" not in data:
                    self.pieces += 1
                    last = self.pieces == self.kill_at
                if last and not self.after:
                    self._end_client()
                    break
                sink.sendall(data)
                if last:
                    time.sleep(0.02)  # Redis does it; nobody hears of it
                    self._end_client()
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.through.set()
        self._listener.close()
        self.cut()


@pytest.fixture
def line(redis_server):
    made = []

    def make():
        made.append(Line(redis_server))
        return made[-1]

    yield make
    for one in made:
        one.close()


EACH_SLOT = ("--catchup", "all", "--overlap", "allow", "-q", "q", "s", "f.g")


def hang(first, way):
    way.through.clear()


def cut(first, way):
    way.cut()


def stop(first, way):
    first.signal(signal.SIGSTOP)


@pytest.mark.parametrize("what", [stop, hang, cut])
def test_a_leader_that_is_gone_for_a_while_is_replaced_and_does_no_harm(
        r, crq, redis_server, scheduler, line, what):  # noqa: F811
    way = line()
    first = SchedulerProcess(way.url, [])
    try:
        eventually(lambda: "leads" in first.text())
        second = scheduler(wait=False)
        eventually(lambda: "waits" in second.text())
        crq("schedule", "--every", "0.1s", *EACH_SLOT)
        eventually(lambda: len(ids(r)) > 5)
        token = r.get(LEADER)
        what(first, way)
        begin = time.monotonic()
        if what is cut:
            # It comes back at once, and leads on or does not.
            time.sleep(2)
        else:
            eventually(lambda: r.get(LEADER) not in (None, token), 12)
            # 5 s of the token, one of a beat; and what the machine adds.
            assert time.monotonic() - begin < 7.5
        count = len(ids(r))
        way.through.set()
        first.signal(signal.SIGCONT)
        eventually(lambda: len(ids(r)) > count + 30, 10)
        if what is not cut:
            assert r.get(LEADER) != token
        there = ids(r)
        assert len(set(there)) == len(there)
        assert set(steps(slots(r, "s"))) == {100}
    finally:
        way.through.set()
        assert first.stop() == 0


@pytest.mark.parametrize("after", [False, True])
def test_nothing_is_lost_or_doubled_wherever_a_scheduler_is_killed(
        r, app, line, scheduler, after):  # noqa: F811
    folder = app(triggers=[trigger("pet.any", args=["$event.n"])],
                 schedules=[every("s", 0.1, catchup="all", overlap="allow"),
                            every("t", 0.1, catchup="all", overlap="allow")])
    most = 16
    for step in range(1, most + 1):
        r.xadd("events", {"n": step})
        way = line()
        way.kill_at, way.after = step, after
        victim = SchedulerProcess(way.url, ["--app", folder])
        way.client = victim.process
        assert way.killed.wait(10), victim.text()
        r.delete(LEADER)  # as if its five seconds were over
    scheduler()
    count = len(ids(r))
    # An event that was read and not done is taken up a second later.
    eventually(lambda: len(ids(r)) > count + 40, 20)
    there = ids(r)  # at one moment: more are made all the time
    assert len(set(there)) == len(there)
    assert set(steps(slots(r, "s"))) == set(steps(slots(r, "t"))) == {100}
    events = [job_id for job_id in there if job_id.startswith("pet-")]
    numbers = [int(Job.fetch(job_id, connection=r).args[0])
               for job_id in events]
    assert sorted(numbers) == list(range(1, most + 1))
