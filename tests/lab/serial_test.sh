#!/bin/sh
# Real daemons on serial lines and modem programs:
#
#          ┌──── vhf: one channel of 9,600 baud ────┐
#   north ─┤                                        ├─ east ── beidou, a message at a time ── rear
#          └─ south      north ═ mesh radio ═ south ┘
#
# Ports are pseudo-terminals, joined by the lab's link model.
. tests/lab/lib.sh

nodes="north south east rear"

prepare() {
	mkdir air
	enrol_scene $nodes
	vhf="name: vhf, preset: narrowband, baud: 9600"
	node_yaml north "{interface: radio0, preset: mesh-radio}" "{$vhf, device: $PWD/north.tty0}"
	node_yaml south "{interface: radio0, preset: mesh-radio}" "{$vhf, device: $PWD/south.tty0}"
	# A card that is a hundred times as fast as a civil one, a message each 0.6 s, with Hellos to match.
	slow="preset: narrowband, rate: 20k"
	modem="$bin/beidou-example, --air, $PWD/air, --every, 0.6, --delay, 0.2, --card"
	node_yaml east "{$vhf, device: $PWD/east.tty0}" \
		"{name: beidou, $slow, command: [$modem, 2801], peers: [2802]}"
	node_yaml rear "{name: beidou, $slow, command: [$modem, 2802], peers: [2801]}"
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - {name: north, run: [cd $MESHLAB_DIR && exec meshd -c north.yaml]}
		  - {name: south, run: [cd $MESHLAB_DIR && exec meshd -c south.yaml]}
		  - {name: east, run: [cd $MESHLAB_DIR && exec meshd -c east.yaml]}
		  - {name: rear, run: [cd $MESHLAB_DIR && exec meshd -c rear.yaml]}
		links:
		  - {name: vhf, preset: narrowband, framing: cobs, baud: 9600, rate: none, delay: 20ms, jitter: 5ms,
		     turnaround: 0ms, fade: none, ends: [north:tty0, south:tty0, east:tty0]}
		  - {name: radio, preset: mesh-radio, fade: none, ends: [north:radio0, south:radio0]}
	END
}

# A ping that waits as long as the channel may need.
reaches() { # node name
	ip netns exec "$1" ping -n -q -c 1 -W 5 "$(address "$2")" >/dev/null
}

says() { # node link what
	link_of "$1" "$2" | grep -q "$3" || { link_of "$1" "$2"; return 1; }
}

first_contact() {
	check "three stations meet on one channel of 9,600 baud" within 90 has_route north east
	check "each of them" within 60 has_route south east
	check "packets pass" within 20 reaches north east
	check "two of them prefer the radio that both have" within 10 uses north south radio0
}

# As somebody types: 64 bytes there and back.
session() {
	meshctl capture vhf --opened -w "$LAB_WORK/vhf.pcapng" --socket "$MESHLAB_DIR/north.sock" 2>"$LAB_WORK/capture" &
	capture=$!
	seen=$(ip netns exec north ping -n -q -c 8 -i 1 -W 5 -s 64 "$(address east)")
	kill $capture
	wait $capture
	check "a capture of it is whole" test $? = 0
	echo "# 64 bytes there and back over 9,600 baud: $(echo "$seen" | sed -n 's|^rtt ||p')"
	check "a text session is usable" session_is_usable
	command -v tshark >/dev/null || {
		ok "tshark reads the capture # SKIP tshark is not installed; make deps-test has it"
		return
	}
	check "tshark reads in it what neighbours tell each other" shown "udp.port == 6696"
	check_not "and nothing is malformed" shown "_ws.malformed || icmpv6.checksum.status == Bad"
}

shown() { # FILTER: there is such a packet
	tshark -n -r "$LAB_WORK/vhf.pcapng" -Y "$1" 2>/dev/null | grep .
}

session_is_usable() {
	echo "$seen"
	[ "$(echo "$seen" | sed -n 's|.* \([0-9]*\) received.*|\1|p')" -ge 6 ] || return 1
	between 0 "$(echo "$seen" | sed -n 's|^rtt.*= [0-9.]*/\([0-9.]*\)/.*|\1|p')" 3000
}

# 5 MB over the mesh radio; who is on the narrowband does not notice.
transfer() {
	head -c 5000000 /dev/urandom >"$LAB_WORK/file"
	ip netns exec south meshdemo receive --on "$(address south)" --port 7777 --within 60 --file "$LAB_WORK/copy" >"$LAB_WORK/receive.log" 2>&1 &
	receiver=$!
	within 10 is_listened south 7777
	ip netns exec north meshdemo send --to "$(address south)" --port 7777 --within 60 --file "$LAB_WORK/file" \
		>"$LAB_WORK/send.log" 2>&1 &
	sender=$!
	answered=$(ip netns exec north ping -n -q -c 3 -i 1 -W 5 -s 64 "$(address east)" | sed -n 's|.* \([0-9]*\) received.*|\1|p')
	check "messages pass while 5 MB go over another link" test "$answered" -ge 2
	wait $sender
	wait $receiver
	check "and the 5 MB arrive" cmp "$LAB_WORK/file" "$LAB_WORK/copy"
}

noise() {
	before=$(pid_of east)
	meshlab ctl noise east:tty0
	check "a megabyte of noise is counted" within 10 says east vhf '"rubbish_bytes":9[0-9][0-9][0-9][0-9][0-9]'
	check "and named" within 5 says east vhf '"too_long":[0-9]'
	check "and survived" within 90 reaches north east
	check "by the same process" test "$(pid_of east)" = "$before"
}

fallback() {
	meshlab ctl cut radio
	check "without the radio the narrowband carries it" within 60 uses north south vhf
	check "packets too" within 90 reaches north south
	meshlab ctl restore radio
	check "and the radio is taken again" within 60 uses north south radio0
}

pulled_out() {
	meshlab ctl unplug east:tty0
	check "a port that is pulled out is missing" within 5 says east vhf '"state":"missing"'
	check "and what to do is said" within 5 says east vhf "pluginthecable"
	meshlab ctl plug east:tty0
	check "it is taken up when it is back" within 5 says east vhf '"state":"up"'
	check "with its neighbours" within 60 reaches north east
}

beidou() {
	check "a message modem carries routes" within 90 has_route rear north
	check "and packets, over the narrowband behind it" within 90 reaches rear north
	pid=$(pgrep -P "$(pid_of rear)" -f beidou-example)
	kill -9 "$pid"
	check "a modem program that dies is named" within 5 grep -q "ended by signal 9" "$MESHLAB_DIR/rear.log"
	check "its words are in the log" within 5 grep -q "modem beidou: card 2802" "$MESHLAB_DIR/rear.log"
	check "and it is started again" within 10 says rear beidou '"state":"up"'
	check "with its neighbours" within 120 reaches rear east
}

inside() {
	first_contact
	session
	transfer
	pulled_out
	noise
	fallback
	beidou
}

nothing_is_left() {
	! pgrep -f "air, $work|--air $work"
}

lab_test "$1" 20 $nodes
check "no modem program is left" nothing_is_left
lab_done
