"use strict";
// The values that follow an asynchronous flow: a frame of keys and values that V8 carries along with every promise's reaction, and
// that timers keep. Frames never change; whatever runs in another value has a frame of its own.
// Follows https://tc39.es/proposal-async-context/ as far as Workers and Node show it.
(nano) => {
  const { ArrayPrototypePush, ReflectApply } = nano.primordials;
  const { contextGet, contextSet } = nano.ops.natives("node");

  // The key of the request, invocation or call that the code runs for.
  const REQUEST = { __proto__: null };

  // A frame is a list of keys and values in turn, undefined when it is empty.
  const lookup = (key) => {
    const frame = contextGet();
    if (frame === undefined) return undefined;
    for (let i = 0; i < frame.length; i += 2) {
      if (frame[i] === key) return { __proto__: null, value: frame[i + 1] };
    }
    return undefined;
  };

  const extend = (frame, key, value) => {
    const next = [];
    if (frame !== undefined) {
      for (let i = 0; i < frame.length; i += 2) {
        if (frame[i] === key) continue;
        ArrayPrototypePush(next, frame[i]);
        ArrayPrototypePush(next, frame[i + 1]);
      }
    }
    ArrayPrototypePush(next, key);
    ArrayPrototypePush(next, value);
    return next;
  };

  const runIn = (frame, callback, receiver, args) => {
    const before = contextGet();
    contextSet(frame);
    try {
      return ReflectApply(callback, receiver, args);
    } finally {
      contextSet(before);
    }
  };

  nano.contexts = {
    __proto__: null,
    capture: contextGet,
    set: contextSet,
    runIn,
    lookup,
    run: (key, value, callback, receiver, args) => runIn(extend(contextGet(), key, value), callback, receiver, args),
    enterWith: (key, value) => contextSet(extend(contextGet(), key, value)),
    // The turn of a request begins; it ends with leave().
    enter: (id) => contextSet(extend(undefined, REQUEST, id)),
    leave: () => contextSet(undefined),
    request: () => lookup(REQUEST)?.value,
  };
  return nano.contexts;
};
