# Everything a newcomer or the CI calls. Each target sets up what it needs.
PY := .venv/bin/python
SECONDS ?= 0
ONLY ?=
SEED ?= 2026
EACH ?= 4
EXAMPLES ?= 300
SCENARIO ?=
SOAK ?= 2
# Tests mostly wait for ports, brokers and children, so twice as many run at once as there are cores in the CI.
WORKERS ?= 4
# Many images say that Python is to write no bytecode: then each worker rewrites every test, and each of some hundred
# programs that the tests start compiles itself, every time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo test lint bench fuzz measures flag-measures faults faults-proof lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml deploy/setup.sh
	@sh deploy/setup.sh

demo: .venv/ready
	@exec $(PY) -m deploy.demo --seconds $(SECONDS)

test: .venv/ready lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

bench: .venv/ready
	$(PY) -m tests.bench $(if $(ONLY),--only $(ONLY))

measures: .venv/ready
	$(PY) -m tests.measures --seed $(SEED) --each $(EACH)

# How often the rules of docs/flags.md alarm on honest months, and what they find; some minutes.
flag-measures: .venv/ready
	$(PY) -m tests.measures.flags --seed $(SEED)

# Asks every operation of the API longer than make test does, so many times.
fuzz: .venv/ready
	JISHI_FUZZ_EXAMPLES=$(EXAMPLES) $(PY) -m pytest tests/collector/api/test_description.py

# All scenarios, then a soak of SOAK minutes. A seed that nobody gives is drawn, and printed.
faults: .venv/ready
	$(PY) -m tests.faults --soak $(SOAK) $(if $(SCENARIO),--scenario $(SCENARIO)) \
	  $(if $(filter-out file,$(origin SEED)),--seed $(SEED))

# Takes out one guard after the other and wants the oracle to notice; prints the table of docs/faults.md.
faults-proof: .venv/ready
	$(PY) -m tests.faults.proof

# Needs uv; writes versions and hashes, never addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-annotate --no-header --extra test --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
