'use strict';
// Apps in Fastify: `await server.register(nanoFastify, { app: shop, prefix: '/shop' })`.

const { toNodeHandler } = require('./lib/http.js');

async function nanoFastify(server, { app, onError }) {
  const handle = toNodeHandler(app, { onError });
  // Bodies are the app's to read: within this plugin nothing else does.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request, payload, done) => done(null));
  const handler = (request, reply) => {
    // What plugins have set is kept for Fastify's own answer, which is not given.
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    handle(request.raw, reply.raw);
  };
  server.all('/', handler);
  server.all('/*', handler);
}

module.exports = { nanoFastify };
