// live.js - the page stays as things are: asked for again every other second
// and brought up to date, unless it is hidden or the reader wants it still.

import { morph } from "./morph.js";

const EVERY_MS = 2000, RETRY_MS = 10000, NEWS_MS = 15000, NEAR_MS = 3000;

const main = document.getElementById("main");
const button = document.getElementById("live");
const news = document.getElementById("news");
let live = sessionStorage.getItem("live") !== "no";
let timer = 0, asked = null, told = "", toldAt = 0;

// What is about to be pressed must not move, for a moment.
let near = 0;
for (const type of ["pointermove", "focusin", "keydown"])
  document.addEventListener(type, event => {
    if (event.target.closest?.("button.act")) near = Date.now();
  }, { passive: true });

const isBusy = () =>
  document.querySelector("dialog[open]") !== null || Date.now() - near < NEAR_MS;

function tell() {
  const words = [...document.querySelectorAll(".tiles [data-n]")]
    .map(b => `${b.textContent} ${b.dataset.n}`).join(", ");
  const now = Date.now();
  if (words === told || now - toldAt < NEWS_MS) return;
  if (told !== "" && news) news.textContent = words;
  told = words;
  toldAt = now;
}

function show(state) {
  if (!button) return;
  button.dataset.state = state;
  button.setAttribute("aria-pressed", String(live));
  button.textContent = { on: "Live", off: "Paused", lost: "No connection" }[state];
}

function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const body = fresh.getElementById("main");
  if (body === null) return;
  const csrf = fresh.querySelector("meta[name=csrf]")?.content;
  if (csrf) document.querySelector("meta[name=csrf]")?.setAttribute("content", csrf);
  document.title = fresh.title;
  const focused = document.activeElement;
  morph(main, body);
  if (focused && focused !== document.body && !focused.isConnected)
    main.focus({ preventScroll: true });
  tell();
  document.dispatchEvent(new Event("refreshed"));
}

// Bring the page up to date now, whatever the reader is about to do.
export async function refresh() {
  asked?.abort();
  asked = new AbortController();
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html" }, signal: asked.signal, cache: "no-store" });
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    location.reload();
    return;
  }
  take(await answer.text());
}

function plan(ms) {
  clearTimeout(timer);
  if (live && !document.hidden && !("still" in main.dataset))
    timer = setTimeout(turn, ms);
}

async function turn() {
  if (isBusy()) {
    plan(EVERY_MS);
    return;
  }
  try {
    await refresh();
    show("on");
    plan(EVERY_MS);
  } catch (error) {
    if (error.name === "AbortError") {
      plan(EVERY_MS);
      return;
    }
    show("lost");
    plan(RETRY_MS);
  }
}

button?.addEventListener("click", () => {
  live = !live;
  sessionStorage.setItem("live", live ? "yes" : "no");
  show(live ? "on" : "off");
  plan(0);
});
document.addEventListener("visibilitychange", () => plan(0));

if (main && "still" in main.dataset) button?.remove();
show(live ? "on" : "off");
if (main) plan(EVERY_MS);
