/* Rates as people write them: "9600", "2.4k", "2M", "2Mbit", "100Mbit/s". */
#include "meshd/config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RATE_MAX_BPS 1000000000000ull /* 1 Tbit/s: more is a slip of the finger */
#define FRACTION_UNIT 1000u /* three decimals: 2.125k is exact */

static bool unit_read(const char *text, uint64_t *unit)
{
	*unit = 1;
	switch (*text) {
	case 'k':
	case 'K':
		*unit = 1000;
		text++;
		break;
	case 'M':
		*unit = 1000000;
		text++;
		break;
	case 'G':
		*unit = 1000000000;
		text++;
		break;
	default:
		break;
	}
	return strcmp(text, "") == 0 || strcmp(text, "bit") == 0 || strcmp(text, "bit/s") == 0;
}

int config_parse_rate(uint64_t *bps, const char *text)
{
	uint64_t whole = 0, fraction = 0, unit, place = FRACTION_UNIT;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		whole = whole * 10 + (uint64_t)(*text - '0');
		if (whole > RATE_MAX_BPS)
			return -EINVAL;
	}
	if (*text == '.') {
		text++;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++) {
			place /= 10;
			if (place == 0)
				return -EINVAL;
			fraction += place * (uint64_t)(*text - '0');
		}
	}
	if (!unit_read(text, &unit))
		return -EINVAL;
	if (whole > RATE_MAX_BPS / unit || (fraction && unit < FRACTION_UNIT))
		return -EINVAL;
	whole = whole * unit + fraction * (unit / FRACTION_UNIT);
	if (whole == 0 || whole > RATE_MAX_BPS)
		return -EINVAL;
	*bps = whole;
	return 0;
}

void config_format_rate(char *text, size_t size, uint64_t bps)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { 1000000000, "G" }, { 1000000, "M" }, { 1000, "k" } };

	for (size_t i = 0; i < 3; i++) {
		if (bps < units[i].unit)
			continue;
		/* One decimal, rounded down: a rate is never promised higher than it is. */
		uint64_t tenths = bps % units[i].unit / (units[i].unit / 10);

		if (tenths)
			snprintf(text, size, "%" PRIu64 ".%" PRIu64 "%s", bps / units[i].unit, tenths, units[i].name);
		else
			snprintf(text, size, "%" PRIu64 "%s", bps / units[i].unit, units[i].name);
		return;
	}
	snprintf(text, size, "%" PRIu64, bps);
}

unsigned config_line_overhead(const struct config_link *link)
{
	switch (link->type) {
	case CONFIG_ETHERNET:
		return CONFIG_ETHERNET_LINE_OVERHEAD;
	case CONFIG_UDP:
	case CONFIG_BABEL:
		return CONFIG_UDP_LINE_OVERHEAD;
	case CONFIG_SERIAL:
		return CONFIG_SERIAL_OVERHEAD;
	case CONFIG_PIPE:
		break;
	}
	return 0;
}
