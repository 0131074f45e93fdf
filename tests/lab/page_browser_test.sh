#!/bin/sh
# The page as people have it: two of them in one browser, driven over WebDriver (tests/lab/webdriver.sh), one by keyboard
# alone and one by pointer. Whoever is paired there silences an alarm, tests a way, writes, and reads. Then how it looks:
# both languages, both themes, on a phone and on a desk. Pictures of it are in the lab's folder, or in $PAGE_PICTURES.
. tests/lab/lib.sh
. tests/lab/webdriver.sh

prepare() {
	enrol_scene alpha bravo
	"$bin/meshctl" enrol --authority authority.key --name charlie --level town --out charlie.key >>enrol.log 2>&1
	node_yaml alpha '{interface: radio0, preset: mesh-radio}' '{interface: absent0, preset: mesh-radio}'
	node_yaml bravo '{interface: radio0, preset: mesh-radio}' '{interface: radio1, preset: mesh-radio}'
	node_yaml charlie '{interface: radio1, preset: mesh-radio}'
	for node in alpha bravo; do
		sed -i 's/^node: {/node: {watch: [bravo], lan: lan0, /' $node.yaml
		echo 'page: {listen: [lan]}' >>$node.yaml
	done
	sed -i 's/watch: \[bravo\]/watch: [charlie]/' bravo.yaml
	echo 'page: {serve: no}' >>charlie.yaml
}

scenario() {
	cat <<-'END'
		seed: 5
		nodes:
		  - name: alpha
		    interfaces: [{name: lan0, addresses: [10.9.0.1/24]}]
		    run: [cd $MESHLAB_DIR && exec meshd -c alpha.yaml]
		  - name: bravo
		    interfaces: [{name: lan0, addresses: [10.9.1.1/24]}]
		    run: [cd $MESHLAB_DIR && exec meshd -c bravo.yaml]
		  - {name: charlie, run: [cd $MESHLAB_DIR && exec meshd -c charlie.yaml]}
		  - name: phone
		    interfaces: [{name: wifi0, addresses: [10.9.0.2/24]}, {name: wifi1, addresses: [10.9.1.2/24]}]
		links:
		  - {name: radio, preset: mesh-radio, ends: [alpha:radio0, bravo:radio0], fade: none, loss: 0%}
		  - {name: far, preset: mesh-radio, ends: [bravo:radio1, charlie:radio1], fade: none, loss: 0%}
		  - {name: lan-alpha, preset: switch, ends: [alpha:lan0, phone:wifi0]}
		  - {name: lan-bravo, preset: switch, ends: [bravo:lan0, phone:wifi1]}
	END
}

alpha=http://10.9.0.1:8080 bravo=http://10.9.1.1:8080
wd_node=phone

# quiet: neither the policy nor a script was offended.
quiet() {
	wd_complaints >"$LAB_WORK/complaints"
	! grep . "$LAB_WORK/complaints"
}

# refused_once: the one thing that a browser may complain of is that it was told of a wrong code.
refused_once() {
	wd_complaints >"$LAB_WORK/complaints"
	grep -q '/api/pair .*403' "$LAB_WORK/complaints" && ! grep -v '/api/pair .*403' "$LAB_WORK/complaints"
}

# window NUMBER: the first or the second.
window() {
	wd POST /window "{\"handle\": $(cat "$LAB_WORK/window-$1")}" >/dev/null
}

another_window() {
	wd GET /window >"$LAB_WORK/window-1"
	wd POST /window/new '{"type": "window"}' | sed 's/.*"handle":\("[^"]*"\).*/\1/' >"$LAB_WORK/window-2"
	window 2
}

# tab_says NUMBER: so many have come since texts were looked at; "" is none.
tab_says() {
	tab_count=$(wd_run 'return (document.querySelector("[data-tab=messages] .count") || {}).textContent || ""')
	[ "$tab_count" = "\"$1\"" ] || { echo "\"$tab_count\", not \"$1\""; return 1; }
}

# --- alpha, by keyboard ---

code_of() { # NODE
	ask "$1" pair | head -1
}

pairs_by_keyboard() {
	check "Tab comes first to what skips the head" wd_go Tab 'link Skip to content'
	check "then to the key, by what has a name" wd_go Tab 'button Pair this browser'
	wd_keys Enter
	check "Enter asks for the code" within 5 wd_is_at 'textbox Code'
	wd_keys Escape
	check "Escape leaves it, where it was" within 5 wd_is_at 'button Pair this browser'
	code=$(code_of alpha)
	wrong=$(((code + 1) % 900000 + 100000))
	wd_keys Enter
	wd_text $wrong
	wd_keys Enter
	check "a wrong code is told" within 5 wd_says 'That is not the code' '#pair-error'
	check "which is all that the browser complains of" refused_once
	wd_text "$code"
	wd_keys Enter
	check "the next one takes its place, and pairs" within 5 wd_is_at 'button This browser is paired'
}

tests_by_keyboard() {
	check "a way that nobody has tested is unknown" within 20 wd_says unknown '#levels .word.unknown'
	check "Tab comes to its test" wd_go Tab 'button Test now: Town'
	wd_keys Space
	check "Space tests it, and then it works" within 10 wd_says 'Town' '#levels .level:has(.word.works)'
}

writes_by_keyboard() {
	check "Tab comes to texts" wd_go Tab 'button Texts'
	wd_keys Enter
	check "Enter shows them" within 5 wd_says 'No message yet.' '#messages'
	check "back from there is whom to write to" wd_go Back 'combobox To'
	wd_text bravo
	wd_keys Tab
	check "then what" wd_is_at 'textbox Text'
	wd_text 'water <b>at</b> the bridge'
	wd_keys Tab
	check "then how urgent" wd_is_at 'checkbox Urgent'
	wd_keys Space Tab
	check "then Send" wd_is_at 'button Send'
	wd_keys Enter
	check "the page says that it was delivered" within 15 wd_says Delivered '#messages .message.mine.urgent'
	check "as meshctl does" told alpha outbox -- bravo delivered
}

silences_by_keyboard() {
	check "Tab comes to the tab of now" wd_go Back 'button Now'
	wd_keys Enter
	check "there is an alarm" within 25 wd_says 'absent0' '#alarms .alarm'
	check "Tab comes to what silences it" wd_go Back 'button Silence for 1 h: Link absent0'
	wd_keys Enter
	check "the keyboard stays at it" within 5 wd_is_at 'button End silence: Link absent0 is down (missing): absent0 is not there.'
	check "it is silent" wd_says 'silent for' '#alarms .alarm.silent'
	check "for all" told alpha alarms -- 'silent'
}

# --- bravo, by pointer ---

pairs_by_pointer() {
	wd_click '#key'
	wd_click '#code'
	wd_text "$(code_of bravo)"
	wd_click '#pair-go'
	check "bravo's page is paired by pointer" within 5 wd_says '' '#key.on'
}

answers_by_pointer() {
	check "on the page of bravo a number stands on the tab" within 10 tab_says 1
	check "which is told" wd_says '短信' '[data-tab=messages]'
	wd_click '[data-tab=messages]'
	check "there is what alpha wrote, letter by letter" within 5 wd_says 'water <b>at</b> the bridge' '#messages .message.urgent'
	check "and no number any more" within 5 tab_says ''
	wd_click '#message-to option[value=alpha]'
	wd_click '#message-text'
	wd_text 收到
	wd_click '#message-go'
	check "bravo's answer is delivered" within 15 wd_says 已送达 '#messages .message.mine'
}

# --- how it looks ---

# Of the elements that are seen, those whose contents are wider than they are, texts of the drawing that leave it or
# their plate, and what is no text for people.
cut_script='
	const found = [];
	const look = where => {
		const root = document.documentElement, wide = e => e.scrollWidth > e.clientWidth + 1;
		if (wide(root))
			found.push(where + ": the page: " + root.scrollWidth + " > " + root.clientWidth);
		for (const rubbish of document.body.innerText.match(/.*(\[object|undefined|NaN|\{[a-z]+\}).*/g) || [])
			found.push(where + ": " + rubbish);
		for (const e of document.querySelectorAll("body *")) {
			if (!e.getClientRects().length || e.closest(".unseen, .skip, .symbols, dialog"))
				continue;
			const name = where + ": " + e.tagName + "." + (e.className.baseVal ?? e.className) + " \"" + e.textContent.slice(0, 40) + "\": ";
			if (!e.closest("svg") && e.clientWidth && wide(e))
				found.push(name + e.scrollWidth + " > " + e.clientWidth);
			const round = e.tagName === "text" && (e.closest(".plate, .edge-label")?.querySelector("rect") || e.closest("svg")).getBoundingClientRect();
			const box = e.getBoundingClientRect();
			if (box.right > innerWidth + 1 || box.left < -1 || (round && (box.right > round.right + 1 || box.left < round.left - 1)))
				found.push(name + box.left + " to " + box.right);
		}
	};
	const tabs = [...document.querySelectorAll("[data-tab]")].filter(e => e.getClientRects().length);
	for (const tab of tabs) {
		tab.click();
		look(tab.dataset.tab);
	}
	if (!tabs.length)
		look("all");
	return found.join("\n");
'

# All that is told, of names and numbers as long as they get; what comes after is not listened to.
longest_script='
	window.topic_take = () => {};
	const t = state.topics, name = "消防救援支队第七前线指挥", other = "Wwwwww-district-relay-station-07", day = 359999;
	for (const level of t.status.levels)
		for (let i = 0; i < 9; i++)
			level.nodes.push({name: i % 2 ? name + i : i + other, reachable: i < 6, direct: i === 1, link: "satellite-uplink", via: other, classes: ["text"]});
	t.status.name = other;
	t.status.logs = {members: 1072, newest_s: day};
	t.members.members.push(...[name, other].map(n => ({name: n, state: "member", level: "district", self: false, roles: ["gateway", "command-post"], guest: null})));
	t.members.list = {number: 1234, date_min: 29400000, revoked: 123, known: 1001, reachable: 1072};
	const marks = {start: false, began_unix_s: 1790000000, lost: ["text", "command", "bulk"], contact_s: day, text_s: day, voice_s: day, picture_s: day, restored_s: day};
	t.outages.sites = [{site: name, out: true, out_s: day, outage: {site: name, ...marks}, classes: ["text", "command", "bulk"].map(c => ({class: c, works: false, worked_s: day}))},
		{site: other, out: false, out_s: null, outage: null, classes: ["text", "command", "bulk"].map((c, i) => ({class: c, works: !i, worked_s: i ? day : 1}))}];
	t.outages.outages = [name, other].flatMap(site => [{site, ...marks}, {site, ...marks, start: true, restored_s: null}]);
	t.alarms.levels.forEach(l => Object.assign(l, {known: 1072, reachable: 1001}));
	for (const [grade, kind, subject] of [["red", "level-cut-off", "district"], ["amber", "network-twice", "2001:db8:1234:5678:9abc:def0::/112"], ["red", "urgent-late", other]])
		t.alarms.alarms.push({name: kind + " " + subject, kind, subject, grade, text: kind + " of " + subject + " since the morning, and nobody has answered so far", action: "ask " + subject + " by radio", since_s: day, under: null, silent_s: kind === "urgent-late" ? 3600 : null});
	for (const link of t.links.links) {
		Object.assign(link, {name: link.name === "radio0" ? "satellite-uplink" : link.name, rate_bps: 12345678, tx_bytes: 123456789, rx_bytes: 987654321, control_permille: 123});
		link.neighbours.push({...t.links.links[0].neighbours[0], name: other, heard_s: 4000, rtt_ms: 1234.5}, {...t.links.links[0].neighbours[0], name, loss_percent: 40});
	}
	state.mail = {at: performance.now(), outbox: [{to: other, text: "W".repeat(320), urgent: true, age_s: day, state: "left", state_s: day, link: "satellite-uplink", at: other}],
		inbox: [{id: "x", from: name, text: "水".repeat(100), urgent: false, age_s: day}]};
	document.querySelectorAll("*").forEach(e => { delete e.like; });
	render();
'

# nothing_is_cut: in all views of the window as it is.
nothing_is_cut() {
	cut=$(wd_run "$cut_script")
	[ "$cut" = '""' ] || { echo "$cut" | sed 's/\\n/\n/g'; return 1; }
}

# looks WIDTH LANGUAGE THEME: nothing is cut; and a picture of each view that is asked for.
looks() {
	wd_size "$1" 844 && wd_run "language_set('$2'); theme_set('$3'); return ''" >/dev/null || return 1
	nothing_is_cut || return 1
	looks_at="$1-$2-$3"
	for looks_view in ${looks_views:-now}; do
		wd_run "document.querySelector('[data-tab=$looks_view]').click(); return ''" >/dev/null
		wd_size "$1" "$(wd_run 'return Math.max(844, document.documentElement.scrollHeight)')"
		wd_picture "${PAGE_PICTURES:-$MESHLAB_DIR}/page-$looks_name$looks_view-$looks_at.png"
		is_drawn "${PAGE_PICTURES:-$MESHLAB_DIR}/page-$looks_name$looks_view-$looks_at.png" "$1" || return 1
	done
}

# is_drawn FILE WIDTH: an empty one would be a tenth of it.
is_drawn() {
	[ "$(od -An -tu1 -j18 -N2 "$1" | awk '{ print $1 * 256 + $2 }')" = "$2" ] && [ "$(wc -c <"$1")" -gt 20000 ] ||
		{ ls -l "$1"; return 1; }
}

looks_everywhere() { # NAME THEME...
	looks_what=$1
	shift
	for looks_language in en zh; do
		for looks_theme in "$@"; do
			for looks_width in 390 1280; do
				looks_views=now
				[ -z "${PAGE_PICTURES:-}" ] || [ $looks_width = 1280 ] || looks_views='now links meter outages messages members'
				check "$looks_what, $looks_width pixels, $looks_language, $looks_theme" looks $looks_width $looks_language $looks_theme
			done
		done
	done
}

# controls LANGUAGE: what a screen reader calls all that can be worked, but for tests of ways, which come and go.
controls() {
	wd_size 1280 1600
	wd_run "language_set('$1'); theme_set('day'); return ''" >/dev/null
	wd_run 'return [...document.querySelectorAll("a, button, input, select, textarea, [tabindex=\"0\"]")]
		.filter(e => e.getClientRects().length && !(e.dataset.focus || "").startsWith("test "))' |
		tr ',' '\n' | sed -n 's/.*"element-[^"]*":"\([^"]*\)".*/\1/p' >"$LAB_WORK/controls"
	while read -r control || [ -n "$control" ]; do
		wd_role "$control"
	done <"$LAB_WORK/controls"
}

# controls_are LANGUAGE: as $LAB_WORK/expected has it.
controls_are() {
	controls "$1" | diff "$LAB_WORK/expected" -
}

have_names() {
	cat >"$LAB_WORK/expected" <<-'END'
		link Skip to content
		button 切换到中文
		button Theme: day
		button This browser is paired
		combobox To
		textbox Text
		checkbox Urgent
		button Send
		combobox Neighbour
		button Mark this spot
		button Sound
		button End silence: Link absent0 is down (missing): absent0 is not there.
		group WHAT HAPPENED
	END
	# One that is drawn anew while it is looked at is gone: once more.
	check "all that can be worked has its role and name" within 20 controls_are en
	cat >"$LAB_WORK/expected" <<-'END'
		link 跳到正文
		button Switch to English
		button 主题：白天
		button 此浏览器已配对
		combobox 发给
		textbox 内容
		checkbox 紧急
		button 发送
		combobox 邻居
		button 标记此处
		button 声音
		button 取消静默：链路 absent0 中断，或对端无应答。
		group 事件记录
	END
	check "in Chinese, too" within 20 controls_are zh
}

inside() {
	if [ "${build#*san}" != "$build" ]; then
		skip "the page in a browser" "looked at with build/release"
		lab_done
	fi
	for program in chromedriver chromium; do
		command -v $program >/dev/null || { skip "the page in a browser" "no $program"; lab_done; }
	done
	check "a browser starts" wd_begin
	[ "$failures" = 0 ] || lab_done
	wd_size 390 844
	check "alpha's page opens" within 10 wd_open "$alpha/?lang=en&theme=day"
	check "it is live" within 10 wd_says live '#live'
	pairs_by_keyboard
	another_window
	wd_size 390 844
	wd_open "$bravo/?lang=zh&theme=night"
	pairs_by_pointer
	window 1
	tests_by_keyboard
	writes_by_keyboard
	window 2
	answers_by_pointer
	window 1
	check "it comes to alpha" within 15 wd_says 收到 '#messages .message'
	silences_by_keyboard
	have_names
	looks_name=
	looks_everywhere "nothing is cut" day night
	wd_run "$longest_script" >/dev/null
	looks_name=longest-
	looks_everywhere "nor of the longest names and numbers" day
	check "no script and no policy was offended" quiet
	wd_end
}

lab_test "$1" 0 alpha bravo charlie
lab_done
