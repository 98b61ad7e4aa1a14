// page.js - a quiz buzzer: who comes in, what is pressed, and when.
//
// What is shown comes from the server. The one thing that only this page can
// know is how long it took from showing that the buzzer is open to the press:
// the server believes that as far as it can be true.
//
// A place in a game is its token. It is kept for this window, so that a reload
// finds it, and for the browser, so that a closed window can be gone on with.

import { ask, listen } from "../crq/live.js";
import { NOTHING, hear, phaseOf } from "./game.js";
import { say, show, showAddress, showStart } from "./show.js";
import { isCode } from "./words.js";

const $ = id => document.getElementById(id);

// Who was too late presses all the same: not for the next round.
const GRACE_MS = 1000;
// By then the gateway has measured how far away we are.
const READY_MS = 1500;
// Nothing is left of a game that long after its last change.
const LIFE_MS = 4 * 3600 * 1000;

let place = null; // {code, role, token, name, early: the round that was pressed for}
let game = NOTHING, link = null, linked = false, busy = false;
let openAt = 0;    // when the buzzer was seen to be open, of performance.now()
let closedAt = 0;  // when the last round ended here
let readyTimer = 0;

// ---------------------------------------------------------------- the place

const keyOf = code => `buzzer:${code}`;

function keep() {
  if (place.role === "board") return;
  for (const store of [sessionStorage, localStorage])
    store.setItem(keyOf(place.code), JSON.stringify({ ...place, at: Date.now() }));
}

function kept(store, code) {
  try {
    const found = JSON.parse(store.getItem(keyOf(code)));
    return found?.code === code && typeof found.token === "string" &&
      Date.now() - found.at < LIFE_MS ? found : null;
  } catch {
    return null;
  }
}

function forget(code) {
  for (const store of [sessionStorage, localStorage]) store.removeItem(keyOf(code));
}

function forgetOld() {
  for (const key of Object.keys(localStorage)) {
    const code = key.slice(keyOf("").length);
    if (key === keyOf(code) && kept(localStorage, code) === null) localStorage.removeItem(key);
  }
}

// ----------------------------------------------------------------- showing

const isEarly = () => place.early === game.round + 1;

function draw() {
  if (place !== null && game !== NOTHING) show(place.role, game, { linked, early: isEarly(), busy });
}

// ----------------------------------------------------------------- pressing

// From what the eye sees on: the next frame has it.
function opened() {
  const { round } = game;
  openAt = performance.now();
  requestAnimationFrame(() => {
    if (game.round === round) openAt = performance.now();
  });
}

async function send(press) {
  const { round } = press;
  game = { ...game, pressed: press };
  say($("answer"), "");
  draw();
  try {
    const pressed = await link.send({ do: "buzz", ...press });
    if (game.round === round) game = { ...game, pressed };
  } catch (e) {
    // What was lost with the link is sent again: see onMessage().
    if (e.status === undefined || game.round !== round) return;
    // It had come already when it was sent again, or in another window.
    if (e.title !== "Twice") {
      game = { ...game, pressed: null };
      say($("answer"), e.message);
    }
  }
  draw();
}

function press(at) {
  if (!linked || place?.role !== "player") return;
  const phase = phaseOf(game);
  if (phase === "open") {
    const passed = at - openAt;
    const early = passed < 0 || place.early === game.round;
    send({ round: game.round, difference_ms: Math.round(Math.max(0, passed) * 10) / 10, early });
  } else if (game.status !== "open" && performance.now() - closedAt > GRACE_MS) {
    place.early = game.round + 1;
    keep();
    draw();
  }
}

// Touching is quicker than a click, which is what is left for other means.
$("buzz").addEventListener("pointerdown", event => {
  if (event.button === 0) press(event.timeStamp);
});
$("buzz").addEventListener("click", event => {
  if (event.detail === 0 && event.pointerType === "") press(event.timeStamp);
});
addEventListener("keydown", event => {
  if (place?.role !== "player" || ![" ", "Enter"].includes(event.key)) return;
  const other = event.target.closest?.("a, input, button:not(#buzz)");
  if (other || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) press(event.timeStamp);
});

// --------------------------------------------------------------- messages

function onMessage(message) {
  const before = game;
  game = hear(game, message);
  linked = true;
  $("link").hidden = true;
  if (game.status !== before.status && game.status !== "open") closedAt = performance.now();
  if (message.type === "GAME") return onWelcome(before);
  const active = message.type === "BUZZER_ACTIVE";
  if (active) say($("answer"), "");
  draw();
  if (active) opened();
}

function onWelcome(before) {
  if (place.role !== "board" && game.me === null)
    return leave("This game does not know you any more.");
  draw();
  if (game.status === "open" && (before.status !== "open" || before.round !== game.round)) opened();
  if (place.role !== "player") return;
  if (game.status === "open" && game.pressed && game.pressed.ms === undefined) send(game.pressed);
  clearTimeout(readyTimer);
  readyTimer = setTimeout(() => link?.send({ do: "ready" }).catch(() => {}), READY_MS);
}

function onLost(seconds) {
  linked = false;
  say($("link"), game === NOTHING ? "Connecting …"
    : `Connection lost. Trying again in ${seconds} s …`);
  $("link").hidden = false;
  draw();
  lookWhether(place);
}

// A game that is over, or a place that is not ours, refuses the link.
async function lookWhether(asked) {
  try {
    const { me } = await ask("GET", `games/${asked.code}/view`, { token: asked.token });
    if (me === null && asked.role !== "board" && asked === place)
      leave("This game does not know you any more.");
  } catch (e) {
    if (e.status === 404 && asked === place) leave(e.message);
  }
}

function onTaken() {
  linked = false;
  $("elsewhere").hidden = false;
  draw();
}

// ------------------------------------------------------- coming and leaving

// Who waits does not touch the screen, which goes dark then. Only the visible
// page may ask for it to stay on.
function stayAwake() {
  if (place !== null && document.visibilityState === "visible")
    navigator.wakeLock?.request("screen").catch(() => {});
}
document.addEventListener("visibilitychange", stayAwake);

function enter(next) {
  place = next;
  game = NOTHING;
  linked = false;
  keep();
  $("elsewhere").hidden = true;
  const board = place.role === "board" ? "&board" : "";
  history.replaceState(null, "", `?code=${place.code}${board}`);
  document.title = `${place.role === "player" ? place.name : "Quiz buzzer"} · ${place.code}`;
  showAddress(place.code);
  stayAwake();
  const token = place.token ? `?token=${place.token}` : "";
  link?.close();
  link = listen(`games/${place.code}/live${token}`,
    { message: onMessage, lost: onLost, taken: onTaken });
}

function leave(why = "") {
  if (place !== null) forget(place.code);
  link?.close();
  clearTimeout(readyTimer);
  link = place = null;
  $("link").hidden = $("elsewhere").hidden = true;
  history.replaceState(null, "", location.pathname);
  document.title = "Quiz buzzer";
  say($("gone"), why);
  $("resume").hidden = true;
  showStart();
}

async function comeIn(form, path, role) {
  const refusal = $(`${form.id}-refusal`), button = form.querySelector("button");
  const name = form.elements.name.value.trim();
  say(refusal, "");
  button.disabled = true;
  try {
    const said = await ask("POST", path, { body: { name } });
    enter({ code: said.code ?? path.split("/")[1], role, token: said.token ?? said.host_token, name });
  } catch (e) {
    say(refusal, e.message);
  }
  button.disabled = false;
}

$("create").addEventListener("submit", event => {
  event.preventDefault();
  comeIn(event.target, "games", "host");
});

$("join").addEventListener("submit", event => {
  event.preventDefault();
  const code = $("code").value.trim().toUpperCase();
  if (isCode(code)) comeIn(event.target, `games/${code}/players`, "player");
  else say($("join-refusal"), "A code has six letters and digits.");
});

$("here").addEventListener("click", () => enter(place));

// What is left can't be come back to: only this page has its token.
for (const button of document.querySelectorAll(".leave"))
  button.addEventListener("click", () => {
    say($("farewell-text"), place.role === "host"
      ? "Leave the game? It has no host then." : "Leave the game, and your points?");
    $("farewell").returnValue = "";
    $("farewell").showModal();
  });
$("farewell").addEventListener("close", () => {
  if ($("farewell").returnValue === "go") leave();
});

// ----------------------------------------------------------------- the host

async function act(message) {
  if (busy || !linked) return;
  busy = true;
  say($("host-answer"), "");
  draw();
  try {
    await link.send(message);
  } catch (e) {
    say($("host-answer"), e.message);
  }
  busy = false;
  draw();
}

for (const [id, message] of Object.entries({
  open: { do: "open" }, close: { do: "close" },
  right: { do: "judge", correct: true }, wrong: { do: "judge", correct: false } }))
  $(id).addEventListener("click", () => act(message));

$("copy").addEventListener("click", async () => {
  const address = showAddress(place.code);
  const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
  say($("copy"), copied ? "Copied" : "Copy it by hand");
  setTimeout(() => say($("copy"), "Copy link"), 2000);
});

// ----------------------------------------------------------------- beginning

function begin() {
  forgetOld();
  const asked = new URLSearchParams(location.search);
  const code = (asked.get("code") ?? "").toUpperCase();
  if (!isCode(code)) return leave();
  if (asked.has("board")) return enter({ code, role: "board", token: "", name: "" });
  const here = kept(sessionStorage, code), before = kept(localStorage, code);
  if (here) return enter(here);
  showStart();
  $("code").value = code;
  $("resume").hidden = before === null;
  if (before !== null) {
    say($("resume-text"), before.role === "host" ? `You host the game ${code}.`
      : `You play in ${code} as ${before.name}.`);
    $("resume-go").onclick = () => enter(before);
  }
  $("player-name").focus();
}

begin();
