"""crq up and crq worker: other programs, started and ended."""

import json
import os
import select
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis
from rq import Queue


@pytest.fixture
def home():
    """Short: the path of a Unix socket has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="crq-up-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def environment(crq, home):
    program = Path(os.environ["CRQ_BIN"])
    kept = {k: v for k, v in os.environ.items()
            if k not in ("CRQ_URL", "RQ_REDIS_URL", "REDIS_URL")}
    return {**kept, "XDG_DATA_HOME": str(home),
            "CRQ_MODULE_PATH": str(program.parent / ".libs")}


@pytest.fixture
def up(environment):
    """Start crq up; it gives the process and what it printed as JSON."""
    started = []

    def start(*args, **changes):
        process = subprocess.Popen(
            [os.environ["CRQ_BIN"], "up", "--json", *args],
            env={**environment, **changes}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        ready, _, _ = select.select([process.stdout], [], [], 30)
        assert ready, "crq up says nothing"
        line = process.stdout.readline()
        return process, json.loads(line) if line else None

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] != "Z"


def family(pid):
    """The process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {p for p, of in parents.items() if of in found} - found:
        found |= more
    return found


def wait_until_gone(pids):
    deadline = time.monotonic() + 10
    while left := {pid for pid in pids if is_alive(pid)}:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_python_enqueues_and_the_worker_runs_it(up, home):
    _, said = up()
    with redis.from_url(said["url"]) as connection:
        job = Queue(connection=connection).enqueue("demo.add", 2, 3)
        result = job.latest_result(timeout=20)

    assert result.return_value == 5
    assert stat.S_IMODE((home / "crq").stat().st_mode) == 0o700


@pytest.fixture
def no_nohup():
    """What is ignored here, as with nohup, crq up would go on to ignore."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_a_signal_stops_all_and_leaves_nothing(no_nohup, up, home, number):
    process, said = up()
    pids = family(process.pid)
    assert {said["redis_pid"], said["worker_pid"]} < pids

    process.send_signal(number)

    assert process.wait(timeout=20) == 0
    wait_until_gone(pids)
    assert not (home / "crq" / "redis.sock").exists()


def test_nothing_outlives_it_when_it_is_killed(up):
    process, _ = up()
    pids = family(process.pid)
    assert len(pids) >= 5  # crq, Redis, worker, fork server, a child

    process.kill()

    wait_until_gone(pids)


def test_a_second_signal_ends_running_jobs(up):
    process, said = up()
    pids = family(process.pid)
    with redis.from_url(said["url"]) as connection:
        job = Queue(connection=connection).enqueue("demo.sleep", 60)
        while not job.is_started:
            time.sleep(0.02)
            job.refresh()
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) == 0
    wait_until_gone(pids)


def test_jobs_are_kept_for_the_next_time(up, crq):
    process, said = up()
    crq("enqueue", "--job-id", "kept", "-q", "other", "a.b", url=said["url"])
    process.terminate()
    process.wait(timeout=20)

    _, said = up()

    shown = crq("show", "kept", "--json", url=said["url"])
    assert shown.json()["status"] == "queued"


def test_a_second_one_on_the_same_data_is_refused(up, environment):
    up()
    done = subprocess.run([os.environ["CRQ_BIN"], "up"], env=environment,
                          text=True, capture_output=True, timeout=20)

    assert done.returncode == 1
    assert "another 'crq up' runs on" in done.stderr


def test_a_long_path_of_the_data_is_no_obstacle(up, home):
    process, said = up(XDG_DATA_HOME=str(home / ("long" * 30)))
    socket = Path(said["url"].removeprefix("unix://"))
    assert socket.is_socket()

    process.terminate()

    assert process.wait(timeout=20) == 0
    assert not socket.parent.exists()


def test_with_a_url_there_is_only_the_worker(up, redis_server, r, home):
    process, said = up("-u", redis_server.url)

    assert said["redis_pid"] == 0 and said["url"] == redis_server.url
    job = Queue(connection=r).enqueue("demo.greet", name="Ada")
    assert job.latest_result(timeout=20).return_value == "Hi there, Ada!"
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert not any(home.iterdir())


@pytest.mark.parametrize("victim", ["redis_pid", "worker_pid"])
def test_it_ends_when_one_of_them_does(up, victim):
    process, said = up()
    pids = family(process.pid)

    os.kill(said[victim], signal.SIGKILL)

    assert process.wait(timeout=20) == 1
    assert " ended: SIGKILL" in process.stderr.read()
    wait_until_gone(pids)


@pytest.mark.parametrize("args, code, text", [
    (["--load", "nowhere"], 1, "there is no module 'nowhere'"),
    (["-u", "redis://127.0.0.1:1"], 69, "connection refused"),
    (["-u", "nonsense"], 64, "nonsense"),
    (["--jobs", "0"], 64, "not a whole number"),
    (["pet"], 64, "--load"),
])
def test_what_cannot_work_is_said(environment, args, code, text):
    done = subprocess.run([os.environ["CRQ_BIN"], "up", *args],
                          env=environment, text=True, capture_output=True,
                          timeout=30)

    assert done.returncode == code
    assert text in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("verb, missing, beside", [
    ("up", "redis-server", ["crq-worker"]),
    ("up", "crq-worker", []),
    ("worker", "crq-worker", []),
])
def test_a_missing_program_is_named(environment, home, verb, missing, beside):
    build = Path(os.environ["CRQ_BIN"]).parent
    for name in ["crq", *beside]:
        (home / name).write_bytes((build / name).read_bytes())
        (home / name).chmod(0o755)
    done = subprocess.run([home / "crq", verb], text=True, timeout=20,
                          env={**environment, "PATH": "/nonexistent"},
                          capture_output=True)

    assert done.returncode == 69
    assert f"there is no program {missing}" in done.stderr


def test_crq_worker_is_crq_worker(environment, redis_server, r):
    job = Queue("q", connection=r).enqueue("demo.add", 2, 3)
    done = subprocess.run(
        [os.environ["CRQ_BIN"], "-u", redis_server.url, "worker", "--burst",
         "--json", "--load", "demo", "q"],
        env=environment, text=True, capture_output=True, timeout=30)

    assert done.returncode == 0
    assert job.return_value() == 5
    assert {json.loads(line)["name"] for line in done.stderr.splitlines()} == {
        "crq-worker"}


def test_crq_worker_knows_redis_host_and_port(environment, redis_server, r):
    job = Queue("q", connection=r).enqueue("demo.add", 2, 3)
    done = subprocess.run(
        [os.environ["CRQ_BIN"], "worker", "-b", "-l", "demo", "q"],
        env={**environment, "REDIS_HOST": "127.0.0.1",
             "REDIS_PORT": str(redis_server.port)},
        capture_output=True, timeout=30)

    assert done.returncode == 0
    assert job.return_value() == 5


def test_nohup_keeps_it_from_hanging_up(environment):
    process = subprocess.Popen(
        ["nohup", os.environ["CRQ_BIN"], "up", "--json"], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert "url" in json.loads(process.stdout.readline())
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
