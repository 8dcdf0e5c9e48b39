"use strict";
// The built-ins as they were before any app could change them, one captured function each.
//
// The table is the whole truth: a name is read by its spelling, and one that leads nowhere stops the build.
//   ArrayIsArray                         Array.isArray
//   ArrayPrototypePush(array, x)         array.push(x)
//   MapPrototypeGetSize(map)             map.size, through its getter
//   ArrayPrototypeSymbolIterator(array)  array[Symbol.iterator]()
//   SymbolIterator, JSONStringify, Promise, ArrayBufferPrototype
(nano) => {
  const { Reflect, Symbol } = globalThis;
  const { apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect;
  const { bind, call } = Function.prototype;
  const uncurryThis = apply(bind, bind, [call]);

  const tables = [
@@TABLES@@
  ];

  // What a host may have turned off: the names are undefined then.
  const optional = `
@@OPTIONAL@@
  `;

  // Built-ins that have no name of their own on the global.
  const hidden = {
    __proto__: null,
    TypedArray: getPrototypeOf(Uint8Array),
    Iterator: { prototype: getPrototypeOf(getPrototypeOf([][Symbol.iterator]())) },
    ArrayIterator: { prototype: getPrototypeOf([][Symbol.iterator]()) },
    AsyncIterator: { prototype: getPrototypeOf(getPrototypeOf((async function* () {})()).constructor.prototype) },
  };
