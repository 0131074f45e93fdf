/*
 * The page: takes what the stream tells, topic by topic, and shows it. Nothing is
 * asked for again and again. What an answer says of ages is counted on here; when the
 * stream is silent, everything here is old, and the page says so.
 */
'use strict';

const STALE_MS = 6000, GREEN_S = 60, LEVELS = ['city', 'district', 'town', 'scene'], CLASSES = ['text', 'command', 'bulk'];
const state = {topics: {}, at: {}, heard: 0, view: 'now', meter: null, mark: null, curve: [], sound: null, find: '', files: null, tests: {}};
const $ = id => document.getElementById(id);

/* --- what is kept in the browser ---------------------------------------------------------- */

function kept(key, value) {
	try {
		if (value === undefined)
			return localStorage.getItem('meshd-' + key);
		if (value === null)
			localStorage.removeItem('meshd-' + key);
		else
			localStorage.setItem('meshd-' + key, value);
	} catch (e) { /* it is forgotten with the page */ }
	return null;
}

const asked = new URLSearchParams(location.search);

/* --- elements -------------------------------------------------------------------------------- */

function h(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const key in attributes || {})
		if (attributes[key] !== null && attributes[key] !== undefined && attributes[key] !== false)
			e.setAttribute(key, attributes[key]);
	e.append(...children.flat().filter(c => c !== null && c !== undefined && c !== false));
	return e;
}

function icon(name) {
	return shape('svg', {class: 'i', 'aria-hidden': 'true'}, shape('use', {href: '#i-' + name}));
}

/* Text with an age in it that goes on by itself: `key` of WORDS has {age}. `since` is a time of this page's clock. */
function aging(key, since, className, params) {
	const e = h('span', {class: className || null, 'data-key': key, 'data-more': params ? JSON.stringify(params) : null});
	e.since = since;
	return e;
}

function age_tell(e, now) {
	const params = e.dataset.more ? JSON.parse(e.dataset.more) : {};
	const seconds = (now - e.since) / 1000;
	const text = e.dataset.key === 'clock' ? clock(seconds)
		: word(e.dataset.key, {...params, age: span(e.dataset.key === 'silent' ? -seconds : seconds)});
	if (e.textContent !== text)
		e.textContent = text;
}

function ages_tell(root) {
	const now = performance.now();
	for (const e of root.querySelectorAll('[data-key]'))
		age_tell(e, now);
}

/* Replaces what is in a place only if it differs in more than ages; the focus stays where it is. */
function show(place, ...children) {
	const made = h('div', {}, ...children), like = made.innerHTML;
	const old = place.querySelectorAll('[data-key]'), fresh = made.querySelectorAll('[data-key]');
	if (place.like === like && old.length === fresh.length) {
		fresh.forEach((e, i) => { old[i].since = e.since; });
		ages_tell(place);
		return;
	}
	const focus = place.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
	const top = place.querySelector('.scroll') ? place.querySelector('.scroll').scrollTop : 0;
	place.like = like;
	place.replaceChildren(...made.childNodes);
	ages_tell(place);
	if (top && place.querySelector('.scroll'))
		place.querySelector('.scroll').scrollTop = top;
	if (focus) {
		const again = place.querySelector('[data-focus="' + CSS.escape(focus) + '"]');
		if (again)
			again.focus();
	}
}

/* When something was, that is so old in the answer of a topic. */
function when(topic, seconds) {
	return state.at[topic] - seconds * 1000;
}

const known = n => n !== null && n !== undefined;

/* --- posting ---------------------------------------------------------------------------------- */

async function post(what, body) {
	const headers = {'Content-Type': 'application/json'}, token = kept('token');
	if (token)
		headers.Authorization = 'Bearer ' + token;
	try {
		const answer = await fetch('/api/' + what, {method: 'POST', headers, body: JSON.stringify(body)});
		const json = await answer.json();
		if (json.code === 'unpaired' && token) {
			kept('token', null);
			paired_show();
			render();
		}
		return json;
	} catch (e) {
		return {ok: false, code: 'lost', error: word('e-lost')};
	}
}

const is_paired = () => Boolean(kept('token'));

/* What is said of several of them alike, a screen reader tells with what it is for. */
function act(text, subject, focus, run) {
	const b = h('button', {type: 'button', class: 'tiny', 'data-focus': focus, 'aria-label': text + word('colon') + subject}, text);
	b.addEventListener('click', run);
	return b;
}

function test_button(dest, title) {
	if (!is_paired())
		return null;
	if (state.tests[dest] && performance.now() - state.tests[dest] < 4000)
		return h('span', {class: 'small muted ask'}, word('testing'));
	const b = act(word('test'), title, 'test ' + dest, async () => {
		state.tests[dest] = performance.now();
		render();
		await post('reach', {dest, start: true});
	});
	b.classList.add('ask');
	return b;
}

/* --- the verdict ----------------------------------------------------------------------------- */

function is_stale() {
	return !state.heard || performance.now() - state.heard > STALE_MS;
}

function verdict_show() {
	const s = state.topics.status, place = $('verdict');
	if (!s)
		return;
	const verdict = is_stale() ? 'stale' : s.verdict;
	const sign = {healthy: 'yes', degraded: 'alarm', alone: 'no', stale: 'ask'}[verdict];
	place.className = 'verdict ' + verdict;
	const key = verdict === 'healthy' && s.neighbours === 1 ? 's-healthy-1' : 's-' + verdict;
	show(place, h('div', {class: 'mark', 'aria-hidden': 'true'}, icon(sign)),
		h('div', {}, h('strong', {}, word('v-' + verdict)), h('span', {}, word(key, {n: s.neighbours}))));
}

/* --- levels and sites --------------------------------------------------------------------------- */

const SIGN = {'not-yet': 'none', works: 'yes', unknown: 'ask', 'cut-off': 'no', fails: 'no', 'no-way': 'none', nobody: 'none'};

function chip(name, what, since) {
	const small = what === 'works' || (what === 'unknown' && since !== null)
		? aging('bare', since) : h('span', {}, word(what === 'unknown' ? 'never' : what));
	return h('div', {class: 'chip ' + what}, icon(SIGN[what]),
		h('span', {}, word(name), h('span', {class: 'unseen'}, ': ' + word(what) + ', '), h('small', {}, small)));
}

/* A class of a level: what the routes and the tests say. Without a way of its own there is none for it, unless nothing gets there. */
function level_class(c, level) {
	const since = known(c.tested_s) ? when('alarms', c.tested_s) : null;
	return chip(c.class, c.state === 'cut-off' && level.state !== 'cut-off' ? 'no-way' : c.state, since);
}

function row(title, small, what, chips, button) {
	return h('div', {class: 'level'}, h('h3', {}, title, small ? h('small', {}, small) : null),
		h('span', {class: 'word ' + what}, word(what === 'partly' ? 'cut-off' : what)), h('div', {class: 'chips'}, chips), button);
}

function level_row(level) {
	const own = state.topics.status && state.topics.status.level === level.level;
	if (level.state === 'nobody')
		return h('div', {class: 'level quiet'}, h('h3', {}, word(level.level), own ? h('small', {}, word('here')) : null),
			h('span', {class: 'word nobody'}, own ? '' : word('nobody')));
	const nodes = (state.topics.status ? state.topics.status.levels : []).find(l => l.level === level.level);
	const first = nodes && nodes.nodes.find(n => n.reachable);
	return row(word(level.level), word('reachable', {n: level.reachable, all: level.known}), level.state, level.classes.map(c => level_class(c, level)),
		first && level.state === 'unknown' ? test_button(first.name, word(level.level)) : null);
}

function site_row(site) {
	const chips = site.classes.map(c => {
		const fresh = known(c.worked_s) && c.worked_s < GREEN_S;
		const what = c.works ? (fresh ? 'works' : 'unknown') : known(c.worked_s) ? 'fails' : 'not-yet';
		return chip(c.class, what, known(c.worked_s) ? when('outages', c.worked_s) : null);
	});
	const works = site.classes.filter(c => c.works).length;
	const what = works === CLASSES.length ? 'works' : works ? 'partly' : site.classes.some(c => known(c.worked_s)) ? 'cut-off' : 'not-yet';
	const e = row(site.site, word('watched'), what, chips, what === 'works' ? null : test_button(site.site, site.site));
	if (what === 'partly')
		e.querySelector('.word').textContent = word('without', {what: lost_words(site.classes.filter(c => !c.works).map(c => c.class))});
	return e;
}

function lost_words(classes) {
	return classes.map(c => word(c).toLowerCase()).join(language === 'zh' ? '、' : ', ') || word('none');
}

function levels_show() {
	const a = state.topics.alarms, o = state.topics.outages;
	if (!a)
		return;
	show($('levels'), a.levels.map(level_row), o ? o.sites.map(site_row) : null,
		h('p', {class: 'note'}, word('green', {n: GREEN_S})));
}

/* --- alarms --------------------------------------------------------------------------------------- */

function subject_words(kind, subject) {
	return {subject, level: LEVELS.includes(subject) ? word(subject) : subject};
}

/* What is wrong: in English as the node says it, which knows more. */
function sentence_of(alarm) {
	const told = language !== 'en' && sentences(alarm.kind, subject_words(alarm.kind, alarm.subject));
	return told ? told[0] : capital(alarm.text);
}

function alarm_card(alarm, all) {
	const told = sentences(alarm.kind, subject_words(alarm.kind, alarm.subject));
	const what = sentence_of(alarm), todo = told && language !== 'en' ? told[1] : capital(alarm.action);
	const under = all.filter(a => a.under === alarm.name).map(a => sentence_of(a).replace(/[.。]$/, ''));
	const silent = known(alarm.silent_s);
	return h('article', {class: 'alarm ' + (silent ? 'silent' : alarm.grade)},
		h('div', {class: 'head'}, h('strong', {}, what), aging('since', when('alarms', alarm.since_s), 'age')),
		h('div', {class: 'do'}, h('b', {}, word('action')), h('span', {}, todo)),
		language === 'en' || !told ? null : h('p', {class: 'said'}, word('as-node', {text: alarm.text})),
		under.length ? h('p', {class: 'said'}, word('with-it', {names: under.join(language === 'zh' ? '；' : '; ')})) : null,
		silent ? h('p', {class: 'said'}, aging('silent', state.at.alarms + alarm.silent_s * 1000)) : null,
		is_paired() ? act(word(silent ? 'unsilence' : 'silence'), what, 'silence ' + alarm.name,
			() => post('silence', {kind: alarm.kind, subject: alarm.subject, for_s: silent ? 0 : 3600})) : null);
}

function capital(text) {
	if (text.startsWith('meshctl '))
		return text; /* it is to be typed */
	return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/* What is not an alarm: noticed just now, or standing on one leg. */
function light_card(title, kind, params, fallback) {
	const told = language !== 'en' && sentences(kind, params) || [capital(fallback.what), capital(fallback.action)];
	return h('article', {class: 'alarm light'}, h('div', {class: 'head'}, h('strong', {}, told[0]), h('span', {class: 'age'}, title)),
		h('div', {class: 'do'}, h('b', {}, word('action')), h('span', {}, told[1])));
}

function names(list, count) {
	const text = list.join(language === 'zh' ? '、' : ', ');
	return count > list.length ? word('and-more', {names: text, n: count - list.length}) : text;
}

function alarms_show() {
	const a = state.topics.alarms, s = state.topics.status;
	if (!a)
		return;
	const top = a.alarms.filter(x => !x.under), raised = new Set(a.alarms.map(x => x.name));
	const soon = (s ? s.reasons : []).filter(r => !raised.has(r.subject ? r.kind + ' ' + r.subject : r.kind) && (r.kind !== 'link-down' || !raised.has('alone')));
	const cards = [...top.map(x => alarm_card(x, a.alarms)),
		...soon.map(r => light_card(word('soon'), r.kind, subject_words(r.kind, r.subject), r)),
		...(s ? s.warnings : []).map(w => light_card(word(w.kind === 'list-spreads' ? 'spreading' : w.kind === 'guest-ends' ? 'ending' : 'fragile'), w.kind,
			{sites: names(w.sites || [], w.count || 0), link: w.link, via: w.via, left: span(w.left_s || 0), n: w.number, known: w.known, all: w.reachable}, w))];
	const over = a.over.filter(x => x.over_s < 3600).slice(-3).reverse();
	show($('alarms'), top.length || soon.length ? null : h('p', {class: 'calm'}, icon('yes'), word('no-alarm')),
		top.length || soon.length || !cards.length ? null : h('div', {class: 'note'}), cards,
		over.map(x => h('p', {class: 'over'}, h('b', {}, (sentences(x.kind, subject_words(x.kind, x.subject)) || [x.text])[0] + ' '),
			aging('over-ago', when('alarms', x.over_s), null, {span: span(x.since_s - x.over_s)}))));
	document.body.classList.toggle('urgent', top.some(x => x.grade === 'red' && !known(x.silent_s)));
	badge(top.filter(x => !known(x.silent_s)));
}

function badge(alarms) {
	tab_count('now', word('alarms'), alarms.length, alarms.some(x => x.grade === 'red'));
	document.title = (alarms.length ? '(' + alarms.length + ') ' : '') + (state.topics.status ? state.topics.status.name : 'meshd');
}

/* A number on a tab, and of what it is for who cannot see where it stands. */
function tab_count(tab, what, count, isRed) {
	const button = document.querySelector('[data-tab=' + tab + ']'), old = button.querySelector('.badge');
	const made = h('span', {class: 'badge' + (isRed ? '' : ' amber')}, h('span', {class: 'unseen'}, word('comma') + what + word('colon')),
		h('span', {class: 'count'}, String(count)));
	if (old && count && old.outerHTML === made.outerHTML)
		return;
	if (old)
		old.remove();
	if (count)
		button.append(made);
}

/* --- links -------------------------------------------------------------------------------------------- */

/* 0..100: what of hellos arrives, this way and that. */
function quality(link, n) {
	const least = link.least_cost;
	const inward = !n.up ? 0 : known(n.loss_percent) ? 100 - n.loss_percent : known(n.cost_in) && least ? Math.min(100, 100 * least / n.cost_in) : null;
	const outward = !n.up ? 0 : known(n.cost_out) ? (n.cost_out && least ? Math.min(100, 100 * least / n.cost_out) : null) : 0;
	const sides = [inward, outward].filter(q => q !== null);
	return {inward, outward, both: Math.round(sides.length ? Math.min(...sides) : 0)};
}

function health(link, n) {
	if (!n.up || link.state !== 'up')
		return 'down';
	const q = quality(link, n).both;
	return q >= 85 ? 'good' : q >= 50 ? 'fair' : 'poor';
}

/* What a link is to people: what it began with, unless it is another network's. */
function kind_of(link) {
	return link.type !== 'babel' && WORDS.en['k-' + link.preset] ? link.preset : link.type;
}

const ORDER = {good: 0, fair: 1, poor: 2, down: 3};

function drawing_model() {
	const s = state.topics.status, l = state.topics.links, direct = {}, lines = [], plain = [];
	for (const link of l.links)
		for (const n of link.neighbours) {
			const how = health(link, n), q = quality(link, n).both;
			lines.push({to: n.name, kind: kind_of(link), health: how, text: how === 'down' ? link.name + ' ✕' : q < 100 ? link.name + ' ' + q + ' %' : link.name});
			if (!(n.name in direct) || ORDER[how] < ORDER[direct[n.name]])
				direct[n.name] = how;
			if (n.plain)
				plain.push({name: n.name, state: how});
		}
	const rows = s.levels.map(level => ({level: level.level, title: word(level.level), members: level.nodes.map(n => ({
		name: n.name, state: direct[n.name] || (n.reachable ? 'far' : 'down'), via: !direct[n.name] && n.reachable ? n.via : null}))}));
	for (const r of rows) {
		r.members.sort((a, b) => (b.name in direct) - (a.name in direct));
		if (r.level === s.level)
			r.members.unshift({name: s.name, key: 'me', state: 'me'});
	}
	if (plain.length)
		rows.push({level: 'routers', title: word('routers'), members: plain});
	return {rows: rows.filter(r => r.members.length), lines};
}

function drawing_show() {
	const s = state.topics.status, l = state.topics.links, place = $('drawing');
	if (!s || !l || !place.clientWidth)
		return;
	const {rows, lines} = drawing_model();
	const said = lines.map(x => x.text + ' → ' + x.to + ': ' + word(x.health)).join('; ') || word('no-nodes');
	show(place, draw(rows, lines, Math.max(300, place.clientWidth), word('drawing-label', {text: said})));
	legend_show(new Set(lines.map(x => x.kind)));
}

function legend_show(kinds) {
	const line = (how, kind) => shape('svg', {viewBox: '0 0 34 8', 'aria-hidden': 'true'}, shape('path', {d: 'M3 4H31', class: 'edge ' + how + ' ' + kind}),
		...kind === 'babel' ? [shape('path', {d: 'M3 4H31', class: 'edge inner'})] : []);
	show($('legend'), ['good', 'fair', 'poor', 'down'].map(x => h('span', {}, line(x, ''), word(x))),
		[...kinds].sort().map(k => h('span', {}, line('', k), word('k-' + k))), h('span', {}, line('far', ''), word('far')));
}

function neighbour_row(link, n) {
	const how = health(link, n), q = quality(link, n);
	const facts = [n.up ? q.both + ' %' : word('down')];
	if (known(n.rtt_ms))
		facts.push(word('rtt', {n: n.rtt_ms < 10 ? n.rtt_ms.toFixed(1) : Math.round(n.rtt_ms)}));
	return h('div', {class: 'neighbour'}, h('span', {class: 'dot ' + how}), h('b', {}, n.name),
		h('span', {class: 'facts num'}, facts.join(' · '), known(n.heard_s) && (n.heard_s > 5 || !n.up) ? [' · ', aging('heard', when('links', n.heard_s))] : null));
}

function links_show() {
	const l = state.topics.links;
	if (!l)
		return;
	show($('links'), l.links.map(link => h('div', {class: 'link'},
		h('div', {class: 'head'}, h('b', {}, link.name), h('span', {class: 'tag ' + (link.state === 'up' ? 'up' : 'bad')}, word(link.state))),
		h('div', {class: 'small muted'}, [word('k-' + kind_of(link)), link.rate_bps ? rate(link.rate_bps) : null, word('sent', {out: bytes(link.tx_bytes), 'in': bytes(link.rx_bytes)}),
			link.control_permille ? word('share', {n: (link.control_permille / 10).toFixed(1)}) : null].filter(Boolean).join(' · ')),
		link.trouble ? h('div', {class: 'small tag bad'}, link.trouble) : null,
		link.neighbours.length ? link.neighbours.map(n => neighbour_row(link, n)) : h('div', {class: 'small muted'}, word('no-neighbour')))));
}

function rate(bps) {
	const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
	let i = 0;
	while (bps >= 1000 && i < 3) {
		bps /= 1000;
		i++;
	}
	return +bps.toPrecision(3) + ' ' + units[i];
}

/* --- the meter -------------------------------------------------------------------------------------------- */

function meter_pairs() {
	const l = state.topics.links;
	return l ? l.links.flatMap(link => link.neighbours.map(n => ({key: link.name + ' ' + n.name, link, n}))) : [];
}

function meter_build(place) {
	const pick = h('select', {id: 'meter-pick'});
	const mark = h('button', {type: 'button', class: 'primary'}), sound = h('button', {type: 'button', 'aria-pressed': 'false'});
	place.parts = {
		label: h('label', {for: 'meter-pick', class: 'small muted'}), pick, number: h('b', {}), unit: h('small', {}, '/ 100'), bar: h('i', {}), at: h('u', {class: 'is-hidden'}),
		compare: h('p', {class: 'compare'}), curve: h('div', {}), ways: h('div', {class: 'ways'}), mark, sound, quiet: h('p', {class: 'muted'}),
	};
	const p = place.parts;
	p.gauge = h('div', {class: 'gauge', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100}, p.bar, p.at);
	p.figure = h('div', {class: 'figure', 'aria-hidden': 'true'}, p.number, p.unit);
	p.body = h('div', {}, p.label, pick, p.figure, p.gauge, p.compare, p.curve, p.ways, h('div', {class: 'buttons'}, mark, sound));
	place.replaceChildren(p.quiet, p.body);
	pick.addEventListener('change', () => { state.meter = pick.value; state.mark = null; state.curve = []; meter_show(); });
	mark.addEventListener('click', () => { state.mark = state.curve[state.curve.length - 1]; meter_show(); });
	sound.addEventListener('click', sound_switch);
}

function meter_show() {
	const place = $('meter'), pairs = meter_pairs();
	if (!state.topics.links)
		return;
	if (!place.parts)
		meter_build(place);
	const p = place.parts;
	p.quiet.textContent = word('meter-none');
	p.quiet.classList.toggle('is-hidden', pairs.length > 0);
	p.body.classList.toggle('is-hidden', pairs.length === 0);
	if (!pairs.length)
		return;
	const now = pairs.find(x => x.key === state.meter) || pairs[0], how = health(now.link, now.n), q = quality(now.link, now.n);
	state.meter = now.key;
	show(p.pick, pairs.map(x => h('option', {value: x.key}, x.n.name + ' · ' + x.link.name)));
	p.pick.value = now.key;
	p.label.textContent = word('meter-pick');
	p.number.textContent = q.both;
	p.number.className = how + '-ink';
	p.bar.className = how;
	p.bar.style.width = q.both + '%';
	p.at.classList.toggle('is-hidden', state.mark === null);
	p.at.style.left = (state.mark || 0) + '%';
	p.gauge.setAttribute('aria-valuenow', q.both);
	p.gauge.setAttribute('aria-label', word('quality', {n: q.both}));
	const more = state.mark === null ? 0 : q.both - state.mark;
	p.compare.textContent = state.mark === null ? word('unmarked') : more ? word(more > 0 ? 'better' : 'worse', {n: Math.abs(more)}) : word('same');
	p.compare.className = 'compare ' + (state.mark === null ? 'small muted' : more > 0 ? 'good-ink' : more < 0 ? 'poor-ink' : '');
	p.curve.replaceChildren(...state.curve.length > 1 ? [curve(state.curve, 300, 56)] : []);
	p.mark.textContent = word('mark');
	p.sound.textContent = word(state.sound ? 'sound-on' : 'sound');
	p.sound.setAttribute('aria-pressed', String(Boolean(state.sound)));
	const side = (title, n) => h('div', {class: 'way'}, h('small', {}, title), h('b', {class: 'num'}, n === null ? '–' : Math.round(n) + ' %'));
	show(p.ways, side(word('we-hear'), q.inward), side(word('they-hear'), q.outward),
		h('div', {class: 'way'}, h('small', {}, 'RTT'), h('b', {class: 'num'}, known(now.n.rtt_ms) ? word('rtt', {n: now.n.rtt_ms.toFixed(1)}) : word('no-rtt'))),
		h('div', {class: 'way'}, h('small', {}, word('state')), h('b', {}, known(now.n.heard_s) && (!now.n.up || now.n.heard_s > 20) ? aging('gone', when('links', now.n.heard_s)) : word(how))));
}

/* Each second: one more point of the curve, and a tone that rises with the quality. */
function meter_beat() {
	const now = meter_pairs().find(x => x.key === state.meter);
	if (!now)
		return;
	const q = is_stale() ? 0 : quality(now.link, now.n).both;
	state.curve.push(q);
	if (state.curve.length > 60)
		state.curve.shift();
	if (!state.sound)
		return;
	const tone = state.sound.createOscillator(), loud = state.sound.createGain(), t = state.sound.currentTime;
	tone.frequency.value = 220 + 8 * q;
	loud.gain.setValueAtTime(0.2, t);
	loud.gain.exponentialRampToValueAtTime(0.001, t + (q ? 0.12 : 0.6));
	tone.connect(loud).connect(state.sound.destination);
	tone.start();
	tone.stop(t + 0.7);
}

function sound_switch() {
	if (state.sound) {
		state.sound.close();
		state.sound = null;
	} else if (window.AudioContext) {
		state.sound = new AudioContext();
	}
	meter_show();
}

/* --- the outage clock ------------------------------------------------------------------------------------------ */

const MARKS = [['contact', 'contact_s'], ['first-text', 'text_s'], ['voice', 'voice_s'], ['picture', 'picture_s'], ['restored', 'restored_s']];

function marks(outage) {
	return h('ol', {class: 'marks'}, MARKS.map(([name, key]) => h('li', {class: known(outage[key]) ? 'done' : ''},
		h('b', {}, known(outage[key]) ? clock(outage[key]) : '–'), word(name))));
}

function past_row(x) {
	return h('div', {class: 'outage past'},
		h('div', {class: 'head'}, h('b', {}, x.site), h('span', {class: 'small muted num'}, date(x.began_unix_s))),
		h('div', {class: 'small muted'}, x.start ? word('start') : word('lost-what', {what: lost_words(x.lost)})), marks(x));
}

function outages_show() {
	const o = state.topics.outages;
	if (!o)
		return;
	const past = o.outages.slice(-12).reverse();
	show($('outages'), o.sites.length ? null : h('p', {class: 'muted'}, word('no-watch')),
		o.sites.map(site => h('div', {class: 'outage'},
			h('div', {class: 'head'}, h('h3', {}, site.site), h('span', {class: 'tag ' + (site.out ? 'bad' : 'good')},
				site.out ? site.outage.start ? word('start') : word('lost-what', {what: lost_words(site.outage.lost)}) : word('whole'))),
			site.out ? [aging('clock', when('outages', site.out_s), 'big'), marks(site.outage)] : null)),
		past.length ? [h('h3', {class: 'small muted outage'}, word('past')), ...past.map(past_row)] : null,
		o.sites.length || past.length ? h('p', {class: 'note'}, word('clock-note', {date: date(o.now_unix_s)})) : null);
}

/* --- messages: for who is paired; the stream says only that there is another one ------------------------------------- */

async function mail_fetch() {
	if (!is_paired())
		return;
	const inbox = await post('inbox', {}), outbox = await post('outbox', {});
	if (!inbox.ok || !outbox.ok)
		return;
	state.mail = {at: performance.now(), inbox: inbox.inbox, outbox: outbox.outbox};
	messages_show();
}

function mail_changed() {
	const m = state.topics.mail;
	if (m && m.changes !== state.mail_told) {
		state.mail_told = m.changes;
		mail_fetch();
	}
	messages_show();
}

function state_words(m) {
	const why = m.waits ? word('w-' + m.waits) : '';
	return word('m-' + m.state, {link: m.link, at: m.at}) + (m.state === 'queued' && why ? word('colon') + why : '');
}

function message_row(m) {
	const sent = 'to' in m, at = state.mail.at;
	return h('div', {class: 'message' + (sent ? ' mine' : '') + (m.urgent ? ' urgent' : '')},
		h('div', {class: 'head'}, h('span', {}, m.urgent ? h('b', {class: 'tag bad'}, word('urgent'), ' ') : null,
			word(sent ? 'to-whom' : 'from-whom', {name: sent ? m.to : m.from})), aging('bare', at - m.age_s * 1000, 'age')),
		h('p', {}, m.text),
		sent ? h('small', {class: 'tag ' + ({delivered: 'good', expired: 'bad'}[m.state] || '')}, state_words(m),
			m.state === 'queued' ? null : [' · ', aging('ago', at - m.state_s * 1000)]) : null);
}

/* What is being written is not to be lost when a message comes. */
function messages_build(place) {
	const to = h('select', {id: 'message-to'}), text = h('textarea', {id: 'message-text', rows: '3'});
	const urgent = h('input', {type: 'checkbox', id: 'message-urgent'}), go = h('button', {type: 'submit', id: 'message-go'});
	const form = h('form', {class: 'write'}, h('label', {for: 'message-to'}), to, h('label', {for: 'message-text'}), text,
		h('p', {class: 'small muted', id: 'message-left'}), h('p', {class: 'error', role: 'alert'}),
		h('div', {class: 'buttons'}, h('label', {class: 'check'}, urgent, h('span', {})), go));
	text.addEventListener('input', room_show);
	form.addEventListener('submit', message_send);
	place.parts = {form, to, text, urgent, go, unpaired: h('p', {class: 'muted'}), list: h('div', {class: 'messages', 'aria-live': 'polite'})};
	place.replaceChildren(place.parts.unpaired, form, place.parts.list);
}

const TEXT_MAX = 320;

function room_show() {
	const left = TEXT_MAX - new TextEncoder().encode($('message-text').value.trim()).length;
	$('message-left').textContent = left < 0 ? word('too-long', {n: -left}) : word('left', {n: left});
	$('message-go').disabled = left < 0 || left === TEXT_MAX || !$('message-to').value;
}

async function message_send(event) {
	const p = $('messages').parts, error = p.form.querySelector('.error');
	event.preventDefault();
	p.go.disabled = true;
	const answer = await post('send', {to: p.to.value, text: p.text.value.trim(), urgent: p.urgent.checked});
	error.textContent = answer.ok ? '' : capital(answer.error);
	if (answer.ok) {
		p.text.value = '';
		p.urgent.checked = false;
		mail_fetch();
	}
	room_show();
}

function receivers_show(p) {
	const m = state.topics.members, all = m ? m.members.filter(x => x.state === 'member' && !x.self).map(x => x.name) : [];
	if (p.names === all.join('\n'))
		return;
	const chosen = p.to.value;
	p.names = all.join('\n');
	p.to.replaceChildren(...all.map(name => h('option', {value: name}, name)));
	if (all.includes(chosen))
		p.to.value = chosen;
}

function messages_show() {
	const place = $('messages'), mail = state.mail;
	if (!place.parts)
		messages_build(place);
	const p = place.parts, on = is_paired();
	p.unpaired.textContent = word('messages-pair');
	p.unpaired.classList.toggle('is-hidden', on);
	for (const e of [p.form, p.list])
		e.classList.toggle('is-hidden', !on);
	p.form.querySelector('label[for=message-to]').textContent = word('to-label');
	p.form.querySelector('label[for=message-text]').textContent = word('text-label');
	p.form.querySelector('.check span').textContent = word('urgent');
	p.go.textContent = word('send');
	receivers_show(p);
	room_show();
	if (!on)
		state.mail = null;
	else if (!mail)
		mail_wanted();
	const all = on && mail ? [...mail.inbox, ...mail.outbox].sort((a, b) => a.age_s - b.age_s) : [];
	show(p.list, all.slice(0, 100).map(message_row), on && mail && !all.length ? h('p', {class: 'muted'}, word('no-messages')) : null);
	mail_badge();
}

/* Once, when this browser has just been paired. */
function mail_wanted() {
	if (!state.mail_asked) {
		state.mail_asked = true;
		mail_fetch().finally(() => { state.mail_asked = false; });
	}
}

/* How many came since they were looked at. */
function mail_badge() {
	const inbox = state.mail ? state.mail.inbox : [];
	if (inbox.length && state.view === 'messages')
		kept('mail-seen', inbox[0].id);
	const seen = inbox.findIndex(m => m.id === kept('mail-seen')), count = seen < 0 ? inbox.length : seen;
	tab_count('messages', word('new'), count, inbox.slice(0, count).some(m => m.urgent));
}

/* --- members --------------------------------------------------------------------------------------------------------- */

function member_row(m, reach) {
	const r = reach[m.name], out = m.state !== 'member';
	const way = m.self ? word('here') : out ? word(m.state) : !r ? '' : !r.reachable ? word('route-no')
		: r.direct ? word('via', {link: r.link}) : word('via-node', {link: r.link, via: r.via});
	return h('div', {class: 'member' + (out ? ' out' : '')},
		h('span', {class: 'dot ' + (out || !(m.self || r) ? '' : m.self || r.reachable ? 'good' : 'down')}),
		h('span', {}, h('b', {}, m.name), ' ', h('small', {}, m.roles.map(x => m.guest && x === 'guest' ? word('guest-of', {agency: m.guest.agency}) : word(x)).join(' · '))),
		h('span', {class: 'end'}, h('small', {}, word(m.level), h('br'), way)));
}

function members_show() {
	const m = state.topics.members, s = state.topics.status, place = $('members');
	if (!m || !s)
		return;
	if (!place.parts) {
		const find = h('input', {type: 'search', id: 'find', autocomplete: 'off'});
		find.addEventListener('input', () => { state.find = find.value.trim().toLowerCase(); members_show(); });
		place.parts = {note: h('p', {class: 'small muted'}), logs: h('p', {class: 'small muted'}), find, list: h('div', {class: 'list'})};
		place.replaceChildren(h('div', {class: 'members-head'}, h('div', {}, place.parts.note, place.parts.logs), find), place.parts.list);
	}
	const reach = {};
	s.levels.forEach(l => l.nodes.forEach(n => { reach[n.name] = n; }));
	const found = m.members.filter(x => x.name.toLowerCase().includes(state.find));
	place.parts.find.placeholder = word('find');
	place.parts.find.setAttribute('aria-label', word('find'));
	place.parts.find.classList.toggle('is-hidden', m.members.length < 8);
	place.parts.note.textContent = m.list ? word('list', {n: m.list.number, count: m.list.revoked, date: date(m.list.date_min * 60), known: m.list.known, all: m.list.reachable}) : word('no-list');
	place.parts.logs.textContent = s.logs && s.logs.members ? word('logs', {n: s.logs.members, age: span(s.logs.newest_s)}) : '';
	show(place.parts.list, found.slice(0, 200).map(x => member_row(x, reach)), found.length > 200 ? h('p', {class: 'note'}, word('more', {n: found.length - 200})) : null);
}

function events_show() {
	const e = state.topics.events;
	if (!e)
		return;
	show($('events'), h('div', {class: 'scroll', tabindex: '0', role: 'group', 'aria-labelledby': 't-events'}, e.events.filter(x => x.grade !== 'info').reverse().map(x => h('div', {class: 'event ' + x.grade},
		aging('bare', when('events', e.now_s - x.at_s), 'muted num'), h('span', {class: 'text'}, h('code', {}, x.code), x.text)))));
}

/* --- head and foot ---------------------------------------------------------------------------------------------------- */

function live_show() {
	const live = $('live'), stale = is_stale();
	document.body.classList.toggle('stale', stale && state.heard > 0);
	live.className = 'live' + (state.heard ? stale ? ' off' : ' on' : '');
	const text = !state.heard ? word('connecting') : stale ? word('lost', {age: span((performance.now() - state.heard) / 1000)}) : word('live');
	if (live.textContent !== text)
		live.textContent = text;
}

function head_show() {
	const s = state.topics.status;
	if (!s)
		return;
	$('name').textContent = s.name;
	$('level').textContent = word(s.level);
	show($('foot'), aging('foot', when('status', s.uptime_s), null, {version: s.version}));
}

const RENDER = {status: [head_show, verdict_show, levels_show, alarms_show, drawing_show, members_show], alarms: [levels_show, alarms_show],
	outages: [outages_show, levels_show], links: [drawing_show, links_show, meter_show], members: [members_show, messages_show], mail: [mail_changed], events: [events_show]};

/* What goes wrong in one part takes no other with it. */
function render(parts) {
	for (const f of parts || new Set(Object.values(RENDER).flat()))
		try {
			f();
		} catch (e) {
			console.error(e);
		}
	live_show();
}

function tabs_show() {
	document.body.dataset.view = state.view;
	for (const b of document.querySelectorAll('[data-tab]'))
		if (b.dataset.tab === state.view)
			b.setAttribute('aria-current', 'page');
		else
			b.removeAttribute('aria-current');
}

function language_set(to) {
	language = to in WORDS ? to : 'en';
	for (const name of Object.keys(WORDS))
		WORDS[name].bare = '{age}';
	document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
	for (const e of document.querySelectorAll('[data-t]'))
		e.textContent = word(e.dataset.t);
	for (const e of document.querySelectorAll('[data-label]'))
		e.setAttribute('aria-label', word(e.dataset.label));
	$('language').textContent = word('language');
	$('language').setAttribute('aria-label', word('language-label'));
	document.querySelectorAll('*').forEach(e => { delete e.like; });
	theme_set(document.documentElement.dataset.theme);
	paired_show();
	render();
}

function theme_set(to) {
	const theme = ['auto', 'day', 'night'].includes(to) ? to : 'auto';
	document.documentElement.dataset.theme = theme;
	$('theme').replaceChildren(icon({auto: 'auto', day: 'sun', night: 'moon'}[theme]));
	$('theme').setAttribute('aria-label', word('theme-' + theme));
	$('theme').title = word('theme-' + theme);
}

function paired_show() {
	$('key').classList.toggle('on', is_paired());
	$('key').setAttribute('aria-label', word(is_paired() ? 'key-paired' : 'key'));
	$('key').title = word(is_paired() ? 'key-paired' : 'key');
}

/* --- pairing -------------------------------------------------------------------------------------------------------------- */

function pair_open() {
	const on = is_paired();
	$('pair-text').textContent = word(on ? 'paired-text' : 'pair-text');
	for (const e of [$('code'), document.querySelector('label[for=code]')])
		e.classList.toggle('is-hidden', on);
	$('pair-go').textContent = word(on ? 'unpair' : 'pair-go');
	$('pair-error').textContent = '';
	$('code').value = '';
	$('pair').showModal();
}

async function pair_submit(event) {
	event.preventDefault();
	const answer = is_paired() ? await post('unpair', {}) : await post('pair', {code: $('code').value.trim()});
	if (!answer.ok && !is_paired()) {
		const text = word('e-' + answer.code);
		$('pair-error').textContent = text.startsWith('e-') ? answer.error : text;
		$('code').select();
		return;
	}
	kept('token', answer.token || null);
	$('pair').close();
	paired_show();
	render();
}

/* --- the stream ------------------------------------------------------------------------------------------------------------- */

function topic_take(topic, answer) {
	for (const link of answer.links && topic === 'links' ? answer.links : [])
		link.neighbours.sort((a, b) => a.name < b.name ? -1 : 1); /* theirs is the order of their coming */
	state.topics[topic] = answer;
	state.at[topic] = state.heard;
}

function stream_open() {
	const stream = new EventSource('/stream');
	const take = (topic, run) => stream.addEventListener(topic, e => {
		state.heard = performance.now();
		run(JSON.parse(e.data));
	});
	take('hello', hello => {
		if (state.files && state.files !== hello.files)
			location.reload(); /* the node has another version of this page */
		state.files = hello.files;
		if (state.started !== undefined && state.started !== hello.started_us && is_paired())
			kept('token', null), paired_show(); /* it has restarted, and knows no token */
		state.started = hello.started_us;
		$('key').classList.toggle('is-hidden', !hello.pairing);
	});
	for (const topic of Object.keys(RENDER))
		take(topic, answer => {
			topic_take(topic, answer);
			render(RENDER[topic]);
		});
	stream.onerror = () => {
		if (stream.readyState !== EventSource.CLOSED)
			return; /* it tries again by itself */
		setTimeout(stream_open, 3000);
	};
}

function second() {
	live_show();
	if (is_stale())
		verdict_show();
	ages_tell(document);
	meter_beat();
	if (state.view === 'meter')
		meter_show();
}

function begin() {
	state.view = asked.get('view') || 'now';
	document.documentElement.dataset.theme = asked.get('theme') || kept('theme') || 'auto';
	language_set(asked.get('lang') || kept('language') || (navigator.language.startsWith('zh') ? 'zh' : 'en'));
	tabs_show();
	$('language').addEventListener('click', () => { language_set(language === 'en' ? 'zh' : 'en'); kept('language', language); });
	$('theme').addEventListener('click', () => {
		theme_set({auto: 'day', day: 'night', night: 'auto'}[document.documentElement.dataset.theme]);
		kept('theme', document.documentElement.dataset.theme);
	});
	$('key').addEventListener('click', pair_open);
	$('pair-cancel').addEventListener('click', () => $('pair').close());
	$('pair-form').addEventListener('submit', pair_submit);
	$('tabs').addEventListener('click', e => {
		const b = e.target.closest('[data-tab]');
		if (!b)
			return;
		state.view = b.dataset.tab;
		tabs_show();
		window.scrollTo(0, 0);
		render();
	});
	if (typeof NOW === 'object') {
		state.heard = performance.now();
		Object.keys(NOW).forEach(topic => topic_take(topic, NOW[topic]));
		render();
	}
	new ResizeObserver(drawing_show).observe($('drawing'));
	setInterval(second, 1000);
	stream_open();
}

begin();
