#!/bin/sh
# The lab by itself: frames, delays, losses, cables, power, NAT, captures, and
# that nothing is left behind.
. tests/lab/lib.sh

inside() {
	# Two models of 20 ms make 40 ms there and back; what the machine adds must be small. The first ping pays
	# for neighbour discovery, so the least of ten counts.
	answers a 10.1.0.2
	check "RTT over IPv4 is twice the delay" within 20 rtt_between 40 10.1.0.2 42.5
	answers a fd01::2
	check "RTT over IPv6 is twice the delay" within 20 rtt_between 40 fd01::2 42.5
	meshlab ctl set wire delay=5ms
	check "a new delay holds at once" within 20 rtt_between 10 10.1.0.2 12.5
	meshlab ctl set wire delay=1ms

	# 1000 bytes of payload are 1042 on the wire: at 1 Mbit/s 8.34 ms each way.
	meshlab ctl set wire rate=1M
	check "a frame takes its time at the rate" within 20 rtt_between 18.6 10.1.0.2 21 -i 0.05 -s 1000
	meshlab ctl set wire rate=100M

	# 400 echoes through 20 % each way: 256 answers, sigma 9.6; five of them.
	meshlab ctl set wire loss=20%
	answered=$(ip netns exec a ping -n -q -c 400 -i 0.002 -W 1 10.1.0.2 | sed -n 's/.*, \([0-9]*\) received.*/\1/p')
	check "loss is as asked" between 208 "$answered" 304
	meshlab ctl set wire loss=0

	meshlab ctl cut wire
	check "a cut takes the carrier" within 5 not has_carrier a eth0
	check "a cut takes the carrier at the other end" within 5 not has_carrier b eth0
	meshlab ctl restore wire
	check "restoring brings the carrier back" within 5 has_carrier a eth0
	check "and the frames" within 10 answers a 10.1.0.2
	meshlab ctl silence wire
	check "silence leaves the carrier" has_carrier a eth0
	check_not "and takes the frames" answers a 10.1.0.2
	meshlab ctl restore wire
	check "silence ends" within 10 answers a 10.1.0.2

	first=$(cat "$MESHLAB_DIR/b.pid")
	meshlab ctl power-off b
	check "power off kills what the node runs" within 5 not kill -0 "$first"
	check "power off takes a wire's carrier from the other end" within 5 not has_carrier a eth0
	check "power off leaves the radio's carrier" has_carrier a radio0
	check_not "a node without power does not answer" answers a 10.1.0.2
	meshlab ctl power-on b
	check "power on brings addresses back" within 10 answers a 10.1.0.2
	check "power on starts what the node runs" within 10 new_process "$first"

	meshlab ctl unplug a:eth0
	check_not "an unplugged interface is gone" ip -n a link show eth0
	meshlab ctl plug a:eth0
	check "a plugged one has its address" within 10 answers a 10.1.0.2
	ip -n a link delete eth0
	check "an interface that was removed from inside is noticed" within 5 \
		grep -q 'vanished a:eth0' "$MESHLAB_DIR/events.jsonl"
	meshlab ctl plug a:eth0
	check "and comes back" within 10 answers a 10.1.0.2

	check "stations of a radio hear each other" within 10 answers a 10.2.0.3
	check_not "the deaf do not" answers b 10.2.0.3

	check "out through NAT" within 10 answers b 203.0.113.1
	check "a NAT is told to forget" meshlab ctl rebind nat
	check "and serves on" within 10 answers b 203.0.113.1
	check_not "only a NAT can forget" meshlab ctl rebind city
	check_not "not in through NAT" answers city 100.64.1.2
	ip -n city route add 100.64.1.0/24 via 203.0.113.10
	check_not "not even with a route" answers city 100.64.1.2
	meshlab exec city ping -n -q -c 1 -W 1 203.0.113.10 >"$LAB_WORK/exec"
	check "exec runs in the node" grep -q '1 received' "$LAB_WORK/exec"

	check_not "an order that is none is refused" meshlab ctl dance wire
	check_not "a link that is none is refused" meshlab ctl cut string
	check "statistics are JSON and name each loss" stats_are_good
	exit_status_is_7
}

# rtt_between LOW ADDRESS HIGH [OPTION...]: the least of ten round trips. Nothing makes it less than it is, and what
# the machine adds is not always added.
rtt_between() {
	rtt_low=$1 rtt_to=$2 rtt_high=$3
	shift 3
	between "$rtt_low" "$(ip netns exec a ping -n -q -c 10 -i 0.02 -W 2 "$@" "$rtt_to" |
		sed -n 's|^rtt.*= \([0-9.]*\)/.*|\1|p')" "$rtt_high"
}

not() {
	! "$@"
}

new_process() { # old pid
	[ "$(cat "$MESHLAB_DIR/b.pid")" != "$1" ]
}

stats_are_good() {
	meshlab ctl stats --json >"$LAB_WORK/stats"
	grep -q '"wire"' "$LAB_WORK/stats" && tr -d ' \n' <"$LAB_WORK/stats" | grep -qE '"loss":\{"frames":[1-9]'
}

exit_status_is_7() {
	[ "$failures" = 0 ] || exit 1
	exit 7
}

scenario() {
	cat <<-'END'
		seed: 1
		nodes:
		  - name: a
		    interfaces:
		      - {name: eth0, addresses: [10.1.0.1/24, "fd01::1/64"]}
		      - {name: radio0, addresses: [10.2.0.1/24]}
		  - name: b
		    interfaces:
		      - {name: eth0, addresses: [10.1.0.2/24, "fd01::2/64"]}
		      - {name: radio0, addresses: [10.2.0.2/24]}
		      - {name: sat0, addresses: [100.64.1.2/24], gateway: 100.64.1.1}
		    run: ["echo $$ >$MESHLAB_DIR/b.pid; echo started; exec sleep 1000"]
		  - name: c
		    interfaces:
		      - {name: radio0, addresses: [10.2.0.3/24]}
		  - name: nat
		    nat: out
		    interfaces:
		      - {name: in, addresses: [100.64.1.1/24]}
		      - {name: out, addresses: [203.0.113.10/24]}
		  - name: city
		    interfaces:
		      - {name: wan0, addresses: [203.0.113.1/24]}
		links:
		  - {name: wire, preset: fibre, ends: [a:eth0, b:eth0], delay: 20ms, jitter: 0ms, loss: 0}
		  - name: radio
		    preset: mesh-radio
		    ends: [a:radio0, b:radio0, c:radio0]
		    deaf: ["b:radio0 c:radio0"]
		    fade: none
		  - {name: sat, preset: geo-satellite, ends: [b:sat0, nat:in], delay: 50ms, fade: none}
		  - {name: internet, preset: switch, ends: [city:wan0, nat:out]}
	END
}

# Frames of a pcap file, by walking its records; fails if it is cut short.
pcap_frames() { # file
	size=$(stat -c %s "$1")
	magic=$(od -A n -t x4 -N 4 "$1" | tr -d ' ')
	[ "$magic" = a1b23c4d ] || { echo "magic $magic is not that of nanoseconds"; return 1; }
	offset=24
	frames=0
	while [ "$offset" -lt "$size" ]; do
		offset=$((offset + 16 + $(od -A n -t u4 -j $((offset + 8)) -N 4 "$1")))
		frames=$((frames + 1))
	done
	echo "$frames frames, end at $offset of $size"
	[ "$offset" = "$size" ] && [ "$frames" -gt 3 ]
}

# A lab that is killed: what it started dies with it.
nothing_is_left() {
	sleeper=$((900000 + $$ % 90000)) # not to be mistaken for that of another run
	cat >"$work/kill.yaml" <<-END
		nodes:
		  - {name: lab-k-a, run: ["exec sleep $sleeper.1"]}
		  - {name: lab-k-b, run: ["setsid sleep $sleeper.2 & exec sleep $sleeper.3"]}
		links: [{name: l, preset: switch, ends: [lab-k-a:e, lab-k-b:e]}]
	END
	"$meshlab" run "$work/kill.yaml" --out "$work/kill" --quiet -- sleep "$sleeper.4" &
	lab=$!
	within 5 running 4
	check "while it runs four processes run" running 4
	check "a lab is steered from outside" "$meshlab" ctl --dir "$work/kill" silence l
	check "and entered from outside" "$meshlab" exec --dir "$work/kill" lab-k-a ip link show e
	kill -9 "$lab"
	wait "$lab" 2>/dev/null
	check "kill -9 leaves no process" within 10 running 0
	check_not "nor a namespace" test -e /run/netns/lab-k-a
	check_not "nor an interface" ip link show e
}

tun_is_missed() {
	[ "$(id -u)" = 0 ] && map= || map=-Ur
	# shellcheck disable=SC2086
	unshare $map -m sh -c "mount -t tmpfs none /dev/net && '$meshlab' run '$work/lab.yaml' --out '$work/tunless' -- true" \
		2>"$work/tunless.err" && return 1
	cat "$work/tunless.err"
	[ "$(wc -l <"$work/tunless.err")" = 1 ] && grep -q modprobe "$work/tunless.err"
}

running() { # how many of the sleepers
	found=$(ps -eo args | grep -c "^sleep $sleeper[.][1-4]$")
	[ "$found" = "$1" ] || { echo "$found run, not $1"; return 1; }
}

if [ -n "${LAB_INSIDE:-}" ]; then
	inside
fi
lab_init "$1"
scenario >"$work/lab.yaml"
lab_run "$work/lab.yaml"
check "the exit status is that of the command" test "$lab_status" = 7
check "the capture is whole" pcap_frames "$work/out/sat.pcap"
check "output of a node is kept" grep -q started "$work/out/b.log"
check "the journal says when" grep -q '"event":"power-off b"' "$work/out/events.jsonl"
check_not "the socket is gone" test -e "$work/out/lab.sock"
nothing_is_left
sed 's/preset: fibre/preset: string/' "$work/lab.yaml" >"$work/bad.yaml"
check_not "a bad scenario is refused" "$meshlab" run "$work/bad.yaml" --out "$work/bad" -- true
check_not "before anything is made" test -e "$work/bad"
check "without /dev/net/tun one line says what to do" tun_is_missed
lab_done
