"""crq list: which jobs, page by page, and only their ids for other programs."""

from datetime import timedelta

import pytest
from rq import Queue, SimpleWorker
from rq.group import Group
from rq.job import Job
from rq.registry import FailedJobRegistry

from test_cli import on_terminal


@pytest.fixture
def jobs(r):
    """Jobs of all kinds in two queues."""
    q, other = Queue("default", connection=r), Queue("other", connection=r)
    q.enqueue("tasks.echo", 1, job_id="done")
    q.enqueue("tasks.fail", job_id="bad")
    q.enqueue("tasks.fail", job_id="stopped")
    SimpleWorker([q], connection=r).work(burst=True)
    r.hset("rq:job:stopped", "status", "stopped")
    q.enqueue("shop.pay", job_id="waits")
    q.enqueue("shop.send", job_id="old")
    r.hset("rq:job:old", "enqueued_at", "2020-01-01T00:00:00Z")
    q.enqueue_in(timedelta(hours=2), "shop.pay", job_id="later")
    q.enqueue("shop.pay", job_id="blocked", depends_on="waits")
    q.enqueue("shop.pay", job_id="no").cancel()
    other.enqueue("shop.pay", job_id="elsewhere")
    Group.create(connection=r, name="g").enqueue_many(other, [
        Queue.prepare_data("shop.pay", job_id="g1"),
        Queue.prepare_data("shop.send", job_id="g2")])
    return q


def ids(crq, *args):
    done = crq("list", "--ids", *args)
    assert (done.code, done.err) == (0, "")
    assert crq("list", "--ids", "--json", *args).json() == done.out.split()
    rows = crq("list", "--json", "-n", 0, *args).json()
    assert [row["id"] for row in rows] == done.out.split()
    return done.out.split()


@pytest.mark.parametrize("args,want", [
    ([], "waits old"),
    (["-s", "queued", "-s", "failed"], "waits old bad"),
    (["-s", "stopped"], "stopped"),
    (["-s", "failed", "-s", "stopped"], "bad stopped"),
    (["-s", "canceled", "-s", "deferred", "-s", "scheduled"],
     "blocked later no"),
    (["--func", "shop.pay"], "waits"),
    (["-F", "shop.*"], "waits old"),
    (["--older-than", "1d"], "old"),
    (["-q", "other"], "elsewhere g1 g2"),
    (["--group", "g"], "g1 g2"),
    (["-g", "g", "-F", "*.send"], "g2"),
    (["-g", "g", "-q", "default"], ""),
    (["-g", "g", "-s", "failed"], ""),
    (["-a"], "waits old elsewhere g1 g2"),
    (["-a", "-F", "shop.pay", "-s", "queued", "-s", "scheduled"],
     "waits later elsewhere g1"),
    (["-q", "nothing"], ""),
    (["--newest"], "old waits"),
    (["--newest", "-s", "queued", "-s", "failed", "-s", "stopped"],
     "old waits stopped bad"),
    (["--newest", "-s", "failed"], "bad"),
    (["--newest", "-a"], "old waits g2 g1 elsewhere"),
    (["--newest", "-F", "shop.*"], "old waits"),
])
def test_filters_are_those_of_the_verbs_for_many_jobs(crq, jobs, args, want):
    assert ids(crq, *args) == want.split()
    if {"-a", "-q", "-g", "--group", "--newest"} & {*args} or not args:
        return
    # What would be deleted is what is listed.
    dry = crq("delete", "--all", "-n", "-q", "default", "--json",
              *(args if "-s" in args else ["-s", "queued", *args])).json()
    assert sorted(dry["jobs"]) == sorted(want.split())


@pytest.mark.parametrize("args", [
    ["-a", "-q", "x"], ["-s", "dancing"], ["--older-than", "soon"], ["-q", ""],
    ["--newest", "-g", "g"]])
def test_options_that_make_no_sense_are_refused(crq, r, args):
    assert crq("list", *args).code == 64


def test_ids_feed_other_programs(r, crq, jobs):
    failed = crq("list", "-s", "failed", "--ids").out.split()
    assert crq("requeue", *failed).code == 0
    assert FailedJobRegistry(queue=jobs).get_job_ids() == ["stopped"]
    assert Job.fetch("bad", connection=r).get_status() == "queued"


def test_a_huge_registry_is_read_in_pages(r, crq):
    """No command has more than a page of it to answer."""
    with r.pipeline(transaction=False) as pipe:
        for i in range(25000):
            pipe.zadd("rq:failed:default", {f"j{i:05}": 2e9 + i})
        pipe.hset("rq:job:j24999", mapping={
            "data": b"x", "status": "failed", "origin": "default",
            "created_at": "2020-01-01T00:00:00Z"})
        pipe.execute()
    shared = ["-s", "failed", "-s", "stopped"]
    r.config_resetstat()
    assert ids_only(crq, *shared) == [f"j{i:05}" for i in range(25000)]
    assert ids_only(crq, *shared, "-n", 2, "-o", 20001) == ["j20001", "j20002"]
    row, = crq("list", "-j", *shared, "-o", 24999).json()
    assert row["id"] == "j24999"
    stats = r.info("commandstats")
    assert sum(stats[f"cmdstat_{name}"]["calls"]
               for name in ("evalsha", "eval", "script|load")
               if f"cmdstat_{name}" in stats) < 20
    assert stats["cmdstat_hgetall"]["calls"] <= 501
    assert {name for name in stats if "range" in name} == {"cmdstat_zrange"}


def test_the_newest_of_a_huge_registry_are_read_first(r, crq):
    with r.pipeline(transaction=False) as pipe:
        for i in range(25000):
            pipe.zadd("rq:finished:default", {f"j{i:05}": 2e9 + i // 2})
            pipe.rpush("rq:queue:default", f"j{i:05}")
        pipe.execute()
    want = [f"j{i:05}" for i in reversed(range(25000))]
    for status in "finished", "queued":
        newest = ["--newest", "-s", status]
        assert ids_only(crq, *newest) == want
        assert ids_only(crq, *newest, "-n", 2, "-o", 20001) == want[20001:20003]
        r.config_resetstat()
        assert ids_only(crq, *newest, "-n", 3) == want[:3]
        stats = r.info("commandstats")
        assert sum(stats[name]["calls"] for name in stats
                   if "range" in name) == 1


def test_jobs_that_ended_last_are_the_newest(r, crq):
    q = Queue(connection=r)
    names = [f"job{i}" for i in range(5)]
    for name in names:
        q.enqueue("tasks.fail" if name in {"job1", "job3"} else "tasks.echo", 1,
                  job_id=name)
    SimpleWorker([q], connection=r).work(burst=True)
    for status in "finished", "failed":  # their scores are whole seconds
        for i, name in enumerate(names):
            r.zadd(f"rq:{status}:default", {name: 2e9 + i}, xx=True)
    assert ids(crq, "-s", "finished", "--newest") == ["job4", "job2", "job0"]
    assert ids(crq, "-s", "failed", "--newest") == ["job3", "job1"]


def ids_only(crq, *args):
    return crq("list", "--ids", *args).out.split()


def test_a_terminal_is_told_how_many_more_there_are(redis_server, r, crq,
                                                    jobs):
    def last_line(*args):
        return on_terminal(redis_server.url, 80, "list", *args)[-1]

    assert last_line("-n", "1") == "1 more; -n 0 shows all"
    assert last_line("-n", "1", "-F", "shop.*") == (
        "there may be more; -n 0 shows all")
    assert "more" not in last_line("-n", "2")
    assert last_line("-q", "nothing") == "no such jobs in queue nothing"
    mixed = on_terminal(redis_server.url, 80, "list", "-s", "queued", "-s",
                        "scheduled")
    assert mixed[0].split() == ["JOB", "STATUS", "AGE", "CALL"]
    assert mixed[-1].split()[:4] == ["later", "scheduled", "in", "1h"]
    assert max(map(len, mixed)) <= 80
