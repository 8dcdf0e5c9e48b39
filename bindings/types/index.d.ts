// What an app of NANO finds: the web platform's globals, what Workers add to them, and what its env may hold.
//
// Use it instead of TypeScript's "dom" library: { "compilerOptions": { "lib": ["esnext"], "types": ["nano"] } }.
//
// The test `types` compares every name, getter and number of arguments in these files with what an instance really has, and prints what is
// missing on either side. It reads these files by line: one member to a line, two spaces before it, a class ends with a line of "}".

/// <reference lib="esnext" />
/// <reference path="handlers.d.ts" />
/// <reference path="global.d.ts" />
/// <reference path="events.d.ts" />
/// <reference path="errors.d.ts" />
/// <reference path="fetch.d.ts" />
/// <reference path="workers.d.ts" />
/// <reference path="files.d.ts" />
/// <reference path="connections.d.ts" />
/// <reference path="streams.d.ts" />
/// <reference path="encoding.d.ts" />
/// <reference path="urls.d.ts" />
/// <reference path="time.d.ts" />
/// <reference path="node.d.ts" />
/// <reference path="modules.d.ts" />
