'use strict';
// A client of WebSockets by hand: what it sends and gets is seen byte for byte.

const { once } = require('node:events');
const net = require('node:net');

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const [TEXT, BINARY, CLOSE] = [1, 2, 8];

/** The head of a request for a WebSocket. */
function opening(target = '/', more = '', host = 'sockets.test') {
  return (
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  );
}

/** A frame as clients send it. */
function frame(opcode, bytes) {
  const { length } = bytes;
  const head = Buffer.alloc(length < 126 ? 2 : length < 1 << 16 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = 0x80 | length;
  else if (length < 1 << 16) (head[1] = 0x80 | 126), head.writeUInt16BE(length, 2);
  else (head[1] = 0x80 | 127), head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, MASK, bytes.map((byte, index) => byte ^ MASK[index & 3])]);
}

const textFrame = (text) => frame(TEXT, Buffer.from(text));
const closeFrame = (code, reason = '') => frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));

class Client {
  static #sockets = new Set();
  #chunks = [];
  #length = 0;

  /** A connection on which so much has been written. */
  constructor(port, written) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('error', () => {}).on('data', (data) => this.#take(data));
    this.socket.write(written);
    Client.#sockets.add(this.socket);
  }

  /** Ends those of a test that has failed, too. */
  static destroyAll() {
    for (const socket of Client.#sockets) socket.destroy();
    Client.#sockets.clear();
  }

  /** The same when it has been answered with a WebSocket. */
  static async open(port, target, more, host) {
    const client = new Client(port, opening(target, more, host));
    client.head = await client.readHead();
    if (!client.head.startsWith('HTTP/1.1 101 ')) throw new Error(client.head);
    return client;
  }

  #take(data) {
    this.#chunks.push(data);
    this.#length += data.length;
  }

  /** The next so many bytes, or fewer at the end. */
  async #read(count) {
    while (this.#length < count && !this.socket.readableEnded && !this.socket.destroyed) {
      const waiting = new AbortController();
      const { signal } = waiting;
      await Promise.race(['data', 'end', 'close'].map((name) => once(this.socket, name, { signal }).catch(() => {})));
      waiting.abort();
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(count)];
    this.#length = this.#chunks[0].length;
    return all.subarray(0, count);
  }

  async readHead() {
    let text = '';
    while (!text.endsWith('\r\n\r\n')) {
      const bytes = await this.#read(1);
      if (bytes.length === 0) throw new Error(`no head: ${text}`);
      text += bytes.latin1Slice();
    }
    return text;
  }

  /** All that still comes. */
  async rest() {
    return (await this.#read(Infinity)).toString();
  }

  text(text) {
    this.socket.write(textFrame(text));
  }

  binary(bytes) {
    this.socket.write(frame(BINARY, bytes));
  }

  close(code, reason) {
    this.socket.write(closeFrame(code, reason));
  }

  /** What comes next: a text, bytes, `[code, reason]` of the last word, null at the end. */
  async next() {
    const head = await this.#read(2);
    if (head.length < 2) return null;
    let length = head[1];
    if (length === 126) length = (await this.#read(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.#read(8)).readBigUInt64BE());
    const bytes = await this.#read(length);
    if (head[0] === (0x80 | TEXT)) return bytes.toString();
    if (head[0] === (0x80 | BINARY)) return bytes;
    if (head[0] === (0x80 | CLOSE)) return [bytes.readUInt16BE(), bytes.subarray(2).toString()];
    throw new Error(`a frame that nobody expects: ${head[0]}`);
  }

  /** Goes without a word. */
  destroy() {
    this.socket.destroy();
  }
}

module.exports = { Client, closeFrame, opening, textFrame };
