// nanod over a folder of apps, with its admin listener.

import { spawn } from "node:child_process";
import { request } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const TOKEN = "a-token-for-the-tests-of-the-dashboard";
const { NANOD } = process.env;

export class Server {
  // Serves `folder`; the admin listener is at `admin`.
  static async start(folder, admin = "127.0.0.1:0", token = TOKEN) {
    const server = new Server();
    server.child = spawn(NANOD, ["serve", "--listen", "127.0.0.1:0", "--admin", admin, "--threads", "2", folder], {
      env: { ...process.env, NANOD_TOKEN: token }, stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    await new Promise((ready, failed) => {
      server.child.on("exit", () => failed(new Error(`nanod ended:\n${said}`)));
      server.child.stdout.setEncoding("utf8").on("data", (text) => {
        said += text;
        if (/apps? on .* in \d+ ms/.test(said)) ready();
      });
    });
    server.page = /dashboard (http:[^ ]*\/)/.exec(said)[1];
    server.admin = new URL(server.page).host;
    server.port = / on 127\.0\.0\.1:(\d+)/.exec(said)[1];
    return server;
  }

  // Asks an app; an answer may never come.
  ask(app, path = "/path") {
    return new Promise((done) => {
      const asked = request({ host: "127.0.0.1", port: this.port, path, headers: { host: `${app}.localhost` } }, (response) => {
        response.resume().on("end", () => done(response.statusCode));
      });
      asked.on("error", () => done(0)).end();
    });
  }

  // What the admin listener answers.
  async api(path) {
    const response = await fetch(`${this.page}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return response.json();
  }

  async stop() {
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await ended;
  }
}

// Writes an app into a folder.
export function write(folder, name, source, manifest) {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "index.js"), source);
  if (manifest) writeFileSync(join(folder, name, "nano.toml"), manifest);
}
