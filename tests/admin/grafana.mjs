// What the Grafana dashboard asks for, as a file of rules, by which promtool reads each expression: grafana.mjs METRICS >RULES
// Fails if it names a metric or a label that nanod's /metrics do not have.

import { readFileSync } from "node:fs";

const scraped = ["job", "instance"]; // Prometheus adds these.
const labels = new Map();
for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  const [, name, list] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
  if (!name) continue;
  if (!labels.has(name)) labels.set(name, new Set(scraped));
  for (const [, label] of (list ?? "").matchAll(/(\w+)="/g)) labels.get(name).add(label);
}

// Everything in the dashboard that Grafana sends to Prometheus, wherever it is.
function* asked(node) {
  if (typeof node !== "object" || node === null) return;
  if (typeof node.expr === "string") yield node.expr;
  const variable = /^label_values\((.*), (\w+)\)$/.exec(node.query?.query ?? "");
  if (variable) yield `count by (${variable[2]}) (${variable[1]})`;
  for (const child of Object.values(node)) yield* asked(child);
}

const dashboard = JSON.parse(readFileSync("docs/grafana/nano.json", "utf8"));
const rules = [];
const wrong = [];
for (const text of asked(dashboard)) {
  const expr = text.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*");
  const names = [...text.matchAll(/\b((?:nano|process)_\w+)(?:\{([^}]*)\})?/g)];
  if (!names.length) wrong.push(`no metric in ${text}`);
  for (const [, name, matchers] of names) {
    if (!labels.has(name)) wrong.push(`${name} is no metric: ${text}`);
    for (const [, label] of (matchers ?? "").matchAll(/(\w+)(?:=~?|!~|!=)"/g)) {
      if (!labels.get(name)?.has(label)) wrong.push(`${name} has no label ${label}: ${text}`);
    }
  }
  for (const [, list] of text.matchAll(/\b(?:by|without) \(([^)]*)\)/g)) {
    for (const label of list.split(/, */)) if (!names.some(([, name]) => labels.get(name)?.has(label))) wrong.push(`nothing has the label ${label}: ${text}`);
  }
  rules.push({ record: `asked:${rules.length}`, expr });
}
for (const [, label] of JSON.stringify(dashboard).matchAll(/"legendFormat":"([^"]*)"/g)) {
  for (const [, name] of label.matchAll(/\{\{(\w+)\}\}/g)) if (![...labels.values()].some((set) => set.has(name))) wrong.push(`no metric has the label ${name} of a legend`);
}
if (rules.length < 30) wrong.push(`${rules.length} expressions`);
for (const what of wrong) console.error(what);
process.stdout.write(JSON.stringify({ groups: [{ name: "grafana", rules }] }));
process.exitCode = wrong.length ? 1 : 0;
