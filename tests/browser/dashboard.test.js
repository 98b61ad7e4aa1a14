// dashboard.test.js - crq-web's dashboard, in a real browser, with a real Redis
// and a real worker behind it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Gateway, TOKENS, eventually } from "./gateway.js";
import { barriers, shoot } from "./up.js";

const DESKTOP = { width: 1280, height: 800 };
const SMALL = { width: 320, height: 640 };

const button = (page, name) => page.getByRole("button", { name, exact: true });
const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const says = (page, text) =>
  page.locator("#say").filter({ hasText: text }).waitFor();
// Whose of several pages it is can be seen without a search.
const tells = page => page.evaluate(() =>
  [...document.querySelectorAll("nav [aria-current=page]")].every(link => {
    const { left, right } = link.getBoundingClientRect();
    return left >= 0 && right <= innerWidth;
  }));
const fits = page => page.evaluate(
  () => document.documentElement.scrollWidth <= innerWidth);

async function confirm(page, label) {
  await page.getByRole("dialog").getByRole("button", { name: label, exact: true }).click();
}

async function end(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
}

describe("without tokens", () => {
  let g, worker;

  before(async () => {
    g = await Gateway.start();
    worker = g.processes.at(-1);
    await eventually(() => g.redis("SCARD", "rq:workers") === "2", "the worker is there");
  });
  after(async () => { await g?.stop(); });

  // --- looking ---

  test("numbers change by themselves, without a reload", async () => {
    const page = await g.page("/", { viewport: DESKTOP });
    await page.evaluate(() => { globalThis.same = true; });
    const finished = page.locator("[data-n=finished]");
    const had = Number((await finished.textContent()).replaceAll(",", ""));
    await g.ended(await g.enqueue("demo.add", [1, 2]), "finished");
    await page.waitForFunction(n => Number(document.querySelector("[data-n=finished]")
      .textContent.replaceAll(",", "")) > n, had);
    assert.equal(await page.evaluate(() => globalThis.same), true);
    assert.equal(await page.locator(".chart.live").count(), 2);
    await end(page);
  });

  test("a page that was paused stays as it is", async () => {
    const page = await g.page("/");
    await button(page, "Live").click();
    assert.equal(await button(page, "Paused").getAttribute("aria-pressed"), "false");
    let asked = 0;
    page.on("request", () => { asked++; });
    await page.waitForTimeout(2500);
    assert.equal(asked, 0);
    await button(page, "Paused").click();
    await page.waitForRequest(g.address + "/");
    await end(page);
  });

  test("a filter leads to the jobs it describes", async () => {
    g.redis("SET", "rq:suspended", 1);
    try {
      const id = await g.enqueue("demo.echo", ["filtered"], { queue: "low" });
      const page = await g.page("/jobs", { viewport: DESKTOP });
      await page.getByRole("combobox", { name: "Queue" }).selectOption("low");
      await page.getByLabel("Function").fill("demo.ec*");
      await button(page, "Filter").click();
      await page.getByRole("link", { name: id }).waitFor();
      await page.getByLabel("Function").fill("demo.nothing");
      await button(page, "Filter").click();
      await page.getByText("There are none.").waitFor();
      await page.getByLabel("Job id").fill(id);
      await button(page, "Show").click();
      await page.getByRole("heading", { name: id }).waitFor();
      await g.api("DELETE", `/jobs/${id}`);
      await end(page);
    } finally { g.redis("DEL", "rq:suspended"); }
  });

  test("a log goes on while one looks at it", async () => {
    const id = await g.enqueue("demo.sleep", [30]);
    await g.ended(id, "started");
    const log = text => g.redis("XADD", `crq:log:${id}`, "*", "execution_id", "x",
      "number", 1, "time", "1795262400.5", "sum", 0, "text", text);
    log("the <first> line");
    const page = await g.page(`/jobs/${id}`);
    await page.getByText("the <first> line").waitFor();
    log("the <second> line");
    await page.getByText("the <second> line").waitFor();
    assert.equal(await page.getByText("the <first> line").count(), 1);
    await g.api("POST", `/jobs/${id}/stop`);
    await page.locator(".lead .s-stopped").waitFor();
    await end(page);
  });

  // --- doing ---

  test("a failed job is requeued by its button", async () => {
    const id = await g.enqueue("demo.fail", ["requeue me"]);
    await g.ended(id, "failed");
    const page = await g.page(`/jobs/${id}`);
    const before = g.redis("XLEN", `rq:results:${id}`);
    await button(page, "Requeue").click();
    await says(page, "Requeued.");
    await eventually(() => g.redis("XLEN", `rq:results:${id}`) > before, "it ran again");
    await end(page);
  });

  test("a run is stopped once that was confirmed", async () => {
    const id = await g.enqueue("demo.sleep", [60]);
    await g.ended(id, "started");
    const page = await g.page(`/jobs/${id}`);
    await button(page, "Stop").click();
    await confirm(page, "Not now");
    assert.equal(g.status(id), "started");
    await button(page, "Stop").click();
    await page.keyboard.press("Escape");
    assert.equal(g.status(id), "started");
    await button(page, "Stop").click();
    await confirm(page, "Stop");
    await g.ended(id, "stopped");
    await button(page, "Requeue").waitFor();
    await end(page);
  });

  test("a job that waits is canceled, in its row and on its page", async () => {
    g.redis("SET", "rq:suspended", 1);
    try {
      const ids = [await g.enqueue("demo.echo", [1]), await g.enqueue("demo.echo", [2])];
      const page = await g.page("/jobs?queue=high", { viewport: DESKTOP });
      await row(page, ids[0]).getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("dialog").getByText(ids[0]).waitFor();
      await confirm(page, "Cancel");
      await row(page, ids[0]).waitFor({ state: "detached" });
      assert.equal(g.status(ids[0]), "canceled");
      await page.goto(`${g.address}/jobs/${ids[1]}`);
      await button(page, "Cancel").click();
      await confirm(page, "Cancel");
      await page.locator(".lead .s-canceled").waitFor();
      assert.equal(g.status(ids[1]), "canceled");
      await end(page);
    } finally { g.redis("DEL", "rq:suspended"); }
  });

  test("a deleted job is gone, and the page leads away from it", async () => {
    const id = await g.enqueue("demo.echo", ["delete me"], { result_ttl: -1 });
    await g.ended(id, "finished");
    const page = await g.page(`/jobs/${id}`);
    await button(page, "Delete").click();
    await confirm(page, "Delete");
    await page.waitForURL("**/jobs");
    assert.equal(g.redis("EXISTS", `rq:job:${id}`), "0");
    await end(page);
  });

  test("all that a filter describes: counted, confirmed, done", async () => {
    const ids = [];
    for (let i = 0; i < 5; i++)
      ids.push(await g.enqueue("demo.fail", [`bulk ${i}`], { queue: "low" }));
    for (const id of ids) await g.ended(id, "failed");
    const page = await g.page("/jobs?status=failed&queue=low&func=demo.fail",
      { viewport: DESKTOP });
    await button(page, "Delete all").click();
    await page.getByRole("dialog").getByText("5 jobs").waitFor();
    await shoot(page, "dashboard-confirm-desktop");
    await confirm(page, "Not now");
    assert.equal(g.redis("ZCARD", "rq:failed:low"), "5");
    await button(page, "Delete all").click();
    await confirm(page, "Delete all");
    await says(page, "Done: 5 jobs");
    await page.getByText("There are none.").waitFor();
    for (const id of ids) assert.equal(g.redis("EXISTS", `rq:job:${id}`), "0");
    await end(page);
  });

  // --- each button of a list ---

  // A job of each status, in a group of its own.
  const lists = {
    queued: options => g.enqueue("demo.echo", [1], { queue: "nobody", ...options }),
    scheduled: options => g.enqueue("demo.echo", [1],
      { queue: "nobody", in: 3600, ...options }),
    deferred: async options => g.enqueue("demo.echo", [1], { queue: "nobody",
      depends_on: [await g.enqueue("demo.echo", [1], { queue: "nobody" })], ...options }),
    started: options => g.enqueue("demo.sleep", [600], options),
    finished: options => g.enqueue("demo.echo", [1], options),
    failed: options => g.enqueue("demo.fail", ["listed"], options),
    stopped: async options => {
      const id = await g.enqueue("demo.sleep", [600], options);
      await g.ended(id, "started");
      await g.api("POST", `/jobs/${id}/stop`);
      return id;
    },
    canceled: async options => {
      const id = await lists.queued(options);
      await g.api("POST", `/jobs/${id}/cancel`);
      return id;
    },
  };
  // What it is then; "": it is gone; "again": it runs once more.
  const buttons = [
    ["queued", "Cancel all", "canceled"], ["queued", "Delete all", ""],
    ["queued", "Cancel", "canceled"],
    ["scheduled", "Cancel all", "canceled"], ["scheduled", "Delete all", ""],
    ["scheduled", "Cancel", "canceled"],
    ["deferred", "Cancel all", "canceled"], ["deferred", "Delete all", ""],
    ["deferred", "Cancel", "canceled"],
    ["started", "Stop all", "stopped"], ["started", "Stop", "stopped"],
    ["finished", "Delete all", ""],
    ["failed", "Requeue all", "again"], ["failed", "Delete all", ""],
    ["failed", "Requeue", "again"],
    ["stopped", "Requeue all", "again"], ["stopped", "Delete all", ""],
    ["stopped", "Requeue", "again"],
    ["canceled", "Delete all", ""],
  ];
  for (const [status, label, becomes] of buttons)
    test(`of ${status} jobs: ${label}`, async () => {
      const group = `list-${status}-${label.replace(" ", "-")}`;
      const id = await lists[status]({ group });
      await g.ended(id, status);
      const page = await g.page(`/jobs?status=${status}&group=${group}`);
      assert.equal(await page.locator("h1").textContent(),
        `${status[0].toUpperCase()}${status.slice(1)} jobs`);
      assert.deepEqual((await page.locator("button.act").allTextContents()).sort(),
        buttons.filter(row => row[0] === status).map(row => row[1]).sort());
      const begun = g.redis("HGET", `rq:job:${id}`, "enqueued_at");
      await button(page, label).click();
      if (label !== "Requeue") await confirm(page, label);
      if (becomes === "again") {
        await eventually(() => g.redis("HGET", `rq:job:${id}`, "enqueued_at") > begun,
          "it was enqueued again");
        // One that runs on would keep a child from the tests to come.
        if (status === "stopped")
          await eventually(() => g.api("POST", `/jobs/${id}/stop`)
            .then(() => true, () => false), "it runs, and is told to stop");
        await g.ended(id, status);
        await g.api("DELETE", `/jobs/${id}`);
      } else {
        await g.ended(id, becomes);
      }
      await end(page);
    });

  test("all failures of a queue, and all jobs of a group", async () => {
    const group = "of-buttons";
    const bad = await g.enqueue("demo.fail", ["x"], { queue: "low", group });
    const waits = await g.enqueue("demo.echo", [1], { queue: "nobody", group });
    await g.ended(bad, "failed");
    const runs = () => Number(g.redis("XLEN", `rq:results:${bad}`));
    const page = await g.page("/failures", { viewport: DESKTOP });
    await page.locator("section").filter({ hasText: "low" })
      .getByRole("button", { name: "Requeue all" }).click();
    await page.getByRole("dialog").getByText("queue low").waitFor();
    await confirm(page, "Requeue all");
    await eventually(() => runs() === 2 && g.status(bad) === "failed", "it ran again");
    await page.goto(`${g.address}/groups/${group}`);
    await button(page, "Requeue failed").click();
    await confirm(page, "Requeue failed");
    await eventually(() => runs() === 3, "it ran once more");
    assert.equal(g.status(waits), "queued");
    await button(page, "Cancel waiting").click();
    await confirm(page, "Cancel waiting");
    await g.ended(waits, "canceled");
    await end(page);
  });

  test("failures of one cause are requeued together, and no others", async () => {
    const ids = [await g.enqueue("demo.sleep", [-1], { queue: "low" }),
      await g.enqueue("demo.sleep", [1e10], { queue: "low" })];
    for (const id of ids) await g.ended(id, "failed");
    const page = await g.page("/failures", { viewport: DESKTOP });
    await row(page, "OverflowError").getByRole("button", { name: "Requeue these" }).click();
    await page.getByRole("dialog").getByText("error OverflowError").waitFor();
    await confirm(page, "Requeue these");
    await says(page, "Done: 1 job");
    await eventually(() => g.redis("XLEN", `rq:results:${ids[1]}`) === "2", "it ran again");
    assert.equal(g.redis("XLEN", `rq:results:${ids[0]}`), "1");
    await end(page);
  });

  test("workers are suspended and resumed", async () => {
    const page = await g.page("/");
    await button(page, "Suspend").click();
    await confirm(page, "Suspend");
    await page.getByText("No worker takes a job").waitFor();
    assert.equal(g.redis("EXISTS", "rq:suspended"), "1");
    await button(page, "Resume").click();
    await page.getByText("No worker takes a job").waitFor({ state: "detached" });
    assert.equal(g.redis("EXISTS", "rq:suspended"), "0");
    await end(page);
  });

  test("a queue is emptied, and deleted", async () => {
    for (let i = 0; i < 3; i++) await g.enqueue("demo.echo", [i], { queue: "nobody" });
    const page = await g.page("/queues/nobody");
    await button(page, "Empty").click();
    await confirm(page, "Empty");
    await page.waitForFunction(
      () => document.querySelector("[data-n=queued]").textContent === "0");
    assert.equal(g.redis("LLEN", "rq:queue:nobody"), "0");
    await button(page, "Delete queue").click();
    await confirm(page, "Delete queue");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal(g.redis("SISMEMBER", "rq:queues", "rq:queue:nobody"), "0");
    await end(page);
  });

  test("a schedule is removed", async () => {
    await g.api("PUT", "/schedules/nightly",
      { func: "demo.noop", cron: "0 3 * * *", queue: "low" });
    const page = await g.page("/schedules", { viewport: DESKTOP });
    await row(page, "nightly").getByRole("button", { name: "Remove" }).click();
    await confirm(page, "Remove");
    await row(page, "nightly").waitFor({ state: "detached" });
    assert.equal(g.redis("EXISTS", "crq:schedule:nightly"), "0");
    await end(page);
  });

  test("a group is deleted with its jobs", async () => {
    const id = await g.enqueue("demo.echo", [1], { group: "batch-7" });
    await g.ended(id, "finished");
    const page = await g.page("/groups/batch-7");
    await page.getByRole("link", { name: id }).waitFor();
    await button(page, "Delete group").click();
    await confirm(page, "Delete group");
    await page.getByRole("heading", { name: "Groups" }).waitFor();
    assert.equal(g.redis("EXISTS", `rq:job:${id}`), "0");
    await end(page);
  });

  test("a run's process is killed", async () => {
    const id = await g.enqueue("demo.sleep", [60]);
    await g.ended(id, "started");
    const page = await g.page("/workers", { viewport: DESKTOP });
    await row(page, id).getByRole("button", { name: "Kill horse" }).click();
    await confirm(page, "Kill horse");
    await g.ended(id, "failed");
    await end(page);
  });

  test("what is refused is told", async () => {
    const id = await g.enqueue("demo.fail", ["refused"]);
    await g.ended(id, "failed");
    const page = await g.page(`/jobs/${id}`);
    await button(page, "Live").click();
    await g.api("DELETE", `/jobs/${id}`);
    await button(page, "Requeue").click();
    await page.locator("#say.wrong", { hasText: "no job" }).waitFor();
    await end(page);
  });

  test("a row that moves keeps its button, and the focus is not lost with one", async () => {
    g.redis("SET", "rq:suspended", 1);
    try {
      const first = await g.enqueue("demo.echo", ["first"], { queue: "low" });
      const second = await g.enqueue("demo.echo", ["second"], { queue: "low" });
      const page = await g.page("/jobs?queue=low", { viewport: DESKTOP });
      const cancel = row(page, second).getByRole("button", { name: "Cancel" });
      const handle = await cancel.elementHandle();
      await g.api("DELETE", `/jobs/${first}`);
      await row(page, first).waitFor({ state: "detached" });
      assert.equal(await handle.evaluate(b => b.isConnected), true);
      assert.match(await handle.evaluate(b => b.dataset.path), new RegExp(second));
      await cancel.focus();
      await g.api("DELETE", `/jobs/${second}`);
      await row(page, second).waitFor({ state: "detached" });
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
      await end(page);
    } finally { g.redis("DEL", "rq:suspended"); }
  });

  // --- for everybody ---

  test("all of it can be done with the keyboard", async () => {
    const id = await g.enqueue("demo.fail", ["keyboard"]);
    await g.ended(id, "failed");
    const page = await g.page(`/jobs/${id}`);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent),
      "Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Requeue");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.value), "no");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs");
    assert.equal(g.redis("EXISTS", `rq:job:${id}`), "0");
    await end(page);
  });

  test("without a script everything can be read, and there is no button", async () => {
    const id = await g.enqueue("demo.fail", ["no script"]);
    await g.ended(id, "failed");
    const page = await g.page("/", { javaScriptEnabled: false, viewport: DESKTOP });
    assert.equal(await page.locator("button:visible").count(), 0);
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("link", { name: /^Failed/ }).click();
    await page.getByRole("link", { name: id }).click();
    await page.getByText("RuntimeError: no script").first().waitFor();
    assert.equal(await page.locator("button:visible").count(), 0);
    for (const name of ["Failures", "Workers", "Schedules", "Groups", "API"]) {
      await page.getByRole("link", { name, exact: true }).first().click();
      await page.getByRole("heading", { level: 1, name }).waitFor();
    }
    await page.context().close();
  });

  test("nothing moves for who wants no motion", async () => {
    const page = await g.page("/", { reducedMotion: "reduce" });
    assert.equal(await page.evaluate(() => [...document.querySelectorAll("*")]
      .filter(e => getComputedStyle(e).transitionDuration !== "0s").length), 0);
    await end(page);
  });

  describe("each page fits and has no barriers", () => {
    let paths;

    before(async () => {
      const failed = await g.enqueue("demo.fail", ["a".repeat(300)],
        { group: "nightly", meta: { order: 7 } });
      const running = await g.enqueue("demo.sleep", [600], { queue: "low" });
      await g.enqueue("demo.echo", ["later"], { depends_on: [running] });
      await g.api("PUT", "/schedules/report",
        { func: "demo.noop", cron: "0 6 * * 1-5", tz: "Europe/Berlin", queue: "low" });
      await g.ended(failed, "failed");
      await g.ended(running, "started");
      paths = { overview: "/", queue: "/queues/high", jobs: "/jobs?status=finished",
        failed: "/jobs?status=failed", job: `/jobs/${failed}`, running: `/jobs/${running}`,
        log: `/jobs/${running}/log`, failures: "/failures", workers: "/workers",
        schedules: "/schedules", groups: "/groups", group: "/groups/nightly", api: "/api",
        missing: "/jobs/nothing" };
    });

    for (const name of ["overview", "queue", "jobs", "failed", "job", "running", "log",
      "failures", "workers", "schedules", "groups", "group", "api", "missing"])
      for (const colorScheme of ["light", "dark"])
        test(`${name}, in the ${colorScheme}`, async () => {
          const page = await g.page(paths[name], { colorScheme, viewport: SMALL });
          assert.deepEqual(await barriers(page), []);
          assert.equal(await fits(page), true, "too wide for a phone");
          assert.equal(await tells(page), true, "the page's own link is out of sight");
          await page.setViewportSize({ width: 390, height: 844 });
          await shoot(page, `dashboard-${name}-phone-${colorScheme}`);
          await page.setViewportSize(DESKTOP);
          assert.deepEqual(await barriers(page), []);
          assert.equal(await fits(page), true, "too wide for a desktop");
          await shoot(page, `dashboard-${name}-desktop-${colorScheme}`);
          await end(page);
        });
  });

  // The last: there is no worker behind it.
  test("a worker is shut down", async () => {
    for (const id of [...g.redis("ZRANGE", "rq:wip:low", 0, -1).split("\n"),
      ...g.redis("ZRANGE", "rq:wip:high", 0, -1).split("\n")].filter(Boolean))
      await g.api("POST", `/jobs/${id.split(":")[0]}/stop`);
    const page = await g.page("/workers");
    await button(page, "Shut down").click();
    await confirm(page, "Shut down");
    await page.getByText("Nobody works").waitFor();
    await eventually(() => worker.child.exitCode === 0, "it has ended");
    await end(page);
  });
});

describe("with tokens", () => {
  let g;

  before(async () => { g = await Gateway.start({ tokens: true, worker: false }); });
  after(async () => { await g?.stop(); });

  async function signIn(role, path = "/") {
    const page = await g.page(path);
    await page.getByLabel("Token").fill(TOKENS[role]);
    await button(page, "Sign in").click();
    await button(page, "Sign out").waitFor();
    return page;
  }

  test("one signs in, is where one wanted to be, and signs out", async () => {
    const page = await signIn("operate", "/jobs?status=failed");
    assert.equal(new URL(page.url()).search, "?status=failed");
    await button(page, "Sign out").click();
    await page.getByLabel("Token").waitFor();
    await page.goto(g.address + "/jobs");
    await page.getByLabel("Token").waitFor();
    await end(page);
  });

  test("a wrong token is told, and opens nothing", async () => {
    const page = await g.page("/");
    await page.getByLabel("Token").fill("wrong-0123456789abcdef");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    assert.deepEqual(await barriers(page), []);
    await shoot(page, "dashboard-login-wrong-phone");
    await end(page);
  });

  test("a session's buttons work", async () => {
    const id = await g.enqueue("demo.echo", [1]);
    const page = await signIn("operate", `/jobs/${id}`);
    await button(page, "Cancel").click();
    await confirm(page, "Cancel");
    await page.locator(".lead .s-canceled").waitFor();
    assert.equal(g.status(id), "canceled");
    await end(page);
  });

  test("who may only read sees no buttons", async () => {
    const id = await g.enqueue("demo.echo", [1]);
    const page = await signIn("read", `/jobs/${id}`);
    assert.equal(await page.locator("button.act").count(), 0);
    await page.goto(g.address + "/");
    assert.equal(await page.locator("button.act").count(), 0);
    await end(page);
  });

  test("a session that ends elsewhere leads to the login", async () => {
    const page = await signIn("operate");
    const cookies = await page.context().cookies();
    const csrf = await page.locator("meta[name=csrf]").getAttribute("content");
    await fetch(`${g.address}/logout`, { method: "POST", redirect: "manual",
      body: `csrf=${csrf}`, headers: { Cookie: `crq_session=${cookies[0].value}`,
        "Content-Type": "application/x-www-form-urlencoded" } });
    await page.getByLabel("Token").waitFor();
    await end(page);
  });

  for (const colorScheme of ["light", "dark"])
    test(`the login, in the ${colorScheme}, has no barriers`, async () => {
      const page = await g.page("/", { colorScheme, viewport: SMALL });
      assert.deepEqual(await barriers(page), []);
      assert.equal(await fits(page), true);
      await page.setViewportSize({ width: 390, height: 844 });
      await shoot(page, `dashboard-login-phone-${colorScheme}`);
      await page.setViewportSize(DESKTOP);
      await shoot(page, `dashboard-login-desktop-${colorScheme}`);
      await end(page);
    });
});
