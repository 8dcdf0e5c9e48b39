// The declarations, as people use them; `tsc` reads this.

import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import http from 'node:http';
import http2 from 'node:http2';
import {
  type Account,
  type App,
  type Listener,
  NanoError,
  Pattern,
  Queue,
  Runtime,
  Service,
  toNodeHandler,
  toUpgradeHandler,
  v8Version,
} from 'nano-isolates';
import { toExpressHandler } from 'nano-isolates/express';
import { nanoFastify } from 'nano-isolates/fastify';
import { toHonoHandler } from 'nano-isolates/hono';

class Basket {
  add(item: string): number {
    return item.length;
  }
}

export async function everything(): Promise<void> {
  await using runtime = new Runtime({
    threads: 2,
    onLog: (app, level, text, dropped) => console.log(app, level, text, dropped + 1),
    limits: { requests: 5 },
  });
  const app: App = await runtime.load(new URL('file:///app'), {
    env: {
      TEXT: 'x',
      Basket,
      other: new Service('other'),
      jobs: new Queue('jobs'),
      store: { get: (key: string) => key },
      async add(a: number, b: number) {
        this.signal.throwIfAborted();
        return a + b;
      },
    },
    limits: { cpuMs: 50 },
    outbound: async (request) => new Response(request.url),
    files: { stat: () => [1, 2] },
    crons: ['* * * * *'],
    consumers: ['others', { queue: 'jobs', batch: 5, deadLetters: 'lost' }],
    tail: ['watcher'],
    signal: AbortSignal.timeout(5),
  });
  const response: Response = await app.fetch('http://a.test/', { method: 'POST', body: new Uint8Array(5), timeoutMs: 5 });
  const account: Account | null = (await app.fetch(new Request('http://a.test/'))).account;
  const sum = await app.invoke<number>('sum', 1, 2n, new Map());
  await app.invokeWith({ signal: AbortSignal.timeout(1) }, 'sum');
  const { outcome, noRetry } = await app.schedule('by hand', { time: new Date() });
  console.log(outcome, noRetry, (await app.kill({ signal: AbortSignal.timeout(5) })) + (runtime.queues()['jobs']?.messages ?? 0));
  await app.reload(null, { env: { TEXT: 'y' } });
  http.createServer(toNodeHandler(app)).on('upgrade', toUpgradeHandler(app, { onError: (error, of) => console.error(error, of.name) }));
  http2.createServer(toNodeHandler(app, { onError: (error, of) => console.error(error, of.name) }));
  using listener: Listener = runtime.listen('127.0.0.1:0', app);
  await using secure = runtime.listen(
    '127.0.0.1:0',
    { 'a.test/x': app, '': app },
    {
      certificates: [{ chain: 'PEM', key: new Uint8Array(5) }],
      behindProxy: true,
      limits: { connections: 5, headMs: 5 },
      signal: AbortSignal.timeout(5),
    },
  );
  runtime
    .listen('unix:/x', new Map([['/x', app]]))
    .unref()
    .ref()
    .setCertificates([]);
  console.log(listener.address, listener.connections + 1, secure.closed);
  await listener.close();
  express().use('/x', toExpressHandler(app));
  const server = fastify();
  await server.register(nanoFastify, { app, prefix: '/x' });
  server.server.on('upgrade', toUpgradeHandler(app));
  new Hono().all('/x/*', toHonoHandler(app));
  try {
    await app.unload({ graceMs: 5 });
  } catch (error) {
    if (error instanceof NanoError && error.code === 'NANO_E_CPU_LIMIT') console.log(error.httpStatus + error.number, error.appStack);
  }
  console.log(response.status, account?.cpuUs, sum.toFixed(), v8Version.length, runtime.stats().inFlight, app.stats().cpuUs);
  // @ts-expect-error there is no such option
  await runtime.load('', { heapBits: 1 });
  // @ts-expect-error there is no such limit
  runtime.listen('127.0.0.1:0', app, { limits: { headBits: 1 } });
}
