# Networks of real routers (meshd, babeld, BIRD, FRR) for live tests:
# `. tests/interop/lib.sh` from the repo's root, behind tests/lab/lib.sh.
#
#   net_init BUILD        before everything else
#   net_new MODE          plain | mac | blake2s | rtt | v4v6
#   router NAME KIND      meshd | babeld | bird | frr
#   wire A B [WHAT...]    a cable; WHAT as a link of the lab may be told
#   net_run FUNCTION      starts all of it, runs FUNCTION inside
#
# Router number k (in the order in which they are named) announces 10.77.k.1/32 and
# fd77:k::1/128. Interfaces are named by the far end. All cables cost 96.

key_one=6fb3a9d2c47e105538f1e2b4a7096c8d11223344556677889900aabbccddeeff
key_two=00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
babeld_hello=0.5 babeld_update=2
hello_ms=500 update_ms=2000

# net_init BUILD: lab_init, with our programs before others.
net_init() {
	lab_init "$1"
	PATH=$bin:$PATH
	export PATH
}

# The Debian package of KIND is there, or what needs it is skipped.
has_router() {
	for kind in "$@"; do
		case $kind in
		babeld) needed=/usr/sbin/babeld ;;
		bird) needed=/usr/sbin/bird ;;
		frr) needed=/usr/lib/frr/babeld ;;
		*) continue ;;
		esac
		[ ! -x $needed ] || [ "$(id -u)" != 0 ] || continue
		count=$((count + 1))
		echo "ok $count # SKIP $kind: needs root and $needed (Debian: babeld, bird2, frr)"
		return 1
	done
}

# --- describing a network ----------------------------------------------------------------------

net_new() { # mode
	mode=$1
	net=$work/net
	rm -rf "$net" "$work/out"
	mkdir -p "$net" "$work/out"
	chmod 755 "$work" "$work/out"
	routers=
	wires=
	: >"$net/links"
}

router() { # name kind
	routers="$routers $1"
	set -- "$1" "$2" "$(echo "$routers" | wc -w)"
	echo "$2" >"$net/$1.kind"
	echo "$3" >"$net/$1.number"
	: >"$net/$1.interfaces"
}

# routers_named "NAME..." KIND...: as many as there are kinds, by these names; their kinds end $case. Fails if one of
# them is not installed.
routers_named() {
	routers_names=$1
	shift
	for name in $routers_names; do
		[ -n "${1:-}" ] || continue
		case=$case-$1
		has_router "$1" || return
		router "$name" "$1"
		shift
	done
}

# Cables from each to the next, and from the last to the first.
ring_wire() { # name...
	ring_first=$1
	while [ $# -gt 1 ]; do
		wire "$1" "$2"
		shift
	done
	wire "$1" "$ring_first"
}

kind_of() { cat "$net/$1.kind"; }
number_of() { cat "$net/$1.number"; }
v4_of() { echo "10.77.$(number_of "$1").1"; }
v6_of() { echo "fd77:$(number_of "$1")::1"; }

wire() { # a b [override...]
	wires="$wires $1-$2"
	set -- "$1" "$2" "$(echo "$wires" | wc -w)" "$(shift 2; echo "$*" | sed 's/ /, /g; s/=/: /g')"
	echo "$2 $3 1" >>"$net/$1.interfaces"
	echo "$1 $3 2" >>"$net/$2.interfaces"
	echo "  - {name: $1-$2, preset: switch, ends: [$1:$2, $2:$1]${4:+, $4}}" >>"$net/links"
}

scenario_write() {
	echo "seed: 5"
	echo "nodes:"
	for name in $routers; do
		echo "  - name: $name"
		if [ "$mode" != v4v6 ]; then
			echo "    interfaces:"
			while read -r peer wire end; do
				echo "      - {name: $peer, addresses: [10.78.$wire.$end/24]}"
			done <"$net/$name.interfaces"
		fi
		echo "    run:"
		echo "      - exec sh \$MESHLAB_DIR/$name.sh"
		[ "$(kind_of "$name")" != frr ] || echo "      - exec sh \$MESHLAB_DIR/$name.babel.sh"
	done
	echo "links:"
	cat "$net/links"
}

# The host behind each router is its own loopback.
prologue() { # name
	cat <<-END
		cd \$MESHLAB_DIR || exit 1
		sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
		ip link set lo up
	END
	[ "$(kind_of "$1")" = meshd ] || cat <<-END
		ip addr replace $(v4_of "$1")/32 dev lo
		ip addr replace $(v6_of "$1")/128 dev lo
	END
}

net_write() {
	scenario_write >"$net/lab.yaml"
	for name in $routers; do
		prologue "$name" >"$work/out/$name.sh"
		keys_set "$name" one
		"$(kind_of "$name")_write" "$name"
	done
	for name in $routers; do
		[ ! -d "$work/out/$name.frr" ] || chown -R frr:frr "$work/out/$name.frr"
	done
}

# keys_set NAME one|two|both|wrong: which keys its next configuration has.
keys_set() {
	case $2 in
	one) echo "$key_one" ;;
	two) echo "$key_two" ;;
	both) printf '%s\n' "$key_one" "$key_two" ;;
	wrong) echo "$key_one" | tr 0123456789 9876543210 ;;
	esac >"$net/$1.keys"
}

has_mac() { [ "$mode" = mac ] || [ "$mode" = blake2s ]; }

# --- nothing: a host in which the test runs something itself ---------------------------------------

none_write() { # name
	echo "exec sleep 86400" >>"$work/out/$1.sh"
}

# --- meshd ----------------------------------------------------------------------------------------

# A deployment for each: among plain neighbours they know nothing of each other.
meshd_write() { # name
	(cd "$work/out" && meshctl authority init --out "$1.authority" && meshctl enrol --authority "$1.authority" \
		--name "$1" --level scene --prefix "$(v4_of "$1")/32" --prefix "$(v6_of "$1")/128" --out "$1.key") \
		>"$work/out/$1.enrol" 2>&1
	meshd_configure "$1"
	echo "exec meshd -c $1.yaml" >>"$work/out/$1.sh"
}

meshd_configure() { # name
	{
		echo "node: {key: $1.key, state: $1.state, control: $1.sock}"
		echo "links:"
		while read -r peer rest; do
			printf '  - {type: babel, interface: %s, kind: wired, hello: %s, update: %s' "$peer" $hello_ms \
				$((update_ms / 1000))
			[ "$mode" != rtt ] || printf ', rtt: yes'
			[ "$mode" != mac ] || printf ', mac: [%s]' "$(paste -sd, "$net/$1.keys")"
			[ "$mode" != blake2s ] || printf ', mac: [%s]' "$(sed 's/^/blake2s /' "$net/$1.keys" | paste -sd,)"
			echo ', accept: [allow any]}'
		done <"$net/$1.interfaces"
	} >"$work/out/$1.yaml"
}

meshd_ask() { # name question...
	socket=$work/out/$1.sock
	shift
	meshctl "$@" --socket "$socket"
}

meshd_metric() { # name prefix
	meshd_ask "$1" routes --json >"$work/routes" || return
	tr -d ' \n' <"$work/routes" | sed 's/{"prefix"/\n&/g' |
		sed -n "s|^{\"prefix\":\"$2\",.*\"selected\":true.*\"metric\":\([0-9]*\),.*|\1|p"
}

meshd_reload() { # name
	meshd_configure "$1"
	meshd_ask "$1" reload
}

# --- babeld ----------------------------------------------------------------------------------------

babeld_write() { # name
	{
		[ "$mode" != rtt ] || echo "default enable-timestamps true rtt-min 10 rtt-max 120 max-rtt-penalty 150"
		! has_mac || babeld_key "$1"
		while read -r peer rest; do
			printf 'interface %s type wired hello-interval %s update-interval %s' \
				"$peer" $babeld_hello $babeld_update
			! has_mac || printf ' key k'
			echo
		done <"$net/$1.interfaces"
		cat <<-END
			local-path-readwrite $1.ctl
			router-id 02:00:00:00:00:00:00:$(printf %02d "$(number_of "$1")")
			link-detect true
			redistribute local ip $(v4_of "$1")/32 allow
			redistribute local ip $(v6_of "$1")/128 allow
			redistribute local deny
		END
	} >"$work/out/$1.conf"
	echo "rm -f $1.pid $1.ctl" >>"$work/out/$1.sh" # of one that was killed
	echo "exec babeld -c $1.conf -I $1.pid -S $1.state -L $1.dump -d 0" >>"$work/out/$1.sh"
}

babeld_metric() { # name prefix
	pid=$(cat "$work/out/$1.pid") || return
	: >"$work/out/$1.dump"
	kill -USR1 "$pid" || return
	within 2 grep -q '^My id' "$work/out/$1.dump"
	sed -n "s|^$2 from [^ ]* metric \([0-9]*\) .*(installed).*|\1|p" "$work/out/$1.dump"
}

babeld_key() { # name: an interface has one only, the newest
	echo "key id k type $([ "$mode" = mac ] && echo hmac-sha256 || echo blake2s128) value $(tail -1 "$net/$1.keys")"
}

# babeld reads its file at its start only; by its socket it can be told of keys, and which one to use.
babeld_reload() { # name
	babeld_key "$1" | babeld_tell "$1"
}

babeld_tell() { # name: lines of its configuration
	perl -MIO::Socket::UNIX -e '
		$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!\n";
		$s->autoflush(1);
		sub answer { while (defined($_ = <$s>)) { return if /^ok/; die $_ if /^(no|bad)/ } die "it has hung up\n" }
		answer();
		while (defined($line = <STDIN>)) { print $s $line; answer() }' "$work/out/$1.ctl"
}

# --- BIRD -----------------------------------------------------------------------------------------------

bird_write() { # name
	{
		cat <<-END
			log "$1.birdlog" all;
			router id 10.77.$(number_of "$1").1;
			protocol device { scan time 2; }
			protocol direct own { ipv4; ipv6; interface "lo"; }
			protocol kernel { ipv4 { export where source = RTS_BABEL; }; }
			protocol kernel { ipv6 { export where source = RTS_BABEL; }; }
			protocol babel {
				ipv4 { import all; export where source = RTS_BABEL || proto = "own"; };
				ipv6 { import all; export where source = RTS_BABEL || proto = "own"; };
		END
		while read -r peer rest; do
			echo "	interface \"$peer\" { type wired; hello interval $hello_ms ms; update interval $update_ms ms;"
			! has_mac || bird_keys "$1"
			echo "	};"
		done <"$net/$1.interfaces"
		echo "}"
	} >"$work/out/$1.conf"
	[ -n "${2:-}" ] || echo "exec bird -f -c $1.conf -s $1.ctl" >>"$work/out/$1.sh"
}

bird_keys() { # name
	echo "		authentication mac;"
	id=0
	while read -r key; do
		id=$((id + 1))
		printf '\t\tpassword %s { id %d; algorithm %s; };\n' "$key" $id \
			"$([ "$mode" = mac ] && echo "hmac sha256" || echo "blake2s128")"
	done <"$net/$1.keys"
}

bird_metric() { # name prefix
	(cd "$work/out" && birdc -r -s "$1.ctl" show route "$2" all) | awk '
		/unicast/ { best = /\*/ }
		/Babel.metric|babel_metric/ { if (best) print $2 }'
}

bird_reload() { # name
	bird_write "$1" again
	(cd "$work/out" && birdc -s "$1.ctl" configure) | grep -q Reconfigured
}

# --- FRR -----------------------------------------------------------------------------------------------------

# FRR joins the group of an interface that it meets twice in its start only to leave it again (and is mute for 16 s,
# FRR 22484): it is told of its interfaces once it knows them all. What it keeps of its seqno is in one place for all of
# the machine: each has a place of its own there.
frr_write() { # name
	dir=$work/out/$1.frr
	mkdir -p "$dir/state"
	printf 'hostname %s\nip forwarding\nipv6 forwarding\n' "$1" >"$dir/zebra.conf"
	printf 'hostname %s\nlog file %s/log\n' "$1" "$dir" >"$dir/babeld.conf"
	{
		echo "router babel"
		while read -r peer rest; do echo " network $peer"; done <"$net/$1.interfaces"
		printf ' redistribute ipv4 connected\n redistribute ipv6 connected\n'
		while read -r peer rest; do
			printf 'interface %s\n babel wired\n babel rxcost 96\n' "$peer"
			printf ' babel hello-interval %d\n babel update-interval %d\n' $hello_ms $update_ms
			[ "$mode" != rtt ] || printf ' babel %s\n' enable-timestamps "rtt-min 10" "rtt-max 120" \
				"max-rtt-penalty 150"
		done <"$net/$1.interfaces"
	} >"$dir/networks.conf"
	cp "$work/out/$1.sh" "$work/out/$1.babel.sh"
	options="-u frr -g frr -z $1.frr/zserv --vty_socket \$PWD/$1.frr"
	echo "exec /usr/lib/frr/zebra $options -f \$PWD/$1.frr/zebra.conf -i \$PWD/$1.frr/zebra.pid" >>"$work/out/$1.sh"
	cat >>"$work/out/$1.babel.sh" <<-END
		until [ -S $1.frr/zserv ]; do sleep 0.1; done
		{
			until vtysh --vty_socket \$PWD/$1.frr -c "show babel interface" | grep -q "^lo is up"; do sleep 0.1; done
			vtysh --vty_socket \$PWD/$1.frr -f \$PWD/$1.frr/networks.conf
		} &
		exec unshare -m sh -c 'mount --bind $1.frr/state /var/run/frr &&
			exec /usr/lib/frr/babeld $options -f \$PWD/$1.frr/babeld.conf -i \$PWD/$1.frr/babeld.pid'
	END
}

frr_ask() { # name command...
	vtysh --vty_socket "$work/out/$1.frr" -c "$2"
}

frr_metric() { # name prefix
	frr_ask "$1" "show babel route" | sed -n "s|^$2 metric \([0-9]*\) .*(installed).*|\1|p"
}

# --- what must hold ---------------------------------------------------------------------------------------------

metric() { # name prefix: of the route that it uses
	"$(kind_of "$1")_metric" "$1" "$2"
}

# metric_is NAME TO METRIC [HIGHEST]: for both families.
metric_is() {
	for prefix in "$(v4_of "$2")/32" "$(v6_of "$2")/128"; do
		seen=$(metric "$1" "$prefix")
		[ "${seen:-none}" -ge "$3" ] 2>/dev/null && [ "$seen" -le "${4:-$3}" ] || {
			echo "$1 has $prefix with metric ${seen:-none}, not $3${4:+..$4}"
			return 1
		}
	done
}

pings() { # from to
	ip netns exec "$1" ping -n -q -c 1 -W 1 -I "$(v4_of "$1")" "$(v4_of "$2")" &&
		ip netns exec "$1" ping -n -q -c 1 -W 1 -I "$(v6_of "$1")" "$(v6_of "$2")"
}

all_reach() { # all but... : every prefix, from everywhere
	for from in $routers; do
		for to in $routers; do
			[ "$from" = "$to" ] || case " $* " in
			*" $from "* | *" $to "*) ;;
			*) pings "$from" "$to" >/dev/null || {
				echo "$from does not reach $to"
				return 1
			} ;;
			esac
		done
	done
}

# --- running ------------------------------------------------------------------------------------------------------

net_run() { # function: of this script, called inside of the lab
	net_write
	INTEROP_CASE=$case INTEROP_MODE=$mode INTEROP_ROUTERS=$routers INTEROP_CALL=$1 lab_run "$net/lab.yaml"
}

# What a test script calls once its functions are defined.
net_inside() {
	[ -n "${LAB_INSIDE:-}" ] || return 0
	case=$INTEROP_CASE work=$LAB_WORK net=$LAB_WORK/net mode=$INTEROP_MODE routers=$INTEROP_ROUTERS
	$INTEROP_CALL
	lab_done
}
