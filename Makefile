# Every task of the project by name; `make help` lists them.
SHELL := /bin/sh
BUN := node_modules/.bin/bun
CORE := wasm/core.wasm
CORE_SOURCES := $(shell find assembly -name '*.ts') asconfig.json
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)

.PHONY: help run test check build bench soak fuzz binaries wasm setup clients format clean

help: ## list the tasks
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

run: $(CORE) ## start the server with mediamtx.yml, after installing what it needs
	$(BUN) src/main.ts mediamtx.yml

test: $(CORE) clients ## all tests, real clients included
	$(BUN) test/support/run.ts

check: $(CORE) ## format, lint, both type checks, architecture
	node_modules/.bin/biome check --error-on-warnings .
	node_modules/.bin/tsc -p .
	node_modules/.bin/tsc -p assembly
	$(BUN) test test/architecture.test.ts test/core-release.test.ts

format: setup ## format and apply safe fixes
	node_modules/.bin/biome check --write .

build: $(CORE) ## ./mediamtx, one executable for this machine
	$(BUN) build --compile --minify --bytecode --format=cjs src/main.ts --outfile mediamtx

bench: $(CORE) ## the benchmarks, each beside its yardstick (ARGS=--quick for a short run)
	$(BUN) test/bench/main.ts $(ARGS)

soak: $(CORE) ## the long runs (ARGS="--minutes 10")
	$(BUN) test/soak/main.ts $(ARGS)
	$(BUN) test/soak/reloads.ts

fuzz: $(CORE) ## mutated input for every parser (ARGS="--target sdp --seconds 600")
	$(BUN) test/fuzz/main.ts $(ARGS)

PLATFORMS := linux-x64 linux-arm64 linux-x64-musl linux-arm64-musl darwin-x64 darwin-arm64 windows-x64
binaries: $(CORE) ## an archive for every platform in binaries/
	@mkdir -p binaries
	@for p in $(PLATFORMS); do sh native/binary.sh "$$p" "$(VERSION)" || exit 1; done

wasm: $(CORE) ## the WASM core

setup: node_modules/.installed

node_modules/.installed: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	node node_modules/bun/install.js
	@touch $@

$(CORE): node_modules/.installed $(CORE_SOURCES)
	@$(BUN) test/support/build-core.ts

clients: ## the real clients that the tests use, where the system's packages have them
	@sh test/support/clients.sh

clean: ## remove everything that was built
	rm -rf wasm/*.wasm wasm/*.wat mediamtx binaries coverage test/bench/out
