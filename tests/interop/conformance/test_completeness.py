"""Whatever RQ lets its users do is in a scenario, or has a reason not to be."""

import functools
import inspect

import pytest
import rq.command
import rq.executions
import rq.group
import rq.intermediate_queue
import rq.job
import rq.queue
import rq.registry
import rq.repeat
import rq.results
import rq.suspension
import rq.webhook
import rq.worker

import scenarios
from unshared import UNSHARED

TABLE = scenarios.load()

CLASSES = (
    rq.job.Job, rq.job.Retry, rq.job.Callback, rq.queue.Queue,
    rq.registry.StartedJobRegistry, rq.registry.FinishedJobRegistry,
    rq.registry.FailedJobRegistry, rq.registry.DeferredJobRegistry,
    rq.registry.ScheduledJobRegistry, rq.registry.CanceledJobRegistry,
    rq.executions.Execution, rq.executions.ExecutionRegistry,
    rq.group.Group, rq.repeat.Repeat, rq.results.Result, rq.webhook.Webhook,
    rq.intermediate_queue.IntermediateQueue, rq.worker.Worker)
MODULES = (rq.command, rq.executions, rq.group, rq.intermediate_queue, rq.job,
           rq.queue, rq.registry, rq.repeat, rq.results, rq.suspension,
           rq.webhook)


def owner(kind, name):
    """The class that a name is from."""
    return next(one for one in kind.__mro__ if name in vars(one))


def public():
    """"Class.name" of all methods and properties, and the functions."""
    names = set()
    for kind in CLASSES:
        for name, member in inspect.getmembers(kind):
            if name.startswith("_"):
                continue
            if callable(member) or isinstance(
                    member, (property, functools.cached_property)):
                names.add(f"{owner(kind, name).__name__}.{name}")
    for module in MODULES:
        names |= {name for name, member in inspect.getmembers(
            module, inspect.isfunction) if member.__module__
            == module.__name__ and not name.startswith("_")}
    return names


COVERED = {name for one in TABLE.values() for name in one.covers}


def test_every_public_name_of_rq_has_a_scenario_or_a_reason():
    assert sorted(public() - COVERED - set(UNSHARED)) == []


def test_what_scenarios_cover_is_there():
    assert sorted(COVERED - public() - {"Dependency"}) == []


@pytest.mark.parametrize("name", sorted(UNSHARED))
def test_what_needs_no_scenario_is_there_and_has_none(name):
    assert name in public()
    assert name not in COVERED
