#!/usr/bin/env bash
# Makes the certificates here anew: an authority, and two servers that it vouches for. They are for tests, and secret to nobody.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500)
openssl req -x509 "${key[@]}" -keyout "$work/authority.key" -out authority.pem -subj "/CN=authority for tests" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
serve() { # serve NAME SUBJECT_ALT_NAMES
  openssl req -x509 "${key[@]}" -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" -CA authority.pem -CAkey "$work/authority.key" \
    -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=$2"
}
serve one DNS:one.test,DNS:localhost,IP:127.0.0.1
serve two DNS:two.test,DNS:*.two.test
