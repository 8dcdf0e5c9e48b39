#!/usr/bin/env bash
# Writes include/nano.h from nano-ffi: header.sh [--check]. With --check it only says whether the committed one is current.
# cbindgen writes the declarations; the concepts are the module text of lib.rs, a chapter is a source file, its title the
# file's first line.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.29.4
cbindgen=${CBINDGEN:-target/tools/bin/cbindgen}
if [ "$("$cbindgen" --version 2>/dev/null)" != "cbindgen $version" ]; then
  cargo install cbindgen --version "$version" --locked --quiet --root target/tools
  cbindgen=target/tools/bin/cbindgen
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
src=nano-ffi/src

"$cbindgen" --quiet --config nano-ffi/cbindgen.toml --lockfile Cargo.lock --crate nano-ffi --output "$work/declarations.h" nano-ffi

# "first function of the chapter<TAB>title" for each module of lib.rs that exports a function.
sed -n 's/^mod \(.*\);/\1/p' $src/lib.rs | while read -r module; do
  first=$(sed -n 's/^pub .*extern "C" fn \(nano_[a-z_]*\).*/\1/p' "$src/$module.rs" | head -1)
  [ -z "$first" ] || printf '%s\t%s\n' "$first" "$(sed -n '1s|^//! ||p' "$src/$module.rs")"
done >"$work/chapters"

{
  echo "/* nano.h: written by scripts/header.sh from nano-ffi/src; change it there."
  echo " *"
  sed -n '/^\/\/!/!q; s|^//!| *|p' $src/lib.rs
  printf ' */\n\n#ifndef NANO_H\n#define NANO_H\n\n'
  awk -v chapters="$work/chapters" '
    function banner(title) {
      print "/* ================================================================================================================"
      print " * " title
      print " * ============================================================================================================= */"
      print ""
    }
    function flush_comment() {
      # A comment of one line takes one line.
      if (lines == 3 && length(text[2]) <= 116) {
        body = text[2]; sub(/^ *\* /, "", body); indent = text[1]; sub(/\/\*\*.*/, "", indent)
        print indent "/** " body " */"
      } else for (i = 1; i <= lines; i++) print text[i]
      lines = 0
    }
    function chapter_of(line) {
      for (name in title) if (line ~ "[ *]" name "\\(") { found = title[name]; delete title[name]; return found }
      if (!numbers && line ~ /^#define NANO_[A-Z]*[_A-Z]* -?[0-9]/) { numbers = 1; return "Numbers." }
      if (!types && line ~ /^typedef/) { types = 1; return "Types." }
      return ""
    }
    BEGIN { while ((getline line < chapters) > 0) { split(line, part, "\t"); title[part[1]] = part[2] } }
    /^ *\/\*\*/ && !in_comment { in_comment = 1; lines = 0; held = "" }
    in_comment { text[++lines] = $0; if ($0 ~ /\*\//) in_comment = 0; next }
    # Attributes may stand on lines of their own before the name.
    lines && /^NANO_(API|MUST_USE)$/ { held = held $0 " "; next }
    {
      found = chapter_of($0)
      if (found != "") banner(found)
      flush_comment()
      if (held != "") { sub(/ $/, "", held); print held; held = "" }
      if (!/^$/ || !blank) print
      blank = /^$/
    }
  ' "$work/declarations.h" | awk '
    # No empty line between a number and the next of its kind; parentheses around a number below zero.
    { line[NR] = parenthesised($0) }
    function parenthesised(text) {
      if (text ~ /^#define NANO_[A-Z_]* -[0-9]+$/) { sub(/ -/, " (-", text); text = text ")" }
      return text
    }
    END {
      for (i = 1; i <= NR; i++) {
        if (line[i] == "" && line[i - 1] ~ /^#define NANO_[A-Z_]* -?[0-9]/ && line[i + 1] ~ /^\/\*\* .*\*\/$/ &&
            line[i + 2] ~ /^#define/ && family(line[i - 1]) == family(line[i + 2])) continue
        print line[i]
      }
    }
    function family(define, part) { split(define, part, /[ _]/); return part[2] "_" (part[3] == "OK" || part[3] == "AGAIN" || part[3] == "TIMEOUT" ? "E" : part[3]) }
  '
} >"$work/nano.h"

if [ "${1:-}" = --check ]; then
  diff -u include/nano.h "$work/nano.h" || { echo "include/nano.h is not current: make header" >&2; exit 1; }
else
  mkdir -p include
  cp "$work/nano.h" include/nano.h
fi
