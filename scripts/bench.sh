#!/usr/bin/env bash
# Measures NANO and the peers that are installed: bench.sh [--quick|--long] [density] [start] [cold] [dispatch] [neighbour] [web] [http] [clients] [python] [node] [go] [bombs]
# Everything takes about a quarter of an hour on two cores, besides the build; with --long, which has five rounds of everything, most of one.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc python
exec python3 bench/run.py "$@"
