#!/bin/sh
# mutants.sh LIST...: does each rule have a test that fails without it?
#
# For each line of each LIST (tests/mutants/rules.txt says how one reads) the rule is taken
# out of a copy of the tree under build/mutants, and the test run: it must fail by an
# assertion. A property world is run with the engine broken as it knows how itself.
set -u
export CMOCKA_MESSAGE_OUTPUT=TAP
tree=build/mutants/tree
root=$PWD
rm -rf build/mutants
mkdir -p "$tree"
cat "$@" >build/mutants/list
git ls-files Makefile meshd routing crypto sim tests configs/modems | tar -cf - -T - | tar -xf - -C "$tree" || exit 1
make -s -C "$tree" BUILD=build OPT=-O1 WARN=-w build/unit/routing_session build/unit/routing_class \
	build/property/routing_worlds >build/mutants/log 2>&1 || { tail build/mutants/log; exit 1; }

trim() {
	echo "$1" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'
}

# Names of the tests that failed, by their TAP.
failed_of() {
	sed -n 's/^not ok [0-9]* - //p' "$1" | tr '\n' ' '
}

survived=0
caught=0
say() { # verdict rule by
	printf '%-10s %-42s %s\n' "$1" "$2" "$3"
}

world() { # rule test
	set -- "$1" $2
	rule=$1
	shift 2
	if "$tree/build/property/routing_worlds" --worlds 100 "$@" >build/mutants/out 2>&1; then
		say SURVIVED "$rule" "routing_worlds $*"
		survived=$((survived + 1))
	else
		say caught "$rule" "$(grep -m 1 -o '[0-9]* worlds.*with loops' build/mutants/out || tail -1 build/mutants/out)"
		caught=$((caught + 1))
	fi
}

unit() { # rule file script test
	sed "$3" "$root/$2" >"$tree/$2"
	if cmp -s "$root/$2" "$tree/$2"; then
		say STALE "$1" "$2 has no such line any more"
		survived=$((survived + 1))
		return
	fi
	touch "$tree/$2"
	if ! make -s -C "$tree" BUILD=build OPT=-O1 WARN=-w "build/unit/$4" >build/mutants/log 2>&1; then
		say UNBUILT "$1" "$(grep -m 1 error: build/mutants/log)"
		survived=$((survived + 1))
	elif timeout 60 "$tree/build/unit/$4" >build/mutants/out 2>&1; then
		say SURVIVED "$1" "$4"
		survived=$((survived + 1))
	elif [ -z "$(failed_of build/mutants/out)" ]; then
		say DIED "$1" "$4 ended without a word: $(tail -1 build/mutants/out)"
		survived=$((survived + 1))
	else
		say caught "$1" "$(failed_of build/mutants/out)"
		caught=$((caught + 1))
	fi
	cp "$root/$2" "$tree/$2"
	touch "$tree/$2"
}

while IFS='
' read -r line; do
	case $line in '#'* | '') continue ;; esac
	# The script has bars of its own: the first two fields and the last are without.
	rule=$(trim "${line%%|*}")
	rest=${line#*|}
	file=$(trim "${rest%%|*}")
	rest=${rest#*|}
	test=$(trim "${rest##*|}")
	script=$(trim "${rest%|*}")
	case $file in
	-) world "$rule" "$test" ;;
	*) unit "$rule" "$file" "$script" "$test" ;;
	esac
done <build/mutants/list
echo "mutants: $caught caught, $survived not"
[ "$survived" = 0 ]
