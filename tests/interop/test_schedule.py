"""crq's named schedules: crq schedule, schedules, unschedule, and the jobs
that crq-scheduler makes of them, read by RQ."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

import pytest
from conftest import eventually, program_folder
from rq.job import Job, JobStatus
from test_scheduler import ids, scheduler  # noqa: F401, a fixture

SCHEDULES = "crq:schedules"


def slots(r, name, queue="q"):
    """The slots of a schedule's jobs in the queue, in milliseconds."""
    begin = f"{name}-"
    return [int(job_id[len(begin):]) for job_id in ids(r, queue)
            if job_id.startswith(begin)]


def steps(numbers):
    return [b - a for a, b in zip(numbers, numbers[1:])]


# ---- the command line ----

def test_a_schedule_is_listed_and_removed(r, crq):
    made = crq("schedule", "--every", "90m", "-q", "q", "--source", "app.json",
               "--json", "sweep", "shop.sweep", "floor", "times:=2").json()
    assert made["id"] == "sweep"
    only, = crq("schedules", "--json").json()
    assert only["next"] == made["next"]
    assert only["every"] == 5400 and only["cron"] is None
    assert only["func"] == "shop.sweep" and only["source"] == "app.json"
    assert only["description"] == "shop.sweep('floor', times=2)"
    assert only["last"] is None and only["problem"] is None
    shown = crq("schedules").out
    assert shown.startswith("sweep ") and "every 1h 30m" in shown
    assert crq("unschedule", "sweep").code == 0
    assert r.keys() == []
    gone = crq("unschedule", "sweep")
    assert gone.code == 1 and "no schedule 'sweep'" in gone.err


@pytest.mark.parametrize("words", [
    ("s", "--every", "1h", "-q", "q", "f.g", "--",
     "--every", "x=y"),
    ("--every", "1h", "s", "-q", "q", "f.g", "--",
     "--every", "x=y"),
    ("--every", "1h", "-q", "q", "s", "f.g", "--",
     "--every", "x=y"),
    ("-q", "q", "s", "--every", "1h", "--", "f.g", "--every", "x=y"),
    ("-q", "q", "--every", "1h", "--", "s", "f.g", "--every", "x=y")])
def test_options_stand_before_or_behind_the_id(r, crq, words):
    made = crq("schedule", *words)
    assert made.code == 0, made.err
    only, = crq("schedules", "--json").json()
    assert (only["id"], only["every"], only["queue"]) == ("s", 3600, "q")
    assert only["description"] == "f.g('--every', x='y')"


def test_the_next_times_of_a_schedule_are_told(r, crq):
    crq("schedule", "--cron", "0 9 29 2 *", "--tz", "Europe/Berlin",
        "--repeat", "2", "leap", "f.g")
    times = crq("schedules", "--next", "5", "leap", "--json").json()["next"]
    assert len(times) == 2
    assert all(text[4:] == "-02-29T08:00:00.000000Z" for text in times)


@pytest.mark.parametrize("words, says", [
    (["--every", "1h", "--cron", "* * * * *", "s", "f"], "either --every or"),
    (["s", "f"], "either --every or --cron"),
    (["--every", "1h", "s"], "name the schedule and the function"),
    (["--every", "0", "s", "f"], "more than nothing"),
    (["--every", "0.0001", "s", "f"], "1000 or more"),
    (["--every", "1h", "--catchup", "some", "s", "f"], "skip, once, all"),
    (["--every", "1h", "--overlap", "some", "s", "f"], "skip or allow"),
    (["--every", "1h", "--tz", "UTC", "s", "f"], "tz goes with cron"),
    (["--cron", "0 0 31 2 *", "s", "f"], "impossible"),
    (["--cron", "0 25 * * *", "s", "f"], "hour: 0 to 23 was expected"),
    (["--cron", "* * * * *", "--tz", "Mars/Base", "s", "f"], "no time zone"),
    (["--every", "1h", "a b", "f"], "not an id of a schedule"),
    # What stands behind the function is no argument by mistake.
    (["--every", "1h", "s", "f", "--repaet", "2"], "--repaet"),
    (["--every", "1h", "s", "f", "-1"], "a negative number is written :-1"),
])
def test_what_is_wrong_is_said_and_nothing_is_written(r, crq, words, says):
    done = crq("schedule", *words)
    assert done.code == 64
    assert says in done.err
    assert r.keys() == []


def test_options_and_arguments_may_stand_behind_the_function(r, crq):
    done = crq("schedule", "s", "f.g", ":-1", "--every", "1h", "-q", "q", "--",
               "-draft", "k:=2")
    assert (done.code, done.err) == (0, "")
    [s] = crq("schedules", "--json").json()
    assert (s["func"], s["every"], s["queue"], s["description"]) == (
        "f.g", 3600, "q", "f.g(-1, '-draft', k=2)")


def test_registering_at_the_same_time_makes_one_schedule(
        r, crq, redis_server, tmp_path):
    path = tmp_path / "crontab"
    path.write_text("@every 1h two f.g\n@yearly three f.g\n")
    ways = (("crq", "schedule", "--every", "1h", "one", "f.g"),
            ("crq-scheduler", "--burst", "--quiet", "--cron", path))
    before = None
    for _ in range(10):
        many = [subprocess.Popen(
            [os.path.join(program_folder(), name), "-u", redis_server.url,
             *words], stdout=subprocess.DEVNULL)
            for name, *words in ways * 5]
        assert [p.wait(60) for p in many] == [0] * 10
        after = r.zrange(SCHEDULES, 0, -1, withscores=True)
        assert {name for name, _ in after} == {b"one", b"two", b"three"}
        assert after == (before or after)
        before = after


# ---- running ----

def test_jobs_of_a_schedule_are_rq_s(r, crq, scheduler):  # noqa: F811
    scheduler()
    crq("schedule", "--every", "0.3s", "--repeat", "3",
        "--overlap", "allow", "-q", "q",
        "--result-ttl", "7", "--timeout", "1m", "s", "f.g", "x", "n:=[1]")
    eventually(lambda: len(ids(r)) == 3)
    assert steps(slots(r, "s")) == [300, 300]
    job = Job.fetch(ids(r)[0], connection=r)
    assert (job.func_name, list(job.args), job.kwargs) == ("f.g", ["x"],
                                                           {"n": [1]})
    assert job.get_status() == JobStatus.QUEUED and job.origin == "q"
    assert job.result_ttl == 7 and job.timeout == 60
    assert job.description == "f.g('x', n=[1])"
    slot = slots(r, "s")[0] / 1000
    assert job.enqueued_at.timestamp() >= slot
    # Three runs were all: nothing of it is left.
    eventually(lambda: not r.exists(SCHEDULES, "crq:schedule:s"))


def test_a_cron_schedule_runs_at_full_seconds(r, crq, scheduler):  # noqa: F811
    scheduler()
    crq("schedule", "--cron", "* * * * * *", "--overlap", "allow", "-q",
        "q", "s", "f.g")
    eventually(lambda: len(ids(r)) >= 3)
    assert all(slot % 1000 == 0 for slot in slots(r, "s"))
    assert set(steps(slots(r, "s"))) == {1000}
    only, = crq("schedules", "--json").json()
    assert only["last_job"] in ids(r) and only["lateness"] >= 0


def test_no_slot_is_lost_or_doubled_when_a_leader_is_killed(
        r, crq, scheduler):  # noqa: F811
    first = scheduler()
    scheduler(wait=False)
    crq("schedule", "--every", "0.1s", "--catchup", "all", "--overlap",
        "allow", "-q", "q", "s", "f.g")
    eventually(lambda: len(ids(r)) > 5)
    first.signal(signal.SIGKILL)
    first.process.wait()
    count = len(ids(r))
    eventually(lambda: len(ids(r)) > count + 20, 10)
    assert set(steps(slots(r, "s"))) == {100}


def test_missed_slots_follow_the_policy(r, crq, scheduler):  # noqa: F811
    for how in ("skip", "once", "all:3"):
        crq("schedule", "--every", "1h", "--catchup", how, "-q", "q",
            how.replace(":", "-"), "f.g")
    now = int(time.time())
    for name in ("skip", "once", "all-3"):
        due = now - 5 * 3600 - 1800
        r.zadd(SCHEDULES, {name: due})
        r.hset(f"crq:schedule:{name}", "next", f"{due}.000000")
    scheduler()
    eventually(lambda: r.zcount(SCHEDULES, "-inf", now) == 0)
    newest = (now - 1800) * 1000
    assert slots(r, "skip") == []
    assert slots(r, "once") == [newest]
    assert slots(r, "all-3") == [newest - 7200000, newest - 3600000, newest]
    assert {score for _, score in r.zrange(SCHEDULES, 0, -1, withscores=True)
            } == {now + 1800}


def test_runs_do_not_overlap_where_they_must_not(
        r, crq, scheduler):  # noqa: F811
    scheduler()
    crq("schedule", "--every", "0.2s", "-q", "q", "s", "f.g")
    eventually(lambda: len(ids(r)) == 1)
    seen = r.zscore(SCHEDULES, "s")
    eventually(lambda: r.zscore(SCHEDULES, "s") > seen + 0.5)
    assert len(ids(r)) == 1
    r.hset(f"rq:job:{ids(r)[0]}", "status", "finished")
    eventually(lambda: len(ids(r)) == 2)


def test_a_damaged_schedule_is_set_aside_and_the_others_run(
        r, crq, scheduler):  # noqa: F811
    r.zadd(SCHEDULES, {"gone": 1, "bad": 2, "foreign": 3, b"\xff": 4})
    r.hset("crq:schedule:bad", mapping={"cron": "61 * * * *", "next": "2"})
    crq("schedule", "--every", "1h", "-q", "wrong", "foreign", "f.g")
    r.zadd(SCHEDULES, {"foreign": 3})
    r.hset("crq:schedule:foreign", "next", "3.000000")
    r.set("rq:queue:wrong", "x")
    crq("schedule", "--every", "0.5s", "--overlap", "allow", "-q", "q",
        "good", "f.g")
    made = scheduler()
    eventually(lambda: len(ids(r)) >= 2)
    assert r.zrange(SCHEDULES, 0, -1) == [b"good"]
    reasons = r.hgetall("crq:scheduler:quarantine")
    assert set(reasons) == {b"crq:schedules gone", b"crq:schedules bad",
                            b"crq:schedules foreign",
                            b"crq:schedules \xff"}
    assert b"minute: 0 to 59 was expected" in reasons[b"crq:schedules bad"]
    assert b"WRONGTYPE" in reasons[b"crq:schedules foreign"]
    assert made.text().count("is set aside") == 4


def test_a_start_is_kept_to_the_fraction(r, crq, scheduler):  # noqa: F811
    start = datetime.fromtimestamp(int(time.time()) + 1.25, timezone.utc)
    scheduler()
    crq("schedule", "--every", "0.5s", "--start", start.isoformat(),
        "--overlap", "allow", "-q", "q", "s", "f.g")
    eventually(lambda: len(ids(r)) >= 2)
    assert slots(r, "s")[0] == int(start.timestamp() * 1000)


def test_rq_shows_schedules_as_those_of_a_cron_scheduler(
        r, crq, scheduler):  # noqa: F811
    from croniter import croniter
    from rq.cron import CronScheduler
    crq("schedule", "--every", "90s", "-q", "q", "--timeout", "7", "a", "f.g")
    told = crq("schedule", "--cron", "30 0 12 * * mon", "-q", "p", "--json",
               "b", "f.h").json()
    made = scheduler("--name", "night")
    shown, = eventually(lambda: CronScheduler.all(r))
    assert shown.name.startswith("night.") and shown.pid == made.process.pid
    jobs = {job.func_name: job for job in shown.get_jobs()}
    assert jobs["f.g"].interval == 90 and jobs["f.g"].queue_name == "q"
    assert jobs["f.g"].job_options["job_timeout"] == 7
    due = jobs["f.h"].next_enqueue_time
    assert due.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == told["next"]
    assert croniter(jobs["f.h"].cron, time.time()).get_next(float) == \
        due.timestamp()
    made.stop()
    assert CronScheduler.all(r) == []


# ---- entries of rq-scheduler ----

def run_rqscheduler(redis_server, seconds):
    """rq-scheduler's own process, for a while."""
    folder = os.path.dirname(sys.executable)
    process = subprocess.Popen(
        [os.path.join(folder, "rqscheduler"), "--url", redis_server.url,
         "--interval", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(10)


def test_entries_of_rq_scheduler_are_what_its_classes_make(r, crq):
    from rq_scheduler import Scheduler
    peer = Scheduler(queue_name="q", connection=r)
    for words in (["--every", "90s", "--repeat", "3", "--at-front", "mine-a"],
                  ["--cron", "*/7 3-9 * * *", "mine-b"]):
        done = crq("schedule", "--format", "rq-scheduler", "-q", "q",
                   *words, "f.g", ":1", "x=y")
        assert done.code == 0, done.err
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    peer.schedule(now, "f.g", [1], {"x": "y"}, interval=90, repeat=3,
                  id="its-a", at_front=True)
    peer.cron("*/7 3-9 * * *", "f.g", [1], {"x": "y"}, id="its-b",
              queue_name="q")
    jobs = {job.id: (job, due) for job, due in peer.get_jobs(with_times=True)}
    assert set(jobs) == {"mine-a", "mine-b", "its-a", "its-b"}
    for name in "ab":
        mine, its = ((job.meta, job.func_name, list(job.args), job.kwargs,
                      job.origin, job.result_ttl, job.enqueue_at_front,
                      job.get_status())
                     for job in (jobs[f"mine-{name}"][0],
                                 jobs[f"its-{name}"][0]))
        assert mine == its
    assert jobs["mine-b"][1] == jobs["its-b"][1]
    rows = {row["id"]: row for row in crq("schedules", "--json").json()}
    assert rows["its-a"]["every"] == 90 and rows["its-a"]["left"] == 3
    assert rows["its-b"]["cron"] == "*/7 3-9 * * *"
    assert {row["source"] for row in rows.values()} == {"rq-scheduler"}
    assert "rq-scheduler every" in crq("schedules").out
    assert crq("unschedule", "its-a", "mine-b").code == 0
    peer.cancel("mine-a")
    assert {job.id for job in peer.get_jobs()} == {"its-b"}


def test_rq_scheduler_runs_what_crq_has_entered(r, crq, redis_server):
    crq("schedule", "--format", "rq-scheduler", "--every", "1s", "--repeat",
        "2", "-q", "q", "s", "f.g")
    run_rqscheduler(redis_server, 5)
    assert ids(r) == ["s", "s"]
    assert r.zcard("rq:scheduler:scheduled_jobs") == 0


@pytest.mark.parametrize("words, says", [
    (["--every", "1.5s"], "whole seconds"),
    (["--cron", "* * * * *", "--tz", "UTC"], "no tz"),
    (["--every", "1s", "--overlap", "allow"], "no catchup, overlap"),
    (["--cron", "61 * * * *"], "minute: 0 to 59"),
])
def test_what_rq_scheduler_has_no_form_for_is_refused(r, crq, words, says):
    done = crq("schedule", "--format", "rq-scheduler", *words, "s", "f.g")
    assert done.code != 0 and says in done.err
    assert r.keys() == []
