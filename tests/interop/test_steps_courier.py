"""A courier that is killed between any two of its steps, as the worker is in
test_steps.py: jobs end as without webhooks, none is sent twice, what was not
sent is in the worker's log, and the next courier sends the next ones. A worker
that is killed while it has webhooks to send sends none twice either."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import eventually, program_folder
from test_steps import AT_ONCE, FULL, STEPS
from test_steps_orders import Play, databases  # noqa: F401
from test_webhooks import ALLOW, Webhook, listener  # noqa: F401

COURIER = "tests/interop/crq-courier"
SOME, WHOLE = 6, 999
JOBS = 3

class Errands(Play):
    """A worker with webhooks to send. Its courier dies at the nth step; with
    `kills` "worker" that does."""

    def __init__(self, port, worker, n, log, site, kills):
        self.site, self.kills = site, kills
        super().__init__(port, worker, n, log)

    def begin(self, name, env=None, program="crq-worker"):
        env = {key.replace("STEPS", "STEPS_COURIER")
               if self.kills == "courier" else key: value
               for key, value in (env or {}).items()}
        with self.lock:
            return self.start(ALLOW, "--jobs", 1, "--name", name, "q",
                              modules=("demo",), wait=False, url=self.url,
                              program=program, env=env)

    def send(self, name):
        self.put(name, "demo.noop", webhooks=[Webhook(
            f"{self.site.url}/{self.n}/{name}", job_status="finished")])

    def received(self):
        paths = [request[1] for request in list(self.site.requests)]
        return [path.split("/")[2] for path in paths
                if path.startswith(f"/{self.n}/")]

    def done(self):
        return all(self.status(name) == "finished" for name in self.jobs)

    def died(self):
        return "crq-courier died" in self.victim.text()

    def play(self):
        for i in range(JOBS):
            self.send(f"job{i}")
        if self.kills == "worker":
            eventually(lambda: not self.victim.running() or
                       sorted(self.received()) == sorted(self.jobs), 20)
        else:
            self.check_courier()
        if self.victim.running():
            self.victim.signal(signal.SIGTERM)
        code = self.victim.wait(20)
        assert code in ((0, -9) if self.kills == "worker" else (0,))
        if code != 0:
            self.settle()
        assert self.done(), self.where()
        received = self.received()
        assert len(set(received)) == len(received), (self.where(), received)
        eventually(lambda: not self.victim.pids(), 5)
        self.r.close()
        return self

    def settled(self):
        # A run that had begun is failed, and so would its webhook be.
        for name in self.jobs:
            if self.status(name) == "failed":
                self.jobs[name].requeue()
        return self.done() and self.no_runs() and self.succeeded()

    def check_courier(self):
        """Each was sent, or is in the log as one that may not have been."""
        eventually(lambda: self.done() and (
            self.died() or len(self.received()) == JOBS), 20)
        dropped = self.died() and eventually(lambda: all(
            name in self.received() or f"job {name}: webhook to" in
            self.victim.text() for name in self.jobs)) or not self.died()
        assert dropped, self.where()
        if self.died():
            time.sleep(1.1)  # as long as a new one is not started for
            self.send("next")
            eventually(lambda: "next" in self.received(), 20)

@pytest.mark.parametrize("kills", ["courier", "worker"])
def test_webhooks_are_sent_once_or_told_of_wherever_it_is_killed(
        databases, worker, listener, tmp_path, kills):  # noqa: F811
    for program in STEPS, COURIER:
        if not os.path.exists(os.path.join(program_folder(), program)):
            pytest.fail(f"{program} is not built")
    log = tmp_path / "all"
    first = Errands(databases, worker, WHOLE, log, listener, kills).play()
    assert sorted(first.received()) == sorted(first.jobs)
    names = log.read_text().splitlines()
    for part in {"courier": ("transfer", "turn", "SENT"),
                 "worker": ("HOOK", "finish")}[kills]:
        assert any(part in name for name in names), part
    steps = range(1, len(names) + 1)
    chosen = steps if FULL else sorted(
        {*steps[::SOME], *(names.index(name) + 1 for name in names)})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        plays = list(pool.map(
            lambda n: Errands(databases, worker, n, tmp_path / str(n),
                              listener, kills).play(), chosen))
    sent = sum(len(play.received()) for play in plays)
    print(len(plays), "of", len(names), "steps,", sent, "webhooks sent")
