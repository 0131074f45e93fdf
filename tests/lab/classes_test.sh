#!/bin/sh
# Three real daemons, and classes that go by different links:
#
#                              ┌── thin0, 64 kbit/s, cheap ──┐
#   alpha ── mesh radio ── bravo                             charlie
#                              └── wide0, 100 Mbit/s, dear ──┘
. tests/lab/lib.sh

nodes="alpha bravo charlie"

prepare() {
	enrol_scene $nodes
	thin='{interface: thin0, preset: narrowband, rate: 64k, cost: 100}'
	wide='{interface: wide0, preset: fibre, cost: 5000}'
	node_yaml alpha '{interface: radio0, preset: mesh-radio}'
	printf 'classes:\n  rules:\n    - bulk tcp port 7777\n    - bulk icmp\n' >>alpha.yaml
	node_yaml bravo '{interface: radio0, preset: mesh-radio}' "$thin" "$wide"
	node_yaml charlie "$thin" "$wide"
}

scenario() {
	cat <<-'END'
		seed: 7
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		  - {name: charlie, run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]}
		links:
		  - {name: radio, preset: mesh-radio, fade: none, ends: [alpha:radio0, bravo:radio0]}
		  - {name: thin, preset: switch, ends: [bravo:thin0, charlie:thin0]}
		  - {name: wide, preset: switch, ends: [bravo:wide0, charlie:wide0]}
	END
}

without_the_wide_link() {
	meshlab ctl cut wide
	check "alpha finds charlie over the thin link" within 60 told alpha reach charlie text -- works
	check "voice and messages work, with the thin hop named" within 20 told alpha reach charlie -- \
		'text .*works .*2 hops; slowest: hop 2, bravo to charlie, 64kbit/s' 'command .*works'
	check "pictures do not, and why is said" told alpha reach charlie bulk -- \
		'bulk .*DOES NOT WORK .*hop 2, bravo to charlie, carries 64kbit/s: too thin'
	check_not "which is the exit status" ask alpha reach charlie bulk
	check "bravo says so too" told bravo why charlie bulk -- 'not admitted' 'thin0 carries 64kbit/s'
	check "nodes and status tell it, too" within 5 told alpha nodes -- 'charlie .*no pictures'
	check "status in its line of charlie" told alpha status -- 'charlie (radio0 via bravo, no pictures)'
	check "what is not there is not reached" told alpha reach 192.0.2.1 text -- 'DOES NOT WORK .*this node has no way'
}

with_the_wide_link() {
	meshlab ctl restore wide
	check "with a wide link pictures work" within 60 told alpha reach charlie bulk -- 'bulk .*works .*20Mbit/s'
	check "all classes do, by the exit status" within 10 ask alpha reach charlie
	check "text keeps to the thin link" told bravo why charlie -- 'over thin0, by'
	check "bulk does not" told bravo why charlie bulk -- 'packets of bulk .*over wide0' 'not admitted: thin0'
	check "routes tell both" told bravo routes -- ' text .* thin0 .*in use' ' bulk .* wide0 .*in use'
	check "routes of one class are of it" test "$(ask bravo routes bulk | grep -c ' text ')" = 0
}

# 200 kB to a port that a rule of alpha calls bulk.
by_rule() {
	head -c 200000 /dev/urandom >"$LAB_WORK/file"
	ip netns exec charlie meshdemo receive --on "$(address charlie)" --port 7777 --within 60 --file "$LAB_WORK/copy" \
		>"$LAB_WORK/receive.log" 2>&1 &
	receiver=$!
	within 10 is_listened charlie 7777
	ip netns exec alpha meshdemo send --to "$(address charlie)" --port 7777 --within 60 --file "$LAB_WORK/file" \
		>"$LAB_WORK/send.log" 2>&1
	wait $receiver
	check "a file arrives" cmp "$LAB_WORK/file" "$LAB_WORK/copy"
	check "its packets were found by the rule" told alpha classes -- 'bulk tcp port 7777  *[1-9][0-9]* packets'
	check "and went by the wide link" lane_carried wide0 bulk
	check_not "none by the thin one" lane_carried thin0 bulk
}

lane_carried() { # link lane: of bravo
	link_of bravo "$1" | grep "\"$2\":{\"waiting\":[0-9]*,\"waiting_bytes\":[0-9]*,\"sent_bytes\":[1-9][0-9][0-9][0-9][0-9]"
}

limits() {
	printf 'classes:\n  limits:\n    - bulk 50k burst 100ms\n' >>"$MESHLAB_DIR/bravo.yaml"
	check "a limit is taken by a reload" told bravo reload -- 'changed: classes'
	ip netns exec alpha ping -n -q -c 100 -i 0.01 -W 1 -s 1000 "$(address charlie)" >"$LAB_WORK/ping.log" 2>&1
	check "who sends more is named" told bravo classes -- 'bulk .*50kbit/s, 100 ms at once' \
		'! alpha sends too much bulk by radio0: [1-9][0-9]* packets were dropped'
}

inside() {
	without_the_wide_link
	with_the_wide_link
	by_rule
	limits
}

lab_test "$1" 15 $nodes
lab_done
