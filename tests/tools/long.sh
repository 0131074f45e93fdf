#!/bin/sh
# long.sh MESHSIM: the scenarios that take minutes (sim/scenarios/long/). Prints TAP.
count=0
failures=0
for scenario in sim/scenarios/long/*.yaml; do
	count=$((count + 1))
	if "$1" run "$scenario" >"/tmp/long.$$" 2>&1; then
		echo "ok $count - $(basename "$scenario" .yaml)"
	else
		failures=$((failures + 1))
		echo "not ok $count - $(basename "$scenario" .yaml)"
		sed 's/^/# /' "/tmp/long.$$"
	fi
	rm -f "/tmp/long.$$"
done
echo "1..$count"
[ "$failures" = 0 ]
