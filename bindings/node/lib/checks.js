'use strict';
// What people pass, looked at before it crosses.

const { invalid } = require('./errors.js');

function known(options, of) {
  if (typeof options !== 'object' || options === null) throw invalid(`the options of ${of} are an object`);
  return options;
}

/** What has its entries by their names: a `Map` or an array would be as good as empty. */
function entries(given, what) {
  if (typeof given !== 'object' || given === null || typeof given[Symbol.iterator] === 'function') {
    throw invalid(`${what} is an object with its entries by their names`);
  }
  return given;
}

function nothingElse(rest, of) {
  const [name] = Object.keys(rest);
  if (name !== undefined) throw invalid(`${of} has no option ${name}`);
}

function typed(value, type, what) {
  if (typeof value !== type) throw invalid(`${what} is a ${type}, not ${value === null ? 'null' : typeof value}`);
  return value;
}

function text(value, what) {
  return typed(value, 'string', what);
}

function number(value, what) {
  return typed(value, 'number', what);
}

function boolean(value, what) {
  return typed(value, 'boolean', what);
}

const optional = (value, type, what) => (value === undefined ? undefined : typed(value, type, what));

function list(items, what) {
  if (!Array.isArray(items)) throw invalid(`${what} is an array`);
  return items;
}

function texts(items, what) {
  return list(items, what).map((item) => text(item, what));
}

module.exports = { boolean, entries, known, list, nothingElse, number, optional, text, texts };
