# A browser that is driven as a person would: W3C WebDriver, spoken by chromedriver (Debian: chromium-driver) in the
# namespace of $wd_node, by curl. After lib.sh: `. tests/lab/webdriver.sh`, wd_node=NODE, wd_begin, ..., wd_end. What
# stays between two calls is in files, for each check is a shell of its own.

wd_port=9515

# wd METHOD PATH [JSON]: of the session, or of chromedriver itself before there is one; prints the value that it answers,
# in JSON.
wd() {
	case $1 in POST) set -- "$1" "$2" "${3:-{\}}" ;; esac
	read -r wd_session <"$LAB_WORK/session"
	wd_answer=$(nsenter --net="/run/netns/$wd_node" curl -s -m 90 -X "$1" ${3:+-H 'Content-Type: application/json' -d "$3"} \
		"http://127.0.0.1:$wd_port$wd_session$2") || { echo "$1 $2: no answer" >&2; return 1; }
	case $wd_answer in '{"value":{"error":'*)
		printf '%.300s\n' "$1 $2: $wd_answer" >&2
		return 1 ;;
	esac
	wd_answer=${wd_answer#'{"value":'}
	printf '%s\n' "${wd_answer%\}}"
}

# wd_json TEXT: as a string of JSON.
wd_json() {
	case $1 in
	*[\"\\]* | *"	"* | *"
"*) printf '"%s"' "$(printf %s "$1" | sed 's/["\\]/\\&/g; s/	/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')" ;;
	*) printf '"%s"' "$1" ;;
	esac
}

# wd_begin: a browser with one empty window. What it complains of is kept for wd_complaints.
wd_begin() {
	echo >"$LAB_WORK/session"
	ip netns exec "$wd_node" chromedriver --port=$wd_port --log-path="$LAB_WORK/chromedriver.log" >/dev/null 2>&1 &
	echo $! >"$LAB_WORK/chromedriver.pid"
	within 20 wd GET /status || return 1
	wd POST /session '{"capabilities": {"alwaysMatch": {"goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions":
		{"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
		"--force-prefers-reduced-motion", "--disable-background-networking", "--disable-component-update",
		"--user-data-dir='"$LAB_WORK"'/browser"]}}}}' >"$LAB_WORK/begun" || return 1
	sed -n 's|.*"sessionId":"\([0-9a-f]*\)".*|/session/\1|p' "$LAB_WORK/begun" >"$LAB_WORK/session"
}

wd_end() {
	wd DELETE '' >/dev/null 2>&1
	kill "$(cat "$LAB_WORK/chromedriver.pid")"
}

# wd_open URL
wd_open() {
	wd POST /url "{\"url\": $(wd_json "$1")}" >/dev/null
}

# wd_size WIDTH HEIGHT: of what is seen.
wd_size() {
	wd POST /goog/cdp/execute "{\"cmd\": \"Emulation.setDeviceMetricsOverride\", \"params\": {\"width\": $1,
		\"height\": $2, \"deviceScaleFactor\": 1, \"mobile\": false}}" >/dev/null
}

# wd_run SCRIPT: in the page; prints what it returns.
wd_run() {
	wd POST /execute/sync "{\"script\": $(wd_json "$1"), \"args\": []}"
}

# wd_says TEXT [SELECTOR]: the page shows it, there.
wd_says() {
	wd_said=$(wd_run "const all = [...document.querySelectorAll($(wd_json "${2:-body}"))].map(e => e.innerText).join('\\n');
		return all.includes($(wd_json "$1")) || all.slice(0, 1500)")
	[ "$wd_said" = true ] || { echo "no \"$1\" in ${2:-the page}: $wd_said"; return 1; }
}

# wd_keys KEY...: pressed one after another: Tab, Back (Shift and Tab), Enter, Space, Escape.
wd_keys() {
	wd_pressed=
	for wd_key in "$@"; do
		wd_pressed="$wd_pressed$(case $wd_key in
			Tab) wd_key '\ue004' ;;
			Back) echo ',{"type": "keyDown", "value": "\ue008"}'; wd_key '\ue004'; echo ',{"type": "keyUp", "value": "\ue008"}' ;;
			Enter) wd_key '\ue007' ;;
			Space) wd_key ' ' ;;
			Escape) wd_key '\ue00c' ;;
			esac)"
	done
	wd POST /actions "{\"actions\": [{\"type\": \"key\", \"id\": \"keyboard\", \"actions\": [${wd_pressed#,}]}]}" >/dev/null
}

wd_key() {
	printf ',{"type": "keyDown", "value": "%s"}, {"type": "keyUp", "value": "%s"}' "$1" "$1"
}

# wd_text TEXT: typed where the keyboard is.
wd_text() {
	wd POST "/element/$(wd_active)/value" "{\"text\": $(wd_json "$1")}" >/dev/null
}

# wd_reference ANSWER: the element that it names.
wd_reference() {
	wd_named=${1##*:\"}
	echo "${wd_named%%\"*}"
}

# wd_active: the element where the keyboard is.
wd_active() {
	wd_reference "$(wd GET /element/active)"
}

# wd_click SELECTOR: where it is, with the pointer.
wd_click() {
	wd_clicked=$(wd POST /element "{\"using\": \"css selector\", \"value\": $(wd_json "$1")}") &&
		wd POST "/element/$(wd_reference "$wd_clicked")/click" >/dev/null
}

# wd_role ELEMENT: what a screen reader calls it: its role, a blank, and its label.
wd_role() {
	wd_called=$(wd GET "/element/$1/computedrole")
	wd_label=$(wd GET "/element/$1/computedlabel")
	wd_label=${wd_label#\"}
	echo "$(wd_reference ":$wd_called") ${wd_label%\"}"
}

# wd_is_at TEXT: the keyboard is at what a screen reader calls so.
wd_is_at() {
	wd_at=$(wd_role "$(wd_active)")
	[ "$wd_at" = "$1" ] || { echo "at \"$wd_at\", not \"$1\""; return 1; }
}

# wd_go KEY TEXT: that key again and again until the keyboard is at what a screen reader calls so, or begins so. All that
# it passes has a role and a label.
wd_go() {
	for wd_step in $(seq 60); do
		wd_keys "$1"
		wd_at=$(wd_role "$(wd_active)")
		case "$wd_at" in
		"$2"*) return 0 ;;
		# The page as a whole, between its end and its beginning.
		'none ' | 'generic ') ;;
		*' ') echo "no label: $wd_at: $(wd_run 'return document.activeElement.outerHTML.slice(0, 300)')"; return 1 ;;
		esac
	done
	echo "60 times $1, and not at \"$2\"; last at \"$wd_at\""
	return 1
}

# wd_picture FILE
wd_picture() {
	wd GET /screenshot | tr -d '"\n' | base64 -d >"$1"
}

# wd_complaints: what the browser complained of since it was asked last, one a line: forbidden by the page's policy,
# errors of its scripts, what could not be loaded.
wd_complaints() {
	wd POST /se/log '{"type": "browser"}' | sed 's/},{/}\n{/g; s/^\[\]$//'
}
