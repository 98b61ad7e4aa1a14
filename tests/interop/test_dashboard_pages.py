"""The dashboard of crq-web as HTML, without a browser: every page with hostile
data, who may see what, signing in, what another site may not do, and how long
a page takes when there are many jobs. Buttons and looks are tested in
tests/browser/dashboard.test.js."""

import json
import os
import re
import statistics
import time
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from conftest import _free_port, eventually
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry
from test_web_api import TOKENS
from web import Gateway

PAGES = ["/", "/queues", "/queues/q", "/jobs", "/jobs?status=failed",
         "/failures", "/workers", "/schedules", "/groups", "/api"]

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """A page, with every tag closed in its order and no id twice."""

    def __init__(self, reply):
        super().__init__()
        self.status, self.headers = reply.status, reply.headers
        self.open, self.tags, self.ids, self.texts = [], [], set(), []
        self.source = reply.body.decode()
        self.feed(self.source)
        assert self.open == []
        self.text = " ".join("".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        assert not any(name.startswith("on") or name == "style"
                       for name in attrs)
        if "id" in attrs:
            assert attrs["id"] not in self.ids
            self.ids.add(attrs["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag, **attrs):
        return [have for name, have in self.tags if name == tag and all(
            have.get(key.replace("_", "-")) == value
            for key, value in attrs.items())]

    def links(self):
        return [a["href"] for a in self.all("a") if "href" in a]

    def buttons(self):
        return [b for b in self.all("button") if "act" in b.get("class", "")]

    def csrf(self):
        return self.all("meta", name="csrf")[0]["content"]


def show(web, path, **headers):
    reply = web.get(path, **headers)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    return Page(reply)


def run(queue):
    SimpleWorker([queue], connection=queue.connection).work(burst=True)


@pytest.fixture
def web(gateway):
    return gateway(app=None)


@pytest.fixture
def guarded(gateway, tmp_path):
    """A gateway that asks for tokens."""
    path = tmp_path / "tokens"
    path.write_text("".join(f"{role} {token}\n"
                            for role, token in TOKENS.items()))
    path.chmod(0o600)
    return gateway("--token-file", path, app=None)


@pytest.fixture
def queue(r):
    return Queue("q", connection=r)


# ---- what there is ----

@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there_also_when_nothing_is(web, path):
    page = show(web, path)
    assert page.status == 200
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("a", href="#main")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"


def test_a_page_asks_for_nothing_but_its_own_files(web):
    page = show(web, "/")
    files = [tag.get("href") or tag.get("src")
             for tag in page.all("link") + page.all("script")]
    assert len(files) == 3
    for path in files:
        reply = web.get(path)
        assert reply.status == 200
        assert "immutable" in reply.headers["cache-control"]
        again = web.get(path, If_None_Match=reply.headers["etag"])
        assert (again.status, again.body) == (304, b"")
    folder = files[0].rsplit("/", 1)[0]
    script = web.get(folder + "/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for name in re.findall(rb'import "\./(.*?)"', script.body):
        assert web.get(f"{folder}/{name.decode()}").status == 200
    for path in (folder, folder + "/", folder + "/nothing.js",
                 "/assets/0123456789abcdef/main.js",
                 folder + "/..%2fmain.js"):
        assert web.get(path).status == 404


def test_a_job_tells_its_story(web, queue):
    parent = queue.enqueue("tasks.echo", "the parent")
    job = queue.enqueue("tasks.fail", args=("oh dear",),
                        description="a named one", depends_on=parent,
                        job_timeout=77, meta={"order": 7})
    waiting = show(web, f"/jobs/{job.id}")
    assert "deferred" in waiting.text
    assert f"/jobs/{parent.id}" in waiting.links()
    assert f"/jobs/{job.id}" in show(web, f"/jobs/{parent.id}").links()
    run(queue)
    page = show(web, f"/jobs/{job.id}")
    assert "tasks.fail('oh dear')" in page.text
    assert "a named one" in page.text
    assert "oh dear" in page.text and "Traceback" in page.text
    assert "1 min 17 s" in page.text
    assert "{'order': 7}" in page.text
    assert "/queues/q" in page.links()
    for word in ("created", "enqueued", "started", "ended", "failed"):
        assert word in page.text
    assert show(web, f"/jobs/{parent.id}").text.count("'the parent'") == 2


def test_what_is_not_there_is_told_as_a_page(web):
    for path in ("/jobs/nothing", "/groups/nothing", "/jobs/nothing/log"):
        page = show(web, path)
        assert page.status == 404 and "404" in page.text
    assert show(web, "/jobs?status=odd").status == 400
    assert show(web, "/jobs?cursor=odd").status == 400
    assert web.get("/nothing").status == 404
    assert web.get("/jobs/a/b").status == 404


def test_an_id_that_is_looked_for_leads_to_its_job(web):
    reply = web.get("/jobs?id=a%2Fb%22c")
    assert reply.status == 303
    assert reply.headers["location"] == "/jobs/a%2Fb%22c"


def test_jobs_are_shown_page_by_page_each_once(web, queue):
    ids = [queue.enqueue("tasks.echo", i).id for i in range(120)]
    seen, path = [], "/jobs?queue=q"
    for _ in range(4):
        page = show(web, path)
        seen += [link.split("/")[-1] for link in page.links()
                 if re.match(r"/jobs/[0-9a-f-]{36}$", link)]
        following = page.all("a", rel="next")
        if not following:
            break
        path = following[0]["href"]
    assert seen == ids


def test_a_filter_by_function_shows_its_jobs_only(web, queue):
    for name in ("shop.pay", "shop.ship", "tasks.echo"):
        queue.enqueue(name)
    page = show(web, "/jobs?func=shop.*")
    assert "shop.pay()" in page.text and "shop.ship()" in page.text
    assert "tasks.echo()" not in page.text
    assert page.all("input", name="func")[0]["value"] == "shop.*"


def test_failures_are_grouped_by_what_they_failed_with(web, queue):
    for text in ("one", "two", "three"):
        queue.enqueue("tasks.fail", text)
    queue.enqueue("tasks.nothing_of_this_name")
    run(queue)
    assert FailedJobRegistry(queue=queue).count == 4
    page = show(web, "/failures")
    rows = page.source.split("<tr>")[1:]
    assert any("ValueError" in row and ">3</a>" in row for row in rows)
    assert any("nothing_of_this_name" in row and ">1</a>" in row
               for row in rows)


def test_failures_of_one_cause_are_one_list_and_one_button(web, queue):
    odd = queue.enqueue("tasks.fail", "too", "many")
    even = [queue.enqueue("tasks.fail", "one") for _ in range(2)]
    run(queue)
    page = show(web, "/failures")
    wanted = {"operation": "requeue", "queue": queue.name, "status": "failed",
              "func": "tasks.fail"}
    asked = [json.loads(button["data-apply"])
             for button in page.buttons() if "small" in button["class"]]
    assert sorted(what.pop("error") for what in asked) == [
        "TypeError", "ValueError"]
    assert asked == [wanted, wanted]
    href, = [href for href in page.links() if "TypeError" in href]
    page = show(web, href)
    assert odd.id in page.text and page.all("input", name="error")[0][
        "value"] == "TypeError"
    assert not any(job.id in page.text for job in even)
    for button in page.buttons():
        if "data-apply" in button:
            assert json.loads(button["data-apply"])["error"] == "TypeError"


def test_the_whole_log_of_a_job_is_there(web, queue, r):
    job = queue.enqueue("tasks.echo")
    for i in range(1100):
        r.xadd(f"crq:log:{job.id}",
               {"execution_id": "x", "number": i, "time": "1795262400.5",
                "sum": 0, "text": f"line <{i}>"})
    page = show(web, f"/jobs/{job.id}/log")
    assert "line <0>" in page.text and "line <999>" in page.text
    page = show(web, page.all("a", rel="next")[0]["href"])
    assert "line <1000>" in page.text and "line <1099>" in page.text
    assert page.all("a", rel="next") == []


# ---- hostile data ----

HOSTILE = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='", "</title></style></pre><svg onload=x>",
    "&lt;b&gt;", "a\0b\x1b[31m\r\n", "\u202e\u2066x", "javascript:alert(1)",
    "%3Cscript%3E", "{{7*7}}", "`${1}`", "]]>", "<!--",
]


def planted(r, text):
    """Jobs and all else with this text wherever it fits."""
    name = re.sub(r"[\0-\x1f]", "", text)[:100]
    queue = Queue(name, connection=r)
    jobs = [queue.enqueue("tasks.fail", args=(text,), kwargs={"k": text},
                          description=text, meta={text: text}),
            queue.enqueue(f"tasks.{name}", description=text)]
    run(queue)
    for job in jobs:
        r.hset(job.key, mapping={
            "worker_name": text, "group_id": text,
            "success_callback_name": text, "description": text})
        r.xadd(f"crq:log:{job.id}", {
            "execution_id": "x", "number": 1, "time": "1795262400.5",
            "sum": 0, "text": text.encode()})
    waiting = queue.enqueue("tasks.echo", text, description=text)
    r.sadd("rq:groups", text)
    r.sadd(f"rq:group:{text}", *[job.id for job in jobs], text)
    r.sadd("rq:workers", f"rq:worker:{text}")
    r.hset(f"rq:worker:{text}", mapping={
        "birth": "2026-11-21T00:00:00.000000Z", "queues": text,
        "hostname": text, "pid": text, "state": text, "version": text,
        "current_job": text, "last_heartbeat": text, "ip_address": text})
    r.set("crq:scheduler:leader", text)
    r.hset("crq:scheduler:quarantine", text, text)
    r.zadd("crq:schedules", {name: 1795262400})
    r.hset(f"crq:schedule:{name}", mapping={
        "id": text, "call": text, "cron": text, "tz": text, "source": text})
    return name, [job.id for job in jobs] + [waiting.id]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_text_holds_it_stays_text(web, r, text):
    name, ids = planted(r, text)
    paths = [*PAGES, f"/queues/{quote(name, safe='')}",
             f"/groups/{quote(name, safe='')}",
             f"/jobs?queue={quote(name)}&func={quote(name)}&status=failed",
             *[f"/jobs/{job}" for job in ids],
             *[f"/jobs/{job}/log" for job in ids],
             f"/jobs/{quote(text.split(chr(0))[0], safe='')}"]
    for path in paths:
        reply = web.get(path)
        assert reply.status in (200, 400, 404), (path, reply.body)
        page = Page(reply)
        assert {tag for tag, _ in page.tags}.isdisjoint({"img", "iframe"})
        assert [s["src"].split("/")[1] for s in page.all("script")] == [
            "assets"]
        assert not re.search(r"[\0-\x08\x0b-\x1f\x7f]", page.source)
        assert all(link[0] in "/#" and link[:2] != "//"
                   for link in page.links())
    assert name in Page(web.get("/")).text.replace("\N{REPLACEMENT CHARACTER}",
                                                   "") or " " in name


@pytest.mark.parametrize("junk", [b"\xff\xfe<b>", b"\xc0\xbc", b"\xed\xa0\x80",
                                  b"\x80" * 2000])
def test_bytes_that_are_no_text_are_shown_as_such(web, r, queue, junk):
    job = queue.enqueue("tasks.echo")
    r.hset(job.key, mapping={b"description": junk, b"worker_name": junk,
                             b"group_id": junk, b"data": junk, b"meta": junk})
    r.sadd("rq:groups", junk)
    r.sadd("rq:workers", b"rq:worker:" + junk)
    r.hset(b"rq:worker:" + junk, mapping={b"state": junk, b"pid": junk})
    r.hset("crq:scheduler:quarantine", junk, junk)
    for path in [*PAGES, f"/jobs/{job.id}", "/jobs?queue=q"]:
        assert show(web, path).status == 200


def test_numbers_beyond_all_bounds_are_shown(web, r):
    r.set("rq:suspended", 1, px=9_000_000_000_000_000_000)
    r.sadd("rq:workers", "rq:worker:w")
    r.hset("rq:worker:w", mapping={
        "state": "busy", "total_working_time": "1e300",
        "successful_job_count": "9" * 19})
    for path in PAGES:
        assert show(web, path).status == 200, path
    assert "has ended" not in web.text()


def test_a_million_bytes_of_arguments_are_cut(web, queue):
    job = queue.enqueue("tasks.echo", "<" * 1_000_000)
    run(queue)
    assert len(web.get("/jobs?status=finished").body) < 20_000
    page = show(web, f"/jobs/{job.id}")
    assert page.status == 200 and len(page.source) < 2_000_000


@pytest.mark.parametrize("key", [
    "rq:queue:q", "rq:failed:q", "rq:finished:q", "rq:workers", "rq:groups",
    "crq:schedules", "crq:scheduler:leader", "crq:scheduler:quarantine",
    "crq:triggers", "rq:scheduler:scheduled_jobs", "rq:suspended"])
def test_a_key_of_another_type_breaks_no_helper(web, r, key):
    r.sadd("rq:queues", "rq:queue:q")
    r.geoadd("other", (1, 1, "x"))
    r.xadd(key, {"a": "b"})
    for path in PAGES:
        assert show(web, path).status in (200, 503)
    assert "has ended" not in web.text()


# ---- the order of jobs ----

def listed(page):
    """The ids in the table, from its top."""
    return [link.removeprefix("/jobs/") for link in page.links()
            if link.startswith("/jobs/")]


def test_jobs_that_are_over_are_shown_newest_first(web, r, queue):
    names = [f"j{i:03}" for i in range(120)]
    for i, name in enumerate(names):
        queue.enqueue("tasks.echo", job_id=name)
        for status in "finished", "failed", "canceled":
            r.zadd(f"rq:{status}:q", {name: 2e9 + i})
        r.hset(f"rq:job:{name}", "status", "failed")
    for status, newest in (("finished", True), ("failed", True),
                           ("canceled", True), ("queued", False)):
        turned = "order=oldest" if newest else "order=newest"
        for path, want in (
                (f"/jobs?status={status}", names[::-1] if newest else names),
                # Who turns a queue round sees it as it is: it has no such link.
                (f"/jobs?status={status}&{turned}", names)):
            found, seen = [], 0
            while path is not None and (seen := seen + 1) < 9:
                page = show(web, path)
                found += listed(page)
                after = [a["href"] for a in page.all("a", rel="next")]
                path = after[0] if after else None
            assert found == want


def test_a_link_turns_the_list_round_and_back(web, r, queue):
    for i in range(3):
        queue.enqueue("tasks.echo", job_id=f"j{i}")
        r.zadd("rq:failed:q", {f"j{i}": 2e9 + i})
        r.hset(f"rq:job:j{i}", "status", "failed")
    here = "/jobs?queue=q&status=failed&func=tasks.*"
    page = show(web, here)
    there, = [link for link in page.links() if "order=" in link]
    assert listed(page) == ["j2", "j1", "j0"]
    page = show(web, there)
    assert listed(page) == ["j0", "j1", "j2"]
    # The filter keeps it; the way back is the list's own order.
    assert page.all("input", name="order")[0]["value"] == "oldest"
    back, = [a["href"] for a in page.all("a", **{"class": "turn"})]
    assert "order=" not in back
    assert listed(show(web, back)) == ["j2", "j1", "j0"]
    for status in "queued", "started", "scheduled", "deferred":
        assert not show(web, f"/jobs?status={status}").all(
            "a", **{"class": "turn"})
    assert show(web, "/jobs?status=failed&order=odd").status == 400


# ---- Redis is gone ----

def test_without_redis_pages_say_so():
    port = _free_port()
    made = Gateway(f"redis://:geheim@127.0.0.1:{port}/0", app=None)
    try:
        eventually(lambda: "listening at port" in made.text())
        made.port = int(re.search(r"listening at port (\d+)",
                                  made.text())[1])
        for path in PAGES[:-1]:
            page = show(made, path)
            assert page.status == 503 and "Redis" in page.text
            assert str(port) not in page.source
        assert show(made, "/api").status == 200
    finally:
        assert made.stop() == 0


# ---- who may ----

def sign_in(web, token, **headers):
    return web.ask("POST", "/login", urlencode({"token": token, "next": "/"}),
                   {"Content-Type": "application/x-www-form-urlencoded",
                    **{k.replace("_", "-"): v for k, v in headers.items()}})


def cookie_of(reply):
    return reply.headers["set-cookie"].split(";")[0]


def test_a_page_leads_who_is_nobody_to_the_login_and_back(guarded):
    reply = guarded.get("/jobs?queue=a%20b&status=failed")
    assert reply.status == 303
    there = urlsplit(reply.headers["location"])
    following = parse_qs(there.query)["next"][0]
    assert there.path == "/login"
    assert following == "/jobs?queue=a%20b&status=failed"
    page = show(guarded, reply.headers["location"])
    assert page.all("input", name="next")[0]["value"] == following
    assert page.all("script") == []
    reply = guarded.ask(
        "POST", "/login",
        urlencode({"token": TOKENS["read"], "next": following}),
        {"Content-Type": "application/x-www-form-urlencoded"})
    assert (reply.status, reply.headers["location"]) == (303, following)
    assert show(guarded, following, Cookie=cookie_of(reply)).status == 200


def test_a_session_is_a_cookie_that_no_script_and_no_site_gets(guarded):
    reply = sign_in(guarded, TOKENS["operate"])
    words = {word.strip() for word in reply.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= words
    assert re.fullmatch(r"crq_session=[0-9a-f]{32}", cookie_of(reply))
    assert TOKENS["operate"] not in str(reply.headers)
    again = sign_in(guarded, TOKENS["operate"], Cookie=cookie_of(reply))
    assert cookie_of(again) != cookie_of(reply)
    assert guarded.get("/", Cookie=cookie_of(reply)).status == 303


@pytest.mark.parametrize("origin, secure", [
    (None, False), ("http://127.0.0.1:{port}", False),
    ("https://127.0.0.1:{port}", True), ("HTTPS://127.0.0.1:{port}", True)])
def test_behind_a_proxy_that_does_tls_the_cookie_goes_by_tls_only(
        guarded, origin, secure):
    headers = {"Origin": origin.format(port=guarded.port)} if origin else {}
    reply = sign_in(guarded, TOKENS["read"], **headers)
    assert ("Secure" in reply.headers["set-cookie"].split("; ")) == secure
    form = {"Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie_of(reply), **headers}
    page = show(guarded, "/", Cookie=cookie_of(reply))
    reply = guarded.ask("POST", "/logout", f"csrf={page.csrf()}", form)
    assert ("Secure" in reply.headers["set-cookie"].split("; ")) == secure


@pytest.mark.parametrize("next", [
    "//evil.example", "/\\evil.example", "https://evil.example", "", "jobs",
    "/a\r\nSet-Cookie: x=y", "/\t/evil.example", "javascript:alert(1)"])
def test_the_login_leads_nowhere_else(guarded, next):
    page = show(guarded, "/login?next=" + quote(next, safe=""))
    assert page.all("input", name="next")[0]["value"] == "/"
    reply = guarded.ask(
        "POST", "/login", urlencode({"token": TOKENS["read"], "next": next}),
        {"Content-Type": "application/x-www-form-urlencoded"})
    assert (reply.status, reply.headers["location"]) == (303, "/")


@pytest.mark.parametrize("body", [
    "token=wrong-0123456789abcdef&next=/", "token=&next=/", "next=/", "",
    "token=%00&next=/", "token=" + "x" * 9000, "token",
    "token=<script>alert(1)</script>&next=/"])
def test_a_wrong_token_opens_nothing(guarded, body):
    reply = guarded.ask("POST", "/login", body, {
        "Content-Type": "application/x-www-form-urlencoded"})
    assert reply.status == 403 and "set-cookie" not in reply.headers
    assert "role=\"alert\"" in Page(reply).source


def test_a_form_without_a_token_writes_nothing_to_the_log(guarded):
    before = len(guarded.text().splitlines())
    for token, lines in (({}, 0), ({"token": "wrong-0123456789abcdef"}, 1)):
        guarded.ask("POST", "/login", urlencode({"next": "/", **token}), {
            "Content-Type": "application/x-www-form-urlencoded"})
        told = [line for line in guarded.text().splitlines()[before:]
                if " warning " in line]
        assert len(told) == lines, told


def test_signing_out_ends_the_session_for_good(guarded):
    cookie = cookie_of(sign_in(guarded, TOKENS["operate"]))
    page = show(guarded, "/", Cookie=cookie)
    form = {"Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie}
    for body in ("", "csrf=0", "csrf=" + "0" * 32):
        assert guarded.ask("POST", "/logout", body, form).status == 403
    assert guarded.ask("GET", "/logout", headers=form).status == 403
    assert guarded.get("/", Cookie=cookie).status == 200
    reply = guarded.ask("POST", "/logout", f"csrf={page.csrf()}", form)
    assert (reply.status, reply.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert guarded.get("/", Cookie=cookie).status == 303
    assert guarded.get("/api/v1/queues", Cookie=cookie).status == 401


def test_who_may_only_read_sees_no_buttons(guarded, queue):
    job = queue.enqueue("tasks.fail", "x")
    run(queue)
    queue.enqueue("tasks.echo")
    paths = [*PAGES, f"/jobs/{job.id}"]
    for role, many in (("read", 0), ("enqueue", 0), ("operate", 8)):
        cookie = cookie_of(sign_in(guarded, TOKENS[role]))
        found = sum(len(show(guarded, path, Cookie=cookie).buttons())
                    for path in paths)
        assert found >= many if many else found == 0
        token = f"Bearer {TOKENS[role]}"
        assert show(guarded, "/", Authorization=token).status == 200


def test_a_session_may_what_its_token_may(guarded, queue):
    job = queue.enqueue("tasks.echo")
    for role, status in (("read", 403), ("operate", 200)):
        cookie = cookie_of(sign_in(guarded, TOKENS[role]))
        csrf = show(guarded, "/", Cookie=cookie).csrf()
        reply = guarded.ask("POST", f"/api/v1/jobs/{job.id}/cancel",
                            headers={"Cookie": cookie, "X-CSRF-Token": csrf})
        assert reply.status == status
    assert Job.fetch(job.id, connection=queue.connection).is_canceled


# ---- what another site may not do ----

def test_a_cookie_alone_changes_nothing(guarded, queue):
    job = queue.enqueue("tasks.echo")
    cookie = cookie_of(sign_in(guarded, TOKENS["operate"]))
    other = cookie_of(sign_in(guarded, TOKENS["operate"]))
    foreign = show(guarded, "/", Cookie=other).csrf()
    own = f"http://127.0.0.1:{guarded.port}"
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 32},
                    {"X-CSRF-Token": foreign}, {"Origin": own}):
        reply = guarded.ask("DELETE", f"/api/v1/jobs/{job.id}",
                            headers={"Cookie": cookie, **headers})
        assert reply.status == 403
    csrf = show(guarded, "/", Cookie=cookie).csrf()
    reply = guarded.ask("DELETE", f"/api/v1/jobs/{job.id}", headers={
        "Cookie": cookie, "X-CSRF-Token": csrf,
        "Origin": "http://evil.example"})
    assert reply.status == 403
    assert Job.exists(job.id, connection=queue.connection)
    reply = guarded.ask("DELETE", f"/api/v1/jobs/{job.id}", headers={
        "Cookie": cookie, "X-CSRF-Token": csrf, "Origin": own})
    assert reply.status == 204


def test_without_tokens_a_browser_needs_what_pages_hold(web, queue):
    job = queue.enqueue("tasks.echo")
    path = f"/api/v1/jobs/{job.id}/cancel"
    own = {"Origin": f"http://127.0.0.1:{web.port}"}
    same = {"Sec-Fetch-Site": "same-origin"}
    for headers in (own, same, {**own, "X-CSRF-Token": "0" * 32}):
        assert web.ask("POST", path, headers=headers).status == 403
    csrf = show(web, "/").csrf()
    assert web.ask("POST", path, headers={
        **own, "X-CSRF-Token": csrf}).status == 200
    # What is no browser needs none.
    other = queue.enqueue("tasks.echo")
    assert web.ask("POST", f"/api/v1/jobs/{other.id}/cancel").status == 200
    assert web.ask("POST", "/login", "").status == 303


def test_pages_are_for_reading(web):
    for method in ("POST", "PUT", "DELETE"):
        assert web.ask(method, "/jobs").status == 405
    head = web.ask("HEAD", "/")
    assert (head.status, head.body) == (200, b"")


# ---- beside applications ----

def test_an_application_comes_before_the_dashboard(gateway, tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("the shop")
    (tmp_path / "app.json").write_text(
        '{"name": "shop", "queues": ["shop"], "files": {"/": "www"}, "routes": [{"on": '
        '"GET /{anything}", "enqueue": {"task": "shop.show", "args": '
        '{"it": "$path.anything"}}}]}')
    made = gateway(app=tmp_path)
    assert made.get("/").body == b"the shop"
    assert show(made, "/queues").status == 200
    assert show(made, "/jobs").status == 200
    assert made.get("/else").status == 202


def test_pages_lead_to_the_applications(gateway, tmp_path):  # noqa: F811
    (tmp_path / "www").mkdir()
    (tmp_path / "app.json").write_text(json.dumps({
        "name": "shop", "queues": ["shop"], "files": {"/a\"b/": "www"}}))
    made = gateway(app=tmp_path)
    for path in "/", "/jobs", "/api":
        page = show(made, path)
        assert page.all("a", href='/a"b/') and "Applications: shop" in page.text
    assert "Applications" not in show(gateway(app=None), "/").text


# ---- many ----

def fill(r, count):
    """So many finished jobs, as RQ leaves them."""
    pipe = r.pipeline(transaction=False)
    r.sadd("rq:queues", "rq:queue:many")
    until = time.time() + 3600
    for i in range(count):
        job = f"job-{i}"
        pipe.hset(f"rq:job:{job}", mapping={
            "status": "finished", "origin": "many", "data": b"x",
            "created_at": "2026-11-21T07:47:50.513712Z",
            "description": f"tasks.echo({i})"})
        pipe.zadd("rq:finished:many", {job: until + i})
        if i % 5000 == 0:
            pipe.execute()
    pipe.execute()


def test_a_page_costs_the_same_with_many_jobs(web, r):
    full = bool(os.environ.get("CRQ_LONG"))
    fill(r, 1_000_000 if full else 3000)
    paths = ["/", "/queues/many", "/jobs?status=finished&queue=many",
             "/failures", "/jobs/job-7"]
    size = {path: len(web.get(path).body) for path in paths}
    before = r.info("commandstats")
    for path in paths:
        web.get(path)
    after = r.info("commandstats")
    calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})[
        "calls"] for name in after}
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_zscan",
                "cmdstat_smembers_all"} & {n for n, c in calls.items() if c}
    assert sum(calls.values()) < 1000
    assert max(size.values()) < 60_000
    if not full:
        return
    for path in paths:
        pings, times = [], []
        for _ in range(30):
            begun = time.perf_counter()
            r.ping()
            pings.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            assert web.get(path).status == 200
            times.append(time.perf_counter() - begun)
        print(path, statistics.median(times), statistics.median(pings))
        assert statistics.median(times) < max(
            0.05, 200 * statistics.median(pings))
