#!/bin/sh
# cross.sh ARCH LIBRARY...: builds the programs and the unit tests for another Debian
# architecture into build/ARCH, and runs the units of the pure rings there, under qemu-user.
#
# The architecture's libraries are laid out in a folder of their own, build/sysroot/ARCH,
# and not installed: that would have apt bring the machine's own packages to the same
# version first, and change them. apt keeps its lists for it in that folder, too, so that
# only the compiler and qemu need root.
set -eu
arch=$1
shift
case $arch in
arm64) triple=aarch64-linux-gnu qemu=aarch64 ;;
armhf) triple=arm-linux-gnueabihf qemu=arm ;;
*)
	echo "cross: \"$arch\" is not an architecture that this builds for; write arm64 or armhf" >&2
	exit 1
	;;
esac
root=$PWD/build/sysroot/$arch
build=build/$arch

# The machine's sources and keys; everything else of apt is in $root.apt.
foreign_apt() {
	apt-get -q -y -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o APT::Install-Recommends=false -o Dir::State="$root.apt" -o Dir::State::status="$root.apt/status" \
		-o Dir::Cache="$root.apt" "$@"
}

lay_out() {
	rm -rf "$root" "$root.apt"
	mkdir -p "$root" "$root.apt/lists/partial" "$root.apt/archives/partial"
	: >"$root.apt/status"
	{ foreign_apt update && foreign_apt install --download-only libc6-dev "$@"; } >"$root.apt/log" 2>&1 || return 1
	for package in "$root.apt"/archives/*.deb; do
		dpkg-deb -x "$package" "$root" 2>>"$root.apt/log" || return 1
	done
	# A link to /lib/... means the one below here.
	find "$root" -type l -lname '/*' | while read -r link; do
		ln -sfn "$root$(readlink "$link")" "$link"
	done
	rm -rf "$root.apt"
	echo "$*" >"$root/libraries"
}

if [ "$(cat "$root/libraries" 2>/dev/null)" != "$*" ]; then
	echo "cross: laying out $arch libraries in ${root#"$PWD"/}"
	if ! lay_out "$@"; then
		tail -20 "$root.apt/log" >&2
		echo "cross: $arch packages cannot be had from the machine's apt sources; they must serve: libc6-dev $*" >&2
		exit 1
	fi
fi

export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_PATH=
export PKG_CONFIG_LIBDIR="$root/usr/lib/$triple/pkgconfig:$root/usr/share/pkgconfig"
pure='' targets=''
for source in tests/unit/base_*.c tests/unit/crypto_*.c tests/unit/routing_*.c tests/unit/node_*.c tests/unit/config_*.c; do
	name=$(basename "$source" .c)
	pure="$pure $name" targets="$targets $build/unit/$name"
done
# shellcheck disable=SC2086 # words
${MAKE:-make} --no-print-directory "BUILD=$build" "CC=$triple-gcc --sysroot=$root" "AR=$triple-ar" PKGCONF=pkg-config \
	programs $targets

export CMOCKA_MESSAGE_OUTPUT=TAP
mkdir -p "$build/log"
passed=0 failed=0
for name in $pure; do
	log=$build/log/$name.log
	status=0
	"qemu-$qemu-static" -L "$root" "$build/unit/$name" >"$log" 2>&1 </dev/null || status=$?
	ok=$(grep -c '^ok ' "$log") || :
	bad=$(grep -c '^not ok ' "$log") || :
	# A program that dies, or says nothing, is a failure.
	if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$ok" = 0 ]; }; then bad=1; fi
	if [ "$bad" != 0 ]; then
		echo "FAIL $arch/$name (exit $status): $log"
		tail -15 "$log"
	fi
	passed=$((passed + ok)) failed=$((failed + bad))
done
echo "$arch: $passed passed, $failed failed"
[ "$failed" = 0 ]
