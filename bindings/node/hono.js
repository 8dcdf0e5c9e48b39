'use strict';
// Apps in Hono, on any of its servers: `server.all('/shop/*', toHonoHandler(shop))`.

const { invalid } = require('./lib/errors.js');
const { HOP_BY_HOP } = require('./lib/incoming.js');
const { App } = require('./lib/runtime.js');

function toHonoHandler(app) {
  if (!(app instanceof App)) throw invalid('toHonoHandler takes an app');
  return async (context) => {
    const { raw } = context.req;
    const response = await app.fetch(raw);
    const { headers } = response;
    // How a message is framed is for its server to say: an app's length would end its body elsewhere. It counts where there is no body.
    for (const name of HOP_BY_HOP) headers.delete(name);
    if (raw.method !== 'HEAD' || !/^\d{1,15}$/.test(headers.get('content-length'))) headers.delete('content-length');
    return response;
  };
}

module.exports = { toHonoHandler };
