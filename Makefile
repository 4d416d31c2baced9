# One word each. Every target sets up what it needs in .venv, on a machine that has only
# Python 3.11+, a C++20 compiler and make; cmake and ninja come from PyPI where they are missing.

PYTHON ?= python3
JOBS   ?= auto

# Of `make prove`: how many random problems, and the seed of the first one.
COUNT  ?= 20000
SEED   ?= 0

BIN   := .venv/bin
PIP   := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP := .venv/stamps

# What the installed package is made of: change one and the next target installs again.
# CMake keeps its own build folder, so that only what changed is compiled.
SOURCES := pyproject.toml CMakeLists.txt \
           $(shell find cpp src -type f -not -name '*.pyc' -not -name '*.so' 2>/dev/null)

# In CI a compiler warning is an error, and the tests include those under the sanitizers.
STRICT := $(if $(CI),-C cmake.define.LOGLOSS_WERROR=ON)

.PHONY: help demo test prove lint format stub sanitize prove-verdicts bench bench-kernels docs docs-options docs-pictures clean

help:
	@echo "make demo           fit the breast-cancer table: no file, no network"
	@echo "make test           all tests; with CI=true those under the sanitizers too"
	@echo "make prove          20,000 random certificates against exact arithmetic; COUNT=500 for fewer"
	@echo "make lint           ruff and mypy"
	@echo "make format         let ruff mend what it can"
	@echo "make stub           write src/logloss/_kernels.pyi again"
	@echo "make sanitize       the kernel tests under the sanitizers, for each instruction set"
	@echo "make prove-verdicts 50,000 verdicts on separation against exact arithmetic"
	@echo "make bench          time to a relative gap of 1e-6, against other packages"
	@echo "make bench-kernels  bandwidth and arithmetic rate of the kernels"
	@echo "make docs           the documentation as HTML, in docs/_build"
	@echo "make docs-options   write the table of options in docs/options.md again"
	@echo "make docs-pictures  race the solvers for docs/how-to-choose.md; needs LOGLOSS_DATA"
	@echo "make clean          remove .venv and everything built"

demo: $(STAMP)/package
	$(BIN)/logloss demo

# Tests that measure a time or a memory peak have the machine to themselves.
test: $(STAMP)/package $(STAMP)/test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not alone"
	$(BIN)/python -m pytest -m alone || [ $$? -eq 5 ]
	$(if $(CI),$(MAKE) sanitize)

# Exit status 1 where a certificate is false: python -m tests.search SEED shows one problem.
prove: $(STAMP)/package $(STAMP)/test
	$(BIN)/python -m tests.search --count $(COUNT) --first $(SEED)

lint: $(STAMP)/package $(STAMP)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)/lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

stub: $(STAMP)/package
	$(BIN)/python -m nanobind.stubgen -q -m logloss._kernels -o src/logloss/_kernels.pyi

sanitize: $(STAMP)/package $(STAMP)/test
	PYTHON=$(BIN)/python JOBS=$(JOBS) bash tests/sanitize/run

prove-verdicts: $(STAMP)/package $(STAMP)/test
	OMP_NUM_THREADS=1 $(BIN)/python tests/verdicts

bench: $(STAMP)/package $(STAMP)/bench
	$(BIN)/python -m benchmarks.run

bench-kernels: $(STAMP)/package $(STAMP)/bench
	$(BIN)/python -m benchmarks.kernels

docs: $(STAMP)/package $(STAMP)/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@echo "open docs/_build/index.html"

docs-options: $(STAMP)/package
	$(BIN)/python docs/options.py

docs-pictures: $(STAMP)/package $(STAMP)/test
	$(BIN)/python docs/pictures/draw.py

clean:
	rm -rf .venv build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP)/venv:
	@$(PYTHON) -c 'import sys; sys.exit("logloss needs Python 3.11 or newer; name one: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade "pip>=25.1"
	@mkdir -p $(STAMP) && touch $@

# The build tools, and what the build backend itself says is missing here (cmake, ninja).
$(STAMP)/build: pyproject.toml | $(STAMP)/venv
	$(PIP) install --group build
	@$(BIN)/python -c 'from scikit_build_core.build import get_requires_for_build_wheel as need; print(*need(), sep="\n")' > $(STAMP)/missing.txt
	$(PIP) install -r $(STAMP)/missing.txt
	@touch $@

$(STAMP)/package: $(SOURCES) $(STAMP)/build
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --no-build-isolation $(STRICT) .
	@touch $@

# The dependency groups of pyproject.toml.
$(STAMP)/lint $(STAMP)/test $(STAMP)/bench $(STAMP)/docs: $(STAMP)/%: pyproject.toml | $(STAMP)/venv
	$(PIP) install --group $*
	@touch $@
