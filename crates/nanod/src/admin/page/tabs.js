// The tabs: one for each app, in the order that is wanted. A tab is touched only when something of it has changed.

import { bytes, duration, element, percent, rate, say, whole } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 72;
const HEIGHT = 18;
const SECONDS = 60;

const RESTING = new Set(["cold", "drained"]);

export const SORTS = {
  active: (a, b) => RESTING.has(a.state) - RESTING.has(b.state) || SORTS.name(a, b),
  name: (a, b) => (a.name < b.name ? -1 : 1),
  rate: (a, b) => b.rate - a.rate || b.requests - a.requests || SORTS.name(a, b),
  cpu: (a, b) => b.cpu - a.cpu || b.cpu_us - a.cpu_us || SORTS.name(a, b),
  p99_us: (a, b) => b.p99_us - a.p99_us || SORTS.name(a, b),
  heap: (a, b) => b.heap - a.heap || SORTS.name(a, b),
  errors: (a, b) => b.errors - a.errors || SORTS.name(a, b),
};

export class Tabs {
  constructor(root, open) {
    this.root = root;
    this.open = open;
    this.tabs = new Map();
    this.order = [];
    this.selected = null;
    this.visible = new Set();
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) this.visible.add(entry.target.dataset.app);
        else this.visible.delete(entry.target.dataset.app);
        if (entry.isIntersecting) this.tabs.get(entry.target.dataset.app)?.draw();
      }
    }, { root });
    root.addEventListener("click", (event) => {
      const tab = event.target.closest(".tab");
      if (tab) this.open(tab.dataset.app);
    });
    root.addEventListener("keydown", (event) => this.key(event));
  }

  update(app) {
    let tab = this.tabs.get(app.name);
    if (!tab) {
      tab = new Tab(app);
      this.tabs.set(app.name, tab);
      this.watcher.observe(tab.node);
    }
    tab.update(this.visible.has(app.name));
  }

  remove(name) {
    const tab = this.tabs.get(name);
    if (!tab) return;
    this.watcher.unobserve(tab.node);
    this.visible.delete(name);
    tab.node.remove();
    this.tabs.delete(name);
  }

  // Shows these apps, in this order.
  arrange(apps) {
    const names = apps.map((app) => app.name);
    if (names.length === this.order.length && names.every((name, at) => name === this.order[at])) return;
    const focused = document.activeElement?.closest?.(".tab")?.dataset.app;
    const top = this.root.scrollTop;
    this.order = names;
    this.root.replaceChildren(...names.map((name) => this.tabs.get(name).node));
    this.root.scrollTop = top;
    this.rove(focused && names.includes(focused) ? focused : this.selected);
    if (focused && names.includes(focused)) this.tabs.get(focused).node.focus({ preventScroll: true });
  }

  select(name) {
    if (this.selected) this.tabs.get(this.selected)?.node.setAttribute("aria-selected", "false");
    this.selected = name;
    const tab = name && this.tabs.get(name);
    if (tab) {
      tab.node.setAttribute("aria-selected", "true");
      tab.node.scrollIntoView({ block: "nearest" });
    }
    this.rove(name);
  }

  focus(name) {
    const tab = this.tabs.get(name) ?? this.tabs.get(this.order[0]);
    tab?.node.focus();
  }

  // One tab can be reached by the Tab key; from there the arrows go on.
  rove(name) {
    const next = name && this.order.includes(name) ? name : this.order[0];
    if (this.reachable !== next) this.tabs.get(this.reachable)?.node.setAttribute("tabindex", "-1");
    this.reachable = next;
    this.tabs.get(next)?.node.setAttribute("tabindex", "0");
  }

  key(event) {
    const name = event.target.closest(".tab")?.dataset.app;
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.order.indexOf(name);
    const columns = getComputedStyle(this.root).gridTemplateColumns.split(" ").length;
    const to = {
      ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns,
      Home: 0, End: this.order.length - 1,
      PageUp: Math.max(0, at - 8 * columns), PageDown: Math.min(this.order.length - 1, at + 8 * columns),
    }[event.key];
    if (event.key === "Enter" || event.key === " ") this.open(name);
    else if (to === undefined) return;
    else if (to >= 0 && to < this.order.length) {
      this.rove(this.order[to]);
      this.tabs.get(this.order[to]).node.focus();
    }
    event.preventDefault();
  }
}

class Tab {
  constructor(app) {
    this.app = app;
    this.dot = element("i", { class: "dot" });
    this.rate = element("span", { class: "rate" });
    this.p99 = element("span");
    this.cpu = element("span");
    this.heap = element("span");
    this.errors = element("span", { class: "err" });
    this.area = document.createElementNS(SVG, "path");
    this.area.setAttribute("class", "area");
    this.path = document.createElementNS(SVG, "path");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.area, this.path);
    this.node = element(
      "div", { class: "tab", role: "tab", tabindex: "-1", "aria-selected": "false", "aria-controls": "panel", "data-app": app.name },
      this.dot, element("span", { class: "name", title: app.name }, app.name), this.rate,
      element("span", { class: "line" }, this.p99, this.errors, this.cpu, this.heap), svg,
    );
    this.drawn = "";
  }

  update(visible) {
    const app = this.app;
    if (this.node.dataset.state !== app.state) {
      this.node.dataset.state = app.state;
      this.dot.dataset.state = app.state;
      this.node.setAttribute("aria-label", `${app.name}, ${app.state}`);
      this.dot.title = app.state;
    }
    const resting = ["cold", "warm"].includes(app.state);
    say(this.rate, app.rate ? `${rate(app.rate)}/s` : resting ? "" : app.state);
    say(this.p99, app.turn_us ? `one turn, ${duration(app.turn_us)}` : app.p99_us ? `p99 ${duration(app.p99_us)}` : app.state);
    this.p99.className = app.turn_us ? "hot" : "";
    say(this.cpu, app.cpu >= 0.001 ? percent(app.cpu) : "");
    this.cpu.className = app.cpu > 0.5 ? "hot" : "";
    say(this.heap, app.heap ? bytes(app.heap) : "");
    say(this.errors, app.failing && app.state !== "quarantined" ? "deploy failed" : app.kills ? `${app.kills} stopped` : app.errors ? `${whole(app.errors)} failed` : "");
    if (visible) this.draw();
  }

  // The heap of the last minute, from zero up to the most there was.
  draw() {
    const { history } = this.app;
    const most = Math.max(...history);
    const step = WIDTH / (SECONDS - 1);
    const start = WIDTH - (history.length - 1) * step;
    const height = (value) => (HEIGHT - 1 - (most ? value / most : 0) * (HEIGHT - 4)).toFixed(1);
    const points = most ? history.map((value, at) => `${(start + at * step).toFixed(1)} ${height(value)}`).join("L") : `0 ${HEIGHT - 1}H${WIDTH}`;
    if (points !== this.drawn) {
      this.drawn = points;
      this.path.setAttribute("d", `M${points}`);
      this.area.setAttribute("d", most ? `M${start.toFixed(1)} ${HEIGHT}L${points}V${HEIGHT}` : "");
    }
  }
}
