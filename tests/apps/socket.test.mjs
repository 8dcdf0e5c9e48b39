// examples/apps/socket: a WebSocket, to clients that frame by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import frames from "../../bindings/node/test/frames.js";
import { ask, until } from "./client.mjs";

const app = "socket";

const connect = () => frames.Client.open(process.env.NANO_PORT, "/talk", "", `${app}.localhost`);

test("socket: what is said comes back, and the app has the last word", async () => {
  const client = await connect();
  assert.match(client.head, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im);
  client.text("hello");
  assert.equal(await client.next(), "HELLO!");
  // More than fits on the way at a time, in both directions.
  const large = Buffer.from(Uint8Array.from({ length: 900_000 }, (_, at) => at >> 3));
  client.binary(large);
  assert.ok((await client.next()).equals(large));
  client.text("bye");
  assert.deepEqual(await client.next(), [4000, "bye to you"]);
  client.close(4000);
  assert.equal(await client.next(), null, "the server ends the connection");
  client.destroy();
});

test("socket: a client that goes without a word is noticed", async () => {
  const before = (await ask(app, "/sockets")).json.ended.length;
  const client = await connect();
  client.text("hello");
  await client.next();
  client.destroy();
  const gone = ({ json }) => json.ended.slice(before).some(({ code, wasClean }) => code === 1006 && !wasClean);
  await until("noticed", () => ask(app, "/sockets"), gone);
});

test("socket: what a client says before it closes its side is heard, and answered", async () => {
  const client = await connect();
  client.socket.end(frames.textFrame("hello"));
  assert.equal(await client.next(), "HELLO!");
  assert.equal(await client.next(), null);
  client.destroy();
  // With a last word, which is answered when the app has had what came before it.
  const polite = await connect();
  polite.socket.end(Buffer.concat([frames.textFrame("hello"), frames.closeFrame(3007)]));
  assert.equal(await polite.next(), "HELLO!");
  assert.deepEqual(await polite.next(), [3007, ""]);
  assert.equal(await polite.next(), null);
  polite.destroy();
  const heard = ({ json }) => json.ended.some(({ code, wasClean }) => code === 3007 && wasClean);
  await until("heard", () => ask(app, "/sockets"), heard);
});

test("socket: whoever does not ask for one is told how", async () => {
  assert.equal((await ask(app, "/talk")).status, 426);
});
