'use strict';
// What one version of an app finds in `env`: variables, and what is answered here.

const { entries } = require('./checks.js');
const { invalid } = require('./errors.js');
const native = require('./native.js');

// What JavaScript does with these names by itself is not for a host to answer.
const NEVER = new Set(['constructor', 'then', 'toJSON', '__proto__']);

/** Another app of the runtime as an entry of `env`. The app need not be loaded before it is called. */
class Service {
  constructor(app, entrypoint = null) {
    if (typeof app !== 'string') throw invalid('a Service is named by the name of an app');
    this.app = app;
    this.entrypoint = entrypoint;
  }
}

/** A queue of the runtime's as an entry of `env`: apps send to it, and take its messages as `consumers`. */
class Queue {
  constructor(queue) {
    if (typeof queue !== 'string') throw invalid('a Queue is named by a text');
    this.queue = queue;
  }
}

class Bindings {
  constructor(env, outbound, files) {
    this.text = [];
    this.json = [];
    this.byName = new Map();
    this.files = files ?? null;
    this.outbound = null;
    for (const [name, value] of Object.entries(env === undefined ? {} : entries(env, 'env'))) {
      if (typeof value === 'string') this.text.push([name, value]);
      else if (isValue(value)) this.json.push([name, jsonOf(name, value)]);
      else this.byName.set(name, checked(name, value));
    }
    if (typeof outbound === 'function') {
      this.outbound = 'OUTBOUND';
      this.byName.set('OUTBOUND', { fetch: outbound });
    } else if (outbound !== undefined && outbound !== null) {
      if (typeof outbound !== 'string') throw invalid('outbound is a function, or the name of an entry of env');
      this.outbound = outbound;
    }
    if (this.files !== null && typeof this.files !== 'object') throw invalid('files is an object with the operations on files');
    this.classes = new Map();
    for (const [name, value] of this.byName) if (isClass(value)) this.classes.set(value, name);
  }

  /** The same for the native half. */
  describe() {
    const values = this.json.map(([name, json]) => ({ name, kind: 'json', methods: [], properties: [], app: json }));
    return [...this.byName].map(([name, value]) => describe(name, value)).concat(values);
  }

  /** Finds class and number for an object of one of the classes, and notes that it was given. */
  giver(hub, given) {
    if (this.classes.size === 0) return undefined;
    const give = (value) => {
      for (let type = value.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
        const name = this.classes.get(type);
        if (name !== undefined && value instanceof type) {
          const number = hub.give(value);
          given.push(number);
          return { name, number };
        }
      }
      return undefined;
    };
    // For what turns out not to cross, and is left out.
    give.count = () => given.length;
    give.takeBackTo = (count) => {
      while (given.length > count) hub.takeBack(given.pop());
    };
    return give;
  }
}

/** Whether it is a variable: what JSON has, and nothing that an app could call. */
function isValue(value) {
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || Array.isArray(value)) return true;
  return typeof value === 'object' && isPlain(value) && !Object.values(value).some((member) => typeof member === 'function');
}

/** Refuses what JSON.stringify would leave out, or make null or an empty object. */
function jsonOf(name, value) {
  let at;
  try {
    return JSON.stringify(value, function (key) {
      const member = this[key];
      if (isJson(member)) return member;
      at = key;
      throw value;
    });
  } catch {
    throw invalid(at ? `env.${name} holds what JSON does not have, at "${at}"` : `env.${name} is nothing that JSON has`);
  }
}

function isJson(value) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Array.isArray(value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'object' && isPlain(value);
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function checked(name, value) {
  if (typeof value === 'function' || value instanceof Service || value instanceof Queue) return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalid(`env.${name} is neither text nor what JSON has, a function, a class, an object, a Service or a Queue`);
}

function isClass(value) {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

function describe(name, value) {
  const all = { name, kind: 'object', methods: [], properties: [], app: '' };
  if (value instanceof Service) return { ...all, kind: 'app', app: value.app, entrypoint: value.entrypoint ?? undefined };
  if (value instanceof Queue) return { ...all, kind: 'queue', app: value.queue };
  if (isClass(value)) return { ...all, kind: 'class', ...members(value) };
  return typeof value === 'function' ? { ...all, kind: 'function' } : all;
}

function members(type) {
  const methods = new Set();
  const properties = new Set();
  for (const prototype of chain(type.prototype)) {
    for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (!isPublic(name) || methods.has(name) || properties.has(name)) continue;
      (typeof member.value === 'function' ? methods : properties).add(name);
    }
  }
  return { methods: [...methods], properties: [...properties] };
}

/** Whether apps may use a member of this name. */
function isPublic(name) {
  return !name.startsWith('_') && !NEVER.has(name);
}

/** An object and its prototypes, without what every object has. */
function* chain(object) {
  for (let at = object; at !== null; at = Object.getPrototypeOf(at)) {
    const parent = Object.getPrototypeOf(at);
    if (at === Function.prototype || (parent === null && Object.hasOwn(at, 'hasOwnProperty'))) return;
    yield at;
  }
}

/** A method that apps may call: not what every object has, not what an accessor gives. */
function methodOf(target, name) {
  if (target !== null && typeof target === 'object' && isPublic(name)) {
    for (const at of chain(target)) {
      const member = Object.getOwnPropertyDescriptor(at, name);
      if (member === undefined) continue;
      if (typeof member.value === 'function') return member.value;
      break;
    }
  }
  throw new TypeError(`${name} is not a method of it`);
}

/** Limits by the core's names. */
function limitsOf(limits, known) {
  if (limits === undefined) return [];
  return Object.entries(entries(limits, 'limits')).map(([name, value]) => {
    if (typeof value !== 'number') throw invalid(`the limit ${name} is a number`);
    const own = known.get(name);
    if (own === undefined) throw invalid(`there is no limit ${name}`);
    return [own, value];
  });
}

/** The core's names by those that they have here; their own are as good. */
function namesOf(limits) {
  const here = (own) => own.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return new Map(
    limits.flatMap((own) => [
      [own, own],
      [here(own), own],
    ]),
  );
}

const APP_LIMITS = namesOf(native.appLimits().map(([own]) => own));
const RUNTIME_LIMITS = namesOf(native.runtimeLimits().map(([own]) => own));
const LISTEN_LIMITS = namesOf(native.listenLimits());

module.exports = { APP_LIMITS, Bindings, LISTEN_LIMITS, Queue, RUNTIME_LIMITS, Service, isPublic, limitsOf, methodOf };
