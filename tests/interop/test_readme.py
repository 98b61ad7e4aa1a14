"""README.md holds: its commands and its program do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    subprocess.run(["crq", "enqueue", "--job-id", "power-1", "f"],
                   env=environment, check=True, stdout=subprocess.DEVNULL)
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
    (tmp_path / "shop.c").write_text(program_with("CRQ_MODULE"))
    subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
         f"-I{TREE}/src/include", "shop.c", "-o", "shop.so"],
        cwd=tmp_path, check=True)
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
