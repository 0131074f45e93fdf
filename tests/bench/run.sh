#!/bin/sh
# run.sh BUILD JSON PART...: runs each part of the bench (tests/bench/PART.sh) after the other, prints a table of what
# they measured, and writes it to JSON: a list of {name, value, unit, against, ratio}. The figures of parts that did not
# run this time stay there.
build=$1
json=$2
shift 2
BENCH_ENTRIES=$(mktemp)
export BENCH_ENTRIES
trap 'rm -f "$BENCH_ENTRIES"' EXIT
status=0
for part in "$@"; do
	echo "== $part"
	sh "tests/bench/$part.sh" "$build" || status=1
done
mkdir -p "$(dirname "$json")"
[ -s "$json" ] || echo '[]' >"$json"
jq -s --slurpfile old "$json" '. as $new | [$old[0][] | select([.name, .against] as $k | all($new[]; [.name, .against] != $k))] + $new' \
	"$BENCH_ENTRIES" >"$json.new" && mv "$json.new" "$json" || status=1
jq -r '["figure", "value", "unit", "ratio", "against"], (.[] | [.name, .value, .unit, .ratio // "-", .against // ""])
	| @tsv' "$json" | awk -F'\t' '{ printf "%-48s %12s %-8s %8s  %s\n", $1, $2, $3, $4, $5 }'
exit $status
