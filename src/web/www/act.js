// act.js - buttons: one request each, after a question; and what became of it.

import { refresh } from "./live.js";

const API = "/api/v1";
const say = document.getElementById("say");
let silence = 0;

function tell(text, wrong = false) {
  clearTimeout(silence);
  say.textContent = text;
  say.classList.toggle("wrong", wrong);
  silence = setTimeout(() => { say.textContent = ""; }, wrong ? 12000 : 5000);
}

async function send(method, path, body) {
  const answer = await fetch(API + path, {
    method, body: body ?? null,
    headers: {
      "X-CSRF-Token": document.querySelector("meta[name=csrf]")?.content ?? "",
      ...(body ? { "Content-Type": "application/json" } : {}) } });
  if (answer.status === 401) {
    location.reload();
    throw new Error("You are signed out.");
  }
  const text = await answer.text();
  const value = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error(value?.detail ?? answer.statusText);
  return value;
}

// --- the question ---

const dialog = document.createElement("dialog");
dialog.setAttribute("aria-labelledby", "question");
dialog.innerHTML = '<form method="dialog"><p id="question"></p>' +
  '<p class="about"></p><div class="buttons">' +
  '<button value="no" autofocus>Keep</button>' +
  '<button value="yes" class="danger">Do it</button></div></form>';
document.body.append(dialog);

function ask(question, about, label) {
  dialog.querySelector("#question").textContent = question;
  dialog.querySelector(".about").textContent = about;
  dialog.querySelector("[value=yes]").textContent = label;
  dialog.querySelector("[value=no]").textContent =
    label === "Cancel" ? "Keep it" : "Not now";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise(done => dialog.addEventListener("close",
    () => done(dialog.returnValue === "yes"), { once: true }));
}

// --- what is done ---

const jobs = n => `${n.toLocaleString("en")} ${n === 1 ? "job" : "jobs"}`;

const FILTER = ["queue", "status", "func", "group", "error"];

// All that a filter describes: counted first, then in as many requests as it
// takes, each of which breaks off after a while.
async function apply(button) {
  const what = JSON.parse(button.dataset.apply);
  if (!FILTER.some(key => key in what)) what.all = true;
  const label = button.textContent;
  tell("Counting…");
  const dry = await send("POST", "/jobs/apply", JSON.stringify({ ...what, dry_run: true }));
  tell("");
  const count = dry.done;
  if (count === 0) return tell("There is none of these.");
  const about = FILTER.filter(key => key in what)
    .map(key => `${key} ${what[key] || "none that can be read"}`).join(", ");
  const more = dry.complete ? "" : "at least ";
  if (!await ask(`${label}: ${more}${jobs(count)}?`, about, label)) return;
  let done = 0, refused = 0, one;
  do {
    one = await send("POST", "/jobs/apply", JSON.stringify(what));
    done += one.done;
    refused += one.refused;
    tell(`${jobs(done)} so far…`);
  } while (!one.complete && one.done > 0);
  tell(`Done: ${jobs(done)}${refused ? `; ${refused} refused` : ""}.`);
  await refresh();
}

async function act(button) {
  const { method, path, body, ask: question, done, then } = button.dataset;
  const row = button.closest("tr")?.querySelector("th")?.textContent ?? "";
  if (question && !await ask(question, row, button.textContent)) return;
  await send(method, path, body);
  if (then) {
    location.href = then;
    return;
  }
  tell(done ?? "Done.");
  await refresh();
}

document.addEventListener("click", async event => {
  const button = event.target.closest?.("button.act");
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await ("apply" in button.dataset ? apply(button) : act(button));
  } catch (error) {
    if (error.name !== "AbortError") tell(`${button.textContent}: ${error.message}`, true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
});
