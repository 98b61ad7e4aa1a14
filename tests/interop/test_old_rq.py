"""RQ versions that are still in use, beside crq-worker: their clients, and from
2.0 on their workers. Run with each of them by ./check --full."""

from datetime import timedelta

import pytest
import rq
from rq import Queue, Retry
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer

from conftest import eventually

pytestmark = pytest.mark.old_rq
VERSION = tuple(int(word) for word in rq.VERSION.split(".")[:2])
ENDED = ("finished", "failed")


def ended(job):
    eventually(lambda: job.get_status() in ENDED, 20)
    job.refresh()
    return job


@pytest.mark.parametrize("serializer", [None, JSONSerializer])
def test_what_its_client_enqueues_runs_and_is_read(r, worker, serializer):
    worker("--jobs", 2, "q")
    q = Queue("q", connection=r, serializer=serializer)
    added = ended(q.enqueue("demo.add", 2, 3, result_ttl=77))
    greeted = ended(q.enqueue("demo.greet", name="Ann", meta={"k": 1}))
    assert (added.get_status(), added.return_value()) == ("finished", 5)
    assert greeted.return_value() == "Hi there, Ann!"
    assert greeted.get_meta() == {"k": 1}
    assert added.started_at <= added.ended_at
    assert {added.id, greeted.id} == set(
        FinishedJobRegistry("q", connection=r).get_job_ids())
    failed = ended(q.enqueue("demo.fail", "no luck", retry=Retry(max=1)))
    assert failed.get_status() == "failed" and failed.retries_left == 0
    assert "no luck" in failed.latest_result().exc_string
    assert failed.id in FailedJobRegistry("q", connection=r)
    failed.requeue()
    assert ended(failed).get_status() == "failed"
    failed.delete()
    assert not Job.exists(failed.id, connection=r)


def test_what_its_client_lets_wait_runs_in_its_turn(r, worker):
    worker("--jobs", 1, "--with-scheduler", "q")
    q = Queue("q", connection=r)
    parent = q.enqueue("demo.sleep", 0.3)
    child = q.enqueue("demo.add", 1, 2, depends_on=parent)
    later = q.enqueue_in(timedelta(seconds=1), "demo.add", 3, 4)
    assert child.get_status(refresh=True) == "deferred"
    assert ended(child).return_value() == 3
    assert ended(parent).ended_at <= child.started_at
    assert ended(later).return_value() == 7


@pytest.mark.skipif(VERSION < (2, 0), reason="its workers lose crq's runs")
def test_its_worker_and_crqs_share_a_queue(r, worker, rq_worker):
    worker("--jobs", 1, "--name", "crq", "q")
    rq_worker()
    eventually(lambda: r.scard("rq:workers:q") == 2, 20)
    q = Queue("q", connection=r)
    jobs, who = [], set()
    while len(who) < 2 and len(jobs) < 1000:
        jobs += [q.enqueue("demo.sleep", 0.02) for _ in range(20)]
        who |= {ended(job).worker_name for job in jobs[-20:]}
    assert who == {"crq", "w"}
    assert {job.get_status() for job in jobs} == {"finished"}
    assert {r.xlen(f"rq:results:{job.id}") for job in jobs} == {1}
    eventually(lambda: not r.exists("rq:wip:q"))
    assert not r.exists("rq:queue:q") and not r.keys("rq:execution*")


@pytest.mark.skipif(VERSION >= (2, 0), reason="its workers know runs")
def test_its_worker_is_named_by_crqs(r, worker, rq_worker):
    rq_worker()
    eventually(lambda: r.scard("rq:workers:q") == 1, 20)
    made = worker("--jobs", 1, "--maintenance-interval", 1, "q")
    eventually(lambda: f"the worker w is RQ {rq.VERSION}" in made.text())
