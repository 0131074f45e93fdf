#!/bin/sh
# A fire engine comes to help. It is admitted for the command post and nothing else, and for a
# while; the engine's officer gets more time; then it is cut off.
#
#   post ---- wire ---- town ---- radio ---- engine
#                        └─ clinic (wire)
. tests/lab/lib.sh

prepare() {
	enrol_scene post town clinic
	node_yaml post '{interface: wire0, preset: fibre}'
	node_yaml town '{interface: wire0, preset: fibre}' '{interface: wire1, preset: fibre}' \
		'{interface: radio0, preset: mesh-radio}'
	node_yaml clinic '{interface: wire1, preset: fibre}'
	node_yaml engine '{interface: radio0, preset: mesh-radio}'
	"$bin/meshctl" request --name engine --level scene --key engine.key --file engine.request >>enrol.log 2>&1 ||
		not_ok "the engine asks" "$(cat enrol.log)"
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - {name: post, run: [cd $MESHLAB_DIR && exec meshd -c post.yaml]}
		  - {name: town, run: [cd $MESHLAB_DIR && exec meshd -c town.yaml]}
		  - {name: clinic, run: [cd $MESHLAB_DIR && exec meshd -c clinic.yaml]}
		  - {name: engine, run: [cd $MESHLAB_DIR && exec meshd -c engine.yaml]}
		links:
		  - {name: wire, preset: fibre, ends: [post:wire0, town:wire0]}
		  - {name: wire1, preset: fibre, ends: [town:wire1, clinic:wire1]}
		  - {name: radio, preset: mesh-radio, ends: [town:radio0, engine:radio0], fade: none}
	END
}

engine_reaches() {
	answers engine "$(address "$1")"
}

reaches_engine() {
	answers "$1" "$(own_address engine)"
}

admitted() {
	check "the engine waits" within 20 told engine status -- "this machine has no certificate yet"
	check "the post admits it for itself" said meshctl guest --authority authority.key --request engine.request \
		--agency "fire brigade" --to post --for 40m --out engine.answer --socket post.sock
	check "it reaches the post" within 30 engine_reaches post
	check "and is reached from there" within 10 reaches_engine post
	check_not "not the clinic" engine_reaches clinic
	check_not "nor the town beside it" engine_reaches town
	check_not "nor does the clinic reach it" reaches_engine clinic
	check "it does not even know a way" has_no_route engine clinic
	check "the clinic reaches the post as before" answers clinic "$(address post)"
	check "everybody sees whose guest it is" told clinic members -- "engine .*member.*guest" \
		"fire brigade  engine .*text command"
	check "and that it ends soon" told town status -- 'guest "engine" of fire brigade ends in 39 min'
}

extended() {
	check "it gets more time" said meshctl guest --authority authority.key --extend engine.answer --for 5h \
		--socket clinic.sock
	check "it took it by itself" within 20 grep -q ' admitted as engine (scene), serial 5' "$MESHLAB_DIR/engine.log"
	check "and works on" within 30 engine_reaches post
	check "everybody knows" within 10 told post members -- "fire brigade  engine *\(29[0-9] min\|[45] h\)"
}

cut_off() {
	check "it is cut" said meshctl revoke engine --authority authority.key --socket clinic.sock
	check_not "at once" within_not 5 engine_reaches post
	check "everywhere" within 10 told post members -- "engine .*REVOKED"
}

# within_not SECONDS COMMAND...: fails as soon as the command does.
within_not() {
	within_not_end=$(($(now_ms) + $1 * 1000))
	shift
	while "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$within_not_end" ] || return 0
		sleep 0.1
	done
	return 1
}

inside() {
	check "the members find each other" within 30 answers clinic "$(address post)"
	admitted
	extended
	cut_off
}

lab_test "$1" 18 post town clinic engine
lab_done
