/*
 * The presets. Detection times follow the probe table of the protocol: a radio
 * is dead after 3 s of silence, fibre after 1.5 s, a geostationary link after
 * 4 s and a round trip, a 9.6 kbit/s link after 8 s. Costs are chosen so that a
 * good radio hop (256) is the unit: fibre is less than half of one, a phone
 * network two and its tariff one more, a geostationary satellite four, and a
 * narrowband link is taken when nothing else is left.
 */
#include "meshd/config/preset.h"

#include "meshd/config/nearest.h"

#include <string.h>

#define FIBRE 5
#define MESH_RADIO 0

static const struct preset presets[] = {
	/* name, type, mtu, rate, cost, rxcost, hello_ms, update_s, dead_misses, keepalive_s, metered, rtt */
	{ "mesh-radio", CONFIG_ETHERNET, 1500, 20000000, CONFIG_COST_RADIO, 256, 500, 16, 6, 0, false, false },
	{ "narrowband", CONFIG_UDP, 1400, 9600, CONFIG_COST_RADIO, 2048, 4000, 300, 2, 0, false, false },
	{ "geo-satellite", CONFIG_UDP, 1400, 2000000, CONFIG_COST_WIRED, 1024, 1000, 60, 4, 25, false, true },
	{ "leo-satellite", CONFIG_UDP, 1500, 10000000, CONFIG_COST_WIRED, 384, 500, 30, 6, 25, false, true },
	{ "cellular", CONFIG_UDP, 1400, 5000000, CONFIG_COST_WIRED, 512, 1000, 60, 4, 25, true, true },
	[FIBRE] = { "fibre", CONFIG_UDP, 1500, 100000000, CONFIG_COST_WIRED, 96, 500, 16, 3, 0, false, false },
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
	return &presets[type == CONFIG_ETHERNET ? MESH_RADIO : FIBRE];
}

const char *preset_nearest(const char *name)
{
	const char *names[PRESETS];

	for (size_t i = 0; i < PRESETS; i++)
		names[i] = presets[i].name;
	return nearest_word(name, names, PRESETS);
}
