/*
 * The presets, and what the rate of a link leaves for its Hellos.
 *
 * Detection. A neighbour is dead when `dead_misses` Hellos in a row stayed away,
 * the first counted half an interval late: dead_misses + 1/2 intervals after the
 * last one. Traffic counts as a Hello, and then it takes as long, or up to half an
 * interval less. So many short intervals meet a detection time more sharply than a
 * few long ones, and false alarms fall with their number. A neighbour that no
 * packets pass to or from is told Hello every `idle_ms`; when it is late by half of
 * that it is polled every `hello_ms`, `dead_misses` times. On thin links, where Hellos are
 * far apart and fades take several polls in a row, whoever is late is polled four times
 * as fast and twice as often. The times are those of protocol.md 6.1, in silence after the
 * last sign of life:
 *
 *           fibre    mesh-radio  leo-satellite  geo-satellite  cellular  narrowband
 *   asked   0.05 s   0.28 s
 *   busy    0.35 s   1.3 s       3.25 s         4.25 s         4.5 s     10 s
 *   idle    6.3 s    7.2 s       the same                                        16 s
 *
 * Who packets go to is asked every `probe_ms` while it is silent (meshd/node/detect.c), on a wire in
 * tens of milliseconds: hosts that freeze do so for up to 22 ms (measured), so 40 ms must pass
 * before a silence is a death. Where answers take long anyway it is the pace of Hellos, and what
 * comes sooner is that command takes another way.
 *
 * A link measured by ETX forgets a neighbour after six misses in any case, so a
 * radio asks for no more. protocol.md wants 1 s probes on a geostationary link:
 * four of them judge after 4 to 4.5 s, eight of half a second after 4 to 4.25 s, and
 * a lost one weighs half as much.
 *
 * Budget. Hellos and table together keep to 5 % of the stated rate (design.md 3).
 * A Hello is 60 bytes on the wire, with its IHU 75 to 130, to each neighbour by
 * itself; the table is 21 bytes a route. A shared radio of 20 Mbit/s with few routes
 * has room for 66 stations in range in peace, 55 of which each is busy with two
 * others, 19 that are all busy with all, and 13 with 1,100 routes, before access to
 * the channel is counted. protocol.md has ten Hellos a second towards next hops in
 * use, and one towards the others. Five judge a radio nearly as soon; and nobody
 * misses a neighbour to whom nothing goes: the first packet to it has it polled, so
 * its silence is found in the busy time. So idle ones have the pace that RFC 8966
 * gives to all (appendix B), and the channel and the processors their peace. On 9.6
 * kbit/s the two disagree: in half duplex two stations with Hellos every 4 s spend
 * 3.5 to 4.6 %, and the update interval is near the longest that Babel can say;
 * that leaves room for 100 to 230 routes, not for 1,100.
 *
 * Costs. A good radio hop (256) is the unit: fibre is less than half of one, a
 * phone network two, a geostationary satellite four, a narrowband link sixteen.
 * What is paid by the byte costs eight more: any satellite is better, and only
 * narrowband is worse.
 *
 * Messages. A card of one message a minute has 1,750 bytes for each; a Hello takes a
 * whole one, and Babel cannot be slower than 655 s: one message in ten.
 */
#include "meshd/config/preset.h"

#include "meshd/config/nearest.h"

#include <string.h>

#define MESH_RADIO 0
#define NARROWBAND 1
#define FIBRE 5

static const struct preset presets[] = {
	/* name, type, mtu, rate, kind, cost, hello_ms, idle_ms, probe_ms, update_s, dead_misses, keepalive_s,
	 * metered, rtt, thin */
	{ "mesh-radio", CONFIG_ETHERNET, 1500, 20000000, CONFIG_COST_RADIO, 256, 200, 4000, 40, 40, 6, 0, false, false,
		false },
	[NARROWBAND] = { "narrowband", CONFIG_UDP, 560, 9600, CONFIG_COST_RADIO, 4096, 4000, 10000, 0, 600, 2, 0, false,
		false, true },
	{ "geo-satellite", CONFIG_UDP, 1400, 2000000, CONFIG_COST_WIRED, 1024, 500, 500, 500, 60, 8, 25, false, true,
		false },
	{ "leo-satellite", CONFIG_UDP, 1500, 10000000, CONFIG_COST_WIRED, 384, 500, 500, 500, 30, 6, 25, false, true,
		false },
	{ "cellular", CONFIG_UDP, 1400, 5000000, CONFIG_COST_WIRED, 512, 1000, 1000, 1000, 60, 4, 25, true, true,
		false },
	[FIBRE] = { "fibre", CONFIG_UDP, 1500, 100000000, CONFIG_COST_WIRED, 96, 100, 4000, 10, 16, 3, 0, false, false,
		false },
	{ "wired", CONFIG_ETHERNET, 1500, 100000000, CONFIG_COST_WIRED, 96, 100, 4000, 10, 16, 3, 0, false, false,
		false },
	{ "short-message", CONFIG_PIPE, 1750, 233, CONFIG_COST_WIRED, 16384, 600000, 600000, 0, 655, 2, 0, true, false,
		true },
};
#define PRESETS (sizeof(presets) / sizeof(presets[0]))

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; i < PRESETS; i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

const struct preset *preset_of_type(enum config_link_type type)
{
	if (type == CONFIG_ETHERNET)
		return &presets[MESH_RADIO];
	return &presets[type == CONFIG_UDP ? FIBRE : NARROWBAND];
}

const char *preset_nearest(const char *name)
{
	const char *names[PRESETS];

	for (size_t i = 0; i < PRESETS; i++)
		names[i] = presets[i].name;
	return nearest_word(name, names, PRESETS);
}

/*
 * The longest Hello: frame, Babel header, Hello and IHU, timestamps if measured,
 * inside IPv6 and UDP, Ethernet, or what stands around a frame on a serial line.
 */
static unsigned hello_bytes(const struct config_link *link)
{
	static const unsigned below[] = { [CONFIG_ETHERNET] = 14,
		[CONFIG_UDP] = CONFIG_UDP_OVERHEAD,
		[CONFIG_SERIAL] = CONFIG_SERIAL_OVERHEAD,
		[CONFIG_PIPE] = 0 };
	unsigned babel = 4 + 8 + 16 + (link->rtt ? 6 + 10 : 0);

	return babel + (link->is_thin ? CONFIG_THIN_FRAME_OVERHEAD : CONFIG_FRAME_OVERHEAD) + below[link->type];
}

unsigned preset_hello_floor_ms(const struct config_link *link)
{
	/* On a radio both ends speak on one channel. */
	unsigned speakers = link->cost == CONFIG_COST_RADIO ? 2 : 1;
	uint64_t bits = (uint64_t)hello_bytes(link) * 8 * speakers;
	uint64_t floor_ms = link->rate_bps ? bits * 1000 * 100 / BUDGET_PERCENT / link->rate_bps : 0;

	floor_ms = (floor_ms + 99) / 100 * 100;
	return floor_ms < HELLO_MAX_MS ? (unsigned)floor_ms
				       : HELLO_MAX_MS; /* Babel counts centiseconds; people, tenths */
}
