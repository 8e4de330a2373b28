# The commands of the repository. `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
# Relative paths in what the compiler sees: a fresh checkout elsewhere finds the objects of this one in ccache.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CTEST_PARALLEL_LEVEL ?= $(JOBS)

PYTHON_BIN = $$(tools/python-environment)/bin
BUILD = mkdir -p build; cmake --preset $(1) >build/configure-$(1).log 2>&1 || { cat build/configure-$(1).log; exit 1; }; \
	cmake --build --preset $(1) --parallel $(JOBS) $(if $(2),--target $(2))
# A private server of each kind around a command, their addresses in ASYA_TEST_POSTGRES, _RABBITMQ, _PUBSUB and _MOTO.
SERVERS = tools/postgres run tools/rabbitmq run tools/pubsub run tools/moto run
CTEST = $(SERVERS) ctest --test-dir $(1) --output-on-failure --no-tests=error
RELAYS = asya-relay asya-relay-postgres asya-relay-rabbitmq asya-relay-sqs asya-relay-pubsub
TSAN_FOLDERS = $(patsubst %/CMakeLists.txt,%,$(wildcard $(addsuffix /CMakeLists.txt,core/sql/postgres relay transports storage)))

.NOTPARALLEL:

.PHONY: help
help: ## Lists the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## Installs what building and testing need (asks dpkg first; prints nothing when all is there)
	@tools/install

.PHONY: install-cluster
install-cluster: install ## Installs what a cluster for tests needs beside that (docs/test-cluster.md)
	@tools/install packages-cluster.txt

.PHONY: build
build: install build/asya_runtime.pyz ## Builds everything for development (build/dev)
	@$(call BUILD,dev)

.PHONY: programs
programs: install build/asya_runtime.pyz ## Builds the optimised programs alone (build/release/bin)
	@$(call BUILD,release,asya-server $(RELAYS) asya-relay-sqlite-s3 asya-relay-postgres-s3 asya-relay-rabbitmq-s3)

build/asya_runtime.pyz: $(wildcard runtime/asya_runtime/*.py) runtime/build.py
	@$(PYTHON_BIN)/python runtime/build.py $@

.PHONY: images
images: programs install-cluster ## Builds the container images (docs/images.md) as OCI archives under build/images; IMAGES=some, BASE=image
	@tools/images $(if $(BASE),--base $(BASE)) $(IMAGES)

# What these measure and show is what `programs` has built, whichever build of the checkout is the newer.
MEASURED = demo demo-brokers soak crash-matrix crash-audit $(addprefix crash-audit-,postgres rabbitmq sqs pubsub)
$(MEASURED): export ASYA_BIN = $(CURDIR)/build/release/bin

.PHONY: demo
demo: programs ## Runs examples/documents on real input, prints results, leaves nothing running
	@PATH="$(PYTHON_BIN):$$PATH" tools/demo

.PHONY: demo-brokers
demo-brokers: programs ## Runs examples/documents on RabbitMQ, PostgreSQL, SQS and Pub/Sub, changed in nothing but `transport:`
	@PATH="$(PYTHON_BIN):$$PATH" tools/demo-brokers

.PHONY: test
test: install build/asya_runtime.pyz lint-fast ## Runs every test: C++ and Python, and the C++ ones again under the sanitizers
	@tools/test

.PHONY: unit
unit: build ## Runs the C++ tests
	@$(call CTEST,build/dev)

.PHONY: pytest
pytest: build ## Runs the Python tests, most of them with the C++ programs; TESTS=tests/chart for a folder
	@$(PYTHON_BIN)/pytest -q $(TESTS)

.PHONY: e2e
e2e: images ## Runs the tests that need a real cluster, on one made for them, then aggregated-load; an hour more the first time
	@$(call BUILD,dev,asya-server asya-relay asya-relay-rabbitmq asya-relay-postgres)
	@tools/build-go kubectl >/dev/null
	@tools/testcluster run $(PYTHON_BIN)/pytest -q --durations=0 --durations-min=1 tests/cluster
	@$(MAKE) aggregated-load

.PHONY: sanitized
sanitized: install
	@$(call BUILD,asan)
	@$(call BUILD,tsan,$(addsuffix /all,$(TSAN_FOLDERS)))

.PHONY: asan
asan: install ## Runs the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call BUILD,asan)
	@$(call CTEST,build/asan)

.PHONY: tsan
tsan: install ## Runs the tests of relay, transports, storage and its PostgreSQL under ThreadSanitizer
	@$(call BUILD,tsan,$(addsuffix /all,$(TSAN_FOLDERS)))
	@for folder in $(TSAN_FOLDERS); do $(call CTEST,build/tsan/$$folder); done

.PHONY: lint-fast
lint-fast: ## Checks layers, style, Python types: seconds
	@$(PYTHON_BIN)/python tools/check_layers.py
	@$(PYTHON_BIN)/python tools/tidy.py
	@$(PYTHON_BIN)/ruff check --quiet .
	@tools/check-types

.PHONY: lint
lint: build lint-fast ## Checks everything, clang-tidy too: minutes
	@tools/clang-tidy build/dev

.PHONY: fmt
fmt: ## Formats what you changed (C++ and Python)
	@changed() { git diff -z --name-only --diff-filter=d HEAD -- "$$@"; git ls-files -z --others --exclude-standard -- "$$@"; }; \
	changed '*.cc' '*.h' | xargs -0r clang-format-14 -i; \
	changed '*.py' | xargs -0r $(PYTHON_BIN)/ruff format

SECONDS_EACH ?= 600
.PHONY: fuzz
fuzz: install ## Runs each fuzz target for SECONDS_EACH (600) seconds; T=name runs one
	@$(call BUILD,fuzz,fuzzers)
	@tools/run-fuzzers build/fuzz $(SECONDS_EACH) $(T)

ENVELOPES ?= 20000
KILLS ?= 30
.PHONY: crash-audit
crash-audit: programs ## Kills relay, runtime, worker and server at random under load and counts every one of ENVELOPES (20000)
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/audit.py --envelopes $(ENVELOPES) --kills $(KILLS)

.PHONY: crash-audit-postgres
crash-audit-postgres: programs ## The same on PostgreSQL, whose own processes are killed as well
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/audit.py --envelopes $(ENVELOPES) --kills $(KILLS) --place postgres

.PHONY: crash-audit-rabbitmq
crash-audit-rabbitmq: programs ## The same on RabbitMQ, whose node is killed as well
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/audit.py --envelopes $(ENVELOPES) --kills $(KILLS) --place rabbitmq

.PHONY: crash-audit-sqs
crash-audit-sqs: programs ## The same on SQS; moto, which stands for it, keeps nothing and is left alone
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/audit.py --envelopes $(ENVELOPES) --kills $(KILLS) --place sqs

.PHONY: crash-audit-pubsub
crash-audit-pubsub: programs ## The same on Pub/Sub; pstest, which stands for it, keeps nothing and is left alone
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/audit.py --envelopes $(ENVELOPES) --kills $(KILLS) --place pubsub

.PHONY: crash-audit-sanitized
crash-audit-sanitized: ENVELOPES = 2000
crash-audit-sanitized: KILLS = 12
crash-audit-sanitized: programs ## The same with relays that are built with ASan and UBSan, then with TSan, on all five; a report of theirs fails it
	@$(call BUILD,asan,$(RELAYS))
	@$(call BUILD,tsan,$(RELAYS))
	@for build in asan tsan; do mkdir -p build/$$build/relays; ln -sf $(RELAYS:%=../bin/%) build/$$build/relays; \
		for place in $(or $(PLACE),sqlite postgres rabbitmq sqs pubsub); do echo "relays of build/$$build"; PATH="$(PYTHON_BIN):$$PATH" ASYA_BIN=$(CURDIR)/build/$$build/relays python tests/crash/audit.py \
		--envelopes $(ENVELOPES) --kills $(KILLS) --place $$place; done; done

.PHONY: crash-matrix
crash-matrix: programs ## Death at each step of the relay, and each fault, on each transport, every envelope counted; PLACE=name runs one
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/matrix.py $(if $(PLACE),--place $(PLACE)) $(if $(SEED),--seed $(SEED)) \
		$(if $(REPEATS),--repeats $(REPEATS))

.PHONY: aggregated-load
aggregated-load: DURATION = 600
aggregated-load: install ## Two servers behind a kube-apiserver under load for DURATION (600) seconds, killed now and then; SEED=n
	@$(call BUILD,release,asya-server)
	@ASYA_BIN=$(CURDIR)/build/release/bin PYTHONPATH=tools:cli $(PYTHON_BIN)/python tests/e2e/aggregated_load.py \
		--seconds $(DURATION) $(if $(SEED),--seed $(SEED))

DURATION ?= 1800
.PHONY: soak
soak: programs ## Half of the load that is possible, for DURATION (1800) seconds; memory and connections are sampled; PLACE=name
	@PATH="$(PYTHON_BIN):$$PATH" python tests/crash/soak.py --seconds $(DURATION) --place $(or $(PLACE),rabbitmq)

.PHONY: bench-local
bench-local: programs bench-environment ## Measures the whole local stack against its bars, beside Dramatiq
	@$(call BUILD,release,asya_bench_client)
	@python=$$(tools/python-environment build/requirements-bench.txt)/bin/python; \
	$$python bench/local/run.py --python $$python $(if $(STRICT),--strict)

.PHONY: bench-relay
bench-relay: programs bench-environment ## Measures the relay on each broker beside the least that does the same (PARTS=some; others follow)
	@$(call BUILD,release,bench_relay)
	@tools/postgres --durable run tools/rabbitmq run build/release/bin/bench_relay --python $(PYTHON_BIN)/python \
		--runtime build/asya_runtime.pyz $(if $(STRICT),--strict) $(PARTS)
	@$(if $(PARTS),:,$(MAKE) bench-brokers bench-instructions)

.PHONY: bench-brokers
bench-brokers: programs bench-environment ## Measures a chain on RabbitMQ beside Celery and Dramatiq; QUEUES=classic|quorum
	@$(call BUILD,release,asya_bench_client)
	@python=$$(tools/python-environment build/requirements-bench.txt)/bin/python; \
	$$python bench/local/brokers.py --python $$python $(if $(QUEUES),--queues $(QUEUES)) $(if $(STRICT),--strict)

.PHONY: bench-instructions
bench-instructions: bench-environment ## Counts the instructions of the data path's pieces with Callgrind, against the stored counts
	@$(call BUILD,release,bench_instructions bench_gateway)
	@$(PYTHON_BIN)/python bench/instructions/run.py $(if $(STRICT),--strict)
	@$(PYTHON_BIN)/python bench/instructions/gateway.py $(if $(STRICT),--strict)

.PHONY: bench-hops
bench-hops: programs bench-environment ## Counts the instructions and system calls of a hop, beside those of raw clients
	@$(call BUILD,release,bench_hops)
	@tools/postgres run tools/rabbitmq run $(PYTHON_BIN)/python bench/instructions/hops.py $(PLACES)

.PHONY: bench-environment
bench-environment: install
	@tools/install packages-bench.txt
	@mkdir -p build; cat tools/requirements.txt tools/requirements-bench.txt >build/requirements-bench.txt

.PHONY: bench-sqs
bench-sqs: programs ## Measures one relay on SQS (moto): calls a hop, counted by both ends, and memory
	@$(call BUILD,release,bench_echo_runtime)
	@$$(tools/python-environment tools/requirements-moto.txt)/bin/python bench/sqs/run.py $(if $(STRICT),--strict)

.PHONY: bench-runtime
bench-runtime: install ## Measures the Python runtime against two minimal servers
	@$(PYTHON_BIN)/python bench/runtime/run.py $(if $(STRICT),--strict)

.PHONY: bench-storage
bench-storage: programs ## Measures the stores and the API on them: creates, gets, lists, watch lag, tasks, memory with 10,000 actors
	@$(call BUILD,release,bench_storage bench_api)
	@tools/postgres --durable run build/release/bin/bench_storage
	@tools/postgres --durable run build/release/bin/bench_api --python $(PYTHON_BIN)/python \
		--runtime build/asya_runtime.pyz --crew crew $(if $(STRICT),--strict)

.PHONY: bench-api
bench-api: programs ## Measures the API on PostgreSQL beside kube-apiserver with etcd serving the same kinds as CRDs
	@$(call BUILD,release,bench_api_client bench_null_server)
	@$(PYTHON_BIN)/python bench/api/run.py $(if $(STRICT),--strict)

.PHONY: bench-cluster
bench-cluster: programs ## Measures the controllers on a kube-apiserver without nodes: children written, 1,000 actors, restart, rest
	@ASYA_BIN=$(CURDIR)/build/release/bin tools/postgres --durable run $(PYTHON_BIN)/python bench/cluster/run.py $(if $(STRICT),--strict)

.PHONY: bench-wake
bench-wake: programs install-cluster bench-environment ## Measures how soon KEDA asks for a first replica, on a real cluster, beside KEDA's own trigger and the least push scaler
	@tools/build-go kubectl >/dev/null
	@python=$$(tools/python-environment build/requirements-bench.txt)/bin/python; \
	ASYA_BIN=$(CURDIR)/build/release/bin tools/testcluster run $$python bench/cluster/wake.py $(if $(STRICT),--strict)

.PHONY: bench-transports
bench-transports: install ## Measures the SQL transports beside plain SQL doing the same rows in the same batches
	@$(call BUILD,release,bench_transports)
	@tools/postgres --durable run build/release/bin/bench_transports $(if $(STRICT),--strict)

.PHONY: docs-check
docs-check: ## Checks that what the documents name exists
	@$(PYTHON_BIN)/python tools/check_docs.py

.PHONY: clean
clean: ## Removes what was built (the caches outside the checkout stay)
	@rm -rf build out
