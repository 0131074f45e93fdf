#!/bin/sh
# The outage clock and the incident log of a real daemon: alpha watches bravo, on one radio.
. tests/lab/lib.sh

prepare() {
	enrol_scene alpha bravo
	node_yaml alpha '{interface: radio0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}'
	sed -i 's/^node: {/node: {watch: [bravo], /' alpha.yaml
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0], fade: none}
	END
}

# outages: alpha's, in JSON without blanks, on one line.
outages() {
	ask alpha outages --json | tr -d ' \n'
}

# has TEXT
has() {
	outages | grep -q -- "$1" || { outages; return 1; }
}

# out_s: for how long bravo has been out.
out_s() {
	outages | sed -n 's/.*"out_s":\([0-9.]*\).*/\1/p'
}

# keeps NUMBER: so many sites are out, as alpha's file has it (the tenth byte).
keeps() {
	kept=$(od -An -tu1 -j9 -N1 "$MESHLAB_DIR/alpha.state/outages" | tr -d ' ')
	[ "$kept" = "$1" ] || { echo "$kept, not $1"; return 1; }
}

# restored_after LOW HIGH: the last outage took between so many seconds.
restored_after() {
	between "$1" "$(outages | sed -n 's/.*"restored_s":\([0-9.]*\).*/\1/p')" "$2"
}

# holds FILE: nobody has changed this log.
holds() {
	meshctl log "$1" >/dev/null
}

# changed FILE: the log of a loser, who says that nothing was lost.
changed() {
	sed 's/lost text/kept text/' "$1" >"$LAB_WORK/changed"
	holds "$LAB_WORK/changed" 2>&1 && return 1
	meshctl log "$LAB_WORK/changed" 2>&1 | grep 'IT WAS CHANGED after it was signed'
}

# reported: one page, and a table.
reported() {
	ask alpha report --out "$LAB_WORK/report.html" && grep -q 'text was back after' "$LAB_WORK/report.html" &&
		ask alpha report --csv --out - | grep '^outage,"alpha",.*,"bravo","text, voice, pictures"'
}

# bundled: with what a bug report needs, and nothing from the enrolment file.
bundled() {
	ask alpha bundle "$LAB_WORK/bundle.json" && for part in status configuration routes members log; do
		grep -q "^ \"$part\": {" "$LAB_WORK/bundle.json" || { echo "no $part"; return 1; }
	done
	grep -q 'link radio0: preset: mesh-radio' "$LAB_WORK/bundle.json" && ! grep -q '"error"' "$LAB_WORK/bundle.json"
}

bundle_is_lost() {
	ask alpha bundle - 2>&1 >/dev/full | grep 'standard output: No space left'
}

# played: in virtual time the same happens.
played() {
	meshsim replay "$LAB_WORK/alpha.log" -o "$LAB_WORK/played.yaml" && grep 'do: silence radio0-1' "$LAB_WORK/played.yaml" &&
		meshsim run "$LAB_WORK/played.yaml"
}

# trial: a configuration that nobody confirms goes away by itself.
trial() {
	sed -i 's/watch: \[bravo\], //' "$MESHLAB_DIR/alpha.yaml"
	check "what a reload would change is told" told alpha diff -- 'node: watch: 1 sites -> 0'
	check "a trial needs a span" told alpha reload --try 5s -- 'a trial lasts from 10 s'
	check "a configuration can be tried" told alpha reload --try 10s -- 'changed: node: watch' 'undone in 10 s unless'
	check "status tells" told alpha status -- '~ another configuration is on trial'
	check "that nobody watches takes effect" told alpha outages -- 'nothing is watched'
	check "and is undone by itself" within 15 told alpha outages -- 'bravo: '
	check "which is said" told alpha events -- 'reload-undone .*: 1 changes taken back'
	check "tried again, it can be kept" told alpha reload --try 1m -- 'undone in 60 s'
	check "and then it is what runs" told alpha reload --keep -- 'it stays'
	check "as diff tells" ask alpha diff
	check_not "and nothing is left to undo" ask alpha reload --undo
}

inside() {
	check "from the start the first picture is timed" within 30 told alpha outages -- '(start)' \
		'pictures works' 'text works'
	check "and the start is over when it has held" within 60 has '"out":false'
	check "whole is exit status 0" ask alpha outages
	check "which is kept" within 10 keeps 0
	meshlab ctl silence radio
	check "a site that falls silent is out" within 40 has '"out":true.*"lost":\["text","command","bulk"\]'
	check_not "that is an exit status" ask alpha outages
	check "and an event" grep -q 'outage bravo: lost ' "$MESHLAB_DIR/alpha.log"
	check "and kept" within 10 keeps 1
	before_s=$(out_s)
	ask alpha silence link-down radio0 for 1m >/dev/null
	within 10 ask alpha log export "$LAB_WORK/alpha.log"
	meshlab ctl kill alpha
	meshlab ctl start alpha
	check "after kill -9 the clock goes on" within 20 has '"start":false.*"contact_s":null'
	# It is kept when it begins, and not with every second that it lasts.
	check "and has not begun anew" between "$(awk "BEGIN { print $before_s - 2 }")" "$(out_s)" 1000
	meshlab ctl restore radio
	check "the first text is timed" within 40 has '"text_s":[0-9]'
	check "and the end" within 60 has '"out":false'
	check "of what began before the restart" restored_after "$before_s" 1000
	check "the log has both" told alpha outages -- '(start)' 'text, voice, pictures'
	check "the incident log has them from before kill -9, and what people did" told alpha log -- \
		'outage bravo: lost text' 'outage-over bravo' 'operator root: silence link-down radio0 for 60 s' 'started meshd'
	check "a copy of it holds" holds "$LAB_WORK/alpha.log"
	check "one that was changed does not" changed "$LAB_WORK/alpha.log"
	check "a report has it" reported
	check "everything goes into one file" bundled
	check "what cannot be written is told" bundle_is_lost
	check "it becomes a scenario that holds" played
	trial
	check "of another time it says what there is" told alpha log --to 2000-01-01 -- 'nothing was recorded .*; there is'
}

lab_test "$1" 8 alpha bravo
lab_done
