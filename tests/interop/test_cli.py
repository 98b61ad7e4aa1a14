"""The command line: exit codes and clear lines for all that goes wrong."""

import fcntl
import os
import pty
import re
import socket
import struct
import subprocess
import termios
from datetime import datetime, timezone

import pytest
import redis
from rq import Queue

from state import dump

pytestmark = pytest.mark.old_rq


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["enqueue"], ["enqueue", "--timeout", "soon", "f"],
    ["enqueue", "--timeout", "0", "f"], ["enqueue", "--ttl", "0", "f"],
    ["enqueue", "--job-id", "a:b", "f"], ["enqueue", "-S", "yaml", "f"],
    ["enqueue", "f", ":{bad"], ["enqueue", "f", "%open('x')"],
    ["enqueue", "f", "k=1", "k=2"], ["enqueue", "f", "@/no/such/file"],
    ["enqueue", "--retry-interval", "3", "f"], ["enqueue", "-q", "", "f"],
    ["enqueue", "--schedule-in", "1", "--schedule-at", "2030-01-01T00:00:00",
     "f"],
    ["enqueue", "--schedule-at", "tomorrow", "f"],
    ["enqueue", "--meta", "[1]", "f"], ["enqueue", "--no-such", "f"],
    ["result"], ["result", "a", "b"], ["show"], ["list", "-s", "dancing"],
    ["list", "-n", "x"], ["list", "x"], ["enqueue", "--wait", "5", "f"],
    ["enqueue", "f", "--wait", "5"], ["enqueue", "f", "--wait", "-1"],
    ["info", "-Q", "-W"], ["enqueue", "--schedule-in", "-5", "f"],
    ["enqueue", "--ttl", "0.5", "f"], ["enqueue", "--retry-at-front", "f"],
    ["enqueue", "--wait=-3", "f"], ["enqueue", "--timeout", "-2", "f"],
    ["enqueue", "--failure-ttl", "-0.5", "f"],
], ids=" ".join)
def test_wrong_usage_is_64_and_writes_nothing(r, crq, args):
    done = crq(*args)

    assert done.code == 64, done.err
    assert done.out == "" and done.err.strip()
    assert r.dbsize() == 0


@pytest.mark.parametrize("args, word", [
    (["enqueue", "f", ":1", ":{bad"], "argument 2 ':{bad'"),
    (["enqueue", "--job-id", "a b", "f"], "letters, digits"),
    (["enqueue", "--timeout", "0", "f"], "-1 for no limit"),
    (["enqueue", "-S", "yaml", "f"], "json and msgpack"),
    (["enqueue", "f", "k=1", "k=2"], "'k' is given twice"),
    (["enqueue", "f", "--wait", "1m"], "--wait=1m"),
    (["enqueue", "f", "-5"], "a negative number is written :-5"),
    (["enqueue", "f", "--unique"], "--unique needs --job-id"),
    (["enqueue", "f", "--retry-interval", "1"], "needs --retry-max"),
    (["enqueue", "f", "--retry-at-front"],
     "--retry-at-front needs --retry-max"),
    (["enqueue", "f", "--schedule-in", "-5"],
     "--schedule-in -5: it must be 0 seconds or more"),
    (["enqueue", "f", "--ttl", "0.5"],
     "--ttl 0.5: it must be 1 second or more"),
    (["enqueue", "f", "--result-ttl", "-2"],
     "--result-ttl -2: it must be 0 seconds or more, or -1 for no limit"),
])
def test_an_error_names_the_thing_and_the_remedy(crq, args, word):
    assert word in crq(*args).err


def test_what_is_not_there_is_1(r, crq):
    for verb in "show", "result":
        done = crq(verb, "nobody")
        assert done.code == 1 and done.out == ""
        assert done.err == "crq: there is no job 'nobody'\n"
    crq("enqueue", "--job-id", "waits", "f")
    done = crq("result", "waits")
    assert done.code == 1 and "is queued and has no result yet" in done.err


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("args", [["enqueue", "f"], ["show", "x"],
                                  ["result", "x"], ["list"], ["info"]],
                         ids=" ".join)
def test_an_unreachable_redis_is_69(crq, args):
    port = free_port()
    done = crq(*args, url=f"redis://127.0.0.1:{port}/0")

    assert done.code == 69 and done.out == ""
    assert done.err.count("\n") == 1 and str(port) in done.err


def test_a_wrong_url_is_64_and_never_shows_the_password(crq):
    done = crq("info", url="redis://me:secret@host:99999/0")

    assert done.code == 64 and "99999" in done.err
    assert "secret" not in done.err


def test_a_wrong_password_is_69(redis_server, r, crq):
    r.config_set("requirepass", "right")
    try:
        good = redis_server.url.replace("//", "//:right@")
        bad = redis_server.url.replace("//", "//:wrong@")
        for url in redis_server.url, bad:
            done = crq("enqueue", "f", url=url)
            assert done.code == 69 and done.err.count("\n") == 1
            assert "password" in done.err and "wrong" not in done.err.lower(
            ).replace("wrongpass", "")
        assert crq("enqueue", "f", url=good).code == 0
    finally:
        redis.Redis(port=redis_server.port, password="right").config_set(
            "requirepass", "")


def test_a_read_only_replica_is_69_and_nothing_is_written(r, crq):
    before = dump(r)
    r.execute_command("REPLICAOF", "127.0.0.1", free_port())
    try:
        for extra in [], ["--schedule-in", "5"]:
            done = crq("enqueue", *extra, "f")
            assert done.code == 69 and done.err.count("\n") == 1
            assert "read-only" in done.err
        assert crq("info").code == 0
    finally:
        r.execute_command("REPLICAOF", "NO", "ONE")
    assert dump(r) == before


def test_full_memory_is_69_and_nothing_is_half_written(r, crq):
    before = dump(r)
    r.config_set("maxmemory-policy", "noeviction")
    r.config_set("maxmemory", "1")
    try:
        for extra in [], ["--schedule-in", "5"]:
            done = crq("enqueue", *extra, "f")
            assert done.code == 69 and done.err.count("\n") == 1
            assert "memory" in done.err
        assert crq("info").code == 0
    finally:
        r.config_set("maxmemory", "0")
    assert dump(r) == before


def test_the_url_comes_from_the_environment(redis_server, r, crq):
    program = os.environ["CRQ_BIN"]
    for env in [{"CRQ_URL": redis_server.url, "RQ_REDIS_URL": "redis://x:1"},
                {"RQ_REDIS_URL": redis_server.unix_url},
                {"REDIS_URL": redis_server.url},
                {"REDIS_HOST": "127.0.0.1",
                 "REDIS_PORT": str(redis_server.port)},
                {"REDIS_HOST": "127.0.0.1", "REDIS_DB": "0",
                 "REDIS_PORT": str(redis_server.port), "CRQ_URL": "",
                 "REDIS_PASSWORD": ""}]:
        r.flushall()
        clean = {k: v for k, v in os.environ.items()
                 if "REDIS" not in k and k != "CRQ_URL"}
        done = subprocess.run([program, "enqueue", "f"], text=True,
                              capture_output=True, env={**clean, **env})
        assert done.returncode == 0, done.stderr
        assert Queue(connection=r).count == 1


def test_options_stand_on_either_side_of_the_verb(redis_server, r, crq):
    program = os.environ["CRQ_BIN"]
    for args in [["-u", redis_server.url, "--json", "info"],
                 ["info", "--json", "-u", redis_server.url],
                 ["--url=" + redis_server.url, "info", "-j"]]:
        done = subprocess.run([program, *args], capture_output=True, text=True)
        assert done.returncode == 0 and '"queues"' in done.stdout


def test_arguments_are_read_from_files(r, crq, tmp_path):
    (tmp_path / "a.json").write_text('{"big": 123456789012345678901}')
    (tmp_path / "t.txt").write_text("läng\nlines")
    (tmp_path / "l.py").write_text("(1, {2})")
    crq("enqueue", "--job-id", "f", "f", f":@{tmp_path}/a.json",
        f"t=@{tmp_path}/t.txt", f"l%=@{tmp_path}/l.py")

    job = Queue(connection=r).fetch_job("f")
    assert job.args == [{"big": 123456789012345678901}]
    assert job.kwargs == {"t": "läng\nlines", "l": (1, {2})}


def test_help_and_version_are_there(crq):
    assert crq("--version").out.startswith("crq 0.")
    assert "enqueue" in crq("--help").out
    for verb in "enqueue", "result", "show", "list", "info":
        done = crq(verb, "--help")
        assert done.code == 0 and f"crq {verb}" in done.out
        assert crq(verb, "-h") == done
        assert not re.search(r" $", done.out.split("\n\n", 1)[1], re.M)


def test_without_a_verb_the_help_comes_as_an_error(redis_server):
    program = os.environ["CRQ_BIN"]
    alone = subprocess.run([program], capture_output=True, text=True)
    asked = subprocess.run([program, "--help"], capture_output=True, text=True)
    assert (alone.returncode, alone.stdout) == (64, "")
    assert alone.stderr == asked.stdout


def test_output_to_a_closed_pipe_or_full_disk_is_no_success(redis_server, r):
    program = os.environ["CRQ_BIN"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "-u", redis_server.url, "info"],
                              stdout=full, stderr=subprocess.PIPE)
    assert done.returncode != 0


def test_a_long_list_is_cut_and_can_be_paged(r, crq):
    queue = Queue(connection=r)
    queue.enqueue_many([Queue.prepare_data("f", (i,), job_id=f"j{i:04}")
                        for i in range(1200)])

    def ids(*args):
        return [row["id"] for row in crq("list", "--json", *args).json()]

    assert ids() == [f"j{i:04}" for i in range(50)]
    assert ids("-n", "0") == [f"j{i:04}" for i in range(1200)]
    assert ids("-n", "3", "-o", "700") == ["j0700", "j0701", "j0702"]
    assert ids("-o", "1199", "-n", "5") == ["j1199"]


def on_terminal(url, columns, *args):
    """What crq prints on a terminal, without its colours, line by line."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([os.environ["CRQ_BIN"], "-u", url, *args],
                               stdout=slave, stdin=slave)
    os.close(slave)
    out = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux's end of file
            break
        if not piece:
            break
        out += piece
    os.close(master)
    assert process.wait(timeout=30) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", out.decode())
    return text.replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_lists_fit_on_the_terminal(redis_server, r, crq, columns):
    for queue in "q" * 50, "läng", "default":
        crq("enqueue", "-q", queue, "shop.send_mail", "x" * 60, "grün=ü" * 20)
    for verb in ["info"], ["list"], ["list", "-q", "läng"]:
        lines = on_terminal(redis_server.url, columns, *verb)
        assert max(map(len, lines)) <= columns
        assert "\u2026" in "".join(lines) or verb == ["info"]
    assert on_terminal(redis_server.url, columns, "list")[0].split() == [
        "JOB", "STATUS", "AGE", "CALL"]


@pytest.mark.parametrize("columns", [80, 120])
def test_workers_fit_on_the_terminal(redis_server, r, crq, columns):
    for name, job in ("w" * 70, ""), ("host.1234", "j" * 36):
        key = f"rq:worker:{name}"
        r.hset(key, mapping={
            "birth": "2026-11-21T12:00:00.000000Z", "state": "suspended",
            "queues": "high,default," + "q" * 80, "hostname": "h" * 60,
            "pid": "12345", "current_job": job,
            "successful_job_count": 12345678, "failed_job_count": 7})
        r.sadd("rq:workers", key)
    lines = on_terminal(redis_server.url, columns, "info")
    assert max(map(len, lines)) <= columns
    assert "  running " + "j" * 36 in lines
    assert "running" in crq("info").out.splitlines()[1]


def test_a_scheduled_job_is_listed_with_its_due_time(redis_server, r, crq):
    crq("enqueue", "--job-id", "a", "--schedule-at",
        "2030-05-27T21:45:00.25Z", "f")
    shown = (datetime(2030, 5, 27, 21, 45, tzinfo=timezone.utc).astimezone()
             .strftime("%Y-%m-%d %H:%M:%S"))
    assert shown in crq("list", "-s", "scheduled").out
    row, = crq("list", "-s", "scheduled", "--json").json()
    assert row["scheduled_for"] == "2030-05-27T21:45:00.250000Z"
    lines = on_terminal(redis_server.url, 80, "list", "-s", "scheduled")
    assert lines[0].split() == ["JOB", "STATUS", "DUE", "CALL"]
    assert max(map(len, lines)) <= 80
    crq("enqueue", "--job-id", "b", "f")
    assert "scheduled_for" not in crq("list", "--json").json()[0]


def test_names_are_whole_in_a_pipe(r, crq):
    name = "q" * 100
    crq("enqueue", "-q", name, "f")
    assert name in crq("info").out and "JOB" not in crq("list").out


def test_bars_are_for_terminals(redis_server, r, crq):
    crq("enqueue", "f")
    assert "\u2588" in "".join(on_terminal(redis_server.url, 80, "info"))
    row = crq("info").out.splitlines()[1]
    assert row.split() == ["default", "1", *"000000"]


def test_a_reader_that_leaves_early_is_no_trouble(redis_server, r, crq):
    queue = Queue(connection=r)
    queue.enqueue_many([Queue.prepare_data("f", (i,)) for i in range(2000)])
    done = subprocess.run(
        ["sh", "-c", "$CRQ_BIN -u $URL list -n 0 | head -n 1"], text=True,
        env={**os.environ, "URL": redis_server.url}, capture_output=True)
    assert done.stdout.count("\n") == 1 and done.stderr == ""
