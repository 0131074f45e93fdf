#!/bin/sh
# meshsim sweep as people call it: the same CSV whoever ran it, also when workers
# are killed on the way, and under mpirun where OpenMPI is installed.
. tests/lab/lib.sh

meshsim=$PWD/$1/bin/meshsim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/sweep.yaml" <<END
scenario: $PWD/sim/scenarios/three-outage.yaml
seeds: 1..6
set: [{link: satellite, field: delay, values: [40ms, 270ms]}]
metrics: [passed, flows.scene-to-city.gap_s, hash]
END

sweep() { # CSV ARGUMENTS...
	sweep_csv=$1
	shift
	timeout 120 "$meshsim" sweep "$work/sweep.yaml" --csv "$work/$sweep_csv" "$@"
}

same_as_one() { # CSV
	cmp "$work/one.csv" "$work/$1"
}

two_workers() {
	sweep two.csv --workers 2 && same_as_one two.csv
}

# Kills a worker as soon as there is one: the sweep must say so and miss no row.
lost_worker() {
	"$meshsim" sweep "$work/sweep.yaml" --csv "$work/lost.csv" --workers 2 2>"$work/lost.err" &
	lost_pid=$!
	until lost_child=$(pgrep -P "$lost_pid" | head -1) && [ -n "$lost_child" ]; do
		kill -0 "$lost_pid" || return 1
	done
	kill -9 "$lost_child"
	wait "$lost_pid" && grep "its worker is lost; another takes its place" "$work/lost.err" && same_as_one lost.csv
}

refused() { # TEXT ARGUMENTS...
	refused_text=$1
	shift
	"$meshsim" sweep "$@" >"$work/out" 2>"$work/err"
	refused_status=$?
	cat "$work/err"
	[ "$refused_status" = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$refused_text" "$work/err"
}

check "a sweep with one worker writes each run" sweep one.csv --workers 1
check "its rows are head, seeds and values" [ "$(wc -l <"$work/one.csv")" = 13 ]
check "two workers write the same" two_workers
check "the work of a killed worker is done again" lost_worker
check "the shipped sweep can be read" sh -c "timeout 120 '$meshsim' sweep sim/scenarios/sweeps/three-outage.yaml |
	head -1 | grep -q '^seed,satellite.delay,radio.loss,passed,'"
check "a sweep that is not there ends 2" refused "name a sweep that is there" "$work/none.yaml"
check "no workers ends 2" refused "--workers needs a number" "$work/sweep.yaml" --workers 0
check "a file that cannot be written ends 2" refused "name another file" "$work/sweep.yaml" --csv "$work/no/such.csv"

# What MPI's libraries do not give back is not ours.
ranks() { # COUNT: the CSV of so many ranks is that of one worker.
	ASAN_OPTIONS=detect_leaks=0 timeout 120 mpirun --allow-run-as-root --oversubscribe -n "$1" "$meshsim" \
		sweep "$work/sweep.yaml" --csv "$work/ranks.csv" && same_as_one ranks.csv
}

# rank_pid MPIRUN NUMBER
rank_pid() {
	for rank_pid in $(pgrep -P "$1" -x meshsim); do
		tr '\0' '\n' <"/proc/$rank_pid/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$2" && echo "$rank_pid"
	done
}

# A worker, or a whole rank, is killed after the first row of long runs.
lost_of_ranks() { # rank|worker TEXT
	rm -f "$work/lost.csv"
	ASAN_OPTIONS=detect_leaks=0 mpirun --allow-run-as-root --oversubscribe --enable-recovery -n 3 "$meshsim" \
		sweep "$work/long.yaml" --csv "$work/lost.csv" 2>"$work/lost.err" &
	lost_pid=$!
	until [ -e "$work/lost.csv" ] && [ "$(wc -l <"$work/lost.csv")" -ge 2 ]; do
		kill -0 "$lost_pid" || return 1
	done
	lost_victim=$(rank_pid "$lost_pid" 2)
	[ "$1" = rank ] || lost_victim=$(pgrep -P "$lost_victim" -x meshsim)
	kill -9 "$lost_victim"
	wait "$lost_pid" || { echo "mpirun ended $?"; cat "$work/lost.err"; return 1; }
	cat "$work/lost.err"
	grep -q "meshsim: rank 2 $2" "$work/lost.err" && grep -q "it is done again" "$work/lost.err" &&
		cmp "$work/long.csv" "$work/lost.csv"
}

if ! command -v mpirun >/dev/null; then
	count=$((count + 1))
	echo "ok $count - ranks of mpirun write the same # SKIP mpirun is not installed (openmpi-bin)"
elif ! ldd "$meshsim" | grep -q libmpi; then
	count=$((count + 1))
	echo "ok $count - ranks of mpirun write the same # SKIP meshsim is built without MPI (libopenmpi-dev)"
else
	check "two ranks of mpirun write the same" ranks 2
	check "four ranks of mpirun write the same" ranks 4
	printf 'scenario: %s\nseeds: 1..6\n' "$PWD/sim/scenarios/07-silence-then-cut.yaml" >"$work/long.yaml"
	check "long runs with two workers" timeout 120 "$meshsim" sweep "$work/long.yaml" --csv "$work/long.csv"
	check "the work of a rank without worker is done again" lost_of_ranks worker "has lost its worker"
	check "the work of a lost rank is done again" lost_of_ranks rank "is silent"
fi
lab_done
