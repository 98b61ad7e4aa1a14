"""rq-dashboard shows what a worker in C has done, and steers its jobs."""

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request

import pytest
from rq import Queue, Retry
from rq.job import JobStatus

from conftest import _free_port as free_port
from conftest import eventually


@pytest.fixture
def dashboard(redis_server, r):
    """Ask a running rq-dashboard: dashboard("data/queues.json")."""
    program = os.environ.get("CRQ_DASHBOARD")
    if not program:
        pytest.skip("CRQ_DASHBOARD does not name an rq-dashboard; "
                    "./check --full has one")
    port = free_port()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(port),
             "--redis-url", redis_server.url], stdout=log,
            stderr=subprocess.STDOUT)

        def ask(path, post=False):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/{path}",
                data=b"" if post else None)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    text = answer.read().decode()
            except urllib.error.HTTPError as error:
                log.seek(0)
                pytest.fail(f"{path}: {error}\n{log.read()[-3000:]}")
            json_wanted = path.endswith(".json") or post
            return json.loads(text) if json_wanted else text

        def answers():
            log.seek(0)
            assert process.poll() is None, log.read()
            try:
                return ask("0/data/queues.json")
            except OSError:
                return None

        try:
            eventually(answers, 30, 0.1)
            yield ask
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def jobs(r, worker):
    """One job of each kind, run by a worker in C; one runs still."""
    q = Queue("q", connection=r)
    made = {
        "finished": q.enqueue("demo.echo", {"a": [1, None]}, meta={"m": 1}),
        "failed": q.enqueue("demo.fail", "no luck"),
        "crashed": q.enqueue("demo.crash"),
        "scheduled": q.enqueue("demo.fail", "x", retry=Retry(1, interval=99)),
        "started": q.enqueue("demo.sleep", 60),
    }
    made["deferred"] = q.enqueue("demo.noop", depends_on=made["started"])
    worker("--jobs", 1, "--name", "w", "--drain-timeout", 0, "q")
    eventually(lambda: made["started"].get_status() == JobStatus.STARTED)
    eventually(lambda: r.hget("rq:worker:w", "state") == b"busy")
    return made


def test_every_page_of_data_is_right(dashboard, jobs):
    shown, = dashboard("0/data/queues.json")["queues"]
    counts = {name: shown[f"{name}_job_registry_count"] for name in (
        "finished", "failed", "started", "deferred", "scheduled")}
    assert shown["name"] == "q" and shown["count"] == 0
    assert counts == {"finished": 1, "failed": 2, "started": 1,
                      "deferred": 1, "scheduled": 1}

    def ids(registry):
        page = dashboard(f"0/data/jobs/q/{registry}/8/asc/1.json")
        return {job["id"] for job in page["jobs"]}

    assert ids("finished") == {jobs["finished"].id}
    assert ids("failed") == {jobs["failed"].id, jobs["crashed"].id}
    assert ids("started") == {jobs["started"].id}
    assert ids("scheduled") == {jobs["scheduled"].id}
    assert ids("deferred") == {jobs["deferred"].id}
    assert ids("queued") == ids("canceled") == set()


def test_every_job_is_shown(dashboard, jobs):
    # rq-dashboard 0.9 breaks on any dependent of RQ 2.10, whose dependency ids
    # are no bytes.
    del jobs["deferred"]
    shown = {name: dashboard(f"0/data/job/{job.id}.json")
             for name, job in jobs.items()}
    assert {name: job["status"] for name, job in shown.items()} == {
        **{name: name for name in jobs}, "crashed": "failed"}
    assert shown["finished"]["result"] == {"a": [1, None]}
    assert json.loads(shown["finished"]["metadata"]) == {"m": 1}
    assert shown["finished"]["ended_at"] >= shown["finished"]["started_at"]
    assert "RuntimeError: no luck" in shown["failed"]["exc_info"]
    assert "SIGSEGV" in shown["crashed"]["exc_info"]
    assert shown["started"]["ended_at"] is None


def test_the_worker_is_shown_with_its_job(dashboard, jobs):
    shown, = dashboard("0/data/workers.json")["workers"]
    assert shown["name"] == "w" and shown["queues"] == ["q"]
    assert shown["state"].lower().endswith("busy")
    assert shown["current_job"]["job_id"] == jobs["started"].id
    assert shown["current_job"]["call_string"] == "demo.sleep(60)"
    eventually(lambda: [
        (w["successful_job_count"], w["failed_job_count"])
        for w in dashboard("0/data/workers.json")["workers"]] == [(1, 3)])
    assert shown["birth_date"] and shown["last_heartbeat"]


@pytest.mark.parametrize("page", ["", "0/view/workers", "0/view/jobs",
                                  "0/view/jobs/q/failed/8/asc/1"])
def test_every_page_is_shown(dashboard, jobs, page):
    assert "<html" in dashboard(page)


def test_its_buttons_work(r, dashboard, jobs):
    page = dashboard(f"0/view/job/{jobs['failed'].id}")
    assert "<html" in page
    assert dashboard(f"job/{jobs['failed'].id}/requeue", post=True) == {
        "status": "OK"}
    assert jobs["failed"].get_status() == JobStatus.QUEUED
    for name in ("finished", "crashed", "started"):
        assert dashboard(f"job/{jobs[name].id}/delete", post=True) == {
            "status": "OK"}
        assert not r.exists(jobs[name].key)
