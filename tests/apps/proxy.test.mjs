// examples/apps/proxy, which stands before examples/apps/site
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, begin } from "./client.mjs";

const app = "proxy";

test("proxy: links of the origin's become the proxy's, others stay", async () => {
  const { status, text, headers } = await ask(app, "/");
  assert.equal(status, 200);
  assert.equal(headers.via, "1.1 nano-proxy");
  for (const link of ['href="/about?from=home#top"', 'action="/echo"', 'src="/logo.svg"', 'href="https://elsewhere.example/"', 'href="/long"'])
    assert.ok(text.includes(link), `no ${link} in ${text}`);
  assert.doesNotMatch(text, /site\.example/);
});

test("proxy: what is added, and what is taken out", async () => {
  const { text } = await ask(app, "/");
  assert.match(text, /<title>Site \| proxied<\/title>/);
  assert.match(text, /<body><div id="banner">/);
  assert.match(text, /<!-- proxied -->\s*$/);
  assert.doesNotMatch(text, /tracker/);
  assert.match(text, /console\.log\("of the site"\)/, "the site's own script stays");
});

test("proxy: a fragment comes from the origin while the page waits, one that is missing goes", async () => {
  const { text } = await ask(app, "/");
  assert.match(text, /<p>News of the <em>origin<\/em><\/p>/);
  assert.doesNotMatch(text, /x-include/);
});

test("proxy: length and etag of what was rewritten are not passed on", async () => {
  const origin = await ask("site", "/");
  const { headers } = await ask(app, "/");
  assert.equal(origin.headers.etag, '"home-1"');
  assert.deepEqual([headers.etag, headers["content-length"], headers["transfer-encoding"]], [undefined, undefined, "chunked"]);
});

test("proxy: what is no page passes as it is", async () => {
  assert.equal((await ask(app, "/logo.svg")).text, (await ask("site", "/logo.svg")).text);
  const echo = await ask(app, "/echo", { body: "<a href='http://site.example/'>", headers: { "content-type": "text/plain" } });
  assert.deepEqual([echo.text, echo.headers["content-type"]], ["<a href='http://site.example/'>", "text/plain"]);
});

test("proxy: letters outside ASCII survive", async () => {
  assert.match((await ask(app, "/about")).text, /Über uns: <b>süß<\/b> &amp; klein\./);
});

test("proxy: the request as the origin sees it", async () => {
  const { json } = await ask(app, "/headers", { headers: { "x-mine": "1", te: "trailers", "accept-encoding": "gzip" } });
  assert.equal(json.host, "site.example");
  assert.equal(json["x-mine"], "1");
  assert.match(json["x-forwarded-host"], /^proxy\.localhost/);
  assert.equal(json["accept-encoding"], "identity");
  assert.equal(json.te, undefined);
});

test("proxy: a redirect leads to the proxy and is the client's to follow", async () => {
  const { status, headers } = await ask(app, "/old");
  assert.deepEqual([status, headers.location], [301, "/about"]);
});

test("proxy: a long page, in its order", async () => {
  const { text } = await ask(app, "/long?parts=400");
  const parts = [...text.matchAll(/<a href="\/part\/(\d+)">/g)].map(([, n]) => Number(n));
  assert.deepEqual(parts, Array.from({ length: 400 }, (_, n) => n + 1));
  assert.match(text, /^<!doctype html><title>Long \| proxied<\/title>/);
});

test("proxy: each piece is rewritten before the next is there", async () => {
  const { request, response } = begin(app, "/echo", { method: "POST", headers: { "content-type": "text/html" } });
  request.write("<ul>");
  const reader = (await response)[Symbol.asyncIterator]();
  let text = "";
  for (const n of [1, 2, 3]) {
    request.write(`<li><a href="http://site.example/${n}">${n}</a>`);
    while (!text.endsWith(`<li><a href="/${n}">${n}</a>`)) {
      const { value, done } = await reader.next();
      assert.ok(!done, `the body ended with ${text}`);
      text += value;
    }
  }
  request.end();
  text += (await reader.next()).value;
  assert.match(text, /3<\/a><!-- proxied -->$/);
});

test("proxy: errors of the origin's pass, one that fails is a bad gateway", async () => {
  const none = await ask(app, "/none");
  assert.equal(none.status, 404);
  assert.match(none.text, /<title>Not here \| proxied<\/title>/);
  const failed = await ask(app, "/fail");
  assert.deepEqual([failed.status, failed.text], [502, "Bad gateway\n"]);
});
