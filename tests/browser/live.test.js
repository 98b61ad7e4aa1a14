// live.test.js - what pages do with sockets and clocks, without a browser: the
// sockets are stand-ins that the tests speak for, and time does not pass.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const sockets = [];

class Socket {
  static OPEN = 1;

  constructor(url) {
    this.url = new URL(url);
    this.readyState = 0;
    this.sent = [];
    sockets.push(this);
  }

  send(text) { this.sent.push(JSON.parse(text)); }
  open() { this.readyState = Socket.OPEN; this.onopen?.(); }
  says(message) { this.onmessage({ data: JSON.stringify(message) }); }
  end(code = 1006) { this.readyState = 3; this.onclose({ code }); }
  close() { if (this.readyState < 2) this.readyState = 2; }
}

let now = 0;
globalThis.WebSocket = Socket;
globalThis.location = "https://example.test/app/page?x#y";
globalThis.addEventListener = globalThis.removeEventListener = () => {};
mock.method(performance, "now", () => now);
const { Clock, ask, listen } = await import("../../src/web/kit/live.js");

beforeEach(() => {
  sockets.length = 0;
  now = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => mock.timers.reset());

// A page that has opened a socket, and what it has heard of it.
function page(options = {}) {
  const heard = [], lost = [], taken = [];
  const link = listen("live?token=t", {
    message: m => heard.push(m.n), lost: s => lost.push(s), taken: () => taken.push(true),
    ...options });
  return { link, heard, lost, taken };
}

const newest = () => sockets.at(-1);
const news = (ms, n) => ({ id: `${ms}-${n}`, n: `${ms}-${n}` });

function again() {
  newest().end();
  mock.timers.tick(15000);
  newest().open();
}

test("a socket is opened where the page is", () => {
  page();
  assert.equal(String(newest().url), "wss://example.test/app/live?token=t");
});

test("news that are in the first message don't come again", () => {
  const { heard } = page();
  newest().open();
  newest().says(news(100, 2));
  for (const [ms, n] of [[99, 7], [100, 1], [100, 2], [100, 3], [100, 11], [100, 9], [1000, 0]])
    newest().says(news(ms, n));
  newest().says({ n: "without an id" });
  assert.deepEqual(heard, ["100-2", "100-3", "100-11", "1000-0", "without an id"]);
});

test("a socket that was lost is opened again, and begins anew", () => {
  const { heard, lost } = page();
  newest().open();
  newest().says(news(100, 0));
  again();
  assert.equal(lost.length, 1);
  assert.equal(newest().url.searchParams.get("last_id"), null);
  newest().says(news(300, 0));
  newest().says(news(200, 0));
  newest().says(news(400, 0));
  assert.deepEqual(heard, ["100-0", "300-0", "400-0"]);
});

test("with replay all that was missed comes, once", () => {
  const { heard } = page({ replay: true });
  newest().open();
  newest().says(news(100, 0));
  newest().says(news(150, 0));
  again();
  assert.equal(newest().url.searchParams.get("last_id"), "150-0");
  newest().says(news(300, 0)); // its hello
  newest().says(news(150, 0));
  newest().says(news(200, 0));
  // Lost in the middle of it: the rest is asked for.
  again();
  assert.equal(newest().url.searchParams.get("last_id"), "200-0");
  newest().says(news(400, 0));
  newest().says(news(300, 0));
  newest().says(news(400, 0));
  newest().says(news(500, 0));
  assert.deepEqual(heard, ["100-0", "150-0", "300-0", "200-0", "400-0", "300-0",
    "400-0", "500-0"]);
});

test("pauses grow, up to a limit, and begin small again", () => {
  const { lost } = page();
  for (let i = 0; i < 9; i++) {
    newest().end();
    mock.timers.tick(15000);
  }
  assert.equal(sockets.length, 10);
  assert.equal(lost[0], 1);
  assert.ok(lost[3] <= 4 && lost[8] >= 8 && lost[8] <= 15, lost);
  newest().open();
  newest().says({});
  newest().end();
  assert.equal(lost[9], 1);
});

test("a socket that does not open is given up", () => {
  const { lost } = page();
  mock.timers.tick(10000);
  assert.equal(lost.length, 1);
  mock.timers.tick(1000);
  assert.equal(sockets.length, 2);
  newest().open();
  mock.timers.tick(60000);
  assert.equal(lost.length, 1);
});

test("who was taken over is told, and stays away", () => {
  const { lost, taken, link } = page();
  newest().open();
  newest().says({});
  newest().end(4001);
  mock.timers.tick(60000);
  assert.deepEqual([lost, taken, sockets.length], [[], [true], 1]);
  return assert.rejects(link.send({ do: "x" }), /no connection/);
});

test("after close() nothing is heard, nor opened", () => {
  const { heard, lost, taken, link } = page();
  newest().open();
  link.close();
  newest().says(news(1, 0));
  newest().end(4001);
  const other = page();
  newest().end();
  other.link.close();
  mock.timers.tick(60000);
  assert.deepEqual([heard, lost, taken, sockets.length], [[], [], [], 2]);
  assert.equal(sockets[0].readyState, 3);
});

test("answers find their questions, in any order", async () => {
  const { link, heard } = page();
  newest().open();
  newest().says({ n: "hello" });
  const all = [link.send({ do: "a" }), link.send({ do: "b", x: 1 }), link.send({ do: "c" })];
  const [a, b, c] = newest().sent;
  assert.deepEqual([a.do, b.do, b.x, c.do], ["a", "b", 1, "c"]);
  newest().says({ req: b.req, ok: false, status: 409, title: "No", detail: "Not now." });
  newest().says({ req: 99, ok: true });
  newest().says({ req: a.req, ok: true, result: { y: 2 } });
  newest().says({ req: a.req, ok: true, result: { y: 3 } });
  newest().says({ req: c.req, ok: false, status: 500 });
  assert.deepEqual(await all[0], { y: 2 });
  await assert.rejects(all[1], e => e.message === "Not now." && e.status === 409);
  await assert.rejects(all[2], /The server says 500/);
  assert.deepEqual(heard, ["hello"]);
});

test("what was asked when a socket was lost fails", async () => {
  const { link } = page();
  await assert.rejects(link.send({ do: "x" }), /no connection/);
  newest().open();
  const asked = link.send({ do: "x" });
  newest().end();
  await assert.rejects(asked, /connection was lost/);
});

test("a socket that does not answer is lost", async () => {
  const { link, lost } = page();
  newest().open();
  const answered = link.send({ do: "x" });
  newest().says({ req: newest().sent[0].req, ok: true, result: 1 });
  mock.timers.tick(60000);
  assert.equal(await answered, 1);
  const asked = link.send({ do: "x" });
  mock.timers.tick(10000);
  await assert.rejects(asked, /connection was lost/);
  assert.equal(lost.length, 1);
});

for (const [name, answer, want] of [
  ["a problem", { ok: false, status: 409, json: async () => ({ detail: "Full." }) }, /Full\./],
  ["no JSON", { ok: false, status: 502, json: async () => { throw new SyntaxError(); } }, /502/],
  ["no answer", null, /can't be reached/]])
  test(`a request that meets ${name} fails in words`, async () => {
    mock.method(globalThis, "fetch", async () => {
      if (answer === null) throw new TypeError();
      return answer;
    });
    await assert.rejects(ask("GET", "x"), want);
  });

test("a request carries what it is given", async () => {
  let sent;
  mock.method(globalThis, "fetch", async (path, options) => {
    sent = { path, ...options };
    return { ok: true, json: async () => ({ code: 1 }) };
  });
  assert.deepEqual(await ask("POST", "games", { body: { name: "M" }, token: "s" }), { code: 1 });
  assert.equal(sent.body, '{"name":"M"}');
  assert.equal(sent.headers["Content-Type"], "application/json");
  assert.equal(sent.headers.Authorization, "Bearer s");
  await ask("GET", "games");
  assert.equal(sent.body, undefined);
  assert.equal("Authorization" in sent.headers, false);
});

// ---- the time

// The server's clock is 5000 ms ahead; so long is the way to it and back.
function exchange(clock, there, back) {
  const askedAt = now;
  now += there;
  const said = now + 5000;
  now += back;
  clock.hear(said, askedAt);
}

test("the server's time is known by the narrowest of what is sure", () => {
  const clock = new Clock();
  exchange(clock, 300, 300);
  assert.equal(clock.now(), now + 5000);
  assert.equal(clock.doubt, 300);
  exchange(clock, 10, 90);
  assert.ok(clock.doubt < 51 && Math.abs(clock.now() - now - 5000) <= clock.doubt);
  exchange(clock, 400, 5); // narrow at its end
  assert.ok(clock.doubt < 8 && Math.abs(clock.now() - now - 5000) <= clock.doubt);
});

test("news alone leave the server's clock behind, by the shortest way", () => {
  const clock = new Clock();
  for (const delay of [80, 30, 200]) {
    now += 1000;
    clock.hear(now + 5000 - delay);
  }
  assert.ok(Math.abs(clock.now() - (now + 5000 - 30)) < 1);
});

test("a clock that was set is believed at once, drift is followed", () => {
  const clock = new Clock();
  exchange(clock, 20, 20);
  now += 1000;
  const askedAt = now;
  now += 40;
  clock.hear(now + 65000 - 20, askedAt);
  assert.equal(clock.now(), now + 65000);
  // 50 ms of each million, for an hour.
  let ahead = 65000;
  for (let i = 0; i < 60; i++) {
    now += 60000;
    ahead += 3;
    const at = now;
    now += 40;
    clock.hear(now + ahead - 20, at);
  }
  assert.ok(Math.abs(clock.now() - now - ahead) <= 21, clock.now() - now - ahead);
});
