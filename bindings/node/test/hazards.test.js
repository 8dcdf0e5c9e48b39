'use strict';
// What goes wrong when two engines share a process: each row of the list of hazards.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { Runtime } = require('nano-isolates');
const { HELLO, NEVER, URL: url, runtimeFor, script, until } = require('./helpers.js');

const ADDON = path.join(__dirname, '..', 'nano-isolates.linux-x64-gnu.node');
const LOOP =
  'export default { fetch(request) { if (request.url.endsWith("loop")) for (;;); return new Response("x") } }; export const here = () => 1';
const LATE = "export default { fetch: () => new Promise((resolve) => setTimeout(() => resolve(new Response('late')), 50)) }";
const PRELUDE = `
  const { Runtime } = require('nano-isolates');
  const fs = require('node:fs');
  const nameOf = (id) => { try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8'); } catch { return ''; } };
  const threads = () => fs.readdirSync('/proc/self/task').map(nameOf).filter((name) => name.startsWith('nano-shard')).length;
  const HELLO = ${JSON.stringify(HELLO)}, NEVER = ${JSON.stringify(NEVER)}, LOOP = ${JSON.stringify(LOOP)}, URL_ = ${JSON.stringify(url)};
  const turn = () => new Promise((resolve) => setImmediate(resolve));
`;

async function passes(code, out, options) {
  const ended = await script(PRELUDE + code, options);
  assert.deepEqual([ended.exit, ended.signal, ended.out], [0, null, out], ended.errors);
}

test('nothing of ours is visible to another V8, and nothing of theirs is asked for', () => {
  const symbols = execFileSync('readelf', ['-W', '--dyn-syms', ADDON], { maxBuffer: 1 << 28 })
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const defined = symbols.filter((row) => row[6] !== undefined && /^\d+$/.test(row[6]));
  assert.deepEqual(
    defined.map((row) => row[7]),
    [],
  );
  const wanted = symbols.filter((row) => row[6] === 'UND' && row[7]).map((row) => row[7]);
  assert.deepEqual(
    wanted.filter((name) => /^_ZN2v8|icu|absl|simdutf|temporal|^_ZNSt4__Cr/.test(name)),
    [],
  );
  const dynamic = execFileSync('readelf', ['-W', '-d', ADDON]).toString();
  assert.match(dynamic, /NODELETE/);
  assert.doesNotMatch(dynamic, /STATIC_TLS/);
  const needed = [...dynamic.matchAll(/NEEDED.*\[(.*)\]/g)].map((match) => match[1].replace(/\.so.*/, '')).sort();
  assert.deepEqual(
    needed.filter((name) => !['libc', 'libm', 'libgcc_s', 'ld-linux-x86-64'].includes(name)),
    [],
  );
});

test('both engines work at once, also with every symbol bound at the start', async () => {
  await passes(
    `(async () => {
      const runtime = new Runtime({ threads: 2 });
      const work = "new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0])); new Function('a', 'return /x+/u.test(a)')('xx');";
      const source = "export default { fetch() { " + work + " return new Response('x') } };" +
        "export const sort = (n) => Array.from({ length: n }, (_, i) => -i).sort((a, b) => a - b)[0]";
      const app = await runtime.load(source, { codeGeneration: true });
      const own = () => {
        eval(work);
        return Array.from({ length: 1e4 }, (_, i) => -i).sort((a, b) => a - b)[0];
      };
      for (let n = 0; n < 20; n++) {
        const theirs = [app.invoke('sort', 1e4), app.fetch(URL_).then((r) => r.text())];
        const all = await Promise.all([...theirs, own(), new Intl.NumberFormat('de').format(1e6)]);
        if (all.join() !== '-9999,x,-9999,1.000.000') throw new Error(all.join());
      }
      await runtime.close();
      console.log(process.versions.v8 !== require('nano-isolates').v8Version);
    })();`,
    'true\n',
    { env: { LD_BIND_NOW: '1' } },
  );
});

test('it loads in whatever order and with whatever flags', async () => {
  const code =
    '(async () => { const runtime = new Runtime({ threads: 1 }); const app = await runtime.load(HELLO);' +
    'console.log((await app.fetch(URL_)).status); await runtime.close(); })();';
  for (const flags of [[], ['--max-old-space-size=64'], ['--stack-size=500'], ['--frozen-intrinsics'], ['--disable-proto=throw']]) {
    await passes(code, '200\n', { flags: ['--no-warnings', ...flags] });
  }
});

test('it is imported from ECMAScript modules', async () => {
  const code =
    `import nano, { Runtime, NanoError, Service, toNodeHandler } from 'nano-isolates';
    import { nanoFastify } from 'nano-isolates/fastify';
    import { toHonoHandler } from 'nano-isolates/hono';
    import { toExpressHandler } from 'nano-isolates/express';
    const all = [Runtime, NanoError, Service, toNodeHandler, nanoFastify, toHonoHandler, toExpressHandler];
    console.log(all.every((it) => typeof it === 'function'), nano.Runtime === Runtime);`;
  const { exit, out, errors } = await script(code, { flags: ['--input-type=module'] });
  assert.deepEqual([exit, out], [0, 'true true\n'], errors);
});

test('importing starts no thread, and a runtime does not keep the process alive', async () => {
  await passes('console.log(threads());', '0\n');
  await passes("new Runtime({ threads: 1 }).load(HELLO).then(() => console.log('loaded'));", 'loaded\n');
});

test('what is under way keeps the process alive until it has ended', async () => {
  await passes(
    `(async () => {
      const app = await new Runtime({ threads: 1 }).load(${JSON.stringify(LATE)});
      app.fetch(URL_).then((r) => r.text()).then(console.log);
    })();`,
    'late\n',
  );
});

for (const [how, leave] of Object.entries({
  'process.exit': 'process.exit(0)',
  'process.reallyExit': 'process.reallyExit(0)',
  'an uncaught exception': 'process.on("uncaughtException", () => process.exit(0)); setImmediate(() => { throw 1; })',
})) {
  test(`leaving by ${how} with requests in flight`, async () => {
    await passes(
      `(async () => {
        const runtime = new Runtime({ threads: 2 });
        const app = await runtime.load(NEVER);
        const loop = await runtime.load(LOOP, { limits: { cpuMs: 60000 } });
        for (let n = 0; n < 100; n++) app.fetch(URL_).catch(() => {});
        loop.fetch(URL_ + 'loop').catch(() => {});
        app.fetch(URL_, { method: 'POST', body: (async function* () { for (;;) { yield 'x'; await turn(); } })() }).catch(() => {});
        await app.invoke('here');
        console.log('leaving');
        ${leave};
      })();`,
      'leaving\n',
    );
  });
}

test('leaving in the middle of loading, draining and closing', async () => {
  await passes(
    `(async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load(NEVER);
      app.fetch(URL_).catch(() => {});
      runtime.load('for (;;);').catch(() => {});
      runtime.drain({ graceMs: 60000 }).catch(() => {});
      await turn();
      console.log('leaving');
      process.exit(0);
    })();`,
    'leaving\n',
  );
});

test('child processes are their own: fork', async () => {
  await passes(
    `const { fork } = require('node:child_process');
    (async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load(HELLO);
      await app.fetch(URL_);
      fs.writeFileSync(process.env.CHILD, "const { Runtime } = require(" + JSON.stringify(require.resolve('nano-isolates')) + ");" +
        "(async () => { const runtime = new Runtime({ threads: 1 }); const app = await runtime.load(process.argv[2]);" +
        "process.send((await app.fetch('http://app.test/')).status); await runtime.close(); process.disconnect(); })();");
      const child = () => new Promise((resolve) => fork(process.env.CHILD, [HELLO]).once('message', resolve));
      const statuses = await Promise.all([child(), child()]);
      console.log(...statuses, (await app.fetch(URL_)).status);
      fs.unlinkSync(process.env.CHILD);
      await runtime.close();
    })();`,
    '200 200 200\n',
    { env: { CHILD: path.join(require('node:os').tmpdir(), `nano-child-${process.pid}.js`) } },
  );
});

test('child processes are their own: cluster', async () => {
  await passes(
    `const cluster = require('node:cluster');
    const { once } = require('node:events');
    // This process has threads of ours, too, when the others begin.
    const runtime = new Runtime({ threads: 1 });
    fs.writeFileSync(process.env.CHILD, "const { Runtime, toNodeHandler } = require(" + JSON.stringify(require.resolve('nano-isolates')) + ");" +
      "(async () => { const runtime = new Runtime({ threads: 1 });" +
      "const app = await runtime.load('export default { fetch: (request, env) => new Response(env.PID) }', { env: { PID: String(process.pid) } });" +
      "require('node:http').createServer(toNodeHandler(app)).listen(0, '127.0.0.1'); })();");
    cluster.schedulingPolicy = cluster.SCHED_RR;
    // Without what this process is itself started with, which is this script.
    cluster.setupPrimary({ exec: process.env.CHILD, execArgv: [] });
    (async () => {
      const app = await runtime.load(HELLO);
      const workers = [cluster.fork(), cluster.fork()];
      const [[{ port }], [second]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));
      if (second.port !== port) throw new Error('they listen on two ports');
      const answered = new Set();
      // A connection for each: the workers have them in turn.
      for (let n = 0; n < 4; n++) {
        const response = await fetch('http://127.0.0.1:' + port + '/', { headers: { connection: 'close' } });
        answered.add(Number(await response.text()));
      }
      console.log(workers.map((worker) => answered.has(worker.process.pid)).join(), answered.size, (await app.fetch(URL_)).status);
      const exits = workers.map((worker) => once(worker, 'exit'));
      cluster.disconnect();
      console.log((await Promise.all(exits)).join(';'));
      fs.unlinkSync(process.env.CHILD);
      await runtime.close();
    })();`,
    'true,true 2 200\n0,;0,\n',
    { env: { CHILD: path.join(require('node:os').tmpdir(), `nano-cluster-${process.pid}.js`) } },
  );
});

const IN_WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Runtime } = require(workerData.nano);
  (async () => {
    const runtime = new Runtime({ threads: 1 });
    const app = await runtime.load(workerData.source);
    const response = await app.fetch('http://app.test/');
    parentPort.postMessage(await response.text());
    for (let n = 0; n < 10; n++) app.fetch('http://app.test/never').catch(() => {});
    if (workerData.close) await runtime.close();
    else if (workerData.loop) app.fetch('http://app.test/loop').catch(() => {});
  })();`;
const FOR_WORKER =
  `export default { fetch(request) {
    if (request.url.endsWith('loop')) for (;;);
    if (request.url.endsWith('never')) return new Promise(() => { setTimeout(() => {}, 1e9) });
    return new Response('of a worker');
  } }`;

function startWorker(options) {
  return new Worker(IN_WORKER, { eval: true, workerData: { nano: require.resolve('nano-isolates'), source: FOR_WORKER, ...options } });
}

const message = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));

test('each worker has its own, and ends with requests in flight', async (t) => {
  const fs = require('node:fs');
  const shards = () =>
    fs.readdirSync('/proc/self/task').filter((id) => {
      try {
        return fs.readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('nano-shard');
      } catch {
        return false;
      }
    }).length;
  const app = await runtimeFor(t).load(HELLO);
  const before = shards();
  for (let round = 0; round < 10; round++) {
    const workers = [startWorker({}), startWorker({ loop: true }), startWorker({ close: true })];
    assert.deepEqual(await Promise.all(workers.map(message)), ['of a worker', 'of a worker', 'of a worker']);
    await Promise.all(workers.map((worker) => worker.terminate()));
    assert.equal((await app.fetch(url)).status, 200);
  }
  await until(() => shards() === before);
});

test('workers are terminated at any moment', async () => {
  for (let n = 0; n < 20; n++) {
    const worker = startWorker({});
    for (let turns = 0; turns < n * 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    await worker.terminate();
  }
});

test('a worker that ends by itself closes what it left open', async () => {
  const worker = startWorker({ close: true });
  await message(worker);
  const exit = await new Promise((resolve) => worker.once('exit', resolve));
  assert.equal(exit, 0);
});

test('a runtime that nobody holds is collected, and closes', async () => {
  await passes(
    `(async () => {
      await (async () => {
        for (let n = 0; n < 5; n++) {
          const runtime = new Runtime({ threads: 1 });
          const app = await runtime.load(HELLO, { env: { f: () => runtime } });
          await (await app.fetch(URL_)).text();
        }
      })();
      while (threads() > 0) { await turn(); gc(); }
      console.log('collected');
    })();`,
    'collected\n',
    { flags: ['--expose-gc'] },
  );
});

test('what is under way holds its runtime', async () => {
  await passes(
    `const app = () => new Runtime({ threads: 1 }).load(${JSON.stringify(LATE)});
    (async () => {
      const pending = app().then((app) => app.fetch(URL_)).then((r) => r.text());
      let done = false;
      pending.then((text) => { done = true; console.log(text); });
      while (!done) { await turn(); gc(); }
    })();`,
    'late\n',
    { flags: ['--expose-gc'] },
  );
});

test('fifty runtimes, one after the other', async () => {
  await passes(
    `const open = () => fs.readdirSync('/proc/self/fd').length;
    const use = async () => {
      const runtime = new Runtime({ threads: 1 });
      const app = await runtime.load(HELLO, { env: { f: () => 1 } });
      await (await app.fetch(URL_)).text();
      await runtime.close();
    };
    (async () => {
      await use();
      const before = open();
      for (let n = 0; n < 50; n++) await use();
      while (threads() !== 0) await turn();
      while (open() > before) { await turn(); gc(); }
      console.log('none left');
    })();`,
    'none left\n',
    { flags: ['--expose-gc'] },
  );
});

test('recursion without end, in an app and in what it is given', async (t) => {
  const runtime = runtimeFor(t);
  const app = await runtime.load('export const deep = () => deep() + 1; export const here = () => 1', { env: {} });
  await assert.rejects(app.invoke('deep'), /call stack/i);
  assert.equal(await app.invoke('here'), 1);
});

test('signals are left to the host', async () => {
  await passes(
    `(async () => {
      const runtime = new Runtime({ threads: 2 });
      const app = await runtime.load(HELLO);
      let heard = false;
      process.once('SIGUSR2', () => { heard = true; });
      process.kill(process.pid, 'SIGUSR2');
      while (!heard) await turn();
      console.log((await app.fetch(URL_)).status);
      await runtime.close();
    })();`,
    '200\n',
  );
});

test('too little address space is an error', async () => {
  const code = `${PRELUDE} try { new Runtime({ threads: 1 }); } catch (error) { console.log(error.code); }`;
  const { out, errors } = await script(`
    const { spawnSync } = require('node:child_process');
    const limited = 'ulimit -v 6000000; exec "$0" --no-warnings -e "$1"';
    const ran = spawnSync('sh', ['-c', limited, process.execPath, ${JSON.stringify(code)}], { encoding: 'utf8' });
    process.stdout.write(ran.stdout); process.stderr.write(ran.stderr);`);
  assert.equal(out, 'NANO_E_ADDRESS_SPACE\n', errors);
});
