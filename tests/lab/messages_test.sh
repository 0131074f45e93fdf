#!/bin/sh
# Three real daemons in a row, the second link a thin one:
#
#   alpha ---- radio ---- bravo ---- serial, 9,600 baud ---- charlie
#
# Messages wait where the way ends, survive the restart of whoever has them, arrive once,
# and their senders are told what is true.
. tests/lab/lib.sh

prepare() {
	enrol_scene alpha bravo charlie
	node_yaml alpha '{interface: radio0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}' "{name: thin, preset: narrowband, baud: 9600, device: $PWD/bravo.tty0}"
	node_yaml charlie "{name: thin, preset: narrowband, baud: 9600, device: $PWD/charlie.tty0}"
}

scenario() {
	cat <<-'END'
		seed: 8
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		  - {name: charlie, run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0], fade: none}
		  - {name: thin, preset: narrowband, framing: cobs, baud: 9600, rate: none, delay: 20ms, turnaround: 0ms,
		     fade: none, ends: [bravo:tty0, charlie:tty0]}
	END
}

# wrote NODE NAME TEXT [OPTION]...
wrote() {
	wrote_node=$1
	shift
	ask "$wrote_node" send "$@" | grep -q queued
}

# came_once NODE TEXT
came_once() {
	came_count=$(ask "$1" inbox | grep -c -- "$2")
	[ "$came_count" = 1 ] || { echo "$came_count times"; ask "$1" inbox; return 1; }
}

first_ones() {
	check "a text to the other end arrives" wrote alpha charlie "two boats at the bridge"
	check "within seconds, over 9,600 baud" within 10 came_once charlie "two boats at the bridge"
	check "its sender knows" within 10 told alpha outbox -- "1 to charlie: delivered"
	check "an urgent one in Chinese" wrote charlie alpha "桥已断" --urgent
	check "likewise" within 10 told alpha inbox -- "from charlie" "URGENT" "桥已断"
	check "JSON has it, too" told alpha inbox --json -- '"urgent": true'
	check "the incident log has that it came, and not what it said" within 10 logged_without_text
	check "nobody of that name" refused 'nobody here is called "delta"' ask alpha send delta hello
	check "this node itself" refused 'is this node itself' ask alpha send alpha hello
	check "too long" refused 'a message takes 320' ask alpha send charlie "$(head -c 321 /dev/zero | tr '\0' x)"
	check "the longest" wrote alpha charlie "$(head -c 320 /dev/zero | tr '\0' y)"
	check "arrives as well" within 15 told alpha outbox -- "2 to charlie: delivered"
}

logged_without_text() {
	told alpha log -- "message from charlie, urgent" && ! ask alpha log | grep -q 桥已断
}

cut_and_killed() {
	meshlab ctl cut thin
	check "the end is lost" within 60 has_no_route alpha charlie
	check "a text is written all the same" wrote alpha charlie "evacuate the school"
	check "and waits for a way" within 5 told alpha outbox -- "3 to charlie: queued: there is no way"
	meshlab ctl kill alpha
	meshlab ctl start alpha
	check "it survives its sender's restart" within 20 told alpha outbox -- "3 to charlie: queued" "evacuate the school"
	check "as does what had come" told alpha inbox -- "桥已断"
	meshlab ctl restore thin
	check "there is a way again: it arrives" within 60 came_once charlie "evacuate the school"
	check "and that is known" within 15 told alpha outbox -- "3 to charlie: delivered"
}

# The relay takes it before anybody has noticed that the way is cut behind it.
relay_killed() {
	meshlab ctl cut thin
	check "a text leaves" wrote alpha charlie "doctor wanted"
	check "its sender knows to whom, then that it waits there" within 30 told alpha outbox -- \
		"4 to charlie: reached bravo .* waits there"
	meshlab ctl kill bravo
	meshlab ctl start bravo
	meshlab ctl restore thin
	check "the relay was switched off and on: it arrives all the same" within 90 came_once charlie "doctor wanted"
	check "and that is known" within 30 told alpha outbox -- "4 to charlie: delivered"
	meshlab ctl kill charlie
	meshlab ctl start charlie
	check "who has read them has them after a restart" within 30 came_once charlie "doctor wanted"
	check "each once" came_once charlie "evacuate the school"
}

# An inbox that is followed tells what comes, once.
followed() {
	meshctl inbox --follow --socket "$MESHLAB_DIR/charlie.sock" >"$LAB_WORK/followed" 2>&1 &
	follower=$!
	check "what was there is told" within 5 grep -q "doctor wanted" "$LAB_WORK/followed"
	check "another one is written" within 40 wrote alpha charlie "on our way"
	check "and told as it comes" within 30 grep -q "on our way" "$LAB_WORK/followed"
	check "what was there is told once" test "$(grep -c "doctor wanted" "$LAB_WORK/followed")" = 1
	kill "$follower"
	wait "$follower" 2>/dev/null
}

inside() {
	check "all find each other" within 60 has_route alpha charlie
	check "both ways" within 30 has_route charlie alpha
	first_ones
	cut_and_killed
	relay_killed
	followed
}

lab_test "$1" 25 alpha bravo charlie
lab_done
