"""TAB in bash: it offers what crq's own help names."""

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "dist" / "completions" / "crq.bash"


@pytest.fixture
def complete(crq):
    """What is offered for the last of these words."""
    def run(*words):
        done = subprocess.run(
            ["bash", "--norc", "-euc", f"""
             source {SCRIPT}
             set +e
             COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
             _crq "$1" && printf '%s\\n' "${{COMPREPLY[@]}}" """, "-",
             os.environ["CRQ_BIN"], *words],
            text=True, capture_output=True, timeout=30,
            # Redis is not asked: nobody is there.
            env={**os.environ, "CRQ_URL": "unix:///nowhere"})
        assert done.stderr == ""
        return done.stdout.split()
    return run


def verbs(crq):
    return re.findall(r"^  ([a-z-]+) ", crq("--help").out.split("Verbs:")[1],
                      re.M)


def test_all_verbs_are_offered(crq, complete):
    assert complete("") == verbs(crq) and len(verbs(crq)) > 20
    assert complete("-u", "redis://x", "") == verbs(crq)
    assert complete("--json", "sus") == ["suspend"]
    assert complete("nonsense", "") == []


def test_all_options_of_each_verb_are_offered(crq, complete):
    for verb in verbs(crq):
        said = re.findall(r"^ +(?:-., +)?(--[a-z-]+)", crq(verb, "--help").out,
                          re.M)
        assert "--help" in said
        assert complete(verb, "-") == said, verb
    assert complete("list", "--old") == ["--older-than"]
    assert complete("list", "--new") == ["--newest"]
    assert "--json" in complete("--")


@pytest.mark.parametrize("words,want", [
    (("list", "-s", "st"), "started stopped"),
    (("list", "--status", "=", "fi"), "finished"),
    (("list", "--status", "="), "queued started finished failed stopped "
                                "deferred scheduled canceled"),
    (("-u", "unix:///x", "cancel", "--all", "-s", "q"), "queued"),
    (("enqueue", "--serializer", ""), "pickle json msgpack"),
    (("app", ""), "check"),
    (("list", "-u", "un"), "unix://"),
])
def test_values_are_offered_where_they_are_few(complete, words, want):
    assert complete(*words) == want.split()
