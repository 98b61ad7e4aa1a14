"""crq(1) holds: it has every option and field, and its examples run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rq import Queue, SimpleWorker

PAGE = (Path(__file__).parents[2] / "man" / "crq.1").read_text()
VERBS = ("enqueue", "result", "show", "log", "list", "info", "workers",
         "position", "cancel", "requeue", "stop", "move", "delete", "empty",
         "doctor", "bench", "suspend", "resume", "shutdown", "kill-horse",
         "schedule", "schedules", "top", "unschedule", "up")


def words():
    return set(re.findall(r"[A-Za-z0-9_?-]+", PAGE.replace("Fl Fl ", "--")))


def is_in_page(verb):
    return re.search(rf"^\.Cm {verb}( \.| check)?$", PAGE, re.M)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_the_help_is_in_the_manual(crq, verb):
    options = re.findall(r"--[a-z-]+", crq(verb, "--help").out)

    assert "--json" in options
    assert set(options) <= words()
    assert is_in_page(verb)


def test_every_verb_of_the_help_is_in_the_manual(crq):
    verbs = re.findall(r"^  ([a-z-]+) ", crq("--help").out, re.M)

    assert {*VERBS, "app", "cron", "scheduler", "web", "worker"} == set(verbs)
    assert all(is_in_page(verb) for verb in verbs)


def test_every_field_of_json_is_in_the_manual(r, crq):
    crq("enqueue", "--job-id", "a", "builtins.pow", ":2", ":10", "-q", "back")
    SimpleWorker(["back"], connection=r).work(burst=True)
    show = crq("show", "--json", "a").json()
    info = crq("info", "--json").json()

    r.zadd("crq:failures", {"f\nE": 1})
    r.hset("crq:failures:counts", "f\nE", 1)
    top = crq("top", "--json").json()
    stats = info["queues"][0]["stats"]
    assert set(top["queues"][0]) == set(info["queues"][0])

    fields = {*show, *show["results"][0], *info, *info["queues"][0],
              *stats, *stats["totals"], *stats["wait"], *stats["per_second"],
              *top, *top["all"], *top["failures"][0],
              *crq("requeue", "--all", "--json").json(),
              *crq("position", "--json", crq("enqueue", "--json", "f").json()[
                  "id"]).json(), *crq("empty", "-j", "q").json()[0]}
    assert len(fields) > 30
    assert fields <= words()


def examples():
    section = PAGE.split(".Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", section,
                        re.M | re.S)
    return [block.replace("\\e\n", "\\\n") for block in blocks]


def commands_and_output(block):
    """As in the page: what is typed behind $, then what is to be seen."""
    if "$ " not in block:
        return block, ""
    block = block.replace("\\\n", " ")
    lines = block.splitlines()
    return ("\n".join(x[2:] for x in lines if x.startswith("$ ")),
            "\n".join(x for x in lines if not x.startswith("$ ")))


@pytest.mark.parametrize("block", examples())
def test_every_example_runs_as_printed(redis_server, r, tmp_path, block):
    if "jq" in block and not shutil.which("jq"):
        pytest.skip("jq is not installed")
    program = os.environ.get("CRQ_BIN")
    if not program:
        pytest.skip("CRQ_BIN does not name the program to test")
    # What the worker logs is not in the page.
    for name, line in [("crq", f'exec {program} "$@"'),
                       ("rq", f'exec {sys.executable} -m rq.cli "$@" >log')]:
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    commands, want = commands_and_output(block)
    if "--wait" in commands:
        commands = "rq worker --max-jobs 1 back &\n" + (
            commands + '\n[ "$sum" = 3 ]')
    before = r.dbsize()

    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=tmp_path, text=True, timeout=60,
        capture_output=True, env={**os.environ, "CRQ_URL": redis_server.url,
                                  "RQ_REDIS_URL": redis_server.url,
                                  "CRQ_MODULE_PATH": str(
                                      Path(program).parent / ".libs"),
                                  "PATH": f"{tmp_path}:{os.environ['PATH']}"})

    assert done.returncode == 0, done.stderr
    if want:
        assert done.stdout == want + "\n"
    assert "list" in commands or r.dbsize() > before


def test_the_example_of_all_arguments_is_the_call_it_says(r, crq,
                                                          redis_server):
    [block] = [b for b in examples() if "when%=" in b]
    commands, _ = commands_and_output(block)
    subprocess.run(["sh", "-c", commands.replace("crq", "$CRQ_BIN")],
                   check=True, capture_output=True,
                   env={**os.environ, "CRQ_URL": redis_server.url})

    [job] = Queue(connection=r).jobs
    assert (job.args, job.kwargs) == (
        ["bob", [1, 2.5]], {"note": "hi", "copies": 2, "when": (2027, 5)})
