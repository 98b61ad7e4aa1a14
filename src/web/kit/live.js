// live.js - a page's end of what the gateway offers: requests, sockets, the
// time. No application, no page.
//
// A socket that is lost is opened again, after pauses that grow and differ, so
// that all pages don't come back at the same moment. What was missed meanwhile
// is asked for by the id of the last message; nothing is heard twice.

const SHORTEST_MS = 500, LONGEST_MS = 15000;
const DEAF_MS = 10000; // a socket that has not opened, or answered, by then won't
const TAKEN_OVER = 4001;

const failure = (said, status) => Object.assign(
  new Error(said.detail || said.title || `The server says ${status}.`), { ...said, status });

// ---------------------------------------------------------------- requests

// What the server answers; an Error with words for people, and what the server
// said besides, when it refuses. options: {body, token}
export async function ask(method, path, { body, token } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
  } catch {
    throw new Error("The server can't be reached. Try again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw failure(said, answer.status);
}

// ----------------------------------------------------------------- sockets

// Ids of entries of a stream, "1795262400000-0".
function isBehind(a, b) {
  const [ams, an] = a.split("-").map(Number), [bms, bn] = b.split("-").map(Number);
  return ams === bms ? an > bn : ams > bms;
}

// Open a socket. `path` may have a query.
// on.message(message): news. The first of each socket, its hello, has to be the
//   whole state, and news that are in it already don't come; with on.replay
//   all that were missed come behind it; of the first socket those behind the
//   entry that on.replay names, if it does.
// on.lost(seconds): there is no link, until the next try or later.
// on.taken(): a newer socket has the place of this one, which is over.
// Returns {send, close}. send(message) promises what the job has returned; it
// is refused, as ask() is, by the job or when there is no link.
export function listen(path, on) {
  let socket, timer = 0, failures = 0, count = 0, ended = false;
  let last = typeof on.replay === "string" ? on.replay : "";
  const asked = new Map(); // what has no answer yet

  const address = () => {
    const url = new URL(path, location);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    if (on.replay && last) url.searchParams.set("last_id", last);
    return url;
  };

  const answer = ({ req, ok, status, ...said }) => {
    const waiting = asked.get(req);
    asked.delete(req);
    clearTimeout(waiting?.timer);
    if (ok) waiting?.done(said.result);
    else waiting?.failed(failure(said, status));
  };

  const take = (message, first) => {
    if ("ok" in message) return answer(message);
    const { id } = message;
    if (id && !first && last && !isBehind(id, last)) return;
    if (id && !(first && on.replay && last)) last = id;
    on.message(message);
  };

  // One end for all: closed by the server or by us, or not even opened.
  const drop = (mine, code) => {
    if (mine !== socket) return;
    socket = null;
    mine.close();
    for (const waiting of asked.values()) {
      clearTimeout(waiting.timer);
      waiting.failed(new Error("The connection was lost."));
    }
    asked.clear();
    if (ended) return;
    if (code === TAKEN_OVER) {
      close();
      on.taken?.();
      return;
    }
    const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures++);
    const pause = most * (0.5 + Math.random() / 2);
    timer = setTimeout(connect, pause);
    on.lost(Math.ceil(pause / 1000));
  };

  function connect() {
    clearTimeout(timer);
    timer = 0;
    const mine = socket = new WebSocket(address());
    const guard = setTimeout(() => drop(mine), DEAF_MS);
    let first = true;
    mine.onopen = () => clearTimeout(guard);
    mine.onmessage = event => {
      if (mine !== socket) return;
      failures = 0;
      take(JSON.parse(event.data), first);
      first = false;
    };
    mine.onclose = event => {
      clearTimeout(guard);
      drop(mine, event.code);
    };
  }

  function send(message) {
    const mine = socket, req = ++count;
    if (mine?.readyState !== WebSocket.OPEN)
      return Promise.reject(new Error("There is no connection to the server."));
    return new Promise((done, failed) => {
      // A link that is dead at its other end looks like a slow one.
      asked.set(req, { done, failed, timer: setTimeout(() => drop(mine), DEAF_MS) });
      mine.send(JSON.stringify({ ...message, req }));
    });
  }

  function close() {
    ended = true;
    removeEventListener("online", hurry);
    clearTimeout(timer);
    if (socket) drop(socket);
  }

  const hurry = () => { if (timer) connect(); };
  addEventListener("online", hurry);
  connect();
  return { send, close };
}

// ---------------------------------------------------------------- the time

// The server's clock, as far as it can be known from here. What the server says
// was true before it was heard, and after it was asked for: so much is sure,
// and what is sure by several messages leaves a narrow span.
export class Clock {
  #low = -Infinity;  // the server's clock is ahead of ours by at least this
  #high = Infinity;  // and by at most this, ms
  #at = 0;

  // The server said ms; askedAt, of performance.now(), if that was an answer.
  hear(ms, askedAt = -Infinity) {
    const now = performance.now();
    const spread = (now - this.#at) / 10000; // how clocks drift apart
    this.#at = now;
    this.#low = Math.max(this.#low - spread, ms - now);
    this.#high = Math.min(this.#high + spread, ms - askedAt);
    if (this.#low <= this.#high) return;
    // One of the clocks was set, or this computer slept.
    this.#low = ms - now;
    this.#high = ms - askedAt;
  }

  now() {
    const ahead = this.#high < Infinity ? (this.#low + this.#high) / 2 : this.#low;
    return performance.now() + ahead;
  }

  // How wrong now() may be, ms.
  get doubt() {
    return (this.#high - this.#low) / 2;
  }
}
