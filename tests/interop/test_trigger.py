"""app.json in crq-scheduler: its schedules, and its triggers."""

import json
import os
import random
import re
import signal
import time
from collections import Counter

import pytest
from conftest import eventually
from rq.job import Job
from test_scheduler import ids, scheduler  # noqa: F401, a fixture


LONG = bool(os.environ.get("CRQ_LONG"))


@pytest.fixture
def app(tmp_path):
    """Write an app.json; the path of its folder."""
    def write(name="pet", **more):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "app.json").write_text(json.dumps(
            {"name": name, "queues": ["q"], **more}))
        return folder

    return write


def trigger(task, match=None, **enqueue):
    return {"stream": "events", "match": match or {},
            "enqueue": {"task": task, **enqueue}}


def every(name, seconds, **more):
    return {"id": name, "every": seconds, "enqueue": {"task": "pet.tick"},
            **more}


def test_schedules_of_a_file_are_registered_and_those_that_left_it_removed(
        r, crq, app, scheduler):  # noqa: F811
    crq("schedule", "--every", "1h", "other", "f.g")
    folder = app(schedules=[every("a", 3600), every("b", 0.2, repeat=2,
                                                    overlap="allow")])
    made = scheduler("--app", folder)
    eventually(lambda: len(ids(r)) == 2)
    assert all(job_id.startswith("b-") for job_id in ids(r))
    seen = {row["id"]: row for row in crq("schedules", "--json").json()}
    assert seen["a"]["source"] == str(folder / "app.json")
    made.stop()
    app(schedules=[every("c", 3600), every("a", 3600)])
    scheduler("--app", folder / "app.json")
    again = {row["id"]: row for row in crq("schedules", "--json").json()}
    assert set(again) == {"a", "c", "other"}
    assert again["a"]["next"] == seen["a"]["next"]


def test_runs_that_a_file_has_limited_do_not_begin_anew(
        r, crq, app, scheduler):  # noqa: F811
    folder = app(schedules=[every("a", 0.1, repeat=3, overlap="allow")])
    made = scheduler("--app", folder)
    eventually(lambda: len(ids(r)) == 3)
    made.stop()
    made = scheduler("--app", folder)
    time.sleep(1.5)
    assert len(ids(r)) == 3
    row, = crq("schedules", "--json").json()
    assert row["left"] == 0
    assert "ended" in crq("schedules").out
    made.stop()
    app(schedules=[])
    scheduler("--app", folder)
    assert crq("schedules", "--json").json() == []


def test_files_are_read_again_when_a_signal_says_so(
        r, crq, app, tmp_path, scheduler):  # noqa: F811
    def reload(done):
        """What was logged from the signal on, until it says `done`."""
        before = len(made.text())
        made.signal(signal.SIGHUP)
        eventually(lambda: done in made.text()[before:])
        return made.text()[before:]

    def names():
        return {row["id"] for row in crq("schedules", "--json").json()}

    path = tmp_path / "crontab"
    path.write_text("@daily c pet.tick\n@daily d pet.tick\n")
    folder = app(schedules=[every("a", 3600), every("b", 3600)],
                 triggers=[trigger("pet.any")])
    made = scheduler("--app", folder, "--cron", path)
    eventually(lambda: names() == {"a", "b", "c", "d", "pet#0"})
    phase = r.zscore("crq:schedules", "a")
    # One has a mistake now; the other goes on.
    path.write_text("@daily c pet.tick\n@dayly e pet.tick\n")
    app(schedules=[every("a", 3600), every("new", 3600)],
        triggers=[trigger("pet.any"), trigger("pet.more")])
    said = reload("1 schedules removed")
    assert f"{path}:2:1: " in said
    assert f"{path}: what it declared before stays" in said
    eventually(lambda: names() == {"a", "new", "c", "d", "pet#0", "pet#1"})
    assert r.zscore("crq:schedules", "a") == phase
    # The other way round; and a file that is gone has a mistake, too.
    path.write_text("@daily c pet.tick\n")
    (folder / "app.json").unlink()
    said = reload("1 schedules removed")
    assert f"{folder}: what it declared before stays" in said
    eventually(lambda: names() == {"a", "new", "c", "pet#0", "pet#1"})
    app(schedules=[every("a", 3600)])
    reload("1 schedules removed")
    eventually(lambda: names() == {"a", "c"})
    assert r.zscore("crq:schedules", "a") == phase
    assert made.process.poll() is None


def test_what_redis_refuses_of_a_file_is_tried_again(
        r, crq, app, scheduler):  # noqa: F811
    r.set("crq:triggers", "x")
    folder = app(schedules=[every("a", 3600)], triggers=[trigger("pet.any")])
    made = scheduler("--app", folder)
    eventually(lambda: "WRONGTYPE" in made.text())
    assert r.zcard("crq:schedules") == 1
    time.sleep(2.5)
    r.delete("crq:triggers")
    eventually(lambda: r.hexists("crq:triggers", "pet"))
    eventually(lambda: "1 schedules, 1 triggers" in made.text())
    assert made.text().count("WRONGTYPE") == 1


def test_a_signal_without_files_changes_nothing(
        r, crq, scheduler):  # noqa: F811
    crq("schedule", "--every", "1h", "a", "f.g")
    made = scheduler()
    made.signal(signal.SIGHUP)
    eventually(lambda: "reading the files again: 0" in made.text())
    assert r.zcard("crq:schedules") == 1
    assert made.process.poll() is None


def test_a_file_with_mistakes_starts_nothing(
        r, crq, app, scheduler):  # noqa: F811
    good = app("good", schedules=[every("a", 3600)])
    bad = app("bad", schedules=[every("b", 3600, tz="UTC"),
                                {**every("c", 1), "cron": "* * * * *"}])
    made = scheduler("--app", good, "--app", bad, wait=False)
    assert made.process.wait(10) == 1
    made.process.returncode = 0
    assert "$.schedules[0]: 'tz' is for 'cron'" in made.text()
    assert "$.schedules[1]: has both" in made.text()
    assert r.keys() == []


def test_an_event_becomes_a_job_for_each_trigger_that_it_matches(
        r, crq, app, scheduler):  # noqa: F811
    r.xadd("events", {"type": "BORN", "name": "Rex", "n": "3"})
    scheduler("--app", app(triggers=[
        trigger("pet.greet", {"type": "BORN"},
                args={"name": "$event.name", "n": "$event.n:int"}),
        trigger("pet.any", args=["$event"], at_front=True)]))
    eventually(lambda: len(ids(r)) == 2)
    r.xadd("events", {"type": "DIED"})
    eventually(lambda: len(ids(r)) == 3)
    jobs = [Job.fetch(job_id, connection=r) for job_id in ids(r)]
    assert [job.func_name for job in jobs] == ["pet.any", "pet.any",
                                               "pet.greet"]
    assert jobs[2].kwargs == {"name": "Rex", "n": 3}
    assert jobs[1].args == [{"type": "BORN", "name": "Rex", "n": "3"}]
    assert r.xpending("events", "crq")["pending"] == 0


def test_an_event_is_known_at_once(r, app, scheduler):  # noqa: F811
    scheduler("--app", app(triggers=[trigger("pet.any")]))
    for n in range(5):
        time.sleep(0.3)
        r.xadd("events", {"n": n})
        # A poll once a second would be later at least twice.
        eventually(lambda: len(ids(r)) == n + 1, 0.7)


def test_triggers_are_handled_by_whoever_leads(
        r, crq, app, scheduler):  # noqa: F811
    first = scheduler()
    second = scheduler("--app", app(triggers=[trigger("pet.any")]),
                       wait=False)
    eventually(lambda: "waits" in second.text())
    r.xadd("events", {"a": 1})
    eventually(lambda: len(ids(r)) == 1)
    first.signal(signal.SIGKILL)
    first.process.wait()
    first.process.returncode = 0
    r.xadd("events", {"a": 2})
    eventually(lambda: len(ids(r)) == 2)


def test_events_wait_while_no_scheduler_is_there(
        r, crq, app, scheduler):  # noqa: F811
    folder = app(triggers=[trigger("pet.any", args=["$event.n"])])
    made = scheduler("--app", folder)
    eventually(lambda: r.exists("events"))
    made.stop()
    for n in range(250):
        r.xadd("events", {"n": n})
    row, = crq("schedules", "--json").json()
    assert (row["stream"], row["lag"], row["func"]) == ("events", 250,
                                                        "pet.any")
    assert "lag 250" in crq("schedules").out
    scheduler()
    eventually(lambda: len(ids(r)) == 250)
    jobs = Job.fetch_many(ids(r), connection=r)
    assert [job.args[0] for job in jobs] == [str(n) for n in range(250)]
    eventually(lambda: crq("schedules", "--json").json()[0]["lag"] == 0)


def test_a_poison_event_is_set_aside_and_the_next_ones_are_on_time(
        r, crq, app, scheduler):  # noqa: F811
    made = scheduler("--app", app(triggers=[
        trigger("pet.int", {"type": "N"}, args=["$event.n:int"]),
        trigger("pet.any", {"type": "M"})]))
    bad = r.xadd("events", {"type": "N", "n": "seven"}).decode()
    r.xadd("events", {"type": "N", "n": "7"})
    r.xadd("events", {"type": "M"})
    eventually(lambda: len(ids(r)) == 2)
    assert r.xpending("events", "crq")["pending"] == 1
    reasons = eventually(lambda: r.hgetall("crq:scheduler:quarantine"), 15)
    assert reasons == {f"events {bad}".encode():
                       b"pet: argument 1, $event.n, is not of the type int"}
    assert made.text().count("is not of the type int") == 5
    assert r.xpending("events", "crq")["pending"] == 0
    assert len(ids(r)) == 2


def test_a_poison_event_has_the_jobs_of_its_other_triggers(
        r, app, scheduler):  # noqa: F811
    made = scheduler("--app", app(triggers=[
        trigger("pet.int", {"type": "N"}, args=["$event.n:int"]),
        trigger("pet.any", {"type": "N"})]))
    bad = r.xadd("events", {"type": "N", "n": "seven"}).decode()
    only, = eventually(lambda: ids(r))
    assert Job.fetch(only, connection=r).func_name == "pet.any"
    assert r.hgetall("crq:scheduler:quarantine") == {
        f"events {bad}".encode():
        b"pet: argument 1, $event.n, is not of the type int"}
    assert r.xpending("events", "crq")["pending"] == 0
    eventually(lambda: "is set aside for some of its triggers" in made.text())


def test_an_event_that_redis_refuses_is_tried_again(
        r, app, scheduler):  # noqa: F811
    r.set("rq:queue:q", "x")
    made = scheduler("--app", app(triggers=[trigger("pet.any")]))
    r.xadd("events", {"a": 1})
    eventually(lambda: "WRONGTYPE" in made.text())
    r.delete("rq:queue:q")
    eventually(lambda: len(ids(r)) == 1)
    assert r.xpending("events", "crq")["pending"] == 0


def test_a_stream_that_is_deleted_is_made_anew(r, app, scheduler):  # noqa: F811
    scheduler("--app", app(triggers=[trigger("pet.any")]))
    r.xadd("events", {"a": 1})
    eventually(lambda: len(ids(r)) == 1)
    r.delete("events")
    r.xadd("events", {"a": 2})
    eventually(lambda: len(ids(r)) == 2)


def test_a_burst_handles_the_events_there_are(r, app, scheduler):  # noqa: F811
    for n in range(300):
        r.xadd("events", {"n": n})
    made = scheduler("--burst", "--app", app(triggers=[trigger("pet.any")]))
    assert made.process.wait(20) == 0
    assert len(ids(r)) == 300


def test_each_of_many_events_has_its_job_though_schedulers_are_killed(
        r, app, scheduler):  # noqa: F811
    folder = app(triggers=[trigger("pet.odd", {"odd": "1"},
                                   args=["$event.n:int"]),
                           trigger("pet.any", args=["$event.n:int"])])
    total, kills = (10_000 if LONG else 4_000), 5
    made = scheduler("--app", folder)
    pipe = r.pipeline(transaction=False)
    for n in range(total):
        pipe.xadd("events", {"n": n, "odd": n % 2})
    pipe.execute()
    rnd = random.Random(4711)
    for kill in range(kills):
        least = (kill * total + rnd.randrange(total)) // (kills + 1)
        eventually(lambda: r.llen("rq:queue:q") > least, 30, 0.001)
        made.signal(signal.SIGKILL)
        made.process.wait()
        made.process.returncode = 0
        assert r.llen("rq:queue:q") < total * 3 // 2, "killed too late"
        made = scheduler("--app", folder, wait=False)
    eventually(lambda: r.llen("rq:queue:q") >= total * 3 // 2
               and r.xpending("events", "crq")["pending"] == 0, 60)
    time.sleep(1.2)  # a beat more, in which one too many would come
    queued = ids(r)
    seen = Counter((job.func_name, job.args[0]) for n in range(0, total * 3, 999)
                   for job in Job.fetch_many(queued[n:n + 999], connection=r))
    assert seen == Counter([("pet.any", n) for n in range(total)] +
                           [("pet.odd", n) for n in range(1, total, 2)])


def test_a_cron_file_is_an_application_of_schedules(
        r, crq, tmp_path, scheduler):  # noqa: F811
    path = tmp_path / "crontab"
    path.write_text("QUEUE=q\nOVERLAP=allow\n"
                    "@every 0.2s a pet.tick :1 name='a b'\n"
                    "@daily b pet.tick\n")
    made = scheduler("--cron", path)
    eventually(lambda: len(ids(r)) == 3)
    job = Job.fetch(ids(r)[0], connection=r)
    assert (job.args, job.kwargs) == ([1], {"name": "a b"})
    made.stop()
    path.write_text("@daily b pet.tick\n0 9 31 2 * c pet.tick\n")
    bad = scheduler("--cron", path, wait=False)
    assert bad.process.wait(10) == 1
    bad.process.returncode = 0
    assert f"{path}:2:1: cron '0 9 31 2 *' is impossible" in bad.text()
    assert {row["id"] for row in crq("schedules", "--json").json()} == {"a",
                                                                       "b"}
    path.write_text("@daily b pet.tick\n")
    scheduler("--cron", path)
    assert [row["id"] for row in crq("schedules", "--json").json()] == ["b"]


def test_a_trigger_that_no_file_declares_is_handled_and_removed(
        r, crq, app, scheduler):  # noqa: F811
    def read(count):
        """It handles so many applications now."""
        eventually(lambda: re.findall("triggers of ([0-9]+) applications",
                                      made.text())[-1:] == [str(count)])

    folder = app(triggers=[trigger("pet.any")])
    made = scheduler("--app", folder)
    read(1)
    # What crq_trigger_put() writes.
    r.hset("crq:triggers", "mine", "\n" + json.dumps(
        {"name": "mine", "queues": ["q"],
         "triggers": [trigger("f.g", args=["$event.n:int"])]}))
    r.hincrby("crq:triggers", ".version", 1)
    read(2)
    r.xadd("events", {"n": 1})
    eventually(lambda: len(ids(r)) == 2)
    rows = crq("schedules", "--json").json()
    assert [(row["id"], row["source"]) for row in rows] == [
        ("mine", None), ("pet#0", str(folder / "app.json"))]
    assert crq("unschedule", "mine").code == 0
    assert crq("unschedule", "mine").code == 1
    read(1)
    r.xadd("events", {"n": 2})
    eventually(lambda: len(ids(r)) == 3)
    assert crq("unschedule", "pet").code == 0
    assert crq("schedules", "--json").json() == []
    assert sorted(job.func_name for job in Job.fetch_many(
        ids(r), connection=r)) == ["f.g", "pet.any", "pet.any"]
    assert "given up" not in made.text()
