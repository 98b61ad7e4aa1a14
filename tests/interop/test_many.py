"""One verb for very many jobs: how many commands it takes, and Ctrl-C."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest

COUNT = 10000


@pytest.fixture
def failed(r):
    """Very many failed jobs."""
    with r.pipeline(transaction=False) as pipe:
        pipe.sadd("rq:queues", "rq:queue:q")
        for i in range(COUNT):
            pipe.hset(f"rq:job:j{i:05}", mapping={
                "data": b"x", "status": "failed", "origin": "q",
                "created_at": "2026-01-01T00:00:00Z"})
            pipe.zadd("rq:failed:q", {f"j{i:05}": 2e9 + i})
        pipe.execute()


def round_trips(r):
    """Calls of scripts since the last reset. The fetches are in pipelines."""
    stats = r.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]
               for name in ("eval", "evalsha"))


def test_jobs_are_requeued_page_by_page(r, crq, failed):
    r.config_resetstat()
    dry = crq("requeue", "--all", "-q", "q", "-n", "--json").json()
    assert dry["done"] == COUNT and r.llen("rq:queue:q") == 0
    r.config_resetstat()
    done = crq("requeue", "--all", "-q", "q")
    assert done.out == f"{COUNT} jobs requeued\n"
    # For each hundred one look and one script that acts.
    assert round_trips(r) <= 2 * COUNT // 100 + 5
    assert r.info("commandstats")["cmdstat_hgetall"]["calls"] <= 2 * COUNT + 10
    assert r.lrange("rq:queue:q", 0, -1) == [
        b"j%05d" % i for i in range(COUNT)]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_ctrl_c_says_what_was_done(redis_server, r, crq, failed, options):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [os.environ["CRQ_BIN"], "-u", redis_server.url, "requeue", "--all",
         "-q", "q", *options], stdin=theirs, stdout=subprocess.PIPE,
        stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    if options:
        while r.llen("rq:queue:q") == 0:
            pass
    else:
        while b"%" not in seen:
            seen += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    try:
        while True:
            seen += os.read(ours, 65536)
    except OSError:
        os.close(ours)
    done = r.llen("rq:queue:q")
    assert 0 < done < COUNT and done % 100 == 0
    assert process.returncode == -signal.SIGINT
    last = seen.decode().replace("\x1b[K", "\r").split("\r")
    assert f"crq: interrupted: of {COUNT} jobs {done} requeued" in last
    assert r.zcard("rq:failed:q") == COUNT - done
    assert (f'"done":{done}' in out) if options else out == ""
    bars = re.findall(rb"\r\[[# ]{30}\] +\d+%  \d+ of 10000, \d+ requeued",
                      seen)
    assert bool(bars) == (not options)
    assert all(len(bar) <= 80 for bar in bars)
    # It may be begun again.
    assert crq("requeue", "--all", "-q", "q").code == 0
    assert r.llen("rq:queue:q") == COUNT
