#!/bin/sh
# coverage.sh BUILD: runs the tests of the pure rings in a COV=1 build, prints line
# coverage by file and ring, and fails if routing/ or crypto/ is below 90 %.
build=$1
least=90
rings='base config crypto node routing'
find "$build" -name '*.gcda' -delete
export CMOCKA_MESSAGE_OUTPUT=TAP
for source in $(for ring in $rings; do ls tests/unit/"$ring"_*.c tests/property/"$ring"_*.c 2>/dev/null; done); do
	program=$build/$(basename "$(dirname "$source")")/$(basename "$source" .c)
	if ! "$program" >"$build/coverage.log" 2>&1 </dev/null; then
		echo "coverage: $program failed" >&2
		grep '^not ok' "$build/coverage.log" >&2 || tail -20 "$build/coverage.log" >&2
		exit 1
	fi
done

measure() { # gcovr's arguments
	gcovr --root . --object-directory "$build" --gcov-ignore-parse-errors "$@" 2>"$build/coverage.log"
}

measure --filter 'routing/' --filter 'crypto/' --filter 'meshd/base/' --filter 'meshd/node/' \
	--filter 'meshd/config/' --exclude-unreachable-branches | tee "$build/coverage.txt"
status=0
for ring in routing crypto meshd/base meshd/config meshd/node; do
	percent=$(measure --filter "$ring/" | awk '/^TOTAL/ {sub("%", "", $NF); print $NF}')
	[ -n "$percent" ] || { cat "$build/coverage.log" >&2; exit 1; }
	echo "$ring/ line coverage $percent %"
	case $ring in routing | crypto)
		[ "$percent" -ge "$least" ] || { echo "coverage: $ring/ is below $least %" >&2; status=1; } ;;
	esac
done
exit $status
