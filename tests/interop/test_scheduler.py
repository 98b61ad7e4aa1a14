"""crq-scheduler beside RQ's scheduler and rq-scheduler's."""

import os
import signal
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone

import pytest
from conftest import SANITIZERS, eventually, program_folder
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import ScheduledJobRegistry

LEADER = "crq:scheduler:leader"


class SchedulerProcess:
    """One crq-scheduler, and whatever came of it."""

    def __init__(self, url, args):
        self.log = tempfile.NamedTemporaryFile(prefix="crq-scheduler-log-")
        self.process = subprocess.Popen(
            [os.path.join(program_folder(), "crq-scheduler"), "-v", "-u", url,
             *map(str, args)],
            stdout=self.log, stderr=subprocess.STDOUT)

    def text(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Its exit status after SIGTERM."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture
def scheduler(redis_server, r):
    """Start crq-schedulers: scheduler("q"). The first one leads before the
    test goes on."""
    started = []

    def start(*args, wait=True):
        made = SchedulerProcess(redis_server.url, args)
        started.append(made)
        if wait:
            eventually(lambda: made.process.poll() is not None
                       or "leads" in made.text())
        return made

    yield start
    codes = []
    for made in started:
        if made.process.returncode is None:
            codes.append(made.stop())
    texts = [made.text() for made in started]
    for text in texts:
        print(text)
        assert not any(word in text for word in SANITIZERS), text
    assert set(codes) <= {0}


def ids(r, queue="q"):
    return [job_id.decode() for job_id in r.lrange(f"rq:queue:{queue}", 0, -1)]


def lateness(job):
    """Seconds between the due time in meta and the enqueueing."""
    return job.enqueued_at.timestamp() - job.meta["due"]


# ---- RQ's scheduled jobs ----

def test_a_job_that_rq_has_scheduled_is_enqueued_as_rq_would(r, scheduler):
    q = Queue("q", connection=r)
    job = q.enqueue_in(timedelta(seconds=1), "f.g", 1, at_front=True)
    q.enqueue("f.first")
    scheduler("q")
    eventually(lambda: len(ids(r)) == 2)
    assert ids(r)[0] == job.id
    job.refresh()
    assert job.get_status() == JobStatus.QUEUED
    assert job.enqueued_at.timestamp() >= job.created_at.timestamp()
    assert len(ScheduledJobRegistry(queue=q)) == 0


def test_jobs_come_in_their_order_and_never_early(r, scheduler):
    q = Queue("q", connection=r)
    scheduler()
    begin = time.time()
    jobs = []
    for n in range(20):
        due = begin + 0.5 + n * 0.05
        job = q.create_job("f.g", job_id=f"j{n}", meta={"due": due},
                           status=JobStatus.SCHEDULED)
        job.save()
        r.zadd("rq:scheduled:q", {job.id: due})
        jobs.append(job)
    r.sadd("rq:queues", "rq:queue:q")
    eventually(lambda: len(ids(r)) == 20)
    assert ids(r) == [job.id for job in jobs]
    for job in jobs:
        job.refresh()
        # What was there is known after the next beat, a second at most.
        assert 0 <= lateness(job) < 3


def test_what_crq_schedules_wakes_a_sleeping_scheduler(r, crq, scheduler):
    scheduler()
    sent = [crq("enqueue", "-q", "q", "--json", "--schedule-in", "1", "f.g",
                f":{n}").json()["id"] for n in range(3)]
    eventually(lambda: len(ids(r)) == 3)
    assert ids(r) == sent


def test_an_id_without_a_job_is_dropped_and_a_foreign_key_set_aside(
        r, scheduler):
    q = Queue("q", connection=r)
    job = q.enqueue_at(datetime.now(timezone.utc), "f.g")
    r.zadd("rq:scheduled:q", {"gone": 1, "foreign": 2})
    r.set("rq:job:foreign", "x")
    scheduler()
    eventually(lambda: r.zcard("rq:scheduled:q") == 0)
    assert ids(r) == [job.id]
    assert r.hgetall("crq:scheduler:quarantine") == {
        b"rq:scheduled:q foreign": b"rq:job:foreign is a string"}


def test_a_burst_does_what_is_due_and_ends(r, scheduler):
    q = Queue("q", connection=r)
    due = q.enqueue_at(datetime.now(timezone.utc) - timedelta(1), "f.g")
    later = q.enqueue_in(timedelta(hours=1), "f.g")
    made = scheduler("--burst")
    assert made.process.wait(10) == 0
    assert ids(r) == [due.id]
    assert later.get_status() == JobStatus.SCHEDULED
    assert not r.exists(LEADER, "rq:scheduler-lock:q")


# ---- locks ----

def rq_scheduler(r, queues):
    from rq.scheduler import RQScheduler
    return RQScheduler(queues, connection=r)


def test_rq_s_scheduler_gets_no_lock_that_crq_holds(r, scheduler):
    Queue("q", connection=r).enqueue_in(timedelta(hours=1), "f.g")
    made = scheduler()
    eventually(lambda: r.exists("rq:scheduler-lock:q"))
    rival = rq_scheduler(r, ["q"])
    assert rival.acquire_locks() == set()
    made.stop()
    assert rival.acquire_locks() == {"q"}
    rival.release_locks()


def test_crq_leaves_a_queue_to_rq_s_scheduler_until_that_ends(r, scheduler):
    q = Queue("q", connection=r)
    rival = rq_scheduler(r, ["q"])
    assert rival.acquire_locks() == {"q"}
    job = q.enqueue_at(datetime.now(timezone.utc), "f.g")
    made = scheduler()
    other = Queue("p", connection=r).enqueue_at(datetime.now(timezone.utc),
                                                "f.g")
    eventually(lambda: ids(r, "p") == [other.id])
    assert ids(r) == []
    rival.release_locks()
    eventually(lambda: ids(r) == [job.id])
    assert made.process.poll() is None


def test_rq_shows_the_scheduler_while_it_runs(r, scheduler):
    from rq.exceptions import SchedulerNotFound
    from rq.scheduler import RQScheduler
    Queue("q", connection=r).enqueue_in(timedelta(hours=1), "f.g")
    made = scheduler("--name", "night")
    name = eventually(lambda: r.get("rq:scheduler-lock:q")).decode()[4:]
    shown = RQScheduler.fetch(name, connection=r)
    assert name.startswith("night.")
    assert shown.pid == made.process.pid
    assert shown._queue_names == {"q"}
    made.stop()
    with pytest.raises(SchedulerNotFound):
        RQScheduler.fetch(name, connection=r)


def test_a_stopped_leader_is_replaced_and_does_no_harm_when_it_is_back(
        r, scheduler):
    q = Queue("q", connection=r)
    first = scheduler()
    token = r.get(LEADER)
    second = scheduler(wait=False)
    eventually(lambda: "waits" in second.text())
    first.signal(signal.SIGSTOP)
    eventually(lambda: r.get(LEADER) not in (None, token), 10)
    jobs = [q.enqueue_at(datetime.now(timezone.utc), "f.g", job_id=f"j{n}")
            for n in range(10)]
    eventually(lambda: len(ids(r)) == 10)
    first.signal(signal.SIGCONT)
    eventually(lambda: "another scheduler leads" in first.text()
               or "waits" in first.text())
    assert sorted(ids(r)) == sorted(job.id for job in jobs)
    assert r.get(LEADER) != token


def test_idle_schedulers_send_one_command_a_second(r, scheduler):
    scheduler()
    scheduler(wait=False)
    time.sleep(1)
    before = r.info("commandstats").get("cmdstat_evalsha", {"calls": 0})
    seconds = 3
    time.sleep(seconds)
    after = r.info("commandstats")["cmdstat_evalsha"]
    assert after["calls"] - before["calls"] <= 2 * (seconds + 1)
