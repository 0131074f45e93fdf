#!/bin/sh
# The page of a real daemon: what it tells and to whom, and what becomes of visitors who are hostile or many. How it looks
# and is used: page_browser_test.sh. promtool (Debian: prometheus) is used where it is.
. tests/lab/lib.sh

prepare() {
	enrol_scene alpha bravo
	node_yaml alpha '{interface: radio0, preset: mesh-radio}' '{interface: absent0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}'
	sed -i 's/^node: {/node: {watch: [bravo], lan: lan0, /' alpha.yaml
	echo 'page: {listen: [loopback, lan]}' >>alpha.yaml
	echo 'page: {serve: no}' >>bravo.yaml
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - name: alpha
		    interfaces: [{name: lan0, addresses: [10.9.0.1/24]}]
		    run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]
		  - {name: bravo, run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]}
		  - {name: phone, interfaces: [{name: wifi0, addresses: [10.9.0.2/24]}]}
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0], fade: none, loss: 0%}
		  - {name: lan, preset: switch, ends: [alpha:lan0, phone:wifi0]}
	END
}

site=http://127.0.0.1:8080

# get CURL-ARGUMENT...: on alpha.
get() {
	ip netns exec alpha curl -s -m 10 "$@"
}

# has TEXT CURL-ARGUMENT...: what comes, headers too, says it.
has() {
	has_text=$1
	shift
	get -i "$@" >"$LAB_WORK/got"
	grep -q -- "$has_text" "$LAB_WORK/got" || { head -c 2000 "$LAB_WORK/got"; return 1; }
}

# post TEXT PATH BODY [TOKEN]: it is answered so.
post() {
	has "$1" "$site$2" -H 'Content-Type: application/json' -H "Authorization: Bearer ${4:-}" -d "$3"
}

# says TEXT: bytes from standard input, and what is answered.
says() {
	ip netns exec alpha timeout 15 curl -s "telnet://127.0.0.1:8080" >"$LAB_WORK/said"
	grep -q "$1" "$LAB_WORK/said" || { head -c 300 "$LAB_WORK/said"; return 1; }
}

# Bytes that go on and on.
filler() { # BYTES
	head -c "$1" /dev/zero | tr '\0' a
}

large_header_is_refused() {
	{ printf 'GET / HTTP/1.1\r\nX: '; filler 1000000; printf '\r\n\r\n'; } | says 'HTTP/1.1 431 '
}

# A line of the header each second, for half a minute: until the other side has had enough.
slowloris() {
	slow_ms=$(now_ms)
	{
		printf 'GET / HTTP/1.1\r\n'
		for i in $(seq 30); do
			sleep 1
			printf 'X-%s: a\r\n' "$i"
		done
	} | ip netns exec alpha timeout 40 curl -s telnet://127.0.0.1:8080 >/dev/null 2>&1
	echo $((($(now_ms) - slow_ms) / 1000)) >"$LAB_WORK/slow"
}

slowloris_is_ended() {
	between 8 "$(cat "$LAB_WORK/slow")" 16
}

# The page's own files ask for nothing from elsewhere, and have neither script nor style in them.
is_strict() {
	get $site/ >"$LAB_WORK/html"
	grep -q '<script src="/page.js"' "$LAB_WORK/html" || { echo "no page"; return 1; }
	if grep -nE 'https?://|<style|style=|<script>| on[a-z]+=' "$LAB_WORK/html"; then return 1; fi
	for file in page.css words.js drawing.js page.js; do
		get "$site/$file" | grep -n 'https\?://' | grep -v 'http://www.w3.org/2000/svg' && return 1
	done
	has "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'" $site/ &&
		! grep -q unsafe "$LAB_WORK/got"
}

is_paired_once() {
	code=$(ask alpha pair | head -1)
	post '"wrong-code"' /api/pair '{"code":"1"}' || return 1
	post '"token":"' /api/pair "{\"code\":\"$code\"}" || return 1
	sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$LAB_WORK/got" >"$LAB_WORK/token"
	post '"no-code"' /api/pair "{\"code\":\"$code\"}"
}

only_counts_messages() {
	get -m 2 -N $site/stream >"$LAB_WORK/stream"
	get $site/now.js >>"$LAB_WORK/stream"
	grep -q '"changes":[1-9][0-9]*,"received":1' "$LAB_WORK/stream" && ! grep -E '收到|water at the' "$LAB_WORK/stream"
}

# none_is_lost: of a stream of packets through the node.
none_is_lost() {
	ip netns exec alpha ping -n -q -i 0.004 -c 500 -W 2 -s 200 "$(address bravo)" >"$LAB_WORK/flow"
	grep ' packet loss' "$LAB_WORK/flow"
	grep -q ' 0% packet loss' "$LAB_WORK/flow"
}

# A hundred who read, and packets of which none is lost. What readers cost they cost each time; a machine that has
# much else to do may lose some once.
crowd_costs_nothing() {
	ip netns exec alpha curl -s -N -m 30 --parallel --parallel-immediate --parallel-max 100 \
		"$site/stream?[1-100]" -o "$LAB_WORK/stream-#1" >/dev/null 2>&1 &
	crowd=$!
	within 10 has '^meshd_page_readers 100' $site/metrics || { kill $crowd; return 1; }
	none_is_lost || none_is_lost || none_is_lost || { kill $crowd; return 1; }
	has '^meshd_page_readers 100' $site/metrics || { kill $crowd; return 1; }
	kill $crowd
	wait $crowd 2>/dev/null
	[ "$(grep -l '^event: links' "$LAB_WORK"/stream-* | wc -l)" = 100 ] || { echo "not all heard"; return 1; }
}

metrics_are_well_formed() {
	get $site/metrics >"$LAB_WORK/metrics"
	promtool check metrics <"$LAB_WORK/metrics"
}

inside() {
	check "the page answers" within 10 has '200 OK' $site/
	check "what it tells is what meshctl is told" within 20 has '"name":"bravo","reachable":true' $site/api/status
	slowloris &
	slow=$!
	check "it has no foreign part, and no inline one" is_strict
	check "the stream begins with everything" within 5 has 'event: events' -m 2 -N $site/stream
	check "who is on the LAN may read" ip netns exec phone curl -s -f -m 5 -o /dev/null http://10.9.0.1:8080/
	check_not "who is on the mesh may not" ip netns exec bravo curl -s -f -m 1 -o /dev/null "http://[$(address alpha)]:8080/"
	check_not "where it is not served nobody answers" is_listened bravo 8080
	check "a header of a megabyte is refused" large_header_is_refused
	check "another site's name is refused" has '421 ' $site/ -H 'Host: evil.example'
	check "who is not paired may do nothing" post '401 .*' /api/silence '{"kind":"link-down"}'
	check "bad JSON is told" post 'not a JSON object' /api/pair '{bad'
	check "too much is told" post '413 .*' /api/pair "$(filler 2000)"
	check "a code pairs one browser" is_paired_once
	check "who is paired silences an alarm" post '"ok":true' /api/silence \
		'{"kind":"link-down","subject":"absent0","for_s":60}' "$(cat "$LAB_WORK/token")"
	check "which the log has" grep -q 'silence link-down absent0: for 60 s' "$MESHLAB_DIR/alpha.log"
	check "who is not paired reads no messages" post '401 .*' /api/inbox '{}'
	check "and writes none" post '401 .*' /api/send '{"to":"bravo","text":"x"}'
	check "who is paired writes one" post '"number":1' /api/send '{"to":"bravo","text":"water at the bridge"}' \
		"$(cat "$LAB_WORK/token")"
	check "which arrives" within 10 told bravo inbox -- 'water at the bridge'
	check "it is told that it did" within 10 post '"state":"delivered"' /api/outbox '{}' "$(cat "$LAB_WORK/token")"
	check "an answer is written" ask bravo send alpha '<b>收到</b>' --urgent
	check "and read by who is paired" within 10 post '收到' /api/inbox '{}' "$(cat "$LAB_WORK/token")"
	check "who is not paired learns that there is one, and no more" only_counts_messages
	check "what cannot be sent is told" post 'nobody here is called' /api/send '{"to":"nobody","text":"x"}' \
		"$(cat "$LAB_WORK/token")"
	check "a hundred readers cost no packet" crowd_costs_nothing
	if command -v promtool >/dev/null; then
		check "metrics are as Prometheus wants them" metrics_are_well_formed
	else
		skip "metrics are as Prometheus wants them" "no promtool"
	fi
	meshlab ctl unplug alpha:lan0
	meshlab ctl plug alpha:lan0
	check "a LAN that comes back has the page again" within 8 ip netns exec phone curl -s -f -m 1 -o /dev/null \
		http://10.9.0.1:8080/
	sed -i '/^page:/d' "$MESHLAB_DIR/bravo.yaml"
	check "what the file says of it is taken up" told bravo reload -- 'changed: page'
	check "by reload" within 5 is_listened bravo 8080
	wait $slow
	check "who sends a line a second is ended" slowloris_is_ended
	check "and the daemon is well" ask alpha nodes
}

lab_test "$1" 15 alpha bravo
lab_done
