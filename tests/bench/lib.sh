# What the parts of `make bench` share: `. tests/bench/lib.sh` from the repo's root. A part is a script that is given
# BUILD; what it measures it hands in by entry(), what it has to say it prints.

# entry NAME VALUE UNIT [AGAINST THEIRS]: one figure; AGAINST is what it is compared with, taken in the same run, and
# THEIRS is that one's figure in the same unit. The entry's ratio is ours by theirs.
entry() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" "${5:-}" |
		jq -R -c 'split("\t") | {name: .[0], value: (.[1] | tonumber), unit: .[2],
			against: (if .[3] == "" then null else .[3] end),
			ratio: (if .[4] == "" or (.[4] | tonumber) == 0 then null
				else (.[1] | tonumber) / (.[4] | tonumber) * 1000 | round / 1000 end)}' >>"$BENCH_ENTRIES"
}

# median: of the numbers on standard input, one a line. Of an even count it is the lower one of the middle.
median() {
	sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# has PROGRAM PACKAGE: a peer is there, or it is said that it is left out.
has() {
	command -v "$1" >/dev/null || [ -x "$1" ] || {
		echo "$2 is not installed: left out" >&2
		return 1
	}
}
