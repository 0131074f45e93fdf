#!/bin/sh
# page.sh BUILD: what readers of a node's page cost those whose packets it passes on.
#
#     1 ── 2 ── 3            TCP from 1 to 3, and a steady flow of UDP, with nobody at 2's page and with 100 readers of
#                            its stream, by turns, PAGE_ROUNDS times each (5), of PAGE_SECONDS (3)
#
# Figures are medians. PAGE_RATE is the flow's, in bits per second (20M).
. tests/bench/lib.sh

build=$1
rounds=${PAGE_ROUNDS:-5}
seconds=${PAGE_SECONDS:-3}
rate=${PAGE_RATE:-20M}
readers=100

net_begin "$build"
has iperf3 iperf3 || exit 0

meshctl authority init --out "$work/authority" >"$work/enrol.log" 2>&1
for node in 1 2 3; do
	net_add page $node
	meshctl enrol --authority "$work/authority" --name "n$node" --level scene --prefix "10.9.0.$node/32" \
		--out "$work/page/$node.key" >>"$work/enrol.log" 2>&1
	{
		echo "node: {key: $work/page/$node.key, state: $work/page/$node.state, control: $work/page/$node.sock}"
		echo "page: {serve: $([ $node = 2 ] && echo yes || echo no)}"
		echo "links:"
		[ $node = 1 ] || echo "  - {name: w, type: udp, interface: w, listen: 7001, peers: [\"10.1.$((node - 1)).1:7000\"]}"
		[ $node = 3 ] || echo "  - {name: e, type: udp, interface: e, listen: 7000}"
	} >"$work/page/$node.yaml"
done
for node in 2 3; do
	before=$((node - 1))
	ip link add e netns "$(ns page $before)" type veth peer name w netns "$(ns page $node)"
	ip -n "$(ns page $before)" addr add "10.1.$before.1/24" dev e
	ip -n "$(ns page $node)" addr add "10.1.$before.2/24" dev w
	ip -n "$(ns page $before)" link set dev e up
	ip -n "$(ns page $node)" link set dev w up
done
for node in 1 2 3; do start page $node $meshd -c "$work/page/$node.yaml"; done
tries=600
until in_ns page 1 ping -n -q -c 1 -W 1 10.9.0.3 >/dev/null 2>&1; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || { echo "the nodes do not find each other; the log of the second: $(tail -n 3 "$work/page/2.log")" >&2; exit 1; }
	sleep 0.1
done

# iperf FILTER OPTION...: from the first to the last; what FILTER finds in its report.
iperf() {
	iperf_filter=$1
	shift
	in_ns page 3 $run timeout 30 iperf3 -s -1 >/dev/null 2>&1 &
	iperf_server=$!
	sleep 0.3
	in_ns page 1 $run timeout 20 iperf3 -c 10.9.0.3 -t "$seconds" -J "$@" | jq -r "$iperf_filter // empty"
	wait $iperf_server
}

page_readers() { in_ns page 2 curl -s -m 5 http://127.0.0.1:8080/metrics | sed -n 's/^meshd_page_readers //p'; }

crowd_comes() {
	ip netns exec "$(ns page 2)" curl -s -N -m 60 --parallel --parallel-immediate --parallel-max $readers \
		"http://127.0.0.1:8080/stream?[1-$readers]" >/dev/null 2>&1 &
	crowd=$!
	until [ "$(page_readers)" = $readers ]; do sleep 0.1; done
}

crowd_goes() {
	kill $crowd
	wait $crowd 2>/dev/null
	until [ "$(page_readers)" = 0 ]; do sleep 0.1; done
}

for i in $(seq "$rounds"); do
	for who in nobody crowd; do
		[ $who = nobody ] || crowd_comes
		iperf '.end.sum_received.bits_per_second / 1e6' -C cubic -O 1 >>"$work/$who.tcp"
		iperf '.end.sum | select(.packets) | .lost_packets / .packets * 100' -u -b "$rate" -l 1200 >>"$work/$who.lost"
		[ $who = nobody ] || crowd_goes
	done
done
echo "TCP, Mbit/s, nobody: $(tr '\n' ' ' <"$work/nobody.tcp")"
echo "TCP, Mbit/s, $readers readers: $(tr '\n' ' ' <"$work/crowd.tcp")"
echo "lost, %, nobody: $(tr '\n' ' ' <"$work/nobody.lost")"
echo "lost, %, $readers readers: $(tr '\n' ' ' <"$work/crowd.lost")"
entry "TCP by a relay whose page has 100 readers" "$(median <"$work/crowd.tcp")" Mbit/s "nobody" "$(median <"$work/nobody.tcp")"
entry "packets lost by a relay whose page has 100 readers" "$(median <"$work/crowd.lost")" "%" "nobody" "$(median <"$work/nobody.lost")"
