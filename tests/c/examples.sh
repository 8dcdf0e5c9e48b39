#!/usr/bin/env bash
# The examples do what they say: examples.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
scripts/need.sh curl make
make -C examples/c --no-print-directory -s PROFILE="$profile"
build=examples/c/build
failed=0
same() { # same WHAT EXPECTED GOT
  if [ "$2" = "$3" ]; then
    echo "ok - $1"
  else
    failed=1
    printf 'not ok - %s\n    expected %s\n    got      %s\n' "$1" "$2" "$3"
  fi
}
web() { curl -sS --max-time 30 --resolve "*:$port:127.0.0.1" "$@"; }
code() { web -o /dev/null -w '%{http_code}' "$@"; }

same hello "200 Hello, Ada, from http://hello.example/" "$($build/hello Ada | head -1)"
same bindings "GET http://kv.example/greeting 404 no such key" "$($build/bindings examples/apps/kv | grep . | tail -1 | tr -s ' ')"
keys=$(mktemp -d)
cat >"$keys/index.js" <<'END'
export default {
  async fetch(request, { KV }) {
    for (const key of ["a", "a\0b", "c"]) await KV.put(key, key.length);
    await KV.put("a\0b", 4);
    return Response.json([await KV.get("a"), await KV.get("a\0b"), await KV.list("a")]);
  },
};
END
same "keys of any text" '[1,4,["a","a\u0000b"]]' "$($build/bindings "$keys" | head -1 | grep -o '\[.*')"
rm -r "$keys"

same classes "3 rows of people, 2 objects released" "$($build/classes | tail -1)"
same "names of any length" "200 Augusta Ada King, comtesse de Lovelace, née Byron" "$($build/classes | head -1 | sed 's/ true .*//')"

log=$(mktemp)
$build/server --port 0 --threads 2 examples/apps >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 200); do
  grep -q '^ts ' "$log" && break
  sleep 0.05
done
port=$(sed -n 's|^hello .*localhost:\([0-9]*\)/ .*|\1|p' "$log")

same "an app by its host" "Hello, Ada! You asked for /x" "$(web "http://hello.localhost:$port/x?name=Ada")"
same "an app by its name alone" 200 "$(code -H 'Host: counter' "http://127.0.0.1:$port/")"
same "a body arrives" '"body":"a=b"}' "$(web -d a=b "http://json.localhost:$port/" | grep -o '"body".*')"
same "an app in TypeScript" '{"id":1,"text":"a note"}' "$(web -d ' a note ' "http://ts.localhost:$port/notes")"
same "and says what it answers" 200 "$(code "http://ts.localhost:$port/")"
same "and its method that is not allowed" 405 "$(code -X PUT "http://ts.localhost:$port/notes")"
same "no such app" 404 "$(code "http://nosuch.localhost:$port/")"
same "the list of apps" 200 "$(code "http://localhost:$port/")"
same "a stream" "line 10 of 10" "$(web "http://stream.localhost:$port/" | tail -1)"
same "a URL that is too long" 414 "$(code "http://hello.localhost:$port/$(printf 'a%.0s' $(seq 20000))")"
head -c 800000 /dev/zero | tr '\0' a >"$log.body"
same "a body in both directions" "$(tr a A <"$log.body" | sha256sum)" "$(web --data-binary @"$log.body" "http://stream.localhost:$port/" | sha256sum)"
same "the same in chunks" "$(tr a A <"$log.body" | sha256sum)" \
  "$(web -H 'Transfer-Encoding: chunked' --data-binary @"$log.body" "http://stream.localhost:$port/" | sha256sum)"
rm -f "$log.body"
same "two requests on one connection" 200200 "$(web -o /dev/null -o /dev/null -w '%{http_code}' "http://hello.localhost:$port/1" "http://hello.localhost:$port/2")"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST / HTTP/1.1\r\nHost: json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n' >&3
same "a body that is none" "HTTP/1.1 400 Bad Request" "$(timeout 30 cat <&3 | head -1 | tr -d '\r')"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /1 HTTP/1.1\r\nHost: hello\r\nTransfer-Encoding: chunked\r\n\r\n' >&3
while read -r line <&3 && [ "$line" != $'\r' ]; do :; done
printf '5\r\nhello.GET /2 HTTP/1.1\r\nHost: hello\r\n\r\n' >&3
same "and nothing behind it is a request" "Hello, world! You asked for /1" "$(timeout 30 cat <&3)"
exec 3>&-
kill -INT $server
status=0
wait $server || status=$?
same "an orderly end" 0 "$status"
exit $failed
