"use strict";
(nano) => { let h; const ops = nano.ops;
  globalThis.Response = class { constructor(b) { this.b = b; } };
  const timers = new Map(); let n = 0;
  globalThis.setTimeout = (f, ms) => { timers.set(++n, f); ops.timerStart(n, ms || 0, false); return n; };
  globalThis.console = { log: (x) => ops.log(1, x) };
  nano.deliver = (k, id) => {
    if (k === 0) { try { const r = h.fetch({ url: ops.requestUrl(id) }); const done = (r) => ops.respond(id, 200, "", "content-type\ntext/plain", r.b); if (r instanceof Promise) r.then(done, (e) => ops.fail(id, e)); else done(r); } catch (e) { ops.fail(id, e); } }
    if (k === 1) { const f = timers.get(id); timers.delete(id); f(); }
  };
  nano.start = (ns) => { h = ns.default; return ["fetch"]; }; nano.unhandledRejection = () => false; nano.dataCloneError = (m) => new TypeError(m); };
