'use strict';
// The runtime's own HTTP server, as clients and hosts see it.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { getEventListeners, once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { test } = require('node:test');
const tls = require('node:tls');
const { Worker } = require('node:worker_threads');
const { Listener } = require('nano-isolates');
const { Client } = require('./frames.js');
const { HELLO, NEVER, ROOT, code, runtimeFor, script, until, wrongType } = require('./helpers.js');

const ANY = '127.0.0.1:0';
const NANO = JSON.stringify(require.resolve('nano-isolates'));
const dispose = Symbol.dispose ?? Symbol.for('nodejs.dispose');
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

const pem = (name) => fs.readFileSync(path.join(ROOT, 'tests', 'tls', name));
const [ca, ONE, TWO] = [
  pem('authority.pem'),
  { chain: pem('one.pem'), key: pem('one.key') },
  { chain: pem('two.pem'), key: pem('two.key') },
];
const portOf = (listener) => Number(listener.address.split(':').pop());
const naming = (name) => `export default { fetch: (request) => new Response('${name} ' + new URL(request.url).pathname) }`;

/** Asks by a connection of its own: status, headers and body. */
async function ask(address, { target = '/', module = http, body, ...options } = {}) {
  const [host, port] = address.split(':');
  const to = address.startsWith('unix:') ? { socketPath: address.slice(5) } : { host, port };
  const request = module.request({ ...to, path: target, agent: false, ...options }).end(body);
  const [response] = await once(request, 'response');
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

const textAt = async (listener, target, host) =>
  (await ask(listener.address, { target, headers: host === undefined ? {} : { host } })).text;
const refused = (address) => assert.rejects(ask(address), { code: 'ECONNREFUSED' });

/** What an app waits for until the test opens it. */
function gateOf() {
  const gate = {};
  gate.arrived = new Promise((arrive) => {
    gate.wait = () => new Promise((open) => ((gate.open = open), arrive()));
  });
  return gate;
}

/** A process of its own that runs this and writes lines, and ends with the test. `later` writes one when what nobody holds has been collected. */
function started(t, source, ...stdio) {
  const later = 'const later = (line) => setTimeout(() => { for (let n = 0; n < 3; n++) gc(); console.log(line); }, 1).unref();';
  const [stdin = 'ignore', ...more] = stdio;
  const child = spawn(process.execPath, ['--expose-gc', '-e', `const { Runtime } = require(${NANO}); ${later}\n${source}`], {
    stdio: [stdin, 'pipe', 'inherit', ...more],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const all = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, ended, lines: async () => (await all.next()).value };
}

const GATED = 'export default { fetch: async (request, env) => new Response(await env.gate()) }; export const here = () => 1';

test('an app answers what comes to a port, whole and in pieces', async (t) => {
  const runtime = runtimeFor(t, { threads: 2 });
  const app = await runtime.load(
    "export default { fetch: (request) => new Response(request.body ?? request.url, { status: 201, headers: { 'x-a': request.method } }) }",
  );
  const listener = runtime.listen(ANY, app);
  assert.ok(listener instanceof Listener);
  assert.match(listener.address, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(listener.connections, 0);
  const plain = await fetch(`http://${listener.address}/a%20b?c=d`);
  assert.deepEqual([plain.status, plain.headers.get('x-a'), await plain.text()], [201, 'GET', `http://${listener.address}/a%20b?c=d`]);
  assert.equal(listener.connections, 1);
  const body = new Blob(Array.from({ length: 100 }, () => 'x'.repeat(10_000))).stream();
  const streamed = await fetch(`http://${listener.address}/`, { method: 'POST', body, duplex: 'half' });
  assert.equal((await streamed.text()).length, 1_000_000);
  assert.equal(app.stats().requests, 2);
});

test('requests go to the app of their host and their path', async (t) => {
  const runtime = runtimeFor(t);
  const [site, api, deep, rest, any] = await Promise.all(['site', 'api', 'deep', 'rest', 'any'].map((name) => runtime.load(naming(name))));
  const routes = { 'a.example': site, 'A.example/api': api, 'a.example/api/v2/': deep, '/any': any };
  for (const all of [{ ...routes, '': rest }, new Map(Object.entries({ ...routes, '': rest }))]) {
    const listener = runtime.listen(ANY, all);
    for (const [host, target, wanted] of [
      ['a.example', '/', 'site'],
      ['A.Example:80', '/apis', 'site'],
      ['a.example', '/api', 'api'],
      ['a.example', '/api/v1?x', 'api'],
      ['a.example', '/api/v2', 'deep'],
      ['a.example', '/any', 'site'],
      ['b.example', '/any/x', 'any'],
      ['b.example', '/api', 'rest'],
      [undefined, '/', 'rest'],
    ]) {
      assert.equal(await textAt(listener, target, host), `${wanted} ${target.split('?')[0]}`, `${host}${target}`);
    }
  }
  const some = runtime.listen(ANY, routes);
  const { status, headers, text } = await ask(some.address, { headers: { host: 'b.example' } });
  assert.deepEqual([status, headers['content-type']], [404, 'application/problem+json']);
  assert.equal(JSON.parse(text).status, 404);
  assert.equal(await textAt(some, '/', 'a.example'), 'site /');
});

test('a new version of an app is there at once, and an app that has been unloaded is an error', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(naming('old'));
  const listener = runtime.listen(ANY, app);
  assert.equal(await textAt(listener, '/'), 'old /');
  await app.reload(naming('new'));
  assert.equal(await textAt(listener, '/'), 'new /');
  await app.unload();
  assert.equal((await ask(listener.address)).status, 503);
});

test('clients of an app that fails are told a code', async (t) => {
  const runtime = runtimeFor(t);
  const listener = runtime.listen(ANY, await runtime.load("export default { fetch() { throw new Error('a secret of the app'); } }"));
  const { status, text } = await ask(listener.address);
  assert.deepEqual([status, JSON.parse(text).code], [500, 'EXCEPTION']);
  assert.doesNotMatch(text, /secret/);
});

test('what apps ask of Node is answered while Node has asked nothing, and an open listener keeps the process and its runtime', async (t) => {
  const { lines, ended } = started(
    t,
    `(async () => {
      class Counter { #n = 0; add(n) { return (this.#n += n); } }
      const app = await new Runtime({ threads: 1 }).load(
        \`export default { async fetch(request, env) {
          if (new URL(request.url).pathname === '/stop') return new Response(await env.stop());
          const counter = await new env.Counter();
          await counter.add(1);
          const page = await (await fetch('http://shop.test/')).text();
          return new Response([await counter.add(2), await env.twice('x'), page, await request.text()].join());
        } }\`,
        { env: { Counter, twice: async (x) => x + x, stop: () => { listener.close(); return 'stopped'; } }, outbound: () => new Response('page') },
      );
      const listener = app.runtime.listen('${ANY}', app);
      listener.unref().ref();
      later(listener.address);
    })();`,
  );
  const address = await lines();
  assert.equal((await ask(address, { method: 'POST', body: 'body' })).text, '3,xx,page,body');
  assert.equal((await ask(address, { target: '/stop' })).text, 'stopped');
  assert.deepEqual(await ended, [0, null]);
});

test('a listener that has been closed keeps the process until its last request is answered', async (t) => {
  const { lines, ended } = started(
    t,
    `(async () => {
      const source = 'export default { fetch: async (request, env) => new Response((await env.close()) + (await request.text())) }';
      const close = () => (listener.close(), later('still here'), 'closed');
      const app = await new Runtime({ threads: 1 }).load(source, { env: { close } });
      const listener = app.runtime.listen('${ANY}', app);
      console.log(listener.address);
    })();`,
  );
  const [host, port] = (await lines()).split(':');
  const request = http.request({ host, port, method: 'POST', agent: false });
  request.write(' and ');
  assert.equal(await lines(), 'still here');
  request.end('answered');
  const [response] = await once(request, 'response');
  assert.equal((await response.toArray()).join(''), 'closed and answered');
  assert.deepEqual(await ended, [0, null]);
});

test('without its reference a listener does not keep the process, and answers as long as it lives', async (t) => {
  const { child, lines, ended } = started(
    t,
    `process.stdin.resume();
    (async () => {
      const source = 'export default { fetch: async (request, env) => new Response(await env.f()) }';
      const app = await new Runtime({ threads: 1 }).load(source, { env: { f: () => 'from Node' } });
      later(app.runtime.listen('${ANY}', app).unref().address);
    })();`,
    'pipe',
  );
  const address = await lines();
  for (let n = 0; n < 2; n++) assert.equal((await ask(address)).text, 'from Node');
  child.stdin.end();
  assert.deepEqual(await ended, [0, null]);
});

test('closing refuses who comes, and waits for who is there', async (t) => {
  const runtime = runtimeFor(t);
  const gate = gateOf();
  const app = await runtime.load(GATED, { env: { gate: gate.wait } });
  const listener = runtime.listen(ANY, app);
  const pending = textAt(listener, '/');
  await gate.arrived;
  assert.deepEqual([listener.closed, listener.connections], [false, 1]);
  let ended = false;
  const closing = listener.close();
  closing.then(() => (ended = true));
  assert.equal(listener.close(), closing);
  assert.equal(listener.closed, true);
  await refused(listener.address);
  assert.equal(await app.invoke('here'), 1);
  assert.deepEqual([ended, listener.connections], [false, 1]);
  gate.open('well');
  assert.equal(await pending, 'well');
  await closing;
  assert.equal(listener.connections, 0);
  assert.throws(() => listener.setCertificates([ONE]), code('NANO_E_SHUTDOWN'));
  assert.equal(listener.ref().unref(), listener);
  await listener.close();
});

test('disposing closes', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO);
  for (const how of [dispose, asyncDispose]) {
    const listener = runtime.listen(ANY, app);
    assert.equal((await ask(listener.address)).status, 200);
    const disposed = listener[how]();
    assert.equal(disposed instanceof Promise, how === asyncDispose);
    assert.equal(listener.closed, true);
    await refused(listener.address);
    await disposed;
    await listener[how]();
  }
});

test('closing the runtime closes its listeners, and what is used then is an error', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(NEVER);
  const [plain, secure] = [runtime.listen(ANY, app), runtime.listen(ANY, app, { certificates: [ONE] })];
  const { address } = plain;
  const client = new Client(portOf(plain), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => app.stats().inFlight === 1);
  const closing = runtime.close();
  assert.deepEqual([plain.closed, secure.closed], [true, true]);
  await closing;
  // What was under way has no answer, or one that says so.
  assert.match(await client.rest(), /^$|^HTTP\/1\.1 503 /);
  await refused(address);
  await plain.close();
  assert.deepEqual([plain.connections, plain.address], [0, address]);
  assert.equal(plain.ref().unref(), plain);
  assert.throws(() => secure.setCertificates([TWO]), code('NANO_E_SHUTDOWN'));
  assert.throws(() => runtime.listen(ANY, app), code('NANO_E_SHUTDOWN'));
});

test('draining closes listeners, and waits for what their clients have asked', async (t) => {
  const runtime = runtimeFor(t);
  const gate = gateOf();
  const app = await runtime.load(GATED, { env: { gate: gate.wait } });
  const listener = runtime.listen(ANY, app);
  await assert.rejects(runtime.drain({ graceMs: -1 }), code('NANO_E_INVALID'));
  assert.equal(listener.closed, false);
  const pending = textAt(listener, '/');
  await gate.arrived;
  const draining = runtime.drain({ graceMs: 600_000 });
  assert.equal(listener.closed, true);
  assert.throws(() => runtime.listen(ANY, app), code('NANO_E_DRAINING'));
  gate.open('well');
  assert.equal(await pending, 'well');
  assert.equal(await draining, true);
  await listener.close();
  await refused(listener.address);
});

test('a signal closes', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO);
  const controller = new AbortController();
  const { signal } = controller;
  const listening = () => getEventListeners(signal, 'abort').length;
  const [first, second] = [runtime.listen(ANY, app, { signal }), runtime.listen(ANY, app, { signal })];
  // One for both.
  assert.equal(listening(), 1);
  await first.close();
  assert.deepEqual([listening(), second.closed], [1, false]);
  assert.equal((await ask(second.address)).status, 200);
  controller.abort('enough');
  assert.deepEqual([listening(), second.closed], [0, true]);
  await second.close();
  await refused(second.address);
  assert.throws(
    () => runtime.listen(first.address, app, { signal }),
    (reason) => reason === 'enough',
  );
  await refused(first.address);
});

test('with certificates it speaks TLS and HTTP/2, and they can be replaced', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(
    "export default { fetch: (request) => new Response(request.url + ' ' + request.headers.get('x-forwarded-proto')) }",
  );
  const listener = runtime.listen(ANY, app, { certificates: [{ chain: String(ONE.chain), key: String(ONE.key) }] });
  const by = (servername) => ask(listener.address, { module: https, ca, servername, headers: { host: servername } });
  assert.equal((await by('one.test')).text, 'https://one.test/ https');
  await assert.rejects(by('two.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  const old = tls.connect({ port: portOf(listener), host: '127.0.0.1', ca, servername: 'one.test' });
  await once(old, 'secureConnect');
  listener.setCertificates([ONE, TWO]);
  for (const name of ['one.test', 'two.test', 'x.two.test']) assert.equal((await by(name)).text, `https://${name}/ https`);
  for (const [wrong, why] of [
    [[{ chain: TWO.chain, key: ONE.key }], /certificate 1 cannot be used: the private key is another certificate's/],
    [[], /between 1 and/],
  ]) {
    assert.throws(
      () => listener.setCertificates(wrong),
      (error) => error.code === 'NANO_E_INVALID' && why.test(error.message),
    );
  }
  for (const wrong of [undefined, ONE, [5], [{ chain: ONE.chain }], [{ ...ONE, chain: [1] }], [{ ...ONE, pfx: 'x' }]])
    assert.throws(() => listener.setCertificates(wrong), wrongType, JSON.stringify(wrong));
  assert.equal((await by('two.test')).status, 200);
  listener.setCertificates([TWO]);
  await assert.rejects(by('one.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  // A connection keeps what it has.
  old.write('GET / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n');
  assert.match((await old.toArray()).join(''), /^HTTP\/1\.1 200 .*https:\/\/one\.test\/ https$/s);

  const session = http2.connect(`https://two.test`, { ca, createConnection: () => connectTls(listener, 'two.test') });
  const stream = session.request({ ':path': '/by-two' });
  assert.equal((await stream.toArray()).join(''), 'https://two.test/by-two https');
  session.close();
  const plain = runtime.listen(ANY, app);
  assert.throws(() => plain.setCertificates([ONE]), code('NANO_E_INVALID'));
});

function connectTls(listener, servername) {
  return tls.connect({ port: portOf(listener), host: '127.0.0.1', ca, servername, ALPNProtocols: ['h2'] });
}

test('only behind a proxy is believed what it says of clients', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(
    "export default { fetch: (request) => new Response(request.url + ' ' + request.headers.get('x-forwarded-for')) }",
  );
  const headers = { host: 'a.test', 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
  for (const [options, wanted] of [
    [{ behindProxy: true }, 'https://a.test/ 192.0.2.7'],
    [{ behindProxy: false }, 'http://a.test/ 127.0.0.1'],
    [{}, 'http://a.test/ 127.0.0.1'],
  ]) {
    assert.equal((await ask(runtime.listen(ANY, app, options).address, { headers })).text, wanted);
  }
});

test('a socket in the file system, and one that somebody else has bound', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(naming('here'));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nano-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const address = `unix:${path.join(folder, 'socket')}`;
  const listener = runtime.listen(address, app);
  assert.equal(listener.address, address);
  assert.equal((await ask(address)).text, 'here /');
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const bound = `127.0.0.1:${server.address().port}`;
  const { lines } = started(
    t,
    `(async () => {
      const runtime = new Runtime({ threads: 1 });
      console.log(runtime.listen('fd:3', await runtime.load(${JSON.stringify(naming('there'))})).address);
    })();`,
    'ignore',
    server._handle.fd,
  );
  // From here on the socket is the other process's alone.
  server.close();
  assert.equal(await lines(), bound);
  assert.equal((await ask(bound)).text, 'there /');
});

test('heads that are too large, and too many headers', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO);
  const headers = { 'x-a': 'x'.repeat(2_000), 'x-b': '1', 'x-c': '1' };
  for (const [limits, wanted] of [
    [{ headBytes: 1_000 }, 431],
    [{ headBytes: 3_000 }, 200],
    [{ headers: 3 }, 431],
    [{ headers: 10 }, 200],
    [{ head_bytes: 1_000 }, 431],
    [undefined, 200],
  ]) {
    assert.equal((await ask(runtime.listen(ANY, app, { limits }).address, { headers })).status, wanted, JSON.stringify(limits));
  }
});

test('connections at a request of one app, and all of them', async (t) => {
  // Whoever is idle makes room in time for others, which does not pass here.
  const runtime = runtimeFor(t, { manualClock: true });
  const gate = gateOf();
  const [app, other] = await Promise.all([runtime.load(GATED, { env: { gate: gate.wait } }), runtime.load(naming('other'))]);
  const listener = runtime.listen(ANY, { '': app, '/other': other }, { limits: { connectionsOfApp: 1 } });
  const first = textAt(listener, '/');
  await gate.arrived;
  const { status, text } = await ask(listener.address);
  assert.deepEqual([status, JSON.parse(text).status], [503, 503]);
  assert.equal(await textAt(listener, '/other'), 'other /other');
  gate.open('well');
  assert.equal(await first, 'well');

  const narrow = runtime.listen(ANY, other, { limits: { connections: 1 } });
  const one = new Client(portOf(narrow), '');
  await until(() => narrow.connections === 1);
  // It waits for the first one's end.
  const late = textAt(narrow, '/');
  const asked = other.stats().requests;
  for (let n = 0; n < 20; n++) await textAt(listener, '/other');
  assert.deepEqual([narrow.connections, other.stats().requests], [1, asked + 20]);
  one.destroy();
  await until(() => narrow.connections === 0);
  // It looks again after a moment of the clock that stands still.
  runtime.advance(100);
  assert.equal(await late, 'other /');
});

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
for (const [name, written, wanted] of [
  ['headMs', 'GET / HTTP', /^HTTP\/1\.1 408 /],
  ['idleMs', GET, /^HTTP\/1\.1 200 .*read 0$/s],
  ['bodyMs', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nx', /^HTTP\/1\.1 408 /],
  ['handshakeMs', '', /^$/],
]) {
  test(`time is up for slow clients: ${name}`, async (t) => {
    const runtime = runtimeFor(t, { threads: 1, manualClock: true });
    t.after(Client.destroyAll);
    const app = await runtime.load("export default { fetch: async (request) => new Response('read ' + (await request.text()).length) }");
    const [other, options] = [runtime.listen(ANY, app), name === 'handshakeMs' ? { certificates: [ONE] } : {}];
    const listener = runtime.listen(ANY, app, { ...options, limits: { [name]: 50 } });
    const client = new Client(portOf(listener), written);
    let heard = null;
    client.rest().then((text) => (heard = text));
    // Each of the defaults is 10 s or more.
    for (let ms = 0; heard === null && ms < 5_000; ms += 50) {
      // Whatever was due before is done before this one is answered.
      assert.equal((await ask(other.address)).status, 200);
      runtime.advance(50);
    }
    assert.match(String(heard), wanted);
  });
}

test('an address that is taken or is none', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load(HELLO);
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const listener = runtime.listen(ANY, app);
  for (const taken of [`127.0.0.1:${server.address().port}`, listener.address]) {
    assert.throws(
      () => runtime.listen(taken, app),
      (error) => error.code === 'NANO_E_IO' && error.message.includes(taken),
    );
  }
  for (const none of ['', 'localhost:80', '127.0.0.1', '127.0.0.1:70000', 'unix:', 'fd:x'])
    assert.throws(() => runtime.listen(none, app), code('NANO_E_INVALID'), none);
  assert.equal((await ask(listener.address)).status, 200);
  await listener.close();
  assert.equal((await ask(runtime.listen(listener.address, app).address)).status, 200);
});

test('wrong options are refused, each as what it is', async (t) => {
  const [runtime, another] = [runtimeFor(t), runtimeFor(t)];
  const [app, foreign] = await Promise.all([runtime.load(HELLO), another.load(HELLO, { name: 'foreign' })]);
  for (const [wrong, why] of [
    [[ANY], /listen takes an app/],
    [[8080, app], /address is a string/],
    [[ANY, null], /listen takes an app/],
    [[ANY, 'app'], /listen takes an app/],
    [[ANY, runtime.load(HELLO)], /listen takes an app/],
    [[ANY, {}], /listen takes an app/],
    [[ANY, new Map()], /listen takes an app/],
    [[ANY, { '': runtime.load(HELLO) }], /at the route "" is no app/],
    [[ANY, { 'a.test': app, '/x': 5 }], /at the route "\/x" is no app/],
    [[ANY, [app]], /listen takes an app/],
    [[ANY, new Map([[5, app]])], /a route is a string/],
    [[ANY, { 'a.test:80': app }], /has a port or a scheme/],
    [[ANY, { '[::1]:80': app }], /has a port or a scheme/],
    [[ANY, { 'http://a.test': app }], /has a port or a scheme/],
    [[ANY, foreign], /"foreign" is another runtime's/],
    [[ANY, { '': app, '/x': foreign }], /"foreign" is another runtime's/],
    [[ANY, app, null], /the options of listen are an object/],
    [[ANY, app, { unknown: 1 }], /listen has no option unknown/],
    [[ANY, app, { behindProxy: 1 }], /behindProxy is a boolean/],
    [[ANY, app, { certificates: ONE }], /certificates is an array/],
    [[ANY, app, { certificates: [{ key: 'x' }] }], /the chain of a certificate/],
    [[ANY, app, { signal: 5 }], /signal is an AbortSignal/],
    [[ANY, app, { limits: { headMs: '5' } }], /the limit headMs is a number/],
    [[ANY, app, { limits: { headBits: 5 } }], /there is no limit headBits/],
    [[ANY, app, { limits: { lingerMs: 5 } }], /there is no limit lingerMs/],
  ]) {
    assert.throws(() => runtime.listen(...wrong), { ...wrongType, message: why }, String(why));
  }
  for (const name of ['connections', 'connectionsOfApp', 'headMs', 'idleMs', 'bodyMs', 'headBytes', 'headers', 'handshakeMs']) {
    for (const value of [0, -1, 1.5, NaN, 2 ** 32])
      assert.throws(() => runtime.listen(ANY, app, { limits: { [name]: value } }), code('NANO_E_INVALID'), `${name} ${value}`);
    await runtime.listen(ANY, app, { limits: { [name]: 100 } }).close();
  }
  for (const wrong of [{ 'a b': app }, { '*.test': app }]) assert.throws(() => runtime.listen(ANY, wrong), code('NANO_E_INVALID'));
  assert.throws(() => runtime.listen(ANY, { 'a.test': app, 'A.TEST/': app }), code('NANO_E_ALREADY'));
  for (const certificates of [[], [{ chain: 'x', key: 'y' }]])
    assert.throws(() => runtime.listen(ANY, app, { certificates }), code('NANO_E_INVALID'));
  assert.throws(() => new Listener(), wrongType);
  // A host's address of IPv6 has colons of its own.
  assert.equal(await textAt(runtime.listen(ANY, { '[::1]': app }), '/', '[::1]:80'), 'Hello from http://[::1]/');
});

test("a WebSocket, by the platform's own client", async () => {
  const { exit, out, errors } = await script(
    `const { Runtime } = require(${NANO});
    (async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load(\`export default { fetch(request, env) {
        const { 0: client, 1: socket } = new WebSocketPair();
        socket.accept();
        socket.onmessage = async ({ data }) => socket.send(await env.answer(data));
        socket.onclose = ({ code, reason }) => env.closed(code, reason);
        return new Response(null, { status: 101, webSocket: client });
      } }\`, { env: { answer: (data) => data + '!', closed: (...why) => { console.log(...why); listener.close(); } } });
      const listener = runtime.listen('${ANY}', app);
      const socket = new WebSocket('ws://' + listener.address + '/');
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => { console.log(data); socket.close(4000, 'as you wish'); };
    })();`,
    { flags: typeof WebSocket === 'function' ? [] : ['--experimental-websocket', '--no-warnings'] },
  );
  assert.deepEqual([exit, out], [0, 'hello!\n4000 as you wish\n'], errors);
});

test('a WebSocket outlives the closing of its listener, and not the draining of its runtime', async (t) => {
  const runtime = runtimeFor(t);
  t.after(Client.destroyAll);
  const app = await runtime.load(`export default { fetch() {
    const { 0: client, 1: socket } = new WebSocketPair();
    socket.accept();
    socket.onmessage = ({ data }) => socket.send(data + '!');
    return new Response(null, { status: 101, webSocket: client });
  } }`);
  const listener = runtime.listen(ANY, app);
  const [one, two] = [await Client.open(portOf(listener)), await Client.open(portOf(listener))];
  let ended = false;
  const closing = listener.close().then(() => (ended = true));
  for (const client of [one, two]) {
    client.text('hello');
    assert.equal(await client.next(), 'hello!');
  }
  one.close(1000);
  assert.deepEqual(await one.next(), [1000, '']);
  one.destroy();
  assert.equal(ended, false);
  const draining = runtime.drain();
  assert.equal((await two.next())[0], 1001);
  two.close(1001);
  two.destroy();
  assert.equal(await draining, true);
  await closing;
});

const IN_WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Runtime } = require(${NANO});
  (async () => {
    const runtime = new Runtime({ threads: 1 });
    const source = \`export default { async fetch(request, env) {
      const { pathname } = new URL(request.url);
      if (pathname === '/loop') for (;;);
      if (pathname === '/never') await new Promise(() => setTimeout(() => {}, 1e9));
      return new Response(await env.whose());
    } }\`;
    const app = await runtime.load(source, { env: { whose: () => 'of a worker' }, limits: { cpuMs: 60000 } });
    const listener = runtime.listen('${ANY}', app);
    parentPort.postMessage(listener.address);
    if (workerData === 'unref') listener.unref();
    while (workerData === 'wait' && app.stats().inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
    if (workerData === 'wait') parentPort.postMessage('busy');
  })();`;

/** A request whose runtime has ended: it has no answer, or one that says so. */
const cutOff = (asked) =>
  asked.then(
    ({ status }) => assert.equal(status, 503),
    (error) => assert.equal(error.code, 'ECONNRESET'),
  );

test('each worker has its own, which end with it', async () => {
  for (const target of ['/never', '/loop']) {
    const worker = new Worker(IN_WORKER, { eval: true, workerData: 'wait' });
    const [address] = await once(worker, 'message');
    const asked = cutOff(ask(address, { target }));
    await once(worker, 'message');
    await worker.terminate();
    await asked;
    await refused(address);
  }
  const worker = new Worker(IN_WORKER, { eval: true });
  const [address] = await once(worker, 'message');
  assert.equal((await ask(address)).text, 'of a worker');
  await worker.terminate();
  await refused(address);
});

test('a worker that ends by itself closes its listener', async () => {
  const worker = new Worker(IN_WORKER, { eval: true, workerData: 'unref' });
  const [[address], [exit]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  assert.equal(exit, 0);
  await refused(address);
});

test('leaving with a listener open and requests in flight', async (t) => {
  const { lines, ended } = started(
    t,
    `(async () => {
      const runtime = new Runtime({ threads: 2 });
      const app = await runtime.load('export default { fetch: (request, env) => env.leave() }', {
        env: { leave: () => { setImmediate(() => process.exit(7)); return new Promise(() => {}); } },
      });
      console.log(runtime.listen('${ANY}', app).address);
    })();`,
  );
  await cutOff(ask(await lines()));
  assert.deepEqual(await ended, [7, null]);
});

test('a listener that has ended is collected, and so is its runtime', async () => {
  const { exit, out, errors } = await script(
    `const { Runtime } = require(${NANO});
    const fs = require('node:fs');
    const nameOf = (id) => { try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8'); } catch { return ''; } };
    const threads = () => fs.readdirSync('/proc/self/task').map(nameOf).filter((name) => name.startsWith('nano-shard')).length;
    const { signal } = new AbortController();
    (async () => {
      await (async () => {
        for (let n = 0; n < 3; n++) {
          const runtime = new Runtime({ threads: 1 });
          const listener = runtime.listen('${ANY}', await runtime.load('', { kind: 'echo' }), { signal });
          await listener.close();
        }
      })();
      while (threads() > 0) { await new Promise((resolve) => setImmediate(resolve)); gc(); }
      console.log('collected');
    })();`,
    { flags: ['--expose-gc'] },
  );
  assert.deepEqual([exit, out], [0, 'collected\n'], errors);
});
