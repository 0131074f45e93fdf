#!/bin/sh
# Twelve routers of four kinds, links that are cut, fall silent and heal at random, for as long as is wanted:
#
#   sh tests/interop/soak.sh BUILD SECONDS [SEED]
#
# All the while every router sends packets to every other one that live for 32 hops: one that is sent back as too old
# went in a circle. After each event every pair that is still connected must reach each other, both families, within
# the settle time. Prints figures; exit 0 if there was no loop with a meshd in it and no pair that stayed apart.
. tests/lab/lib.sh
. tests/interop/lib.sh

settle_s=${SOAK_SETTLE:-60}
least_s=6 # between events, so that what is wrong has time to show
down_most=6
hops=32
probe_ms=500
babeld_hello=1 babeld_update=4
hello_ms=1000 update_ms=4000

names="m1 b1 r1 f1 m2 b2 r2 f2 m3 b3 r3 f3"
ring="m1-b1 b1-r1 r1-f1 f1-m2 m2-b2 b2-r2 r2-f2 f2-m3 m3-b3 b3-r3 r3-f3 f3-m1"
chords="m1-r2 b1-f2 r1-m3 f1-b3 m2-r3 b2-f3"

kind_by_name() {
	case $1 in
	m*) echo meshd ;;
	b*) echo babeld ;;
	r*) echo bird ;;
	f*) echo frr ;;
	esac
}

# --- the oracle -------------------------------------------------------------------------------------

probes_start() {
	probes=
	mkdir -p "$work/probes"
	for from in $routers; do
		targets=
		for to in $routers; do
			[ "$from" = "$to" ] || targets="$targets $to=$(v4_of "$to")=$(v6_of "$to")"
		done
		# shellcheck disable=SC2086
		ip netns exec "$from" "$prober" "$work/probes" "$from" $hops $probe_ms "$(v4_of "$from")" "$(v6_of "$from")" \
			$targets &
		probes="$probes $!"
	done
}

loops_seen() {
	cat "$work/probes"/*.loops | wc -l
}

# Addresses by which the routers speak that are no meshds: whoever else sends a packet back is one.
others_write() {
	for name in $routers; do
		[ "$(kind_of "$name")" != meshd ] || continue
		printf '%s\n%s\n' "$(v4_of "$name")" "$(v6_of "$name")"
		while read -r peer wire end; do echo "10.78.$wire.$end"; done <"$net/$name.interfaces"
	done >"$work/others"
}

# Packets that a meshd sent back: it was part of a circle.
loops_of_meshd() {
	cat "$work/probes"/*.loops | awk '{ print $3 }' | grep -cvxF -f "$work/others"
}

# --- events ---------------------------------------------------------------------------------------------

random() { # below this
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	chosen=$((seed / 65536 % $1))
}

nth() { # n word...
	shift "$1"
	echo "$2"
}

has_word() { # word word...
	case " $2 " in *" $1 "*) return 0 ;; esac
	return 1
}

without() { # word words
	echo " $2 " | sed "s/ $1 / /; s/^ *//; s/ *$//"
}

# Links that are not down.
up_find() {
	up=
	for link in $ring $chords; do has_word "$link" "$down" || up="$up $link"; done
}

event_happen() {
	count_down=$(echo "$down" | wc -w)
	random 10
	if [ $count_down -ge $down_most ] || { [ $count_down -gt 0 ] && [ $chosen -lt 4 ]; }; then
		random $count_down
		link=$(nth $chosen $down)
		down=$(without "$link" "$down")
		event="restore $link"
	else
		up_find
		verb=cut
		[ $chosen -lt 8 ] || verb=silence
		random "$(echo "$up" | wc -w)"
		link=$(nth $chosen $up)
		down="$down $link"
		event="$verb $link"
	fi
	# shellcheck disable=SC2086
	meshlab ctl $event || echo "# meshlab ctl $event failed"
}

# The part of the network that a router is in, by the links that are up: its first router's name.
parts_find() {
	up_find
	echo "$up" | tr ' ' '\n' | awk -F- -v names="$names" '
		BEGIN { n = split(names, name, " "); for (i = 1; i <= n; i++) part[name[i]] = i }
		NF == 2 { a[++links] = $1; b[links] = $2 }
		END {
			do {
				changed = 0
				for (i = 1; i <= links; i++) {
					x = part[a[i]]; y = part[b[i]]
					if (x < y) { part[b[i]] = x; changed = 1 }
					if (y < x) { part[a[i]] = y; changed = 1 }
				}
			} while (changed)
			for (i = 1; i <= n; i++) print name[i], part[name[i]]
		}' >"$work/parts"
}

# Every one has, of late, an answer from each one that it is connected to.
connected_reach() {
	(cd "$work/probes" && awk -v late=$((3 * probe_ms)) '
		FILENAME ~ /parts$/ { part[$1] = $2; next }
		FNR == 1 { from = FILENAME; sub(/^\.\//, "", from); sub(/\.state$/, "", from); files++ }
		part[from] == part[$1] && ($2 < 0 || $2 > late || $3 < 0 || $3 > late) {
			if (!bad++) print from " does not reach " $1 " (" $2 " and " $3 " ms ago)"
		}
		END { exit bad > 0 || files == 0 }' ../parts ./*.state)
}

# --- the run ----------------------------------------------------------------------------------------------

soak() {
	down=
	parts_find
	others_write
	probes_start
	check "all reach all before it begins" within 120 connected_reach
	[ "$failures" = 0 ] || { way_tell "$(connected_reach)"; return; }
	end=$(($(now_ms) + soak_s * 1000))
	events=0
	apart=0
	seen_loops=0
	: >"$work/settled"
	while [ "$(now_ms)" -lt $end ]; do
		event_happen
		events=$((events + 1))
		began=$(now_ms)
		parts_find
		sleep $((2 * probe_ms / 1000)) # until the answers of before do not count
		if seen=$(within $settle_s connected_reach); then
			echo $(($(now_ms) - began)) >>"$work/settled"
		else
			apart=$((apart + 1))
			echo "# after $event (down: $down): $seen within $settle_s s"
			way_tell "$seen"
		fi
		loops=$(loops_seen)
		[ "$loops" = $seen_loops ] || {
			echo "# after $event (down: $down): $((loops - seen_loops)) packets went in a circle"
			loops_tell
		}
		seen_loops=$loops
		until [ "$(now_ms)" -ge $((began + least_s * 1000)) ]; do sleep 0.1; done
	done
	# shellcheck disable=SC2086
	kill $probes 2>/dev/null
	echo "# $events events in $soak_s s, seed $first_seed; $(figures)"
	echo "# $(loops_seen) packets went in a circle, $(loops_of_meshd) of them through a meshd"
	check "no packet went in a circle through a meshd" test "$(loops_of_meshd)" = 0
	check "whoever was connected met within $settle_s s" test "$apart" = 0
}

figures() {
	sort -n "$work/settled" | awk '
		{ s[NR] = $1 }
		END { if (NR) printf "until all met: median %.1f s, nine of ten %.1f s, longest %.1f s", s[int((NR + 1) / 2)] / 1000,
			s[int(NR * 0.9 + 0.5)] / 1000, s[NR] / 1000 }'
}

loops_tell() {
	for file in "$work/probes"/*.loops; do
		[ -s "$file" ] || continue
		echo "#   from $(basename "$file" .loops): $(tail -1 "$file")"
	done | tail -5
}

# Where packets between two go, there and back: next hops as the kernels have them, and what the first router says.
way_tell() { # "FROM does not reach TO ..."
	# shellcheck disable=SC2086
	set -- $1
	for way in "$1 $(v4_of "$5")" "$1 $(v6_of "$5")" "$5 $(v4_of "$1")" "$5 $(v6_of "$1")"; do
		at=${way% *} target=${way#* }
		for hop in 1 2 3 4 5 6 7 8; do
			route=$(ip -n "$at" route get "$target" 2>&1 | head -1)
			echo "#   $at: $route"
			next=$(echo "$route" | sed -n 's/.* dev \([a-z0-9]*\) .*/\1/p')
			case " $routers " in *" $next "*) at=$next ;; *) break ;; esac
		done
	done
	echo "#   metrics $(metric "$1" "$(v4_of "$5")/32") and $(metric "$5" "$(v4_of "$1")/32")"
	ip netns exec "$1" ping -n -c 1 -W 1 -I "$(v4_of "$1")" "$(v4_of "$5")" | sed 's/^/#   /'
}

net_inside_with() {
	soak_s=$SOAK_SECONDS seed=$SOAK_SEED first_seed=$SOAK_SEED
	net_inside
}

[ -z "${LAB_INSIDE:-}" ] || net_inside_with
net_init "$1"
SOAK_SECONDS=${2:-1800} SOAK_SEED=${3:-$(($(date +%s) % 100000))}
prober=$(cd "$build/interop" && pwd)/prober
export SOAK_SECONDS SOAK_SEED prober
case=soak
for kind in babeld bird frr; do has_router $kind || lab_done; done
net_new plain
for name in $names; do router $name "$(kind_by_name $name)"; done
for link in $ring $chords; do wire "${link%-*}" "${link#*-}"; done
net_run soak
lab_done
