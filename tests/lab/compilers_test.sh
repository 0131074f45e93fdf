#!/bin/sh
# A seed is one run, whoever compiled the simulator and how: random worlds and
# scenarios have the same hash when gcc and clang, with -O2 and without, built it.
# Once is enough: of several builds that are tested the first one compares.
. tests/lab/lib.sh

meshsim=$PWD/$1/bin/meshsim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$1" != build/release ]; then
	echo "ok 1 - compilers # SKIP compared by build/release"
	echo "1..1"
	exit 0
fi

# build CC OPT: meshsim in build/CC-OPT.
build() {
	timeout 300 env -u MAKEFLAGS make -s -j"$(nproc)" BUILD="build/$1$2" CC="$1" OPT="$2" "build/$1$2/bin/meshsim" >"$work/make" 2>&1 ||
		{ cat "$work/make"; return 1; }
}

# hashes PROGRAM: of what it runs.
hashes() {
	"$1" fuzz --seeds 1..4 || return 1
	for hashes_scenario in 04-restart 12-reborn-in-flight three-outage; do
		"$1" run "sim/scenarios/$hashes_scenario.yaml" | sed -n 's/.*hash //p'
	done
}

same() { # BUILD
	hashes "build/$1/bin/meshsim" >"$work/that" 2>&1
	diff "$work/this" "$work/that"
}

hashes "$meshsim" >"$work/this" 2>&1
check "there are hashes to compare" [ "$(grep -c '[0-9a-f]\{64\}' "$work/this")" = 4 ]
for compiler in gcc clang; do
	if ! command -v $compiler >/dev/null; then
		count=$((count + 1))
		echo "ok $count - $compiler # SKIP not installed; make deps-dev has it"
		continue
	fi
	# Without -O2; and the other compiler with it, unless time matters more (COMPILERS=all).
	for opt in -O0 $([ $compiler = gcc ] || [ "$COMPILERS" != all ] || echo -O2); do
		check "$compiler $opt builds meshsim" build $compiler "$opt"
		check "a run of $compiler $opt is the same" same "$compiler$opt"
	done
done
echo "1..$count"
[ "$failures" = 0 ]
