// trivia.test.js - the trivia room's pages, several at once, in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Up, barriers, shoot } from "./up.js";

const DESKTOP = { viewport: { width: 1280, height: 800 } };

let up;

before(async () => { up = await Up.start("trivia"); });
after(async () => { await up?.stop(); });

const button = (page, name) => page.getByRole("button", { name, exact: true });
const reads = (page, text) => page.getByText(text).first().waitFor();

function options(given = {}) {
  up.redis("DEL", "crq:app:trivia");
  up.redis("HSET", "crq:app:trivia", "round_seconds", 10, "countdown_seconds", 2,
    ...Object.entries(given).flat());
}

async function enter(page, name, face) {
  await page.getByLabel("Your name").fill(name);
  if (face) await page.getByRole("radio", { name: face }).check();
}

// A room, and the page of who made it.
async function created({ title = "Friday quiz", topic = "science", name = "Olga",
  count = 5, face = "owl", ...more } = {}) {
  const page = await up.page("/trivia/", more);
  await page.getByLabel("Name of the room").fill(title);
  await page.getByRole("radio", { name: topic }).check();
  await page.getByRole("radio", { name: String(count), exact: true }).check();
  await enter(page, name, face);
  await button(page, "Open the room").click();
  await page.locator("#lobby").waitFor();
  return { page, code: await page.locator("#lobby-code").textContent() };
}

async function joined(code, name, face, more = {}) {
  const page = await up.page(`/trivia/?code=${code}`, more);
  await reads(page, "invites you");
  await enter(page, name, face);
  await button(page, "Join").click();
  await page.locator("#lobby").waitFor();
  return page;
}

// What only the server knows.
function right(code, n) {
  return JSON.parse(up.redis("HGET", `trivia:questions:${code}`, n)).answer;
}

async function shows(page, n) {
  await page.locator("#number", { hasText: `Question ${n} of` }).waitFor();
  await page.locator("#next").waitFor({ state: "hidden" });
}

const choice = (page, n) => page.locator("#choices button").nth(n);
const scores = page => page.locator("#board li, #final li").evaluateAll(rows => rows
  .filter(row => row.checkVisibility())
  .map(row => [row.querySelector(".name").textContent, Number(row.querySelector(".score").textContent)]));

async function end(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
}

test("a whole game: four pages, one reloaded, one offline for a while", async () => {
  options({ round_seconds: 5 });
  const { page: olga, code } = await created({ ...DESKTOP });
  await shoot(olga, "trivia-lobby-alone-desktop");
  const pia = await joined(code, "Pia", "fox");
  const quin = await joined(code, "Quin", "frog", { colorScheme: "dark" });
  const rosa = await joined(code, "Rosa", "pig", { ...DESKTOP, colorScheme: "dark" });
  await olga.locator("#lobby-players li").nth(3).waitFor();
  await reads(pia, "Olga will start the game.");
  assert.equal(await button(pia, "Start the game").isVisible(), false);
  await shoot(olga, "trivia-lobby-desktop");
  await shoot(quin, "trivia-lobby-phone-dark");
  await shoot(pia, "trivia-lobby-phone");
  await button(olga, "Start the game").click();

  const pages = [olga, pia, quin, rosa];
  for (const page of pages) await shows(page, 1);
  await shoot(pia, "trivia-question-phone");
  await choice(olga, right(code, 1)).click();
  await choice(pia, right(code, 1)).click();
  await choice(quin, (right(code, 1) + 1) % 4).click();
  for (const page of [olga, pia, quin])
    await page.locator("#answer", { hasText: "Saved" }).waitFor();
  await shoot(quin, "trivia-saved-phone-dark");

  await Promise.all([
    olga.locator("#answer", { hasText: "Right! +1." }).waitFor(),
    quin.locator("#answer", { hasText: "Not this time." }).waitFor(),
    rosa.locator("#answer", { hasText: "No answer from you." }).waitFor()]);
  await Promise.all([shoot(pia, "trivia-right-phone"), shoot(quin, "trivia-wrong-phone-dark"),
    shoot(olga, "trivia-right-desktop")]);

  await Promise.all(pages.map(page => shows(page, 2)));
  // One answers and reloads, one is away until the round is over.
  await choice(pia, right(code, 2)).click();
  await pia.locator("#answer", { hasText: "Saved" }).waitFor();
  await pia.reload();
  await quin.context().setOffline(true);
  await pia.locator("#answer", { hasText: "Saved" }).waitFor();
  assert.equal(await choice(pia, right(code, 2)).getAttribute("data-state"), "saved");
  await choice(rosa, right(code, 2)).click();
  await shows(olga, 3);
  await quin.context().setOffline(false);
  await shows(quin, 3);
  await choice(quin, right(code, 3)).click();
  await choice(rosa, right(code, 3)).click();
  await choice(pia, right(code, 3)).click();
  await reads(rosa, "▲");
  await shoot(rosa, "trivia-moved-desktop-dark");
  for (const n of [4, 5]) {
    await shows(pia, n);
    await pia.keyboard.press(String(right(code, n) + 1));
    await pia.locator("#answer", { hasText: "Saved" }).waitFor();
  }
  await Promise.all(pages.map(page => page.locator("#end").waitFor()));
  assert.equal(await pia.locator("#result").textContent(), "You have won!");
  assert.equal(await olga.locator("#result").textContent(), "Pia has won.");
  for (const [page, me] of [[olga, "Olga"], [pia, "Pia"], [quin, "Quin"], [rosa, "Rosa"]]) {
    const you = name => name === me ? `${name} (you)` : name;
    assert.deepEqual(await scores(page), [[you("Pia"), 5], [you("Rosa"), 2],
      [you("Olga"), 1], [you("Quin"), 1]]);
    // Who was away knows of all rounds, too.
    assert.equal(await page.locator("#recap li").count(), 5);
  }
  assert.deepEqual(await pia.locator("#recap li").evaluateAll(
    rows => rows.map(row => row.dataset.right)), ["true", "true", "true", "true", "true"]);
  await shoot(pia, "trivia-end-phone");
  await shoot(quin, "trivia-end-phone-dark");
  await shoot(olga, "trivia-end-desktop");
  await pia.reload();
  await pia.locator("#result", { hasText: "You have won!" }).waitFor();
  assert.equal(await pia.locator("#recap li").count(), 5);
  await end(...pages);
});
