#!/bin/sh
# coverage.sh BUILD: runs the unit and property tests of a COV=1 build and
# prints line coverage of the pure rings.
build=$1
find "$build" -name '*.gcda' -delete
export CMOCKA_MESSAGE_OUTPUT=TAP
for source in tests/unit/*.c tests/property/*.c; do
	program=$build/$(basename "$(dirname "$source")")/$(basename "$source" .c)
	"$program" >"$build/coverage.log" 2>&1 </dev/null || { tail -20 "$build/coverage.log"; exit 1; }
done
gcovr --root . --object-directory "$build" --filter 'routing/' --filter 'crypto/' --filter 'meshd/base/' \
	--filter 'meshd/node/' --exclude-unreachable-branches --gcov-ignore-parse-errors 2>/dev/null | tee "$build/coverage.txt"
for ring in routing crypto; do
	gcovr --root . --object-directory "$build" --filter "$ring/" --gcov-ignore-parse-errors 2>/dev/null |
		awk -v ring=$ring '/^TOTAL/ {print ring "/ line coverage " $NF}'
done
