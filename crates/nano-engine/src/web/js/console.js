"use strict";
// The console namespace. Text goes to the host one line of log at a time, with its level.
// Specification: https://console.spec.whatwg.org/
(nano) => {
  const {
    ArrayIsArray, ArrayPrototypeIncludes, ArrayPrototypeJoin, ArrayPrototypePush, ErrorCaptureStackTrace,
    MathMax, MathMin, NumberPrototypeToFixed, ObjectDefineProperty, ReflectOwnKeys, SafeMap, SafeWeakMap,
    StringPrototypePadEnd, StringPrototypeReplaceAll, StringPrototypeSlice, SymbolToStringTag,
  } = nano.primordials;
  const { ops } = nano;
  const { converters, getOwnProperty, isObject } = nano.webidl;

  // Most logs are one text, which needs no formatter.
  const inspect = (value, depthMax = undefined) => nano.part("console_format").inspect(value, depthMax);
  const formatLog = (args) => {
    const plain = args.length === 1 && typeof args[0] === "string" && args[0].length <= TEXT_CHARS_MAX;
    return plain ? args[0] : nano.part("console_format").format(args);
  };

  const DEBUG = 0;
  const LOG = 1;
  const WARN = 2;
  const ERROR = 3;

  const GROUP_DEPTH_MAX = 32;
  const TEXT_CHARS_MAX = 16384;
  const TABLE_ROWS_MAX = 100;
  const TABLE_COLUMNS_MAX = 20;
  const TABLE_CELL_CHARS_MAX = 64;

  const counts = new SafeMap();
  const timers = new SafeMap();
  let groups = 0;

  const print = (level, text) => {
    if (groups > 0) {
      const indent = StringPrototypePadEnd("", 2 * MathMin(groups, GROUP_DEPTH_MAX));
      text = StringPrototypeSlice(indent + StringPrototypeReplaceAll(text, "\n", `\n${indent}`), 0, TEXT_CHARS_MAX);
    }
    ops.log(level, text);
  };

  // https://console.spec.whatwg.org/#logger
  const logger = (level, args) => {
    if (args.length > 0) print(level, formatLog(args));
  };

  // Several methods share these conversions: a label is a DOMString that defaults to "default".
  const toLabel = (label, method) => converters.DOMString(label, `Failed to execute '${method}' on 'console'`, "parameter 1");

  const elapsed = (label) => `${label}: ${NumberPrototypeToFixed(ops.now() - timers.get(label), 3)} ms`;

  const missingTimer = (label) => print(WARN, `Timer '${label}' does not exist`);

  // The enumerable own data of a row, without running getters; undefined for what is no row.
  const readCells = (row) => {
    if (!isObject(row) || ops.isProxy(row)) return undefined;
    const cells = new SafeMap();
    const keys = ReflectOwnKeys(row);
    for (let i = 0; i < keys.length && cells.size < TABLE_ROWS_MAX; i++) {
      const descriptor = typeof keys[i] === "string" ? getOwnProperty(row, keys[i]) : undefined;
      if (descriptor === undefined || !descriptor.enumerable) continue;
      cells.set(keys[i], descriptor.get === undefined ? descriptor.value : "[Getter]");
    }
    return cells;
  };

  const cellText = (value) => {
    const text = StringPrototypeReplaceAll(inspect(value, 0), "\n", " ");
    return text.length <= TABLE_CELL_CHARS_MAX ? text : `${StringPrototypeSlice(text, 0, TABLE_CELL_CHARS_MAX)}...`;
  };

  const renderTable = (lines, columnCount) => {
    const widths = [];
    for (let c = 0; c < columnCount; c++) {
      let width = 0;
      for (let i = 0; i < lines.length; i++) width = MathMax(width, lines[i][c].length);
      ArrayPrototypePush(widths, width);
    }
    const rendered = [];
    for (let i = 0; i < lines.length; i++) {
      const padded = [];
      for (let c = 0; c < columnCount; c++) ArrayPrototypePush(padded, StringPrototypePadEnd(lines[i][c], widths[c]));
      ArrayPrototypePush(rendered, `| ${ArrayPrototypeJoin(padded, " | ")} |`);
      if (i === 0) {
        const rule = [];
        for (let c = 0; c < columnCount; c++) ArrayPrototypePush(rule, StringPrototypePadEnd("", widths[c] + 2, "-"));
        ArrayPrototypePush(rendered, `|${ArrayPrototypeJoin(rule, "|")}|`);
      }
    }
    return ArrayPrototypeJoin(rendered, "\n");
  };

  // The lines of a table: index, the columns in the order they first appear, and "Values" for rows that are primitives.
  const tableLines = (rows, filter) => {
    const columns = [];
    const parsed = [];
    let hasValues = false;
    rows.forEach((row, index) => {
      const cells = readCells(row);
      ArrayPrototypePush(parsed, { index, cells, row });
      if (cells === undefined) hasValues = true;
      else if (filter === undefined) {
        cells.forEach((value, key) => {
          if (columns.length < TABLE_COLUMNS_MAX && !ArrayPrototypeIncludes(columns, key)) ArrayPrototypePush(columns, key);
        });
      }
    });
    const shown = filter ?? columns;
    const header = ["(index)"];
    for (let c = 0; c < shown.length; c++) ArrayPrototypePush(header, shown[c]);
    if (hasValues) ArrayPrototypePush(header, "Values");
    const lines = [header];
    for (let i = 0; i < parsed.length; i++) {
      const { index, cells, row } = parsed[i];
      const line = [index];
      for (let c = 0; c < shown.length; c++) {
        ArrayPrototypePush(line, cells !== undefined && cells.has(shown[c]) ? cellText(cells.get(shown[c])) : "");
      }
      if (hasValues) ArrayPrototypePush(line, cells === undefined ? cellText(row) : "");
      ArrayPrototypePush(lines, line);
    }
    return lines;
  };

  const methods = {
    assert(condition = false, ...data) {
      if (condition) return;
      const message = "Assertion failed";
      if (typeof data[0] === "string") data[0] = `${message}: ${data[0]}`;
      else data = concatenate(message, data);
      logger(ERROR, data);
    },

    clear() {
      groups = 0;
    },

    debug(...data) {
      logger(DEBUG, data);
    },

    error(...data) {
      logger(ERROR, data);
    },

    info(...data) {
      logger(LOG, data);
    },

    log(...data) {
      logger(LOG, data);
    },

    table(tabularData = undefined, properties = undefined) {
      let filter;
      if (properties !== undefined) filter = columnNames(properties, "Failed to execute 'table' on 'console'", "parameter 2");
      const rows = readCells(tabularData);
      if (rows === undefined || (rows.size === 0 && !ArrayIsArray(tabularData))) return logger(LOG, [tabularData]);
      const lines = tableLines(rows, filter);
      print(LOG, StringPrototypeSlice(renderTable(lines, lines[0].length), 0, TEXT_CHARS_MAX));
    },

    trace(...data) {
      const holder = { __proto__: null, name: "Trace", message: data.length > 0 ? formatLog(data) : "" };
      ErrorCaptureStackTrace(holder, methods.trace);
      const { stack } = holder;
      print(LOG, typeof stack === "string" ? StringPrototypeSlice(stack, 0, TEXT_CHARS_MAX) : `Trace: ${holder.message}`);
    },

    warn(...data) {
      logger(WARN, data);
    },

    dir(item = undefined, options = undefined) {
      print(LOG, inspect(item));
    },

    dirxml(...data) {
      logger(LOG, data);
    },

    count(label = "default") {
      label = toLabel(label, "count");
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      print(LOG, `${label}: ${count}`);
    },

    countReset(label = "default") {
      label = toLabel(label, "countReset");
      if (counts.has(label)) counts.set(label, 0);
      else print(WARN, `Count for '${label}' does not exist`);
    },

    group(...data) {
      logger(LOG, data);
      groups++;
    },

    groupCollapsed(...data) {
      logger(LOG, data);
      groups++;
    },

    groupEnd() {
      if (groups > 0) groups--;
    },

    time(label = "default") {
      label = toLabel(label, "time");
      if (timers.has(label)) print(WARN, `Timer '${label}' already exists`);
      else timers.set(label, ops.now());
    },

    timeLog(label = "default", ...data) {
      label = toLabel(label, "timeLog");
      if (timers.has(label)) logger(LOG, concatenate(elapsed(label), data));
      else missingTimer(label);
    },

    timeEnd(label = "default") {
      label = toLabel(label, "timeEnd");
      if (!timers.has(label)) return missingTimer(label);
      print(LOG, elapsed(label));
      timers.delete(label);
    },
  };

  const columnNames = nano.webidl.sequence(converters.DOMString);

  // A label of the app's is no format string, so a per cent sign in it stands for itself.
  const concatenate = (first, data) => {
    const list = [data.length > 0 ? StringPrototypeReplaceAll(first, "%", "%%") : first];
    for (let i = 0; i < data.length; i++) ArrayPrototypePush(list, data[i]);
    return list;
  };

  // https://webidl.spec.whatwg.org/#es-namespaces; console keeps an empty prototype object of its own for compatibility.
  const console = { __proto__: {} };
  const names = ReflectOwnKeys(methods);
  for (let i = 0; i < names.length; i++) {
    const descriptor = { __proto__: null, value: methods[names[i]], enumerable: true, writable: true, configurable: true };
    ObjectDefineProperty(console, names[i], descriptor);
  }
  ObjectDefineProperty(console, SymbolToStringTag, { __proto__: null, value: "console", configurable: true });

  // What a platform class shows of itself: its prototype, and the getters that are safe to call because they are ours.
  const shown = new SafeWeakMap();

  // Lets console show what the getters of a platform class say; without it, an instance looks empty.
  const inspectable = (Class, names) => {
    const getters = [];
    for (let i = 0; i < names.length; i++) {
      const { get } = getOwnProperty(Class.prototype, names[i]);
      ArrayPrototypePush(getters, { name: names[i], get });
    }
    shown.set(Class.prototype, getters);
  };

  inspectable(nano.abort.AbortSignal, ["aborted"]);
  inspectable(nano.events.Event, ["type"]);

  nano.inspect = inspect;
  nano.inspectable = inspectable;
  nano.shown = shown;
  nano.expose({ console });
};
