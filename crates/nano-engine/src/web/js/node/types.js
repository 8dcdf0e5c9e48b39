"use strict";
// node:util/types: https://nodejs.org/api/util.html#utiltypes
(nano) => {
  const { ArrayBufferIsView, TypedArrayPrototypeGetSymbolToStringTag } = nano.primordials;
  const { typeFlags } = nano.ops.natives("node");
  const { asModule } = nano.part("node/errors");

  const types = { __proto__: null };
  // In the order of the bits of typeFlags().
  const flags = [
    "isDate", "isArgumentsObject", "isBigIntObject", "isBooleanObject", "isNumberObject", "isStringObject", "isSymbolObject",
    "isNativeError", "isRegExp", "isAsyncFunction", "isGeneratorFunction", "isGeneratorObject", "isPromise", "isMap", "isSet",
    "isMapIterator", "isSetIterator", "isWeakMap", "isWeakSet", "isArrayBuffer", "isDataView", "isSharedArrayBuffer", "isProxy",
    "isModuleNamespaceObject", "isTypedArray", "isExternal",
  ];
  for (let i = 0; i < flags.length; i++) {
    const bit = 1 << i;
    types[flags[i]] = (value) => (typeFlags(value) & bit) !== 0;
  }
  const arrays = [
    "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float16Array",
    "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array",
  ];
  for (let i = 0; i < arrays.length; i++) {
    const name = arrays[i];
    types[`is${name}`] = (value) => TypedArrayPrototypeGetSymbolToStringTag(value) === name;
  }
  types.isArrayBufferView = (value) => ArrayBufferIsView(value);
  // ArrayBuffer and SharedArrayBuffer.
  types.isAnyArrayBuffer = (value) => (typeFlags(value) & ((1 << 19) | (1 << 21))) !== 0;
  // BigInt, Boolean, Number, String and Symbol objects.
  types.isBoxedPrimitive = (value) => (typeFlags(value) & 0b1111100) !== 0;
  types.isKeyObject = () => false;
  types.isEventTarget = nano.events.isEventTarget;
  return asModule(types);
};
