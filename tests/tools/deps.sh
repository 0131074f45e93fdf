#!/bin/sh
# deps.sh install|ensure PACKAGE...: see that Debian packages are there.
# "ensure" is silent when nothing is missing, so that every target may call it.
mode=$1
shift
if ! command -v dpkg-query >/dev/null; then
	if [ "$mode" = ensure ]; then exit 0; fi
	echo "deps: not a Debian system; install the equivalents of: $*" >&2
	exit 1
fi
# make -j asks for several lists at once, and apt serves one at a time.
exec 9>"${TMPDIR:-/tmp}/meshd-deps.lock"
flock 9
missing=
for package in "$@"; do
	state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)
	[ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
	[ "$mode" = ensure ] || echo "deps: everything is installed"
	exit 0
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
		echo "deps: missing Debian packages; run as root: apt-get install$missing" >&2
		exit 1
	fi
	sudo="sudo -n"
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $sudo apt-get update -q && $sudo apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "deps: apt-get failed; install by hand:$missing" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
