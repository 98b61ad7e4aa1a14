"""The scripts of the applications by themselves: run again they change nothing,
whatever the tasks around them look at first."""

import json
import re

import pytest
from conftest import APPS

INCLUDE = re.compile(r"^-- include (\S+)$", re.MULTILINE)


def run(r, app, name, keys, *words):
    """Run a script as the module does; what it says."""
    folder = APPS / app
    text = INCLUDE.sub(lambda m: (folder / m[1]).read_text(),
                       (folder / f"{name}.lua").read_text())
    return json.loads(r.eval(text, len(keys), *keys, *words))


def plain(text):
    """A value as it is meant: JSON has no order of fields."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def whole(r):
    """All that Redis holds; how long keys live does not count."""
    read = {
        b"hash": lambda key: {name: plain(text) for name, text in
                              r.hgetall(key).items()},
        b"stream": r.xrange,
        b"string": r.get}
    return {key: read[r.type(key)](key) for key in r.keys("*")}


def pet(r, name, *words):
    return run(r, "pet", name, ["pet:state:rex", "pet:events"], "rex",
               "pet:live:rex", "", *words)


def game(r, name, token, *words):
    return run(r, "buzzer", name, [
        f"buzzer:{part}:ABC123" for part in (
            "game", "players", "tokens", "buzzes", "events")],
        "ABC123", token, *words)


def room(r, name, token, *words):
    return run(r, "trivia", name, [
        *[f"trivia:{part}:ABC123" for part in (
            "room", "players", "tokens", "questions", "answers", "events")],
        "trivia:events"], "ABC123", token, *words)


QUESTIONS = json.dumps([
    {"text": f"{n}?", "choices": ["a", "b", "c", "d"], "answer": n}
    for n in range(2)])

#: What goes before, and the call that is made twice: (script, words...).
PET = [
    ([], ("adopt",)),
    ([("adopt",)], ("sleep", 1000, 2000)),
    ([("adopt",), ("sleep", 1000, 2000)], ("wake_up", 1000)),
    ([("adopt",), ("sleep", 1000, 2000)], ("wake_up", 999)),
    ([("adopt",)], ("increase_hunger", "5000")),
    ([("adopt",)], ("release",)),
]
OPEN = [("create", "h", "Host"), ("join", "a", "Ann", 9),
        ("join", "b", "Bob", 9), ("open", "h")]
PRESS = (1, 300, 0, "", "", "", "", 250, 500, 1500, 1)
GAME = [
    (OPEN[:1], ("create", "h2", "Other")),
    (OPEN[:1], ("join", "a", "Ann", 9)),
    (OPEN, ("buzz", "a", *PRESS)),
    (OPEN, ("open", "h")),
    (OPEN, ("close", "h")),
    ([*OPEN, ("buzz", "a", *PRESS)], ("resolve", "", 1, "p1", 1500)),
    ([*OPEN, ("buzz", "a", *PRESS), ("resolve", "", 1, "p1", 1500)],
     ("judge", "h", "0")),
    ([*OPEN, ("buzz", "a", *PRESS), ("resolve", "", 1, "p1", 1500)],
     ("judge", "h", "1")),
    (OPEN, ("ready", "a", 10, 20)),
]
BEGUN = [("create", "o", "Title", "topic", "Olga", 2),
         ("join", "p", "Pia", "fox", 9), ("ready", "", QUESTIONS),
         ("start", "o", 1000000, 2000)]
ROOM = [
    (BEGUN[:1], ("create", "x", "Title", "topic", "Eve", 2)),
    (BEGUN[:1], ("join", "p", "Pia", "fox", 9)),
    (BEGUN[:1], ("ready", "", QUESTIONS)),
    (BEGUN[:1], ("fail", "", "why")),
    (BEGUN[:3], ("fail", "", "why")),
    ([*BEGUN[:1], ("fail", "", "why")], ("ready", "", QUESTIONS)),
    (BEGUN[:3], ("start", "o", 1000, 200)),
    (BEGUN, ("answer", "p", "q1", 0)),
    ([*BEGUN, ("answer", "p", "q1", 0)], ("cycle", "", 1)),
    ([*BEGUN, ("cycle", "", 1)], ("cycle", "", 2)),
    (BEGUN, ("cycle", "", 2)),
    (BEGUN, ("countdown", "", 0, 500)),
]


@pytest.mark.parametrize("call, before, words", [
    pytest.param(call, before, words, id=f"{call.__name__}-{n}-{words[0]}")
    for call, rows in ((pet, PET), (game, GAME), (room, ROOM))
    for n, (before, words) in enumerate(rows)])
def test_a_script_that_is_run_again_changes_nothing(r, call, before, words):
    for earlier in before:
        assert "ok" in call(r, *earlier), earlier
    call(r, *words)
    after = whole(r)
    assert after
    call(r, *words)
    assert whole(r) == after


def test_who_answered_right_scores_once(r):
    for words in BEGUN:
        room(r, *words)
    room(r, "answer", "p", "q1", 0)
    room(r, "answer", "o", "q1", 1)
    assert [room(r, "cycle", "", 1)["ok"] for _ in range(3)] == [
        True, False, False]
    scores = {p["name"]: p["score"] for p in room(r, "view", "")["ok"][
        "players"]}
    assert scores == {"Olga": 0, "Pia": 1}


@pytest.mark.parametrize("call, calls, keys", [
    (pet, [("adopt",), ("feed",), ("play",), ("sleep", 1, 2), ("wake_up", 1),
           ("increase_hunger", ""), ("release",), ("view",)],
     ["pet:state:rex", "pet:events"]),
    (game, [*OPEN, ("buzz", "a", *PRESS), ("resolve", "", 1, "p1", 1),
            ("judge", "h", "1"), ("close", "h"), ("view", ""),
            ("socket", "a", "+s1"), ("ready", "a", 1, 2)],
     [f"buzzer:{part}:ABC123" for part in (
         "game", "players", "tokens", "buzzes", "events")]),
    (room, [*BEGUN, ("answer", "p", "q1", 0), ("cycle", "", 1),
            ("countdown", "", 1, 5), ("fail", "", "why"), ("view", ""),
            ("socket", "p", "+s1")],
     [*[f"trivia:{part}:ABC123" for part in (
         "room", "players", "tokens", "questions", "answers", "events")],
      "trivia:events"])])
def test_a_key_of_another_type_is_met_before_anything_is_written(
        r, call, calls, keys):
    for key in keys:
        for n in range(len(calls)):
            r.flushall()
            for earlier in calls[:n]:
                call(r, *earlier)
            r.delete(key)
            r.set(key, "foreign")
            before = whole(r)
            with pytest.raises(Exception, match="WRONGTYPE"):
                call(r, *calls[n])
            assert whole(r) == before, (key, calls[n])


@pytest.mark.parametrize("app", ["pet", "buzzer", "trivia"])
def test_redis_that_is_full_is_met_before_anything_is_written(r, app):
    call, words = {"pet": (pet, ("adopt",)), "buzzer": (game, OPEN[0]),
                   "trivia": (room, BEGUN[0])}[app]
    before = r.config_get("maxmemory")["maxmemory"]
    r.config_set("maxmemory", 1)
    try:
        with pytest.raises(Exception, match="maxmemory"):
            call(r, *words)
        assert r.keys() == []
    finally:
        r.config_set("maxmemory", before)
    assert "ok" in call(r, *words)
