#!/usr/bin/env bash
# Makes a folder of apps to look at: apps.sh FOLDER COUNT. The first few each do something; the rest wait to be asked.
set -euo pipefail
folder=$1 count=$2
app() { # app NAME SOURCE [MANIFEST]
  mkdir -p "$folder/$1"
  printf '%s\n' "$2" >"$folder/$1/index.js"
  [ -z "${3:-}" ] || printf '%s\n' "$3" >"$folder/$1/nano.toml"
}
app shop "export default { fetch(request) { console.log('a visitor at', new URL(request.url).pathname); return new Response('shop'); } };" 'routes = ["shop.test/*"]'
app images "const kept = []; export default { fetch() { kept.push('x'.repeat(50000 + kept.length) + kept.length); if (kept.length > 60) kept.length = 0; return new Response('image'); } };"
app search "export default { fetch() { console.warn('slow query'); let n = 0; for (let i = 0; i < 2e5; i++) n += i % 7; return new Response(String(n)); } };"
app loops "export default { fetch() { console.error('begins to loop'); for (;;); } };" 'limits.cpu_ms = "10m"'
printf '[apps.loops]\nlimits.cpu_ms = "10m"\n' >"$folder/nanod.toml"
app broken "export default { fetch() { throw new Error('it is broken'); } };"
for ((number = 6; number <= count; number++)); do
  app "$(printf 'tenant-%04d' "$number")" "export default { fetch() { return new Response('tenant'); } };" 'lazy = true'
done
