/*
 * The drawing: levels of command as rows, members as plates, links as lines whose
 * colour is their health and whose form is their kind. Who is not a neighbour hangs
 * on the neighbour over whom the way goes.
 */
'use strict';

const SVG = 'http://www.w3.org/2000/svg';
const PLATE = 30, ROW = 92, LINE = 46, GAP = 18, MARGIN = 12, ROWS_OF_LEVEL = 2, MORE = 90;

function shape(name, attributes, ...children) {
	const e = document.createElementNS(SVG, name);
	for (const key in attributes)
		e.setAttribute(key, attributes[key]);
	e.append(...children);
	return e;
}

/* Roughly, as the font has it: Han characters are twice as wide, and some letters half as wide again. */
function textWidth(text) {
	let width = 0;
	for (const c of text)
		width += c.codePointAt(0) > 0x2e7f ? 14 : 'MWmw@%'.includes(c) ? 13 : 8.4;
	return width;
}

/* Names differ at their ends. */
function shorten(text, most) {
	if (textWidth(text) <= most)
		return text;
	const all = [...text], end = all.slice(-4).join('');
	let begin = all.slice(0, -4);
	while (begin.length > 1 && textWidth(begin.join('') + '…' + end) > most)
		begin = begin.slice(0, -1);
	return begin.join('') + '…' + end;
}

/* Plates of one level, in lines that fit; the last one says how many have no place. This node has a line to itself. */
function lines(members, width) {
	const plates = members.map(m => ({...m, width: Math.min(textWidth(m.name) + 42, 164)}));
	const own = plates.filter(m => m.key === 'me'), others = plates.filter(m => m.key !== 'me');
	const all = [];
	let used = width, placed = 0;
	for (const m of others) {
		const isLast = all.length === ROWS_OF_LEVEL;
		if (used + m.width > width - 2 * MARGIN - (isLast && placed < others.length - 1 ? MORE : 0)) {
			if (isLast)
				break;
			all.push([]);
			used = 0;
		}
		all[all.length - 1].push(m);
		used += m.width + GAP;
		placed++;
	}
	if (placed < others.length)
		all[all.length - 1].push({name: word('more', {n: others.length - placed}), width: MORE, isMore: true});
	return own.length ? [own, ...all] : all;
}

function place(rows, width) {
	const places = new Map(), mine = rows.findIndex(r => r.members.some(m => m.key === 'me'));
	let y = 34;
	rows.forEach((row, i) => {
		row.y = y;
		for (const line of lines(row.members, width)) {
			const sum = line.reduce((w, m) => w + m.width, 0);
			const gap = Math.min(64, Math.max(GAP, (width - 2 * MARGIN - sum) / (line.length + 1)));
			const left = (width - sum - gap * (line.length - 1)) / 2;
			/* To one side and the other in turn, so that no line runs through the plates of the row between. */
			const aside = i === mine ? 0 : (Math.abs(i - mine) % 2 ? 1 : -1) * Math.max(0, Math.min(width * 0.24, left - MARGIN));
			let x = left + aside;
			for (const m of line) {
				places.set(m.isMore ? 'more ' + row.level : m.key || m.name, {...m, x: x + m.width / 2, y: y + PLATE / 2});
				x += m.width + gap;
			}
			y += PLATE + LINE;
		}
		y += ROW - PLATE - LINE;
	});
	return {places, height: y - (ROW - PLATE - LINE) - LINE + 12};
}

/* From one plate to the other; `bend` sets lines between the same two apart. */
function path(a, b, bend) {
	if (Math.abs(a.y - b.y) < 4) {
		const lift = 30 + 16 * Math.abs(bend), y = a.y - PLATE / 2;
		return {d: `M${a.x} ${y}C${a.x} ${y - lift} ${b.x} ${y - lift} ${b.x} ${y}`, x: (a.x + b.x) / 2, y: y - lift * 0.75};
	}
	const down = b.y > a.y ? 1 : -1, y1 = a.y + down * PLATE / 2, y2 = b.y - down * PLATE / 2;
	const shift = bend * 26, middle = (y1 + y2) / 2;
	return {
		d: `M${a.x + shift / 2} ${y1}C${a.x + shift} ${middle} ${b.x + shift} ${middle} ${b.x + shift / 2} ${y2}`,
		/* Just before the plate that it leads to: between two lines of plates there is room for it. */
		x: b.x + shift / 2 + (a.x - b.x) * 0.03, y: y2 - down * 14,
	};
}

function plate(p) {
	const g = shape('g', {class: 'plate ' + p.state, transform: `translate(${p.x - p.width / 2} ${p.y - PLATE / 2})`});
	g.append(shape('rect', {width: p.width, height: PLATE, rx: PLATE / 2}));
	if (p.isMore) {
		g.append(shape('text', {x: p.width / 2, y: 20, 'text-anchor': 'middle'}, p.name));
		return g;
	}
	g.append(shape('circle', {cx: 15, cy: PLATE / 2, r: 5}));
	g.append(shape('text', {x: 26, y: 20}, shorten(p.name, p.width - 42)));
	return g;
}

function label(text, x, y, health) {
	const width = textWidth(text) * 0.84 + 12;
	return shape('g', {class: 'edge-label ' + health, transform: `translate(${x - width / 2} ${y - 9})`},
		shape('rect', {width, height: 18, rx: 9}), shape('text', {x: width / 2, y: 13, 'text-anchor': 'middle'}, text));
}

/*
 * rows: [{level, title, members: [{name, key, state, via}]}], state of "me", "good", "fair", "poor", "down", "far"
 * links: [{to, kind, health, text}]
 */
function draw(rows, links, width, description) {
	const {places, height} = place(rows, width);
	const me = places.get('me'), seen = {};
	const svg = shape('svg', {viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': description, class: 'drawing'});
	const far = shape('g', {}), edges = shape('g', {}), labels = shape('g', {}), plates = shape('g', {});

	for (const row of rows)
		svg.append(shape('text', {x: MARGIN, y: row.y - 8, class: 'row-title'}, row.title),
			shape('line', {x1: MARGIN, x2: width - MARGIN, y1: row.y - 26, y2: row.y - 26, class: 'row-line'}));
	for (const p of places.values()) {
		plates.append(plate(p));
		const over = p.via && places.get(p.via);
		if (over && over !== p)
			far.append(shape('path', {d: path(over, p, 0).d, class: 'edge far'}));
	}
	for (const link of links) {
		const to = places.get(link.to);
		if (!to || !me || to === me)
			continue;
		const number = seen[link.to] = (seen[link.to] || 0) + 1;
		const many = links.filter(l => l.to === link.to).length;
		const p = path(me, to, number - (many + 1) / 2);
		edges.append(shape('path', {d: p.d, class: `edge ${link.health} ${link.kind}`}));
		if (link.kind === 'babel')
			edges.append(shape('path', {d: p.d, class: 'edge inner'}));
		labels.append(label(link.text, p.x, p.y - (number - 1) * 20 * Math.sign(to.y - me.y || 1), link.health));
	}
	svg.append(far, edges, plates, labels);
	return svg;
}

/* Of the last minute: quality 0..100, newest last. */
function curve(values, width, height) {
	const step = width / 59;
	const points = values.map((v, i) => `${(width - (values.length - 1 - i) * step).toFixed(1)} ${(height - 3 - v / 100 * (height - 6)).toFixed(1)}`);
	return shape('svg', {viewBox: `0 0 ${width} ${height}`, class: 'curve', 'aria-hidden': 'true', preserveAspectRatio: 'none'},
		shape('line', {x1: 0, x2: width, y1: height / 2, y2: height / 2, class: 'row-line'}),
		shape('polyline', {points: points.join(' ')}));
}
