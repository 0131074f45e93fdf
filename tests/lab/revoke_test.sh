#!/bin/sh
# Three real daemons on one radio and a wire behind it; the authority's key has a
# passphrase, and is used on a node, as from a stick:
#
#   alpha ---- radio ---- bravo ---- wire ---- charlie
#
# charlie is stolen: it is out in seconds, and stays out when all are restarted. Another
# machine takes its place. A stranger with the keys of another deployment is on the radio
# all the time.
. tests/lab/lib.sh

prepare() {
	echo 'correct horse' >right
	echo 'battery staple' >wrong
	"$bin/meshctl" authority init --passphrase-file right --out authority.key >enrol.log 2>&1 &&
		"$bin/meshctl" authority init --out other.key >>enrol.log 2>&1 || {
		not_ok "an authority" "$(cat enrol.log)"
		lab_done
	}
	for enrolled in alpha bravo charlie ghost; do
		enrol "$enrolled" >>enrol.log 2>&1 || not_ok "$enrolled is enrolled" "$(cat enrol.log)"
	done
	"$bin/meshctl" enrol --authority other.key --name stranger --level scene --out stranger.key >>enrol.log 2>&1 ||
		not_ok "a stranger is enrolled elsewhere" "$(cat enrol.log)"
	rm -f other.key.issued
	node_yaml stranger '{interface: radio0, preset: mesh-radio}'
	node_yaml alpha '{interface: radio0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}' '{interface: wire0, preset: fibre}'
	node_yaml charlie '{interface: wire0, preset: fibre}'
}

enrol() { # name [options]
	enrol_name=$1
	shift
	"$bin/meshctl" enrol --authority authority.key --passphrase-file right --name "$enrol_name" --level scene \
		--out "$enrol_name.key" "$@"
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		  - {name: charlie, run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]}
		  - {name: stranger, run: [cd $MESHLAB_DIR && exec meshd -c stranger.yaml]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0, stranger:radio0], fade: none}
		  - {name: wire, preset: fibre, ends: [bravo:wire0, charlie:wire0]}
	END
}

reaches() {
	answers "$1" "$(address "$2")"
}

# revoke NODE ARGUMENT...: said on that node.
revoke() {
	revoke_node=$1
	shift
	said meshctl revoke --socket "$revoke_node.sock" "$@"
}

bad_lists() {
	check "a wrong passphrase is refused" refused "wrong passphrase" \
		revoke alpha charlie --authority authority.key --passphrase-file wrong
	check "so is a name that nobody has" refused 'nobody is called "delta"' \
		revoke alpha delta --authority authority.key --passphrase-file right
	check "another authority's list is made" foreign_list
	check "and refused" refused "not signed by the authority of this deployment" \
		revoke alpha --list other.key.revoked
	check "as is one with a changed byte" refused "damaged" revoke alpha --list damaged
	check "an older list is kept" older_list
	check "nobody is out yet" within 5 told alpha members -- "nobody is out"
}

foreign_list() {
	cd "$MESHLAB_DIR" && cp authority.key.issued other.key.issued &&
		meshctl revoke charlie --authority other.key --offline && sed 's/A/B/2' other.key.revoked >damaged
}

# Made by a copy of the key, on another machine.
older_list() {
	cd "$MESHLAB_DIR" && mkdir -p copy && cp authority.key authority.key.issued copy &&
		meshctl revoke bravo --authority copy/authority.key --passphrase-file right --offline
}

stolen() {
	check "charlie is revoked, on alpha" revoke alpha charlie --authority authority.key --passphrase-file right
	check "its routes are gone" within 5 has_no_route alpha charlie
	check "and it is no neighbour" within 5 grep -q 'neighbour-down .*charlie: it was revoked' \
		"$MESHLAB_DIR/bravo.log"
	check "both say so" within 5 both_say_revoked
	check "and that both know" within 10 both_count
	check "both have the key that goes with the list" within 10 both_have_key 1
	check "and keep it for themselves" kept_secret alpha bravo
	check_not "charlie does not" test -e "$MESHLAB_DIR/charlie.state/keys"
	check "it was told why" within 5 grep -q 'this node is out' "$MESHLAB_DIR/charlie.log"
	check_not "nothing passes" reaches alpha charlie
	check "the others go on" within 5 reaches alpha bravo
	check "charlie is revoked again: another number" \
		revoke alpha charlie --authority authority.key --passphrase-file right
	check "a list with a lower number is older" refused "it is older" revoke alpha --list copy/authority.key.revoked
	check "nobody is out but charlie" within 5 both_say_revoked
}

both_say_revoked() {
	for node in alpha bravo; do
		told $node members -- "charlie .*REVOKED" "1 revoked" || return 1
	done
}

# Both use that one in the place of the deployment's.
both_have_key() {
	for node in alpha bravo; do
		told $node members -- "key $1 of the deployment is in use here" || return 1
	done
}

kept_secret() {
	for node in "$@"; do
		[ "$(stat -c %a "$MESHLAB_DIR/$node.state/keys")" = 600 ] || return 1
	done
}

both_count() {
	for node in alpha bravo; do
		told $node members -- "1 revoked, known by 2 of 2 reachable" || return 1
	done
}

restarts() {
	meshlab ctl kill charlie
	meshlab ctl kill bravo
	rm -rf "$MESHLAB_DIR/charlie.state"
	meshlab ctl start bravo
	meshlab ctl start charlie
	check "bravo is back" within 40 reaches alpha bravo
	check "charlie runs again, and meets nobody" within 30 told charlie status -- alone
	check "bravo's list has survived" both_say_revoked
	check "and so has its key" both_have_key 2
	# It lacks the key, hears every second beacon of who is alone there, and calls after one in four.
	check "who tries to join is told, and on which link" within 120 told bravo alarms -- \
		'^RED    refused wire0: refused on wire0: "charlie", which was revoked'
	check_not "nothing passes" reaches alpha charlie
}

# Found in a ditch: another machine is charlie now.
replaced() {
	check "another machine is enrolled in its place" replace_charlie
	meshlab ctl kill charlie
	rm -rf "$MESHLAB_DIR/charlie.state"
	mv "$MESHLAB_DIR/spare.key" "$MESHLAB_DIR/charlie.key"
	meshlab ctl start charlie
	check "and is welcome under the old name" within 40 reaches alpha charlie
	check "it has the key, which its file had not" within 10 told charlie members -- "key 3 of the deployment"
	check "the old certificate is out" within 5 told alpha members -- "charlie .*REVOKED" "charlie .*member"
}

replace_charlie() {
	cd "$MESHLAB_DIR" && meshctl replace charlie spare.key --authority authority.key --passphrase-file right \
		--socket alpha.sock
}

# Who was off meanwhile meets the others by the key that it has.
away() {
	meshlab ctl kill bravo
	check "ghost is revoked while bravo is off" \
		revoke alpha ghost --authority authority.key --passphrase-file right
	check "alpha has the key of that list" within 5 told alpha members -- "key 4 of the deployment"
	meshlab ctl start bravo
	check "bravo is back" within 40 reaches alpha bravo
	check "and has it, too" within 10 both_have_key 4
	check "as has charlie, who was behind it" within 20 told charlie members -- "key 4 of the deployment"
	check "all meet" within 20 reaches alpha charlie
}

strangers() {
	check "a machine with other keys is told, and where it is" within 90 told alpha alarms -- \
		'^RED    foreign-keys radio0: .*another deployment (..:..:..:..:..:..,'
	check "so is what to do" told alpha alarms -- 'another authority enrolled it'
	check "it is nobody here" told stranger status -- '^alone'
}

inside() {
	check "all find each other" within 30 reaches alpha charlie
	bad_lists
	stolen
	restarts
	replaced
	away
	strangers
}

lab_test "$1" 14 alpha bravo charlie stranger
lab_done
