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

// A frame of a client, masked with zeros; the first byte says what it is.
const frame = (first, ...payload) => Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
const [TEXT, START, MIDDLE, LAST, CLOSE] = [0x81, 0x01, 0x00, 0x80, 0x88];

// What comes of bytes that ws would not send: the code it is closed with, and whether a message came first.
const sendRaw = async (...frames) => {
  const socket = await open({ perMessageDeflate: false });
  const messages = [];
  socket.on("message", (data) => messages.push(data.toString()));
  for (const bytes of frames) socket._socket.write(bytes);
  const [code] = await once(socket, "close");
  return [code, ...messages];
};

for (const [what, ...frames] of [
  ["a byte that is none", frame(TEXT, 0x61, 0xff)],
  ["a character that is not whole", frame(TEXT, 0xe2, 0x82)],
  ["a surrogate", frame(TEXT, 0xed, 0xa0, 0x80)],
  ["a character longer than need be", frame(TEXT, 0xc0, 0xaf)],
  ["more than Unicode has", frame(TEXT, 0xf4, 0x90, 0x80, 0x80)],
  ["a character whose rest never comes", frame(START, 0xe2), frame(LAST, 0x82)],
  ["a character that goes on wrongly in the next frame", frame(START, 0xe2, 0x82), frame(LAST, 0x61)],
  ["a reason for closing", frame(CLOSE, 0x03, 0xe8, 0xff)],
  ["half a character as a reason", frame(CLOSE, 0x0f, 0xa0, 0xe2, 0x82)],
]) {
  test(`a client's bad UTF-8 is refused: ${what}`, async () => {
    assert.deepEqual(await sendRaw(...frames), [1007]);
  });
}

test("bad UTF-8 that is compressed is refused", async () => {
  const socket = await open({ perMessageDeflate: true });
  assert.equal(socket.extensions, "permessage-deflate");
  // As text, but with the bytes of a binary message.
  socket.send(Buffer.from([0x61, 0xff]), { binary: false, compress: true });
  assert.equal((await once(socket, "close"))[0], 1007);
});

test("a character in two frames is one, with a ping between", async () => {
  const socket = await open({ perMessageDeflate: false });
  const message = once(socket, "message"), pong = once(socket, "pong");
  for (const bytes of [frame(START, 0xf0, 0x9f), frame(0x89, 0x31), frame(MIDDLE, 0x98), frame(LAST, 0x80)]) socket._socket.write(bytes);
  assert.equal((await message)[0].toString(), "\u{1f600}");
  assert.equal((await pong)[0].toString(), "1");
  socket.terminate();
});

for (const [what, ...frames] of [
  ["in a text", [0x81, 2, 0x61, 0xff]],
  ["in fragments", [0x01, 2, 0xe2, 0x82], [0x80, 1, 0x61]],
  ["in a reason for closing", [0x88, 4, 0x0f, 0xa0, 0xe2, 0x82]],
]) {
  test(`a server's bad UTF-8 is refused: ${what}`, async (t) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    t.after(() => server.close());
    await once(server, "listening");
    const closed = new Promise((resolve) => {
      server.on("connection", (socket) => {
        socket.on("close", (code) => resolve(code));
        for (const bytes of frames) socket._socket.write(Buffer.from(bytes));
      });
    });
    const url = `ws://127.0.0.1:${server.address().port}/`;
    const said = await (await fetch(`http://127.0.0.1:${port}/watch?url=${encodeURIComponent(url)}`)).json();
    assert.equal(await closed, 1007);
    assert.deepEqual(said, { messages: [], failed: true, code: 1006, wasClean: false });
  });
}

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
