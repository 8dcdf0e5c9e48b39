"use strict";
(nano) => { nano.deliver = (k, id) => { nano.ops.respond(id, 200, "", "content-type\ntext/plain", "hi"); }; nano.start = () => ["fetch"]; nano.unhandledRejection = () => false; nano.dataCloneError = (m) => new TypeError(m); };
