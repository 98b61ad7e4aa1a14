"""Keys that hold another type of value than RQ and crq keep there: whoever
looks at all there is sees everything else, and is told of them."""

import pytest
from rq import Queue

JOB, WORKER, GROUP, SCHEDULE = "a-job", "ann", "crowd", "tick"
#: Every key that there is once, or once for a name: what it should be.
KEYS = {
    "rq:queues": "set", "rq:workers": "set", "rq:groups": "set",
    "rq:suspended": "string", "crq:alive": "zset", "crq:promoting": "hash",
    "crq:schedules": "zset", "crq:triggers": "hash",
    "crq:scheduler:leader": "string", "crq:scheduler:wanted": "zset",
    "crq:scheduler:quarantine": "hash", "crq:failures": "zset",
    "crq:failures:counts": "hash", "crq:failures:samples": "hash",
    "rq:scheduler:scheduled_jobs": "zset", "rq:scheduler_lock": "string",
    "rq:cron_schedulers": "zset", "crq:stats:queue:": "hash",
    "crq:stats:queue:q": "hash", "rq:queue:q": "list",
    "rq:queue:q:intermediate": "list", "rq:wip:q": "zset",
    "rq:finished:q": "zset", "rq:failed:q": "zset", "rq:deferred:q": "zset",
    "rq:scheduled:q": "zset", "rq:canceled:q": "zset",
    "rq:workers:q": "set", "rq:clean_registries:q": "string",
    "rq:scheduler-lock:q": "string", f"rq:worker:{WORKER}": "hash",
    f"rq:group:{GROUP}": "set", f"crq:schedule:{SCHEDULE}": "hash",
    f"crq:runs:{WORKER}": "hash", f"rq:job:{JOB}": "hash",
    f"rq:job:{JOB}:dependents": "set", f"rq:job::{JOB}:dependencies": "set",
    f"rq:results:{JOB}": "stream", f"rq:executions:{JOB}": "zset",
    f"crq:log:{JOB}": "stream",
}
#: Not read as what they are, but by whether they are there.
ANY = {"rq:suspended"}
PAGES = ["/", "/queues/q", "/jobs", "/jobs?status=failed",
         "/jobs?status=started", "/jobs?status=finished&queue=q",
         "/failures", "/workers", "/schedules", "/groups", "/api",
         f"/jobs/{JOB}", f"/jobs/{JOB}/log", f"/groups/{GROUP}"]
API = ["/queues", "/queues/q", "/queues/q/stats", "/stats", "/failures",
       "/suspension", "/jobs", "/jobs?status=failed", "/jobs?status=deferred",
       f"/jobs/{JOB}", f"/jobs/{JOB}/result", f"/jobs/{JOB}/results",
       f"/jobs/{JOB}/log", "/workers", f"/workers/{WORKER}", "/schedules",
       f"/schedules/{SCHEDULE}", "/groups", f"/groups/{GROUP}"]
VERBS = [["info"], ["list", "-q", "q"], ["list", "-q", "q", "-s", "failed"],
         ["list", "-q", "q", "-s", "started"], ["workers"], ["schedules"],
         ["top"], ["doctor"], ["show", JOB], ["result", JOB], ["log", JOB],
         ["position", JOB]]


@pytest.fixture
def all_there(r):
    """Something in every place."""
    q = Queue("q", connection=r)
    q.enqueue("f", job_id=JOB)
    q.enqueue("f", job_id="waits", depends_on=JOB)
    r.sadd("rq:workers", f"rq:worker:{WORKER}")
    r.hset(f"rq:worker:{WORKER}", mapping={
        "birth": "2026-01-01T00:00:00.000000Z", "queues": "q", "pid": "1",
        "last_heartbeat": "2026-01-01T00:00:00.000000Z", "state": "idle"})
    r.sadd("rq:groups", GROUP)
    r.sadd(f"rq:group:{GROUP}", JOB)
    r.zadd("crq:schedules", {SCHEDULE: 4e9})
    r.hset(f"crq:schedule:{SCHEDULE}", mapping={"id": SCHEDULE})
    r.zadd("crq:alive", {WORKER: 4e9})
    r.zadd("rq:failed:q", {"gone": 4e9})
    return r


def make_foreign(r, key):
    r.delete(key)
    if KEYS[key] == "string":
        r.rpush(key, "x")
        return "list"
    r.set(key, "x")
    return "string"


#: Where each is told of, beside crq doctor: a page, and the REST interface.
TOLD = {
    "rq:queues": ("/", "/queues"), "rq:workers": ("/workers", "/workers"),
    "rq:groups": ("/groups", "/groups"),
    "crq:schedules": ("/schedules", "/schedules"),
    "crq:scheduler:leader": ("/", None),
    "crq:scheduler:quarantine": ("/schedules", None),
    "crq:failures": ("/failures", "/failures"),
    "crq:stats:queue:q": ("/queues/q", "/queues/q/stats"),
    "crq:stats:queue:": ("/", "/stats"),
    "rq:queue:q": ("/", "/queues/q"), "rq:wip:q": ("/", "/queues"),
    "rq:failed:q": ("/jobs?status=failed", "/jobs?status=failed"),
    f"rq:worker:{WORKER}": ("/workers", "/workers"),
    f"rq:group:{GROUP}": ("/groups", None),
    f"rq:results:{JOB}": (f"/jobs/{JOB}", f"/jobs/{JOB}/results"),
}


@pytest.mark.parametrize("key", KEYS)
def test_one_key_of_a_foreign_type_hides_nothing_else(
        all_there, crq, gateway, key):  # noqa: F811
    r = all_there
    web = gateway(app=None)
    kind = make_foreign(r, key)
    for path in PAGES:
        reply = web.get(path)
        assert reply.status < 500, (path, reply.body)
    for path in API:
        reply = web.get("/api/v1" + path)
        assert reply.status < 500, (path, reply.body)
    reply = web.get("/metrics")
    assert reply.status == 200, reply.body
    for verb in VERBS:
        done = crq(*verb)
        assert done.code in (0, 1), (verb, done)
    found = crq("doctor", "--json").json()
    assert key in ANY or any(
        (one["check"], one["where"]) == ("foreign", key)
        and one["what"] == f"is a {kind}, where a {KEYS[key]} is kept"
        for one in found) or JOB in key, found
    page, path = TOLD.get(key, (None, None))
    if page is not None:
        text = web.get(page).body.decode()
        assert f"<b>{key}</b> is a {kind}, where a {KEYS[key]} is kept" in text
        assert "crq doctor" in text
    if path is not None:
        field = web.get("/api/v1" + path).headers["crq-foreign-keys"]
        assert f"{key};is={kind};want={KEYS[key]}" in field
    assert r.type(key).decode() == kind


def test_where_all_is_as_it_should_be_nothing_is_told(
        all_there, crq, gateway):  # noqa: F811
    web = gateway(app=None)
    for path in PAGES:
        assert "where a" not in web.get(path).body.decode(), path
    for path in API:
        assert "crq-foreign-keys" not in web.get("/api/v1" + path).headers
    for verb in VERBS:
        assert "where a" not in crq(*verb).err, verb


def test_a_verb_that_looks_tells_of_them_and_goes_on(all_there, crq):
    make_foreign(all_there, "rq:workers")
    done = crq("info")
    assert done.code == 0 and "q" in done.out
    assert done.err == "crq: 'rq:workers' is a string, where a set is kept: " \
        "see crq doctor\n"
    # What changes something does not look past it.
    make_foreign(all_there, "rq:queue:q")
    assert crq("cancel", JOB).code == 69
