/*
 * What rules see of a packet, against whatever comes: nothing is read beyond the packet, what is said to be seen
 * lies within it, and the rules of the seed find what they name.
 */
#include "meshd/node/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Do the two ports stand somewhere behind the header, next to each other? */
static bool ports_are_in(const struct packet *p, const struct traffic_key *key)
{
	for (size_t i = p->header_len; i + 4 <= p->len; i++)
		if (p->data[i] << 8 == (key->source_port & 0xff00) && p->data[i + 1] == (key->source_port & 0xff) &&
			p->data[i + 2] << 8 == (key->destination_port & 0xff00) &&
			p->data[i + 3] == (key->destination_port & 0xff))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	struct packet p;

	assert(exact);
	if (size)
		memcpy(exact, data, size);
	if (packet_parse(&p, exact, size)) {
		const struct traffic_key key = traffic_key_of(&p);
		struct traffic_rule any = { .has_dscp = true, .dscp = key.dscp };

		assert(key.dscp < 64);
		assert(traffic_rule_matches(&any, &key));
		assert(!key.has_ports || (key.has_protocol && traffic_protocol_has_ports(key.protocol)));
		assert(!key.has_ports || ports_are_in(&p, &key));
	}
	free(exact);
	return 0;
}
