"use strict";
// node:path/win32
(nano) => nano.part("node/errors").asModule(nano.part("node/path").win32, nano.part("node/path").win32);
