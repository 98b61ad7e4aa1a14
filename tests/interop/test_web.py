"""crq-web: requests become jobs, and what they return the answers."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import (_free_port, _wait_until_up, eventually,
                      program_folder)
from rq import Queue, SimpleWorker
from rq.job import Job
from web import DEMO, Gateway


@pytest.fixture
def web(gateway, worker):
    """A gateway with the demo application, and a crq worker behind it."""
    worker("--jobs", 2, "web", modules=("demo", "gate"))
    return gateway()


# ---- routes ----

def test_a_request_is_answered_with_what_its_job_returns(web, r):
    reply = web.get("/demo/add/2/40")
    assert (reply.status, reply.json()) == (200, 42)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"


def test_the_route_chooses_the_status_of_success(web):
    value = {"a": [1, 2.5, None, "ü"], "big": 12345678901234567890}
    reply = web.ask("POST", "/demo/echo", value)
    assert (reply.status, reply.json()) == (201, value)
    reply = web.ask("DELETE", "/demo/nothing")
    assert (reply.status, reply.body) == (204, b"")


def test_arguments_come_from_all_parts_of_the_request(web):
    reply = web.ask("PUT", "/demo/parts/a%2Fb?q=x%20y",
                    {"key": [1], "number": 3},
                    {"X-Test": "h", "Authorization": "Bearer t0k"})
    assert reply.json() == {"path": "a/b", "query": "x y", "header": "h",
                            "token": "t0k", "key": [1], "number": 3,
                            "option": 10}
    assert web.ask("PUT", "/demo/parts/n?token=q").json() == {
        "path": "n", "token": "q", "option": 10}


def test_a_literal_path_wins_over_a_variable_one(web):
    assert web.get("/demo/literal").json() == "the literal one"
    assert web.get("/demo/other").json() == "other"


def test_head_is_get_without_the_body(web):
    reply = web.ask("HEAD", "/demo/add/1/2")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == "1"


def test_a_route_that_does_not_wait_says_where_the_job_is(web, r):
    reply = web.ask("POST", "/demo/later")
    assert reply.status == 202
    job_id = reply.json()["id"]
    assert reply.headers["location"] == f"/api/v1/jobs/{job_id}"
    eventually(lambda: Job.fetch(job_id, connection=r).is_finished)


@pytest.mark.parametrize("method,path,body,headers,status,detail", [
    ("GET", "/demo/add/1/x", None, {}, 400, "not of the type int"),
    ("PUT", "/demo/parts/a", {"number": "x"}, {}, 400, "not of the type int"),
    ("POST", "/demo/echo", None, {}, 400, "missing"),
    ("POST", "/demo/echo", "{", {"Content-Type": "application/json"}, 400,
     "the body"),
    ("POST", "/demo/echo", "1", {"Content-Type": "text/plain"}, 415, "json"),
    ("POST", "/demo/echo", "1", {}, 415, "json"),
    ("POST", "/demo/literal", "1", {}, 405, "GET"),
    ("GET", "/demo/echo/none", None, {}, 404, "nothing"),
    ("GET", "/none", None, {}, 404, "nothing"),
    ("POST", "/demo/later", None, {"Origin": "http://evil.example"}, 403,
     "origin"),
    ("POST", "/demo/later", None, {"Origin": "null"}, 403, "origin"),
    ("GET", "/demo/literal", None, {"Host": "evil.example"}, 421, "evil"),
    ("GET", "/demo/literal", None, {"Host": "127.0.0.1.evil.example"}, 421,
     "evil"),
])
def test_what_is_wrong_with_a_request_is_told_as_a_problem(
        web, method, path, body, headers, status, detail):
    reply = web.ask(method, path, body, headers)
    assert reply.status == status
    assert detail in reply.problem()["detail"]


def test_an_origin_that_is_allowed_may_send_requests(gateway, worker):
    worker("--jobs", 1, "web", modules=("demo", "gate"))
    web = gateway("--allow-origin", "https://shop.example")
    for origin in "https://shop.example", f"http://127.0.0.1:{web.port}":
        assert web.ask("POST", "/demo/later",
                       headers={"Origin": origin}).status == 202
    assert web.get("/demo/literal", Host="shop.example").status == 200


# ---- jobs that do not succeed ----

@pytest.mark.parametrize("status", [400, 404, 409, 422, 499])
def test_a_refusal_is_answered_as_the_task_said_it(web, status):
    problem = web.get(f"/demo/refuse/{status}").problem()
    assert problem == {"type": "about:blank", "title": "not now",
                       "status": status, "detail": "it is asleep",
                       "retry_in_s": 7}


def test_strangers_see_no_trace_of_a_failure(web, r):
    reply = web.get("/demo/fail")
    problem = reply.problem()
    assert reply.status == 500 and b"secret" not in reply.body
    assert "secret" in Job.fetch(problem["job"],
                                 connection=r).latest_result().exc_string


def test_a_job_that_takes_too_long_is_answered_with_its_address(web, r):
    reply = web.get("/demo/slow")
    assert reply.status == 504
    job_id = reply.problem()["job"]
    assert reply.headers["location"] == f"/api/v1/jobs/{job_id}"
    assert Job.fetch(job_id, connection=r).get_status() == "started"


def test_a_result_that_is_not_kept_is_answered(web):
    assert web.get("/demo/kept-not").json() == 3


def waiting_job(r):
    ids = eventually(lambda: r.lrange("rq:queue:web", 0, -1))
    return Job.fetch(ids[0].decode(), connection=r)


@pytest.mark.parametrize("end,said", [
    (lambda job: job.cancel(), "canceled"),
    (lambda job: job.delete(), "gone"),
])
def test_a_job_without_an_end_is_gone(gateway, r, end, said):
    web = gateway()
    with ThreadPoolExecutor() as pool:
        reply = pool.submit(web.get, "/demo/wait")
        job = waiting_job(r)
        end(job)
        problem = reply.result().problem()
    assert problem["status"] == 410 and problem["job"] == job.id
    assert said in problem["detail"]


def test_an_old_worker_of_python_answers_as_well(gateway, r):
    """It publishes nothing: its results are looked for."""
    web = gateway()
    with ThreadPoolExecutor() as pool:
        good = pool.submit(web.get, "/demo/add/1/2")
        bad = pool.submit(web.get, "/demo/fail")
        eventually(lambda: r.llen("rq:queue:web") == 2)
        SimpleWorker([Queue("web", connection=r)], connection=r).work(
            burst=True)
        assert good.result().json() == 3
        assert bad.result().status == 500


def test_results_that_are_none_hold_up_no_others(gateway, r):
    """One key that is no stream, and Redis reads none of them."""
    web = gateway()
    with ThreadPoolExecutor() as pool:
        poisoned = pool.submit(web.get, "/demo/wait")
        job = waiting_job(r)
        r.lrem("rq:queue:web", 1, job.id)
        r.set(f"rq:results:{job.id}", "no stream")
        eventually(lambda: f"the results of job {job.id} can't be read"
                   in web.text())
        refused = web.text().count("results: ")
        for n in range(3):
            good = pool.submit(web.get, f"/demo/add/{n}/2")
            eventually(lambda: r.llen("rq:queue:web") == 1)
            SimpleWorker([Queue("web", connection=r)], connection=r).work(
                burst=True)
            assert good.result().json() == n + 2
        assert web.text().count("results: ") == refused == 1
        job.cancel()
        assert poisoned.result().status == 410


# ---- many, and trouble ----

def test_many_who_wait_are_all_answered(web, r):
    with ThreadPoolExecutor(200) as pool:
        replies = list(pool.map(
            lambda n: web.get(f"/demo/add/{n}/1").json(), range(600)))
    assert replies == list(range(1, 601))
    assert r.keys("rq:wip*") == []


def test_without_redis_requests_are_refused_and_later_not(gateway, r, tmp_path):
    port = _free_port()

    def start():
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1",
             "--save", "", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
        _wait_until_up(process, port)
        return process

    server = start()
    web = Gateway(f"redis://127.0.0.1:{port}/0").wait_until_ready()
    try:
        assert web.get("/readyz").status == 200
        server.kill()
        server.wait()
        eventually(lambda: web.get("/readyz").status == 503)
        reply = web.get("/demo/literal")
        assert reply.status == 503 and reply.headers["retry-after"]
        assert web.get("/livez").status == 200
        assert web.get("/demo/").status == 200
        server = start()
        eventually(lambda: web.get("/readyz").status == 200)
        assert web.ask("POST", "/demo/later").status == 202
    finally:
        assert web.stop() == 0
        server.kill()
        server.wait()


def test_an_end_that_was_missed_is_found(web, r, redis_server):
    """The link of pub/sub breaks while the job runs."""
    with ThreadPoolExecutor() as pool:
        reply = pool.submit(web.get, "/demo/wait")
        eventually(lambda: r.keys("rq:executions:*"))
        r.client_kill_filter(_type="pubsub")
        r.rpush("gate", "found")
        assert reply.result().json() == "found"


def test_who_waits_is_answered_before_it_stops(web, r):
    with ThreadPoolExecutor() as pool:
        reply = pool.submit(web.get, "/demo/wait")
        eventually(lambda: r.keys("rq:executions:*"))
        web.process.send_signal(signal.SIGTERM)
        eventually(lambda: "stopping" in web.text())
        r.rpush("gate", "last")
        assert reply.result().json() == "last"
    assert web.stop() == 0


def test_a_client_that_leaves_does_not_harm_it(web, r):
    for _ in range(20):
        connection = web.connect()
        connection.request("GET", "/demo/wait")
        connection.close()
    for _ in range(20):
        r.rpush("gate", "nobody")
    assert web.get("/demo/literal").status == 200


# ---- files ----

WWW = DEMO / "www"
#: What the gateway itself gives to pages.
KIT = Path(__file__).parents[2] / "src" / "web" / "kit"


@pytest.mark.parametrize("path,kind,body", [
    ("/demo/", "text/html; charset=utf-8", WWW / "index.html"),
    ("/demo/index.html", "text/html; charset=utf-8", WWW / "index.html"),
    ("/demo/app.js", "text/javascript; charset=utf-8", WWW / "app.js"),
    ("/demo/sub/", "text/html; charset=utf-8", WWW / "sub" / "index.html"),
    ("/", "text/html; charset=utf-8", WWW / "sub" / "index.html"),
    ("/index.html?x=1", "text/html; charset=utf-8",
     WWW / "sub" / "index.html"),
    ("/crq/live.js", "text/javascript; charset=utf-8", KIT / "live.js"),
    ("/crq/page.css?x=1", "text/css; charset=utf-8", KIT / "page.css"),
])
def test_files_are_served(gateway, path, kind, body):
    web = gateway()
    reply = web.get(path)
    assert (reply.status, reply.headers["content-type"]) == (200, kind)
    assert reply.body == body.read_bytes()
    head = web.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(reply.body))
    again = web.get(path, If_None_Match=reply.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert web.get(path, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("path", ["/demo", "/demo/sub"])
def test_the_address_of_a_folder_ends_with_a_slash(gateway, path):
    reply = gateway().get(path)
    assert (reply.status, reply.headers["location"]) == (308, path + "/")


@pytest.mark.parametrize("path", [
    "/demo/../app.json", "/demo/..%2Fapp.json", "/demo/%2e%2e/app.json",
    "/demo/%2e%2e%2fapp.json", "/demo/sub/../../app.json", "/demo/.hidden",
    "/demo/%2ehidden", "/demo/link/", "/demo/link/app.json", "/demo//app.js",
    "/demo/outside.json", "/demo/fifo/", "/demo/app.js/", "/demo/app.js/x",
    "/demo/sub/none.html", "//index.html", "/demo/%5c..%5capp.json/x",
])
def test_nothing_outside_of_the_folder_is_served(gateway, tmp_path, path):
    www = tmp_path / "www"
    (www / "sub").mkdir(parents=True)
    (tmp_path / "app.json").write_text(
        (DEMO / "app.json").read_text())
    (www / "index.html").write_text("x")
    (www / ".hidden").write_text("x")
    (www / "app.js").write_text("x")
    (www / "link").symlink_to(tmp_path)
    (www / "outside.json").symlink_to(tmp_path / "app.json")
    os.mkfifo(www / "fifo")
    web = gateway(app=tmp_path)
    # A variable of a route takes one part: these become no job.
    if path.count("/") > 2:
        assert web.get(path).status == 404
    else:
        assert b"modules" not in web.ask("GET", path + "/x").body


# ---- the manual ----

def test_every_option_of_the_help_is_in_the_manual():
    page = (Path(__file__).parents[2] / "man" / "crq-web.8").read_text()
    options = set(re.findall(r"--[a-z-]+", run("--help").stdout))
    options -= {"--help", "--usage", "--version"}
    assert "--allow-origin" in options
    # mandoc's "Fl -app" and ", -verbose" are --app and --verbose.
    assert [o for o in options if f" {o[1:]}" not in page] == []


def test_the_example_of_the_readme_answers(gateway, worker, tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    text = re.search(r"^```json\n(.*?)^```", readme, re.M | re.S)[1]
    (tmp_path / "app.json").write_text(text)
    worker("--jobs", 1, "calc")
    assert gateway(app=tmp_path).get("/add/2/40").json() == 42


# ---- being started ----

def run(*args):
    return subprocess.run([os.path.join(program_folder(), "crq-web"), *args],
                          capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("args,code,said", [
    (["--listen", "0.0.0.0:0"], 64, "needs a --token-file"),
    (["--listen", "[::]:0"], 64, "needs a --token-file"),
    (["--listen", "127.evil.example:0"], 64, "needs a --token-file"),
    (["--listen", "8080"], 64, "is no address"),
    (["--listen", "127.0.0.1:99999"], 64, ""),
    (["--app", "/none"], 1, "/none"),
    (["--tls-cert", "x"], 64, "belong together"),
    (["--allow-origin", "shop.example"], 64, "--allow-origin"),
    (["--log-format", "xml"], 64, "text or json"),
    (["--per-address", "0"], 64, "is no number of connections"),
    (["--per-second", "0"], 64, "is no number of requests"),
    (["--per-second", "1.5"], 64, "is no number of requests"),
    (["--per-address", "-1"], 64, "is no number"),
    (["--per-address", "9x"], 64, "is no number"),
    (["-u", "http://x"], 64, "http"),
    (["--app", str(DEMO), "--app", str(DEMO)], 64, "both have the route"),
    (["surplus"], 64, "--app"),
])
def test_a_command_line_that_is_wrong_is_refused(args, code, said):
    done = run(*args)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("text,mode,said", [
    ("read 0123456789abcdef\n", 0o644, "others may read"),
    ("", 0o600, "no token"),
    ("# nothing\n\n", 0o600, "no token"),
    ("read short\n", 0o600, "line 1: the token must have 16"),
    ("# x\nroot 0123456789abcdef\n", 0o600, "line 2: expected a role"),
    ("read 0123456789abcdef extra\n", 0o600, "line 1: the token"),
    ("read 0123456789abcdef\noperate 0123456789abcdef\n", 0o600,
     "line 2: the token stands"),
    ("read 0123456789abcdef\n\0", 0o600, "is no text"),
])
def test_a_token_file_that_is_wrong_is_refused(tmp_path, text, mode, said):
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    done = run("--listen", "0.0.0.0:0", "--token-file", str(path))
    assert done.returncode == 64
    assert said in done.stderr
    assert "0123456789" not in done.stderr


def test_systemd_hears_that_it_is_ready_and_that_it_stops(gateway, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        web = gateway(env={"NOTIFY_SOCKET": path})
        assert s.recv(100).startswith(b"STATUS=listening at port ")
        assert s.recv(100) == b"READY=1"
        assert web.stop() == 0
        assert s.recv(100) == b"STOPPING=1"


def test_it_writes_its_pid_and_takes_it_away(gateway, tmp_path):
    path = tmp_path / "pid"
    web = gateway("--pid", path)
    assert int(path.read_text()) == web.process.pid
    assert web.stop() == 0
    assert not path.exists()


# ---- the log ----

def test_no_token_is_ever_logged(gateway, worker, r, tmp_path):
    """However it comes, taken or refused, whole or broken."""
    path = tmp_path / "tokens"
    path.write_text("read s3cret-0123456789abcdef\n")
    path.chmod(0o600)
    worked = worker("--jobs", 1, "-v", "web", modules=("demo", "gate"))
    web = gateway("--log-format", "json", "--token-file", path)
    for target in ("/demo/parts/n?token=s3cret-1", "/nothing?token=s3cret-2",
                   "/livez?token=s3cret-3", "/metrics?token=s3cret-4",
                   "/api/v1/queues?token=s3cret-5", "/demo/%zz?token=s3cret-6",
                   "/?token=s3cret-7%zz", "/demo/rooms/A1/live?token=s3cret-8"):
        for method in "GET", "PUT":
            web.ask(method, target)
            web.ask(method, target.split("?")[0], headers={
                "Authorization": "Bearer s3cret-0123456789abcdef"})
    for raw in (b"GET /?token=s3cret-9 HTTP/1.1\r\n\r\n",
                b"GET /?token=s3cret-9 HTTP/9.9\r\nHost: x\r\n\r\n",
                b"GET /?token=s3cret-9 x HTTP/1.1\r\nHost: x\r\n\r\n",
                b"G@T /?token=s3cret-9 HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET / HTTP/1.1\r\nAuthorization : Bearer s3cret-9\r\n\r\n",
                b"GET / HTTP/1.1\r\nAuthorization: Bearer s3cret-9\0\r\n\r\n",
                b"GET /?token=s3cret-9" + b"x" * 40000):
        with socket.create_connection(("127.0.0.1", web.port)) as s:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
    s = socket.create_connection(("127.0.0.1", web.port))
    s.sendall(f"GET /demo/rooms/A1/live?token=s3cret-10 HTTP/1.1\r\n"
              f"Host: 127.0.0.1:{web.port}\r\nUpgrade: websocket\r\n"
              f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    assert b" 101 " in s.recv(4096)
    s.close()
    eventually(lambda: r.llen("gate:left") == 1)
    assert web.stop() == 0
    lines = [json.loads(line) for line in web.text().splitlines()]
    assert all({"time", "level", "name", "pid", "message"} == set(line)
               for line in lines)
    assert len([line for line in lines if " 404 " in line["message"]]) > 1
    assert "s3cret" not in web.text()
    assert "s3cret" not in worked.text()
    # The demo's identity is its token, which the job of who left has as such.
    jobs = {r.hget(key, "description") for key in r.keys("rq:job:*")}
    assert jobs >= {b"gate.parts", b"gate.authorise"} and len(jobs) == 3


@pytest.mark.parametrize("files,few", [(300, True), (None, False)])
def test_so_many_connections_as_there_can_be_files(redis_server, r, files, few):
    web = Gateway(redis_server.url, files=files).wait_until_ready()
    try:
        assert ("RLIMIT_NOFILE" in web.text()) == few
        held = [socket.create_connection(("127.0.0.1", web.port))
                for _ in range(400 if few else 50)]
        for s in held:
            s.close()
        # It has files left for itself, and for whoever comes then.
        for kind in "normal", "pubsub":
            r.client_kill_filter(_type=kind, skipme=True)
        eventually(lambda: web.get("/readyz").status == 200)
        assert web.get("/demo/").status == 200
    finally:
        assert web.stop() == 0


def test_one_address_has_so_many_connections(gateway):
    web = gateway("--per-address", 5)
    held = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(5)]
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as s:
        assert s.recv(1) == b""
    held.pop().close()

    def is_answered():
        try:
            return web.get("/livez").status == 200
        except OSError:
            return False

    eventually(is_answered)
    for s in held:
        s.close()


def test_one_address_asks_for_so_much(gateway):
    """One a second here, over ten: what comes at once is refused behind ten."""
    web = gateway("--per-second", 1)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as s:
        request = b"GET /demo/ HTTP/1.1\r\nHost: localhost\r\n"
        s.sendall((request + b"\r\n") * 59 +
                  request + b"Connection: close\r\n\r\n")
        got = b"".join(iter(lambda: s.recv(65536), b""))
    taken = got.count(b"HTTP/1.1 200")
    assert 10 <= taken <= 11 + time.monotonic() - begun
    assert got.count(b"HTTP/1.1 429") == 60 - taken
    assert got.count(b"Retry-After: 1\r\n") == 60 - taken
    assert web.get("/livez").status == web.get("/readyz").status == 200
