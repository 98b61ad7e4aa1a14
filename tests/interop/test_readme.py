"""README.md holds: its commands and its program do what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from web import Gateway

TREE = Path(__file__).parents[2]
README = (TREE / "README.md").read_text()
BIN = Path(sys.executable).parent


@pytest.fixture
def environment(redis_server, crq, r):
    """As the reader has it after ./start, but with a Redis of our own."""
    build = Path(os.environ["CRQ_BIN"]).parent
    return {**os.environ, "CRQ_URL": redis_server.url,
            "RQ_REDIS_URL": redis_server.url,
            "LD_LIBRARY_PATH": str(build / ".libs"),
            "CRQ_MODULE_PATH": str(build / ".libs"),
            "PATH": f"{build}:{BIN}:{os.environ['PATH']}"}


def first_minutes():
    """Rows of a command and the output that is shown below it; what a command
    reads from <<END is a part of it."""
    section = README.split("## The first five minutes")[1].split("\n## ")[0]
    rows = []
    for line in re.findall(r"^    (.*)|^$", section.split("```c")[0], re.M):
        if line.startswith("$ "):
            rows.append([line[2:], ""])
        elif rows and "<<END" in rows[-1][0] and (
                not rows[-1][0].endswith("\nEND")):
            rows[-1][0] += "\n" + line
        elif rows:
            rows[-1][1] += line + "\n"
    return rows


def test_the_first_five_minutes(environment, tmp_path):
    commands = first_minutes()
    assert len(commands) >= 9
    assert commands.pop(0)[0].startswith("export PATH=")
    for command, shown in commands:
        done = subprocess.run(["bash", "-c", command], env=environment,
                              text=True, capture_output=True, timeout=60,
                              cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
        if shown.strip():
            assert done.stdout.rstrip() == shown.rstrip()


def test_the_commands_of_each_verb_are_understood(environment):
    """In the page's order: each finds what those before it have left."""
    section = README.split("## The command line")[1].split("\n## ")[0]
    commands = re.findall(r"^    (crq .*)", section, re.M)
    assert len(commands) > 12
    # What the first five minutes have left.
    subprocess.run(["crq", "enqueue", "-q", "back", "--job-id", "power-1",
                    "f"], env=environment, check=True,
                   stdout=subprocess.DEVNULL)
    for command in commands:
        done = subprocess.run(["bash", "-c", command.replace("1m", "1s")],
                              env=environment, text=True, timeout=60,
                              capture_output=True)
        assert (done.returncode, done.stderr) == (0, "") or (
            "result" in command and done.returncode == 1), (command, done)


def program_with(text):
    [found] = [program for program in
               re.findall(r"^```c\n(.*?)^```", README, re.M | re.S)
               if text in program]
    return found


def test_the_task_runs(environment, crq, tmp_path):
    source = program_with("CRQ_MODULE")
    (tmp_path / "shop.c").write_text(source)
    [build] = re.findall(r"^/\* shop.c: cc (.*) && crq up ", source)
    # Where it is installed, the header is found without an option.
    subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror",
         f"-I{TREE}/src/include", *build.split()], cwd=tmp_path, check=True)
    job = crq("enqueue", "--json", "shop.total", ":7", "count:=3").json()

    done = subprocess.run(["crq", "worker", "-b", "--load", "./shop.so"],
                          env=environment, cwd=tmp_path, text=True,
                          capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert crq("result", job["id"]).out == "21\n"


def test_the_program_gets_its_answer_from_python(environment, tmp_path):
    source = tmp_path / "power.c"
    source.write_text(program_with("int main"))
    libraries = environment["LD_LIBRARY_PATH"]
    # The library under test has the sanitizers in it.
    subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror",
         "-fsanitize=address,undefined", f"-I{TREE}/src/include", source,
         f"-L{libraries}", "-lcrq", "-o", tmp_path / "power"], check=True)

    worker = subprocess.Popen([BIN / "rq", "worker", "back"], env=environment,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        done = subprocess.run([tmp_path / "power"], env=environment,
                              text=True, capture_output=True, timeout=60)
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"job [0-9a-f-]{36}\n1024\n", done.stdout)


def test_the_service_over_http_answers(environment, redis_server, worker,
                                       tmp_path):
    [declared] = re.findall(r"^```json\n(.*?)^```", README, re.M | re.S)
    (tmp_path / "app.json").write_text(declared)
    assert "--load demo calc`" in README
    worker("calc")
    gateway = Gateway(redis_server.url, app=tmp_path).wait_until_ready()
    try:
        answer = gateway.ask("GET", "/add/2/40")
    finally:
        gateway.process.terminate()
        gateway.process.wait(timeout=30)
    assert (answer.status, answer.body) == (200, b"42")
    assert f": http://127.0.0.1:{gateway.port}/\n" in gateway.text()


def test_what_start_says_at_its_end_is_enough(environment, tmp_path):
    """Of its own environment the reader has none of the variables."""
    build = Path(os.environ["CRQ_BIN"]).parent
    said = subprocess.run(
        ["bash", "-c", f"""SRC={TREE} build={build} venv={build}/venv
         source <(sed -n '/^what_next() {{/,/^}}/p' "$SRC/start")
         what_next"""], check=True, text=True, capture_output=True).stdout
    exports = re.findall(r"^  (export .*?)(?:  #.*)?$", said, re.M)
    [names] = re.findall(r"^  crq up (\w[\w ]*\w)  +#", said, re.M)
    for name in ("CRQ_URL", "CRQ_MODULE_PATH", "RQ_REDIS_URL"):
        del environment[name]
    process = subprocess.Popen(
        ["bash", "-c", "\n".join(exports) + "\nexec crq up --json "
         f"--listen 127.0.0.1:0 {names}"], text=True,
        env={**environment, "XDG_DATA_HOME": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline()
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert line, err
    assert [app["name"] for app in json.loads(line)["apps"]] == names.split()
