'use strict';
// Headers as they cross: one latin-1 text, `name\nvalue\nname\nvalue`. A `Headers` is made when somebody asks for it.

const { invalid } = require('./errors.js');

// What would split a message, and what no byte of one can say.
const FORBIDDEN = /[\0\r\n]|[^\0-\xff]/;

/** Headers in any form that `fetch` takes, flat; null if there are none. */
function flatten(headers) {
  if (headers === undefined || headers === null) return null;
  if (typeof headers !== 'object') throw invalid('headers are a Headers, an object, or pairs of names and values');
  const pairs = typeof headers[Symbol.iterator] === 'function' ? headers : Object.entries(headers);
  let flat = '';
  for (const pair of pairs) {
    const parts = Array.isArray(pair) ? pair : partsOf(pair);
    if (parts.length !== 2) throw invalid('a header is a pair: a name and a value');
    flat = append(flat, text(parts[0]), text(parts[1]));
  }
  return flat === '' ? null : flat;
}

function partsOf(pair) {
  return typeof pair === 'object' && pair !== null && typeof pair[Symbol.iterator] === 'function' ? [...pair] : [];
}

function text(part) {
  if (typeof part === 'symbol') throw invalid('a header is text, and no symbol');
  return String(part);
}

/** Flat headers with one more. */
function append(flat, name, value) {
  if (name === '' || FORBIDDEN.test(name) || FORBIDDEN.test(value)) {
    throw invalid(`the header ${JSON.stringify(name)} has a name that is no token, or a character that HTTP forbids in its value`);
  }
  return flat === '' || flat === null ? `${name}\n${value}` : `${flat}\n${name}\n${value}`;
}

/** Flat headers as `[name, value, name, value, ...]`. */
function listOf(flat) {
  return flat === '' ? [] : flat.split('\n');
}

/** Flat headers as a `Headers`. */
function headersOf(flat) {
  const headers = new Headers();
  const list = listOf(flat);
  for (let index = 0; index < list.length; index += 2) headers.append(list[index], list[index + 1]);
  return headers;
}

/** Whether flat headers have one of this name, which is in lower case. */
function has(flat, name) {
  if (flat === null) return false;
  const list = listOf(flat);
  for (let index = 0; index < list.length; index += 2) if (list[index].toLowerCase() === name) return true;
  return false;
}

/** The bytes of flat headers as text. */
function textOf(bytes) {
  return bytes.length === 0 ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice();
}

module.exports = { append, flatten, has, headersOf, listOf, textOf };
