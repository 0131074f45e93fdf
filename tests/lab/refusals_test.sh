#!/bin/sh
# Where meshd must not start, it says in one line why and what to do, and ends with
# a status that is not 0. Where it can run on, it does.
. tests/lab/lib.sh

meshd=$PWD/$1/bin/meshd
meshctl=$PWD/$1/bin/meshctl

# config NODE [LINE-OF-NODE-SECTION]: a config of its own, in files of its own.
config() {
	mkdir -p "$1"
	cat >"$1/meshd.yaml" <<-EOF
		node: {key: $PWD/$1/node.key, state: $PWD/$1/state, control: $PWD/$1/sock${2:+, $2}}
		links:
		  - {name: radio0, type: ethernet, interface: eth0}
	EOF
}

# refused NODE STATUS TEXT COMMAND...: ends at once, with one line that says TEXT.
refused() {
	refused_node=$1 refused_status=$2 refused_text=$3
	shift 3
	timeout 10 ip netns exec "$refused_node" "$@" >said 2>&1
	refused_seen=$?
	cat said
	[ "$refused_seen" = "$refused_status" ] && [ "$(wc -l <said)" = 1 ] && grep -qF "$refused_text" said
}

has_ended() {
	! grep -q '^State:.*[^Z] (' "/proc/$1/status" 2>/dev/null
}

one_has_ended() {
	has_ended "$1" || has_ended "$2"
}

is_up() {
	"$meshctl" status --socket "$1/sock" >/dev/null 2>&1
	[ $? != 2 ]
}

status_says() { # text
	"$meshctl" status --socket c/sock >said
	grep -q "$1" said || { cat said; return 1; }
}

refusals() {
	check "a good file is called good" refused a 0 "a/meshd.yaml: good: 1 link" "$meshd" check a/meshd.yaml
	printf 'node: {}\nlinks:\n  - {name: x, preset: fibr}\n' >bad.yaml
	check "a bad one by its line" refused a 1 "bad.yaml:3: " "$meshd" check bad.yaml
	check "and is not started" refused a 1 "bad.yaml:3: " "$meshd" -c bad.yaml
	check "nor is one that is not there" refused a 1 "none.yaml: cannot be read" "$meshd" -c none.yaml
	check "a word too many is usage" refused a 2 "--help" "$meshd" run
	mv a/node.key a/away
	check "without keys it tells how to get them" refused a 1 "meshctl enrol" "$meshd" -c a/meshd.yaml
	head -c 300 a/away >a/node.key
	check "half a key file is damage" refused a 1 "or damaged" "$meshd" -c a/meshd.yaml
	mv a/away a/node.key
	check "and nothing was made" test ! -e a/state -a ! -e a/sock
	check "without privilege it says which" refused a 1 "CAP_NET_ADMIN" \
		setpriv --bounding-set -all --inh-caps -all "$meshd" -c a/meshd.yaml
	check "without /dev/net/tun it says how" refused a 1 "/dev/net/tun: not there" \
		unshare -m sh -c 'mount -t tmpfs none /dev/net && exec "$@"' sh "$meshd" -c a/meshd.yaml
	ip -n a link add mesh0 type veth peer name other
	check "an interface of its name is named" refused a 1 "mesh0: an interface of this name" "$meshd" -c a/meshd.yaml
	ip -n a link del mesh0
	: >a/sock
	check "what is no socket is not removed" refused a 1 "is no socket" "$meshd" -c a/meshd.yaml
	rm a/sock
}

running() {
	ip netns exec a "$meshd" -c a/meshd.yaml 2>a/log &
	first=$!
	check "it starts where nothing is in the way" within 20 is_up a
	config second "tun: mesh1"
	cp a/node.key second/
	sed -i "s|$PWD/second/state|$PWD/a/state|" second/meshd.yaml
	check "a second daemon on its state is refused, with its pid" refused a 1 "(pid $first)" "$meshd" -c second/meshd.yaml
	config second "tun: mesh1"
	sed -i "s|$PWD/second/sock|$PWD/a/sock|" second/meshd.yaml
	check "and one on its socket" refused a 1 "another meshd answers there" "$meshd" -c second/meshd.yaml

	# The same keys on another machine. Who hears of the other first, and is new itself, gives way.
	config second
	ip netns exec b "$meshd" -c second/meshd.yaml 2>second/log &
	twin=$!
	check "of two nodes with one key one ends by itself" within 40 one_has_ended "$first" "$twin"
	if has_ended "$twin"; then
		loser=$twin log=second/log survivor=$first sock=a
	else
		loser=$first log=a/log survivor=$twin sock=second
	fi
	wait "$loser"
	check "with status 1" test $? = 1
	check "and says what to do" grep -q 'with the keys of "car"; switch it off, or enrol' $log
	check "the other goes on" is_up $sock

	# What is no reason not to start.
	config c "tun: mesh1"
	"$meshctl" enrol --authority authority.key --name city --level city --out c/node.key >/dev/null
	sed -i 's/eth0/eth9/' c/meshd.yaml
	: >c/state
	ip netns exec b "$meshd" -c c/meshd.yaml 2>c/log &
	third=$!
	check "it runs without its interface and its state" within 20 is_up c
	check "says that the interface is missing" within 10 status_says '! link radio0 is down (missing).*eth9'
	check "says that the state cannot be written" within 10 status_says '! .*/c/state cannot be written'
	check "once in the log" test "$(grep -c state-unwritable c/log)" = 1

	kill "$third" "$survivor"
	wait "$survivor"
	check "one ends with status 0" test $? = 0
	wait "$third"
	check "the other too" test $? = 0
	check "and takes its socket along" test ! -e $sock/sock
	check "and its interface" sh -c '! ip -n a link show mesh0 2>/dev/null && ! ip -n b link show mesh0 2>/dev/null'
}

inside() {
	cd "$LAB_WORK" || exit 1
	"$meshctl" authority init >/dev/null
	config a
	"$meshctl" enrol --authority authority.key --name car --level scene --out a/node.key >/dev/null
	refusals
	running
}

if [ -n "${LAB_INSIDE:-}" ]; then
	inside
	lab_done
fi
lab_init "$1"
cat >"$work/refusals.yaml" <<'EOF'
nodes: [{name: a}, {name: b}]
links: [{name: wire, preset: switch, ends: [a:eth0, b:eth0]}]
EOF
lab_run "$work/refusals.yaml"
check "the test inside came to its end" test "$lab_status" -le 1 -a "$count" -gt 25
lab_done
