'use strict';
// Finds the native half: beside this package when it was built here, or in the package of this platform that npm has installed.

function triple() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`;
  const isGlibc = process.versions.bun !== undefined || process.report?.getReport().header.glibcVersionRuntime !== undefined;
  return `linux-${process.arch}-${isGlibc ? 'gnu' : 'musl'}`;
}

function load() {
  const name = triple();
  const failures = [];
  for (const candidate of [`../nano-isolates.${name}.node`, `@nano-isolates/${name}`]) {
    try {
      return require(candidate);
    } catch (error) {
      failures.push(error);
    }
  }
  const broken = failures.find((error) => error.code !== 'MODULE_NOT_FOUND');
  const why = broken ? broken.message : `its package @nano-isolates/${name} is not installed`;
  throw new Error(
    `nano-isolates has no native half for ${name}: ${why}. There are builds for linux-x64-gnu. If this is one, optional dependencies ` +
      'were left out: install again without --omit=optional, and with a package-lock.json made on this platform.',
    { cause: broken ?? failures[0] },
  );
}

module.exports = load();
