#!/bin/sh
# A gateway between the sealed mesh and somebody else's Babel network:
#
#   alpha ---- radio ---- gate ---- cable ---- lab1 ---- cable ---- lab2
#     (sealed, meshd)         (plain)   (babeld)           (babeld)
#
# lab1 has 10.50.1.1 and fd50:1::1, lab2 the same with 2; both announce as well what
# is not theirs to announce.
. tests/lab/lib.sh

prepare() {
	"$bin/meshctl" authority init --out authority.key >enrol.log 2>&1 && enrol alpha --prefix 10.9.0.1/32 --prefix 10.9.7.0/24 &&
		enrol gate --prefix 10.9.0.2/32 --prefix 10.50.0.0/16 --prefix fd50::/16 --role gateway || {
		not_ok "nodes are enrolled" "$(cat enrol.log)"
		lab_done
	}
	deployment=$("$bin/meshctl" identity alpha.key --json | tr -d ' \n' | sed 's/.*"address":"\(fd[^:]*:[^:]*:[^:]*\):.*/\1/')
	printf '%s\n' 'node: {key: alpha.key, state: alpha.state, control: alpha.sock}' 'links:' \
		'  - {interface: radio0, preset: mesh-radio}' >alpha.yaml
	printf '%s\n' 'node:' '  key: gate.key' '  state: gate.state' '  control: gate.sock' \
		'  redistribute: [10.50.77.0/24 proto static +100, 10.88.0.0/16]' 'links:' \
		'  - {interface: radio0, preset: mesh-radio}' \
		'  - name: lab' '    type: babel' '    interface: lab0' '    hello: 500' '    update: 4' \
		'    # The rules allow more than the network does.' \
		'    accept: [10.50.0.0/16, 10.9.0.0/16, "fd00::/8"]' >gate.yaml
	babeld_conf lab1 "$deployment" lab0 far0
	babeld_conf lab2 "$deployment" far0
}

enrol() { # name argument...
	name=$1
	shift
	"$bin/meshctl" enrol --authority authority.key --name "$name" --level scene "$@" --out "$name.key" >>enrol.log 2>&1
}

babeld_conf() { # name deployment interface...
	name=$1 host=${1#lab} foreign=$2
	shift 2
	{
		echo "local-path $name.ctl"
		for interface in "$@"; do
			echo "interface $interface type wired hello-interval 0.5 update-interval 4"
		done
		echo "redistribute local ip 10.50.$host.0/24 allow"
		echo "redistribute local ip fd50:$host::/32 allow"
		# What nobody here may say: an address of the deployment, one of a member, one that no rule accepts.
		echo "redistribute local ip $foreign::/48 allow"
		echo "redistribute local ip 10.9.0.0/16 allow"
		echo "redistribute local ip 10.66.0.0/16 allow"
		echo "redistribute local deny"
		echo "install ip 0.0.0.0/0 allow"
	} >"$name.conf"
	{
		echo "ip link set lo up"
		echo "ip addr add 10.50.$host.1/32 dev lo; ip addr add fd50:$host::1/128 dev lo nodad"
		echo "ip addr add 10.66.$host.1/32 dev lo; ip addr add $foreign::66/128 dev lo nodad"
		[ "$host" = 2 ] && echo "ip addr add 10.9.7.1/32 dev lo"
		echo "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
		echo "exec babeld -I $name.pid -S $name.state -c $name.conf $*"
	} >"$name.sh"
}

scenario() {
	cat <<-'END'
		seed: 4
		nodes:
		  - {name: alpha, run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]}
		  - {name: gate, run: [cd $MESHLAB_DIR && exec meshd -c gate.yaml]}
		  - {name: lab1, run: [cd $MESHLAB_DIR && . ./lab1.sh]}
		  - {name: lab2, run: [cd $MESHLAB_DIR && . ./lab2.sh]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, gate:radio0], fade: none}
		  - {name: wire, preset: fibre, ends: [alpha:wire0, gate:wire0]}
		  - {name: near, preset: switch, ends: [gate:lab0, lab1:lab0]}
		  - {name: far, preset: switch, ends: [lab1:far0, lab2:far0]}
	END
}

from() { # node source destination: a ping that comes from there
	ip netns exec "$1" ping -n -q -c 1 -W 1 -I "$2" "$3" >/dev/null
}

# in_kernel NODE PREFIX TEXT: the one route of ours to it says that.
in_kernel() {
	family=-4
	case $2 in *:*) family=-6 ;; esac
	seen=$(ip -n "$1" "$family" route show proto 158 | grep "\(^\| \)$2 ")
	echo "$seen"
	[ "$(echo "$seen" | wc -l)" = 1 ] && echo "$seen" | grep -q "$3"
}

not_in_kernel() { # node address via
	! in_kernel "$@"
}

ours_left() { # node: nothing of ours is in its kernel
	seen=$(ip -n "$1" -4 route show proto 158; ip -n "$1" -6 route show proto 158)
	echo "$seen"
	[ -z "$seen" ]
}

first_contact() {
	check "the gateway learns what lies behind its plain neighbour" within 15 in_kernel gate 10.50.1.1 'via .*lab0'
	check "two hops away too" within 15 in_kernel gate 10.50.2.1 'via inet6 fe80.*lab0'
	check "and of IPv6" within 15 in_kernel gate fd50:2::1 'via fe80.*lab0'
	check "the mesh reaches it" within 15 answers alpha 10.50.2.1
	check "by IPv6" within 15 answers alpha fd50:2::1
	check "it reaches the mesh" within 15 from lab2 10.50.2.1 10.9.0.1
	check "by IPv6, at the mesh's own addresses" within 15 from lab2 fd50:2::1 "$(address alpha)"
	check "and the gateway itself" within 15 from lab2 10.50.2.1 10.9.0.2
	check "each hop counts" within 5 hops_are 62 alpha 10.50.2.1
}

hops_are() { # ttl node destination: of the answer
	seen=$(ip netns exec "$2" ping -n -c 1 -W 1 "$3")
	echo "$seen"
	echo "$seen" | grep -q "ttl=$1 "
}

trust() {
	check "lab2 announces an address of a member's network" within 15 heard_of gate 10.9.7.1
	check_not "nobody believes it" in_kernel gate 10.9.7.1 via
	check "an address of the deployment" within 15 heard_of gate "$(deployment)::66"
	check_not "nobody believes it either" in_kernel gate "$(deployment)::66" via
	check "and what no rule accepts" within 15 heard_of gate 10.66.1.1
	check_not "is not believed" in_kernel gate 10.66.1.1 via
}

heard_of() { # node address
	ask "$1" routes | grep "^$2/.*unusable"
}

deployment() {
	address alpha | cut -d: -f1-3
}

inside() {
	first_contact
	trust
	kill_and_clean
	interface_flaps
	redistributes
	looks
	reloads
	rules_between_members
	links_come_and_go
	stop_cleans
}

kill_and_clean() {
	meshlab ctl kill gate
	check "what a killed meshd leaves stays in the kernel" in_kernel gate 10.50.1.1 lab0
	ip -n lab1 addr del 10.50.1.1/32 dev lo
	meshlab ctl start gate
	check "the next one sweeps and learns anew" within 20 in_kernel gate 10.50.2.1 lab0
	# The neighbour's router may not have noticed yet; what is not swept would stay for ever.
	check "what is there no more is gone" within 15 not_in_kernel gate 10.50.1.1 lab0
	ip -n lab1 addr add 10.50.1.1/32 dev lo
	check "and what is there again comes" within 15 in_kernel gate 10.50.1.1 lab0
	check "the mesh reaches it again" within 15 answers alpha 10.50.2.1
}

interface_flaps() {
	old=$(pid_of gate)
	meshlab ctl unplug gate:lab0
	check "a vanished interface takes its routes" within 8 no_native gate 10.50.2.1
	meshlab ctl plug gate:lab0
	check "it is used when it is back" within 20 answers alpha 10.50.2.1
	ip -n gate link set lab0 down && ip -n gate link set lab0 name other0
	check "under another name it is not the link's" within 8 no_native gate 10.50.2.1
	ip -n gate link set other0 name lab0 && ip -n gate link set lab0 up
	check "under its own it is" within 20 answers alpha 10.50.2.1
	ip -n gate -6 addr flush dev lab0 scope link && ip -n gate -6 addr add fe80::77/64 dev lab0 nodad
	check "another address is another router" within 20 in_kernel_of_lab fe80::77
	check "and works" within 20 answers alpha 10.50.2.1
	check "all in one process" test "$(pid_of gate)" = "$old"
}

no_native() {
	! in_kernel "$1" "$2" via
}

in_kernel_of_lab() { # lab1 goes to alpha by this gateway
	ip -n lab1 -6 route show "$(address alpha)" | grep "via $1 "
}

redistributes() {
	ip -n gate route add 10.50.77.0/24 via inet6 fe80::99 dev radio0 proto static
	ip -n gate route add 10.50.78.0/24 via inet6 fe80::99 dev radio0 proto static
	ip -n gate route add 10.88.1.0/24 via inet6 fe80::99 dev radio0 proto static
	check "a route of the kernel is announced to plain neighbours" within 15 lab_route 10.50.77.0/24
	check "and to the mesh, with its metric" within 15 mesh_route 10.50.77.0/24
	check_not "not one that no rule names" lab_route 10.50.78.0/24
	check "one that the certificate does not name is refused, in a line" within 15 \
		grep 'redistribute-refused 10.88.1.0/24: the certificate does not name it' "$MESHLAB_DIR/gate.log"
	ip -n gate route del 10.50.77.0/24
	check "it goes when it is gone" within 10 no_lab_route 10.50.77.0/24
	check "from the mesh as well" within 10 no_mesh_route 10.50.77.0/24
	ip -n gate route del 10.50.78.0/24
	ip -n gate route del 10.88.1.0/24
	dead_cable
}

# babeld 111: the kernel keeps a route into a cable that is out, and who announces it makes a circle with who has another.
dead_cable() {
	ip -n gate link add spare0 type veth peer name spare1
	ip -n gate link set spare0 up
	ip -n gate link set spare1 up
	ip -n gate route add 10.50.77.0/24 dev spare0 proto static
	check "a route into a cable is announced" within 15 lab_route 10.50.77.0/24
	ip -n gate link set spare1 down
	check "the kernel keeps it when the cable is out" within 5 route_is_linkdown
	check "nobody is told of it any more (babeld 111)" within 10 no_lab_route 10.50.77.0/24
	check "nor the mesh" within 10 no_mesh_route 10.50.77.0/24
	ip -n gate link set spare1 up
	check "until the cable is back" within 15 lab_route 10.50.77.0/24
	ip -n gate link del spare0
	check "it goes with its interface" within 10 no_lab_route 10.50.77.0/24
}

route_is_linkdown() {
	ip -n gate route show 10.50.77.0/24 | grep linkdown
}

lab_route() { # prefix
	ip -n lab1 route show "$1" | grep -q via
}

no_lab_route() {
	! lab_route "$1"
}

no_mesh_route() {
	! mesh_route "$1"
}

mesh_route() { # one hop by radio, and 100
	ask alpha routes | grep "^$1 .*gate.*in use"
}

reloads() {
	ups=$(grep -c 'link-up lab' "$MESHLAB_DIR/gate.log")
	sed -i 's|accept: \[10.50.0.0/16|accept: [deny 10.50.1.0/24, 10.50.0.0/16 +64|' "$MESHLAB_DIR/gate.yaml"
	check "new rules are taken by a reload" told gate reload -- 'changed: link lab: accept'
	check "what they deny goes" within 10 no_native gate 10.50.1.1
	check "what they make dearer is dearer" within 15 metric_is 10.50.2.1 256
	sed -i 's|  control: gate.sock|  metric: 4097\n&|' "$MESHLAB_DIR/gate.yaml"
	check "what needs a restart is told" told gate reload -- 'needs a restart: node: metric'
	sed -i '/metric: 4097/d; s|accept: \[deny 10.50.1.0/24, 10.50.0.0/16 +64|accept: [10.50.0.0/99|' \
		"$MESHLAB_DIR/gate.yaml"
	check "an error is told with its line" told gate reload -- 'gate.yaml:[0-9]*: .*10.50.0.0/99'
	check "and changes nothing" metric_is 10.50.2.1 256
	sed -i 's|10.50.0.0/99|10.50.0.0/16|' "$MESHLAB_DIR/gate.yaml"
	check "the old rules come back" told gate reload -- 'changed: link lab: accept'
	check "and what they allow" within 20 in_kernel gate 10.50.1.1 lab0
	check "no neighbour was lost" test "$(grep -c 'link-up lab' "$MESHLAB_DIR/gate.log")" = "$ups"
}

# What a member announces can be taken away as well, by its name.
rules_between_members() {
	sed -i 's|  - {interface: radio0, preset: mesh-radio}|  - {interface: radio0, preset: mesh-radio, accept: [deny 10.50.2.0/24 from gate]}|' \
		"$MESHLAB_DIR/alpha.yaml"
	radio=$(ups_of radio0)
	check "a sealed link takes rules by a reload" told alpha reload -- 'changed: link radio0: accept'
	check "what they deny goes" within 10 no_route_by_gate 10.50.2.1
	check "what they do not mention stays" within 15 answers alpha 10.50.1.1
	sed -i 's|, accept: .*gate\]}|}|' "$MESHLAB_DIR/alpha.yaml"
	check "and comes back when they are gone" told alpha reload -- 'changed: link radio0: accept'
	check "to be used" within 20 answers alpha 10.50.2.1
	check "no member was lost" test "$(ups_of radio0)" = "$radio"
}

no_route_by_gate() { # address
	! ask alpha routes | grep "^$1/.*in use"
}

# Links are added, changed, renamed and removed; nobody is lost on those that are left alone.
links_come_and_go() {
	radio=$(ups_of radio0)
	echo '  - {interface: wire0, preset: fibre}' | tee -a "$MESHLAB_DIR/alpha.yaml" >>"$MESHLAB_DIR/gate.yaml"
	check "a new link is taken by a reload" told gate reload -- 'changed: link wire0, which is new'
	ask alpha reload
	check "and has its neighbour" within 20 uses alpha gate wire0
	sed -i 's|hello: 500|hello: 600|' "$MESHLAB_DIR/gate.yaml"
	check "a link that is changed starts anew" told gate reload -- 'changed: link lab, which starts anew'
	check "and works" within 20 answers alpha 10.50.2.1
	sed -i 's|name: lab|name: agency|' "$MESHLAB_DIR/gate.yaml"
	check "another name is another link" told gate reload -- 'changed: link agency, which is new'
	check "of the same neighbour" within 20 answers alpha 10.50.2.1
	check "that is listed by its name" within 5 grep 'link-up agency' "$MESHLAB_DIR/gate.log"
	sed -n '/name: agency/,$p' "$MESHLAB_DIR/gate.yaml" | grep -v wire0 >"$LAB_WORK/agency"
	sed -i '/name: agency/,/accept:/d' "$MESHLAB_DIR/gate.yaml"
	check "a link that is taken out is gone" told gate reload -- 'changed: link agency, which is gone'
	check "it has said goodbye" within 10 no_way lab1 10.9.0.1
	check "and takes its routes along" within 5 no_native gate 10.50.2.1
	check_not "nobody lists it" status_counts
	sed -i '/wire0/d' "$MESHLAB_DIR/gate.yaml"
	check "a sealed one too" told gate reload -- 'changed: link wire0, which is gone'
	check "by its goodbye" within 5 grep 'neighbour-down wire0 gate: it was switched off' "$MESHLAB_DIR/alpha.log"
	sed 's|name: agency|name: lab|; s|hello: 600|hello: 500|' "$LAB_WORK/agency" >>"$MESHLAB_DIR/gate.yaml"
	check "what comes back takes the free place" told gate reload -- 'changed: link lab, which is new'
	check "and works" within 20 answers alpha 10.50.2.1
	check "no neighbour was lost elsewhere" test "$(ups_of radio0)" = "$radio"
}

ups_of() { # link
	grep -c "neighbour-up $1" "$MESHLAB_DIR/gate.log"
}

metric_is() { # prefix metric
	ask gate routes | grep "^$1/.* $2 .*in use"
}

looks() {
	check "the plain neighbour is listed with its costs" within 10 neighbour_listed
	check "a native route with its next hop" within 15 next_hop_listed
	check "why names the plain neighbour" within 15 ask gate why 10.50.2.1
	check "and the rule against what is not accepted" within 15 why_refused
	check "status counts it" within 10 status_counts
}

neighbour_listed() {
	ask gate links | grep 'fe80:.*in contact.* 96 '
}

next_hop_listed() {
	ask gate routes --json | tr -d ' \n' | grep -q '"next_hop":"fe80:'
}

why_refused() {
	seen=$(ask gate why 10.66.1.1)
	echo "$seen"
	echo "$seen" | grep -q 'refused: no rule of the link accepts it'
}

status_counts() {
	ask gate status --json | tr -d ' \n' | grep -q '"name":"lab","type":"babel","state":"up","neighbours":1'
}

stop_cleans() {
	meshlab ctl stop gate
	check "a clean stop takes all routes along" ours_left gate
	check "and the plain neighbours know" within 10 no_way lab2 10.9.0.1
}

no_way() {
	! ip -n "$1" route get "$2" | grep -q via
}

command -v babeld >/dev/null || { echo "ok 1 # SKIP babeld is not installed"; echo "1..1"; exit 0; }
lab_test "$1" 25 alpha gate lab1 lab2
lab_done
