#!/bin/sh
# All tests. First what only computes, beside what mostly waits; then what is timed, beside little. What failed beside
# others is run once more, alone, and that counts.
set -u
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The database of a lane. On PostgreSQL what touches a database is run once more, and nothing else (tests/conftest.py).
engine() {
	case $1 in postgresql) echo postgresql ;; *) echo sqlite ;; esac
}

# A lane runs these tests one after another; its name is its cache, which knows what failed.
lane() {
	name=$1
	shift
	echo "$@" >"$folder/$name.tests"
	TEST_DATABASE=$(engine "$name") .venv/bin/pytest -o cache_dir="$folder/$name" "$@" >"$folder/$name.log" 2>&1 || : >"$folder/$name.failed"
}

# Every file of a folder but these.
but() {
	where=$1
	shift
	for file in "$where"/test_*.py; do
		case " $* " in *" $(basename "$file" .py) "*) ;; *) echo "$file" ;; esac
	done
}

pages="test_pages test_attacks test_keeping test_coordinator test_witness test_demo test_listening test_browser_itself"
services="test_demo test_rehearsal test_workers test_keeping test_sealing test_listening"

{
	lane computing tests/hearings tests/consent tests/scheduling tests/test_architecture.py
	lane packets $(but tests/media test_load)
} &
{
	lane services $(for one in $services; do echo "tests/story/$one.py"; done) tests/bench
	lane postgresql tests/hearings
} &
{
	lane pages $(for one in $pages; do echo "tests/browser/$one.py"; done)
	lane doors tests/frontend
} &
wait
lane browsers $(but tests/browser $pages test_declarations) &
lane stories $(but tests/story $services) tests/media/test_load.py tests/browser/test_declarations.py &
wait

failed=0
for name in computing postgresql services doors pages packets browsers stories; do
	echo "== $name"
	cat "$folder/$name.log"
	if [ -e "$folder/$name.failed" ]; then
		echo "== $name: what failed is run once more, alone"
		TEST_DATABASE=$(engine "$name") .venv/bin/pytest -o cache_dir="$folder/$name" --last-failed --last-failed-no-failures none \
			$(cat "$folder/$name.tests") || failed=1
	fi
done
exit "$failed"
