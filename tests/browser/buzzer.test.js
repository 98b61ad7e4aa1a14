// buzzer.test.js - the buzzer's pages, in a real browser, with real workers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Up, barriers, shoot } from "./up.js";

const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PROJECTOR = { viewport: { width: 1920, height: 1080 } };

let up;

// A window that is not over before all have pressed, however slow the pages are.
before(async () => {
  up = await Up.start("buzzer");
  up.redis("HSET", "crq:app:buzzer", "window_ms", 60000, "window_max_ms", 60000);
});
after(async () => { await up?.stop(); });

const button = (page, name) => page.getByRole("button", { name, exact: true });
const reads = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();
const buzzer = page => page.locator("#buzz");
const phase = (page, is) => page.locator(`#buzz[data-phase=${is}]`).waitFor();
const words = page => page.locator(".words:visible").textContent();
const times = page => page.locator(".times:visible li").allTextContents();

async function end(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
}

async function hosted(options = DESKTOP) {
  const page = await up.page("/buzzer/", options);
  await page.locator("#host-name").fill("Maria");
  await button(page, "Create a game").click();
  const code = await page.locator("#host h1 .code").filter({ hasText: /\w{6}/ }).textContent();
  return { page, code };
}

// By the link that the host has sent.
async function joined(code, name, options = {}) {
  const page = await up.page(`/buzzer/?code=${code}`, options);
  await page.locator("#player-name").fill(name);
  await button(page, "Join").click();
  await phase(page, "wait");
  return page;
}

// A host and players by name.
async function game(...names) {
  const host = await hosted(), players = [];
  for (const name of names) players.push(await joined(host.code, name));
  await host.page.locator(".players li").nth(names.length - 1).waitFor();
  return { host: host.page, code: host.code, players };
}

async function open(host, ...players) {
  await button(host, await button(host, "Open the buzzer").isVisible()
    ? "Open the buzzer" : "Next question").click();
  await reads(host, "The buzzer is open.");
  for (const page of players) await phase(page, "open");
}

// As a person: what comes within 60 ms counts as pressed before.
async function press(page) {
  await page.waitForTimeout(150);
  await buzzer(page).dispatchEvent("pointerdown", { button: 0 });
}

test("a whole game, with a host, three players and a board", async () => {
  const { host, code, players: [ann, bob, cid] } = await game("Ann", "Bob", "Cid");
  const board = await up.page(`/buzzer/?code=${code}&board`, PROJECTOR);
  await reads(board, code);
  await board.locator(".players li").nth(2).waitFor();
  assert.equal(await host.locator(".players [data-state=here]").count(), 3);
  await shoot(host, "buzzer-host-desktop");
  await shoot(ann, "buzzer-wait-phone");
  await shoot(board, "buzzer-board-wait");

  await open(host, ann, bob, cid);
  await reads(board, "Now!");
  await shoot(bob, "buzzer-open-phone");
  await shoot(board, "buzzer-board-open");
  await shoot(host, "buzzer-host-open");
  await press(ann);
  await phase(ann, "pressed");
  await shoot(ann, "buzzer-pressed-phone");
  await press(cid);
  await press(bob);

  // All have pressed: it is decided at once, and all are told the same.
  await reads(host, "was first, with");
  const ranked = (await times(host)).map(text => text.split(" ")[0]);
  assert.deepEqual([...ranked].sort(), ["Ann", "Bob", "Cid"]);
  const pages = { Ann: ann, Bob: bob, Cid: cid }, [winner, second] = ranked;
  await phase(pages[winner], "won");
  await phase(pages[second], "lost");
  assert.match(await words(pages[winner]), /^You were first, with \d+ ms/);
  assert.match(await words(pages[second]), new RegExp(`^${winner} (was faster by|has the same)`));
  await board.locator("#board-words").getByText(winner, { exact: true }).waitFor();
  await shoot(pages[winner], "buzzer-won-phone");
  await shoot(pages[second], "buzzer-lost-phone");
  await shoot(board, "buzzer-board-won");
  await shoot(host, "buzzer-host-won");

  // Wrong: open again for the others.
  await button(host, "Wrong").click();
  const others = ranked.slice(1).map(name => pages[name]);
  for (const page of others) await phase(page, "open");
  await phase(pages[winner], "out");
  assert.equal(await words(pages[winner]), "You are out of this question.");
  await shoot(pages[winner], "buzzer-out-phone");
  await host.locator("[data-state=out]").waitFor();
  await press(pages[winner]);
  for (const page of others) await press(page);
  await board.locator("#board[data-status=resolved]").waitFor();
  const next = (await times(board)).map(text => text.split(" ")[0]);
  assert.deepEqual([...next].sort(), ranked.slice(1).sort());

  // Right: a point, on all pages.
  await button(host, "Right").click();
  await reads(pages[next[0]], "Right: a point for you.");
  assert.equal(await pages[next[0]].locator(".points").textContent(), "1 point");
  for (const page of [host, board]) {
    await reads(page, "Right!");
    assert.match(await page.locator(".players li").first().textContent(),
      new RegExp(`${next[0]}.*1$`));
  }
  await shoot(board, "buzzer-board-right");
  await open(host, ann, bob, cid);
  await button(host, "Close").click();
  for (const page of [ann, bob, cid]) await phase(page, "wait");
  await end(host, board, ann, bob, cid);
});

test("what is measured begins when the player can see it", async () => {
  const { host, players: [ann] } = await game("Ann", "Bob");
  const sent = [];
  ann.on("websocket", socket => socket.on("framesent", ({ payload }) =>
    sent.push(JSON.parse(payload))));
  await ann.reload();
  await phase(ann, "wait");
  await ann.evaluate(() => {
    const text = document.getElementById("buzz-text");
    new MutationObserver(() => {
      if (text.textContent !== "Now!") return;
      globalThis.changed = performance.now();
      requestAnimationFrame(() => { globalThis.drawn = performance.now(); });
    }).observe(text, { childList: true });
    addEventListener("keydown", event => { globalThis.pressed = event.timeStamp; }, true);
  });
  await open(host, ann);
  await ann.waitForFunction(() => globalThis.drawn > 0);
  await ann.keyboard.press("Space");
  await phase(ann, "pressed");
  const { changed, drawn, pressed } = await ann.evaluate(() => ({
    changed: globalThis.changed, drawn: globalThis.drawn, pressed: globalThis.pressed }));
  const { difference_ms: ms, early, round } = sent.find(m => m.do === "buzz");
  assert.ok(ms >= pressed - drawn - 0.1 && ms <= pressed - changed + 0.1,
    `${ms}: ${changed}, ${drawn}, ${pressed}`);
  assert.deepEqual([early, round], [false, 1]);
  await end(host, ann);
});

test("who presses too early is told, and pays for it", async () => {
  const { host, players: [ann, bob] } = await game("Ann", "Bob");
  await ann.waitForTimeout(1100); // it is not for the end of what was before
  await ann.keyboard.press("Space");
  await phase(ann, "early");
  assert.equal(await words(ann), "Too early! Your next press gets a penalty.");
  await shoot(ann, "buzzer-early-phone");
  // It is not forgotten by opening the page again.
  await ann.reload();
  await phase(ann, "early");
  await open(host, ann, bob);
  await press(ann);
  await reads(ann, "with the penalty for pressing too early");
  await press(bob);
  await reads(host, "was first");
  const [row] = (await times(host)).filter(text => text.startsWith("Ann"));
  assert.match(row, /penalty/);
  // And for once.
  await open(host, ann, bob);
  await press(ann);
  await phase(ann, "pressed");
  await press(bob);
  await reads(host, "was first");
  assert.doesNotMatch((await times(host)).join(), /penalty/);
  await end(host, ann, bob);
});

test("a page that is opened again is where it was", async () => {
  const { host, players: [ann, bob] } = await game("Ann", "Bob");
  await open(host, ann, bob);
  await press(ann);
  await reads(ann, "Waiting for the others.");
  for (const page of [ann, host]) await page.reload();
  await phase(ann, "pressed");
  await reads(ann, "Waiting for the others.");
  assert.equal(await ann.locator(".my-name").textContent(), "Ann");
  await reads(host, "The buzzer is open.");
  await press(bob);
  await reads(host, "was first, with");
  await host.reload();
  await button(host, "Right").click();
  await reads(host, "Right!");
  await host.reload();
  await reads(host, "Right!");
  assert.equal(await host.locator("[data-state=here]").count(), 2);
  await end(host, ann, bob);
});

test("the newest window has the place, and the older one can take it back", async () => {
  const { host, code, players: [ann] } = await game("Ann");
  const newer = await ann.context().newPage();
  newer.errors = [];
  await newer.goto(`${up.address}/buzzer/?code=${code}`);
  await reads(newer, `You play in ${code} as Ann.`);
  await button(newer, "Go on").click();
  await phase(newer, "wait");
  await reads(ann, "You have opened this game in another window.");
  await shoot(ann, "buzzer-elsewhere-phone");
  await button(ann, "Go on here").click();
  await reads(newer, "You have opened this game in another window.");
  await open(host, ann);
  await press(ann);
  await phase(ann, "won");
  // The last of them leaves: then nobody is there.
  await newer.close();
  assert.equal(await host.locator("[data-state=here]").count(), 1);
  await button(ann, "Leave the game").click();
  await button(ann, "Stay").click();
  await phase(ann, "won");
  await button(ann, "Leave the game").click();
  await shoot(ann, "buzzer-leave-phone");
  await button(ann, "Leave").click();
  await ann.locator("#start").waitFor();
  await host.locator("[data-state=away]").waitFor();
  await ann.goto(`${up.address}/buzzer/?code=${code}`);
  await ann.locator("#player-name:focus").waitFor();
  assert.equal(await button(ann, "Go on").isVisible(), false);
  await end(host, ann);
});

test("a lost link is told, and what was pressed counts when it is back", async () => {
  const { host, players: [ann, bob] } = await game("Ann", "Bob");
  await open(host, ann, bob);
  up.proxy.lose();
  try {
    for (const page of [ann, host])
      await page.locator("#link").getByText("Connection lost").waitFor();
    await shoot(ann, "buzzer-lost-link-phone");
    await press(ann);
    assert.equal(await buzzer(ann).getAttribute("data-phase"), "open");
  } finally {
    up.proxy.mend();
  }
  for (const page of [ann, bob, host]) await page.locator("#link").waitFor({ state: "hidden" });
  await press(ann);
  await phase(ann, "pressed");
  await press(bob);
  await reads(host, "was first, with");
  await end(host, ann, bob);
});

test("what can't be is said in words", async () => {
  const { host, code, players: [ann] } = await game("Ann");
  const page = await up.page("/buzzer/");
  await shoot(page, "buzzer-start-phone");
  const join = async (where, name, want) => {
    await page.locator("#code").fill(where);
    await page.locator("#player-name").fill(name);
    await button(page, "Join").click();
    await page.locator("#join-refusal").getByText(want).waitFor();
  };
  await join("ZZZZZ0", "Eve", "There is no game ZZZZZ0.");
  await join(code.toLowerCase(), "ann", "There is a player called Ann already.");
  await page.locator("form").first().evaluate(form => { form.noValidate = true; });
  await join("A!", "Eve", "A code has six letters and digits.");
  await page.goto(`${up.address}/buzzer/?code=ZZZZZ0&board`);
  await reads(page, "There is no game ZZZZZ0.");
  // A place that there is not any more.
  up.redis("DEL", `buzzer:tokens:${code}`);
  await ann.reload();
  await reads(ann, "This game does not know you any more.");
  await end(host, ann, page);
});

test("names are text and nothing else", async () => {
  const name = "<img src=x onerror=1>";
  const { host, code, players: [ann] } = await game(name.slice(0, 20));
  const board = await up.page(`/buzzer/?code=${code}&board`);
  await open(host, ann);
  await press(ann);
  for (const page of [host, board]) {
    await reads(page, "<img src=x onerror=1");
    assert.equal(await page.locator("main img:visible").count(), 0);
  }
  await end(host, board, ann);
});

test("all of it can be done with the keyboard", async () => {
  const host = await up.page("/buzzer/", DESKTOP);
  await host.locator("#host-name").focus();
  await host.keyboard.type("Maria");
  await host.keyboard.press("Enter");
  const code = await host.locator("#host h1 .code").filter({ hasText: /\w{6}/ }).textContent();
  const ann = await up.page(`/buzzer/?code=${code}`, DESKTOP);
  await ann.locator("#player-name:focus").waitFor();
  await ann.keyboard.type("Ann");
  await ann.keyboard.press("Enter");
  await phase(ann, "wait");
  await host.locator(".players li").waitFor();
  await button(host, "Open the buzzer").focus();
  await host.keyboard.press("Space");
  await phase(ann, "open");
  await host.locator("#close:focus").waitFor();
  await ann.keyboard.press("Enter");
  await phase(ann, "won");
  // Close, Next question, Wrong, Right
  for (let i = 0; i < 3; i++) await host.keyboard.press("Shift+Tab");
  await host.keyboard.press("Enter");
  await reads(ann, "Right: a point for you.");
  await end(host, ann);
});

// What a view is before it is looked at.
const views = {
  start: async options => {
    const page = await up.page("/buzzer/", options);
    await page.locator("#start").waitFor();
    return [page];
  },
  host: async options => {
    const { page, code } = await hosted(options);
    const ann = await joined(code, "Ann with a long name"), bob = await joined(code, "Bob");
    await page.locator(".players li").nth(1).waitFor();
    await open(page, ann, bob);
    await press(ann);
    await press(bob);
    await reads(page, "was first");
    return [page, ann, bob];
  },
  player: async options => {
    const { page: host, code } = await hosted();
    const page = await joined(code, "Ann with a long name", options);
    await open(host, page);
    return [page, host];
  },
  board: async options => {
    const { page: host, code } = await hosted();
    const ann = await joined(code, "Ann with a long name");
    const page = await up.page(`/buzzer/?code=${code}&board`, options);
    await open(host, ann);
    await press(ann);
    await page.locator("#board[data-status=resolved]").waitFor();
    return [page, host, ann];
  },
};

for (const [view, make] of Object.entries(views))
  for (const colorScheme of ["light", "dark"])
    test(`the ${view}'s view, in the ${colorScheme}, fits and has no barriers`, async () => {
      const [page, ...others] = await make({
        colorScheme, reducedMotion: "reduce", viewport: { width: 320, height: 568 } });
      for (const [size, width, height] of [
        ["small", 320, 568], ["landscape", 740, 360], ["desktop", 1280, 800]]) {
        await page.setViewportSize({ width, height });
        await shoot(page, `buzzer-${view}-${size}-${colorScheme}`);
        assert.deepEqual(await barriers(page), []);
        assert.equal(await page.evaluate(
          () => document.documentElement.scrollWidth <= innerWidth), true, size);
        if (view !== "player") continue;
        const box = await buzzer(page).boundingBox();
        assert.ok(box.y >= 0 && box.y + box.height <= height, `${size}: the buzzer is not seen`);
      }
      await end(page, ...others);
    });

test("nothing moves for who wants no motion", async () => {
  const { page: host, code } = await hosted();
  const moving = page => page.evaluate(() => document.getAnimations()
    .filter(a => a instanceof CSSAnimation).length);
  const still = await joined(code, "Ann", { reducedMotion: "reduce" });
  const lively = await joined(code, "Bob", { reducedMotion: "no-preference" });
  await open(host, still, lively);
  assert.equal(await moving(still), 0);
  assert.ok(await moving(lively) > 0);
  await end(host, still, lively);
});
