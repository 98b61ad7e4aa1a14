// gateway.js - a Redis, a worker with the demo's tasks, a scheduler, a gateway,
// and a browser that looks at it.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, openSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { browse, look } from "./up.js";

const FOLDER = path.dirname(path.resolve(process.env.CRQ_BIN));
export const TOKENS = Object.fromEntries(["read", "enqueue", "operate"]
  .map(role => [role, `${role}-0123456789abcdef`]));

export async function eventually(look, what, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what ?? look}`);
    await new Promise(done => setTimeout(done, 50));
  }
}

export class Gateway {
  static async start({ tokens = false, worker = true, args = [] } = {}) {
    const g = new Gateway();
    g.folder = mkdtempSync(path.join(os.tmpdir(), "crq-d-"));
    g.socket = path.join(g.folder, "redis.sock");
    g.url = `unix://${g.socket}`;
    g.processes = [];
    g.run("redis-server", ["--port", "0", "--unixsocket", g.socket, "--save", "",
      "--dir", g.folder]);
    await eventually(() => {
      try { return g.redis("PING") === "PONG"; } catch { return false; }
    }, "Redis answers");
    if (tokens) {
      const file = path.join(g.folder, "tokens");
      writeFileSync(file, Object.entries(TOKENS).map(pair => pair.join(" ")).join("\n"),
        { mode: 0o600 });
      args = [...args, "--token-file", file];
    }
    const web = g.run(path.join(FOLDER, "crq-web"),
      ["-u", g.url, "--listen", "127.0.0.1:0", ...args]);
    if (worker) g.startWorker();
    g.port = await eventually(() =>
      /listening at port (\d+)[^]*connected/.exec(web.log())?.[1], "crq-web listens");
    g.address = `http://127.0.0.1:${g.port}`;
    g.browser = await browse();
    return g;
  }

  run(program, args) {
    const log = path.join(this.folder, `${this.processes.length}.log`);
    const fd = openSync(log, "w");
    const child = spawn(program, args, { stdio: ["ignore", fd, fd],
      env: { ...process.env, CRQ_MODULE_PATH: path.join(FOLDER, ".libs") } });
    const one = { child, program, log: () => readFileSync(log, "utf8") };
    this.processes.push(one);
    return one;
  }

  startWorker(...args) {
    return this.run(path.join(FOLDER, "crq-worker"),
      ["-u", this.url, "--load", "demo", "--jobs", "2", "--name", "bee",
        "--with-scheduler", ...args, "high", "low"]);
  }

  redis(...words) {
    return execFileSync("redis-cli", ["-s", this.socket, ...words.map(String)],
      { encoding: "utf8" }).trim();
  }

  async api(method, path, body) {
    const answer = await fetch(`${this.address}/api/v1${path}`, {
      method, body: body === undefined ? null : JSON.stringify(body),
      headers: { "Content-Type": "application/json",
        Authorization: `Bearer ${TOKENS.operate}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async enqueue(func, args = [], options = {}) {
    return (await this.api("POST", "/jobs", { func, args, queue: "high", ...options })).id;
  }

  status(id) {
    return this.redis("HGET", `rq:job:${id}`, "status");
  }

  ended(id, status) {
    return eventually(() => this.status(id) === status, `${id} is ${status}`);
  }

  page(address, options) {
    return look(this.browser, this.address + address, options);
  }

  async stop() {
    await this.browser?.close();
    const faults = [];
    for (const { child, program, log } of this.processes.reverse()) {
      const ended = child.exitCode !== null || child.signalCode !== null ||
        new Promise(done => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      if (/ERROR: \w+Sanitizer|runtime error:/.test(log())) faults.push(`${program}:\n${log()}`);
    }
    rmSync(this.folder, { recursive: true, force: true });
    if (faults.length) throw new Error(faults.join("\n"));
  }
}
