"""The buzzer as its players have it: sockets of a real gateway, some of them
far away, a real worker and a real scheduler."""

import asyncio
import itertools
import json
import os
import random
import struct
import time
from statistics import median

import pytest
from conftest import Probe, eventually

pytest.importorskip("websockets")
from websockets.asyncio.client import connect  # noqa: E402
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

LONG = bool(os.environ.get("CRQ_LONG"))


# ---- who plays, and from where ----

async def pass_on(reader, writer, delay_s):
    """Each piece comes so much later, in order."""
    pieces, loop = asyncio.Queue(), asyncio.get_running_loop()

    async def deliver():
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                return writer.close()
            writer.write(piece)

    task = asyncio.create_task(deliver())
    try:
        while True:
            piece = await reader.read(65536)
            pieces.put_nowait((loop.time() + delay_s, piece))
            if not piece:
                return await task
    except OSError:
        task.cancel()
        writer.close()


async def far_away(port, delay_s):
    """A port from which everything takes so long, one way, to the other."""
    async def join(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, back, delay_s),
                             pass_on(there, writer, delay_s))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


class Client:
    """Host, player or board of a game."""

    def __init__(self, game, name, token=""):
        self.game, self.name, self.token = game, name, token
        self.news, self.asked, self.last_id = [], {}, None
        self.ws = self.task = None
        self.changed = asyncio.Event()

    async def come(self, last_id=None):
        """Open a socket, or another one; it is known how far away it is."""
        words = [f"{k}={v}" for k, v in (
            ("token", self.token), ("last_id", last_id)) if v]
        ws = await connect(
            f"ws://127.0.0.1:{self.game.ports[self.name]}/buzzer/games/"
            f"{self.game.code}/live?{'&'.join(words)}", compression=None)
        self.ws, self.hello = ws, json.loads(await ws.recv())
        assert self.hello["type"] == "GAME"
        self.task = asyncio.create_task(self.listen(ws))
        return self

    async def listen(self, ws):
        try:
            async for text in ws:
                message = json.loads(text)
                message["heard"] = time.perf_counter()
                if "ok" in message:
                    future = self.asked.pop(message.get("req"), None)
                    if future is not None:
                        future.set_result(message)
                else:
                    self.last_id = message["id"]
                    self.news.append(message)
                self.changed.set()
        except ConnectionClosed:
            pass

    async def ask(self, **message):
        """The answer: what the job has returned, or the status of its no."""
        req = object.__hash__(future := asyncio.get_running_loop()
                              .create_future())
        self.asked[req] = future
        await self.ws.send(json.dumps({**message, "req": req}))
        answer = await asyncio.wait_for(future, 20)
        return answer["result"] if answer["ok"] else answer["status"]

    async def hear(self, kind, number):
        """News of this kind and round."""
        async def wait():
            while True:
                self.changed.clear()
                for message in self.news:
                    if message["type"] == kind and \
                            message["data"]["round"] == number:
                        return message
                await self.changed.wait()
        return await asyncio.wait_for(wait(), 30)

    async def react(self, number, after_s, **claims):
        """Press so long after hearing, and say how long it was."""
        message = await self.hear("BUZZER_ACTIVE", number)
        await asyncio.sleep(after_s - (time.perf_counter() - message["heard"]))
        took = (time.perf_counter() - message["heard"]) * 1000
        return await self.ask(**{
            "do": "buzz", "round": number, "difference_ms": took,
            "early": False, **claims})


class Game:
    def __init__(self, web, ports):
        """ports: by the player's name; the host is near."""
        self.web, self.ports = web, {"host": web.port, "board": web.port,
                                     **ports}
        made = web.ask("POST", "/buzzer/games", {"name": "Maria"}).json()
        self.code = made["code"]
        self.host = Client(self, "host", made["host_token"])
        self.players = {}
        for name in ports:
            got = web.ask("POST", f"/buzzer/games/{self.code}/players",
                          {"name": name}).json()
            self.players[name] = Client(self, name, got["token"])

    async def begin(self):
        """All are there, and it is known how far away each is."""
        for client in (self.host, *self.players.values()):
            await client.come()
        for client in self.players.values():
            pong = await client.ws.ping()
            await pong  # so the gateway's own, sent before, is answered, too
            assert await client.ask(do="ready") is True
        return self

    async def open(self):
        return (await self.host.ask(do="open"))["round"]

    async def decided(self, number):
        news = await self.host.hear("BUZZER_RESOLVED", number)
        return news["data"]

    async def play(self, reactions):
        """One round with reactions in seconds, by name: what was decided."""
        number = await self.open()
        await asyncio.gather(*(self.players[name].react(number, after)
                               for name, after in reactions.items()))
        news = await self.decided(number)
        assert await self.host.ask(do="judge", correct=True) == {
            "round": number, "status": "closed"}
        return news

    async def end(self):
        for client in (self.host, *self.players.values()):
            await client.ws.close()


@pytest.fixture
def start(app, scheduler, gateway):
    """Everything that crq up buzzer would start."""
    def all_of_it(window_ms):
        app("buzzer", jobs=4, window_ms=window_ms, window_max_ms=60000)
        scheduler()
        return gateway("buzzer")
    return all_of_it


@pytest.fixture
def web(start):
    """The window waits for all, however slow this machine is: other tests are
    about its end."""
    return start(3000)


# ---- near and far ----

async def tournament(web, delays, games, draws):
    """Games at once; each plays its draws of reactions by all permutations of
    the players, so that chance is even. Wins by name."""
    ports = {name: await far_away(web.port, s) for name, s in delays.items()}
    wins, dice = dict.fromkeys(delays, 0), random.Random(11)

    async def one(game, rounds):
        await game.begin()
        for reactions in rounds:
            news = await game.play(dict(zip(delays, reactions)))
            # Nobody was too late for being far away.
            assert len(news["times"]) == len(delays), news
            wins[news["winner_name"]] += 1
        await game.end()

    def draw():
        """Reactions of people. In the short form one of them is so much faster
        that no busy machine makes up for it."""
        while True:
            drawn = sorted(dice.uniform(0.15, 0.45) for _ in delays)
            if LONG or drawn[1] - drawn[0] > 0.1:
                return list(itertools.permutations(drawn))

    await asyncio.gather(*(
        one(Game(web, ports), [order for _ in range(draws) for order in draw()])
        for _ in range(games)))
    return wins


@pytest.mark.parametrize("delays, games, draws", [
    ({"Alice": 0.020, "Bob": 0.210}, *((25, 20) if LONG else (10, 3))),
    ({"A": 0.010, "B": 0.100, "C": 0.300}, *((24, 7) if LONG else (10, 1)))])
def test_near_and_far_win_the_same_share(start, delays, games, draws):
    wins = asyncio.run(tournament(start(60000), delays, games, draws))
    rounds = sum(wins.values())
    print(wins)
    for won in wins.values():
        assert abs(won / rounds - 1 / len(delays)) <= 0.05, wins


# ---- lies ----

def claim(value, **more):
    """A player who presses late and says something else."""
    async def act(eve, number, before):
        await eve.react(number, 0.35, difference_ms=value, **more)
    return act


async def replay(eve, number, before):
    await eve.hear("BUZZER_ACTIVE", number)
    assert await eve.ask(**before) == 409


async def foreign_rounds(eve, number, before):
    await eve.hear("BUZZER_ACTIVE", number)
    for other in (number - 1, number + 1, 0, -1, None, "1", 10**400, [number]):
        assert await eve.ask(do="buzz", round=other, difference_ms=100,
                             early=False) in (400, 409)


async def twice(eve, number, before):
    assert (await eve.react(number, 0.35))["round"] == number
    assert await eve.ask(do="buzz", round=number, difference_ms=60,
                         early=False) == 409


async def reload(eve, number, before):
    """To be told once more, and to count from there."""
    message = await eve.hear("BUZZER_ACTIVE", number)
    await asyncio.sleep(0.3)
    index = eve.news.index(message)
    last_id = eve.news[index - 1]["id"]
    eve.news.remove(message)
    await eve.come(last_id)
    await eve.react(number, 0.08, difference_ms=70)


async def before_it_opens(eve, number, before):
    """The number of the next round can be guessed; this one is over then."""
    await eve.react(number, 0.35)
    assert await eve.ask(do="buzz", round=number + 1, difference_ms=60,
                         early=False) == 409


async def pretend_to_be_far(eve, number, before):
    """The answer to a ping of 300 ms ago, as if there had been one."""
    await eve.ws.pong(struct.pack("=q", time.monotonic_ns() // 1000 - 300_000))
    await eve.react(number, 0.35, difference_ms=60)


async def mash(eve, number, before):
    """Something is always pressed; one of these is in time."""
    for _ in range(12):
        await eve.ask(do="buzz", round=number, difference_ms=60, early=False)


async def host_for_a_moment(eve, number, before):
    await eve.hear("BUZZER_ACTIVE", number)
    for message in ({"do": "open"}, {"do": "close"},
                    {"do": "judge", "correct": True}):
        assert await eve.ask(**message) == 403
    await eve.react(number, 0.35)


async def noise(eve, number, before):
    """More than can be answered, and what nobody understands."""
    for n in range(300):
        await eve.ws.send(json.dumps({
            "do": "buzz", "round": n, "difference_ms": 1, "req": -n}))
    for text in ("", "{", "[]", "null", '{"do": 5}', '{"do": "resolve"}',
                 '{"do": "buzz", "round": NaN}', "x" * 60000):
        await eve.ws.send(text)


async def bytes_not_text(eve, number, before):
    await eve.ws.send(b"\0\1\2")
    await eve.ws.wait_closed()
    await eve.come()


LIES = {"a zero": claim(0), "less than nothing": claim(-1000),
        "nothing": claim(None), "a text": claim("60"), "a list": claim([60]),
        "yes": claim(True), "more than there was": claim(1e308),
        "a number without end": claim(10**400),
        "as fast as can be believed": claim(60),
        "early, but not so": claim(60, early="no"),
        "a replay": replay, "another round": foreign_rounds,
        "a second press": twice, "a reload": reload,
        "the next round": before_it_opens,
        "a pong that nobody asked for": pretend_to_be_far,
        "a press at all times": mash,
        "the host's words": host_for_a_moment, "noise": noise,
        "bytes": bytes_not_text}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_who_lies_never_wins_and_never_stops_the_game(web, lie):
    """Ann is far away and presses after 200 ms, Eve is near and presses after
    350, if at all."""
    async def run():
        game = await Game(web, {"Ann": await far_away(web.port, 0.06),
                                "Eve": web.port}).begin()
        ann, eve = game.players.values()
        number = await game.open()
        said = {"do": "buzz", "round": number, "difference_ms": 101.5,
                "early": False}
        await asyncio.gather(ann.react(number, 0.2),
                             eve.react(number, 0.1, **said))
        assert (await game.decided(number))["winner_name"] == "Eve"

        number = await game.open()
        await asyncio.gather(ann.react(number, 0.2), lie(eve, number, said))
        news = await game.decided(number)
        assert news["winner_name"] == "Ann", news
        assert len(news["times"]) <= 2

        # Nor has anybody won a point, or lost the place.
        assert await game.host.ask(do="judge", correct=True) == {
            "round": number, "status": "closed"}
        news = await game.play({"Ann": 0.3, "Eve": 0.1})
        assert news["winner_name"] == "Eve" and len(news["times"]) == 2
        view = web.get(f"/buzzer/games/{game.code}/view").json()
        assert {p["name"]: (p["score"], p["present"], p["out"])
                for p in view["players"]} == {
            "Ann": (1, True, False), "Eve": (1, True, False)}
        await game.end()
    asyncio.run(run())


def test_what_comes_after_the_end_counts_for_nothing(web):
    async def run():
        game = await Game(web, {"Ann": web.port, "Bob": web.port}).begin()
        ann, bob = game.players.values()
        number = await game.open()
        await ann.react(number, 0.1)
        await game.host.ask(do="close")
        assert await bob.react(number, 0) == 409
        number = await game.open()
        await asyncio.gather(ann.react(number, 0.1), bob.react(number, 0.2))
        first = await game.decided(number)
        for client in (ann, bob):
            assert await client.ask(do="buzz", round=number, early=False,
                                    difference_ms=60) == 409
        assert await game.host.ask(do="judge", correct=False) == {
            "round": number + 1, "status": "open"}
        assert await ann.react(number + 1, 0.1) == 409
        assert (await bob.react(number + 1, 0.1))["over"] is True
        assert first["winner_name"] == "Ann"
        assert len([m for m in game.host.news
                    if m["type"] == "BUZZER_RESOLVED"]) == 2
        await game.end()
    asyncio.run(run())


# ---- when it is decided ----

def test_it_is_decided_one_window_after_the_first_press(
        app, scheduler, gateway):
    buzzer = app("buzzer", jobs=4, window_ms=300)
    scheduler()
    web, late = gateway("buzzer"), []
    probe = Probe(buzzer)

    async def run():
        game = await Game(web, dict.fromkeys(("Ann", "Bob"), web.port)).begin()
        ann = game.players["Ann"]
        for _ in range(10):
            number = await game.open()
            await ann.hear("BUZZER_ACTIVE", number)
            began = time.perf_counter()
            await ann.react(number, 0)
            heard = (await game.host.hear("BUZZER_RESOLVED", number))["heard"]
            late.append(heard - began - 0.3)
            await game.host.ask(do="judge", correct=True)
        await game.end()

    asyncio.run(run())
    worst = probe.stop()
    print(late, worst)
    assert min(late) >= 0
    # The press and the decision are a job each.
    assert median(late) < 0.02 + 2 * worst


def test_it_is_decided_at_once_when_all_have_pressed(r, start):
    web = start(60000)

    async def run():
        game = await Game(web, dict.fromkeys(("Ann", "Bob", "Cid"),
                                             web.port)).begin()
        news = await game.play({"Ann": 0.2, "Bob": 0.1, "Cid": 0.3})
        assert [t["name"] for t in news["times"]] == ["Bob", "Ann", "Cid"]
        assert r.zcard("rq:scheduled:buzzer") == 0
        # Who leaves is not waited for, in the next round.
        await game.players["Cid"].ws.close()
        eventually(lambda: [p["present"] for p in web.get(
            f"/buzzer/games/{game.code}/view").json()["players"]] == [
                True, True, False])
        news = await game.play({"Ann": 0.2, "Bob": 0.1})
        assert len(news["times"]) == 2
        await game.end()

    asyncio.run(run())


# ---- rights ----

#: What each message is answered, by role: in a round that is open, so that
#: whoever may is not told "not now". Who may not is told so, whatever happens.
MESSAGES = [
    ({"do": "open"}, {"host"}), ({"do": "close"}, {"host"}),
    ({"do": "judge", "correct": True}, {"host"}),
    ({"do": "judge", "correct": False}, {"host"}),
    ({"do": "ready"}, {"Ann"}),
    ({"do": "buzz", "round": 1, "difference_ms": 100, "early": False},
     {"Ann"}),
    ({"do": "resolve", "round": 1}, set()), ({"do": "join"}, set())]


def test_each_role_may_do_what_is_its_own(web):
    async def run():
        for message, may in MESSAGES:
            game = await Game(web, dict.fromkeys(("Ann", "Bob"),
                                                 web.port)).begin()
            board = await Client(game, "board").come()
            await game.open()
            for role, client in (("host", game.host), ("board", board),
                                 ("Ann", game.players["Ann"])):
                got = await client.ask(**message)
                assert (got not in (403, 404)) == (role in may), (
                    message, role, got)
            await board.ws.close()
            await game.end()
    asyncio.run(run())


@pytest.mark.parametrize("token", ["x" * 32, "other host", "other player"])
def test_who_is_not_in_the_game_gets_no_socket(web, token):
    async def run():
        game = await Game(web, {"Ann": web.port}).begin()
        other = Game(web, {"Eve": web.port})
        stranger = Client(game, "Ann", {
            "other host": other.host.token,
            "other player": other.players["Eve"].token}.get(token, token))
        with pytest.raises(InvalidStatus) as caught:
            await stranger.come()
        assert caught.value.response.status_code == 403
        game.code = "ZZZZZ0"
        with pytest.raises(InvalidStatus) as caught:
            await game.host.come()
        assert caught.value.response.status_code == 404
        for client in (game.host, *game.players.values()):
            await client.ws.close()
    asyncio.run(run())


# ---- coming and going ----

def test_any_number_of_boards_and_one_window_of_each_player(web):
    async def run():
        game = await Game(web, {"Ann": web.port}).begin()
        boards = [await Client(game, "board").come() for _ in range(3)]

        def present():
            return web.get(f"/buzzer/games/{game.code}/view").json()[
                "players"][0]["present"]

        ann = game.players["Ann"]
        for _ in range(3):
            older = ann.ws
            await ann.come()
            await older.wait_closed()
            assert older.close_code == 4001
            assert present() is True
        await ann.ws.close()
        while present():
            await asyncio.sleep(0.01)
        await ann.come()
        assert present() is True
        number = await game.open()
        for board in boards:
            assert board.hello["data"]["me"] is None
            await board.hear("BUZZER_ACTIVE", number)
            await board.ws.close()
        await game.end()
    asyncio.run(run())
