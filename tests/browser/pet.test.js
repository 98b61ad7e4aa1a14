// pet.test.js - the pet's page, in a real browser, with real workers behind.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Up, barriers, shoot } from "./up.js";

let up, count = 0;

before(async () => { up = await Up.start("pet"); });
after(async () => { await up?.stop(); });

// A pet of its own for each test, whose times are options.
async function adopted({ sleep = 1200, hunger = 3600, ...options } = {}) {
  const name = `rex-${++count}`;
  up.redis("HSET", "crq:app:pet", "sleep_seconds", sleep, "hunger_seconds", hunger);
  const page = await up.page("/pet/", options);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Adopt" }).click();
  await page.getByRole("heading", { name }).waitFor();
  return { page, name };
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const reads = (page, text) => page.getByText(text).first().waitFor();

async function end(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
}

test("a name that is given adopts a pet, which is happy", async () => {
  const { page, name } = await adopted();
  await reads(page, `${name} is happy.`);
  assert.equal(await page.locator("#hunger-text").textContent(), "0/10");
  assert.equal(await page.locator("#energy-text").textContent(), "10/10");
  assert.equal(new URL(page.url()).hash, `#${name}`);
  assert.match(await page.locator("#hungering").textContent(), /59:\d\d|1:00:00/);
  await shoot(page, "pet-happy-phone");
  await page.reload();
  await reads(page, `${name} is happy.`);
  await end(page);
});

test("what one page does all pages see, and none closes another", async () => {
  const { page, name } = await adopted();
  const other = await up.page(`/pet/#${name}`, { viewport: { width: 1280, height: 800 } });
  await reads(other, `${name} is happy.`);
  await button(page, "Play").click();
  await reads(other, "8/10");
  await reads(other, "1/10");
  await button(other, "Feed").click();
  await reads(page, "0/10");
  assert.equal(await page.locator("#link").isVisible(), false);
  await shoot(other, "pet-happy-desktop");
  await end(page, other);
});

test("the command line sees the pet that the page shows", async () => {
  const { page, name } = await adopted();
  for (const hunger of [1, 2]) {
    assert.equal(up.enqueue("pet", "pet.increase_hunger", name).hunger, hunger);
    await page.locator("#hunger-text", { hasText: `${hunger}/10` }).waitFor();
    await button(page, "Play").click();
    await page.locator("#hunger-text", { hasText: `${hunger + 1}/10` }).waitFor();
    assert.equal(up.enqueue("pet", "pet.view", name).hunger, hunger + 1);
    up.redis("HSET", `pet:state:${name}`, "hunger", hunger);
  }
  await end(page);
});

test("asleep nothing can be done, the page says why, until it wakes up", async () => {
  const { page, name } = await adopted({ sleep: 3 });
  await button(page, "Play").click();
  await reads(page, "8/10");
  await button(page, "Sleep").click();
  await reads(page, `${name} is fast asleep.`);
  for (const action of ["Feed", "Play", "Sleep"])
    assert.equal(await button(page, action).isDisabled(), true);
  assert.equal(await page.locator("#reason").textContent(), `${name} is asleep.`);
  assert.match(await page.locator("#waking").textContent(), /Wakes up in 0:0[1-3]/);
  await shoot(page, "pet-asleep-phone");
  await reads(page, `${name} is happy.`);
  await reads(page, "10/10");
  assert.equal(await button(page, "Feed").isEnabled(), true);
  assert.equal(await page.locator("#waking").isVisible(), false);
  await end(page);
});

test("one that has played too much is tired and does not play", async () => {
  const { page, name } = await adopted();
  for (const left of [8, 6, 4, 2, 0]) {
    await button(page, "Play").click();
    await page.locator("#energy-text", { hasText: `${left}/10` }).waitFor();
  }
  await reads(page, `${name} is tired.`);
  await reads(page, `${name} is too tired to play.`);
  assert.equal(await button(page, "Play").isDisabled(), true);
  assert.equal(await button(page, "Feed").isEnabled(), true);
  await shoot(page, "pet-tired-phone");
  await end(page);
});

test("hunger comes by itself, and goes by food", async () => {
  const { page, name } = await adopted({ hunger: 0.4, colorScheme: "dark" });
  await reads(page, `${name} is hungry.`);
  await shoot(page, "pet-hungry-phone-dark");
  await button(page, "Feed").click();
  await reads(page, `${name} is happy.`);
  await end(page);
});

test("a lost link is told, nothing can be done, and it comes back", async () => {
  const { page, name } = await adopted();
  await reads(page, `${name} is happy.`);
  up.proxy.lose();
  try {
    await page.getByRole("status").getByText("Connection lost").waitFor();
    assert.equal(await button(page, "Feed").isDisabled(), true);
    await reads(page, "No connection to the server.");
    await shoot(page, "pet-lost-phone");
    // What happens meanwhile is there when the link is.
    up.redis("HSET", `pet:state:${name}`, "hunger", 6);
  } finally {
    up.proxy.mend();
  }
  await reads(page, "6/10");
  assert.equal(await page.locator("#link").isVisible(), false);
  assert.equal(await button(page, "Feed").isEnabled(), true);
  await end(page);
});

test("a pet is let go once that was confirmed, and all pages hear it", async () => {
  const { page, name } = await adopted();
  const other = await up.page(`/pet/#${name}`);
  await reads(other, `${name} is happy.`);
  await button(page, "Let it go").click();
  await button(page, "Keep it").click();
  await reads(page, `${name} is happy.`);
  await button(page, "Let it go").click();
  await page.getByRole("dialog").getByRole("button", { name: "Let it go" }).click();
  for (const one of [page, other]) {
    await reads(one, `${name} has been let go.`);
    assert.equal(await one.getByRole("heading", { name: "Adopt a pet" }).isVisible(), true);
  }
  assert.equal(up.redis("EXISTS", `pet:state:${name}`), "0");
  await end(page, other);
});

test("who adopts another finds the way back to the first", async () => {
  const { page, name } = await adopted();
  await page.getByRole("link", { name: "Adopt another" }).click();
  await page.getByLabel("Name").fill(`${name}-b`);
  await page.keyboard.press("Enter");
  await reads(page, `${name}-b is happy.`);
  await page.getByRole("link", { name: "Adopt another" }).click();
  await reads(page, `You know ${name}-b, ${name}.`);
  assert.deepEqual(await barriers(page), []);
  await shoot(page, "pet-known-phone");
  await page.getByRole("link", { name, exact: true }).click();
  await reads(page, `${name} is happy.`);
  // Those that are gone are known no more, however that is heard.
  await button(page, "Let it go").click();
  await page.getByRole("dialog").getByRole("button", { name: "Let it go" }).click();
  await reads(page, `You know ${name}-b.`);
  up.enqueue("pet", "pet.release", `${name}-b`);
  await page.getByRole("link", { name: `${name}-b` }).click();
  await reads(page, `Nobody has adopted ${name}-b.`);
  assert.equal(await page.locator("#known").isVisible(), false);
  await page.evaluate(() => localStorage.setItem("pets", "[5, \"<b>\", {}]"));
  await page.reload();
  await page.getByLabel("Name").waitFor();
  assert.equal(await page.locator("#known").isVisible(), false);
  await end(page);
});

test("an address of nobody's pet leads to adoption, with the reason", async () => {
  const page = await up.page("/pet/#nobody");
  await reads(page, "Nobody has adopted nobody.");
  assert.equal(new URL(page.url()).hash, "");
  await shoot(page, "pet-adopt-phone");
  await end(page);
});

for (const name of ["", "two words", "<b>", "x".repeat(41), "../livez", "%2e"])
  test(`'${name.slice(0, 12)}' is no name`, async () => {
    const page = await up.page("/pet/");
    await page.evaluate(() => { document.querySelector("form").noValidate = true; });
    await page.getByLabel("Name").evaluate(
      (input, text) => { input.removeAttribute("maxlength"); input.value = text; }, name);
    await button(page, "Adopt").click();
    await page.locator("#refusal", { hasText: /\w/ }).waitFor();
    assert.equal(await page.locator("#home").isVisible(), false);
    await end(page);
  });

test("a name in the address is text and nothing else", async () => {
  const page = await up.page("/pet/#%3Cimg%20src=x%20onerror=alert(1)%3E");
  await page.locator("#refusal", { hasText: /\w/ }).waitFor();
  assert.equal(await page.locator("img").count(), 0);
  await end(page);
});

test("all of it can be done with the keyboard", async () => {
  const page = await up.page("/pet/"), name = `rex-${++count}`;
  await page.locator("#name:focus").waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await reads(page, `${name} is happy.`);
  await button(page, "Play").focus();
  await page.keyboard.press("Space");
  await reads(page, "8/10");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await reads(page, "0/10");
  await end(page);
});

for (const [mood, fields] of Object.entries({
  happy: [], hungry: ["hunger", 9], tired: ["energy", 1],
  asleep: ["slept_at", 1, "asleep_until", Date.now() + 6e5] }))
  for (const colorScheme of ["light", "dark"])
    test(`${mood}, in the ${colorScheme}, it fits and has no barriers`, async () => {
      const { page, name } = await adopted({
        colorScheme, viewport: { width: 320, height: 568 } });
      if (fields.length) up.redis("HSET", `pet:state:${name}`, ...fields);
      await page.reload();
      await page.locator(`[data-mood=${mood}]`).waitFor();
      assert.deepEqual(await barriers(page), []);
      assert.equal(await page.evaluate(
        () => document.documentElement.scrollWidth <= innerWidth), true);
      const box = await button(page, "Sleep").boundingBox();
      assert.ok(box.y + box.height <= 568, "Sleep is below the screen");
      await shoot(page, `pet-${mood}-small-${colorScheme}`);
      await page.setViewportSize({ width: 1280, height: 800 });
      await shoot(page, `pet-${mood}-desktop-${colorScheme}`);
      await end(page);
    });

test("nothing moves for who wants no motion", async () => {
  const moving = page => page.evaluate(() => document.getAnimations()
    .filter(a => a instanceof CSSAnimation).length);
  const still = await adopted({ reducedMotion: "reduce" });
  const { page } = await adopted({ reducedMotion: "no-preference" });
  for (const one of [still.page, page]) await reads(one, "is happy.");
  assert.equal(await moving(still.page), 0);
  assert.ok(await moving(page) > 0);
  await end(still.page, page);
});
