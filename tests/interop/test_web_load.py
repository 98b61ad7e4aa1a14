"""crq-web under load, beside probes of the same minutes: tests/bench/requests
and tests/bench/sockets make it. Sanitizers would be measured as well, so this
wants a build without: ./check gateway. CRQ_LONG=1: ten minutes, and a million
jobs."""

import json
import os
import re
import subprocess
import time

import pytest
import redis
from conftest import (WorkerProcess, _free_port, _wait_until_up, eventually,
                      module, program_folder)
from web import Gateway
from rq.job import Job

LONG = bool(os.environ.get("CRQ_LONG"))
CHANNEL = "gate:channel:A1"


@pytest.fixture(autouse=True)
def plain_build():
    with open(os.path.join(program_folder(), "crq-web"), "rb") as f:
        if b"libasan" in f.read():
            pytest.skip("the build has sanitizers")


def program(name):
    return os.path.join(program_folder(), "tests/bench", name)


def requests(port, path, clients, seconds):
    """What became of the requests of so many clients, each one at a time."""
    done = subprocess.run(
        [program("requests"), str(port), path, str(clients), str(seconds)],
        capture_output=True, text=True, timeout=seconds + 120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def publish(r, bytes_, *args):
    """Sockets that hear one channel, and messages for them."""
    made = subprocess.Popen([program("sockets"), *map(str, args)],
                            stdout=subprocess.PIPE, text=True)
    text = "x" * (bytes_ - 30)
    for line in made.stdout:
        if not line.startswith("publish "):
            break
        r.publish(CHANNEL, json.dumps(
            {"n": int(line.split()[1]), "text": text}))
    assert made.wait(120) == 0
    return json.loads(line)




@pytest.fixture
def web(gateway, worker):
    worker("--jobs", 2, "web", modules=("demo", "gate"))
    return gateway()


# ---- requests that wait ----

def test_a_job_is_answered_within_fifteen_round_trips(web, redis_server):
    """On a machine that has nothing else to do: of several medians the best
    one counts, beside the best round trip. What else runs makes both slower,
    but seven processes more than two."""
    requests(web.port, "/demo/add/1/2", 1, 0.5)
    bare, jobs = [], []
    while len(jobs) < 30 and not (jobs and min(jobs) < 15 * min(bare)):
        for taken, port, path in ((bare, redis_server.port, "PING"),
                                  (jobs, web.port, "/demo/add/1/2")):
            taken.append(requests(port, path, 1, 0.5)["answers"]["p50_us"])
    print(f"a job's answer {min(jobs)} us, a round trip {min(bare)} us")
    assert min(jobs) < 15 * min(bare)


def test_two_thousand_wait_and_none_is_starved(web):
    got = requests(web.port, "/demo/add/1/2", 2000, 0)
    print(got)
    assert got["statuses"] == {"200": 2000}
    assert got["unanswered"] == 0 and got["broken"] == 0


def test_nobody_is_starved_while_requests_come_and_go(web):
    """Each of them is suspended until its job has ended, and resumed."""
    got = requests(web.port, "/demo/add/1/2", 300, 600 if LONG else 10)
    print(got)
    assert set(got["statuses"]) == {"200"}
    assert got["unanswered"] == 0 and got["broken"] == 0
    # One that was forgotten would wait for the route's ten seconds.
    assert got["answers"]["max_us"] < 9_000_000


# ---- Redis comes and goes ----

class Server:
    """A Redis that can be killed; what was written it has again."""

    def __init__(self, folder):
        self.port, self.folder = _free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "yes", "--appendfsync", "always",
             "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
        _wait_until_up(self.process, self.port)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def mortal(tmp_path):
    server = Server(tmp_path)
    worker = WorkerProcess(server.url, [
        "--load", module("demo"), "--load", module("gate"), "--jobs", 2, "web"])
    web = Gateway(server.url).wait_until_ready()
    yield server, web
    code = web.stop()
    left = worker.stop()
    server.kill()
    assert code == 0 and left == []


def test_redis_is_killed_under_load_and_all_is_well_later(mortal):
    server, web = mortal
    assert requests(web.port, "/demo/add/1/2", 50, 0)["unanswered"] == 0
    load = subprocess.Popen(
        [program("requests"), str(web.port), "/demo/add/1/2", "200", "8"],
        stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    server.kill()
    eventually(lambda: web.get("/readyz").status == 503)
    refused = web.get("/demo/literal")
    assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1
    # All of the load may be waiting for jobs that were made before: more.
    away = requests(web.port, "/demo/add/1/2", 50, 0.5)
    assert set(away["statuses"]) == {"503"}
    assert away["statuses"]["503"] == away["retry_after"] > 0
    time.sleep(0.5)
    server.start()
    eventually(lambda: web.get("/readyz").status == 200)
    got = json.loads(load.communicate(timeout=120)[0])
    print(got)
    assert got["unanswered"] == 0 and got["broken"] == 0
    assert set(got["statuses"]) <= {"200", "410", "503", "504"}
    assert got["statuses"].get("503", 0) == got["retry_after"]
    # Those whose jobs were on their way have an end, and few are without one.
    assert got["statuses"].get("410", 0) + got["statuses"].get("504", 0) <= 200
    after = requests(web.port, "/demo/add/1/2", 200, 1)
    assert set(after["statuses"]) == {"200"}


def test_sockets_miss_nothing_while_redis_is_away(mortal):
    connect = pytest.importorskip("websockets.sync.client").connect
    server, web = mortal
    with connect(f"ws://127.0.0.1:{web.port}/demo/rooms/A1/live?token=a",
                 compression=None) as ws:
        assert json.loads(ws.recv(10))["type"] == "HELLO"
        n = 0
        for _ in range(3):
            with redis.Redis.from_url(server.url) as r:
                for _ in range(300):
                    n += 1
                    r.xadd("gate:room:A1", {"type": "N", "data": n})
            server.kill()
            eventually(lambda: web.get("/readyz").status == 503)
            server.start()
        with redis.Redis.from_url(server.url) as r:
            r.xadd("gate:room:A1", {"type": "N", "data": n + 1})
        heard = [json.loads(ws.recv(30))["data"] for _ in range(n + 1)]
    assert heard == list(range(1, n + 2))


# ---- sockets ----

def memory_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def test_five_thousand_sockets_hear_a_message_at_once(web, r):
    path = "/demo/rooms/A1/live?token=u"
    got = publish(r, 200, web.port, path, 5000, 20, 200, 200)
    memory = memory_kb(web.process.pid)
    floor = json.loads(subprocess.run(
        [program("sockets"), "floor", "5000", "20", "200"], check=True,
        capture_output=True, text=True, timeout=120).stdout)
    late_us, bare_us = (x["messages"]["p99_us"] for x in (got, floor))
    print(got, floor, f"{memory // 5000} KB a socket")
    assert got["missing"] == 0 and got["closed"] == 0
    # A tenth of a second; where bare writes take much of it, twice as long.
    assert late_us < max(100_000, 2 * bare_us)
    assert memory < 5000 * 100


def test_who_stops_reading_is_dropped_and_no_other_notices(web, r):
    path = "/demo/rooms/A1/live?token=u"
    options = web.port, path, 50, 1000, 16000, 0
    alone = publish(r, 16000, *options)
    before = memory_kb(web.process.pid)
    beside = publish(r, 16000, *options, 1)
    after = memory_kb(web.process.pid)
    print(alone, beside, f"{after - before} KB more")
    assert alone["missing"] == beside["missing"] == 0
    assert alone["closed"] == 0
    assert "too slow" in web.text()
    assert after - before < 8 * 1024
    assert beside["messages"]["p99_us"] < 5 * alone["messages"]["p99_us"]


# ---- many jobs ----

FILL = """
local base, now = tonumber(ARGV[1]), tonumber(ARGV[3])
for n = base + 1, base + tonumber(ARGV[2]) do
    local id = string.format('00000000-0000-4000-8000-%012d', n)
    redis.call('HSET', 'rq:job:' .. id, 'status', 'finished', 'origin', 'big',
        'description', 'demo.noop()', 'created_at', ARGV[4], 'enqueued_at',
        ARGV[4], 'started_at', ARGV[4], 'ended_at', ARGV[4], 'data', ARGV[5],
        'timeout', 180)
    redis.call('ZADD', 'rq:finished:big', now + n, id)
end
return 0
"""


def fill(r, begin, count):
    data = Job.create("demo.noop", connection=r).to_dict()["data"]
    r.sadd("rq:queues", "rq:queue:big")
    script = r.register_script(FILL)
    for base in range(begin, begin + count, 10000):
        script(args=[base, min(10000, begin + count - base),
                     int(time.time()) + 10**7, "2026-11-21T12:00:00.000000Z",
                     data])


def took_ms(web, path):
    times = []
    for _ in range(15):
        begun = time.monotonic()
        reply = web.get(path)
        times.append((time.monotonic() - begun) * 1e3)
        assert reply.status == 200, reply.body
    return sorted(times)[len(times) // 2], reply


def pages(web):
    """How long each takes, and the pages of the list, one by one."""
    found = {}
    jobs = "/api/v1/jobs?queue=big&status=finished&limit=100"
    for path in ("/api/v1/queues", "/api/v1/queues/big", jobs,
                 "/api/v1/jobs?status=finished&limit=20",
                 "/api/v1/jobs/00000000-0000-4000-8000-000000000007",
                 "/api/v1/workers", "/api/v1/schedules", "/metrics"):
        found[path], _ = took_ms(web, path)
    for n in range(5):
        found[f"page {n}"], reply = took_ms(web, jobs)
        assert len(reply.json()["jobs"]) == 100
        jobs = ("/api/v1/jobs?queue=big&status=finished&limit=100&cursor="
                + reply.json()["next"])
    return found


def test_pages_take_as_long_with_a_million_jobs_as_with_a_thousand(web, r):
    count = 1_000_000 if LONG else 100_000
    fill(r, 0, 1000)
    few = pages(web)
    fill(r, 1000, count - 1000)
    assert r.zcard("rq:finished:big") == count
    many = pages(web)
    for name in few:
        print(f"{name}: {few[name]:.1f} ms, with {count} jobs {many[name]:.1f}")
    for name in few:
        assert many[name] < 5 * few[name] + 5, name
