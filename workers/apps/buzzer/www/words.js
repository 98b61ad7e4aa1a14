// words.js - a game in words. No page, no clock.

import { mine, phaseOf } from "./game.js";

// Whole milliseconds, unless that would hide a difference.
export function msOf(ms) {
  return `${ms < 1 && ms > 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

// What is to be said of a time besides.
export function marksOf({ early, estimated }) {
  const marks = [];
  if (estimated) marks.push("estimated by the server");
  if (early) marks.push("with the penalty for pressing too early");
  return marks.join(", ");
}

const withMarks = time => {
  const marks = marksOf(time);
  return msOf(time.ms) + (marks && `, ${marks}`);
};

function judged({ correct }, right, wrong) {
  return correct === undefined ? "" : ` ${correct ? right : wrong}`;
}

function behind({ times, tie, winner_name: winner }, me) {
  const late = times.find(t => t.id === me).ms - times[0].ms;
  if (late === 0 && tie) return `${winner} has the same time, and arrived first.`;
  return `${winner} was faster by ${msOf(late)}.`;
}

const withTie = ({ times, tie }) =>
  msOf(times[0].ms) + (tie ? "; of equal times the one that arrived first" : "");

const first = resolved => `${resolved.winner_name} was first, with ${withTie(resolved)}.`;

// For a player: what stands on the button, and beside it.
const phases = {
  wait: () => ["Wait", "Wait until the buzzer is opened."],
  early: () => ["Too early", "Too early! Your next press gets a penalty."],
  open: () => ["Now!", "Press!"],
  pressed: ({ pressed }) => ["Pressed", pressed.ms === undefined ? "Sent …"
    : `${withMarks(pressed)}. Waiting for the others.`],
  out: () => ["Out", "You are out of this question."],
  won: ({ resolved }) => ["First!", `You were first, with ${withTie(resolved)}.` +
    judged(resolved, "Right: a point for you.", "But that was wrong.")],
  lost: ({ resolved, me }) => [resolved.winner_name, behind(resolved, me) +
    judged(resolved, "The answer was right.", "The answer was wrong.")],
  missed: ({ resolved }) => [resolved.winner_name, first(resolved) +
    judged(resolved, "The answer was right.", "The answer was wrong.")],
};

// `early`: pressed when there was nothing to press for yet.
export function playerWords(game, early) {
  const phase = phaseOf(game);
  return phases[early && game.status !== "open" ? "early" : phase](game);
}

export function pointsOf(game) {
  const points = mine(game)?.score ?? 0;
  return `${points} ${points === 1 ? "point" : "points"}`;
}

// For the host and on the board.
export function roundWords(game) {
  if (game.status === "open") return "The buzzer is open.";
  if (game.resolved)
    return first(game.resolved) + judged(game.resolved, "Right!", "Wrong.");
  return "The buzzer is closed.";
}

// On the board: what is to be read from far away, and more.
export function boardWords(game) {
  if (game.status === "open") return ["Now!", ""];
  if (!game.resolved) return ["Ready?", "The host opens the buzzer."];
  return [game.resolved.winner_name, withTie(game.resolved) +
    judged(game.resolved, "· Right!", "· Wrong.")];
}

export function stateOf(player) {
  if (!player.present) return "away";
  return player.out ? "out of this question" : "connected";
}

export const isCode = text => /^[A-Z0-9]{6}$/.test(text);
