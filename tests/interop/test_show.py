"""crq show tells a job's whole story: on one screen, or in full, or as JSON."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from datetime import timedelta

import pytest
from rq import Callback, Repeat, Retry, SimpleWorker
from rq.executions import Execution
from rq.job import Dependency, Job
from rq.webhook import Webhook

import tasks


def run(q):
    SimpleWorker([q], connection=q.connection).work(burst=True)


def rows(crq, job_id, *options, err=""):
    """The rows of the first section by their names."""
    done = crq("show", job_id, *options)
    assert (done.code, done.err) == (0, err)
    return dict(re.findall(r"^  (\w[a-z ]{0,10}\w) +(.*)$",
                           done.out.split("\n\n")[0], re.M))


def sections(crq, job_id, *options):
    """Of the other sections the lines by the heading."""
    found = {}
    for block in crq("show", job_id, *options).out.split("\n\n")[1:]:
        name, *lines = block.strip("\n").split("\n")
        found[name] = lines
    return found


def on_terminal(redis_server, *args, columns=80):
    """What a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [os.environ["CRQ_BIN"], "-u", redis_server.url, *args],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    out = b""
    try:
        while True:
            out += os.read(ours, 65536)
    except OSError:  # nobody has it open any more
        pass
    os.close(ours)
    assert process.wait() == 0
    return out.decode().replace("\r\n", "\n")


def test_settings_that_were_not_given_take_no_room(q, crq):
    q.enqueue("tasks.echo", 1, job_id="a", job_timeout=50)
    shown = rows(crq, "a")
    assert shown.keys() == {"call", "queue", "created", "enqueued", "waiting",
                            "timeout"}
    assert shown["call"] == "tasks.echo(1)" and shown["timeout"] == "50s"
    assert re.fullmatch(r"for [\d.]+m?s  number 1 in the queue",
                        shown["waiting"])
    assert sections(crq, "a") == {}


def test_all_settings_are_shown_in_words(q, crq):
    q.enqueue(
        "tasks.echo", job_id="a", description="feed it",
        result_ttl=-1, failure_ttl=3600, ttl=7200, meta={"k": [1]},
        retry=Retry(max=4, interval=[10, 20]),
        repeat=Repeat(times=3, interval=[30, 20, 15]),
        on_success=Callback("m.won", timeout=5), on_failure=Callback("m.lost"),
        on_stopped=Callback("m.stopped"),
        webhooks=[Webhook(url="http://x/1", job_status="finished"),
                  Webhook(url="http://x/2", job_status="failed",
                          method="POST")])
    shown = rows(crq, "a")
    assert shown["description"] == "feed it"
    assert shown["result ttl"] == "for ever"
    assert shown["failure ttl"] == "1h 0m" and shown["ttl"] == "2h 0m"
    assert shown["retries"] == "4 left, the next 10s after a failure"
    assert shown["repeats"] == "3 left, the next 15s after a success"
    assert shown["on success"] == "m.won  for at most 5s"
    assert shown["on failure"] == "m.lost  for at most 1m 0s"
    assert shown["on stopped"].startswith("m.stopped")
    assert shown["when done"] == "GET http://x/1"
    assert shown["when failed"] == "POST http://x/2"
    assert shown["meta"] == '{"k":[1]}' and "expires in" in shown


@pytest.mark.parametrize("left,next_one", [
    (4, "10s"), (3, "10s"), (2, "10s"), (1, "20s")])
def test_the_next_retry_comes_when_rq_has_it(q, crq, left, next_one):
    """RQ's own rule is the expectation."""
    job = q.enqueue("tasks.echo", job_id="a",
                    retry=Retry(max=4, interval=[10, 20]))
    job.retries_left = left
    job.save()
    assert f"{job.get_retry_interval()}s" == next_one
    assert rows(crq, "a")["retries"] == (
        f"{left} left, the next {next_one} after a failure")


def test_the_times_are_in_order_with_what_took_how_long(q, crq):
    job = q.enqueue("tasks.echo", job_id="a")
    job.created_at -= timedelta(hours=2)
    job.enqueued_at = job.created_at + timedelta(minutes=1)
    job.started_at = job.enqueued_at + timedelta(seconds=3.2)
    job.ended_at = job.started_at + timedelta(seconds=62)
    job.save()
    shown = rows(crq, "a")
    assert [n for n in shown if n.endswith("ed")] == [
        "created", "enqueued", "started", "ended"]
    assert shown["started"].endswith("  waited 3.2s")
    assert shown["ended"].endswith("  ran 1m 2s")
    # Enqueued again: its last run was before that.
    job.enqueued_at = job.ended_at + timedelta(seconds=9)
    job.save()
    shown = rows(crq, "a")
    assert [n for n in shown if n.endswith("ed")] == [
        "created", "started", "ended", "enqueued"]
    assert "waited" not in shown["started"] and "ran" in shown["ended"]


def test_a_scheduled_job_says_when_it_is_due(r, q, crq):
    q.enqueue_in(timedelta(hours=1), "tasks.echo", job_id="a")
    assert re.search(r"  in (1h 0|59)m", rows(crq, "a")["due"])
    r.zincrby("rq:scheduled:q", -7200, "a")
    assert re.search(r"  late by (1h 0|59)m", rows(crq, "a")["due"])


def test_attempts_of_all_kinds_come_newest_last(q, crq):
    q.enqueue("tasks.again", 2, job_id="a")
    run(q)
    shown = sections(crq, "a")
    lines = shown["attempts"]
    assert [line.split()[:2] for line in lines[::2]] == [
        ["1", "retried"], ["2", "retried"], ["3", "max_retries_exceeded"]]
    results = crq("show", "--json", "a").json()["results"]
    for line, result in zip(lines[1::2], reversed(results)):
        assert line == (f"     by {result['worker_name']}"
                        f" run {result['execution_id']}")
        assert len(line) <= 80
    assert all("  took " in line for line in lines[::2])
    assert rows(crq, "a")["retried"] == "2 times as the task asked"


def test_only_the_last_attempts_fill_the_screen(q, crq):
    q.enqueue("tasks.again", 7, job_id="a")
    run(q)
    lines = sections(crq, "a")["attempts"]
    assert lines[0].strip() == "(3 before; --full shows all)"
    assert [line.split()[0] for line in lines[1::2]] == list("45678")
    assert len(sections(crq, "a", "--full")["attempts"]) == 16


def test_a_run_under_way_is_the_last_attempt(r, q, crq):
    job = q.enqueue("tasks.fail", "once", job_id="a")
    run(q)
    job.requeue()
    with r.pipeline() as pipe:
        execution = Execution.create(job, 90, pipeline=pipe)
        job.prepare_for_execution("wanda", pipe)
        pipe.execute()
    assert rows(crq, "a")["running"].startswith("for ")
    lines = sections(crq, "a")["attempts"]
    assert lines[0].split()[:2] == ["1", "failed"]
    assert [line.strip() for line in lines[2:]] == [
        "2  running", f"by wanda run {execution.id}"]
    assert crq("show", "-j", "a").json()["executions"] == [execution.id]


def test_an_error_shows_its_end_or_in_full_all_of_it(q, crq):
    q.enqueue("tasks.fail", "\n".join(f"line {i}" for i in range(40)),
              job_id="a")
    run(q)
    lines = sections(crq, "a")["error"]
    assert re.fullmatch(r"  \(\d+ lines above; --full shows all\)", lines[0])
    assert [x.strip() for x in lines[1:]] == [
        f"line {i}" for i in range(28, 40)]
    full = sections(crq, "a", "--full")["error"]
    assert full[0] == "  Traceback (most recent call last):"
    assert len(full) == int(re.search(r"\d+", lines[0])[0]) + 12
    whole = crq("show", "a", "--json").json()["error"]
    assert [x.strip() for x in whole.splitlines()] == [
        x.strip() for x in full]


def test_earlier_errors_are_one_line_each(q, crq):
    job = q.enqueue("tasks.fail", "the first", job_id="a")
    run(q)
    job.requeue()
    run(q)
    lines = sections(crq, "a")["attempts"]
    assert lines[2] == "     ValueError: the first" and len(lines) == 5
    assert "Traceback" in "\n".join(sections(crq, "a", "-f")["attempts"])


def test_what_is_long_is_cut_unless_in_full(q, crq):
    q.enqueue("tasks.echo", "z" * 5000, job_id="a")
    run(q)
    shown = crq("show", "a").out
    assert len(shown) < 2500 and "(cut; --full shows all)" in shown
    assert "description" not in shown
    full = crq("show", "a", "--full").out
    assert full.count("z" * 5000) == 2 and "cut" not in full


def test_who_waits_on_whom_fits_on_the_screen(r, q, crq):
    ids = [f"parent-with-a-name-{i}" for i in range(4)]
    for job_id in ids[:3]:
        q.enqueue("tasks.echo", job_id=job_id)
    for i in range(300):
        q.enqueue("tasks.echo", job_id=f"child-{i:03}",
                  depends_on=Dependency(ids[:1], allow_failure=True)
                  if i else ids)
    r.hset(f"rq:job:{ids[1]}", "status", "failed")
    child = crq("show", "child-000").out
    assert (f"  waits on    {ids[0]} (queued), {ids[1]} (failed),\n"
            f"              {ids[2]} (queued), {ids[3]} (gone)\n") in child
    assert rows(crq, "child-001")["waits on"].endswith("; failed ones will do")
    needed = rows(crq, ids[0])["needed by"]
    assert needed.startswith("child-000, child-001, ") and len(needed) < 67
    names, more = needed.split(" and ")
    assert len(names.split(", ")) + int(more.split()[0]) == 300
    assert crq("show", "-f", ids[0]).out.count("child-") == 300
    job = Job.fetch("child-001", connection=r)
    job.set_status("finished")
    assert "waited on" in rows(crq, "child-001")


def test_a_damaged_dependency_hides_nothing_else(r, q, crq):
    q.enqueue("tasks.echo", job_id="a", depends_on=["p", "s"])
    r.hset("rq:job:a", "status", "deferred")
    r.hset("rq:job:a", "dependency_ids", '["p", 5, "%s", "s"]' % ("x" * 999))
    r.set("rq:job:s", "no hash")
    r.hset("rq:job:p", "status", "dancing")
    assert rows(crq, "a", err="crq: a key of the job holds another type of "
                "value: see crq doctor\n")["waits on"] == "p (dancing), s (gone)"
    r.hset("rq:job:a", "status", "started")
    r.set("rq:executions:a", "no zset")
    assert crq("show", "a").code == 0


def test_a_terminal_gets_colours_and_a_pipe_none(r, q, crq, redis_server):
    q.enqueue("tasks.fail", "no \x1b[5m luck", job_id="a",
              depends_on=[f"{i:032x}" for i in range(3)])
    run(q)
    q.enqueue("tasks.echo", tasks.VALUES, job_id="b")
    seen = on_terminal(redis_server, "show", "a")
    assert "\x1b[31mfailed\x1b[0m" in seen and "\x1b[5m" not in seen
    plain = re.sub(r"\x1b\[\d+m", "", seen)
    assert all(len(line) <= 80 for line in plain.splitlines()
               if "Traceback" not in line and "File" not in line)
    assert plain.splitlines()[:4] == crq("show", "a").out.splitlines()[:4]
    assert "\x1b" not in crq("show", "a").out
    assert on_terminal(redis_server, "show", "b", columns=15)
