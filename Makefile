# The front door of weir. `make help` lists what there is.
#
# Everything is built by CMake and Ninja in build/<preset>; this file only says it shortly.

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SECONDS ?= 1800
MORE ?= 20
SEEDS ?= 10000
ARGS ?=
# Without a directory in ARGS the example site is served.
SITE = $(if $(or $(filter-out -%,$(firstword $(ARGS))),$(wildcard $(ARGS:%=%/.))),,examples/site)
CMAKE_QUIET = cmake --preset $(1) --log-level=WARNING >/dev/null
BUILD = $(call CMAKE_QUIET,$(1)) && cmake --build build/$(1) -j $(JOBS)

.PHONY: all run test bench asan tsan fault hostile model soak fuzz seeds valgrind install format \
    tidy clean help deps

all: ## release build (the default)
	@tools/deps build
	@$(call BUILD,release)

run: ## serve examples/site on http://127.0.0.1:8080; ARGS='...' goes to `weir serve`
	@tools/deps build
	@$(call BUILD,release) --target weir-command
	@exec build/release/weir serve $(SITE) $(ARGS)

test: ## install what the suite needs, build in every way, run everything
	@tools/test-all

bench: ## measure weir beside other libraries (see bench/); ARGS='...' goes to bench/run
	@tools/deps build bench
	@$(call BUILD,release) --target all weir-examples
	@bench/run $(ARGS)

asan: ## the suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/deps build test
	@$(call BUILD,asan) --target all weir-tests
	@tools/run-tests build/asan

tsan: ## the suite under ThreadSanitizer
	@tools/deps build test
	@$(call BUILD,tsan) --target all weir-tests
	@tools/run-tests build/tsan --kinds unit,os

fault: ## the n-th allocation and the n-th system call fail, for all n
	@tools/deps build test
	@$(call BUILD,fault) --target all weir-tests
	@tools/run-tests build/fault --kinds fault

hostile: ## the suite with tiny queues, moves, short reads and late completions at every chance
	@STAGES=hostile tools/test-all

model: ## the models under every interleaving, bounded ones with MORE (20) times as many runs
	@tools/deps build test
	@$(call BUILD,release) --target all weir-tests
	@WEIR_MODEL_MORE=$(MORE) tools/run-tests build/release --kinds model --test-timeout 3600 \
	    --timeout 3600

soak: ## everything at once for SECONDS (1800), with constant memory
	@tools/deps build
	@tools/soak $(SECONDS)

fuzz: ## run each fuzzer for FUZZ_SECONDS (60)
	@tools/deps build test
	@$(call BUILD,fuzz) --target weir-fuzz
	@tools/fuzz build/fuzz $(FUZZ_SECONDS)

seeds: ## the tests of tasks on the simulator, under SEEDS (10000) seeds; ARGS='...' goes on
	@tools/deps build test
	@$(call BUILD,release) --target all weir-tests
	@tools/seeds build/release --seeds $(SEEDS) $(ARGS)

valgrind: ## the unit tests under Valgrind
	@tools/deps build test
	@$(call BUILD,release) --target all weir-tests
	@tools/run-tests build/release --kinds unit --test-timeout 300 --timeout 900 \
	    --wrap 'valgrind -q --error-exitcode=9 --leak-check=full'

install: all ## install to PREFIX (/usr/local); DESTDIR works as usual
	@cmake --install build/release --prefix $(PREFIX)

format: ## lay the sources out by .clang-format
	@tools/deps test
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format -i

tidy: ## the rules that a program can check
	@tools/deps build test
	@tools/tidy

deps: ## install what the build, the suite and the benchmarks need
	@tools/deps build test bench

clean: ## remove all builds
	@rm -rf build

help: ## this list
	@echo "usage: make [TARGET]   (JOBS=N limits how much is compiled at once)"
	@awk -F ':.*## ' '/^[a-z]+:.*## /{ printf "  %-10s %s\n", $$1, $$2 }' Makefile
