"""RQ enqueues, crq-worker runs: how the worker lives, stops and recovers."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rq import Queue, Retry, SimpleWorker, Worker
from rq.command import send_shutdown_command, send_stop_job_command
from rq.job import Job, JobStatus
from rq.registry import (FailedJobRegistry, FinishedJobRegistry,
                         StartedJobRegistry)
from rq.suspension import resume, suspend
from rq.worker_registration import clean_worker_registry

from conftest import duties, eventually, module, program_folder
from jobs import (counted, ended, idle, in_its_task, is_nowhere_but, started,
                  why)


# ---- names ----

def names(r):
    return sorted(w.name for w in Worker.all(connection=r))


def test_one_job_at_a_time_has_exactly_the_name(r, worker):
    worker("--jobs", 1, "--name", "ann", "q")
    eventually(lambda: names(r) == ["ann"])


def test_several_jobs_at_a_time_have_a_record_each(r, worker):
    w = worker("--jobs", 3, "--name", "ann", "q")
    eventually(lambda: names(r) == ["ann.1", "ann.2", "ann.3"])
    w.signal(signal.SIGINT)
    assert w.wait() == 0 and names(r) == []


def test_without_a_name_it_is_host_and_pid(r, worker):
    w = worker("--jobs", 1, "q")
    shown, = Worker.all(connection=r)
    assert shown.name == f"{os.uname().nodename}.{w.pid}"
    assert shown.hostname == os.uname().nodename


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_live_name_is_refused(r, worker, jobs):
    worker("--jobs", jobs, "--name", "ann", "q")
    before = names(r)
    second = worker("--jobs", jobs, "--name", "ann", "q", wait=False)
    assert second.wait() == 1
    assert "ann" in second.text()
    assert names(r) == before


def test_a_live_python_workers_name_is_refused(r, q, worker):
    python = SimpleWorker([q], connection=r, name="ann")
    python.register_birth()
    second = worker("--jobs", 1, "--name", "ann", "q", wait=False)
    assert second.wait() == 1
    assert r.hget("rq:worker:ann", "pid") == str(os.getpid()).encode()


def test_a_dead_name_is_taken_over(r, q, worker):
    first = worker("--jobs", 1, "--name", "ann", "q")
    first.kill()
    second = worker("--jobs", 1, "--name", "ann", "q", wait=False)
    eventually(lambda: r.hget("rq:worker:ann", "pid")
               == str(second.pid).encode())
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


# ---- how long it works ----

def test_burst_runs_all_and_ends(r, q, worker):
    jobs = [q.enqueue("demo.echo", i) for i in range(50)]
    nested = q.enqueue("demo.enqueue", "demo.add", 2, 3)
    w = worker("--burst", "--jobs", 2, "q", wait=False)
    assert w.wait() == 0
    assert [job.return_value() for job in jobs] == list(range(50))
    assert Job.fetch(nested.return_value(), connection=r).return_value() == 5
    assert Worker.all(connection=r) == []


def test_burst_with_nothing_to_do_ends(r, worker):
    assert worker("--burst", "q", wait=False).wait() == 0


@pytest.mark.parametrize("program", ["crq-worker", "crq-scheduler"])
def test_a_burst_without_redis_ends_with_its_address(program, tmp_path):
    address = f"{tmp_path}/nothing"
    done = subprocess.run(
        [f"{program_folder()}/{program}", "--burst", "-u", f"unix://{address}",
         *(("--load", module("demo")) if program == "crq-worker" else ()),
         "q"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert len([x for x in done.stderr.splitlines() if " error " in x
                and address in x]) == 1


@pytest.mark.parametrize("jobs", [1, 3])
def test_max_jobs_is_exact(r, q, worker, jobs):
    made = [q.enqueue("demo.noop") for _ in range(10)]
    w = worker("--max-jobs", 4, "--jobs", jobs, "q", wait=False)
    assert w.wait() == 0
    states = [job.get_status() for job in made]
    assert states.count(JobStatus.FINISHED) == 4 and len(q) == 6


def test_queues_are_served_in_their_order(r, worker):
    low, high = Queue("low", connection=r), Queue("high", connection=r)
    lows = [low.enqueue("demo.noop") for _ in range(3)]
    highs = [high.enqueue("demo.noop") for _ in range(3)]
    assert worker("-b", "--jobs", 1, "high", "low", wait=False).wait() == 0
    times = [Job.fetch(job.id, connection=r).started_at
             for job in highs + lows]
    assert times == sorted(times)


def order_of(r, queues):
    """The queues in the order in which their jobs ran."""
    jobs = [Job.fetch(job_id, connection=r) for queue in queues
            for job_id in FinishedJobRegistry(queue, connection=r).get_job_ids()]
    return [job.origin for job in sorted(jobs, key=lambda job: job.started_at)]


@pytest.mark.parametrize("strategy, check", [
    ("default", lambda order: order == ["a"] * 8 + ["b"] * 8 + ["c"] * 8),
    ("round_robin", lambda order: order == ["a", "b", "c"] * 8),
    # All of one queue first: once in 10^10 runs.
    ("random", lambda order: order != sorted(order)),
])
def test_the_strategy_says_which_queue_comes_next(r, worker, strategy, check):
    for name in "abc":
        for _ in range(8):
            Queue(name, connection=r).enqueue("demo.noop")
    assert worker("--jobs", 1, "--burst", "--dequeue-strategy", strategy,
                  *"abc", wait=False).wait() == 0
    order = order_of(r, "abc")
    assert len(order) == 24 and check(order), order


def test_a_worker_without_work_leaves_after_its_time(r, q, worker):
    job = q.enqueue("demo.sleep", 1.5)
    w = worker("--jobs", 1, "--max-idle-time", 1, "q", wait=False)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert "nothing to do for 1 seconds" in w.text()


@pytest.mark.parametrize("arguments", [
    ["--dequeue-strategy", "fifo"], ["--max-idle-time", "0"],
    ["--maintenance-interval", "0"], ["--serializer", "yaml"]])
def test_options_that_make_no_sense_are_refused(worker, arguments):
    w = worker(*arguments, "q", wait=False)
    assert w.wait() == 64
    assert arguments[0] in w.text()


def test_suspension_holds_new_jobs_back(r, q, worker):
    worker("--jobs", 1, "q")
    idle(r)
    suspend(r)
    job = q.enqueue("demo.add", 2, 3)
    eventually(lambda: Worker.all(connection=r)[0].get_state() == "suspended")
    time.sleep(0.3)
    assert job.get_status() == JobStatus.QUEUED
    resume(r)
    assert ended(job).return_value() == 5


def states(r):
    return {w.get_state() for w in Worker.all(connection=r)}


@pytest.mark.parametrize("around", ["nothing", "lost link", "expiry"])
def test_an_idle_worker_sees_suspension(r, worker, around):
    worker("--jobs", 2, "q", "p")
    idle(r)
    if around == "lost link":
        assert r.client_kill_filter(_type="pubsub") > 0
    suspend(r, 1 if around == "expiry" else None)
    eventually(lambda: states(r) == {"suspended"})
    if around != "expiry":
        resume(r)
    eventually(lambda: states(r) == {"idle"})


def test_redis_tells_a_worker_of_suspension(r, worker):
    worker("--jobs", 1, "q")
    eventually(lambda: [c for c in r.client_list(_type="pubsub")
                        if "t" in c["flags"]])


def test_a_worker_that_is_not_told_of_suspension_asks(redis_server, r, worker):
    r.execute_command("ACL", "SETUSER", "few", "on", ">x", "~*", "&rq:pubsub:*",
                      "+@all", "-client|tracking")
    try:
        w = worker("--jobs", 1, "q",
                   url=redis_server.url.replace("//", "//few:x@"))
        idle(r)
        suspend(r)
        eventually(lambda: states(r) == {"suspended"}, 20)
        resume(r)
        eventually(lambda: states(r) == {"idle"})
        assert "NOPERM" not in w.text()
    finally:
        r.acl_deluser("few")


# ---- stop ----

def test_a_warm_stop_lets_running_jobs_end(r, q, worker):
    w = worker("--jobs", 1, "q")
    job = started(q.enqueue("demo.sleep", 0.7))
    later = q.enqueue("demo.noop")
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED
    assert later.get_status() == JobStatus.QUEUED
    assert Worker.all(connection=r) == [] and duties(r) == []


@pytest.mark.parametrize("options, second", [
    ([], signal.SIGTERM), ([], signal.SIGINT),
    (["--drain-timeout", "0.2"], None),
])
def test_a_cold_stop_ends_running_jobs(r, q, worker, options, second):
    w = worker("--jobs", 1, *options, "q", modules=("ledger",))
    job = in_its_task(q, 30)
    if second is not None:
        w.stop_cold(second=second)
    else:
        w.signal(signal.SIGTERM)
    assert w.wait(5) == 0
    assert job.get_status() == JobStatus.FAILED
    assert is_nowhere_but(job, "failed")
    assert Worker.all(connection=r) == [] and duties(r) == []


@pytest.mark.parametrize("by", ["signals", "commands"])
def test_being_told_to_stop_twice_at_once_is_a_warm_stop(r, q, worker, by):
    """As by a terminal and by what has started the worker, or by a command to
    each of its records."""
    w = worker("--jobs", 2, "q")
    job = started(q.enqueue("demo.sleep", 0.7))
    names = [one.name for one in Worker.all(connection=r)]
    for name in names:
        if by == "signals":
            w.signal(signal.SIGINT)
        else:
            send_shutdown_command(r, name)
        time.sleep(0.1)
    assert w.wait() == 0
    assert job.get_status() == JobStatus.FINISHED


def test_a_reload_keeps_running_jobs_and_takes_new_ones(r, q, worker):
    w = worker("--jobs", 2, "q")
    idle(r)
    old = w.server_pid()
    job = started(q.enqueue("demo.sleep", 0.8))
    w.signal(signal.SIGHUP)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert ended(job).get_status() == JobStatus.FINISHED
    eventually(lambda: not os.path.exists(f"/proc/{old}"))
    assert ended(q.enqueue("demo.add", 3, 3)).return_value() == 6
    assert w.server_pid() != old


# ---- Redis has its troubles ----

def test_cut_links_lose_nothing(r, q, worker):
    worker("--jobs", 2, "q")
    idle(r)
    jobs = [q.enqueue("demo.sleep", 0.003) for _ in range(300)]
    for _ in range(10):
        time.sleep(0.05)
        r.client_kill_filter(_type="normal", skipme=True)
        r.client_kill_filter(_type="pubsub")
    for job in jobs:
        assert ended(job, 20).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1
    assert r.zcard("rq:wip:q") == 0
    eventually(lambda: r.pubsub_numsub("rq:pubsub:x") is not None)
    job = started(q.enqueue("demo.spin"))
    eventually(lambda: any(x.get_current_job_id() == job.id
                           for x in Worker.all(connection=r)))
    eventually(lambda: r.pubsub_channels("rq:pubsub:*"))
    send_stop_job_command(r, job.id)
    assert ended(job).get_status() == JobStatus.STOPPED


def test_flushed_scripts_are_loaded_again(r, q, worker):
    worker("--jobs", 2, "q")
    jobs = [q.enqueue("demo.noop") for _ in range(500)]
    while q.count > 0:
        r.script_flush()
    for job in jobs:
        assert ended(job).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1


def test_a_flushed_database_gets_its_worker_back(r, q, worker):
    worker("--jobs", 1, "--name", "w", "--job-monitoring-interval", 1, "q")
    r.flushall()
    eventually(lambda: names(r) == ["w"], 5)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5


# ---- processes that die ----

def test_a_run_that_its_child_never_took_up_runs_again(r, q, worker):
    w = worker("--jobs", 1, "q")
    child, = eventually(w.child_pids)
    idle(r)
    os.kill(child, signal.SIGSTOP)
    job = started(q.enqueue("demo.add", 2, 3))
    os.kill(child, signal.SIGKILL)
    assert ended(job).return_value() == 5
    assert len(job.results()) == 1 and is_nowhere_but(job, "finished")


@pytest.mark.parametrize("retry", [None, Retry(1)])
def test_a_killed_child_fails_its_run_with_the_evidence(r, q, worker, retry):
    w = worker("--jobs", 1, "q", modules=("ledger",))
    job = in_its_task(q, 0.5, retry=retry)
    child, = w.child_pids()
    os.kill(child, signal.SIGKILL)
    ended(job)
    first = job.results()[-1]
    if retry is None:
        assert job.get_status() == JobStatus.FAILED
        assert "SIGKILL" in first.exc_string
    else:
        assert job.get_status() == JobStatus.FINISHED
    assert is_nowhere_but(job, "finished" if retry else "failed")


def test_a_killed_fork_server_is_replaced(r, q, worker):
    w = worker("--jobs", 2, "q", modules=("demo", "ledger"))
    job = in_its_task(q, 30)
    again = in_its_task(q, 0.4, retry=Retry(1))
    old = w.server_pid()
    os.kill(old, signal.SIGKILL)
    assert ended(job).get_status() == JobStatus.FAILED
    assert ended(again).get_status() == JobStatus.FINISHED
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
    assert w.server_pid() != old and w.running()


def test_a_killed_worker_leaves_no_process(r, q, worker):
    w = worker("--jobs", 2, "q", modules=("demo", "rig_tasks"))
    started(q.enqueue("demo.spin"))
    before = len(w.pids())
    started(q.enqueue("rig.brood", 5, "wait"))
    eventually(lambda: len(w.pids()) > before + 2)
    w.kill()
    eventually(lambda: not w.pids(), 3)


# ---- several workers ----

def test_two_workers_share_a_queue(r, q, worker):
    worker("--jobs", 2, "--name", "ann", "q")
    worker("--jobs", 2, "--name", "bob", "q")
    jobs = [q.enqueue("demo.sleep", 0.002) for _ in range(400)]
    for job in jobs:
        assert ended(job).get_status() == JobStatus.FINISHED
        assert len(job.results()) == 1
    who = {job.worker_name.split(".")[0] for job in jobs}
    assert who == {"ann", "bob"}
    counted(r, 400, 0)


def test_a_mixed_fleet_runs_each_job_once(r, q, worker):
    """tasks.echo is Python's; demo.* only crq has, so that each queue has its
    own jobs and both run the clean-up of all."""
    worker("--jobs", 2, "--name", "c", "q")
    mixed = [q.enqueue("demo.sleep", 0.01, retry=Retry(50))
             for _ in range(60)]
    python = SimpleWorker([q], connection=r, name="py",
                          maintenance_interval=0)
    python.log.disabled = True
    for _ in range(10):
        python.run_maintenance_tasks()
        clean_worker_registry(q)
        for name in (StartedJobRegistry, FailedJobRegistry,
                     FinishedJobRegistry):
            name("q", connection=r).cleanup()
        python.work(burst=True, max_jobs=2, logging_level="CRITICAL")
    for job in mixed:
        assert ended(job, 20).get_status() == JobStatus.FINISHED, why(job)
        kinds = [x.type.name for x in job.results()]
        assert kinds.count("SUCCESSFUL") == 1
    assert r.zcard("rq:wip:q") == 0


def test_the_environment_says_where_redis_is(redis_server, r, q, crq):
    job = q.enqueue("demo.add", 2, 3)
    clean = {k: v for k, v in os.environ.items()
             if "REDIS" not in k and k != "CRQ_URL"}
    program = os.path.join(program_folder(), "crq-worker")
    subprocess.run([program, "--load", module("demo"), "--burst", "q"],
                   check=True, timeout=30, capture_output=True,
                   env={**clean, "REDIS_HOST": "127.0.0.1",
                        "REDIS_PORT": str(redis_server.port)})
    assert ended(job).return_value() == 5


@pytest.mark.parametrize("name", ["crq-worker", "crq-scheduler", "crq-web"])
def test_h_explains_as_help_does(name):
    program = os.path.join(program_folder(), name)
    said = [subprocess.run([program, option], capture_output=True, timeout=30,
                           check=True).stdout
            for option in ("-h", "--help")]
    assert said[0] == said[1] and b"--log-format" in said[0]


def test_a_worker_without_tasks_takes_no_jobs(redis_server, r, q, crq):
    job = q.enqueue("demo.add", 2, 3)
    done = crq("worker", "--burst", "q")
    assert done.code == 64 and "--load MODULE" in done.err
    assert job.get_status() == JobStatus.QUEUED


# ---- birth and death ----

def test_a_worker_that_is_stopped_while_it_is_born_leaves_no_record(r, worker):
    r.client_pause(1500, all=False)
    w = worker("--jobs", 2, "--name", "w", "q", wait=False)
    eventually(lambda: sum(c["name"] == "w" and c["cmd"] in ("eval", "evalsha")
                           for c in r.client_list()))
    w.signal(signal.SIGTERM)
    assert w.wait() == 0
    assert r.smembers("rq:workers") == set()
    # Both were born, and died in due form.
    assert all(r.hexists(f"rq:worker:w.{n}", "death") for n in (1, 2))


@pytest.mark.parametrize("record", [
    {"hostname": os.uname().nodename, "pid": 0},
    {"hostname": os.uname().nodename, "pid": 4194305},
    {"state": "busy"},
])
def test_a_record_without_birth_is_a_live_worker(r, worker, record):
    r.hset("rq:worker:w", mapping=record)
    w = worker("--jobs", 1, "--name", "w", "q", wait=False)
    assert w.wait() == 1
    assert "There exists an active worker named 'w' already" in w.text()


def test_a_record_lives_as_long_as_its_next_heartbeat(r, worker):
    worker("--jobs", 1, "--worker-ttl", 1, "--job-monitoring-interval", 200,
           "--name", "w", "q")
    assert 250 < r.ttl("rq:worker:w") <= 260
    idle(r)
    assert 250 < r.ttl("rq:worker:w") <= 260


def test_observers_are_told_of_the_slots_that_changed(r, q, worker):
    worker("-q", "--jobs", 3, "--name", "w", "q")
    idle(r)
    with r.monitor() as monitor:
        ended(q.enqueue("demo.sleep", 0.3))
        idle(r)
        r.echo("enough")
        updates = []
        for said in monitor.listen():
            words = said["command"].split(" ")
            if words[0] == "ECHO":
                break
            names = [x for x in words if x.startswith("rq:worker:w.")]
            if words[0].startswith("EVAL") and names and "busy" in words:
                updates.append(names)
    assert updates and all(len(names) == 1 for names in updates)


def test_a_refused_subscription_is_said_with_its_remedy(redis_server, r, q,
                                                        worker):
    r.acl_setuser("deaf", enabled=True, passwords=["+x"], keys=["*"],
                  commands=["+@all"], reset_channels=True)
    try:
        w = worker("--jobs", 1, "q",
                   url=redis_server.url.replace("//", "//deaf:x@"))
        assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
        eventually(lambda: "ACL SETUSER" in w.text())
        assert w.text().count("ACL SETUSER") == 1
    finally:
        r.acl_deluser("deaf")


def test_a_user_with_the_rights_of_the_manual_is_enough(redis_server, r, q,
                                                        worker):
    rights = ("~rq:* ~crq:* &rq:pubsub:* &__redis__:invalidate +@all "
              "-@dangerous").split()
    page = (Path(__file__).parents[2] / "man" / "crq-worker.8").read_text()
    assert f".Ql {' '.join(rights)} ." in page
    r.execute_command("ACL", "SETUSER", "few", "on", ">x", *rights)
    try:
        w = worker("--jobs", 1, "--kill-grace", "0.1", "q",
                   modules=("demo", "rig_tasks"),
                   url=redis_server.url.replace("//", "//few:x@"))
        assert ended(q.enqueue("rig.log", 2)).get_status() == "finished"
        job = started(q.enqueue("demo.spin"))
        eventually(lambda: Worker.all(connection=r)[0].get_state() == "busy")
        send_stop_job_command(r, job.id)
        assert ended(job).get_status() == JobStatus.STOPPED
        suspend(r)
        eventually(lambda: states(r) == {"suspended"})
        w.signal(signal.SIGTERM)
        assert w.wait() == 0
        assert "NOPERM" not in w.text() and "error" not in w.text()
    finally:
        r.acl_deluser("few")


def test_a_module_that_hangs_outlives_no_worker(worker):
    w = worker("--jobs", 1, "q", modules=("rig_hang",), wait=False)
    eventually(lambda: len(w.pids()) == 3)
    server = w.server_pid()
    w.kill()
    eventually(lambda: server not in w.pids(), 3)
    for pid in w.pids():  # what the module itself has started is its affair
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("after", ["unlink", "replace", "nothing"])
def test_a_new_server_is_of_the_workers_own_version(q, worker, tmp_path,
                                                    after):
    program = tmp_path / "crq-worker"
    shutil.copy(os.path.join(program_folder(), "crq-worker"), program)
    w = worker("--jobs", 1, "q", program=str(program))
    ended(q.enqueue("demo.noop"))
    if after != "nothing":
        program.unlink()
    if after == "replace":  # as the next version of a package does
        program.write_text("#!/bin/false\n")
        program.chmod(0o755)
    os.kill(w.server_pid(), signal.SIGKILL)
    eventually(lambda: w.text().count("1 children") == 2)
    assert ended(q.enqueue("demo.add", 2, 3)).return_value() == 5
