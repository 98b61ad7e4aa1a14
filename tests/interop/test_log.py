"""Lines that tasks log are kept with their job, until it goes."""

import os
import subprocess
import time

import pytest
from rq import Retry
from rq.job import JobStatus

from conftest import eventually

ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED)


@pytest.fixture
def start(worker):
    return lambda *args: worker("-q", "--jobs", 1, *args, "q",
                                modules=("demo", "rig_tasks"))


def ended(job):
    eventually(lambda: job.get_status() in ENDED)
    return job


def texts(crq, job):
    return [line["text"] for line in crq("log", "--json", job.id).json()]


def test_what_a_task_logs_is_there_when_its_job_has_ended(r, q, crq, start):
    start()
    job = ended(q.enqueue("rig.log", 5, result_ttl=77))
    lines = crq("log", "--json", job.id).json()

    assert [line["text"] for line in lines] == [
        f"line {i}" for i in range(5)]
    run = job.latest_result().execution_id
    assert {line["execution_id"] for line in lines} == {run}
    job.refresh()
    assert all(line["time"] <= f"{job.ended_at:%Y-%m-%dT%H:%M:%S.%fZ}"
               for line in lines)
    assert 70 < r.ttl(f"crq:log:{job.id}") <= 77

    shown = crq("log", job.id).out.splitlines()
    assert [line.split("  ")[1] for line in shown] == [
        f"line {i}" for i in range(5)]
    assert "\nlog\n  20" in crq("show", job.id).out
    assert crq("show", "--json", job.id).json()["log"] == lines


def test_a_job_without_lines_has_no_log(r, q, crq, start):
    start()
    job = ended(q.enqueue("demo.noop"))
    assert r.exists(f"crq:log:{job.id}") == 0
    assert crq("log", job.id).out == "" and crq("log", job.id).code == 0
    assert crq("log", "--json", job.id).json() == []
    assert crq("log", "nobody").code == 1
    assert "\nlog" not in crq("show", job.id).out


def test_all_runs_of_a_job_are_in_its_log(r, q, crq, start):
    start()
    job = ended(q.enqueue("rig.log", 1, then="fail", retry=Retry(2)))
    lines = crq("log", "--json", job.id).json()
    assert [line["text"] for line in lines] == ["line 0"] * 3
    assert len({line["execution_id"] for line in lines}) == 3


def test_a_run_that_dies_has_logged_too(q, crq, start):
    start()
    job = ended(q.enqueue("rig.log", 2, then="crash"))
    assert job.get_status() == JobStatus.FAILED
    assert texts(crq, job) == ["line 0", "line 1"]


def test_lines_of_a_running_job_can_be_followed(redis_server, q, crq, start):
    job = q.enqueue("rig.log", 5, 200)
    program = subprocess.Popen(
        [os.environ["CRQ_BIN"], "-u", redis_server.url, "log", "--follow",
         job.id], stdout=subprocess.PIPE, text=True)
    start()
    first = program.stdout.readline()
    assert first.endswith("line 0\n")
    assert job.get_status() == JobStatus.STARTED
    rest, _ = program.communicate(timeout=20)
    assert [line.split("  ")[1] for line in rest.splitlines()] == [
        "line 1", "line 2", "line 3", "line 4"]
    assert program.returncode == 0
    # Of a job that has ended there is nothing to wait for.
    began = time.monotonic()
    objects = crq("log", "-f", "--json", job.id).out.splitlines()
    assert len(objects) == 5 and time.monotonic() - began < 5


def test_a_run_that_logs_too_much_keeps_its_first_lines(q, crq, start):
    start()
    kept = texts(crq, ended(q.enqueue("rig.log", 10000)))
    assert len(kept) == 4096
    assert kept[0] == "line 0" and kept[4094] == "line 4094"
    assert kept[4095] == "(further lines of this run are not kept)"


def test_the_newest_runs_stay_when_a_job_logs_too_much(r, q, crq, start):
    start()
    job = ended(q.enqueue("rig.log", 4096, then="fail", retry=Retry(5)))
    lines = crq("log", "--json", job.id).json()
    assert len(lines) == 16384
    assert len({line["execution_id"] for line in lines}) == 4


def test_a_deleted_job_has_no_log(r, q, start):
    start()
    job = q.enqueue("rig.log", 3, result_ttl=0)
    eventually(lambda: not r.exists(job.key))
    assert r.keys("crq:log:*") == []


def test_a_job_that_python_deletes_while_it_runs_logs_no_more(r, q, start):
    start()
    job = q.enqueue("rig.log", 20, 100)
    eventually(lambda: r.exists(f"crq:log:{job.id}"))
    assert 0 < r.ttl(f"crq:log:{job.id}") <= 86400
    job.delete()
    length = r.xlen(f"crq:log:{job.id}")
    eventually(lambda: not r.keys("crq:runs:*"))
    assert r.xlen(f"crq:log:{job.id}") == length
    assert 0 < r.ttl(f"crq:log:{job.id}") <= 86400


def test_what_a_task_prints_is_not_in_the_log(r, q, start):
    w = start()
    job = ended(q.enqueue("rig.say", "hello there"))
    assert r.exists(f"crq:log:{job.id}") == 0
    eventually(lambda: "hello there" in w.text())


def test_bytes_that_are_no_text_do_not_end_the_run(q, crq, start):
    start()
    job = ended(q.enqueue("rig.log", 0, then="bytes"))
    assert job.get_status() == JobStatus.FINISHED
    assert texts(crq, job) == ["caf?"]


def test_a_redis_that_was_flushed_of_scripts_loses_no_line(r, q, crq, start):
    start()
    for _ in range(3):
        r.script_flush()
        job = ended(q.enqueue("rig.log", 2))
        assert texts(crq, job) == ["line 0", "line 1"]
