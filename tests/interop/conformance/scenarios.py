"""The table of scenarios: see stage.py for what a scenario can do.

    @scenario(ends={"a": "finished"}, covers="Queue.enqueue")
    def a_job_is_run(s):
        s.enqueue("demo.add", 2, 3)
        s.work()

The scenarios themselves are in the plays_*.py beside this file.
"""

import importlib
import pathlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """ends: the status of each job when all is over, None for one that is
    gone: what RQ itself must come to, or the scenario shows nothing.
    covers: the names of RQ's that it is about, "Class.name".
    mixed: whether it can be played by two workers at once."""

    name: str
    play: object
    ends: dict
    covers: frozenset
    mixed: bool


SCENARIOS = {}


def scenario(ends, covers="", mixed=True):
    def add(play):
        name = play.__name__
        assert name not in SCENARIOS, f"two scenarios are named {name}"
        SCENARIOS[name] = Scenario(name, play, ends,
                                   frozenset(covers.split()), mixed)
        return play
    return add


def load():
    """All of them."""
    for path in sorted(pathlib.Path(__file__).parent.glob("plays_*.py")):
        importlib.import_module(path.stem)
    return SCENARIOS
