#!/bin/sh
# Four real daemons, two ways from one to the other:
#
#          one
#        /     \        a prefers the way by one
#      a         b
#        \     /
#          two
#
# What fails is the link between a and one: silently, by its carrier, by the daemon at its other end.
. tests/lab/lib.sh

prepare() {
	enrol_scene a one two b
	node_yaml a '{name: one, preset: fibre, interface: one, discover: yes}' \
		'{name: two, preset: fibre, interface: two, discover: yes, cost: 192}'
	node_yaml one '{name: a, preset: fibre, interface: a, discover: yes}' \
		'{name: b, preset: fibre, interface: b, discover: yes}'
	node_yaml two '{name: a, preset: fibre, interface: a, discover: yes, cost: 192}' \
		'{name: b, preset: fibre, interface: b, discover: yes}'
	node_yaml b '{name: one, preset: fibre, interface: one, discover: yes}' \
		'{name: two, preset: fibre, interface: two, discover: yes}'
}

# node NAME {INTERFACE ADDRESS}...
node() {
	echo "  - name: $1"
	echo "    run: [cd \$MESHLAB_DIR && exec meshd -c $1.yaml]"
	echo "    interfaces:"
	shift
	while [ $# -gt 0 ]; do
		echo "      - {name: $1, addresses: [$2/24]}"
		shift 2
	done
}

scenario() {
	echo "seed: 7"
	echo "nodes:"
	node a one 10.1.1.1 two 10.1.2.1
	node one a 10.1.1.2 b 10.1.3.1
	node two a 10.1.2.2 b 10.1.4.1
	node b one 10.1.3.2 two 10.1.4.2
	echo "links:"
	echo "  - {name: a-one, preset: switch, ends: [a:one, one:a]}"
	echo "  - {name: a-two, preset: switch, ends: [a:two, two:a]}"
	echo "  - {name: one-b, preset: switch, ends: [one:b, b:one]}"
	echo "  - {name: two-b, preset: switch, ends: [two:b, b:two]}"
}

# route_is LINK STATE: a's route to b in class text by that link.
route_is() {
	ask a routes text | grep " b  *[a-z]*  *$1 " | grep -q " $2 " || { ask a routes text; return 1; }
}

deaths() { # as a has said
	grep -c 'neighbour-down .* does not answer' "$MESHLAB_DIR/a.log"
}

more_deaths() { # than before
	[ "$(deaths)" -gt "$1" ] || { tail -5 "$MESHLAB_DIR/a.log"; return 1; }
}

no_more_deaths() {
	[ "$(deaths)" = "$1" ] || { grep 'does not answer' "$MESHLAB_DIR/a.log"; return 1; }
}

# A hundred packets a second, for as long as the test lasts, from when the first came back: what is not in use is not asked.
flow_begin() {
	ip netns exec a ping -n -i 0.01 "$(address b)" >"$LAB_WORK/flow" &
	flow=$!
	check "packets pass" within 10 grep -q 'bytes from' "$LAB_WORK/flow"
}

settled() {
	check "the better way is in use" within 20 route_is one "in use"
	check "and the other one is its backup" within 20 route_is two backup
}

# fails WHAT REMEDY: commands of the lab.
fails() {
	before=$(deaths)
	meshlab ctl $1
	check "$1: the backup is in use" within 10 route_is two "in use"
	check "b is reached by it" within 5 answers a "$(address b)"
	[ "$1" != "silence a-one" ] || check "it was found out by questions" within 5 more_deaths "$before"
	check "status tells what hangs on one path now" within 5 told a status -- '^~ .*hang.* on one path: two to two'
	meshlab ctl $2
	settled
}

inside() {
	check "a finds b" within 30 answers a "$(address b)"
	settled
	check "status has nothing to warn of" within 5 warns_of_nothing
	flow_begin
	fails "silence a-one" "restore a-one"
	fails "cut a-one" "restore a-one"
	before=$(deaths)
	kill -STOP "$(pid_of a)"
	sleep 2
	kill -CONT "$(pid_of a)"
	check "whoever was stopped goes on" within 10 answers a "$(address b)"
	check "and took nobody for dead" no_more_deaths "$before"
	check "a daemon at the other end is killed" kill -KILL "$(pid_of one)"
	check "which is found out, and the backup is in use" within 10 route_is two "in use"
	kill $flow
}

warns_of_nothing() {
	! ask a status | grep '^~'
}

lab_test "$1" 12 a one two b
lab_done
