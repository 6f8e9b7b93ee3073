#!/bin/sh
# All tests, in two lots at the same time: what only computes yields to what is timed, and is done before most browsers,
# which fill this machine by themselves.
set -u
cd "$(dirname "$0")/.."

beside="tests/hearings tests/scheduling tests/test_architecture.py"
timed="tests/bench tests/media tests/browser tests/frontend tests/story"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# shellcheck disable=SC2086  # one path for each word
nice -n 19 .venv/bin/pytest "$@" $beside >"$log" 2>&1 &
lot=$!
failed=0
# shellcheck disable=SC2086
.venv/bin/pytest "$@" $timed || failed=1
wait "$lot" || failed=1
cat "$log"
exit "$failed"
