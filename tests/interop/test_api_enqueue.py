"""The REST interface: jobs that it enqueues, with RQ's classes behind."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from rq import Queue
from rq.job import Job
from rq.registry import ScheduledJobRegistry

from api import Api, errors
from jobs import run


@pytest.fixture
def queue(q):
    return q


# --------------------------------------------------------------- enqueueing

def test_what_is_enqueued_runs_in_rq(api, r, queue):
    answer = api("POST", "/jobs", {
        "func": "tasks.echo", "args": [1, "ü"], "kwargs": {"k": [None, 2.5]},
        "queue": "q", "meta": {"a": 1}, "timeout": "1m", "result_ttl": -1,
        "failure_ttl": 60, "ttl": "2h", "description": "mine",
        "retry": {"max": 3, "intervals": [0, 10]}}, role="enqueue")
    assert answer.status == 201
    made = answer.json()
    assert answer.location == "/api/v1/jobs/" + made["id"]
    job = Job.fetch(made["id"], connection=r)
    assert (job.args, job.kwargs) == ((1, "ü"), {"k": [None, 2.5]})
    assert (job.timeout, job.result_ttl, job.failure_ttl, job.ttl) == \
        (60, -1, 60, 7200)
    assert (job.meta, job.description) == ({"a": 1}, "mine")
    assert (job.retries_left, job.retry_intervals) == (3, [0, 10])
    assert queue.job_ids == [job.id]
    run(queue)
    assert job.return_value() == [[1, "ü"], {"k": [None, 2.5]}]


def test_the_default_queue_is_rqs(api, r):
    made = api("POST", "/jobs", {"func": "tasks.echo"}).json()
    assert Queue(connection=r).job_ids == [made["id"]]


def test_at_front_goes_before_the_others(api, queue):
    for job_id, at_front in (("a", False), ("b", True)):
        assert api("POST", "/jobs", {
            "func": "tasks.echo", "queue": "q", "job_id": job_id,
            "at_front": at_front}).status == 201
    assert queue.job_ids == ["b", "a"]


@pytest.mark.parametrize("when, seconds", [
    ({"in": "2h"}, 7200), ({"in": 0.5}, 0.5),
    ({"at": (datetime.now(timezone.utc) + timedelta(days=1))
      .isoformat()}, 86400)])
def test_later_is_scheduled(api, queue, when, seconds):
    made = api("POST", "/jobs", {"func": "tasks.echo", "queue": "q", **when})
    assert made.json()["status"] == "scheduled"
    due = ScheduledJobRegistry(queue=queue).get_scheduled_time(
        made.json()["id"])
    left = (due - datetime.now(timezone.utc)).total_seconds()
    assert seconds - 300 < left <= seconds + 2


def test_a_unique_id_is_taken_once(api):
    call = {"func": "tasks.echo", "job_id": "one", "unique": True}
    assert api("POST", "/jobs", call).status == 201
    answer = api("POST", "/jobs", call)
    assert answer.status == 409
    assert "one" in answer.json()["detail"]


#: A wrong body, and where and what.
MISTAKES = [
    ({}, "$", "'func' is missing"),
    ([], "$", "an object"),
    ({"func": ""}, "$.func", "a text"),
    ({"func": "a\u0000b"}, "$.func", "a text"),
    ({"func": "f", "queue": "a\nb"}, "$.queue", "control"),
    ({"func": "f", "args": {}}, "$.args", "a list"),
    ({"func": "f", "kwargs": []}, "$.kwargs", "an object"),
    ({"func": "f", "meta": 1}, "$.meta", "an object"),
    ({"func": "f", "timeout": 0}, "$.timeout", "-1: no limit"),
    ({"func": "f", "timeout": "soon"}, "$.timeout", "seconds"),
    ({"func": "f", "result_ttl": -2}, "$.result_ttl", "seconds"),
    ({"func": "f", "ttl": 0}, "$.ttl", "from 1 on"),
    ({"func": "f", "ttl": 10 ** 40}, "$.ttl", "seconds"),
    ({"func": "f", "job_id": "a b"}, "$.job_id", "letters"),
    ({"func": "f", "unique": True}, "$", "'job_id'"),
    ({"func": "f", "unique": 1}, "$.unique", "true or false"),
    ({"func": "f", "serializer": "yaml"}, "$.serializer", "msgpack"),
    ({"func": "f", "retry": {"max": 0}}, "$.retry.max", "from 1 on"),
    ({"func": "f", "retry": {}}, "$.retry", "'max' is missing"),
    ({"func": "f", "retry": {"max": 1, "intervals": [1, -1]}},
     "$.retry.intervals[1]", "seconds"),
    ({"func": "f", "retry": {"max": 1, "intervals": [1] * 101}},
     "$.retry.intervals", "100 are the limit"),
    ({"func": "f", "depends_on": ["a", "b/c"]}, "$.depends_on[1]", "letters"),
    ({"func": "f", "on_success": {}}, "$.on_success", "'name' is missing"),
    ({"func": "f", "webhooks": [{"url": "http://x"}]}, "$.webhooks[0]",
     "'job_status' is missing"),
    ({"func": "f", "at": "noon"}, "$.at", "a time"),
    ({"func": "f", "in": 0}, "$.in", "above 0"),
    ({"func": "f", "at": "2030-01-01T00:00:00Z", "in": 5}, "$", "take one"),
    ({"func": "f", "description": "x" * 5000}, "$.description", "4096"),
    ({"func": "f", "priority": 1}, "$.priority", "no such key"),
    ({"func": "f", "func\u0000": 1}, "$.func", "no such key"),
]


@pytest.mark.parametrize("body, path, words", MISTAKES,
                         ids=[f"{m[1]} {m[2]}" for m in MISTAKES])
def test_a_mistake_is_told_with_its_place(api, r, body, path, words):
    answer = api("POST", "/jobs", body)
    assert answer.status == 422
    assert words in errors(answer)[path]
    assert r.dbsize() == 0


def test_all_mistakes_are_told_at_once(api):
    answer = api("POST", "/jobs", {"func": 1, "queue": 2, "x": 3})
    assert set(errors(answer)) == {"$.func", "$.queue", "$.x"}


@pytest.mark.parametrize("body, status", [
    ("", 400), ("{", 400), ('{"func": "f"} x', 400), ("nul", 400),
    ('{"func": "f", "func": "g"}', 400),
    ('{"func": "f", "args": ' + "[" * 100 + "]" * 100 + "}", 413),
    ('{"func": "f", "args": [' + "1," * 1000001 + "1]}", 413),
    ('{"func": "f", "description": "' + "x" * (17 << 20) + '"}', 413)],
    ids=["empty", "open", "more behind", "a word", "a key twice", "too deep",
         "too many items", "too long"])
def test_what_is_no_json_or_too_much_of_it_is_refused(api, r, body, status):
    assert api("POST", "/jobs", body).status == status
    assert r.dbsize() == 0


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201),
    ("Application/JSON", 201), ("text/plain", 415), ("", 415),
    ("application/x-www-form-urlencoded", 415),
    ("application/jsonx", 415), ("application/x-ndjson", 415)])
def test_the_body_says_that_it_is_json(api, content_type, status):
    assert api("POST", "/jobs", {"func": "f"},
               content_type=content_type).status == status


# --------------------------------------------------------------- idempotency

def digest(key, caller=""):
    return hashlib.sha256(f"{caller}\0{key}".encode()).hexdigest()[:40]


def test_a_repeated_key_makes_one_job(api, r, queue):
    call = {"func": "tasks.echo", "args": [1], "queue": "q"}
    first = api("POST", "/jobs", call, key="k")
    again = api("POST", "/jobs", call, key="k")
    assert (first.status, again.status) == (201, 200)
    assert again.fields == {"Idempotency-Replayed": "true"}
    assert first.json()["id"] == again.json()["id"] == "idem-" + digest("k")
    assert first.location == again.location
    assert queue.job_ids == ["idem-" + digest("k")]
    assert 86000 < r.ttl("crq:idempotency:" + digest("k")) <= 86400


def test_a_key_that_comes_with_another_request_is_refused(api, queue):
    api("POST", "/jobs", {"func": "tasks.echo", "queue": "q"}, key="k")
    answer = api("POST", "/jobs", {"func": "tasks.fail", "queue": "q"},
                 key="k")
    assert answer.status == 422
    assert len(queue) == 1


def test_a_key_belongs_to_its_caller(api, queue):
    for caller in ("ann", "bob"):
        made = api("POST", "/jobs", {"func": "tasks.echo", "queue": "q"},
                   key="k", caller=caller)
        assert made.status == 201
        assert made.json()["id"] == "idem-" + digest("k", caller)
    assert len(queue) == 2


def test_a_job_that_has_come_and_gone_is_not_enqueued_again(api, queue):
    call = {"func": "tasks.echo", "queue": "q", "result_ttl": 0}
    api("POST", "/jobs", call, key="k")
    run(queue)
    answer = api("POST", "/jobs", call, key="k")
    assert answer.status == 410
    assert len(queue) == 0


def test_a_key_whose_request_broke_off_is_taken_up(api, r, queue):
    """The gateway died between the key and the job, or behind the job."""
    body = json.dumps({"func": "tasks.echo", "queue": "q"})
    request = hashlib.sha256(body.encode()).hexdigest()[:40]
    r.set("crq:idempotency:" + digest("k"), request, ex=100)
    assert api("POST", "/jobs", body, key="k").status == 201
    r.set("crq:idempotency:" + digest("k"), request, ex=100)
    assert api("POST", "/jobs", body, key="k").status == 200
    assert len(queue) == 1


def test_of_requests_at_once_with_one_key_one_makes_the_job(redis_server, r,
                                                            queue):
    apis = [Api(redis_server.unix_url) for _ in range(3)]
    call = {"func": "tasks.echo", "queue": "q"}
    with ThreadPoolExecutor(3) as pool:
        for n in range(20):
            answers = list(pool.map(
                lambda api: api("POST", "/jobs", call, key=f"k{n}"), apis))
            assert sorted(a.status for a in answers) == [200, 200, 201]
            assert len({a.location for a in answers}) == 1
    assert len(queue) == 20
    for api in apis:
        api.close()


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"],
                         ids=["empty", "long", "not ASCII", "a tab"])
def test_a_key_that_is_none_is_refused(api, r, key):
    answer = api("POST", "/jobs", {"func": "f"}, key=key)
    assert answer.status == 422
    assert r.dbsize() == 0


def test_a_key_and_an_id_exclude_each_other(api, r):
    assert api("POST", "/jobs", {"func": "f", "job_id": "a"},
               key="k").status == 422
    assert r.dbsize() == 0


# ---------------------------------------------------------------------- bulk

CALLS = [{"func": "tasks.echo", "args": [i], "queue": f"q{i % 3}",
          "job_id": f"j{i}"} for i in range(20)]


@pytest.mark.parametrize("lines", [False, True])
def test_many_calls_keep_their_order(api, r, lines):
    if lines:
        answer = api("POST", "/jobs/bulk",
                     "\n\r\n".join(map(json.dumps, CALLS)) + "\n",
                     content_type="application/x-ndjson", role="enqueue")
    else:
        answer = api("POST", "/jobs/bulk", CALLS)
    assert answer.status == 200
    assert answer.json() == {"enqueued": 20, "jobs": [
        {"id": f"j{i}"} for i in range(20)]}
    for n in range(3):
        assert Queue(f"q{n}", connection=r).job_ids == \
            [f"j{i}" for i in range(n, 20, 3)]


def test_one_mistake_among_many_enqueues_nothing(api, r):
    answer = api("POST", "/jobs/bulk", [*CALLS, {"func": "f", "ttl": 0}])
    assert answer.status == 422
    assert list(errors(answer)) == ["$[20].ttl"]
    assert r.dbsize() == 0


def test_an_id_that_is_taken_fails_its_own_call_only(api, queue):
    calls = [{"func": "tasks.echo", "queue": "q", "job_id": job_id,
              "unique": True} for job_id in ("a", "b", "a", "c")]
    answer = api("POST", "/jobs/bulk", calls).json()
    assert answer["enqueued"] == 3
    assert [job["id"] for job in answer["jobs"]] == ["a", "b", None, "c"]
    assert "error" in answer["jobs"][2]
    assert queue.job_ids == ["a", "b", "c"]


@pytest.mark.parametrize("body, content_type, status", [
    ([], "application/json", 200),
    ("", "application/x-ndjson", 200),
    ({"func": "f"}, "application/json", 422),
    ([1], "application/json", 422),
    ([{"func": "f", "in": 5}], "application/json", 422),
    ([{"func": "f"}] * 10001, "application/json", 422),
    ('{"func": "f"}\n' * 10002, "application/x-ndjson", 413),
    ('{"func": "f"}\n{', "application/x-ndjson", 400),
    ('{"func": "f"} {"func": "f"}', "application/x-ndjson", 400)],
    ids=["none", "no line", "one call", "a number", "later", "too many",
         "too many lines", "a broken line", "two on a line"])
def test_what_is_no_list_of_calls_is_refused(api, r, body, content_type,
                                             status):
    answer = api("POST", "/jobs/bulk", body, content_type=content_type)
    assert answer.status == status
    assert r.dbsize() == 0


def test_a_key_is_not_for_many(api, r):
    assert api("POST", "/jobs/bulk", CALLS, key="k").status == 400
    assert r.dbsize() == 0
