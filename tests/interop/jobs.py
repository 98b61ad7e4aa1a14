"""What tests ask about jobs and workers, and wait for."""

import pytest
from rq import Queue, SimpleWorker, Worker
from rq.job import JobStatus
from rq.registry import (CanceledJobRegistry, FailedJobRegistry,
                         FinishedJobRegistry, StartedJobRegistry)

from conftest import eventually

ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED,
         JobStatus.CANCELED)


def ended(job, seconds=15):
    """The job as it is when it has ended."""
    eventually(lambda: job.get_status() in ENDED, seconds)
    job.refresh()
    return job


def has_begun(job):
    """The worker has marked the run of the job as begun. Its status says
    `started` from the claim on, as RQ's does; a run that has not begun starts
    again when its worker dies."""
    return any(job.connection.hget(f"rq:execution:{job.id}:{run.id}", "crq")
               == b"begun" for run in job.get_executions())


def started(job):
    eventually(lambda: has_begun(job))
    return job


def in_its_task(q, seconds, **options):
    """A job whose task has been called: it needs the module `ledger`."""
    job = q.enqueue("ledger.run", seconds, **options)
    eventually(lambda: q.connection.hexists("ledger:begun", job.id))
    return job


def idle(r, seconds=5):
    """Every record shows a worker that does nothing."""
    eventually(lambda: all(w.get_state() == "idle"
                           and w.get_current_job_id() is None
                           for w in Worker.all(connection=r)), seconds)


def counted(r, good, bad):
    """The records, which are a tenth of a second late, have so many jobs."""
    eventually(lambda: (
        sum(w.successful_job_count for w in Worker.all(connection=r)),
        sum(w.failed_job_count for w in Worker.all(connection=r)))
        == (good, bad))


def why(job):
    return job.latest_result().exc_string


def is_nowhere_but(job, registry):
    """The job is in this registry, and in nothing else of its queue."""
    r, name = job.connection, job.origin
    places = {"wip": StartedJobRegistry(name, connection=r).get_job_ids(),
              "finished": FinishedJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "failed": FailedJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "canceled": CanceledJobRegistry(name, connection=r)
              .get_job_ids(cleanup=False),
              "queue": Queue(name, connection=r).get_job_ids()}
    return [place for place, ids in places.items() if job.id in ids] == (
        [registry] if registry else [])


def run(queue):
    """Run what waits in the queue, in this process, as RQ does."""
    SimpleWorker([queue], connection=queue.connection).work(burst=True)


class Msgpack:
    """What users of RQ pass as a serializer."""

    @staticmethod
    def dumps(value):
        return pytest.importorskip("msgpack").packb(value)

    @staticmethod
    def loads(data):
        return pytest.importorskip("msgpack").unpackb(data)
