// The open app: its address, what can be done to it, its figures, its log, versions and limits.

import { call, follow } from "./feed.js";
import { ago, bytes, duration, element, limit, percent, rate, say, whole } from "./format.js";

const LINES = 1000;
const SURE_MS = 4000;

export class Panel {
  constructor(root, close) {
    this.root = root;
    this.close = close;
    this.app = null;
    this.page = "log";
    this.level = "debug";
    this.search = "";
  }

  show(app) {
    this.leave();
    this.app = app;
    this.detail = null;
    this.build();
    this.root.hidden = false;
    this.update();
    this.look();
    this.turnTo(this.page);
    this.timer = setInterval(() => this.look(), 5000);
  }

  leave() {
    clearInterval(this.timer);
    this.stop?.();
    this.stop = null;
    this.app = null;
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  build() {
    const button = (label, title, act) => {
      const made = element("button", { type: "button", title }, label);
      made.addEventListener("click", act);
      return made;
    };
    this.dot = element("i", { class: "dot" });
    this.address = element("span", {}, this.app.name);
    this.said = element("p", { class: "said", role: "status", hidden: true });
    this.reloadButton = button("Reload", "Deploy the folder as it is now (r)", () => this.act("POST", "/reload", "reloaded"));
    this.drainButton = button("Drain", "Let requests end and answer no more (d)", () => this.sure(this.drainButton, () => this.act("POST", "/drain", "out of service")));
    this.killButton = button("Kill", "End its instances now (k)", () => this.sure(this.killButton, () => this.act("POST", "/kill", "killed")));
    const closing = button("×", "Close (Esc)", () => this.close());
    closing.className = "close";
    closing.setAttribute("aria-label", "Close");
    this.facts = new Map();
    const facts = element("dl", { class: "facts" });
    for (const name of ["requests", "p50 / p99", "errors", "CPU", "heap", "outside", "instances", "cold starts", "stopped", "last request"]) {
      const value = element("dd");
      this.facts.set(name, value);
      facts.append(element("div", {}, element("dt", {}, name), value));
    }
    const pages = { log: "Log", versions: "Versions", limits: "Limits", ends: "Endings", app: "Routes" };
    this.buttons = new Map(Object.entries(pages).map(([page, label]) => {
      const made = element("button", { type: "button", role: "tab", "data-page": page }, label);
      made.addEventListener("click", () => this.turnTo(page));
      return [page, made];
    }));
    this.levels = element("select", { "aria-label": "Least level" }, ...["debug", "info", "warn", "error"].map((it) => element("option", { value: it }, it)));
    this.levels.value = this.level;
    this.levels.addEventListener("change", () => { this.level = this.levels.value; this.turnTo("log"); });
    this.finder = element("input", { type: "search", placeholder: "Lines with", "aria-label": "Lines with this" });
    this.finder.value = this.search;
    this.finder.addEventListener("change", () => { this.search = this.finder.value; this.turnTo("log"); });
    this.filter = element("span", { class: "filter" }, this.finder, this.levels);
    this.sheet = element("div", { class: "sheet", tabindex: "0" });
    this.root.replaceChildren(
      element("div", { class: "bar" }, element("div", { class: "address" }, this.dot, this.address), this.reloadButton, this.drainButton, this.killButton, closing),
      this.said, facts,
      element("div", { class: "pages" }, element("div", { role: "tablist", "aria-label": "About the app" }, ...this.buttons.values(), this.filter), this.sheet),
    );
    this.root.setAttribute("aria-label", this.app.name);
  }

  // What comes each second.
  update() {
    const app = this.app;
    if (!app) return;
    if (this.dot.dataset.state !== app.state) this.dot.dataset.state = app.state;
    this.dot.title = app.state;
    const fact = (name, text, more) => {
      const node = this.facts.get(name);
      const key = `${text}|${more ?? ""}`;
      if (node.dataset.key === key) return;
      node.dataset.key = key;
      node.replaceChildren(text, ...(more ? [" ", element("small", {}, more)] : []));
    };
    fact("requests", whole(app.requests), app.in_flight ? `${app.in_flight} now` : app.rate ? `${rate(app.rate)}/s` : "");
    fact("p50 / p99", duration(app.p50_us), app.p99_us ? duration(app.p99_us) : "");
    fact("errors", whole(app.errors));
    fact("CPU", percent(app.cpu), duration(app.cpu_us));
    fact("heap", bytes(app.heap_bytes));
    fact("outside", bytes(app.external_bytes));
    fact("instances", `${app.instances}`, app.shards.length ? `on ${app.shards.join(", ")}` : "");
    fact("cold starts", whole(app.cold_starts), app.evictions ? `${app.evictions} evicted` : "");
    fact("stopped", whole(app.kills));
    const idle = this.detail?.idle_ms;
    fact("last request", app.in_flight ? "now" : idle == null ? "–" : ago(idle), idle == null || app.in_flight ? "" : "ago");
  }

  // What changes seldom.
  async look() {
    const { app } = this;
    try {
      const detail = await call("GET", `/apps/${encodeURIComponent(app.name)}`);
      if (this.app !== app) return;
      this.detail = detail;
    } catch (error) {
      if (this.app === app && error.status === 404) this.tell("The app is gone.", true);
      return;
    }
    const url = this.detail.urls?.[0];
    if (url && this.address.firstChild?.textContent !== url) {
      this.address.replaceChildren(element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url));
    }
    if (this.detail.failure && !this.toldFailure) this.tell(`The latest version does not serve: ${this.detail.failure}`, true);
    this.toldFailure = Boolean(this.detail.failure);
    if (this.page !== "log") this.fill();
    this.update();
  }

  // With another token.
  again() {
    if (!this.app) return;
    this.turnTo(this.page);
    this.look();
  }

  turnTo(page) {
    this.page = page;
    this.stop?.();
    this.stop = null;
    for (const [name, button] of this.buttons) button.setAttribute("aria-selected", `${name === page}`);
    this.filter.hidden = page !== "log";
    this.sheet.replaceChildren();
    if (page === "log") this.followLog();
    else this.fill();
  }

  followLog() {
    const log = element("div", { class: "log", role: "log", "aria-label": "Log" });
    const none = element("p", { class: "note" }, "It has said nothing.");
    this.sheet.replaceChildren(none, log);
    const query = new URLSearchParams({ app: this.app.name, level: this.level, tail: "300" });
    if (this.search) query.set("search", this.search);
    this.stop = follow(`/logs?${query}`, (kind, data) => {
      none.hidden = true;
      const atEnd = this.sheet.scrollTop + this.sheet.clientHeight >= this.sheet.scrollHeight - 24;
      log.append(kind === "dropped" ? element("span", { class: "gap" }, `${whole(data.lines)} lines are gone`) : line(data));
      while (log.childElementCount > LINES) log.firstChild.remove();
      if (atEnd) this.sheet.scrollTop = this.sheet.scrollHeight;
    });
  }

  fill() {
    const { detail } = this;
    if (!detail) return this.sheet.replaceChildren(element("p", { class: "note" }, "…"));
    const table = (heads, rows, narrow = false) => element("table", { class: narrow && "narrow" }, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {}, head)))), element("tbody", {}, ...rows));
    const row = (...cells) => element("tr", {}, ...cells.map((cell) => (cell instanceof Node ? element("td", {}, cell) : element("td", typeof cell === "number" ? { class: "number" } : {}, typeof cell === "number" ? whole(cell) : cell))));
    const sheets = {
      versions: () => table(["version", "deployed", "digest", ""], (detail.versions ?? []).map((it) =>
        row(`${it.number}`, new Date(it.unix_ms).toLocaleString(), element("code", {}, (it.digest ?? "").slice(0, 12)), it.error ? it.error.split("\n")[0] : it === detail.versions.find((one) => !one.error) ? "serves" : ""))),
      limits: () => table(["limit", "", "bytes, ms or count"], Object.entries(detail.limits ?? {}).map(([name, value]) => row(element("code", {}, name), limit(name, value), value)), true),
      ends: () => table(["requests ended", ""], [
        ...Object.entries(detail.outcomes ?? {}).map(([name, count]) => row(name.replaceAll("_", " "), count)),
        ...Object.entries(detail.kills_by ?? {}).filter(([, count]) => count).map(([name, count]) => row(`instance stopped: ${name}`, count)),
      ], true),
      app: () => table(["", ""], [
        row("folder", element("code", {}, detail.path ?? "")),
        row("manifest", element("code", {}, detail.manifest ?? "none")),
        ...(detail.urls ?? []).map((url) => row("by name", element("code", {}, url))),
        ...(detail.routes ?? []).map((route) => row("route", element("code", {}, route))),
        ...(detail.default ? [row("default", "it answers what nobody else does")] : []),
        row("home shard", `${detail.home ?? "–"}`),
      ]),
    };
    this.sheet.replaceChildren(sheets[this.page]());
  }

  // Does something only when it is asked for twice.
  sure(button, act) {
    if (button.classList.contains("sure")) {
      button.classList.remove("sure");
      say(button, button.dataset.label);
      return act();
    }
    button.dataset.label = button.textContent;
    button.classList.add("sure");
    say(button, `${button.dataset.label}?`);
    setTimeout(() => {
      button.classList.remove("sure");
      say(button, button.dataset.label);
    }, SURE_MS);
  }

  async act(method, action, done) {
    const { app } = this;
    try {
      const answer = await call(method, `/apps/${encodeURIComponent(app.name)}${action}`);
      const more = answer.ended === undefined ? answer.version ? ` as version ${answer.version}` : "" : `: ${answer.ended} instance${answer.ended === 1 ? "" : "s"} ended`;
      if (this.app === app) this.tell(`${app.name} ${done}${more}.`);
    } catch (error) {
      if (this.app === app) this.tell(error.message, true);
    }
    if (this.app === app) this.look();
  }

  tell(text, bad = false) {
    this.said.hidden = false;
    this.said.classList.toggle("bad", bad);
    say(this.said, text);
    clearTimeout(this.quiet);
    if (!bad) this.quiet = setTimeout(() => (this.said.hidden = true), 6000);
  }

  key(key) {
    if (!this.app) return false;
    const button = { r: this.reloadButton, d: this.drainButton, k: this.killButton }[key];
    button?.click();
    return Boolean(button);
  }
}

function line(data) {
  const time = new Date(data.unix_ms);
  const shown = time.toTimeString().slice(0, 8) + "." + `${time.getMilliseconds()}`.padStart(3, "0");
  const text = data.event ? [data.event, data.text].filter(Boolean).join(": ") : data.text;
  return element("div", { "data-level": data.level, "data-event": data.event },
    element("time", { datetime: time.toISOString() }, shown), element("span", { class: "level" }, data.level), element("pre", {}, text));
}
