#!/bin/sh
# Incident logs go from member to member: what alpha tells of bravo, which is destroyed, and of charlie, which was cut
# off and whose log somebody has changed.
. tests/lab/lib.sh

prepare() {
	enrol_scene alpha bravo charlie
	node_yaml alpha '{interface: east, preset: wired}' '{interface: west, preset: wired}'
	node_yaml bravo '{interface: east, preset: wired}'
	node_yaml charlie '{interface: west, preset: wired}'
}

scenario() {
	cat <<-'END'
		seed: 6
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		  - {name: charlie, run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]}
		links:
		  - {name: one, preset: switch, ends: [alpha:east, bravo:east]}
		  - {name: two, preset: switch, ends: [alpha:west, charlie:west]}
	END
}

# acts NODE LINK: somebody there does something that its log has.
acts() {
	ask "$1" silence link-down "$2" for 1m
}

# reported TEXT: alpha's report has it.
reported() {
	rm -f "$LAB_WORK/report.html"
	ask alpha report --out "$LAB_WORK/report.html" >"$LAB_WORK/said" 2>&1
	grep -q -- "$1" "$LAB_WORK/report.html" || { cat "$LAB_WORK/said"; return 1; }
}

inside() {
	meshlab ctl silence two
	check "alpha and bravo meet" within 30 has_route alpha bravo
	check "each gives the other its log" within 90 told alpha log nodes -- 'log of bravo, until 20'
	check "bravo has alpha's" within 90 told bravo log nodes -- 'log of alpha, until 20'
	check "as it has been all along, without files" told alpha log -- 'bravo started meshd' 'alpha started meshd'
	check "status says that it is here" told alpha status -- '^logs of 1 other member are here, the newest .* old$'
	check_not "and --own leaves it out" told alpha log --own -- 'bravo started meshd'
	meshlab ctl silence one
	acts bravo while-cut-off >/dev/null
	check "what bravo sees while it is cut off" told bravo log -- 'link-down while-cut-off'
	sleep 45 # a cut that is shorter is none: who was away for half a minute is asked at once when it is back
	meshlab ctl restore one
	check "comes when it is back" within 120 told alpha log -- 'bravo operator .*while-cut-off'
	meshlab ctl kill bravo
	rm -rf "$MESHLAB_DIR/bravo.state"
	check "and stays when bravo is destroyed" reported 'while-cut-off'
	check "the report says how far its log goes" grep -q 'Log of bravo, until 20' "$LAB_WORK/report.html"
	meshlab ctl kill alpha
	meshlab ctl start alpha
	check "also over kill -9" within 20 reported 'while-cut-off'
	check "as status says, with nobody there" within 10 told alpha status -- '^logs of 1 other member are here'
	# charlie has been alone so far: nobody has what its log was.
	acts charlie true-story >/dev/null
	check "what charlie has seen is in its own log" within 10 told charlie log -- true-story
	meshlab ctl stop charlie
	within 10 test ! -S "$MESHLAB_DIR/charlie.sock"
	sed -i 's/true-story/fine-story/g' "$MESHLAB_DIR/charlie.state/incidents.db"
	meshlab ctl start charlie
	meshlab ctl restore two
	check "a log that was changed is refused" within 120 told alpha events -- 'log-refused charlie: run .* is not as its node'
	check_not "nothing of the forgery is here" told alpha log -- 'fine-story'
	check "what was signed before it is" told alpha log -- 'charlie started meshd'
	check "one that shares its log listens" is_listened alpha 6697
	sed -i 's/^node: {/node: {share-log: no, /' "$MESHLAB_DIR/alpha.yaml"
	check "it can be turned off" told alpha reload -- 'changed: node: share-log'
	check_not "then it does not" is_listened alpha 6697
	check "what has come stays" told alpha log nodes -- 'log of bravo' 'log of charlie'
}

lab_test "$1" 10 alpha bravo charlie
lab_done
