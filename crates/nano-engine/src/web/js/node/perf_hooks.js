"use strict";
// node:perf_hooks: the web's performance under Node's roof. https://nodejs.org/api/perf_hooks.html
(nano) => {
  const { ReflectGet } = nano.primordials;
  const { asModule } = nano.part("node/errors");
  const { absent } = nano.part("node/absent");

  const names = [
    "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList",
    "PerformanceResourceTiming", "performance",
  ];
  const members = { __proto__: null };
  for (let i = 0; i < names.length; i++) members[names[i]] = ReflectGet(globalThis, names[i]);
  members.constants = {};
  members.createHistogram = absent("perf_hooks", "createHistogram");
  members.monitorEventLoopDelay = absent("perf_hooks", "monitorEventLoopDelay");
  members.eventLoopUtilization = () => ({ idle: 0, active: 0, utilization: 0 });
  members.timerify = (fn) => fn;
  return asModule(members);
};
