'use strict';
// What can go wrong: one class, with the stable codes that every language has.

const native = require('./native.js');

const NUMBERS = new Map(native.statuses().map(([number, name]) => [name, number]));

class NanoError extends Error {
  constructor(code, message, appStack = '', httpStatus = 500) {
    super(message);
    this.code = code;
    this.number = NUMBERS.get(code) ?? 0;
    this.httpStatus = httpStatus;
    this.appStack = appStack;
  }
}
Object.defineProperty(NanoError.prototype, 'name', { value: 'NanoError', configurable: true, writable: true });

native.setErrorClass((code, message, appStack, httpStatus) => new NanoError(code, message, appStack, httpStatus));

/** Whether it says that what was named has ended already. */
function isGone(error) {
  return error instanceof NanoError && error.code === 'NANO_E_NOT_FOUND';
}

/**
 * Has the native half do something, and gives what comes of it; undefined if what it is done to has ended in this moment. Never of what
 * people wrote: their errors may have the same code, and mean another thing.
 */
function unlessGone(work) {
  try {
    return work();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What was thrown, as text: whatever it is, there is one. */
function textOf(error) {
  const [name, message] = partsOf(error);
  return name ? `${name}: ${message}` : message;
}

/** Its name, which is empty of what is no error, and its message. */
function partsOf(error) {
  try {
    return isError(error) ? [`${error.name}`, `${error.message}`] : ['', String(error)];
  } catch {
    return ['Error', 'what was thrown has no text'];
  }
}

function isError(value) {
  return value instanceof Error || (typeof DOMException === 'function' && value instanceof DOMException);
}

/** A wrong argument: of the class that JavaScript has for it, with the code that every language has. */
function invalid(message, Kind = TypeError) {
  return Object.assign(new Kind(message), { code: 'NANO_E_INVALID' });
}

function tooLarge(message) {
  return new NanoError('NANO_E_TOO_LARGE', message);
}

module.exports = { NanoError, invalid, partsOf, textOf, tooLarge, unlessGone };
