// A server of many apps, each on a name of its own, beside routes of the server's own.
//
//     npm install nano-isolates
//     node server.mjs [port]
//     curl 'http://127.0.0.1:8000/apps/greeter/?name=world'
//
// npm has no nano-isolates yet: `make dist` makes it, and `npm install` takes target/dist/nano-isolates-*.tgz.

import http from 'node:http';
import { Runtime, toNodeHandler } from 'nano-isolates';

const SOURCES = {
  greeter: `
    export default {
      async fetch(request, env) {
        const name = new URL(request.url).searchParams.get('name');
        return new Response(\`\${env.GREETING}, \${name}: visit \${await env.countVisit()}\\n\`);
      },
    };`,
  shouter: `
    export default {
      fetch(request) {
        const upper = new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) });
        const body = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream());
        return new Response(body);
      },
    };`,
};

let visits = 0;
// What the apps find as `env.countVisit`.
const countVisit = () => ++visits;

const runtime = new Runtime({ threads: 2, onLog: (app, level, text) => console.error(`${app} ${level}: ${text}`) });
const handlers = new Map();
for (const [name, source] of Object.entries(SOURCES)) {
  const app = await runtime.load(source, { name, env: { GREETING: 'Hello', countVisit }, egress: 'deny', limits: { cpuMs: 50 } });
  handlers.set(name, toNodeHandler(app));
}

const server = http.createServer((request, response) => {
  const [, name] = /^\/apps\/([^/?]+)/.exec(request.url) ?? [];
  const handler = handlers.get(name);
  if (handler !== undefined) return handler(request, response);
  response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'application/json' });
  return response.end(`${JSON.stringify({ apps: [...handlers.keys()] })}\n`);
});
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

process.once('SIGTERM', async () => {
  server.close();
  await runtime.drain({ graceMs: 5000 });
  await runtime.close();
});
