"""crq top: once in a pipe, and live on a terminal of its own."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest
from rq import Queue

from conftest import eventually

USUAL = termios.ICANON | termios.ECHO
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Screen:
    """crq top on a pseudo terminal."""

    def __init__(self, url, rows=24, columns=100, args=()):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", NO_COLOR="1")
            program = os.environ["CRQ_BIN"]
            os.execv(program, [program, "-u", url, "top", *args])
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """What comes within a moment; False: it has left."""
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.said += os.read(self.fd, 65536)
            except OSError:
                return False
        return True

    def frames(self):
        """Whole frames so far, as lines of text."""
        parts = self.said.split(b"\x1b[H")[1:]
        return [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "",
                       part.split(b"\x1b[J")[0].decode()).splitlines()
                for part in parts if b"\x1b[J" in part]

    def until(self, what, seconds=20):
        """The first new frame that `what` is true of."""
        seen = len(self.frames())

        def look():
            assert self.read(), self.said
            return next((f for f in self.frames()[max(seen - 1, 0):]
                         if what("\n".join(f))), None)
        return eventually(look, seconds, 0)

    def write(self, keys):
        os.write(self.fd, keys)

    def end(self):
        """Its exit status; it has given the terminal back."""
        eventually(lambda: not self.read(), 20, 0)
        assert termios.tcgetattr(self.fd)[3] & USUAL == USUAL
        assert self.said.count(ENTER) == self.said.count(LEAVE)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        self.pid = None
        return status

    def kill(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)


@pytest.fixture
def screen(redis_server, crq):
    made = []

    def start(**options):
        made.append(Screen(redis_server.url, **options))
        return made[-1]
    yield start
    for one in made:
        one.kill()


@pytest.fixture
def queue(r):
    return Queue("q", connection=r)


def counted(r, **fields):
    r.hset("crq:stats:queue:q", mapping=fields)
    r.hset("crq:stats:queue:", mapping=fields)


def test_in_a_pipe_it_looks_once(r, crq, queue):
    queue.enqueue("f")
    r.zadd("crq:failures", {"shop.pay\nOSError": time.time() - 90})
    r.hset("crq:failures:counts", "shop.pay\nOSError", 7)
    r.hset("crq:failures:samples", "shop.pay\nOSError",
           json.dumps({"job": "a", "queue": "q", "message": "no bank"}))
    done = crq("top")
    assert done.code == 0 and "\x1b" not in done.out
    lines = done.out.splitlines()
    assert "1 waiting, 0 running" in lines[0]
    assert lines[1].startswith("0.0 runs/s")
    row = next(x for x in lines if x.startswith("q "))
    assert row.split()[1:5] == ["1", "0", "0", "0.0"]
    assert re.search(r"^shop\.pay +7 +9\d\.\ds  OSError: no bank$", done.out,
                     re.M)


def test_json_is_one_object(r, crq, queue):
    queue.enqueue("f")
    counted(r, finished=3, failed=1)
    got = crq("top", "--json").json()
    assert set(got) == {"all", "queues", "workers", "failures", "suspended"}
    assert got["all"]["totals"]["finished"] == 3
    row, = got["queues"]
    assert row["name"] == "q" and row["queued"] == 1
    assert row["stats"]["totals"]["failed"] == 1
    assert row["stats"]["oldest_enqueued_at"] is not None


def test_it_shows_what_workers_do_and_changes_live(r, queue, worker, screen):
    worker("--jobs", 1, "--name", "wren", "q")
    top = screen(args=["-i", "0.2"])
    top.until(lambda f: re.search(r"^wren +idle", f, re.M))
    queue.enqueue("demo.sleep", 30)
    frame = top.until(lambda f: "demo.sleep(30)" in f)
    row = next(x for x in frame if x.startswith("wren"))
    assert row.split()[1] == "busy"
    assert "0 waiting, 1 running" in frame[0]
    queue.enqueue("demo.sleep", 1)
    top.until(lambda f: "1 waiting, 1 running" in f)


@pytest.mark.parametrize("keys", [b"q", b"Q", b"\x1b", b"\x04", b"\x03"])
def test_a_key_leaves_and_the_terminal_is_as_it_was(screen, keys, r, queue):
    top = screen()
    top.until(lambda f: "crq" in f)
    assert not termios.tcgetattr(top.fd)[3] & USUAL
    assert top.said.count(ENTER) == 1 and LEAVE not in top.said
    top.write(keys)
    assert top.end() == 0
    assert top.said.endswith(b"\x1b[?7h\x1b[?25h" + LEAVE)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP,
                                  signal.SIGQUIT])
def test_a_signal_leaves_as_well(screen, sent, r):
    top = screen()
    top.until(lambda f: "crq" in f)
    os.kill(top.pid, sent)
    assert top.end() == 0 and top.said.endswith(LEAVE)


def test_arrow_keys_do_nothing(screen, r):
    top = screen(args=["-i", "0.2"])
    top.until(lambda f: "crq" in f)
    top.write(b"\x1b[A")
    seen = len(top.frames())
    eventually(lambda: top.read() and len(top.frames()) > seen + 2, 20, 0)
    top.write(b"q")
    assert top.end() == 0


def test_a_resize_is_drawn_at_once(r, screen):
    for n in range(40):
        Queue(f"queue{n:02}", connection=r).enqueue("f")
    top = screen(rows=20, args=["-i", "60"])
    frame = top.until(lambda f: "more queues" in f)
    assert len(frame) == 20
    top.resize(10, 60)
    frame = top.until(lambda f: len(f.splitlines()) == 10)
    assert frame[-1].startswith("and ") and frame[-1].endswith("more queues")
    top.resize(60, 100)
    frame = top.until(lambda f: "queue39" in f)
    assert "more queues" not in "\n".join(frame)


def test_stopped_and_continued_it_takes_the_screen_again(r, screen):
    top = screen(args=["-i", "60"])
    top.until(lambda f: "crq" in f)
    os.kill(top.pid, signal.SIGTSTP)
    eventually(lambda: top.read() and top.said.endswith(LEAVE), 20, 0)
    eventually(lambda: os.waitpid(top.pid, os.WUNTRACED | os.WNOHANG)[0])
    os.kill(top.pid, signal.SIGCONT)
    eventually(lambda: top.read() and top.said.count(ENTER) == 2, 20, 0)
    top.until(lambda f: "crq" in f)
    top.write(b"q")
    assert top.end() == 0


def test_bytes_of_jobs_do_not_reach_the_terminal(r, queue, worker, screen):
    bad = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\x00\x7f"
    worker("--jobs", 1, "--name", "wren", "q")
    job = queue.enqueue("demo.sleep", 30, description=bad)
    r.zadd("crq:failures", {f"{bad}\n{bad}".encode("utf-8"): time.time(),
                            b"\xff\xfe\nE": 1, b"f\n" + b"E" * 100000: 2})
    for member in r.zrange("crq:failures", 0, -1):
        r.hset("crq:failures:counts", member, 1)
        r.hset("crq:failures:samples", member, json.dumps({"message": bad}))
    r.sadd("rq:queues", f"rq:queue:{bad}", b"rq:queue:\xff")
    eventually(lambda: job.get_status() == "started")
    top = screen(rows=40)
    top.until(lambda f: "\\x1b]0;owned" in f)
    top.write(b"q")
    assert top.end() == 0
    assert b"\x1b]" not in top.said and b"\x07" not in top.said
    assert b"\xc2\x9b" not in top.said and b"\x00" not in top.said
    assert top.said.count(b"\x1b[2J") == 1  # its own


def test_what_stands_in_the_keys_breaks_nothing(r, crq, queue):
    queue.enqueue("f")
    counted(r, finished="x", failed="-5", **{"wait:5": "9" * 30,
                                             "run:us": "1e999"})
    r.set("crq:failures", "x")
    r.hset("rq:worker:w", mapping={"state": "busy", "current_job": "gone",
                                   "successful_job_count": "9" * 18})
    r.sadd("rq:workers", "rq:worker:w")
    for args in ((), ("--json",)):
        assert crq("top", *args).code == 0
    r.delete("crq:stats:queue:q")
    r.lpush("crq:stats:queue:q", "x")
    assert crq("top").code == 0


def test_a_redis_that_goes_away_is_told_and_comes_back(r, redis_server,
                                                       screen, queue):
    top = screen(args=["-i", "0.2"])
    top.until(lambda f: "0 waiting" in f)
    r.config_set("requirepass", "secret")
    try:
        r.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        top.until(lambda f: "NOAUTH" in f or "password" in f.lower())
    finally:
        r.config_set("requirepass", "")
    queue.enqueue("f")
    top.until(lambda f: "1 waiting" in f)
    top.write(b"q")
    assert top.end() == 0


@pytest.mark.parametrize("args", [("--interval", "0"), ("--interval", "x"),
                                  ("surplus",)])
def test_wrong_arguments_are_refused(crq, args, r):
    assert crq("top", *args).code == 64


def test_without_a_redis_it_says_so(crq):
    assert crq("top", url="redis://127.0.0.1:1").code == 69
