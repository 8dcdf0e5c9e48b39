"use strict";
// The platform's side of native sockets: what they do, and who is told of what happens to them.
//
// A socket has events: opened, message, drained, closed, failed, each called in a turn of its own; a missing one is not told.
(nano) => {
  const { ObjectSetPrototypeOf, SafeMap } = nano.primordials;
  const natives = nano.ops.natives("sockets");

  const OPENED = 0;
  const MESSAGE = 1;
  const DRAINED = 2;
  const CLOSED = 3;
  const FAILED = 4;
  // A message has come that there is no memory for.
  const NO_ROOM = 5;

  // https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
  const NO_STATUS = 1005;
  const NOT_SENT = 1006;
  const TOO_BIG = 1009;
  const INTERNAL_ERROR = 1011;

  const sockets = new SafeMap();

  // Rust calls this.
  nano.socketEvent = (id, kind, a, b, c) => {
    const socket = sockets.get(id);
    if (socket === undefined) return;
    const { events } = socket;
    switch (kind) {
      case OPENED:
        events.opened?.(a, b);
        break;
      case MESSAGE:
        events.message?.(a);
        break;
      case DRAINED:
        events.drained?.();
        break;
      case CLOSED:
        sockets.delete(id);
        events.closed?.(a, b, c);
        break;
      case FAILED:
        sockets.delete(id);
        events.failed?.(a, b, c);
        break;
      case NO_ROOM:
        sockets.delete(id);
        socket.close(TOO_BIG, "");
        events.failed?.("a message came that there was no memory for (limit external_bytes)");
        break;
    }
  };

  class Socket {
    id = -1;
    events;

    constructor(events) {
      this.events = events;
    }

    // The op throws if there can be none.
    take(id) {
      this.id = id;
      sockets.set(id, this);
    }

    // Sets out to open a WebSocket; the subprotocols are text with commas.
    open(url, protocols, flat) {
      this.take(natives.open(url, protocols, flat));
    }

    // Answers a request with a WebSocket, which is read from when read() says so.
    serve(request, flat) {
      this.take(natives.accept(request, flat));
    }

    // Makes a connection of bytes.
    connect(host, port, isSecure, allowsHalfOpen) {
      this.take(natives.connect(host, port, isSecure, allowsHalfOpen));
    }

    startTls(host) {
      return natives.startTls(this.id, host);
    }

    send(data) {
      natives.send(this.id, data);
    }

    close(code, reason) {
      natives.close(this.id, code, reason);
    }

    bufferedAmount() {
      return natives.buffered(this.id);
    }

    read(wanted) {
      natives.read(this.id, wanted);
    }

    accept() {
      this.read(true);
    }

    // What comes from here goes there, at the pace of whoever is slower.
    relayTo(other) {
      this.events = {
        __proto__: null,
        message: (data) => {
          other.send(data);
          if (natives.isFull(other.id)) this.read(false);
        },
        drained: () => other.read(true),
        closed: (code, reason) => {
          if (code === NO_STATUS) other.close(undefined, "");
          else other.close(code === NOT_SENT ? INTERNAL_ERROR : code, reason);
        },
        failed: () => other.close(INTERNAL_ERROR, ""),
      };
    }

    // The connection of a response's WebSocket meets that of the request it answers.
    attach(socket) {
      this.relayTo(socket);
      socket.relayTo(this);
      this.read(true);
      socket.read(true);
    }
  }
  ObjectSetPrototypeOf(Socket.prototype, null);

  return { __proto__: null, NO_STATUS, Socket };
};
