// live.js - a pet's news from the server, as long as the page is there.
//
// A link that is lost is opened again, after pauses that grow and differ, so
// that all pages don't come back at the same moment. The first thing a new
// link brings is the whole pet: nothing has to be caught up with.

const SHORTEST_MS = 500, LONGEST_MS = 15000;
const DEAF_MS = 10000; // a link that has not opened by then won't

// on: {message(object), lost(seconds until the next try)}; returns what ends it
export function listen(url, on) {
  let socket = null, timer = 0, guard = 0, failures = 0, ended = false;

  const connect = () => {
    clearTimeout(timer);
    timer = 0;
    const mine = new WebSocket(url);
    socket = mine;
    guard = setTimeout(() => mine.close(), DEAF_MS);
    mine.onopen = () => clearTimeout(guard);
    mine.onmessage = event => {
      if (mine !== socket || ended) return;
      failures = 0;
      on.message(JSON.parse(event.data));
    };
    mine.onclose = () => {
      clearTimeout(guard);
      if (mine === socket && !ended) lost();
    };
  };

  const lost = () => {
    const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures++);
    const pause = most * (0.5 + Math.random() / 2);
    timer = setTimeout(connect, pause);
    on.lost(Math.ceil(pause / 1000));
  };

  const hurry = () => { if (timer) connect(); };
  addEventListener("online", hurry);

  connect();
  return () => {
    ended = true;
    removeEventListener("online", hurry);
    clearTimeout(timer);
    clearTimeout(guard);
    socket.close();
  };
}
