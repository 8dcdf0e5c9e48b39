#!/usr/bin/env bash
# Tries every order in which threads can meet, with a model checker.
set -euo pipefail
cd "$(dirname "$0")/../models"
../scripts/need.sh cargo
cargo test --locked --quiet
