#!/bin/sh
# A quarter of an hour of a BeiDou card, live: one message of at most 1,750 bytes a minute.
#
#   scene ── beidou, a message a minute ── card-post ── office ── city-post, district-post, town
#
# Both ends name the two posts as essential: their routes go over the card, and the
# town's does not. A test of its own, as most of the time nothing happens:
#
#   sh tests/long/modem_test.sh build/release
. tests/lab/lib.sh

nodes="scene card-post city-post district-post town"

prepare() {
	mkdir air
	"$bin/meshctl" authority init --out authority.key >enrol.log 2>&1 || not_ok "an authority" "$(cat enrol.log)"
	for node in $nodes; do
		"$bin/meshctl" enrol --authority authority.key --name $node --level district --out $node.key >>enrol.log 2>&1 ||
			not_ok "$node is enrolled" "$(cat enrol.log)"
		[ $node = scene ] || node_yaml $node "{interface: office0, preset: fibre}"
	done
	modem="$bin/beidou-example, --air, $PWD/air, --every, 60, --delay, 2, --card"
	beidou="name: beidou, preset: short-message, essential: [city-post, district-post]"
	node_yaml scene "{$beidou, command: [$modem, 2801], peers: [2802]}"
	node_yaml card-post "{interface: office0, preset: fibre}" "{$beidou, command: [$modem, 2802], peers: [2801]}"
}

scenario() {
	echo "seed: 5"
	echo "nodes:"
	for node in $nodes; do
		echo "  - {name: $node, run: [cd \$MESHLAB_DIR && exec meshd -c $node.yaml]}"
	done
	echo "links:"
	echo "  - {name: office, preset: switch, ends: [card-post:office0, city-post:office0, district-post:office0, town:office0]}"
}

# seconds_until SECONDS COMMAND...: prints how long it took.
seconds_until() {
	since=$(now_ms)
	limit=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ $(($(now_ms) - since)) -lt $((limit * 1000)) ] || return 1
		sleep 1
	done
	echo "# after $((($(now_ms) - since) / 1000)) s: $*"
}

# A message there and one back, each of which may wait for a minute, and more for what is before it.
reaches() { # node name
	ip netns exec "$1" ping -n -q -c 1 -W 600 "$(address "$2")" >/dev/null
}

inside() {
	check "the office is whole" within 30 has_route card-post town
	for post in city-post district-post; do
		seconds_until 3600 has_route scene $post
		check "the scene has a route to $post" has_route scene $post
		seconds_until 3600 has_route $post scene
		check "and $post one to the scene" has_route $post scene
	done
	check "a packet to the city and its answer pass" reaches scene city-post
	check_not "nothing of the town crosses the card" has_route scene town
}

lab_test "${1:-build/release}" 6 $nodes
lab_done
