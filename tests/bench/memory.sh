#!/bin/sh
# memory.sh BUILD: what a daemon takes with 10, 1,000 and 10,000 routes (MEMORY_ROUTES), told by a BIRD beside it and
# written into its kernel. "Resident" is all that is there, of which the libraries are shared with whatever else uses
# them; "its own" is what would be free without it.
. tests/bench/lib.sh

build=$1
net_begin "$build"
has bird bird2 || exit 0

routes_there() { in_ns routes a ip route show proto 158 | wc -l; }

# kB NAME: of the daemon's /proc/PID/smaps_rollup, the sum of those that begin so.
kb() { awk -v name="$1" '$1 ~ "^" name { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup"; }

# memory ROUTES [KB]: and what is aimed at
memory() {
	for node in a b; do
		net_add routes $node
		in_ns routes $node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.default.accept_dad=0
	done
	ip link add name b netns "$(ns routes a)" type veth peer name a netns "$(ns routes b)"
	for pair in a-b-1 b-a-2; do
		ip -n "$(ns routes "${pair%%-*}")" addr add "10.1.1.${pair##*-}/24" dev "$(echo "$pair" | cut -d- -f2)"
		ip -n "$(ns routes "${pair%%-*}")" link set dev "$(echo "$pair" | cut -d- -f2)" up
	done
	cd "$work/routes" || exit 1
	meshctl authority init --out authority >enrol.log 2>&1
	meshctl enrol --authority authority --name a --level scene --out a.key >>enrol.log 2>&1
	printf 'node: {key: a.key, state: a.state, control: a.sock}\nlinks: [{interface: b, type: babel, accept: [10.0.0.0/8]}]\n' >a.yaml
	{
		echo 'router id 10.1.1.2; protocol device { } protocol static { ipv4;'
		seq 0 $(($1 - 1)) | awk '{ printf "route 10.%d.%d.%d/32 via 10.1.1.1;\n", 100 + int($1 / 65536),
			int($1 / 256) % 256, $1 % 256 }'
		echo '} protocol babel { ipv4 { import none; export all; }; interface "a" { type wired; }; }'
	} >b.conf
	start routes a $meshd -c a.yaml
	sleep 2
	start routes b bird -f -c b.conf -s b.ctl
	tries=0
	until [ "$(routes_there)" -ge "$1" ] || [ $tries = 30 ]; do
		sleep 1
		tries=$((tries + 1))
	done
	sleep 40 # at rest: what only the start needs, and the file of what happened, is closed half a minute later
	pid=$(ip netns pids "$(ns routes a)" | head -1)
	if [ "$(routes_there)" -ge "$1" ]; then
		entry "memory, $1 routes: resident" "$(kb Rss:)" kB ${2:+"the target" "$2"}
		entry "memory, $1 routes: its own" "$(kb Private_)" kB ${2:+"the target" "$2"}
	else
		echo "memory: only $(routes_there) of $1 routes came: left out" >&2
	fi
	cd - >/dev/null || exit 1
	for node in a b; do
		ip netns pids "$(ns routes $node)" | xargs -r kill
		sleep 0.5
		ip netns del "$(ns routes $node)"
	done
	rm -r "$work/routes"
}

for routes in ${MEMORY_ROUTES:-10 1000 10000}; do
	case $routes in 10) memory 10 4096 ;; 10000) memory 10000 12288 ;; *) memory "$routes" ;; esac
done
