"""The REST interface: what it does to jobs, queues, workers and schedules."""

import json
import os
import subprocess
from datetime import datetime, timezone

import pytest
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.group import Group
from rq.job import Job
from rq.suspension import is_suspended

from api import Api, errors
from conftest import program_folder
from jobs import run


@pytest.fixture
def queue(q):
    return q


# -------------------------------------------------------------------- acting

def test_a_job_is_canceled_requeued_and_deleted(api, r, queue):
    queue.enqueue("tasks.echo", job_id="a")
    answer = api("POST", "/jobs/a/cancel")
    assert (answer.status, answer.json()) == \
        (200, {"id": "a", "status": "canceled"})
    assert Job.fetch("a", connection=r).is_canceled
    assert api("POST", "/jobs/a/cancel").status == 409
    queue.enqueue("tasks.fail", job_id="b")
    run(queue)
    queue.enqueue("tasks.echo", job_id="c")
    assert api("POST", "/jobs/b/requeue", at_front=True).json()["status"] == \
        "queued"
    assert queue.job_ids == ["b", "c"]
    assert api("POST", "/jobs/b/requeue").status == 409
    assert api("DELETE", "/jobs/b").status == 204
    with pytest.raises(NoSuchJobError):
        Job.fetch("b", connection=r)
    assert api("DELETE", "/jobs/b").status == 404


def test_a_job_that_does_not_run_cannot_be_stopped(api, queue):
    queue.enqueue("tasks.echo", job_id="a")
    assert api("POST", "/jobs/a/stop").status == 409


def test_a_running_job_is_listed_with_its_lease_and_stopped(api, r, queue,
                                                            redis_server):
    queue.enqueue("tasks.echo", job_id="a")
    subprocess.run([os.path.join(program_folder(), "tests", "interop",
                                 "run_peer"),
                    redis_server.url, "claim", "q", "w", "begun"],
                   check=True, stdout=subprocess.DEVNULL, timeout=30)
    job, = api("GET", "/jobs", status="started").json()["jobs"]
    assert (job["id"], job["status"]) == ("a", "started")
    assert datetime.fromisoformat(job["lease_until"]) > \
        datetime.now(timezone.utc)
    assert api("POST", "/jobs/a/stop").status == 409  # nobody listens
    with r.pubsub() as listener:
        listener.subscribe("rq:pubsub:w")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        assert api("POST", "/jobs/a/stop").status == 202
        message = json.loads(listener.get_message(timeout=5)["data"])
        assert (message["command"], message["job_id"]) == ("stop-job", "a")


def test_a_job_moves_to_another_queue(api, r, queue):
    queue.enqueue("tasks.echo", job_id="a")
    assert api("POST", "/jobs/a/move", queue="other").status == 200
    assert Queue("other", connection=r).job_ids == ["a"]
    assert api("POST", "/jobs/a/move").status == 400
    assert api("POST", "/jobs/a/move", queue="a\tb").status == 422


def test_an_operation_on_all_does_as_the_dry_run_said(api, queue):
    for i in range(30):
        queue.enqueue("tasks.echo" if i % 3 else "tasks.fail", job_id=f"j{i}")
    what = {"operation": "cancel", "queue": "q", "func": "tasks.echo"}
    dry = api("POST", "/jobs/apply", {**what, "dry_run": True}).json()
    assert (dry["matched"], dry["done"], len(queue)) == (20, 20, 30)
    done = api("POST", "/jobs/apply", what).json()
    assert done == {**dry, "dry_run": False}
    assert queue.job_ids == [f"j{i}" for i in range(0, 30, 3)]
    moved = api("POST", "/jobs/apply", {
        "operation": "move", "to_queue": "q2", "status": ["queued"]}).json()
    assert moved["done"] == 10
    assert len(queue) == 0


def test_what_takes_too_long_breaks_off_and_goes_on(redis_server, r, queue):
    api = Api(redis_server.unix_url, 1)
    queue.enqueue_many([Queue.prepare_data("tasks.echo", ("x" * 1000,))
                        for _ in range(3000)])
    done, rounds = 0, 0
    while True:
        report = api("POST", "/jobs/apply",
                     {"operation": "delete", "all": True}).json()
        done += report["done"]
        rounds += 1
        if report["complete"]:
            break
        assert report["done"] > 0
    assert (done, len(queue)) == (3000, 0)
    assert rounds > 1
    api.close()


@pytest.mark.parametrize("body, path, words", [
    ({}, "$", "'operation' is missing"),
    ({"operation": "cancel"}, "$", '"all": true'),
    ({"operation": "eat", "all": True}, "$.operation", '"cancel"'),
    ({"operation": "move", "all": True}, "$", "'to_queue' is missing"),
    ({"operation": "stop", "all": True, "to_queue": "q"}, "$", "'to_queue'"),
    ({"operation": "stop", "all": True, "at_front": True}, "$", "'at_front'"),
    ({"operation": "stop", "status": ["queued", "x"]}, "$.status[1]",
     '"queued"'),
    ({"operation": "stop", "older_than": "x"}, "$.older_than", "duration"),
    ({"operation": "stop", "Queue": "q"}, "$.Queue", "no such key")])
def test_an_operation_that_is_not_clear_does_nothing(api, queue, body, path,
                                                     words):
    queue.enqueue("tasks.echo")
    answer = api("POST", "/jobs/apply", body)
    assert answer.status == 422
    assert words in errors(answer)[path]
    assert len(queue) == 1


# -------------------------------------------------------------------- queues

def test_queues_have_counts_and_the_age_of_the_oldest(api, r, queue):
    job = queue.enqueue("tasks.echo")
    queue.enqueue("tasks.echo")
    Queue("empty", connection=r).enqueue("tasks.echo").delete()
    empty, full = api("GET", "/queues", role="read").json()["queues"]
    assert (empty["name"], empty["queued"], empty["oldest_enqueued_at"]) == \
        ("empty", 0, None)
    assert (full["name"], full["queued"]) == ("q", 2)
    assert datetime.fromisoformat(full["oldest_enqueued_at"]) == \
        job.enqueued_at.replace(tzinfo=timezone.utc)
    assert api("GET", "/queues/q").json() == full


def test_a_queue_is_emptied_and_forgotten(api, r, queue):
    for _ in range(3):
        queue.enqueue("tasks.echo")
    assert api("POST", "/queues/q/empty").json() == {"deleted": 3}
    assert len(queue) == 0
    queue.enqueue("tasks.echo", job_id="a")
    assert api("DELETE", "/queues/q", jobs=True).status == 204
    assert not r.exists("rq:job:a")
    assert api("POST", "/queues/q/empty").status == 404
    assert api("DELETE", "/queues/q").status == 404


def test_workers_are_suspended_and_resumed(api, r):
    assert api("GET", "/suspension").json() == \
        {"suspended": False, "seconds_left": None}
    assert api("PUT", "/suspension").json() == \
        {"suspended": True, "seconds_left": None}
    assert is_suspended(r)
    left = api("PUT", "/suspension", {"seconds": "1h"}).json()["seconds_left"]
    assert 3590 < left <= 3600
    assert api("DELETE", "/suspension").json()["suspended"] is False
    assert not is_suspended(r)
    assert api("PUT", "/suspension", {"seconds": 0}).status == 422


# ------------------------------------------------------------------- workers

def test_rqs_workers_are_listed_and_commanded(api, r, queue):
    worker = SimpleWorker([queue, Queue("other", connection=r)],
                          connection=r, name="w.1")
    worker.register_birth()
    listed, = api("GET", "/workers", role="read").json()["workers"]
    assert (listed["name"], listed["queues"]) == ("w.1", "q,other")
    assert api("GET", "/workers/w.1").json() == listed
    assert api("POST", "/workers/w.1/shutdown").status == 404
    with r.pubsub() as listener:
        listener.subscribe("rq:pubsub:w.1")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        for verb, command in (("shutdown", "shutdown"),
                              ("kill-horse", "kill-horse")):
            answer = api("POST", f"/workers/w.1/{verb}")
            assert (answer.status, answer.json()) == (202, {"name": "w.1"})
            message = listener.get_message(timeout=5)
            assert json.loads(message["data"])["command"] == command


# ----------------------------------------------------------------- schedules

def test_a_schedule_is_put_listed_and_deleted(api, crq):
    body = {"func": "tasks.echo", "args": [1], "queue": "q", "every": "5m",
            "repeat": 3, "catchup": "all:5", "overlap": "skip",
            "timeout": 30}
    made = api("PUT", "/schedules/sweep", body)
    assert made.status == 200
    assert (made.json()["every"], made.json()["left"]) == (300.0, 3)
    assert api("PUT", "/schedules/sweep", body).json() == made.json()
    assert api("GET", "/schedules/sweep").json() == made.json()
    assert api("GET", "/schedules").json() == {"schedules": [made.json()]}
    assert crq("schedules", "--json").json() == [made.json()]
    assert api("DELETE", "/schedules/sweep").status == 204
    for name in "sweep", "a b", "¯", "x" * 400:
        assert api("DELETE", f"/schedules/{name}").status == 404


@pytest.mark.parametrize("body, words", [
    ({"func": "f"}, "'every' or 'cron' is missing"),
    ({"func": "f", "every": 5, "cron": "* * * * *"}, "take one"),
    ({"func": "f", "cron": "* * *"}, "cron"),
    ({"func": "f", "cron": "* * * * *", "tz": "Mars/Olympus"}, "Mars"),
    ({"func": "f", "every": 5, "tz": "UTC"}, "tz"),
    ({"func": "f", "every": 5, "catchup": "all:101"}, "catchup"),
    ({"func": "f", "every": 5, "overlap": "maybe"}, "overlap"),
    ({"func": "f", "every": 5, "job_id": "a"}, "job_id"),
    ({"every": 5}, "'func' is missing")])
def test_a_wrong_schedule_is_refused(api, r, body, words):
    answer = api("PUT", "/schedules/s", body)
    assert answer.status == 422
    assert words in answer.body
    assert r.dbsize() == 0


# -------------------------------------------------------------------- groups

def test_groups_are_listed_paged_and_deleted(api, r, queue):
    Group.create(r, name="g").enqueue_many(queue, [
        Queue.prepare_data("tasks.echo", job_id=f"j{i}") for i in range(5)])
    assert api("GET", "/groups").json() == {"groups": ["g"]}
    first = api("GET", "/groups/g", limit=3).json()
    rest = api("GET", "/groups/g", limit=3, cursor=first["next"]).json()
    assert (first["count"], rest["next"]) == (5, None)
    assert first["jobs"] + rest["jobs"] == [f"j{i}" for i in range(5)]
    assert api("DELETE", "/groups/g").json() == {"deleted": 5}
    assert len(queue) == 0
