// NANO against the package ws, both ways; the port is in NANO_PORT, the package in the working directory.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { test } from "node:test";

const { WebSocket, WebSocketServer } = createRequire(`${process.cwd()}/`)("ws");
const port = process.env.NANO_PORT;
const address = `ws://127.0.0.1:${port}/`;

const open = async (options = {}, protocols = []) => {
  const socket = new WebSocket(address, protocols, options);
  await once(socket, "open");
  return socket;
};

const roundTrip = async (socket, data, options) => {
  socket.send(data, options);
  const [received, isBinary] = await once(socket, "message");
  return isBinary ? received : received.toString();
};

for (const perMessageDeflate of [false, true]) {
  test(`ws as the client, ${perMessageDeflate ? "compressed" : "plain"}`, async () => {
    const socket = await open({ perMessageDeflate }, ["other", "chat"]);
    assert.equal(socket.protocol, "chat");
    assert.equal(socket.extensions, perMessageDeflate ? "permessage-deflate" : "");
    for (const text of ["a", "", "\u{1f600}".repeat(1000), "long ".repeat(100_000)]) assert.equal(await roundTrip(socket, text), text);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const bytes = Buffer.alloc(size, (size % 251) + 1);
      assert.ok(bytes.equals(await roundTrip(socket, bytes)), `${size} bytes`);
    }
    socket.close(4000, "enough");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, reason.toString()], [4000, ""]);
  });
}

test("fragments, pings between them, and many messages at once", async () => {
  const socket = await open({ perMessageDeflate: false });
  const pong = once(socket, "pong");
  socket.send("one ", { fin: false });
  socket.ping("hello");
  socket.send("two ", { fin: false });
  const [data] = (socket.send("three", { fin: true }), await once(socket, "message"));
  assert.equal(data.toString(), "one two three");
  assert.equal((await pong)[0].toString(), "hello");
  const seen = [];
  const all = new Promise((resolve) => socket.on("message", (message) => seen.push(+message) === 5_000 && resolve()));
  for (let i = 0; i < 5_000; i++) socket.send(String(i));
  await all;
  assert.ok(seen.every((number, at) => number === at));
  socket.terminate();
});

test("the server closes, and refuses what is too long", async () => {
  const socket = await open();
  socket.send("close me");
  const [code, reason] = await once(socket, "close");
  assert.deepEqual([code, reason.toString()], [4002, "as you wish"]);
  const large = await open({ perMessageDeflate: false });
  large.on("error", () => {});
  large.send(Buffer.alloc((1 << 20) + 1));
  assert.equal((await once(large, "close"))[0], 1009);
});

for (const perMessageDeflate of [false, true]) {
  test(`ws as the server, ${perMessageDeflate ? "compressed" : "plain"}`, async (t) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
    t.after(() => server.close());
    await once(server, "listening");
    const closed = new Promise((resolve) => {
      server.on("connection", (socket) => {
        socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
        socket.on("close", (code, reason) => resolve([code, reason.toString()]));
      });
    });
    const url = `ws://127.0.0.1:${server.address().port}/`;
    const response = await fetch(`http://127.0.0.1:${port}/dial?url=${encodeURIComponent(url)}`);
    assert.deepEqual(await response.json(), {
      isSame: true, sizes: [5, 8, 0, 3, 250_000, 800_000], protocol: "chat", isCompressed: perMessageDeflate,
      code: 4001, reason: "that is all", wasClean: true,
    });
    assert.deepEqual(await closed, [4001, "that is all"]);
  });
}
