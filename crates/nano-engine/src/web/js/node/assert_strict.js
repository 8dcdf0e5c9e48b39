"use strict";
// node:assert/strict
(nano) => {
  const { strict } = nano.part("node/assert");
  return nano.part("node/errors").asModule(strict, strict);
};
