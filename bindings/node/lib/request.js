'use strict';
// What `app.fetch` is given, as the parts that cross.

const { invalid } = require('./errors.js');
const { append, flatten, has } = require('./headers.js');

const NORMAL = { delete: 'DELETE', get: 'GET', head: 'HEAD', options: 'OPTIONS', post: 'POST', put: 'PUT' };
const TEXT = 'text/plain;charset=UTF-8';
const NOTHING = new Uint8Array(0);

/**
 * `{ method, url, flat, body, source, signal, isOwn, deadlineMs }` of a URL or a `Request` and what changes it: `body` is whole, `source` yields
 * pieces, both are null where there is no body. `isOwn` says that the signal is the `Request`'s, which each has, and not given with the call.
 */
function partsOf(input, init) {
  const deadlineMs = deadlineOf(init?.timeoutMs);
  if (typeof input === 'string' || input instanceof URL) {
    if (init === undefined) return partsFor('GET', String(input), null, null, null, null, false, deadlineMs);
    const parts = direct(String(input), init, deadlineMs);
    if (parts !== null) return parts;
    // A form, a blob: what these are on the wire the platform knows best.
    return ofRequest(new Request(input, init), init.signal, deadlineMs);
  }
  if (!(input instanceof Request)) throw invalid('app.fetch takes a URL or a Request');
  const changes = init !== undefined && Object.keys(init).some((key) => key !== 'timeoutMs');
  return changes ? ofChanged(input, init, deadlineMs) : ofRequest(input, undefined, deadlineMs);
}

function direct(url, init, deadlineMs) {
  const method = init.method === undefined ? 'GET' : normal(String(init.method));
  const signal = signalOf(init.signal);
  let flat = flatten(init.headers);
  let { body = null } = init;
  let source = null;
  if (body !== null) {
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
      if (body.locked) throw invalid('the body is being read by somebody else');
      source = body;
      body = null;
    } else {
      return null;
    }
  }
  return partsFor(method, url, flat, body, source, signal, false, deadlineMs);
}

function partsFor(method, url, flat, body, source, signal, isOwn, deadlineMs) {
  return { method, url, flat, body, source, signal, isOwn, deadlineMs };
}

function ofRequest(request, givenSignal, deadlineMs) {
  if (request.bodyUsed || request.body?.locked) throw invalid('the body of the request has been read already');
  const signal = signalOf(givenSignal) ?? request.signal;
  return partsFor(request.method, request.url, flatten(request.headers), null, request.body, signal, signal !== givenSignal, deadlineMs);
}

/** A `Request` with changes. A body in pieces is passed by it: of those that may be given here it knows but some. */
function ofChanged(request, init, deadlineMs) {
  const source = isInPieces(init.body) ? init.body : null;
  if (source === null) return ofRequest(new Request(request, init), init.signal, deadlineMs);
  if (source.locked) throw invalid('the body is being read by somebody else');
  const parts = ofRequest(new Request(request, { ...init, body: NOTHING }), init.signal, deadlineMs);
  checkHasBody(parts.method);
  return { ...parts, source };
}

/** Not every platform does, in its `Request`. */
function checkHasBody(method) {
  if (method === 'GET' || method === 'HEAD') throw invalid(`a request with the method ${method} has no body`);
}

function isInPieces(body) {
  return typeof body === 'object' && body !== null && !ArrayBuffer.isView(body) && yields(body);
}

function yields(body) {
  if (body instanceof ReadableStream) return true;
  if (body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams) return false;
  return typeof body[Symbol.asyncIterator] === 'function' || typeof body[Symbol.iterator] === 'function';
}

function normal(method) {
  return NORMAL[method.toLowerCase()] ?? method;
}

function signalOf(signal) {
  if (signal === undefined || signal === null) return null;
  if (typeof signal.addEventListener !== 'function' || typeof signal.aborted !== 'boolean') throw invalid('signal is an AbortSignal');
  return signal;
}

function deadlineOf(ms) {
  if (ms === undefined) return 0;
  if (typeof ms !== 'number' || !(ms > 0)) throw invalid('timeoutMs is a number of milliseconds above 0');
  return Math.min(Math.ceil(ms), 2 ** 32 - 1);
}

module.exports = { partsOf, signalOf };
