# Two commands do everything on a fresh machine:
#   make run    system libraries, release build, the window on the bundled sample
#   make test   the same set-up, then every check
SHELL := /bin/sh
CARGO ?= cargo
# Empty means cargo's own default.
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
RELEASE = $(TARGET_DIR)/release/terroir

.PHONY: run test demo deps build fmt clippy doc check clean

deps:
	@sh packaging/install-deps.sh

# What `terroir --version` is stamped with; nothing outside of a clone.
build: export TERROIR_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
build: deps
	$(CARGO) build --release --locked

# Without a display there is nothing to open a window on: the same job runs without one.
run: build
	@if [ "$$(uname -s)" = Darwin ] || [ -n "$$DISPLAY" ] || [ -n "$$WAYLAND_DISPLAY" ]; then \
		exec "$(RELEASE)"; \
	else \
		echo "No display (neither DISPLAY nor WAYLAND_DISPLAY is set): running \`terroir demo\` instead of the window."; \
		exec "$(RELEASE)" demo --out out/demo; \
	fi

demo: build
	"$(RELEASE)" demo --out out/demo

fmt:
	$(CARGO) fmt --all --check

# Clippy and doc share one compilation of the dependencies (metadata only), build and test another.
# Always the whole workspace: another selection would resolve other features and compile Burn again.
clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

check: fmt clippy doc

# The window tests, the shader validation and the start of the real window under Xvfb are part of
# `cargo test`; Mesa's software rasteriser draws, so that pictures are the same on every machine.
test: deps
	@$(MAKE) --no-print-directory check
	$(CARGO) build --workspace --locked
	@lavapipe=$$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1); \
	if [ -n "$$lavapipe" ]; then VK_DRIVER_FILES="$$lavapipe"; VK_ICD_FILENAMES="$$lavapipe"; export VK_DRIVER_FILES VK_ICD_FILENAMES; fi; \
	if [ -z "$$XDG_RUNTIME_DIR" ]; then XDG_RUNTIME_DIR=$$(mktemp -d); chmod 700 "$$XDG_RUNTIME_DIR"; export XDG_RUNTIME_DIR; fi; \
	set -x; $(CARGO) test --workspace --locked

clean:
	$(CARGO) clean
	rm -rf out
