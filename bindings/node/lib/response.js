'use strict';
// What `app.fetch` gives. A response that has come whole is a `Response` to all who look, but the parts of one that cost much (its
// `Headers`, its stream) are made when somebody asks for them; most servers ask for neither. Bun's own server looks deeper: there it is
// one from the beginning, and so it is where somebody has put a class of their own in the place of `Response`.

const { inspect } = require('node:util');
const { headersOf, textOf } = require('./headers.js');

const BODILESS = new Set([204, 205, 304]);
// What the lazy ones pass for; null where they pass for nothing.
const Platform = process.versions.bun === undefined ? Response : null;
const decoder = new TextDecoder();

/** What a request used. */
function accountOf(counts) {
  const [cpuUs, wallUs, heapBytes, externalBytes, subrequests, bytesIn, bytesOut] = counts;
  return { cpuUs, wallUs, heapBytes, externalBytes, subrequests, bytesIn, bytesOut };
}

class WholeResponse {
  #status;
  #statusText;
  #flat;
  #bytes;
  #counts;
  #headers = null;
  #real = null;
  #used = false;

  constructor(status, statusText, flat, bytes, counts) {
    this.#status = status;
    this.#statusText = statusText;
    this.#flat = flat;
    this.#bytes = bytes;
    this.#counts = counts;
  }

  /** Its parts, for whoever passes it on without reading it; null if somebody has changed it or read it. */
  static partsOf(response) {
    if (!(#flat in response) || response.#headers !== null || response.#real !== null || response.#used) return null;
    response.#used = true;
    return { status: response.#status, statusText: response.#statusText, flat: textOf(response.#flat), body: response.#bytes };
  }

  get #platform() {
    if (this.#real === null) {
      const hasBody = this.#bytes.length > 0 && !BODILESS.has(this.#status);
      const init = { status: this.#status, statusText: this.#statusText, headers: this.headers };
      this.#real = new Response(hasBody ? this.#bytes : null, init);
      if (this.#used) this.#real.arrayBuffer().catch(() => {});
    }
    return this.#real;
  }

  #take(name, convert) {
    if (this.#real !== null || this.#used || this.#bytes.length === 0) return this.#platform[name]();
    this.#used = true;
    try {
      return Promise.resolve(convert(this.#bytes));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get account() {
    return accountOf(this.#counts);
  }
  get status() {
    return this.#status;
  }
  get statusText() {
    return this.#statusText;
  }
  get ok() {
    return this.#status >= 200 && this.#status <= 299;
  }
  get headers() {
    return (this.#headers ??= headersOf(textOf(this.#flat)));
  }
  get type() {
    return 'default';
  }
  get url() {
    return '';
  }
  get redirected() {
    return false;
  }
  get body() {
    return this.#platform.body;
  }
  get bodyUsed() {
    return this.#used || (this.#real !== null && this.#real.bodyUsed);
  }
  text() {
    return this.#take('text', (bytes) => decoder.decode(bytes));
  }
  json() {
    return this.#take('json', (bytes) => JSON.parse(decoder.decode(bytes)));
  }
  arrayBuffer() {
    return this.#take('arrayBuffer', (bytes) => bytes.buffer);
  }
  bytes() {
    if (typeof Response.prototype.bytes === 'function') return this.#take('bytes', (bytes) => bytes);
    return this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  }
  blob() {
    return this.#platform.blob();
  }
  formData() {
    return this.#platform.formData();
  }
  clone() {
    return this.#platform.clone();
  }
  [inspect.custom](depth, options) {
    return inspect(this.#platform, { ...options, depth });
  }
}
Object.setPrototypeOf(WholeResponse.prototype, Response.prototype);
Object.defineProperty(WholeResponse.prototype, 'constructor', { value: Response, writable: true, configurable: true });

/** The response of an exchange whose body follows. */
function streamed(status, statusText, flat, exchange) {
  const hasBody = !BODILESS.has(status);
  if (!hasBody) exchange.cancel();
  const response = made(status, statusText, flat, hasBody ? exchange.stream() : null);
  const get = () => (exchange.counts === null ? null : accountOf(exchange.counts));
  return Object.defineProperty(response, 'account', { get, configurable: true });
}

/** One that has come whole. */
function whole(status, statusText, flat, bytes, counts) {
  const hasBody = bytes.length > 0 && !BODILESS.has(status);
  const response = made(status, statusText, flat, hasBody ? bytes : null);
  return Object.defineProperty(response, 'account', { value: accountOf(counts), configurable: true });
}

function made(status, statusText, flat, body) {
  return new Response(body, { status, statusText, headers: headersOf(textOf(flat)) });
}

/** The response that a RESPONSE event tells of. */
function responseOf(event, exchange) {
  const [, , status, statusText, flat, bytes, isWhole, counts] = event;
  if (!isWhole) return streamed(status, statusText, flat, exchange);
  const isLazy = Response === Platform;
  return isLazy ? new WholeResponse(status, statusText, flat, bytes, counts) : whole(status, statusText, flat, bytes, counts);
}

module.exports = { BODILESS, WholeResponse, responseOf };
