// words.js - what a pet is like, in words. No page, no clock.

export const MAX = 10;

export function moodOf(pet) {
  if (pet.status === "asleep") return "asleep";
  if (pet.hunger >= 7) return "hungry";
  if (pet.energy < 3) return "tired";
  return "happy";
}

// How good it is to have so much of something.
export function levelOf(what, value) {
  const good = what === "hunger" ? MAX - value : value;
  return good > 5 ? "good" : good > 3 ? "middling" : "bad";
}

const sentences = {
  asleep: name => `${name} is fast asleep.`,
  hungry: name => `${name} is hungry.`,
  tired: name => `${name} is tired.`,
  happy: name => `${name} is happy.`,
};

export function sentenceOf(pet) {
  return sentences[moodOf(pet)](pet.name);
}

export const RULE = "A name has 1 to 40 letters, digits, - and _.";

export function isName(text) {
  return /^[A-Za-z0-9_-]{1,40}$/.test(text);
}

// Why it can't be done now; "" when it can.
export function reasonAgainst(action, pet) {
  if (pet.status === "asleep") return `${pet.name} is asleep.`;
  if (action === "play" && pet.energy < 2) return `${pet.name} is too tired to play.`;
  return "";
}

// "1:02:03", "2:03"; what is over is "0:00".
export function clockOf(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000)), two = n => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
