#!/bin/sh
# thin.sh MESHSIM OUT.json: what a network costs a link of 9.6 and of 2.4 kbit/s, by the
# number of its nodes. A town hangs on a city by one narrowband radio; the others are on
# fibre, and all have each other's certificates. Steady: an hour in which
# nothing happens, after the first ten minutes.
set -e
meshsim=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# scenario NODES RATE SECONDS
scenario() {
	echo "seed: 1"
	echo "for: $3"
	echo "acquainted: yes"
	echo "nodes:"
	echo "  - {name: city, level: city}"
	echo "  - {name: town, level: town}"
	awk -v n=$(($1 - 2)) 'BEGIN { for (i = 1; i <= n; i++) print "  - {name: n" i ", level: town}" }'
	echo "links:"
	echo "  - {name: thin, preset: narrowband, rate: $2, ends: [town:nb, city:nb]}"
	# A node has 256 neighbours at most: 200 on each hub's fibre.
	awk -v n=$(($1 - 2)) 'BEGIN { for (i = 1; i <= n; i++) {
		hub = int((i - 1) / 200)
		print "  - {name: l" i ", preset: fibre, ends: [n" i ":f, " (hub ? "n" hub ":h" : "city:f") "]}" } }'
	echo "expect:"
	echo "  - routed: {node: town, to: n$(($1 - 2)), at most: $3}"
	echo "  - whole: {after: 0, within: $3}"
}

# control NODES RATE SECONDS: bytes of control on the thin link
control() {
	scenario "$@" > "$work/s.yaml"
	"$meshsim" run "$work/s.yaml" > "$work/s.txt" 2>&1 || true
	awk '$1 == "thin" { print $4 }' "$work/s.txt"
}

printf '%6s %8s %14s %14s\n' nodes rate 'whole after' 'steady B/s'
rows=
for nodes in ${THIN_NODES:-10 100 300}; do
	for rate in 9600 2400; do
		first=$(control "$nodes" "$rate" 600)
		whole=$(awk '/^whole/ { print $(NF - 2) }' "$work/s.txt")
		all=$(control "$nodes" "$rate" 4200)
		steady=$(echo "$first $all" | awk '{ printf "%.2f", ($2 - $1) / 3600 }')
		share=$(echo "$steady $rate" | awk '{ printf "%.5f", $1 * 8 / $2 }')
		printf '%6s %8s %12s s %14s (%s)\n' "$nodes" "$rate" "$whole" "$steady" "$share"
		rows="$rows${rows:+,}
  {\"nodes\": $nodes, \"rate_bps\": $rate, \"whole_s\": \"$whole\", \"control_bytes_per_s\": $steady, \"steady_share\": $share}"
	done
done
echo "{\"thin\": [$rows
]}" > "$out"
