#!/usr/bin/env bash
# Measures NANO and the peers that are installed: bench.sh [density] [start] [cold] [dispatch] [neighbour] [bombs]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc python
exec python3 bench/run.py "$@"
