// up.js - crq up with applications, a proxy before it, and a browser.
//
// The proxy is what tests cut to see what a page does without its server: the
// gateway itself can't end alone, or all of crq up would. More of them make
// single pages far away.
//
// CRQ_BIN is the program under test; CHROMIUM a browser, Debian's by default;
// with SCREENSHOTS, a folder, pictures are put there.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { Transform } from "node:stream";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));

// Beside these files, or in the folder that NODE_MODULES names.
const require = createRequire(path.join(
  process.env.NODE_MODULES ?? HERE, "x.js"));
const { chromium } = require("playwright-core");

export const APPS = path.join(HERE, "..", "..", "workers", "apps");

function listen(server) {
  return new Promise(done =>
    server.listen(0, "127.0.0.1", () => done(server.address().port)));
}

// What it is given, ms later.
function late(ms) {
  return new Transform({
    transform(chunk, encoding, done) {
      setTimeout(() => { if (!this.destroyed) this.push(chunk); }, ms);
      done();
    },
    flush(done) { setTimeout(done, ms); },
  });
}

class Proxy {
  // delay: ms, in each direction
  constructor(to, delay = 0) {
    this.to = to;
    this.delay = delay;
    this.links = new Set();
    this.cut = false;
    this.server = net.createServer(from => this.#join(from));
  }

  #join(from) {
    if (this.cut) return from.destroy();
    const to = net.connect(this.to, "127.0.0.1");
    for (const [a, b] of [[from, to], [to, from]]) {
      this.links.add(a);
      if (this.delay) a.pipe(late(this.delay)).pipe(b);
      else a.pipe(b);
      a.on("error", () => {});
      a.on("close", () => { this.links.delete(a); b.destroy(); });
    }
  }

  lose() {
    this.cut = true;
    for (const link of this.links) link.destroy();
  }

  mend() {
    this.cut = false;
  }
}

export function browse() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
}

// A page of its own browser profile; what it complains of is in page.errors.
export async function look(browser, address, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.errors = [];
  page.on("pageerror", e => page.errors.push(String(e)));
  page.on("console", message => {
    // The browser's own remark on an answer that is a refusal.
    if (message.type() === "error" &&
        !/^Failed to load resource|WebSocket connection to/.test(message.text()))
      page.errors.push(message.text());
  });
  page.on("request", request => {
    const url = new URL(request.url());
    if (url.hostname !== "127.0.0.1") page.errors.push(`asks ${url}`);
  });
  await page.goto(address);
  return page;
}

export class Up {
  static async start(...apps) {
    const up = new Up();
    const program = path.resolve(process.env.CRQ_BIN);
    up.folder = mkdtempSync(path.join(os.tmpdir(), "crq-b-"));
    up.process = spawn(
      program, ["up", "--json", "--listen", "127.0.0.1:0",
        ...apps.map(name => path.join(APPS, name))],
      { stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, XDG_DATA_HOME: up.folder,
          CRQ_URL: "", RQ_REDIS_URL: "",
          CRQ_MODULE_PATH: path.join(path.dirname(program), ".libs") } });
    up.log = "";
    up.process.stderr.on("data", text => { up.log += text; });
    const lines = readline.createInterface({ input: up.process.stdout });
    up.said = await new Promise((done, failed) => {
      lines.once("line", line => done(JSON.parse(line)));
      up.process.once("exit", () => failed(new Error(up.log)));
    });
    up.proxies = [];
    up.proxy = await up.far();
    up.address = up.proxy.address;
    up.browser = await browse();
    return up;
  }

  // One more way to the gateway.
  async far(delay = 0) {
    const proxy = new Proxy(Number(new URL(this.said.address).port), delay);
    proxy.address = `http://127.0.0.1:${await listen(proxy.server)}`;
    this.proxies.push(proxy);
    return proxy;
  }

  redis(...words) {
    const socket = this.said.url.replace("unix://", "");
    return execFileSync("redis-cli", ["-s", socket, ...words.map(String)],
      { encoding: "utf8" }).trim();
  }

  // Make a job as "crq enqueue" does; what it has returned in the end.
  enqueue(queue, ...words) {
    const said = execFileSync(path.resolve(process.env.CRQ_BIN),
      ["-u", this.said.url, "enqueue", "-q", queue, "--wait", "--json", ...words],
      { stdio: "pipe" });
    return JSON.parse(said).result;
  }

  page(address, { through = this.proxy, ...options } = {}) {
    return look(this.browser, through.address + address, options);
  }

  async stop() {
    await this.browser?.close();
    for (const proxy of this.proxies ?? []) {
      proxy.lose();
      proxy.server.close();
    }
    const ended = this.process.exitCode ?? new Promise(done =>
      this.process.once("exit", code => done(code)));
    this.process.kill("SIGTERM");
    const code = await ended;
    rmSync(this.folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`crq up ended with ${code}:\n${this.log}`);
  }
}

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// What axe-core finds wrong with how a page can be used, one line each.
export async function barriers(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  return found.violations.flatMap(v =>
    v.nodes.map(n => `${v.id}: ${n.target}: ${n.failureSummary}`));
}

export async function shoot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder && existsSync(folder))
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
