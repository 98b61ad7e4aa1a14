"""All of crq's programs beside RQ's classes on a Redis that speaks TLS only."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from rq import Callback, Queue, Worker
from rq.command import send_stop_job_command
from rq.job import JobStatus
from rq.suspension import resume, suspend

from conftest import _free_port, eventually
from web import Gateway


@pytest.fixture(scope="module")
def tls_server():
    """The URL and the folder of a Redis without any other port."""
    folder = Path(tempfile.mkdtemp(prefix="crq-tls-", dir="/tmp"))
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=crq",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
         cert], check=True, capture_output=True)
    port = _free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--tls-port", str(port), "--bind",
         "127.0.0.1", "--tls-cert-file", cert, "--tls-key-file", key,
         "--tls-auth-clients", "no", "--unixsocket", folder / "sock", "--dir",
         folder, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        eventually((folder / "sock").exists)
        yield f"rediss://localhost:{port}/0", folder
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(tls_server, monkeypatch):
    """Of that Redis, whose certificate Python and all programs trust."""
    url, folder = tls_server
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
    return url


@pytest.fixture
def secure(url):
    """RQ's connection to it, emptied before the test."""
    with redis.Redis.from_url(url) as connection:
        eventually(connection.ping)
        connection.flushall()
        yield connection


def states(r):
    return {w.get_state() for w in Worker.all(connection=r)}


def test_a_worker_does_all_of_its_work_through_tls(url, secure, worker):
    q = Queue("q", connection=secure)
    made = worker("--jobs", 2, "--kill-grace", "0.1", "q", "p", url=url,
                  modules=("demo", "rig_tasks"))
    assert len(secure.client_list()) >= 4
    job = q.enqueue("demo.add", 2, 3)
    logs = q.enqueue("rig.log", 2)
    # What tasks themselves ask of Redis comes through TLS, too.
    meta = q.enqueue("demo.meta", "k", "x" * 100000)
    calls = q.enqueue("demo.noop", on_success=Callback("demo.on_success"))
    many = [q.enqueue("demo.add", n, 1) for n in range(200)]
    for one in (job, logs, meta, calls, *many):
        eventually(lambda: one.get_status() == JobStatus.FINISHED, 30)
    assert job.return_value() == 5
    assert [one.return_value() for one in many] == list(range(1, 201))
    assert meta.get_meta(refresh=True) == {"k": "x" * 100000}
    assert secure.xlen(f"crq:log:{logs.id}") > 0
    assert secure.llen("demo:callbacks") == 1
    spin = q.enqueue("demo.spin")
    eventually(lambda: spin.get_status() == JobStatus.STARTED)
    eventually(lambda: "busy" in states(secure))
    send_stop_job_command(secure, spin.id)
    eventually(lambda: spin.get_status() == JobStatus.STOPPED)
    suspend(secure)
    eventually(lambda: states(secure) == {"suspended"})
    resume(secure)
    eventually(lambda: states(secure) == {"idle"})
    made.signal(signal.SIGTERM)
    assert made.wait() == 0
    assert Worker.all(connection=secure) == []
    assert secure.keys("crq:runs:*") == []


def test_lost_links_come_back_through_tls(url, secure, worker):
    q = Queue("q", connection=secure)
    worker("--jobs", 2, "q", url=url)
    jobs = []
    for _ in range(10):
        jobs += [q.enqueue("demo.sleep", 0.01) for _ in range(10)]
        time.sleep(0.05)
        for kind in ("normal", "pubsub"):
            secure.client_kill_filter(_type=kind, skipme=True)
    for job in jobs:
        eventually(lambda: job.get_status() == JobStatus.FINISHED, 30)


def test_a_scheduler_comes_along_through_tls(url, secure, worker, crq):
    q = Queue("q", connection=secure)
    later = q.enqueue_in(timedelta(seconds=1), "demo.add", 2, 3)
    assert crq("schedule", "--every", "1", "-q", "q", "s", "demo.noop",
               url=url).code == 0
    worker("--jobs", 1, "--with-scheduler", "q", url=url)
    eventually(lambda: later.get_status() == JobStatus.FINISHED)
    eventually(lambda: q.finished_job_registry.count >= 3)


def test_a_gateway_answers_through_tls(url, secure, worker):
    worker("--jobs", 1, "web", url=url, modules=("demo", "gate"))
    web = Gateway(url).wait_until_ready()
    try:
        assert web.get("/demo/add/1/2").body == b"3"
        assert web.get("/api/v1/queues").status == 200
        assert b"crq_" in web.get("/metrics").body
    finally:
        assert web.stop() == 0


def test_a_server_that_nobody_vouches_for_gets_no_job_done(
        tls_server, secure, worker, monkeypatch):
    job = Queue("q", connection=secure).enqueue("demo.noop")
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    made = worker("--jobs", 1, "q", url=tls_server[0], wait=False)
    eventually(lambda: "its certificate is refused: self-signed"
               in made.text())
    assert made.running()
    assert job.get_status() == JobStatus.QUEUED
