//! What the names of files in an app's folder mean without a word said about it.

/// The files that can be an app's main module, in the order in which they are looked for.
pub const MAIN_FILES: [&str; 12] = [
    "index.js",
    "index.mjs",
    "index.ts",
    "index.tsx",
    "index.jsx",
    "worker.js",
    "worker.ts",
    "src/index.js",
    "src/index.mjs",
    "src/index.ts",
    "src/index.tsx",
    "src/worker.ts",
];

/// The endings of files whose default export is their text.
pub const TEXT_ENDINGS: [&str; 9] = ["txt", "html", "css", "md", "sql", "svg", "xml", "csv", "graphql"];
