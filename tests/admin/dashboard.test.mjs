// The dashboard in a browser, with a few apps and with a thousand: what it shows, what a click and a key do, in both color schemes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Server, TOKEN } from "./server.mjs";

const { CHROMIUM, SHOTS } = process.env;

// nanod over a folder of so many apps.
function serve(folder, count) {
  execFileSync(join(import.meta.dirname, "apps.sh"), [folder, `${count}`]);
  return Server.start(folder);
}

const work = mkdtempSync(join(tmpdir(), "nanod-dashboard-"));
mkdirSync(SHOTS, { recursive: true });
let browser;
before(async () => (browser = await Browser.start(CHROMIUM, join(work, "profile"))));
after(async () => {
  await browser?.stop();
  rmSync(work, { recursive: true, force: true });
});

const tab = (name) => `document.querySelector('.tab[data-app="${name}"]')`;
const tabs = "document.querySelectorAll('.tab').length";
const focused = "document.activeElement.dataset.app";

describe("with a few apps", () => {
  let server;
  before(async () => {
    server = await serve(join(work, "few"), 6);
    await Promise.all(["shop", "images", "search", "broken"].map((app) => server.ask(app)));
    await browser.look(1440, 900, false);
    await browser.open(`${server.page}#token=${TOKEN}`);
    await browser.until(`${tabs} === 6`);
  });
  after(async () => {
    await browser.open("about:blank");
    await server?.stop();
  });

  test("the token leaves the address and is not asked for", async () => {
    assert.equal(await browser.evaluate("location.hash"), "");
    assert.equal(await browser.evaluate("document.querySelector('#ask').open"), false);
    await browser.until("document.querySelector('#link').textContent === 'live'");
  });

  test("every app is a tab with its state", async () => {
    await browser.until(`${tab("shop")}.dataset.state === "warm"`);
    assert.equal(await browser.evaluate(`${tab("tenant-0006")}.dataset.state`), "cold");
    assert.match(await browser.evaluate(`${tab("shop")}.textContent`), /p99/);
    assert.match(await browser.evaluate(`${tab("broken")}.textContent`), /1 failed/);
    assert.equal(await browser.evaluate("document.querySelectorAll('.shard').length"), 2);
    assert.match(await browser.evaluate("document.querySelector('#cage-note').textContent"), /MiB of 3\.4.GiB/);
  });

  test("an app that loops is seen, and can be killed", async () => {
    const answer = server.ask("loops");
    await browser.until(`${tab("loops")}.dataset.state === "busy" && ${tab("loops")}.textContent.includes("one turn")`);
    await browser.until(`[...document.querySelectorAll('.shard .turn')].some((turn) => turn.dataset.app === "loops")`);
    await browser.click('.tab[data-app="loops"]');
    await browser.until("document.querySelector('.log')?.textContent.includes('begins to loop')");
    await browser.shoot(join(SHOTS, "few-light.png"));
    await browser.look(1440, 900, true);
    await browser.shoot(join(SHOTS, "few-dark.png"));
    await browser.look(1440, 900, false);
    await browser.key("k");
    assert.match(await browser.evaluate("document.querySelector('.bar .sure').textContent"), /Kill\?/);
    await browser.key("k");
    assert.equal(await answer, 500);
    await browser.until(`${tab("loops")}.dataset.state === "cold"`);
    await browser.until("document.querySelector('.said').textContent.includes('1 instance ended')");
    await browser.key("Escape");
    assert.equal(await browser.evaluate("document.querySelector('#panel').hidden"), true);
  });

  test("a click shows the log, the limits and the versions", async () => {
    await browser.click('.tab[data-app="shop"]');
    await browser.until("document.querySelector('.log')?.textContent.includes('a visitor at /path')");
    await server.ask("shop");
    await browser.until("document.querySelector('.log').textContent.split('a visitor').length > 2", "a new line of the log");
    await browser.click('[data-page="limits"]');
    await browser.until("/cpu_ms.*50.ms/.test(document.querySelector('.sheet').textContent)");
    await browser.click('[data-page="versions"]');
    await browser.until("/serves/.test(document.querySelector('.sheet').textContent)");
    await browser.click('[data-page="app"]');
    await browser.until("/shop\\.test/.test(document.querySelector('.sheet').textContent)");
    await browser.shoot(join(SHOTS, "few-routes.png"));
    await browser.key("r");
    await browser.until("document.querySelector('.said').textContent.includes('version 2')");
    await browser.click(".bar .close");
  });

  test("an app can be taken out of service and put back", async () => {
    await browser.click('.tab[data-app="images"]');
    await browser.key("d");
    await browser.key("d");
    await browser.until(`${tab("images")}.dataset.state === "drained"`);
    assert.equal(await server.ask("images"), 503);
    await browser.click(".bar button");
    await browser.until(`${tab("images")}.dataset.state === "warm"`);
    assert.equal(await server.ask("images"), 200);
    await browser.key("Escape");
  });

  test("nothing was refused or thrown in the page", () => assert.deepEqual(browser.complaints, []));
});

describe("with a thousand apps", () => {
  let server;
  before(async () => {
    server = await serve(join(work, "thousand"), 1000);
    for (let number = 6; number < 60; number++) await server.ask(`tenant-${`${number}`.padStart(4, "0")}`);
    browser.complaints.length = 0;
    await browser.look(1440, 900, false);
    await browser.open(`${server.page}#token=${TOKEN}`);
    await browser.until(`${tabs} === 1000`);
  });
  after(() => server?.stop());

  test("all are there, the active ones first", async () => {
    assert.match(await browser.evaluate("document.querySelector('#count').textContent"), /^1.000 apps$/);
    const states = await browser.evaluate("[...document.querySelectorAll('.tab')].map((tab) => tab.dataset.state)");
    assert.equal(states.lastIndexOf("warm") + 1, states.indexOf("cold"));
    await browser.shoot(join(SHOTS, "thousand-light.png"));
    await browser.look(1440, 900, true);
    await browser.shoot(join(SHOTS, "thousand-dark.png"));
  });

  test("keys lead from tab to tab", async () => {
    await browser.key("ArrowDown");
    const first = await browser.until(focused);
    await browser.key("ArrowRight");
    const second = await browser.evaluate(focused);
    assert.notEqual(second, first);
    await browser.key("ArrowDown");
    await browser.key("ArrowUp");
    assert.equal(await browser.evaluate(focused), second);
    await browser.key("Enter");
    await browser.until(`!document.querySelector('#panel').hidden && ${tab(second)}.getAttribute("aria-selected") === "true"`);
    await browser.key("Escape");
    assert.equal(await browser.evaluate(focused), second, "the focus is where it was");
    assert.equal(await browser.evaluate("document.querySelectorAll('.tab[tabindex=\"0\"]').length"), 1);
  });

  test("an app is found by its name and opened with keys alone", async () => {
    await browser.key("/");
    await browser.type("0777");
    await browser.until(`${tabs} === 1`);
    await browser.key("Enter");
    await browser.until("document.querySelector('.address').textContent.includes('tenant-0777')");
    await browser.shoot(join(SHOTS, "thousand-found.png"));
    await browser.key("Escape");
    await browser.until(`${tabs} === 1000`);
  });

  test("a state chooses its tabs", async () => {
    await browser.click('#states button:has([data-state="warm"])');
    const states = await browser.evaluate("[...document.querySelectorAll('.tab')].map((tab) => tab.dataset.state)");
    assert.ok(states.length > 0 && states.every((state) => state === "warm"));
    await browser.click('#states button:has([data-state="warm"])');
  });

  test("without the token nothing is shown", async () => {
    await browser.evaluate("sessionStorage.clear()");
    await browser.open(server.page);
    await browser.until("document.querySelector('#ask').open");
    assert.equal(await browser.evaluate(tabs), 0);
    await browser.evaluate(`document.querySelector('#ask-token').value = '${TOKEN}'`);
    await browser.click("#ask-form button");
    await browser.until(`${tabs} === 1000`);
  });

  test("nothing was refused or thrown in the page", () => assert.deepEqual(browser.complaints, []));
});
