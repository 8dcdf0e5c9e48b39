'use strict';
// Thousands of JavaScript apps inside this process, each in an isolate of its own, none able to hurt another or you.

const { v8Version } = require('./lib/native.js');
const { Queue, Service } = require('./lib/bindings.js');
const { NanoError } = require('./lib/errors.js');
const { Listener } = require('./lib/listen.js');
const { Pattern } = require('./lib/pattern.js');
const { App, Runtime } = require('./lib/runtime.js');
const { toNodeHandler } = require('./lib/http.js');
const { toUpgradeHandler } = require('./lib/upgrade.js');

module.exports = { App, Listener, NanoError, Pattern, Queue, Runtime, Service, toNodeHandler, toUpgradeHandler, v8Version: v8Version() };
