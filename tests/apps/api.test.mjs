// examples/apps/api: tokens made here are made with Node's cryptography, not with the app's.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { ask, json } from "./client.mjs";

const app = "api";
const SECRET = "an example of a secret of 32 bytes or more";
const order = { items: [{ sku: "AB-1234", quantity: 2, cents: 150 }], delivery: { by: "post", address: "  12 Main St " } };

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token with these claims, signed with HMAC and SHA-256. */
function sign(claims, { secret = SECRET, header = { alg: "HS256" } } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const text = `${part(header)}.${part({ iss: "https://api.example", aud: "orders", iat: now, exp: now + 600, email: "eve@example.org", role: "customer", ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const login = async (email) => (await ask(app, "/login", json({ email, password: "correct horse" }))).json.token;

test("api: a login gives a token that Node can verify", async () => {
  const answer = await ask(app, "/login", json({ email: "ada@example.org", password: "correct horse" }));
  assert.deepEqual([answer.status, answer.headers["cache-control"], answer.json.type], [200, "no-store", "Bearer"]);
  const [head, body, signature] = answer.json.token.split(".");
  assert.equal(createHmac("sha256", SECRET).update(`${head}.${body}`).digest("base64url"), signature);
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  assert.equal(claims.sub, "ada@example.org");
  assert.equal(claims.exp - claims.iat, 3600);
});

test("api: a password that is wrong", async () => {
  const answer = await ask(app, "/login", json({ email: "ada@example.org", password: "incorrect horse" }));
  assert.deepEqual([answer.status, answer.json], [401, { error: "email or password is wrong" }]);
});

test("api: a token names its owner, also one that was signed elsewhere", async () => {
  assert.deepEqual((await ask(app, "/me", { headers: bearer(await login("ada@example.org")) })).json, { email: "ada@example.org", role: "customer" });
  assert.deepEqual((await ask(app, "/me", { headers: bearer(sign({ role: "admin" })) })).json, { email: "eve@example.org", role: "admin" });
});

test("api: tokens that are refused, and why", async () => {
  const past = Math.floor(Date.now() / 1000) - 60;
  const cases = {
    ERR_JWS_SIGNATURE_VERIFICATION_FAILED: sign({}, { secret: "another secret" }),
    ERR_JWT_EXPIRED: sign({ exp: past }),
    ERR_JWT_CLAIM_VALIDATION_FAILED: sign({ aud: "somebody else" }),
    ERR_JOSE_ALG_NOT_ALLOWED: sign({}, { header: { alg: "HS512" } }),
    ERR_JWT_CLAIMS: sign({ role: "emperor" }),
  };
  for (const [why, token] of Object.entries(cases)) {
    const answer = await ask(app, "/orders", { headers: bearer(token) });
    assert.equal(answer.status, 401, why);
    assert.equal(answer.headers["www-authenticate"], `Bearer error="invalid_token", error_description="${why}"`);
    assert.deepEqual(answer.json, { error: "the token is not valid" });
  }
  const unsigned = await ask(app, "/orders", { headers: bearer(`${part({ alg: "none" })}.${part({ email: "eve@example.org" })}.`) });
  assert.deepEqual([unsigned.status, unsigned.headers["www-authenticate"]], [401, "Bearer"]);
  assert.equal((await ask(app, "/orders", json(order))).status, 401);
});

test("api: an order is checked, completed and kept for its owner", async () => {
  const headers = bearer(await login("grace@example.org"));
  const placed = await ask(app, "/orders", json(order, headers));
  assert.equal(placed.status, 201);
  const { id, ...rest } = placed.json;
  assert.match(id, /^[\da-f-]{36}$/);
  assert.deepEqual(rest, { owner: "grace@example.org", total: 300, items: order.items, delivery: { by: "post", address: "12 Main St" }, note: "" });
  assert.deepEqual((await ask(app, "/orders", { headers })).json, [placed.json]);
  assert.deepEqual((await ask(app, "/orders", { headers: bearer(await login("nobody@example.org")) })).json, []);
});

test("api: every issue that zod finds is told, with its place", async () => {
  const headers = bearer(await login("ada@example.org"));
  const bad = { items: [{ sku: "ab", quantity: 0, cents: 1.5, colour: "red" }], delivery: { by: "mail" }, note: 5 };
  const answer = await ask(app, "/orders", json(bad, headers));
  assert.equal(answer.status, 400);
  assert.equal(answer.json.error, "the body is not valid");
  assert.deepEqual(
    answer.json.issues.map(({ path, code }) => `${path} ${code}`),
    ["items.0.sku invalid_format", "items.0.quantity too_small", "items.0.cents invalid_type", "items.0 unrecognized_keys", "delivery.by invalid_union", "note invalid_type"],
  );
  assert.equal(answer.json.issues[0].message, "two capitals, a dash, four digits");
  const twice = await ask(app, "/orders", json({ ...order, items: [order.items[0], order.items[0]] }, headers));
  assert.deepEqual(twice.json.issues, [{ path: "items", code: "custom", message: "an article is there twice" }]);
});

test("api: a body that is no JSON, or is not said to be", async () => {
  const broken = await ask(app, "/login", { body: '{"email":', headers: { "content-type": "application/json" } });
  assert.deepEqual([broken.status, broken.json], [400, { error: "the body is no JSON" }]);
  assert.equal((await ask(app, "/login", { body: "a=b", headers: { "content-type": "text/plain" } })).status, 415);
});

test("api: its schemas, and routes that are not there", async () => {
  assert.deepEqual((await ask(app, "/")).json.order.required, ["items", "delivery"]);
  assert.deepEqual([(await ask(app, "/none")).status, (await ask(app, "/none")).json], [404, { error: "no such route" }]);
  const wrong = await ask(app, "/orders", { method: "DELETE" });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, "GET, POST"]);
});
