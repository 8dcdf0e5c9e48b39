"use strict";
// node:constants: what node:os, node:fs and node:crypto have as constants, together.
(nano) => {
  const { ObjectKeys } = nano.primordials;
  const { asModule } = nano.part("node/errors");
  const { errno, fs, priority, signals } = nano.part("node/numbers");

  const members = { __proto__: null };
  const add = (numbers) => {
    const names = ObjectKeys(numbers);
    for (let i = 0; i < names.length; i++) if (typeof numbers[names[i]] === "number") members[names[i]] = numbers[names[i]];
  };
  add(errno);
  add(priority);
  add(signals);
  add(fs);
  add(nano.part("node/crypto").default.constants);
  return asModule(members);
};
