"use strict";
// Names of hosts as they travel, and as people read them.
(nano) => {
  const { ops } = nano;
  const { domainToAscii, domainToUnicode } = ops.natives("node");
  const HOSTNAME = 5;

  // As URLs have it; of a name that none can have: "".
  const toHost = (domain) => ops.urlSet("ws://x", HOSTNAME, domain)?.[6] ?? "";

  return { __proto__: null, toAscii: domainToAscii, toHost, toUnicode: domainToUnicode };
};
