'use strict';
// Apps behind `node:http`, `https` and `http2`, and whatever is built on their requests and responses.

const { STATUS_CODES } = require('node:http');
const { known, nothingElse } = require('./checks.js');
const { NanoError, invalid, textOf } = require('./errors.js');
const headers = require('./headers.js');
const { HOP_BY_HOP, Refusal, partsOf } = require('./incoming.js');
const { tell } = require('./listeners.js');
const { BODILESS } = require('./response.js');
const { App, dispatch } = require('./runtime.js');

// What breaks off a stream of HTTP/2 (RFC 9113, 7); without a code a client may take what has come for all there is.
const H2_INTERNAL_ERROR = 2;
// What a client can do something about: of other errors it is told the code alone.
const TOLD = new Set(['NANO_E_INVALID', 'NANO_E_TOO_LARGE', 'NANO_E_OVERLOADED', 'NANO_E_DRAINING']);

/**
 * A handler `(request, response)` that an app answers. The app sees the URL that the client asked for, also below a mount. Clients are
 * told a code; what happened is for `onError`, which by default writes to the console.
 */
function toNodeHandler(app, options = {}) {
  const onError = checked('toNodeHandler', app, options);
  return (request, response) => {
    serve(app, request, response).catch((error) => {
      if (isGone(response)) return;
      if (response.headersSent) breakOff(response);
      else sendProblem(request, response, error);
      tellOf(onError, error, app, request);
    });
  };
}

/** What is told of errors, once it is known that a handler is made as it can be. */
function checked(maker, app, options) {
  if (!(app instanceof App)) throw invalid(`${maker} takes an app`);
  const { onError = report, ...rest } = known(options, maker);
  nothingElse(rest, maker);
  if (typeof onError !== 'function') throw invalid('onError is a function');
  return onError;
}

async function serve(app, request, response) {
  // Who has left while others had the request is not told of again.
  if (isGone(response)) return;
  const { head, exchange } = dispatch(app, partsOf(request));
  response.once('close', () => exchange.cancel());
  try {
    await answer(request, response, await head, exchange);
  } finally {
    exchange.cancel();
  }
}

/** Passes a response on, of which this event tells. */
async function answer(request, response, event, exchange) {
  const [, , status, statusText, flat, bytes, isWhole] = event;
  const isHead = request.method === 'HEAD';
  const { list, length, upgrade } = passedOn(headers.listOf(headers.textOf(flat)));
  // RFC 9110, 15.5.22: the client is told what to ask for, and the header is one of the connection.
  if (status === 426 && upgrade !== null && request.httpVersion === '1.1') {
    list.push('upgrade', upgrade, 'connection', response.shouldKeepAlive ? 'upgrade' : 'close, upgrade');
  }
  writeHead(request, response, status, statusText, list, lengthOf(status, isHead, isWhole ? bytes.length : null, length));
  if (isWhole || isHead || BODILESS.has(status)) {
    exchange.cancel();
    response.end(isHead || BODILESS.has(status) ? undefined : bytes);
    return;
  }
  response.flushHeaders?.();
  for (let chunk = await exchange.next(); chunk !== null; chunk = await exchange.next()) {
    if (isGone(response)) return;
    if (!response.write(chunk)) await roomIn(response);
  }
  response.end();
}

/**
 * The `Content-Length` that goes out, null for none. The app's own would end its body elsewhere, and what is after it would be another app's
 * response on the same connection: it counts where there is no body.
 */
function lengthOf(status, isHead, bytes, own) {
  if (status === 204 || status === 304) return null;
  if (status === 205) return '0';
  if (isHead && !bytes) return own;
  return bytes === null ? null : String(bytes);
}

/** What of an app's headers goes out, and of the others the length and the protocols that it names, if it does. */
function passedOn(all) {
  const list = [];
  const lengths = new Set();
  let upgrade = null;
  for (let index = 0; index < all.length; index += 2) {
    const [name, value] = [all[index], all[index + 1]];
    if (name === 'content-length') lengths.add(value);
    else if (name === 'upgrade') upgrade ??= value;
    else if (!HOP_BY_HOP.has(name)) list.push(name, value);
  }
  const [length] = lengths;
  return { list, length: lengths.size === 1 && /^\d{1,15}$/.test(length) ? length : null, upgrade };
}

function writeHead(request, response, status, statusText, list, length) {
  const isHttp2 = request.httpVersionMajor >= 2;
  const phrase = statusText || (STATUS_CODES[status] ?? '');
  if (!isHttp2 && response.getHeaderNames().length === 0) {
    if (length !== null) list.push('content-length', length);
    response.writeHead(status, phrase, list);
    return;
  }
  const others = response.getHeaders();
  try {
    setHeaders(response, list, isHttp2);
    if (length === null) response.removeHeader('content-length');
    else response.setHeader('content-length', length);
    // Without both Node would have the body end with the connection.
    if (length !== null && response.hasHeader('transfer-encoding')) response.removeHeader('transfer-encoding');
    if (isHttp2) response.writeHead(status);
    else response.writeHead(status, phrase);
  } catch (error) {
    if (!response.headersSent) restore(response, others);
    throw error;
  }
}

/** Sets what an app says beside what others have set, by name. */
function setHeaders(response, list, isHttp2) {
  const byName = new Map();
  for (let index = 0; index < list.length; index += 2) {
    const [name, value] = [list[index], list[index + 1]];
    const before = byName.get(name);
    // Many headers HTTP/2 has once or not at all.
    const isJoined = isHttp2 && !APART.has(name);
    byName.set(name, before === undefined ? value : isJoined ? `${before}, ${value}` : [].concat(before, value));
  }
  for (const [name, value] of byName) response.setHeader(name, MERGED[name]?.(response.getHeader(name), value) ?? value);
}

/** What is told in place of a response that cannot be written has nothing of the app. */
function restore(response, headers) {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

// What is not the same when it is joined, as `fetch` joins what there is several times.
const APART = new Set(['set-cookie', 'www-authenticate']);

// What several may say, each something: how it goes together. All else the app says last.
const MERGED = {
  __proto__: null,
  'set-cookie': (before, own) => [].concat(before ?? [], own),
  vary: (before, own) => {
    const names = new Map();
    for (const name of [].concat(before ?? [], own).join(',').split(',')) {
      const word = name.trim();
      if (word !== '' && !names.has(word.toLowerCase())) names.set(word.toLowerCase(), word);
    }
    return [...names.values()].join(', ');
  },
};

/** Whether nobody hears this response any more. One of HTTP/2 has lost its socket by then, and has a stream. */
function isGone(response) {
  return response.destroyed || response.writableDestroyed || (response.stream ?? response.socket)?.destroyed === true;
}

/** Ends a response so that its client does not take it for whole. */
function breakOff(response) {
  if (response.stream === undefined) response.destroy();
  else response.stream.close(H2_INTERNAL_ERROR);
}

/** Resolves when the response or the socket takes more, or nobody is there any more. */
function roomIn(stream) {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Whoever is told of errors is told of this one, if it is one. */
function tellOf(onError, error, app, request) {
  if (Refusal.bodyOf(error) !== '') tell(onError, error, app, request);
}

/** What a client is told: RFC 9457, with a stable code and nothing that is the app's own. */
function sendProblem(request, response, error) {
  const isOurs = error instanceof NanoError;
  const status = isOurs ? error.httpStatus : 500;
  const text = Refusal.bodyOf(error) ?? problemOf(error, isOurs, status);
  const body = Buffer.from(text);
  const own = text === '' ? {} : { 'content-type': 'application/problem+json', 'content-length': String(body.length) };
  try {
    if (request.httpVersionMajor >= 2) response.writeHead(status, own);
    else response.writeHead(status, STATUS_CODES[status] ?? 'Error', own);
    response.end(request.method === 'HEAD' || text === '' ? undefined : body);
  } catch {
    // What others have set, or put in between, cannot be written either.
    breakOff(response);
  }
}

function problemOf(error, isOurs, status) {
  const what = { title: STATUS_CODES[status] ?? 'Error', status, code: isOurs ? error.code.replace(/^NANO_(E_)?/, '') : 'INTERNAL' };
  if (isOurs && TOLD.has(error.code)) what.detail = error.message;
  return `${JSON.stringify(what)}\n`;
}

function report(error, app) {
  const isOurs = error instanceof NanoError;
  const text = isOurs ? `${error.code}: ${error.message}` : textOf(error);
  console.error(`nano-isolates: ${app.name}: ${text}${isOurs && error.appStack ? `\n${error.appStack}` : ''}`);
}

module.exports = { answer, checked, passedOn, roomIn, sendProblem, tellOf, toNodeHandler };
