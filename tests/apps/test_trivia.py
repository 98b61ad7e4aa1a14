"""The trivia rooms: whole games, and whoever disturbs them."""

import http.server
import itertools
import json
import math
import threading
import time
from datetime import datetime, timezone
from statistics import median

import pytest
from conftest import (APPS, Probe, Refused, Triggers, check_declaration,
                      eventually)
from rq.job import Job


class Room:
    """A room with players; the first one is the owner."""

    def __init__(self, trivia, *names, topic="science", count=None):
        self.trivia, self.r = trivia, trivia.r
        self.created = trivia.call("create_room", "Quiz night", topic,
                                   names[0], count)
        self.code = self.created["code"]
        self.owner = names[0]
        self.tokens = {names[0]: self.created["token"]}
        self.ids = {names[0]: self.created["player_id"]}
        for name in names[1:]:
            joined = self.call("join", name, "fox")
            self.tokens[name] = joined["token"]
            self.ids[name] = joined["player_id"]

    def call(self, task, *args):
        return self.trivia.call(task, self.code, *args)

    def outcome(self, task, *args):
        return self.trivia.outcome(task, self.code, *args)

    def status(self):
        return self.r.hget(f"trivia:room:{self.code}", "status").decode()

    def wait(self, status, seconds=20):
        eventually(lambda: self.status() == status, seconds)
        return self

    def fill(self):
        """Questions, by no trigger."""
        count = int(self.r.hget(f"trivia:room:{self.code}", "count"))
        assert self.call("generate_questions", "science", count) == "ready"
        return self

    def start(self):
        return self.call("start", self.tokens[self.owner])

    def questions(self):
        """What only the server knows: by id."""
        return {f"q{int(n)}": json.loads(text) for n, text in
                self.r.hgetall(f"trivia:questions:{self.code}").items()}

    def right(self, question_id):
        return self.questions()[question_id]["answer"]

    def answer(self, name, question_id, choice):
        return self.outcome("answer", self.tokens[name], question_id, choice)

    def entries(self):
        """All events: (type, at_ms, data)."""
        return [(e[b"type"].decode(), int(e[b"at_ms"]), json.loads(e[b"data"]))
                for _, e in self.r.xrange(f"trivia:events:{self.code}")]

    def kinds(self, *but):
        return [kind for kind, _, _ in self.entries() if kind not in but]

    def scores(self):
        return {p["name"]: p["score"] for p in self.call("view")["players"]}


@pytest.fixture
def trivia(app):
    return app("trivia", jobs=4)


@pytest.fixture
def triggers():
    """Start the stand-in for the scheduler's triggers."""
    started = []

    def start(trivia):
        started.append(Triggers(trivia))
        return started[-1]

    yield start
    for made in started:
        made.stop()


FAST = dict(round_seconds=0.6, countdown_seconds=0.2, questions=3)


# ---- whole games ----

def follow(room, answer):
    """Answer each question as it comes: answer(name, number, right)."""
    answered = set()
    while room.status() != "completed":
        view = room.call("view", room.tokens[room.owner])
        q = view["question"]
        if q and q["id"] not in answered:
            for name in room.tokens:
                choice = answer(name, q["number"], room.right(q["id"]))
                if choice is not None:
                    room.answer(name, q["id"], choice)
            answered.add(q["id"])
        time.sleep(0.02)


def check_course(room, questions):
    """Each question was shown, counted down and revealed, once and in order;
    nothing came behind the end."""
    expected = ["GAME_ROOM_STARTED"]
    for _ in range(questions):
        expected += ["QUESTION", "REVEAL"]
    kinds = room.kinds("GAME_ROOM_CREATED", "PLAYER_JOINED", "PLAYER_LEFT",
                       "GAME_ROOM_UPDATED", "GAME_ROOM_COUNTDOWN")
    assert kinds == [*expected, "COMPLETED"]
    shown = [d["question"]["id"] for k, _, d in room.entries()
             if k == "QUESTION"]
    revealed = [d["question_id"] for k, _, d in room.entries()
                if k == "REVEAL"]
    assert shown == revealed == [f"q{n + 1}" for n in range(questions)]
    assert room.kinds()[-1] == "COMPLETED"


def test_a_game_goes_by_itself_from_creation_to_the_scores(
        app, scheduler, triggers):
    trivia = app("trivia", jobs=3, **FAST)
    scheduler()
    triggers(trivia)
    room = Room(trivia, "Olga", "Pia", "Quin").wait("ready")
    probe = Probe(trivia)
    begun = room.start()
    assert begun["questions"] == 3 and begun["round_ms"] == 600
    # Olga is right always, Pia once, Quin never.
    follow(room, lambda name, n, right: {
        "Olga": right, "Pia": right if n == 2 else (right + 1) % 4,
        "Quin": (right + 2) % 4}[name])
    worst = probe.stop()
    check_course(room, 3)
    assert room.scores() == {"Olga": 3, "Pia": 1, "Quin": 0}

    entries = room.entries()
    reveals = [(at, d) for k, at, d in entries if k == "REVEAL"]
    late = [at - (begun["started_ms"] + (n + 1) * 600)
            for n, (at, _) in enumerate(reveals)]
    print(late, worst)
    assert min(late) >= 0 and median(late) < 50 + worst * 1000
    deadlines = [d["deadline_ms"] for k, _, d in entries if k == "QUESTION"]
    assert deadlines == [begun["started_ms"] + n * 600 for n in (1, 2, 3)]
    # Every word about the time was true.
    words = [(at, d) for k, at, d in entries if k == "GAME_ROOM_COUNTDOWN"]
    assert [d["question_id"] for _, d in words] == [
        f"q{n}" for n in (1, 1, 2, 2, 3, 3)]
    for at, d in words:
        assert d["time_remaining_in_seconds"] == pytest.approx(
            max(0, d["deadline_ms"] - at) / 1000)  # said late, none is left
    # No secret before its time.
    foreign = json.dumps([d for _, _, d in entries])
    log = trivia.worker.text()
    assert "trivia.cycle_question" in log
    for token in room.tokens.values():
        assert token not in foreign and token not in log
    for k, _, d in entries:
        assert k == "REVEAL" or '"answer' not in json.dumps(d)


def test_nothing_of_a_game_is_left_when_it_is_over(
        r, app, scheduler, triggers):
    trivia = app("trivia", **{**FAST, "round_seconds": 0.2,
                              "countdown_seconds": 0.05})
    scheduler()
    triggers(trivia)
    room = Room(trivia, "Olga").wait("ready")
    room.start()
    room.wait("completed")
    before = room.entries()
    eventually(lambda: r.zcard("rq:scheduled:trivia") == 0)
    eventually(lambda: r.llen("rq:queue:trivia") == 0)
    for n in range(5):
        assert room.call("cycle_question", n) is False
        assert room.call("emit_countdown", n, 0.1) is False
    room.call("schedule_rounds")
    assert r.zcard("rq:scheduled:trivia") == 0
    assert room.entries() == before
    keys = [k for k in r.keys("trivia:*") if k != b"trivia:events"]
    assert len(keys) >= 4
    assert all(14000 < r.ttl(k) <= 14400 for k in keys)


def test_a_game_survives_the_death_of_whoever_runs_it(
        app, worker, scheduler, triggers):
    trivia = app("trivia", jobs=2, round_seconds=1, countdown_seconds=0.4,
                 questions=6)
    boss = scheduler()
    triggers(trivia)
    room = Room(trivia, "Olga", "Pia").wait("ready")
    begun = room.start()
    stop, accepted = threading.Event(), {}

    def play():
        # Answers until one of them was taken, or the time is over.
        for n in range(1, 7):
            while not stop.is_set() and (n, "Pia") not in accepted:
                step = int(room.r.hget(f"trivia:room:{room.code}", "step"))
                if step >= n:
                    break
                if step == n - 1:
                    job = trivia.start("answer", room.code,
                                       room.tokens["Pia"], f"q{n}",
                                       room.right(f"q{n}"))
                    try:
                        trivia.end(job)
                        accepted[n, "Pia"] = True
                    except (Refused, AssertionError):
                        pass
                time.sleep(0.05)

    player = threading.Thread(target=play)
    player.start()
    for n in range(2):
        time.sleep(0.9)
        trivia.worker.kill()
        trivia.worker = worker("--jobs", 2, "trivia", modules=("trivia",))
    time.sleep(0.5)
    boss.process.kill()
    boss.process.wait()
    scheduler(wait=False)
    room.wait("completed", 60)
    stop.set()
    player.join()
    check_course(room, 6)
    # What was taken was counted; what a dying worker had taken, too.
    counted = [d["right"] for k, _, d in room.entries() if k == "REVEAL"]
    taken = {int(k.split(b":")[0]) for k in room.r.hkeys(
        f"trivia:answers:{room.code}")}
    assert {n + 1 for n, ids in enumerate(counted) if ids} == taken
    assert {n for n, _ in accepted} <= taken
    assert room.scores()["Pia"] == len(taken)
    # Rounds are counted from T0: no death has moved the deadlines.
    deadlines = [d["deadline_ms"] for k, _, d in room.entries()
                 if k == "QUESTION"]
    assert deadlines == [begun["started_ms"] + n * 1000 for n in range(1, 7)]


def test_many_games_go_side_by_side_without_drift(app, scheduler):
    trivia = app("trivia", jobs=2, round_seconds=1, countdown_seconds=0.5,
                 questions=3)
    scheduler()
    rooms = [Room(trivia, "Olga").fill() for _ in range(25)]
    probe = Probe(trivia)
    t0 = [room.start()["started_ms"] for room in rooms]
    for room in rooms:
        room.wait("completed", 30)
    worst = probe.stop()
    late = []
    for room, begun in zip(rooms, t0):
        check_course(room, 3)
        steps = [at for k, at, _ in room.entries() if k == "REVEAL"]
        late.append([at - (begun + n * 1000)
                     for n, at in enumerate(steps, 1)])
    print(sorted(itertools.chain(*late))[-5:], worst)
    assert min(itertools.chain(*late)) >= 0
    assert median(itertools.chain(*late)) < 50 + worst * 1000
    # The last round is not later than the first one.
    assert median(x[2] for x in late) < median(x[0] for x in late) + 50 + \
        worst * 1000


def test_triggers_that_are_down_delay_a_game_and_no_more(
        app, scheduler, triggers):
    trivia = app("trivia", **{**FAST, "round_seconds": 0.3})
    scheduler()
    room = Room(trivia, "Olga")
    assert room.status() == "building"
    handler = triggers(trivia)
    room.wait("ready")
    handler.stop()
    room.start()
    # As if start() had died behind its change of state.
    trivia.r.delete("rq:scheduled:trivia")
    for key in trivia.r.keys(f"rq:job:trivia-{room.code}-*"):
        trivia.r.delete(key)
    time.sleep(0.5)
    assert room.status() == "in_progress"
    triggers(trivia)
    room.wait("completed")
    check_course(room, 3)


# ---- steps ----

def test_the_same_step_twice_is_one_and_a_later_one_waits(r, trivia):
    trivia.options(round_seconds=1000, questions=3)
    room = Room(trivia, "Olga").fill()
    room.start()
    assert room.call("cycle_question", 0) is False
    # A step that is too early is run again later.
    early = trivia.start("cycle_question", room.code, 2)
    eventually(lambda: early.get_status() == "scheduled")
    early.delete()
    assert trivia.at_once([("cycle_question", room.code, 1)] * 8).count(
        True) == 1
    assert room.call("cycle_question", 1) is False
    assert room.kinds().count("REVEAL") == 1
    assert room.kinds().count("QUESTION") == 2
    for step in (4, 99, -1):
        assert room.call("cycle_question", step) is False
    # Exactly the next step waits, besides the one whose time has not come.
    steps = {j.decode() for j in r.zrange("rq:scheduled:trivia", 0, -1)}
    assert f"trivia-{room.code}-2" in steps


def test_a_step_that_was_lost_is_taken_by_the_next_one(r, app, scheduler):
    trivia = app("trivia", round_seconds=0.5, countdown_seconds=3000,
                 questions=4)
    room = Room(trivia, "Olga", "Pia").fill()
    begun = room.start()
    # Gone, as by a hand that cleans up; but the one behind it is there.
    job = Job.fetch(f"trivia-{room.code}-1", connection=r)
    job.delete()
    due = math.ceil(begun["started_ms"] / 1000 + 1)  # RQ has whole seconds
    trivia.queue.enqueue_at(
        datetime.fromtimestamp(due, timezone.utc), "trivia.cycle_question",
        room.code, 2, job_id=f"trivia-{room.code}-2")
    scheduler()
    room.wait("completed")
    check_course(room, 4)
    steps = [at for k, at, _ in room.entries() if k == "REVEAL"]
    # Both by the second step's job.
    assert due * 1000 <= steps[0] <= steps[1]
    job = Job.fetch(f"trivia-{room.code}-2", connection=r)
    assert job.started_at.timestamp() * 1000 <= steps[0]
    assert steps[1] <= job.ended_at.timestamp() * 1000 + 1


@pytest.mark.parametrize("step, left", [
    (1, 4.0), (-1, 4.0), (0, 0.0), (0, -2.0), (0, 1e300), (0, float("nan"))])
def test_a_word_about_another_time_is_not_told(trivia, step, left):
    trivia.options(round_seconds=1000)
    room = Room(trivia, "Olga").fill()
    room.start()
    before = room.entries()
    assert room.call("emit_countdown", step, left) is False
    assert room.entries() == before


def test_a_word_about_the_time_comes_once(trivia):
    trivia.options(round_seconds=1000, countdown_seconds=100)
    room = Room(trivia, "Olga").fill()
    room.start()
    assert room.call("emit_countdown", 0, 800.0) is True
    assert room.call("emit_countdown", 0, 800.0) is False
    assert room.call("emit_countdown", 0, 900.0) is False
    assert room.call("emit_countdown", 0, 700.0) is True
    assert room.kinds().count("GAME_ROOM_COUNTDOWN") == 2


# ---- many at once ----

def test_fifty_starts_at_once_start_once(r, app):
    trivia = app("trivia", jobs=6, round_seconds=1000, countdown_seconds=3000)
    room = Room(trivia, "Olga").fill()
    got = trivia.at_once([("start", room.code, room.tokens["Olga"])] * 50)
    assert got.count(409) == 49
    assert room.kinds().count("GAME_ROOM_STARTED") == 1
    assert room.kinds().count("QUESTION") == 1
    assert r.zrange("rq:scheduled:trivia", 0, -1) == [
        f"trivia-{room.code}-1".encode()]


def test_ten_places_are_given_to_ten(app):
    trivia = app("trivia", jobs=6)
    room = Room(trivia, "Olga")
    got = trivia.at_once([("join", room.code, f"n{n}") for n in range(20)])
    players = room.call("view")["players"]
    assert len(players) == 10 and len(got) - got.count(409) == 9
    assert len({p["id"] for p in players}) == 10
    assert room.kinds().count("PLAYER_JOINED") == 9
    with pytest.raises(Refused, match="Full"):
        room.call("join", "late")


def test_one_name_is_given_once(app):
    trivia = app("trivia", jobs=6)
    room = Room(trivia, "Olga")
    got = trivia.at_once([("join", room.code, "Pia")] * 10)
    assert got.count(409) == 9
    with pytest.raises(Refused, match="Name taken"):
        room.call("join", "OLGA")


def test_answers_around_the_deadline_count_or_are_refused(app, scheduler):
    trivia = app("trivia", jobs=4, round_seconds=1.5, countdown_seconds=3000,
                 players_max=101, questions=1)
    scheduler()
    room = Room(trivia, "Olga")
    names = [f"n{n}" for n in range(100)]
    joined = trivia.at_once([("join", room.code, name) for name in names])
    room.fill()
    begun = room.start()
    deadline = begun["started_ms"] + 1500
    right = room.right("q1")
    jobs = []
    for n, player in enumerate(joined):
        due = deadline / 1000 - 0.35 + 0.007 * n
        time.sleep(max(0, due - time.time()))
        jobs.append(trivia.start("answer", room.code, player["token"], "q1",
                                 right))
    room.wait("completed")

    def end(job):
        try:
            return trivia.end(job)
        except Refused as e:
            return e.status

    got = [end(job) for job in jobs]
    taken = {joined[n]["player_id"] for n, g in enumerate(got) if g != 409}
    assert all(g == 409 or g == {"question_id": "q1", "choice": right}
               for g in got)
    reveal, = [d for k, _, d in room.entries() if k == "REVEAL"]
    assert set(reveal["right"]) == taken and 0 < len(taken) < 100
    answers = room.r.hgetall(f"trivia:answers:{room.code}")
    assert len(answers) == len(taken)
    assert all(json.loads(a)["at_ms"] < deadline for a in answers.values())
    assert sum(room.scores().values()) == len(taken)


# ---- phases and rights ----

def test_each_phase_refuses_what_is_not_its_own(app, scheduler):
    trivia = app("trivia", round_seconds=1000, questions=2)
    room = Room(trivia, "Olga", "Pia")
    olga, pia = room.tokens["Olga"], room.tokens["Pia"]
    # building
    assert room.outcome("start", olga) == 409
    assert room.answer("Pia", "q1", 0) == 409
    room.fill()
    # ready
    assert room.answer("Pia", "q1", 0) == 409
    assert room.outcome("start", pia) == 403
    room.call("join", "Quin")
    room.start()
    # in progress
    assert room.outcome("join", "Rob") == 409
    assert room.outcome("start", olga) == 409
    assert room.call("generate_questions", "science", 2) is None
    assert room.call("fail_if_building") == "in_progress"
    for step in (1, 2):
        room.call("cycle_question", step)
    # completed
    assert room.status() == "completed"
    assert room.outcome("join", "Rob") == 409
    assert room.outcome("start", olga) == 409
    assert room.answer("Pia", "q2", 0) == 409
    assert room.call("fail_if_building") == "completed"


def test_the_first_answer_counts_and_only_for_the_question_shown(trivia):
    trivia.options(round_seconds=1000, questions=2)
    room = Room(trivia, "Olga", "Pia").fill()
    room.start()
    right = room.right("q1")
    for choice in (4, -1, 1.5, None, "0", True, [0], 10**30, float("nan")):
        assert room.answer("Pia", "q1", choice) == 422
    for question in ("q2", "q0", "1", "Q1", "q1 "):
        assert room.answer("Pia", question, right) == 409
    for question in (None, 1, ""):
        assert room.answer("Pia", question, right) == 422
    assert room.answer("Pia", "q1", right) == {"question_id": "q1",
                                               "choice": right}
    assert room.answer("Pia", "q1", (right + 1) % 4) == 409
    assert room.answer("Olga", "q1", (right + 1) % 4)["choice"] == (
        right + 1) % 4
    me = room.call("view", room.tokens["Pia"])["me"]
    assert me["choice"] == right and me["owner"] is False
    room.call("cycle_question", 1)
    assert room.answer("Pia", "q1", right) == 409
    assert room.scores() == {"Olga": 0, "Pia": 1}
    assert room.call("view", room.tokens["Pia"])["me"]["choice"] is None


def test_each_role_may_do_what_is_its_own(trivia):
    trivia.options(round_seconds=1000)
    room, other = Room(trivia, "Olga", "Pia").fill(), Room(trivia, "Eve")
    tokens = {"owner": room.tokens["Olga"], "player": room.tokens["Pia"],
              "nobody": None, "other": other.tokens["Eve"], "junk": "a" * 32,
              "odd": 5, "long": "a" * 5000}
    players = {"owner", "player"}
    allowed = {"answer": players, "authorise": players, "leave": players,
               "view": players | {"nobody", "odd", "long"},
               "start": {"owner"}}
    for role, token in tokens.items():
        for task, by in allowed.items():
            more = ("q1", 0) if task == "answer" else ()
            got = room.outcome(task, token, *more)
            assert (got == 403) == (role not in by), (role, task, got)


def test_who_is_no_player_sees_no_question(trivia):
    trivia.options(round_seconds=1000)
    room = Room(trivia, "Olga").fill()
    room.start()
    view = room.call("view")
    assert view["question"] is None and view["me"] is None
    mine = room.call("view", room.tokens["Olga"])
    assert mine["question"]["id"] == "q1" and mine["me"]["owner"] is True
    assert "answer" not in json.dumps(mine)
    assert len(mine["question"]["choices"]) == 4
    assert mine["deadline_ms"] > mine["now_ms"]
    for seen in (view, mine):
        assert room.tokens["Olga"] not in json.dumps(seen)


def test_a_socket_begins_where_the_stream_goes_on(r, trivia):
    room = Room(trivia, "Olga", "Pia").fill()
    welcome = room.call("authorise", room.tokens["Pia"])
    message, = welcome["hello"]
    assert welcome["identity"] == "p2" and message["type"] == "ROOM"
    assert message["data"]["me"]["name"] == "Pia"
    last = r.xrevrange(f"trivia:events:{room.code}", count=1)[0][0].decode()
    assert welcome["last_id"] == message["id"] == last
    # The newer socket takes over: the older one's end is no leaving.
    room.call("authorise", room.tokens["Pia"], "newer")
    room.call("leave", room.tokens["Pia"])
    assert "PLAYER_LEFT" not in room.kinds()
    room.call("leave", room.tokens["Pia"], "newer")
    assert room.kinds()[-1] == "PLAYER_LEFT"
    present = {p["name"]: p["present"] for p in room.call("view")["players"]}
    assert present == {"Olga": True, "Pia": False}
    room.call("authorise", room.tokens["Pia"])
    assert room.kinds()[-1] == "PLAYER_JOINED"


@pytest.mark.parametrize("words", [
    ("", "t", "n"), ("t", "", "n"), ("t", "t", ""), (None, "t", "n"),
    (" ", "t", "n"), ("t", "t", "   "),
    ("t", 5, "n"), ("t", "t", ["n"]), ("x" * 61, "t", "n"),
    ("t", "x" * 41, "n"), ("t", "t", "x" * 21), ("a\nb", "t", "n"),
    (" t", "t", "n"), ("t", "t", "n\u3000"), ("t", "\u2028", "n"),
    ("t", "t", "n", 0), ("t", "t", "n", 51), ("t", "t", "n", "5"),
    ("t", "t", "n", 2.5), ("t", "t", "n", True)])
def test_a_room_that_cannot_be_is_refused(r, trivia, words):
    assert trivia.outcome("create_room", *words) == 422
    assert not r.keys("trivia:*") and not r.exists("rq:scheduled:trivia")


@pytest.mark.parametrize("code", ["", "abc", "abc123", "ABC12!", "ABC1234",
                                  None, 5, "ABC123"])
def test_a_room_that_is_not_there_is_told(r, trivia, code):
    for task in ("join", "start", "answer", "view", "authorise", "leave"):
        words = {"join": ("Pia",), "answer": (None, "q1", 0)}.get(task, ())
        assert trivia.outcome(task, code, *words) == 404, task
    assert not r.keys("trivia:*")


# ---- questions ----

def test_the_bank_is_in_order():
    with open(APPS / "trivia" / "questions.json") as f:
        topics = json.load(f)["topics"]
    every = [q for questions in topics.values() for q in questions]
    assert len(topics) >= 8 and len(every) >= 200
    assert all(len(questions) >= 20 for questions in topics.values())
    for q in every:
        assert set(q) == {"text", "choices", "answer"}
        assert len(q["choices"]) == 4 == len(set(q["choices"])), q
        assert q["answer"] in range(4)
        for text in (q["text"], *q["choices"]):
            assert text == text.strip() and 0 < len(text) <= 120, q
    texts = [q["text"].lower() for q in every]
    assert len(texts) == len(set(texts))
    # The right choice is not where it always is.
    places = [q["answer"] for q in every]
    assert all(places.count(n) > len(every) / 6 for n in range(4))


def test_questions_are_of_the_topic_and_mixed(trivia):
    with open(APPS / "trivia" / "questions.json") as f:
        topics = json.load(f)["topics"]
    bank = {q["text"]: q for qs in topics.values() for q in qs}
    science = {q["text"] for q in topics["science"]}
    orders = set()
    for _ in range(3):
        room = Room(trivia, "Olga", topic="Science", count=20).fill()
        mine = list(room.questions().values())
        assert len({q["text"] for q in mine}) == 20
        assert {q["text"] for q in mine} <= science
        for q in mine:
            known = bank[q["text"]]
            assert sorted(q["choices"]) == sorted(known["choices"])
            assert q["choices"][q["answer"]] == \
                known["choices"][known["answer"]]
        orders.add(json.dumps(mine))
    assert len(orders) == 3
    # More than the topic has, and a topic that nobody knows.
    room = Room(trivia, "Olga", topic="science", count=50).fill()
    texts = {q["text"] for q in room.questions().values()}
    assert len(texts) == 50 and science <= texts
    assert room.status() == "ready"
    room = Room(trivia, "Olga", count=5)
    assert room.call("generate_questions", "knitting", 5) == "ready"
    assert len(room.questions()) == 5


def test_a_room_that_gets_no_questions_fails_with_the_reason(
        r, app, scheduler):
    trivia = app("trivia", build_seconds=0.3)
    scheduler()
    room = Room(trivia, "Olga")
    assert r.zrange("rq:scheduled:trivia", 0, -1) == [
        f"trivia-{room.code}-fail".encode()]
    room.wait("failed")
    assert room.call("view")["room"]["reason"] == \
        "Its questions did not come in time."
    assert room.kinds()[-1] == "FAILED"
    # Questions that come now are too late.
    assert room.call("generate_questions", "science", 3) is None
    assert room.status() == "failed" and not room.questions()
    assert room.outcome("join", "Pia") == 409
    assert room.outcome("start", room.tokens["Olga"]) == 409


def test_questions_withdraw_the_failure(r, trivia):
    room = Room(trivia, "Olga")
    assert r.zcard("rq:scheduled:trivia") == 1
    room.fill()
    assert r.zcard("rq:scheduled:trivia") == 0
    assert not r.exists(f"rq:job:trivia-{room.code}-fail")
    assert room.call("fail_if_building") == "ready"


def test_success_at_the_moment_of_the_time_out_is_one_of_both(app):
    trivia = app("trivia", jobs=6)
    for _ in range(8):
        room = Room(trivia, "Olga")
        trivia.at_once([("fail_if_building", room.code),
                        ("generate_questions", room.code, "science", 3)] * 3)
        ends = [k for k in room.kinds() if k in ("GAME_ROOM_UPDATED",
                                                 "FAILED")]
        assert ends == [{"ready": "GAME_ROOM_UPDATED",
                         "failed": "FAILED"}[room.status()]]


# ---- questions from another server ----

GOOD = [{"text": f"Is it {n}?", "choices": [f"{n}", "a", "b", "c"],
         "answer": n % 4, "more": "is left out"} for n in range(1, 5)]


def changed(**more):
    return {"questions": [{**GOOD[0], **more}, *GOOD[1:]]}


class Provider:
    """The server for questions: says what it is told to."""

    def __init__(self):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                outer.asked.append(json.loads(self.rfile.read(length)))
                status, body = outer.says
                try:
                    if callable(body):
                        body = body(self)
                    self.send_response(status)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # had enough

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/q"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


def build(trivia, provider, url=None):
    trivia.options(questions_url=url or provider.url,
                   questions_timeout_seconds=2)
    room = Room(trivia, "Olga", topic="stamps", count=3)
    status = room.call("generate_questions", "stamps", 3)
    assert status == room.status()
    return room, status, room.call("view")["room"]["reason"]


def test_another_server_may_give_the_questions(trivia, provider):
    provider.says = 200, json.dumps({"questions": GOOD}).encode()
    room, status, reason = build(trivia, provider)
    assert status == "ready" and reason is None
    assert provider.asked == [{"topic": "stamps", "count": 3}]
    assert room.questions() == {
        f"q{n}": {k: q[k] for k in ("text", "choices", "answer")}
        for n, q in enumerate(GOOD[:3], 1)}


def slow(handler):
    time.sleep(5)
    return b"{}"


def dripping(handler):
    """Something comes all the time, and never all."""
    for _ in range(20):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.25)
    return b"{}"


@pytest.mark.parametrize("status, body, says", [
    (500, b"{}", "status 500"), (302, b"", "status 302"),
    (404, b"{}", "status 404"), (200, b"", "did not send JSON"),
    (200, b"<html>", "did not send JSON"), (200, b"\xff\xfe", "not send JSON"),
    (200, b"[" * 100000, "did not send JSON"), (200, b"[]", "sent none"),
    (200, b"{}", "sent none"), (200, b'{"questions": 5}', "sent none"),
    (200, b'{"questions": []}', "0 questions, 3"),
    (200, {"questions": GOOD[:2]}, "2 questions, 3"),
    (200, {"questions": [GOOD[0]] * 3}, "question 2: it comes twice"),
    (200, {"questions": ["x", *GOOD]}, "question 1: it is no object"),
    (200, changed(text=None), "its text is none"),
    (200, changed(text=""), "its text is none"),
    (200, changed(text="x" * 301), "its text is none"),
    (200, changed(text="a\nb"), "its text is none"),
    (200, changed(choices=["a", "b", "c"]), "not four choices"),
    (200, changed(choices="abcd"), "not four choices"),
    (200, changed(choices=["a", "b", "c", 4]), "a choice is no text"),
    (200, changed(choices=["a", "b", "c", "a"]), "two choices are the same"),
    (200, changed(answer=4), "its answer is no choice"),
    (200, changed(answer=-1), "its answer is no choice"),
    (200, changed(answer=10**30), "its answer is no choice"),
    (200, changed(answer="0"), "its answer is no choice"),
    (200, changed(answer=True), "its answer is no choice"),
    (200, slow, "did not answer in time"),
    (200, dripping, "did not answer in time"),
    (200, {"questions": GOOD, "x": "y" * (1 << 20)}, "said too much"),
    (200, b" " * (3 << 20), "said too much")],
    # pytest puts the id into the environment, where 3 MB have no place.
    ids=lambda part: "body" if isinstance(part, bytes) else None)
def test_a_server_that_says_nonsense_fails_the_room(
        trivia, provider, status, body, says):
    provider.says = status, (json.dumps(body).encode()
                             if isinstance(body, dict) else body)
    room, status, reason = build(trivia, provider)
    assert status == "failed" and says in reason
    assert room.kinds()[-1] == "FAILED" and not room.questions()
    assert provider.url not in json.dumps(room.entries())


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:1/", "file:///etc/passwd", "ftp://127.0.0.1/",
    "nonsense", "http://", "redis://127.0.0.1/"])
def test_a_server_that_cannot_be_asked_fails_the_room(trivia, provider, url):
    room, status, reason = build(trivia, provider, url)
    assert status == "failed" and "server for questions can't be" in reason
    assert "passwd" not in json.dumps(room.entries())


def test_its_declaration_is_right(crq):
    declared = check_declaration(crq, "trivia")
    assert declared["options"]["round_seconds"] == 10
