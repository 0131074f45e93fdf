/*
 * Draws a scenario from a seed and writes it as text, every fault as an order in
 * its time, so that what fails can be kept, cut down and run as any other.
 *
 *   a tree of links, a few more across, perhaps a radio cell of several, or two
 *   terminals that may be introduced by whom they call
 *   0 ......... 20 ............ 80 to 140 ................. the end
 *     cold start    faults           mended, but for what
 *                                    stays broken: whole within a minute, and
 *                                    what thin links take for it
 *
 * Classes part: some links have costs of their own in the base; and in some worlds thin
 * links lie beside others, so that without those text and orders go on and bulk does
 * not.
 */
#include "sim/world/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define NODES_MIN 3
#define NODES_MAX 10
#define LINKS_MAX (4 * NODES_MAX + 4)
#define FAULTS_MAX 200
#define WRITES_MAX 24 /* messages */
#define WRITES_SEED UINT64_C(0x6d657373616765)
#define LINGER_S 20 /* and is looked at for so long after it is whole, or some to the end */
#define CALM_US (20 * SECOND_US) /* before the first fault */
#define AFTER_S 60 /* to become whole again */
/* In what a link with all headers carries: to get to know each other; and of each node what is said of its address and
 * up to three prefixes, and its certificate, which is not known to all. */
#define HANDSHAKE_BYTES 700
#define ROUTE_BYTES 60
#define CERTIFICATE_BYTES 240
#define BUDGET_PERCENT 5
#define ATTACK_BITS 800 /* of a frame of somebody else's, or so */
#define FLOW_BITS 28800u /* a packet of a host for each so many that a thin link carries */

static const struct kind {
	const char *preset, *rate_up;
	bool is_called; /* by its first end, perhaps through a NAT box */
	unsigned thin_bps; /* as stated; 0: it is not thin */
} kinds[] = {
	{ "fibre", "100M", false, 0 },
	{ "mesh-radio", "20M", false, 0 },
	{ "mesh-radio-edge", "3M", false, 0 },
	{ "mesh-radio", "20M", false, 0 },
	{ "geo-satellite", "2M", true, 0 },
	{ "leo-satellite", "10M", true, 0 },
	{ "cellular", "5M", true, 0 },
	{ "narrowband", "9600", false, 9600 },
	{ "narrowband", "9600", false, 9600 },
	{ "narrowband", "2400", false, 2400 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define MESH_RADIO 1
#define CELLULAR 6
#define NARROWBAND 7 /* the first that is thin */
#define WHOLE_MTU 1500 /* no link is told of more */

enum link_condition { CONDITION_UP, CONDITION_DOWN, CONDITION_LOSSY, CONDITION_ONE_WAY, CONDITION_SMALL };

struct draft {
	FILE *out;
	struct prng p;
	unsigned nodes, links;
	unsigned thin, slowest_bps; /* links that are thin, and the least rate of them */
	bool is_acquainted, is_noisy; /* somebody goes on sending on a thin link */
	bool loses; /* a thin link, more than its kind */
	bool has_meeting; /* of these two: */
	unsigned met[2];
	struct {
		char name[8];
		const struct kind *kind;
		const char *loss; /* of its own; NULL: as the preset */
		enum link_condition condition;
		uint64_t busy_until_us; /* has orders of its own until then */
	} link[LINKS_MAX];
	struct {
		bool is_off;
		uint64_t busy_until_us;
	} node[NODES_MAX];
};

static unsigned below(struct draft *d, unsigned bound)
{
	return (unsigned)prng_below(&d->p, bound);
}

/* --- what there is --------------------------------------------------------------- */

static void nodes_write(struct draft *d)
{
	fputs("nodes:\n", d->out);
	for (unsigned n = 0; n < d->nodes; n++) {
		/* Some have a prefix in common, some one that covers another's. */
		fprintf(d->out, "  - {name: n%u, prefixes: [\"2001:db8:%u::/48\"", n, below(d, 3));
		unsigned more = below(d, 4);

		if (more == 0)
			fprintf(d->out, ", \"10.9.%u.0/24\"", n);
		fprintf(d->out, "%s]}\n", more == 1 ? ", \"2001:db8::/32\"" : "");
	}
}

static unsigned link_add(struct draft *d, const char *name, unsigned kind)
{
	static const char *const losses[] = { NULL, NULL, NULL, NULL, "5%", "15%" };
	unsigned l = d->links++;

	assert(l < LINKS_MAX);
	snprintf(d->link[l].name, sizeof(d->link[l].name), "%s", name);
	d->link[l].kind = &kinds[kind];
	d->link[l].loss = losses[below(d, 6)];
	if (kinds[kind].thin_bps) {
		d->thin++;
		d->loses |= d->link[l].loss != NULL;
		if (!d->slowest_bps || kinds[kind].thin_bps < d->slowest_bps)
			d->slowest_bps = kinds[kind].thin_bps;
	}
	return l;
}

static void link_end_write(struct draft *d, unsigned l)
{
	if (d->link[l].kind->thin_bps)
		fprintf(d->out, ", rate: %u", d->link[l].kind->thin_bps);
	if (below(d, 8) == 0)
		fprintf(d->out, ", cost: %u", 50 + below(d, 1000));
	if (d->link[l].loss)
		fprintf(d->out, ", loss: %s", d->link[l].loss);
	if (below(d, 6) == 0)
		fputs(", jitter: 30ms, reorder: yes", d->out);
	if (d->link[l].kind->is_called && below(d, 4) == 0)
		fputs(", nat: no", d->out);
	fputs("}\n", d->out);
}

static unsigned thin_kind(struct draft *d)
{
	return NARROWBAND + below(d, KINDS - NARROWBAND);
}

/* Each link of two has interfaces of its own. */
static void link_write(struct draft *d, unsigned kind, unsigned a, unsigned b)
{
	char name[8];

	snprintf(name, sizeof(name), "l%u", d->links);
	unsigned l = link_add(d, name, kind);
	fprintf(d->out, "  - {name: %s, preset: %s, ends: [n%u:i%u, n%u:i%u]", name, kinds[kind].preset, a, l, b, l);
	link_end_write(d, l);
}

/* One radio channel for several, the first and the last perhaps out of each other's range. */
static void cell_write(struct draft *d)
{
	unsigned size = 3 + below(d, d->nodes < 6 ? d->nodes - 2 : 3), first = below(d, d->nodes - size + 1);
	unsigned l = link_add(d, "cell", MESH_RADIO);

	fprintf(d->out, "  - {name: cell, preset: %s, ends: [", kinds[MESH_RADIO].preset);
	for (unsigned i = 0; i < size; i++)
		fprintf(d->out, "%sn%u:cell", i ? ", " : "", first + i);
	fputs("]", d->out);
	if (below(d, 2))
		fprintf(d->out, ", deaf: [\"n%u:cell n%u:cell\"]", first, first + size - 1);
	link_end_write(d, l);
}

/* A thin one is rare: it makes a world slow to become whole. Or, of those that lie beside others, it is not. */
static void line_write(struct draft *d, unsigned a, unsigned b, bool is_doubled)
{
	unsigned kind = below(d, 12) == 0 ? thin_kind(d) : below(d, NARROWBAND);

	link_write(d, kind, a, b);
	if (is_doubled && !kinds[kind].thin_bps && below(d, 2))
		link_write(d, thin_kind(d), a, b);
}

/* Two that call a third from behind NAT boxes, and a way between them for who is introduced. */
static void meeting_write(struct draft *d)
{
	static const char *const boxes[] = { "", "", ", nat: symmetric", ", nat: no" };
	unsigned hub = below(d, d->nodes), step = 1 + below(d, d->nodes - 2);

	d->has_meeting = true;
	d->met[0] = (hub + step) % d->nodes;
	d->met[1] = (hub + step + 1) % d->nodes;
	for (unsigned i = 0; i < 2; i++) {
		char name[8] = { 'm', (char)('0' + i) };

		link_add(d, name, CELLULAR);
		fprintf(d->out, "  - {name: %s, preset: cellular, ends: [n%u:meet, n%u:meet]%s}\n", name, d->met[i],
			hub, boxes[below(d, 4)]);
	}
	link_add(d, "m2", CELLULAR);
	fprintf(d->out, "  - {name: m2, preset: cellular, calls: no, ends: [n%u:meet, n%u:meet]}\n", d->met[0],
		d->met[1]);
}

static void links_write(struct draft *d)
{
	unsigned extra = below(d, d->nodes);
	bool is_doubled = below(d, 5) == 0;

	fputs("links:\n", d->out);
	for (unsigned n = 1; n < d->nodes; n++)
		line_write(d, n, below(d, n), is_doubled);
	for (unsigned k = 0; k < extra; k++) {
		unsigned a = below(d, d->nodes);

		line_write(d, a, (a + 1 + below(d, d->nodes - 1)) % d->nodes, is_doubled);
	}
	if (below(d, 2))
		cell_write(d);
	if (below(d, 4) == 0)
		meeting_write(d);
}

/* --- what happens ------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void order(struct draft *d, uint64_t at_us, const char *format, ...)
{
	va_list arguments;

	fprintf(d->out, "  - {at: %.6f, do: ", (double)at_us / 1e6);
	va_start(arguments, format);
	vfprintf(d->out, format, arguments);
	va_end(arguments);
	fputs("}\n", d->out);
}

static void link_mend(struct draft *d, unsigned l, uint64_t at_us)
{
	const char *name = d->link[l].name;

	switch (d->link[l].condition) {
	case CONDITION_UP:
		break;
	case CONDITION_DOWN:
		order(d, at_us, "restore %s", name);
		break;
	case CONDITION_LOSSY:
		order(d, at_us, "set %s loss=%s", name, d->link[l].loss ? d->link[l].loss : "0");
		break;
	case CONDITION_SMALL:
		order(d, at_us, "set %s mtu=%d", name, WHOLE_MTU);
		break;
	case CONDITION_ONE_WAY:
		order(d, at_us, "set %s rate_up=%s", name, d->link[l].kind->rate_up);
		break;
	}
	d->link[l].condition = CONDITION_UP;
}

/* Fails and comes back again and again. */
static void link_flap(struct draft *d, unsigned l, uint64_t at_us, uint64_t until_us)
{
	unsigned every_ms = 400 + below(d, 4000), count = 1 + below(d, 6);
	uint64_t end_us = at_us + (uint64_t)every_ms * 1000 * count;

	if (end_us >= until_us)
		return;
	for (unsigned i = 0; i < 2; i++)
		fprintf(d->out, "  - {at: %.6f, every: %ums, until: %.6f, do: %s %s}\n",
			(double)at_us / 1e6 + i * every_ms / 2e3, every_ms, (double)end_us / 1e6 - .001,
			i ? "restore" : "silence", d->link[l].name);
	d->link[l].busy_until_us = end_us;
}

static void link_break(struct draft *d, unsigned l, uint64_t at_us)
{
	order(d, at_us, "%s %s", below(d, 2) ? "cut" : "silence", d->link[l].name);
	d->link[l].condition = CONDITION_DOWN;
}

static void link_fault(struct draft *d, uint64_t at_us, uint64_t until_us)
{
	unsigned l = below(d, d->links), what = below(d, 12);

	if (d->link[l].busy_until_us > at_us)
		return;
	if (d->link[l].condition != CONDITION_UP) {
		link_mend(d, l, at_us);
	} else if (what == 0) {
		link_flap(d, l, at_us, until_us);
	} else if (what == 1) {
		order(d, at_us, "set %s loss=%u%%", d->link[l].name, 20 + below(d, 30));
		d->link[l].condition = CONDITION_LOSSY;
	} else if (what == 2 && !d->link[l].kind->thin_bps) {
		/* So little goes that way that hardly a Hello arrives. */
		order(d, at_us, "set %s rate_up=1200", d->link[l].name);
		d->link[l].condition = CONDITION_ONE_WAY;
	} else if (what == 3 && d->link[l].kind->is_called) {
		/* Nobody is told of it. */
		order(d, at_us, "set %s mtu=%u", d->link[l].name, 800 + below(d, 600));
		d->link[l].condition = CONDITION_SMALL;
	} else {
		link_break(d, l, at_us);
	}
}

static void node_start(struct draft *d, unsigned n, uint64_t at_us)
{
	if (below(d, 3) == 0)
		order(d, at_us, "wipe n%u", n);
	order(d, at_us + 1, "power-on n%u", n);
	d->node[n].is_off = false;
}

static void node_fault(struct draft *d, uint64_t at_us, uint64_t until_us)
{
	unsigned n = below(d, d->nodes), what = below(d, 9);
	uint64_t back_us = at_us + 1000 + below(d, 5000) * UINT64_C(1000);

	if (d->node[n].busy_until_us > at_us || back_us >= until_us)
		return;
	if (d->node[n].is_off) {
		node_start(d, n, at_us);
	} else if (what == 0) {
		order(d, at_us, "rebind n%u", n);
	} else if (what == 1) {
		order(d, at_us, "stall n%u %ums", n, 1 + below(d, 6000));
	} else if (what == 2) {
		/* Without proof: nobody is locked out, whatever it says. */
		order(d, at_us, "clock n%u %u", n, 1970 + below(d, 130));
	} else {
		order(d, at_us, "power-off n%u", n);
		d->node[n].is_off = what < 5;
		if (what < 5)
			return;
		node_start(d, n, back_us);
		d->node[n].busy_until_us = back_us + 2;
	}
}

/* All is well again at `at_us`, but perhaps for one link and one node, which stay as they then are. */
static void mend(struct draft *d, uint64_t at_us)
{
	unsigned lost = below(d, 2) ? below(d, d->links) : LINKS_MAX;
	unsigned off = below(d, 4) == 0 ? below(d, d->nodes) : NODES_MAX;

	for (unsigned l = 0; l < d->links; l++)
		if (l != lost || d->link[l].condition != CONDITION_DOWN)
			link_mend(d, l, at_us);
	for (unsigned n = 0; n < d->nodes; n++)
		if (n != off && d->node[n].is_off)
			node_start(d, n, at_us);
	if (lost < LINKS_MAX && d->link[lost].condition == CONDITION_UP)
		link_break(d, lost, at_us + 2);
	if (off < NODES_MAX && !d->node[off].is_off)
		order(d, at_us + 2, "power-off n%u", off);
}

static void events_write(struct draft *d, uint64_t until_us)
{
	uint64_t pause_us = 200000 + below(d, 4000) * UINT64_C(1000), at_us = CALM_US;
	unsigned node_share = below(d, 3) * 15;

	fputs("events:\n", d->out);
	for (unsigned k = 0; k < FAULTS_MAX && at_us < until_us; k++) {
		if (below(d, 100) < node_share)
			node_fault(d, at_us, until_us);
		else
			link_fault(d, at_us, until_us);
		at_us += pause_us / 2 + prng_below(&d->p, pause_us);
	}
	mend(d, until_us);
}

/* Drawn by themselves: the rest of a world is the same with them and without. */
static void writes_write(struct draft *d, uint64_t seed, uint64_t until_us)
{
	struct prng p;

	prng_seed(&p, seed ^ WRITES_SEED);
	unsigned count = prng_below(&p, 2) ? 1 + (unsigned)prng_below(&p, WRITES_MAX) : 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned from = (unsigned)prng_below(&p, d->nodes);
		unsigned to = (from + 1 + (unsigned)prng_below(&p, d->nodes - 1)) % d->nodes;
		uint64_t at_us = CALM_US / 2 + prng_below(&p, until_us - CALM_US / 2);

		order(d, at_us, "write n%u to n%u%s", from, to, prng_below(&p, 4) ? "" : " urgent");
	}
}

/* Somebody at a link, who goes on after the last fault unless he holds frames back. */
static void attacks_write(struct draft *d, uint64_t until_us)
{
	unsigned count = below(d, 3) == 0 ? 1 + below(d, 3) : 0;

	if (count)
		fputs("attacks:\n", d->out);
	for (unsigned i = 0; i < count; i++) {
		/* Where something is said: the way for who is introduced is the last link. No more than goes through.
		 */
		unsigned l = below(d, d->links - d->has_meeting), kind = below(d, 4);
		unsigned thin_bps = d->link[l].kind->thin_bps;
		unsigned rate = 1 + below(d, thin_bps ? thin_bps / ATTACK_BITS : 50);
		unsigned from_s = 1 + below(d, (unsigned)((kind == 1 ? CALM_US / 2 : until_us) / SECOND_US) - 2);

		d->is_noisy |= thin_bps && kind != 1;
		fprintf(d->out, "  - {name: x%u, link: %s, from: %u, ", i, d->link[l].name, from_s);
		switch (kind) {
		case 0:
			fprintf(d->out, "do: replay, of: all, rate: %u}\n", rate);
			break;
		case 1:
			/* From the calm on, so that something passes. */
			fprintf(d->out, "do: delay, by: %ums, until: %u}\n", rate * 100,
				(unsigned)(CALM_US / SECOND_US) + below(d, 60));
			break;
		default:
			fprintf(d->out, "do: garble, rate: %u}\n", rate);
			break;
		}
	}
}

/* --- what is sent and expected --------------------------------------------------------- */

static const char *class_draw(struct draft *d)
{
	static const char *const classes[] = { "text", "command", "voice", "bulk" };

	return classes[below(d, 4)];
}

/* Nothing holds back what hosts send: a thin link must have room for all of it. Bulk it does not carry. */
static void flows_write(struct draft *d)
{
	unsigned slow = d->thin ? FLOW_BITS * 1000 / d->slowest_bps : 100, a = below(d, d->nodes),
		 b = below(d, d->nodes);
	unsigned lan = below(d, 3), host = 1 + below(d, 9), size = 200 + below(d, 1000);

	fprintf(d->out, "flows:\n  - {name: order, from: n0, to: n%u, class: %s, every: %ums}\n", d->nodes - 1,
		class_draw(d), slow);
	fprintf(d->out, "  - {name: lan, from: n%u, to: \"2001:db8:%u::%u\", class: %s, every: %ums}\n", b, lan, host,
		class_draw(d), 3 * slow);
	if (d->has_meeting)
		fprintf(d->out, "  - {name: meeting, from: n%u, to: n%u, every: %ums}\n", d->met[0], d->met[1], slow);
	b = (a + 1 + below(d, d->nodes - 1)) % d->nodes;
	fprintf(d->out, "  - {name: picture, from: n%u, to: n%u, class: %s, every: 700ms, size: %u}\n", a, b,
		d->thin ? "bulk" : class_draw(d), size);
}

static void files_write(struct draft *d)
{
	unsigned from = below(d, d->nodes), to = (from + 1 + below(d, d->nodes - 1)) % d->nodes;

	if (below(d, 3))
		return;
	/* One after the other: compilers take arguments in orders of their own. */
	const char *class = d->thin || below(d, 3) ? "bulk" : "text";
	unsigned start = 5 + below(d, 60), size = 20 + below(d, 400);
	fprintf(d->out, "files:\n  - {name: image, from: n%u, to: n%u, class: %s, start: %u, size: %uk}\n", from, to,
		class, start, size);
}

static void groups_write(struct draft *d)
{
	unsigned first = below(d, d->nodes - 1), start = 5 + below(d, 60);

	if (d->thin || below(d, 4))
		return;
	fprintf(d->out, "groups:\n  - {name: net, members: [n%u, n%u], start: %u, end: %u}\n", first,
		first + 1 + below(d, d->nodes - first - 1), start, start + 20);
}

/* A minute, and what all that nodes have to tell takes over the slowest link within its budget; they hear it by way
 * of another such link if there are several, noise there leaves them half of it, and what is lost is said again. */
static unsigned patience_s(const struct draft *d)
{
	unsigned of_each = ROUTE_BYTES + (d->is_acquainted ? 0 : CERTIFICATE_BYTES);
	unsigned bits = (HANDSHAKE_BYTES + d->nodes * of_each) * 8, times = 1 + (d->thin > 1) + d->is_noisy + d->loses;

	return AFTER_S + (d->thin ? times * bits * 100 / BUDGET_PERCENT / d->slowest_bps : 0);
}

int fuzz_write(uint64_t seed, FILE *out)
{
	static const char *const classes[] = { "text", "command", "bulk" };
	struct draft d = { .out = out };

	prng_seed(&d.p, seed);
	d.nodes = NODES_MIN + below(&d, NODES_MAX - NODES_MIN + 1);
	d.is_acquainted = below(&d, 3) == 0;
	unsigned until_s = 80 + below(&d, 61);
	/* The head says how long it lasts, which the links decide. */
	char *text = NULL;
	size_t len = 0;
	d.out = open_memstream(&text, &len);
	if (!d.out)
		return -ENOMEM;
	nodes_write(&d);
	links_write(&d);
	events_write(&d, until_s * SECOND_US);
	writes_write(&d, seed, until_s * SECOND_US);
	attacks_write(&d, until_s * SECOND_US);
	flows_write(&d);
	files_write(&d);
	groups_write(&d);
	int failed = fclose(d.out);
	unsigned after_s = patience_s(&d), linger_s = below(&d, 10) ? LINGER_S : until_s + after_s;

	fprintf(out, "# meshsim fuzz, seed %llu\nseed: %llu\nfor: %u\nlinger: %u\n%s%sexpect:\n",
		(unsigned long long)seed, (unsigned long long)seed, until_s + after_s + 1, linger_s,
		d.is_acquainted ? "acquainted: yes\n" : "", text ? text : "");
	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		fprintf(out, "  - whole: {class: %s, after: %u, within: %u}\n", classes[i], until_s + 1, after_s);
	free(text);
	return failed || ferror(out) ? -EIO : 0;
}
