# Functions for live tests: `. tests/lab/lib.sh` from the repo's root, then
# lab_test, or lab_init BUILD. Results are TAP; what a test needs is in $work, which goes away.
#
# A test script is two programs in one file: outside it calls lab_run, which runs
# the same script again inside of the lab, with LAB_INSIDE set.

count=0
failures=0

ok() { # name
	count=$((count + 1))
	echo "ok $count - $1"
}

not_ok() { # name [what was seen]
	count=$((count + 1))
	failures=$((failures + 1))
	echo "not ok $count - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}

# check NAME COMMAND...: holds if the command succeeds.
check() {
	check_name=$1
	shift
	if check_seen=$("$@" 2>&1); then ok "$check_name"; else not_ok "$check_name" "$check_seen"; fi
}

# check_not NAME COMMAND...: holds if it fails.
check_not() {
	check_name=$1
	shift
	if check_seen=$("$@" 2>&1); then not_ok "$check_name" "$check_seen"; else ok "$check_name"; fi
}

skip() { # NAME WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# within SECONDS COMMAND...: succeeds as soon as the command does. A condition is
# polled, never slept for; one that takes long is polled less often, for whoever asks, under
# a sanitizer, takes most of a core.
within() {
	within_begin=$(now_ms)
	within_end=$((within_begin + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		within_now=$(now_ms)
		[ "$within_now" -lt "$within_end" ] || { "$@"; return; }
		if [ $((within_now - within_begin)) -lt 1000 ]; then sleep 0.05; else sleep 0.25; fi
	done
}

now_ms() {
	read -r uptime rest </proc/uptime
	echo "$(echo "$uptime" | tr -d .)0"
}

# has_carrier NODE INTERFACE
has_carrier() {
	ip -n "$1" link show "$2" | grep -q LOWER_UP
}

# answers NODE ADDRESS: one ping, one answer, within a second.
answers() {
	ip netns exec "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null
}

# between LOW VALUE HIGH, decimals.
between() {
	echo "$1 <= $2 <= $3"
	awk -v l="$1" -v v="${2:-x}" -v h="$3" 'BEGIN { exit !(v != "x" && v + 0 >= l && v + 0 <= h) }'
}

# readme_typed: the lines of README.md under "Three nodes".
readme_typed() {
	sed -n '/^\*\*Three nodes/,/^\*\*For\|^## /s/^    //p' README.md
}

# --- daemons: NODE's files are $MESHLAB_DIR/NODE.key, .yaml, .sock, .log ---

# enrol_scene NODE...: in this folder, by an authority of their own; what went wrong is in enrol.log.
enrol_scene() {
	"$bin/meshctl" authority init --out authority.key >enrol.log 2>&1 || not_ok "an authority" "$(cat enrol.log)"
	for enrolled in "$@"; do
		"$bin/meshctl" enrol --authority authority.key --name "$enrolled" --level scene --out "$enrolled.key" \
			>>enrol.log 2>&1 || not_ok "$enrolled is enrolled" "$(cat enrol.log)"
	done
}

# node_yaml NODE LINK...: what its daemon is told.
node_yaml() {
	node_yaml_name=$1
	shift
	{
		echo "node: {key: $node_yaml_name.key, state: $node_yaml_name.state, control: $node_yaml_name.sock}"
		echo "links:"
		printf '  - %s\n' "$@"
	} >"$node_yaml_name.yaml"
}

# address NODE: in the mesh.
address() {
	meshctl identity "$MESHLAB_DIR/$1.key" --json | tr -d ' \n' | sed 's/.*"address":"\([^"]*\)".*/\1/'
}

# ask NODE QUESTION...: what its daemon says.
ask() {
	ask_socket=$MESHLAB_DIR/$1.sock
	shift
	meshctl "$@" --socket "$ask_socket"
}

# own_address NODE: in the mesh, as its daemon says; for who has had no key from a desk.
own_address() {
	ask "$1" status --json | tr -d ' \n' | sed 's/.*"address":"\([^"]*\)".*/\1/'
}

# has_route NODE NODE
has_route() {
	ask "$1" why "$2"
}

has_no_route() {
	! has_route "$1" "$2"
}

# said COMMAND...: in the lab's folder; what it says is kept in $LAB_WORK/said.
said() {
	(cd "$MESHLAB_DIR" && "$@") >"$LAB_WORK/said" 2>&1
	said_status=$?
	cat "$LAB_WORK/said"
	return "$said_status"
}

# refused TEXT COMMAND...: fails, and says TEXT.
refused() {
	refused_text=$1
	shift
	refused_seen=$("$@" 2>&1)
	refused_status=$?
	echo "$refused_seen"
	[ "$refused_status" != 0 ] && echo "$refused_seen" | grep -q -- "$refused_text"
}

# pid_of NODE: of its daemon.
pid_of() {
	ip netns pids "$1" | while read -r pid; do
		grep -q '^meshd$' "/proc/$pid/comm" && echo "$pid"
	done | head -1
}

# told NODE QUESTION... -- TEXT...: the answer says all of it.
told() {
	told_node=$1 told_question=
	shift
	while [ "$1" != -- ]; do
		told_question="$told_question $1"
		shift
	done
	shift
	told_seen=$(ask "$told_node" $told_question 2>&1)
	for told_text in "$@"; do
		echo "$told_seen" | grep -q -- "$told_text" || {
			echo "no \"$told_text\" in"
			echo "$told_seen"
			return 1
		}
	done
}

# uses NODE NODE LINK: there is a way, by that link.
uses() {
	ask "$1" why "$2" >"$LAB_WORK/why" && grep -q "$3" "$LAB_WORK/why" || { cat "$LAB_WORK/why"; return 1; }
}

# link_of NODE LINK: as its node sees it, in JSON without blanks, on one line.
link_of() {
	ask "$1" links --json | tr -d ' \n' | sed 's/{"name":"/\n&/g' | grep "^{\"name\":\"$2\""
}

# is_listened NODE PORT: by TCP.
is_listened() {
	ip netns exec "$1" ss -H -l -t -n "sport = :$2" | grep -q .
}

# logs_are_clean: neither sanitizer nor assertion spoke, anywhere. Outside, once the lab has ended.
logs_are_clean() {
	! grep -E 'ERROR: |Sanitizer|runtime error|Assertion' "$work"/out/*.log
}

# logs_tell NODE...: how their logs end, if anything failed. Outside.
logs_tell() {
	[ "$failures" != 0 ] || return 0
	for log in "$@"; do
		sed "s/^/# $log: /" "$work/out/$log.log" | tail -40
	done
}

# lab_init BUILD: skips the whole test where namespaces or TAP devices are not allowed. Programs are in $bin.
lab_init() {
	build=$1
	meshlab=$build/bin/meshlab
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	[ -x "$meshlab" ] || { echo "not ok 1 - $meshlab is not built"; exit 1; }
	bin=$(cd "$build/bin" && pwd)
	printf 'nodes: [{name: a}, {name: b}]\nlinks: [{name: l, preset: switch, ends: [a:e, b:e]}]\n' >"$work/probe.yaml"
	if ! "$meshlab" run "$work/probe.yaml" --out "$work/probe" --quiet -- true 2>"$work/probe.err"; then
		if grep -qE 'not allowed|/dev/net/tun|cannot mount|Operation not permitted' "$work/probe.err"; then
			echo "ok 1 # SKIP $(head -1 "$work/probe.err")"
			exit 0
		fi
		not_ok "a lab of two nodes runs" "$(cat "$work/probe.err")"
		exit 1
	fi
}

# lab_run SCENARIO: this script again, inside; its results become ours.
lab_run() {
	LAB_INSIDE=1 LAB_WORK=$work "$meshlab" run "$1" --out "$work/out" --quiet -- sh "$0" "$build" >"$work/tap" \
		2>"$work/err"
	lab_status=$?
	cat "$work/tap"
	count=$(($(grep -cE '^(not )?ok ' "$work/tap") + count))
	failures=$(($(grep -c '^not ok ' "$work/tap") + failures))
	[ ! -s "$work/err" ] || sed 's/^/# /' "$work/err"
}

# lab_test BUILD MORE NODE...: a whole test script but for lab_done. It has three functions: prepare writes what the
# daemons are told, in $work/out; scenario prints the lab's; inside is the test, of more than MORE results. What can only
# be checked outside follows between this and lab_done. NODE...: whose logs are told if anything fails.
lab_test() {
	build=$1
	if [ -n "${LAB_INSIDE:-}" ]; then
		inside
		lab_done
	fi
	lab_init "$1"
	lab_more=$2
	shift 2
	lab_root=$PWD
	mkdir -p "$work/out"
	cd "$work/out" || exit 1
	prepare
	cd "$lab_root" || exit 1
	scenario >"$work/lab.yaml"
	lab_run "$work/lab.yaml"
	lab_nodes=$*
	check "the test inside came to its end" test "$lab_status" -le 1 -a "$count" -gt "$lab_more"
	check "no sanitizer and no assertion spoke" logs_are_clean
}

# lab_done: what every test script ends with.
lab_done() {
	logs_tell ${lab_nodes:-}
	[ -n "${LAB_INSIDE:-}" ] || echo "1..$count"
	[ "$failures" = 0 ]
	exit
}
