#!/bin/sh
# long.sh MESHSIM: the scenarios that take minutes (sim/scenarios/long/). Prints TAP.
. tests/lab/lib.sh
for scenario in sim/scenarios/long/*.yaml; do
	check "$(basename "$scenario" .yaml)" "$1" run "$scenario"
done
lab_done
