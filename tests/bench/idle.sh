#!/bin/sh
# idle.sh BUILD: what a daemon takes while nothing happens, and whether it takes anybody for dead who is not.
#
#   a, with four neighbours on cables (preset wired), none of which anything is sent to: processor time for IDLE_SECONDS
#   (60), and memory, all that is resident, libraries with it, and what is its own. Then a flow of 1,000 packets a
#   second to one of them, which says nothing by itself, for IDLE_FLOW_SECONDS (60), and for as long with an endless loop
#   on each core: how often it is thought to be dead.
. tests/bench/lib.sh

build=$1
flow=$(cd "$build/bench/tools" && pwd)/flow
idle_s=${IDLE_SECONDS:-60}
flow_s=${IDLE_FLOW_SECONDS:-60}
net_begin "$build"

node_write() { # node link...
	name=$1
	shift
	{
		echo "node: {key: $name.key, state: $name.state, control: $name.sock}"
		echo "links:"
		for link in "$@"; do echo "  - {interface: $link, preset: wired}"; done
	} >"$name.yaml"
	meshctl enrol --authority authority --name "$name" --level scene --out "$name.key" >>enrol.log 2>&1
	start star "$name" $meshd -c "$name.yaml"
}

net_add star a
cd "$work/star" || exit 1
meshctl authority init --out authority >enrol.log 2>&1
for node in b c d e; do
	net_add star $node
	ip link add name $node netns "$(ns star a)" type veth peer name a netns "$(ns star $node)"
	ip -n "$(ns star a)" link set dev $node up
	ip -n "$(ns star $node)" link set dev a up
	node_write $node a
done
node_write a b c d e

neighbours() { meshctl status --socket a.sock --json 2>/dev/null | jq -r .neighbours; }
until [ "$(neighbours)" = 4 ]; do sleep 0.2; done
sleep 15 # whoever was just found is told Hello often for a while

pid=$(ip netns pids "$(ns star a)" | head -1)
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }

before=$(ticks)
sleep "$idle_s"
used=$(($(ticks) - before))
entry "idle daemon, 4 neighbours: processor" "$(awk -v t=$used -v s="$idle_s" 'BEGIN { printf "%.2f", t / s }')" "%" \
	"the target" 0.5
entry "idle daemon, 4 neighbours: memory" "$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")" kB "the target" 4096
entry "idle daemon, 4 neighbours: memory of its own" \
	"$(awk '/^Private_/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup")" kB "the target" 4096

deaths() { cat ./*.log | grep -c 'does not answer'; }

# flows WHAT: for so long.
flows() {
	before=$(deaths)
	in_ns star b $run "$flow" receive 5201 $((flow_s * 1000)) >seen &
	receiver=$!
	in_ns star a $run "$flow" send "$(meshctl identity b.key --json | jq -r .address)" 5201 $((flow_s * 1000 + 500))
	wait $receiver
	read -r pause came of <seen
	echo "   $1: $came of $of packets, longest pause $pause ms, $(($(deaths) - before)) deaths"
	entry "false deaths in $flow_s s, $1" $(($(deaths) - before)) deaths
}

flows "a flow of 1,000 packets/s"
for core in $(seq "$(nproc)"); do
	sh -c 'while :; do :; done' &
	loops="${loops:-} $!"
done
flows "the same with all cores loaded"
kill $loops
