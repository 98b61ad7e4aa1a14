"""The gateway's HTTP server, and clients that do not mean well."""

import json
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from conftest import SANITIZERS, eventually, program_folder

BODY_MAX, IDLE_S, PER_IP, REQUEST_S = 1000, 1, 50, 3


class Peer:
    def __init__(self):
        self.log = tempfile.NamedTemporaryFile(prefix="crq-http-log-")
        self.process = subprocess.Popen(
            [f"{program_folder()}/tests/interop/http_peer", str(BODY_MAX),
             str(IDLE_S), str(PER_IP), str(REQUEST_S)],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.port = int(self.process.stdout.readline())

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def talk(self, raw):
        """All that comes back until the server closes."""
        with self.connect() as s:
            s.sendall(raw)
            return read_all(s)

    def get(self, target):
        return Answer(self.talk(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            .encode()))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        with open(self.log.name, errors="replace") as f:
            return code, f.read()


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in
                        (line.partition(":") for line in lines[1:])}

    def json(self):
        return json.loads(self.body)


def read_all(s):
    parts = []
    try:
        while part := s.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_some(s, until):
    got = b""
    while until not in got:
        part = s.recv(65536)
        assert part, got
        got += part
    return got


@pytest.fixture(scope="module")
def peer():
    made = Peer()
    yield made
    code, text = made.stop()
    assert code == 0, text
    assert not any(word in text for word in SANITIZERS), text


def status(raw):
    return int(re.match(rb"HTTP/1\.1 (\d+)", raw)[1]) if raw else None


# ---- what is understood ----

@pytest.mark.parametrize("target,segments,query", [
    ("/", [""], None),
    ("/a/b", ["a", "b"], None),
    ("/a/", ["a", ""], None),
    ("//a", ["", "a"], None),
    ("/a%2Fb/c", ["a/b", "c"], None),
    ("/%C3%BC", ["ü"], None),
    ("/a%2fb?q=%26%3D", ["a/b"], "&="),
    ("/?q=a%20b", [""], "a b"),
    ("/?q=", [""], ""),
    ("/?q", [""], ""),
    ("/?q=1&q=2", [""], "1"),
])
def test_paths_are_split_before_their_escapes_are_undone(
        peer, target, segments, query):
    answer = peer.get(target)
    assert answer.status == 200
    assert answer.json()["segments"] == segments
    assert answer.json().get("query") == query


@pytest.mark.parametrize("target", [
    "/%", "/%2", "/%zz", "/%00", "/a%00b", "/%ff", "/%c0%af", "/?q=%ff",
    "/?q=%00", "/?%fe=1", "/" + "a/" * 40, "/?" + "a=1&" * 70,
])
def test_an_address_that_is_not_well_formed_is_refused(peer, target):
    answer = peer.get(target)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 400


def test_a_head_is_the_answer_without_its_body(peer):
    raw = peer.talk(b"HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = Answer(raw)
    assert answer.status == 200 and answer.body == b""
    assert int(answer.headers["content-length"]) > 0


def test_every_answer_tells_the_browser_to_be_careful(peer):
    headers = peer.get("/a").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]


def test_a_body_comes_whole_however_it_is_sent(peer):
    with peer.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
                  b"\r\nConnection: close\r\n\r\n")
        for piece in b"hello ", b"world":
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.01)
        s.sendall(b"0\r\n\r\n")
        assert Answer(read_all(s)).json()["body"] == "hello world"


def test_pipelined_requests_are_answered_in_their_order(peer):
    one = b"GET /later/%d HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    raw = peer.talk(one % 100 + one % 1 + last)
    assert re.findall(rb'"segments":\["([^\]]*)\]', raw) == [
        b'later","100"', b'later","1"', b'3"']


def test_a_file_is_sent_whole(peer):
    assert peer.get("/file").body == b"twenty bytes in all\n"


def test_bytes_behind_an_upgrade_are_not_lost(peer):
    with peer.connect() as s:
        s.sendall(b"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n"
                  b"Connection: Upgrade\r\n\r\nearly")
        got = read_some(s, b"early")
        assert status(got) == 101
        s.sendall(b" late")
        read_some(s, b" late")


# ---- what is refused ----

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("raw", [
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"0\r\n\r\nG",
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
           b"0\r\n\r\nG",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"
           b"\r\n0\r\n\r\n",
    HEAD + b"Content-Length: -5\r\n\r\nhello",
    HEAD + b"Content-Length: 5x\r\n\r\nhello",
    HEAD + b"Content-Length: +5\r\n\r\nhello",
    HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    HEAD + b"Content-Length:\r\n\r\nhello",
    HEAD + b"Content-Length : 5\r\n\r\nhello",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no Host
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\r\nHost: x\r\n\r\n",
    b"GET a HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/3.7\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nNo colon here\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
])
def test_what_two_readers_could_read_in_two_ways_is_refused(peer, raw):
    """And what stands behind it on the connection is no request."""
    with peer.connect() as s:
        try:
            s.sendall(raw + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
        got = read_all(s)
    assert b"smuggled" not in got
    assert status(got) in (None, 400, 413, 414, 431, 501, 505), got


@pytest.mark.parametrize("length", [BODY_MAX + 1, 10**6, 10**15])
def test_a_body_that_is_promised_too_large_is_refused_at_once(peer, length):
    raw = peer.talk(HEAD + b"Content-Length: %d\r\n\r\n" % length)
    assert Answer(raw).status == 413
    assert Answer(raw).headers["connection"].lower() == "close"


def test_chunks_that_are_too_large_are_refused_at_their_end(peer):
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    raw = peer.talk(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3
                    + b"0\r\n\r\n")
    assert Answer(raw).status == 413


def test_who_sends_chunks_for_ever_is_cut_off(peer):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with peer.connect() as s:
        s.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(2000):
                s.sendall(chunk)


def test_a_slow_client_is_closed_and_others_do_not_wait(peer):
    slow = [peer.connect() for _ in range(20)]
    for s in slow:
        s.sendall(b"GET / HTTP/1.1\r\nHost: ")
    assert peer.get("/").status == 200
    for s in slow:
        assert status(read_all(s)) in (None, 408)
        s.close()


def drip(peer, begin, piece, every=0.3):
    """Send a piece now and then, never silent for long: how long it goes on
    until the server hangs up."""
    with peer.connect() as s:
        s.sendall(begin)
        s.settimeout(every)
        begun = time.monotonic()
        while time.monotonic() - begun < 10 * REQUEST_S:
            try:
                if s.recv(4096) == b"":
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            try:
                s.sendall(piece)
            except OSError:
                break
        return time.monotonic() - begun


@pytest.mark.parametrize("begin,piece", [
    (b"", b"G"),
    (b"GET / HTTP/1.1\r\nHost: ", b"x"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", b"x"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
     b"1\r\nx\r\n"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: ", b"x"),
], ids=["method", "field", "head", "body", "chunks", "second"])
def test_who_sends_a_byte_now_and_then_is_closed_all_the_same(
        peer, begin, piece):
    took = drip(peer, begin, piece)
    assert REQUEST_S - 1 < took < 5 * REQUEST_S


def test_who_waits_for_an_answer_is_not_taken_for_slow(peer):
    raw = peer.talk(b"GET /later/%d HTTP/1.1\r\nHost: x\r\n"
                    b"Connection: close\r\n\r\n" % (1500 * REQUEST_S))
    assert status(raw) == 200


def test_one_address_gets_so_many_connections_and_no_more(peer):
    held = [peer.connect() for _ in range(PER_IP)]
    for s in held:
        s.sendall(b"GET /later/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        read_some(s, b"}")
    with peer.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_all(s) == b""
    for s in held:
        s.close()
    eventually(lambda: b"200" in peer.talk(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))


# ---- the end ----

def test_who_waits_is_answered_before_the_end():
    made = Peer()
    with made.connect() as s:
        s.sendall(b"GET /later/300 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        made.process.send_signal(signal.SIGTERM)
        assert Answer(read_all(s)).status == 200
    code, text = made.stop()
    assert code == 0, text
    assert not any(word in text for word in SANITIZERS), text
