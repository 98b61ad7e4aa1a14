"""WebSockets of crq-web: who may, what is heard, what becomes of messages."""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time
from urllib.parse import unquote

import pytest
from conftest import eventually
from web import Gateway

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

ROOM, CHANNEL = "gate:room:A1", "gate:channel:A1"


@pytest.fixture
def web(gateway, worker):
    worker("--jobs", 2, "web", modules=("demo", "gate"))
    return gateway()


class Client:
    """A socket in the room A1; its HELLO has come when it is made."""

    def __init__(self, web, token="alice", last_id=None, room="A1", **options):
        query = f"?token={token}" + (f"&last_id={last_id}" if last_id else "")
        self.ws = connect(
            f"ws://127.0.0.1:{web.port}/demo/rooms/{room}/live{query}",
            compression=None, **options)
        assert self.hear() == {"type": "HELLO", "code": unquote(room)}

    def hear(self, timeout=10):
        return json.loads(self.ws.recv(timeout))

    def ask(self, **message):
        self.ws.send(json.dumps({"req": 1, **message}))
        return self.hear()

    def is_silent(self):
        with pytest.raises(TimeoutError):
            self.ws.recv(0.2)
        return True

    def code(self):
        """How it is closed."""
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                self.ws.recv(10)
        return caught.value.rcvd.code if caught.value.rcvd else None


def say(r, data, room=ROOM, **fields):
    return r.xadd(room, {"type": "SAID", "data": json.dumps(data),
                         **fields}).decode()


def wait_for_next_ms(r):
    """Entries of the millisecond in which a client comes are heard, too."""
    def now():
        s, us = r.time()
        return s * 1000 + us // 1000

    begin = now()
    eventually(lambda: now() > begin, every=0.0002)


# ---- who may ----

def raw(web, headers, path="/demo/rooms/A1/live?token=a"):
    head = {"Host": f"127.0.0.1:{web.port}", "Upgrade": "websocket",
            "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers}
    lines = [f"{k}: {v}" for k, v in head.items() if v is not None]
    s = socket.create_connection(("127.0.0.1", web.port), timeout=10)
    s.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
    got = b""
    while b"\r\n\r\n" not in got:
        part = s.recv(1)
        assert part, got
        got += part
    return s, int(got.split()[1])


@pytest.mark.parametrize("headers,status", [
    ({}, 101),
    ({"Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade"}, 101),
    ({"Upgrade": None}, 426),
    ({"Connection": "keep-alive"}, 426),
    ({"Sec-WebSocket-Version": "8"}, 426),
    ({"Sec-WebSocket-Version": None}, 426),
    ({"Sec-WebSocket-Key": None}, 400),
    ({"Sec-WebSocket-Key": "short"}, 400),
    ({"Sec-WebSocket-Key": "!" * 22 + "=="}, 400),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "evil.example"}, 421),
])
def test_the_handshake_is_that_of_rfc_6455(web, headers, status):
    s, got = raw(web, headers)
    s.close()
    assert got == status


def test_the_authorising_job_can_refuse(web):
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://127.0.0.1:{web.port}/demo/rooms/A1/live")
    response = caught.value.response
    assert response.status_code == 403
    assert json.loads(response.body)["detail"] == "a token is needed for A1"


# ---- what is heard ----

def test_entries_of_streams_are_heard_by_all_of_the_room_alone(web, r):
    clients = [Client(web, name) for name in ("alice", "bob")]
    stranger = Client(web, room="B2")
    entry = say(r, {"n": 1}, at_ms=77)
    for client in clients:
        assert client.hear() == {"id": entry, "type": "SAID", "at_ms": 77,
                                 "data": {"n": 1}}
    own = say(r, "mine", room="gate:own:A1:alice")
    assert clients[0].hear() == {"id": own, "type": "SAID", "data": "mine",
                                 "at_ms": int(own.split("-")[0])}
    assert clients[1].is_silent() and stranger.is_silent()


def test_what_is_published_is_passed_on_when_it_is_json(web, r):
    client = Client(web)
    eventually(lambda: r.publish(CHANNEL, "{no json") == 1)
    r.publish(CHANNEL, '{"type": "X", "n": [1]}')
    assert client.hear() == {"type": "X", "n": [1]}


def test_a_client_that_comes_back_misses_nothing(web, r):
    first = say(r, 0)
    lost = [say(r, n) for n in range(1, 251)]
    wait_for_next_ms(r)
    other = Client(web, "bob")
    assert other.is_silent()  # no last_id: from now on
    client = Client(web, last_id=first)
    live = [say(r, n) for n in range(251, 254)]
    assert [client.hear()["id"] for _ in range(253)] == lost + live
    assert [other.hear()["id"] for _ in range(3)] == live


@pytest.mark.parametrize("last_id", [
    "18446744073709551615-1", "9999999999999", "x", "-1", "1-", "9" * 99])
def test_an_id_that_is_none_yet_makes_nobody_deaf(web, r, last_id):
    clients = [Client(web, "eve", last_id), Client(web)]
    entry = say(r, 1)
    for client in clients:
        assert client.hear()["id"] == entry


def test_nothing_is_lost_or_doubled_while_clients_come(web, r):
    clients = []
    for n in range(100):
        if n % 10 == 0:
            wait_for_next_ms(r)
            clients.append((n, Client(web, f"c{n}")))
        say(r, n)
    for begin, client in clients:
        assert [client.hear()["data"] for _ in range(100 - begin)] == list(
            range(begin, 100))
        assert client.is_silent()


def test_no_entry_is_lost_when_the_link_breaks(web, r):
    client = Client(web)
    say(r, 1)
    assert client.hear()["data"] == 1
    for n in range(2, 6):
        r.client_kill_filter(_type="normal", skipme=True)
        say(r, n)
    assert [client.hear()["data"] for _ in range(4)] == [2, 3, 4, 5]


def test_a_key_that_is_no_stream_silences_nobody_else(web, r):
    r.rpush("gate:own:A1:eve", "no stream")
    client, eve = Client(web), Client(web, "eve")
    assert eve.code() == 4002
    say(r, 1)
    assert client.hear()["data"] == 1
    # One that was well, and is not any more.
    bob = Client(web, "bob")
    r.set("gate:own:A1:bob", "no stream")
    assert bob.code() == 4002
    say(r, 2)
    assert client.hear()["data"] == 2
    # And when they are well again.
    r.delete("gate:own:A1:eve", "gate:own:A1:bob")
    again = [Client(web, "eve"), Client(web, "bob")]
    say(r, 3)
    assert [one.hear()["data"] for one in again] == [3, 3]
    assert client.hear()["data"] == 3
    assert eventually(lambda: r.llen("gate:left") == 2)


def test_a_key_that_may_not_be_read_silences_nobody_else(
        redis_server, r, worker):
    worker("--jobs", 1, "web", modules=("demo", "gate"))
    r.acl_setuser("gate", enabled=True, passwords=["+secret"],
                  categories=["+@all"], channels=["*"],
                  keys=["rq:*", "crq:*", "gate:room:*", "gate:own:*:alice"])
    url = redis_server.url.replace("redis://", "redis://gate:secret@")
    web = Gateway(url).wait_until_ready()
    try:
        client = Client(web)
        assert Client(web, "eve").code() == 4002
        say(r, 1)
        assert client.hear()["data"] == 1
        assert web.stop() == 0
        assert "secret" not in web.text()
    finally:
        web.stop()
        r.acl_deluser("gate")


def test_sockets_and_requests_come_over_tls(gateway, worker, r, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    worker("--jobs", 1, "web", modules=("demo", "gate"))
    web = gateway("--tls-cert", cert, "--tls-key", key)
    trust = ssl.create_default_context(cafile=cert)
    connection = http.client.HTTPSConnection("localhost", web.port,
                                             context=trust, timeout=10)
    connection.request("GET", "/demo/add/1/2")
    assert connection.getresponse().read() == b"3"
    connection.close()
    with connect(f"wss://localhost:{web.port}/demo/rooms/A1/live?token=a",
                 ssl=trust, compression=None) as ws:
        assert json.loads(ws.recv(10))["type"] == "HELLO"
        say(r, "x" * 100000)
        assert len(json.loads(ws.recv(10))["data"]) == 100000
        ws.send(json.dumps({"req": 1, "do": "whole"}))
        assert json.loads(ws.recv(10))["ok"] is True
    eventually(lambda: r.lrange("gate:left", 0, -1) == [b"A1/a"])


# ---- what is sent ----

def test_a_message_becomes_a_job_and_is_answered(web, r):
    client = Client(web)
    assert client.ask(do="whole", a=1) == {
        "req": 1, "ok": True, "result": {"req": 1, "do": "whole", "a": 1}}
    client.ws.send(json.dumps({"req": "x", "do": "say", "text": "hi"}))
    heard = [client.hear(), client.hear()]
    answer, = [m for m in heard if "req" in m]
    event, = [m for m in heard if "req" not in m]
    assert answer == {"req": "x", "ok": True, "result": "hi"}
    assert event["data"] == {"from": "alice", "text": "hi"}


def test_the_gateway_tells_jobs_what_it_measured(web, r):
    client = Client(web)
    say(r, 1)
    client.hear()
    before = time.time() * 1000
    facts = client.ask(do="facts")["result"]
    assert before - 5000 < facts["sent"] <= facts["arrived"]
    assert abs(facts["arrived"] - before) < 5000
    trips = facts["trips"]
    assert trips and all(0 <= trip < 5000 for trip in trips)
    # A pong that answers no ping says nothing. (A real one may be between.)
    for ago_s in 0, 1, 40, 2:
        client.ws.pong(struct.pack(
            "=q", time.monotonic_ns() // 1000 - ago_s * 1_000_000))
    assert len(client.ask(do="facts")["result"]["trips"]) < len(trips) + 3
    assert "never" not in facts


@pytest.mark.parametrize("message,status,detail", [
    ({"do": "refuse"}, 409, "it is asleep"),
    ({"do": "fail"}, 500, "the job failed"),
    ({"do": "none"}, 404, "no such message"),
    ({"do": 1}, 404, "no such message"),
    ({}, 404, "no such message"),
    ({"do": "say"}, 400, "missing"),
])
def test_a_message_that_fails_is_answered_with_why(web, message, status,
                                                   detail):
    answer = Client(web).ask(**message)
    assert answer["req"] == 1 and answer["ok"] is False
    assert answer["status"] == status and detail in answer["detail"]
    assert "secret" not in json.dumps(answer) and "type" not in answer


@pytest.mark.parametrize("text", ["{", "[]", "1", ""])
def test_what_is_no_object_is_answered_too(web, text):
    client = Client(web)
    client.ws.send(text)
    answer = client.hear()
    assert answer["ok"] is False and answer["status"] == 400


def test_so_many_messages_may_wait_and_no_more(web, r):
    client = Client(web)
    for n in range(17):
        client.ws.send(json.dumps({"req": n, "do": "wait"}))
    answer = client.hear()
    assert answer["req"] == 16 and answer["status"] == 429
    for n in range(16):
        r.rpush("gate", n)
    assert {client.hear()["req"] for _ in range(16)} == set(range(16))


def test_messages_count_as_requests_do(gateway, worker, r):
    worker("--jobs", 2, "web", modules=("demo", "gate"))
    web = gateway("--per-second", 1)
    begun = time.monotonic()
    client = Client(web)
    for n in range(60):
        client.ws.send(json.dumps({"req": n, "do": "nothing-of-this-name"}))
    assert {client.hear()["status"] for _ in range(60)} == {404}
    for n in range(15):
        client.ws.send(json.dumps({"req": n, "do": "wait"}))
        r.rpush("gate", n)
    refused = sum(client.hear().get("status") == 429 for _ in range(15))
    # The handshake was one request.
    assert 15 - 10 - (time.monotonic() - begun) <= refused <= 15 - 9


# ---- the end ----

def test_the_leave_job_is_made_when_a_client_has_left(web, r):
    client = Client(web)
    client.ws.close()
    eventually(lambda: r.lrange("gate:left", 0, -1) == [b"A1/alice"])


def test_a_client_that_is_cut_off_has_left(web, r):
    s, status = raw(web, {})
    assert status == 101
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    eventually(lambda: r.lrange("gate:left", 0, -1) == [b"A1/a"])


def test_the_newest_socket_takes_over_at_any_gateway(web, gateway, r):
    other = gateway()
    eventually(lambda: r.pubsub_numsub("crq:web:sockets")[0][1] == 2)
    for first, second in ((web, web), (web, other)):
        old, bystander = Client(first), Client(first, "bob")
        new = Client(second)
        assert old.code() == 4001
        say(r, "x")
        assert new.hear()["data"] == "x"
        assert bystander.hear()["data"] == "x"
        new.ws.close()
        bystander.ws.close()
        eventually(lambda: r.llen("gate:left") == 2)
        assert sorted(r.lrange("gate:left", 0, -1)) == [b"A1/alice", b"A1/bob"]
        r.delete("gate:left")


def test_one_address_is_one_however_it_is_written(web, r):
    old = Client(web)
    new = Client(web, room="%41%31")
    assert old.code() == 4001
    elsewhere = Client(web, room="A2")
    assert new.is_silent() and elsewhere.is_silent()


def test_a_gateway_that_stops_says_goodbye(web, r):
    client = Client(web)
    web.process.terminate()
    assert client.code() == 1001
    assert web.process.wait(20) == 0
    assert "ended" not in web.text()
    eventually(lambda: r.lrange("gate:left", 0, -1) == [b"A1/alice"])


def test_a_second_signal_ends_all_at_once(gateway, worker, r):
    """Also what is open, waits to be opened, and waits for an answer."""
    worked = worker("--jobs", 1, "web", modules=("demo", "gate"))
    web = gateway()
    client = Client(web)
    client.ws.send(json.dumps({"do": "wait"}))
    eventually(lambda: r.keys("rq:executions:*"))
    worked.signal(signal.SIGSTOP)
    waiting = web.connect()
    waiting.request("GET", "/demo/wait")
    opening = socket.create_connection(("127.0.0.1", web.port))
    opening.sendall(
        f"GET /demo/rooms/A1/live?token=b HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{web.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    eventually(lambda: r.llen("rq:queue:web") == 2)
    web.process.terminate()
    eventually(lambda: "stopping" in web.text())
    web.process.terminate()
    assert web.process.wait(10) == 0
    assert web.stop() == 0
    opening.close()
    waiting.close()
    worked.signal(signal.SIGCONT)
    r.rpush("gate", 1, 2)


def test_a_client_that_does_not_read_is_dropped_and_others_hear_all(web, r):
    s, status = raw(web, {})
    assert status == 101
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = Client(web, max_size=None)
    for n in range(200):
        say(r, "x" * 50000)
        assert len(client.hear()["data"]) == 50000
    eventually(lambda: r.lrange("gate:left", 0, -1) == [b"A1/a"])
    s.close()
    assert "too slow" in web.text()


# ---- frames that no client sends ----

def frame(opcode, payload=b"", fin=1, mask=True, rsv=0, length=None):
    n = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    return head + (b"\0\0\0\0" if mask else b"") + payload


@pytest.mark.parametrize("sent,code", [
    (frame(1, b"{}", mask=False), 1002),
    (frame(1, b"{}", rsv=4), 1002),
    (frame(3, b"{}"), 1002),
    (frame(0xB, b"{}"), 1002),
    (frame(0, b"{}"), 1002),
    (frame(1, b"{", fin=0) + frame(1, b"}"), 1002),
    (frame(9, b"x" * 126), None),
    (frame(9, b"x", fin=0), None),
    (frame(8, b"x"), None),
    (frame(8, struct.pack(">H", 1005)), 1002),
    (frame(8, struct.pack(">H", 1000)), 1000),
    (frame(8, b""), None),
    (frame(1, b"\xff"), 1007),
    (frame(8, struct.pack(">H", 1000) + b"\xff"), 1007),
    (frame(2, b"{}"), 1003),
    (frame(1, b"x" * (65536 + 1)), 1009),
    (frame(1, length=2 ** 63), None),
    (frame(1, b"x" * 40000, fin=0) + frame(0, b"x" * 40000), 1009),
])
def test_a_frame_that_breaks_the_protocol_ends_the_socket(web, sent, code):
    s, status = raw(web, {})
    assert status == 101
    try:
        s.sendall(sent)
    except OSError:
        pass
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    s.close()
    # The last frame is the server's goodbye; HELLO and a ping may come before.
    wanted = b"\x88\x00" if code is None else struct.pack(">H", code)
    assert wanted in got, got[-40:]
    assert web.get("/livez").status == 200


def test_fragments_and_pings_between_them_are_one_message(web):
    client = Client(web)
    client.ws.send(['{"req": 1, ', '"do": "whole"}'])
    assert client.hear()["ok"] is True
    client.ws.ping().wait(10)
