#!/usr/bin/env bash
# Installs what is missing, or says in one line what is: need.sh [cargo] [cc] [python] [node] [abigail] [readelf]
set -euo pipefail
cd "$(dirname "$0")/.."

apt_install() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: $* (install it with your package manager)" >&2
    exit 1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null; }
}

for need in "$@"; do
  case "$need" in
    cargo) command -v cargo >/dev/null || { echo "missing: Rust 1.95 or newer (https://rustup.rs)" >&2; exit 1; } ;;
    cc) command -v gcc >/dev/null || apt_install gcc libc6-dev ;;
    c++) command -v g++ >/dev/null || apt_install g++ ;;
    make) command -v make >/dev/null || apt_install make ;;
    python) command -v python3 >/dev/null || apt_install python3 python3-venv ;;
    node) command -v node >/dev/null || apt_install nodejs npm ;;
    xz) command -v xz >/dev/null || apt_install xz-utils ;;
    curl) command -v curl >/dev/null || apt_install curl ;;
    readelf) command -v readelf >/dev/null || apt_install binutils ;;
    abigail) command -v abidw >/dev/null || apt_install abigail-tools ;;
    wrk) command -v wrk >/dev/null || apt_install wrk ;;
    *) echo "need.sh does not know $need" >&2; exit 2 ;;
  esac
done
