// show.js - a game on the page: all views from what is known, nothing is kept.

import { phaseOf, mine, ranking } from "./game.js";
import {
  boardWords, marksOf, msOf, playerWords, pointsOf, roundWords, stateOf,
} from "./words.js";

const $ = id => document.getElementById(id);

// Only what has changed, or a screen reader would say it again and again.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function sayAll(selector, text) {
  for (const element of document.querySelectorAll(selector)) say(element, text);
}

function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// A list is only made anew when it says something else.
function fill(list, rows) {
  const now = element("div", "", ...rows);
  if (now.innerHTML !== list.innerHTML) list.replaceChildren(...now.childNodes);
}

function timeRow(time, game) {
  const marks = marksOf(time);
  const row = element("li", time.id === game.me ? "mine" : "",
    element("span", "name", time.name), " ", element("span", "ms", msOf(time.ms)));
  if (marks) row.append(" ", element("span", "marks", marks));
  return row;
}

function playerRow(player) {
  const row = element("li", "", element("span", "dot"), element("span", "name", player.name),
    " ", element("span", "state", stateOf(player)), " ",
    element("span", "score", String(player.score)));
  row.dataset.state = player.present ? player.out ? "out" : "here" : "away";
  row.lastChild.setAttribute("aria-label",
    `${player.score} ${player.score === 1 ? "point" : "points"}`);
  return row;
}

function showLists(view, game) {
  const result = view.querySelector(".result");
  result.hidden = !game.resolved;
  fill(result.querySelector(".times"),
    (game.resolved?.times ?? []).map(time => timeRow(time, game)));
  const players = view.querySelector(".players");
  if (players === null) return;
  fill(players, ranking(game.players).map(playerRow));
  view.querySelector(".nobody").hidden = game.players.length > 0;
}

function showPlayer(game, { linked, early }) {
  const [button, words] = playerWords(game, early);
  const phase = early && game.status !== "open" ? "early" : phaseOf(game);
  say($("buzz-text"), button);
  say($("words"), linked ? words : "");
  $("buzz").dataset.phase = phase;
  $("buzz").setAttribute("aria-disabled", String(!linked || phase !== "open"));
  sayAll(".my-name", mine(game)?.name ?? "");
  sayAll(".points", pointsOf(game));
}

// What the host can do when.
const choices = {
  open: game => game.status !== "open",
  right: game => game.status === "resolved",
  wrong: game => game.status === "resolved",
  close: game => game.status === "open" || game.status === "resolved",
};

function showHost(game, { linked, busy }) {
  const focused = document.activeElement;
  say($("host-words"), roundWords(game));
  $("host").dataset.status = game.status;
  for (const [id, can] of Object.entries(choices)) {
    $(id).hidden = !can(game);
    $(id).setAttribute("aria-disabled", String(!linked || busy));
  }
  say($("open"), game.status === "resolved" ? "Next question" : "Open the buzzer");
  $("open").classList.toggle("second", game.status === "resolved");
  // Who works with the keys goes on where the hidden button was.
  if (focused?.hidden)
    $(["right", "open", "close"].find(id => !$(id).hidden)).focus();
}

function showBoard(game) {
  const [words, more] = boardWords(game);
  say($("board-words"), words);
  say($("board-more"), more);
  $("board").dataset.status = game.resolved ? "resolved" : game.status;
}

const views = { player: showPlayer, host: showHost, board: showBoard };

// role: whose view; how: {linked, early: pressed too soon, busy}.
export function show(role, game, how) {
  for (const id of ["start", ...Object.keys(views)]) $(id).hidden = id !== role;
  views[role](game, how);
  showLists($(role), game);
}

export function showStart() {
  for (const id of Object.keys(views)) $(id).hidden = true;
  $("start").hidden = false;
}

// Where others can come in.
export function showAddress(code) {
  const play = new URL(`?code=${code}`, location), board = new URL(`?code=${code}&board`, location);
  sayAll(".code", code);
  sayAll(".play-address", play.host + play.pathname);
  for (const link of document.querySelectorAll(".play-link")) {
    link.href = play;
    say(link, play.host + play.pathname + play.search);
  }
  for (const link of document.querySelectorAll(".board-link")) link.href = board;
  return play.href;
}
