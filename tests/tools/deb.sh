#!/bin/sh
# deb.sh DEBS: a Debian of its own, in a folder, with systemd for its process 1 in namespaces of its own. The packages of
# DEBS are installed there, a node is enrolled and started, looked at as a user would, and everything is purged again.
# DEB_ROOT: a root that debootstrap made before (it is copied); else a mirror that apt knows is asked, for minutes.
debs=$(cd "$1" && pwd)
. tests/lab/lib.sh

work=$(mktemp -d)
root=$work/root
init=
finish() {
	# Process 1 of the namespaces: all that is in there ends with it, mounts too.
	[ -z "$init" ] || kill -9 "$init" 2>/dev/null
	rm -rf --one-file-system "$work"
}
trap finish EXIT

skip() {
	echo "ok 1 # SKIP $1"
	echo "1..1"
	exit 0
}

root_make() {
	if [ -n "${DEB_ROOT:-}" ]; then
		cp -a --reflink=auto "$DEB_ROOT" "$root"
		return
	fi
	. /etc/os-release
	mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -1)
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus "$VERSION_CODENAME" "$root" "$mirror" \
		>"$work/debootstrap.log" 2>&1
}

# Inside of the new namespaces: what systemd must find mounted, and then systemd.
boot='
mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" || exit
mount -t tmpfs tmpfs "$1/run" && mount -t tmpfs tmpfs "$1/dev" && mkdir "$1/dev/net" "$1/dev/pts" "$1/dev/shm" || exit
# As udev makes it: who has CAP_NET_ADMIN needs no more to use it.
mknod -m 666 "$1/dev/net/tun" c 10 200 || exit
for node in null zero full random urandom tty; do
	: >"$1/dev/$node" && mount --bind "/dev/$node" "$1/dev/$node" || exit
done
mount -t devpts devpts "$1/dev/pts" -o newinstance,ptmxmode=666 && ln -s pts/ptmx "$1/dev/ptmx"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
else
	mount -t tmpfs tmpfs "$1/sys/fs/cgroup" && mkdir "$1/sys/fs/cgroup/unified" "$1/sys/fs/cgroup/systemd"
	mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup/unified"
	mount -t cgroup -o none,name=systemd,xattr cgroup "$1/sys/fs/cgroup/systemd"
fi
exec chroot "$1" env -i container=lab /lib/systemd/systemd --log-target=null --show-status=no'

root_boot() {
	unshare --fork --pid --mount --net --ipc --uts --cgroup --kill-child sh -c "$boot" boot "$root" \
		>"$work/boot.log" 2>&1 </dev/null &
	booter=$!
	within 10 has_child $booter
	init=$(cat /proc/$booter/task/$booter/children)
	init=${init% }
}

has_child() {
	[ -n "$(cat "/proc/$1/task/$1/children")" ]
}

in_root() {
	nsenter --target "$init" --pid --mount --net --ipc --uts --cgroup --root --wd env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# The root's own apt has the mirror; without one it can still take what the packages need from the root.
packages_install() {
	mkdir -p "$root/packages" && cp "$debs"/meshd_*.deb "$debs"/meshd-lab_*.deb "$root/packages/" || return
	cp /etc/apt/sources.list.d/*.sources "$root/etc/apt/sources.list.d/" 2>/dev/null
	chroot "$root" sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get -q update &&
		apt-get -q -y --no-install-recommends install /packages/*.deb' </dev/null
}

# holds COMMAND: as a sentence of the shell, in the root.
holds() {
	in_root sh -c "cd / && $1"
}

# on_net COMMAND...: a program from outside, in the root's network.
on_net() {
	nsenter --target "$init" --net "$@"
}

interface_make() { # NAME PEER
	on_net ip link add "$1" type veth peer name "$2" && on_net ip link set "$2" up && on_net ip link set "$1" up
}

node_configure() {
	interface_make radio0 radio1 && interface_make lan0 lan1 && on_net ip address add 10.7.0.1/24 dev lan0 && holds 'cd /tmp && meshctl authority init --out a.key && meshctl enrol --authority a.key --name n1 --level scene --prefix 10.7.0.0/24 &&
		mv n1.key /etc/meshd/node.key && rm a.key* &&
		printf "node: {lan: lan0}\nlinks: [{interface: radio0, preset: mesh-radio}]\n" >/etc/meshd/meshd.yaml'
}

# status_field NAME: of the daemon's process.
status_field() {
	holds "sed -n 's/^$1:[[:space:]]*//p' /proc/\$(systemctl show -p MainPID --value meshd)/status"
}

equals() {
	[ -n "$2" ] && [ "$1" = "$2" ] || { echo "\"$1\" is not \"$2\""; return 1; }
}

has_address() {
	on_net ip -6 address show dev mesh0 scope global | grep -q inet6
}

has_gone() {
	! holds 'grep -qx meshd /proc/[0-9]*/comm' && ! on_net ip link show mesh0 2>/dev/null
}

# What README.md has a new user type after the packages are installed, as it stands there.
three_nodes() {
	readme_typed | tail -n +3 >"$root/packages/typed" &&
		holds 'cd /tmp && timeout 300 sh -e /packages/typed >said 2>&1 && grep -q "^healthy: city " said || { cat said; exit 1; }'
}

files_left() {
	left=$(holds 'ls -d /etc/meshd /var/lib/meshd /run/meshd /usr/sbin/meshd /usr/bin/meshctl /usr/share/meshd \
		/lib/systemd/system/meshd.service /etc/systemd/system/multi-user.target.wants/meshd.service 2>/dev/null')
	[ -n "$left" ] && echo "$left"
}

[ "$(id -u)" = 0 ] && unshare --pid --mount --net --fork true 2>/dev/null || skip "needs root, and namespaces"
[ -e /dev/net/tun ] || skip "needs /dev/net/tun"
root_make || skip "no root could be made: $(tail -1 "$work/debootstrap.log")"

check "lintian finds no error" lintian --fail-on error --allow-root "$debs"/meshd_*.deb "$debs"/meshd-lab_*.deb
check "the packages install" packages_install
root_boot
check "systemd starts in the root" within 60 in_root systemctl is-active multi-user.target
if [ $failures != 0 ]; then
	sed 's/^/# /' "$work/boot.log"
	lab_done
fi
check "the unit is enabled" holds 'systemctl is-enabled meshd'
check_not "what is not enrolled is not started" holds 'systemctl is-active meshd'
check "and has not failed" holds '! systemctl is-failed meshd'
check "a node is enrolled and configured" node_configure
check "it starts" holds 'systemctl start meshd && systemctl is-active meshd'
check "and answers" within 10 holds 'meshctl nodes | grep -q n1'
check "it is not root" equals "$(status_field Uid | tr -s '\t ' ' ')" \
	"$(holds 'id -u meshd' | sed 's/.*/& & & &/')"
check "it has CAP_NET_ADMIN and CAP_NET_RAW only" equals "$(status_field CapEff)" 0000000000003000
check "it gets no new privileges" equals "$(status_field NoNewPrivs)" 1
check "a filter of system calls is on" equals "$(status_field Seccomp)" 2
[ $failures = 0 ] || holds 'journalctl -q -u meshd | tail -20' | sed 's/^/# /'
check "mesh0 is there, with an address" within 5 has_address
check "the kernel refused nothing" holds 'systemctl is-active meshd && ! journalctl -q -u meshd | grep -E "kernel-refused|state-unwritable|key-exposed"'
check "forwarding is on, by who is not root" within 5 holds 'grep -q 1 /proc/sys/net/ipv6/conf/all/forwarding'
check "reload works" holds 'systemctl reload meshd'
begun=$(now_ms)
check "three nodes, as README.md has them typed, reach each other" three_nodes
echo "# $(($(now_ms) - begun)) ms after the packages were there"
check "after kill -9 it is back" holds 'pid=$(systemctl show -p MainPID --value meshd); kill -9 $pid; sleep 0.2
	for i in $(seq 100); do
		meshctl nodes >/dev/null 2>&1 && [ "$(systemctl show -p MainPID --value meshd)" != $pid ] && exit
		sleep 0.1
	done; exit 1'
check "the manual pages are there" holds 'for m in meshd.8 meshctl.1 meshsim.1 meshd.yaml.5; do
	ls /usr/share/man/man?/$m.gz >/dev/null || exit 1; done'
check "the examples name what is installed" holds 'grep -rho "/usr[a-z/]*/libexec/[a-z/-]*" /usr/share/meshd/examples |
	xargs ls'
check "an installation over it keeps key and configuration" holds 'dpkg -i /packages/meshd_*.deb &&
	systemctl is-active meshd && [ -s /etc/meshd/node.key ] && [ -s /etc/meshd/meshd.yaml ]'
check "it is removed" holds 'dpkg -r meshd'
check "that has stopped it" has_gone
check "the key is still there" holds '[ -s /etc/meshd/node.key ]'
check "a purge goes through" holds 'dpkg -P meshd meshd-lab'
check_not "and leaves nothing" files_left
lab_done
