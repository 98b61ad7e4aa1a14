// page.js - a seat in a trivia room.
//
// What is shown comes from the server: page.js asks and hears, game.js makes a
// game of it, show.js draws it. A seat is a token: it stays with the tab, so
// that a reload finds its place again, and another tab may take it over.

import { Clock, ask, listen } from "../crq/live.js";
import { Game } from "./game.js";
import * as show from "./show.js";
import { RULES, TOPICS, isCode } from "./words.js";

const $ = id => document.getElementById(id);

const REVEAL_MS = 2500; // of a round's first part, which is not longer than:
const REVEAL_PART = 0.25;
const HURRY_MS = 5000;

let seat = null; // {code, token}
let game = null, link = null, linked = false;
let clock = new Clock();
let revealed = null, revealTimer = 0; // the number of the round that is shown over
let hurried = ""; // the question of which the last seconds were told

// -------------------------------------------------------------------- door

const chosen = name => document.querySelector(`[name=${name}]:checked`)?.value;

function radio(name, value, ...content) {
  const label = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type: "radio", name, value });
  label.append(input, ...content);
  return label;
}

function furnish() {
  $("topics").append(...TOPICS.map(topic => {
    const text = document.createElement("span");
    text.textContent = topic;
    return radio("topic", topic, text);
  }));
  $("topics").querySelector("[value=everything]").checked = true;
  $("faces").append(...show.FACES.map(name => {
    const label = radio("face", name, show.face(name));
    label.firstElementChild.setAttribute("aria-label", name);
    return label;
  }));
  const face = localStorage.getItem("trivia.face");
  const any = show.FACES[Math.floor(Math.random() * show.FACES.length)];
  const mine = show.FACES.includes(face) ? face : any;
  $("faces").querySelector(`[value=${mine}]`).checked = true;
  $("name").value = localStorage.getItem("trivia.name") ?? "";
}

function setMode(mode) {
  document.querySelector(`[name=mode][value=${mode}]`).checked = true;
  $("joining").hidden = mode !== "join";
  $("creating").hidden = mode !== "create";
  show.say("go", mode === "join" ? "Join" : "Open the room");
}

function openDoor(code = "", why = "") {
  stand();
  show.view("door");
  document.title = "Trivia";
  setMode(code === "" ? "create" : "join");
  $("code").value = code;
  show.say("refusal", why);
  $(code === "" ? "title" : "name").focus();
  if (isCode(code)) invite(code);
}

// Who has sent the link, and whether the room is there at all.
async function invite(code) {
  try {
    const { room, players } = await ask("GET", `rooms/${code}/view`);
    show.say("door-title", room.title);
    show.say("invitation", `${room.owner_name} invites you to a quiz about ${room.topic}. ` +
      `${players.length} of 10 places are taken.`);
  } catch (e) {
    show.say("refusal", e.message);
  }
}

function refuse(field, why) {
  show.say("refusal", why);
  $(field).setAttribute("aria-invalid", "true");
  $(field).focus();
}

async function enter() {
  const mode = chosen("mode"), code = $("code").value.trim().toUpperCase();
  const title = $("title").value.trim(), name = $("name").value.trim();
  for (const field of ["code", "title", "name"]) $(field).removeAttribute("aria-invalid");
  if (mode === "join" && !isCode(code)) return refuse("code", RULES.code);
  if (mode === "create" && title === "") return refuse("title", RULES.title);
  if (name === "") return refuse("name", RULES.name);
  show.say("refusal", "");
  const me = { name, avatar: chosen("face") };
  localStorage.setItem("trivia.name", name);
  localStorage.setItem("trivia.face", me.avatar);
  $("go").disabled = true;
  try {
    const got = mode === "join"
      ? await ask("POST", `rooms/${code}/players`, { body: me })
      : await ask("POST", "rooms", { body: { ...me, title, topic: chosen("topic"),
        count: Number(chosen("count")) } });
    const mine = { code: got.code ?? code, token: got.token };
    sessionStorage.setItem(`trivia.${mine.code}`, mine.token);
    history.pushState(null, "", `?code=${mine.code}`);
    sit(mine);
  } catch (e) {
    show.say("refusal", e.message);
  }
  $("go").disabled = false;
}

// -------------------------------------------------------------------- seat

// Give up the link, and what was known by it.
function stand() {
  link?.close();
  link = game = seat = revealed = null;
  linked = false;
  clearTimeout(revealTimer);
  $("link").hidden = true;
}

function sit(mine) {
  stand();
  seat = mine;
  game = new Game();
  clock = new Clock();
  const address = new URL(location.pathname + location.search, location);
  $("address").value = address.href;
  // From the first entry on: of a game that goes on, all rounds are told.
  link = listen(`rooms/${seat.code}/live?token=${seat.token}`, {
    replay: "0-0", message: onMessage, lost: onLost, taken: onTaken });
}

function onMessage(message) {
  clock.hear(message.at_ms);
  const news = game.take(message);
  if (message.type === "ROOM") onRoom();
  if (message.type === "REVEAL" && news) startReveal(message.data.question_id);
  draw();
}

function onRoom() {
  linked = true;
  $("link").hidden = true;
  document.title = game.room.title;
  syncClock();
  if (game.question && game.choice?.state === "unsent") send(game.choice.choice);
}

function onLost(seconds) {
  linked = false;
  show.say("link", game.room === null ? "Connecting …"
    : `Connection lost. Trying again in ${seconds} s …`);
  $("link").hidden = false;
  if (game.room !== null) draw();
  lookWhether();
}

// A room that is over for long is gone, and a token may be none: a refused link
// does not say so.
async function lookWhether() {
  const asked = seat;
  try {
    await ask("GET", `rooms/${asked.code}/view`, { token: asked.token });
  } catch (e) {
    if (asked !== seat || (e.status !== 403 && e.status !== 404)) return;
    sessionStorage.removeItem(`trivia.${asked.code}`);
    openDoor(asked.code, e.message);
  }
}

function onTaken() {
  const taken = seat;
  stand();
  show.broken("You play in another tab", "The newest one has your place.", true);
  $("back").onclick = () => sit(taken);
}

// A few round trips: the quickest one knows the time best.
async function syncClock() {
  const mine = link;
  for (let n = 0; n < 5 && mine === link && linked; n++) {
    const began = performance.now();
    try {
      clock.hear((await mine.send({ do: "view" })).now_ms, began);
    } catch {
      return; // there will be another link
    }
    await new Promise(done => setTimeout(done, 200));
  }
}

// -------------------------------------------------------------------- game

async function send(choice) {
  const asked = game.question.id, mine = game;
  const isOver = () => mine !== game || game.question?.id !== asked;
  game.choose(choice, "sending");
  draw();
  try {
    await link.send({ do: "answer", question_id: asked, choice });
    if (!isOver()) game.choose(choice, "saved");
  } catch (e) {
    if (isOver()) return;
    // Without a status nobody has refused it: the link broke.
    if (e.status === undefined) game.choose(choice, "unsent");
    // An earlier one has arrived, although its answer has not.
    else if (e.title === "Answered") game.choose(choice, "saved");
    else game.choose(choice, "refused", `${e.title}. ${e.message}`);
  }
  draw();
}

function choose(n) {
  if (revealed !== null) return;
  if (game?.question && game.choice === null) send(n);
}

function startReveal(questionId) {
  clearTimeout(revealTimer);
  revealed = Number(questionId.slice(1));
  revealTimer = setTimeout(endReveal, Math.min(REVEAL_MS, game.round_ms * REVEAL_PART));
}

function endReveal() {
  clearTimeout(revealTimer);
  revealed = null;
  draw();
}

async function start() {
  show.say("start-refusal", "");
  $("start").setAttribute("aria-busy", "true");
  try {
    await link.send({ do: "start" });
  } catch (e) {
    show.say("start-refusal", e.message);
  }
  $("start").removeAttribute("aria-busy");
}

// ----------------------------------------------------------------- showing

const left = () => game.deadline - clock.now();

function draw() {
  if (game === null || game.room === null) return;
  const round = game.rounds.get(revealed);
  const { status } = game.room;
  if (round?.answer !== null && round !== undefined) show.reveal(game, round);
  else if (status === "failed")
    show.broken("This room has failed", game.room.reason ?? "");
  else if (status === "completed") show.end(game);
  else if (status === "in_progress" && game.question !== null)
    show.question(game, left() <= 0);
  else if (status !== "in_progress") show.lobby(game, linked);
}

function tick() {
  requestAnimationFrame(tick);
  if (game?.question == null || $("play").hidden) return;
  const ms = left();
  show.timeLeft(ms, game.round_ms);
  if (ms < HURRY_MS && ms > 0 && hurried !== game.question.id) {
    hurried = game.question.id;
    show.say("hurry", game.round_ms > HURRY_MS && game.choice === null
      ? "5 seconds left." : "");
  }
  if (ms <= 0 && revealed === null && game.choice === null) draw();
}

// ---------------------------------------------------------------- controls

$("enter").addEventListener("submit", event => {
  event.preventDefault();
  if (!$("go").disabled) enter();
});

$("mode").addEventListener("change", () => setMode(chosen("mode")));
$("start").addEventListener("click", start);
$("next").addEventListener("click", endReveal);

[...$("choices").children].forEach((button, n) =>
  button.addEventListener("click", () => choose(n)));

addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const n = ["1", "2", "3", "4"].indexOf(event.key);
  if (n < 0 || $("play").hidden) return;
  if (revealed !== null && game.question) endReveal();
  else choose(n);
});

$("copy").addEventListener("click", async () => {
  $("address").select();
  try {
    await navigator.clipboard.writeText($("address").value);
    show.say("copied", "The link is copied.");
  } catch {
    show.say("copied", "Copy the marked link.");
  }
});

// A picture of the game is not kept: coming back here is like a new visit.
addEventListener("popstate", () => location.reload());

furnish();
const code = (new URLSearchParams(location.search).get("code") ?? "").toUpperCase();
const token = isCode(code) && sessionStorage.getItem(`trivia.${code}`);
if (token) sit({ code, token });
else openDoor(code, code === "" || isCode(code) ? "" : RULES.code);
tick();
