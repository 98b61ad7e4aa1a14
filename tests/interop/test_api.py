"""The REST interface, with RQ's classes on the other side of Redis."""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from openapi_spec_validator import validate
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.group import Group
from rq.job import Job
from rq.registry import ScheduledJobRegistry
from rq.suspension import is_suspended

from api import Api
from conftest import eventually, program_folder


@pytest.fixture
def api(redis_server, r):
    made = Api(redis_server.unix_url)
    yield made
    made.close()


@pytest.fixture
def queue(r):
    return Queue("q", connection=r)


def run(queue):
    """Run what waits in the queue, in this process, as RQ does."""
    SimpleWorker([queue], connection=queue.connection).work(burst=True)


def errors(answer):
    return {e["path"]: e["detail"] for e in answer.json().get("errors", [])}


# ------------------------------------------------------------ the description

def test_the_description_is_valid_openapi(api):
    validate(api.document)


def operations(api):
    """{(method, path): operation} of the description."""
    return {(method.upper(), path): item[method]
            for path, item in api.document["paths"].items()
            for method in item if method != "parameters"}


def test_every_route_is_described_and_nothing_else(api):
    assert api.routes() == {row: operation["x-role"]
                            for row, operation in operations(api).items()}


def test_another_method_is_told_which_there_are(api):
    answer = api("PATCH", "/queues/q")
    assert answer.status == 405
    assert answer.fields["Allow"] == "GET, DELETE"


def manual():
    path = os.path.join(os.path.dirname(__file__), "..", "..", "man",
                        "crq-api.7")
    with open(path) as f:
        return f.read()


def test_the_manual_names_every_operation_and_its_role(api):
    page = manual()
    for (method, path), role in api.routes().items():
        assert re.search(rf"^\.It Li {method} {re.escape(path)}\n[^\n]+\n"
                         rf"Role: {role}\.$", page, re.M), path


def test_unknown_paths_are_not_found(api):
    for path in ("/", "/nothing", "/jobs/a/b", "/jobs/a/result/b",
                 "/queues/q/fill", "/Jobs"):
        assert api("GET", path).status == 404, path


@pytest.mark.parametrize("role", ["read", "enqueue"])
def test_a_role_may_what_the_description_says(api, role):
    order = ["read", "enqueue", "operate"]
    for (method, path), needed in api.routes().items():
        answer = api(method, re.sub(r"{\w+}", "nobody", path), role=role)
        if order.index(needed) > order.index(role):
            assert answer.status == 403, (method, path)
            assert needed in answer.json()["detail"]
        else:
            assert answer.status != 403, (method, path)


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


# ------------------------------------------------------------------- looking

def ids(answer):
    return [job["id"] for job in answer.json()["jobs"]]


def pages(api, **params):
    """All ids, page by page."""
    found, cursor = [], {}
    for _ in range(1000):
        answer = api("GET", "/jobs", **params, **cursor)
        assert answer.status == 200
        assert len(ids(answer)) <= params.get("limit", 50)
        found += ids(answer)
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}
        assert re.fullmatch("[A-Za-z0-9_-]+", cursor["cursor"])
    pytest.fail("there is no end")


@pytest.mark.parametrize("limit", [1, 7, 50, 500])
def test_pages_hold_every_job_once(api, r, limit):
    for i in range(60):
        Queue(f"q{i % 3}", connection=r).enqueue("tasks.echo", job_id=f"j{i}")
    assert pages(api, queue="q1", limit=limit) == \
        [f"j{i}" for i in range(1, 60, 3)]
    assert pages(api, limit=limit) == [f"j{i}" for n in range(3)
                                       for i in range(n, 60, 3)]


def test_each_status_has_its_list(api, r, queue):
    for func, job_id in (("tasks.echo", "good"), ("tasks.fail", "bad")):
        queue.enqueue(func, job_id=job_id)
    run(queue)
    queue.enqueue("tasks.echo", job_id="waits")
    queue.enqueue_in(timedelta(hours=1), "tasks.echo", job_id="later")
    queue.enqueue("tasks.echo", job_id="depends", depends_on="waits")
    queue.enqueue("tasks.echo", job_id="off").cancel()
    found = {status: pages(api, status=status, queue="q") for status in (
        "queued", "started", "finished", "failed", "stopped", "deferred",
        "scheduled", "canceled")}
    assert found == {
        "queued": ["waits"], "started": [], "finished": ["good"],
        "failed": ["bad"], "stopped": [], "deferred": ["depends"],
        "scheduled": ["later"], "canceled": ["off"]}
    later, = api("GET", "/jobs", status="scheduled").json()["jobs"]
    due = datetime.fromisoformat(later["scheduled_for"])
    assert timedelta(minutes=59) < due - datetime.now(timezone.utc) \
        <= timedelta(hours=1)


def test_lists_carry_no_payload(api, queue):
    queue.enqueue("tasks.echo", "x" * 100000, job_id="a",
                  meta={"m": "x" * 1000})
    answer = api("GET", "/jobs")
    assert len(answer.body) < 1000
    job, = answer.json()["jobs"]
    assert len(job["description"]) <= 300
    assert job["description"].startswith("tasks.echo('xxx")


def test_a_cut_description_is_cut_between_characters(api, queue):
    queue.enqueue("tasks.echo", description="x" + "ü" * 400, job_id="a")
    job, = api("GET", "/jobs").json()["jobs"]
    assert job["description"].rstrip(".…") in "x" + "ü" * 150


@pytest.mark.parametrize("params, want", [
    ({"error": "ValueError"}, ["a", "c", "e"]),
    ({"error": "TypeError"}, ["b"]),
    ({"error": "*Error", "func": "tasks.f*"}, ["a", "b", "c", "e"]),
    ({"error": "*"}, ["a", "b", "c", "d", "e"]),
    ({"error": "Error"}, [])])
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_failed_jobs_are_found_by_what_they_failed_with(api, r, queue, params,
                                                        want, limit):
    for job_id in "abcde":
        queue.enqueue("tasks.fail", *("too", "many")[:2 * (job_id == "b")],
                      job_id=job_id)
    run(queue)
    r.delete("rq:results:d")
    assert pages(api, limit=limit, status="failed", **params) == want


def test_all_that_failed_with_one_error_are_requeued(api, r, queue):
    for job_id in "abcd":
        queue.enqueue("tasks.fail", *("too", "many")[:2 * (job_id == "b")],
                      job_id=job_id)
    run(queue)
    r.delete("rq:results:d")
    what = {"operation": "requeue", "status": "failed", "error": "TypeError"}
    assert api("POST", "/jobs/apply", {**what, "dry_run": True}
               ).json()["jobs"] == ["b"]
    assert api("POST", "/jobs/apply", what).json()["done"] == 1
    assert queue.job_ids == ["b"]
    assert api("POST", "/jobs/apply", {**what, "error": ""}
               ).json()["jobs"] == ["d"]
    assert pages(api, status="failed") == ["a", "c"]


@pytest.mark.parametrize("params, want", [
    ({"func": "tasks.echo"}, ["a", "c"]),
    ({"func": "tasks.*"}, ["a", "b", "c"]),
    ({"func": "*.fail"}, ["b"]),
    ({"func": "echo"}, []),
    ({"group": "g"}, ["b", "c"]),
    ({"group": "g", "func": "tasks.echo"}, ["c"]),
    ({"older_than": "1h"}, []),
    ({"older_than": 0}, ["a", "b", "c"]),
    ({"queue": "other"}, [])])
@pytest.mark.parametrize("limit", [1, 50])
def test_a_filter_lets_pass_what_it_describes(api, r, queue, params, want,
                                              limit):
    queue.enqueue("tasks.echo", job_id="a")
    Group.create(r, name="g").enqueue_many(queue, [
        Queue.prepare_data("tasks.fail", job_id="b"),
        Queue.prepare_data("tasks.echo", job_id="c")])
    assert pages(api, limit=limit, **params) == want


def test_jobs_that_are_gone_are_passed_over(api, r, queue):
    for job_id in "abc":
        queue.enqueue("tasks.echo", job_id=job_id)
    r.delete("rq:job:b")
    assert pages(api, limit=1) == ["a", "c"]


@pytest.mark.parametrize("limit", [1, 7, 50])
@pytest.mark.parametrize("status", ["queued", "finished"])
def test_the_newest_come_first_when_asked_for(api, r, status, limit):
    for i in range(30):
        job = Queue(f"q{i % 3}", connection=r).enqueue("tasks.echo",
                                                       job_id=f"j{i}")
        r.zadd(f"rq:finished:q{i % 3}", {job.id: 2e9 + i // 6})
    oldest = pages(api, queue="q1", status=status, limit=limit)
    assert sorted(oldest) == sorted(f"j{i}" for i in range(1, 30, 3))
    assert oldest == pages(api, queue="q1", status=status, limit=limit,
                           order="oldest")
    assert oldest[::-1] == pages(api, queue="q1", status=status, limit=limit,
                                 order="newest")
    assert pages(api, status=status, limit=limit, order="newest") == [
        job for n in range(3)
        for job in pages(api, queue=f"q{n}", status=status)[::-1]]


def test_a_cursor_remembers_its_order(api, r):
    for i in range(4):
        r.sadd("rq:queues", f"rq:queue:q{i % 2}")
        Queue(f"q{i % 2}", connection=r).enqueue("tasks.echo", job_id=f"j{i}")
    for order, want in ("newest", ["j2", "j0", "j3", "j1"]), \
            ("oldest", ["j0", "j2", "j1", "j3"]):
        for later in {}, {"order": "oldest"}, {"order": "newest"}:
            answer = api("GET", "/jobs", limit=1, order=order)
            found = ids(answer)
            while answer.json()["next"] is not None and len(found) < 9:
                answer = api("GET", "/jobs", limit=1, **later,
                             cursor=answer.json()["next"])
                found += ids(answer)
            assert found == want


@pytest.mark.parametrize("query", [
    [["order", "random"]], [["order", ""]],
    [["status", "asleep"]], [["limit", "0"]], [["limit", "501"]],
    [["limit", "1e2"]], [["limit", "99999999999999999999"]],
    [["queue", ""]], [["older_than", "soon"]], [["older_than", "-1"]],
    [["func", "a?"]], [["func", "[a]"]], [["page", "2"]],
    [["func", "a" * 401]], [["group", "g" * 401]],
    [["limit", "1"], ["limit", "2"]]])
def test_a_wrong_parameter_is_named(api, query):
    answer = api("GET", "/jobs", query=query)
    assert answer.status == 400
    assert query[0][0] in answer.json()["detail"]


@pytest.mark.parametrize("cursor", [
    "x", "!!!!", "====", base64.urlsafe_b64encode(b"nothing").decode(),
    base64.urlsafe_b64encode(b"q\nnothing").decode().rstrip("="),
    base64.urlsafe_b64encode(b"q\n1:2:3:4").decode().rstrip("="),
    base64.urlsafe_b64encode(b"q\n<").decode().rstrip("="),
    base64.urlsafe_b64encode(b"q\n<<1:a").decode().rstrip("="),
    base64.urlsafe_b64encode(b"q\n<1:a").decode().rstrip("="),
    base64.urlsafe_b64encode(b"q\n\xff\xff").decode().rstrip("="),
    "A" * 5000])
def test_a_forged_cursor_does_no_harm(api, queue, cursor):
    queue.enqueue("tasks.echo")
    assert api("GET", "/jobs", queue="q", cursor=cursor).status in (200, 422)


def test_one_job_is_shown_as_crq_show_does(api, crq, queue):
    queue.enqueue("tasks.echo", 1, job_id="a", meta={"m": [1]})
    run(queue)
    shown = api("GET", "/jobs/a", role="read").json()
    assert shown["result"] is not None
    want = crq("show", "a", "--json").json()
    for it in (shown, want):
        it.pop("expires_in")
    assert shown == want


@pytest.mark.parametrize("path", [
    "/jobs/nobody", "/jobs/nobody/result", "/jobs/nobody/results",
    "/jobs/nobody/log", "/queues/nobody", "/workers/nobody",
    "/schedules/nobody", "/groups/nobody"])
def test_what_is_not_there_is_not_found(api, path):
    assert api("GET", path).status == 404


@pytest.mark.parametrize("name", ["", "a/b", "..", "%", "a\nb", "x" * 1000,
                                  "\u2603", "*", "rq:queue:q"])
@pytest.mark.parametrize("path", [
    "/jobs/{}", "/jobs/{}/result", "/queues/{}", "/workers/{}", "/groups/{}",
    "/schedules/{}"])
def test_odd_names_are_names(api, r, path, name):
    segments = [name if part == "{}" else part
                for part in path[1:].split("/")]
    answer = api("GET", path.format("nobody"), segments=segments)
    assert answer.status in (404, 422)
    assert r.dbsize() == 0


# ------------------------------------------------------------------- results

def test_a_result_is_there_when_its_job_has_ended(api, queue):
    queue.enqueue("tasks.echo", 5, job_id="a")
    early = api("GET", "/jobs/a/result")
    assert (early.status, early.json()) == \
        (202, {"id": "a", "status": "queued"})
    run(queue)
    answer = api("GET", "/jobs/a/result")
    assert answer.status == 200
    assert answer.json()["status"] == "finished"
    assert answer.json()["result"]["type"] == "successful"
    assert api("GET", "/jobs/a/results").json()["results"] == \
        [answer.json()["result"]]


def test_a_failure_is_a_result(api, queue):
    queue.enqueue("tasks.fail", job_id="a")
    run(queue)
    answer = api("GET", "/jobs/a/result").json()
    assert answer["status"] == "failed"
    assert "Traceback" in answer["result"]["exc_string"]


def test_waiting_is_left_to_the_gateway(api, queue):
    queue.enqueue("tasks.echo", job_id="a")
    answer = api("GET", "/jobs/a/result", wait="1m")
    assert (answer.wait_for_job, answer.wait_ms) == ("a", 60000)
    answer = api("GET", "/jobs/a/result", wait="1m", waited=True)
    assert (answer.wait_for_job, answer.status) == (None, 202)
    run(queue)
    assert api("GET", "/jobs/a/result", wait=5, waited=True).status == 200
    assert api("GET", "/jobs/a/result", wait=5).status == 200


@pytest.mark.parametrize("wait", ["61", "1h", "-1", "x"])
def test_a_wait_has_a_limit(api, queue, wait):
    queue.enqueue("tasks.echo", job_id="a")
    assert api("GET", "/jobs/a/result", wait=wait).status == 400


def test_other_ends_are_gone(api, queue):
    queue.enqueue("tasks.echo", job_id="a").cancel()
    assert api("GET", "/jobs/a/result", wait=5).status == 410
    queue.enqueue("tasks.echo", job_id="b")
    run(queue)
    queue.connection.delete("rq:results:b")
    assert api("GET", "/jobs/b/result", wait=5).status == 410


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


# ------------------------------------------------------------------- trouble

def test_without_redis_it_says_so_and_no_more():
    with tempfile.TemporaryDirectory(prefix="crq-", dir="/tmp") as folder:
        path = os.path.join(folder, "redis.sock")
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--dir",
             folder, "--save", ""], stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: os.path.exists(path))
            api = Api(f"unix://{path}")
            assert api("GET", "/queues").status == 200
        finally:
            server.kill()
            server.wait()
        for method, where, body in (
                ("GET", "/queues", None), ("GET", "/jobs/a", None),
                ("POST", "/jobs", {"func": "f"}), ("DELETE", "/jobs/a", None)):
            answer = api(method, where, body)
            assert answer.status == 503
            assert answer.fields["Retry-After"] == "1"
            assert folder not in answer.body
            assert folder in answer.log
        assert api("POST", "/jobs", {"func": 1}).status == 422
        assert "crq_redis_up 0" in api.metrics().body
        assert "crq_web_connections 3" in api.metrics().body
        api.close()


def test_a_full_redis_refuses_and_nothing_is_written(api, r, queue):
    r.config_set("maxmemory", "1")
    try:
        answer = api("POST", "/jobs", {"func": "f", "queue": "q"})
        assert answer.status == 503
    finally:
        r.config_set("maxmemory", "0")
    assert r.dbsize() == 0


def test_keys_of_another_type_do_not_stop_the_lists(api, r, queue):
    queue.enqueue("tasks.echo", job_id="a")
    r.lpush("rq:queue:q", "b")
    r.set("rq:job:b", "x")
    assert ids(api("GET", "/jobs")) == ["a"]
    assert api("GET", "/queues").json()["queues"][0]["queued"] == 2
    assert api("GET", "/jobs/b").status in (409, 503)


# ------------------------------------------------------------------- metrics

def samples(text):
    """{(name, labels): value}, read as strictly as Prometheus does."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, "a name comes twice"
            types[name] = kind
        elif not line.startswith("# HELP "):
            got = re.fullmatch(
                r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)',
                line)
            assert got, line
            family = got[1]
            if family not in types:
                family = re.sub("_(bucket|sum|count)$", "", family)
                assert types[family] == "histogram", line
            assert (got[1], got[2]) not in found
            found[got[1], got[2]] = float(got[3])
            if types[family] == "counter":
                assert got[1].endswith("_total")
    return found


def test_metrics_tell_what_is_there(api, r, queue):
    for func in ("tasks.echo", "tasks.fail"):
        queue.enqueue(func)
    run(queue)
    queue.enqueue("tasks.echo")
    r.hset("rq:job:" + queue.job_ids[0], "enqueued_at",
           "2026-01-01T00:00:00.000000Z")
    r.zadd("rq:scheduled:q", {"late": time.time() - 50})
    Queue('odd"\\', connection=r).enqueue("tasks.echo")
    worker = SimpleWorker([queue], connection=r, name="w")
    worker.register_birth()
    found = samples(api.metrics().body)
    for state, n in (("queued", 1), ("finished", 1), ("failed", 1),
                     ("started", 0), ("scheduled", 1)):
        assert found["crq_jobs", f'queue="q",state="{state}"'] == n
    assert found["crq_jobs", 'queue="odd\\"\\\\",state="queued"'] == 1
    assert found["crq_queue_oldest_seconds", 'queue="q"'] > 86400
    assert 50 <= found["crq_scheduled_overdue_seconds", 'queue="q"'] < 200
    assert sum(n for (name, _), n in found.items()
               if name == "crq_workers") == 1
    assert found["crq_redis_up", None] == 1
    assert 0 < found["crq_redis_ping_seconds", None] < 10
    assert found["crq_redis_memory_bytes", None] > 0
    assert found["crq_web_requests_total", 'class="2xx"'] == 7
    page = manual()
    for name, _ in found:
        assert re.sub("_(bucket|sum|count)$", "", name) in page, \
            "the manual does not name it"


def commands(r):
    return r.info("stats")["total_commands_processed"]


def test_a_hundred_thousand_jobs_cost_no_more_than_ten(api, r, queue):
    """In commands to Redis, which are what its time goes by."""
    def cost(ask):
        ask()
        before = commands(r)
        ask()
        return commands(r) - before

    asks = [api.metrics, lambda: api("GET", "/queues"),
            lambda: api("GET", "/jobs", status="finished", limit=10),
            lambda: api("GET", "/jobs", queue="q", limit=10)]
    def fill(n):
        pipe = r.pipeline(transaction=False)
        pipe.sadd("rq:queues", "rq:queue:q")
        pipe.zadd("rq:finished:q", {f"f{i}": 2e9 + i for i in range(n)})
        pipe.rpush("rq:queue:q", *[f"w{i}" for i in range(n)])
        for i in range(20):
            for kind in "fw":
                pipe.hset(f"rq:job:{kind}{i}",
                          "created_at", "2026-01-01T00:00:00.000000Z")
        pipe.execute()

    fill(20)
    few = [cost(ask) for ask in asks]
    r.flushall()
    fill(100000)
    # Scripts may search a sorted set by halves.
    for some, many in zip(few, [cost(ask) for ask in asks]):
        assert many <= some + 40
