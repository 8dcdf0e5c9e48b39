'use strict';
// What a client asks of a server of Node's, as the parts that cross.

const { NanoError, invalid } = require('./errors.js');
const { append } = require('./headers.js');
const native = require('./native.js');
const { piecesOf } = require('./pieces.js');

// What belongs to one connection is not passed on.
const HOP_BY_HOP = new Set('connection http2-settings keep-alive proxy-connection te trailer transfer-encoding upgrade'.split(' '));
// What holds no longer for a body that others have read, and decoded.
const OF_CODING = new Set([...HOP_BY_HOP, 'content-encoding', 'content-length']);

/**
 * A request that is none by what servers do not look at: which host it names. Its client is told what listeners tell. Or one that is no app's:
 * `OPTIONS *` is about the server as a whole, and nothing in particular is offered.
 */
class Refusal extends NanoError {
  #body;

  constructor(status, body) {
    super('NANO_E_INVALID', body === '' ? 'the request is about the server as a whole' : JSON.parse(body).detail, '', status);
    this.#body = body;
  }

  /** What the client of such a request is told, which may be nothing; null for any other error. */
  static bodyOf(error) {
    return error instanceof Refusal ? error.#body : null;
  }
}

/** A request for `dispatch`. */
function partsOf(request) {
  const isThere = hasBody(request);
  const isRead = isThere && (request.readableDidRead || request.readableEnded);
  const { method, url, flat } = headOf(request, isRead ? OF_CODING : HOP_BY_HOP);
  const parts = { method, url, flat, body: null, source: null, signal: null, deadlineMs: 0 };
  if (isRead) return { ...parts, ...readBefore(request, flat) };
  if (!isThere) return parts;
  parts.source = piecesOf(request);
  request.pause();
  return parts;
}

/** What a request is but for its body, without some of its headers. */
function headOf(request, without) {
  const hosts = [];
  let flat = null;
  const raw = request.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index];
    const lower = name.toLowerCase();
    if (lower === 'host') hosts.push(raw[index + 1]);
    if (name.charCodeAt(0) !== 58 && !without.has(lower)) flat = append(flat, name, raw[index + 1]);
  }
  // As listeners do it: an app need not know by which version it was asked.
  const authority = request.httpVersionMajor >= 2 ? request.authority : undefined;
  if (authority && hosts.length === 0) flat = append(flat, 'host', authority);
  if (authority && !hosts.some((host) => host.toLowerCase() === authority.toLowerCase())) hosts.push(authority);
  return { method: request.method, url: urlOf(request, hosts), flat };
}

/** The URL that the client asks for, also below a mount. */
function urlOf(request, hosts) {
  // Before there were names of hosts, there was one to a server.
  if (hosts.length === 0 && request.httpVersion === '1.0') hosts.push('localhost');
  const url = native.requestUrl(request.method, request.originalUrl ?? request.url, hosts, request.socket?.encrypted === true);
  if (typeof url !== 'string') throw new Refusal(...url);
  return url;
}

function hasBody(request) {
  const { headers } = request;
  if (headers['content-length'] === '0') return false;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return true;
  return request.httpVersionMajor >= 2 && !request.stream?.endAfterHeaders;
}

/** The body that somebody before us has read; as bytes or text it can be had again. */
function readBefore({ body }, flat) {
  if (typeof body === 'string') return { body: Buffer.from(body), flat: inUtf8(flat) };
  if (body instanceof Uint8Array) return { body };
  throw invalid('the body of the request has been parsed already: mount apps before body parsers');
}

/** Headers whose text, in whatever charset it came, is in UTF-8 now. */
function inUtf8(flat) {
  return flat.replace(/^(content-type\n.*;\s*charset=)(?:"[^"\n]*"|[^;\s]*)/im, '$1utf-8');
}

module.exports = { HOP_BY_HOP, Refusal, hasBody, headOf, partsOf };
