// An app that puts accessors on the prototypes of everything, under every name that the platform's own code uses, and between arrays
// and Object.prototype what hears of all that arrays lack. NAMES is a list of names, HOW what to put there.
const told = { __proto__: null, text: "", count: 0 };
const mine = new WeakSet();
const { add: addMine, has: hasMine } = WeakSet.prototype;
const { set: keep, delete: forget, forEach: eachOf, clear } = Map.prototype;
const { apply, ownKeys, getPrototypeOf, get: reflectGet, set: reflectSet } = Reflect;
const P = Promise, U8 = Uint8Array, asyncIterator = Symbol.asyncIterator, iterator = Symbol.iterator, toStringOf = Object.prototype.toString;
const { defineProperty, setPrototypeOf } = Object;
const { isArray } = Array;
const ObjectPrototype = Object.prototype;

// An object of the app's own, which the platform may ask for what it likes. It has only what it has.
const own = (object) => {
  if (getPrototypeOf(object) === ObjectPrototype) setPrototypeOf(object, null);
  apply(addMine, mine, [object]);
  apply(forget, asked, [object]);
  return object;
};

const tell = (what) => {
  told.count++;
  if (told.text.length < 200_000) told.text += `${what}\n`;
};
const say = (object) => {
  const keys = ownKeys(object);
  let text = "";
  for (let i = 0; i < keys.length && i < 12; i++) text += `${typeof keys[i] === "symbol" ? "symbol" : keys[i]},`;
  return `${apply(toStringOf, object, [])} {${text}}`;
};

// What a promise gives to an app is asked for "then", as the language has it: an object of a public class, what an iteration gives, or
// what the app says to be its own when it has it.
const asked = new Map();
const isGiven = (object) => {
  if (apply(toStringOf, object, []) !== "[object Object]") return !isArray(object);
  const keys = ownKeys(object);
  return keys.length === 2 && keys[0] === "value" && keys[1] === "done";
};

let busy = false;
const watched = (name, object, what) => {
  if (busy || (typeof object !== "object" && typeof object !== "function") || object === null || object === globalThis) return;
  if (apply(hasMine, mine, [object]) || (what === "read" && typeof object === "function")) return;
  busy = true;
  const text = `${what} ${typeof name === "symbol" ? "symbol" : name} of ${say(object)} ${new Error("here").stack}`;
  if (name !== "then") tell(text);
  else if (!isGiven(object)) apply(keep, asked, [object, text]);
  busy = false;
};

// The language's own names for what is asked of objects.
const symbols = [];
for (const name of ownKeys(Symbol)) if (typeof Symbol[name] === "symbol") symbols.push(Symbol[name]);
const names = [...NAMES.filter((name) => !(name in Object.prototype)), ...symbols, ...Array.from({ length: 21 }, (_, i) => i)];

const install = {
  __proto__: null,
  accessors() {
    const put = (holder, name) => {
      const get = function () { "use strict"; watched(name, this, "read"); return undefined; };
      const set = function () { "use strict"; watched(name, this, "write"); };
      defineProperty(holder, name, { __proto__: null, get, set, configurable: true });
    };
    for (let i = 0; i < names.length; i++) put(ObjectPrototype, names[i]);
    // Those of Object.prototype would be found after these.
    for (let i = 0; i <= 20; i++) put(Array.prototype, i);
  },
  // Without them all answers are right.
  nothing() {},
  // What reads something that is not there finds this, and what assigns it fails.
  values() {
    // An app's objects are rightly asked for these.
    const rightly = [Symbol.iterator, Symbol.asyncIterator, Symbol.toPrimitive];
    for (let i = 0; i < names.length; i++) {
      if (!rightly.includes(names[i])) defineProperty(ObjectPrototype, names[i], { __proto__: null, value: "evil", configurable: true });
    }
  },
  // What makes an object like another asks that one for its class.
  species() {
    const evil = function () { tell(`made ${new Error("here").stack}`); };
    evil[Symbol.species] = evil;
    const put = (holder) => {
      const get = function () { "use strict"; watched("constructor", this, "read"); return evil; };
      defineProperty(holder, "constructor", { __proto__: null, get, configurable: true });
    };
    const of = [Array, Uint8Array, getPrototypeOf(Uint8Array), ArrayBuffer, RegExp, Map, Set];
    for (let i = 0; i < of.length; i++) put(of[i].prototype);
  },
  proxy() {
    const handler = {
      __proto__: null,
      get(target, name, receiver) {
        if (!(name in target)) watched(name, receiver, "read");
        return apply(reflectGet, undefined, [target, name, receiver]);
      },
      set(target, name, value, receiver) {
        watched(name, receiver, "write");
        return true;
      },
    };
    setPrototypeOf(Array.prototype, new Proxy(Object.prototype, handler));
  },
};

const wrong = { __proto__: null, text: "" };
const step = async (name, run) => {
  console.log("step", name);
  const before = told.count;
  try {
    const got = await run();
    if (got !== true) wrong.text += `${name} gave ${got}\n`;
  } catch (error) {
    wrong.text += `${name} threw ${error === null ? error : error.stack}\n`;
  }
  apply(eachOf, asked, [tell]);
  apply(clear, asked, []);
  if (told.count > before) wrong.text += `in ${name}, ${told.count - before} times\n`;
};
const utf8 = (text) => new TextEncoder().encode(text);
const decoded = (bytes) => new TextDecoder().decode(bytes);
const fails = (run) => {
  try { run(); } catch { return true; }
  return false;
};
const rejects = (promise) => promise.then(() => false, () => true);
const source = (object) => new ReadableStream(own(object));
const drain = async (stream) => {
  const reader = stream.getReader();
  let out = "";
  for (;;) {
    const read = await reader.read();
    if (read.done) return out;
    out += typeof read.value === "string" ? read.value : decoded(read.value);
  }
};
const letters = () => source({ start(c) { c.enqueue("a"); c.enqueue("b"); c.enqueue("c"); c.close(); } });
const bytesOf = (text) => source({ type: "bytes", pull(c) { if (text === "") return c.close(), c.byobRequest?.respond(0); c.enqueue(utf8(text)); text = ""; } });

const platform = async (env) => {
  // URLs
  await step("url", () => { const u = new URL("http://a.b:81/c?d=1&e=2#f"); u.searchParams.append("g", "3"); u.searchParams.delete("d"); u.searchParams.sort(); u.port = "80"; return u.href === "http://a.b/c?e=2&g=3#f" && URL.canParse("x:y"); });
  await step("params", () => { let s = ""; const p = new URLSearchParams(own({ __proto__: null, a: "1", b: "2" })); p.set("a", "4"); p.append("b", "5"); p.set("c", "6"); p.forEach((v, k) => { s += k + v; }); const all = p.getAll("b"); return s === "a4b2b5c6" && all.length === 2 && p.size === 4 && p.has("b", "5"); });
  await step("params of pairs", () => new URLSearchParams(own([own(["a", "1"]), own(["b", "2"])])).toString() === "a=1&b=2");
  await step("pattern", () => { const p = new URLPattern({ __proto__: null, pathname: "/a/:id/:rest*" }); const m = p.exec("https://x/a/1/b/c"); return m.pathname.groups.id === "1" && m.pathname.groups.rest === "b/c" && p.test("https://x/a/1") && !p.test("https://x/b"); });
  await step("pattern of text", () => { const p = new URLPattern("https://*.a.test/:x(\\d+)\\?q=*", { __proto__: null, ignoreCase: true }); const m = p.exec({ __proto__: null, pathname: "/12", baseURL: "https://b.a.test/" }); return p.hostname === "*.a.test" && (m === null || m.pathname.groups.x === "12") && p.exec("https://b.a.test/7?q=1").hostname.groups[0] === "b"; });

  // Fetch's
  await step("headers", () => { const h = new Headers({ __proto__: null, B: "2", A: "1" }); h.append("a", "3"); h.append("set-cookie", "x"); h.append("set-cookie", "y"); h.set("c", "4"); h.delete("c"); h.set("d", "5"); let s = ""; h.forEach((v, k) => { s += k + v; }); return s === "a1, 3b2d5set-cookiexset-cookiey" && h.getSetCookie().length === 2; });
  await step("headers of pairs", () => new Headers(own([own(["a", "1"]), own(["b", "2"])])).get("b") === "2");
  await step("request", async () => { const r = new Request("http://a/", { __proto__: null, method: "POST", body: "text", headers: { __proto__: null, x: "y" } }); const c = r.clone(); const d = new Request(c, { __proto__: null, method: "PUT" }); return (await r.text()) + (await d.text()) === "texttext" && d.headers.get("x") === "y"; });
  await step("json", async () => { const o = own(await Response.json(own({ __proto__: null, a: own([1, 2]) })).json()); return o.a[1] === 2; });
  await step("bytes", async () => (await new Response("abc").bytes())[2] === 99 && (await new Response("abc").arrayBuffer()).byteLength === 3);
  await step("response", async () => { const r = new Response(letters().pipeThrough(new TextEncoderStream()), { __proto__: null, status: 201, headers: { __proto__: null, "content-type": "text/x" } }); const c = r.clone(); return (await r.text()) + (await c.text()) === "abcabc"; });
  await step("form", async () => { const f = new FormData(); f.append("a", "1"); f.append("b", new Blob(own(["x"]), { __proto__: null, type: "t/u" }), "n"); f.set("a", "2"); f.append("c", "3"); f.delete("c"); const g = await new Response(f).formData(); let s = ""; g.forEach((v, k) => { s += k + (typeof v === "string" ? v : v.name + v.size + v.type); }); return s === "a2bn1t/u" && g.getAll("a").length === 1; });
  await step("form of text", async () => (await new Response("a=1&b=2", { __proto__: null, headers: { __proto__: null, "content-type": "application/x-www-form-urlencoded" } }).formData()).get("b") === "2");
  await step("blob", async () => { const b = new Blob(own(["abc", utf8("def"), new Blob(own(["g"]))])); const f = new File(own([b]), "n", { __proto__: null, lastModified: 1 }); return (await b.slice(1, 6).text()) === "bcdef" && (await f.text()) === "abcdefg" && (await drain(b.stream())) === "abcdefg"; });
  await step("blob url", async () => { const u = URL.createObjectURL(new Blob(own(["x"]))); const t = await (await fetch(u)).text(); URL.revokeObjectURL(u); return t === "x"; });
  await step("data url", async () => (await (await fetch("data:text/plain,abc")).text()) === "abc");
  await step("file reader", () => new P((done) => { const r = new FileReader(); r.onload = () => done(r.result === "abc"); r.readAsText(new Blob(own(["abc"]))); }));
  await step("fetch", async () => { const r = await fetch("http://h/x", { __proto__: null, method: "POST", body: "x", headers: { __proto__: null, a: "b" } }); return (await r.text()) === "body" && r.headers.get("x-from") === "host"; });
  await step("fetch a stream", async () => (await (await env.HOST.fetch("http://h/", { __proto__: null, method: "POST", duplex: "half", body: letters().pipeThrough(new TextEncoderStream()) })).text()) === "body");
  await step("fetch and abort", () => { const c = new AbortController(); const p = fetch("http://h/", { __proto__: null, signal: c.signal }); c.abort(); return rejects(p); });
  await step("redirect", async () => { const r = await fetch("http://h/redirect"); return r.redirected && (await r.text()) === "body"; });
  await step("method", async () => (await env.HOST.method(1, "a", own({ __proto__: null, b: own([1]) }))) === "answer");
  await step("method that fails", () => rejects(env.HOST.fail()));
  await step("method with objects", async () => { const o = own(await env.HOST.objects()); return o.a[1].b === 2; });
  await step("cache", async () => { const c = await caches.open("x"); await c.put("http://c/1", new Response("one", { __proto__: null, headers: { __proto__: null, "cache-control": "max-age=100" } })); await c.put(new Request("http://c/2"), new Response(letters().pipeThrough(new TextEncoderStream()))); const k = own(await c.keys()); const a = own(await c.matchAll()); const m = await (await c.match("http://c/1")).text(); return k.length === 2 && a.length === 2 && m === "one" && (await c.delete("http://c/1")) && (await caches.has("x")) && own(await caches.keys()).length === 1 && (await (await caches.match("http://c/2", { __proto__: null, ignoreSearch: true })).text()) === "abc" && (await caches.delete("x")); });
  await step("cache add", async () => { const c = await caches.open("y"); await c.addAll(own(["http://h/1", "http://h/2", "http://h/3"])); await c.add("http://h/4"); return own(await c.keys()).length === 4; });
  await step("default cache", async () => { await caches.default.put("http://c/1", new Response("one", { __proto__: null, headers: { __proto__: null, "cache-control": "max-age=100" } })); return (await (await caches.default.match("http://c/1")).text()) === "one"; });

  // Text and bytes
  await step("text", () => { const d = new TextDecoder("shift_jis"); const i = new TextEncoder().encodeInto("ab", new U8(3)); return d.decode(utf8("ab"), { __proto__: null, stream: true }) + d.decode() === "ab" && i.read === 2 && decoded(utf8("h\u00e9")) === "h\u00e9" && atob(btoa("abc")) === "abc"; });
  await step("text in pieces", () => { const d = new TextDecoder("utf-8", { __proto__: null, fatal: true }); const all = utf8("\u20ac"); return d.decode(new U8(all.buffer, 0, 1), { __proto__: null, stream: true }) + d.decode(new U8(all.buffer, 1)) === "\u20ac" && fails(() => d.decode(new U8(own([255])))); });
  await step("text streams", async () => (await drain(letters().pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream("utf-8", { __proto__: null, fatal: true })))) === "abc");
  for (let i = 0, formats = ["gzip", "deflate", "deflate-raw", "brotli"]; i < 4; i++) {
    await step(formats[i], async () => (await drain(letters().pipeThrough(new TextEncoderStream()).pipeThrough(new CompressionStream(formats[i])).pipeThrough(new DecompressionStream(formats[i])))) === "abc");
  }
  await step("random", () => crypto.getRandomValues(new U8(4)).length === 4 && crypto.randomUUID().length === 36);

  // Streams
  await step("stream", async () => { let n = 0; const s = source({ pull(c) { if (n++ < 3) c.enqueue(n); else c.close(); } }); const r = s.getReader(); let sum = 0; for (;;) { const x = await r.read(); if (x.done) break; sum += x.value; } await r.closed; return sum === 6; });
  await step("many reads", async () => { let c; const s = source({ start(x) { c = x; } }); const r = s.getReader(); const a = r.read(), b = r.read(), d = r.read(); c.enqueue("a"); c.enqueue("b"); c.close(); return (await a).value + (await b).value === "ab" && (await d).done; });
  await step("errored", async () => { const s = source({ pull() { throw new Error("x"); } }); return rejects(s.getReader().read()); });
  await step("cancel", async () => { let why; await source({ cancel(r) { why = r; } }).cancel("y"); return why === "y"; });
  await step("release", async () => { const s = letters(); const r = s.getReader(); await r.read(); r.releaseLock(); const q = s.getReader(); const x = (await q.read()).value; await q.cancel(); return x === "b"; });
  await step("strategies", async () => { const s = new ReadableStream(own({ start(c) { c.enqueue(utf8("abc")); c.close(); } }), new ByteLengthQueuingStrategy({ __proto__: null, highWaterMark: 8 })); const w = new WritableStream(undefined, new CountQueuingStrategy({ __proto__: null, highWaterMark: 3 })).getWriter(); return (await drain(s)) === "abc" && w.desiredSize === 3; });
  await step("pipe", async () => { let out = ""; await letters().pipeTo(new WritableStream(own({ write(x) { out += x; } }))); return out === "abc"; });
  await step("pipe that fails", () => rejects(letters().pipeTo(new WritableStream(own({ write() { throw new Error("x"); } })))));
  await step("pipe with a signal", async () => { const c = new AbortController(); const p = source({}).pipeTo(new WritableStream(), { __proto__: null, signal: c.signal }); c.abort(); return rejects(p); });
  await step("writer", async () => { let out = ""; const w = new WritableStream(own({ start() {}, write(x) { out += x; }, close() { out += "!"; } })).getWriter(); w.write("a"); await w.ready; await w.write("b"); await w.close(); await w.closed; return out === "ab!"; });
  await step("abort a writer", async () => { let why; const w = new WritableStream(own({ write() { return new P(() => {}); }, abort(r) { why = r; } })).getWriter(); w.closed.catch(() => {}); w.ready.catch(() => {}); await w.abort("x"); return why === "x"; });
  await step("transform", async () => { const t = new TransformStream(own({ start() {}, transform(x, c) { c.enqueue(`${x}!`); }, flush(c) { c.enqueue("end"); } })); return (await drain(letters().pipeThrough(t))) === "a!b!c!end"; });
  await step("transform that ends", async () => { const t = new TransformStream(own({ transform(x, c) { c.enqueue(x); c.terminate(); } })); const w = t.writable.getWriter(); w.closed.catch(() => {}); w.write("a").catch(() => {}); return (await drain(t.readable)) === "a"; });
  await step("identity", async () => { const t = new IdentityTransformStream(); const w = t.writable.getWriter(); w.write(utf8("ab")); w.close(); return (await drain(t.readable)) === "ab"; });
  await step("fixed length", async () => { const t = new FixedLengthStream(2); const w = t.writable.getWriter(); w.write(utf8("ab")); w.close(); return (await new Response(t.readable).text()) === "ab"; });
  await step("tee", async () => { const two = letters().tee(); return (await drain(two[0])) + (await drain(two[1])) === "abcabc"; });
  await step("tee of bytes", async () => { const two = bytesOf("abc").tee(); const a = two[0].getReader({ __proto__: null, mode: "byob" }); const x = await a.read(new U8(2)); const y = await a.read(new U8(2)); return decoded(x.value) + decoded(y.value) + (await drain(two[1])) === "abcabc"; });
  await step("from", async () => { const r = ReadableStream.from(own({ [asyncIterator]() { let n = 0; return own({ next: () => own({ value: n, done: n++ > 1 }) }); } })).getReader(); return (await r.read()).value + (await r.read()).value === 1; });
  await step("from an array", async () => (await drain(ReadableStream.from(own(["a", "b"])))) === "ab");
  await step("iterate", async () => { let out = ""; const it = letters().values({ __proto__: null, preventCancel: true }); for (;;) { const x = await it.next(); if (x.done) break; out += x.value; } await it.return(); return out === "abc"; });
  await step("byob", async () => { const r = bytesOf("abc").getReader({ __proto__: null, mode: "byob" }); const x = await r.read(new U8(2)); const y = await r.read(new U8(2), { __proto__: null, min: 1 }); const z = await r.read(new U8(2)); return decoded(x.value) + decoded(y.value) === "abc" && z.done; });
  await step("byob request", async () => { const s = source({ type: "bytes", autoAllocateChunkSize: 4, pull(c) { const v = c.byobRequest.view; v[0] = 97; c.byobRequest.respond(1); c.close(); } }); return (await drain(s)) === "a"; });
  await step("body with byob", async () => { const r = new Response("abc").body.getReader({ __proto__: null, mode: "byob" }); return decoded((await r.read(new U8(8))).value) === "abc"; });
  await step("through", async () => (await new Response(new Response("text").body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text()) === "text");

  // Events, timers, messages
  await step("events", () => { let seen = ""; const t = new EventTarget(); const f = (e) => { seen += e.type; }; t.addEventListener("x", f, { __proto__: null, once: true }); t.addEventListener("y", f); t.addEventListener("y", own({ __proto__: null, handleEvent() { seen += "!"; } }), true); t.dispatchEvent(new CustomEvent("x", { __proto__: null, detail: 1 })); t.dispatchEvent(new Event("x")); t.dispatchEvent(new Event("y", { __proto__: null, cancelable: true })); t.removeEventListener("y", f); t.dispatchEvent(new Event("y")); return seen === "x!y!" || seen === "xy!!"; });
  await step("event types", () => new ErrorEvent("e", { __proto__: null, message: "m" }).message + new MessageEvent("m", { __proto__: null, data: "d" }).data + new CloseEvent("c", { __proto__: null, reason: "r" }).reason + new ProgressEvent("p", { __proto__: null, loaded: 1 }).loaded + new PromiseRejectionEvent("p", { __proto__: null, promise: P.resolve(1), reason: "q" }).reason === "mdr1q");
  await step("composed path", () => { let n; const t = new EventTarget(); t.addEventListener("x", (e) => { n = e.composedPath().length; }); t.dispatchEvent(new Event("x")); return n === 1; });
  await step("abort", async () => { const c = new AbortController(); let seen = 0; c.signal.addEventListener("abort", () => seen++); const r = new Request("http://a/", { __proto__: null, signal: c.signal }); const any = AbortSignal.any(own([c.signal, AbortSignal.timeout(100_000)])); c.abort(); return seen === 1 && any.aborted && r.signal.aborted && r.signal.reason.name === "AbortError" && AbortSignal.abort("x").reason === "x"; });
  await step("abort by time", () => new P((done) => { AbortSignal.timeout(1).onabort = () => done(true); }));
  await step("timers", () => new P((done) => { const id = setInterval((v) => { clearInterval(id); setTimeout((w, x) => setImmediate((y) => done(v + w + x + y === 10), 4), 1, 2, 3); }, 1, 1); }));
  await step("microtask", () => new P((done) => queueMicrotask(() => done(true))));
  await step("wait", async () => { const c = new AbortController(); const p = scheduler.wait(10_000, { __proto__: null, signal: c.signal }); c.abort(); await scheduler.wait(1); return rejects(p); });
  await step("clone", () => { const shared = own([1]); const m = new Map(); m.set("k", shared); const s = new Set(); s.add(shared); const c = structuredClone(own({ __proto__: null, a: own([1, own({ __proto__: null, b: 2 }), shared]), m, s, d: new Date(5), r: /x/g, e: new RangeError("z"), u: utf8("q"), n: null, big: 5n })); return c.a[1].b === 2 && c.m.get("k") === c.a[2] && c.s.has(c.a[2]) && c.d.getTime() === 5 && c.r.global && c.e.message === "z" && c.u[0] === 113; });
  await step("clone of many", () => { const list = own([]); for (let i = 0; i < 20; i++) defineProperty(list, i, { __proto__: null, value: i, enumerable: true }); const c = structuredClone(list); return c.length === 20 && c[19] === 19; });
  await step("clone with transfer", () => { const b = new ArrayBuffer(3); const c = structuredClone(own({ __proto__: null, b }), { __proto__: null, transfer: own([b]) }); return c.b.byteLength === 3 && b.byteLength === 0; });
  await step("channel", () => new P((done) => { const c = new MessageChannel(); c.port2.onmessage = (e) => { c.port1.close(); done(e.data.a === 1 && e.ports.length === 0); }; c.port1.postMessage(own({ __proto__: null, a: 1 })); }));
  await step("transferred stream", async () => { const s = letters(); return (await drain(structuredClone(s, { __proto__: null, transfer: own([s]) }))) === "abc"; });
  await step("transferred writable", () => new P((done) => { let out = ""; const s = new WritableStream(own({ write(x) { out += x; }, close() { done(out === "a"); } })); const w = structuredClone(s, { __proto__: null, transfer: own([s]) }).getWriter(); w.write("a"); w.close(); }));
  await step("web socket pair", () => new P((done) => { const pair = new WebSocketPair(); const a = pair[0], b = pair[1]; a.accept(); b.accept(); b.addEventListener("message", (e) => { b.send(`${e.data}!`); }); a.addEventListener("message", (e) => { a.close(1000, "bye"); done(e.data === "x!"); }); a.send("x"); }));
  await step("event source", () => new P((done) => { const s = new EventSource("http://h/events", { __proto__: null, withCredentials: false }); s.addEventListener("tick", (e) => { s.close(); done(e.data === "one\ntwo" && e.lastEventId === "7"); }); }));
  await step("exception", () => new DOMException("m", "DataCloneError").code === 25 && new QuotaExceededError("q", { __proto__: null, quota: 1, requested: 2 }).quota === 1);
  await step("reported", () => { let said = ""; const f = (e) => { said = e.message; e.preventDefault(); }; addEventListener("error", f); reportError(own(new Error("r"))); removeEventListener("error", f); return said === "Uncaught Error: r"; });
  await step("performance", () => { performance.mark("m", { __proto__: null, detail: 1 }); performance.mark("n"); performance.measure("x", "m", "n"); performance.measure("y", { __proto__: null, start: "m", duration: 1 }); const all = performance.getEntriesByType("mark").length; performance.clearMarks("m"); return performance.now() >= 0 && all === 2 && performance.getEntries().length === 3 && performance.getEntriesByName("n").length === 1 && performance.toJSON().timeOrigin > 0; });
  await step("observer", () => new P((done) => { const o = new PerformanceObserver((list) => { o.disconnect(); done(list.getEntries().length === 1); }); o.observe({ __proto__: null, entryTypes: own(["mark"]) }); performance.mark("o"); }));
  await step("console", () => { const circular = own({ __proto__: null, x: own([1, own([2, own([3, own([4, own([5])])])])]) }); circular.self = circular; const m = new Map(); m.set("a", own({ __proto__: null, b: 1 })); const s = new Set(); s.add(1); console.log("%s and %o %d", "a", own({ __proto__: null, b: 1 }), 4, circular, m, s, new Error("e", { __proto__: null, cause: own([1]) }), utf8("abc"), new ArrayBuffer(2), /x/g, new Date(0), class A {}, () => {}, Symbol("s"), 1n, new URL("http://a/"), new Response("x"), new Headers(), P.resolve(1), new Number(1)); console.table(own([own({ __proto__: null, a: 1, b: 2 }), own({ __proto__: null, a: 3 })])); console.group("g"); console.count(); console.time("t"); console.timeEnd("t"); console.assert(false, "no"); console.dir(own({ __proto__: null, a: 1 })); console.trace("t"); console.groupEnd(); return true; });
  await step("navigator", () => navigator.userAgent.length > 5);
  await step("rewriter", async () => { const r = new HTMLRewriter().on("a", own({ __proto__: null, element(e) { e.setAttribute("b", "c"); e.before("!", { __proto__: null, html: true }); let n = 0; const it = e.attributes; for (;;) { const x = it.next(); if (x.done) break; n++; } e.onEndTag((t) => { t.after("."); }); e.setInnerContent(String(n)); }, text(t) { t.text; }, comments(c) { c.remove(); } })).onDocument(own({ __proto__: null, end(e) { e.append("end"); }, doctype(d) { d.name; } })); const text = await r.transform(new Response("<!doctype html><a x=y>t<!-- c --></a>")).text(); return text === '<!doctype html>!<a x=y b="c">2</a>.end' || text; });
  await step("files", async () => { const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle("a", { __proto__: null, create: true }); const w = await f.createWritable(); await w.write("abc"); await w.write({ __proto__: null, type: "write", position: 1, data: "x" }); await w.close(); const d = await root.getDirectoryHandle("d", { __proto__: null, create: true }); let names = ""; const it = root.entries(); for (;;) { const x = await it.next(); if (x.done) break; names += x.value[0]; } const at = own(await root.resolve(f)); return (await (await f.getFile()).text()) === "axc" && names === "ad" && at.length === 1 && (await f.isSameEntry(f)) && own(await navigator.storage.estimate()).usage >= 0; });
};

let queued;
const hosts = async (env) => {
  await step("queue", async () => { const done = new P((resolve) => { queued = resolve; }); await env.JOBS.send(own({ a: 1 })); await env.JOBS.sendBatch(own([own({ body: "x", contentType: "text" })])); return (await done) === 2; });
  await step("function", async () => own(await env.hash(1, own([2])))[0] === 1);
  await step("class", async () => { const d = own(new env.Database("x")); const found = await d.query(1); d.name = "y"; return found === 1 && (await d.name) === "name"; });
  await step("service", async () => (await (await env.OTHER.fetch("http://o/")).text()) === "other" && own(await env.OTHER.sum(own([1, 2]))).sum === 3);
  await step("service that fails", () => rejects(env.OTHER.fails()));
  await step("compiled", async () => (await (await fetch("http://h/gzip")).text()) === "body");
};

const cryptography = async () => {
  const { subtle } = crypto;
  const data = utf8("some data");
  const same = (a, b) => decoded(a) === decoded(b);
  const use = (...names) => own(names);
  await step("digest", async () => (await subtle.digest("SHA-256", data)).byteLength === 32 && (await subtle.digest({ __proto__: null, name: "sha-1" }, data)).byteLength === 20);
  await step("digest stream", async () => { const s = new crypto.DigestStream("SHA-256"); const w = s.getWriter(); w.write(data); await w.close(); return (await s.digest).byteLength === 32; });
  const ciphers = [["AES-CBC", "iv"], ["AES-GCM", "iv"], ["AES-CTR", "counter"]];
  for (let i = 0; i < ciphers.length; i++) {
    await step(ciphers[i][0], async () => {
      const name = ciphers[i][0];
      const key = await subtle.generateKey({ __proto__: null, name, length: 256 }, true, use("encrypt", "decrypt"));
      const algorithm = { __proto__: null, name, [ciphers[i][1]]: crypto.getRandomValues(new U8(16)), length: 64 };
      delete algorithm[name === "AES-CTR" ? "none" : "length"];
      const secret = await subtle.encrypt(algorithm, key, data);
      const jwk = own(await subtle.exportKey("jwk", key));
      const again = await subtle.importKey("jwk", jwk, name, false, use("decrypt"));
      return jwk.kty === "oct" && jwk.key_ops.length === 2 && jwk.alg === `A256${name.slice(4)}` && again.usages.length === 1 && again.algorithm.length === 256 && same(await subtle.decrypt(algorithm, again, secret), data);
    });
  }
  await step("HMAC", async () => { const key = await subtle.importKey("raw", data, { __proto__: null, name: "HMAC", hash: "SHA-256" }, true, use("sign", "verify")); const mac = await subtle.sign("HMAC", key, data); const jwk = own(await subtle.exportKey("jwk", key)); return jwk.alg === "HS256" && key.algorithm.hash.name === "SHA-256" && (await subtle.verify("HMAC", key, mac, data)); });
  await step("HMAC generated", async () => (await subtle.generateKey({ __proto__: null, name: "HMAC", hash: { __proto__: null, name: "SHA-512" } }, false, use("sign"))).algorithm.length === 1024);
  const pairs = [
    [{ __proto__: null, name: "ECDSA", namedCurve: "P-256" }, { __proto__: null, name: "ECDSA", hash: "SHA-256" }, "EC"],
    [{ __proto__: null, name: "Ed25519" }, "Ed25519", "OKP"],
    [{ __proto__: null, name: "RSA-PSS", modulusLength: 2048, publicExponent: new U8(own([1, 0, 1])), hash: "SHA-256" }, { __proto__: null, name: "RSA-PSS", saltLength: 32 }, "RSA"],
  ];
  for (let i = 0; i < pairs.length; i++) {
    await step(`signing ${i}`, async () => {
      const pair = own(await subtle.generateKey(pairs[i][0], true, use("sign", "verify")));
      const signature = await subtle.sign(pairs[i][1], pair.privateKey, data);
      const jwk = own(await subtle.exportKey("jwk", pair.publicKey));
      const secret = own(await subtle.exportKey("jwk", pair.privateKey));
      const again = await subtle.importKey("jwk", jwk, pairs[i][0], true, use("verify"));
      const spki = await subtle.importKey("spki", await subtle.exportKey("spki", pair.publicKey), pairs[i][0], true, use("verify"));
      const pkcs8 = await subtle.importKey("pkcs8", await subtle.exportKey("pkcs8", pair.privateKey), pairs[i][0], true, use("sign"));
      return jwk.kty === pairs[i][2] && typeof secret.d === "string" && pkcs8.type === "private" && (await subtle.verify(pairs[i][1], again, signature, data)) && (await subtle.verify(pairs[i][1], spki, signature, data));
    });
  }
  await step("ECDH", async () => { const name = { __proto__: null, name: "ECDH", namedCurve: "P-256" }; const a = own(await subtle.generateKey(name, false, use("deriveBits", "deriveKey"))); const b = own(await subtle.generateKey(name, false, use("deriveBits"))); const bits = await subtle.deriveBits({ __proto__: null, name: "ECDH", public: b.publicKey }, a.privateKey, 128); const key = await subtle.deriveKey({ __proto__: null, name: "ECDH", public: b.publicKey }, a.privateKey, { __proto__: null, name: "AES-GCM", length: 128 }, true, use("encrypt")); return bits.byteLength === 16 && same(bits, await subtle.exportKey("raw", key)); });
  await step("X25519", async () => { const a = own(await subtle.generateKey("X25519", true, use("deriveBits"))); return (await subtle.deriveBits({ __proto__: null, name: "X25519", public: a.publicKey }, a.privateKey, 256)).byteLength === 32 && own(await subtle.exportKey("jwk", a.privateKey)).crv === "X25519"; });
  await step("passwords", async () => { const key = await subtle.importKey("raw", data, "PBKDF2", false, use("deriveBits")); const hkdf = await subtle.importKey("raw", data, "HKDF", false, use("deriveBits")); return (await subtle.deriveBits({ __proto__: null, name: "PBKDF2", hash: "SHA-256", salt: data, iterations: 2 }, key, 128)).byteLength === 16 && (await subtle.deriveBits({ __proto__: null, name: "HKDF", hash: "SHA-256", salt: data, info: data }, hkdf, 128)).byteLength === 16; });
  await step("wrapping", async () => { const kek = await subtle.generateKey({ __proto__: null, name: "AES-KW", length: 128 }, false, use("wrapKey", "unwrapKey")); const key = await subtle.generateKey({ __proto__: null, name: "AES-GCM", length: 128 }, true, use("encrypt")); const wrapped = await subtle.wrapKey("raw", key, kek, "AES-KW"); const again = await subtle.unwrapKey("raw", wrapped, kek, "AES-KW", "AES-GCM", true, use("encrypt")); return same(await subtle.exportKey("raw", key), await subtle.exportKey("raw", again)); });
  await step("wrapping of JSON", async () => { const kek = await subtle.generateKey({ __proto__: null, name: "AES-GCM", length: 128 }, false, use("wrapKey", "unwrapKey")); const key = await subtle.generateKey({ __proto__: null, name: "AES-GCM", length: 128 }, true, use("encrypt")); const how = { __proto__: null, name: "AES-GCM", iv: new U8(12) }; const wrapped = await subtle.wrapKey("jwk", key, kek, how); const again = await subtle.unwrapKey("jwk", wrapped, kek, how, "AES-GCM", true, use("encrypt")); return same(await subtle.exportKey("raw", key), await subtle.exportKey("raw", again)); });
  await step("RSA-OAEP", async () => { const pair = own(await subtle.generateKey({ __proto__: null, name: "RSA-OAEP", modulusLength: 2048, publicExponent: new U8(own([1, 0, 1])), hash: "SHA-256" }, true, use("encrypt", "decrypt"))); const how = { __proto__: null, name: "RSA-OAEP", label: data }; return pair.publicKey.algorithm.publicExponent.length === 3 && same(await subtle.decrypt(how, pair.privateKey, await subtle.encrypt(how, pair.publicKey, data)), data); });
  await step("refused", async () => (await rejects(subtle.importKey("raw", data, "None", true, use("sign")))) && (await rejects(subtle.importKey("raw", data, { __proto__: null, name: "HMAC", hash: "SHA-256" }, true, use("sign", "none")))) && (await rejects(subtle.importKey("jwk", { __proto__: null, kty: "oct" }, "AES-GCM", true, use("encrypt")))) && subtle.timingSafeEqual(data, data));
  await step("cloned key", async () => structuredClone(await subtle.generateKey({ __proto__: null, name: "AES-GCM", length: 128 }, true, use("encrypt"))).algorithm.name === "AES-GCM");
};

const node = async () => {
  await step("async_hooks", async () => { const { AsyncLocalStorage, AsyncResource } = await import("node:async_hooks"); const a = new AsyncLocalStorage(), b = new AsyncLocalStorage(); let seen; await a.run(1, () => b.run(2, async () => { await null; await new P((done) => setTimeout(done, 1)); seen = a.getStore() + b.getStore(); })); const r = a.run(5, () => new AsyncResource("x")); return seen === 3 && r.runInAsyncScope(() => a.getStore()) === 5 && AsyncLocalStorage.bind(() => a.getStore())() === undefined; });
  await step("buffer", async () => { const { Buffer } = await import("node:buffer"); const b = Buffer.from("h\u00e9llo"); return b.toString("hex") === "68c3a96c6c6f" && b.toString("base64") === "aMOpbGxv" && Buffer.concat(own([b, Buffer.from(own([1, 2]))])).length === 8 && b.slice(0, 1).toString("latin1") === "h" && b.indexOf("l") === 3 && Buffer.alloc(3, "ab").toString() === "aba" && b.readUInt16BE(0) === 0x68c3 && Buffer.byteLength("abc") === 3 && b.equals(Buffer.from(b)) && b.toJSON().data.length === 6; });
  await step("events", async () => { const { EventEmitter, once } = await import("node:events"); const e = own(new EventEmitter()); let n = 0; const f = () => { n += 100; }; e.on("x", (v) => { n += v; }); e.on("x", f); e.prependListener("x", f); e.off("x", f); e.once("x", (v) => { n += v; }); e.emit("x", 1); e.emit("x", 1); const p = once(e, "y"); e.emit("y", 7); return n === 203 && own(await p)[0] === 7 && e.listenerCount("x") === 2 && e.eventNames().length === 1; });
  await step("util", async () => { const { inspect, promisify, format, types, isDeepStrictEqual } = await import("node:util"); const p = promisify((v, done) => done(null, v)); return inspect(own({ __proto__: null, a: own([1, own({ __proto__: null, b: "c" })]) })).length > 5 && (await p(3)) === 3 && format("%s %d %j %o", "a", 1, own([1]), own([2])).length > 5 && types.isDate(new Date()) && isDeepStrictEqual(own([1, own({ __proto__: null, a: 1 })]), own([1, own({ __proto__: null, a: 1 })])); });
  await step("assert", async () => { const { default: assert } = await import("node:assert"); const m = new Map(), n = new Map(); m.set(own([1]), 1); n.set(own([1]), 1); assert.deepEqual(m, n); assert.strictEqual(1, 1); assert.throws(() => { throw new RangeError("x"); }, RangeError); await assert.rejects(P.reject(new Error("y"))); return fails(() => assert.deepStrictEqual(own([1]), own([2]))) && fails(() => assert.fail("x")) && fails(() => assert(false)); });
  await step("path", async () => { const { default: path } = await import("node:path"); return path.join("/a", "../b", "c.d") === "/b/c.d" && path.resolve("/a", "b") === "/a/b" && path.relative("/a/b", "/a/c/d") === "../c/d" && path.parse("/a/b.c").ext === ".c" && path.format({ __proto__: null, dir: "/a", base: "b" }) === "/a/b" && path.win32.normalize("C:/a/../b") === "C:\\b"; });
  await step("querystring", async () => { const { default: qs } = await import("node:querystring"); const q = qs.parse("a=1&b=2&a=3&a=4"); return q.a.length === 3 && qs.stringify({ __proto__: null, a: own(["1", "2"]), b: "c" }) === "a=1&a=2&b=c"; });
  await step("string_decoder", async () => { const { StringDecoder } = await import("node:string_decoder"); const d = new StringDecoder("utf8"); const all = utf8("\u20ac"); return d.write(new U8(all.buffer, 0, 2)) + d.end(new U8(all.buffer, 2)) === "\u20ac"; });
  await step("url", async () => { const url = await import("node:url"); const u = url.parse("http://u:p@a.b:80/c/d?e=f#g", true); return u.host === "a.b:80" && u.query.e === "f" && url.resolve("http://a/b/c/d", "../e") === "http://a/b/e" && url.format(own(u)).length > 5 && url.pathToFileURL("/a b").href === "file:///a%20b" && url.urlToHttpOptions(new URL("http://a:b@c:1/d")).port === 1; });
  await step("timers", async () => { const t = await import("node:timers/promises"); const it = t.setInterval(1, "v"); const x = await it.next(); await it.return(); return (await t.setTimeout(1, "x")) === "x" && x.value === "v"; });
  await step("process", async () => { const { default: process } = await import("node:process"); let later; await new P((done) => process.nextTick((v) => { later = v; done(); }, 3)); return process.env !== undefined && later === 3 && process.hrtime().length === 2 && process.memoryUsage().rss === 0; });
  await step("workers", async () => { const w = await import("cloudflare:workers"); return w.env.HOST !== undefined && w.env.X === undefined && typeof w.waitUntil === "function"; });
  await step("sockets", async () => { const { connect } = await import("cloudflare:sockets"); const s = connect({ __proto__: null, hostname: "none.invalid", port: 1 }, { __proto__: null, allowHalfOpen: true }); s.closed.catch(() => {}); return rejects(s.opened); });
};

// What needs a server, which is this app as well.
const network = async (address) => {
  const base = `http://${address}`;
  await step("answers", async () => (await (await fetch(`${base}/gzip`)).text()) === "text" && (await (await fetch(`${base}/stream`)).text()) === "abc");
  await step("uploads", async () => (await (await fetch(`${base}/posted`, { __proto__: null, method: "POST", duplex: "half", body: letters().pipeThrough(new TextEncoderStream()) })).text()) === "abc!");
  await step("web socket", () => new P((done) => { const s = new WebSocket(`ws://${address}/socket`, own(["chat"])); let seen = ""; s.binaryType = "arraybuffer"; s.onopen = () => { s.send("a"); s.send(utf8("b")); }; s.onmessage = (e) => { seen += typeof e.data === "string" ? e.data : decoded(new U8(e.data)); if (seen === "a!b") s.close(4000, "bye"); }; s.onclose = (e) => done(seen === "a!b" && e.code === 4000); }));
  await step("upgrade", async () => { const r = await fetch(`${base}/socket`, { __proto__: null, headers: { __proto__: null, upgrade: "websocket" } }); const s = r.webSocket; s.accept(); s.send("x"); return new P((done) => s.addEventListener("message", (e) => { s.close(1000, ""); done(e.data === "x!"); })); });
  await step("event source", () => new P((done) => { const s = new EventSource(`${base}/events`); s.onmessage = (e) => { s.close(); done(e.data === "one"); }; }));
  await step("event source of a stream", () => new P((done) => { const s = EventSource.from(bytesOf("data: x\n\n")); s.onmessage = (e) => { s.close(); done(e.data === "x"); }; }));
  await step("socket", async () => { const { connect } = await import("cloudflare:sockets"); const s = connect(address); const w = s.writable.getWriter(); await w.write(utf8(`GET /gzip HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)); const opened = own(await s.opened); const text = await new Response(s.readable).text(); await s.close(); return opened.remoteAddress === address && text.startsWith("HTTP/1.1 200"); });
  await step("wasm", async () => { const answer = () => new Response(new U8(own([0, 97, 115, 109, 1, 0, 0, 0])), { __proto__: null, headers: { __proto__: null, "content-type": "application/wasm" } }); const made = own(await WebAssembly.instantiateStreaming(answer())); return (await WebAssembly.compileStreaming(P.resolve(answer()))) instanceof WebAssembly.Module && made.instance instanceof WebAssembly.Instance; });
};

install[HOW]();

export default own({
  async fetch(request, env, ctx) {
    const path = new URL(request.url).pathname;
    ctx.waitUntil(P.resolve(1));
    if (path === "/stream") return new Response(letters().pipeThrough(new TextEncoderStream()));
    if (path === "/posted") return new Response(`${await request.text()}!`);
    if (path === "/gzip") return new Response("text", { __proto__: null, headers: { __proto__: null, "content-encoding": "gzip" } });
    if (path === "/events") return new Response("data: one\n\n", { __proto__: null, headers: { __proto__: null, "content-type": "text/event-stream" } });
    if (path === "/socket") {
      const pair = new WebSocketPair(), socket = pair[1];
      socket.accept();
      socket.addEventListener("message", (event) => socket.send(typeof event.data === "string" ? `${event.data}!` : event.data));
      return new Response(null, { __proto__: null, status: 101, webSocket: pair[0], headers: request.headers.has("sec-websocket-protocol") ? { __proto__: null, "sec-websocket-protocol": "chat" } : undefined });
    }
    if (path === "/network") await network(request.headers.get("address"));
    if (path === "/all") {
      await platform(env);
      await hosts(env);
      await cryptography();
      await node();
    }
    return new Response(wrong.text + told.text);
  },
  async queue(batch) {
    let seen = 0;
    for (let i = 0; i < batch.messages.length; i++) { batch.messages[i].ack(); seen++; }
    queued(seen);
  },
  async scheduled(controller) {
    controller.noRetry();
  },
});

export const add = (a, b) => a + b;
