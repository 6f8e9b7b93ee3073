#!/bin/sh
# All tests, in four rows. What people would notice (browsers, whole hearings, what is timed) goes first; what only
# computes yields to it. What failed beside others is run once more, alone, and that counts.
set -u
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The database of a lane. On PostgreSQL what touches a database is run once more, and nothing else (tests/conftest.py).
engine() {
	case $1 in postgresql) echo postgresql ;; *) echo sqlite ;; esac
}

# A lane runs these tests one after another; its name is its cache, which knows what failed. `$yield` goes before it.
lane() {
	name=$1
	shift
	echo "$@" >"$folder/$name.tests"
	TEST_DATABASE=$(engine "$name") $yield .venv/bin/pytest -o cache_dir="$folder/$name" "$@" >"$folder/$name.log" 2>&1 || : >"$folder/$name.failed"
}
yield=""

# Every file of a folder but these.
but() {
	where=$1
	shift
	for file in "$where"/test_*.py; do
		case " $* " in *" $(basename "$file" .py) "*) ;; *) echo "$file" ;; esac
	done
}

# The files of these names in a folder.
these() {
	where=$1
	shift
	for name in "$@"; do echo "$where/$name.py"; done
}

pages="test_pages test_attacks test_keeping test_coordinator test_witness test_demo test_listening test_browser_itself"
services="test_demo test_rehearsal test_workers test_keeping test_sealing test_listening"
record="test_cosigned_records test_cosigner test_cosigning test_heads test_keeping test_killed test_making test_minutes
test_offers test_outgoing test_outside test_package test_packing test_pades test_protection test_record test_redaction
test_sealkeys test_seals test_sending test_terms test_timestamps test_tree test_vectors test_verify test_verify_minutes
test_verify_page test_verify_sendings test_wording"

{
	lane pages $(these tests/browser $pages)
	lane browsers $(but tests/browser $pages test_declarations)
} &
{
	lane services $(these tests/story $services) tests/bench
	lane stories $(but tests/story $services) tests/media/test_load.py tests/browser/test_declarations.py
} &
yield="nice -n 19"
{
	lane record $(these tests/hearings $record)
	lane postgresql tests/hearings
} &
{
	lane hearing $(but tests/hearings $record) tests/consent tests/scheduling tests/test_architecture.py
	lane doors tests/frontend
	lane packets $(but tests/media test_load)
} &
wait
yield=""

failed=0
for name in hearing record postgresql doors packets services stories pages browsers; do
	echo "== $name"
	cat "$folder/$name.log"
	if [ -e "$folder/$name.failed" ]; then
		echo "== $name: what failed is run once more, alone"
		TEST_DATABASE=$(engine "$name") .venv/bin/pytest -o cache_dir="$folder/$name" --last-failed --last-failed-no-failures none \
			$(cat "$folder/$name.tests") || failed=1
	fi
done
exit "$failed"
