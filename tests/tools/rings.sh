#!/bin/sh
# The folders are rings: fails if a file includes what its folder may not.
# With --self-test proves on a scratch tree that a breach is found.
#
# Each line: folder, then the include paths (extended regular expression) that
# it may name. Rings see each other only through their public headers; that of the
# node has pure tables beside it which only the daemon has use for, as logs have what of them goes between members.
rules='
meshd/base    meshd/base/.*
routing       meshd/base/.*|routing/.*
crypto        meshd/base/.*|crypto/.*
meshd/node    meshd/base/.*|meshd/node/.*|routing/babel\.h|crypto/crypto\.h
meshd/config  meshd/base/.*|meshd/config/.*|crypto/crypto\.h
meshd/web     meshd/base/.*|meshd/web/.*
meshd/io      meshd/base/.*|meshd/io/.*|meshd/web/web\.h|meshd/chronicle/exchange\.h|meshd/node/(node|alarm|outage|outage_ask|trouble)\.h|meshd/config/config\.h|routing/babel\.h|crypto/crypto\.h
meshd/chronicle  meshd/base/.*|meshd/chronicle/.*|crypto/crypto\.h
meshd/ctl     meshd/base/.*|meshd/ctl/.*|meshd/chronicle/chronicle\.h|meshd/config/config\.h|crypto/crypto\.h
sim           meshd/base/.*|sim/.*|meshd/node/node\.h|meshd/config/config\.h|routing/babel\.h|crypto/crypto\.h
sim/topology  meshd/base/.*|sim/topology/.*|sim/preset\.h|sim/link_model\.h|meshd/config/config\.h
sim/demo      meshd/base/.*|sim/demo/.*|crypto/crypto\.h
sim/world     meshd/base/.*|meshd/chronicle/chronicle\.h|sim/world/.*|sim/topology/topology\.h|sim/[a-z_]*\.h|meshd/node/(node|outage|outage_ask)\.h|meshd/config/config\.h|routing/babel\.h|crypto/crypto\.h
'
# The pure rings must not reach the system: no sockets, no clock, no files.
pure='meshd/base routing crypto meshd/node'
impure='<(sys/|net/|netinet/|linux/|ev\.h|pcap|netlink|time\.h|unistd\.h|fcntl\.h|poll\.h|signal\.h|pthread\.h)'

check_tree() {
	bad=0
	echo "$rules" | while read -r folder allowed; do
		[ -n "$folder" ] && [ -d "$1/$folder" ] || continue
		found=$(grep -nE '^[ \t]*#[ \t]*include[ \t]*"' "$1/$folder"/*.[ch] 2>/dev/null |
			grep -vE "#[ \t]*include[ \t]*\"($allowed)\"")
		[ -z "$found" ] || { echo "$found" | sed "s|^|ring breach: $folder may not include: |"; }
		case " $pure " in *" $folder "*)
			found=$(grep -nE "^[ \t]*#[ \t]*include[ \t]*$impure" "$1/$folder"/*.[ch] 2>/dev/null)
			[ -z "$found" ] || { echo "$found" | sed "s|^|ring breach: $folder is pure: |"; } ;;
		esac
	done >"$2"
	[ ! -s "$2" ]
}

out=$(mktemp)
if [ "$1" = --self-test ]; then
	tree=$(mktemp -d)
	mkdir -p "$tree/routing" "$tree/crypto"
	echo '#include "meshd/base/bytes.h"' >"$tree/routing/good.c"
	check_tree "$tree" "$out" && echo "ok - rings: a clean tree passes" || echo "not ok - rings: a clean tree passes"
	echo '#include "crypto/crypto.h"' >"$tree/routing/bad.c"
	check_tree "$tree" "$out" && echo "not ok - rings: a breach is found" || echo "ok - rings: a breach is found"
	rm "$tree/routing/bad.c"
	echo '#include <sys/socket.h>' >"$tree/crypto/bad.c"
	check_tree "$tree" "$out" && echo "not ok - rings: a socket in a pure ring is found" ||
		echo "ok - rings: a socket in a pure ring is found"
	rm -rf "$tree" "$out"
	exit 0
fi
check_tree . "$out"
status=$?
cat "$out" >&2
rm -f "$out"
exit $status
