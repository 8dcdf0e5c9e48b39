// examples/apps/socket: a WebSocket, to clients that frame by hand.
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { ask, until } from "./client.mjs";

const app = "socket";
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const MASK = Buffer.from([1, 2, 3, 4]);

/** A client's frame. */
function frame(opcode, payload) {
  const length = payload.length < 126 ? Buffer.from([0x80 | payload.length]) : Buffer.alloc(9, 0xff);
  if (payload.length >= 126) length.writeBigUInt64BE(BigInt(payload.length), 1);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, MASK, payload.map((byte, at) => byte ^ MASK[at & 3])]);
}

/** Opens a WebSocket; its head, a way to say something, and the frames that come. */
function connect() {
  const headers = {
    host: `${app}.localhost:${process.env.NANO_PORT}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: process.env.NANO_PORT, path: "/talk", headers });
    asked.once("response", ({ statusCode }) => reject(new Error(`answered with ${statusCode}`)));
    asked.once("error", reject);
    asked.once("upgrade", (head, socket, first) => {
      if (first.length > 0) socket.unshift(first);
      resolve({ head, socket, frames: frames(socket), say: (opcode, payload) => socket.write(frame(opcode, Buffer.from(payload))) });
    });
    asked.end();
  });
}

async function* frames(socket) {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const short = bytes.length > 1 ? bytes[1] & 127 : 0;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < start) break;
      const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < start + length) break;
      yield { opcode: bytes[0] & 15, payload: bytes.subarray(start, start + length) };
      bytes = bytes.subarray(start + length);
    }
  }
  assert.equal(bytes.length, 0, "the connection ended within a frame");
}

test("socket: what is said comes back, and the app has the last word", async () => {
  const { head, socket, frames, say } = await connect();
  assert.deepEqual([head.statusCode, head.headers["sec-websocket-accept"]], [101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
  say(TEXT, "hello");
  assert.deepEqual((await frames.next()).value, { opcode: TEXT, payload: Buffer.from("HELLO!") });
  // More than fits on the way at a time, in both directions.
  const large = Buffer.from(Uint8Array.from({ length: 900_000 }, (_, at) => at >> 3));
  say(BINARY, large);
  const back = (await frames.next()).value;
  assert.equal(back.opcode, BINARY);
  assert.ok(back.payload.equals(large));
  say(TEXT, "bye");
  const last = (await frames.next()).value;
  assert.deepEqual([last.opcode, last.payload.readUInt16BE(), last.payload.toString("utf8", 2)], [CLOSE, 4000, "bye to you"]);
  say(CLOSE, last.payload.subarray(0, 2));
  assert.equal((await frames.next()).done, true, "the server ends the connection");
  socket.destroy();
});

test("socket: a client that goes without a word is noticed", async () => {
  const before = (await ask(app, "/sockets")).json.ended.length;
  const { socket, frames, say } = await connect();
  say(TEXT, "hello");
  await frames.next();
  socket.destroy();
  const gone = ({ json }) => json.ended.slice(before).some(({ code, wasClean }) => code === 1006 && !wasClean);
  await until("noticed", () => ask(app, "/sockets"), gone);
});

test("socket: whoever does not ask for one is told how", async () => {
  assert.equal((await ask(app, "/talk")).status, 426);
});
