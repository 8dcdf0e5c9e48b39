"use strict";
// node:path: https://nodejs.org/api/path.html. The platform is posix; win32 is there for those who ask for it.
(nano) => {
  const {
    ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, ObjectDefineProperty, RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeEndsWith,
    StringPrototypeLastIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeSplit, StringPrototypeToLowerCase,
  } = nano.primordials;
  const { asModule, validateObject, validateString } = nano.part("node/errors");

  // Both kinds in one: what a separator is, what the root of a path is, how names compare.
  const make = (windows) => {
    const sep = windows ? "\\" : "/";
    const isSep = (code) => code === 47 || (windows && code === 92);
    const at = (text, index) => StringPrototypeCharCodeAt(text, index);
    const isLetter = (code) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    const unc = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/;

    // [device, whether a separator follows it, the rest]
    const splitRoot = (path) => {
      if (!windows) return isSep(at(path, 0)) ? { device: "", absolute: true, end: 1 } : { device: "", absolute: false, end: 0 };
      const share = RegExpPrototypeExec(unc, path);
      if (share !== null) {
        const end = share[0].length;
        return { device: `\\\\${share[1]}\\${share[2]}`, absolute: true, end: isSep(at(path, end)) ? end + 1 : end };
      }
      if (isLetter(at(path, 0)) && path[1] === ":") {
        const absolute = isSep(at(path, 2));
        return { device: StringPrototypeSlice(path, 0, 2), absolute, end: absolute ? 3 : 2 };
      }
      return isSep(at(path, 0)) ? { device: "", absolute: true, end: 1 } : { device: "", absolute: false, end: 0 };
    };

    const segments = (text) => StringPrototypeSplit(windows ? StringPrototypeReplaceAll(text, "\\", "/") : text, "/");

    const simplify = (text, absolute) => {
      const parts = segments(text);
      const out = [];
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        if (part === "" || part === ".") continue;
        if (part === "..") {
          if (out.length > 0 && out[out.length - 1] !== "..") ArrayPrototypePop(out);
          else if (!absolute) ArrayPrototypePush(out, "..");
          continue;
        }
        ArrayPrototypePush(out, part);
      }
      return ArrayPrototypeJoin(out, sep);
    };

    const path = {
      sep,
      delimiter: windows ? ";" : ":",

      resolve(...args) {
        let device = "";
        let tail = "";
        let absolute = false;
        for (let i = args.length - 1; i >= -1 && !(absolute && (!windows || device !== "")); i--) {
          // The app's folder is the root of everything.
          const next = i >= 0 ? args[i] : sep;
          validateString(next, `paths[${i}]`);
          if (next === "") continue;
          const root = splitRoot(next);
          if (root.device !== "" && device !== "" && StringPrototypeToLowerCase(root.device) !== StringPrototypeToLowerCase(device)) continue;
          if (device === "") device = root.device;
          if (absolute) continue;
          tail = `${StringPrototypeSlice(next, root.end)}${sep}${tail}`;
          absolute = root.absolute;
        }
        return `${device}${absolute ? sep : ""}${simplify(tail, absolute)}` || ".";
      },

      normalize(value) {
        validateString(value, "path");
        if (value === "") return ".";
        const root = splitRoot(value);
        let tail = simplify(StringPrototypeSlice(value, root.end), root.absolute);
        if (tail === "" && !root.absolute) tail = ".";
        if (tail !== "" && isSep(at(value, value.length - 1)) && value.length > root.end) tail += sep;
        return `${root.device}${root.absolute ? sep : ""}${tail}`;
      },

      isAbsolute(value) {
        validateString(value, "path");
        return value !== "" && splitRoot(value).absolute;
      },

      join(...args) {
        const used = [];
        for (let i = 0; i < args.length; i++) {
          validateString(args[i], "path");
          if (args[i] !== "") ArrayPrototypePush(used, args[i]);
        }
        return used.length === 0 ? "." : path.normalize(ArrayPrototypeJoin(used, sep));
      },

      relative(from, to) {
        validateString(from, "from");
        validateString(to, "to");
        if (from === to) return "";
        const a = path.resolve(from);
        const b = path.resolve(to);
        const fold = (text) => (windows ? StringPrototypeToLowerCase(text) : text);
        if (fold(a) === fold(b)) return "";
        const rootA = splitRoot(a);
        const rootB = splitRoot(b);
        if (fold(rootA.device) !== fold(rootB.device)) return b;
        const left = rootA.end >= a.length ? [] : segments(StringPrototypeSlice(a, rootA.end));
        const right = rootB.end >= b.length ? [] : segments(StringPrototypeSlice(b, rootB.end));
        let same = 0;
        while (same < left.length && same < right.length && fold(left[same]) === fold(right[same])) same++;
        const out = [];
        for (let i = same; i < left.length; i++) ArrayPrototypePush(out, "..");
        for (let i = same; i < right.length; i++) ArrayPrototypePush(out, right[i]);
        return ArrayPrototypeJoin(out, sep);
      },

      toNamespacedPath(value) {
        return value;
      },

      dirname(value) {
        validateString(value, "path");
        if (value === "") return ".";
        const root = splitRoot(value);
        let end = value.length;
        while (end > root.end && isSep(at(value, end - 1))) end--;
        while (end > root.end && !isSep(at(value, end - 1))) end--;
        // One separator goes with the last part; two at the beginning stay two.
        if (end > root.end) return !windows && end === 2 && root.end === 1 ? "//" : StringPrototypeSlice(value, 0, end - 1);
        return root.end > 0 ? StringPrototypeSlice(value, 0, root.end) : ".";
      },

      basename(value, suffix = undefined) {
        if (suffix !== undefined) validateString(suffix, "suffix");
        validateString(value, "path");
        if (suffix === value) return "";
        const { device } = splitRoot(value);
        const from = windows && device.length === 2 ? 2 : 0;
        let end = value.length;
        while (end > from && isSep(at(value, end - 1))) end--;
        let start = end;
        while (start > from && !isSep(at(value, start - 1))) start--;
        // Of separators alone there is no name; asked about an ending, Node gives them back.
        if (start === end && suffix !== undefined && suffix !== "" && suffix.length <= value.length) return StringPrototypeSlice(value, from);
        const name = StringPrototypeSlice(value, start, end);
        if (suffix !== undefined && suffix !== "" && name !== suffix && StringPrototypeEndsWith(name, suffix)) {
          return StringPrototypeSlice(name, 0, name.length - suffix.length);
        }
        return name;
      },

      extname(value) {
        const name = path.basename(value);
        const dot = StringPrototypeLastIndexOf(name, ".");
        return dot <= 0 || name === ".." ? "" : StringPrototypeSlice(name, dot);
      },

      format(parts) {
        validateObject(parts, "pathObject");
        const dir = parts.dir || parts.root;
        const ext = parts.ext ? `${parts.ext[0] === "." ? "" : "."}${parts.ext}` : "";
        const base = parts.base || `${parts.name || ""}${ext}`;
        if (!dir) return base;
        return dir === parts.root ? `${dir}${base}` : `${dir}${sep}${base}`;
      },

      parse(value) {
        validateString(value, "path");
        if (value === "") return { root: "", dir: "", base: "", ext: "", name: "" };
        const { end } = splitRoot(value);
        const root = StringPrototypeSlice(value, 0, end);
        let stop = value.length;
        while (stop > end && isSep(at(value, stop - 1))) stop--;
        let start = stop;
        while (start > end && !isSep(at(value, start - 1))) start--;
        const base = StringPrototypeSlice(value, start, stop);
        const ext = base === "" ? "" : path.extname(base);
        const dir = start > end ? StringPrototypeSlice(value, 0, start - 1) : root;
        return { root, dir, base, ext, name: StringPrototypeSlice(base, 0, base.length - ext.length) };
      },
    };
    return path;
  };

  const posix = make(false);
  const win32 = make(true);
  const both = [posix, win32];
  for (let i = 0; i < both.length; i++) {
    ObjectDefineProperty(both[i], "posix", { __proto__: null, value: posix, writable: true, enumerable: true, configurable: true });
    ObjectDefineProperty(both[i], "win32", { __proto__: null, value: win32, writable: true, enumerable: true, configurable: true });
  }
  return asModule(posix, posix);
};
