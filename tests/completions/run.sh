#!/usr/bin/env bash
# zsh and fish read their completions and complete with them: run.sh [debug|release]. A shell that cannot be installed is skipped, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
nanod=$(realpath "${CARGO_TARGET_DIR:-target}/${1:-debug}/nanod")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$nanod" completions zsh >"$work/_nanod"
"$nanod" completions fish >"$work/nanod.fish"
commands=$("$nanod" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
failed=0

same() { # same WHAT EXPECTED GOT
  [ "$2" != "$3" ] || return 0
  failed=1
  printf 'not ok - %s\n    expected %s\n    got      %s\n' "$1" "$2" "$3"
}

offers_zsh() { timeout 60 zsh -f tests/completions/zsh.zsh "$work" "$1" 2>&1; }
offers_fish() { timeout 60 fish --no-config -c "source $work/nanod.fish; complete -C '$1'" 2>&1 | cut -f1; }

complete_with() { # complete_with SHELL
  local line
  check() { same "$1: $2" "$3" "$("offers_$1" "$2" | sort | tr '\n' ' ')"; }
  check "$1" "nanod se" "serve "
  check "$1" "nanod serve --dr" "--drain --drain-delay "
  check "$1" "nanod serve x --metrics-per-app t" "top "
  check "$1" "nanod completions f" "fish "
  check "$1" "nanod new x -t h" "hono "
  check "$1" "nanod help do" "doctor "
  check "$1" "nanod " "$(sort <<<"$commands" | tr '\n' ' ')"
  for line in $commands; do check "$1" "nanod $line --hel" "--help "; done
  [ $failed = 1 ] || echo "ok - $1 completes what nanod has"
}

[ "$(wc -w <<<"$commands")" -ge 12 ] || { echo "not ok - nanod help names its commands"; exit 1; }
for shell in zsh fish; do
  if ! scripts/need.sh $shell; then
    echo "skipped: the completions of $shell"
    continue
  fi
  script=$work/_nanod
  [ $shell = zsh ] || script=$work/nanod.fish
  $shell -n "$script" || { failed=1; echo "not ok - $shell reads its script"; }
  complete_with $shell
done
exit $failed
