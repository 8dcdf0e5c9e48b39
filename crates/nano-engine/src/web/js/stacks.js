"use strict";
// What Rust needs to write a stack as V8 does: the toString of V8's CallSite, which nothing but prepareStackTrace shows, and Error's.
(nano) => {
  const { Error, ErrorPrototype, ObjectGetPrototypeOf } = nano.primordials;

  // While the snapshot is built there is no limit yet, which means no stacks.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (error, sites) => sites;
  nano.callSiteToString = ObjectGetPrototypeOf(new Error().stack[0]).toString;
  delete Error.prepareStackTrace;
  if (stackTraceLimit === undefined) delete Error.stackTraceLimit;
  else Error.stackTraceLimit = stackTraceLimit;

  nano.errorToString = ErrorPrototype.toString;
};
