// words.js - what happens in a room, in words. No page, no clock.

// Those of the bank, and one that it does not have: then it mixes all.
export const TOPICS = ["animals", "computing", "food", "geography", "history",
  "mathematics", "music", "science", "space", "sports", "everything"];

export const RULES = {
  code: "A code has six letters and digits.",
  name: "Tell the others your name.",
  title: "The room needs a name.",
};

export const isCode = text => /^[A-Z0-9]{6}$/.test(text);

export const many = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

// What the lobby waits for.
export function waitingFor(game) {
  const { room, me, owner, players } = game;
  if (room.status === "building") return "The questions are being written …";
  if (me.owner) return players.length === 1
    ? "All is ready. Send the link to others, or play alone."
    : `All is ready for ${players.length} players. Start when everybody is here.`;
  return owner?.present === false
    ? `All is ready, but ${room.owner_name} is not here at the moment.`
    : `All is ready. ${room.owner_name} will start the game.`;
}

// What has become of my answer.
export function answerOf(game, over) {
  const mine = game.choice;
  if (mine === null) return over ? "Time is up." : "Which one is right?";
  switch (mine.state) {
  case "sending": return "Sending your answer …";
  case "unsent": return "Your answer goes out once the connection is back.";
  case "saved": return `Saved: ${game.question.choices[mine.choice]}. Wait for the others.`;
  default: return mine.why;
  }
}

// How a round has ended for me.
export function outcomeOf(game, round) {
  const mine = game.mine(round), right = round.choices[round.answer];
  if (mine === round.answer) return `Right! +1. It is ${right}.`;
  return mine === null ? `No answer from you. It was ${right}.`
    : `Not this time. It was ${right}.`;
}

export function movedBy(places) {
  if (!places) return "";
  return places > 0 ? `up ${places}` : `down ${-places}`;
}

// How the game has ended.
export function resultOf(game) {
  const best = Math.max(...game.players.map(({ score }) => score));
  const winners = game.players.filter(({ score }) => score === best);
  const me = game.players.find(({ id }) => id === game.me.id);
  if (best === 0) return "Nobody knew anything. Next time!";
  if (winners.length === 1)
    return winners[0] === me ? "You have won!" : `${winners[0].name} has won.`;
  const names = winners.map(one => one === me ? "you" : one.name);
  const all = `${names.slice(0, -1).join(", ")} and ${names.at(-1)} share the first place.`;
  return all[0].toUpperCase() + all.slice(1);
}
