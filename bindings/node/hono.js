'use strict';
// Apps in Hono, on any of its servers: `server.all('/shop/*', toHonoHandler(shop))`.

const { invalid } = require('./lib/errors.js');
const { App } = require('./lib/runtime.js');

function toHonoHandler(app) {
  if (!(app instanceof App)) throw invalid('toHonoHandler takes an app');
  return (context) => app.fetch(context.req.raw);
}

module.exports = { toHonoHandler };
