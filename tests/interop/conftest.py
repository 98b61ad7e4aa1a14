"""What the interop tests stand on: a private Redis, and crq's command line.

RQ itself is always the unmodified package of the venv that runs pytest.
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

import pytest
import redis
from rq import Queue


#: What imports a module that older RQs, or their environments, do not have.
collect_ignore = [name for name, needs in (
    ("test_run.py", "rq.repeat"), ("conformance", "rq.webhook"),
    ("test_dependencies.py", "rq.webhook"), ("test_list.py", "rq.group"),
    ("test_show.py", "rq.webhook"), ("test_operations.py", "rq.executions"),
    ("test_transitions.py", "rq.repeat"),
    ("test_api.py", "openapi_spec_validator"),
    ("test_api_act.py", "jsonschema"), ("test_api_enqueue.py", "jsonschema"),
    ("test_stats.py", "jsonschema"))
    if not importlib.util.find_spec(needs)]


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
        connection.flushall(asynchronous=True)  # of millions, too
        yield connection


@pytest.fixture
def q(r):
    return Queue("q", connection=r)


@pytest.fixture
def api(redis_server, r):
    """The REST interface: see api.py."""
    from api import Api  # which imports this very file
    made = Api(redis_server.unix_url)
    yield made
    made.close()


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


#: What a sanitizer's build says when it finds something.
SANITIZERS = ("ERROR: AddressSanitizer", "runtime error:",
              "LeakSanitizer: detected")


def program_folder():
    """The folder of the programs under test."""
    program = os.environ.get("CRQ_BIN")
    if not program:
        pytest.skip("CRQ_BIN does not name the program to test")
    return os.path.dirname(os.path.abspath(program))


def module(name):
    """The path of a module of the build."""
    folder = program_folder()
    for path in (f"{folder}/.libs/{name}.so",
                 f"{folder}/tests/exec/.libs/{name}.so",
                 f"{folder}/tests/interop/.libs/{name}.so"):
        if os.path.exists(path):
            return path
    pytest.fail(f"there is no module {name}")


def eventually(what, seconds=10, every=0.01):
    """The first true value of what(), which comes within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(every)


def duties(r):
    """The keys of crq's own that say what is to be done, or is being done:
    all but what workers have counted."""
    return [key for key in r.keys("crq:*")
            if not key.startswith((b"crq:stats:", b"crq:failures"))]


def _processes(mark):
    """All processes with this variable in their environment."""
    pids = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as f:
                environ = f.read().split(b"\0")
            with open(f"/proc/{name}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if mark in environ and state != "Z":
            pids.append(int(name))
    return pids


class WorkerProcess:
    """One crq-worker, and whatever came of it."""

    count = 0

    def __init__(self, url, args, program="crq-worker", env=None):
        WorkerProcess.count += 1
        self._mark = f"CRQ_TEST_WORKER={os.getpid()}.{WorkerProcess.count}"
        self.log = tempfile.NamedTemporaryFile(prefix="crq-worker-log-")
        name, value = self._mark.split("=")
        self._process = subprocess.Popen(
            [os.path.join(program_folder(), program), "-u", url,
             *map(str, args)],
            stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {}), name: value})
        self.pid = self._process.pid

    def pids(self):
        """Every process of it that lives, whoever its parent is now."""
        return _processes(self._mark.encode())

    def server_pid(self):
        """The fork server: the worker's only child."""
        pid, = self._children(self.pid)
        return pid

    def child_pids(self):
        return self._children(self.server_pid())

    @staticmethod
    def _children(pid):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]

    def text(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self._process.send_signal(number)

    def running(self):
        return self._process.poll() is None

    def wait(self, timeout=10):
        """Its exit status; nothing of it may be left then."""
        code = self._process.wait(timeout)
        eventually(lambda: not self.pids(), 3)
        return code

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop_cold(self, second=15):
        """Two signals with a second between them: sooner, they are one."""
        self.signal(15)
        eventually(lambda: "stopping" in self.text())
        time.sleep(1.05)
        self.signal(second)

    def stop(self):
        """Warmly, then hard. Returns the processes that outlived it."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        deadline = time.monotonic() + 3
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.01)
        left = self.pids()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left


def names_of_workers(connection):
    return {key.decode() for key in connection.smembers("rq:workers")}


@pytest.fixture
def worker(redis_server):
    """Start crq-workers: worker("--jobs", 1, "q"). The test waits until each
    is registered, and fails when anything of one outlives it."""
    workers = []

    def start(*args, modules=("demo",), wait=True, url=None, **kwargs):
        loads = [word for name in modules
                 for word in ("--load", module(name))]
        made = WorkerProcess(url or redis_server.url, [*loads, *args],
                             **kwargs)
        workers.append(made)
        if wait:
            with redis.Redis.from_url(url or redis_server.url) as r:
                eventually(lambda: not made.running() or _registered(r, made))
            assert made.running(), made.text()
        return made

    yield start
    left = [pid for made in workers for pid in made.stop()]
    texts = [made.text() for made in workers]
    for made in workers:
        made.log.close()
    for text in texts:
        print(text)
    assert left == [], "processes outlived their worker"
    for text in texts:
        assert not any(word in text for word in SANITIZERS), text


def _registered(r, made):
    """Whether a record of this process is in rq:workers."""
    for key in r.smembers("rq:workers"):
        if r.hget(key, "pid") == str(made.pid).encode():
            return True
    return False


@pytest.fixture
def gateway(redis_server, r):
    """Start crq-webs: gateway("--option"). Each must end well."""
    from web import Gateway  # which imports this very file
    started = []

    def start(*args, wait=True, **options):
        made = Gateway(redis_server.url, *args, **options)
        started.append(made)
        return made.wait_until_ready() if wait else made

    yield start
    codes = [made.stop() for made in started if made.process.returncode is None]
    assert set(codes) <= {0}


@pytest.fixture(scope="session")
def rq_workers():
    """RQ's own workers, quickly."""
    from rq_workers import RQWorkers
    workers = RQWorkers()
    yield workers
    workers.close()


@pytest.fixture
def rq_worker(rq_workers, redis_server, r, tmp_path):
    """Start RQ's own worker "w" for the queue "q"; with burst, wait until it
    has run all that is there."""
    started = []

    def start(burst=False):
        log = tmp_path / f"rq-worker.{len(started)}.log"
        made = rq_workers.start(redis_server.url, ["q"], "w", str(log),
                                burst=burst)
        started.append(made)
        if burst:
            eventually(lambda: made.died(r), 30)
            text = log.read_text()
            assert made.status() in (None, 0), text
            assert "quitting..." not in text, text  # as RQ gives up
            made.kill()
        return made

    yield start
    for made in started:
        made.kill()


@pytest.fixture(scope="session")
def theatre(redis_server, rq_workers):
    """Where the scenarios of the conformance suite are played."""
    from stage import Theatre
    return Theatre(redis_server, rq_workers)
