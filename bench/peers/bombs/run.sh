#!/usr/bin/env bash
# What becomes of a process when an app in it is a bomb, in the peers that are libraries: run.sh. One line per peer and bomb: whether another
# isolate of the same process still answered. Limits: 32 MiB of memory, and a second for
# what takes time, half a minute for what takes memory. Behind docs/comparison.md; nothing is timed.
set -uo pipefail
cd "$(dirname "$0")/.."
declare -A bombs=(
  [loop]='for (;;);'
  [heap]='const all = []; for (;;) all.push({ x: new Array(100).fill(1.5) });'
  [array]='new Array(1e9).fill(0).length'
  [buffers]='const all = []; for (let i = 0; i < 40; i++) all.push(new Uint8Array(64 << 20).fill(1)); all.length'
)
run() { # run PEER COMMAND...
  local peer=$1 bomb seconds said ended
  shift
  for bomb in loop heap array buffers; do
    seconds=30
    [ "$bomb" = loop ] && seconds=1
    said=$(timeout --signal=KILL 60 "$@" "$bomb" "$seconds" "${bombs[$bomb]}" 2>/dev/null)
    ended=$?
    case $ended in
      0) said=$(grep '^bomb: \|^neighbour: ' <<<"$said" | paste -sd' ') ;;
      137) said="neither of the limits held: ended from outside after a minute" ;;
      *) said="the process ended with status $ended" ;;
    esac
    printf '%-12s %-8s %s\n' "$peer" "$bomb" "$said"
  done
}
[ -e node_modules/isolated-vm/out/isolated_vm.node ] && run isolated-vm node --no-node-snapshot bombs/isolated-vm.mjs
[ -e .venv/bin/python ] && run mini-racer .venv/bin/python bombs/mini-racer.py
[ -e v8go/v8go ] && run v8go v8go/v8go bomb
exit 0
