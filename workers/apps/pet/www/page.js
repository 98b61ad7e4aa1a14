// page.js - a pet, as it is in Redis: shown, and asked to do things.
//
// What is shown always comes from the server, by an answer or by news; the page
// never guesses. Of two of them the one that was made later counts, however
// they overtook each other: news carry the server's time, answers are followed
// by news. The address behind # is the pet's name, so it can be sent to others.

import { Clock, ask, listen } from "../crq/live.js";
import { MAX, RULE, clockOf, isName, levelOf, moodOf, reasonAgainst, sentenceOf } from "./words.js";

const $ = id => document.getElementById(id);
const ACTIONS = ["feed", "play", "sleep"];

const clock = new Clock();

let name = "", pet = null, link = null;
let linked = false, busy = false;
let shownAt = 0;  // the server's time of what is shown, ms

// ---------------------------------------------------- pets that one has visited

const KNOWN = 12;

function known() {
  try {
    return JSON.parse(localStorage.getItem("pets"))
      .filter(one => typeof one === "string" && isName(one)).slice(0, KNOWN);
  } catch {
    return [];
  }
}

function remember(one) {
  localStorage.setItem("pets", JSON.stringify([one, ...known().filter(n => n !== one)]));
}

function forget(one) {
  localStorage.setItem("pets", JSON.stringify(known().filter(n => n !== one)));
}

function drawKnown() {
  const links = known().flatMap(one => {
    const link = Object.assign(document.createElement("a"),
      { href: `#${one}`, textContent: one });
    return [", ", link];
  });
  $("known").hidden = links.length === 0;
  $("known").firstElementChild.replaceChildren(...links.slice(1));
}

// ------------------------------------------------------------------ asking

async function act(action) {
  busy = true;
  $("answer").textContent = "";
  draw();
  try {
    const said = await ask("POST", `${name}/${action}`);
    // With a link, news of it come, in their order.
    if (!linked) pet = said;
    $("pet").dataset.does = action;
    setTimeout(() => delete $("pet").dataset.does, 1200);
  } catch (e) {
    $("answer").textContent = e.message;
  }
  busy = false;
  draw();
}

// ----------------------------------------------------------------- showing

function drawButtons() {
  const reasons = new Set();
  for (const action of ACTIONS) {
    const reason = reasonAgainst(action, pet);
    if (reason) reasons.add(reason);
    $(action).disabled = Boolean(reason) || !linked;
    $(action).setAttribute("aria-busy", String(busy));
  }
  $("reason").textContent = !linked ? "No connection to the server."
    : [...reasons].join(" ");
}

function bar(id, value) {
  const text = `${value}/${MAX}`;
  $(`${id}-text`).textContent = text;
  $(id).setAttribute("aria-valuenow", value);
  $(id).setAttribute("aria-valuetext", text);
  $(id).dataset.level = levelOf(id, value);
  $(id).firstElementChild.style.width = `${100 * value / MAX}%`;
}

// Only what has changed, or a screen reader would say it again and again.
function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function draw() {
  if (pet === null) return;
  $("pet").dataset.mood = moodOf(pet);
  say("mood", sentenceOf(pet));
  say("picture", sentenceOf(pet));
  bar("hunger", pet.hunger);
  bar("energy", pet.energy);
  drawButtons();
  tick();
  $("home").hidden = false;
}

function countdown(id, until) {
  $(id).hidden = until === null;
  if (until !== null) {
    const left = until - clock.now();
    const text = left > 0 ? clockOf(left) : "a moment";
    const time = $(id).querySelector("time");
    if (time.textContent !== text) time.textContent = text;
  }
}

function tick() {
  if (pet === null) return;
  countdown("waking", pet.asleep_until_ms);
  countdown("hungering", pet.hunger < MAX ? pet.next_hunger_ms : null);
}

function onMessage(message) {
  if (message.type === "PET_RELEASED") {
    forget(name);
    return leave(`${name} has been let go.`);
  }
  if (message.type !== "PET" || message.at_ms < shownAt) return;
  clock.hear(message.at_ms);
  shownAt = message.at_ms;
  if (pet === null) remember(name);
  pet = message.data;
  linked = true;
  $("link").hidden = true;
  draw();
}

function onLost(seconds) {
  linked = false;
  say("link", pet === null ? "Connecting …"
    : `Connection lost. Trying again in ${seconds} s …`);
  $("link").hidden = false;
  draw();
  lookWhether();
}

// A pet that somebody else has let go refuses the link: then say so.
async function lookWhether() {
  const asked = name;
  try {
    await ask("GET", asked);
  } catch (e) {
    if (e.status !== 404) return;
    forget(asked);
    if (asked === name) leave(e.message);
  }
}

// ------------------------------------------------------------------ coming

function leave(why = "") {
  link?.close();
  link = null;
  name = "";
  pet = null;
  linked = false;
  $("home").hidden = $("link").hidden = true;
  drawKnown();
  $("adoption").hidden = false;
  $("refusal").textContent = why;
  document.title = "Pet";
  localStorage.removeItem("pet");
  if (location.hash) history.replaceState(null, "", location.pathname);
  $("name").focus();
}

function visit(next) {
  link?.close();
  name = next;
  pet = null;
  shownAt = 0;
  linked = false;
  $("adoption").hidden = true;
  $("answer").textContent = "";
  $("title").textContent = document.title = name;
  localStorage.setItem("pet", name);
  link = listen(`${name}/live`, { message: onMessage, lost: onLost });
}

$("adopt").addEventListener("submit", async event => {
  event.preventDefault();
  const wanted = $("name").value;
  $("refusal").textContent = isName(wanted) ? "" : RULE;
  if (!isName(wanted)) return;
  try {
    location.hash = (await ask("PUT", wanted)).name;
  } catch (e) {
    $("refusal").textContent = e.message;
  }
});

for (const action of ACTIONS)
  $(action).addEventListener("click", () => { if (!busy) act(action); });

$("another").addEventListener("click", event => {
  event.preventDefault();
  $("name").value = "";
  leave();
});

$("release").addEventListener("click", () => {
  $("farewell-text").textContent = `Let ${name} go for ever?`;
  $("farewell").returnValue = "";
  $("farewell").showModal();
});

$("farewell").addEventListener("close", async () => {
  if ($("farewell").returnValue !== "go") return;
  const gone = name;
  try {
    await ask("DELETE", gone);
    forget(gone);
    // News of it may have come first.
    if (name === gone) leave(`${gone} has been let go.`);
  } catch (e) {
    $("answer").textContent = e.message;
  }
});

function begin() {
  const wanted = location.hash.slice(1) || localStorage.getItem("pet") || "";
  if (isName(wanted)) {
    if (wanted !== name) visit(wanted);
  } else {
    leave(wanted === "" ? "" : RULE);
  }
}

addEventListener("hashchange", begin);
setInterval(tick, 250);
begin();
