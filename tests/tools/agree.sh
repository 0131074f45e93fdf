#!/bin/sh
# agree.sh BUILD RUNS: the demonstration live, RUNS times with other seeds, and in the
# simulator with the start times of each and twenty seeds. Medians side by side; fails
# if the restore time differs by more than 20 %, or the gap when the satellite falls
# silent by more than 50 ms + 20 %. Figures of each run stay in build/agree/.
set -u
build=$1
runs=$2
seeds=20
out=build/agree
scenario=sim/demo/simulated.yaml

rm -rf "$out" && mkdir -p "$out" || exit 1

# number FILE KEY: of a JSON file with a key in each line.
number() {
	sed -n "s/^ *\"$2\": \([0-9.]*\),*\$/\1/p" "$1" | head -1
}

# started NODE: seconds from the first switch until its daemon had started.
started() {
	awk -v node="$1" -v zero="$(number build/demo/run.json power_on_us)" '
		/"at_us":/ { at = $2 + 0 }
		/"who":/ { who = $2; gsub(/[",]/, "", who) }
		/"text": "started / && who == node { printf "%.3f", (at - zero) / 1e6 }
	' build/demo/run.json
}

# simulate V R S SEED: nodes started so long after the first switch.
simulate() {
	sed -E -e "s/at: [0-9.]+, do: power-on vehicle-1/at: $(add 10 "$1"), do: power-on vehicle-1/" \
		-e "s/at: [0-9.]+, do: power-on backpack-relay/at: $(add 10 "$2"), do: power-on backpack-relay/" \
		-e "s/at: [0-9.]+, do: power-on backpack-scene/at: $(add 10 "$3"), do: power-on backpack-scene/" \
		-e "s/after: [0-9.]+, every: 100ms/after: $(add 10 "$3"), every: 100ms/" "$scenario" >"$out/simulated.yaml"
	"$build/bin/meshsim" run "$out/simulated.yaml" --seed "$4" --json "$out/simulated.json" >/dev/null 2>&1
	sed -n 's/^ *"measured": //p' "$out/simulated.json" | tr -d ',' | tr '\n' ' ' |
		awk -v start="$3" '{ gap = $2 > $3 ? $2 : $3; printf "%.3f %.3f\n", start + $1, gap - 0.010 }'
}

add() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a + b }'
}

median() { # FILE COLUMN
	awk -v c="$2" '{ print $c }' "$1" | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

range() { # FILE COLUMN
	awk -v c="$2" '{ print $c }' "$1" | sort -n | awk 'NR == 1 { low = $1 } END { printf "%.2f..%.2f", low, $1 }'
}

: >"$out/live" && : >"$out/simulated"
run=0
while [ "$run" -lt "$runs" ]; do
	run=$((run + 1))
	sh sim/demo/run.sh "$build" "$run" >"$out/demo-$run.log" 2>&1 || {
		echo "agree: live run $run did not hold: see $out/demo-$run.log" >&2
		exit 1
	}
	live="$(number build/demo/result.json restored_s) $(number build/demo/result.json failover_gap_s)"
	starts="$(started vehicle-1) $(started backpack-relay) $(started backpack-scene)"
	echo "$live $starts" >>"$out/live"
	seed=0
	while [ "$seed" -lt "$seeds" ]; do
		seed=$((seed + 1))
		# shellcheck disable=SC2086
		simulate $starts $((run * 1000 + seed)) >>"$out/simulated"
	done
	echo "run $run of $runs: restored and gap $live s; started after $starts s"
done

printf '%-22s %10s %14s %10s %14s\n' "" live "" simulated ""
failed=0
for row in 1:restored:0.20:0 2:gap:0.20:0.050; do
	IFS=: read -r column name share more <<-END
		$row
	END
	l=$(median "$out/live" "$column") s=$(median "$out/simulated" "$column")
	verdict=$(awk -v l="$l" -v s="$s" -v share="$share" -v more="$more" \
		'BEGIN { d = s > l ? s - l : l - s; print d <= share * l + more ? "agree" : "DISAGREE" }')
	[ "$verdict" = agree ] || failed=1
	printf '%-22s %8s s %14s %8s s %14s  %s\n' "$name, median" "$l" "$(range "$out/live" "$column")" "$s" \
		"$(range "$out/simulated" "$column")" "$verdict"
done
exit "$failed"
