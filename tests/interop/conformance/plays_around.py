"""What happens around a run: callbacks, webhooks, and what others left."""

import http.server
import json
import threading
import time

import pytest
from rq.executions import Execution
from rq.group import Group
from rq.intermediate_queue import IntermediateQueue
from rq.job import Callback, Job, Retry
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.webhook import Webhook

from plays_deps import then
from plays_run import see_job
from scenarios import scenario
from whole import TIME, sentence


CALLBACKS = {"on_success": Callback("demo.on_success"),
             "on_failure": Callback("demo.on_failure"),
             "on_stopped": Callback("demo.on_stopped", timeout=20)}


# ---- callbacks ----

@scenario(ends={"a": "finished"}, covers="""
    Job.execute_success_callback Job.success_callback Callback.name
    Job.success_callback_timeout""")
def a_success_is_called_back(s):
    job = s.enqueue("demo.add", 2, 3, **CALLBACKS)
    s.see("callback", (job.success_callback.__name__,
                       job.success_callback_timeout))
    s.work()


@scenario(ends={"a": "failed"}, covers="""
    Job.execute_failure_callback Job.failure_callback
    Job.failure_callback_timeout""")
def a_failure_is_called_back(s):
    job = s.enqueue("demo.fail", "x", **CALLBACKS)
    s.see("callback", (job.failure_callback.__name__,
                       job.failure_callback_timeout))
    s.work()


@scenario(ends={"a": "failed"})
def every_failed_run_is_called_back(s):
    s.enqueue("demo.fail", "x", retry=Retry(2), **CALLBACKS)
    s.work()


@scenario(ends={"a": "stopped"}, covers="""
    Job.execute_stopped_callback Job.stopped_callback
    Job.stopped_callback_timeout""")
def a_stop_is_called_back(s):
    job = s.enqueue("demo.sleep", 30, **CALLBACKS)
    s.see("callback", (job.stopped_callback.__name__,
                       job.stopped_callback_timeout))
    with s.working():
        s.stop()
        s.until_status("stopped")
        s.until_idle(None, 1)


@scenario(ends={"a": "failed"})
def a_horse_that_died_is_not_called_back(s):
    s.enqueue("demo.crash", **CALLBACKS)
    s.work()


@scenario(ends={"a": "failed"})
def a_run_over_its_time_is_called_back(s):
    s.enqueue("demo.sleep", 30, job_timeout=1, **CALLBACKS)
    s.work()
    # What the error says is each program's own.
    for line in s.r.lrange("demo:callbacks", 0, -1):
        s.see("callback", json.loads(line)["callback"])
    s.r.delete("demo:callbacks")


@scenario(ends={"a": "failed"})
def a_returned_retry_is_not_called_back(s):
    s.enqueue("demo.retry", 1, **CALLBACKS)
    s.work()


@scenario(ends={"a": "failed"})
def a_success_callback_that_fails_fails_the_job(s):
    # demo.on_failure takes more arguments than a success callback gets.
    s.enqueue("demo.noop", on_success=Callback("demo.nosuch"),
              on_failure=Callback("demo.on_failure"))
    s.work()
    s.see("called", s.r.llen("demo:callbacks"))
    s.r.delete("demo:callbacks")
    s.r.delete("rq:results:a")


@scenario(ends={"a": "failed"})
def the_error_of_a_failure_callback_takes_the_place_of_the_tasks(s):
    s.enqueue("demo.fail", "of the task",
              on_failure=Callback("demo.nosuch"))
    s.work()
    text = sentence(s.job().latest_result().exc_string)
    s.see("says", ("of the task" in text, "nosuch" in text))
    s.r.delete("rq:results:a")


# ---- webhooks ----

class Listener(http.server.BaseHTTPRequestHandler):
    """Writes down what it is sent."""

    requests = []

    def _note(self, body):
        self.requests.append((
            self.command, self.path, self.headers.get("Content-Type"),
            self.headers.get("X-Key"), body))
        self.send_response(500 if "broken" in self.path else 200)
        self.end_headers()

    def do_GET(self):
        self._note(None)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self._note(json.loads(self.rfile.read(length)))

    def log_message(self, *_):
        pass


def listen():
    """The address of a server of this process; the same one each time."""
    if not hasattr(listen, "server"):
        listen.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Listener)
        threading.Thread(target=listen.server.serve_forever,
                         daemon=True).start()
    Listener.requests.clear()
    return f"http://127.0.0.1:{listen.server.server_port}"


def see_requests(s, count):
    """What the webhooks said; errors are cut to RQ's part of them."""
    s.until(lambda: len(Listener.requests) >= count, 1.5)
    for place, request in enumerate(sorted(Listener.requests, key=str)):
        *head, body = request
        if body and "exc_info" in body:
            body["exc_info"] = sentence(body["exc_info"] or "")
        s.see(f"request {place}", (*head, TIME.sub("<time>", repr(body))))


@scenario(ends={"a": "finished"}, covers="""
    Webhook.send Webhook.to_dict Webhook.from_dict Webhook.get_payload
    Job.send_webhooks""")
def a_success_is_posted(s):
    url = listen()
    s.enqueue("demo.add", 2, 3, webhooks=[
        Webhook(f"{url}/get", "finished"),
        Webhook(f"{url}/post", "finished", method="POST",
                headers={"X-Key": "k"}, timeout=5),
        Webhook(f"{url}/failed", "failed")])
    s.work()
    see_requests(s, 2)


@scenario(ends={"a": "failed"})
def a_failure_is_posted_once_its_retries_are_used_up(s):
    url = listen()
    s.enqueue("demo.fail", "x", retry=Retry(1), webhooks=[
        Webhook(f"{url}/failed", "failed", method="POST")])
    s.work()
    see_requests(s, 1)


@scenario(ends={"a": "finished"})
def a_webhook_that_fails_changes_nothing(s):
    url = listen()
    s.enqueue("demo.noop", webhooks=[
        Webhook(f"{url}/broken", "finished"),
        Webhook("http://127.0.0.1:9/closed", "finished", timeout=1),
        Webhook(f"{url}/last", "finished")])
    s.work()
    see_requests(s, 2)


@scenario(ends={"a": "failed"})
def a_retry_beyond_its_limit_is_posted_with_an_empty_error(s):
    url = listen()
    s.enqueue("demo.retry", 1, webhooks=[
        Webhook(f"{url}/failed", "failed", method="POST")])
    s.work()
    see_requests(s, 1)


# ---- what others left ----

def abandon(s, job_id="a"):
    """As a worker leaves a job that died with it, some time ago."""
    job = s.job(job_id)
    s.queue(job.origin).remove(job_id)
    with s.r.pipeline() as pipe:
        execution = Execution.create(job, 90, pipeline=pipe)
        job.prepare_for_execution("dead", pipeline=pipe)
        pipe.execute()
    s.r.zadd(f"rq:wip:{job.origin}",
             {execution.composite_key: time.time() - 10})
    s.r.delete(execution.key)
    s.r.delete(f"rq:executions:{job_id}")


@scenario(ends={"a": "failed"}, covers="""
    StartedJobRegistry.cleanup BaseWorker.clean_registries clean_registries
    BaseWorker.run_maintenance_tasks
    BaseWorker.should_run_maintenance_tasks
    Queue.acquire_maintenance_lock Queue.release_maintenance_lock
    Queue.registry_cleaning_key""")
def an_abandoned_job_fails(s):
    s.enqueue("demo.noop", failure_ttl=300)
    abandon(s)
    s.work()
    see_job(s)


@scenario(ends={"a": "finished"})
def an_abandoned_job_is_retried(s):
    s.enqueue("demo.noop", retry=Retry(1))
    abandon(s)
    s.work()
    see_job(s)


@scenario(ends={"a": "failed", "b": "finished"})
def the_dependents_of_an_abandoned_job_are_run(s):
    then(s, s.enqueue("demo.noop"), allow_failure=True)
    abandon(s)
    s.work()


@scenario(ends={"a": "failed"})
def an_abandoned_job_is_called_back(s):
    s.enqueue("demo.noop", **CALLBACKS)
    abandon(s)
    s.work()


@scenario(ends={"a": "failed"})
def any_reader_fails_an_abandoned_job(s):
    s.enqueue("demo.noop")
    abandon(s)
    s.see("running", StartedJobRegistry("q", connection=s.r).count)
    s.work()


@scenario(ends={"a": "failed"}, mixed=False, covers="""Queue.lmove
    Queue.intermediate_queue Queue.intermediate_queue_key
    Queue.get_redis_server_version
    IntermediateQueue.get_intermediate_queue_key IntermediateQueue.get_job_ids
    IntermediateQueue.get_first_seen_key IntermediateQueue.get_first_seen
    IntermediateQueue.set_first_seen IntermediateQueue.should_be_cleaned_up
    IntermediateQueue.cleanup IntermediateQueue.remove""")
def a_job_that_is_stuck_fails(s):
    s.enqueue("demo.noop")
    Queue.lmove(s.r, s.q.key, None)
    stuck = IntermediateQueue(s.q.key, connection=s.r)
    s.see("stuck", (stuck.get_job_ids(), s.q.intermediate_queue.key,
                    s.q.intermediate_queue_key))
    s.see("before", stuck.get_first_seen("a"))
    s.see("a moment ago", (stuck.set_first_seen("a"),
                           stuck.get_first_seen("a") is not None,
                           stuck.should_be_cleaned_up("a")))
    s.r.set(stuck.get_first_seen_key("a"), time.time() - 100, ex=1000)
    s.work()
    # RQ counts it in a second look at the same list, or not: either is fine.
    s.r.delete("rq:worker:w")


@scenario(ends={}, covers="Group.clean_registries "
          "Group.cleanup")
def groups_are_cleaned(s):
    group = Group.create(connection=s.r, name="g")
    group.enqueue_many(s.q, [Queue.prepare_data("demo.noop", job_id="a")])
    s.r.delete("rq:job:a", "rq:queue:q")
    s.work()


@scenario(ends={"a": None})
def registries_forget_what_has_expired(s):
    s.enqueue("demo.noop")
    s.enqueue("demo.fail", "x", job_id="b")
    s.work()
    s.r.delete("rq:job:a", "rq:job:b", "rq:worker:w")
    for key, member in (("rq:finished:q", "a"), ("rq:failed:q", "b")):
        s.r.zadd(key, {member: time.time() - 1})
    s.work()


@scenario(ends={"a": "finished"})
def dead_workers_leave_the_set_of_the_queue(s):
    s.r.sadd("rq:workers:q", "rq:worker:dead")
    s.enqueue("demo.noop")
    s.work()


@scenario(ends={"a": "deferred"})
def deferred_jobs_do_not_expire(s):
    s.enqueue("demo.noop")
    s.r.hset("rq:job:a", "status", "deferred")
    s.q.remove("a")
    s.r.zadd("rq:deferred:q", {"a": time.time() - 10})
    s.work()


@scenario(ends={"a": "finished"})
def what_older_versions_left_in_the_hash_stays(s):
    s.enqueue("demo.noop")
    s.r.hset("rq:job:a", mapping={"rate_limit_key": "k",
                                "result": b"\x80\x04N."})
    s.r.hdel("rq:job:a", "status")
    s.work()
    with pytest.warns(DeprecationWarning):
        s.see("result", Job.fetch("a", connection=s.r).result)
