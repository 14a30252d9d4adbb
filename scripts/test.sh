#!/usr/bin/env bash
# Every check of the project: C++ tests, the same under ASan and UBSan, lint, types, pytest, the wheel in a venv.
#   scripts/test.sh                  everything
#   scripts/test.sh cpp python       only these stages: cpp asan lint types python wheel
#   scripts/test.sh python -- -k glb pytest arguments after --
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

stages=()
while [ $# -gt 0 ]; do
    case $1 in
    cpp | asan | lint | types | python | wheel) stages+=("$1") ;;
    --) shift; break ;;
    *) echo "usage: $0 [cpp|asan|lint|types|python|wheel]... [-- PYTEST-ARGUMENTS]" >&2; exit 2 ;;
    esac
    shift
done
[ ${#stages[@]} -gt 0 ] || stages=(cpp asan lint types python wheel)

setup dev

cpp_tests() {
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1"
    ctest --preset "$1"
}

lint() {
    ruff check .
    ruff format --check .
    find cpp -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run --Werror
}

# What users install: built as a wheel, put into an empty environment away from the sources, and used there.
wheel() {
    local place
    place=$(mktemp -d)
    python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$place" .
    python -m venv "$place/venv"
    "$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$place"/geovision-*.whl
    (
        cd "$place"
        venv/bin/geovision doctor
        venv/bin/geovision generate --count 20 --no-preview --quiet --output city
        test -s city/index.json
    )
    rm -rf "$place"
}

for stage in "${stages[@]}"; do
    say "stage: $stage"
    case $stage in
    cpp) cpp_tests tests ;;
    asan) cpp_tests asan ;;
    lint) lint ;;
    types) mypy ;;
    wheel) wheel ;;
    python) python -m pytest -n "${GEOVISION_TEST_WORKERS:-2}" "$@" ;;
    esac
done
say "all stages passed: ${stages[*]}"
