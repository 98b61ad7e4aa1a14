"""The REST interface, with RQ's classes on the other side of Redis."""

import base64
import os
import re
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone

import pytest
from openapi_spec_validator import validate
from rq import Queue, SimpleWorker
from rq.group import Group

from api import Api
from conftest import eventually
from jobs import run


@pytest.fixture
def queue(q):
    return q


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


def test_a_search_for_an_error_ends_after_so_many_and_goes_on(api, r, queue):
    """Errors may be large: a request reads no more than 300 of them."""
    queue.enqueue("tasks.fail", "too", "many", job_id="z")
    queue.enqueue("tasks.fail", job_id="a")
    run(queue)
    fields = r.hgetall("rq:job:a")
    for i in range(350):
        r.hset(f"rq:job:b{i}", mapping=fields)
        r.zadd("rq:failed:q", {f"b{i}": r.zscore("rq:failed:q", "a") - 1})
    r.zincrby("rq:failed:q", 5, "z")
    what = {"status": "failed", "error": "TypeError"}
    first = api("GET", "/jobs", **what).json()
    assert first["jobs"] == [] and first["next"]
    assert pages(api, **what) == ["z"]


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
    got = api("GET", "/jobs/b")
    assert got.status == 404 and "another type" in got.json()["detail"]


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
