'use strict';
// Apps that answer with a WebSocket, behind the servers of Node.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const { serve } = require('@hono/node-server');
const express = require('express');
const fastify = require('fastify');
const { Hono } = require('hono');
const { Runtime, toNodeHandler, toUpgradeHandler } = require('nano-isolates');
const { toExpressHandler } = require('nano-isolates/express');
const { nanoFastify } = require('nano-isolates/fastify');
const { toHonoHandler } = require('nano-isolates/hono');
const { Client, opening, textFrame } = require('./frames.js');
const { NEVER, code, runtimeFor, until, wrongType } = require('./helpers.js');

const ECHO = `const notes = [], LARGE = new Uint8Array(900_000);
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/plain') return new Response('no ' + request.headers.get('upgrade'), { status: 404, headers: { 'x-own': 'yes' } });
  if (pathname === '/stream') {
    let left = 100;
    const pull = (c) => (left-- > 0 ? c.enqueue(new Uint8Array(5000).fill(122)) : c.close());
    return new Response(new ReadableStream({ pull }));
  }
  if (pathname === '/throw') throw new Error('a secret of the app');
  const [client, socket] = Object.values(new WebSocketPair());
  socket.accept();
  socket.onmessage = ({ data }) => {
    if (data === 'bye') socket.close(4000, 'as you wish');
    else if (data === 'loop') for (;;);
    else if (data === 'flood') for (let n = 0; n < 64; n++) socket.send(LARGE);
    else socket.send(data);
  };
  socket.onclose = ({ code, reason, wasClean }) => notes.push([code, reason, wasClean]);
  return new Response(null, { status: 101, webSocket: client, headers: { 'x-own': 'yes' } });
} };
export const heard = () => notes;`;

/** A server of an app's WebSockets, which ends when all of its connections have. */
async function start(t, app, { onError = () => {}, server = http.createServer(toNodeHandler(app, { onError })), upgrade = true } = {}) {
  if (upgrade) server.on('upgrade', toUpgradeHandler(app, { onError }));
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    Client.destroyAll();
    return new Promise((resolve) => server.close(resolve));
  });
  return server.address().port;
}

/** What an app has heard of the ends of its WebSockets, when that is something. */
async function ends(app) {
  for (;;) {
    const notes = await app.invoke('heard');
    if (notes.length > 0) return notes;
  }
}

const SERVERS = {
  'node:http': (app) => http.createServer(toNodeHandler(app)),
  Express: (app) => http.createServer(express().use('/', toExpressHandler(app))),
  async Fastify(app) {
    const server = fastify();
    await server.register(nanoFastify, { app });
    await server.listen({ port: 0, host: '127.0.0.1' });
    return server.server;
  },
  Hono: (app) => serve({ fetch: new Hono().all('/*', toHonoHandler(app)).fetch, port: 0, hostname: '127.0.0.1' }),
};

for (const [name, make] of Object.entries(SERVERS)) {
  test(`${name}: a WebSocket passes both ways`, async (t) => {
    const app = await runtimeFor(t).load(ECHO);
    const server = await make(app);
    const port = await start(t, app, { server });
    const client = await Client.open(port, '/', 'Sec-WebSocket-Extensions: permessage-deflate\r\n');
    assert.deepEqual(client.head.split('\r\n').slice(0, -2).sort(), [
      'HTTP/1.1 101 Switching Protocols',
      'connection: upgrade',
      'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      'upgrade: websocket',
      'x-own: yes',
    ]);
    client.text('grüß dich');
    assert.equal(await client.next(), 'grüß dich');
    client.close(3001, 'enough');
    assert.deepEqual(await client.next(), [3001, '']);
    assert.equal(await client.next(), null);
    client.socket.end();
    assert.deepEqual(await ends(app), [[3001, 'enough', true]]);
    // Plain requests are answered beside it.
    const plain = await fetch(`http://127.0.0.1:${port}/plain`, { headers: { connection: 'close' } });
    assert.deepEqual([plain.status, await plain.text()], [404, 'no null']);
  });
}

test('more than fits on the way at a time passes, in both directions', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const client = await Client.open(await start(t, app));
  const long = Buffer.alloc(900_000, 'what is long');
  for (let n = 0; n < 4; n++) client.binary(long);
  for (let n = 0; n < 4; n++) assert.ok(long.equals(await client.next()));
  client.text('bye');
  assert.deepEqual(await client.next(), [4000, 'as you wish']);
  client.close(4000);
  assert.equal(await client.next(), null);
  client.socket.end();
  assert.deepEqual(await ends(app), [[4000, '', true]]);
});

test('what a client sends with its request is not lost', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const port = await start(t, app);
  const client = new Client(port, Buffer.concat([Buffer.from(opening()), textFrame('early'), textFrame('bird')]));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
  assert.deepEqual([await client.next(), await client.next()], ['early', 'bird']);
  client.destroy();
});

test('who does not read is waited for', async (t) => {
  const app = await runtimeFor(t).load(`let socket;
    export default { fetch() {
      const pair = Object.values(new WebSocketPair());
      socket = pair[1];
      socket.accept();
      return new Response(null, { status: 101, webSocket: pair[0] });
    } };
    export const fill = () => { if (socket.bufferedAmount < 1 << 20) { socket.send(new Uint8Array(1 << 18)); return 1; } return 0; };
    export const buffered = () => socket.bufferedAmount;`);
  const server = http.createServer();
  let connection;
  server.on('upgrade', (request, socket) => (connection = socket));
  const client = await Client.open(await start(t, app, { server }));
  client.socket.pause();
  let sent = 0;
  // The kernel takes some of it; if Node took the rest, this would never end.
  while (sent < 256 && (await app.invoke('fill'))) sent++;
  assert.ok(sent < 256, 'the app is told that it waits');
  // And how much, but for the heads of its frames.
  const buffered = await app.invoke('buffered');
  const written = connection.bytesWritten - connection.writableLength - client.head.length;
  assert.ok(buffered >= (sent << 18) - written, `${buffered} bytes of ${sent << 18}, of which ${written} are written`);
  client.socket.resume();
  for (let n = 0; n < sent; n++) assert.equal((await client.next()).length, 1 << 18);
  while ((await app.invoke('buffered')) > 0);
  client.destroy();
});

test('an app that does not read is waited for', async (t) => {
  const app = await runtimeFor(t).load(`let socket, bytes = 0;
    export default { fetch() {
      const pair = Object.values(new WebSocketPair());
      socket = pair[1];
      socket.onmessage = ({ data }) => { bytes += data.byteLength ?? data.size; };
      return new Response(null, { status: 101, webSocket: pair[0] });
    } };
    export const begin = () => socket.accept();
    export const taken = () => bytes;`);
  const server = http.createServer();
  let connection;
  server.on('upgrade', (request, socket) => (connection = socket));
  const client = await Client.open(await start(t, app, { server }));
  const piece = Buffer.alloc(1 << 18);
  for (let n = 0; n < 64; n++) client.binary(piece);
  for (let n = 0; n < 100; n++) await app.invoke('taken');
  assert.ok(connection.bytesRead < 1 << 20, `${connection.bytesRead} bytes are held`);
  await app.invoke('begin');
  while ((await app.invoke('taken')) < 64 << 18);
  client.destroy();
});

test('a client that goes without a word is noticed', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const port = await start(t, app);
  for (const go of [(socket) => socket.destroy(), (socket) => socket.resetAndDestroy()]) {
    const client = await Client.open(port);
    client.text('here');
    assert.equal(await client.next(), 'here');
    go(client.socket);
  }
  let notes = [];
  while (notes.length < 2) notes = await ends(app);
  assert.deepEqual(notes, [
    [1006, '', false],
    [1006, '', false],
  ]);
  await until(() => app.stats().inFlight === 0);
});

test('a client that goes before the answer ends its request', async (t) => {
  const app = await runtimeFor(t).load(NEVER);
  const port = await start(t, app, { onError: assert.fail });
  for (const go of [(socket) => socket.destroy(), (socket) => socket.end()]) {
    const client = new Client(port, opening());
    await until(() => app.stats().inFlight === 1);
    go(client.socket);
    await until(() => app.stats().inFlight === 0);
    client.destroy();
  }
});

test('an app that is reloaded, or breaks a limit, or ends with its runtime says so', async (t) => {
  const runtime = new Runtime({ threads: 1 });
  t.after(() => runtime.close());
  const app = await runtime.load(ECHO, { limits: { cpuMs: 50 } });
  const port = await start(t, app);
  const last = async (client) => {
    const word = await client.next();
    assert.equal(await client.next(), null);
    client.socket.end();
    return word;
  };
  let client = await Client.open(port);
  await app.reload();
  assert.deepEqual(await last(client), [1012, 'RELOAD']);
  client = await Client.open(port);
  client.text('loop');
  assert.deepEqual(await last(client), [1011, 'CPU_LIMIT']);
  client = await Client.open(port);
  const other = await runtime.load(ECHO);
  const unloaded = await Client.open(await start(t, other));
  await other.unload({ graceMs: 0 });
  assert.deepEqual(await last(unloaded), [1001, 'DRAINING']);
  await runtime.close();
  assert.deepEqual(await last(client), [1001, 'SHUTDOWN']);
});

test('an app that is killed, or says more than anybody reads, is cut off', async (t) => {
  const errors = [];
  const app = await runtimeFor(t).load(ECHO);
  const port = await start(t, app, { onError: (error, of, request) => errors.push([error.code, of === app, request.url]) });
  const killed = await Client.open(port, '/killed');
  await app.kill();
  assert.equal(await killed.next(), null);
  const flooded = await Client.open(port, '/flooded');
  flooded.socket.pause();
  flooded.text('flood');
  await until(() => app.stats().inFlight === 0);
  flooded.socket.resume();
  await flooded.rest();
  await until(() => errors.length === 2);
  assert.deepEqual(errors, [
    ['NANO_E_CANCELED', true, '/killed'],
    ['NANO_E_CANCELED', true, '/flooded'],
  ]);
});

test('a client that does not go is cut off', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const app = await runtimeFor(t).load(ECHO);
  const server = http.createServer();
  let connection;
  server.on('upgrade', (request, socket) => (connection = socket));
  const client = await Client.open(await start(t, app, { server }));
  client.close(1000);
  assert.deepEqual(await client.next(), [1000, '']);
  assert.equal(await client.next(), null);
  t.mock.timers.tick(29_999);
  assert.ok(!connection.destroyed);
  t.mock.timers.tick(1);
  assert.ok(connection.destroyed);
  client.destroy();
});

test('a client that reads nothing is cut off when the app has ended before it could begin', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const app = await runtimeFor(t).load(`export default { fetch() {
    const [client, socket] = Object.values(new WebSocketPair());
    socket.accept();
    socket.send(new Uint8Array(8 << 20));
    socket.send('x');
    return new Response(null, { status: 101, webSocket: client });
  } };
  export const here = () => 1;`);
  const server = http.createServer();
  const port = await start(t, app, { server });
  let connection;
  server.on('upgrade', (request, socket) => {
    connection = socket;
    // Nothing is heard of the request before all of it has happened.
    while (app.stats().inFlight > 0);
  });
  const client = new Client(port, opening());
  client.socket.pause();
  await until(() => connection?.writableNeedDrain);
  // Behind the last word of the request.
  await app.invoke('here');
  t.mock.timers.tick(29_999);
  assert.ok(!connection.destroyed);
  t.mock.timers.tick(1);
  assert.ok(connection.destroyed);
});

test('a client that does not read a response that is none is cut off', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const app = await runtimeFor(t).load('export default { fetch: () => new Response(new Uint8Array(8 << 20)) };');
  const server = http.createServer();
  let connection;
  server.on('upgrade', (request, socket) => (connection = socket));
  const port = await start(t, app, { server });
  const client = new Client(port, opening());
  client.socket.pause();
  await until(() => connection?.writableNeedDrain);
  t.mock.timers.tick(29_999);
  assert.ok(!connection.destroyed);
  t.mock.timers.tick(1);
  assert.ok(connection.destroyed);
});

test('the timeout of the server holds until there is a WebSocket', async (t) => {
  const runtime = runtimeFor(t);
  const never = await runtime.load(NEVER);
  const app = await runtime.load(ECHO);
  const server = http.createServer();
  let connection;
  server.on('upgrade', (request, socket) => (connection = socket));
  const port = await start(t, app, { server });
  server.timeout = 60_000;
  await Client.open(port);
  assert.equal(connection.timeout, 0);
  server.removeAllListeners('upgrade').on('upgrade', toUpgradeHandler(never));
  server.timeout = 1;
  assert.equal(await new Client(port, opening()).rest(), '');
  await until(() => never.stats().inFlight === 0);
});

test('a response that is none is passed on, and the connection closed', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const port = await start(t, app);
  const plain = new Client(port, opening('/plain'));
  const head = await plain.readHead();
  assert.match(head, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.match(head, /\r\nx-own: yes\r\n/);
  assert.match(head, /\r\nconnection: close\r\n/i);
  assert.equal(await plain.rest(), 'no websocket');
  plain.socket.end();
  const streamed = new Client(port, opening('/stream'));
  assert.match(await streamed.readHead(), /\r\ntransfer-encoding: chunked\r\n/i);
  const body = await streamed.rest();
  assert.equal(body.replaceAll(/[^z]/g, '').length, 500_000);
  assert.ok(body.endsWith('\r\n0\r\n\r\n'));
  streamed.socket.end();
  const bare = new Client(port, opening('/plain').replace('GET', 'HEAD'));
  assert.match(await bare.readHead(), /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.equal(await bare.rest(), '');
  bare.socket.end();
});

test('what goes wrong is a problem, and told', async (t) => {
  const errors = [];
  const runtime = runtimeFor(t);
  const app = await runtime.load(ECHO, { limits: { urlBytes: 60 } });
  const port = await start(t, app, { onError: (error) => errors.push(error.code) });
  const ask = async (written) => {
    const client = new Client(port, written);
    const head = await client.readHead();
    const [, status] = /^HTTP\/1\.1 (\d+) (?:.*\r\n)+content-type: application\/problem\+json\r\n/.exec(head);
    const offered = /\r\nupgrade: (.*)\r\nconnection: (.*)\r\n/i.exec(head);
    assert.deepEqual(offered?.slice(1), status === '426' ? ['websocket', 'close, upgrade'] : undefined);
    const problem = await client.rest();
    client.socket.end();
    assert.ok(!problem.includes('secret'));
    return [Number(status), JSON.parse(problem).code];
  };
  assert.deepEqual(await ask(opening('/throw')), [500, 'EXCEPTION']);
  assert.deepEqual(await ask(opening(`/${'x'.repeat(100)}`)), [414, 'TOO_LARGE']);
  // Others than the app's are no WebSockets.
  assert.deepEqual(await ask(opening().replace('Version: 13', 'Version: 12')), [426, 'UPGRADE_REQUIRED']);
  assert.deepEqual(await ask(opening().replace('Upgrade: websocket', 'Upgrade: h2c')), [426, 'UPGRADE_REQUIRED']);
  assert.deepEqual(await ask(opening('/', 'Content-Length: 4\r\n').replace('GET', 'POST') + 'body'), [400, 'INVALID']);
  await runtime.close();
  assert.deepEqual(await ask(opening()), [503, 'SHUTDOWN']);
  // What clients ask for wrongly no app has done.
  const codes = ['EXCEPTION', 'TOO_LARGE', 'INVALID', 'SHUTDOWN'];
  assert.deepEqual(
    errors,
    codes.map((name) => `NANO_E_${name}`),
  );
});

test('without a connection there is no WebSocket', async (t) => {
  const app = await runtimeFor(t).load(ECHO);
  const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  await assert.rejects(app.fetch('http://app.test/', { headers }), { code: 'NANO_E_UNSUPPORTED', httpStatus: 501 });
  // Nor by a server that does not listen for them.
  const client = new Client(await start(t, app, { upgrade: false }), opening('/', '').replace('keep-alive, Upgrade', 'close, Upgrade'));
  assert.match(await client.readHead(), /^HTTP\/1\.1 501 /);
  client.destroy();
});

test('a connection whose last request has not been answered is not given away', async (t) => {
  const app = await runtimeFor(t).load(NEVER);
  const client = new Client(await start(t, app), `GET /first HTTP/1.1\r\nHost: a\r\n\r\n${opening()}`);
  assert.equal(await client.rest(), '');
  await until(() => app.stats().inFlight === 0);
});

test('listeners are for apps', () => assert.throws(() => toUpgradeHandler({}), wrongType));
