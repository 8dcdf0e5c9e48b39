// examples/apps/wasm
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask } from "./client.mjs";

/** The sum that gzip writes behind what it packs. */
const sum = (bytes) => gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8).toString(16).padStart(8, "0");

test("wasm: the sum of a short text", async () => {
  const { status, json } = await ask("wasm", "/", { body: "123456789" });
  assert.deepEqual([status, json], [200, { crc32: "cbf43926", bytes: 9 }]);
});

test("wasm: bodies longer than its memory, several at once", async () => {
  const bodies = [1, 65536, 65537, 300_000, 1_000_000].map((length, seed) => Buffer.from({ length }, () => 0).map((_, at) => (at * 31 + seed) & 255));
  const answers = await Promise.all(bodies.map((body) => ask("wasm", "/", { body })));
  assert.deepEqual(answers.map(({ json }) => json), bodies.map((body) => ({ crc32: sum(body), bytes: body.length })));
});

test("wasm: nothing sent", async () => {
  assert.equal((await ask("wasm", "/")).status, 200);
  assert.equal((await ask("wasm", "/", { method: "POST" })).status, 400);
});
