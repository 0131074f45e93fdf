#!/bin/sh
# run.sh BUILD...: runs every test of each build directory, counts TAP lines,
# and closes with "N passed, N failed". A program that dies, or says nothing,
# is a failure. Logs stay in BUILD/log/, and beside each what it came to.
#
# Tests of daemons in a lab wait most of the time, the others compute: of each build
# the two kinds run beside each other, and the daemons are not made to wait for those
# who compute. Those that wait for minutes run beside the other daemons.
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1

count() { # name status seconds log
	ok=$(grep -cE '^ok ' "$4")
	skip=$(grep -cE '^ok .*# *SKIP' "$4")
	bad=$(grep -cE '^not ok ' "$4")
	ok=$((ok - skip))
	if [ "$bad" = 0 ] && { [ "$2" != 0 ] || [ $((ok + skip)) = 0 ]; }; then
		bad=1
	fi
	echo "$ok $bad $skip" >"${4%.log}.count"
	if [ "$bad" != 0 ]; then
		echo "FAIL $1 (exit $2), $3 s: $4"
		grep -E '^not ok|ERROR|runtime error|replay' "$4" | head -20
		tail -15 "$4"
	else
		echo "pass $1: $ok, $3 s"
	fi
	grep -E '# *SKIP' "$4" | sed 's/^/     /'
}

one() { # build name program [args]
	log=$1/log/$2.log
	name="$(basename "$1")/$2"
	shift 2
	began=$(date +%s)
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	# In one piece: others say something at the same time.
	said=$(count "$name" $status $(($(date +%s) - began)) "$log")
	printf '%s\n' "$said"
}

script() { # build name
	[ ! -e "tests/lab/$2_test.sh" ] || one "$1" "$2_test" sh "tests/lab/$2_test.sh" "$1"
}

scripts() { # build name...
	scripts_of=$1
	shift
	for name in "$@"; do
		script "$scripts_of" "$name"
	done
	true
}

computing="compilers simulator sweep topology"
waiting="logs messages outages revoke"

computing_tests() { # build
	for source in tests/property/*.c tests/unit/*.c; do
		[ -e "$source" ] || continue
		kind=$(basename "$(dirname "$source")")
		name=$(basename "$source" .c)
		one "$1" "$name" "$1/$kind/$name"
	done
	scripts "$1" $computing
}

lab_tests() { # build
	for source in tests/lab/*_test.sh; do
		name=$(basename "$source" _test.sh)
		case " $computing $waiting " in
		*" $name "*) ;;
		*) script "$1" "$name" ;;
		esac
	done
	true
}

if [ "$1" = --computing ]; then
	computing_tests "$2"
	exit
fi
for build in "$@"; do
	mkdir -p "$build/log"
	rm -f "$build"/log/*.count
done
one "$1" rings sh tests/tools/rings.sh --self-test
lanes=
for build in "$@"; do
	lab_tests "$build" &
	lanes="$lanes $!"
	scripts "$build" $waiting &
	lanes="$lanes $!"
	nice -n 10 sh "$0" --computing "$build" &
	lanes="$lanes $!"
done
unfinished=0
for lane in $lanes; do
	wait "$lane" || unfinished=$((unfinished + 1))
done
[ $unfinished = 0 ] || echo "FAIL $unfinished runs of tests did not come to their end"
for build in "$@"; do
	cat "$build"/log/*.count
done | awk -v unfinished=$unfinished '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		failed += unfinished
		if (skipped) print skipped " skipped"
		print passed + 0 " passed, " failed + 0 " failed"
		exit failed > 0 || passed == 0
	}'
