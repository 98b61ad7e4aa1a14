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
            "PATH": f"{build}:{BIN}:{os.environ['PATH']}"}


def first_minutes():
    """Rows of a command and the output that is shown below it."""
    section = README.split("## The first five minutes")[1]
    section = section[section.index("\n    $ "):]
    block = re.search(r"(?:^(?:    .*)?\n)+", section, re.M)[0]
    lines = re.sub(r"^    ", "", block, flags=re.M)
    return re.findall(r"^\$ (.*)\n((?:^(?!\$).*\n)*)", lines, re.M)


def test_the_first_five_minutes(environment):
    commands = first_minutes()
    assert len(commands) >= 5
    assert commands.pop(0)[0].startswith("export PATH=")
    for command, shown in commands:
        done = subprocess.run(["bash", "-c", command], env=environment,
                              text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, (command, done.stderr)
        if shown.strip():
            assert done.stdout.rstrip() == shown.rstrip()


def test_the_program_gets_its_answer_from_python(environment, tmp_path):
    source = tmp_path / "power.c"
    source.write_text(re.search(r"^```c\n(.*?)^```", README, re.M | re.S)[1])
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
