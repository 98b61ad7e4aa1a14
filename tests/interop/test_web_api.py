"""crq-web's REST interface and metrics through real HTTP. What the interface
does is tested by test_api.py: here it is who may ask, waiting, and the helper
processes that answer."""

import os
import re
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import _free_port, eventually
from rq import Queue, SimpleWorker
from rq.job import Job
from web import Gateway

TOKENS = {role: f"{role}-0123456789abcdef"
          for role in ("read", "enqueue", "operate")}


@pytest.fixture
def web(gateway):
    return gateway()


@pytest.fixture
def guarded(gateway, tmp_path):
    """A gateway that asks for tokens."""
    path = tmp_path / "tokens"
    path.write_text("".join(f"{role} {token}\n"
                            for role, token in TOKENS.items()))
    path.chmod(0o600)
    return gateway("--token-file", path)


@pytest.fixture
def queue(r):
    return Queue("q", connection=r)


def run(queue):
    SimpleWorker([queue], connection=queue.connection).work(burst=True)


def helpers(web):
    with open(f"/proc/{web.process.pid}/task/{web.process.pid}/children") as f:
        return {int(word) for word in f.read().split()}


def pause(web):
    """Helpers that no request is answered by. They have begun their work."""
    pids = eventually(lambda: len(helpers(web)) == 2 and helpers(web))
    assert web.get("/api/v1/queues").status == 200
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


# ---- requests and answers ----

def test_each_method_reaches_the_interface(web, r):
    reply = web.ask("POST", "/api/v1/jobs",
                    {"func": "tasks.echo", "args": ["ü"], "queue": "a b"})
    assert reply.status == 201
    job = reply.json()["id"]
    assert reply.headers["location"] == f"/api/v1/jobs/{job}"
    assert reply.headers["cache-control"] == "no-store"
    assert Job.fetch(job, connection=r).args == ("ü",)
    shown = web.get(f"/api/v1/jobs/{job}")
    assert (shown.status, shown.json()["queue"]) == (200, "a b")
    head = web.ask("HEAD", f"/api/v1/jobs/{job}")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(shown.body))
    assert web.get("/api/v1/queues/a%20b").json()["name"] == "a b"
    page = web.get("/api/v1/jobs?queue=a%20b&status=queued&limit=1").json()
    assert [one["id"] for one in page["jobs"]] == [job]
    assert web.ask("PUT", "/api/v1/suspension", {}).status == 200
    assert r.exists("rq:suspended")
    assert web.ask("DELETE", "/api/v1/suspension").status == 200
    assert web.ask("DELETE", f"/api/v1/jobs/{job}").status in (200, 204)
    assert web.get(f"/api/v1/jobs/{job}").problem()["status"] == 404
    reply = web.ask("PATCH", "/api/v1/jobs", {})
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")
    assert web.get("/api/v1").problem()["status"] == 404


def test_the_address_of_a_routes_job_is_answered(gateway, worker, r):
    worker("--jobs", 1, "web", modules=("demo", "gate"))
    web = gateway()
    where = web.ask("POST", "/demo/later").headers["location"]
    assert web.get(where + "/result?wait=20").status == 200


def test_the_description_is_served(web):
    reply = web.get("/api/v1/openapi.json")
    assert reply.json()["openapi"].startswith("3.1")


def test_jobs_are_read_newest_first_through_http(web, queue):
    for i in range(5):
        queue.enqueue("tasks.echo", job_id=f"j{i}")
    for order, want in ("newest", "j4 j3 j2 j1 j0"), ("oldest",
                                                     "j0 j1 j2 j3 j4"):
        found, path = [], f"/api/v1/jobs?queue=q&limit=2&order={order}"
        while path is not None and len(found) < 9:
            page = web.get(path).json()
            found += [job["id"] for job in page["jobs"]]
            path = page["next"] and (
                f"/api/v1/jobs?queue=q&limit=2&cursor={page['next']}")
        assert found == want.split()
    assert web.get("/api/v1/jobs?order=any").status == 400


def test_a_request_that_is_sent_again_makes_no_second_job(web):
    replies = [web.ask("POST", "/api/v1/jobs", {"func": "tasks.echo"},
                       {"Idempotency-Key": "once"}) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 200]
    assert replies[0].json()["id"] == replies[1].json()["id"]
    assert replies[1].headers["idempotency-replayed"] == "true"


def test_a_large_body_and_a_large_answer_pass(web):
    text = "x" * 900_000
    job = web.ask("POST", "/api/v1/jobs", {"func": "tasks.echo",
                                           "args": [text]}).json()["id"]
    assert web.get(f"/api/v1/jobs/{job}").json()["args"] == [text]


# ---- who may ask ----

@pytest.mark.parametrize("method,path,role", [
    ("GET", "/api/v1/queues", "read"),
    ("GET", "/api/v1/openapi.json", "read"),
    ("GET", "/metrics", "read"),
    ("POST", "/api/v1/jobs", "enqueue"),
    ("DELETE", "/api/v1/suspension", "operate"),
])
def test_a_token_may_what_its_role_allows(guarded, method, path, role):
    body = {"func": "tasks.echo"} if method == "POST" else None
    for i, (name, token) in enumerate(TOKENS.items()):
        status = guarded.ask(method, path, body,
                             {"Authorization": f"Bearer {token}"}).status
        allowed = i >= list(TOKENS).index(role)
        assert 200 <= status < 300 if allowed else status == 403, name
    for headers in ({}, {"Authorization": "Bearer "},
                    {"Authorization": "Bearer read-0123456789abcdee"},
                    {"Authorization": f"Basic {TOKENS['operate']}"}):
        reply = guarded.ask(method, path, body, headers)
        assert reply.problem()["status"] == 401
        assert reply.headers["www-authenticate"] == "Bearer"


def test_who_guesses_tokens_has_to_wait(guarded):
    """Whoever was right from the same address before has not."""
    right = {"Authorization": f"Bearer {TOKENS['read']}"}
    other = {"Authorization": f"Bearer {TOKENS['operate']}"}
    assert guarded.ask("GET", "/api/v1/queues", headers=right).status == 200
    for n in range(10):
        assert guarded.ask("GET", "/metrics", headers={
            "Authorization": f"Bearer guess-0123456789-{n}"}).status == 401
    for headers in ({"Authorization": "Bearer guess-0123456789"}, other):
        reply = guarded.ask("GET", "/api/v1/queues", headers=headers)
        assert reply.problem()["status"] == 429
        assert 1 <= int(reply.headers["retry-after"]) <= 7
    assert guarded.ask("GET", "/api/v1/queues", headers=right).status == 200
    assert guarded.get("/api/v1/queues").status == 401
    assert guarded.get("/livez").status == 200


def test_what_says_that_it_lives_takes_no_token(guarded):
    for path in "/livez", "/readyz":
        assert guarded.get(path).status == 200


@pytest.mark.parametrize("headers,status,with_secret", [
    ({"Origin": "https://evil.example"}, 403, 403),
    ({"Origin": "null"}, 403, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 403, 200),
    ({"Sec-Fetch-Site": "none"}, 403, 200),
    ({}, 200, 200),
])
@pytest.mark.parametrize("secret", [False, True])
def test_pages_of_other_sites_change_nothing(web, r, headers, status,
                                             with_secret, secret):
    r.set("rq:suspended", 1)
    if secret:
        page = web.get("/queues").body.decode()
        csrf = re.search(r'name="csrf" content="(\w+)"', page)[1]
        headers, status = {**headers, "X-CSRF-Token": csrf}, with_secret
    reply = web.ask("DELETE", "/api/v1/suspension", None, headers)
    assert reply.status == status
    assert r.exists("rq:suspended") == (status == 403)


def test_an_origin_that_is_allowed_is_no_other_site(gateway):
    web = gateway("--allow-origin", "https://shop.example")
    assert web.ask("DELETE", "/api/v1/suspension", None, {
        "Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site",
    }).status == 200


# ---- waiting ----

def waiting(web):
    found = re.search(r"^crq_web_waiting_requests (\d+)$",
                      web.get("/metrics").body.decode(), re.M)
    return int(found[1])


@pytest.mark.parametrize("end,status", [
    (lambda queue, job: run(queue), 200),
    (lambda queue, job: job.cancel(), 410),
    (lambda queue, job: job.delete(), 404),
])
def test_who_waits_is_answered_when_the_job_ends(web, queue, end, status):
    job = queue.enqueue("tasks.echo", 7)
    with ThreadPoolExecutor(2) as pool:
        replies = [pool.submit(web.get, f"/api/v1/jobs/{job.id}/result?wait=50")
                   for _ in range(2)]
        eventually(lambda: waiting(web) == 2)
        assert not any(reply.done() for reply in replies)
        end(queue, job)
        for reply in replies:
            assert reply.result(20).status == status
    eventually(lambda: waiting(web) == 0)


def test_who_waits_in_vain_is_told_when_the_time_is_up(web, queue):
    job = queue.enqueue("tasks.echo")
    begun = time.monotonic()
    reply = web.get(f"/api/v1/jobs/{job.id}/result?wait=1")
    assert reply.status == 202
    assert time.monotonic() - begun >= 1
    assert waiting(web) == 0


def test_who_waits_is_answered_before_the_gateway_ends(web, queue):
    job = queue.enqueue("tasks.echo")
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(web.get, f"/api/v1/jobs/{job.id}/result?wait=50")
        eventually(lambda: waiting(web) == 1)
        # As Ctrl-C and systemd do it: to each process.
        for pid in helpers(web) | {web.process.pid}:
            os.kill(pid, signal.SIGTERM)
        assert reply.result(20).status == 202
    assert web.process.wait(20) == 0


# ---- helper processes ----

def test_a_request_whose_helper_dies_is_told_so(web):
    pids = pause(web)
    with ThreadPoolExecutor(2) as pool:
        replies = [pool.submit(web.get, "/api/v1/queues") for _ in range(2)]
        time.sleep(0.2)  # until both have theirs; if not, 200 is right too
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        statuses = [reply.result(20).status for reply in replies]
    assert 503 in statuses and set(statuses) <= {200, 503}
    eventually(lambda: len(helpers(web)) == 2)
    assert not helpers(web) & pids
    for _ in range(4):
        assert web.get("/api/v1/queues").status == 200


def test_a_helper_that_hangs_is_replaced(web):
    pids = pause(web)
    reply = web.get("/api/v1/queues")
    assert reply.problem()["status"] == 504
    for pid in pids & helpers(web):
        os.kill(pid, signal.SIGCONT)
    for _ in range(4):
        assert web.get("/api/v1/queues").status == 200
    assert len(pids & helpers(web)) == 1


def test_requests_beyond_the_queue_are_refused_at_once(web):
    pids = pause(web)
    with ThreadPoolExecutor(280) as pool:
        replies = [pool.submit(web.get, "/api/v1/queues") for _ in range(280)]
        # Two have a helper, 256 wait.
        eventually(lambda: sum(reply.done() for reply in replies) == 22)
        done = [reply.result() for reply in replies if reply.done()]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        statuses = [reply.result(30).status for reply in replies]
    for reply in done:
        assert reply.problem()["status"] == 503
        assert reply.headers["retry-after"] == "1"
    assert statuses.count(200) == 258


def test_a_look_is_not_behind_operations_that_take_time(web, queue, r):
    """One helper does looks alone; operations wait for the other one."""
    jobs = [queue.enqueue("tasks.echo", n) for n in range(3)]
    pids = pause(web)
    os.kill(min(pids), signal.SIGCONT)  # the first one
    operation = {"operation": "cancel", "status": "queued", "queue": "q"}
    operations = [("POST", "/api/v1/jobs/apply", operation),
                  ("POST", "/api/v1/jobs/bulk",
                   [{"func": "tasks.echo", "queue": "p"}]),
                  ("POST", "/api/v1/queues/q/empty", None),
                  ("DELETE", "/api/v1/queues/q?jobs=true", None)]
    with ThreadPoolExecutor(40) as pool:
        # One is with the helper that stands still, 32 wait.
        replies = [pool.submit(web.ask, *operations[n % 4]) for n in range(36)]
        eventually(lambda: sum(reply.done() for reply in replies) == 3)
        for _ in range(20):
            assert web.get("/api/v1/queues").status == 200
        assert web.ask("POST", f"/api/v1/jobs/{jobs[0].id}/cancel").status == 200
        done = [reply.result() for reply in replies if reply.done()]
        assert [reply.status for reply in done] == [503] * 3
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        statuses = [reply.result(20).status for reply in replies]
    assert statuses.count(503) == 3 and set(statuses) <= {
        200, 201, 204, 404, 503}
    assert r.llen("rq:queue:q") == 0 and r.llen("rq:queue:p") > 0


def test_many_looks_do_not_hold_up_an_operation(web, queue):
    queue.enqueue("tasks.echo")
    pids = pause(web)
    with ThreadPoolExecutor(100) as pool:
        looks = [pool.submit(web.get, "/api/v1/queues") for _ in range(50)]
        operation = pool.submit(web.ask, "POST", "/api/v1/queues/q/empty")
        looks += [pool.submit(web.get, "/api/v1/queues") for _ in range(49)]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert operation.result(20).json() == {"deleted": 1}
        assert {look.result(20).status for look in looks} == {200}


def test_a_route_does_not_wait_for_the_interface(gateway, worker):
    worker("--jobs", 2, "web", modules=("demo", "gate"))
    web = gateway()

    def ask():
        begun = time.monotonic()
        assert web.get("/demo/add/1/2").json() == 3
        return time.monotonic() - begun

    ask()
    pids = pause(web)
    with ThreadPoolExecutor(50) as pool:
        replies = [pool.submit(web.get, "/api/v1/queues") for _ in range(50)]
        beside = [ask() for _ in range(20)]
        assert not any(reply.done() for reply in replies)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert {reply.result(20).status for reply in replies} == {200}
    alone = [ask() for _ in range(20)]
    assert statistics.median(beside) < 5 * statistics.median(alone)


def test_helpers_end_with_their_gateway(web):
    pids = eventually(lambda: len(helpers(web)) == 2 and helpers(web))
    web.process.kill()
    web.process.wait()
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}")
                               for pid in pids))


# ---- metrics, and no Redis ----

def samples(text):
    """{(name, labels): value} of the text format, each line of it held
    against its grammar."""
    types, found = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            assert kind in ("gauge", "counter", "histogram")
            types[name] = kind
            continue
        name, labels, value = re.fullmatch(
            r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)',
            line).groups()
        family = name if name in types else re.sub(
            "_(bucket|sum|count)$", "", name)
        assert family in types and (name, labels) not in found
        assert (types[family] == "counter") == name.endswith("_total")
        assert (types[family] == "histogram") == (family != name)
        found[name, labels] = float(value)
    assert text.endswith("\n")
    return found


def test_metrics_count_what_the_gateway_did(web, queue):
    queue.enqueue("tasks.echo")
    web.get("/none")
    reply = web.get("/metrics")
    assert reply.headers["content-type"] == \
        "text/plain; version=0.0.4; charset=utf-8"
    found = samples(reply.body.decode())
    assert found["crq_redis_up", None] == 1
    assert found["crq_jobs", '{queue="q",state="queued"}'] == 1
    assert found["crq_web_requests_total", '{class="4xx"}'] == 1
    assert found["crq_web_connections", None] >= 1
    assert 0 <= time.time() - found["crq_web_start_time_seconds", None] < 600
    later = samples(web.get("/metrics").body.decode())
    assert later["crq_web_requests_total", '{class="2xx"}'] == \
        found["crq_web_requests_total", '{class="2xx"}'] + 1
    assert web.ask("HEAD", "/metrics").status == 200
    assert web.ask("POST", "/metrics").status == 405


def test_without_redis_it_lives_and_says_what_is_missing(redis_server):
    web = Gateway(f"redis://127.0.0.1:{_free_port()}/0")
    try:
        found = eventually(lambda: re.search(r"listening at port (\d+)",
                                             web.text()))
        web.port = int(found[1])
        assert web.get("/livez").status == 200
        assert web.get("/readyz").status == 503
        reply = web.get("/api/v1/queues")
        assert reply.problem()["status"] == 503
        assert reply.headers["retry-after"] == "1"
        assert "127.0.0.1" not in reply.body.decode()
        assert samples(web.get("/metrics").body.decode())[
            "crq_redis_up", None] == 0
    finally:
        assert web.stop() == 0
