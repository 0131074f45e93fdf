#!/bin/sh
# nodes.sh BUILD: what routing costs while nothing happens, by how many nodes there are.
#
#   1 ── 2 ── 3      Grids of cables with NODES_SIDES (3 5 7) nodes on a side, each once with meshd (preset wired) and
#   │    │    │      once with babeld (type wired, its defaults), at the same time. NODES_SETTLE seconds (30) after the
#   4 ── 5 ── 6      last knows the first, for NODES_SECONDS (20): all bytes that leave interfaces, and processor time, of
#   │    │    │      a node.
#   7 ── 8 ── 9
. tests/bench/lib.sh

build=$1
seconds=${NODES_SECONDS:-20}
net_begin "$build"
has babeld babeld || exit 0

# The number of the node to the right of, or below, node $1; nothing at the border.
right_of() { [ $(($1 % side)) = 0 ] || echo $(($1 + 1)); }
below() { [ "$1" -gt $((count - side)) ] || echo $(($1 + side)); }

wire() { # system node node: each end has the name of the other
	ip link add name "n$3" netns "$(ns "$1" "$2")" type veth peer name "n$2" netns "$(ns "$1" "$3")"
	ip -n "$(ns "$1" "$2")" link set dev "n$3" up
	ip -n "$(ns "$1" "$3")" link set dev "n$2" up
}

grid() { # system
	for node in $(seq $count); do
		net_add "$1" "$node"
		in_ns "$1" "$node" sysctl -qw net.ipv6.conf.default.accept_dad=0
	done
	for node in $(seq $count); do
		for other in $(right_of "$node") $(below "$node"); do wire "$1" "$node" "$other"; done
	done
}

links_of() { ip -n "$(ns "$1" "$2")" -o link show type veth | sed 's/^[0-9]*: \([^@:]*\).*/\1/'; }

meshd_start() { # system
	cd "$work/$1" || exit 1
	meshctl authority init --out authority >enrol.log 2>&1
	for node in $(seq $count); do
		meshctl enrol --authority authority --name "n$node" --level scene --out "$node.key" >>enrol.log 2>&1
		{
			echo "node: {key: $node.key, state: $node.state, control: $node.sock}"
			echo "links:"
			for link in $(links_of "$1" "$node"); do echo "  - {interface: $link, preset: wired}"; done
		} >"$node.yaml"
	done
	for node in $(seq $count); do start "$1" "$node" $meshd -c "$node.yaml"; done
	cd - >/dev/null || exit 1
}

babeld_start() { # system
	for node in $(seq $count); do
		ip -n "$(ns "$1" "$node")" addr add "10.9.0.$node/32" dev lo
		{
			for link in $(links_of "$1" "$node"); do echo "interface $link type wired"; done
			printf 'redistribute local ip 10.9.0.0/24 le 32 allow\nredistribute local deny\n'
		} >"$work/$1/$node.conf"
		start "$1" "$node" babeld -c "$work/$1/$node.conf" -I "$work/$1/$node.pid" -S "$work/$1/$node.state"
	done
}

knows_all() { # system: does the first node have a route to all others?
	case $1 in
	meshd) meshctl nodes --json --socket "$work/$1/1.sock" | jq -e "[.nodes[] | select(.reachable)] | length >= $count - 1" ;;
	*) [ "$(in_ns "$1" 1 ip route show | grep -c '^10.9.0.')" -ge $((count - 1)) ] ;;
	esac >/dev/null 2>&1
}

# All that left interfaces, in bytes, and processor time, in ns.
sent() { for node in $(seq $count); do in_ns "$1" "$node" sh -c 'cat /sys/class/net/n*/statistics/tx_bytes'; done | awk '{ s += $1 } END { print s }'; }
used() {
	for node in $(seq $count); do ip netns pids "$(ns "$1" "$node")"; done |
		while read -r pid; do cat "/proc/$pid/schedstat"; done | awk '{ s += $1 } END { print s }'
}

for side in ${NODES_SIDES:-3 5 7}; do
	count=$((side * side))
	for system in meshd babeld; do
		grid $system
		"${system}_start" $system
	done
	left=60
	until { knows_all meshd && knows_all babeld; } || [ $left = 0 ]; do
		sleep 1
		left=$((left - 1))
	done
	[ $left -gt 0 ] || echo "nodes: of $count not all are known after a minute" >&2
	sleep "${NODES_SETTLE:-30}"
	for system in meshd babeld; do
		sent $system >"$work/$system/sent"
		used $system >"$work/$system/used"
	done
	begin=$(date +%s%N)
	sleep "$seconds"
	for system in meshd babeld; do
		now=$(date +%s%N)
		sent $system | awk -v before="$(cat "$work/$system/sent")" -v ns=$((now - begin)) -v n=$count \
			'{ printf "%.0f", ($1 - before) * 1e9 / ns / n }' >"$work/$system/rate"
		used $system | awk -v before="$(cat "$work/$system/used")" -v ns=$((now - begin)) -v n=$count \
			'{ printf "%.4f", ($1 - before) * 100 / ns / n }' >"$work/$system/cpu"
	done
	entry "$count nodes in a grid: control, a node" "$(cat "$work/meshd/rate")" B/s babeld "$(cat "$work/babeld/rate")"
	entry "$count nodes in a grid: processor, a node" "$(cat "$work/meshd/cpu")" % babeld "$(cat "$work/babeld/cpu")"
	for system in meshd babeld; do
		for node in $(seq $count); do ip netns pids "$(ns $system "$node")" | xargs -r kill; done
	done
	sleep 1
	for system in meshd babeld; do
		for node in $(seq $count); do ip netns del "$(ns $system "$node")"; done
	done
	rm -r "$work/meshd" "$work/babeld"
done
