"""What RQ writes, crq reads: every field, every value, every status."""

import datetime

import pytest
from rq import Queue, SimpleWorker, Worker
from rq.job import Job, Retry

import tasks


def work(r, *queues):
    SimpleWorker([Queue(q, connection=r) for q in queues],
                 connection=r).work(burst=True, logging_level="ERROR")


pytestmark = pytest.mark.old_rq


def test_every_field_of_a_job_is_shown(r, crq):
    queue = Queue("q", connection=r)
    first = queue.enqueue("tasks.echo", 1, job_id="first")
    job = queue.enqueue(
        "tasks.echo", 1, "x", k=None, job_id="second", job_timeout=11,
        result_ttl=22, failure_ttl=33, ttl=44, description="d",
        depends_on=first, meta={"a": (1, 2)}, at_front=True,
        retry=Retry(max=3, interval=[1, 2]))

    shown = crq("show", "second", "--json").json()

    assert shown["id"] == "second" and shown["status"] == "deferred"
    assert shown["queue"] == "q" and shown["func"] == "tasks.echo"
    assert shown["args"] == [1, "x"] and shown["kwargs"] == {"k": None}
    assert (shown["timeout"], shown["result_ttl"], shown["failure_ttl"],
            shown["ttl"]) == (11, 22, 33, 44)
    assert shown["description"] == "d" and shown["meta"] == {"a": [1, 2]}
    assert shown["retries_left"] == 3 and shown["retry_intervals"] == [1, 2]
    assert shown["dependency_ids"] == ["first"]
    assert shown["created_at"] == job.created_at.strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ")
    assert 0 < shown["expires_in"] <= 44
    assert shown["results"] == [] and shown["result"] is None
    assert crq("show", "first", "--json").json()["position"] == 0


#: What crq shows of a value that JSON has no form for.
SHOWN = {
    "bytes": "b'\\x00\\xff'",
    "bytearray": "bytearray(b'xyz')",
    "tuple": [1, [], ["a", None]],
    "dict": {"a": 1, "2": "b", "None": 3.5, "(1, 2)": []},
    "set": [1, 2, 3],
    "frozenset": ["x"],
    "datetime": "2026-11-21T07:47:50.513712",
    "aware": "2026-01-02T03:04:05+00:00",
    "offset": "2026-01-02T00:00:00-05:00",
    "date": "2026-02-28",
    "time": "23:59:59.999999",
    "timedelta": "datetime.timedelta(days=-1, seconds=5, microseconds=7)",
    "decimal": "Decimal('-1.50E+10')",
    "uuid": "UUID('12345678-1234-5678-1234-567812345678')",
}


@pytest.mark.parametrize("name", tasks.VALUES)
def test_every_value_is_read_as_argument_and_result(r, crq, name):
    value = tasks.VALUES[name]
    Queue(connection=r).enqueue("tasks.echo", value, job_id="v")
    work(r, "default")

    shown = crq("result", "v", "--json").json()

    want = SHOWN.get(name, value)
    assert shown["result"] == want and shown["args"] == [want]
    printed = crq("result", "v").out
    if isinstance(value, str):
        assert printed == value + "\n"
    elif name != "ordered":  # its repr changed in Python 3.12
        assert printed == repr(value) + "\n"
    assert shown["description"] == Job.fetch("v", connection=r).description


@pytest.mark.parametrize("name", [n for n in tasks.VALUES if n != "ordered"])
def test_the_description_is_pythons(r, crq, name):
    """Enqueued by crq as a literal, described by RQ from the same value."""
    value = tasks.VALUES[name]
    text = repr(value)
    if "(" in text and not text.startswith("(") or isinstance(
            value, (bytearray,)):
        pytest.skip("it has no literal")
    crq("enqueue", "--job-id", "c", "f", f"%{text}")
    assert Job.fetch("c", connection=r).description == f"f({text})"


def test_a_finished_failed_and_retried_job_tell_their_story(r, crq):
    queue = Queue(connection=r)
    queue.enqueue("tasks.echo", [1], job_id="good")
    queue.enqueue("tasks.fail", "what a day", job_id="bad")
    work(r, "default")

    good = crq("show", "good")
    bad = crq("show", "bad")

    assert "good  finished" in good.out and "successful" in good.out
    assert "tasks.echo([1])" in good.out and "waited" in good.out
    assert "bad  failed" in bad.out
    assert "ValueError: what a day" in bad.out
    results = crq("show", "bad", "--json").json()["results"]
    assert len(results) == 1 and results[0]["type"] == "failed"
    assert "what a day" in results[0]["exc_string"]


def test_an_object_of_a_class_is_named_not_unpickled(r, crq):
    Queue(connection=r).enqueue("tasks.echo", tasks.Order(7), job_id="o")
    Queue(connection=r).enqueue(tasks.Order(7).ship, job_id="m")

    for job_id in "o", "m":
        shown = crq("show", job_id, "--json")
        assert shown.code == 0
        assert shown.json()["func"] is None
        assert "tasks.Order" in shown.json()["problem"]
    work(r, "default")
    done = crq("result", "o")
    assert done.code == 1 and "tasks.Order" in done.err


def test_lists_counts_and_workers_agree_with_rq(r, crq):
    queue = Queue("q", connection=r)
    for i in range(3):
        queue.enqueue("tasks.echo", i, job_id=f"j{i}")
    queue.enqueue("tasks.fail", job_id="bad")
    work(r, "q")
    queue.enqueue("f", job_id="waits")
    first = queue.enqueue_in(datetime.timedelta(hours=1), "f", job_id="later")
    queue.enqueue("f", depends_on=first, job_id="blocked")
    worker = Worker([queue], connection=r, name="w1")
    worker.register_birth()
    try:
        info = crq("info", "--json").json()
        [row] = info["queues"]
        assert row.pop("stats")["run"]["count"] == 0  # RQ's worker ran them
        assert row == {"name": "q", "queued": 1, "started": 0, "finished": 3,
                       "failed": 1, "deferred": 1, "scheduled": 1,
                       "canceled": 0}
        [shown] = info["workers"]
        assert shown["name"] == "w1" and shown["queues"] == "q"
        assert shown["pid"] == str(worker.pid)
        for status, ids in [("queued", {"waits"}), ("failed", {"bad"}),
                            ("finished", {"j0", "j1", "j2"}),
                            ("scheduled", {"later"}),
                            ("deferred", {"blocked"}), ("canceled", set())]:
            rows = crq("list", "-q", "q", "-s", status, "--json").json()
            assert {row["id"] for row in rows} == ids
            assert {row["status"] for row in rows} <= {status}
            lines = crq("list", "-q", "q", "-s", status).out.splitlines()
            assert {line.split()[0] for line in lines} == ids
    finally:
        worker.register_death()


def test_info_raw_is_rqs(redis_server, r, crq):
    import subprocess
    import sys
    queue = Queue("q", connection=r)
    queue.enqueue("tasks.echo", 1)
    queue.enqueue("tasks.fail")
    work(r, "q")
    queue.enqueue("f")
    worker = Worker([queue, Queue("other", connection=r)], connection=r,
                    name="w1")
    worker.register_birth()
    try:
        rq = subprocess.run(
            [sys.executable, "-m", "rq.cli", "info", "--raw", "--url",
             redis_server.url],
            capture_output=True, text=True, timeout=60, check=True)
        assert sorted(crq("info", "--raw").out.splitlines()) == sorted(
            rq.stdout.splitlines())
        assert crq("info").code == 0
    finally:
        worker.register_death()


def test_info_parts_its_tables_with_one_empty_line(r, crq):
    worker = Worker([Queue("q", connection=r)], connection=r, name="w1")
    r.sadd("rq:queues", "rq:queue:q")
    worker.register_birth()
    try:
        for args, heads in [([], ["QUEUE", "WORKER"]), (["-Q"], ["QUEUE"]),
                            (["-W"], ["WORKER"])]:
            *tables, summary = crq("info", *args).out.split("\n\n")
            assert [t[:t.index(" ")] for t in tables] == heads
            assert summary.count("\n") == 1 and summary[0].isdigit()
    finally:
        worker.register_death()


def test_damaged_hashes_are_shown_as_far_as_they_go(r, crq):
    Queue(connection=r).enqueue("tasks.echo", 1, job_id="d")
    damages = {"timeout": "soon", "created_at": "yesterday", "data": "junk",
               "status": "dancing", "description": b"\xff\x1b[31m",
               "meta": b"\x80\x05junk.", "retry_intervals": "[1,"}
    for field, damage in damages.items():
        before = r.hget("rq:job:d", field)
        r.hset("rq:job:d", field, damage)
        shown = crq("show", "d", "--json")
        assert shown.code == 0, (field, shown.err)
        assert crq("show", "d").code == 0
        assert crq("list", "--json").json()[0]["id"] == "d"
        if field not in ("status", "retry_intervals"):
            assert field in shown.json()["problem"], field
        if before is None:
            r.hdel("rq:job:d", field)
        else:
            r.hset("rq:job:d", field, before)
    assert "problem" not in crq("show", "d", "--json").json()


def test_job_data_cannot_speak_to_the_terminal(r, crq):
    Queue(connection=r).enqueue("f", job_id="e", description="a\x1b[31mb\nc")

    for args in ["show", "e"], ["list"]:
        assert "\x1b" not in crq(*args).out
