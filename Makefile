# meshd: build, test, demonstrate.
#
#   make            build everything into build/
#   make demo       the three-outage, live, on this machine
#   make check      every test, plain and under ASan+UBSan
#   make check-long the scenarios that take minutes (sim/scenarios/long/), and a message modem, live (tests/long/)
#   make bench      measurements (never part of check): the programs of tests/bench/, and its parts BENCH_PARTS (all:
#                   tests/bench/*.sh), some beside other systems; writes build/bench.json
#   make fuzz       libFuzzer targets, FUZZ_SECONDS each (300)
#   make bench-sim  the simulator's speed and memory: a command tree of each of BENCH_NODES nodes, from cold
#                   and then for BENCH_FOR seconds (3600); left out if that takes more than BENCH_LIMIT (2400)
#   make thin       what thin links show: the first table, a quiet hour, a lost uplink, and what THIN_NODES
#                   destinations (10 100 300 1000) cost in a quiet THIN_FOR seconds (3600); writes build/thin.json
#   make agree      the demonstration live and simulated, AGREE_RUNS times (10): do they agree?
#   make check-interop
#                   with babeld, BIRD and FRR in namespaces: every mode, cuts, restarts, keys; a quarter of an hour
#   make soak       twelve routers of four kinds, links cut at random by SOAK_SEED (1), for SOAK_SECONDS (1800)
#   make mutants    takes each rule of versioned sessions and of classes out in turn: does a test fail?
#   make worlds     random routing worlds until WORLD_SECONDS are over (600)
#   make worlds-sim random worlds of whole nodes, by seeds (WORLD_SEEDS, 1..10000)
#   make cross      programs for each of CROSS_ARCHS (arm64 armhf) into build/ARCH, with Debian's cross compilers,
#                   and the pure rings' unit tests of each under qemu-user; fetches the libraries into build/sysroot
#   make coverage   line coverage of the pure rings
#   make lint       clang-format, clang-tidy, folder rings
#   make install    into PREFIX (/usr/local), DESTDIR respected
#   make deb        Debian packages, into build/deb
#   make check-deb  installs, starts, upgrades and purges them in a root of their own; minutes, and a mirror
#   make deps       install the Debian packages that are needed
#
# SAN=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer.
# V=1 shows the commands.

SAN ?= 0
COV ?= 0
V ?= 0
FUZZ_SECONDS ?= 300
WORLD_SECONDS ?= 600
AGREE_RUNS ?= 10
SOAK_SECONDS ?= 1800
SOAK_SEED ?= 1
WORLD_SEEDS ?= 1..10000
CROSS_ARCHS ?= arm64 armhf
BENCH_PARTS ?= $(patsubst tests/bench/%.sh,%,$(filter-out %/lib.sh %/run.sh,$(wildcard tests/bench/*.sh)))
BENCH_NODES ?= 100 300 1000 1073 3000
BENCH_FOR ?= 3600
THIN_NODES ?= 10 100 300 1000
THIN_FOR ?= 3600
BENCH_LIMIT ?= 2400
PREFIX ?= /usr/local
DESTDIR ?=

ifeq ($(SAN),1)
BUILD ?= build/san
else ifeq ($(COV),1)
BUILD ?= build/cov
else
BUILD ?= build/release
endif
Q := $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0
# No certificate may be judged by a clock that is behind this (seconds since 1970).
BUILD_S := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || date +%s))

CC ?= cc
OPT ?= -O2
WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef
CFLAGS ?= -g
HARDEN := -fstack-protector-strong -fPIE
CPPFLAGS += -I. -D_GNU_SOURCE -DMESHD_VERSION='"$(VERSION)"'
ALL_CFLAGS = -std=c17 $(OPT) $(CFLAGS) $(WARN) $(HARDEN)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS)
ifeq ($(SAN),1)
OPT := -O1
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=address,undefined
else ifeq ($(COV),1)
OPT := -O0
ALL_CFLAGS += --coverage
ALL_LDFLAGS += --coverage
else ifneq ($(OPT),-O0)
CPPFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif

PKGCONF ?= pkg-config
PKG_ALL := libsodium libnl-3.0 libnl-route-3.0 libpcap libcyaml yaml-0.1 jansson libmicrohttpd libjpeg expat \
	sqlite3 libqrencode cmocka
PKG_CFLAGS := $(shell $(PKGCONF) --cflags $(PKG_ALL) 2>/dev/null)
libs_of = $(shell $(PKGCONF) --libs $(1) 2>/dev/null)
LIBS_base :=
LIBS_crypto := $(call libs_of,libsodium)
LIBS_config := $(call libs_of,libcyaml yaml-0.1)
LIBS_chronicle := $(call libs_of,jansson)
LIBS_ctl := $(call libs_of,jansson libqrencode)
# libmicrohttpd, libpcap and SQLite are loaded when they are needed (meshd/io/library.h).
LIBS_io := $(call libs_of,libnl-route-3.0 libnl-3.0 jansson) -lev -lpthread
LIBS_sim := $(call libs_of,libcyaml yaml-0.1 jansson libjpeg libpcap) -lm
LIBS_topology := $(call libs_of,expat jansson) -lm
LIBS_demo := $(call libs_of,libjpeg libpcap jansson libsodium) -lm
LIBS_world := $(call libs_of,libcyaml yaml-0.1 jansson libsodium) -lm
# Sweeps over many machines, where OpenMPI is (libopenmpi-dev): never asked for.
ifeq ($(shell $(PKGCONF) --exists ompi-c 2>/dev/null && echo 1),1)
PKG_CFLAGS += -DMESHD_MPI $(patsubst -I%,-isystem%,$(shell $(PKGCONF) --cflags ompi-c))
LIBS_world += $(call libs_of,ompi-c)
endif
LIBS_test := $(call libs_of,cmocka)

# --- the rings: one static library each; */main*.c are programs ---------------

DIR_base := meshd/base
DIR_routing := routing
DIR_crypto := crypto
DIR_node := meshd/node
DIR_config := meshd/config
DIR_web := meshd/web
DIR_io := meshd/io
DIR_chronicle := meshd/chronicle
DIR_ctl := meshd/ctl
DIR_sim := sim
DIR_demo := sim/demo
DIR_topology := sim/topology
DIR_world := sim/world
RINGS := base routing crypto node config web io chronicle ctl sim demo topology world

# What a ring links against, itself first.
NEED_base := base
NEED_routing := routing base
NEED_crypto := crypto base
NEED_node := node routing crypto base
NEED_config := config crypto base
NEED_web := web base
NEED_io := io web chronicle node config routing crypto base
NEED_chronicle := chronicle crypto base
NEED_ctl := ctl chronicle config crypto base
NEED_sim := sim node config routing crypto base
NEED_demo := demo sim crypto base
NEED_topology := topology sim node config routing crypto base
NEED_world := world chronicle topology sim node config routing crypto base

src_of = $(filter-out %/main.c,$(wildcard $(DIR_$(1))/*.c))
obj_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
lib_of = $(foreach r,$(1),$(BUILD)/lib/lib$(r).a)
ldlibs_of = $(foreach r,$(1),$(LIBS_$(r)))

define ring
$(BUILD)/lib/lib$(1).a: $$(call obj_of,$$(call src_of,$(1)))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
OBJS += $$(call obj_of,$$(call src_of,$(1)))
endef
$(foreach r,$(RINGS),$(eval $(call ring,$(r))))

# --- programs ----------------------------------------------------------------

PROGRAMS :=
# program NAME MAIN RING
define program
ifneq ($$(wildcard $(2)),)
PROGRAMS += $(BUILD)/bin/$(1)
OBJS += $$(call obj_of,$(2))
$(BUILD)/bin/$(1): $$(call obj_of,$(2)) $$(call lib_of,$$(NEED_$(3)))
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call ldlibs_of,$$(NEED_$(3)))
endif
endef
$(eval $(call program,meshd,meshd/main.c,io))
$(eval $(call program,meshctl,meshd/ctl/main.c,ctl))
$(eval $(call program,meshlab,sim/main.c,sim))
$(eval $(call program,meshdemo,sim/demo/main.c,demo))
$(eval $(call program,meshtopo,sim/topology/main.c,topology))
$(eval $(call program,meshsim,sim/world/main.c,world))
# An example for whoever writes one (docs/pipe.md); the tests use it.
$(eval $(call program,beidou-example,configs/modems/beidou_example.c,base))

# Preloaded by the demonstration into daemons whose clock is not to be trusted.
PROGRAMS += $(BUILD)/lib/lostclock.so
$(BUILD)/lib/lostclock.so: sim/demo/clock/lostclock.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) -D_GNU_SOURCE -std=c17 -O2 $(WARN) -fPIC -shared -o $@ $<

# What the tests of tests/interop say and ask among other routers.
PROGRAMS += $(BUILD)/interop/prober $(BUILD)/interop/speaker
$(BUILD)/interop/%: tests/interop/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) -D_GNU_SOURCE -std=c17 -O2 $(WARN) -o $@ $<

# What the benches send and count.
BENCH_TOOLS := $(patsubst tests/bench/tools/%.c,$(BUILD)/bench/tools/%,$(wildcard tests/bench/tools/*.c))
$(BUILD)/bench/tools/%: tests/bench/tools/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) -D_GNU_SOURCE -std=c17 -O2 $(WARN) -o $@ $<

# --- tests: tests/unit/<ring>_<file>.c, tests/property/<ring>_<file>.c ---------
# The ring in a test's name decides what it links, so that one broken ring does
# not hide the others' tests. Every test prints TAP. A test that outgrows its
# file has further ones in a folder of its own name.

UNIT_SRC := $(wildcard tests/unit/*.c)
PROPERTY_SRC := $(wildcard tests/property/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
define test
OBJS += $$(call obj_of,$(2) $$(wildcard $$(basename $(2))/*.c))
$(BUILD)/$(3)/$$(notdir $$(basename $(2))): $$(call obj_of,$(2) $$(wildcard $$(basename $(2))/*.c)) \
		$$(call lib_of,$$(NEED_$$(firstword $$(subst _, ,$$(notdir $(2))))))
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ \
		$$(call ldlibs_of,$$(NEED_$$(firstword $$(subst _, ,$$(notdir $(2)))))) $$(LIBS_test)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call test,$(t),$(t),unit)))
$(foreach t,$(PROPERTY_SRC),$(eval $(call test,$(t),$(t),property)))
$(foreach t,$(BENCH_SRC),$(eval $(call test,$(t),$(t),bench)))
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
PROPERTIES := $(patsubst tests/property/%.c,$(BUILD)/property/%,$(PROPERTY_SRC))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
LIVE := $(sort $(wildcard tests/lab/*_test.sh))

# What a target builds on the way is built on all cores, unless -j says otherwise.
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# --- targets -----------------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all programs tests cross demo agree thin check-interop soak check check-long check-build check-one bench bench-sim lint fuzz worlds worlds-sim mutants coverage install install-files programs-installed \
	deb check-deb deps deps-check \
	deps-test deps-dev clean rings help

all: deps-check
	$(Q)+$(SUBMAKE) programs compile_commands.json

programs: rings $(PROGRAMS)

tests: programs $(UNITS) $(PROPERTIES)

# The page's files are in it.
$(BUILD)/obj/meshd/web/assets.o: $(addprefix meshd/web/,page.html page.css words.js drawing.js page.js icon.svg)

$(BUILD)/obj/meshd/base/build.o: CPPFLAGS += -DMESHD_BUILD_S=$(BUILD_S)ull

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

rings:
	$(Q)sh tests/tools/rings.sh

compile_commands.json: export COMPILE = $(CC) $(CPPFLAGS) -DMESHD_BUILD_S=1ull $(PKG_CFLAGS) $(ALL_CFLAGS)
compile_commands.json: Makefile $(wildcard */*.c */*/*.c)
	$(Q)sh tests/tools/compile_commands.sh > $@

check: deps-check deps-test
	$(Q)+$(SUBMAKE) tests
	$(Q)+$(SUBMAKE) tests SAN=1
	$(Q)sh tests/tools/run.sh build/release build/san

bench: deps-check
	$(Q)sh tests/tools/deps.sh ensure $(DEBIAN_BENCH) || true
	$(Q)+$(SUBMAKE) $(BENCHES) $(BENCH_TOOLS) programs
	$(Q)for b in $(BENCHES); do echo "== $$b"; $$b || exit 1; done
	$(Q)sh tests/bench/run.sh $(BUILD) build/bench.json $(BENCH_PARTS)

bench-sim: deps-check
	$(Q)+$(SUBMAKE) $(BUILD)/bin/meshsim
	$(Q)BENCH_FOR=$(BENCH_FOR) BENCH_LIMIT=$(BENCH_LIMIT) sh tests/tools/bench_sim.sh $(BUILD)/bin/meshsim build/bench-sim.json $(BENCH_NODES)

thin: deps-check
	$(Q)+$(SUBMAKE) $(BUILD)/bin/meshsim
	$(Q)THIN_NODES="$(THIN_NODES)" THIN_FOR=$(THIN_FOR) sh tests/tools/thin.sh $(BUILD)/bin/meshsim build/thin.json

check-long: deps-check
	$(Q)+$(SUBMAKE) programs
	$(Q)sh tests/tools/long.sh $(BUILD)/bin/meshsim
	$(Q)sh tests/long/modem_test.sh $(BUILD)

mutants: deps-check
	$(Q)+sh tests/tools/mutants.sh tests/mutants/rules.txt tests/mutants/classes.txt

worlds: deps-check
	$(Q)+$(SUBMAKE) build/release/property/routing_worlds
	build/release/property/routing_worlds --seconds $(WORLD_SECONDS) --seed $$(date +%s)

worlds-sim: deps-check
	$(Q)+$(SUBMAKE) build/release/bin/meshsim
	build/release/bin/meshsim fuzz --seeds $(WORLD_SEEDS) --keep-going

check-interop: deps-check deps-test
	$(Q)+$(SUBMAKE) programs
	$(Q)sh tests/interop/matrix.sh $(BUILD)
	$(Q)sh tests/interop/parse.sh $(BUILD)
	$(Q)sh tests/interop/dissect.sh $(BUILD)

soak: deps-check deps-test
	$(Q)+$(SUBMAKE) programs
	$(Q)sh tests/interop/soak.sh $(BUILD) $(SOAK_SECONDS) $(SOAK_SEED)

agree: deps-check
	$(Q)+$(SUBMAKE) programs
	$(Q)sh tests/tools/agree.sh $(BUILD) $(AGREE_RUNS)

demo: deps-check
	$(Q)+$(SUBMAKE) programs
	$(Q)sh sim/demo/run.sh $(BUILD)

lint: deps-dev rings compile_commands.json
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	# One file a run: its va_list checker carries errors from one file into the next.
	git ls-files 'meshd/*.c' 'routing/*.c' 'crypto/*.c' 'sim/*.c' | xargs -n 1 -P 2 clang-tidy --quiet -p .

FUZZ_SRC := $(wildcard tests/fuzz/*.c)
fuzz: deps-dev
	$(Q)sh tests/tools/fuzz.sh "$(FUZZ_SECONDS)" $(FUZZ_SRC)

coverage: deps-dev
	$(Q)+$(SUBMAKE) tests COV=1
	$(Q)sh tests/tools/coverage.sh build/cov

cross: deps-check
	$(Q)sh tests/tools/deps.sh ensure qemu-user-static $(foreach a,$(CROSS_ARCHS),$(DEBIAN_CROSS_$(a)))
	$(Q)+for a in $(CROSS_ARCHS); do MAKE="$(SUBMAKE)" sh tests/tools/cross.sh $$a $(DEBIAN_LIBRARIES) || exit 1; done

INSTALLED := meshd meshctl meshlab meshtopo meshsim beidou-example
programs-installed: rings $(addprefix $(BUILD)/bin/,$(INSTALLED))

install: all install-files
	$(Q)[ -n "$(DESTDIR)" ] || systemd-sysusers $(PREFIX)/lib/sysusers.d/meshd.conf || \
		echo "install: no user meshd could be made; make one, or remove User= from the unit" >&2

# Of what make programs has built. Paths in what is installed are those of PREFIX.
INTO := $(DESTDIR)$(PREFIX)
RELOCATE = sed 's|@PREFIX@|$(PREFIX)|g; s|/usr/local/|$(PREFIX)/|g'
install-files:
	install -d $(DESTDIR)/etc/meshd
	install -d $(INTO)/sbin $(INTO)/bin $(INTO)/libexec/meshd
	install -m 755 build/release/bin/meshd $(INTO)/sbin/meshd
	for p in meshctl meshlab meshtopo meshsim; do install -m 755 build/release/bin/$$p $(INTO)/bin/$$p || exit 1; done
	install -m 755 build/release/bin/beidou-example $(INTO)/libexec/meshd/beidou-example
	install -d $(INTO)/share/man/man1 $(INTO)/share/man/man5 $(INTO)/share/man/man8
	install -m 644 $(wildcard docs/*.1) $(INTO)/share/man/man1/
	install -m 644 docs/meshd.yaml.5 $(INTO)/share/man/man5/
	install -m 644 docs/meshd.8 $(INTO)/share/man/man8/
	install -d $(INTO)/share/meshd/examples
	for c in configs/*.yaml; do $(RELOCATE) $$c >$(INTO)/share/meshd/examples/$${c##*/} || exit 1; done
	install -d $(INTO)/share/meshd/wireshark
	install -m 644 configs/wireshark/meshd.lua $(INTO)/share/meshd/wireshark/
	install -d $(INTO)/share/bash-completion/completions $(INTO)/share/zsh/vendor-completions
	install -m 644 configs/completion/meshctl.bash $(INTO)/share/bash-completion/completions/meshctl
	$(RELOCATE) configs/completion/_meshctl >$(INTO)/share/zsh/vendor-completions/_meshctl
	install -d $(INTO)/lib/systemd/system $(INTO)/lib/sysusers.d
	$(RELOCATE) configs/meshd.service >$(INTO)/lib/systemd/system/meshd.service
	install -m 644 configs/meshd.sysusers $(INTO)/lib/sysusers.d/meshd.conf

deb: deps-check
	$(Q)sh tests/tools/deps.sh ensure $(DEBIAN_PACKAGE)
	$(Q)sh debian/package.sh build/deb

check-deb: deb
	$(Q)sh tests/tools/deps.sh ensure debootstrap lintian
	$(Q)sh tests/tools/deb.sh build/deb

DEBIAN_BUILD := gcc libc6-dev pkg-config libev-dev libnl-3-dev libnl-route-3-dev libpcap-dev libsodium-dev \
	libcyaml-dev libyaml-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libqrencode-dev libcmocka-dev libjpeg-dev libexpat1-dev \
	iproute2 nftables iputils-ping procps
# What other architectures are built with, and the libraries that are fetched for them.
DEBIAN_CROSS_arm64 := gcc-aarch64-linux-gnu
DEBIAN_CROSS_armhf := gcc-arm-linux-gnueabihf
DEBIAN_LIBRARIES := $(filter-out libc6-dev,$(filter lib%-dev,$(DEBIAN_BUILD)))
DEBIAN_PACKAGE := debhelper dpkg-dev fakeroot
# Not in it, for they are large: chromium and chromium-driver, with which tests/lab/page_browser_test.sh uses the page, and
# prometheus, whose promtool page_test.sh asks.
DEBIAN_TEST := curl mandoc systemd zsh tshark zbar-tools babeld bird2 frr
# `make bench` measures beside those of them that can be had.
DEBIAN_BENCH := jq babeld bird2 frr yggdrasil tinc iperf3 wireguard-go wireguard-tools fastd nebula openvpn
DEBIAN_DEV := clang clang-format clang-tidy libclang-rt-14-dev gcovr git

deps:
	$(Q)sh tests/tools/deps.sh install $(DEBIAN_BUILD)
deps-check:
	$(Q)sh tests/tools/deps.sh ensure $(DEBIAN_BUILD)
# Tests that need one of these skip themselves, and say so, where it cannot be had.
deps-test:
	$(Q)sh tests/tools/deps.sh ensure $(DEBIAN_TEST) || true
deps-dev:
	$(Q)sh tests/tools/deps.sh ensure $(DEBIAN_BUILD) $(DEBIAN_DEV)

clean:
	rm -rf build compile_commands.json

-include $(OBJS:.o=.d)
