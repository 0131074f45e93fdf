#!/bin/sh
# meshtopo as people call it: what it writes is read by the simulator and, as far
# as it is small enough, by the lab; what it cannot read it refuses in one line.
. tests/lab/lib.sh

meshtopo=$PWD/$1/bin/meshtopo
meshsim=$PWD/$1/bin/meshsim
meshlab=$PWD/$1/bin/meshlab
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# simulated TEXT ARGUMENTS...: meshsim takes what comes of them, and counts TEXT.
simulated() {
	simulated_text=$1
	shift
	timeout 60 "$meshtopo" "$@" >"$work/s.yaml" && timeout 60 "$meshsim" check "$work/s.yaml" >"$work/out" 2>&1
	simulated_status=$?
	cat "$work/out"
	[ "$simulated_status" = 0 ] && grep -qF "$simulated_text" "$work/out"
}

lab() { # TEXT ARGUMENTS...: the same for meshlab
	lab_text=$1
	shift
	timeout 60 "$meshtopo" "$@" --lab >"$work/s.yaml" && timeout 60 "$meshlab" check "$work/s.yaml" >"$work/out" 2>&1
	lab_status=$?
	cat "$work/out"
	[ "$lab_status" = 0 ] && grep -qF "$lab_text" "$work/out"
}

# refused TEXT ARGUMENTS...: ends 1 in one line that says TEXT, and writes nothing.
refused() {
	refused_text=$1
	shift
	timeout 60 "$meshtopo" "$@" >"$work/out" 2>"$work/err"
	refused_seen=$?
	cat "$work/err"
	[ "$refused_seen" = 1 ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] &&
		grep -qF -- "$refused_text" "$work/err"
}

check "the full tree is one for the simulator" simulated "1073 nodes, 2123 links" tree
check "so is a larger one, with scenes" simulated "1975 nodes" tree --nodes 1800 --scenes 175 --seed 9 --for 3600
check "a small tree is one for the lab" lab "30 nodes, 56 links" tree --nodes 28 --scenes 2
for example in valley.netjson:4 street-mesh.json:4 backbone.graphml:3; do
	check "${example%:*} is one for the simulator" simulated "${example#*:} nodes" import "sim/examples/${example%:*}"
	check "${example%:*} is one for the lab" lab "${example#*:} nodes" import "sim/examples/${example%:*}"
done
check "a trace becomes events" lab "5 events" import sim/examples/valley.netjson --trace sim/examples/valley-trace.csv
check "the simulator goes on after them" simulated "4 nodes" \
	import sim/examples/valley.netjson --trace sim/examples/valley-trace.csv
check "until a minute after the last" grep -qx "for: 360" "$work/s.yaml"

# A hub with more neighbours than a node has interfaces.
awk 'BEGIN {
	printf "{\"links\":["
	for (i = 1; i <= 200; i++) printf("%s{\"source\":0,\"target\":%d,\"type\":\"vpn\"}", (i > 1 ? "," : ""), i)
	print "]}" }' >"$work/hub.json"
check "a hub of 200 lines is one for the simulator" simulated "201 nodes, 200 links" import "$work/hub.json"

"$meshtopo" tree --seed 5 >"$work/a.yaml" 2>/dev/null
"$meshtopo" tree --seed 5 >"$work/b.yaml" 2>/dev/null
"$meshtopo" tree --seed 6 >"$work/c.yaml" 2>/dev/null
check "the same seed is the same tree" cmp "$work/a.yaml" "$work/b.yaml"
check_not "another seed is another" cmp -s "$work/a.yaml" "$work/c.yaml"
for build in build/release build/san build/cov; do
	[ "$build" != "$1" ] && [ -x "$build/bin/meshtopo" ] || continue
	"$build/bin/meshtopo" tree --seed 5 >"$work/b.yaml" 2>/dev/null
	check "the seed is the same tree in $build" cmp "$work/a.yaml" "$work/b.yaml"
done

check "a file that is none is refused" refused "Makefile:1: neither JSON nor GraphML" import Makefile
check "one that is not there is refused" refused "name a file that is there" import "$work/none"
check "a trace of another network is refused" refused "valley-trace.csv:2: there is no link \"ridge-mill\"" \
	import sim/examples/backbone.graphml --trace sim/examples/valley-trace.csv
check "a tree that is too small is refused" refused "ask for 8 to 8192 posts" tree --nodes 7
check "a word too much is refused" refused "not understood: x" tree x
check "a seed that is no number is refused" refused "a number is missing" tree --seed x

# The disasters: each is read; three that take little are run.
for disaster in sim/scenarios/disasters/*.yaml; do
	check "$(basename "$disaster" .yaml) is a scenario" "$meshsim" check "$disaster"
done
case $1 in *release)
	check "Zhengzhou 2021 goes as it should" timeout 120 "$meshsim" run sim/scenarios/disasters/1-zhengzhou-2021.yaml
	check "Helene 2024 goes as it should" timeout 120 "$meshsim" run sim/scenarios/disasters/7-helene-2024.yaml
	check "Jishishan 2023 goes as it should" timeout 120 "$meshsim" run sim/scenarios/disasters/3-jishishan-2023.yaml
	;;
esac

# The hundred megabytes of rubbish, of each kind, in 64 MB of address space; a
# sanitizer needs terabytes of it.
rubbish() { # FIRST: endless lines after it
	{ printf '%s' "$1" && yes '<a b="rubbish">,[{"x":1},' | head -c 100000000; } >"$work/rubbish"
	if [ "${build_is_plain:-}" = yes ]; then ulimit -v 65536; fi
	timeout 60 "$meshtopo" import "$work/rubbish" >"$work/out" 2>"$work/err"
	rubbish_seen=$?
	cat "$work/err"
	[ "$rubbish_seen" = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q "rubbish:.*;" "$work/err"
}
case $1 in *release) build_is_plain=yes ;; esac
check "100 MB of rubbish are refused" rubbish "x"
check "100 MB that begin as JSON are refused" rubbish '{"links":['
check "100 MB that begin as XML are refused" rubbish '<graphml>'
rm -f "$work/rubbish"
echo "1..$count"
[ "$failures" = 0 ]
