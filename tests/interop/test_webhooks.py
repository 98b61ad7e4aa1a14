"""Webhooks: the same job by RQ's worker and by crq's makes the same request."""

import http.server
import json
import os
import re
import signal
import socket
import threading
import time

import pytest
from rq import Retry, Worker
from rq.command import send_stop_job_command
from rq.job import JobStatus

from conftest import eventually
from test_callbacks import ended

webhook = pytest.importorskip("rq.webhook", reason="RQ 2.10 has webhooks")
Webhook = webhook.Webhook

ALLOW = "--webhook-allow-private"


class Listener(http.server.ThreadingHTTPServer):
    """Writes down every request; a path says how it is answered."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.statuses = []
        self.redis = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.server.redis is not None:
            self.server.statuses.append(
                [self.server.redis.hget(key, "status").decode()
                 for key in self.server.redis.keys("rq:job:*")])
        self.server.requests.append(
            (self.command, self.path, self.request_version,
             sorted((name, value) for name, value in self.headers.items()),
             body.decode()))
        if self.path.startswith("/slow"):
            time.sleep(30)
        if self.path.startswith("/cut"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(
            {"/no": 500, "/away": 302}.get(self.path.split("?")[0], 200))
        if self.path.startswith("/away"):
            self.send_header("Location", "/elsewhere")
        size = 10_000_000 if self.path.startswith("/large") else 2
        self.send_header("Content-Length", str(size))
        self.end_headers()
        try:
            self.wfile.write(b"x" * size)
        except OSError:
            pass

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.shutdown()
    server.server_close()


def comparable(request):
    """Without what differs from run to run, and from program to program."""
    method, path, version, headers, body = request
    headers = [(name, value) for name, value in headers
               if name not in ("User-Agent", "Content-Length")]
    fields = json.loads(body) if body else {}
    for name in ("enqueued_at", "ended_at"):
        if fields.get(name):
            assert re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00",
                fields[name])
            body = body.replace(fields[name], "<time>")
    if "exc_info" in fields and fields["exc_info"]:
        # The error text is each program's own, but for its last line.
        last = fields["exc_info"].rstrip().rsplit("\n", 1)[-1]
        body = body.replace(json.dumps(fields["exc_info"]), json.dumps(last))
    return method, path, version, headers, body


def hook(listener, status, path="/", **options):
    return Webhook(listener.url + path, status, **options)


#: name: (function, its arguments, options, hooks: (status, path, options),
#: how many requests)
JOBS = {
    "GET of a success": ("demo.add", (2, 3), {}, [("finished", "/a?b=c", {})],
                         1),
    "POST of a success": ("demo.add", (2, 3), {},
                          [("finished", "/a", {"method": "POST"})], 1),
    "POST of a failure": ("demo.fail", ("no \"luck\" ☃",), {},
                          [("failed", "/", {"method": "POST"})], 1),
    "GET of a failure": ("demo.fail", ("no luck",), {}, [("failed", "/", {})],
                         1),
    "only what ended so": ("demo.add", (2, 3), {},
                           [("failed", "/f", {}), ("finished", "/g", {}),
                            ("finished", "/g", {})], 2),
    "headers": ("demo.add", (2, 3), {}, [
        ("finished", "/", {"method": "POST", "headers": {
            "x-my-KEY": "a  b", "Content-type": "text/plain",
            "accept-encoding": "gzip", "X2y": "ü", "Host": "example.org",
            "Number": 5, "Empty": "", "same": "1", "Same": "2"}})], 1),
    "an agent of its own": ("demo.add", (2, 3), {}, [
        ("finished", "/", {"headers": {"user-agent": "me"}})], 1),
    "the end of retries alone": (
        "demo.fail", ("no luck",), {"retry": Retry(2)},
        [("failed", "/", {"method": "POST"})], 1),
    "a died horse": ("demo.exit", (3,), {},
                     [("failed", "/", {"method": "GET"})], 1),
    "returned retries that are over": (
        "demo.retry", (1,), {}, [("failed", "/", {"method": "POST"})], 1),
    "a job that is not kept": (
        "demo.noop", (), {"result_ttl": 0},
        [("finished", "/", {"method": "POST"})], 1),
    "a failed job that is not kept": (
        "demo.fail", ("no luck",), {"failure_ttl": 0},
        [("failed", "/", {"method": "POST"})], 1),
    "an answer that says no": (
        "demo.noop", (), {}, [("finished", "/no", {}), ("finished", "/", {})],
        2),
    "a broken connection": (
        "demo.noop", (), {}, [("finished", "/cut", {}), ("finished", "/", {})],
        2),
    "a header that nobody can send": (
        "demo.noop", (), {}, [
            ("finished", "/bad", {"headers": {"a": "b\nc: d"}}),
            ("finished", "/bad", {"headers": {"a b": "c"}}),
            ("finished", "/bad", {"headers": {"a": "☃"}}),
            ("finished", "/bad", {"headers": {"a": None}}),
            ("finished", "/good", {})], 1),
}


@pytest.mark.parametrize("name", JOBS)
def test_both_workers_make_the_same_requests(rq_worker, r, q, worker,
                                             listener, name):
    func, args, options, hooks, count = JOBS[name]
    if name == "a header that nobody can send":
        hooks = [one for one in hooks if "a b" not in
                 one[2].get("headers", {})]  # Python does send that one
    made = [hook(listener, status, path, **more)
            for status, path, more in hooks]
    seen = []
    for run in ("rq", "crq"):
        r.flushall()
        del listener.requests[:]
        q.enqueue(func, *args, **options, webhooks=made, job_id="j")
        if run == "rq":
            rq_worker(burst=True)
        else:
            assert worker("--burst", "--jobs", 1, ALLOW, "q",
                          wait=False).wait(30) == 0
        # A burst that ends has sent what it had to.
        assert len(listener.requests) == count
        seen.append(sorted(map(comparable, listener.requests)))
    assert seen[0] == seen[1]


def test_the_user_agent_is_crqs(q, worker, listener):
    worker("--jobs", 1, ALLOW, "q")
    q.enqueue("demo.noop", webhooks=[hook(listener, "finished")])
    eventually(lambda: listener.requests)
    assert dict(listener.requests[0][3])["User-Agent"].startswith("crq/")


def test_the_final_state_is_stored_before(r, q, worker, listener):
    worker("--jobs", 1, ALLOW, "q")
    listener.redis = r
    for func, status in (("demo.noop", "finished"), ("demo.fail", "failed")):
        r.delete(*r.keys("rq:job:*") or ["none"])
        del listener.statuses[:]
        q.enqueue(func, *(("x",) if status == "failed" else ()),
                  webhooks=[hook(listener, status)])
        eventually(lambda: listener.statuses)
        assert listener.statuses == [[status]]


def test_a_stopped_job_has_no_webhook(r, q, worker, listener):
    worker("--jobs", 1, "--name", "w", ALLOW, "q")
    eventually(lambda: r.pubsub_channels("rq:pubsub:w"))
    job = q.enqueue("demo.sleep", 30, webhooks=[hook(listener, "failed")])
    eventually(lambda: any(w.get_current_job_id() == job.id
                           for w in Worker.all(connection=r)))
    time.sleep(0.3)
    send_stop_job_command(r, job.id)
    assert ended(job).get_status() == JobStatus.STOPPED
    last = q.enqueue("demo.noop", webhooks=[hook(listener, "finished", "/l")])
    ended(last)
    eventually(lambda: listener.requests)
    assert [request[1] for request in listener.requests] == ["/l"]


# ---- addresses that are nobody's business ----

@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/", "http://me:secret@127.0.0.1:{port}/",
])
def test_private_addresses_are_refused_unless_allowed(r, q, worker, listener,
                                                      url):
    w = worker("--jobs", 1, "q")
    url = url.format(port=listener.server_address[1])
    job = ended(q.enqueue("demo.noop", webhooks=[Webhook(url, "finished")]))
    assert job.get_status() == JobStatus.FINISHED
    eventually(lambda: "not public" in w.text())
    assert listener.requests == [] and "secret" not in w.text()


@pytest.mark.parametrize("hooks", [
    [{"url": "file:///etc/passwd", "job_status": "finished"}],
    [{"url": "ftp://127.0.0.1/", "job_status": "finished"}],
    [{"url": "http:///x", "job_status": "finished"}],
    [{"url": 5, "job_status": "finished"}],
    [{"job_status": "finished"}],
    [{"url": "GOOD", "job_status": "finished"},
     {"url": "GOOD", "job_status": "ended"}],
    [{"url": "GOOD", "job_status": "finished", "method": "PUT"}],
    [{"url": "GOOD", "job_status": "finished", "headers": ["a"]}],
    [{"url": "GOOD", "job_status": "finished", "timeout": 0}],
    [{"url": "GOOD", "job_status": "finished", "timeout": "9"}],
    {"url": "GOOD", "job_status": "finished"}, "GOOD", None,
])
def test_one_bad_entry_voids_the_list(r, q, worker, listener, hooks):
    job = q.enqueue("demo.add", 2, 3)
    text = json.dumps(hooks).replace("GOOD", listener.url)
    r.hset(job.key, "webhooks", text)
    assert job.fetch(job.id, connection=r).webhooks == []
    w = worker("--burst", "--jobs", 1, ALLOW, "q", wait=False)
    assert w.wait() == 0
    assert job.return_value() == 5
    assert listener.requests == []
    assert "its webhooks can't be read" in w.text()


def test_a_redirection_is_not_followed(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    ended(q.enqueue("demo.noop",
                    webhooks=[hook(listener, "finished", "/away")]))
    eventually(lambda: "302" in w.text())
    assert [request[1] for request in listener.requests] == ["/away"]


# ---- jobs do not wait, whatever happens ----

def test_nobody_waits_for_an_address_that_does_not_answer(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    slow = [hook(listener, "finished", "/slow", timeout=1)]
    jobs = [q.enqueue("demo.noop", webhooks=slow) for _ in range(40)]
    for job in jobs:
        assert ended(job).get_status() == JobStatus.FINISHED
    assert w.text().count("timed out") < 40  # jobs had ended before these
    eventually(lambda: len(listener.requests) == 40)
    eventually(lambda: w.text().count("timed out") == 40)


def test_what_is_too_much_is_dropped_and_said(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    slow = [hook(listener, "finished", "/slow", timeout=20)] * 50
    for _ in range(24):
        q.enqueue("demo.noop", webhooks=slow)
    eventually(lambda: w.text().count("dropped: 1000 wait") == 200)
    assert len(listener.requests) <= 16
    before = time.monotonic()
    w.stop_cold()
    assert w.wait(8) == 0 and time.monotonic() - before < 8


def courier_pid(w):
    for pid in w.pids():
        with open(f"/proc/{pid}/comm") as f:
            if f.read().strip() == "crq-courier":
                return pid
    return None


def test_a_courier_comes_with_the_first_webhook_and_again(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    ended(q.enqueue("demo.noop"))
    assert courier_pid(w) is None
    done = [hook(listener, "finished")]
    ended(q.enqueue("demo.noop", webhooks=done))
    eventually(lambda: len(listener.requests) == 1)
    first = courier_pid(w)
    time.sleep(1)  # it is started once a second at most
    os.kill(first, signal.SIGKILL)
    eventually(lambda: "crq-courier died" in w.text())
    assert ended(q.enqueue("demo.add", 2, 3,
                           webhooks=done)).return_value() == 5
    eventually(lambda: len(listener.requests) == 2)
    assert courier_pid(w) not in (None, first)


def test_a_dead_fork_server_takes_no_courier_with_it(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    done = [hook(listener, "finished")]
    ended(q.enqueue("demo.noop", webhooks=done))
    eventually(lambda: len(listener.requests) == 1)
    courier = courier_pid(w)
    for pid in w._children(w.pid):
        if pid != courier:
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: "the fork server" in w.text())
    ended(q.enqueue("demo.noop", webhooks=done))
    eventually(lambda: len(listener.requests) == 2)
    assert courier_pid(w) == courier


def test_a_killed_worker_takes_its_courier_with_it(q, worker, listener):
    w = worker("--jobs", 1, ALLOW, "q")
    ended(q.enqueue("demo.noop", webhooks=[hook(listener, "finished",
                                                "/slow")]))
    eventually(lambda: listener.requests)
    w.kill()
    eventually(lambda: not w.pids(), 3)


def test_an_endless_answer_is_not_read(q, worker, listener):
    w = worker("--jobs", 1, "--verbose", ALLOW, "q")
    ended(q.enqueue("demo.noop",
                    webhooks=[hook(listener, "finished", "/large")]))
    eventually(lambda: "is sent" in w.text())
