// examples/apps/hono
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, json, open } from "./client.mjs";

const app = "hono";

test("hono: a page in JSX, escaped", async () => {
  const { status, headers, text } = await ask(app, "/");
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/html/);
  assert.match(text, /<a href="\/books\/2">Walden &lt;1854&gt;<\/a>/);
});

test("hono: env(c) has the host's variables, a path its parameters", async () => {
  const { json, headers } = await ask(app, "/hello/Ada%20L.");
  assert.equal(json.text, "Good day, Ada L.!");
  assert.equal(json.id, headers["x-request-id"], "the middleware's id is the handler's");
});

test("hono: middleware before and after the handler", async () => {
  const { headers } = await ask(app, "/books", { headers: { "x-request-id": "mine-1" } });
  assert.equal(headers["x-request-id"], "mine-1");
  assert.equal(headers["x-runtime"], "workerd");
  assert.equal(headers["x-content-type-options"], "nosniff");
});

test("hono: routes of a router within the app", async () => {
  const created = await ask(app, "/books", json({ title: " Emma " }));
  assert.equal(created.status, 201);
  assert.equal(created.json.title, "Emma");
  assert.equal(created.headers.location, `/books/${created.json.id}`);
  assert.deepEqual((await ask(app, created.headers.location)).json, created.json);
  assert.equal((await ask(app, "/books?limit=1")).json.length, 1);
  assert.deepEqual([(await ask(app, "/books/999")).status, (await ask(app, "/books/999")).json], [404, { error: "no such book" }]);
});

test("hono: a body that is not valid", async () => {
  assert.deepEqual((await ask(app, "/books", json({ title: 7 }))).json, { error: "title: a text is missing" });
  assert.equal((await ask(app, "/books", json({}))).status, 400);
  assert.equal((await ask(app, "/books", { body: "{", headers: { "content-type": "application/json" } })).status, 400);
});

test("hono: a bearer token, compared with the host's", async () => {
  const none = await ask(app, "/admin/env");
  assert.equal(none.status, 401);
  assert.match(none.headers["www-authenticate"], /^Bearer/);
  assert.equal((await ask(app, "/admin/env", { headers: { authorization: "Bearer wrong" } })).status, 401);
  const good = await ask(app, "/admin/env", { headers: { authorization: "Bearer example-admin-token" } });
  assert.deepEqual(good.json, ["ADMIN_TOKEN", "COOKIE_SECRET", "GREETING"]);
});

test("hono: a signed cookie counts, a forged one does not", async () => {
  const first = await ask(app, "/visits");
  assert.deepEqual(first.json, { visits: 1 });
  const [cookie] = first.headers["set-cookie"];
  assert.match(cookie, /^visits=1\.\S+; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
  const value = cookie.split(";")[0];
  assert.deepEqual((await ask(app, "/visits", { headers: { cookie: `other=x; ${value}` } })).json, { visits: 2 });
  assert.deepEqual((await ask(app, "/visits", { headers: { cookie: value.replace("=1.", "=41.") } })).json, { visits: 1 });
});

test("hono: a cookie is set, read and deleted", async () => {
  const set = await ask(app, "/theme/dark%3B", { method: "PUT" });
  assert.equal(set.status, 204);
  const cookie = set.headers["set-cookie"][0];
  assert.equal(cookie, "theme=dark%3B; Path=/");
  const headers = { cookie: cookie.split(";")[0] };
  assert.deepEqual((await ask(app, "/theme", { headers })).json, { theme: "dark;" });
  const deleted = await ask(app, "/theme", { method: "DELETE", headers });
  assert.deepEqual(deleted.json, { was: "dark;" });
  assert.match(deleted.headers["set-cookie"][0], /^theme=; Max-Age=0/);
});

test("hono: a stream, in its order", async () => {
  const { headers, text } = await ask(app, "/countdown/3");
  assert.equal(headers["transfer-encoding"], "chunked");
  assert.equal(text, "3 ...\n2 ...\n1 ...\nlift-off\n");
});

test("hono: a stream's beginning is there long before its end", async () => {
  const response = await open(app, "/countdown/999");
  for await (const chunk of response) {
    assert.match(String(chunk), /^999 \.\.\.\n/);
    assert.doesNotMatch(String(chunk), /lift-off/);
    break;
  }
  response.destroy();
});

test("hono: errors are answered, and tell clients nothing", async () => {
  const fail = await ask(app, "/fail");
  assert.equal(fail.status, 500);
  assert.equal(fail.json.error, "internal error");
  assert.doesNotMatch(fail.text, /on purpose|index/);
  assert.deepEqual([(await ask(app, "/teapot")).status, (await ask(app, "/teapot")).text], [418, "short and stout"]);
  const none = await ask(app, "/none?x=1");
  assert.deepEqual([none.status, none.json], [404, { error: "not found", path: "/none" }]);
});

test("hono: HEAD has GET's headers and no body", async () => {
  const head = await ask(app, "/books", { method: "HEAD" });
  assert.deepEqual([head.status, head.text, head.headers["content-type"]], [200, "", "application/json"]);
});
