"""What the interop tests stand on: a private Redis, and crq's command line.

RQ itself is always the unmodified package of the venv that runs pytest.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

import pytest
import redis


@dataclass(frozen=True)
class Server:
    """A redis-server that belongs to this test run."""

    port: int
    socket_path: str
    pid: int

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}?db=0"


@dataclass(frozen=True)
class Result:
    """How a run of crq ended."""

    out: str
    err: str
    code: int

    def json(self):
        return json.loads(self.out)


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _wait_until_up(process, port):
    connection = redis.Redis(host="127.0.0.1", port=port)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"redis-server ended with {process.returncode}")
        try:
            connection.ping()
            return
        except redis.ConnectionError:
            time.sleep(0.02)
    pytest.fail("redis-server does not answer")


@pytest.fixture(scope="session")
def redis_server():
    """A private Redis on a free loopback port and a Unix socket."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail("redis-server is not installed")
    # Short: the path of a Unix socket has at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="crq-", dir="/tmp")
    port = _free_port()
    path = os.path.join(folder, "redis.sock")
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1",
         "--unixsocket", path, "--dir", folder,
         "--save", "", "--appendonly", "no", "--daemonize", "no"],
        stdout=subprocess.DEVNULL)
    try:
        _wait_until_up(process, port)
        yield Server(port=port, socket_path=path, pid=process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def r(redis_server):
    """A connection to that Redis, emptied before the test."""
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def crq(redis_server):
    """Run crq: crq("show", job_id, "--json").json()["status"]."""
    program = os.environ.get("CRQ_BIN")
    if not program:
        pytest.skip("CRQ_BIN does not name the program to test")
    if not os.access(program, os.X_OK):
        pytest.fail(f"CRQ_BIN: there is no program {program}")

    def run(*args, input=None, timeout=30, url=None, env=None):
        done = subprocess.run(
            [program, "-u", url or redis_server.url, *map(str, args)],
            input=input, timeout=timeout, text=True, capture_output=True,
            env={**os.environ, **(env or {})})
        return Result(out=done.stdout, err=done.stderr, code=done.returncode)

    return run
