'use strict';
// Apps in Fastify: `await server.register(nanoFastify, { app: shop, prefix: '/shop' })`.

const { toNodeHandler } = require('./lib/http.js');

async function nanoFastify(server, { app, onError }) {
  const handle = toNodeHandler(app, onError === undefined ? {} : { onError });
  // Bodies are the app's to read: within this plugin nothing else does.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request, payload, done) => done(null));
  const handler = (request, reply) => {
    reply.hijack();
    handle(request.raw, reply.raw);
  };
  server.all('/', handler);
  server.all('/*', handler);
}

module.exports = { nanoFastify };
