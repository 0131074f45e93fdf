#!/bin/sh
# The same packets, most of them wrong, are said to babeld and to meshd: do both take the same, and answer the same?
#
#   sh tests/interop/parse.sh BUILD
#
# Where they differ on purpose the difference is named in `differs` with the reason, and so that it cannot go away
# unnoticed it must be there. docs/interop.md tells more.
. tests/lab/lib.sh
. tests/interop/lib.sh

# WHAT|babeld|meshd
differs() {
	cat <<-'END'
		interval 0 (4.6.9)|yes|no
		router-id of zeros (4.1.3)|yes|no
		router-id of ones (4.1.3)|yes|no
		body longer than the packet (4.2)|yes|no
		from another port (4)|yes|no
		hop limit 255 (4)|yes|no
		... within no time (4.6.3)|yes|no
		wildcard route request with a length (4.6.10)|yes|no
		seqno request of hop count 0 for its own prefix (4.6.11)|yes|no
	END
}

# What it has in its kernel of what was announced, and what it answered.
judge() {
	mkfifo "$work/say"
	for name in b m; do
		check "$name can be spoken to" within 30 has_address "s$name"
		ip netns exec "s$name" "$speaker" "$name" <"$work/say" >"$work/answers.$name" &
		speaking=$!
		exec 9>"$work/say"
		check "$name has heard everything" within 60 grep -qx announced "$work/answers.$name"
		check "$name has the good route" within 5 has_prefix "$name" fd66:1::/32
		effects "$name" >"$work/effects.$name"
		echo >&9
		check "$name obeys a wildcard retraction" within 10 grep -qx retracted "$work/answers.$name"
		check "$name has none of it any more (4.6.9)" within 5 has_nothing "$name"
		echo >&9
		exec 9>&-
		wait $speaking
	done
	compare
}

# A link-local one that may be used: the kernel looks first whether somebody else has it.
has_address() { # name
	ip -n "$1" -6 addr show scope link -tentative | grep fe80
}

has_prefix() { # name prefix
	ip -n "$1" -6 route show "$2" | grep -qv unreachable
}

has_nothing() { # name
	seen=$(ip -n "$1" -6 route show; ip -n "$1" route show)
	! echo "$seen" | grep -v unreachable | grep -E '^(fd66|10\.66)'
}

effects() { # name: a line for each saying
	ip -n "$1" -6 route show >"$work/routes"
	ip -n "$1" route show >>"$work/routes"
	"$speaker" --list | while read -r number what; do
		if grep -v unreachable "$work/routes" | grep -qE "^(fd66:$(printf %x "$number")::/3[12]|10\.66\.$number\.0/24) "; then
			echo "$what: yes"
		else
			echo "$what: no"
		fi
	done
	for martian in ::1 ff00::/8 fe80::/10; do
		if grep -q "^$martian " "$work/routes"; then echo "route to $martian: yes"; else echo "route to $martian: no"; fi
	done
	grep ': ' "$work/answers.$1"
}

compare() {
	while IFS= read -r line <&3 && IFS= read -r other <&4; do
		what=${line%: *} babeld=${line##*: } meshd=${other##*: }
		if wanted=$(differs | grep -F "$what|"); then
			check "differs on purpose: $what" test "$what|$babeld|$meshd" = "$wanted"
		else
			check "$what: babeld says $babeld, meshd $meshd" test "$babeld" = "$meshd"
		fi
	done 3<"$work/effects.b" 4<"$work/effects.m"
}

net_inside
net_init "$1"
speaker=$(cd "$build/interop" && pwd)/speaker
export speaker
babeld_update=60 update_ms=60000 # what is said then is an answer
case=parse
has_router babeld || lab_done
net_new plain
router b babeld
router m meshd
router sb none
router sm none
wire b sb
wire m sm
net_run judge
lab_done
