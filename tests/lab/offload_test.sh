#!/bin/sh
# Three lines of three real daemons: with offloads, without, and one of each kind in turn. The same holds for all.
#
#   alpha ──udp── bravo ──ethernet── charlie
. tests/lab/lib.sh

lines="on off mixed"

has_offload() { # line node
	case $1-$2 in on-* | mixed-alpha | mixed-charlie) echo yes ;; *) echo no ;; esac
}

prepare() {
	number=0
	"$bin/meshctl" authority init --out authority.key >enrol.log 2>&1
	for line in $lines; do
		for node in alpha bravo charlie; do
			number=$((number + 1))
			"$bin/meshctl" enrol --authority authority.key --name "$line-$node" --level scene \
				--prefix "10.9.0.$number/32" --out "$line-$node.key" >>enrol.log 2>&1
			case $node in
			alpha) node_yaml "$line-$node" '{interface: e, preset: fibre, discover: yes}' ;;
			bravo) node_yaml "$line-$node" '{interface: w, preset: fibre, discover: yes}' \
				'{interface: e, preset: wired}' ;;
			charlie) node_yaml "$line-$node" '{interface: w, preset: wired}' ;;
			esac
			echo "io: {offload: $(has_offload "$line" $node)}" >>"$line-$node.yaml"
		done
	done
}

scenario() {
	printf 'seed: 11\nnodes:\n'
	for line in $lines; do
		for node in alpha bravo charlie; do
			echo "  - {name: $line-$node, run: [cd \$MESHLAB_DIR && exec meshd -c $line-$node.yaml]}"
		done
	done
	echo "links:"
	for line in $lines; do
		echo "  - {name: $line-near, preset: switch, ends: [$line-alpha:e, $line-bravo:w]}"
		echo "  - {name: $line-far, preset: switch, ends: [$line-bravo:e, $line-charlie:w]}"
	done
}

ipv4_of() {
	ip -n "$1" -4 -o addr show dev mesh0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p'
}

# sends FROM TO ADDRESS: the file, by TCP.
sends() {
	rm -f "$LAB_WORK/copy"
	ip netns exec "$2" meshdemo receive --on "$3" --port 7777 --within 60 --file "$LAB_WORK/copy" >"$LAB_WORK/receive.log" 2>&1 &
	receiver=$!
	within 10 is_listened "$2" 7777
	ip netns exec "$1" meshdemo send --to "$3" --port 7777 --within 60 --file "$LAB_WORK/file" >"$LAB_WORK/send.log" 2>&1
	wait $receiver
	cmp "$LAB_WORK/file" "$LAB_WORK/copy"
}

# pings FROM ADDRESS BYTES
pings() {
	ip netns exec "$1" ping -n -q -c 3 -i 0.01 -W 5 -s "$3" "$2" | grep ' 0% packet loss'
}

inside() {
	head -c 3000001 /dev/urandom >"$LAB_WORK/file"
	for line in $lines; do
		check "$line: there is a way" within 30 has_route "$line-alpha" "$line-charlie"
		check "$line: the log tells what the kernel can do" grep -q "offloads mesh0" "$MESHLAB_DIR/$line-alpha.log"
		v6=$(address "$line-charlie") v4=$(ipv4_of "$line-charlie")
		check "$line: a file arrives by IPv6" sends "$line-alpha" "$line-charlie" "$v6"
		check "$line: ... and by IPv4" sends "$line-alpha" "$line-charlie" "$v4"
		check "$line: ... and back" sends "$line-charlie" "$line-alpha" "$(address "$line-alpha")"
		for size in 8 100 1352 1372 4000; do
			check "$line: $size bytes are answered by IPv4" within 15 pings "$line-alpha" "$v4" $size
			check "$line: ... and by IPv6" within 15 pings "$line-alpha" "$v6" $size
		done
		check "$line: the relay dropped nothing that was whole" told "$line-bravo" links --json -- '"tx_errors": 0'
	done
	check "without offloads there are none" grep -q "offloads mesh0: off" "$MESHLAB_DIR/off-alpha.log"
	check_not "with them there are" grep -q "offloads mesh0: off" "$MESHLAB_DIR/on-alpha.log"
}

lab_test "$1" 30 on-alpha on-bravo on-charlie off-alpha mixed-bravo
lab_done
