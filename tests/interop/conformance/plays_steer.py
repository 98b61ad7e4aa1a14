"""Jobs, queues and workers are steered from outside."""

import time

import pytest
from rq.command import (send_command, send_kill_horse_command,
                        send_shutdown_command, send_stop_job_command)
from rq.exceptions import (DuplicateJobError, InvalidJobOperation,
                           NoSuchJobError)
from rq.job import Job, Retry, cancel_job, requeue_job
from rq.registry import (CanceledJobRegistry, FailedJobRegistry,
                         FinishedJobRegistry)
from rq.suspension import is_suspended, resume, suspend
from rq.worker import Worker

from plays_run import see_job
from scenarios import scenario


# ---- cancel, requeue, delete, empty ----

@scenario(ends={"a": "canceled", "b": "finished"}, covers="""Job.cancel
    cancel_job Queue.canceled_job_registry""")
def a_waiting_job_is_canceled(s):
    s.enqueue("demo.noop")
    s.enqueue("demo.noop", job_id="b")
    s.cancel()
    s.look("canceled")
    s.work()
    registry = CanceledJobRegistry("q", connection=s.r)
    s.see("registry", (registry.get_job_ids(),
                       s.job() in s.q.canceled_job_registry))
    with pytest.raises(InvalidJobOperation):
        cancel_job("a", s.r)


@scenario(ends={"a": "finished"}, mixed=False)
def a_running_job_is_canceled(s):
    s.enqueue("demo.sleep", 0.4)
    with s.working():
        s.until_shown()
        s.cancel()
        s.look("canceled")
        s.until_idle()
        s.until(lambda: s.r.exists("rq:results:a"))


@scenario(ends={"a": "canceled"})
def a_failed_job_is_canceled(s):
    s.enqueue("demo.fail", "x")
    s.work()
    s.cancel()


@scenario(ends={"a": "failed"}, covers="""Job.requeue requeue_job
    BaseRegistry.requeue Job.failed_job_registry Queue.failed_job_registry""")
def a_failed_job_is_requeued(s):
    s.enqueue("demo.fail", "x")
    s.work()
    requeue_job("a", s.r)
    s.look("requeued")
    s.work()
    see_job(s)


@scenario(ends={"a": "queued", "b": "queued"}, mixed=False)
def a_failed_job_is_requeued_at_the_front(s):
    s.enqueue("demo.fail", "x", failure_ttl=100)
    s.work()
    s.enqueue("demo.noop", job_id="b")
    s.requeue(at_front=True)


@scenario(ends={"a": "finished"})
def what_has_not_failed_is_not_requeued(s):
    s.enqueue("demo.noop")
    s.work()
    with pytest.raises(InvalidJobOperation):
        s.job().requeue()


@scenario(ends={"a": None, "b": "finished"}, covers="Job.delete")
def a_waiting_job_is_deleted(s):
    s.enqueue("demo.noop")
    s.enqueue("demo.noop", job_id="b")
    s.delete()
    s.look("deleted")
    s.work()
    with pytest.raises(NoSuchJobError):
        s.job()


@scenario(ends={"a": None}, covers="Job.finished_job_registry "
          "Queue.finished_job_registry")
def a_finished_job_is_deleted(s):
    s.enqueue("demo.noop")
    s.work()
    s.see("there", s.job() in s.q.finished_job_registry)
    s.delete()


@scenario(ends={"a": None})
def a_failed_job_is_deleted(s):
    s.enqueue("demo.fail", "x")
    s.work()
    s.delete()


@scenario(ends={"a": None}, mixed=False, covers="""ExecutionRegistry.delete
    Execution.delete StartedJobRegistry.remove_executions
    StartedJobRegistry.remove_execution""")
def a_running_job_is_deleted(s):
    s.enqueue("demo.sleep", 0.4)
    with s.working():
        s.until_shown()
        s.delete()
        s.look("deleted")
        s.until_idle()
        # RQ's end of the run makes the job anew.
        s.r.delete("rq:job:a", "rq:results:a", "rq:finished:q")


@scenario(ends={"a": None, "b": None}, covers="Queue.empty")
def a_queue_is_emptied(s):
    s.enqueue("demo.noop")
    s.enqueue("demo.noop", job_id="b")
    s.empty()
    s.work()


@scenario(ends={"a": None}, covers="Queue.delete")
def a_queue_is_deleted(s):
    s.enqueue("demo.noop")
    s.queue("q").delete()
    s.work()


@scenario(ends={"a": "finished"})
def an_id_that_exists_is_refused_when_it_must_be_unique(s):
    s.enqueue("demo.noop", unique=True)
    with pytest.raises(DuplicateJobError):
        s.q.enqueue("demo.noop", job_id="a", unique=True)
    s.work()
    with pytest.raises(DuplicateJobError):
        s.q.enqueue("demo.noop", job_id="a", unique=True)


@scenario(ends={"a": "finished"}, covers="""BaseRegistry.count
    BaseRegistry.get_job_count BaseRegistry.get_job_ids
    BaseRegistry.get_expiration_time BaseRegistry.get_expired_job_ids
    BaseRegistry.get_queue BaseRegistry.parse_job_id BaseRegistry.cleanup
    BaseRegistry.add FinishedJobRegistry.cleanup FailedJobRegistry.cleanup""")
def registries_are_read(s):
    s.enqueue("demo.noop")
    s.enqueue("demo.fail", "x", job_id="b")
    s.work()
    for kind in (FinishedJobRegistry, FailedJobRegistry):
        registry = kind("q", connection=s.r)
        job = s.job(registry.get_job_ids()[0])
        s.see(kind.__name__, (
            registry.count, len(registry), registry.get_job_count(),
            registry.get_job_ids(), registry.get_queue().name,
            registry.get_expired_job_ids(),
            round(registry.get_expiration_time(job).timestamp()
                  - time.time(), -2)))
    FailedJobRegistry("q", connection=s.r).remove("b", delete_job=True)


# ---- suspension ----

@scenario(ends={"a": "queued"}, covers="""suspend is_suspended
    BaseWorker.check_for_suspension""")
def a_burst_worker_leaves_a_suspended_queue_alone(s):
    s.enqueue("demo.noop")
    suspend(s.r, ttl=300)
    s.see("suspended", bool(is_suspended(s.r)))
    s.work()


@scenario(ends={"a": "finished"}, mixed=False, covers="resume")
def a_suspended_worker_waits(s):
    suspend(s.r)
    s.enqueue("demo.noop")
    with s.working(ready=("suspended",)):
        s.look("suspended")
        resume(s.r)
        s.until_ended()
        s.until_idle(1, 0)


# ---- commands ----

@scenario(ends={"a": "stopped"}, covers="""send_stop_job_command send_command
    handle_command handle_stop_job_command BaseWorker.subscribe
    BaseWorker.unsubscribe BaseWorker.handle_payload parse_payload
    Worker.kill_horse""")
def a_running_job_is_stopped(s):
    s.enqueue("demo.sleep", 30, retry=Retry(3))
    with s.working():
        s.stop()
        s.until_status("stopped")
        s.until_idle(None, 1)
    see_job(s)


@scenario(ends={"a": "failed"})
def a_stopped_job_is_requeued(s):
    s.enqueue("demo.sleep", 30, failure_ttl=200)
    with s.working():
        s.stop()
        s.until_status("stopped")
        s.until_idle(None, 1)
    s.requeue()
    s.look("requeued")
    s.enqueue("demo.fail", "x", job_id="b")
    s.r.hset("rq:job:a", "data", s.r.hget("rq:job:b", "data"))
    s.delete("b")
    s.work()


@scenario(ends={"a": None}, mixed=False)
def a_stopped_job_that_nobody_wants_is_dropped(s):
    s.enqueue("demo.sleep", 30, failure_ttl=0)
    with s.working():
        s.stop()
        s.until(lambda: not s.r.exists("rq:job:a"))
        s.until_idle(None, 1)


@scenario(ends={"a": "finished"})
def a_job_that_does_not_run_is_not_stopped(s):
    s.enqueue("demo.noop")
    with pytest.raises(InvalidJobOperation):
        send_stop_job_command(s.r, "a")
    s.work()
    send_stop_job_command(s.r, "a")


@scenario(ends={"a": "finished"}, mixed=False)
def another_job_is_not_stopped(s):
    s.enqueue("demo.sleep", 0.4)
    with s.working():
        s.until_shown()
        send_command(s.r, "w", "stop-job", job_id="b")
        send_command(s.r, "w", "stop-job")
        send_command(s.r, "w", "no such command")
        s.until_ended()
        s.until_idle(1, 0)


@scenario(ends={"a": "failed"}, mixed=False, covers="""send_kill_horse_command
    handle_kill_worker_command""")
def a_horse_is_killed(s):
    s.enqueue("demo.sleep", 30)
    with s.working():
        s.until_shown()
        send_kill_horse_command(s.r, "w")
        s.until_ended()
        s.until_idle(None, 1)
    see_job(s)


@scenario(ends={"a": "failed", "b": "finished"}, mixed=False)
def a_killed_horse_is_retried_and_the_worker_goes_on(s):
    s.enqueue("demo.sleep", 30, retry=Retry(1))
    with s.working():
        for time_ in range(2):
            s.until_shown()
            started = s.job().started_at
            send_kill_horse_command(s.r, "w")
            s.until(lambda: s.job().get_status() == "failed"
                    or s.job().started_at > started)
        s.until_status("failed")
        s.enqueue("demo.noop", job_id="b")
        s.until_ended("b")
        s.until_idle(1, 2)


@scenario(ends={}, mixed=False)
def an_idle_worker_has_no_horse_to_kill(s):
    with s.working() as (worker,):
        send_kill_horse_command(s.r, "w")
        send_stop_job_command_for_nobody(s)
        s.see("running", worker.running())


def send_stop_job_command_for_nobody(s):
    with pytest.raises(NoSuchJobError):
        send_stop_job_command(s.r, "nobody")


@scenario(ends={}, mixed=False, covers="""send_shutdown_command
    handle_shutdown_command BaseWorker.death_date""")
def an_idle_worker_is_shut_down(s):
    with s.working() as (worker,):
        send_shutdown_command(s.r, "w")
        s.until(lambda: s.r.hexists("rq:worker:w", "death"))
        s.see("workers", Worker.all(connection=s.r))
        dead = Worker.find_by_key("rq:worker:w", connection=s.r)
        s.see("dead", dead.death_date is not None)
        s.see("ends", worker.wait(5))


@scenario(ends={"a": "finished", "b": "queued"}, mixed=False, covers="""
    BaseWorker.request_stop BaseWorker.handle_warm_shutdown_request
    BaseWorker.set_shutdown_requested_date
    BaseWorker.shutdown_requested_date""")
def a_busy_worker_that_is_shut_down_ends_its_job(s):
    s.enqueue("demo.sleep", 0.4)
    with s.working() as (worker,):
        s.until_shown()
        s.enqueue("demo.noop", job_id="b")
        send_shutdown_command(s.r, "w")
        s.until(lambda: s.r.hexists("rq:worker:w", "death"))


@scenario(ends={"a": "finished"}, mixed=False)
def a_live_workers_name_is_refused(s):
    with s.working():
        before = s.r.hget("rq:worker:w", "birth")
        s.see("refused", s.another().wait(5) is not None)
        s.see("same", s.r.hget("rq:worker:w", "birth") == before)
        s.enqueue("demo.noop")
        s.until_ended()
        s.until_idle(1, 0)


# ---- what clients cannot do ----

@scenario(ends={"a": "finished"}, covers="""validate_job_id parse_job_id
    Callback.name""")
def what_is_no_id_is_refused(s):
    with pytest.raises(ValueError):
        s.q.enqueue("demo.noop", job_id="a:b")
    s.enqueue("demo.noop")
    s.work()
    s.see("found", Job.fetch("a:0123", connection=s.r).id)


@scenario(ends={"a": "finished"}, mixed=False)
def a_canceled_job_that_is_still_in_its_queue_is_run(s):
    """Canceling takes one of its ids out."""
    s.enqueue("demo.noop")
    s.r.rpush("rq:queue:q", "a")
    s.cancel()
    s.work()
