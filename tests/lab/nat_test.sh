#!/bin/sh
# Two daemons behind NAT boxes (nftables), and a gateway that both call:
#
#   north ── north-box ──┐
#        cellular        internet ── gateway
#   south ── south-box ──┘
#
# The boxes keep the port of what they masquerade and drop what was not asked for, as
# most do. Later north's drops long packets without a word, the boxes let nothing pass
# between each other, and in the end south's draws another port for each destination.
. tests/lab/lib.sh

prepare() {
	enrol_scene gateway north south
	node_yaml gateway '{name: wan0, preset: cellular, listen: 6698}'
	node_yaml north '{name: cell0, preset: cellular, listen: 0, peers: ["203.0.113.1:6698"]}'
	node_yaml south '{name: cell0, preset: cellular, listen: 0, peers: ["203.0.113.1:6698"]}'
	box masquerade >kind.nft
	box masquerade fully-random >symmetric.nft
}

box() { # masquerade [how]
	cat <<-END
		table inet box
		delete table inet box
		table inet box {
		 chain out { type nat hook postrouting priority 100; oifname "out" $*; }
		 chain here { type filter hook input priority 0; iifname "out" drop; }
		 chain through { type filter hook forward priority 0; jump own; ct state established,related accept;
		  iifname "out" drop; }
		 chain own { }
		}
	END
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - name: gateway
		    interfaces:
		      - {name: wan0, addresses: [203.0.113.1/24]}
		    run: [cd $MESHLAB_DIR && exec meshd -c gateway.yaml]
		  - name: north
		    interfaces:
		      - {name: cell0, addresses: [100.64.1.2/24], gateway: 100.64.1.1}
		    run: [cd $MESHLAB_DIR && exec meshd -c north.yaml]
		  - name: south
		    interfaces:
		      - {name: cell0, addresses: [100.64.2.2/24], gateway: 100.64.2.1}
		    run: [cd $MESHLAB_DIR && exec meshd -c south.yaml]
		  - name: north-box
		    interfaces:
		      - {name: in, addresses: [100.64.1.1/24]}
		      - {name: out, addresses: [203.0.113.10/24]}
		    run: [sysctl -qw net.ipv4.ip_forward=1 && nft -f $MESHLAB_DIR/kind.nft]
		  - name: south-box
		    interfaces:
		      - {name: in, addresses: [100.64.2.1/24]}
		      - {name: out, addresses: [203.0.113.20/24]}
		    run: [sysctl -qw net.ipv4.ip_forward=1 && nft -f $MESHLAB_DIR/kind.nft]
		links:
		  - {name: north-cell, preset: cellular, ends: [north:cell0, north-box:in], delay: 20ms, fade: none, stall: none}
		  - {name: south-cell, preset: cellular, ends: [south:cell0, south-box:in], delay: 20ms, fade: none, stall: none}
		  - {name: internet, preset: switch, ends: [gateway:wan0, north-box:out, south-box:out]}
	END
}

# answers_with NODE ADDRESS SIZE: one ping of so many bytes of payload.
answers_with() {
	ip netns exec "$1" ping -n -q -c 1 -W 1 -s "$3" "$2" >/dev/null
}

# goes_by NODE DESTINATION NEXT: the way that packets take.
goes_by() {
	seen=$(ask "$1" why "$2")
	echo "$seen"
	echo "$seen" | head -1 | grep -q " go to $3"
}

# goes_by, while there is something to send: nobody is introduced without.
used_by() {
	answers "$1" "$(address "$2")"
	goes_by "$@"
}

between_boxes() { # add rule... | flush
	for side in north:20 south:10; do
		ip netns exec "${side%:*}-box" nft "$@" inet box own \
			$([ "$1" = add ] && echo "ip daddr 203.0.113.${side#*:} drop") || return 1
	done
}

inside() {
	check "north reaches the gateway through its box" within 10 answers north "$(address gateway)"
	check "and south through the gateway" within 10 answers north "$(address south)"
	check "then directly" within 10 used_by north south south
	check "and back" within 10 used_by south north north
	check "links say by whom they were introduced" told north links -- 'south: direct (introduced by gateway)'
	check "frames have their full size" within 5 full_size
	ip netns exec north-box nft insert rule inet box own meta length gt 1300 drop
	check "packets of 1,280 bytes pass where 1,300 do and nobody says so" within 30 \
		answers_with north "$(address south)" 1232
	check "both ways" within 30 answers_with south "$(address north)" 1232
	check "links say what arrives" within 30 told north links -- 'frames of up to 12[0-9]* bytes arrive'
	ip netns exec north-box nft flush chain inet box own
	between_boxes add rule
	check "when nothing passes between the boxes packets go through the gateway" within 15 used_by north south gateway
	check "links say that, too" within 15 told north links -- 'south: through gateway'
	between_boxes flush chain
	check "and directly again when it does" within 60 used_by north south south
	ip netns exec south-box nft -f "$MESHLAB_DIR/symmetric.nft"
	flows_forgotten south-box
	check "a box with a port for each destination stays on the way through the gateway" within 20 \
		used_by north south gateway
	check "and links say so" within 10 told north links -- 'south: through gateway'
	check "the session with the gateway lives" answers south "$(address gateway)"
}

# Other addresses for a moment: what the kernel knows of flows is void.
flows_forgotten() {
	ip -n "$1" addr del 203.0.113.20/24 dev out && ip -n "$1" addr add 203.0.113.20/24 dev out
}

full_size() {
	! told north links -- 'bytes arrive'
}

lab_test "${1:-build/release}" 14 gateway north south
lab_done
