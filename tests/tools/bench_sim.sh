#!/bin/sh
# bench_sim.sh MESHSIM JSON NODES...: a command tree of each size, from cold; a
# process each, so that its memory is its own. The list goes into JSON.
meshsim=$1
json=$2
shift 2
list=$(mktemp)
one=$(mktemp)
status=0
for nodes in "$@"; do
	if "$meshsim" bench-tree "$nodes" --json "$one"; then
		[ -s "$list" ] && echo "," >>"$list"
		cat "$one" >>"$list"
	else
		status=1
	fi
done
{
	echo '{"scaling": ['
	cat "$list"
	echo ']}'
} >"$json"
rm -f "$list" "$one"
exit $status
