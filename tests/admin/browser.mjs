// A headless Chromium, driven over its debugging pipe: nothing to install beside the browser.

import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";

const PATIENCE_MS = 60_000;

export class Browser {
  // Starts `program`; its profile is in `folder`.
  static async start(program, folder) {
    const child = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--no-proxy-server",
      "--disable-background-networking", "--disable-component-update", "--mute-audio", `--user-data-dir=${folder}`, "--remote-debugging-pipe",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const browser = new Browser(child);
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    browser.session = (await browser.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) await browser.send(`${domain}.enable`);
    return browser;
  }

  constructor(child) {
    this.child = child;
    this.waiting = new Map();
    this.next = 1;
    this.complaints = [];
    let text = "";
    child.stdio[4].setEncoding("utf8").on("data", (piece) => {
      text += piece;
      for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) this.hear(JSON.parse(text.slice(0, end)));
    });
    child.on("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser has ended"));
    });
  }

  hear(message) {
    const waiting = this.waiting.get(message.id);
    if (waiting) {
      this.waiting.delete(message.id);
      if (message.error) waiting.reject(new Error(message.error.message));
      else waiting.resolve(message.result);
    }
    // What the page's author should have seen: exceptions, and what the content security policy kept out.
    if (message.method === "Runtime.exceptionThrown") this.complaints.push(message.params.exceptionDetails.exception?.description ?? "an exception");
    if (message.method === "Log.entryAdded" && message.params.entry.level === "error") this.complaints.push(message.params.entry.text);
  }

  send(method, params = {}) {
    const id = this.next++;
    const message = { id, method, params, ...(this.session ? { sessionId: this.session } : {}) };
    this.child.stdio[3].write(JSON.stringify(message) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async open(url) {
    await this.send("Page.navigate", { url: "about:blank" });
    await this.send("Page.navigate", { url });
  }

  async look(width, height, dark) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  // Waits until an expression holds in the page; what it gives then.
  async until(expression, what = expression) {
    const end = Date.now() + PATIENCE_MS;
    while (Date.now() < end) {
      const value = await this.evaluate(expression).catch(() => null);
      if (value) return value;
      await new Promise((done) => setTimeout(done, 50));
    }
    const text = await this.evaluate("document.body.innerText").catch(() => "");
    throw new Error(`not within a minute: ${what}\nthe page says:\n${text.slice(0, 2000)}`);
  }

  async key(key, text) {
    const code = { Enter: 13, Escape: 27, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Tab: 9 }[key] ?? key.toUpperCase().charCodeAt(0);
    const typed = text ?? (key.length === 1 ? key : key === "Enter" ? "\r" : undefined);
    await this.send("Input.dispatchKeyEvent", { type: typed ? "keyDown" : "rawKeyDown", key, windowsVirtualKeyCode: code, text: typed });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode: code });
  }

  async type(text) {
    for (const letter of text) await this.key(letter);
  }

  async click(selector) {
    const point = await this.until(`(() => {
      const node = document.querySelector(${JSON.stringify(selector)});
      node?.scrollIntoView({ block: "nearest" });
      const box = node?.getBoundingClientRect();
      return box && box.width ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null;
    })()`, `${selector} to click on`);
    for (const type of ["mousePressed", "mouseReleased"]) await this.send("Input.dispatchMouseEvent", { type, ...point, button: "left", clickCount: 1 });
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", x: 2, y: 2 });
  }

  async shoot(file) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    await writeFile(file, Buffer.from(data, "base64"));
  }

  async stop() {
    this.session = undefined;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.send("Browser.close").catch(() => {});
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }
}
