'use strict';
// What `app.fetch` is given, as the parts that cross.

const { isDisturbed } = require('node:stream');
const { known } = require('./checks.js');
const { NanoError, invalid } = require('./errors.js');
const { append, flatten, has } = require('./headers.js');
const { isRequest } = require('./shapes.js');
const { signalOf } = require('./signals.js');

const NORMAL = { delete: 'DELETE', get: 'GET', head: 'HEAD', options: 'OPTIONS', post: 'POST', put: 'PUT' };
const TEXT = 'text/plain;charset=UTF-8';

/**
 * `{ method, url, flat, body, source, signal, isOwn, deadlineMs }` of a URL or a `Request` and what changes it: `body` is whole, `source` yields
 * pieces, both are null where there is no body. `isOwn` says that the signal is the `Request`'s, which each has, and not given with the call.
 */
function partsOf(input, init) {
  const changes = init === undefined || init === null ? undefined : known(init, 'fetch');
  const deadlineMs = deadlineOf(changes?.timeoutMs);
  if (typeof input === 'string' || input instanceof URL) {
    const url = hrefOf(input);
    if (changes === undefined) return partsFor('GET', url, null, null, null, null, false, deadlineMs);
    return partsWith(url, changes, false, deadlineMs);
  }
  if (!isRequest(input)) throw invalid('app.fetch takes a URL or a Request');
  if (changes === undefined || Object.keys(changes).every((key) => key === 'timeoutMs')) return ofRequest(input, deadlineMs);
  return ofChanged(input, changes, deadlineMs);
}

/** As the platform has it, which is what apps and those who route to them go by. */
function hrefOf(url) {
  try {
    return new URL(url).href;
  } catch {
    throw new NanoError('NANO_E_INVALID', 'app.fetch takes an absolute URL', '', 400);
  }
}

/** `isOwn` as above. */
function partsWith(url, init, isOwn, deadlineMs) {
  const method = init.method === undefined ? 'GET' : normal(String(init.method));
  const signal = signalOf(init.signal);
  let flat = flatten(init.headers);
  let { body } = init;
  if (body === undefined || body === null) return partsFor(method, url, flat, null, null, signal, isOwn, deadlineMs);
  checkHasBody(method);
  if (typeof body === 'string') {
    body = Buffer.from(body);
    if (!has(flat, 'content-type')) flat = append(flat, 'content-type', TEXT);
  } else if (body instanceof Uint8Array) {
    // As it is.
  } else if (ArrayBuffer.isView(body)) {
    body = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  } else if (body instanceof ArrayBuffer) {
    body = new Uint8Array(body);
  } else if (yields(body)) {
    return partsFor(method, url, flat, null, unread(body), signal, isOwn, deadlineMs);
  } else {
    // A form, a blob: what these are on the wire the platform knows best.
    const { headers, body: source } = new Request(url, { method, headers: init.headers, body });
    return partsFor(method, url, flatten(headers), null, source, signal, isOwn, deadlineMs);
  }
  return partsFor(method, url, flat, body, null, signal, isOwn, deadlineMs);
}

function partsFor(method, url, flat, body, source, signal, isOwn, deadlineMs) {
  return { method, url, flat, body, source, signal, isOwn, deadlineMs };
}

function ofRequest(request, deadlineMs) {
  const source = bodyOf(request);
  const url = hrefOf(request.url);
  return partsFor(normal(request.method), url, flatten(request.headers), null, source, signalOf(request.signal), true, deadlineMs);
}

/** A `Request` with changes. */
function ofChanged(request, init, deadlineMs) {
  const { method = request.method, headers = request.headers, signal = request.signal } = init;
  const body = init.body ?? bodyOf(request);
  return partsWith(hrefOf(request.url), { method, headers, signal, body }, init.signal === undefined, deadlineMs);
}

function bodyOf(request) {
  if (request.bodyUsed) throw invalid('the body of the request has been read already');
  return unread(request.body ?? null);
}

/** A body in pieces of which nobody has had any. */
function unread(source) {
  if (source === null) return null;
  if (source.locked) throw invalid('the body is being read by somebody else');
  if (isDisturbed?.(source)) throw invalid('the body has been read already');
  return source;
}

/** Not every platform does, in its `Request`. */
function checkHasBody(method) {
  if (method === 'GET' || method === 'HEAD') throw invalid(`a request with the method ${method} has no body`);
}

function yields(body) {
  if (body instanceof ReadableStream) return true;
  if (body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams) return false;
  return typeof body[Symbol.asyncIterator] === 'function' || typeof body[Symbol.iterator] === 'function';
}

function normal(method) {
  return NORMAL[method.toLowerCase()] ?? method;
}

function deadlineOf(ms) {
  if (ms === undefined) return 0;
  if (typeof ms !== 'number' || !(ms > 0)) throw invalid('timeoutMs is a number of milliseconds above 0');
  return Math.min(Math.ceil(ms), 2 ** 32 - 1);
}

module.exports = { partsOf };
