#!/bin/sh
# failover.sh BUILD: how long a flow of 1,000 packets a second pauses when its path dies.
#
#        r1
#      /    \         carrier   the far end of a's link in use is set down
#     a      b        silent    nothing passes on it any more, in either direction, and its carrier stays
#      \    /
#        r2           equal     both ends of a's links have the same interface index: the kernel tells of a
#                               lost carrier up to a second late
#
# Every system has a diamond of its own, all of them run all the time, and are measured in turn: FAILOVER_ROUNDS (5).
# FAILOVER_SYSTEMS names some of them. What of a flow did not come back within its time is told as that time.
. tests/bench/lib.sh

build=$1
flow=$(cd "$build/bench/tools" && pwd)/flow
rounds=${FAILOVER_ROUNDS:-5}
net_begin "$build"
systems=${FAILOVER_SYSTEMS:-"meshd_fibre meshd_wired meshd_equal meshd_radio babeld babeld_tuned bird bird_tuned frr frr_tuned
	yggdrasil tinc"}


# --- diamonds: the interfaces have the names of the far ends ----------------------------------------------------------

wire() { # system node node number index index
	ip link add name "$3" index "$5" netns "$(ns "$1" "$2")" type veth peer name "$2" index "$6" netns "$(ns "$1" "$3")"
	ip -n "$(ns "$1" "$2")" addr add "10.1.$4.1/24" dev "$3"
	ip -n "$(ns "$1" "$3")" addr add "10.1.$4.2/24" dev "$2"
	ip -n "$(ns "$1" "$2")" link set dev "$3" up
	ip -n "$(ns "$1" "$3")" link set dev "$2" up
}

diamond() { # system
	for node in a r1 r2 b; do
		net_add "$1" $node
		in_ns "$1" $node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
			net.ipv4.conf.all.rp_filter=0 net.ipv6.conf.default.accept_dad=0
	done
	case $1 in *equal) far=10 ;; *) far=20 ;; esac
	wire "$1" a r1 1 10 $far
	wire "$1" a r2 2 11 $((far + 1))
	wire "$1" r1 b 3 30 40
	wire "$1" r2 b 4 31 41
}

links_of() { # node
	case $1 in a | b) echo r1 r2 ;; *) echo a b ;; esac
}

address_of() { # of a node as far as its own: 10.9.0.number
	case $1 in a) echo 10.9.0.1 ;; b) echo 10.9.0.2 ;; r1) echo 10.9.0.3 ;; r2) echo 10.9.0.4 ;; esac
}

# --- systems: SYSTEM_start makes all four nodes run, SYSTEM_to prints where the flow goes -------------------------

meshd_links() { # system node
	for link in $(links_of "$2"); do
		case $1 in
		*fibre) echo "  - {name: $link, preset: fibre, interface: $link, discover: yes}" ;;
		*radio) echo "  - {interface: $link, preset: mesh-radio}" ;;
		*) echo "  - {interface: $link, preset: wired}" ;;
		esac
	done
}

meshd_start() { # system
	(
		cd "$work/$1" || exit 1
		meshctl authority init --out authority >enrol.log 2>&1
		for node in a r1 r2 b; do
			meshctl enrol --authority authority --name $node --level scene --out $node.key >>enrol.log 2>&1
			{
				echo "node: {key: $node.key, state: $node.state, control: $node.sock}"
				echo "links:"
				meshd_links "$1" $node
			} >$node.yaml
			start "$1" $node $meshd -c $node.yaml
		done
	)
}

meshd_to() { # system
	meshctl identity "$work/$1/b.key" --json | jq -r .address
}

loopbacks() { # system
	for node in a r1 r2 b; do
		ip -n "$(ns "$1" $node)" addr add "$(address_of $node)/32" dev lo
	done
}

babeld_start() { # system
	loopbacks "$1"
	for node in a r1 r2 b; do
		for link in $(links_of $node); do
			case $1 in
			*tuned) echo "interface $link type wired hello-interval 0.01 update-interval 4" ;;
			*) echo "interface $link type wired" ;;
			esac
		done >"$work/$1/$node.conf"
		case $1 in *tuned) echo "link-detect true" ;; esac >>"$work/$1/$node.conf"
		printf 'redistribute local ip 10.9.0.0/24 le 32 allow\nredistribute local deny\n' >>"$work/$1/$node.conf"
		start "$1" $node babeld -c "$work/$1/$node.conf" -I "$work/$1/$node.pid" -S "$work/$1/$node.state"
	done
}

bird_start() { # system
	loopbacks "$1"
	for node in a r1 r2 b; do
		case $1 in *tuned) timing="hello interval 10 ms; update interval 4 s;" ;; *) timing= ;; esac
		cat >"$work/$1/$node.conf" <<-END
			router id $(address_of $node);
			protocol device { scan time 2; }
			protocol direct own { ipv4; interface "lo"; }
			protocol kernel { ipv4 { export where source = RTS_BABEL; }; }
			protocol babel {
				ipv4 { import all; export where source = RTS_BABEL || proto = "own"; };
				interface "r*", "a", "b" { type wired; $timing };
			}
		END
		start "$1" $node bird -f -c "$work/$1/$node.conf" -s "$work/$1/$node.ctl"
	done
}

# OSPF on links between two, and BFD beside it: at its defaults (300 ms, 3), or at our rate of probes (10 ms, 4).
frr_start() { # system
	loopbacks "$1"
	chmod 755 "$work"
	for node in a r1 r2 b; do
		dir=$work/$1/$node
		mkdir -p "$dir"
		{
			case $1 in
			*tuned) printf 'bfd\n profile fast\n  transmit-interval 10\n  receive-interval 10\n  detect-multiplier 4\n' ;;
			esac
		} >"$dir/bfdd.conf"
		: >"$dir/zebra.conf"
		{
			for link in $(links_of $node); do
				printf 'interface %s\n ip ospf network point-to-point\n ip ospf area 0\n ip ospf bfd\n' $link
				case $1 in *tuned) echo " ip ospf bfd profile fast" ;; esac
			done
			printf 'interface lo\n ip ospf area 0\nrouter ospf\n ospf router-id %s\n' "$(address_of $node)"
		} >"$dir/ospfd.conf"
		chown -R frr:frr "$work/$1" 2>/dev/null
		for program in zebra bfdd ospfd; do
			bfd=; [ $program != bfdd ] || bfd="--bfdctl $dir/bfdd.sock"
			[ $program != ospfd ] && [ $program != zebra ] || bfd=
			start "$1" $node /usr/lib/frr/$program -u frr -g frr -z "$dir/zserv" --vty_socket "$dir" \
				-f "$dir/$program.conf" -i "$dir/$program.pid" $bfd
			[ $program != zebra ] || sleep 0.3
		done
	done
}

yggdrasil_start() { # system
	for node in a r1 r2 b; do
		dir=$work/$1
		case $node in
		r1) listen='"tls://10.1.1.2:7000", "tls://10.1.3.1:7000"' peers= ;;
		r2) listen='"tls://10.1.2.2:7000", "tls://10.1.4.1:7000"' peers= ;;
		a) listen= peers='"tls://10.1.1.2:7000", "tls://10.1.2.2:7000"' ;;
		b) listen= peers='"tls://10.1.3.1:7000", "tls://10.1.4.1:7000"' ;;
		esac
		yggdrasil -genconf -json | jq ".Listen = [$listen] | .Peers = [$peers] | .MulticastInterfaces = []
			| .IfName = \"ygg0\" | .AdminListen = \"none\"" >"$dir/$node.conf"
	done
	# Whoever dials before the other listens waits a minute.
	for node in r1 r2 a b; do
		start "$1" $node yggdrasil -useconffile "$work/$1/$node.conf"
		sleep 0.5
	done
}

yggdrasil_to() { # system
	yggdrasil -useconffile "$work/$1/b.conf" -address
}

tinc_start() { # system
	dir=$work/$1
	mkdir -p "$dir/hosts"
	for node in a r1 r2 b; do
		mkdir -p "$dir/$node"
		case $node in
		r1) peers= addresses="10.1.1.2 10.1.3.1" ;;
		r2) peers= addresses="10.1.2.2 10.1.4.1" ;;
		*) peers="r1 r2" addresses= ;;
		esac
		{
			printf 'Name = %s\nInterface = tinc0\nDirectOnly = no\n' $node
			for peer in $peers; do echo "ConnectTo = $peer"; done
		} >"$dir/$node/tinc.conf"
		{
			for one in $addresses; do echo "Address = $one"; done
			echo "Subnet = $(address_of $node)/32"
		} >"$dir/hosts/$node"
		ln -s ../hosts "$dir/$node/hosts"
		printf '#!/bin/sh\nip link set $INTERFACE up\nip addr add %s/24 dev $INTERFACE\n' "$(address_of $node)" \
			>"$dir/$node/tinc-up"
		chmod +x "$dir/$node/tinc-up"
		tincd -c "$dir/$node" -K2048 </dev/null >/dev/null 2>&1
	done
	for node in r1 r2 a b; do
		start "$1" $node tincd -c "$dir/$node" -D --pidfile="$dir/$node.pid"
	done
}

kind_of() { echo "${1%%_*}"; }

to_of() { # system
	case $(kind_of "$1") in
	meshd | yggdrasil) "$(kind_of "$1")_to" "$1" ;;
	*) address_of b ;;
	esac
}

is_there() { # system
	case $(kind_of "$1") in
	meshd) true ;;
	frr) has /usr/lib/frr/ospfd frr ;;
	tinc) has tincd tinc ;;
	*) has "$(kind_of "$1")" "$(kind_of "$1")" ;;
	esac
}

# --- measuring ------------------------------------------------------------------------------------------------------

reaches() { # system
	case $(kind_of "$1") in
	babeld | bird | frr) reaches_from="-I $(address_of a)" ;; # the way back is known to that alone
	*) reaches_from= ;;
	esac
	in_ns "$1" a ping -n -q -c 1 -W 1 $reaches_from "$(cat "$work/$1/to")" >/dev/null 2>&1
}

sent_on() { # system interface
	in_ns "$1" a cat "/sys/class/net/$2/statistics/tx_packets"
}

# The interface of a that a flow leaves by: that with most of its packets.
in_use() { # system
	before_r1=$(sent_on "$1" r1) before_r2=$(sent_on "$1" r2)
	in_ns "$1" a $run "$flow" send "$(cat "$work/$1/to")" 5202 300
	r1=$(($(sent_on "$1" r1) - before_r1)) r2=$(($(sent_on "$1" r2) - before_r2))
	[ $r1 -gt $r2 ] && echo r1 || echo r2
}

drop() { # system node interface
	in_ns "$1" "$2" nft "table netdev cut { chain out { type filter hook egress device \"$3\" priority 0; policy drop; }; }"
}

window_ms() { # system cut
	case $1 in
	meshd*) echo 3000 ;;
	*tuned) echo 4000 ;;
	bird | frr) [ "$2" = carrier ] && echo 3000 || echo 15000 ;;
	tinc | yggdrasil) echo 30000 ;;
	*) echo 20000 ;;
	esac
}

cut() { # system carrier|silent link
	if [ "$2" = carrier ]; then
		ip -n "$(ns "$1" "$3")" link set dev a down
	else
		drop "$1" a "$3" &
		drop "$1" "$3" a
		wait $!
	fi
}

heal() { # system carrier|silent link
	if [ "$2" = carrier ]; then
		ip -n "$(ns "$1" "$3")" link set dev a up
	else
		in_ns "$1" a nft delete table netdev cut
		in_ns "$1" "$3" nft delete table netdev cut
	fi
}

measure() { # system carrier|silent: appends to its figures
	reaches "$1" || { echo "$1: b is not reached before the cut" >&2; return; }
	measure_link=$(in_use "$1")
	measure_ms=$(window_ms "$1" "$2")
	in_ns "$1" b $run "$flow" receive 5201 $((measure_ms + 500)) >"$work/$1/seen" &
	measure_receiver=$!
	in_ns "$1" a $run "$flow" send "$(cat "$work/$1/to")" 5201 $((measure_ms + 1500)) &
	measure_sender=$!
	sleep 0.7
	cut "$1" "$2" "$measure_link"
	wait $measure_receiver
	heal "$1" "$2" "$measure_link"
	wait $measure_sender
	read -r pause came of <"$work/$1/seen"
	echo "   $1, $2 ($measure_link): $pause ms; $came of $of packets"
	[ "$pause" = none ] || echo "$pause" >>"$work/$1/$2"
}

running=
for system in $systems; do
	is_there "$system" || continue
	diamond "$system"
	"$(kind_of "$system")_start" "$system"
	to_of "$system" >"$work/$system/to"
	running="$running $system"
done
[ -n "${FAILOVER_SETTLE:-}" ] || case "$running" in *yggdrasil* | *frr*) FAILOVER_SETTLE=75 ;; esac
sleep "${FAILOVER_SETTLE:-20}"
for round in $(seq "$rounds"); do
	echo "-- round $round of $rounds"
	for cut in carrier silent; do
		for system in $running; do
			measure "$system" $cut
		done
		sleep 5
	done
done

name_of() { # system
	case $1 in
	meshd_equal) echo "meshd, wired, equal indices" ;;
	meshd_radio) echo "meshd, mesh-radio" ;;
	meshd_*) echo "meshd, ${1#meshd_}" ;;
	frr) echo "FRR OSPF+BFD" ;;
	frr_tuned) echo "FRR OSPF+BFD 10 ms x 4" ;;
	*_tuned) echo "${1%_tuned}, hello 10 ms" ;;
	*) echo "$1" ;;
	esac
}

for cut in carrier silent; do
	for system in $running; do
		[ -s "$work/$system/$cut" ] || continue
		median <"$work/$system/$cut" >"$work/$system/$cut.median"
	done
	ours=$(cat "$work/meshd_fibre/$cut.median" 2>/dev/null)
	for system in $running; do
		[ -s "$work/$system/$cut.median" ] || continue
		theirs=$(cat "$work/$system/$cut.median")
		case $system in
		meshd*) entry "failover gap, $cut, $(name_of "$system")" "$theirs" ms ;;
		*) [ -z "$ours" ] || entry "failover gap, $cut, meshd, fibre" "$ours" ms "$(name_of "$system")" "$theirs" ;;
		esac
	done
done
