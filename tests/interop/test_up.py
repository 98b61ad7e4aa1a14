"""crq up and crq worker: other programs, started and ended."""

import json
import os
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
import redis
from rq import Queue, Worker

from conftest import eventually


HERE = Path(__file__).parent
APPS = HERE.parent.parent / "workers" / "apps"
PET = APPS / "pet"


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
        # Not when its status is started: what the worker has not begun by
        # then goes back to its queue, and then nothing runs.
        eventually(lambda: any(worker.get_current_job_id() == job.id for worker
                               in Worker.all(connection=connection)))
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.2)  # sooner, two are one

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


def test_it_waits_for_a_redis_that_is_still_reading_its_data(up, home):
    process, said = up_with_pet(up)
    with redis.from_url(said["url"]) as connection:
        pipeline = connection.pipeline(transaction=False)
        for n in range(5000):
            pipeline.set(f"much:{n}", n)
        pipeline.execute()
    process.terminate()
    process.wait(timeout=20)
    slow = home / "redis-server"
    slow.write_text(f"""#!/bin/sh
exec {shutil.which("redis-server")} "$@" --key-load-delay 200 \\
    --loading-process-events-interval-bytes 1024
""")
    slow.chmod(0o755)

    process, said = up_with_pet(up, PATH=f"{home}:{os.environ['PATH']}")

    assert said, process.stderr.read()
    with redis.from_url(said["url"]) as connection:
        assert connection.get("much:4999") == b"4999"
        assert connection.hexists("crq:app:pet", "sleep_seconds")


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
    (["--listen", "127.0.0.1:0"], 64, "name one"),
    (["nowhere"], 64, "there is no application 'nowhere' in /"),
    (["./nowhere"], 64, "can't read './nowhere'"),
    (["BROKEN"], 64, '$.queues: expected a list, found "seven"'),
    (["PET", "PET"], 64, "are both the application"),
    (["PET", "--listen", "nonsense"], 1, "crq-web ended: exit status 64"),
])
def test_what_cannot_work_is_said(environment, tmp_path, args, code, text):
    (tmp_path / "app.json").write_text('{"name": "x", "queues": "seven"}')
    places = {"BROKEN": tmp_path, "PET": PET}
    done = subprocess.run([os.environ["CRQ_BIN"], "up",
                           *(str(places.get(word, word)) for word in args)],
                          env=environment, text=True, capture_output=True,
                          timeout=30)

    assert done.returncode == code
    assert text in done.stderr
    assert done.stdout == ""


def ask(address, method="GET"):
    request = urllib.request.Request(address, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def up_with_pet(up, *args, **changes):
    return up(str(PET), "--listen", "127.0.0.1:0", *args, **changes)


def test_an_application_is_served_worked_for_and_scheduled(up):
    process, said = up_with_pet(up)

    assert said["address"].startswith("http://127.0.0.1:")
    assert not said["address"].endswith(":0")
    pet = ask(said["address"] + "/pet/rex", "PUT")
    assert pet["status"] == "awake"
    assert abs(pet["next_hunger_ms"] / 1000 - time.time() - 3600) < 60
    assert {said[f"{name}_pid"] for name in (
        "redis", "worker", "scheduler", "web")} < family(process.pid)


def test_the_demo_and_the_default_queue_are_there_beside_applications(up):
    _, said = up_with_pet(up)
    with redis.from_url(said["url"]) as connection:
        job = Queue(connection=connection).enqueue("demo.add", 2, 3)
        assert job.latest_result(timeout=20).return_value == 5


def test_options_of_the_file_are_those_of_the_tasks(up, home):
    folder = home / "quick"
    folder.mkdir()
    app = json.loads((APPS / "pet" / "app.json").read_text())
    app["options"] = {"sleep_seconds": 0.3, "hunger_seconds": 7200,
                      "text": "as it is", "others": [1, None]}
    app["files"] = {}
    (folder / "app.json").write_text(json.dumps(app))
    _, said = up(str(folder), "--listen", "127.0.0.1:0")

    with redis.from_url(said["url"], decode_responses=True) as connection:
        assert connection.hgetall("crq:app:pet") == {
            "sleep_seconds": "0.3", "hunger_seconds": "7200",
            "text": "as it is", "others": "[1,null]"}
    ask(said["address"] + "/pet/rex", "PUT")
    assert ask(said["address"] + "/pet/rex/sleep", "POST")["status"] == "asleep"
    # The scheduler puts the job on the queue that wakes it up.
    deadline = time.monotonic() + 20
    while ask(said["address"] + "/pet/rex")["status"] == "asleep":
        assert time.monotonic() < deadline


def test_an_application_is_found_by_its_name(up):
    _, said = up("pet", "--listen", "127.0.0.1:0", CRQ_APP_PATH=str(APPS))
    assert [app["name"] for app in said["apps"]] == ["pet"]


def test_two_applications_are_served_by_one_gateway(up):
    _, said = up("pet", "buzzer", "--listen", "127.0.0.1:0",
                 CRQ_APP_PATH=f"/nonexistent:{APPS}")
    pet = ask(said["address"] + "/pet/rex", "PUT")
    assert pet["name"] == "rex"
    assert [app["name"] for app in said["apps"]] == ["pet", "buzzer"]


def test_people_read_where_to_look(environment):
    process = subprocess.Popen(
        [os.environ["CRQ_BIN"], "up", str(PET), "--listen", "127.0.0.1:0"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    try:
        lines = iter(process.stdout.readline, "")
        line = next(line for line in lines if "open http" in line)
    finally:
        process.terminate()
        process.communicate(timeout=20)
    address = line.split()[1]
    assert line == f"  open {address}\n"
    assert process.returncode == 0


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_stops_applications_in_order(up, times):
    process, said = up_with_pet(up)
    pids = family(process.pid)

    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)

    assert process.wait(timeout=20) == 0
    wait_until_gone(pids)
    # Each says so in its log when it is told to.
    told = [line for line in process.stderr.read().splitlines()
            if "stopping" in line or "stopped" in line or "leaving" in line]
    names = [name for line in told for name in ("crq-web", "crq-worker")
             if f'"{name}"' in line]
    assert names.index("crq-web") < names.index("crq-worker"), told


@pytest.mark.parametrize("victim", ["redis", "worker", "scheduler", "web"])
def test_all_end_when_one_of_an_application_does(up, victim):
    process, said = up_with_pet(up)
    pids = family(process.pid)

    os.kill(said[f"{victim}_pid"], signal.SIGKILL)

    assert process.wait(timeout=20) == 1
    name = "redis-server" if victim == "redis" else f"crq-{victim}"
    assert f"crq: {name} ended: SIGKILL" in process.stderr.read()
    wait_until_gone(pids)


def test_no_part_of_an_application_outlives_it(up):
    process, _ = up_with_pet(up)
    pids = family(process.pid)
    process.kill()
    wait_until_gone(pids)


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


def test_crq_cron_wants_a_file(crq):
    done = crq("cron")
    assert done.code == 64
    assert done.err == "crq: name the file of schedules: crq cron FILE\n"


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
