"use strict";
// node:timers. Timers are numbers here, as everywhere in the platform.
(nano) => {
  const { asModule } = nano.part("node/errors");
  const promises = nano.part("node/timers_promises").default;
  return asModule({ ...nano.timers.functions, promises });
};
