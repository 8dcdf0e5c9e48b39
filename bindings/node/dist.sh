#!/usr/bin/env bash
# The tarballs that are published: this package and the one of this platform: dist.sh debug|release FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
profile=$1 out=$(mkdir -p "$2" && cd "$2" && pwd)
platform=linux-x64-gnu
cd "$here"
flags=()
[ "$profile" = debug ] || flags=(--release)
cargo build --quiet --locked -p nano-node "${flags[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r npm/$platform "$work/platform"
strip -o "$work/platform/nano-isolates.$platform.node" "${CARGO_TARGET_DIR:-../../target}/$profile/libnano_node.so"
# It is the one with the binary: what others' licences ask to be passed on goes with it.
command -v python3 >/dev/null || ../../scripts/need.sh python
../../scripts/notices.py nano-node >"$work/platform/THIRD-PARTY-NOTICES.txt"
mkdir "$work/package"
cp -r lib ./*.js ./*.d.ts README.md package.json "$work/package"
# Only what is published depends on the platform's package: here it is built.
node -e '
  const fs = require("node:fs"), [file, platform] = process.argv.slice(1), own = JSON.parse(fs.readFileSync(file));
  delete own.devDependencies;
  own.optionalDependencies = { ["@nano-isolates/" + platform]: own.version };
  fs.writeFileSync(file, JSON.stringify(own, null, 2) + "\n");' "$work/package/package.json" $platform
for folder in platform package; do cp ../../LICENSE-MIT ../../LICENSE-APACHE "$work/$folder"; done
for folder in platform package; do (cd "$work/$folder" && npm pack --silent --pack-destination "$out"); done
