// show.js - a room on the page: what the game says, drawn. It asks nobody and
// keeps nothing but what is drawn already.

import { placeOf, ranked } from "./game.js";
import { answerOf, many, movedBy, outcomeOf, resultOf, waitingFor } from "./words.js";

const $ = id => document.getElementById(id);

export const FACES = ["fox", "cat", "owl", "frog", "bear", "panda", "rabbit", "pig",
  "penguin", "robot"];

const VIEWS = ["door", "lobby", "play", "end", "broken"];

export function face(avatar) {
  const svg = $("face").content.firstElementChild.cloneNode(true);
  // Others say what their face is: only those that are here are drawn.
  const name = FACES.includes(avatar) ? avatar : "robot";
  svg.firstElementChild.setAttribute("href", `avatars.svg#${name}`);
  return svg;
}

// Only what has changed, or a screen reader would say it again and again.
export function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export function view(name) {
  if (!$(name).hidden) return;
  for (const other of VIEWS) $(other).hidden = other !== name;
  scrollTo(0, 0);
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// ------------------------------------------------------------------- lobby

function person(li, player, game) {
  const notes = [player.id === game.me.id && "you",
    player.id === game.room.owner_id && "host",
    !player.present && "away"].filter(Boolean);
  li.classList.toggle("away", !player.present);
  li.children[1].textContent = player.name;
  li.children[2].textContent = notes.join(", ");
}

// They come in their order and never go: who is there stays as it is.
function people(list, game) {
  game.players.forEach((player, n) => {
    if (list.children[n]?.dataset.id !== player.id) {
      const li = element("li", "");
      li.dataset.id = player.id;
      li.append(face(player.avatar), element("span", ""), element("small", ""));
      if (n < list.children.length) list.children[n].replaceWith(li);
      else list.append(li);
    }
    person(list.children[n], player, game);
  });
  while (list.children.length > game.players.length) list.lastElementChild.remove();
}

export function lobby(game, linked) {
  const { room, players, me } = game;
  view("lobby");
  say("lobby-title", room.title);
  say("lobby-about", `${many(room.questions, "question")} about ${room.topic}`);
  say("lobby-code", room.code);
  say("player-count", `${players.length} of 10`);
  people($("lobby-players"), game);
  say("waiting", waitingFor(game));
  $("start").hidden = !me.owner;
  $("start").disabled = room.status !== "ready" || !linked;
}

// ------------------------------------------------------------------- score

// Rows stay the same elements, so that they can be seen moving.
function board(list, game, ups = new Map()) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const rows = new Map([...list.children].map(row => [row.dataset.id, row]));
  const tops = new Map([...rows].map(([id, row]) => [id, row.offsetTop]));
  const now = ranked(game.players).map(player => {
    const row = rows.get(player.id) ?? newRow(player), up = ups.get(player.id) ?? 0;
    const [place, , name, moved, score] = row.children;
    place.textContent = placeOf(player, game.players);
    name.textContent = player.name + (player.id === game.me.id ? " (you)" : "");
    moved.textContent = up === 0 ? "" : `${up > 0 ? "▲" : "▼"} ${Math.abs(up)}`;
    moved.dataset.to = Math.sign(up);
    moved.setAttribute("aria-label", movedBy(up));
    moved.hidden = up === 0;
    if (score.textContent !== String(player.score)) score.textContent = player.score;
    row.classList.toggle("me", player.id === game.me.id);
    row.classList.toggle("away", !player.present);
    row.dataset.place = placeOf(player, game.players);
    return row;
  });
  // Moving an element ends its motion, so nothing is moved for nothing.
  if (now.length === list.children.length && now.every((row, n) => row === list.children[n]))
    return;
  list.replaceChildren(...now);
  for (const row of still ? [] : now) {
    const by = (tops.get(row.dataset.id) ?? row.offsetTop) - row.offsetTop;
    if (by) row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }],
      { duration: 450, easing: "ease-out" });
  }
}

function newRow(player) {
  const row = element("li", "");
  row.dataset.id = player.id;
  const moved = element("span", "moved");
  moved.setAttribute("role", "img");
  row.append(element("span", "place"), face(player.avatar), element("span", "name"),
    moved, element("span", "score"));
  return row;
}

// ---------------------------------------------------------------- question

function choices(texts, mark) {
  [...$("choices").children].forEach((button, n) => {
    const { state, disabled, word } = mark(n);
    button.lastElementChild.textContent = texts[n];
    button.dataset.state = state;
    button.disabled = disabled;
    if (word) button.setAttribute("aria-label", `${texts[n]}: ${word}`);
    else button.removeAttribute("aria-label");
  });
}

function head(game, number, of) {
  view("play");
  say("play-title", game.room.title);
  say("number", `Question ${number} of ${of}`);
}

export function question(game, over) {
  const { question: q, choice } = game;
  head(game, q.number, q.of);
  say("question", q.text);
  choices(q.choices, n => ({
    state: choice?.choice === n ? choice.state : "",
    disabled: choice !== null && choice.choice !== n,
    word: choice?.choice === n ? "your answer" : "" }));
  $("answer").dataset.state = choice?.state ?? "";
  say("answer", answerOf(game, over));
  $("next").hidden = true;
  board($("board"), game, game.moved);
}

export function reveal(game, round) {
  const mine = game.mine(round), right = round.answer;
  head(game, round.number, round.of);
  say("question", round.text);
  choices(round.choices, n => ({
    state: n === right ? "right" : n === mine ? "wrong" : "",
    disabled: true,
    word: n === right ? "right" : n === mine ? "wrong, your answer" : "" }));
  $("answer").dataset.state = mine === right ? "right" : "wrong";
  say("answer", outcomeOf(game, round));
  $("next").hidden = false;
  say("next", game.question === null ? "Final score" : "Next question");
  board($("board"), game, game.moved);
}

// The ring: how much of the time is left, as exactly as it can be drawn.
export function timeLeft(ms, whole_ms) {
  const left = Math.max(0, Math.min(ms, whole_ms)), s = Math.ceil(left / 1000);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const part = (still ? Math.min(s * 1000, whole_ms) : left) / whole_ms;
  $("left").style.strokeDashoffset = (1 - part) * 100000;
  $("ring").dataset.level = ms > whole_ms / 2 ? "good" : ms > whole_ms / 4 ? "middling" : "bad";
  say("seconds", String(s));
}

// --------------------------------------------------------------------- end

function recap(game, round) {
  const li = element("li", ""), mine = game.mine(round), right = mine === round.answer;
  li.dataset.right = right;
  li.append(element("p", "", round.text), element("p", "was", round.choices[round.answer]));
  if (mine !== null && !right)
    li.append(element("p", "mine", `You said: ${round.choices[mine]}`));
  li.append(element("span", "unseen", right ? "You knew it."
    : mine === null ? "You did not answer." : "You did not know it."));
  return li;
}

export function end(game) {
  const entering = $("end").hidden;
  view("end");
  say("end-title", game.room.title);
  say("result", resultOf(game));
  board($("final"), game);
  $("recap").replaceChildren(...[...game.rounds.values()]
    .filter(({ answer }) => answer !== null).sort((a, b) => a.number - b.number)
    .map(round => recap(game, round)));
  if (entering) $("result").focus();
}

export function broken(title, reason, back = false) {
  view("broken");
  say("broken-title", title);
  say("reason", reason.charAt(0).toUpperCase() + reason.slice(1));
  $("back").hidden = !back;
  $("anew").hidden = back;
  $("broken-title").focus();
}
