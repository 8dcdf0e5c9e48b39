"use strict";
// node:console: the global console, and a Console, which writes to the same log. https://nodejs.org/api/console.html
(nano) => {
  const { ObjectDefineProperty, ObjectKeys, ReflectGet } = nano.primordials;
  const { asModule } = nano.part("node/errors");

  const console = ReflectGet(globalThis, "console");
  const names = ObjectKeys(console);
  function Console() {
    const made = new.target === undefined ? {} : this;
    for (let i = 0; i < names.length; i++) {
      ObjectDefineProperty(made, names[i], { __proto__: null, value: console[names[i]], writable: true, enumerable: true, configurable: true });
    }
    return made;
  }
  const members = { __proto__: null, Console };
  for (let i = 0; i < names.length; i++) members[names[i]] = console[names[i]];
  const whole = {};
  for (let i = 0; i < names.length; i++) whole[names[i]] = console[names[i]];
  return asModule(members, whole);
};
