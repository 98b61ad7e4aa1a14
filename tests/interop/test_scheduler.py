"""crq-scheduler beside RQ's scheduler and rq-scheduler's."""

import os
import re
import signal
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

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


def test_every_option_of_the_help_is_in_the_manual(scheduler):
    page = (Path(__file__).parents[2] / "man" / "crq-scheduler.8").read_text()
    words = re.findall(r"[A-Za-z_?-]+", page.replace("Fl Fl ", "--"))
    shown = subprocess.run(
        [os.path.join(program_folder(), "crq-scheduler"), "--help"],
        text=True, capture_output=True).stdout
    options = re.findall(r"--[a-z-]+", shown)
    assert "--burst" in options
    assert set(options) <= set(words)


def test_a_queue_without_a_name_is_wrong_usage(scheduler):
    made = scheduler("", wait=False)
    assert made.process.wait(10) == 64
    made.process.returncode = 0
    assert "name" in made.text()


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


def test_a_fraction_of_a_second_is_kept(r, crq):
    begin = time.time()
    in_time = crq("enqueue", "-q", "q", "--json", "--schedule-in", "0.75s",
                  "f.g").json()["id"]
    end = time.time()
    assert begin + 0.75 <= r.zscore("rq:scheduled:q", in_time) <= end + 0.75
    at_time = crq("enqueue", "-q", "q", "--json", "--schedule-at",
                  "2100-01-01T00:00:00.125+01:00", "f.g").json()["id"]
    assert r.zscore("rq:scheduled:q", at_time) == 4102441200.125


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


#: What a field of a schedule may have become by other hands.
DAMAGED = ("", "x", "inf", "-inf", "nan", "1e400", "-1", "0", "0.0000001",
           "9" * 400, "\xff\x00", "[", "1e-300", " 1")
FIELDS = ("func", "queue", "every", "cron", "tz", "repeat", "left", "start",
          "catchup", "overlap", "next", "last", "last_job", "lateness",
          "created_at", "job.data", "job.timeout", "job.ttl", "job.result_ttl",
          "job.failure_ttl", "job.meta")


@pytest.mark.parametrize("field", FIELDS)
def test_no_damaged_schedule_holds_up_another(r, scheduler, field):
    now = f"{time.time() - 0.5:.6f}"
    good = {"func": "f.g", "queue": "good", "every": "0.1", "next": now,
            "job.data": "x", "overlap": "allow"}
    r.hset("crq:schedule:good", mapping=good)
    for i, value in enumerate(DAMAGED):
        r.hset(f"crq:schedule:bad{i}", mapping={
            **good, "queue": "bad", "every": "3600", field: value})
    r.zadd("crq:schedules", {"good": now, **{
        f"bad{i}": now for i in range(len(DAMAGED))}})
    scheduler()
    made = r.llen("rq:queue:good")
    eventually(lambda: r.llen("rq:queue:good") > made + 5)
    eventually(lambda: not r.zrangebyscore("crq:schedules", 0, time.time() - 5))
    assert set(r.hkeys("crq:scheduler:quarantine")) <= {
        f"crq:schedules bad{i}".encode() for i in range(len(DAMAGED))}


def test_a_schedule_that_is_put_again_or_removed_leaves_no_complaint(r, crq):
    for complaints in ("put", "gone"):
        r.hset("crq:scheduler:quarantine", f"crq:schedules {complaints}", "x")
    assert crq("schedule", "--every", "1h", "put", "f.g").code == 0
    assert crq("schedule", "--every", "1h", "gone", "f.g").code == 0
    r.hset("crq:scheduler:quarantine", "crq:schedules gone", "x")
    assert crq("unschedule", "gone").code == 0
    assert r.hgetall("crq:scheduler:quarantine") == {}


def test_what_cannot_be_noted_is_out_of_the_way_all_the_same(r, scheduler):
    r.set("crq:scheduler:quarantine", "x")
    job = Queue("q", connection=r).enqueue_at(datetime.now(timezone.utc), "f.g")
    r.zadd("rq:scheduled:q", {"foreign": 2})
    r.set("rq:job:foreign", "x")
    r.zadd("crq:schedules", {"bad": 1})
    r.hset("crq:schedule:bad", "every", "x")
    made = scheduler()
    eventually(lambda: not r.exists("rq:scheduled:q", "crq:schedules"))
    assert ids(r) == [job.id] and r.get("crq:scheduler:quarantine") == b"x"
    eventually(lambda: "schedule 'bad' is set aside" in made.text())


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
    """Two of them, with something for later in every kind of list."""
    from rq_scheduler import Scheduler
    Queue("q", connection=r).enqueue_in(timedelta(hours=1), "f.g")
    Scheduler(queue_name="q", connection=r).enqueue_in(timedelta(hours=1),
                                                       "f.g")
    scheduler()
    second = scheduler(wait=False)
    eventually(lambda: "waits" in second.text())
    seconds = 4
    with r.monitor() as seen:
        r.echo("begin")
        while "ECHO begin" not in seen.next_command()["command"]:
            pass
        time.sleep(seconds)
        r.echo("end")
        sent = []
        while "ECHO end" not in (command := seen.next_command())["command"]:
            # Those that scripts call are not sent.
            if command["client_type"] != "lua":
                sent.append(command["command"].split(" ")[0])
    assert set(sent) == {"EVALSHA"}
    assert len(sent) <= 2 * (seconds + 1)


# ---- rq-scheduler ----

PERIODIC = "rq:scheduler:scheduled_jobs"


@pytest.fixture
def peer(r):
    """rq-scheduler itself, on the queue q."""
    from rq_scheduler import Scheduler
    return Scheduler(queue_name="q", connection=r, interval=1)


def test_an_interval_of_rq_scheduler_is_run_in_its_phase(r, peer, scheduler):
    begin = datetime.utcnow() - timedelta(seconds=1)
    job = peer.schedule(begin, "f.g", args=[1], interval=1, repeat=3,
                        meta={"of": ("the", b"user"), "at": begin})
    first = r.zscore(PERIODIC, job.id)
    scheduler()
    eventually(lambda: not r.zscore(PERIODIC, job.id))
    assert ids(r) == [job.id] * 3
    job = Job.fetch(job.id, connection=r)
    assert job.meta["repeat"] == 0
    assert job.meta["of"] == ("the", b"user") and job.meta["at"] == begin
    assert job.get_status() == JobStatus.QUEUED
    # It counts from the slots: a whole number of intervals from the first.
    last = job.enqueued_at.timestamp()
    assert 0 <= (last - first) % 1 < 0.9


def test_an_entry_without_a_number_of_runs_goes_on_for_ever(
        r, peer, scheduler):
    job = peer.schedule(datetime.utcnow(), "f.g", interval=3600)
    due = r.zscore(PERIODIC, job.id)
    meta = r.hget(job.key, "meta")
    scheduler()
    eventually(lambda: ids(r) == [job.id])
    assert eventually(lambda: r.zscore(PERIODIC, job.id)) == due + 3600
    assert r.hget(job.key, "meta") == meta
    assert Job.fetch(job.id, connection=r).result_ttl == -1


def test_missed_rounds_of_an_interval_are_passed_over(r, peer, scheduler):
    begin = datetime.utcnow() - timedelta(hours=5, minutes=1)
    job = peer.schedule(begin, "f.g", interval=3600)
    due = r.zscore(PERIODIC, job.id)
    scheduler()
    eventually(lambda: r.zscore(PERIODIC, job.id) == due + 6 * 3600)
    assert ids(r) == [job.id]


def test_a_cron_string_has_the_next_time_that_rq_scheduler_finds(
        r, peer, scheduler):
    from rq_scheduler.utils import get_next_scheduled_time, to_unix
    texts = ["*/7 3-9 * * *", "0 0 13 * fri", "@weekly", "5 4 L * *",
             "30 2 1 1 * 2040"]
    jobs = [peer.cron(text, "f.g", queue_name="q") for text in texts]
    for job in jobs:
        r.zadd(PERIODIC, {job.id: time.time() - 1})
    scheduler()
    eventually(lambda: len(ids(r)) == len(texts))
    want = [to_unix(get_next_scheduled_time(text)) for text in texts]
    assert [r.zscore(PERIODIC, job.id) for job in jobs] == want
    assert {job.id for job in peer.get_jobs()} == {job.id for job in jobs}


def test_an_entry_is_run_once_when_it_repeats_nothing(r, peer, scheduler):
    q = Queue("q", connection=r)
    q.enqueue("f.first")
    job = peer.schedule(datetime.utcnow(), "f.g", at_front=True)
    scheduler()
    eventually(lambda: len(ids(r)) == 2)
    assert ids(r)[0] == job.id
    assert peer.count() == 0


def test_an_entry_waits_for_its_dependencies(r, peer, scheduler):
    q = Queue("q", connection=r)
    parent = q.enqueue("f.parent")
    job = peer.schedule(datetime.utcnow(), "f.g", depends_on=parent)
    scheduler()
    eventually(lambda: job.get_status() == JobStatus.DEFERRED)
    assert q.deferred_job_registry.get_job_ids() == [job.id]
    assert parent.dependent_ids == [job.id]
    assert ids(r) == [parent.id]


def test_an_unreadable_entry_stays_and_the_next_one_is_on_time(
        r, peer, scheduler):
    bad = peer.schedule(datetime.utcnow(), "f.g", interval=1, id="bad")
    r.hset(bad.key, "meta", b"\x80\x05no pickle.")
    r.zadd(PERIODIC, {"foreign": 1, "gone": 2, "tiny": 1e-05})
    r.set("rq:job:foreign", "x")
    good = peer.schedule(datetime.utcnow(), "f.g", id="good")
    made = scheduler()
    eventually(lambda: ids(r) == [good.id])
    eventually(lambda: r.hlen("crq:scheduler:quarantine") == 2)
    time.sleep(1.5)
    assert {m for m in r.zrange(PERIODIC, 0, -1)} == {b"bad", b"foreign"}
    for name in ("bad", "foreign"):
        assert made.text().count(f"'{name}' is passed over") == 1
    # Mended, and at another time, it is run again.
    r.hset(bad.key, "meta", b"\x80\x04}.")
    r.zadd(PERIODIC, {"bad": time.time()})
    eventually(lambda: "bad" in ids(r))


def test_rq_scheduler_s_lock_excludes_both_ways(r, peer, scheduler):
    job = peer.schedule(datetime.utcnow(), "f.g", interval=3600)
    assert peer.acquire_lock()
    made = scheduler()
    time.sleep(1.5)
    assert ids(r) == []
    peer.remove_lock()
    eventually(lambda: ids(r) == [job.id])
    assert not peer.acquire_lock()
    made.stop()
    assert peer.acquire_lock()
    peer.remove_lock()


def test_rq_scheduler_and_crq_take_turns_without_losing_an_entry(
        r, peer, scheduler):
    jobs = [peer.schedule(datetime.utcnow(), "f.g", interval=3600,
                          id=f"p{n}") for n in range(50)]
    peer.acquire_lock()
    peer.enqueue_jobs()
    list(map(peer.enqueue_job, list(peer.get_jobs_to_queue())[:25]))
    scheduler()
    peer.remove_lock()
    eventually(lambda: len(set(ids(r))) == 50)
    assert r.zcard(PERIODIC) == 50
    assert len(ids(r)) == 50
    assert {job.id for job in jobs} == set(ids(r))
