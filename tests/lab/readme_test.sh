#!/bin/sh
# What README.md has a new user type, from the package to a mesh of three nodes, as it stands there: in a folder of its own,
# with what was built in the place of what the first two lines install (`make check-deb` installs that).
. tests/lab/lib.sh

few() {
	echo "$(wc -l <"$work/typed") lines"
	[ "$(wc -l <"$work/typed")" -ge 5 ] && [ "$(wc -l <"$work/typed")" -le 10 ]
}

begins_with_the_packages() {
	head -2 "$work/typed" | grep -c 'make deb$\|apt install .*meshd_.*meshd-lab_' | grep -qx 2
}

work_through() {
	tail -n +3 "$work/typed" >"$work/script" && cd "$work" && PATH=$bin:$PATH timeout 300 sh -e script >said 2>&1 ||
		{ cat "$work/said"; return 1; }
}

# The last of them asks for the way to who is two hops off, and for the verdict.
it_works() {
	grep -q '^healthy: city ' "$work/said" && [ "$(grep -c '^  .* works  .*2 hops' "$work/said")" = 3 ] ||
		{ cat "$work/said"; return 1; }
}

lab_init "$1"
readme_typed >"$work/typed"
check "the README has at most ten commands for it" few
check "the first two make and install the packages" begins_with_the_packages
begun=$(now_ms)
check "the others go through" work_through
echo "# $(($(now_ms) - begun)) ms without the packages"
check "and three nodes reach each other, for all classes" it_works
lab_done
