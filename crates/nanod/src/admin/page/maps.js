// Two maps: what each shard runs and holds, and who holds the memory that all heaps share.

import { bytes, duration, element, percent, say } from "./format.js";

const CELL = 7;
const GAP = 2;
const HOLDERS = 14;
// The cage is 4 GiB; what apps may use of it is less.
const CAGE = 4 * 1024 ** 3;

export class Shards {
  constructor(root, open) {
    this.root = root;
    this.open = open;
    this.rows = [];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rows.forEach((row) => {
      row.drawn = "";
      this.draw(row);
    }));
  }

  update(shards, before, seconds, apps) {
    const held = shards.map(() => []);
    for (const app of apps.values()) for (const at of app.shards) held[at]?.push(app);
    while (this.rows.length < shards.length) this.add();
    shards.forEach((shard, at) => {
      const row = this.rows[at];
      const used = before ? shard.cpu_us - (before[at]?.cpu_us ?? shard.cpu_us) : 0;
      const load = Math.max(0, Math.min(1, used / 1e6 / seconds));
      row.load.style.width = `${(load * 100).toFixed(1)}%`;
      row.node.title = `${percent(load)} of a core, ${shard.instances} instances, ${bytes(shard.memory_bytes)}` +
        (shard.lost ? `, ${shard.lost} threads lost` : "");
      const turn = shard.turn && shard.turn.age_us > 2000 ? shard.turn : null;
      const queued = shard.queued ? ` +${shard.queued} waiting` : "";
      say(row.turn, turn ? `${turn.app} ${duration(turn.age_us)}${turn.stopped ? ", being stopped" : ""}${queued}` : load > 0.02 ? `busy${queued}` : `idle${queued}`);
      if (turn) row.turn.dataset.app = turn.app;
      else delete row.turn.dataset.app;
      held[at].sort((a, b) => (a.name < b.name ? -1 : 1));
      row.apps = held[at];
      this.draw(row);
    });
  }

  add() {
    const row = { apps: [], drawn: "", load: element("i"), turn: element("span", { class: "turn" }), canvas: element("canvas") };
    row.node = element("div", { class: "shard" }, element("b", {}, `${this.rows.length}`),
      element("span", { class: "load" }, row.load), row.turn, row.canvas);
    const at = (event) => {
      const box = row.canvas.getBoundingClientRect();
      const columns = this.columns(row);
      const column = Math.floor((event.clientX - box.left) / (CELL + GAP));
      return column < columns ? row.apps[Math.floor((event.clientY - box.top) / (CELL + GAP)) * columns + column] : undefined;
    };
    row.canvas.addEventListener("mousemove", (event) => (row.canvas.title = at(event)?.name ?? ""));
    row.canvas.addEventListener("click", (event) => at(event) && this.open(at(event).name));
    row.turn.addEventListener("click", () => row.turn.dataset.app && this.open(row.turn.dataset.app));
    this.rows.push(row);
    this.root.append(row.node);
  }

  columns(row) {
    return Math.max(1, Math.floor((row.canvas.clientWidth + GAP) / (CELL + GAP)));
  }

  // A square for each instance, in the color of its app's state.
  draw(row) {
    const columns = this.columns(row);
    const dense = devicePixelRatio || 1;
    const key = `${columns} ${dense} ${row.apps.map((app) => app.state[0] + app.state[1]).join("")}`;
    if (key === row.drawn) return;
    row.drawn = key;
    const lines = Math.max(1, Math.ceil(row.apps.length / columns));
    const height = lines * (CELL + GAP);
    row.canvas.style.height = `${height}px`;
    row.canvas.width = row.canvas.clientWidth * dense;
    row.canvas.height = height * dense;
    const style = getComputedStyle(document.documentElement);
    const probe = element("i");
    document.body.append(probe);
    const colors = new Map();
    const color = (name) => {
      if (!colors.has(name)) {
        // What a variable stands for in this scheme, as a color that canvas knows.
        probe.style.color = style.getPropertyValue(`--${name}`);
        colors.set(name, getComputedStyle(probe).color);
      }
      return colors.get(name);
    };
    const of = { busy: "busy", warm: "warm", starting: "busy", draining: "amber", condemned: "bad", quarantined: "bad" };
    const pen = row.canvas.getContext("2d");
    pen.scale(dense, dense);
    row.apps.forEach((app, at) => {
      pen.fillStyle = color(of[app.state] ?? "cold");
      pen.fillRect((at % columns) * (CELL + GAP), Math.floor(at / columns) * (CELL + GAP) + 1, CELL, CELL);
    });
    probe.remove();
  }
}

export class Cage {
  constructor(root, holders, note, holding, open) {
    Object.assign(this, { root, holders, note, holding, open });
    this.buttons = [];
  }

  update(ceilings, apps) {
    const { heaps_bytes: used, heaps_bytes_max: max } = ceilings;
    const style = (part, name, value) => (this.root.querySelector(part).style[name] = `${(value * 100).toFixed(2)}%`);
    style(".used", "width", used / CAGE);
    style(".pressure", "left", max / CAGE);
    say(this.note, `${bytes(used)} of ${bytes(max)}, ${percent(used / max)}`);
    this.root.setAttribute("aria-label", `${bytes(used)} of ${bytes(max)} used`);
    const largest = [...apps.values()].filter((app) => app.heap_bytes).sort((a, b) => b.heap_bytes - a.heap_bytes);
    const all = largest.reduce((sum, app) => sum + app.heap_bytes, 0);
    // Sizes that hardly differ do not change places each second.
    const shown = largest.slice(0, HOLDERS).sort((a, b) => Math.round(Math.log2(b.heap_bytes) * 4) - Math.round(Math.log2(a.heap_bytes) * 4) || (a.name < b.name ? -1 : 1));
    while (this.buttons.length < shown.length) {
      const button = element("button", { type: "button" }, element("span"));
      button.addEventListener("click", () => this.open(button.dataset.app));
      this.buttons.push(button);
    }
    if (!this.rest) this.rest = element("span", { class: "rest" });
    shown.forEach((app, at) => {
      const button = this.buttons[at];
      button.dataset.app = app.name;
      button.style.flex = `${app.heap_bytes / all} 1 0`;
      button.title = `${app.name}: ${bytes(app.heap_bytes)}`;
      say(button.firstChild, app.name);
    });
    const rest = largest.length - shown.length;
    const others = all - shown.reduce((sum, app) => sum + app.heap_bytes, 0);
    this.rest.style.flex = `${rest ? others / all : 0} 1 0`;
    say(this.rest, rest ? `${rest} more` : "");
    const wanted = [...this.buttons.slice(0, shown.length), ...(rest ? [this.rest] : [])];
    if (this.holders.children.length !== wanted.length || this.holders.lastChild !== wanted.at(-1)) this.holders.replaceChildren(...wanted);
    const outside = [...apps.values()].reduce((sum, app) => sum + app.external_bytes, 0);
    say(this.holding, largest.length
      ? `${largest.length} app${largest.length === 1 ? " holds" : "s hold"} ${bytes(all)} of live heap` + (outside ? `, and ${bytes(outside)} outside the cage` : "")
      : "No app has an instance.");
  }
}
