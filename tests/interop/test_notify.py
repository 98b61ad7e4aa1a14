"""What crq-worker tells systemd, and the unit that makes it do so."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]


class Worker:
    """crq-worker, and the socket that it tells how it is."""

    def __init__(self, environment, socket_path, *args):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(socket_path)
        if socket_path.startswith("\0"):
            socket_path = "@" + socket_path[1:]
        self.process = subprocess.Popen(
            ["crq-worker", "--load", "demo", "--jobs", "1", *args],
            env={**environment, "NOTIFY_SOCKET": socket_path},
            stderr=subprocess.DEVNULL)

    def says(self):
        return self.socket.recv(4096).decode()

    def is_silent(self, seconds):
        self.socket.settimeout(seconds)
        try:
            return not self.says()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(20)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.socket.close()


@pytest.fixture
def worker(redis_server, r, crq, tmp_path):
    build = Path(os.environ["CRQ_BIN"]).parent
    environment = {**os.environ, "CRQ_URL": redis_server.url,
                   "CRQ_MODULE_PATH": str(build / ".libs"),
                   "PATH": f"{build}:{os.environ['PATH']}"}
    started = []

    def start(*args, path=str(tmp_path / "notify"), **changes):
        started.append(Worker({**environment, **changes}, path, *args))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize("abstract", [False, True])
def test_it_says_when_it_serves_and_when_it_stops(worker, r, abstract,
                                                  tmp_path):
    kwargs = {"path": f"\0{tmp_path}"} if abstract else {}
    w = worker("--name", "w", **kwargs)
    assert w.says() == "READY=1"
    assert r.hget("rq:worker:w", "queues") == b"default"

    w.process.send_signal(signal.SIGTERM)

    assert w.says() == "STOPPING=1"
    assert w.process.wait(timeout=20) == 0


def test_it_is_not_ready_without_redis(worker):
    w = worker(CRQ_URL="redis://127.0.0.1:1")

    assert w.is_silent(0.5)


def test_it_is_not_ready_without_its_modules(worker):
    w = worker("--load", "nowhere")

    assert w.says() == "STOPPING=1"
    assert w.process.wait(timeout=20) == 1
    assert w.is_silent(0.1)


def test_a_reload_ends_with_ready(worker):
    w = worker()
    assert w.says() == "READY=1"

    w.process.send_signal(signal.SIGHUP)

    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", w.says())
    assert w.says() == "READY=1"


def test_the_watchdog_is_fed_while_the_worker_idles(worker):
    w = worker(WATCHDOG_USEC="100000")
    before = list(iter(w.says, "READY=1"))

    assert set(before) <= {"WATCHDOG=1"}
    assert {w.says() for _ in range(5)} == {"WATCHDOG=1"}


def test_the_watchdog_of_another_process_is_not_fed(worker):
    w = worker(WATCHDOG_USEC="100000", WATCHDOG_PID="1")
    assert w.says() == "READY=1"

    assert w.is_silent(0.5)


def test_tasks_do_not_inherit_the_socket(worker):
    w = worker(WATCHDOG_USEC="1000000")
    assert w.says() == "READY=1"
    pid = w.process.pid
    [server] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    names = {entry.partition(b"=")[0] for entry in
             Path(f"/proc/{server}/environ").read_bytes().split(b"\0")}

    assert b"CRQ_URL" in names
    assert not {b"NOTIFY_SOCKET", b"WATCHDOG_USEC"} & names


def test_systemd_takes_the_unit(crq, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    build = Path(os.environ["CRQ_BIN"]).parent
    text = (TREE / "dist/systemd/crq-worker@.service.in").read_text()
    unit = tmp_path / "crq-worker@.service"
    unit.write_text(text.replace("@bindir@", str(build)))
    done = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / "crq-worker@mail.service"],
        text=True, capture_output=True, timeout=60)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
