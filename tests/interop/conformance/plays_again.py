"""Retries, repeats, and jobs that have a time."""

from datetime import datetime, timedelta, timezone

import pytest
from rq.job import Retry
from rq.registry import ScheduledJobRegistry
from rq.repeat import Repeat

from plays_run import see_job
from scenarios import scenario


def in_an_hour():
    return datetime.now(timezone.utc) + timedelta(hours=1)


# ---- retries ----

@scenario(ends={"a": "failed"}, covers="""Job.retry Job.get_retry_interval
    Job.should_retry""")
def a_failed_run_is_retried_at_once(s):
    s.enqueue("demo.fail", "x", retry=Retry(2))
    s.work()
    see_job(s)


@scenario(ends={"a": "queued"}, mixed=False)
def a_retry_leaves_the_old_dates(s):
    s.enqueue("demo.fail", "x", retry=Retry(2), ttl=200)
    s.work(max_jobs=1)


@scenario(ends={"a": "queued", "b": "queued"}, mixed=False)
def a_retry_goes_to_the_front_when_told_so(s):
    s.enqueue("demo.fail", "x", retry=Retry(2, enqueue_at_front=True))
    s.enqueue("demo.noop", job_id="b")
    s.work(max_jobs=1)


@scenario(ends={"a": "queued", "b": "queued"}, mixed=False)
def a_retry_goes_to_the_back(s):
    s.enqueue("demo.fail", "x", retry=Retry(2))
    s.enqueue("demo.noop", job_id="b")
    s.work(max_jobs=1)


@scenario(ends={"a": "scheduled"}, covers="Retry.get_interval")
def a_retry_with_an_interval_is_scheduled(s):
    s.enqueue("demo.fail", "x", retry=Retry(3, interval=[100, 200]), ttl=500)
    s.work()
    see_job(s)


@scenario(ends={"a": "failed"})
def retries_with_intervals_end(s):
    s.enqueue("demo.fail", "x", retry=Retry(3, interval=[100, 200]))
    for time in range(4):
        s.work(scheduler=time > 0)
        s.look(f"after run {time + 1}")
        s.pass_time()


@scenario(ends={"a": "finished", "b": "finished"},
          mixed=False, covers="Job.should_enqueue_at_front")
def a_retry_that_is_due_goes_to_the_front_when_told_so(s):
    s.enqueue("demo.fail", "x", retry=Retry(1, 100, enqueue_at_front=True))
    s.work()
    s.enqueue("demo.noop", job_id="b")
    s.r.hset("rq:job:a", "data", s.r.hget("rq:job:b", "data"))
    s.pass_time()
    s.work(scheduler=True)
    s.see("order", s.job("a").started_at < s.job("b").started_at)


@scenario(ends={"a": "failed"})
def a_horse_that_crashes_is_retried(s):
    s.enqueue("demo.crash", retry=Retry(1))
    s.work()


@scenario(ends={"a": "scheduled"})
def a_run_over_its_time_is_retried(s):
    s.enqueue("demo.sleep", 30, job_timeout=1, retry=Retry(1, interval=300))
    s.work()


@scenario(ends={"a": "failed"}, covers="""Result.create_retried
    Result.create_max_retries_exceeded BaseWorker.handle_job_retry""")
def a_returned_retry_is_run_up_to_its_limit(s):
    s.enqueue("demo.retry", 2)
    s.work()
    see_job(s)


@scenario(ends={"a": "queued", "b": "queued"}, mixed=False)
def a_returned_retry_goes_to_the_back(s):
    s.enqueue("demo.retry", 2, failure_ttl=300)
    s.enqueue("demo.noop", job_id="b")
    s.work(max_jobs=1)


@scenario(ends={"a": "finished"}, covers="Job.requeue BaseRegistry.requeue")
def a_retry_that_was_used_up_is_not_given_back_by_requeue(s):
    s.enqueue("demo.fail", "x", retry=Retry(1), result_ttl=300)
    s.work()
    s.requeue()
    s.look("requeued")
    # The data of another call: this time it goes well.
    s.enqueue("demo.noop", job_id="b")
    s.r.hset("rq:job:a", "data", s.r.hget("rq:job:b", "data"))
    s.delete("b")
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def more_than_ten_runs_leave_about_ten_results(s):
    s.enqueue("demo.noop", repeat=Repeat(12))
    s.work()
    s.see("runs", len(s.job().results()))


# ---- repeats ----

@scenario(ends={"a": "finished"}, covers="Repeat.schedule Repeat.get_interval")
def a_job_is_repeated_at_once(s):
    s.enqueue("demo.noop", repeat=Repeat(2), ttl=300)
    s.work()
    see_job(s)


@scenario(ends={"a": "scheduled"})
def a_repetition_with_an_interval_is_scheduled(s):
    s.enqueue("demo.noop", repeat=Repeat(4, interval=[100, 200, 300]))
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def repetitions_end(s):
    s.enqueue("demo.noop", repeat=Repeat(4, interval=[100, 200, 300]))
    for time in range(5):
        s.work(scheduler=time > 0)
        s.look(f"after run {time + 1}")
        s.pass_time()


@scenario(ends={"a": "queued"}, mixed=False)
def a_repeated_job_keeps_its_hash_when_results_are_dropped(s):
    s.enqueue("demo.noop", repeat=Repeat(1), result_ttl=0)
    s.work(max_jobs=1)


@scenario(ends={"a": "failed"})
def a_failed_run_is_not_repeated(s):
    s.enqueue("demo.fail", "x", repeat=Repeat(3))
    s.work()


@scenario(ends={"a": "failed"})
def a_retry_goes_before_a_repetition(s):
    s.enqueue("demo.fail", "x", repeat=Repeat(3), retry=Retry(1))
    s.work()
    see_job(s)


# ---- times ----

@scenario(ends={"a": "scheduled"}, covers="""Queue.enqueue_at
    Queue.schedule_job ScheduledJobRegistry.schedule
    ScheduledJobRegistry.get_scheduled_time Queue.scheduled_job_registry
    ScheduledJobRegistry.get_jobs_to_schedule""")
def a_job_with_a_time_waits_for_it(s):
    s.enqueue("demo.noop", at=in_an_hour(), ttl=5000)
    s.work()
    registry = ScheduledJobRegistry("q", connection=s.r)
    s.see("registry", (
        registry.get_job_ids(), s.job() in s.q.scheduled_job_registry,
        registry.get_jobs_to_schedule(),
        abs(registry.get_scheduled_time("a") - in_an_hour())
        < timedelta(seconds=20)))


@scenario(ends={"a": "finished"},
          covers="Queue.enqueue_in BaseWorker.stop_scheduler")
def a_job_is_run_when_its_time_has_come(s):
    s.enqueue("demo.noop", after=timedelta(hours=1))
    s.look("scheduled")
    s.pass_time()
    s.work(scheduler=True)
    see_job(s)


@scenario(ends={"a": "finished", "b": "finished"}, mixed=False)
def a_job_whose_time_has_come_goes_to_the_front_when_told_so(s):
    s.enqueue("demo.noop", after=timedelta(hours=1), at_front=True)
    s.enqueue("demo.noop", job_id="b")
    s.pass_time()
    s.work(scheduler=True)
    s.see("order", s.job("a").started_at < s.job("b").started_at)


@scenario(ends={"a": "canceled"}, covers="BaseRegistry.remove")
def a_scheduled_job_is_canceled(s):
    s.enqueue("demo.noop", after=timedelta(hours=1))
    s.cancel()
    s.work()


@scenario(ends={"a": None})
def a_scheduled_job_is_deleted(s):
    s.enqueue("demo.noop", after=timedelta(hours=1))
    s.delete()
    s.work()


@scenario(ends={"a": "scheduled"},
          covers="ScheduledJobRegistry.remove_jobs")
def a_due_job_without_a_scheduler_is_left(s):
    s.enqueue("demo.noop", after=timedelta(hours=1))
    s.pass_time()
    s.work()
    with pytest.warns(DeprecationWarning):
        s.see("removed",
              ScheduledJobRegistry("q", connection=s.r).remove_jobs())
