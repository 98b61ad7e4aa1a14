"""crq-worker(8) holds: it has every option, and its examples run, as do those
of crq-scheduler(8)."""

import os
import re
import subprocess
from pathlib import Path

import pytest

MAN = Path(__file__).parents[2] / "man"
PAGE = (MAN / "crq-worker.8").read_text()


def words():
    return set(re.findall(r"[A-Za-z_?-]+", PAGE.replace("Fl Fl ", "--")))


@pytest.fixture
def environment(redis_server, r, crq):
    build = Path(os.environ["CRQ_BIN"]).parent
    return {**os.environ, "CRQ_URL": redis_server.url,
            "CRQ_MODULE_PATH": str(build / ".libs"),
            "PATH": f"{build}:{os.environ['PATH']}"}


def test_every_option_of_the_help_is_in_the_manual(environment):
    shown = subprocess.run(["crq-worker", "--help"], env=environment,
                           text=True, capture_output=True).stdout
    options = re.findall(r"--[a-z-]+", shown)

    assert "--job-monitoring-interval" in options
    assert set(options) <= words()


def test_every_default_of_the_help_is_in_the_manual(environment):
    shown = subprocess.run(["crq-worker", "--help"], env=environment,
                           text=True, capture_output=True).stdout
    # Long options and their texts, whatever the lines they are broken into.
    rows = re.findall(r"--([a-z-]+)=\S+\s((?:(?!--).)*)", shown, re.S)
    defaults = {name: found[1] for name, text in rows
                if (found := re.search(r"default:\s+(\d+)\)", text))}

    assert len(defaults) >= 4
    for name, value in defaults.items():
        item = PAGE.split(f"Fl Fl {name} Ns", 1)[1].split("\n.It", 1)[0]
        assert re.search(rf"\b{value}\b", item), (name, value)


def shell_examples():
    pages = [PAGE, (MAN / "crq-scheduler.8").read_text()]
    sections = [page.split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
                for page in pages]
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$",
                        "\n".join(sections), re.M | re.S)
    return [block for block in blocks if block.startswith("$ ")]


def typed_and_shown(block):
    """Of a line that reads from <<END the lines to END are a part."""
    typed, shown, here = [], [], False
    for line in block.splitlines():
        if here or line.startswith("$ "):
            typed.append(line.removeprefix("$ "))
            here = line != "END" and (here or "<<END" in line)
        else:
            shown.append(line)
    return "\n".join(typed), "\n".join(shown)


@pytest.mark.parametrize("block", shell_examples())
def test_every_example_runs_as_printed(environment, tmp_path, block):
    commands, want = typed_and_shown(block)

    done = subprocess.run(["sh", "-e", "-c", commands], env=environment,
                          cwd=tmp_path, text=True, timeout=60,
                          capture_output=True)

    assert done.returncode == 0, done.stderr
    # enqueue --quiet prints nothing, and the log is on standard error.
    assert done.stdout == want + "\n"


def test_the_example_of_python_gets_its_value(environment, redis_server):
    section = PAGE.split(".Sh EXAMPLES\n")[1]
    source = re.search(r"^(from redis.*?)^\.Ed", section, re.M | re.S)[1]
    source = source.replace("Redis()", f"Redis(port={redis_server.port})")
    found = {}
    exec(source, found)

    subprocess.run(["crq-worker", "--burst", "--load", "demo"], check=True,
                   env=environment, capture_output=True, timeout=60)

    assert found["job"].return_value() == 5
