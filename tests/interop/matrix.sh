#!/bin/sh
# meshd with babeld, BIRD and FRR, and all of them together: who reaches whom, by which metric, and whether it
# comes back after a cut, a restart, a change of keys.
#
#   sh tests/interop/matrix.sh BUILD [CASE...]       all cases without names; see the end of the file
. tests/lab/lib.sh
. tests/interop/lib.sh

settle_s=30 # FRR needs the most; the others a few seconds
smooth_s=60 # babeld takes a route that was lost again once its smoothed metric, halved each 4 s from infinity, is best

not_reached() { # from to
	! pings "$1" "$2" >/dev/null
}

converges() {
	check "$case: every prefix is reached from everywhere" within $settle_s all_reach
}

# --- two routers, one cable ------------------------------------------------------------------------

pair_works() {
	converges
	check "$case: and the metric is that of the cable" within 20 pair_is_up
	pair_cut
	pair_restart
	! has_mac || pair_keys
}

# By the tables of both, and by packets. With 30 ms each way the round trip adds 150 * (60 - 10) / (120 - 10) = 68 to
# the 96 of the cable, and a busy machine more.
pair_is_up() {
	if [ "$mode" = rtt ]; then
		metric_is m p 150 235 && metric_is p m 150 235 && all_reach
	else
		metric_is m p 96 && metric_is p m 96 && all_reach
	fi
}

pair_cut() {
	meshlab ctl cut m-p
	check "$case: a cut is noticed" within 10 not_reached m p
	meshlab ctl restore m-p
	converges
	meshlab ctl silence m-p
	check "$case: silence is noticed" within 20 metric_is_none m p
	meshlab ctl restore m-p
	converges
}

metric_is_none() { # name to
	seen=$(metric "$1" "$(v4_of "$2")/32") || return
	[ -z "$seen" ] || [ "$seen" = 65535 ] || { echo "$1 has a route to $2 with metric $seen"; return 1; }
}

# It forgets its seqno, or keeps it: what it announces counts again either way.
pair_restart() {
	meshlab ctl kill p
	meshlab ctl start p
	check "$case: it comes back after kill -9" within $settle_s pair_is_up
	meshlab ctl stop p
	check "$case: a clean stop takes its routes" within 15 metric_is_none m p
	seqno_forget p
	meshlab ctl start p
	check "$case: it comes back without its seqno" within $settle_s pair_is_up
	meshlab ctl kill m
	meshlab ctl start m
	check "$case: meshd comes back after kill -9" within $settle_s pair_is_up
	meshlab ctl stop m
	check "$case: a clean stop of meshd takes its routes" within 15 metric_is_none p m
	seqno_forget m
	meshlab ctl start m
	check "$case: meshd comes back without its seqno" within $settle_s pair_is_up
}

seqno_forget() { # name
	rm -rf "$work/out/$1.state" "$work/out/$1.frr/state/babel-state"
}

# Both have both keys before anybody has only the new one; babeld has one at a time, and takes the new one then.
pair_keys() {
	meshlab exec m ping -n -i 0.1 -w 120 -I "$(v4_of m)" "$(v4_of p)" >"$work/flow" &
	flow=$!
	lost=$(routes_lost)
	for keys in both two; do
		for name in m p; do
			keys_set $name $keys
			check "$case: $name takes the keys: $keys" "$(kind_of $name)_reload" $name
			heard=$(packets_accepted)
			check "$case: they go on" within $settle_s hears_four_more
		done
	done
	check "$case: and by the new key alone" pair_is_up
	kill -INT $flow
	wait $flow
	check "$case: no neighbour was lost" test "$(routes_lost)" = "$lost"
	check "$case: nor a packet" grep -q ' 0% packet loss' "$work/flow"
	keys_set p wrong
	check "$case: p takes a wrong key" "$(kind_of p)_reload" p
	check "$case: who has the wrong key is no neighbour" within 20 metric_is_none m p
	check "$case: nor are we to him" within 20 metric_is_none p m
	heard=$(packets_accepted)
	keys_set p two
	check "$case: p takes the right key" "$(kind_of p)_reload" p
	check "$case: and is heard again" within $settle_s hears_four_more
	check "$case: and believed" within $settle_s pair_is_up
}

routes_lost() {
	grep -c route-down "$work/out/m.log"
}

# Of p, by m: whatever the kernels still forward.
packets_accepted() {
	meshd_ask m links --json | tr -d ' \n' | sed 's/.*"accepted":\([0-9]*\).*/\1/'
}

hears_four_more() {
	[ "$(packets_accepted)" -ge $((heard + 4)) ]
}

pair() { # kind mode
	case=$1-$2
	has_router "$1" || return 0
	net_new "$2"
	router m meshd
	router p "$1"
	if [ "$2" = rtt ]; then wire m p delay=30ms; else wire m p; fi
	net_run pair_works
}

# --- three in a line ---------------------------------------------------------------------------------

# What meshd loses, its neighbour must not believe in any longer.
line_works() {
	converges
	check "$case: two hops cost 192" within $settle_s metric_is p far 192
	meshlab ctl cut m-far
	check "$case: a retraction by meshd counts at once" within 5 metric_is_none p far
	meshlab ctl restore m-far
	converges
}

line() { # kind mode
	case=line-$1-$2
	has_router "$1" || return 0
	net_new "$2"
	router m meshd
	router p "$1"
	router far meshd
	wire m p
	wire m far
	net_run line_works
}

# --- rings ---------------------------------------------------------------------------------------------

# Three in a ring: one hop to each; two when the cable between is cut.
triangle_works() {
	converges
	for from in a b c; do
		for to in a b c; do
			[ $from = $to ] || check "$case: $from to $to costs 96" within $settle_s metric_is $from $to 96
		done
	done
	meshlab ctl cut a-b
	check "$case: around the cut" within $settle_s all_reach
	check "$case: two hops cost 192" within $settle_s metric_is a b 192
	check "$case: and back" within $settle_s metric_is b a 192
	meshlab ctl restore a-b
	check "$case: healed, it is one hop again" within $smooth_s metric_is a b 96
	check "$case: and back" within $smooth_s metric_is b a 96
	converges
}

triangle() { # mode kind kind kind
	case=triangle-$1
	net_new "$1"
	shift
	routers_named "a b c" "$@" || return 0
	ring_wire a b c
	net_run triangle_works
}

# Four in a ring: two hops across; three the long way round.
square_works() {
	converges
	for pair in a:b b:c c:d d:a; do
		check "$case: $pair costs 96" within $settle_s metric_is ${pair%:*} ${pair#*:} 96
	done
	check "$case: across costs 192" within $settle_s metric_is a c 192
	check "$case: and the other way" within $settle_s metric_is d b 192
	meshlab ctl cut a-b
	check "$case: around the cut" within $settle_s all_reach
	check "$case: three hops cost 288" within $settle_s metric_is a b 288
	check "$case: and back" within $settle_s metric_is b a 288
	meshlab ctl kill c
	check "$case: b is cut off, the rest is not" within $settle_s rest_reaches
	meshlab ctl start c
	meshlab ctl restore a-b
	converges
	check "$case: and all is as it was" within $smooth_s metric_is a b 96
}

# What the dead router's kernel still forwards is not its daemon's doing.
rest_reaches() {
	pings a d >/dev/null && pings d a >/dev/null
}

square() { # mode kind kind kind kind
	case=square-$1
	net_new "$1"
	shift
	routers_named "a b c d" "$@" || return 0
	ring_wire a b c d
	net_run square_works
}

# --- for every day ---------------------------------------------------------------------------------------

# A ring that is cut and healed; the last three or four routers are a b c d, d may be missing.
short_works() {
	across=192
	[ -e "$net/d.kind" ] || across=96
	check "$case: every prefix is reached from everywhere" within $settle_s all_reach
	check "$case: a to b costs 96" within $settle_s metric_is a b 96
	check "$case: a to c costs $across" within $settle_s metric_is a c $across
	check "$case: and back" within $settle_s metric_is c a $across
	meshlab ctl cut a-b
	check "$case: around the cut" within $settle_s all_reach
	check "$case: as far as it is" within $settle_s metric_is a b $((across + 96))
	meshlab ctl restore a-b
	check "$case: healed" within $smooth_s metric_is a b 96
	# The answers of tshark are worth something only where it is.
	command -v tshark >/dev/null || return
	check "$case: tshark finds nothing wrong" dissects_well
}

dissects_well() {
	for capture in "$work"/out/*.pcap; do
		tshark -n -r "$capture" -Y "babel && (_ws.malformed || _ws.expert.severity >= 0x00800000)" \
			2>/dev/null >"$work/broken"
		[ ! -s "$work/broken" ] || { head -3 "$work/broken"; return 1; }
	done
}

short() { # mode kind...
	case=short-$1
	net_new "$1"
	shift
	routers_named "a b c d" "$@" || return 0
	# shellcheck disable=SC2086
	ring_wire $routers
	net_run short_works
}

# --- what there is -----------------------------------------------------------------------------------------

# One line each: BIRD 2.0 has no round trips and no v4-via-v6, FRR 8.4 has neither MAC nor v4-via-v6.
all_cases() {
	cat <<-END
		pair babeld plain
		pair bird plain
		pair frr plain
		pair babeld mac
		pair bird mac
		pair babeld blake2s
		pair bird blake2s
		pair babeld rtt
		pair frr rtt
		pair babeld v4v6
		line babeld plain
		line bird plain
		line frr plain
		line babeld v4v6
		triangle plain meshd babeld bird
		triangle plain meshd bird frr
		triangle mac meshd babeld bird
		triangle rtt meshd babeld frr
		triangle v4v6 meshd babeld meshd
		square plain meshd babeld bird frr
		square mac meshd babeld meshd bird
		square rtt meshd babeld meshd frr
		square v4v6 meshd babeld meshd babeld
		short plain meshd babeld bird frr
		short mac meshd bird babeld
		short v4v6 meshd babeld meshd
	END
}

net_inside
net_init "$1"
shift
for wanted in "${@:-.}"; do
	all_cases | if [ "$wanted" = . ]; then grep -v ^short; else grep -- "$wanted"; fi >"$work/cases"
	while read -r call; do
		# shellcheck disable=SC2086
		$call </dev/null
	done <"$work/cases"
done
lab_done
