#!/bin/sh
# throughput.sh BUILD: what a line of nodes carries, beside other systems on lines of their own.
#
#     1 ── 2                 one hop: TCP, UDP of 64 and 1,200 bytes, round trip
#     1 ── 2 ── 3 ── 4       through two relays: TCP; and what a relay's processor does for a packet
#     1 ── 2 ── 3 ── 4 ── 5  from the start of all daemons to the first ping
#
# All of them run all the time and are measured in turn, THROUGHPUT_ROUNDS times (5), THROUGHPUT_SECONDS (2) each;
# figures are medians. THROUGHPUT_SYSTEMS names some of them. TCP is cubic, whatever the machine's default: BBR paces.
. tests/bench/lib.sh

build=$1
flow=$(cd "$build/bench/tools" && pwd)/flow
rounds=${THROUGHPUT_ROUNDS:-5}
seconds=${THROUGHPUT_SECONDS:-2}
systems=${THROUGHPUT_SYSTEMS:-raw2 meshd2 off2 wireguard2 fastd2 tinc2 nebula2 yggdrasil2 openvpn2 meshd4 off4 tinc4 yggdrasil4}

net_begin "$build"
has iperf3 iperf3 || exit 0

# --- lines: the last character of a system's name is how many nodes it has ----------------------------------------

last_of() { echo "$1" | sed 's/.*\(.\)$/\1/'; }

line() { # system
	for node in $(seq "$(last_of "$1")"); do
		net_add "$1" "$node"
		[ "$node" = 1 ] && continue
		before=$((node - 1))
		ip link add e netns "$(ns "$1" $before)" type veth peer name w netns "$(ns "$1" "$node")"
		ip -n "$(ns "$1" $before)" addr add "10.1.$before.1/24" dev e
		ip -n "$(ns "$1" "$node")" addr add "10.1.$before.2/24" dev w
		ip -n "$(ns "$1" $before)" link set dev e up
		ip -n "$(ns "$1" "$node")" link set dev w up
	done
}

# --- systems: SYSTEM_start; the last node is then at 10.9.0.N, unless SYSTEM_to says otherwise ----------------------

raw_start() {
	for node in 1 2; do ip -n "$(ns "$1" $node)" addr add 10.9.0.$node/24 dev "$([ $node = 1 ] && echo e || echo w)"; done
}

meshd_prepare() { # system, and what its files begin with
	meshctl authority init --out "$work/$1/authority" >"$work/$1/enrol.log" 2>&1
	for node in $(seq "$(last_of "$1")"); do
		meshctl enrol --authority "$work/$1/authority" --name "n$node" --level scene --prefix "10.9.0.$node/32" \
			--out "$work/$1/$node.key" >>"$work/$1/enrol.log" 2>&1
		{
			echo "node: {key: $work/$1/$node.key, state: $work/$1/$node.state, control: $work/$1/$node.sock}"
			[ -z "$2" ] || echo "$2"
			echo "links:"
			[ "$node" = 1 ] || echo "  - {name: w, type: udp, interface: w, listen: 7001, peers: [\"10.1.$((node - 1)).1:7000\"]}"
			[ "$node" = "$(last_of "$1")" ] || echo "  - {name: e, type: udp, interface: e, listen: 7000}"
		} >"$work/$1/$node.yaml"
	done
}
meshd_run() { for node in $(seq "$(last_of "$1")"); do start "$1" "$node" $meshd -c "$work/$1/$node.yaml"; done; }
meshd_start() { meshd_prepare "$1" "" && meshd_run "$1"; }
off_start() { meshd_prepare "$1" "io: {offload: no}" && meshd_run "$1"; }

wireguard_start() {
	has wireguard-go wireguard-go && has wg wireguard-tools || return
	for node in 1 2; do wg genkey 2>/dev/null >"$work/$1/$node.key"; done
	for node in 1 2; do
		other=$((3 - node)) wg=wg$$$node
		start "$1" $node env WG_PROCESS_FOREGROUND=1 wireguard-go "$wg"
		within_s 5 test -S "/var/run/wireguard/$wg.sock"
		in_ns "$1" $node wg set "$wg" listen-port 7000 private-key "$work/$1/$node.key" \
			peer "$(wg pubkey <"$work/$1/$other.key")" allowed-ips 0.0.0.0/0 endpoint 10.1.1.$other:7000
		ip -n "$(ns "$1" $node)" addr add 10.9.0.$node/24 dev "$wg"
		ip -n "$(ns "$1" $node)" link set "$wg" mtu 1420 up
	done
}

fastd_start() {
	has fastd fastd || return
	for node in 1 2; do fastd --generate-key >"$work/$1/$node.key" 2>/dev/null; done
	for node in 1 2; do
		other=$((3 - node))
		cat >"$work/$1/$node.conf" <<-END
			bind any:7000;
			secret "$(awk '/Secret/ { print $2 }' "$work/$1/$node.key")";
			method "salsa2012+umac";
			mode tun;
			mtu 1400;
			interface "fastd0";
			on up "ip addr add 10.9.0.$node/24 dev fastd0; ip link set fastd0 up";
			peer "other" { key "$(awk '/Public/ { print $2 }' "$work/$1/$other.key")"; remote 10.1.1.$other:7000; }
		END
		start "$1" $node fastd --config "$work/$1/$node.conf"
	done
}

tinc_start() {
	has tincd tinc || return
	dir=$work/$1
	mkdir -p "$dir/hosts"
	for node in $(seq "$(last_of "$1")"); do
		mkdir -p "$dir/$node"
		printf 'Name = n%s\nInterface = tinc0\n' "$node" >"$dir/$node/tinc.conf"
		[ "$node" = 1 ] || echo "ConnectTo = n$((node - 1))" >>"$dir/$node/tinc.conf"
		{
			[ "$node" = "$(last_of "$1")" ] || echo "Address = 10.1.$node.1"
			echo "Subnet = 10.9.0.$node/32"
		} >"$dir/hosts/n$node"
		ln -s ../hosts "$dir/$node/hosts"
		printf '#!/bin/sh\nip link set $INTERFACE up\nip addr add 10.9.0.%s/24 dev $INTERFACE\n' "$node" >"$dir/$node/tinc-up"
		chmod +x "$dir/$node/tinc-up"
		tincd -c "$dir/$node" -K2048 </dev/null >/dev/null 2>&1
	done
	for node in $(seq "$(last_of "$1")"); do
		start "$1" "$node" tincd -c "$dir/$node" -D --pidfile="$dir/$node.pid"
	done
}

nebula_start() {
	has nebula nebula && has nebula-cert nebula || return
	(
		cd "$work/$1" || exit 1
		nebula-cert ca -name bench
		for node in 1 2; do
			other=$((3 - node))
			nebula-cert sign -name n$node -ip 10.9.0.$node/24
			cat >$node.conf <<-END
				pki: {ca: $PWD/ca.crt, cert: $PWD/n$node.crt, key: $PWD/n$node.key}
				static_host_map: {"10.9.0.$other": ["10.1.1.$other:7000"]}
				lighthouse: {am_lighthouse: false, hosts: []}
				listen: {host: 0.0.0.0, port: 7000}
				tun: {dev: nebula0, mtu: 1400}
				firewall:
				  outbound: [{port: any, proto: any, host: any}]
				  inbound: [{port: any, proto: any, host: any}]
			END
		done
	) >"$work/$1/prepare.log" 2>&1
	for node in 1 2; do start "$1" $node nebula -config "$work/$1/$node.conf"; done
}

yggdrasil_start() {
	has yggdrasil yggdrasil || return
	for node in $(seq "$(last_of "$1")"); do
		yggdrasil -genconf -json | jq ".Listen = [\"tls://0.0.0.0:7000\"] | .MulticastInterfaces = [] | .IfName = \"ygg0\"
			| .AdminListen = \"none\" | .Peers = $([ "$node" = 1 ] && echo '[]' || echo "[\"tls://10.1.$((node - 1)).1:7000\"]")" \
			>"$work/$1/$node.conf"
	done
	# Whoever dials before the other listens waits a minute.
	for node in $(seq "$(last_of "$1")"); do
		start "$1" "$node" yggdrasil -useconffile "$work/$1/$node.conf"
		sleep 1
	done
}
yggdrasil_to() { yggdrasil -useconffile "$work/$1/$(last_of "$1").conf" -address; }

openvpn_start() {
	has openvpn openvpn || return
	openvpn --genkey secret "$work/$1/key" >/dev/null 2>&1
	for node in 1 2; do
		other=$((3 - node))
		start "$1" $node openvpn --dev tun --ifconfig 10.9.0.$node 10.9.0.$other --remote 10.1.1.$other --port 7000 \
			--secret "$work/$1/key" --cipher AES-256-CBC --auth SHA256
	done
}

# --- measuring ----------------------------------------------------------------------------------------------------------

# within_s SECONDS COMMAND...
within_s() {
	within_tries=$(($1 * 10))
	shift
	while [ $within_tries -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return
		within_tries=$((within_tries - 1))
		sleep 0.1
	done
	return 1
}
answers() { in_ns "$1" 1 ping -n -q -c 1 -W 1 "$(cat "$work/$1/to")"; }

# iperf SYSTEM FILTER OPTION...: a client at the first node, the server at the last; what FILTER finds in its report.
iperf() {
	iperf_system=$1 iperf_filter=$2
	shift 2
	in_ns "$iperf_system" "$(last_of "$iperf_system")" $run timeout 30 iperf3 -s -1 >/dev/null 2>&1 &
	iperf_server=$!
	sleep 0.3
	in_ns "$iperf_system" 1 $run timeout 20 iperf3 -c "$(cat "$work/$iperf_system/to")" -t "$seconds" -J "$@" |
		jq -r "$iperf_filter // empty"
	wait $iperf_server
}
note() { [ -z "$3" ] || echo "$3" >>"$work/$1/$2"; } # system figure value
seen() { [ ! -s "$work/$1/$2" ] || median <"$work/$1/$2"; } # system figure; nothing: no round brought one
whole() { awk '{ printf "%.0f\n", $1 }'; }

tcp() { note "$1" tcp "$(iperf "$1" '(.end.sum_received.bits_per_second // empty) / 1e6' -C cubic -O 1 | whole)"; }
# The highest rate that loses less than 1 %: what is offered beyond takes the processor from the daemons.
udp() { # system bytes
	in_ns "$1" "$(last_of "$1")" $run timeout 20 "$flow" peak 5203 >"$work/$1/peak" &
	udp_peak=$!
	sleep 0.1
	in_ns "$1" 1 $run timeout 15 "$flow" climb "$(cat "$work/$1/to")" 5203 "$2"
	wait $udp_peak
	note "$1" "udp$2" "$(awk '$1 > 0 { printf "%.1f", $1 / 1000 }' "$work/$1/peak")"
}
round_trip() {
	note "$1" rtt "$(in_ns "$1" 1 $run ping -n -c 300 -i 0.002 "$(cat "$work/$1/to")" | sed -n 's/.*time=\([0-9.]*\).*/\1/p' |
		median | awk '{ printf "%.0f\n", $1 * 1000 }')"
}

daemon_of() { ip netns pids "$(ns "$1" "$2")" | while read -r pid; do grep -q meshd "/proc/$pid/comm" && echo "$pid"; done | head -1; }
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # of 10 ms
relayed() { meshctl links --json --socket "$work/$1/2.sock" | jq '[.links[].rx_frames] | add'; }

# relay SYSTEM NAME OPTION...: what the second node's processor does for a packet, in ns.
relay() {
	relay_system=$1 relay_name=$2
	shift 2
	relay_pid=$(daemon_of "$relay_system" 2)
	relay_ticks=$(ticks "$relay_pid") relay_frames=$(relayed "$relay_system")
	[ -n "$(iperf "$relay_system" .end.cpu_utilization_percent.host_total "$@")" ] || return
	note "$relay_system" "$relay_name" "$((($(ticks "$relay_pid") - relay_ticks) * 10000000 / ($(relayed "$relay_system") - relay_frames)))"
}

running=
for system in $systems; do
	kind=${system%?}
	line "$system"
	"${kind}_start" "$system" || continue
	case $kind in
	yggdrasil) yggdrasil_to "$system" ;;
	*) echo "10.9.0.$(last_of "$system")" ;;
	esac >"$work/$system/to"
	if within_s 60 answers "$system"; then
		running="$running $system"
	else
		echo "$system does not answer: left out; its log ends with: $(tail -qn 1 "$work/$system"/*.log | tr '\n' ' ')" >&2
	fi
done

aead() { "$build/bench/crypto_aead" | sed -n 's/^frame 1420 B: seal *\([0-9]*\) ns.*open *\([0-9]*\) ns.*/\1 \2/p'; } # ns to seal, to open
aead_ns=$(aead)
for i in $(seq "$rounds"); do
	for system in $running; do tcp "$system"; done
	for system in $running; do
		case $system in *2) udp "$system" 64; udp "$system" 1200; round_trip "$system" ;; esac
	done
	for system in $running; do
		case $system in meshd4 | off4) relay "$system" relay1400 -C cubic; relay "$system" relay64 -u -b 12M -l 16 ;; esac
	done
done
aead_ns="$aead_ns $(aead)"

# --- what came of it ---------------------------------------------------------------------------------------------------

# compare NAME FIGURE UNIT OURS THEIRS...
compare() {
	compare_name=$1 compare_figure=$2 compare_unit=$3 compare_ours=$4
	shift 4
	for theirs in "$@"; do
		compare_a=$(seen "$compare_ours" "$compare_figure") compare_b=$(seen "$theirs" "$compare_figure")
		[ -z "$compare_a" ] || [ -z "$compare_b" ] ||
			entry "$compare_name" "$compare_a" "$compare_unit" "${theirs%?}" "$compare_b"
	done
}
peers2="wireguard2 fastd2 tinc2 nebula2 yggdrasil2 openvpn2"
compare "TCP, one hop" tcp Mbit/s meshd2 raw2 off2 $peers2
compare "UDP of 64 bytes, one hop" udp64 kpacket/s meshd2 raw2 off2 $peers2
compare "UDP of 1200 bytes, one hop" udp1200 kpacket/s meshd2 raw2 off2 $peers2
compare "round trip, one hop, idle" rtt us meshd2 raw2 off2 $peers2
compare "TCP, two relays" tcp Mbit/s meshd4 off4 tinc4 yggdrasil4
seal_ns=$(echo "$aead_ns" | awk '{ print ($1 + $3) / 2 }')
open_ns=$(echo "$aead_ns" | awk '{ print ($2 + $4) / 2 }')
if [ -n "$(seen meshd2 tcp)" ]; then
	entry "TCP, one hop" "$(seen meshd2 tcp)" Mbit/s "AEAD of one core" "$(awk -v ns="$seal_ns" 'BEGIN { print 1420 * 8000 / ns }')"
fi
if [ -n "$(seen meshd4 relay1400)" ]; then
	entry "relay, 1400 bytes" "$(seen meshd4 relay1400)" ns "open, seal and 350 ns" \
		"$(awk -v o="$open_ns" -v s="$seal_ns" 'BEGIN { print o + s + 350 }')"
	compare "relay, 1400 bytes" relay1400 ns meshd4 off4
	compare "relay, 64 bytes" relay64 ns meshd4 off4
	entry "relay, 1400 bytes, at most" "$(seen meshd4 relay1400 | awk '{ printf "%.0f", 1e6 / $1 }')" kpacket/s
	[ -z "$(seen meshd4 relay64)" ] || entry "relay, 64 bytes, at most" "$(seen meshd4 relay64 | awk '{ printf "%.0f", 1e6 / $1 }')" kpacket/s
fi

# From the start of five daemons to the first answer.
first_ping() {
	line first5
	meshd_prepare first5 ""
	echo 10.9.0.5 >"$work/first5/to"
	for i in $(seq "$rounds"); do
		meshd_run first5
		begin=$(date +%s%N)
		until in_ns first5 1 ping -n -q -c 1 -W 0.2 10.9.0.5 >/dev/null 2>&1; do
			[ $(($(date +%s%N) - begin)) -lt 30000000000 ] || break
		done
		note first5 first "$((($(date +%s%N) - begin) / 1000000))"
		for node in 1 2 3 4 5; do ip netns pids "$(ns first5 $node)" | xargs -r kill; done
		sleep 1
	done
	entry "first ping along five nodes" "$(seen first5 first)" ms
}
case $systems in *meshd4*) first_ping ;; esac
