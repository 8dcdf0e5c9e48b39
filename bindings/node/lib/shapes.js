'use strict';
// What is a `Request` or a `Response`: those of the platform, and those of servers and libraries that bring their own.

function isRequest(value) {
  if (value instanceof Request) return true;
  return isObject(value) && typeof value.url === 'string' && typeof value.method === 'string' && hasPairs(value.headers);
}

function isResponse(value) {
  if (value instanceof Response) return true;
  return isObject(value) && Number.isInteger(value.status) && hasPairs(value.headers) && ('body' in value || hasBuffer(value));
}

/** Whether it gives its body whole. */
function hasBuffer(value) {
  return typeof value.arrayBuffer === 'function';
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function hasPairs(headers) {
  return isObject(headers) && typeof headers[Symbol.iterator] === 'function';
}

module.exports = { isRequest, isResponse };
