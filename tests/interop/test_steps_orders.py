"""A worker that is killed between any two of its steps, as in test_steps.py,
while others steer it: jobs are stopped, killed, canceled, deleted and requeued,
work is suspended, the worker is told to stop, and to stop at once. Each worker
has a database of its own, of which nothing may stay that nobody needs.

What a client does is one step in Redis. There it is the client that is killed,
before it has the reply; then the same is done again."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from rq import Callback, Queue
from rq.command import send_kill_horse_command, send_stop_job_command
from rq.exceptions import InvalidJobOperation

from conftest import _free_port, _wait_until_up, eventually, program_folder
from test_steps import AT_ONCE, CHILDREN, STEPS, chosen

STOPPED = {"on_stopped": Callback("demo.on_stopped"),
           "on_failure": Callback("demo.on_failure")}
FAILURE = {"on_failure": Callback("demo.on_failure")}
SUCCESS = {"on_success": Callback("demo.on_success")}
#: Jobs that somebody has to end.
LONG = {"stop": send_stop_job_command, "kill": send_kill_horse_command,
        "cancel": send_kill_horse_command, "delete": send_kill_horse_command,
        "warm": send_kill_horse_command, "cold": send_kill_horse_command}
#: Those that have an on_failure, which a child that died does not call.
TOLD = {"stop", "kill", "cancel", "requeue", "cold"}
PLACES = ("finished", "failed", "canceled", "deferred", "scheduled", "wip")
#: The database of a worker that is not killed.
WHOLE = 999
#: Keys that stay by design.
KEPT = ("rq:queues", "demo:callbacks", "ledger:begun", "ledger:ended")
#: What has been counted, and what a worker leaves for a minute.
COUNTED = ("crq:stats:", "crq:failures", "rq:worker:")


class Died(Exception):
    """The worker: there is nobody to be steered any more."""


@pytest.fixture
def databases(tmp_path):
    """A Redis with very many of them; its port."""
    port = _free_port()
    process = subprocess.Popen(
        [shutil.which("redis-server"), "--port", str(port), "--bind",
         "127.0.0.1", "--dir", str(tmp_path), "--save", "", "--databases",
         "1000"], stdout=subprocess.DEVNULL)
    try:
        _wait_until_up(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Play:
    """A worker that dies at its nth step, or from WHOLE on at none, and who
    steers it."""

    lock = threading.Lock()

    def __init__(self, port, worker, n, log):
        self.n, self.log, self.start = n, log, worker
        self.url = f"redis://127.0.0.1:{port}/{n}"
        self.r = redis.Redis.from_url(self.url)
        self.queue = Queue("q", connection=self.r)
        self.jobs, self.ordered, self.names = {}, set(), {}
        env = {"CRQ_STEPS_KILL": str(n)} if n < WHOLE else {}
        self.victim = self.begin(f"v{n}", program=STEPS,
                                 env={**env, "CRQ_STEPS_LOG": str(log)})

    def begin(self, name, **kwargs):
        with self.lock:  # they are counted
            return self.start("-q", "--jobs", CHILDREN, "--name", name, "q",
                              modules=("demo", "ledger"), wait=False,
                              url=self.url, **kwargs)

    def where(self):
        lines = self.log.read_text().splitlines()
        return f"step {self.n}, {lines[-1] if lines else 'none'}"

    # ---- what happens to it ----

    def until(self, what):
        eventually(lambda: what() or not self.victim.running(), 30)
        if not self.victim.running():
            raise Died

    def put(self, name, func, *args, queue="q", **options):
        self.jobs[name] = Queue(queue, connection=self.r).enqueue(
            func, *args, job_id=name, **options)

    def status(self, name):
        return (self.r.hget(f"rq:job:{name}", "status") or b"").decode()

    def has_begun(self, name):
        return any(self.r.hget(f"rq:execution:{name}:{run.decode()}", "crq")
                   in (b"begun", b"begun-resumable")
                   for run in self.r.zrange(f"rq:executions:{name}", 0, -1))

    def run(self, *names):
        """Until they run, and who runs them."""
        self.until(lambda: all(map(self.has_begun, names)))
        for name in names:
            self.names[name] = self.r.hget(
                f"rq:job:{name}", "worker_name").decode()

    def no_runs(self):
        return not self.r.keys("crq:runs:*") and not self.r.keys("rq:exec*")

    def hears(self):
        channels = [f"rq:pubsub:v{self.n}.{i + 1}" for i in range(CHILDREN)]
        return all(count for _, count in self.r.pubsub_numsub(*channels))

    def stop_and_kill(self):
        self.until(self.hears)
        self.put("stop", "demo.sleep", 30, **STOPPED)
        self.put("kill", "demo.sleep", 30, **FAILURE)
        self.run("stop", "kill")
        send_stop_job_command(self.r, "stop")
        send_kill_horse_command(self.r, self.names["kill"])
        self.until(self.no_runs)

    def cancel_and_delete(self):
        self.put("cancel", "demo.sleep", 30, **FAILURE)
        self.put("after", "demo.noop", queue="later", depends_on="cancel")
        self.put("delete", "demo.sleep", 30)
        self.run("cancel", "delete")
        self.ordered |= {"cancel", "delete"}
        self.jobs["cancel"].cancel(enqueue_dependents=True)
        self.jobs["delete"].delete()
        for name in "cancel", "delete":
            send_kill_horse_command(self.r, self.names[name])
        self.until(self.no_runs)

    def requeue(self):
        self.put("requeue", "demo.fail", "x", **FAILURE)
        self.until(lambda: self.status("requeue") == "failed")
        self.ordered.add("requeue")
        self.jobs["requeue"].requeue()
        self.until(lambda: self.status("requeue") == "failed")

    def suspend(self):
        self.r.set("rq:suspended", 1)
        self.until(lambda: self.r.hget(f"rq:worker:v{self.n}.1", "state")
                   == b"suspended")
        self.put("paused", "demo.noop", **SUCCESS)
        assert self.status("paused") == "queued"
        self.r.delete("rq:suspended")
        self.until(lambda: self.status("paused") == "finished")

    def shut_down(self):
        self.put("warm", "ledger.resume")
        self.put("cold", "demo.sleep", 30, **FAILURE)
        self.run("warm", "cold")
        self.victim.signal(signal.SIGTERM)
        self.until(lambda: b"shutdown_requested_date" in
                   self.r.hgetall(f"rq:worker:v{self.n}.1"))
        self.put("late", "demo.noop")
        time.sleep(1.05)  # two signals within a second are one
        self.victim.signal(signal.SIGTERM)
        self.victim.wait(20)

    def act(self):
        try:
            for part in (self.stop_and_kill, self.cancel_and_delete,
                         self.requeue, self.suspend, self.shut_down):
                part()
        except Died:
            pass

    # ---- what becomes of it ----

    def settled(self):
        for name, order in LONG.items():
            if self.status(name) != "started":
                continue
            if name == "warm" and self.r.hget("ledger:begun", name) != b"1":
                continue  # begun again, it does not hang
            worker = self.r.hget(f"rq:job:{name}", "worker_name").decode()
            try:
                order(self.r, name if name == "stop" else worker)
            except InvalidJobOperation:
                pass
        return self.no_runs() and self.succeeded() and all(
            self.status(name) not in ("queued", "started")
            for name in self.jobs if name != "after")

    def succeeded(self):
        """The survivor is there, and the dead one's records are not."""
        members = self.r.smembers("rq:workers")
        return members and all(b":s" in key for key in members)

    def settle(self):
        """Another worker, for which all time of the dead one has passed."""
        r = self.r
        for key in r.keys("rq:worker:*") + r.keys("rq:clean_registries:*"):
            r.delete(key)
        r.delete("rq:suspended")  # who suspended it resumes it
        for run in r.zrange("rq:wip:q", 0, -1):
            r.zadd("rq:wip:q", {run: time.time() - 1}, xx=True)
        for stem in r.zrange("crq:alive", 0, -1):
            r.zadd("crq:alive", {stem: 0}, xx=True)
        survivor = self.begin(f"s{self.n}")
        eventually(self.settled, 40, 0.05)
        survivor.signal(signal.SIGTERM)
        assert survivor.wait(20) == 0

    def places(self):
        found = {}
        for queue in "q", "later":
            for kind in PLACES:
                for entry in self.r.zrange(f"rq:{kind}:{queue}", 0, -1):
                    found.setdefault(entry.decode(), []).append(kind)
            for key in f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate":
                for job_id in self.r.lrange(key, 0, -1):
                    found.setdefault(job_id.decode(), []).append("queue")
        return {name: " ".join(kinds) for name, kinds in found.items()}

    def ends(self, name):
        """Where it may be. A run whose worker died may have failed by it."""
        if name in self.ordered and name in ("cancel", "delete"):
            return {"cancel": {"canceled"}, "delete": {""}}[name]
        if name == "after":
            met = "cancel" in self.ordered or self.status("cancel") \
                == "finished"
            return {"queue" if met else "deferred"}
        return {"paused": {"finished", "failed"}, "late": {"finished"},
                "warm": {"finished", "failed"}}.get(name, {"failed"})

    def called(self):
        lines = [json.loads(line)
                 for line in self.r.lrange("demo:callbacks", 0, -1)]
        return [(line["job_id"], line["callback"]) for line in lines]

    def check_callbacks(self):
        called = self.called()
        for name, job in self.jobs.items():
            result = self.status(name) and job.latest_result()
            text = result.exc_string if result else None
            if self.status(name) == "stopped":
                assert (name, "on_stopped") in called, (self.where(), name)
            elif self.status(name) == "finished" and name == "paused":
                assert (name, "on_success") in called, (self.where(), name)
            elif self.status(name) == "failed" and name in TOLD and \
                    "Work-horse terminated" not in text:
                assert (name, "on_failure") in called, (self.where(), name)

    def check(self):
        found, keys = self.places(), set(KEPT)
        for name in self.jobs:
            assert found.pop(name, "") in self.ends(name), \
                (self.where(), name, self.places())
        assert found == {}, self.where()
        self.check_callbacks()
        for name in self.jobs:
            if self.status(name) != "":
                keys |= {f"rq:job:{name}", f"rq:results:{name}"}
        for queue in "q", "later":
            keys |= {f"rq:queue:{queue}",
                     *(f"rq:{kind}:{queue}" for kind in PLACES[:-2])}
        # What it waited for is told for as long as it lives itself.
        keys |= {"rq:job::after:dependencies"}
        if "cancel" not in self.ordered and self.status("cancel") == "failed":
            keys |= {"rq:job:cancel:dependents"}
        left = {key.decode() for key in self.r.keys()} - keys
        assert {key for key in left if not key.startswith(COUNTED)} == set(), \
            self.where()
        assert all(self.r.ttl(key) > 0 for key in left), self.where()

    def play(self):
        self.act()
        assert eventually(lambda: not self.victim.running(), 20)
        self.settle()
        self.check()
        eventually(lambda: not self.victim.pids(), 5)
        self.r.close()
        return self


def test_whatever_a_worker_was_told_it_can_be_killed_at_any_step(
        databases, worker, tmp_path):
    if not os.path.exists(os.path.join(program_folder(), STEPS)):
        pytest.fail(f"{STEPS} is not built")
    log = tmp_path / "all"
    first = Play(databases, worker, WHOLE, log).play()
    assert first.status("stop") == "stopped"
    assert first.status("warm") == first.status("paused") == "finished"
    assert sorted(first.called()) == [
        ("paused", "on_success"), ("requeue", "on_failure"),
        ("requeue", "on_failure"), ("stop", "on_stopped")]
    names = log.read_text().splitlines()
    for part in ("recall", "finish", "hand_back", "worker_update",
                 "worker_death"):
        assert any(part in name for name in names), part
    with ThreadPoolExecutor(AT_ONCE) as pool:
        plays = list(pool.map(
            lambda n: Play(databases, worker, n, tmp_path / str(n)).play(),
            chosen(names, 12)))
    reached = sum(len(play.jobs) == len(first.jobs) for play in plays)
    print(len(plays), "of", len(names), "steps,", reached, "came to the stop")
