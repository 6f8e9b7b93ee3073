#!/bin/sh
# All tests. What only computes runs first, in two halves at the same time; what is timed bears nothing beside it.
set -u
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

.venv/bin/pytest "$@" tests/hearings/test_[a-p]*.py >"$log" 2>&1 &
half=$!
.venv/bin/pytest "$@" tests/hearings/test_[q-z]*.py tests/scheduling tests/test_architecture.py || failed=1
wait "$half" || failed=1
cat "$log"

.venv/bin/pytest "$@" --ignore tests/hearings --ignore tests/scheduling --ignore tests/test_architecture.py || failed=1
exit "$failed"
