'use strict';
// What goes between servers of Node's and their clients, byte by byte: whose response ends where, and which URL a request has.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const { test } = require('node:test');
const zlib = require('node:zlib');
const { getRequestListener, serve } = require('@hono/node-server');
const express = require('express');
const fastify = require('fastify');
const { Hono } = require('hono');
const { toNodeHandler, toUpgradeHandler } = require('nano-isolates');
const { toExpressHandler } = require('nano-isolates/express');
const { nanoFastify } = require('nano-isolates/fastify');
const { toHonoHandler } = require('nano-isolates/hono');
const { runtimeFor, script, wrongType } = require('./helpers.js');

// A response of which a part looks like another one.
const FORGED = 'abcHTTP/1.1 200 OK\\r\\ncontent-length: 4\\r\\n\\r\\nEVIL';
const APP = `const FORGED = '${FORGED}';
const pieces = () => {
  const left = [FORGED.slice(0, 3), FORGED.slice(3)];
  const pull = async (c) => { await null; left.length ? c.enqueue(new TextEncoder().encode(left.shift())) : c.close(); };
  return new ReadableStream({ pull });
};
const length = (...all) => ({ headers: all.map((value) => ['content-length', value]) });
const ANSWERS = {
  short: () => new Response(FORGED, length('3')),
  'short-pieces': () => new Response(pieces(), length('3')),
  long: () => new Response('abc', length('300')),
  'long-pieces': () => new Response(pieces(), length('300')),
  twice: () => new Response('abc', length('3', '7')),
  odd: () => new Response('abc', length('+3')),
  none: () => new Response(null, { status: 204, ...length('5') }),
  reset: () => new Response(null, { status: 205, ...length('5') }),
  same: () => new Response(null, { status: 304, ...length('5') }),
  coded: () => new Response('abc', { headers: { 'transfer-encoding': 'gzip', connection: 'close', 'keep-alive': 'timeout=1' } }),
  named: () => new Response('abc', { headers: { vary: 'content-length' } }),
  set: () => new Response('abc', { headers: [['set-cookie', 'app=1'], ['set-cookie', 'app=2'], ['vary', 'App, origin'], ['x-own', 'app']] }),
};
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  const name = pathname.split('/').at(-1);
  if (name in ANSWERS) return ANSWERS[name]();
  const told = { url: request.url, method: request.method, headers: Object.fromEntries(request.headers), text: await request.text() };
  return Response.json(told);
} };`;

const SERVERS = {
  'node:http': (app) => http.createServer(toNodeHandler(app)),
  Express: (app) => http.createServer(express().use('/', toExpressHandler(app))),
  async Fastify(app) {
    const server = fastify();
    await server.register(nanoFastify, { app });
    await server.listen({ port: 0, host: '127.0.0.1' });
    return server.server;
  },
  async Hono(app) {
    const server = serve({ fetch: new Hono().all('/*', toHonoHandler(app)).fetch, port: 0, hostname: '127.0.0.1' });
    await once(server, 'listening');
    return server;
  },
};

/** The port of a server that ends with the test. */
async function start(t, server) {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return server.address().port;
}

/** What comes back by one connection, until it is closed. */
async function exchange(port, ...written) {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(written.join(''), 'latin1');
  let text = '';
  for await (const data of socket) text += data.toString('latin1');
  return text;
}

/** The bodies of responses as a client finds them, of requests with these methods. */
function bodiesOf(text, methods) {
  const bodies = [];
  for (const method of methods) {
    const end = text.indexOf('\r\n\r\n') + 4;
    const head = text.slice(0, end);
    text = text.slice(end);
    assert.match(head, /^HTTP\/1\.1 /, `no response begins with ${JSON.stringify(head.slice(0, 40))}`);
    const lengths = [...head.matchAll(/^content-length: (.*)\r$/gim)].map(([, length]) => length);
    assert.ok(lengths.length < 2, head);
    const status = Number(head.slice(9, 12));
    let body = '';
    if (/^transfer-encoding: chunked\r$/im.test(head)) {
      assert.equal(lengths.length, 0, head);
      for (;;) {
        const [line] = /^[0-9a-f]+\r\n/.exec(text);
        const size = parseInt(line, 16);
        body += text.slice(line.length, line.length + size);
        text = text.slice(line.length + size + 2);
        if (size === 0) break;
      }
    } else if (method !== 'HEAD' && status !== 204 && status !== 304) {
      const length = Number(lengths[0] ?? 0);
      body = text.slice(0, length);
      text = text.slice(length);
    }
    bodies.push(method === 'HEAD' || (lengths.length > 0 && body === '') ? `${status} ${lengths[0]}` : body);
  }
  assert.equal(text, '');
  return bodies;
}

const head = (target, { method = 'GET', host = 'a', more = '' } = {}) => `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
const last = (target, options) => head(target, { ...options, more: `Connection: close\r\n${options?.more ?? ''}` });
const jsonOf = (text) => JSON.parse(text.slice(text.indexOf('{')));
const forged = FORGED.replaceAll('\\r\\n', '\r\n');

for (const [name, make] of Object.entries(SERVERS)) {
  test(`${name}: an app's response ends where its body does, whatever length it names`, async (t) => {
    const app = await runtimeFor(t).load(APP);
    const port = await start(t, await make(app));
    const longer = { short: forged, 'short-pieces': forged, 'long-pieces': forged };
    const wanted = { ...longer, long: 'abc', twice: 'abc', odd: 'abc', none: '', coded: 'abc', named: 'abc' };
    for (const [path, body] of Object.entries(wanted)) {
      // What comes after it on the same connection is not the app's.
      const text = await exchange(port, head(`/${path}`), last('/named'));
      assert.deepEqual(bodiesOf(text, ['GET', 'GET']), [body, 'abc'], path);
      if (path === 'none') assert.ok(!text.split('\r\n\r\n')[0].includes('content-length'), text);
    }
    const bare = await exchange(port, head('/same'), head('/long', { method: 'HEAD' }), last('/named'));
    assert.deepEqual(bodiesOf(bare, ['GET', 'HEAD', 'GET']).slice(-1), ['abc']);
  });
}

test('the length that an app names for what it does not send counts where there is no body', async (t) => {
  const app = await runtimeFor(t).load(`export default { fetch(request) {
    const lengths = new URL(request.url).pathname.slice(1).split(',');
    return new Response(null, { headers: lengths.map((length) => ['content-length', length]) });
  } }`);
  const port = await start(t, http.createServer(toNodeHandler(app)));
  const heads = ['/1234', '/3,7'].map((target) => head(target, { method: 'HEAD' }));
  const text = await exchange(port, ...heads, head('/1234'), last('/x', { method: 'HEAD' }));
  assert.deepEqual(bodiesOf(text, ['HEAD', 'HEAD', 'GET', 'HEAD']), ['200 1234', '200 undefined', '200 0', '200 undefined']);
});

test('a length is enforced behind middleware that has set one, and by HTTP/2', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const handle = toNodeHandler(app);
  const port = await start(
    t,
    http.createServer((request, response) => {
      response.setHeader('Content-Length', '3');
      handle(request, response);
    }),
  );
  for (const path of ['/short', '/short-pieces']) {
    assert.deepEqual(bodiesOf(await exchange(port, head(path), last('/named')), ['GET', 'GET']), [forged, 'abc']);
  }
  const server = http2.createServer(handle).listen(0);
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  t.after(() => {
    client.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  for (const [path, length] of [['/short', String(forged.length)], ['/short-pieces', undefined], ['/none', undefined]]) {
    const [headers] = await once(client.request({ ':path': path }), 'response');
    assert.equal(headers['content-length'], length, path);
  }
});

/** How a server of HTTP/2 is asked for a path: the headers of its answer, and the body. */
async function overHttp2(t, listener, options = {}) {
  const server = http2.createServer(listener).listen(0);
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`, options);
  t.after(() => {
    client.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return async (path, more = {}) => {
    const stream = client.request({ ':path': path, ...more });
    const [headers] = await once(stream, 'response');
    let text = '';
    for await (const data of stream) text += data;
    return [headers, text];
  };
}

// What an app may say, and a server of HTTP/2 may not.
const SAYS_TOO_MUCH = `const ANSWERS = {
  settings: [['http2-settings', 'AAMAAABk'], ['connection', 'x'], ['te', 'gzip'], ['x-own', '1']],
  several: [['location', '/a'], ['location', '/b'], ['etag', '"1"'], ['etag', '"2"'], ['content-encoding', 'x'], ['content-encoding', 'y'], ['x-own', '1']],
  apart: [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['www-authenticate', 'Basic'], ['www-authenticate', 'Digest']],
};
export default { fetch: (request) => new Response('body', { headers: ANSWERS[new URL(request.url).pathname.slice(1)] }) };`;

test('http2: what an app may say and HTTP/2 may not ends no process', async (t) => {
  const app = await runtimeFor(t).load(SAYS_TOO_MUCH);
  const server = fastify({ http2: true });
  await server.register(nanoFastify, { app });
  await server.ready();
  const hono = getRequestListener(new Hono().all('/*', toHonoHandler(app)).fetch);
  for (const listener of [toNodeHandler(app), (request, response) => server.routing(request, response), hono]) {
    const ask = await overHttp2(t, listener);
    for (const method of ['GET', 'HEAD']) {
      const [settings, text] = await ask('/settings', { ':method': method });
      assert.deepEqual([settings[':status'], settings['x-own'], settings['http2-settings'], settings.connection], [200, '1', undefined, undefined]);
      assert.equal(text, method === 'GET' ? 'body' : '');
    }
    // As `fetch` has them.
    const [several] = await ask('/several');
    const names = [':status', 'location', 'etag', 'content-encoding', 'x-own'];
    assert.deepEqual(
      names.map((name) => several[name]),
      [200, '/a, /b', '"1", "2"', 'x, y', '1'],
    );
    const [apart] = await ask('/apart');
    assert.deepEqual([apart['set-cookie'], apart['www-authenticate']], [['a=1', 'b=2'], 'Basic, Digest']);
  }
});

test('http2: a body that breaks off does not look whole', async (t) => {
  const app = await runtimeFor(t).load(`export default { fetch() {
    let n = 0;
    const pull = async (c) => { await null; if (n++) c.error(new Error('broke')); else c.enqueue(new TextEncoder().encode('begun')); };
    return new Response(new ReadableStream({ pull }));
  } }`);
  const ask = await overHttp2(t, toNodeHandler(app, { onError: () => {} }));
  await assert.rejects(ask('/'), { code: 'ERR_HTTP2_STREAM_ERROR' });
});

test('a response that cannot be written is told of as an error, with nothing of the app', async (t) => {
  const app = await runtimeFor(t).load(`export default { fetch: () =>
    new Response('body', { headers: [['set-cookie', 'app=1'], ['x-own', '1'], ['vary', 'App'], ['x-wrong', 'a\x01b']] }) }`);
  const errors = [];
  const handle = toNodeHandler(app, { onError: (error) => errors.push(error.code) });
  const set = (response) => {
    response.setHeader('Set-Cookie', 'mw=1');
    response.setHeader('Vary', 'Origin');
  };
  const behind = (request, response) => {
    set(response);
    handle(request, response);
  };
  const port = await start(t, http.createServer(behind));
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual([response.status, (await response.json()).code, response.headers.getSetCookie()], [500, 'INTERNAL', ['mw=1']]);
  assert.deepEqual([response.headers.get('vary'), response.headers.get('x-own')], ['Origin', null]);
  assert.deepEqual(errors.splice(0), ['ERR_INVALID_CHAR']);
  // By whoever stands in front: what is told instead cannot be written either.
  const ask = await overHttp2(t, (request, response) => {
    response.setHeader('etag', ['1', '2']);
    handle(request, response);
  });
  await assert.rejects(ask('/'), { code: 'ERR_HTTP2_STREAM_ERROR' });
  assert.deepEqual(errors, ['ERR_HTTP2_HEADER_SINGLE_VALUE']);
});

test('a plain answer to a request for an upgrade ends where its body does', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const port = await start(t, http.createServer().on('upgrade', toUpgradeHandler(app)));
  const more = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  for (const [path, body] of Object.entries({ short: forged, 'short-pieces': forged, long: 'abc' })) {
    assert.deepEqual(bodiesOf(await exchange(port, head(`/${path}`, { more })), ['GET']), [body], path);
  }
});

const BAD_HOSTS = ['a/admin/x?', 'a#', 'a?q=', 'a\\b', 'a b', 'u:p@a', 'a:99999', '[::1', '%41', '\xe9', ''];
const HOSTS = [...BAD_HOSTS, 'A:80', 'a:8080', '[::1]:80', 'xn--mnchen-3ya'];
const PATHS = ['/pub/%2e%2e/admin/x', '/a/../b', '/\\..\\b', '//b/c', '/x%20y?%2e'];
const TARGETS = [...PATHS, 'http://a/x?y', 'HTTP://A:80/x', 'http://b/x', 'https://a/x'];

test('a request has the URL that it has by a listener, or is refused as there, without the app', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(APP);
  const errors = [];
  const handlers = { onError: (error) => errors.push([error.code, error.message]) };
  const server = http.createServer(toNodeHandler(app, handlers)).on('upgrade', toUpgradeHandler(app, handlers));
  const port = await start(t, server);
  const [plain, second] = ['Connection: close\r\n', 'Host: a\r\nConnection: close\r\n'];
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const listener = runtime.listen('127.0.0.1:0', app);
  const there = Number(listener.address.split(':').at(-1));
  const requests = [
    ...HOSTS.map((host) => ['/x', { host, more: plain }]),
    ...TARGETS.map((target) => [target, { more: plain }]),
    ...TARGETS.map((target) => [target, { method: 'OPTIONS', more: plain }]),
    ...['/x', 'http://a/x'].map((target) => [target, { more: second }]),
  ];
  const told = async (to, written) => {
    const text = await exchange(to, written);
    assert.ok(text.includes('{'), JSON.stringify([written, text]));
    const { url, code, detail } = jsonOf(text);
    return [text.slice(9, 12), url ?? [code, detail]];
  };
  for (const [target, options] of requests) {
    const wanted = await told(there, head(target, options));
    const before = app.stats().requests;
    const what = `${target} at ${options.host}`;
    assert.deepEqual(await told(port, head(target, options)), wanted, what);
    const isRefused = wanted[0] !== '200';
    assert.equal(app.stats().requests - before, isRefused ? 0 : 1, what);
    // An upgrade is a request, too.
    const asking = options.more.replace('Connection: close\r\n', upgrade);
    assert.deepEqual(await told(port, head(target, { ...options, more: asking })), wanted, what);
    assert.deepEqual(errors.splice(0), isRefused ? Array(2).fill(['NANO_E_INVALID', wanted[1][1]]) : [], what);
  }
  // What is about the server as a whole is no app's. Bun refuses it.
  if (!process.versions.bun) {
    const before = app.stats().requests;
    for (const to of [there, port]) assert.match(await exchange(to, last('*', { method: 'OPTIONS' })), /^HTTP\/1\.1 204 No Content\r\n[^{]*\r\n\r\n$/);
    assert.equal((await told(port, last('*', { method: 'POST' })))[0], '400');
    assert.deepEqual([app.stats().requests - before, errors.length], [0, 1]);
  }
});

test('no Host leads past the guard of a route', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const server = express();
  server.use('/admin', (request, response) => response.status(403).send('forbidden'));
  server.use(toExpressHandler(app, { onError: () => {} }));
  const port = await start(t, http.createServer(server));
  assert.match(await exchange(port, last('/admin/x')), /^HTTP\/1\.1 403 /);
  for (const host of ['a/admin/x?', 'a/admin/x#', 'a\\admin\\x?']) assert.match(await exchange(port, last('/public', { host })), /^HTTP\/1\.1 400 /);
  assert.equal(jsonOf(await exchange(port, last('/public'))).url, 'http://a/public');
});

test('http2: the authority is the host, and there is one', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const server = http2.createServer(toNodeHandler(app, { onError: () => {} })).listen(0);
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  t.after(() => {
    client.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const ask = async (headers) => {
    const stream = client.request(headers);
    const [{ ':status': status }] = await once(stream, 'response');
    let text = '';
    for await (const data of stream) text += data;
    const { url, headers: seen } = jsonOf(text);
    return [status, url, seen?.host];
  };
  assert.deepEqual(await ask({ ':authority': 'A:80', ':path': '/x/../y' }), [200, 'http://a/y', 'A:80']);
  assert.deepEqual(await ask({ ':authority': 'a:99999', ':path': '/' }), [400, undefined, undefined]);
  assert.deepEqual(await ask({ ':authority': 'a', host: 'b', ':path': '/' }), [400, undefined, undefined]);
});

test('an onError that throws does so when the client has been answered', async () => {
  const { out, exit } = await script(`
    const http = require('node:http');
    const { Runtime, toNodeHandler, toUpgradeHandler } = require('nano-isolates');
    (async () => {
      const app = await new Runtime({ threads: 1 }).load("export default { fetch() { throw new Error('x') } }");
      const onError = () => { throw new Error('of onError'); };
      const server = http.createServer(toNodeHandler(app, { onError })).on('upgrade', toUpgradeHandler(app, { onError }));
      const told = [];
      process.on('uncaughtException', (error) => told.push(error.message));
      await new Promise((resolve) => server.listen(0, resolve));
      const url = 'http://127.0.0.1:' + server.address().port;
      told.push((await fetch(url)).status);
      const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
      told.push(await new Promise((resolve) => http.get(url, { headers }, (response) => resolve(response.statusCode)).on('error', resolve)));
      console.log(JSON.stringify(told.sort()));
      process.exit(0);
    })();`);
  assert.deepEqual([exit, out], [0, '[500,500,"of onError","of onError"]\n']);
});

test('options of handlers that are none are refused at once', async (t) => {
  const app = await runtimeFor(t).load(APP);
  for (const make of [toNodeHandler, toExpressHandler, toUpgradeHandler]) {
    for (const options of [null, 5, { onError: 5 }, { onError: null }, { onErr: () => {} }]) assert.throws(() => make(app, options), wrongType);
    make(app, { onError: undefined });
  }
  const server = fastify();
  t.after(() => server.close());
  await assert.rejects(async () => server.register(nanoFastify, { app, onError: 5 }), wrongType);
});

test('headers that others have set stay, and what several may say is said by all', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const set = (response) => {
    response.setHeader('Set-Cookie', ['mw=1', 'mw=2']);
    response.setHeader('Vary', 'Origin');
    response.setHeader('X-Other', 'mw');
    response.setHeader('X-Own', 'mw');
  };
  const handle = toNodeHandler(app);
  const plain = http.createServer((request, response) => {
    set(response);
    handle(request, response);
  });
  const server = fastify();
  server.addHook('onRequest', async (request, reply) => {
    reply.header('set-cookie', 'mw=1').header('set-cookie', 'mw=2').header('vary', 'Origin').header('x-other', 'mw').header('x-own', 'mw');
  });
  await server.register(nanoFastify, { app });
  await server.listen({ port: 0, host: '127.0.0.1' });
  for (const port of [await start(t, plain), await start(t, server.server)]) {
    const { headers } = await fetch(`http://127.0.0.1:${port}/set`, { headers: { connection: 'close' } });
    assert.deepEqual(headers.getSetCookie(), ['mw=1', 'mw=2', 'app=1', 'app=2']);
    assert.deepEqual([headers.get('vary'), headers.get('x-other'), headers.get('x-own')], ['Origin, App', 'mw', 'app']);
  }
});

test('a body that has been read before comes with the headers that fit it', async (t) => {
  const app = await runtimeFor(t).load(APP);
  const server = express();
  server.use('/raw', express.raw({ type: '*/*' }));
  server.use('/text', express.text({ type: '*/*' }));
  server.use(toExpressHandler(app));
  const port = await start(t, http.createServer(server));
  const post = async (path, body, headers) => (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers })).json();
  const raw = await post('/raw', zlib.gzipSync('hello'), { 'content-encoding': 'gzip', 'content-type': 'a/b', 'x-a': '1' });
  const names = ['content-encoding', 'content-length', 'content-type', 'x-a'];
  const of = ({ headers }) => names.map((name) => headers[name]);
  assert.deepEqual([raw.text, of(raw)], ['hello', [undefined, undefined, 'a/b', '1']]);
  const text = await post('/text', Buffer.from([0xfc]), { 'content-type': 'text/plain; charset="latin1"; x=y', 'x-a': '1' });
  assert.deepEqual([text.text, of(text)], ['ü', [undefined, undefined, 'text/plain; charset=utf-8; x=y', '1']]);
  const streamed = await post('/x', 'as it is', { 'content-type': 'text/plain;charset=latin1' });
  assert.deepEqual([streamed.text, of(streamed).slice(1, 3)], ['as it is', ['8', 'text/plain;charset=latin1']]);
});
