// Says what an app sees: one line per name, in the words that types.rs reads the declarations in.
const builtIn = new Set(BUILT_IN);

// What Node has: its functions say how many parameters they have, not how many they need.
const ofNode = new Set(["Buffer"]);

// get, get set (as is a property that may be assigned to), or a value that is no function and never changes; or the number of
// arguments a function needs.
const describe = (descriptor) => {
  if (descriptor.get) return descriptor.set ? "get set" : "get";
  if (typeof descriptor.value === "function") return `(${descriptor.value.length})`;
  return descriptor.writable ? "get set" : "value";
};

const keyName = (key) => (typeof key === "symbol" ? `[${key.description}]` : key);

const list = (owner, object, skipped, lines) => {
  for (const key of Reflect.ownKeys(object)) {
    if (skipped.includes(key) || key === Symbol.toStringTag) continue;
    lines.push(`${owner}.${keyName(key)} ${describe(Object.getOwnPropertyDescriptor(object, key))}`);
  }
};

const isClass = (value) => typeof value === "function" && Object.hasOwn(value, "prototype");

const ofClass = (name, value, lines) => {
  const parent = Object.getPrototypeOf(value);
  const first = lines.length;
  lines.push(`class ${name}${isClass(parent) ? ` extends ${parent.name}` : ""} (${value.length})`);
  list(name, value.prototype, ["constructor"], lines);
  list(`static ${name}`, value, ["length", "name", "prototype"], lines);
  if (ofNode.has(name)) for (let i = first; i < lines.length; i++) lines[i] = lines[i].replace(/\(\d+\)$/, "()");
};

export default {
  fetch() {
    const lines = [];
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (builtIn.has(name)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
      const value = globalThis[name];
      // A name whose part has not been written yet.
      if (value === undefined) continue;
      if (isClass(value)) ofClass(name, value, lines);
      else if (typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object console]") {
        list(name, value, [], lines);
      } else lines.push(`global ${name} ${typeof value === "function" ? describe({ value }) : describe(descriptor)}`);
    }
    return new Response(lines.sort().join("\n"));
  },
};
