// game.js - what a player knows of a room, from the server's messages. No page,
// no clock.
//
// ROOM is the whole room as it was at an entry of its stream; what the stream
// has from there on changes it. Entries up to there, which are heard after a
// reload or a lost link, tell of rounds that are over, and change nothing else.

// Whether the id of an entry is behind another one's.
export function isBehind(a, b) {
  const [x, y] = [a, b].map(id => id.split("-").map(Number));
  return x[0] !== y[0] ? x[0] > y[0] : x[1] > y[1];
}

// The best first; who came first of those that have as much.
export function ranked(players) {
  return [...players].sort((a, b) => b.score - a.score);
}

// Places that are shared are: 1, 2, 2, 4.
export function placeOf(player, players) {
  return 1 + players.filter(other => other.score > player.score).length;
}

const seen = {
  ROOM(game, { room, me, players, question, deadline_ms }) {
    Object.assign(game, { room, me, players, deadline: deadline_ms });
    game.moved = new Map();
    game.question = question;
    if (question !== null) {
      game.note(question);
      if (me.choice !== null) game.choose(me.choice, "saved");
      else if (game.choice?.question_id !== question.id) game.choice = null;
    }
  },
  GAME_ROOM_CREATED(game, { room }) { game.room = room; },
  GAME_ROOM_UPDATED(game, { room }) { game.room = room; },
  GAME_ROOM_STARTED(game) {
    game.room = { ...game.room, status: "in_progress" };
  },
  QUESTION(game, { question, deadline_ms }) {
    game.question = question;
    game.deadline = deadline_ms;
    game.choice = null;
  },
  REVEAL(game, { players }) {
    game.moved = new Map(players.map(player => {
      const was = game.players.find(({ id }) => id === player.id);
      return [player.id, was ? placeOf(was, game.players) - placeOf(player, players) : 0];
    }));
    game.players = players;
    game.question = null;
  },
  COMPLETED(game, { players }) {
    game.players = players;
    game.room = { ...game.room, status: "completed" };
    game.question = null;
  },
  FAILED(game, { reason }) {
    game.room = { ...game.room, status: "failed", reason };
  },
  PLAYER_JOINED(game, { player }) { game.put(player); },
  PLAYER_LEFT(game, { player }) { game.put(player); },
};

export class Game {
  room = null;
  me = null;
  players = [];
  question = null; // the one that can be answered
  deadline = null; // of it, by the server's clock
  choice = null;   // my answer to it: {question_id, choice, state, why}
  moved = new Map(); // places won (or lost) by the last round
  rounds = new Map(); // by number: the question, and once it is over its answer
  round_ms = 10000;
  #at = "0-0";

  // Whether it is news, not a tale of what ROOM has said already.
  take(message) {
    const { id, type, data } = message;
    const news = type === "ROOM" || isBehind(id, this.#at);
    this.#remember(message);
    if (news) {
      this.#at = id;
      seen[type]?.(this, data);
    }
    return news;
  }

  #remember({ type, data }) {
    if (type === "GAME_ROOM_STARTED") this.round_ms = data.round_ms;
    if (type === "QUESTION") this.note(data.question);
    if (type !== "REVEAL") return;
    const round = this.rounds.get(Number(data.question_id.slice(1)));
    if (round) Object.assign(round, {
      answer: data.answer, right: data.right, choices_of: data.choices });
  }

  note(question) {
    if (!this.rounds.has(question.number))
      this.rounds.set(question.number, { ...question, answer: null });
  }

  put(player) {
    const n = this.players.findIndex(({ id }) => id === player.id);
    if (n < 0) this.players = [...this.players, player];
    else this.players = this.players.with(n, player);
  }

  choose(choice, state, why = "") {
    this.choice = { question_id: this.question.id, choice, state, why };
  }

  get owner() {
    return this.players.find(({ id }) => id === this.room.owner_id);
  }

  // What I have said in a round that is over; null: nothing.
  mine(round) {
    return round.choices_of?.[this.me.id] ?? null;
  }
}
