"""The pets: every rule, told by real jobs."""

import itertools
import json
import time
from statistics import median

import pytest
from conftest import (Probe, Refused, check_declaration, eventually, listen,
                      next_message)
from players import Player
from rq.job import Job

STATE = "pet:state:rex"


def schedules(r):
    return [name.decode() for name in r.zrange("crq:schedules", 0, -1)]


def waiting(r):
    """Ids of the jobs that wait for their time."""
    return sorted(job_id.decode()
                  for job_id in r.zrange("rq:scheduled:pet", 0, -1))


# ---- the rules ----

def test_a_new_pet_is_full_awake_and_rested(r, app):
    pet = app("pet", hunger_seconds=100).call("adopt", "rex")
    next_ms = pet.pop("next_hunger_ms")
    assert 99_000 < next_ms - time.time() * 1000 <= 100_000
    assert pet == {"name": "rex", "hunger": 0, "energy": 10,
                   "status": "awake", "asleep_until_ms": None}
    assert schedules(r) == ["pet-hunger-rex"]


@pytest.mark.parametrize("name", [
    "", "a b", "a/b", "rex!", "x" * 41, "r\u00e9x", "a:b", "a\nb", "a\0b", 5,
    None, ["rex"]])
def test_a_name_that_is_none_is_refused(r, app, name):
    pet = app("pet", jobs=1)
    before = set(r.keys("pet:*")) | set(r.keys("crq:sched*"))
    for task in ("adopt", "feed", "view", "sleep", "release", "authorise"):
        assert pet.outcome(task, name) == 422
    assert set(r.keys("pet:*")) | set(r.keys("crq:sched*")) == before


#: hunger, energy and sleep of the pet that each pair of actions begins with.
BEGIN = {"hunger": 3, "energy": 3, "asleep": False}


def rules(pet, action):
    """What the rules say: the pet afterwards (None: there is none), and the
    status of the refusal or None."""
    if action == "adopt":
        return pet or {"hunger": 0, "energy": 10, "asleep": False}, None
    if action in ("wake_up", "stale", "increase_hunger"):
        if pet and action == "wake_up" and pet["asleep"]:
            pet = {**pet, "energy": 10, "asleep": False}
        if pet and action == "increase_hunger":
            pet = {**pet, "hunger": min(10, pet["hunger"] + 1)}
        return pet, None
    if not pet:
        return None, 404
    if action == "release":
        return None, None
    if action != "view" and pet["asleep"]:
        return pet, 409
    if action == "feed":
        return {**pet, "hunger": max(0, pet["hunger"] - 5)}, None
    if action == "play":
        if pet["energy"] < 2:
            return pet, 409
        return {**pet, "hunger": min(10, pet["hunger"] + 1),
                "energy": pet["energy"] - 2}, None
    if action == "sleep":
        return {**pet, "asleep": True}, None
    assert action == "view"
    return pet, None


ACTIONS = ("adopt", "feed", "increase_hunger", "play", "release", "sleep",
           "stale", "view", "wake_up")


def test_each_pair_of_actions_does_what_the_rules_say(r, app):
    pet = app("pet", jobs=1)

    def act(action):
        if action in ("wake_up", "stale"):
            slept_at = int(r.hget(STATE, "slept_at") or 7)
            return pet.outcome("wake_up", "rex",
                               slept_at + (action == "stale"))
        return pet.outcome(action, "rex")

    def seen():
        fields = r.hgetall(STATE)
        return {"hunger": int(fields[b"hunger"]),
                "energy": int(fields[b"energy"]),
                "asleep": b"slept_at" in fields} if fields else None

    for pair in itertools.product(ACTIONS, ACTIONS):
        pet.outcome("release", "rex")
        pet.call("adopt", "rex")
        r.hset(STATE, mapping={"hunger": 3, "energy": 3})
        model = dict(BEGIN)
        for action in pair:
            before = model
            model, status = rules(model, action)
            got = act(action)
            assert seen() == model, (pair, action)
            if status:
                assert got == status, (pair, action)
            elif action == "release":
                assert got == {"name": "rex"}
            elif model is None:
                assert got is None
            else:
                assert (got["hunger"], got["energy"], got["status"]) == (
                    model["hunger"], model["energy"],
                    "asleep" if model["asleep"] else "awake"), (pair, action)
            # Exactly those have a schedule and a waking that need one.
            assert schedules(r) == (["pet-hunger-rex"] if model else [])
            if before and before["asleep"] and action == "release":
                assert waiting(r) == []
            if model and model["asleep"]:
                slept_at = r.hget(STATE, "slept_at").decode()
                assert f"pet-rex-wake-{slept_at}" in waiting(r)


@pytest.mark.parametrize("action, before, after", [
    ("feed", (5, 10), (0, 10)), ("feed", (10, 0), (5, 0)),
    ("feed", (2, 10), (0, 10)), ("play", (9, 2), (10, 0)),
    ("play", (10, 10), (10, 8)), ("increase_hunger", (9, 1), (10, 1)),
    ("increase_hunger", (10, 1), (10, 1))])
def test_hunger_and_energy_stay_in_their_bounds(r, app, action, before, after):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")
    r.hset(STATE, mapping=dict(zip(("hunger", "energy"), before)))
    got = pet.call(action, "rex")
    assert (got["hunger"], got["energy"]) == after


def test_asleep_is_refused_with_the_time_that_is_left(r, app):
    pet = app("pet", jobs=1, sleep_seconds=90)
    pet.call("adopt", "rex")
    asleep = pet.call("sleep", "rex")
    assert asleep["status"] == "asleep"
    before = r.hgetall(STATE)
    for action in ("feed", "play", "sleep"):
        with pytest.raises(Refused) as e:
            pet.call(action, "rex")
        left = (asleep["asleep_until_ms"] / 1000) - time.time()
        assert e.value.status == 409
        assert left - 1 < e.value.why["retry_in_s"] < left + 5
        assert e.value.why["retry_in_s"] <= 90
        assert "asleep for another" in e.value.detail
    assert r.hgetall(STATE) == before
    # The second sleep has left no second waking.
    assert len(waiting(r)) == 1


def test_a_tired_pet_does_not_play(r, app):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")
    r.hset(STATE, "energy", 1)
    with pytest.raises(Refused, match="Too tired"):
        pet.call("play", "rex")


# ---- many at once ----

def test_ten_processes_that_adopt_at_once_leave_one_schedule(r, app):
    pet = app("pet", jobs=10, hunger_seconds=3600)
    pets = pet.at_once([("adopt", "rex")] * 10)
    assert [p["hunger"] for p in pets] == [0] * 10
    assert schedules(r) == ["pet-hunger-rex"]
    assert len({p["next_hunger_ms"] for p in pets[1:]} | {
        pet.call("adopt", "rex")["next_hunger_ms"]}) <= 2
    assert [kind for kind, _ in pet.events("pet:events")] == ["PET_ADOPTED"]


def test_ten_sleeps_at_once_are_one(r, app):
    pet = app("pet", jobs=10, sleep_seconds=1000)
    pet.call("adopt", "rex")
    got = pet.at_once([("sleep", "rex")] * 10)
    slept_at = r.hget(STATE, "slept_at").decode()
    # Those within the same millisecond fell asleep together.
    assert 1 <= sum(1 for g in got if g != 409)
    assert [kind for kind, _ in pet.events("pet:events")].count(
        "PET_SLEEPS") == 1
    assert waiting(r) == [f"pet-rex-wake-{slept_at}"]


def test_adopting_and_releasing_at_once_leaves_a_whole_pet_or_none(r, app):
    pet = app("pet", jobs=6)
    for _ in range(5):
        pet.at_once([(("adopt", "release")[n % 2], "rex")
                     for n in range(12)])
        assert schedules(r) == (["pet-hunger-rex"] if r.exists(STATE) else [])


def test_hunger_that_comes_before_its_pet_leaves_the_schedule(r, app):
    """Who finds a schedule without a pet removes it, and looks again."""
    pet = app("pet", jobs=8)
    names = [f"p{n}" for n in range(60)]
    pet.at_once([(task, name) for name in names for task in (
        "increase_hunger", "adopt", "increase_hunger", "increase_hunger")])
    assert sorted(schedules(r)) == sorted(f"pet-hunger-{n}" for n in names)


# ---- time ----

def test_hunger_comes_by_the_schedule_and_to_a_sleeping_pet_too(
        r, app, scheduler):
    pet = app("pet", hunger_seconds=0.2, sleep_seconds=1000)
    scheduler()
    pet.call("adopt", "rex")
    pet.call("sleep", "rex")
    eventually(lambda: pet.call("view", "rex")["hunger"] >= 3)
    next_ms = pet.call("view", "rex")["next_hunger_ms"]
    assert 0 < next_ms / 1000 - time.time() + 5 < 10
    pet.call("release", "rex")
    assert schedules(r) == [] and waiting(r) == []
    assert r.exists(STATE) == 0


def test_a_pet_wakes_up_at_its_moment(r, app, scheduler):
    pet = app("pet", sleep_seconds=0.4)
    scheduler()
    names = [f"p{n}" for n in range(12)]
    for name in names:
        pet.call("adopt", name)
    told = listen(r, *[f"pet:live:{name}" for name in names])
    probe = Probe(pet)
    until = {}
    for name in names:
        until[name] = pet.call("sleep", name)["asleep_until_ms"]
        time.sleep(0.05)  # so that they do not wait for each other
    late = {}
    while len(late) < len(names):
        message = next_message(told)
        assert message["type"] == "PET"
        if message["data"]["status"] == "awake":
            name = message["data"]["name"]
            late[name] = (message["at_ms"] - until[name]) / 1000
            assert message["data"]["energy"] == 10
            assert message["data"]["asleep_until_ms"] is None
    worst = probe.stop()
    print(sorted(late.values()), worst)
    assert min(late.values()) >= 0
    assert median(late.values()) < 0.05 + worst


def test_a_stale_waking_wakes_nobody_up(r, app, scheduler):
    pet = app("pet", sleep_seconds=0.3)
    scheduler()
    pet.call("adopt", "rex")
    pet.call("sleep", "rex")
    stale, = waiting(r)
    # Released without its waking being withdrawn, as after a crash.
    r.delete(STATE)
    pet.options(sleep_seconds=1000)
    pet.call("adopt", "rex")
    pet.call("sleep", "rex")
    eventually(lambda: Job.fetch(stale, connection=r).is_finished)
    assert pet.call("view", "rex")["status"] == "asleep"


def test_a_schedule_without_a_pet_goes_away_by_itself(r, app, scheduler):
    pet = app("pet", hunger_seconds=0.2)
    scheduler()
    pet.call("adopt", "rex")
    r.delete(STATE)  # what a death in the middle of adopt or release leaves
    eventually(lambda: schedules(r) == [])


def test_a_worker_killed_hard_changes_nothing_in_the_end(
        r, app, worker, scheduler):
    pet = app("pet", jobs=2, hunger_seconds=0.25, sleep_seconds=2)
    scheduler()
    pet.call("adopt", "rex")
    slept = pet.call("sleep", "rex")
    for _ in range(2):
        time.sleep(0.6)
        pet.worker.kill()
        pet.worker = worker("--jobs", 2, "pet", modules=("pet",))
    eventually(lambda: pet.call("view", "rex")["status"] == "awake", 20)
    awake = [data for kind, data in pet.events("pet:events")
             if kind == "PET_AWAKE"]
    assert len(awake) == 1 and slept["status"] == "asleep"
    # Each slot of hunger has counted once.
    r.zrem("crq:schedules", "pet-hunger-rex")
    eventually(lambda: not r.llen("rq:queue:pet") and not r.zcard(
        "rq:wip:pet"), 20)
    slots = len(r.keys("rq:job:pet-hunger-rex-*"))
    hungrier = [kind for kind, _ in pet.events("pet:events")
                if kind == "PET_HUNGRIER"]
    assert len(hungrier) == slots > 4


def test_a_scheduler_killed_hard_changes_nothing_in_the_end(
        r, app, scheduler):
    pet = app("pet", jobs=2, hunger_seconds=0.25, sleep_seconds=3)
    boss = scheduler()
    begun = pet.call("adopt", "rex")["next_hunger_ms"]
    pet.call("sleep", "rex")
    for _ in range(2):
        time.sleep(0.8)
        boss.process.kill()
        boss.process.wait()
        boss = scheduler(wait=False)
    eventually(lambda: pet.call("view", "rex")["status"] == "awake", 30)
    now = time.time() * 1000
    eventually(lambda: pet.call("view", "rex")["next_hunger_ms"] > now, 30)
    r.zrem("crq:schedules", "pet-hunger-rex")
    eventually(lambda: not r.llen("rq:queue:pet") and not r.zcard(
        "rq:wip:pet"), 20)
    # Every slot has come, and has counted once: it was not merely late.
    slots = sorted(int(key.rsplit(b"-", 1)[1])
                   for key in r.keys("rq:job:pet-hunger-rex-*"))
    assert slots == [begun + n * 250 for n in range(len(slots))]
    kinds = [kind for kind, _ in pet.events("pet:events")]
    assert kinds.count("PET_HUNGRIER") == len(slots) > 12
    assert kinds.count("PET_AWAKE") == 1
    assert pet.call("view", "rex")["hunger"] == 10


def test_a_slot_of_hunger_counts_once_and_a_call_by_hand_always(r, app):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")

    def run(job_id):
        before = r.xlen(f"rq:results:{job_id}")
        pet.queue.enqueue("pet.increase_hunger", "rex", job_id=job_id)
        eventually(lambda: r.xlen(f"rq:results:{job_id}") > before)

    for slot in ("1000", "2000", "1000", "2000", "3000"):
        run(f"pet-hunger-rex-{slot}")
    assert pet.call("view", "rex")["hunger"] == 3
    for _ in range(2):
        run("mine")
    assert pet.call("view", "rex")["hunger"] == 5


# ---- who looks ----

def test_python_and_the_command_line_see_the_same_pet(r, app, crq):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")
    pet.call("increase_hunger", "rex")
    shown = crq("enqueue", "-q", "pet", "--wait", "pet.view", "rex", "--json")
    assert shown.code == 0, shown.err
    assert shown.json()["result"] == pet.call("view", name="rex")


def test_the_page_is_told_the_same_pet(r, app, crq, gateway):  # noqa: F811
    """By each way on which it hears of one."""
    pet = app("pet", jobs=2)
    web = gateway("pet")
    pet.call("adopt", "rex")
    page = Player(web, "/pet/rex/live", "", lambda *_: None)
    try:
        for hunger in (1, 2):
            pet.call("increase_hunger", "rex")
            by_python = pet.call("view", "rex")
            assert by_python["hunger"] == hunger
            assert web.get("/pet/rex").json() == by_python
            assert crq("enqueue", "-q", "pet", "--wait", "pet.view", "rex",
                       "--json").json()["result"] == by_python
            eventually(lambda: json.loads(page.bodies[-1])["data"]
                       == by_python)
    finally:
        page.stop()


def test_a_change_and_its_news_are_one(r, app):
    pet = app("pet", jobs=1)
    told = listen(r, "pet:live:rex")
    pet.call("adopt", "rex")
    seen = [pet.call(a, "rex") for a in ("view", "play", "feed", "sleep")]
    pet.call("release", "rex")
    got = [next_message(told) for _ in range(5)]
    assert [m["data"] for m in got[:4]] == seen
    assert [m["type"] for m in got] == ["PET"] * 4 + ["PET_RELEASED"]
    entries = r.xrange("pet:events")
    assert [e[b"type"] for _, e in entries] == [
        b"PET_ADOPTED", b"PET_PLAYED", b"PET_FED", b"PET_SLEEPS",
        b"PET_RELEASED"]
    assert {e[b"name"] for _, e in entries} == {b"rex"}
    # A refusal is no news.
    pet.outcome("feed", "rex")
    assert r.xlen("pet:events") == 5


def test_a_socket_begins_with_the_pet(app):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")
    welcome = pet.call("authorise", "rex")
    message, = welcome["hello"]
    assert list(welcome) == ["hello"] and message["type"] == "PET"
    assert message["data"] == pet.call("view", "rex")
    assert pet.outcome("authorise", "max") == 404


# ---- hostile surroundings ----

@pytest.mark.parametrize("key, kind", [
    (STATE, "list"), ("pet:events", "hash")])
def test_a_key_of_another_type_changes_nothing(r, app, key, kind):
    pet = app("pet", jobs=1)
    if key == "pet:events":
        r.hset(key, "a", "b")
    else:
        r.rpush(key, "a")
    job = pet.start("adopt", "rex")
    result = job.latest_result(timeout=10)
    assert "WRONGTYPE" in result.exc_string
    assert r.type(key).decode() == kind
    assert (STATE == key) == bool(r.exists(STATE))


@pytest.mark.parametrize("value", ["", "x", "nan", "-1", "0", "1e300", "inf"])
def test_an_option_that_is_no_time_is_told(r, app, value):
    pet = app("pet", jobs=1)
    pet.call("adopt", "rex")
    pet.options(sleep_seconds=value)
    result = pet.start("sleep", "rex").latest_result(timeout=10)
    assert "ValueError: the option sleep_seconds is" in result.exc_string
    assert waiting(r) == []


def test_its_declaration_is_right(crq):
    declared = check_declaration(crq, "pet")
    assert declared["options"] == {"sleep_seconds": 1200,
                                   "hunger_seconds": 3600}
