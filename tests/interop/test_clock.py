"""A scheduler whose wall clock is set by an hour, both ways."""

import time

import pytest
from conftest import eventually, module
from test_schedule import slots, steps
from test_scheduler import ids, scheduler  # noqa: F401, a fixture

HOUR = 3_600_000


@pytest.fixture
def shift(tmp_path, monkeypatch):
    """Set the clock of schedulers that are started later: so many seconds."""
    path = tmp_path / "shift"

    def set_to(seconds):
        new = tmp_path / "new"
        new.write_text(str(seconds))
        new.rename(path)

    set_to(0)
    monkeypatch.setenv("SHIFT_FILE", str(path))
    monkeypatch.setenv("LD_PRELOAD", module("shift"))
    monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")
    yield set_to


def test_a_clock_that_is_set_makes_no_burst_and_no_gap_beyond(
        r, crq, shift, scheduler):  # noqa: F811
    crq("schedule", "--every", "0.2s", "--overlap", "allow", "-q", "q", "s",
        "f.g")
    scheduler()

    def wait_for_more(least):
        count = len(ids(r))
        eventually(lambda: len(ids(r)) >= count + least)

    wait_for_more(5)
    shift(3600)
    wait_for_more(10)
    jumps = [step for step in steps(slots(r, "s")) if step != 200]
    # One, of the hour and what was just due; in phase; and no burst.
    assert len(jumps) == 1 and HOUR - 400 <= jumps[0] <= HOUR + 2000
    assert jumps[0] % 200 == 0

    # Back again: what has been run is not run once more. It waits.
    shift(0)
    time.sleep(0.5)
    count = len(ids(r))
    time.sleep(1.5)
    assert len(ids(r)) == count
    shift(3600)
    wait_for_more(5)
    jumps = [step for step in steps(slots(r, "s")) if step != 200]
    assert len(jumps) <= 2 and jumps[-1] % 200 == 0
    assert len(ids(r)) == len(set(ids(r)))


def test_jobs_for_later_come_when_the_clock_has_come_there(
        r, crq, shift, scheduler):  # noqa: F811
    scheduler()
    crq("enqueue", "-q", "q", "--schedule-in", "1h", "f.g")
    time.sleep(1.2)
    assert ids(r) == []
    shift(3601)
    eventually(lambda: len(ids(r)) == 1)
