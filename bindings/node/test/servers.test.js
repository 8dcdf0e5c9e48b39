'use strict';
// Apps behind node:http, http2, Express, Fastify and Hono.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const { serve } = require('@hono/node-server');
const express = require('express');
const fastify = require('fastify');
const { Hono } = require('hono');
const { toNodeHandler } = require('nano-isolates');
const { toExpressHandler } = require('nano-isolates/express');
const { nanoFastify } = require('nano-isolates/fastify');
const { toHonoHandler } = require('nano-isolates/hono');
const { NEVER, runtimeFor, script, until, wrongType } = require('./helpers.js');

const TELL = `export default { async fetch(request) {
  const url = new URL(request.url);
  if (url.pathname.endsWith('/stream')) return new Response(request.body, { headers: { 'x-kind': 'stream' } });
  if (url.pathname.endsWith('/empty')) return new Response(null, { status: 204 });
  if (url.pathname.endsWith('/throw')) throw new Error('a secret of the app');
  if (url.pathname.endsWith('/breaks')) {
    let n = 0;
    const pull = async (c) => { await null; if (n++) c.error(new Error('broke')); else c.enqueue(new TextEncoder().encode('begun')); };
    return new Response(new ReadableStream({ pull }));
  }
  const headers = [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['content-type', 'application/json']];
  const told = [request.method, url.pathname + url.search, await request.text(), request.headers.get('x-a')];
  return new Response(JSON.stringify(told), { status: 201, headers });
} }`;

const SERVERS = {
  async 'node:http'(app) {
    return listening(http.createServer(toNodeHandler(app, { onError: () => {} })).listen(0), '');
  },
  async Express(app) {
    const server = express();
    server.use('/mounted', toExpressHandler(app, { onError: () => {} }));
    server.get('/own', (request, response) => response.send('own'));
    return listening(server.listen(0), '/mounted');
  },
  async Fastify(app) {
    const server = fastify();
    await server.register(nanoFastify, { app, prefix: '/mounted', onError: () => {} });
    server.post('/own', (request, reply) => reply.send(request.body));
    server.server.keepAliveTimeout = 0;
    await server.listen({ port: 0, host: '127.0.0.1' });
    return { base: `http://127.0.0.1:${server.server.address().port}/mounted`, close: () => server.close() };
  },
  async Hono(app) {
    const server = new Hono();
    server.all('/mounted/*', toHonoHandler(app));
    server.onError((error, context) => context.json({ code: error.code.replace('NANO_E_', '') }, error.httpStatus));
    return listening(serve({ fetch: server.fetch, port: 0 }), '/mounted');
  },
};

async function listening(server, prefix) {
  // A slow machine must not have connections end between two requests.
  server.keepAliveTimeout = 0;
  if (!server.listening) await once(server, 'listening');
  const close = () => {
    server.closeAllConnections?.();
    return new Promise((resolve) => server.close(resolve));
  };
  return { base: `http://127.0.0.1:${server.address().port}${prefix}`, close };
}

for (const [name, start] of Object.entries(SERVERS)) {
  test(`${name}: requests and responses pass whole and in pieces`, async (t) => {
    const app = await runtimeFor(t).load(TELL);
    const { base, close } = await start(app);
    t.after(close);
    const prefix = new URL(base).pathname.replace(/\/$/, '');
    const plain = await fetch(`${base}/a%20b?c=d`, { headers: { 'x-a': 'ü' } });
    assert.deepEqual(
      [plain.status, plain.headers.getSetCookie(), plain.headers.get('content-type')],
      [201, ['a=1', 'b=2'], 'application/json'],
    );
    assert.deepEqual(await plain.json(), ['GET', `${prefix}/a%20b?c=d`, '', 'ü']);
    const posted = await fetch(`${base}/x`, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } });
    assert.deepEqual(await posted.json(), ['POST', `${prefix}/x`, '{"a":1}', null]);
    const body = new Blob(Array.from({ length: 100 }, () => 'x'.repeat(10_000))).stream();
    const streamed = await fetch(`${base}/stream`, { method: 'POST', body, duplex: 'half' });
    assert.equal(streamed.headers.get('x-kind'), 'stream');
    assert.equal((await streamed.text()).length, 1_000_000);
    assert.equal((await fetch(`${base}/empty`)).status, 204);
    const head = await fetch(`${base}/x`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [201, '']);
    const thrown = await fetch(`${base}/throw`);
    assert.equal(thrown.status, 500);
    const told = await thrown.text();
    assert.equal(JSON.parse(told).code, 'EXCEPTION');
    assert.ok(!told.includes('secret'));
    await assert.rejects(fetch(`${base}/breaks`).then((response) => response.text()));
    assert.equal((await fetch(`${base}/x`)).status, 201);
    await until(() => app.stats().inFlight === 0);
  });

  test(`${name}: a client that goes away ends its request`, async (t) => {
    const app = await runtimeFor(t).load(NEVER);
    const { base, close } = await start(app);
    t.after(close);
    const controller = new AbortController();
    const waiting = fetch(`${base}/`, { signal: controller.signal });
    await until(() => app.stats().inFlight === 1);
    controller.abort();
    await assert.rejects(waiting);
    await until(() => app.stats().inFlight === 0);
  });
}

/** Has a handler wait until the client has left, as whatever stands before an app may, and says how many requests the app has had then. */
function servedLate(app, leave) {
  const handle = toNodeHandler(app);
  let listener;
  const asked = new Promise((resolve, reject) => {
    listener = (request, response) => {
      const isGone = once(response, 'close');
      leave();
      isGone.then(() => {
        handle(request, response);
        resolve(app.stats().requests);
      }, reject);
    };
  });
  return { listener, asked };
}

for (const [what, head] of Object.entries({
  'a request': 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'an upload': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nbegun',
})) {
  test(`http: ${what} whose client has left before the app is asked is nobody's`, async (t) => {
    const app = await runtimeFor(t).load(TELL);
    let socket;
    const { listener, asked } = servedLate(app, () => socket.destroy());
    const server = http.createServer(listener).listen(0);
    const { close } = await listening(server, '');
    t.after(close);
    socket = net.connect(server.address().port);
    socket.write(head);
    assert.equal(await asked, 0);
  });
}

test("http2: a request whose client has left before the app is asked is nobody's", async (t) => {
  const app = await runtimeFor(t).load(TELL);
  let stream;
  const { listener, asked } = servedLate(app, () => stream.close(http2.constants.NGHTTP2_CANCEL));
  const server = http2.createServer(listener).listen(0);
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  t.after(() => {
    client.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  stream = client.request({ ':path': '/' });
  assert.equal(await asked, 0);
});

test('http: a body that was broken off before the app is asked fails', async (t) => {
  const app = await runtimeFor(t).load(TELL);
  // Made by others than node:http, whose response would be gone too.
  const own = { method: 'POST', url: '/', headers: { 'content-length': '5' }, rawHeaders: ['Host', 'x'], httpVersionMajor: 1 };
  const request = Object.assign(new Readable({ read() {} }), own);
  request.destroy();
  await once(request, 'close');
  const error = await new Promise((onError) => toNodeHandler(app, { onError })(request, new http.ServerResponse(request)));
  assert.match(error.message, /gone away/);
});

test('http: an app that does not read leaves the connection usable', async (t) => {
  const app = await runtimeFor(t).load('export default { fetch: (request) => new Response(request.method) }');
  const { base, close } = await SERVERS['node:http'](app);
  t.after(close);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ask = (method, body) =>
    new Promise((resolve, reject) => {
      const request = http.request(base, { method, agent }, (response) => {
        let text = '';
        response.on('data', (data) => (text += data)).on('end', () => resolve([text, request.reusedSocket]));
      });
      request.on('error', reject).end(body);
    });
  assert.deepEqual(await ask('POST', Buffer.alloc(300_000)), ['POST', false]);
  assert.deepEqual(await ask('GET'), ['GET', true]);
});

test('http: what clients get wrong is theirs to hear, and limits are', async (t) => {
  const app = await runtimeFor(t).load(TELL, { limits: { urlBytes: 60, requests: 1 } });
  const errors = [];
  const server = http
    .createServer(toNodeHandler(app, { onError: (error, of, request) => errors.push([error.code, of === app, request.method]) }))
    .listen(0);
  const { base, close } = await listening(server, '');
  t.after(close);
  const long = await fetch(`${base}/${'x'.repeat(100)}`);
  assert.deepEqual([long.status, long.headers.get('content-type')], [414, 'application/problem+json']);
  const problem = await long.json();
  assert.equal(problem.code, 'TOO_LARGE');
  assert.match(problem.detail, /url_bytes/);
  assert.deepEqual(errors, [['NANO_E_TOO_LARGE', true, 'GET']]);
  // A request without a Host is still one of HTTP/1.0.
  const socket = net.connect(server.address().port);
  socket.write('GET /old HTTP/1.0\r\n\r\n');
  let answer = '';
  for await (const data of socket) answer += data;
  assert.match(answer, /^HTTP\/1\.1 201/);
});

test('http2: requests and responses pass', async (t) => {
  const app = await runtimeFor(t).load(TELL);
  const server = http2.createServer(toNodeHandler(app)).listen(0);
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  t.after(
    () =>
      new Promise((resolve) => {
        client.close();
        server.close(resolve);
      }),
  );
  const stream = client.request({ ':method': 'POST', ':path': '/over/h2', 'x-a': '1' });
  stream.end('body');
  const [headers] = await once(stream, 'response');
  let text = '';
  for await (const data of stream) text += data;
  assert.deepEqual([headers[':status'], headers['set-cookie']], [201, ['a=1', 'b=2']]);
  assert.deepEqual(JSON.parse(text), ['POST', '/over/h2', 'body', '1']);
});

test('Express: beside body parsers', async (t) => {
  const app = await runtimeFor(t).load(TELL);
  const errors = [];
  const onError = (error) => errors.push(error.message);
  const server = express();
  server.use('/raw', express.text(), toExpressHandler(app, { onError }));
  server.use('/parsed', express.json(), toExpressHandler(app, { onError }));
  const { base, close } = await listening(server.listen(0), '');
  t.after(close);
  const raw = await fetch(`${base}/raw`, { method: 'POST', body: 'read before' });
  assert.equal((await raw.json())[2], 'read before');
  const parsed = await fetch(`${base}/parsed`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  assert.equal(parsed.status, 500);
  assert.match(errors[0], /before body parsers/);
});

test('handlers are for apps', () => {
  for (const make of [toNodeHandler, toExpressHandler, toHonoHandler]) assert.throws(() => make({}), wrongType);
});

if (process.versions.bun) {
  test("Bun's own server passes on what an app answers, and Hono on it", async () => {
    // In a process where nobody has replaced Bun's Response.
    const { out, errors, exit } = await script(`
      const { Hono } = require('hono');
      const { Runtime } = require('nano-isolates');
      const { toHonoHandler } = require('nano-isolates/hono');
      (async () => {
        const app = await new Runtime({ threads: 1 }).load(\`export default { async fetch(request) {
          const { pathname } = new URL(request.url);
          if (pathname === '/stream') return new Response(request.body, { status: 202 });
          if (pathname === '/empty') return new Response(null, { status: 204 });
          return new Response('abcdef', { status: 201, headers: { 'x-a': '1', 'content-length': '3' } });
        } }\`);
        for (const handler of [(request) => app.fetch(request), new Hono().all('/*', toHonoHandler(app)).fetch]) {
          const server = Bun.serve({ port: 0, fetch: handler });
          const ask = async (path, init) => {
            const response = await fetch(new URL(path, server.url), init);
            console.log(response.status, response.headers.get('x-a'), (await response.text()).slice(-6));
          };
          await ask('/whole');
          await ask('/stream', { method: 'POST', body: 'x'.repeat(200_000) + 'abcdef' });
          await ask('/empty');
          server.stop(true);
        }
        console.log((await app.fetch('http://app.test/')).account.wallUs > 0);
        process.exit(0);
      })();`);
    const each = '201 1 abcdef\n202 null abcdef\n204 null \n';
    assert.deepEqual([exit, errors, out], [0, '', `${each}${each}true\n`]);
  });
}
