"use strict";
// WebSocket, and WebSocketPair as Cloudflare Workers have it.
// Specifications: https://websockets.spec.whatwg.org/, https://developers.cloudflare.com/workers/runtime-apis/websockets/
//
// A socket talks to its connection: { send(data), close(code, reason), bufferedAmount(), accept(), attach(socket) }. A connection tells
// the socket's events: opened(protocol, headers), message(data), closed(code, reason, wasClean), failed(why). Those of a pair are each
// other's, until one end answers a request: from then on the other talks to the client. All others are native (sockets.js).
(nano) => {
  const {
    ArrayBufferIsView, Error, ObjectDefineProperty, ObjectSetPrototypeOf, SafeSet,
    ArrayPrototypeJoin, ArrayPrototypeSymbolIterator, StringPrototypeIndexOf, StringPrototypeToLowerCase, SymbolIterator, TypeError, TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSet, Uint8Array,
  } = nano.primordials;
  const { DOMException, ops } = nano;
  const { EventTarget, defineHandler, dispatchTrusted, fire, hasListener } = nano.events;
  const {
    configureInterface, converters, defineConstants, isArrayBuffer, isObject, requiredArguments, sequence,
  } = nano.webidl;
  const { bytesOf } = nano.encoding;
  const { headerOf, isToken } = nano.fetch;
  const { CloseEvent, ErrorEvent } = nano.part("event_types");
  const { createMessageEvent } = nano.events;
  const { TaskSource } = nano.part("tasks");
  const { NO_STATUS, Socket } = nano.part("sockets");

  const CONNECTING = 0;
  const OPEN = 1;
  const CLOSING = 2;
  const CLOSED = 3;

  const REASON_BYTES_MAX = 123;
  const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

  // The codes of https://www.rfc-editor.org/rfc/rfc6455#section-7.4 that stand for something that was not sent.
  const isReserved = (code) => code === 1004 || code === 1005 || code === 1006 || code === 1015;

  const protocolList = sequence(converters.DOMString);

  // https://websockets.spec.whatwg.org/#dom-websocket-websocket
  const parseUrl = (url, prefix) => {
    const parts = ops.urlParse(converters.USVString(url, prefix, "parameter 1"), nano.baseUrl);
    if (parts === undefined) throw new DOMException(`${prefix}: '${url}' is not a valid absolute URL.`, "SyntaxError");
    let scheme = parts[2];
    let href = parts[0];
    if (scheme === "http:" || scheme === "https:") {
      scheme = scheme === "http:" ? "ws:" : "wss:";
      const changed = ops.urlSet(href, 1, scheme);
      if (changed !== undefined) href = changed[0];
    }
    if (scheme !== "ws:" && scheme !== "wss:") {
      throw new DOMException(`${prefix}: the scheme '${scheme}' is neither ws nor wss.`, "SyntaxError");
    }
    if (StringPrototypeIndexOf(href, "#") >= 0) throw new DOMException(`${prefix}: the URL has a fragment.`, "SyntaxError");
    return href;
  };

  const parseProtocols = (value, prefix) => {
    let list = ObjectSetPrototypeOf([], null);
    if (value !== undefined) {
      const method = isObject(value) ? value[SymbolIterator] : undefined;
      if (method !== undefined && method !== null) list = protocolList(value, prefix, "parameter 2", { __proto__: null, method });
      else list[0] = converters.DOMString(value, prefix, "parameter 2");
    }
    const seen = new SafeSet();
    for (let i = 0; i < list.length; i++) {
      const lower = StringPrototypeToLowerCase(list[i]);
      if (!isToken(list[i]) || seen.has(lower)) {
        throw new DOMException(`${prefix}: the protocol '${list[i]}' is not a token, or is there twice.`, "SyntaxError");
      }
      seen.add(lower);
    }
    return list;
  };

  // A string, a Blob's data or a copy of the bytes: what has been sent does not change.
  const messageOf = (data) => {
    if (ArrayBufferIsView(data) || isArrayBuffer(data)) {
      const bytes = bytesOf(data);
      const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
      TypedArrayPrototypeSet(copy, bytes);
      return copy;
    }
    if (isObject(data)) {
      const { blobData, isBlob } = nano.part("blob");
      if (isBlob(data)) return blobData(data).bytes();
    }
    return converters.USVString(data, "Failed to execute 'send' on 'WebSocket'", "parameter 1");
  };

  // One end of a pair. Whatever is under way waits until the other end has been accepted.
  class PairConnection {
    tasks = new TaskSource();
    events = null;
    other = null;
    // The connection that the other end has become, if it has answered a request.
    wire = null;
    isAccepted = false;

    send(data) {
      const { other, wire } = this;
      if (wire !== null) wire.send(data);
      else other.tasks.add(() => other.events.message(data));
    }

    // Closing is answered by the other end at once, with the same code.
    close(code, reason) {
      const { other, tasks, wire } = this;
      if (wire !== null) {
        wire.close(code, reason);
        return;
      }
      other.tasks.add(() => other.events.closed(code ?? NO_STATUS, reason, true));
      tasks.add(() => this.events.closed(code ?? NO_STATUS, reason, true));
      tasks.open();
    }

    bufferedAmount() {
      return this.wire === null ? 0 : this.wire.bufferedAmount();
    }

    accept() {
      this.isAccepted = true;
      this.tasks.open();
      if (this.wire !== null) this.wire.read(true);
    }

    // This end answers a request: the other one talks to the client from now on, who gets what it has said before.
    attach(socket) {
      const { other } = this;
      socket.events = other.events;
      this.events = {
        __proto__: null,
        message: (data) => socket.send(data),
        closed: (code, reason) => socket.close(code === NO_STATUS ? undefined : code, reason),
      };
      this.tasks.drain();
      other.wire = socket;
      if (other.isAccepted) socket.read(true);
    }
  }
  ObjectSetPrototypeOf(PairConnection.prototype, null);

  const CREATE = { __proto__: null };

  let connect;
  let isWebSocket;
  let serve;

  class WebSocket extends EventTarget {
    #url = "";
    #state = CONNECTING;
    #protocol = "";
    #extensions = "";
    #binaryType = "blob";
    #connection = null;
    // An end of a pair takes part only once it has been accepted, and so does what fetch() gives; unless it has answered a request.
    #isPaired = false;
    #isAccepted = true;
    #isServed = false;
    #attachment = null;
    // Bytes that were to be sent after it was closing: they count, and never leave.
    #unsent = 0;

    constructor(url, protocols = undefined) {
      super();
      if (url === CREATE) {
        this.#connection = protocols;
        this.#isPaired = true;
        this.#isAccepted = false;
        this.#state = OPEN;
        this.#binaryType = "arraybuffer";
        connect(this);
        return;
      }
      const prefix = "Failed to construct 'WebSocket'";
      requiredArguments(arguments.length, 1, prefix);
      this.#url = parseUrl(url, prefix);
      const list = parseProtocols(protocols, prefix);
      const events = connect(this);
      this.#connection = new Socket(events);
      try {
        if (typeof nano.outbound !== "number") throw new TypeError("this app may not use the network");
        this.#connection.open(this.#url, ArrayPrototypeJoin(list, ","), "");
      } catch (error) {
        const tasks = new TaskSource();
        tasks.open();
        tasks.add(() => events.failed(error.message));
      }
    }

    get url() {
      return this.#url;
    }

    get readyState() {
      return this.#state;
    }

    get bufferedAmount() {
      return this.#connection.bufferedAmount() + this.#unsent;
    }

    get extensions() {
      return this.#extensions;
    }

    get protocol() {
      return this.#protocol;
    }

    // https://websockets.spec.whatwg.org/#dom-websocket-close
    close(code = undefined, reason = undefined) {
      const prefix = "Failed to execute 'close' on 'WebSocket'";
      const isPaired = this.#isPaired;
      if (code !== undefined) {
        code = converters["unsigned short"](code, prefix, "parameter 1", { __proto__: null, clamp: true });
      }
      if (reason !== undefined) reason = converters.USVString(reason, prefix, "parameter 2");
      if (code !== undefined) {
        // A server's end may send what a client's may not.
        const isAllowed = isPaired
          ? code >= 1000 && code <= 4999 && !isReserved(code)
          : code === 1000 || (code >= 3000 && code <= 4999);
        if (!isAllowed) throw new DOMException(`${prefix}: the code ${code} may not be sent.`, "InvalidAccessError");
      }
      if (reason !== undefined && TypedArrayPrototypeGetByteLength(ops.utf8Encode(reason)) > REASON_BYTES_MAX) {
        throw new DOMException(`${prefix}: the reason is longer than ${REASON_BYTES_MAX} bytes.`, "SyntaxError");
      }
      if (isPaired && !this.#isAccepted) throw new TypeError(`${prefix}: call accept() on this WebSocket first.`);
      if (this.#state >= CLOSING) return;
      this.#state = CLOSING;
      this.#connection.close(code, reason ?? "");
    }

    // https://websockets.spec.whatwg.org/#dom-websocket-send
    send(data) {
      const prefix = "Failed to execute 'send' on 'WebSocket'";
      const state = this.#state;
      requiredArguments(arguments.length, 1, prefix);
      const message = messageOf(data);
      if (this.#isPaired && !this.#isAccepted) throw new TypeError(`${prefix}: call accept() on this WebSocket first.`);
      if (state === CONNECTING) throw new DOMException(`${prefix}: the connection is still being made.`, "InvalidStateError");
      const size = typeof message === "string" ? message.length : TypedArrayPrototypeGetByteLength(message);
      if (size > MESSAGE_BYTES_MAX) throw new TypeError(`${prefix}: the message is longer than ${MESSAGE_BYTES_MAX} bytes.`);
      if (state === OPEN) {
        this.#connection.send(message);
      } else {
        this.#unsent += typeof message === "string" ? TypedArrayPrototypeGetByteLength(ops.utf8Encode(message)) : size;
      }
    }

    get binaryType() {
      return this.#binaryType;
    }

    set binaryType(value) {
      this.#binaryType;
      // Web IDL: an attribute of an enumeration ignores what is not in it.
      const string = converters.DOMString(value, "Failed to set 'binaryType' on 'WebSocket'", "The value");
      if (string === "blob" || string === "arraybuffer") this.#binaryType = string;
    }

    // Workers: https://developers.cloudflare.com/workers/runtime-apis/websockets/#accept
    accept() {
      const prefix = "Failed to execute 'accept' on 'WebSocket'";
      if (!this.#isPaired) throw new TypeError(`${prefix}: this WebSocket is not one of a WebSocketPair.`);
      if (this.#isAccepted) return;
      if (this.#isServed) throw new TypeError(`${prefix}: this end has become the client's; accept() the other one.`);
      this.#isAccepted = true;
      this.#connection.accept();
    }

    serializeAttachment(attachment) {
      this.#attachment;
      requiredArguments(arguments.length, 1, "Failed to execute 'serializeAttachment' on 'WebSocket'");
      this.#attachment = { __proto__: null, value: nano.part("clone").cloneValue(attachment) };
    }

    deserializeAttachment() {
      const attachment = this.#attachment;
      return attachment === null ? null : nano.part("clone").cloneValue(attachment.value);
    }

    static {
      isWebSocket = (value) => isObject(value) && #isServed in value;

      // The request `id` is answered with a WebSocket of a response.
      serve = (id, socket, flat) => {
        if (!socket.#isPaired || socket.#isAccepted) {
          throw new TypeError("The WebSocket of a Response is the client's end: accept() the other one, and leave this one as it is.");
        }
        if (socket.#isServed) throw new TypeError("The WebSocket of the Response has answered a request before.");
        const native = new Socket(undefined);
        native.serve(id, flat);
        socket.#isServed = true;
        socket.#connection.attach(native);
      };

      // What a connection calls, each in a task of its own.
      connect = (socket) => {
        const end = (code, reason, wasClean) => {
          socket.#state = CLOSED;
          if (!hasListener(socket, "close")) return;
          dispatchTrusted(socket, new CloseEvent("close", { __proto__: null, code, reason, wasClean }));
        };
        const events = {
          __proto__: null,
          opened(protocol, flat) {
            if (socket.#state !== CONNECTING) return;
            socket.#state = OPEN;
            socket.#protocol = protocol;
            socket.#extensions = headerOf(flat, "sec-websocket-extensions") ?? "";
            fire(socket, "open");
          },
          message(data) {
            if (socket.#state !== OPEN || !hasListener(socket, "message")) return;
            dispatchTrusted(socket, createMessageEvent("message", socket.#present(data), undefined, originOf(socket.#url)));
          },
          closed(code, reason, wasClean) {
            if (socket.#state !== CLOSED) end(code, reason, wasClean);
          },
          failed(why) {
            if (socket.#state === CLOSED) return;
            socket.#state = CLOSED;
            fire(socket, "error", { __proto__: null, message: why, error: new Error(why) }, ErrorEvent);
            end(1006, "", false);
          },
        };
        if (socket.#isPaired) socket.#connection.events = events;
        return events;
      };
    }

    // What has arrived, as the app wants it.
    #present(data) {
      if (typeof data === "string") return data;
      if (this.#binaryType === "arraybuffer") return TypedArrayPrototypeGetBuffer(data);
      const { createBlob, dataOf } = nano.part("blob");
      return createBlob(dataOf(data), "");
    }
  }
  defineHandler(WebSocket.prototype, "open");
  defineHandler(WebSocket.prototype, "error");
  defineHandler(WebSocket.prototype, "close");
  defineHandler(WebSocket.prototype, "message");
  configureInterface(WebSocket);
  defineConstants(WebSocket, { __proto__: null, CONNECTING, OPEN, CLOSING, CLOSED });
  // As Workers names them.
  defineConstants(WebSocket, {
    __proto__: null,
    READY_STATE_CONNECTING: CONNECTING,
    READY_STATE_OPEN: OPEN,
    READY_STATE_CLOSING: CLOSING,
    READY_STATE_CLOSED: CLOSED,
  });

  const originOf = (url) => (url === "" ? "" : ops.urlParse(url, undefined)[1]);

  // Object.values(new WebSocketPair()) is [client, server]: the ends are its own properties.
  class WebSocketPair {
    constructor() {
      const first = new PairConnection();
      const second = new PairConnection();
      first.other = second;
      second.other = first;
      const define = (key, connection) => {
        const value = new WebSocket(CREATE, connection);
        ObjectDefineProperty(this, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      };
      define(0, first);
      define(1, second);
    }

    [SymbolIterator]() {
      return ArrayPrototypeSymbolIterator([this[0], this[1]]);
    }
  }
  configureInterface(WebSocketPair);

  return {
    __proto__: null, WebSocket, WebSocketPair, isWebSocket, serve,
    // One that is open, or will be, and waits to be accepted.
    createWebSocket: (connection) => new WebSocket(CREATE, connection),
  };
};
