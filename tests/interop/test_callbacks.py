"""Callbacks: the same job by RQ's worker and by crq-worker.

demo.* are Python's functions for the one (demo.py) and C's for the other
(workers/demo/demo.c).
"""

import json
import time

import pytest
from rq import Callback, Retry, Worker
from rq.command import send_stop_job_command
from rq.job import JobStatus
from rq.registry import FailedJobRegistry

import state
from conftest import eventually
from jobs import ended, has_begun

SUCCESS = {"on_success": Callback("demo.on_success")}
FAILURE = {"on_failure": Callback("demo.on_failure")}
STOPPED = {"on_stopped": Callback("demo.on_stopped")}
ALL = {**SUCCESS, **FAILURE, **STOPPED}


def called(r, job):
    """What the callbacks of the job have noted."""
    lines = [json.loads(line) for line in r.lrange("demo:callbacks", 0, -1)]
    assert {line.pop("job_id") for line in lines} <= {job.id}
    return lines


def outcome(r, job):
    """All that is to be the same: what was called, and what came of it."""
    results = job.results()
    last = results[0].exc_string
    return {
        "called": called(r, job),
        "status": job.get_status(),
        "results": [result.type.name for result in results],
        "returned": results[0].return_value,
        "error": last.rstrip().rsplit("\n", 1)[-1] if last else None,
        "retries_left": job.retries_left,
        "failed": FailedJobRegistry("q", connection=r).get_job_ids(
            cleanup=False) == [job.id],
    }


#: name: (function, its arguments, options, the last line of the error when
#: it is crq's own, the callbacks called)
JOBS = {
    "success": ("demo.add", (2, 3), ALL, None, ["on_success"]),
    "success of None": ("demo.noop", (), SUCCESS, None, ["on_success"]),
    "success of values": ("demo.echo", ([1, {"a": "naïve ☃"}, None, 2.5],),
                          ALL, None, ["on_success"]),
    "failure": ("demo.fail", ("no luck",), ALL, None, ["on_failure"]),
    "failure of an empty text": ("demo.fail", ("",), ALL, None,
                                 ["on_failure"]),
    "failure, and only on_success": ("demo.fail", ("no luck",), SUCCESS, None,
                                     []),
    "success, and only on_failure": ("demo.add", (2, 3), FAILURE, None, []),
    "each failed run of a retry": (
        "demo.fail", ("no luck",), {**ALL, "retry": Retry(2)}, None,
        ["on_failure"] * 3),
    "a returned retry": ("demo.retry", (1,), ALL, None, []),
    "a died horse": ("demo.exit", (3,), ALL, "crq", []),
    "timeout of the task": ("demo.sleep", (30,),
                            {**ALL, "job_timeout": 1}, None, ["on_failure"]),
    "timeout and a retry": (
        "demo.sleep", (30,), {**ALL, "job_timeout": 1, "retry": Retry(1)},
        None, ["on_failure"] * 2),
    "on_success that fails": (
        "demo.add", (2, 3), {"on_success": Callback("demo.nothing"),
                             **FAILURE}, "crq", ["on_failure"]),
    "on_success that fails, and a retry": (
        "demo.add", (2, 3), {"on_success": Callback("demo.nothing"),
                             **FAILURE, "retry": Retry(1)},
        "crq", ["on_failure"] * 2),
    "on_failure that fails": (
        "demo.fail", ("no luck",), {"on_failure": Callback("demo.nothing")},
        "crq", []),
    "on_failure that fails, and a retry": (
        "demo.fail", ("no luck",), {"on_failure": Callback("demo.nothing"),
                                    "retry": Retry(1)}, "crq", []),
    "result_ttl 0": ("demo.fail", ("no luck",), {**ALL, "result_ttl": 0},
                     None, ["on_failure"]),
}


@pytest.mark.parametrize("name", JOBS)
def test_both_workers_call_and_end_the_same(rq_worker, r, q, worker, name):
    func, args, options, own_error, callbacks = JOBS[name]
    seen = []
    for run in ("rq", "crq"):
        r.flushall()
        job = q.enqueue(func, *args, **options)
        if run == "rq":
            rq_worker(burst=True)
        else:
            assert worker("--burst", "--jobs", 1, "--name", "w", "q",
                          wait=False).wait(30) == 0
        job.refresh()
        seen.append(outcome(r, job))
        # What an error says of a function that is not there, and where a
        # process died, is each program's own.
        if own_error or func == "demo.retry":
            del seen[-1]["error"], seen[-1]["returned"]
            for line in seen[-1]["called"]:
                line.pop("error", None)
        if name.startswith("failure of an empty"):
            seen[-1]["error"] = seen[-1]["error"].rstrip(": ")
    assert seen[0] == seen[1]
    assert [line["callback"] for line in seen[1]["called"]] == callbacks
    assert {line["status"] for line in seen[1]["called"]} <= {"started"}


def test_the_whole_state_after_callbacks_is_the_same(rq_worker, r, q, worker):
    states = []
    for run in ("rq", "crq"):
        r.flushall()
        job = q.enqueue("demo.fail", "no luck", **ALL, job_id="j")
        if run == "rq":
            rq_worker(burst=True)
        else:
            worker("--burst", "--jobs", 1, "--name", "w", "q",
                   wait=False).wait(30)
        assert ended(job)
        states.append({key: value for key, value in
                       state.dump(r, ttl_step=60).items()
                       if not key.startswith(("rq:worker", "crq:stats:",
                                              "crq:failures"))
                       and key not in ("rq:clean_registries:q",
                                       "demo:callbacks")})
    assert states[0] == states[1]


@pytest.mark.parametrize("callbacks", [ALL, STOPPED, {}])
def test_stop_calls_on_stopped_before_the_end(rq_worker, r, q, worker,
                                              callbacks):
    seen = []
    for run in ("rq", "crq"):
        r.flushall()
        if run == "rq":
            made = rq_worker()
        else:
            made = worker("--jobs", 1, "--name", "w", "q")
        eventually(lambda: r.pubsub_channels("rq:pubsub:w"))
        job = q.enqueue("demo.sleep", 30, **callbacks, retry=Retry(3))
        eventually(lambda: job.get_status() == JobStatus.STARTED
                   and any(w.get_current_job_id() == job.id
                           for w in Worker.all(connection=r)))
        time.sleep(0.3)  # the child has taken it up
        send_stop_job_command(r, job.id)
        ended(job)
        seen.append(outcome(r, job))
        made.kill() if run == "rq" else made.stop()
    assert seen[0] == seen[1]
    assert [line["callback"] for line in seen[1]["called"]] == (
        ["on_stopped"] if callbacks else [])


# ---- what crq says of it ----

def why(job):
    return job.latest_result().exc_string


def test_a_callback_that_no_module_has_is_named(r, q, worker):
    worker("--jobs", 1, "q")
    job = ended(q.enqueue("demo.add", 2, 3,
                          on_success=Callback("shop.sold")))
    assert job.get_status() == JobStatus.FAILED
    assert "crq.UnknownCallback: there is no callback 'shop.sold'" in why(job)
    job = ended(q.enqueue("demo.fail", "no luck",
                          on_failure=Callback("shop.lost")))
    assert "RuntimeError: no luck" in why(job)
    assert "there is no callback 'shop.lost'" in why(job)


def test_to_stop_a_job_again_does_not_end_its_on_stopped(r, q, worker):
    w = worker("--jobs", 1, "q")
    job = q.enqueue("demo.sleep", 30, **STOPPED)
    eventually(lambda: job.get_status() == JobStatus.STARTED)
    name = job.worker_name or r.hget(f"rq:job:{job.id}",
                                     "worker_name").decode()
    command = json.dumps({"command": "stop-job", "job_id": job.id})

    def stopped():
        r.publish(f"rq:pubsub:{name}", command)
        return job.get_status() == JobStatus.STOPPED

    eventually(stopped, 10, 0.001)
    assert [line["callback"] for line in called(r, job)] == ["on_stopped"]
    assert why(job) == "Job stopped by user, work-horse terminated."
    w.stop()


def test_a_stopped_job_stays_so_when_its_callback_fails(r, q, worker):
    worker("--jobs", 1, "--name", "w", "q")
    eventually(lambda: r.pubsub_channels("rq:pubsub:w"))
    job = q.enqueue("demo.sleep", 30, on_stopped=Callback("shop.halted"))
    eventually(lambda: any(w.get_current_job_id() == job.id
                           for w in Worker.all(connection=r)))
    time.sleep(0.3)
    send_stop_job_command(r, job.id)
    ended(job)
    assert job.get_status() == JobStatus.STOPPED
    assert why(job).startswith("Job stopped by user, work-horse terminated.")
    assert "there is no callback 'shop.halted'" in why(job)


@pytest.mark.parametrize("func, args, callback, error, later", [
    ("demo.noop", (), "on_success", "", ["on_failure"]),
    ("demo.fail", ("no luck",), "on_failure", "RuntimeError: no luck", []),
    ("demo.sleep", (30,), "on_failure", "Task demo.sleep", []),
])
def test_a_callback_has_a_time_of_its_own(r, q, worker, func, args, callback,
                                          error, later):
    worker("--jobs", 1, "q", modules=("demo", "rig_tasks"))
    options = {**FAILURE, callback: Callback("rig.linger", timeout=1)}
    job = ended(q.enqueue(func, *args, job_timeout=1, **options))
    assert job.get_status() == JobStatus.FAILED
    assert why(job).endswith("Task exceeded maximum timeout value (1 seconds)")
    assert "Callback rig.linger" in why(job) and error in why(job)
    assert [line["callback"] for line in called(r, job)] == later
    # The worker goes on.
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


def test_a_callback_can_take_its_child_with_it(r, q, worker):
    worker("--jobs", 1, "q", modules=("demo", "rig_tasks"))
    job = ended(q.enqueue("demo.fail", "no luck",
                          on_failure=Callback("rig.abort")))
    assert "Work-horse terminated unexpectedly" in why(job)
    assert "SIGABRT" in why(job) and "RuntimeError: no luck" in why(job)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


def test_a_callback_that_is_owed_does_not_survive_a_cold_stop(r, q, worker):
    w = worker("--jobs", 1, "q", modules=("demo", "rig_tasks"))
    job = q.enqueue("demo.sleep", 30, job_timeout=1,
                    on_failure=Callback("rig.linger"))
    eventually(lambda: job.get_status() == JobStatus.STARTED)
    time.sleep(1.8)
    w.stop_cold()
    assert w.wait(8) == 0
    ended(job)
    assert job.get_status() == JobStatus.FAILED
    assert "JobTimeoutException" in why(job)


def test_meta_that_the_task_has_set_is_there_for_its_callbacks(r, q, worker):
    worker("--jobs", 1, "q", modules=("demo", "rig_tasks"))
    for timeout in (10, 1):
        job = ended(q.enqueue("rig.mark", 30 if timeout == 1 else 0,
                              job_timeout=timeout, meta={"old": 1},
                              on_success=Callback("rig.marked"),
                              on_failure=Callback("rig.marked")))
        assert job.get_meta() == {"old": 1, "task": "was here",
                                  "callback": "saw it"}


@pytest.mark.parametrize("retry", [None, Retry(1)])
def test_a_dead_workers_run_has_its_on_failure_called(r, q, worker, retry):
    first = worker("--jobs", 1, "q")
    job = q.enqueue("demo.sleep", 0.6, retry=retry, **FAILURE,
                    description="abandoned")
    eventually(lambda: has_begun(job))
    execution, = job.get_executions()
    first.kill()
    # Its deadline, which would come in a minute, and its sign of life are over.
    r.zadd("rq:wip:q", {f"{job.id}:{execution.id}": 1})
    for stem in r.zrange("crq:alive", 0, -1):
        r.zadd("crq:alive", {stem: 1})
    worker("--jobs", 1, "--name", "w", "q")
    ended(job)
    assert called(r, job) == [{"callback": "on_failure", "error": "",
                               "status": "started"}]
    if retry:
        assert job.get_status() == JobStatus.FINISHED
    else:
        assert job.get_status() == JobStatus.FAILED
        result = job.latest_result()
        assert "AbandonedJobError" in result.exc_string
        assert result.worker_name == "" and result.execution_id is None
    assert r.zcard("rq:wip:q") == 0
    eventually(lambda: r.keys("crq:runs:*") == [])
    assert [w.failed_job_count for w in Worker.all(connection=r)
            if w.name == "w"] == [0]
