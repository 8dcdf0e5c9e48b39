'use strict';
// Apps behind `node:http`, `https` and `http2`, and whatever is built on their requests and responses.

const { STATUS_CODES } = require('node:http');
const { NanoError, invalid } = require('./errors.js');
const { append, listOf, textOf } = require('./headers.js');
const { piecesOf } = require('./pieces.js');
const { BODILESS } = require('./response.js');
const { App, dispatch } = require('./runtime.js');

// What belongs to one connection is not passed on.
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);
// What a client can do something about: of other errors it is told the code alone.
const TOLD = new Set(['NANO_E_INVALID', 'NANO_E_TOO_LARGE', 'NANO_E_OVERLOADED', 'NANO_E_DRAINING']);

/**
 * A handler `(request, response)` that an app answers. The app sees the URL that the client asked for, also below a mount. Clients are
 * told a code; what happened is for `onError`, which by default writes to the console.
 */
function toNodeHandler(app, { onError = report } = {}) {
  if (!(app instanceof App)) throw invalid('toNodeHandler takes an app');
  return (request, response) => {
    serve(app, request, response).catch((error) => {
      if (isGone(response)) return;
      onError(error, app, request);
      if (response.headersSent) response.destroy();
      else sendProblem(request, response, error);
    });
  };
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
  const isBare = request.method === 'HEAD' || BODILESS.has(status);
  const list = passedOn(listOf(textOf(flat)));
  if (isWhole && !isBare && !list.includes('content-length')) list.push('content-length', String(bytes.length));
  writeHead(request, response, status, statusText, list);
  if (isBare || isWhole) {
    exchange.cancel();
    response.end(isBare ? undefined : bytes);
    return;
  }
  response.flushHeaders?.();
  for (let chunk = await exchange.next(); chunk !== null; chunk = await exchange.next()) {
    if (isGone(response)) return;
    if (!response.write(chunk)) await roomIn(response);
  }
  response.end();
}

function partsOf(request) {
  const { method, url, flat } = headOf(request, HOP_BY_HOP);
  const { body, source } = bodyOf(request);
  return { method, url, flat, body, source, signal: null, deadlineMs: 0 };
}

/** What a request is but for its body, without some of its headers. */
function headOf(request, without) {
  const { method } = request;
  const isHttp2 = request.httpVersionMajor >= 2;
  const scheme = request.socket?.encrypted ? 'https' : 'http';
  const host = (isHttp2 && request.authority) || request.headers.host || 'localhost';
  const target = request.originalUrl ?? request.url;
  const url = target.startsWith('/')
    ? `${scheme}://${host}${target}`
    : /^https?:\/\//i.test(target)
      ? target
      : `${scheme}://${host}/${target}`;
  let flat = null;
  const raw = request.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index];
    if (name.charCodeAt(0) !== 58 && !without.has(name.toLowerCase())) flat = append(flat, name, raw[index + 1]);
  }
  return { method, url, flat };
}

function hasBody(request) {
  const { headers } = request;
  if (headers['content-length'] === '0') return false;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return true;
  return request.httpVersionMajor >= 2 && !request.stream?.endAfterHeaders;
}

function bodyOf(request) {
  if (!hasBody(request)) return { body: null, source: null };
  if (request.readableDidRead || request.readableEnded) {
    // Somebody before us has read it; as bytes or text it can be had again.
    const { body } = request;
    if (typeof body === 'string') return { body: Buffer.from(body), source: null };
    if (body instanceof Uint8Array) return { body, source: null };
    throw invalid('the body of the request has been parsed already: mount apps before body parsers');
  }
  const source = piecesOf(request);
  request.pause();
  return { body: null, source };
}

function passedOn(list) {
  const all = [];
  for (let index = 0; index < list.length; index += 2) {
    if (!HOP_BY_HOP.has(list[index])) all.push(list[index], list[index + 1]);
  }
  return all;
}

function writeHead(request, response, status, statusText, list) {
  if (request.httpVersionMajor < 2 && response.getHeaderNames().length === 0) {
    response.writeHead(status, statusText || (STATUS_CODES[status] ?? ''), list);
    return;
  }
  // Beside what others have set, and for HTTP/2: by name.
  const byName = new Map();
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index];
    byName.set(name, byName.has(name) ? [].concat(byName.get(name), list[index + 1]) : list[index + 1]);
  }
  for (const [name, value] of byName) response.setHeader(name, value);
  if (statusText && request.httpVersionMajor < 2) response.statusMessage = statusText;
  response.writeHead(status);
}

/** Whether nobody hears this response any more. One of HTTP/2 has lost its socket by then, and has a stream. */
function isGone(response) {
  return response.destroyed || response.writableDestroyed || (response.stream ?? response.socket)?.destroyed === true;
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

/** What a client is told: RFC 9457, with a stable code and nothing that is the app's own. */
function sendProblem(request, response, error) {
  const isOurs = error instanceof NanoError;
  const status = isOurs ? error.httpStatus : 500;
  const what = { title: STATUS_CODES[status] ?? 'Error', status, code: isOurs ? error.code.replace(/^NANO_(E_)?/, '') : 'INTERNAL' };
  if (isOurs && TOLD.has(error.code)) what.detail = error.message;
  const body = Buffer.from(`${JSON.stringify(what)}\n`);
  response.writeHead(status, { 'content-type': 'application/problem+json', 'content-length': String(body.length) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function report(error, app) {
  console.error(
    `nano-isolates: ${app.name}: ${error.code ? `${error.code}: ` : ''}${error.message}${error.appStack ? `\n${error.appStack}` : ''}`,
  );
}

module.exports = { HOP_BY_HOP, answer, hasBody, headOf, report, roomIn, sendProblem, toNodeHandler };
