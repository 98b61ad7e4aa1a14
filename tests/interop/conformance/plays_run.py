"""One job is run: what goes in, what comes out, how long it is kept."""

import warnings
from datetime import datetime, timedelta, timezone

from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.results import Result
from rq.worker import Worker

from scenarios import scenario

ANSWERS = """Job.id Job.get_status Job.is_finished Job.is_failed Job.is_queued
Job.is_started Job.is_deferred Job.is_canceled Job.is_scheduled Job.is_stopped
Job.return_value Job.results Job.latest_result Job.get_position
Job.get_executions Job.get_ttl Job.get_result_ttl Job.func_name Job.args
Job.kwargs Job.instance Job.get_call_string Job.get_meta Job.fetch
Job.refresh Job.restore Result.restore Result.all Result.fetch_latest"""

#: The times of entries are cut to this.
MOMENT = timedelta(milliseconds=1)


def see_job(s, job_id="a", when=""):
    """What RQ's Job says of itself."""
    job = s.job(job_id)
    job.refresh()
    status = job.get_status()
    s.see(f"{job_id}{when}", {
        "id": job.id, "status": status.value,
        "flags": [name for name in vars(type(job)) if name.startswith("is_")
                  and getattr(job, name)],
        "value": job.return_value(), "position": job.get_position(),
        "results": [result.type.name for result in job.results()],
        "latest": job.latest_result() and job.latest_result().type.name,
        "executions": len(job.get_executions()),
        "ttls": (job.get_ttl(), job.get_result_ttl(9), job.failure_ttl),
        "call": (job.func_name, job.instance, tuple(job.args), job.kwargs,
                 job.get_call_string()), "meta": job.get_meta(),
        "timeout": job.timeout,
        "retries": (job.retries_left, job.number_of_retries,
                    job.should_retry),
        "repeats": (job.repeats_left, job.repeat_intervals)})


@scenario(ends={"a": "finished"}, covers=ANSWERS + """ Queue.enqueue
    Queue.enqueue_call Queue.enqueue_job Queue.create_job Queue.parse_args
    Queue.push_job_id Job.create Job.save Job.to_dict Job.key Job.key_for
    Job.data Job.set_status Job.should_retry BaseWorker.work
    BaseWorker.register_birth BaseWorker.register_death
    BaseWorker.increment_successful_job_count
    BaseWorker.increment_total_working_time BaseWorker.state""")
def a_job_is_run(s):
    s.enqueue("demo.add", 2, 3)
    see_job(s, when=" while it waits")
    s.work()
    see_job(s)


@scenario(ends={"a": "finished", "b": "finished"})
def named_arguments_arrive(s):
    s.enqueue("demo.greet", name="Ann")
    s.enqueue("demo.greet", job_id="b")
    s.work()
    see_job(s), see_job(s, "b")


@scenario(ends={"a": "finished"})
def a_task_without_a_value_leaves_none(s):
    s.enqueue("demo.noop")
    s.work()
    see_job(s)


@scenario(ends={letter: "finished" for letter in "abcde"})
def values_of_all_kinds_come_back(s):
    for job_id, value in zip("abcde", (
            [1, (2, b"\x00\xff"), {"a": None}], {1, 2}, 10 ** 40,
            "na\u00efve \u2603", {2: 1.5, (1, 2): True})):
        s.enqueue("demo.echo", value, job_id=job_id)
    s.work()
    for job_id in "abcde":
        see_job(s, job_id)


@scenario(ends={"a": "finished"})
def a_time_comes_back(s):
    s.q.enqueue("demo.echo", datetime(2026, 11, 21, 7, 47, 50, 513712,
                                      timezone.utc), job_id="a")
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def json_comes_and_goes_as_json(s):
    s.enqueue("demo.echo", {"a": [1, 2.5, None]}, serializer="json",
              meta={"k": [1]})
    s.work(serializer="json")
    job = Job.fetch("a", connection=s.r, serializer="json")
    s.see("value", (job.return_value(), job.get_meta()))


@scenario(ends={"a": "finished"})
def a_result_lives_as_long_as_the_job_says(s):
    s.enqueue("demo.add", 2, 3, result_ttl=77)
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def a_result_is_kept_for_ever(s):
    s.enqueue("demo.add", 2, 3, result_ttl=-1)
    s.work()


@scenario(ends={"a": None}, covers="Job.cleanup Job.exists")
def a_result_that_nobody_wants_is_dropped(s):
    s.enqueue("demo.add", 2, 3, result_ttl=0)
    s.work()
    s.see("exists", Job.exists("a", s.r))


@scenario(ends={"a": "finished"})
def the_workers_result_ttl_holds_without_one(s):
    s.enqueue("demo.add", 2, 3)
    s.work(results_ttl=150)


@scenario(ends={"a": "finished"})
def a_ttl_counts_only_while_the_job_waits(s):
    s.enqueue("demo.add", 2, 3, ttl=100, result_ttl=-1)
    s.look("waiting")
    s.work()


@scenario(ends={"a": "finished"}, covers="""Job.save_meta get_current_job
    Job.get_meta""")
def a_task_writes_meta(s):
    s.enqueue("demo.meta", "k", {"n": (1, 2)}, meta={"old": 1})
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"}, covers="Job.save_meta")
def meta_that_a_client_writes_while_the_job_waits_stays(s):
    job = s.enqueue("demo.noop")
    job.meta["late"] = [1]
    job.save_meta()
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def a_description_and_a_timeout_are_kept(s):
    s.enqueue("demo.add", 2, 3, description="two and three", job_timeout="1h")
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def a_job_without_a_time_limit_is_run(s):
    s.enqueue("demo.add", 2, 3, job_timeout=-1)
    s.work()


@scenario(ends={"a": "failed"}, covers="""BaseWorker.handle_exception
    Result.create_failure BaseWorker.increment_failed_job_count Job.exc_info
    FailedJobRegistry.add BaseWorker.handle_job_failure""")
def a_task_fails(s):
    s.enqueue("demo.fail", "no luck")
    s.work()
    see_job(s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s.see("exc_info", s.job().exc_info.strip().endswith("no luck"))


@scenario(ends={"a": "failed"})
def a_failure_lives_as_long_as_the_job_says(s):
    s.enqueue("demo.fail", "x", failure_ttl=90)
    s.work()


@scenario(ends={"a": "failed"})
def a_failure_is_kept_for_ever(s):
    s.enqueue("demo.fail", "x", failure_ttl=-1)
    s.work()


@scenario(ends={"a": None}, mixed=False)
def a_failure_that_nobody_wants_is_dropped(s):
    s.enqueue("demo.fail", "x", failure_ttl=0)
    s.work()


@scenario(ends={"a": "failed"})
def a_failures_ttl_has_nothing_to_do_with_the_results(s):
    s.enqueue("demo.fail", "x", result_ttl=50, failure_ttl=400)
    s.work()


@scenario(ends={"a": "failed"})
def a_wrong_argument_fails_the_job(s):
    s.enqueue("demo.add", 2)
    s.work()


@scenario(ends={"a": "failed"})
def a_task_that_is_not_there_fails_the_job(s):
    s.enqueue("demo.nosuch")
    s.work()


@scenario(ends={"a": "failed"}, covers="""BaseWorker.perform_job
    Worker.monitor_work_horse BaseWorker.handle_work_horse_killed""")
def a_horse_that_crashes_fails_the_job(s):
    s.enqueue("demo.crash")
    s.work()
    see_job(s)


@scenario(ends={"a": "failed"})
def a_horse_that_exits_fails_the_job(s):
    s.enqueue("demo.exit", 3)
    s.work()


@scenario(ends={"a": "failed"})
def a_time_limit_ends_the_run(s):
    s.enqueue("demo.sleep", 30, job_timeout=1)
    s.work()


@scenario(ends={"a": "finished"}, mixed=False, covers="""Job.get_executions
    Job.execution_registry Job.started_job_registry Queue.started_job_registry
    StartedJobRegistry.get_job_and_execution_ids
    StartedJobRegistry.parse_job_id BaseRegistry.get_job_ids
    StartedJobRegistry.add_execution
    ExecutionRegistry.get_execution_ids ExecutionRegistry.get_executions
    ExecutionRegistry.add Execution.create Execution.save Execution.serialize
    Execution.fetch Execution.refresh Execution.job Execution.key
    Execution.composite_key Execution.from_composite_key Execution.heartbeat
    BaseWorker.all BaseWorker.all_keys BaseWorker.count
    BaseWorker.find_by_key BaseWorker.get_current_job
    BaseWorker.get_current_job_id BaseWorker.get_state BaseWorker.refresh
    BaseWorker.queue_names BaseWorker.queue_keys BaseWorker.key
    BaseWorker.pubsub_channel_name BaseWorker.set_state BaseWorker.serialize
    BaseWorker.set_current_job_id BaseWorker.set_current_job_working_time
    BaseWorker.heartbeat BaseWorker.get_heartbeat_ttl Job.heartbeat
    BaseWorker.prepare_execution BaseWorker.prepare_job_execution
    Job.prepare_for_execution""")
def a_job_that_runs_is_seen_by_all(s):
    s.enqueue("demo.sleep", 1.0)
    with s.working():
        s.until_shown()
        see_job(s)
        registry = StartedJobRegistry("q", connection=s.r)
        (job_id, execution_id), = registry.get_job_and_execution_ids()
        job = s.job()
        s.see("wip", (registry.get_job_ids(), job in registry,
                      len(job.started_job_registry)))
        execution = Execution.fetch(execution_id, job_id, s.r)
        s.see("execution", (
            [one.id for one in job.get_executions()] == [execution_id],
            job.execution_registry.get_execution_ids() == [execution_id],
            execution.job == job, execution.key.startswith("rq:execution:a:"),
            Execution.from_composite_key(execution.composite_key, s.r)
            == execution, execution.created_at <= execution.last_heartbeat))
        worker, = Worker.all(queue=s.q)
        s.see("worker", (
            worker.name, worker.get_state(), worker.get_current_job().id,
            worker.queue_names(), worker.queue_keys(), Worker.count(s.r),
            Worker.count(queue=s.q), Worker.all_keys(s.r),
            Worker.find_by_key(worker.key, connection=s.r) == worker,
            worker.successful_job_count, worker.failed_job_count))
        s.look("running")
        s.until_ended()
        s.until_idle(1, 0)


@scenario(ends={"a": "finished"}, mixed=False,
          covers="BaseWorker.maintain_heartbeats")
def a_long_run_sends_heartbeats(s):
    s.enqueue("demo.sleep", 2.4)
    with s.working(interval=1):
        s.until_shown()
        first, worker = s.job().last_heartbeat, s.name_of(0)
        s.until(lambda: s.job().last_heartbeat > first)
        s.until(lambda: float(s.r.hget(f"rq:worker:{worker}",
                                       "current_job_working_time")) > 0.5)
        s.look("running")
        s.until_ended()
        s.until_idle(1, 0)


@scenario(ends={"a": "finished", "b": "finished"}, covers="Job.latest_result")
def a_client_waits_for_a_result(s):
    s.enqueue("demo.add", 2, 3)
    s.enqueue("demo.sleep", 0.1, job_id="b")
    with s.working():
        result = s.job("b").latest_result(timeout=5)
        s.see("result", (result.type.name, result.return_value))
        s.until_ended("b")
        s.until_idle(2, 0)


@scenario(ends={"a": "finished"}, covers="""Result.count Result.get_key
    Result.fetch Result.create Result.save Result.serialize Result.Type
    Result.delete_all Job.result""")
def results_are_counted_and_deleted(s):
    s.enqueue("demo.echo", 7)
    s.work()
    job = s.job()
    result = job.latest_result()
    s.see("result", (Result.count(job), Result.get_key(job.id),
                     result.worker_name, bool(result.execution_id),
                     result.execution_started_at <= result.execution_ended_at,
                     result.execution_ended_at - result.created_at < MOMENT))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s.see("old result", job.result)
    Result.delete_all(job)
    s.see("deleted", Result.count(job))


@scenario(ends={"a": "finished", "b": "finished", "c": "finished"},
          covers="Queue.all Queue.count Queue.is_empty Queue.from_queue_key")
def queues_are_served_in_their_order(s):
    s.enqueue("demo.add", 1, 1, job_id="a", queue="low")
    s.enqueue("demo.add", 1, 2, job_id="b", queue="high")
    s.enqueue("demo.add", 1, 3, job_id="c", queue="low", at_front=True)
    s.see("queues", sorted((queue.name, queue.count, queue.is_empty())
                           for queue in Queue.all(connection=s.r)))
    s.work("high", "low")
    jobs = sorted((s.job(job_id) for job_id in "abc"),
                  key=lambda job: job.started_at)
    if len(s.fleet) == 1:
        s.see("order", [job.id for job in jobs])


@scenario(ends={"a": "finished", "b": "finished", "c": "queued"}, mixed=False,
          covers="Queue.job_ids Queue.jobs Queue.get_job_ids Queue.get_jobs "
          "Queue.get_job_position Queue.fetch_job")
def a_worker_stops_after_some_jobs(s):
    for job_id in "abc":
        s.enqueue("demo.noop", job_id=job_id)
    s.see("position", (s.q.get_job_position("b"), s.q.job_ids,
                       s.q.get_job_ids(1, 1), [job.id for job in s.q.jobs],
                       s.q.fetch_job("b").id, s.q.fetch_job("x")))
    s.work(max_jobs=2)


@scenario(ends={"a": None})
def a_task_enqueues_another(s):
    s.enqueue("demo.enqueue", "demo.add", 2, y=3)
    s.work()
    other = Job.fetch(s.job().return_value(), connection=s.r)
    s.see("other", (other.get_status().value, other.return_value(),
                    other.origin))
    other.delete()
    s.r.delete(f"rq:results:{other.id}")
    # Its id is another each time.
    s.r.delete("rq:job:a", "rq:results:a")


@scenario(ends={"a": "finished"}, mixed=False,
          covers="Queue.remove Job.get_position")
def an_id_without_its_hash_is_passed_over(s):
    s.q.push_job_id("gone")
    s.enqueue("demo.noop")
    s.see("position", s.job().get_position())
    s.work()


@scenario(ends={"a": "finished"}, covers="Queue.compact")
def a_queue_is_compacted(s):
    s.q.push_job_id("gone")
    s.enqueue("demo.noop")
    s.q.compact()
    s.see("ids", s.q.job_ids)
    s.work()


@scenario(ends={"a": "finished"}, mixed=False)
def an_id_that_is_queued_twice_is_run_twice(s):
    s.enqueue("demo.noop")
    s.q.push_job_id("a")
    s.work()


@scenario(ends={"a": "finished"})
def an_id_is_used_again(s):
    s.enqueue("demo.echo", 1, result_ttl=100)
    s.work()
    s.enqueue("demo.echo", 2)
    s.look("queued again")
    s.work()
    see_job(s)
