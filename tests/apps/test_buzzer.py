"""The buzzer: fair to those far away, and to nobody's lies."""

import itertools
import json
import math
import random
import time
from statistics import median

import pytest
from conftest import (Probe, Refused, check_declaration, eventually,
                      next_message)


class Game:
    """A game with players; what the gateway would add comes from here."""

    def __init__(self, buzzer, *names):
        self.buzzer, self.r = buzzer, buzzer.r
        made = buzzer.call("create", "Quiz Mistress")
        self.code, self.host = made["code"], made["host_token"]
        self.tokens, self.ids = {}, {}
        for name in names:
            joined = buzzer.call("join", self.code, name)
            self.tokens[name] = joined["token"]
            self.ids[name] = joined["player_id"]

    def call(self, task, *args, **kwargs):
        return self.buzzer.call(task, self.code, *args, **kwargs)

    def outcome(self, task, *args, **kwargs):
        return self.buzzer.outcome(task, self.code, *args, **kwargs)

    def open(self):
        return self.call("open", self.host)["round"]

    def opened_ms(self):
        return float(self.r.hget(f"buzzer:game:{self.code}", "opened_ms"))

    def press(self, name, number, claim, after_ms=400, trips=(100, 110, 95),
              told_after_ms=0, **more):
        """A buzz that came so long after the round was opened."""
        opened = self.opened_ms()
        return self.outcome(
            "buzz", self.tokens[name], number, claim,
            sent_ms=opened + told_after_ms, arrived_ms=opened + after_ms,
            round_trips_ms=list(trips), **more)

    def events(self):
        return self.buzzer.events(f"buzzer:events:{self.code}")

    def resolved(self):
        return self.events()[-1]

    def view(self):
        return self.call("view")["game"]


@pytest.fixture
def buzzer(app):
    return app("buzzer", jobs=4)


# ---- what is believed ----

#: Round trips of 95 to 110 ms, and 400 ms between telling and hearing from the
#: player: 260 to 400 can be true, and 305 is what the server thinks.
@pytest.mark.parametrize("claims, ms, estimated", [
    ([300, 300.0], 300, False), ([260, 259.96 + 0.04], 260, False),
    ([400], 400, False),
    ([259.9, 60, 59, 1, 0, -1, -300, -1e300], 305, True),
    ([400.1, 401, 1e6, 1e300, 10**30], 305, True),
    ([math.nan, math.inf, -math.inf, None, "300", True, [300], {}],
     305, True)])
def test_a_claim_counts_when_it_can_be_true(buzzer, claims, ms, estimated):
    for claim in claims:
        game = Game(buzzer, "Ann", "Bob")
        got = game.press("Ann", game.open(), claim)
        assert (got["ms"], got["estimated"]) == (ms, estimated), claim
        assert got["early"] is False


@pytest.mark.parametrize("claim", [60, 59, 0, math.nan, -5, None])
def test_a_false_claim_never_beats_an_honest_faster_player(buzzer, claim):
    game = Game(buzzer, "Cheat", "Honest")
    number = game.open()
    game.press("Cheat", number, claim, after_ms=100 + 350)
    game.press("Honest", number, 300, after_ms=100 + 300)
    kind, news = game.resolved()
    assert kind == "BUZZER_RESOLVED"
    assert news["winner"] == game.ids["Honest"]
    assert [t["estimated"] for t in news["times"]] == [False, True]


@pytest.mark.parametrize("trips", [
    (), (None,), (-1, "5", math.nan, math.inf, 1e9, [1], {})])
def test_round_trips_that_are_none_gain_nothing(buzzer, trips):
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 200, after_ms=400, trips=trips)
    assert (got["ms"], got["estimated"]) == (400, True)


@pytest.mark.parametrize("told_after_ms", [0, 1, 80, 300, 399, -5000])
def test_a_reload_gains_nothing(buzzer, told_after_ms):
    """Who opens the socket again is told again, later than all others."""
    game = Game(buzzer, "Ann", "Bob")
    game.call("authorise", game.tokens["Ann"], "first")
    number = game.open()
    game.call("authorise", game.tokens["Ann"], "second")
    got = game.press("Ann", number, 0, told_after_ms=told_after_ms)
    assert got["ms"] == 305


def test_who_was_told_late_is_not_the_later_for_it(buzzer):
    """The gateway was slow, or its link to Redis was lost for a moment."""
    game = Game(buzzer, "Ann", "Bob")
    game.call("authorise", game.tokens["Ann"], "first")
    got = game.press("Ann", game.open(), 300, after_ms=2400,
                     told_after_ms=2000)
    assert (got["ms"], got["estimated"]) == (300, False)


def test_a_press_before_the_news_costs_the_penalty(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 0, after_ms=100, early=True)
    assert (got["ms"], got["early"]) == (310, True)
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 300, early=True)
    assert (got["ms"], got["early"], got["estimated"]) == (550, True, False)
    # Nobody says so, but it was too soon to have been heard.
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 70, after_ms=20)
    assert (got["ms"], got["early"]) == (310, True)
    # Nor so soon after it was heard.
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 70, after_ms=154)
    assert (got["ms"], got["early"]) == (70, False)
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 10, after_ms=154)
    assert (got["ms"], got["early"], got["estimated"]) == (310, True, True)
    got = game.press("Bob", 1, 10, after_ms=155)
    assert (got["ms"], got["early"], got["estimated"]) == (60, False, True)
    buzzer.options(penalty_ms=1000)
    game = Game(buzzer, "Ann", "Bob")
    assert game.press("Ann", game.open(), 300, early=True)["ms"] == 1300


@pytest.mark.parametrize("early", ["yes", 1, None, "false"])
def test_only_true_means_early(buzzer, early):
    game = Game(buzzer, "Ann", "Bob")
    got = game.press("Ann", game.open(), 300, early=early)
    assert (got["ms"], got["early"]) == (300, False)


@pytest.mark.parametrize("number", [
    0, 2, -1, None, "1", 1.5, math.nan, 10**30, True, [1]])
def test_a_press_for_another_round_is_refused(buzzer, number):
    game = Game(buzzer, "Ann", "Bob")
    assert game.open() == 1
    before = game.events()
    assert game.press("Ann", number, 300) == 409
    assert game.events() == before
    assert game.press("Ann", 1, 300)["ms"] == 300


def test_a_second_press_and_a_replay_are_refused(buzzer):
    game = Game(buzzer, "Ann", "Bob", "Cid")
    number = game.open()
    assert game.press("Ann", number, 350)["ms"] == 350
    assert game.press("Ann", number, 300) == 409
    game.press("Bob", number, 340)
    game.press("Cid", number, 360)
    assert game.resolved()[1]["winner"] == game.ids["Bob"]
    assert game.press("Ann", number, 300) == 409
    second = game.open()
    # The same words again, in the next round.
    assert game.press("Ann", number, 300) == 409
    assert game.press("Ann", second, 300)["round"] == second


def test_a_press_is_refused_unless_the_round_is_open(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    assert game.outcome("buzz", game.tokens["Ann"], 0, 300) == 409
    number = game.open()
    game.call("close", game.host)
    assert game.press("Ann", number, 300) == 409
    assert [kind for kind, _ in game.events()][-1] == "BUZZER_CLOSED"


# ---- who wins ----

def play(game, far, reactions):
    """One round: one way delays and reactions by name; the winner's name."""
    number = game.open()
    for name, reaction in sorted(
            reactions.items(), key=lambda kv: kv[1] + 2 * far[kv[0]]):
        trip = 2 * far[name]
        got = game.press(name, number, reaction, after_ms=trip + reaction,
                         trips=(trip, trip + 7, trip + 3))
        assert got["ms"] == pytest.approx(reaction, abs=0.06)
    kind, news = game.resolved()
    assert kind == "BUZZER_RESOLVED"
    game.call("judge", game.host, True)
    winner = news["winner_name"]
    assert reactions[winner] == pytest.approx(min(reactions.values()),
                                              abs=0.06)
    return winner


@pytest.mark.parametrize("far", [
    {"Alice": 20, "Bob": 210}, {"A": 10, "B": 100, "C": 300}])
def test_near_and_far_win_the_same_share(buzzer, far):
    """Each set of reactions is played by all permutations of the players, so
    chance is even, and whatever is left is unfair."""
    game = Game(buzzer, *far)
    dice = random.Random(7)
    wins = dict.fromkeys(far, 0)
    for _ in range(12 if len(far) > 2 else 30):
        drawn = [round(dice.uniform(150, 450), 1) for _ in far]
        for order in itertools.permutations(drawn):
            wins[play(game, far, dict(zip(far, order)))] += 1
    rounds = sum(wins.values())
    for won in wins.values():
        assert abs(won / rounds - 1 / len(far)) <= 0.05, wins


def test_without_a_word_that_can_be_true_it_is_fair_too(buzzer):
    """Only what the server sees: nothing is claimed."""
    game = Game(buzzer, "Alice", "Bob")
    for alice, bob in ((200, 260), (260, 200), (310, 300), (300, 310)):
        number = game.open()
        game.press("Alice", number, None, after_ms=40 + alice, trips=(40, 41))
        game.press("Bob", number, None, after_ms=420 + bob, trips=(420, 433))
        assert game.resolved()[1]["winner_name"] == (
            "Alice" if alice < bob else "Bob")


def test_of_equal_times_the_first_to_arrive_wins_and_it_is_said(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    number = game.open()
    game.press("Bob", number, 300, after_ms=400)
    game.press("Ann", number, 300, after_ms=399)
    news = game.resolved()[1]
    assert news["winner"] == game.ids["Ann"] and news["tie"] is True
    assert [t["ms"] for t in news["times"]] == [300, 300]
    number = game.open()
    game.press("Bob", number, 300, after_ms=400)
    game.press("Ann", number, 301, after_ms=399)
    news = game.resolved()[1]
    assert news["winner"] == game.ids["Bob"] and news["tie"] is False


# ---- when it is decided ----

def test_it_is_decided_at_once_when_all_have_pressed(r, buzzer):
    game = Game(buzzer, "Ann", "Bob")
    number = game.open()
    first = game.press("Ann", number, 300)
    assert first["over"] is False and r.zcard("rq:scheduled:buzzer") == 1
    assert game.press("Bob", number, 310)["over"] is True
    assert game.view()["status"] == "resolved"
    # What would have ended the window is withdrawn.
    assert r.zcard("rq:scheduled:buzzer") == 0


def test_who_is_away_is_not_waited_for(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    game.call("authorise", game.tokens["Bob"], "s1")
    game.call("leave", game.tokens["Bob"], "s1")
    assert game.press("Ann", game.open(), 300)["over"] is True


@pytest.mark.parametrize("trips, window", [
    ({"Ann": (50, 60), "Bob": (50, 60)}, 510),
    ({"Ann": (20, 40), "Bob": (390, 420)}, 900),
    ({"Ann": (20, 40), "Bob": (3000, 4000)}, 1500),
    ({"Ann": (50,), "Bob": ()}, 500)])
def test_the_window_is_as_wide_as_the_players_are_apart(
        r, buzzer, trips, window):
    game = Game(buzzer, "Ann", "Bob", "Cid")
    game.call("ready", game.tokens["Bob"], list(trips["Bob"]))
    before = time.time()
    game.press("Ann", game.open(), 300, trips=trips["Ann"])
    (_, due), = r.zrange("rq:scheduled:buzzer", 0, -1, withscores=True)
    assert before + window / 1000 <= due <= time.time() + window / 1000


def test_it_is_decided_one_window_after_the_first_press(app, scheduler):
    buzzer = app("buzzer", jobs=2, window_ms=150)
    scheduler()
    probe, late = Probe(buzzer), []
    for _ in range(8):
        game = Game(buzzer, "Ann", "Bob", "Cid")
        number = game.open()
        began = time.time()
        game.press("Bob", number, 300, trips=(5,))
        (_, due), = buzzer.r.zrange("rq:scheduled:buzzer", 0, -1,
                                    withscores=True) or [(None, None)]
        game.press("Ann", number, 290, trips=(5,), after_ms=300)
        eventually(lambda: game.view()["status"] == "resolved")
        news = [json.loads(e[b"data"]) for _, e in buzzer.r.xrange(
            f"buzzer:events:{game.code}")][-1]
        at = int(buzzer.r.xrevrange(f"buzzer:events:{game.code}", count=1)
                 [0][1][b"at_ms"]) / 1000
        assert news["winner_name"] == "Ann"
        assert at >= began + 0.149
        if due:
            late.append(at - due)
    worst = probe.stop()
    print(late, worst)
    assert median(late) < 0.02 + worst


def test_a_stale_resolve_decides_nothing(r, buzzer):
    game = Game(buzzer, "Ann", "Bob")
    assert game.call("resolve", 0) is False
    first = game.open()
    assert game.call("resolve", first) is False
    game.press("Ann", first, 300)
    game.call("close", game.host)
    assert r.zcard("rq:scheduled:buzzer") == 0
    second = game.open()
    game.press("Bob", second, 300)
    before = game.events()
    for words in ((first, game.ids["Ann"]), (first, game.ids["Bob"]),
                  (second, game.ids["Ann"]), (second + 1, game.ids["Bob"]),
                  (second,), (None, "p1"), ("x", "p1")):
        assert game.call("resolve", *words) is False
    assert game.events() == before
    assert game.call("resolve", second, game.ids["Bob"]) is True
    assert game.call("resolve", second, game.ids["Bob"]) is False
    assert game.resolved()[1]["winner"] == game.ids["Bob"]
    assert len(game.events()) == len(before) + 1


def test_ten_first_presses_at_once_make_one_decision(r, app, scheduler):
    buzzer = app("buzzer", jobs=8, window_ms=100)
    scheduler()
    names = [f"n{n}" for n in range(10)]
    game = Game(buzzer, *names, "silent")
    number, opened = game.open(), game.opened_ms()
    got = buzzer.at_once([
        ("buzz", game.code, game.tokens[name], number, 300 + n, False, opened,
         opened + 350, [60]) for n, name in enumerate(names)])
    # The slowest of ten jobs may have come after the window.
    counted = [g for g in got if g != 409]
    eventually(lambda: game.view()["status"] == "resolved")
    decided = [news for kind, news in game.events()
               if kind == "BUZZER_RESOLVED"]
    assert len(decided) == 1 and len(decided[0]["times"]) == len(counted)
    assert decided[0]["winner_name"] == names[got.index(counted[0])]
    eventually(lambda: r.zcard("rq:scheduled:buzzer") == 0)
    assert len([1 for kind, _ in game.events()
                if kind == "BUZZER_RESOLVED"]) == 1


# ---- after it is decided ----

def test_a_wrong_answer_opens_the_round_for_the_others(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    first = game.open()
    game.press("Ann", first, 300)
    game.press("Bob", first, 310)
    after = game.call("judge", game.host, False)
    assert after == {"round": first + 1, "status": "open"}
    assert [kind for kind, _ in game.events()][-2:] == [
        "BUZZER_JUDGED", "BUZZER_ACTIVE"]
    assert game.press("Ann", first + 1, 300) == 409
    assert game.press("Bob", first + 1, 300)["over"] is True
    # Now both are out.
    assert game.call("judge", game.host, False)["status"] == "closed"
    assert [kind for kind, _ in game.events()][-1] == "BUZZER_CLOSED"
    # And in again with the next question.
    assert game.press("Ann", game.open(), 300)["ms"] == 300


def test_a_right_answer_scores_once(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    number = game.open()
    game.press("Ann", number, 300)
    game.press("Bob", number, 310)
    game.call("judge", game.host, True)
    assert game.outcome("judge", game.host, True) == 409
    scores = {p["name"]: p["score"] for p in game.call("view")["players"]}
    assert scores == {"Ann": 1, "Bob": 0}


@pytest.mark.parametrize("correct", [None, 1, 0, "true", []])
def test_an_answer_is_right_or_wrong(buzzer, correct):
    game = Game(buzzer, "Ann")
    game.press("Ann", game.open(), 300)
    assert game.outcome("judge", game.host, correct) == 422
    assert game.view()["status"] == "resolved"


# ---- rights ----

def test_each_role_may_do_what_is_its_own(buzzer):
    game, other = Game(buzzer, "Ann", "Bob"), Game(buzzer, "Eve")
    tokens = {"host": game.host, "player": game.tokens["Ann"], "board": None,
              "other host": other.host, "other player": other.tokens["Eve"],
              "junk": "x" * 32, "odd": 5, "long": "a" * 5000}
    allowed = {"open": {"host"}, "close": {"host"}, "judge": {"host"},
               "buzz": {"player"}, "ready": {"player"},
               "view": set(tokens), "authorise": {"host", "player", "board",
                                                  "odd", "long"}}
    for role, token in tokens.items():
        for task, by in allowed.items():
            more = {"judge": (True,), "buzz": (1, 300)}.get(task, ())
            got = game.outcome(task, token, *more)
            assert (got == 403) == (role not in by), (role, task, got)
    assert game.call("authorise", game.host)["identity"] == "host"
    # Any number of boards may look on: none takes the place of another.
    assert "identity" not in game.call("authorise", None)


def test_names_and_places_are_given_once(buzzer):
    buzzer.options(players_max=3)
    game = Game(buzzer, "Ann", "Bob")
    assert game.outcome("join", "ann") == 409
    for name in ("", "x" * 21, "a\nb", None, 7):
        assert game.outcome("join", name) == 422
    # What looks like Ann, or like nobody, or turns the words around it.
    for name in ("Ann ", " Ann", "Ann\u00a0", "Ann\u200b", "\u2060Ann",
                 "A\u00adnn", "\u200b", "\u200d", "\ufe0f", "\u3164",
                 "\u2800", "\u00a0\u2003", "\u202ennA", "A\u2066n\u2069",
                 "A\u0085", "A\u2028", "\ufeffAnn", "A\U000e0041nn"):
        assert game.outcome("join", name) == 422, name
    got = buzzer.at_once([("join", game.code, f"n{n}") for n in range(6)])
    assert len([g for g in got if g == 409]) == 5
    with pytest.raises(Refused, match="Full"):
        game.call("join", "late")


@pytest.mark.parametrize("code", ["", "abc", "ABC12", "ABC12!", "abc123",
                                  "ABC1234", None, 5, "ABC123"])
def test_a_game_that_is_not_there_is_told(buzzer, code):
    for task in ("join", "open", "close", "view", "authorise", "leave"):
        assert buzzer.outcome(task, code, "Ann") == 404
    assert not buzzer.r.keys("buzzer:*")


def test_no_token_is_told_to_others_and_all_keys_end(r, buzzer):
    told = r.pubsub(ignore_subscribe_messages=True)
    told.psubscribe("buzzer:*")
    game = Game(buzzer, "Ann", "Bob")
    number = game.open()
    said = [game.call("authorise", t) for t in (
        game.host, game.tokens["Ann"], None)]
    game.press("Ann", number, 300)
    game.press("Bob", number, 310)
    said += [game.call("view", game.tokens["Ann"]),
             game.call("judge", game.host, False), game.call("view"),
             game.call("close", game.host)]
    messages = [next_message(told) for _ in range(len(game.events()))]
    assert [m["type"] for m in messages] == [k for k, _ in game.events()]
    text = json.dumps([said, messages, game.events()])
    for token in (game.host, *game.tokens.values()):
        assert len(token) == 32 and token not in text
    keys = r.keys("buzzer:*")
    assert len(keys) >= 4
    assert all(14000 < r.ttl(key) <= 4 * 3600 for key in keys)


def test_a_socket_begins_where_the_stream_goes_on(r, buzzer):
    game = Game(buzzer, "Ann")
    game.open()
    welcome = game.call("authorise", game.tokens["Ann"])
    message, = welcome["hello"]
    assert message["type"] == "GAME" and welcome["identity"] == "p1"
    assert message["data"]["game"]["round"] == 1
    assert message["data"]["me"] == {"id": "p1", "pressed": None}
    last = r.xrevrange(f"buzzer:events:{game.code}", count=1)[0][0].decode()
    assert message["id"] == welcome["last_id"] == last


def test_presence_follows_the_newest_socket(buzzer):
    game = Game(buzzer, "Ann")

    def present():
        return [p["present"] for p in game.call("view")["players"]]

    token = game.tokens["Ann"]
    assert present() == [True]
    for task, socket, after in [
            ("authorise", "s1", True), ("leave", "s1", False),
            # One takes over: nobody tells that the older one has left.
            ("authorise", "s2", True), ("authorise", "s3", True),
            ("leave", "s3", False),
            # It is told, but late.
            ("authorise", "s4", True), ("authorise", "s5", True),
            ("leave", "s4", True), ("leave", "s5", False),
            # What is no id is one id.
            ("authorise", None, True), ("leave", "x" * 65, False),
            ("authorise", 5, True), ("leave", "\n", False),
            ("leave", "s5", False), ("authorise", "s6", True)]:
        game.call(task, token, socket)
        assert present() == [after], (task, socket)


def test_who_has_pressed_is_told_so_again(buzzer):
    game = Game(buzzer, "Ann", "Bob")
    number = game.open()
    game.press("Ann", number, 300)
    pressed = game.call("view", game.tokens["Ann"])["me"]["pressed"]
    assert (pressed["ms"], pressed["early"], pressed["estimated"]) == (
        300, False, False)
    # And nobody else, before it is decided.
    for token in game.host, game.tokens["Bob"], None:
        seen = game.call("view", token)
        assert "300" not in json.dumps([seen["me"], seen["players"]])
    game.press("Bob", number, 310)
    game.open()
    assert game.call("view", game.tokens["Ann"])["me"]["pressed"] is None


def test_its_declaration_is_right(crq):
    check_declaration(crq, "buzzer")
