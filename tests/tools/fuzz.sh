#!/bin/sh
# fuzz.sh SECONDS SOURCE...: builds each libFuzzer target with ASan+UBSan and
# runs it for SECONDS. Corpora and findings stay in build/fuzz/<target>/.
seconds=$1
shift
set -e
flags="-std=c17 -g -O1 -I. -D_GNU_SOURCE -DMESHD_VERSION=\"fuzz\" -DMESHD_BUILD_S=1ull -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
libs=$(pkg-config --cflags --libs libsodium libcyaml jansson expat)
for source in "$@"; do
	name=$(basename "$source" .c)
	out=build/fuzz/$name
	mkdir -p "$out/corpus"
	case $name in
	base_*) code="meshd/base/*.c" ;;
	routing_*) code="routing/*.c meshd/base/*.c" ;;
	crypto_*) code="crypto/*.c meshd/base/*.c" ;;
	config_*) code="meshd/config/*.c crypto/*.c meshd/base/*.c" ;;
	topology_*)
		code="$(ls sim/topology/*.c | grep -v /main.c) sim/preset.c sim/param.c sim/link_model.c meshd/config/rate.c meshd/base/*.c -lm"
		;;
	*) code="meshd/node/*.c routing/*.c crypto/*.c meshd/base/*.c" ;;
	esac
	clang $flags -o "$out/$name" "$source" $code $libs
	echo "== $name for $seconds s"
	"$out/$name" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$out/" "$out/corpus" 2>&1 | tail -8
	# ls fails when one of the patterns has no match, so ask for its output.
	finding=$(ls "$out"/crash-* "$out"/leak-* "$out"/timeout-* "$out"/oom-* 2>/dev/null | head -1)
	if [ -n "$finding" ]; then
		echo "fuzz: finding in $out; replay: $out/$name $finding"
		exit 1
	fi
done
echo "fuzz: no findings"
