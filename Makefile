# Each target is one line that calls cargo or a script. Nothing is needed before them: scripts/need.sh installs what is missing.
.PHONY: run test models lint fmt bench bench-peers soak fuzz net wpt wpt-update header install dist clean

run: ; @scripts/run.sh
test: ; @scripts/test.sh
models: ; @scripts/models.sh
lint: ; @scripts/lint.sh
fmt: ; @cargo fmt --all
bench: ; @scripts/bench.sh
bench-peers: ; @scripts/bench-peers.sh
soak: ; @scripts/soak.sh
fuzz: ; @scripts/fuzz.sh
net: ; @scripts/net.sh
wpt: ; @scripts/wpt.sh
wpt-update: ; @scripts/wpt.sh --update
header: ; @scripts/header.sh
install: ; @scripts/install.sh "$(PREFIX)"
dist: ; @scripts/dist.sh
clean: ; @cargo clean
