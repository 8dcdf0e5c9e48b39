"use strict";
// performance: the clock, marks and measures.
// Specifications: https://w3c.github.io/hr-time/, https://w3c.github.io/performance-timeline/, https://w3c.github.io/user-timing/
(nano) => {
  const { ArrayPrototypeIncludes, ArrayPrototypePush, ArrayPrototypeSort, TypeError } = nano.primordials;
  const { inspectable, ops } = nano;
  const { configureInterface, converters, dictionary, illegalConstructor, isObject, requiredArguments } = nano.webidl;
  const { EventTarget } = nano.events;

  const CREATE = {};

  let nameOf;
  let startTimeOf;

  class PerformanceEntry {
    #name;
    #entryType;
    #startTime;
    #duration;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#name = arguments[1];
      this.#entryType = arguments[2];
      this.#startTime = arguments[3];
      this.#duration = arguments[4];
    }

    get name() {
      return this.#name;
    }

    get entryType() {
      return this.#entryType;
    }

    get startTime() {
      return this.#startTime;
    }

    get duration() {
      return this.#duration;
    }

    toJSON() {
      return { name: this.#name, entryType: this.#entryType, startTime: this.#startTime, duration: this.#duration };
    }

    static {
      nameOf = (entry) => entry.#name;
      startTimeOf = (entry) => entry.#startTime;
    }
  }
  configureInterface(PerformanceEntry);

  const cloneDetail = (detail) => (detail === undefined || detail === null ? null : nano.part("clone").cloneValue(detail));

  const markOptions = dictionary("PerformanceMarkOptions", [
    { key: "detail", converter: converters.any },
    { key: "startTime", converter: converters.double },
  ]);

  class PerformanceMark extends PerformanceEntry {
    #detail;

    // https://w3c.github.io/user-timing/#the-performancemark-constructor
    constructor(markName, options = undefined) {
      const prefix = "Failed to construct 'PerformanceMark'";
      requiredArguments(arguments.length, 1, prefix);
      const name = converters.DOMString(markName, prefix, "parameter 1");
      const { detail, startTime = ops.now() } = markOptions(options, prefix, "parameter 2");
      if (startTime < 0) throw new TypeError(`${prefix}: the start time ${startTime} is negative.`);
      super(CREATE, name, "mark", startTime, 0);
      this.#detail = cloneDetail(detail);
    }

    get detail() {
      return this.#detail;
    }
  }

  class PerformanceMeasure extends PerformanceEntry {
    #detail;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super(CREATE, arguments[1], "measure", arguments[2], arguments[3]);
      this.#detail = arguments[4];
    }

    get detail() {
      return this.#detail;
    }
  }
  configureInterface(PerformanceMark);
  configureInterface(PerformanceMeasure);

  // The performance entry buffer, in the order of creation, and the observers' function that hears of each entry.
  const timeline = { __proto__: null, entries: [], queue: null };

  const clearEntries = (type, name) => {
    const kept = [];
    const { entries } = timeline;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (entry.type !== type || (name !== undefined && entry.name !== name)) ArrayPrototypePush(kept, entry);
    }
    timeline.entries = kept;
  };

  // https://w3c.github.io/performance-timeline/#filter-buffer-by-name-and-type; sorted by start time, and stable.
  const filter = (entries, name, type) => {
    const found = [];
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if ((name === undefined || entry.name === name) && (type === undefined || entry.type === type)) {
        ArrayPrototypePush(found, entry);
      }
    }
    ArrayPrototypeSort(found, (a, b) => a.startTime - b.startTime);
    const objects = [];
    for (let i = 0; i < found.length; i++) ArrayPrototypePush(objects, found[i].object);
    return objects;
  };

  const filterEntries = (name, type) => filter(timeline.entries, name, type);

  nano.performanceTimeline = { __proto__: null, filter, timeline };

  const timestampOrName = (value, prefix, context) =>
    typeof value === "number" ? converters.double(value, prefix, context) : converters.DOMString(value, prefix, context);

  const measureOptions = dictionary("PerformanceMeasureOptions", [
    { key: "detail", converter: converters.any },
    { key: "duration", converter: converters.double },
    { key: "end", converter: timestampOrName },
    { key: "start", converter: timestampOrName },
  ]);

  // The attributes of PerformanceTiming: times of a window.
  const timingNames = [
    "navigationStart", "unloadEventStart", "unloadEventEnd", "redirectStart", "redirectEnd", "fetchStart", "domainLookupStart",
    "domainLookupEnd", "connectStart", "connectEnd", "secureConnectionStart", "requestStart", "responseStart", "responseEnd",
    "domLoading", "domInteractive", "domContentLoadedEventStart", "domContentLoadedEventEnd", "domComplete", "loadEventStart",
    "loadEventEnd",
  ];

  // https://w3c.github.io/user-timing/#convert-a-mark-to-a-timestamp
  const toTimestamp = (mark, prefix) => {
    if (typeof mark === "number") {
      if (mark < 0) throw new TypeError(`${prefix}: the time ${mark} is negative.`);
      return mark;
    }
    if (ArrayPrototypeIncludes(timingNames, mark)) {
      throw new TypeError(`${prefix}: '${mark}' is a time of a page's loading, and there is no page.`);
    }
    const { entries } = timeline;
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].type === "mark" && entries[i].name === mark) return entries[i].startTime;
    }
    throw new nano.DOMException(`${prefix}: the mark '${mark}' does not exist.`, "SyntaxError");
  };

  const checkMeasureOptions = ({ start, end, duration }, endMark, prefix) => {
    if (endMark !== undefined) throw new TypeError(`${prefix}: an end mark together with options is one end too many.`);
    if (start === undefined && end === undefined) throw new TypeError(`${prefix}: the options need a start or an end.`);
    if (start !== undefined && end !== undefined && duration !== undefined) {
      throw new TypeError(`${prefix}: start, end and duration together are one too many.`);
    }
  };

  const record = (object, type, name, startTime) => {
    const entry = { object, type, name, startTime };
    ArrayPrototypePush(timeline.entries, entry);
    if (timeline.queue !== null) timeline.queue(entry);
    return object;
  };

  class Performance extends EventTarget {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super();
    }

    get timeOrigin() {
      this.#brand;
      return ops.timeOrigin();
    }

    now() {
      this.#brand;
      return ops.now();
    }

    // https://w3c.github.io/user-timing/#mark-method
    mark(markName, markOptions = undefined) {
      this.#brand;
      requiredArguments(arguments.length, 1, "Failed to execute 'mark' on 'Performance'");
      const mark = new PerformanceMark(markName, markOptions);
      return record(mark, "mark", nameOf(mark), startTimeOf(mark));
    }

    clearMarks(markName = undefined) {
      this.#brand;
      const prefix = "Failed to execute 'clearMarks' on 'Performance'";
      clearEntries("mark", markName === undefined ? undefined : converters.DOMString(markName, prefix, "parameter 1"));
    }

    // https://w3c.github.io/user-timing/#measure-method
    measure(measureName, startOrMeasureOptions = undefined, endMark = undefined) {
      const prefix = "Failed to execute 'measure' on 'Performance'";
      this.#brand;
      requiredArguments(arguments.length, 1, prefix);
      const name = converters.DOMString(measureName, prefix, "parameter 1");
      let options = { __proto__: null };
      let startMark;
      if (startOrMeasureOptions === undefined || startOrMeasureOptions === null || isObject(startOrMeasureOptions)) {
        options = measureOptions(startOrMeasureOptions, prefix, "parameter 2");
      } else {
        startMark = converters.DOMString(startOrMeasureOptions, prefix, "parameter 2");
      }
      if (endMark !== undefined) endMark = converters.DOMString(endMark, prefix, "parameter 3");

      const { start, end, duration, detail } = options;
      if (start !== undefined || end !== undefined || duration !== undefined || detail !== undefined) {
        checkMeasureOptions(options, endMark, prefix);
      }
      let endTime;
      if (endMark !== undefined) endTime = toTimestamp(endMark, prefix);
      else if (end !== undefined) endTime = toTimestamp(end, prefix);
      else if (duration !== undefined) endTime = toTimestamp(start, prefix) + toTimestamp(duration, prefix);
      else endTime = ops.now();
      let startTime = 0;
      if (start !== undefined) startTime = toTimestamp(start, prefix);
      else if (duration !== undefined) startTime = endTime - toTimestamp(duration, prefix);
      else if (startMark !== undefined) startTime = toTimestamp(startMark, prefix);

      const measure = new PerformanceMeasure(CREATE, name, startTime, endTime - startTime, cloneDetail(detail));
      return record(measure, "measure", name, startTime);
    }

    clearMeasures(measureName = undefined) {
      this.#brand;
      const prefix = "Failed to execute 'clearMeasures' on 'Performance'";
      clearEntries("measure", measureName === undefined ? undefined : converters.DOMString(measureName, prefix, "parameter 1"));
    }

    getEntries() {
      this.#brand;
      return filterEntries(undefined, undefined);
    }

    getEntriesByType(type) {
      const prefix = "Failed to execute 'getEntriesByType' on 'Performance'";
      this.#brand;
      requiredArguments(arguments.length, 1, prefix);
      return filterEntries(undefined, converters.DOMString(type, prefix, "parameter 1"));
    }

    getEntriesByName(name, type = undefined) {
      const prefix = "Failed to execute 'getEntriesByName' on 'Performance'";
      this.#brand;
      requiredArguments(arguments.length, 1, prefix);
      name = converters.DOMString(name, prefix, "parameter 1");
      return filterEntries(name, type === undefined ? undefined : converters.DOMString(type, prefix, "parameter 2"));
    }

    toJSON() {
      this.#brand;
      return { timeOrigin: ops.timeOrigin() };
    }
  }
  configureInterface(Performance);

  inspectable(PerformanceEntry, ["name", "entryType", "startTime", "duration"]);
  inspectable(PerformanceMark, ["detail"]);
  inspectable(PerformanceMeasure, ["detail"]);

  const performance = new Performance(CREATE);

  return { __proto__: null, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, performance };
};
