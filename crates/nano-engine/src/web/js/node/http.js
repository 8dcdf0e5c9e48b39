"use strict";
// node:http and node:https, for clients: a request is a fetch() that begins when it is ended. https://nodejs.org/api/http.html
(nano, part) => {
  const { ObjectDefineProperty, ReflectConstruct, ReflectGet } = nano.primordials;
  const { asModule } = nano.part("node/errors");
  const { absent } = nano.part("node/absent");
  const { Agent, SecureAgent, globals } = nano.part("node/http/agent");
  const { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } = nano.part("node/http/common");
  const { readArguments } = nano.part("node/http/options");
  const { ClientRequest } = nano.part("node/http/client");
  const { IncomingMessage } = nano.part("node/http/incoming");
  const { OutgoingMessage } = nano.part("node/http/outgoing");

  const isSecure = part === "node/http#https";
  const name = isSecure ? "https" : "http";

  const request = (...args) => {
    if (!isSecure) return ReflectConstruct(ClientRequest, args);
    const { options, listener } = readArguments(args);
    options._defaultAgent = globals.https;
    return new ClientRequest(options, listener);
  };
  const get = (...args) => {
    const made = request(...args);
    made.end();
    return made;
  };

  // An app may put its own agent in place of it.
  const whole = {};
  ObjectDefineProperty(whole, "globalAgent", {
    __proto__: null,
    get: () => globals[name],
    set: (agent) => {
      globals[name] = agent;
    },
    enumerable: true,
    configurable: true,
  });
  const shared = { __proto__: null, Server: absent(name, "Server"), createServer: absent(name, "createServer"), get, globalAgent: globals[name], request };
  if (isSecure) return asModule({ __proto__: null, Agent: SecureAgent, ...shared }, whole);
  return asModule({
    __proto__: null,
    Agent,
    ClientRequest,
    CloseEvent: ReflectGet(globalThis, "CloseEvent"),
    IncomingMessage,
    METHODS,
    MessageEvent: ReflectGet(globalThis, "MessageEvent"),
    OutgoingMessage,
    STATUS_CODES,
    ServerResponse: OutgoingMessage,
    WebSocket: ReflectGet(globalThis, "WebSocket"),
    _connectionListener: absent(name, "_connectionListener"),
    maxHeaderSize: 16384,
    setMaxIdleHTTPParsers: () => undefined,
    validateHeaderName,
    validateHeaderValue,
    ...shared,
  }, whole);
};
