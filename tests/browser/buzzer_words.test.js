// buzzer_words.test.js - what the buzzer's pages say, without a page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NOTHING, hear, phaseOf, ranking } from "../../workers/apps/buzzer/www/game.js";
import {
  boardWords, isCode, marksOf, msOf, playerWords, pointsOf, roundWords, stateOf,
} from "../../workers/apps/buzzer/www/words.js";

const player = (id, name, more = {}) => ({ id, name, score: 0, present: true, out: false, ...more });
const time = (id, name, ms, more = {}) => ({ id, name, ms, early: false, estimated: false, ...more });
const ann = player("p1", "Ann"), bob = player("p2", "Bob");

// What Ann's page knows after these messages.
function after(...messages) {
  return messages.reduce((game, [type, data]) => hear(game, { type, data }), hear(NOTHING, {
    type: "GAME", data: { game: { status: "closed", round: 0, host_name: "Maria" },
      me: { id: "p1", pressed: null }, players: [ann, bob], resolved: null } }));
}

const active = (round, ...out) => ["BUZZER_ACTIVE", { round, out }];
const resolved = (tie, ...times) => ["BUZZER_RESOLVED", {
  round: 1, winner: times[0].id, winner_name: times[0].name, times, tie }];
const judged = correct => ["BUZZER_JUDGED", {
  round: 1, correct, player_id: "p1", players: [player("p1", "Ann", { score: 1 }), bob] }];

const first = resolved(false, time("p1", "Ann", 231.4), time("p2", "Bob", 250));
const second = resolved(false, time("p2", "Bob", 212), time("p1", "Ann", 231));
const only = resolved(false, time("p2", "Bob", 212));

for (const [what, messages, phase, button, words] of [
  ["before anything", [], "wait", "Wait", "Wait until the buzzer is opened."],
  ["open", [active(1)], "open", "Now!", "Press!"],
  ["out", [active(1, "p1")], "out", "Out", "You are out of this question."],
  ["out no more", [active(1, "p1"), active(2)], "open", "Now!", "Press!"],
  ["first", [active(1), first], "won", "First!", "You were first, with 231 ms."],
  ["first and right", [active(1), first, judged(true)], "won", "First!",
    "You were first, with 231 ms. Right: a point for you."],
  ["first and wrong", [active(1), first, judged(false)], "won", "First!",
    "You were first, with 231 ms. But that was wrong."],
  ["second", [active(1), second], "lost", "Bob", "Bob was faster by 19 ms."],
  ["second by little", [active(1), resolved(false, time("p2", "Bob", 230.7),
    time("p1", "Ann", 231))], "lost", "Bob", "Bob was faster by 0.3 ms."],
  ["equal", [active(1), resolved(true, time("p2", "Bob", 231), time("p1", "Ann", 231))],
    "lost", "Bob", "Bob has the same time, and arrived first."],
  ["equal, and first", [active(1), resolved(true, time("p1", "Ann", 231),
    time("p2", "Bob", 231))], "won", "First!",
    "You were first, with 231 ms; of equal times the one that arrived first."],
  ["not pressed", [active(1), only, judged(false)], "missed", "Bob",
    "Bob was first, with 212 ms. The answer was wrong."],
  ["closed", [active(1), ["BUZZER_CLOSED", { round: 1 }]], "wait", "Wait",
    "Wait until the buzzer is opened."]])
  test(`a player hears what it is: ${what}`, () => {
    const game = after(...messages);
    assert.equal(phaseOf(game), phase);
    assert.deepEqual(playerWords(game, false), [button, words]);
  });

test("what was pressed is told, with all that is to be said of it", () => {
  const game = after(active(1));
  const told = pressed => playerWords({ ...game, pressed }, false)[1];
  assert.equal(told({ round: 1, difference_ms: 200 }), "Sent \u2026");
  assert.equal(told(time("p1", "Ann", 231)), "231 ms. Waiting for the others.");
  assert.equal(told(time("p1", "Ann", 481, { early: true, estimated: true })),
    "481 ms, estimated by the server, with the penalty for pressing too early. " +
    "Waiting for the others.");
});

test("too early is said until the buzzer is open", () => {
  assert.match(playerWords(after(), true)[1], /^Too early!/);
  assert.match(playerWords(after(active(1), first), true)[1], /^Too early!/);
  assert.equal(playerWords(after(active(1)), true)[1], "Press!");
});

test("a page that comes back knows what it has pressed", () => {
  const open = { status: "open", round: 1, host_name: "Maria" };
  const back = (game, pressed, now = open) => hear(game, { type: "GAME", data: {
    game: now, me: { id: "p1", pressed }, players: [ann, bob], resolved: null } }).pressed;
  const sent = { ...after(active(1)), pressed: { round: 1, difference_ms: 200 } };
  assert.deepEqual(back(sent, null), sent.pressed); // to be sent again
  assert.equal(back(sent, { ms: 200 }).ms, 200);
  assert.equal(back(sent, null, { ...open, round: 2 }), null);
  assert.equal(back(sent, null, { ...open, status: "closed" }), null);
});

test("what nobody knows changes nothing", () => {
  const game = after(active(1));
  for (const type of ["SOMETHING", "", undefined])
    assert.equal(hear(game, { type, data: {} }), game);
});

for (const [messages, host, board] of [
  [[], "The buzzer is closed.", ["Ready?", "The host opens the buzzer."]],
  [[active(1)], "The buzzer is open.", ["Now!", ""]],
  [[active(1), first], "Ann was first, with 231 ms.", ["Ann", "231 ms"]],
  [[active(1), first, judged(true)], "Ann was first, with 231 ms. Right!",
    ["Ann", "231 ms · Right!"]],
  [[active(1), first, judged(false)], "Ann was first, with 231 ms. Wrong.",
    ["Ann", "231 ms · Wrong."]]])
  test(`host and board say: ${host}`, () => {
    assert.equal(roundWords(after(...messages)), host);
    assert.deepEqual(boardWords(after(...messages)), board);
  });

test("small words", () => {
  assert.deepEqual([0, 0.3, 1, 230.6, 1500].map(msOf),
    ["0 ms", "0.3 ms", "1 ms", "231 ms", "1500 ms"]);
  assert.equal(marksOf({}), "");
  assert.deepEqual([{ present: false, out: true }, { present: true, out: true },
    { present: true, out: false }].map(stateOf), ["away", "out of this question", "connected"]);
  assert.equal(pointsOf(after()), "0 points");
  assert.equal(pointsOf(after(active(1), first, judged(true))), "1 point");
  assert.deepEqual(["K7Q2ZD", "k7q2zd", "K7Q2Z", "K7Q2ZD1", "K7Q2Z!"].map(isCode),
    [true, false, false, false, false]);
  assert.deepEqual(ranking([ann, bob, player("p3", "Cid", { score: 2 })]).map(p => p.name),
    ["Cid", "Ann", "Bob"]);
});
