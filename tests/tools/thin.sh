#!/bin/sh
# thin.sh MESHSIM OUT.json: what thin links show, by the scenarios of sim/scenarios/.
#
#   full_sync_s           the whole table of a network of 1,073 nodes at a town that switches its radio of
#                         9.6 kbit/s on, by the rules of the budget
#   first_sync_s          the same without a budget, over a radio that loses nothing
#   steady_share_9600     of that radio, and of one of 2.4 kbit/s, what nodes say to each other in one
#   steady_share_2400     quiet hour
#   starved_text_s        an uplink is cut, 1,000 destinations are not feasible, and one radio of 9.6 kbit/s
#   starved_command_s     is left: until text, and orders, get through
#   control_bytes_per_s   on that radio in a quiet time, by destinations: plain, as RFC 8966 has it (the town and
#                         the city repeat their routes at the preset's interval of 600 s), and ours
#
# THIN_NODES: the numbers of destinations (10 100 300 1000). THIN_FOR: seconds of the quiet time (3600). All of it
# takes a quarter of an hour on a small machine.
set -e
meshsim=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
scenarios=sim/scenarios
quiet=${THIN_FOR:-3600}

# Runs a scenario that need not hold, and keeps its table.
run() { # SCENARIO
	"$meshsim" run "$1" >"$work/table" 2>/dev/null || [ $? = 1 ]
}

# The largest value in the lines of the table that begin so; "null" if one was never measured.
most() { # PATTERN [WITHOUT]
	awk -v pattern="$1" -v without="${2:-^$}" '
		$0 ~ pattern && $0 !~ without {
			value = $(NF - 1) == "never" ? "never" : $(NF - 2)
			if (value == "never") never = 1
			if (value + 0 > most + 0) most = value
		}
		END { print never || most == "" ? "null" : most + 0 }' "$work/table"
}

share() { # LINK: of one, not of a hundred
	most "^control share of $1 .*over" | awk '{ if ($1 == "null") print $1; else printf "%.5f\n", $1 / 100 }'
}

# A town on a city by one radio, and DESTINATIONS others on the city's fibre.
peace() { # DESTINATIONS PLAIN(yes|no)
	cat >"$work/peace.yaml" <<-PEACE
		seed: 1
		for: $((quiet + 1200))
		acquainted: yes
		nodes:
		  - {name: city, level: city}
		  - {name: town, level: town, plain: $2}
		crowds:
		  - {hub: city, nodes: $(($1 - 1))}
		links:
		  - {name: thin, preset: narrowband, ends: [town:nb, city:nb]}
		expect:
		  - share: {link: thin, after: 1200, over: ${quiet}s, at most: 100%}
	PEACE
	run "$work/peace.yaml"
	share thin | awk '{ printf "%.2f\n", $1 * 9600 / 8 }'
}

run $scenarios/long/thin-sync-1073.yaml
full_sync=$(most '^whole')
run $scenarios/long/thin-sync-unbudgeted.yaml
first_sync=$(most '^whole')
run $scenarios/thin-quiet.yaml
share_9600=$(share thin)
share_2400=$(share thinner)
run $scenarios/long/03-uplink-cut-1000.yaml
text=$(most '^reach' 'for command')
command=$(most '^reach.*for command')

printf '%-52s %10s %10s\n' '' measured 'at most'
printf '%-52s %8s s %10s\n' 'whole table of 1,073 nodes over 9.6 kbit/s' "$full_sync" '120 s'
printf '%-52s %8s s %10s\n' 'first sync of them without a budget' "$first_sync" '8 s'
printf '%-52s %10s %10s\n' 'share of 9.6 kbit/s in a quiet hour' "$share_9600" 0.01
printf '%-52s %10s %10s\n' 'share of 2.4 kbit/s in a quiet hour' "$share_2400" 0.03
printf '%-52s %8s s %10s\n' 'text works after an uplink with 1,000 was cut' "$text" '15 s'
printf '%-52s %8s s %10s\n' 'orders work after that' "$command" '20 s'
printf '\n%-30s %14s %14s\n' 'control on 9.6 kbit/s, bytes/s' 'plain' 'ours'

rows=
for nodes in ${THIN_NODES:-10 100 300 1000}; do
	plain=$(peace "$nodes" yes)
	ours=$(peace "$nodes" no)
	printf '%18s destinations %14s %14s\n' "$nodes" "$plain" "$ours"
	rows="$rows${rows:+, }\"$nodes\": {\"plain\": $plain, \"ours\": $ours}"
done
mkdir -p "$(dirname "$out")"
cat >"$out" <<JSON
{"full_sync_s": $full_sync, "first_sync_s": $first_sync, "steady_share_9600": $share_9600, "steady_share_2400": $share_2400,
 "starved_text_s": $text, "starved_command_s": $command,
 "control_bytes_per_s": {$rows}}
JSON
