# What the parts of `make bench` share: `. tests/bench/lib.sh` from the repo's root. A part is a script that is given
# BUILD; what it measures it hands in by entry(), what it has to say it prints.

# BENCH_RUN may begin the command lines of daemons, and of what measures them, as "chrt -r 5" on a machine that is busy
# otherwise. meshd runs as its systemd unit has it.
run=${BENCH_RUN:-}
meshd="nice -n -5 meshd"
[ -z "$run" ] || meshd=meshd

# entry NAME VALUE UNIT [AGAINST THEIRS]: one figure; AGAINST is what it is compared with, taken in the same run, and
# THEIRS is that one's figure in the same unit. The entry's ratio is ours by theirs.
entry() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" "${5:-}" |
		jq -R -c 'split("\t") | {name: .[0], value: (.[1] | tonumber), unit: .[2],
			against: (if .[3] == "" then null else .[3] end),
			ratio: (if .[4] == "" or (.[4] | tonumber) == 0 then null
				else (.[1] | tonumber) / (.[4] | tonumber) * 1000 | round / 1000 end)}' >>"$BENCH_ENTRIES"
}

# median: of the numbers on standard input, one a line. Of an even count it is the lower one of the middle.
median() {
	sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# has PROGRAM PACKAGE: a peer is there, or it is said that it is left out.
has() {
	command -v "$1" >/dev/null || [ -x "$1" ] || {
		echo "$2 is not installed: left out" >&2
		return 1
	}
}

# --- networks of namespaces: that of NODE of SYSTEM is $(ns SYSTEM NODE), its files are in $work/SYSTEM ---

# net_begin BUILD: before all else. What was begun ends with the script. Without root the part is left out.
net_begin() {
	[ "$(id -u)" = 0 ] || {
		echo "needs root for its namespaces: left out" >&2
		exit 0
	}
	net=bench$$
	work=$(mktemp -d)
	PATH=$(cd "$1/bin" && pwd):/usr/sbin:$PATH
	trap net_end EXIT
	trap 'exit 1' INT TERM
}

net_names() { ip netns list | awk '{ print $1 }' | grep "^$net-"; }

net_end() {
	for name in $(net_names); do
		ip netns pids "$name" | xargs -r kill 2>/dev/null
	done
	sleep 0.5
	for name in $(net_names); do
		ip netns pids "$name" | xargs -r kill -9 2>/dev/null
		ip netns del "$name"
	done
	rm -rf "$work"
}

ns() { echo "$net-$1-$2"; }

net_add() { # system node
	mkdir -p "$work/$1"
	ip netns add "$(ns "$1" "$2")"
	ip -n "$(ns "$1" "$2")" link set dev lo up
}

in_ns() { # system node command...
	in_ns_name=$(ns "$1" "$2")
	shift 2
	ip netns exec "$in_ns_name" "$@"
}

start() { # system node command...: in the background
	start_log=$work/$1/$2.log
	start_ns=$(ns "$1" "$2")
	shift 2
	ip netns exec "$start_ns" $run "$@" >"$start_log" 2>&1 </dev/null &
}
