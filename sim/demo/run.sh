#!/bin/sh
# run.sh BUILD [SEED]: the three outages, live. Prepares keys, configurations and the
# picture, runs the scenario in the lab, then judges what it left in build/demo. With
# another seed the links lose other frames.
# Exits 0 only if every step held; the lab leaves no process and no namespace.
set -u
here=$(dirname "$0")
bin=$(cd "$1/bin" && pwd) || exit 1
out=build/demo
PATH=$bin:$PATH:/usr/sbin:/sbin
export PATH

die() {
	echo "demo: $*" >&2
	exit 1
}

# name, level; names are long enough to be searched for in captures
nodes='city-post city
district-post district
town-post town
vehicle-1 scene
backpack-relay scene
backpack-scene scene'

rm -rf "$out" || die "$out cannot be emptied: remove it by hand"
mkdir -p "$out/nodes" || die "$out cannot be made"
meshctl authority init --out "$out/authority.key" >"$out/enrol.log" 2>&1 || {
	cat "$out/enrol.log" >&2
	die "the authority could not be made"
}
echo "$nodes" | while read -r name level; do
	mkdir -p "$out/nodes/$name" &&
		sed "s|@DEMO@|$(cd "$out" && pwd)|" "$here/nodes/$name.yaml" >"$out/nodes/$name/meshd.yaml" &&
		meshctl enrol --authority "$out/authority.key" --name "$name" --level "$level" \
			--out "$out/nodes/$name/node.key" >>"$out/enrol.log" 2>&1 || exit 1
	meshd check "$out/nodes/$name/meshd.yaml" >>"$out/enrol.log" 2>&1 || exit 1
done || {
	cat "$out/enrol.log" >&2
	die "not every node could be enrolled"
}
cp "$here/lostclock.sh" "$out/" || exit 1
sed "s/^seed: .*/seed: ${2:-20261124}/" "$here/three-outage.yaml" >"$out/three-outage.yaml" || exit 1
LOSTCLOCK=$(cd "$1/lib" && pwd)/lostclock.so
# A sanitized build: the clock is preloaded before it, and in a PID namespace it cannot look for leaks.
ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
export LOSTCLOCK ASAN_OPTIONS
meshdemo picture --file "$out/scene.jpg" || exit 1

# Ctrl-C reaches the lab as well: it ends, and what it left is judged.
trap : INT TERM
meshlab run "$out/three-outage.yaml" --quiet --out "$out" -- meshdemo run --dir "$out"
status=$?
[ -f "$out/run.json" ] || die "the lab ended with status $status before the first step; see $out"
meshdemo report --dir "$out" || exit 1
exit "$status"
