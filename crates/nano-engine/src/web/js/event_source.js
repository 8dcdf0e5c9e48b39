"use strict";
// EventSource.
// Specification: https://html.spec.whatwg.org/#server-sent-events
//
// Each connection is a fetch; what it gives is read at the pace of its listeners.
(nano) => {
  const {
    Error, MathMax, MathMin, PromisePrototypeThen, RegExpPrototypeExec, StringFromCharCode, StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, TypeError,
  } = nano.primordials;
  const { DOMException, abort, ops } = nano;
  const { EventTarget, defineHandler, dispatchTrusted, fire, hasListener } = nano.events;
  const { configureInterface, converters, defineConstants, dictionary, requiredArguments } = nano.webidl;
  const { createDecoder } = nano.encoding;
  const { cancel, runAfter } = nano.timers;
  const { ErrorEvent } = nano.part("event_types");
  const { createMessageEvent } = nano.events;
  const { queueTask } = nano.part("tasks");
  const { BodyReader, isPromise } = nano.part("messages");
  const { Request, extractBody, headerOf, responseBodyOf, responseFlatOf, responseMetaOf, responseStatusOf } = nano.fetch;

  const CONNECTING = 0;
  const OPEN = 1;
  const CLOSED = 2;

  // https://html.spec.whatwg.org/#concept-event-stream-reconnection-time
  const RECONNECTION_MS = 3000;
  // A server that cannot be reached is asked less and less often, up to this.
  const RECONNECTION_MS_MAX = 60_000;
  // All connections of a source are one subrequest, but for those that are made again sooner than this.
  const PACED_MS = 1000;
  // A line or an event longer than this ends the connection for good: nobody bounds them otherwise.
  const EVENT_CHARACTERS_MAX = 8 * 1024 * 1024;

  const eventSourceInit = dictionary("EventSourceInit", [
    { key: "withCredentials", converter: converters.boolean, defaultValue: false },
  ]);

  const digits = /^[0-9]+$/;

  // https://html.spec.whatwg.org/#event-stream-interpretation
  class Parser {
    #decoder = createDecoder("utf-8", undefined, "EventSource");
    #rest = "";
    #skipLineFeed = false;
    #data = "";
    #hasData = false;
    #type = "";
    #id;
    // dispatch(type, data, lastEventId) and retry(milliseconds)
    #owner;

    constructor(owner, lastEventId) {
      this.#owner = owner;
      this.#id = lastEventId;
    }

    // False when it has become too long.
    push(bytes) {
      const text = this.#rest + this.#decoder.decode(bytes, true);
      let start = 0;
      // The next of each kind of line end, so that none is looked for twice; -1 when there is none.
      let feed = StringPrototypeIndexOf(text, "\n");
      let carriage = StringPrototypeIndexOf(text, "\r");
      while (start < text.length) {
        if (this.#skipLineFeed) {
          this.#skipLineFeed = false;
          if (text[start] === "\n") {
            start++;
            continue;
          }
        }
        if (feed < start && feed >= 0) feed = StringPrototypeIndexOf(text, "\n", start);
        if (carriage < start && carriage >= 0) carriage = StringPrototypeIndexOf(text, "\r", start);
        const isFeed = feed >= 0 && (carriage < 0 || feed < carriage);
        const end = isFeed ? feed : carriage;
        if (end < 0) break;
        this.#skipLineFeed = !isFeed;
        this.#line(StringPrototypeSlice(text, start, end));
        start = end + 1;
      }
      this.#rest = StringPrototypeSlice(text, start);
      return this.#rest.length + this.#data.length <= EVENT_CHARACTERS_MAX;
    }

    #line(line) {
      if (line === "") {
        this.#dispatch();
        return;
      }
      const colon = StringPrototypeIndexOf(line, ":");
      if (colon === 0) return;
      const field = colon < 0 ? line : StringPrototypeSlice(line, 0, colon);
      let value = colon < 0 ? "" : StringPrototypeSlice(line, colon + 1);
      if (StringPrototypeStartsWith(value, " ")) value = StringPrototypeSlice(value, 1);
      switch (field) {
        case "event":
          this.#type = value;
          break;
        case "data":
          this.#data += `${value}\n`;
          this.#hasData = true;
          break;
        case "id":
          if (!StringPrototypeIncludes(value, "\0")) this.#id = value;
          break;
        case "retry":
          if (RegExpPrototypeExec(digits, value) !== null) this.#owner.retry(+value);
          break;
      }
    }

    #dispatch() {
      const type = this.#type === "" ? "message" : this.#type;
      const data = StringPrototypeSlice(this.#data, 0, -1);
      const hasData = this.#hasData;
      this.#type = "";
      this.#data = "";
      this.#hasData = false;
      this.#owner.dispatch(hasData ? type : undefined, data, this.#id);
    }
  }

  const ENDED = "the server has ended the stream of events";

  // A header's value that is text in UTF-8, as the bytes it is sent as.
  const headerText = (text) => {
    const bytes = ops.utf8Encode(text);
    let value = "";
    for (let i = 0; i < bytes.length; i++) value += StringFromCharCode(bytes[i]);
    return value;
  };

  // One connection. It tells events: response(status, contentType, url), which returns whether to go on, data(bytes), and
  // ended(why, isRefused): whether the app may not connect.
  class Connection {
    #signal = abort.createSignal();
    #events;
    #isOver = false;

    #reader = null;

    constructor(events) {
      this.#events = events;
    }

    fetch(url, withCredentials, lastEventId, isCounted) {
      const headers = { __proto__: null, accept: "text/event-stream" };
      if (lastEventId !== "") headers["last-event-id"] = headerText(lastEventId);
      const credentials = withCredentials ? "include" : "same-origin";
      const init = { __proto__: null, cache: "no-store", credentials, headers, signal: this.#signal };
      try {
        if (!isCounted) ops.uncountCall();
        const response = nano.part("fetch_call").start(nano.outbound, new Request(url, init), undefined, true);
        PromisePrototypeThen(response, (given) => this.#respond(given), (error) => this.#end(error.message));
      } catch (error) {
        queueTask(() => this.#end(error.message, true));
      }
    }

    stop() {
      this.#isOver = true;
      if (this.#reader !== null) this.#reader.cancel(undefined);
      else abort.signalAbort(this.#signal, undefined);
    }

    // Instead of a fetch.
    follow(reader) {
      this.#reader = reader;
      this.#read(reader);
    }

    #end(why, isRefused = false) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#events.ended(why, isRefused);
    }

    #respond(response) {
      if (this.#isOver) return;
      const contentType = headerOf(responseFlatOf(response), "content-type") ?? "";
      if (!this.#events.response(responseStatusOf(response), contentType, responseMetaOf(response).url)) return;
      const body = responseBodyOf(response);
      if (body === null) this.#end(ENDED);
      else this.#read(new BodyReader(body));
    }

    // A loop as long as there is something, then a promise.
    #read(reader) {
      const failed = (error) => this.#end(error.message);
      for (;;) {
        let bytes;
        try {
          bytes = this.#isOver ? null : reader.read();
        } catch (error) {
          failed(error);
          return;
        }
        if (isPromise(bytes)) {
          PromisePrototypeThen(bytes, (more) => {
            if (this.#take(more)) this.#read(reader);
          }, failed);
          return;
        }
        if (!this.#take(bytes)) return;
      }
    }

    #take(bytes) {
      if (bytes === null) this.#end(ENDED);
      else if (!this.#isOver) this.#events.data(bytes);
      return !this.#isOver;
    }
  }

  // The first argument of a constructor that is called from inside; no app can name it.
  const fromStream = { __proto__: null };

  class EventSource extends EventTarget {
    #url;
    #withCredentials;
    #state = CONNECTING;
    #lastEventId = "";
    #retryMs = RECONNECTION_MS;
    // How often it could not connect since it was open.
    #failures = 0;
    #hasConnected = false;
    // Whether the next connection is a subrequest of its own.
    #isCounted = true;
    // It has used up what there was of them.
    #isPaced = false;
    #connection = null;
    #timer = 0;

    constructor(url, init = undefined) {
      if (url === fromStream) {
        super();
        this.#url = "";
        this.#withCredentials = false;
        this.#follow(init);
        return;
      }
      const prefix = "Failed to construct 'EventSource'";
      requiredArguments(arguments.length, 1, prefix);
      url = converters.USVString(url, prefix, "parameter 1");
      const { withCredentials } = eventSourceInit(init, prefix, "parameter 2");
      const parts = ops.urlParse(url, nano.baseUrl);
      if (parts === undefined) throw new DOMException(`${prefix}: '${url}' is not a valid absolute URL.`, "SyntaxError");
      super();
      this.#url = parts[0];
      this.#withCredentials = withCredentials;
      this.#connect();
    }

    // Of Workers: the events of a stream of bytes, which nobody connects again.
    static from(stream) {
      const prefix = "Failed to execute 'from' on 'EventSource'";
      requiredArguments(arguments.length, 1, prefix);
      if (!nano.streams.isReadableStream(stream)) throw new TypeError(`${prefix}: parameter 1 is not of type 'ReadableStream'.`);
      return new EventSource(fromStream, new BodyReader(extractBody(stream, prefix)));
    }

    get url() {
      return this.#url;
    }

    get withCredentials() {
      return this.#withCredentials;
    }

    get readyState() {
      return this.#state;
    }

    close() {
      this.#state = CLOSED;
      this.#end();
    }

    #end() {
      const connection = this.#connection;
      this.#connection = null;
      if (this.#timer !== 0) cancel(this.#timer);
      this.#timer = 0;
      if (connection !== null) connection.stop();
    }

    #parser(originOf) {
      return new Parser({
        __proto__: null,
        dispatch: (type, data, lastEventId) => {
          this.#lastEventId = lastEventId;
          if (type === undefined || this.#state === CLOSED || !hasListener(this, type)) return;
          dispatchTrusted(this, createMessageEvent(type, data, undefined, originOf(), lastEventId));
        },
        retry: (milliseconds) => {
          this.#retryMs = milliseconds;
        },
      }, this.#lastEventId);
    }

    #follow(reader) {
      const parser = this.#parser(() => "");
      this.#connection = new Connection({
        __proto__: null,
        data: (bytes) => {
          if (this.#state !== CLOSED && !parser.push(bytes)) this.#fail("an event is too long");
        },
        ended: (why) => this.#fail(why),
      });
      queueTask(() => {
        if (this.#state === CLOSED) return;
        this.#state = OPEN;
        fire(this, "open");
        if (this.#state === OPEN) this.#connection.follow(reader);
      });
    }

    #connect() {
      if (typeof nano.outbound !== "number") {
        queueTask(() => this.#fail("this app may not use the network"));
        return;
      }
      let origin = "";
      const parser = this.#parser(() => origin);
      const isFirst = !this.#hasConnected;
      const isCounted = this.#isCounted;
      this.#hasConnected = true;
      const connection = new Connection({
        __proto__: null,
        // https://html.spec.whatwg.org/#sse-processing-model
        response: (status, contentType, url) => {
          if (this.#state === CLOSED) return false;
          const mime = ops.mimeExtract(`content-type\n${contentType}`);
          if (status !== 200 || mime === undefined || mime[0] !== "text/event-stream") {
            this.#fail(status !== 200 ? `the server's answer has the status ${status}` : `the server's answer is of the type '${contentType}'`);
            return false;
          }
          origin = ops.urlParse(url, undefined)[1];
          this.#state = OPEN;
          this.#failures = 0;
          fire(this, "open");
          return this.#state === OPEN;
        },
        data: (bytes) => {
          if (this.#state !== CLOSED && !parser.push(bytes)) this.#fail("an event is too long");
        },
        ended: (why, isRefused) => {
          // What the app may not do it may not do later. One that connects again too often has to take its time.
          if (isRefused && (isFirst || !isCounted)) this.#fail(why);
          else this.#reestablish(why, isRefused);
        },
      });
      this.#connection = connection;
      connection.fetch(this.#url, this.#withCredentials, this.#lastEventId, isCounted);
    }

    // https://html.spec.whatwg.org/#reestablish-the-connection
    #reestablish(why, isRefused) {
      if (this.#state === CLOSED) return;
      this.#connection = null;
      // Waits longer from failure to failure, as the standard allows.
      if (isRefused) this.#isPaced = true;
      const wanted = MathMax(this.#retryMs, MathMin(this.#retryMs * 2 ** this.#failures, RECONNECTION_MS_MAX));
      const delay = this.#isPaced ? MathMax(wanted, PACED_MS) : wanted;
      this.#isCounted = delay < PACED_MS;
      if (this.#state === CONNECTING) this.#failures++;
      this.#state = CONNECTING;
      this.#tell(why);
      if (this.#state !== CONNECTING) return;
      this.#timer = runAfter(delay, () => {
        this.#timer = 0;
        if (this.#state === CONNECTING) this.#connect();
      });
    }

    // https://html.spec.whatwg.org/#fail-the-connection
    #fail(why) {
      if (this.#state === CLOSED) return;
      this.#state = CLOSED;
      this.#end();
      this.#tell(why);
    }

    // The standard's event says nothing; a server's log should.
    #tell(why) {
      fire(this, "error", { __proto__: null, message: why, error: new Error(why) }, ErrorEvent);
    }
  }
  defineHandler(EventSource.prototype, "open");
  defineHandler(EventSource.prototype, "message");
  defineHandler(EventSource.prototype, "error");
  configureInterface(EventSource);
  defineConstants(EventSource, { __proto__: null, CONNECTING, OPEN, CLOSED });

  return { __proto__: null, EventSource };
};
