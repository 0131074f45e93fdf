#!/bin/sh
# Three real daemons in namespaces:
#
#   alpha ---- mesh radio ---- bravo ---- satellite, NAT ---- charlie
#     (ethernet, no configuration)   (udp, bravo calls charlie)
#
# and delta, on the same radio, enrolled by somebody else.
. tests/lab/lib.sh

# What the daemons are told. Nothing but interfaces and charlie's address.
prepare() {
	"$bin/meshctl" authority init --out authority.key >enrol.log 2>&1 &&
		"$bin/meshctl" authority init --out other.key >>enrol.log 2>&1 &&
		enrol authority alpha scene 10.9.0.1/32 && enrol authority bravo scene 10.9.0.2/32 &&
		enrol authority charlie city 10.9.0.3/32 && enrol other delta scene 10.9.0.4/32 || {
		not_ok "nodes are enrolled" "$(cat enrol.log)"
		lab_done
	}
	node_yaml alpha '{interface: radio0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}' \
		'{name: sat0, preset: geo-satellite, listen: 0, peers: ["203.0.113.1:6698"]}'
	node_yaml charlie '{name: sat0, preset: geo-satellite, listen: 6698}'
	node_yaml delta '{interface: radio0, preset: mesh-radio}'
}

enrol() { # authority name level prefix
	"$bin/meshctl" enrol --authority "$1.key" --name "$2" --level "$3" --prefix "$4" --out "$2.key" >>enrol.log 2>&1
}

scenario() {
	cat <<-'END'
		seed: 3
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - name: bravo
		    interfaces:
		      - {name: sat0, addresses: [100.64.1.2/24], gateway: 100.64.1.1}
		    run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]
		  - name: charlie
		    interfaces:
		      - {name: wan0, addresses: [203.0.113.1/24]}
		    run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]
		  - {name: delta, power: off, run: [cd $MESHLAB_DIR && exec meshd -c delta.yaml]}
		  - name: nat
		    nat: out
		    interfaces:
		      - {name: in, addresses: [100.64.1.1/24]}
		      - {name: out, addresses: [203.0.113.10/24]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0, delta:radio0], fade: none}
		  - {name: satellite, preset: geo-satellite, ends: [bravo:sat0, nat:in], delay: 40ms, fade: none}
		  - {name: internet, preset: switch, ends: [charlie:wan0, nat:out]}
	END
}

# exits STATUS COMMAND...
exits() {
	wanted=$1
	shift
	"$@"
	status=$?
	[ "$status" = "$wanted" ] || { echo "exit $status, not $wanted"; return 1; }
}

# reaches NODE NAME: by either family, as the routing sees it and as packets do.
reaches() {
	answers "$1" "$(address "$2")"
}

first_contact() {
	check "alpha finds charlie: radio by beacon, satellite through NAT" within 15 reaches alpha charlie
	check "and charlie finds alpha" within 15 reaches charlie alpha
	check "IPv4 goes the same way" within 15 answers alpha 10.9.0.3
	check "the third node is two hops away" within 10 two_hops
	check "who sends more than a hop takes is told" within 10 too_big
	check "and sends it in pieces" within 10 large_passes
	check "status is healthy on all" within 20 all_healthy
	check "why names the way" within 5 why_is_bravo
	check "trace arrives, over bravo" within 15 trace_arrives
	check_not "trace of what is not there does not" trace 10.9.0.77
}

two_hops() {
	seen=$(ip netns exec alpha ping -n -c 1 -W 2 "$(address charlie)")
	echo "$seen" | grep -q 'ttl=63' || { echo "$seen"; return 1; }
}

# The satellite takes 1400 bytes, of which ours are 81: 1319 are left.
too_big() {
	seen=$(ip netns exec alpha ping -n -c 1 -W 2 -s 1300 "$(address charlie)")
	echo "$seen"
	echo "$seen" | grep -q 'too big: mtu=1319'
}

large_passes() {
	ip netns exec alpha ping -n -q -c 1 -W 1 -s 1300 "$(address charlie)"
}

trace() { # dest: its probes leave from alpha
	ip netns exec alpha meshctl trace "$1" --socket "$MESHLAB_DIR/alpha.sock"
}

trace_arrives() {
	seen=$(trace charlie) && echo "$seen" | grep -q '^  1  bravo' && return 0
	echo "$seen"
	return 1
}

all_healthy() {
	for node in alpha bravo charlie; do
		exits 0 ask $node status || return 1
	done
}

why_is_bravo() {
	ask alpha why charlie | grep -q bravo
}

# Bravo looks at its links while alpha pings it, and charlie through it.
captures() {
	socket=$MESHLAB_DIR/bravo.sock
	meshctl capture radio0 -w "$LAB_WORK/opened.pcapng" --opened --for 5s --socket "$socket" 2>"$LAB_WORK/opened" &
	opened=$!
	meshctl capture sat0 -w "$LAB_WORK/sealed.pcapng" --socket "$socket" 2>"$LAB_WORK/sealed" &
	sealed=$!
	check "two captures begin" within 10 test -s "$LAB_WORK/opened.pcapng" -a -s "$LAB_WORK/sealed.pcapng"
	check "a third capture is refused" within 5 exits 1 ask bravo capture radio0 -w - --for 1s
	check "packets pass as before" within 5 answers alpha "$(address bravo)"
	check "through it too" within 5 reaches alpha charlie
	kill $sealed
	wait $sealed
	check "a capture that is stopped is whole" test $? = 0
	check "it says how many there are" grep '^[1-9][0-9]* packets$' "$LAB_WORK/sealed"
	wait $opened
	check "so is one whose time is over" test $? = 0
	check "the incident log has it" told bravo log -- 'capture of radio0, opened'
	check "a file that is there stays" told bravo "capture sat0 -w $LAB_WORK/sealed.pcapng" -- 'is there already'
	command -v tshark >/dev/null || {
		ok "tshark reads captures # SKIP tshark is not installed; make deps-test has it"
		return
	}
	check "tshark reads what is sealed" shown sealed.pcapng "udp.port == 6698 && data.data[0] == 0a"
	check "and opened: Babel" shown opened.pcapng "babel.message.type == 4"
	check "and packets that end here" shown opened.pcapng "icmpv6.type == 128 && ipv6.dst == $(address bravo)"
	check_not "but none that pass through" shown opened.pcapng "ipv6.addr == $(address charlie)"
	check_not "nothing is malformed" shown opened.pcapng _ws.malformed
}

shown() { # FILE FILTER: it has such a packet
	tshark -n -r "$LAB_WORK/$1" -Y "$2" 2>&1 | grep -v '^Running as' | grep .
}

cut_and_heal() {
	meshlab ctl cut radio
	check "a cut is noticed" within 5 has_no_route alpha charlie
	check "by the carrier, not by silence" grep 'neighbour-down .*bravo: the link is down' "$MESHLAB_DIR/alpha.log"
	check "status says so by its exit status" within 5 exits 1 ask alpha status
	meshlab ctl restore radio
	check "a cut heals by itself" within 20 reaches alpha charlie
	meshlab ctl silence radio
	check "silence is noticed by hellos that stay away" within 15 has_no_route alpha charlie
	meshlab ctl restore radio
	check "silence heals by itself" within 20 reaches alpha charlie
	check "status is healthy again" within 20 exits 0 ask alpha status
}

# Alpha hears nobody but bravo.
alarms() {
	ask alpha events --follow --json >"$LAB_WORK/follow" 2>&1 &
	follower=$!
	check "what works is no alarm" within 60 exits 0 ask alpha alarms
	meshlab ctl cut radio
	check "who follows the events is told at once" within 5 grep -q '"code":"neighbour-down"' "$LAB_WORK/follow"
	check "who is cut off is told, in one alarm" within 40 told alpha alarms -- '^RED    alone: ' \
		'^       switch on a second node' '^       with it: level-cut-off city' '^       city: cut off'
	check_not "the others are not told beside it" told alpha alarms -- '^RED    level'
	check "an alarm is an exit status" exits 1 ask alpha alarms
	check "and an event" grep -q '"grade":"error","code":"alarm-red"' "$LAB_WORK/follow"
	check "it is silent for a while" ask alpha silence alone for 10m
	check "and then no exit status" exits 0 ask alpha alarms
	check "the silence ends" ask alpha silence alone --off
	check "and it is told again" exits 1 ask alpha alarms
	meshlab ctl restore radio
	check "it is over when it is" within 60 told alpha alarms -- '^no alarm' '^over   alone: '
	check "with its length" within 5 grep -q '"code":"alarm-over","text":"alone: it lasted' "$LAB_WORK/follow"
	kill $follower
}

kill_and_restart() {
	old=$(pid_of bravo)
	meshlab ctl kill bravo
	check_not "a killed relay carries nothing" reaches alpha charlie
	check "and is noticed" within 15 has_no_route alpha charlie
	meshlab ctl start bravo
	check "it comes back after kill -9, as itself" within 40 reaches alpha charlie
	check "with another process" test "$(pid_of bravo)" != "$old"
	check "IPv4 too" within 15 answers alpha 10.9.0.3
}

interface_vanishes() {
	old=$(pid_of alpha)
	meshlab ctl unplug alpha:radio0
	check "a vanished interface takes its routes" within 10 has_no_route alpha charlie
	check "status survives it" within 5 exits 1 ask alpha status
	meshlab ctl plug alpha:radio0
	check "it resumes when the interface is back" within 20 reaches alpha charlie
	check "in the same process" test "$(pid_of alpha)" = "$old"
}

# Silence would tell as well, after more than four seconds: but it says goodbye.
stop_retracts() {
	check "charlie is stopped" meshlab ctl stop charlie
	check "a clean stop retracts" within 10 has_no_route alpha charlie
	check "it said goodbye" grep 'neighbour-down .*charlie: it was switched off' "$MESHLAB_DIR/bravo.log"
	check "the daemon ended with status 0" within 5 grep -q '"event":"exit charlie pid [0-9]* status 0"' \
		"$MESHLAB_DIR/events.jsonl"
	check "no daemon, no answer" exits 2 ask charlie status
	check_not "its interface is gone" ip -n charlie link show mesh0
	meshlab ctl start charlie
	check "it is welcome again" within 40 reaches alpha charlie
}

nat_forgets() {
	old=$(endpoint_of_bravo)
	restarts=$(grep -c 'neighbour-up sat0 bravo' "$MESHLAB_DIR/charlie.log")
	meshlab ctl rebind nat
	check "a NAT that gives a new port is followed" within 15 another_endpoint "$old"
	check "and traffic with it" within 10 reaches alpha charlie
	check "the session goes on" test "$(grep -c 'neighbour-up sat0 bravo' "$MESHLAB_DIR/charlie.log")" = "$restarts"
}

endpoint_of_bravo() { # as charlie sees it
	links_of charlie | sed -n 's/.*"neighbours":\[.*"endpoint":"\([^"]*\)".*/\1/p'
}

another_endpoint() { # than this
	seen=$(endpoint_of_bravo)
	echo "$1, then $seen"
	[ -n "$1" ] && [ -n "$seen" ] && [ "$seen" != "$1" ]
}

strangers() {
	meshlab ctl power-on delta
	check "delta runs" within 15 ip -n delta link show mesh0
	check "delta is on the radio, and alone" within 15 exits 1 ask delta status
	# Three frames that are meant for all are beacons; none may lead to anything.
	check "it hears the others" within 30 delta_has_heard 3
	check "and meets nobody" delta_is_alone
	check_not "nor does anybody know it" ask alpha why delta
	check_not "and nothing passes" answers delta "$(address alpha)"
	check "the others go on" within 10 reaches alpha charlie
	meshlab ctl power-off delta
}

links_of() { # node: one line of JSON
	ask "$1" links --json | tr -d ' \n'
}

delta_has_heard() { # frames
	heard=$(links_of delta | sed 's/.*"rx_frames":\([0-9]*\).*/\1/')
	[ "$heard" -ge "$1" ] || { echo "$heard frames"; return 1; }
}

delta_is_alone() {
	links_of delta | grep -q '"neighbours":\[\]' || { links_of delta; return 1; }
}

duplicates() {
	check "a second daemon on the same state is refused" second_is_refused
	check "in one line" test "$(wc -l <"$LAB_WORK/second")" = 1
	check "the first goes on" within 10 reaches alpha charlie
	sed 's/radio0/radio9/; s/alpha.state/alpha2.state/; s/alpha.sock/alpha2.sock/' "$MESHLAB_DIR/alpha.yaml" \
		>"$MESHLAB_DIR/bad.yaml"
	sed -i 's/preset: mesh-radio/preset: mesh-radoi/' "$MESHLAB_DIR/bad.yaml"
	check "a bad configuration is refused with its line" bad_is_refused
}

second_is_refused() {
	cd "$MESHLAB_DIR" || return 1
	exits 1 timeout 10 meshlab exec alpha meshd -c alpha.yaml 2>"$LAB_WORK/second" || {
		cat "$LAB_WORK/second"
		return 1
	}
	grep -q alpha.state "$LAB_WORK/second" || { cat "$LAB_WORK/second"; return 1; }
}

bad_is_refused() {
	(cd "$MESHLAB_DIR" && exits 1 timeout 10 meshlab exec alpha meshd -c bad.yaml) >"$LAB_WORK/bad" 2>&1
	grep -q 'bad.yaml:3: .*mesh-radio' "$LAB_WORK/bad" || { cat "$LAB_WORK/bad"; return 1; }
}

inside() {
	first_contact
	captures
	cut_and_heal
	alarms
	kill_and_restart
	interface_vanishes
	nat_forgets
	strangers
	duplicates
	stop_retracts
}

# Names, addresses and routes must not be readable on any link.
nothing_is_readable() {
	for word in alpha bravo charlie; do
		! grep -qa "$word" "$work/out/radio.pcap" "$work/out/satellite.pcap" || {
			echo "\"$word\" is readable"
			return 1
		}
	done
}

lab_test "$1" 30 alpha bravo charlie delta
check "no name is readable on a link" nothing_is_readable
lab_done
