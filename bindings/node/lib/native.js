'use strict';
// Finds the native half: beside this package when it was built here, or in the package of this platform that npm has installed.

const names =
  process.platform === 'linux' ? ['gnu', 'musl'].map((libc) => `linux-${process.arch}-${libc}`) : [`${process.platform}-${process.arch}`];

function load() {
  const failures = [];
  for (const candidate of names.flatMap((name) => [`../nano-isolates.${name}.node`, `@nano-isolates/${name}`])) {
    try {
      return require(candidate);
    } catch (error) {
      failures.push(error);
    }
  }
  const broken = failures.find((error) => error.code !== 'MODULE_NOT_FOUND');
  const name = triple();
  const why = broken ? broken.message : `its package @nano-isolates/${name} is not installed`;
  throw new Error(
    `nano-isolates has no native half for ${name}: ${why}. There are builds for linux-x64-gnu. If this is one, optional dependencies ` +
      'were left out: install again without --omit=optional, and with a package-lock.json made on this platform.',
    { cause: broken ?? failures[0] },
  );
}

/** What this platform is called; asked when something is wrong, because the report that knows takes its time. */
function triple() {
  if (process.platform !== 'linux') return names[0];
  return process.report?.getReport().header.glibcVersionRuntime === undefined ? names[1] : names[0];
}

module.exports = load();
