"""Requests and frames of those who do not mean well, each by a rule of its own.

RFC 9112 says what a request is, RFC 6455 what a frame is. Whatever is not one
ends its connection; nothing behind it is understood, and the gateway goes on.
"""

import base64
import os
import socket
import struct

import pytest
from conftest import eventually
from test_web_http import Answer, BODY_MAX, Peer, read_all, status
from web import Gateway


@pytest.fixture(scope="module")
def peer():
    made = Peer()
    yield made
    code, text = made.stop()
    assert code == 0, text


def rules(*rows):
    """Cases with the rule as their name."""
    return pytest.mark.parametrize("raw", [row[1:] if len(row) > 2 else row[1]
                                           for row in rows],
                                   ids=[row[0].replace(" ", "-")
                                        for row in rows])


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
SECOND = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def send(peer, raw):
    """What comes back for these bytes and a second request behind them."""
    with peer.connect() as s:
        try:
            s.sendall(raw + SECOND)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


# ---- requests ----

@rules(
    ("a body has one length", POST + b"Content-Length: 4\r\n"
     b"Content-Length: 0\r\n\r\nGET "),
    ("a length is told once even when it is the same", POST +
     b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    ("a length is not told as a list", POST + b"Content-Length: 0, 0\r\n\r\n"),
    ("a length has no sign", POST + b"Content-Length: +0\r\n\r\n"),
    ("a length is not negative", POST + b"Content-Length: -1\r\n\r\n"),
    ("a length is decimal", POST + b"Content-Length: 0x0\r\n\r\n"),
    ("a length is a number", POST + b"Content-Length: zero\r\n\r\n"),
    ("a length is not empty", POST + b"Content-Length: \r\n\r\n"),
    ("a length has no unit", POST + b"Content-Length: 0 bytes\r\n\r\n"),
    ("a length fits into 64 bits", POST +
     b"Content-Length: 18446744073709551616\r\n\r\n"),
    ("a length goes without an encoding", POST + b"Content-Length: 4\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an encoding goes without a length", POST +
     b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    ("an encoding is told once", POST + b"Transfer-Encoding: chunked\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked is the last encoding", POST +
     b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("chunked is spelled so", POST +
     b"Transfer-Encoding: chunkedd\r\n\r\n0\r\n\r\n"),
    ("chunked has no tab before it inside", POST +
     b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("an encoding is known", POST + b"Transfer-Encoding: gzip\r\n\r\n"),
    ("an encoding is not empty", POST + b"Transfer-Encoding: \r\n\r\n"),
    ("an encoding has no parameter before it", POST +
     b"Transfer-Encoding: x=chunked\r\n\r\n0\r\n\r\n"),
    ("a field's name ends at its colon", POST +
     b"Content-Length : 4\r\n\r\nGET "),
    ("a field's name has no tab behind it", POST +
     b"Content-Length\t: 4\r\n\r\nGET "),
    ("a field's name has no blank before it", GET + b" A: b\r\n\r\n"),
    ("a field's name has no blank inside", GET + b"A b: c\r\n\r\n"),
    ("a field's name has no zero byte", GET + b"A\0: b\r\n\r\n"),
    ("a field's name is ASCII", GET + b"\xc3\xbc: b\r\n\r\n"),
    ("a field's name has no brackets", GET + b"[A]: b\r\n\r\n"),
    ("a field's value has no escape", GET + b"A: \x1b[2J\r\n\r\n"),
    ("a field's value has no delete", GET + b"A: \x7f\r\n\r\n"),
    ("a field's value has no lone CR", GET + b"A: b\rC: d\r\n\r\n"),
    ("a field has a colon", GET + b"Nothing\r\n\r\n"),
    ("the first field is not folded", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
    ("a length is not hidden in a fold", POST +
     b"A: b\r\n Content-Length: 4\r\n\r\nGET "),
    ("there is a host", b"GET / HTTP/1.1\r\n\r\n"),
    ("there is one host", GET + b"Host: y\r\n\r\n"),
    ("a method is a token", b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a method is not empty", b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("an address begins with a slash", b"GET a HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("an address is not absolute",
     b"GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("an address is not a host", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("an address is not a star", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("an address has no blank", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a version is one of HTTP", b"GET / ICY/1.1\r\nHost: x\r\n\r\n"),
    ("a version has digits", b"GET / HTTP/x.y\r\nHost: x\r\n\r\n"),
    ("a version is not that of HTTP 2",
     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a version is not missing", b"GET /\r\nHost: x\r\n\r\n"),
    ("a version is in capitals", b"GET / http/1.1\r\nHost: x\r\n\r\n"),
    ("a head has an end", GET + b"A" * 40000),
    ("a head is not too large", GET + b"A: " + b"b" * 40000 + b"\r\n\r\n"),
    ("a head has not too many fields", GET + b"A: b\r\n" * 10000 + b"\r\n"),
    ("an address is not too long",
     b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a method is not too long",
     b"A" * 40000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a request is not one of TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
     + b"\0" * 512),
    ("a request is not binary", bytes(range(256)) * 4),
)
def test_a_request_that_breaks_a_rule_ends_the_connection(peer, raw):
    got = send(peer, raw)
    assert b"smuggled" not in got
    assert status(got) in (None, 400, 413, 414, 431, 501, 505), got
    assert peer.get("/").status == 200


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@rules(
    ("a size is hexadecimal", b"g\r\nx\r\n0\r\n\r\n"),
    ("a size has no sign", b"+1\r\nx\r\n0\r\n\r\n"),
    ("a size is not negative", b"-1\r\nx\r\n0\r\n\r\n"),
    ("a size has no 0x", b"0x1\r\nx\r\n0\r\n\r\n"),
    ("a size is not empty", b"\r\nx\r\n0\r\n\r\n"),
    ("a size has no blank before it", b" 1\r\nx\r\n0\r\n\r\n"),
    ("a size fits into 64 bits", b"10000000000000001\r\nx\r\n0\r\n\r\n"),
    ("a size is not cut off by a zero byte", b"1\0\r\nx\r\n0\r\n\r\n"),
    ("a chunk is not longer than its size", b"1\r\nxy\r\n0\r\n\r\n"),
    ("a chunk ends with its line", b"1\r\nx0\r\n\r\n"),
    ("a chunk ends with CR LF", b"1\r\nx\r\r0\r\n\r\n"),
    ("an extension has an end", b"1;" + b"a" * 40000),
)
def test_a_chunk_that_breaks_a_rule_ends_the_connection(peer, raw):
    got = send(peer, CHUNKED + raw)
    assert b"smuggled" not in got
    assert status(got) in (None, 400, 413, 431), got


@rules(
    ("a bare LF does not begin a field", GET.replace(b"\r\n", b"\n") + b"\n"),
    ("a bare LF does not end a head", GET + b"\n"),
    ("a bare LF does not hide a length", POST +
     b"A: b\nContent-Length: 4\r\n\r\nGET "),
    ("a bare LF does not end a chunk", CHUNKED + b"1\nx\n0\n\n"),
    ("a chunk's extension hides nothing", CHUNKED +
     b"0;\n\r\n\r\n"),
    ("an empty line before a request is not one", b"\r\n" + GET + b"\r\n"),
    ("a trailer is no field", CHUNKED + b"0\r\nContent-Length: 4\r\n\r\n"),
    ("a fold is a blank", GET + b"A: b\r\n c\r\n\r\n"),
    ("a fold by a tab is a blank", GET + b"A: b\r\n\tc\r\n\r\n"),
    ("a field without a name is none", GET + b": b\r\n\r\n"),
    ("a zero byte ends a value", GET + b"A: b\0c\r\n\r\n"),
    ("a zero byte ends an address", b"GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a zero byte ends a method", b"G\0T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a body of GET is read", GET + b"Content-Length: 4\r\n\r\nGET "),
    ("HTTP 1.0 has no chunks", b"POST / HTTP/1.0\r\nHost: x\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
)
def test_what_readers_differ_about_hides_no_request(peer, raw):
    """Refused, or read so that what stands behind is the second request and
    nothing else is."""
    got = send(peer, raw)
    assert got.count(b"HTTP/1.1 200") <= 2
    if b"HTTP/1.1 200" not in got:
        assert status(got) in (None, 400, 501)
    if b"smuggled" in got:
        assert b"GET /smuggled" not in got
        assert got.count(b'"segments":["smuggled"]') == 1


def test_a_body_that_is_promised_too_large_is_refused_before_it_comes(peer):
    raw = peer.talk(POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n"
                    % (BODY_MAX + 1))
    assert b"100 Continue" not in raw
    assert Answer(raw).status == 413


def test_a_head_of_many_small_fields_is_bounded(peer):
    fields = b"".join(b"X%d: y\r\n" % n for n in range(300))
    raw = peer.talk(GET + fields + b"Connection: close\r\n\r\n")
    assert status(raw) in (200, 431)


# ---- addresses and files ----

@pytest.fixture(scope="module")
def files(redis_server, tmp_path_factory):
    """A gateway that serves a folder beside a secret one."""
    root = tmp_path_factory.mktemp("hostile")
    app, www = root / "app", root / "app" / "www"
    (www / "sub").mkdir(parents=True)
    (root / "secret.txt").write_text("SECRET")
    (app / "secret.txt").write_text("SECRET")
    (www / "index.html").write_text("page")
    (www / "sub" / "index.html").write_text("sub")
    (www / ".git").mkdir()
    (www / ".git" / "config").write_text("SECRET")
    (www / "link.txt").symlink_to(root / "secret.txt")
    (www / "links").symlink_to(root)
    (www / "absolute").symlink_to("/etc")
    os.mkfifo(www / "fifo")
    (app / "app.json").write_text(
        '{"name": "files", "queues": ["q"], "files": {"/": "www"}}')
    web = Gateway(redis_server.url, app=app).wait_until_ready()
    yield web
    assert web.stop() == 0


def raw_get(web, target, fields=b""):
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as s:
        s.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s"
                  b"Connection: close\r\n\r\n" % (target, web.port, fields))
        return read_all(s)


@rules(
    ("dots", b"/../secret.txt"),
    ("two levels of dots", b"/../../secret.txt"),
    ("dots in the middle", b"/sub/../../secret.txt"),
    ("encoded dots", b"/%2e%2e/secret.txt"),
    ("an encoded slash", b"/..%2fsecret.txt"),
    ("all encoded", b"/%2e%2e%2fsecret.txt"),
    ("encoded twice", b"/%252e%252e%252fsecret.txt"),
    ("a backslash", b"/..\\secret.txt"),
    ("an encoded backslash", b"/..%5csecret.txt"),
    ("an overlong slash", b"/..%c0%afsecret.txt"),
    ("an overlong dot", b"/%c0%ae%c0%ae/secret.txt"),
    ("a zero byte", b"/index.html%00.txt"),
    ("two slashes", b"//secret.txt"),
    ("an absolute path", b"//etc/passwd"),
    ("an encoded absolute path", b"/%2fetc%2fpasswd"),
    ("a parameter", b"/..;/secret.txt"),
    ("dots with a blank", b"/..%20/secret.txt"),
    ("a hidden folder", b"/.git/config"),
    ("an encoded hidden folder", b"/%2egit/config"),
    ("a link to a file", b"/link.txt"),
    ("a link to a folder", b"/links/secret.txt"),
    ("a link out of the tree", b"/absolute/passwd"),
    ("a pipe", b"/fifo"),
    ("a folder as a file", b"/sub/index.html/../../../secret.txt"),
    ("a long way up", b"/" + b"../" * 20 + b"etc/passwd"),
    ("a file below a file", b"/index.html/secret.txt"),
    ("a wide dot", "/．．/secret.txt".encode()),
    ("a query that is a path", b"/?/../secret.txt"),
)
def test_no_address_leads_out_of_the_folder(files, raw):
    got = raw_get(files, raw)
    assert b"SECRET" not in got and b"root:" not in got
    assert status(got) in (200, 308, 400, 404), got
    if status(got) == 200:
        assert got.endswith(b"page")


@rules(
    ("the address of a folder", b"/sub%0d%0aSet-Cookie:%20a=b"),
    ("a folder with its slash missing", b"/sub?%0d%0aSet-Cookie:%20a=b"),
    ("a bare LF", b"/sub%0aSet-Cookie:%20a=b"),
    ("UTF-8 that ends like one", "/subč\u010d\u010a".encode()),
    ("another host", b"//evil.example/%2e%2e"),
    ("another host by a backslash", b"/\\evil.example"),
    ("another scheme", b"/javascript:alert(1)"),
)
def test_no_address_becomes_a_header_or_another_host(files, raw):
    got = raw_get(files, raw)
    head = got.partition(b"\r\n\r\n")[0].lower()
    assert b"set-cookie" not in head.replace(b"location: /sub?", b"")
    for line in head.split(b"\r\n"):
        if line.startswith(b"location:"):
            assert line == b"location: /sub/"


@rules(
    ("another site", "http://evil.example", 403),
    ("this host with another port", "http://127.0.0.1:1", 403),
    ("a host that begins like this one", "http://127.0.0.1.evil.example", 403),
    ("a user before the host", "http://127.0.0.1@evil.example", 403),
    ("null", "null", 403),
    ("nothing", "", 403),
    ("no scheme", "evil.example", 403),
    ("several", "http://127.0.0.1:{port}, http://evil.example", 403),
    ("this very page", "http://127.0.0.1:{port}", 404),
)
def test_pages_of_another_origin_send_nothing(files, raw):
    origin, wanted = raw
    assert files.ask("POST", "/nothing", headers={
        "Origin": origin.format(port=files.port)}).status in (wanted, 405)


# ---- bytes that are no UTF-8 ----

@pytest.fixture(scope="module")
def demo(redis_server):
    web = Gateway(redis_server.url).wait_until_ready()
    yield web
    assert web.stop() == 0


BAD = (
    ("a lone continuation", b"\x80"),
    ("a start without its end", b"\xc3"),
    ("an overlong form", b"\xc0\xaf"),
    ("a surrogate", b"\xed\xa0\x80"),
    ("beyond Unicode", b"\xf4\x90\x80\x80"),
    ("a byte that never is", b"\xff"),
)


@rules(*BAD)
def test_an_address_is_utf8(demo, raw):
    quoted = b"".join(b"%%%02x" % byte for byte in raw)
    assert status(raw_get(demo, b"/demo/" + quoted)) == 400
    assert status(raw_get(demo, b"/demo/a?x=" + quoted)) == 400
    assert status(raw_get(demo, b"/demo/" + raw)) == 400


@rules(*BAD)
def test_a_body_is_utf8(demo, raw):
    for path in "/demo/echo", "/api/v1/jobs":
        reply = demo.ask("POST", path, b'{"func": "' + raw + b'"}',
                         {"Content-Type": "application/json"})
        assert reply.status in (400, 422)
        reply.problem()


@rules(*BAD)
def test_the_log_is_utf8(demo, raw):
    raw_get(demo, b"/log/" + raw)
    with open(demo.log.name, "rb") as f:
        f.read().decode()


@rules(
    ("deep lists", b"[" * 100000),
    ("deep objects", b'{"a":' * 50000),
    ("a number that never ends", b"1" * 500000),
    ("an exponent", b"1e" + b"9" * 1000),
    ("a name many times", b'{"a":1' + b',"a":1' * 50000 + b"}"),
    ("half a surrogate", b'"\\ud800"'),
    ("a zero byte", b'"\0"'),
    ("something behind it", b"1 2"),
    ("a byte order mark", b"\xef\xbb\xbf1"),
    ("NaN", b"NaN"),
    ("a comment", b"/**/1"),
    ("nothing but blanks", b" " * 1000),
)
def test_a_body_of_strange_json_is_answered(demo, raw):
    """By a refusal; or, of a route that takes anything, by a job."""
    for path in "/api/v1/jobs", "/api/v1/jobs/bulk":
        reply = demo.ask("POST", path, raw,
                         {"Content-Type": "application/json"})
        assert reply.status in (400, 413, 422), reply.body[:200]
    assert demo.get("/livez").status == 200


# ---- frames ----

@pytest.fixture(scope="module")
def sockets(redis_server):
    """A gateway with a socket, and a worker that authorises."""
    from conftest import WorkerProcess, module
    worker = WorkerProcess(redis_server.url, [
        "--load", module("demo"), "--load", module("gate"), "--jobs", 2, "web"])
    web = Gateway(redis_server.url).wait_until_ready()
    yield web
    code = web.stop()
    assert worker.stop() == []
    assert code == 0


class Raw:
    """A socket whose frames are made by hand."""

    def __init__(self, web):
        self.s = socket.create_connection(("127.0.0.1", web.port), timeout=20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall(
            f"GET /demo/rooms/A1/live?token=a{os.urandom(8).hex()} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{web.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.s.recv(1)
        assert b" 101 " in head, head
        self.got = b""
        assert self.hear(1)[1].startswith(b'{"type"')

    def take(self, n):
        while len(self.got) < n:
            part = self.s.recv(65536)
            if not part:
                raise EOFError
            self.got += part
        taken, self.got = self.got[:n], self.got[n:]
        return taken

    def frame(self):
        first, second = self.take(2)
        assert first & 0x70 == 0 and second & 0x80 == 0, "RFC 6455, 5.1, 5.2"
        n = second & 127
        if n == 126:
            n, = struct.unpack(">H", self.take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self.take(8))
        assert first & 0x80, "the server sends no fragments"
        return first & 15, self.take(n)

    def hear(self, *wanted):
        """The next frame of these kinds: the server's pings come between."""
        while True:
            opcode, payload = self.frame()
            if opcode in (wanted or (1, 2, 8, 10)):
                return opcode, payload

    def goodbye(self):
        """The code that the server ends it with: None, it just hung up; 0: its
        goodbye has none."""
        try:
            _, payload = self.hear(8)
        except (EOFError, ConnectionError):
            return None
        if payload:
            payload[2:].decode()
        return struct.unpack(">H", payload[:2])[0] if payload else 0

    def is_hung_up(self):
        try:
            while self.s.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


def frame(opcode, payload=b"", fin=1, mask=b"\x12\x34\x56\x78", rsv=0,
          length=None, wide=0):
    """A frame; wide: write its length with 16 or 64 bits whatever it is."""
    n = len(payload) if length is None else length
    bit = 0x80 if mask else 0
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if wide == 64 or (n >= 65536 and not wide):
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    elif wide == 16 or n >= 126:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | n])
    if not mask:
        return head + payload
    pad = mask * (len(payload) // 4 + 1)
    return head + mask + bytes(a ^ b for a, b in zip(payload, pad))


def close(code, reason=b""):
    return frame(8, struct.pack(">H", code) + reason)


WHOLE = b'{"req": 1, "do": "none"}'  # answered at once, with 404
TEXT = '{"req": "κόσμε", "do": "none"}'.encode()


@rules(
    ("a frame is masked", frame(1, WHOLE, mask=b"")),
    ("a ping is masked", frame(9, b"x", mask=b"")),
    ("RSV1 is not set", frame(1, WHOLE, rsv=4)),
    ("RSV2 is not set", frame(1, WHOLE, rsv=2)),
    ("RSV3 is not set", frame(1, WHOLE, rsv=1)),
    ("RSV is not set all at once", frame(1, WHOLE, rsv=7)),
    ("RSV is not set in a ping", frame(9, b"", rsv=4)),
    ("RSV is not set in a continuation",
     frame(1, b"{", fin=0) + frame(0, b"}", rsv=4)),
    *((f"opcode {n} is reserved", frame(n, b"x"))
      for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ("a reserved opcode comes not between fragments",
     frame(1, b"{", fin=0) + frame(11)),
    ("a ping is not fragmented", frame(9, b"x", fin=0)),
    ("a pong is not fragmented", frame(10, b"x", fin=0)),
    ("a close is not fragmented", frame(8, b"", fin=0)),
    ("a ping has 125 bytes at most", frame(9, b"x" * 126)),
    ("a pong has 125 bytes at most", frame(10, b"x" * 126)),
    ("a close has 125 bytes at most", close(1000, b"x" * 124)),
    ("a continuation has a begin", frame(0, b"x")),
    ("a continuation has a begin, with FIN or without", frame(0, b"x", fin=0)),
    ("a message begins when the last one has ended",
     frame(1, b"{", fin=0) + frame(1, b"}")),
    ("a binary one, too", frame(1, b"{", fin=0) + frame(2, b"}")),
    ("a message that has ended has no continuation",
     frame(1, WHOLE) + frame(0, b"}")),
    ("a length has its shortest form, of 16 bits", frame(1, b"{}", wide=16)),
    ("a length has its shortest form, of 64 bits", frame(1, b"{}", wide=64)),
    ("a length has no highest bit", frame(1, length=1 << 63)),
    ("a close has no code of one byte", frame(8, b"\x03")),
    *((f"{code} is no code of a close", close(code))
      for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                   5000, 65535)),
    ("a reason is UTF-8", close(1000, b"\xff")),
    ("a reason is whole UTF-8", close(1000, "ü".encode()[:1])),
    ("a reason has no surrogates", close(1000, b"\xed\xa0\x80")),
)
def test_a_frame_that_breaks_a_rule_ends_the_socket(sockets, raw):
    client = Raw(sockets)
    client.s.sendall(raw)
    # 1007 for what is no UTF-8; for some the library says no code.
    assert client.goodbye() in (0, 1002, 1007)
    client.s.shutdown(socket.SHUT_WR)
    assert client.is_hung_up()
    client.s.close()
    assert sockets.get("/livez").status == 200


@rules(*BAD, ("a start in one fragment and no end", b"\xce\xba\xe1"))
def test_a_message_is_utf8(sockets, raw):
    for frames in ([frame(1, b'"' + raw + b'"')],
                   [frame(1, b'"' + raw[:1], fin=0), frame(0, raw[1:] + b'"')],
                   [frame(1, b'"', fin=0),
                    *(frame(0, raw[i:i + 1], fin=0) for i in range(len(raw))),
                    frame(0, b'"')]):
        client = Raw(sockets)
        client.s.sendall(b"".join(frames))
        assert client.goodbye() == 1007
        client.s.close()


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize("between", [b"", frame(9, b"?")],
                         ids=["alone", "with-pings"])
def test_a_message_may_come_in_fragments_of_any_size(sockets, step, between):
    client = Raw(sockets)
    parts = [TEXT[i:i + step] for i in range(0, len(TEXT), step)]
    frames = [frame(0 if i else 1, part, fin=i == len(parts) - 1)
              for i, part in enumerate(parts)]
    client.s.sendall(between.join(frames))
    if between:
        for _ in frames[1:]:
            assert client.hear() == (10, b"?")
    assert "κόσμε".encode() in client.hear(1)[1]
    client.s.close()


def test_a_frame_may_come_byte_by_byte(sockets):
    client = Raw(sockets)
    for byte in frame(1, TEXT) + frame(9, b"!"):
        client.s.sendall(bytes([byte]))
    assert "κόσμε".encode() in client.hear(1)[1]
    assert client.hear(10) == (10, b"!")
    client.s.close()


def test_empty_fragments_are_fragments(sockets):
    client = Raw(sockets)
    client.s.sendall(frame(1, b"", fin=0) + frame(0, b"", fin=0) * 3
                     + frame(0, WHOLE, fin=0) + frame(0, b""))
    assert b"404" in client.hear(1)[1]
    client.s.close()


@pytest.mark.parametrize("payload", [b"", b"hi", b"\0\xff\xfe", b"x" * 125])
def test_a_ping_is_answered_with_what_it_carries(sockets, payload):
    client = Raw(sockets)
    client.s.sendall(frame(9, payload))
    assert client.hear() == (10, payload)
    client.s.close()


def test_pings_are_answered_in_their_order(sockets):
    client = Raw(sockets)
    client.s.sendall(b"".join(frame(9, b"%d" % n) for n in range(10)))
    assert [client.hear()[1] for _ in range(10)] == [b"%d" % n
                                                     for n in range(10)]
    client.s.close()


def test_a_pong_that_nobody_asked_for_is_ignored(sockets):
    client = Raw(sockets)
    client.s.sendall(frame(10, b"?") + frame(10) + frame(10, b"\xff" * 8)
                     + frame(9, b"!"))
    assert client.hear() == (10, b"!")
    client.s.close()


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                  1010, 1011, 3000, 3999, 4000, 4999])
def test_a_goodbye_is_returned(sockets, code):
    client = Raw(sockets)
    client.s.sendall(close(code, "tschüs".encode()))
    assert client.goodbye() == code
    assert client.is_hung_up()
    client.s.close()


def test_a_goodbye_without_a_code_is_returned(sockets):
    client = Raw(sockets)
    client.s.sendall(frame(8))
    assert client.goodbye() == 0
    client.s.close()


def test_what_comes_behind_a_goodbye_is_not_answered(sockets):
    client = Raw(sockets)
    client.s.sendall(close(1000) + frame(1, WHOLE) + frame(9, b"?"))
    assert client.hear(1, 8, 10)[0] == 8
    client.s.close()


def test_a_goodbye_between_fragments_is_one(sockets):
    client = Raw(sockets)
    client.s.sendall(frame(1, b"{", fin=0) + close(1000))
    assert client.goodbye() == 1000
    client.s.close()


@rules(
    ("binary", frame(2, WHOLE), 1003),
    ("a frame that is too large", frame(1, b"x" * 65537), 1009),
    ("fragments that are too large together",
     frame(1, b"x" * 40000, fin=0) + frame(0, b"x" * 40000), 1009),
    ("a promise that is too large", frame(1, b"x", length=1 << 40), 1009),
    ("crumbs", frame(1, b"x", fin=0) + frame(0, b"x", fin=0) * 5000, 1009),
    ("empty crumbs", frame(1, b"", fin=0) + frame(0, b"", fin=0) * 10000, 1009),
)
def test_a_message_that_is_not_taken_is_refused_by_its_code(sockets, raw):
    raw, code = raw
    client = Raw(sockets)
    try:
        client.s.sendall(raw)
    except OSError:
        pass
    assert client.goodbye() == code
    client.s.close()


def test_the_largest_message_is_taken(sockets):
    client = Raw(sockets)
    begin, end = b'{"req": "', b'", "do": "none"}'
    text = begin + b"x" * (65536 - len(begin + end)) + end
    client.s.sendall(frame(1, text))
    assert b"404" in client.hear(1)[1]
    client.s.close()


def test_the_reason_is_heard_whatever_comes_behind(sockets):
    """A socket that is closed with bytes unread takes back its goodbye."""
    client = Raw(sockets)
    try:
        client.s.sendall(frame(3, b"") + frame(1, b"x" * 60000) * 50)
    except OSError:
        pytest.fail("it was cut off")
    assert client.goodbye() == 1002
    client.s.close()


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])


def test_a_client_that_pings_and_does_not_read_is_dropped(sockets, redis_server):
    """Its pongs are queued like all else, and bounded like it."""
    client = Raw(sockets)
    before = memory_kb(sockets.process.pid)
    flood = frame(9, b"x" * 125) * 500
    client.s.settimeout(120)
    sent = 0
    with pytest.raises(OSError):
        while sent < 1 << 30:
            client.s.sendall(flood)
            sent += len(flood)
    assert memory_kb(sockets.process.pid) - before < 64 * 1024
    assert "too slow" in sockets.text()
    client.s.close()


def test_a_thousand_broken_sockets_leave_nothing(sockets):
    def open_sockets():
        text = sockets.get("/metrics").body.decode()
        line, = [line for line in text.splitlines()
                 if line.startswith("crq_web_sockets ")]
        return int(line.split()[1])

    eventually(lambda: open_sockets() == 0, 30)
    for _ in range(100):
        client = Raw(sockets)
        client.s.sendall(os.urandom(64))
        client.s.close()
    eventually(lambda: open_sockets() == 0, 30)
