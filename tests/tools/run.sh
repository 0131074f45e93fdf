#!/bin/sh
# run.sh BUILD...: runs every test of each build directory, counts TAP lines,
# and closes with "N passed, N failed". A program that dies, or says nothing,
# is a failure. Logs stay in BUILD/log/.
passed=0
failed=0
skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1

count() { # name status log
	ok=$(grep -cE '^ok ' "$3")
	skip=$(grep -cE '^ok .*# *SKIP' "$3")
	bad=$(grep -cE '^not ok ' "$3")
	ok=$((ok - skip))
	if [ "$bad" = 0 ] && { [ "$2" != 0 ] || [ $((ok + skip)) = 0 ]; }; then
		bad=1
	fi
	passed=$((passed + ok))
	skipped=$((skipped + skip))
	failed=$((failed + bad))
	if [ "$bad" != 0 ]; then
		echo "FAIL $1 (exit $2): $3"
		grep -E '^not ok|ERROR|runtime error|replay' "$3" | head -20
		tail -15 "$3"
	else
		echo "pass $1: $ok"
	fi
	grep -E '# *SKIP' "$3" | sed 's/^/     /'
}

one() { # build kind program [args]
	log=$1/log/$2.log
	mkdir -p "$1/log"
	name="$(basename "$1")/$2"
	shift 2
	"$@" >"$log" 2>&1 </dev/null
	count "$name" $? "$log"
}

mkdir -p "$1/log"
one "$1" rings sh tests/tools/rings.sh --self-test
for build in "$@"; do
	for source in tests/unit/*.c tests/property/*.c; do
		[ -e "$source" ] || continue
		kind=$(basename "$(dirname "$source")")
		name=$(basename "$source" .c)
		one "$build" "$name" "$build/$kind/$name"
	done
	for script in tests/lab/*_test.sh; do
		[ -e "$script" ] || continue
		one "$build" "$(basename "$script" .sh)" sh "$script" "$build"
	done
done
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
