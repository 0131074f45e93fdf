#!/bin/sh
# bench_sim.sh MESHSIM JSON NODES...: a command tree of each size, from cold and
# then for an hour; a process each, so that its memory is its own. What takes longer
# than BENCH_LIMIT seconds is left out, and the JSON says so.
#
#   speedup_1073, bytes_per_node_1073   null if 1073 is not among the sizes, or was left out
#   scaling                             nodes, seconds that people waited, bytes; and what they are made of:
#                                       entries of tables (a route of each node to each: they grow by the
#                                       square), events of a node in a second of peace (they do not grow)
meshsim=$1
json=$2
shift 2
list=$(mktemp)
one=$(mktemp)
left_out=
speedup=null
bytes=null
status=0
for nodes in "$@"; do
	timeout "${BENCH_LIMIT:-2400}" "$meshsim" bench-tree "$nodes" --for "${BENCH_FOR:-3600}" --json "$one"
	code=$?
	if [ $code = 124 ]; then
		echo "bench-sim: $nodes nodes take more than ${BENCH_LIMIT:-2400} s: left out" >&2
		left_out="$left_out${left_out:+, }$nodes"
		continue
	fi
	[ $code = 0 ] || status=1
	[ -s "$one" ] || continue
	[ -s "$list" ] && echo "," >>"$list"
	cat "$one" >>"$list"
	if [ "$nodes" = 1073 ]; then
		speedup=$(sed -n 's/.*"speedup": \([0-9.]*\).*/\1/p' "$one")
		bytes=$(sed -n 's/.*"bytes_per_node": \([0-9.]*\).*/\1/p' "$one")
	fi
	: >"$one"
done
mkdir -p "$(dirname "$json")"
{
	echo "{\"speedup_1073\": $speedup, \"bytes_per_node_1073\": $bytes, \"left_out\": [$left_out], \"scaling\": ["
	cat "$list"
	echo ']}'
} >"$json"
rm -f "$list" "$one"
exit $status
