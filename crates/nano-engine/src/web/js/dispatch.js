"use strict";
// Where the native side comes in: each call of nano.deliver is one turn, nano.start installs the app.
// Handlers follow Cloudflare Workers: https://developers.cloudflare.com/workers/runtime-apis/handlers/
//
// The path of a request that is answered at once - handler, Response, one ops.respond - makes no promise, closure or table entry.
(nano) => {
  const {
    ArrayPrototypeIncludes, ArrayPrototypePush, ObjectFreeze, ObjectGetOwnPropertyDescriptor, ObjectHasOwn, ObjectPrototype,
    PromisePrototypeThen, PromiseResolve, ReflectApply, ReflectDefineProperty, ReflectOwnKeys, SafeMap, String, StringPrototypeIncludes, StringPrototypeIndexOf,
    StringPrototypeSlice, TypeError,
  } = nano.primordials;
  const { calls, fetch, ops } = nano;
  const { Event, dispatchTrusted, hasListener } = nano.events;
  const { configureInterface, illegalConstructor, isObject, requiredArguments } = nano.webidl;
  const {
    abortRequest, cancelBody, cancelRequest, headerOf, isNullBodyStatus, isResponse, isUnusable, lengthOf, requestFromNative, requestMethodOf,
    responseBodyOf, responseFlatOf, responseMetaOf, responseStatusOf, responseStatusTextOf, takeBody, wholeBody,
  } = fetch;

  const kinds = ObjectFreeze({
    __proto__: null, FETCH: 0, TIMER: 1, BODY_READY: 2, WRITE_READY: 3, CANCEL: 4, CALL_HEAD: 5, CALL_RESULT: 6, CALL_FAIL: 7,
    INVOKE: 8, ERRAND: 9, SOCKET: 10, EVENT: 11, LEFT: 12,
  });

  const eventHandlers = ["fetch", "scheduled", "queue", "tail"];

  // What the platform alone calls, here or in Workers.
  const handlersOnly = [
    ...eventHandlers, "alarm", "connect", "email", "tailStream", "trace", "webSocketClose", "webSocketError", "webSocketMessage",
  ];

  // The app: its main module's exports, its default export, and what it is given.
  let namespace;
  let defaultExport;
  let defaultIsClass = false;
  let env;

  // The arguments[0] of constructors that are called from inside; no app can name it.
  const CREATE = { __proto__: null };

  // Work that outlives the response

  const waitUntil = (id, promise) => {
    // Of an event that ends when this does; requests end with their response.
    const run = nano.runs === undefined ? undefined : nano.runs.get(id);
    if (run !== undefined) run.begin();
    ops.waitUntil(id, 1);
    const done = () => {
      ops.waitUntil(id, -1);
      if (run !== undefined) run.end();
    };
    const failed = (error) => {
      if (run !== undefined) run.fail(error);
      else nano.reportException(error);
      done();
    };
    try {
      PromisePrototypeThen(PromiseResolve(promise), done, failed);
    } catch (error) {
      failed(error);
    }
  };

  nano.waitUntil = waitUntil;

  const noProps = ObjectFreeze({});

  class ExecutionContext {
    #id;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#id = arguments[1];
    }

    get props() {
      this.#id;
      return noProps;
    }

    waitUntil(promise) {
      const prefix = "Failed to execute 'waitUntil' on 'ExecutionContext'";
      if (!isObject(this) || !(#id in this)) {
        throw new TypeError(`${prefix}: Illegal invocation. Call it as a method, or import { waitUntil } from "cloudflare:workers".`);
      }
      requiredArguments(arguments.length, 1, prefix);
      waitUntil(this.#id, promise);
    }

    // There is nothing behind the app to pass a request on to.
    passThroughOnException() {
      this.#id;
    }
  }
  configureInterface(ExecutionContext);

  const { stopImmediatePropagation } = Event.prototype;

  let dispatchFetchEvent;

  class FetchEvent extends Event {
    #id;
    #request;
    // respondWith() may be called once, while the event is on its way.
    #open = true;
    #result = undefined;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super("fetch");
      this.#id = arguments[1];
      this.#request = arguments[2];
    }

    get request() {
      return this.#request;
    }

    respondWith(response) {
      const prefix = "Failed to execute 'respondWith' on 'FetchEvent'";
      const open = this.#open;
      requiredArguments(arguments.length, 1, prefix);
      if (!open) {
        throw new nano.DOMException(`${prefix}: it was called before, or the event is over.`, "InvalidStateError");
      }
      this.#open = false;
      this.#result = response;
      ReflectApply(stopImmediatePropagation, this, []);
    }

    waitUntil(promise) {
      const id = this.#id;
      requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'FetchEvent'");
      waitUntil(id, promise);
    }

    passThroughOnException() {
      this.#id;
    }

    static {
      dispatchFetchEvent = (id, request) => {
        const event = new FetchEvent(CREATE, id, request);
        dispatchTrusted(globalThis, event);
        if (event.#open) {
          event.#open = false;
          if (namespace !== undefined) throw noFetch(id);
          throw new TypeError("No listener for 'fetch' called event.respondWith().");
        }
        return event.#result;
      };
    }
  }
  configureInterface(FetchEvent);

  // Requests

  // The requests that are not answered in the turn they came in, by id.
  const flights = new SafeMap();

  const describe = (value) => {
    if (value === null) return "null";
    if (typeof value === "function") return "a function";
    if (typeof value !== "object") return typeof value === "string" ? "a string" : String(value);
    return "an object that is no Response";
  };

  // What a GET would be answered with.
  const withLength = (flat, body) => {
    const length = headerOf(flat, "content-length") === null ? lengthOf(body) : undefined;
    if (length === undefined) return flat;
    return `${flat}${flat === "" ? "" : "\n"}content-length\n${length}`;
  };

  // The response of a request is on its way. Gives the pump of a body that takes longer.
  const respond = (id, request, response, flight) => {
    if (!isResponse(response)) {
      throw new TypeError(`The fetch handler has to return a Response or a promise of one; it returned ${describe(response)}.`);
    }
    const status = responseStatusOf(response);
    if (status === 0) throw new TypeError("The fetch handler returned Response.error(), a network error.");
    const body = responseBodyOf(response);
    const statusText = responseStatusTextOf(response);
    let flat = responseFlatOf(response);
    if (body === null) {
      if (status === 101) {
        nano.part("websocket").serve(id, responseMetaOf(response).webSocket, flat);
        return null;
      }
      ops.respond(id, status, statusText, flat, null);
      return null;
    }
    if (isUnusable(body)) {
      throw new TypeError("The fetch handler returned a Response whose body has already been used; clone() it before.");
    }
    // An app reads what it has asked for: to that the body goes as it is.
    let format;
    if (StringPrototypeIncludes(flat, "content-encoding\n") && !responseMetaOf(response).isEncoded) {
      if (ops.isForApp(id)) flat = nano.part("content_coding").withoutCoding(flat);
      else format = nano.part("content_coding").formatOf(flat);
    }
    if (isNullBodyStatus(status) || requestMethodOf(request) === "HEAD") {
      const says = isNullBodyStatus(status) || format !== undefined ? flat : withLength(flat, body);
      ops.respond(id, status, statusText, says, null);
      cancelBody(body, undefined);
      return null;
    }
    let taken = takeBody(body);
    if (format !== undefined) taken = nano.part("content_coding").encode(taken, format);
    const whole = wholeBody(taken);
    if (whole !== undefined) {
      ops.respond(id, status, statusText, flat, whole);
      return null;
    }
    const { Pump } = nano.part("pump");
    flight ??= startFlight(id, request);
    ops.respondHead(id, status, statusText, flat, lengthOf(taken));
    return new Pump(id, taken, flight);
  };

  const disconnected = () => new nano.DOMException("The client has disconnected", "AbortError");

  class Flight {
    id;
    request;
    pump = null;
    cancelled = false;

    constructor(id, request) {
      this.id = id;
      this.request = request;
    }

    respond(response) {
      if (this.cancelled) {
        if (isResponse(response)) cancelBody(responseBodyOf(response), undefined);
        return;
      }
      let pump;
      try {
        pump = respond(this.id, this.request, response, this);
      } catch (error) {
        this.sendFailed(error);
        return;
      }
      if (pump === null) this.sent();
      else this.send(pump);
    }

    send(pump) {
      this.pump = pump;
      pump.step();
    }

    sent() {
      flights.delete(this.id);
    }

    sendFailed(error) {
      if (this.cancelled) return;
      flights.delete(this.id);
      ops.fail(this.id, error);
    }

    // The request was ended from outside: cancel() is on its way.
    unwanted() {}

    cancel() {
      flights.delete(this.id);
      this.cancelled = true;
      const reason = disconnected();
      if (this.pump !== null) this.pump.cancel(reason);
      cancelRequest(this.request, reason);
    }

    // Half of the connection is open: the app may answer as if nothing had happened.
    leave() {
      abortRequest(this.request, disconnected());
    }
  }

  const startFlight = (id, request) => {
    const flight = new Flight(id, request);
    flights.set(id, flight);
    return flight;
  };

  // Whoever calls may be another app.
  const theApp = () => `The app "${ops.appName()}"`;

  // Thrown where an app asks another for what is not there: who asks hears of it, and the log of the other does not.
  const REFUSED = { __proto__: null, message: "" };

  const notThere = (id, message) => {
    if (!ops.isForApp(id)) return new TypeError(message);
    REFUSED.message = message;
    return REFUSED;
  };

  const noFetch = (id) => notThere(id, `${theApp()} has no default export with a method 'fetch'.`);

  const isClass = (value) =>
    typeof value === "function" && ObjectGetOwnPropertyDescriptor(value, "prototype")?.writable === false;

  // An entrypoint is an export with handlers or methods of its own: an object, or a class of which each event gets an instance.
  const entrypointOf = (id, name) => {
    const found = namespace !== undefined && ObjectHasOwn(namespace, name) ? namespace[name] : undefined;
    if (isClass(found)) return new found(new ExecutionContext(CREATE, id), env);
    if (typeof found === "object" && found !== null) return found;
    throw notThere(id, `${theApp()} has no entrypoint '${name}'.`);
  };

  const callEntrypoint = (id, request, name) => {
    const target = entrypointOf(id, name);
    if (typeof target.fetch !== "function") throw notThere(id, `The entrypoint '${name}' has no method 'fetch'.`);
    return target.fetch(request, env, new ExecutionContext(CREATE, id));
  };

  const callFetchHandler = (id, request, entrypoint) => {
    if (entrypoint !== undefined) return callEntrypoint(id, request, entrypoint);
    if (defaultExport === undefined) return dispatchFetchEvent(id, request);
    const context = new ExecutionContext(CREATE, id);
    const target = defaultIsClass ? new defaultExport(context, env) : defaultExport;
    if (typeof target.fetch !== "function") throw noFetch(id);
    return defaultIsClass ? target.fetch(request) : target.fetch(request, env, context);
  };

  const deliverFetch = (id, method, url, flat, entrypoint) => {
    const request = requestFromNative(id, method, url, flat);
    let flight;
    try {
      const result = callFetchHandler(id, request, entrypoint);
      if (isObject(result) && !isResponse(result)) {
        const promise = PromiseResolve(result);
        flight = startFlight(id, request);
        PromisePrototypeThen(promise, (response) => flight.respond(response), (error) => flight.sendFailed(error));
        return;
      }
      const pump = respond(id, request, result, undefined);
      if (pump !== null) pump.owner.send(pump);
    } catch (error) {
      flights.delete(id);
      if (error === REFUSED) ops.refuse(id, REFUSED.message);
      else ops.fail(id, error);
    }
  };

  // Invocations

  const isExportedFunction = (name) =>
    name !== "default" && ObjectHasOwn(namespace, name) && typeof namespace[name] === "function" && !isClass(namespace[name]);

  const isEntrypoint = (value) => nano.entrypoints !== undefined && nano.entrypoints.isClass(value);

  // A method of a class that extends WorkerEntrypoint, on an object of its own for this invocation.
  const invokeEntrypoint = (id, Class, name, args) => {
    const method = nano.entrypoints.methodOf(Class, name);
    if (method === undefined) throw notThere(id, `The entrypoint ${Class.name} has no method '${name}'.`);
    return ReflectApply(method, new Class(new ExecutionContext(CREATE, id), env), args);
  };

  // A method by its name, never one that all objects have. To other apps an object offers what is its own, as in Workers: what it inherits
  // may be a library's, which others have no business with.
  const methodOf = (target, name, inherits) => {
    if (inherits ? ObjectHasOwn(ObjectPrototype, name) : !ObjectHasOwn(target, name)) return undefined;
    const method = target[name];
    return typeof method === "function" ? method : undefined;
  };

  // A method of a named entrypoint, which another app calls.
  const callMethodOf = (id, entrypoint, name, args) => {
    const found = namespace !== undefined && ObjectHasOwn(namespace, entrypoint) ? namespace[entrypoint] : undefined;
    if (isEntrypoint(found)) return invokeEntrypoint(id, found, name, args);
    const target = entrypointOf(id, entrypoint);
    const method = methodOf(target, name, target !== found);
    if (method !== undefined) return ReflectApply(method, target, args);
    throw notThere(id, `The entrypoint '${entrypoint}' has no method '${name}'.`);
  };

  // Handlers of events and entrypoints that a binding does not name are for the host to call, and for no other app.
  const callExport = (id, name, args, entrypoint) => {
    const byApp = ops.isForApp(id);
    if (byApp && ArrayPrototypeIncludes(handlersOnly, name)) {
      throw notThere(id, `${theApp()} lets no other app call '${name}', a handler of events.`);
    }
    if (entrypoint !== undefined) return callMethodOf(id, entrypoint, name, args);
    if (namespace !== undefined && isExportedFunction(name)) return ReflectApply(namespace[name], undefined, args);
    if (isEntrypoint(defaultExport)) {
      if (nano.entrypoints.methodOf(defaultExport, name) !== undefined) return invokeEntrypoint(id, defaultExport, name, args);
    } else if (defaultExport !== undefined) {
      const context = new ExecutionContext(CREATE, id);
      const target = defaultIsClass ? new defaultExport(context, env) : defaultExport;
      const method = methodOf(target, name, defaultIsClass || !byApp);
      if (method !== undefined) {
        // Handlers of events get what fetch() gets.
        const isHandler = !defaultIsClass && ArrayPrototypeIncludes(eventHandlers, name);
        return ReflectApply(method, target, isHandler ? [args[0], env, context] : args);
      }
    }
    // "Name.method": a named entrypoint.
    const dot = StringPrototypeIndexOf(name, ".");
    if (!byApp && namespace !== undefined && dot > 0) {
      const className = StringPrototypeSlice(name, 0, dot);
      const Class = ObjectHasOwn(namespace, className) ? namespace[className] : undefined;
      if (isEntrypoint(Class)) return invokeEntrypoint(id, Class, StringPrototypeSlice(name, dot + 1), args);
    }
    throw notThere(id, `${theApp()} exports no function '${name}'.`);
  };

  const invokeReturn = (id, value) => {
    try {
      ops.invokeReturn(id, value);
    } catch (error) {
      ops.invokeFail(id, error);
    }
  };

  const deliverInvoke = (id, name, args, entrypoint) => {
    try {
      const result = callExport(id, name, args, entrypoint);
      if (isObject(result)) {
        PromisePrototypeThen(PromiseResolve(result), (value) => invokeReturn(id, value), (error) => ops.invokeFail(id, error));
      } else {
        invokeReturn(id, result);
      }
    } catch (error) {
      if (error === REFUSED) ops.refuse(id, REFUSED.message);
      else ops.invokeFail(id, error);
    }
  };

  nano.kinds = kinds;

  // What the handlers of events other than requests begin with.
  nano.setting = (id) => ({
    __proto__: null, isModule: namespace !== undefined, main: defaultExport, isClass: defaultIsClass, env,
    context: new ExecutionContext(CREATE, id),
  });

  nano.deliver = (kind, id, a, b, c, d) => {
    // Only apps that ask which request they are in pay for knowing it.
    if (nano.contexts !== undefined && (kind === 0 || kind === 8 || kind === 11)) {
      nano.contexts.enter(id);
      if (kind === 0) deliverFetch(id, a, b, c, d);
      else if (kind === 8) deliverInvoke(id, a, b, c);
      else nano.part("handlers").deliver(id, a, b);
      nano.contexts.leave();
      return;
    }
    switch (kind) {
      case 0: deliverFetch(id, a, b, c, d); break;
      case 1: nano.fireTimer(id); break;
      case 2: fetch.bodyReady(id); break;
      case 3: fetch.writeReady(id); break;
      case 4:
        flights.get(id)?.cancel();
        if (nano.runs !== undefined) nano.runs.delete(id);
        break;
      case 12: flights.get(id)?.leave(); break;
      case 5: calls.head(id, a, b, c); break;
      case 6: calls.result(id, a); break;
      case 7: calls.fail(id, a, b); break;
      case 8: deliverInvoke(id, a, b, c); break;
      case 9: nano.errandDone(id, a, b, c); break;
      case 10: nano.socketEvent(id, a, b, c, d); break;
      case 11: nano.part("handlers").deliver(id, a, b); break;
    }
  };

  // The app

  const makeEnv = (values, bindings) => {
    const made = { __proto__: null };
    const keys = values === undefined ? [] : ReflectOwnKeys(values);
    for (let i = 0; i < keys.length; i++) made[keys[i]] = values[keys[i]];
    for (let i = 0; i < bindings.length; i++) made[bindings[i][0]] = calls.createBinding(bindings[i]);
    return ObjectFreeze(made);
  };

  const handlerNames = () => {
    const names = [];
    if (namespace === undefined) {
      for (let i = 0; i < eventHandlers.length; i++) {
        if (hasListener(globalThis, eventHandlers[i])) ArrayPrototypePush(names, eventHandlers[i]);
      }
      return names;
    }
    const target = defaultIsClass ? defaultExport.prototype : defaultExport;
    for (let i = 0; target !== undefined && i < eventHandlers.length; i++) {
      if (typeof target[eventHandlers[i]] === "function") ArrayPrototypePush(names, eventHandlers[i]);
    }
    // The methods of an entrypoint can be called as exported functions can.
    const methods = isEntrypoint(defaultExport) ? ReflectOwnKeys(defaultExport.prototype) : [];
    for (let i = 0; i < methods.length; i++) {
      if (typeof methods[i] === "string" && methods[i] !== "constructor" && !ArrayPrototypeIncludes(names, methods[i])) {
        ArrayPrototypePush(names, methods[i]);
      }
    }
    const keys = ReflectOwnKeys(namespace);
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] !== "string") continue;
      const exported = isExportedFunction(keys[i]) || isEntrypoint(namespace[keys[i]]);
      if (exported && !ArrayPrototypeIncludes(names, keys[i])) {
        ArrayPrototypePush(names, keys[i]);
      }
    }
    return names;
  };

  const explainNothing = () => {
    if (namespace === undefined) return "it is not a module, and calls no addEventListener(\"fetch\", ...)";
    if (!ObjectHasOwn(namespace, "default")) return "the main module has no default export and exports no function";
    if (defaultExport === undefined) return `its default export is ${describe(namespace.default)}`;
    return "its default export has no method 'fetch', and it exports no function";
  };

  // What is in a script's env are global names. Those that cannot be defined (NaN, undefined) keep their meaning.
  const putOnGlobal = (entries) => {
    const names = ReflectOwnKeys(entries);
    for (let i = 0; i < names.length; i++) {
      const value = entries[names[i]];
      ReflectDefineProperty(globalThis, names[i], { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    }
  };

  // Before any code of the app, which may import env: what the app is given, the binding that answers the global fetch, and what
  // relative URLs are relative to.
  nano.prepare = (values, bindings, outbound, baseUrl, json) => {
    env = makeEnv(values, bindings);
    nano.env = env;
    nano.variables = values === undefined ? { __proto__: null } : values;
    nano.variablesJson = json;
    nano.outbound = outbound;
    nano.baseUrl = baseUrl;
  };

  nano.start = (exports) => {
    // A script is about to run.
    if (exports === null) {
      putOnGlobal(env);
      return [];
    }
    namespace = exports;
    defaultExport = undefined;
    defaultIsClass = false;
    const value = exports === undefined ? undefined : exports.default;
    if (isObject(value)) {
      defaultIsClass = typeof value === "function" && isObject(value.prototype);
      if (typeof value === "object" || defaultIsClass) defaultExport = value;
    }
    const names = handlerNames();
    if (names.length === 0) {
      throw new TypeError(
        `The app handles nothing: ${explainNothing()}. Write \`export default { fetch(request, env, ctx) { ... } }\`.`,
      );
    }
    return names;
  };

  nano.expose({ ExecutionContext, FetchEvent });
};
