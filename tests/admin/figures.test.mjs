// The figures that the dashboard draws, in a browser: they are those of the API, move, and come again by themselves when they have been cut off.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Server, TOKEN, write } from "./server.mjs";

const { CHROMIUM, SHOTS } = process.env;
const CAGE = 4 * 1024 ** 3;

const work = mkdtempSync(join(tmpdir(), "nanod-figures-"));
const folder = join(work, "apps");
mkdirSync(SHOTS, { recursive: true });
write(folder, "grows", "const kept = []; export default { fetch() { for (let i = 0; i < 40; i++) kept.push('x'.repeat(20000 + kept.length) + kept.length); return new Response(); } };");
write(folder, "speaks", "export default { fetch(request) { console.log('at', new URL(request.url).pathname); return new Response(); } };");
write(folder, "loops", "export default { fetch(request) { if (request.url.endsWith('/loop')) for (;;); return new Response(); } };");
write(folder, "sleeps", "export default { fetch() { return new Response(); } };", "lazy = true\n");

let browser, server;
before(async () => {
  server = await Server.start(folder);
  browser = await Browser.start(CHROMIUM, join(work, "profile"));
  await browser.look(1440, 900, false);
});
after(async () => {
  await browser?.stop();
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
});

const tab = (name) => `document.querySelector('.tab[data-app="${name}"]')`;
const states = "Object.fromEntries([...document.querySelectorAll('.tab')].map((tab) => [tab.dataset.app, tab.dataset.state]))";
const link = "document.querySelector('#link').textContent";
const log = "[...document.querySelectorAll('.log pre')].map((line) => line.textContent).filter((text) => text.startsWith('at '))";

// The page of an address, with figures.
async function open(page, count = 4) {
  browser.complaints.length = 0;
  await browser.open(`${page}#token=${TOKEN}`);
  await browser.until(`document.querySelectorAll('.tab').length === ${count} && ${link} === 'live'`);
}

// The points of a tab's line: x, and the height above its foot as a share of the highest.
async function line(name) {
  const [d, drawn] = await browser.evaluate(`(() => {
    const path = ${tab(name)}.querySelector("path:not(.area)"), box = path.getBoundingClientRect(), style = getComputedStyle(path);
    return [path.getAttribute("d") ?? "", box.width > 0 && style.stroke !== "none" && style.visibility === "visible"];
  })()`);
  const points = [...d.matchAll(/([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), (17 - y) / 14]);
  return { points, drawn };
}

async function lineUntil(name, holds, what) {
  for (let tries = 0; tries < 600; tries++) {
    const seen = await line(name);
    if (seen.drawn && holds(seen.points)) return seen.points;
    await browser.evaluate("new Promise(requestAnimationFrame)");
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`not within a minute: ${what}: ${JSON.stringify(await line(name))}`);
}

// Whether a text like "23.5 MiB" says this number.
function says(text, bytes) {
  const [, number, unit] = /^([\d.]+).([KMG]?i?B)/u.exec(text) ?? assert.fail(`${text} is no size`);
  const size = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[unit];
  return Math.abs(Number(number) * size - bytes) <= size * (number.includes(".") ? 0.051 : 0.51);
}

describe("the line of a heap", () => {
  before(async () => {
    await server.ask("speaks");
    await open(server.page);
  });

  test("is the heap of each second, and goes up when it grows", async () => {
    const heap = async () => (await server.api("apps/grows")).heap_bytes;
    await server.ask("grows");
    const little = await heap();
    await lineUntil("grows", (points) => points.length >= 2, "two seconds");
    let much = little;
    while (much < little * 2) {
      assert.equal(await server.ask("grows"), 200);
      much = await heap();
    }
    const points = await lineUntil("grows", (seen) => seen.at(-1)?.[1] === 1 && seen[0][1] < 0.6, "the last is the highest");
    assert.ok(points.every(([x], at) => at === 0 || x > points[at - 1][0]), "from left to right");
    assert.equal(points.at(-1)[0], 72);
    const share = little / much;
    assert.ok(points.some(([, height]) => Math.abs(height - share) < 0.15), `${JSON.stringify(points)} has nothing at ${share}`);
    assert.ok(says(await browser.evaluate(`${tab("grows")}.querySelector('.line span:last-child').textContent`), much));
  });

  test("is there when the heap stays as it is", async () => {
    const points = await lineUntil("speaks", (seen) => seen.length >= 4, "four seconds");
    assert.ok(points.every(([, height]) => height === 1));
  });

  test("is not there where there is no heap", async () => {
    assert.equal(await browser.evaluate(`${tab("sleeps")}.querySelector("svg").getBoundingClientRect().width`), 0);
  });
});

describe("the maps", () => {
  before(async () => {
    await Promise.all(["grows", "speaks", "loops"].map((app) => server.ask(app)));
    await open(server.page);
  });

  // Figures of the page are of the second before: they are compared until nothing moves.
  async function same(what, shown, holds) {
    let seen;
    for (let tries = 0; tries < 300; tries++) {
      const stats = await server.api("stats");
      seen = await browser.evaluate(shown);
      if (holds(seen, stats)) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    assert.fail(`${what}: the page has ${JSON.stringify(seen)}, the API ${JSON.stringify(await server.api("stats"))}`);
  }

  test("the shards are those of the API, with a square for each instance", async () => {
    const rows = `[...document.querySelectorAll('.shard')].map((row) => {
      const canvas = row.querySelector("canvas"), pen = canvas.getContext("2d");
      const at = (x) => x < canvas.width && pen.getImageData(x, 4, 1, 1).data[3] === 255;
      return { title: row.title, squares: Array.from({ length: 40 }, (_, n) => at(n * 9 + 3)).filter(Boolean).length };
    })`;
    await same("shards", rows, (seen, { shards, apps }) => seen.length === shards.length && shards.every((shard, at) => {
      const [, instances, memory] = /(\d+) instances, (.*)$/.exec(seen[at].title);
      return Number(instances) === shard.instances && says(memory, shard.memory_bytes) &&
        seen[at].squares === apps.filter((app) => app.shards.includes(at)).length;
    }));
    const { shards } = await server.api("stats");
    assert.equal(shards.reduce((sum, shard) => sum + shard.instances, 0), 3);
  });

  test("the cage is that of the API", async () => {
    const cage = `(() => {
      const part = (name) => document.querySelector(name).style, all = document.querySelector("#cage").clientWidth;
      return { note: document.querySelector("#cage-note").textContent, used: parseFloat(part("#cage .used").width), left: parseFloat(part("#cage .pressure").left),
        drawn: document.querySelector("#cage .used").clientWidth / all };
    })()`;
    await same("the cage", cage, (seen, { ceilings: { heaps_bytes: used, heaps_bytes_max: max } }) => {
      const [, some, all, share] = /^(.*) of (.*), ([\d.]+).%$/u.exec(seen.note);
      return says(some, used) && says(all, max) && Math.abs(share / 100 - used / max) < 0.006 &&
        Math.abs(seen.used / 100 - used / CAGE) < 0.0001 && Math.abs(seen.left / 100 - max / CAGE) < 0.0001 && Math.abs(seen.drawn - used / CAGE) < 0.005;
    });
  });

  test("who holds it has as much of the strip as of the heaps", async () => {
    const holders = `[...document.querySelectorAll('#holders button')].map((one) => ({ app: one.dataset.app, title: one.title,
      share: one.getBoundingClientRect().width / document.querySelector('#holders').clientWidth }))`;
    await same("holders", holders, (seen, { apps }) => {
      const holding = apps.filter((app) => app.heap_bytes);
      const all = holding.reduce((sum, app) => sum + app.heap_bytes, 0);
      return seen.length === holding.length && holding.every((app) => {
        const one = seen.find(({ app: name }) => name === app.name);
        return one && says(one.title.slice(app.name.length + 2), app.heap_bytes) && Math.abs(one.share - app.heap_bytes / all) < 0.01;
      });
    });
  });

  test("the figures of the process are those of the API", async () => {
    const vitals = "Object.fromEntries([...document.querySelectorAll('[data-vital]')].map((node) => [node.dataset.vital, node.textContent]))";
    const number = (text) => Number(text.replace(/ of .*/u, "").replace(/[^\d]/gu, ""));
    await same("vitals", vitals, (seen, { runtime, ceilings }) => number(seen.instances) === ceilings.instances && number(seen.in_flight) === runtime.in_flight &&
      number(seen.condemned) === runtime.condemned && number(seen.evictions) === runtime.evictions && number(seen.lost) === ceilings.lost_threads);
  });

  test("squares have the colors of the scheme", async () => {
    const color = "[...document.querySelector('.shard canvas').getContext('2d').getImageData(3, 4, 1, 1).data]";
    const probe = (name) => `(() => {
      const node = document.createElement("i");
      node.style.color = "var(--${name})";
      document.body.append(node);
      const [r, g, b] = getComputedStyle(node).color.match(/\\d+/g).map(Number);
      node.remove();
      return [r, g, b, 255];
    })()`;
    const light = await browser.evaluate(color);
    assert.deepEqual(light, await browser.evaluate(probe("warm")));
    await browser.look(1440, 900, true);
    const dark = await browser.evaluate(probe("warm"));
    await browser.until(`${color}.join() === "${dark.join()}"`);
    assert.notDeepEqual(dark, light);
    await browser.look(1440, 900, false);
  });
});

describe("an app that broke a limit", () => {
  before(() => open(server.page));

  test("is condemned, until it is asked again", async () => {
    const chip = `(() => { const one = document.querySelector('#states button:has([data-state="condemned"])'); return one.hidden ? null : one.textContent; })()`;
    assert.equal(await browser.evaluate(chip), null);
    assert.equal(await server.ask("loops", "/loop"), 500);
    await browser.until(`${tab("loops")}.dataset.state === "condemned"`);
    assert.equal((await server.api("apps/loops")).state, "condemned");
    assert.equal(await browser.until(chip), "1condemned");
    assert.equal(await browser.evaluate(`${tab("loops")}.getAttribute("aria-label")`), "loops, condemned");
    assert.match(await browser.evaluate(`${tab("loops")}.textContent`), /1 stopped/);
    const red = "getComputedStyle(document.querySelector('.bar .dot')).backgroundColor";
    await browser.click('.tab[data-app="loops"]');
    assert.equal(await browser.evaluate(`${red} === getComputedStyle(${tab("loops")}.querySelector('.dot')).backgroundColor`), true);
    await browser.click('[data-page="ends"]');
    await browser.until("/instance stopped: cpu\\s*1$/.test(document.querySelector('.sheet').innerText.trim())");
    await browser.shoot(join(SHOTS, "condemned-light.png"));
    await browser.look(1440, 900, true);
    await browser.shoot(join(SHOTS, "condemned-dark.png"));
    await browser.look(1440, 900, false);
    await browser.key("Escape");
    assert.equal(await server.ask("loops", "/"), 200);
    await browser.until(`${tab("loops")}.dataset.state === "warm" && ${chip} === null`);
  });
});

describe("what is written", () => {
  before(async () => {
    await open(server.page);
    await server.ask("loops", "/loop");
    await browser.click('.tab[data-app="loops"]');
    await browser.until("document.querySelector('.log [data-level=\"error\"]')");
    await browser.until(`${tab("loops")}.dataset.state === "condemned"`);
  });

  // As WCAG reckons it: 4.5 is what small text needs.
  const contrasts = `(() => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const over = (colors) => {
      pen.clearRect(0, 0, 1, 1);
      for (const color of colors) { pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); }
      return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((it) => it / 255).map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
      .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
    const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), poor = new Set();
    let seen = 0;
    for (let node; (node = all.nextNode());) {
      const own = node.parentElement;
      if (!node.data.trim() || !own.checkVisibility() || !own.getBoundingClientRect().width) continue;
      const grounds = [];
      for (let at = own; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
      const [text, ground] = [[...grounds, getComputedStyle(own).color], grounds].map((colors) => light(over(colors)));
      const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
      seen++;
      if (contrast < 4.5) poor.add(own.tagName + "." + own.className + " " + node.data.slice(0, 20) + " " + contrast.toFixed(2));
    }
    return { seen, poor: [...poor] };
  })()`;

  for (const scheme of ["light", "dark"]) {
    test(`can be read in the ${scheme} scheme`, async () => {
      await browser.look(1440, 900, scheme === "dark");
      const { seen, poor } = await browser.evaluate(contrasts);
      assert.deepEqual(poor, []);
      assert.ok(seen > 60, `${seen} texts`);
    });
  }

  test("is all there on a narrow screen", async () => {
    await browser.look(420, 900, false);
    assert.equal(await browser.evaluate("document.documentElement.scrollWidth"), 420);
    await browser.shoot(join(SHOTS, "narrow-open.png"));
    await browser.key("Escape");
    assert.equal(await browser.evaluate("document.documentElement.scrollWidth"), 420);
    await browser.shoot(join(SHOTS, "narrow.png"));
  });
});

describe("a page that is cut off", () => {
  // Stands between the browser and nanod.
  const between = { sockets: new Set(), open: true };
  const doorway = createServer((socket) => {
    if (!between.open) return socket.destroy();
    const [host, port] = server.admin.split(":");
    const onward = connect(Number(port), host);
    for (const one of [socket, onward]) {
      between.sockets.add(one);
      one.on("error", () => {}).on("close", () => { between.sockets.delete(one); socket.destroy(); onward.destroy(); });
    }
    socket.pipe(onward).pipe(socket);
  });
  before(async () => {
    await browser.look(1440, 900, false);
    await server.ask("loops", "/");
    await new Promise((done) => doorway.listen(0, "127.0.0.1", done));
    await open(`http://127.0.0.1:${doorway.address().port}/`);
    await browser.until(`${tab("loops")}.dataset.state === "warm"`);
    await browser.evaluate("window.mark = 'the same page'");
    await browser.click('.tab[data-app="speaks"]');
    await browser.click('[data-page="log"]');
  });
  after(() => doorway.close());

  test("goes on where it was when the connection comes again", async () => {
    await server.ask("speaks", "/one");
    await browser.until(`${log}.includes('at /one')`);
    const said = await browser.evaluate(log);
    between.open = false;
    for (const socket of between.sockets) socket.destroy();
    await browser.until(`${link} === 'away, trying again'`);
    await server.ask("speaks", "/two");
    await server.ask("loops", "/loop");
    assert.deepEqual(await browser.evaluate(log), said);
    assert.equal(await browser.evaluate(`${tab("loops")}.dataset.state`), "warm", "what was known last");
    between.open = true;
    await browser.until(`${link} === 'live' && ${tab("loops")}.dataset.state === "condemned"`);
    await browser.until(`${log}.includes('at /two')`);
    await server.ask("speaks", "/three");
    await browser.until(`${log}.includes('at /three')`);
    assert.deepEqual(await browser.evaluate(log), [...said, "at /two", "at /three"], "each line once");
  });

  test("follows the next nanod", async () => {
    between.open = true;
    const { admin } = server;
    await server.stop();
    await browser.until(`${link} === 'away, trying again'`);
    rmSync(join(folder, "sleeps"), { recursive: true });
    write(folder, "fresh", "export default { fetch() { return new Response(); } };");
    server = await Server.start(folder, admin);
    await browser.until(`${link} === 'live' && ${tab("fresh")} && !${tab("sleeps")}`);
    await server.ask("speaks", "/four");
    await browser.until(`${log}.at(-1) === 'at /four'`);
    assert.equal(await browser.evaluate(`${log}.filter((text) => text === 'at /four').length`), 1);
    assert.deepEqual(await browser.evaluate(states), { fresh: "warm", grows: "warm", loops: "warm", speaks: "warm" });
    const { requests } = await server.api("apps/speaks");
    assert.equal(requests, 1);
    await browser.until(`document.querySelector('.facts dd').textContent.startsWith('1')`);
    assert.equal(await browser.evaluate("window.mark"), "the same page");
  });

  test("asks for the token when the next nanod has another", async () => {
    const { admin } = server;
    await server.stop();
    server = await Server.start(folder, admin, `${TOKEN}-of-another`);
    await browser.until("document.querySelector('#ask').open");
    assert.equal(await browser.evaluate(link), "no token");
    await browser.evaluate(`document.querySelector('#ask-token').value = '${TOKEN}-of-another'`);
    await browser.click("#ask-form button");
    await browser.until(`${link} === 'live' && !document.querySelector('#ask').open`);
    await server.ask("speaks", "/five");
    await browser.until(`${log}.at(-1) === 'at /five'`);
    assert.equal(await browser.evaluate("window.mark"), "the same page");
  });

  test("nothing was thrown in the page", () => {
    assert.deepEqual(browser.complaints.filter((text) => !/^Failed to load resource/.test(text)), []);
  });
});
