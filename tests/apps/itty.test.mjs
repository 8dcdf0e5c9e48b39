// examples/apps/itty
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, json } from "./client.mjs";

const app = "itty";
const token = { authorization: "Bearer example-tasks-token" };

test("itty-router: a task's life", async () => {
  const made = await ask(app, "/tasks", json({ text: "water the plants" }, token));
  assert.equal(made.status, 201);
  const path = made.headers.location;
  assert.deepEqual((await ask(app, path)).json, { id: made.json.id, text: "water the plants", done: false });
  assert.equal((await ask(app, path, { method: "PATCH", ...json({ done: true }, token) })).json.done, true);
  assert.ok((await ask(app, "/tasks?done=true")).json.some(({ id }) => id === made.json.id));
  assert.ok(!(await ask(app, "/tasks?done=false")).json.some(({ id }) => id === made.json.id));
  const gone = await ask(app, path, { method: "DELETE", headers: token });
  assert.deepEqual([gone.status, gone.text], [204, ""]);
  const missing = await ask(app, path);
  assert.deepEqual([missing.status, missing.json], [404, { status: 404, error: `no task ${made.json.id}` }]);
});

test("itty-router: without its token nothing changes", async () => {
  const refused = await ask(app, "/tasks", json({ text: "x" }));
  assert.deepEqual([refused.status, refused.json], [401, { status: 401, error: "a token is missing or wrong" }]);
  assert.equal((await ask(app, "/tasks/1", { method: "DELETE" })).status, 401);
});

test("itty-router: a body that is not valid", async () => {
  const bad = await ask(app, "/tasks", json({ txt: 1 }, token));
  assert.deepEqual([bad.status, bad.json], [400, { status: 400, error: "text is missing", got: { txt: 1 } }]);
});

test("itty-router: a parameter takes the rest of a path", async () => {
  assert.deepEqual((await ask(app, "/files/a/b%20c/d.txt")).json, { path: "a/b%20c/d.txt" });
});

test("itty-router: cross-origin headers, on errors too", async () => {
  const preflight = await ask(app, "/tasks", { method: "OPTIONS", headers: { origin: "https://tasks.example", "access-control-request-method": "PATCH" } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers["access-control-allow-methods"], "GET,POST,PATCH,DELETE");
  for (const path of ["/", "/none"]) assert.equal((await ask(app, path)).headers["access-control-allow-origin"], "https://tasks.example", path);
});

test("itty-router: an unknown route and a handler that throws", async () => {
  const none = await ask(app, "/none");
  assert.deepEqual([none.status, none.json], [404, { status: 404, error: "Not Found" }]);
  assert.equal((await ask(app, "/tasks", { method: "PUT", headers: token })).status, 404);
  assert.equal((await ask(app, "/fail")).status, 500);
});
