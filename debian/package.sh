#!/bin/sh
# package.sh OUT: the Debian packages of what git knows in this folder, as it is now, in OUT.
set -e
version=$(dpkg-parsechangelog -S Version)
out=$1
tree=$out/meshd-$version
rm -rf "$out"
mkdir -p "$tree"
git ls-files -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' - |
	tar --null -T - -cf - | tar -xf - -C "$tree"
# What the programs say of their age is the age of what is packed, not of the changelog.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cd "$tree"
if ! dpkg-buildpackage -us -uc -b -rfakeroot -j"$(nproc)" >../build.log 2>&1; then
	tail -30 ../build.log
	echo "package: the build failed; the whole log is $out/build.log" >&2
	exit 1
fi
cd ..
rm -rf "meshd-$version"
ls ./*.deb
