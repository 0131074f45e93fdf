#!/bin/sh
# The dissector reads every frame of sealed links, as they are captured from a simulated run. Needs no lab.
. tests/lab/lib.sh

build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v tshark >/dev/null || {
	echo "ok 1 - dissector # SKIP tshark is not installed; make deps-test has it"
	echo "1..1"
	exit 0
}

capture() {
	"$build/bin/meshsim" run sim/scenarios/04-restart.yaml --pcap "$work/all.pcapng"
}

# One line for each frame, one pass over all: type, receiver, counter, what is wrong.
dissect() {
	tshark -n -X lua_script:configs/wireshark/meshd.lua -r "$work/all.pcapng" -T fields -E separator=, -e meshd.type \
		-e meshd.receiver -e meshd.counter -e _ws.malformed -e meshd.too_short >"$work/frames" 2>"$work/err"
	[ "$(wc -l <"$work/frames")" -gt 100 ] || { head -5 "$work/err" "$work/frames"; return 1; }
}

# Not one that has no type, or has a fault.
all_are_read() {
	! grep -n -m 3 -v '^[0-9][0-9]*,[^,]*,[^,]*,,$' "$work/frames"
}

has_type() {
	grep -q "^$1," "$work/frames"
}

# What is sent to one index is numbered one by one: nothing is lost before it is captured.
counters_count() {
	awk -F, '$1 == 10 {
			if ($2 in last && $3 != last[$2] + 1 && bad++ < 3) print $2 " has " $3 " after " last[$2]
			last[$2] = $3
			seen++
		}
		END { if (seen < 10) print seen + 0 " frames"; exit bad > 0 || seen < 10 }' "$work/frames"
}

check "a run is captured" capture
check "it is read" dissect
check_not "Lua finds no fault" grep -i lua "$work/err"
check "every frame has a type and no fault" all_are_read
for type in 1 2 3 5 10; do
	check "there are frames of type $type" has_type $type
done
check "data is counted" counters_count
lab_done
