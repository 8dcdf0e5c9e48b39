'use strict';
// Apps in Express: `server.use('/shop', toExpressHandler(shop))`, before body parsers.

const { toNodeHandler } = require('./lib/http.js');

module.exports = { toExpressHandler: toNodeHandler };
