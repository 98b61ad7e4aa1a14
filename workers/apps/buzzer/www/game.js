// game.js - what is known of a game, from what the server says. No page, no
// clock: a game is a value, and a message makes another one of it.

export const NOTHING = {
  status: "", round: 0, host: "", players: [],
  resolved: null, // the last decision, with `correct` once it was judged
  me: null,       // "host", a player's id, or nobody: a board
  pressed: null,  // my press of this round: {} until the server has answered
};

const heard = {
  GAME: (game, { game: now, me, players, resolved }) => ({
    ...game, status: now.status, round: now.round, host: now.host_name, players, resolved,
    me: me?.id ?? null,
    // What was sent before the link was lost may not have come.
    pressed: me?.pressed ?? (now.status === "open" && now.round === game.round
      ? game.pressed : null) }),
  PLAYERS: (game, { players }) => ({ ...game, players }),
  BUZZER_ACTIVE: (game, { round, out }) => ({
    ...game, status: "open", round, resolved: null, pressed: null,
    players: game.players.map(p => ({ ...p, out: out.includes(p.id) })) }),
  BUZZER_CLOSED: game => ({ ...game, status: "closed", pressed: null }),
  BUZZER_RESOLVED: (game, news) => ({ ...game, status: "resolved", resolved: news }),
  BUZZER_JUDGED: (game, { correct, players }) => ({
    ...game, status: "closed", players,
    resolved: game.resolved && { ...game.resolved, correct } }),
};

export function hear(game, message) {
  return heard[message.type]?.(game, message.data) ?? game;
}

export function mine(game) {
  return game.players.find(p => p.id === game.me) ?? null;
}

// What a round is for me: wait, open, pressed, out; won, lost, missed.
export function phaseOf(game) {
  if (game.status === "open") {
    if (mine(game)?.out) return "out";
    return game.pressed ? "pressed" : "open";
  }
  if (!game.resolved) return "wait";
  if (game.resolved.winner === game.me) return "won";
  return game.resolved.times.some(t => t.id === game.me) ? "lost" : "missed";
}

// Those with most points first; who has as many in the order they came.
export function ranking(players) {
  return [...players].sort((a, b) => b.score - a.score);
}
