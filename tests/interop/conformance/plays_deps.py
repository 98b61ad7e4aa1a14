"""Jobs that wait for others; many at once; groups."""

import pytest
from rq import Queue
from rq.group import Group
from rq.job import Dependency, Job, Retry
from rq.registry import DeferredJobRegistry

from plays_run import see_job
from scenarios import scenario


def then(s, *jobs, job_id="b", func="demo.noop", ttl=None, queue="q",
         **options):
    """A job that depends on others."""
    more = {} if ttl is None else {"ttl": ttl}
    depends_on = Dependency(list(jobs), **options) if options else list(jobs)
    return s.enqueue(func, job_id=job_id, queue=queue, depends_on=depends_on,
                     **more)


@scenario(ends={"a": "finished", "b": "finished"}, covers="""
    Job.register_dependency Job.dependencies_are_met Job.dependency
    Job.dependency_ids Job.dependent_ids Job.dependents_key
    Job.dependents_key_for Job.dependencies_key Job.fetch_dependencies
    Queue.enqueue_dependents Queue.setup_dependencies
    Queue.deferred_job_registry Dependency DeferredJobRegistry.add""")
def a_job_waits_for_another(s):
    first = s.enqueue("demo.add", 2, 3)
    job = then(s, first, ttl=300)
    s.see("waits", (
        job.get_status().value, job.dependency.id, job.dependency_ids,
        first.dependent_ids, [one.id for one in job.fetch_dependencies()],
        job.dependencies_are_met(), job in s.q.deferred_job_registry,
        DeferredJobRegistry("q", connection=s.r).get_job_ids()))
    s.look("deferred")
    s.work()
    see_job(s, "b")


@scenario(ends={"a": "finished", "b": "queued"}, mixed=False)
def a_dependent_is_enqueued_on_its_own_queue(s):
    then(s, s.enqueue("demo.noop"), queue="other")
    s.work()


@scenario(ends={"a": "finished", "b": "finished", "c": "queued",
                "d": "queued"}, mixed=False)
def a_dependent_goes_to_the_front_when_told_so(s):
    first = s.enqueue("demo.noop")
    then(s, first, job_id="d", enqueue_at_front=True, queue="other")
    s.enqueue("demo.noop", job_id="c", queue="other")
    s.enqueue("demo.noop", job_id="b")
    s.work()


@scenario(ends={"a": "finished", "b": "finished"})
def a_dependency_says_what_it_does_not_want(s):
    then(s, s.enqueue("demo.noop"), allow_failure=False)
    s.work()


@scenario(ends={"a": "finished", "b": "finished", "c": "finished"})
def a_job_waits_for_two(s):
    first, second = s.enqueue("demo.noop"), s.enqueue("demo.noop", job_id="b")
    then(s, first, second, job_id="c")
    s.work()


@scenario(ends={"a": "finished", "b": "finished", "c": "finished"},
          mixed=False)
def a_dependent_of_two_and_one_of_them_again(s):
    first, second = s.enqueue("demo.noop"), s.enqueue("demo.noop", job_id="b")
    then(s, first, second, job_id="c")
    s.work()
    s.enqueue("demo.noop")
    s.work()
    s.see("runs", len(s.job("c").results()))


@scenario(ends={"a": "finished", "b": "queued", "c": "deferred"}, mixed=False)
def one_of_two_dependencies_is_not_enough(s):
    first = s.enqueue("demo.noop")
    second = s.enqueue("demo.noop", job_id="b", queue="other")
    then(s, first, second, job_id="c")
    s.work()


@scenario(ends={"a": "failed", "b": "deferred"})
def a_failure_leaves_its_dependents_waiting(s):
    then(s, s.enqueue("demo.fail", "x"))
    s.work()


@scenario(ends={"a": "failed", "b": "finished"})
def a_dependent_that_allows_failures_is_run(s):
    then(s, s.enqueue("demo.fail", "x"), allow_failure=True)
    s.work()


@scenario(ends={"a": "failed", "b": "deferred", "c": "queued"}, mixed=False)
def only_those_that_allow_failures_are_enqueued(s):
    first = s.enqueue("demo.fail", "x")
    then(s, first)
    then(s, first, job_id="c", queue="other", allow_failure=True)
    s.work()


@scenario(ends={"a": "failed", "b": "queued"}, mixed=False)
def dependents_wait_for_the_last_of_the_retries(s):
    first = s.enqueue("demo.fail", "x", retry=Retry(1))
    then(s, first, allow_failure=True, queue="other")
    s.work(max_jobs=1)
    s.look("after one run")
    s.work(max_jobs=1)


@scenario(ends={"a": "failed", "b": "queued"}, mixed=False)
def a_returned_retry_beyond_its_limit_counts_as_a_failure(s):
    then(s, s.enqueue("demo.retry", 1), allow_failure=True, queue="other")
    s.work()


@scenario(ends={"a": "finished", "b": "finished", "c": "finished",
                "d": "finished"})
def a_chain_runs_to_its_end(s):
    before = s.enqueue("demo.noop")
    for job_id in "bcd":
        before = then(s, before, job_id=job_id)
    s.work()


@scenario(ends={"a": None, "b": "queued"}, mixed=False)
def a_dependency_whose_result_is_dropped_is_met(s):
    then(s, s.enqueue("demo.noop", result_ttl=0), queue="other")
    s.work()


@scenario(ends={"b": "finished"})
def a_dependency_that_is_gone_is_met(s):
    first = s.enqueue("demo.noop")
    first.delete()
    then(s, first)
    s.work()


@scenario(ends={"a": "finished", "b": "finished"})
def a_dependency_that_is_finished_is_met(s):
    first = s.enqueue("demo.noop")
    s.work()
    then(s, first)
    s.look("enqueued")
    s.work()


@scenario(ends={"a": "failed", "b": "deferred"})
def a_dependency_that_has_failed_already_is_waited_for_in_vain(s):
    first = s.enqueue("demo.fail", "x")
    s.work()
    then(s, first, allow_failure=True)
    s.work()


@scenario(ends={"a": "canceled", "b": "deferred"})
def a_canceled_jobs_dependents_stay(s):
    then(s, s.enqueue("demo.noop"))
    s.cancel()
    s.work()


@scenario(ends={"a": "canceled", "b": "finished"}, covers="Job.cancel")
def a_canceled_job_lets_its_dependents_go_when_told_so(s):
    then(s, s.enqueue("demo.noop"))
    s.cancel(enqueue_dependents=True)
    s.look("canceled")
    s.work()


@scenario(ends={"a": "finished", "b": "canceled"})
def a_canceled_dependent_is_not_enqueued(s):
    then(s, s.enqueue("demo.noop"))
    s.cancel("b")
    s.work()


@scenario(ends={"a": "finished", "b": "canceled"},
          covers="CanceledJobRegistry.get_expired_job_ids")
def a_canceled_dependent_leaves_its_dependencies(s):
    then(s, s.enqueue("demo.noop"))
    s.cancel("b", remove_from_dependencies=True)
    s.look("canceled")
    s.work()
    with pytest.raises(NotImplementedError):
        s.q.canceled_job_registry.get_expired_job_ids()


@scenario(ends={"a": None, "b": None}, covers="""Job.delete
    Job.delete_dependents""")
def a_job_is_deleted_with_its_dependents(s):
    then(s, s.enqueue("demo.noop"))
    s.delete(delete_dependents=True)
    s.work()


@scenario(ends={"a": None, "b": "deferred"})
def the_dependents_of_a_deleted_job_stay(s):
    then(s, s.enqueue("demo.noop"))
    s.delete()
    s.work()


@scenario(ends={"a": "stopped", "b": "deferred"})
def dependents_of_a_stopped_job_stay(s):
    then(s, s.enqueue("demo.sleep", 30), allow_failure=True)
    with s.working():
        s.stop()
        s.until_status("stopped")
        s.until_idle(None, 1)


@scenario(ends={"a": "failed", "b": "deferred"})
def a_deleted_dependent_is_passed_over(s):
    first = s.enqueue("demo.fail", "x")
    then(s, first)
    then(s, first, job_id="c", allow_failure=True).delete()
    s.work()


# ---- many ----

@scenario(ends={letter: "finished" for letter in "abcd"}, covers="""
    Queue.enqueue_many Queue.prepare_data Job.fetch_many""")
def many_are_enqueued_at_once(s):
    s.q.enqueue_many([
        Queue.prepare_data("demo.add", (1, 1), job_id="a"),
        Queue.prepare_data("demo.add", (1, 2), job_id="b", at_front=True),
        Queue.prepare_data("demo.add", kwargs={"x": 1, "y": 3}, job_id="c"),
        Queue.prepare_data("demo.noop", job_id="d", depends_on="c")])
    s.look("enqueued")
    s.work()
    s.see("values", [job and job.return_value() for job in
                     Job.fetch_many(["a", "b", "c", "d", "x"], s.r)])


@scenario(ends={"a": "finished", "b": "failed"}, covers="""Group.create
    Group.enqueue_many Group.fetch Group.all Group.get_jobs Group.get_key""")
def a_group_is_run(s):
    group = Group.create(connection=s.r, name="g")
    group.enqueue_many(s.q, [
        Queue.prepare_data("demo.noop", job_id="a"),
        Queue.prepare_data("demo.fail", ("x",), job_id="b")])
    s.look("enqueued")
    s.work()
    s.see("group", (
        sorted(job.id for job in Group.fetch("g", s.r).get_jobs()),
        [one.name for one in Group.all(s.r)], Group.get_key("g")))


@scenario(ends={"b": "finished"}, covers="Group.delete_job")
def a_deleted_job_leaves_its_group(s):
    group = Group.create(connection=s.r, name="g")
    group.enqueue_many(s.q, [Queue.prepare_data("demo.noop", job_id=job_id)
                             for job_id in "ab"])
    s.delete("a")
    s.work()


@scenario(ends={"b": "finished"})
def a_job_whose_result_is_dropped_leaves_its_group(s):
    group = Group.create(connection=s.r, name="g")
    group.enqueue_many(s.q, [
        Queue.prepare_data("demo.noop", job_id="a", result_ttl=0),
        Queue.prepare_data("demo.noop", job_id="b")])
    s.work()
