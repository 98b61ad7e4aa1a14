"""--help and the manual page of a program have the same options."""

import re
import subprocess
from pathlib import Path

import pytest

from conftest import program_folder

MAN = Path(__file__).parents[2] / "man"
#: What argp gives to each program.
COMMON = {"-?", "-h", "--help", "--usage", "-V", "--version"}


def shown(*command):
    """The options in the left column of a --help."""
    text = subprocess.run([f"{program_folder()}/{command[0]}", *command[1:],
                           "--help"], text=True, capture_output=True,
                          check=True).stdout
    rows = re.findall(r"^ {2,6}(-.*?)(?:  .*)?$", text, re.M)
    return {option for row in rows
            for option in re.findall(r"(?:^|, )(--?[A-Za-z?][\w-]*)", row)}


def written(page):
    """The options that lists of a page have as their items, as groff prints
    them."""
    options = set()
    for item in re.findall(r"^\.It (Fl .*)$", (MAN / page).read_text(), re.M):
        dashes, before = 0, ""
        for word in item.replace("\\&", "").split():
            if word == "Fl":
                dashes = dashes + 1 if before == "Fl" else 1
            elif re.fullmatch("[A-Z][a-z]", word):
                dashes = 0  # another macro
            elif word != "," and dashes > 0:
                options.add("-" * dashes + word)
                dashes = 1
            before = word
    return options


def verbs():
    text = subprocess.run([f"{program_folder()}/crq", "--help"], text=True,
                          capture_output=True, check=True).stdout
    return re.findall(r"^  ([a-z-]+) ", text.split("Verbs:")[1], re.M)


@pytest.mark.parametrize("program, page", [
    ("crq-worker", "crq-worker.8"), ("crq-scheduler", "crq-scheduler.8"),
    ("crq-web", "crq-web.8")])
def test_a_program_has_the_options_of_its_page(program, page):
    options = shown(program)
    assert len(options) > 10
    assert options | COMMON == written(page) | COMMON
    assert {"--help", "--version"} <= written(page)


def test_crq_has_the_options_of_its_page():
    others = ("worker", "cron", "scheduler", "web")
    options = set().union(*(shown("crq", verb) for verb in verbs()
                            if verb not in others))
    assert len(options) > 60
    assert options | COMMON == written("crq.1") | COMMON


@pytest.mark.parametrize("page", sorted(p.name for p in MAN.glob("*.[1-9]")))
def test_long_options_are_printed_with_two_dashes(page):
    """ ".Fl Fl one , two" is --one, -two to groff."""
    lines = re.findall(r"^\.(?:It )?Fl Fl .*$", (MAN / page).read_text(), re.M)
    assert [line for line in lines if re.search(r" , [a-z][a-z-]+", line)] == []
