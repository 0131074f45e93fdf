#!/bin/sh
# meshsim as people call it: its exit status, what it says, and that a run is the
# same to the bit, also when another compiler setting made the program.
. tests/lab/lib.sh

meshsim=$PWD/$1/bin/meshsim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run_as STATUS TEXT ARGUMENTS...: ends so, and says TEXT on standard error.
run_as() {
	run_status=$1 run_text=$2
	shift 2
	timeout 60 "$meshsim" "$@" >"$work/out" 2>"$work/err"
	run_seen=$?
	cat "$work/err"
	[ "$run_seen" = "$run_status" ] && { [ -z "$run_text" ] || grep -qF -- "$run_text" "$work/err"; }
}

# same_run PROGRAM SCENARIO: the JSON of PROGRAM is that of this build.
same_run() {
	"$meshsim" run "$2" --json "$work/this.json" >/dev/null 2>&1 &&
		"$1" run "$2" --json "$work/that.json" >/dev/null 2>&1 &&
		cmp "$work/this.json" "$work/that.json"
}

cat >"$work/wrong.yaml" <<'END'
for: 20
nodes: [{name: a}, {name: b}]
links: [{name: l, preset: mesh-radio, ends: [a:r0, b:r0], state: silent}]
expect: [{reach: {from: a, to: b, within: 10}}]
END

check "a scenario that holds ends 0" run_as 0 "" run sim/scenarios/04-restart.yaml
check "the table has the hash" grep -q "hash [0-9a-f]\{64\}" "$work/out"
check "one that does not ends 1 and names what failed" \
	run_as 1 "wrong.yaml: reach b from a within 10 s of 0 s" run "$work/wrong.yaml"
cat >"$work/traffic.yaml" <<'END'
for: 20
nodes: [{name: a}, {name: b}]
links: [{name: l, preset: fibre, rate: 1M, ends: [a:e0, b:e0]}]
files: [{name: image, from: a, to: b, start: 5, size: 2M}]
groups: [{name: net, members: [a, b], start: 5}]
expect:
  - usable: {group: net, after: 8, at most: 100 %}
  - arrives: {file: image, within: 10}
END
check "a file that does not come ends 1 and is named" \
	run_as 1 "traffic.yaml: image (2 MB) at b within 10 s of 5 s: " run "$work/traffic.yaml" --report "$work"
check "the page for people is there" grep -q "image (2 MB) at b" "$work/traffic.html"
check "nothing but that is on standard error" [ "$(wc -l <"$work/err")" = 1 ]
check "a scenario that is not there ends 2 in one line" run_as 2 "name a scenario that is there" run "$work/none.yaml"
check "a word too much ends 2" run_as 2 "see meshsim --help" run a b
check "a seed that is no number ends 2" run_as 2 "--seed needs a number" run a --seed x
check "a file that cannot be written ends 2" \
	run_as 2 "name another file" run sim/scenarios/04-restart.yaml --json "$work/no/such.json"
check "check reads without running" run_as 0 "" check "$work/wrong.yaml"

# capture_is_readable: each link has its file, with frames of the right outer form.
capture_is_readable() {
	mkdir -p "$work/pcap"
	"$meshsim" run sim/scenarios/12-reborn-in-flight.yaml --pcap "$work/pcap" >/dev/null || return 1
	[ "$(od -An -tx4 -N4 "$work/pcap/radio.pcap" | tr -d ' ')" = a1b23c4d ] || return 1
	# behind the headers of file and record: a station of link 1, and the types
	od -An -tx1 -j40 -N5 "$work/pcap/radio.pcap" | grep -q "02 53 00 01 00" || return 1
	od -An -tx1 -j52 -N2 "$work/pcap/radio.pcap" | grep -q "88 b5" || return 1
	od -An -tx1 -j52 -N3 "$work/pcap/satellite.pcap" | grep -q "08 00 45" || return 1
	[ -s "$work/pcap/cellular.pcap" ]
}
check "captures are pcap files of sealed frames" capture_is_readable
# capture_of_all: one pcapng, with the links by name; opened, the Babel packets (magic 42, version 2) are in it.
capture_of_all() {
	"$meshsim" run sim/scenarios/04-restart.yaml --pcap "$work/all.pcapng" >/dev/null &&
		"$meshsim" run sim/scenarios/04-restart.yaml --pcap "$work/open.pcapng" --decrypted >/dev/null || return 1
	[ "$(od -An -tx1 -N4 "$work/all.pcapng" | tr -d ' ')" = 0a0d0d0a ] || return 1
	for capture_link in $(sed -n 's/^ *- *{name: \([a-z0-9-]*\), preset.*/\1/p' sim/scenarios/04-restart.yaml); do
		grep -qaF "$capture_link" "$work/all.pcapng" || return 1
	done
	capture_babel=$(printf '\032\050\032\050')
	! LC_ALL=C grep -qaF "$capture_babel" "$work/all.pcapng" && LC_ALL=C grep -qaF "$capture_babel" "$work/open.pcapng"
}
check "one pcapng has all links, sealed or opened" capture_of_all
check "captures need a place" run_as 2 "name a file, or a directory that is there" \
	run sim/scenarios/04-restart.yaml --pcap "$work/no/such"
check "opened captures need a place" run_as 2 "--decrypted needs --pcap" run sim/scenarios/04-restart.yaml --decrypted

check "the demonstration holds in virtual time" run_as 0 "" run sim/demo/simulated.yaml
check "a tree of 28 nodes becomes whole" run_as 0 "" bench-tree 28 --for 1 --json "$work/bench.json"
check "its figures are in the JSON" grep -q '"nodes": 28, .*"links": 50, ' "$work/bench.json"
check "a tree needs a number" run_as 2 "NODES is a number" bench-tree many

check "random worlds hold" run_as 0 "" fuzz --seeds 1..3
check "and are counted" grep -q "^3 worlds, 0 failed, hash [0-9a-f]\{64\}$" "$work/out"
check "random worlds for a time" run_as 0 "" fuzz --for 1 --workers 2
check "a time is not a word" run_as 2 "write --for 10m" fuzz --for ever
check "seeds have two ends" run_as 2 "seeds are A..B, or one number" fuzz --seeds 5..3
"$meshsim" fuzz --print 3 >"$work/three.yaml"
check "a seed is a scenario that runs" run_as 0 "" run "$work/three.yaml"
check "what holds cannot be made small" run_as 1 "it does not fail: there is nothing to shrink" shrink "$work/three.yaml"
check "what fails can" run_as 0 "" shrink "$work/wrong.yaml" -o "$work/small.yaml" --for 20
check "and fails still" run_as 1 "reach b from a within" run "$work/small.yaml"
check "shrink needs something" run_as 2 "say which scenario" shrink

check "the same seed is the same run" same_run "$meshsim" sim/scenarios/01-random-cuts.yaml
cat >"$work/seeds" <<'END'
#!/bin/sh
exec "$MESHSIM" "$@" --seed 99
END
chmod +x "$work/seeds"
MESHSIM=$meshsim
export MESHSIM
check_not "another seed is another run" same_run "$work/seeds" sim/scenarios/01-random-cuts.yaml

# is_of_now BUILD: its meshsim is not older than any source.
is_of_now() {
	[ -x "$1/bin/meshsim" ] &&
		[ -z "$(find sim meshd routing crypto -name '*.[ch]' -newer "$1/bin/meshsim" | head -1)" ]
}

for build in build/release build/san build/cov; do
	[ "$build" != "$1" ] && is_of_now "$build" || continue
	for scenario in 01-random-cuts 12-reborn-in-flight three-outage; do
		check "$scenario is the same run in $build" same_run "$PWD/$build/bin/meshsim" "sim/scenarios/$scenario.yaml"
	done
done
echo "1..$count"
[ "$failures" = 0 ]
