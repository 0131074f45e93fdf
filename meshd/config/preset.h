/* What a kind of link implies, so that a link is one line. Private to meshd/config/. */
#ifndef MESHD_CONFIG_PRESET_H
#define MESHD_CONFIG_PRESET_H

#include "meshd/config/config.h"

struct preset {
	const char *name;
	enum config_link_type type;
	unsigned mtu; /* as in the file: of the network below, IP and UDP headers included */
	uint64_t rate_bps;
	enum config_cost kind;
	uint16_t cost; /* of a link that loses nothing */
	unsigned hello_ms, idle_ms, probe_ms, update_s, dead_misses, keepalive_s;
	bool metered, rtt;
	bool is_thin;
};

#define METERED_COST 2048 /* a metered link counts like eight more radio hops */
#define BUDGET_PERCENT 5 /* of a link's rate for routing and probing (design.md 3) */
#define HELLO_MAX_MS 650000 /* Babel says intervals in 16 bits of centiseconds */

const struct preset *preset_find(const char *name); /* NULL: unknown */
const struct preset *preset_of_type(enum config_link_type type); /* when the file names none */
const char *preset_nearest(const char *name); /* NULL: none is near */
/* The shortest interval at which Hellos alone keep to the budget at the link's rate. */
unsigned preset_hello_floor_ms(const struct config_link *link);
#define PRESET_NAMES "mesh-radio, narrowband, geo-satellite, leo-satellite, cellular, fibre, wired, short-message"

#endif
