// The page as a whole: figures come once a second, and go to the tabs, the maps and the open app.

import { follow, setToken, takeToken } from "./feed.js";
import { bytes, element, percent, rate, say, whole } from "./format.js";
import { Cage, Shards } from "./maps.js";
import { Panel } from "./panel.js";
import { SORTS, Tabs } from "./tabs.js";

const MINUTE = 60;
const LONG_US = 1e6;
const STATES = ["busy", "warm", "cold", "starting", "condemned", "quarantined", "draining", "drained", "failed"];
const by = (id) => document.getElementById(id);

const apps = new Map();
let last = null;
let lively = new Set();
const shown = { search: "", state: null, sort: "active" };

const tabs = new Tabs(by("tabs"), open);
const panel = new Panel(by("panel"), close);
const shards = new Shards(by("shards"), open);
const cage = new Cage(by("cage"), by("holders"), by("cage-note"), by("holding"), open);
const vitals = new Map([...document.querySelectorAll("[data-vital]")].map((node) => [node.dataset.vital, node]));
const chips = new Map();

function open(name) {
  const app = apps.get(name);
  if (!app) return;
  document.querySelector("main").classList.add("open");
  if (panel.app !== app) panel.show(app);
  tabs.select(name);
}

function close() {
  const name = panel.app?.name;
  document.querySelector("main").classList.remove("open");
  panel.leave();
  tabs.select(null);
  if (name) tabs.focus(name);
}

function hear(kind, told) {
  if (kind !== "stats") return;
  if (told.whole) {
    const there = new Set(told.apps.map((app) => app.name));
    for (const name of apps.keys()) if (!there.has(name)) forget(name);
    last = null;
  }
  const seconds = last ? Math.max(0.2, (told.unix_ms - last.unix_ms) / 1000) : 1;
  const changed = new Set(lively);
  lively = new Set();
  for (const row of told.apps) {
    const app = apps.get(row.name) ?? fresh(row);
    app.rate = last && row.requests !== undefined ? Math.max(0, row.requests - app.requests) / seconds : 0;
    app.cpu = last && row.cpu_us !== undefined ? Math.max(0, row.cpu_us - app.cpu_us) / 1e6 / seconds : 0;
    Object.assign(app, row);
    app.heap = app.heap_bytes + app.external_bytes;
    if (app.rate || app.cpu) lively.add(app);
    changed.delete(app);
    changed.add(app);
    app.told = told.unix_ms;
  }
  for (const name of told.gone) forget(name);
  for (const app of apps.values()) {
    if (app.told !== told.unix_ms) app.rate = app.cpu = 0;
    // A line that goes on moving, or becomes longer, is drawn anew; a level one is not.
    const grows = app.heap && app.history.length < MINUTE;
    app.history.push(app.heap);
    if (app.history.length > MINUTE) app.history.shift();
    if (grows || app.history[0] !== app.heap || app.history[app.history.length >> 1] !== app.heap) changed.add(app);
    if (app.turn_us) changed.add(app);
    app.turn_us = 0;
  }
  for (const shard of told.shards) {
    const app = apps.get(shard.turn?.app);
    if (!app || shard.turn.age_us < LONG_US) continue;
    // A turn is billed when it ends: until then it is the shard's time.
    app.turn_us = shard.turn.age_us;
    app.cpu = last ? Math.max(0, shard.cpu_us - (last.shards[shard.index]?.cpu_us ?? shard.cpu_us)) / 1e6 / seconds : 0;
    lively.add(app);
    changed.add(app);
  }
  for (const app of changed) if (apps.has(app.name)) tabs.update(app);
  show(told, seconds);
  shards.update(told.shards, last?.shards, seconds, apps);
  cage.update(told.ceilings, apps);
  panel.update();
  arrange();
  last = told;
}

function fresh(row) {
  const zeros = ["requests", "errors", "in_flight", "p50_us", "p99_us", "cpu_us", "heap_bytes", "external_bytes", "instances", "cold_starts",
    "kills", "evictions", "failing", "hog"];
  const app = { name: row.name, state: "cold", shards: [], rate: 0, cpu: 0, heap: 0, turn_us: 0, history: [] };
  for (const name of zeros) app[name] = 0;
  apps.set(row.name, app);
  return app;
}

function forget(name) {
  if (panel.app?.name === name) close();
  apps.delete(name);
  tabs.remove(name);
}

function show(told, seconds) {
  const { runtime, ceilings, process } = told;
  const vital = (name, text, more, alarm) => {
    const node = vitals.get(name);
    const key = `${text}|${more ?? ""}`;
    if (node.dataset.key === key) return;
    node.dataset.key = key;
    node.replaceChildren(text, ...(more ? [" ", element("small", {}, more)] : []));
    node.classList.toggle("alarm", Boolean(alarm));
  };
  const since = (name) => (last ? Math.max(0, runtime[name] - last.runtime[name]) / seconds : 0);
  vital("rate", rate(since("requests")));
  vital("in_flight", whole(runtime.in_flight));
  vital("cpu", last ? percent(Math.max(0, process.cpu_ms - last.process.cpu_ms) / 1000 / seconds) : "–");
  vital("instances", whole(ceilings.instances), `of ${whole(ceilings.instances_max)}`);
  vital("resident", bytes(process.resident_bytes));
  vital("starts", rate(since("cold_starts")));
  vital("evictions", whole(runtime.evictions));
  vital("condemned", whole(runtime.condemned));
  vital("lost", whole(ceilings.lost_threads), `of ${ceilings.lost_threads_max}`, ceilings.lost_threads > 0);
}

// Which tabs are shown, in which order; while the pointer is on them they stay where they are.
function arrange(now = false) {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const app of apps.values()) counts[app.state] = (counts[app.state] ?? 0) + 1;
  for (const [state, chip] of chips) {
    say(chip.count, whole(counts[state]));
    chip.node.hidden = counts[state] === 0 && !["busy", "warm", "cold"].includes(state) && shown.state !== state;
  }
  const search = shown.search.toLowerCase();
  const chosen = [...apps.values()].filter((app) => (!shown.state || app.state === shown.state) && app.name.toLowerCase().includes(search));
  const pinned = !now && shown.sort !== "name" && shown.sort !== "active" && by("tabs").matches(":hover, :focus-within");
  if (pinned) {
    const place = new Map(tabs.order.map((name, at) => [name, at]));
    chosen.sort((a, b) => (place.get(a.name) ?? Infinity) - (place.get(b.name) ?? Infinity) || SORTS.name(a, b));
  } else {
    chosen.sort(SORTS[shown.sort]);
  }
  tabs.arrange(chosen);
  say(by("count"), chosen.length === apps.size ? `${whole(apps.size)} apps` : `${whole(chosen.length)} of ${whole(apps.size)}`);
  by("empty").hidden = chosen.length > 0;
}

for (const state of STATES) {
  const count = element("b");
  const node = element("button", { type: "button", "aria-pressed": "false" }, element("i", { class: "dot", "data-state": state }), count, state);
  node.addEventListener("click", () => {
    shown.state = shown.state === state ? null : state;
    for (const [other, chip] of chips) chip.node.setAttribute("aria-pressed", `${other === shown.state}`);
    arrange(true);
  });
  chips.set(state, { node, count });
  by("states").append(node);
}
by("search").addEventListener("input", (event) => { shown.search = event.target.value; arrange(true); });
by("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && tabs.order.length) open(tabs.order[0]);
  if (event.key === "ArrowDown") { tabs.focus(tabs.order[0]); event.preventDefault(); }
});
by("sort").addEventListener("change", (event) => { shown.sort = event.target.value; arrange(true); });
by("keys-button").addEventListener("click", () => by("keys").showModal());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape") {
    if (shown.search && typing) {
      by("search").value = shown.search = "";
      arrange(true);
    } else if (panel.app) close();
    else if (typing) event.target.blur();
  } else if (typing) return;
  else if (event.key === "/") by("search").focus();
  else if (event.key === "?") by("keys").showModal();
  else if (event.key.startsWith("Arrow") && event.target === document.body) tabs.focus(tabs.selected ?? tabs.reachable);
  else if (!panel.key(event.key)) return;
  event.preventDefault();
});

function begin() {
  follow("/stats/stream", hear, (state, error) => {
    const link = by("link");
    link.toggleAttribute("data-on", state === "on");
    say(link, { on: "live", off: "away, trying again", refused: "no token" }[state]);
    if (state === "refused") askForToken(error);
  });
}

function askForToken(error) {
  if (error) say(by("ask-why"), "This is not the token. nanod printed it, or the place of it, when it started.");
  by("ask").showModal();
}

by("ask-form").addEventListener("submit", () => {
  setToken(by("ask-token").value);
  by("ask-token").value = "";
  begin();
  panel.again();
});

if (takeToken()) begin();
else askForToken();
addEventListener("hashchange", () => { if (takeToken()) location.reload(); });
