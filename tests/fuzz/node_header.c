/*
 * Header compression against whatever comes: as compressed headers and as packets.
 *
 * What must hold: nothing crashes or reads beyond its bytes; what is compressed expands
 * to the same bytes; what expands is a packet that is compressed and expands again.
 */
#include "meshd/node/header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS 3
#define PACKET_MAX 4200

static struct prefix prefixes[MEMBERS];
static struct header_member members[MEMBERS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t mesh[16] = { 0xfd, 1, 2, 3, 4, 5 }, lan[4] = { 10, 20 };

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < MEMBERS; i++) {
		prefixes[i] = (struct prefix){ .address = address_ipv4(lan), .plen = 24 };
		prefixes[i].address.bytes[2] = (uint8_t)i;
		members[i] = (struct header_member){
			.short_id = (uint16_t)i, .host = address_ipv6(mesh), .prefixes = &prefixes[i], .prefix_count = 1
		};
		members[i].host.bytes[15] = (uint8_t)i;
	}
	return 0;
}

static bool by_short_id(void *user, uint16_t short_id, struct header_member *out)
{
	(void)user;
	if (short_id >= MEMBERS)
		return false;
	*out = members[short_id];
	return true;
}

static bool by_address(void *user, const struct address *a, struct header_member *out)
{
	for (uint16_t i = 0; i < MEMBERS; i++)
		if (address_equal(a, &members[i].host) || prefix_contains_address(&prefixes[i], a))
			return by_short_id(user, i, out);
	return false;
}

static const struct header_rules *rules_get(void)
{
	static struct header_rules rules;

	rules = (struct header_rules){
		.from = members[0], .to = members[1], .by_short_id = by_short_id, .by_address = by_address
	};
	return &rules;
}

static size_t pass(struct bytes packet)
{
	uint8_t *compressed = malloc(packet.len + 1);
	static uint8_t out[PACKET_MAX];

	assert(compressed);
	size_t len = header_compress(rules_get(), packet, compressed);
	if (len > 0) {
		size_t again = header_expand(rules_get(), bytes_of(compressed, len), out, sizeof(out));

		assert(again == packet.len && memcmp(out, packet.data, again) == 0);
	}
	free(compressed);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t packet[PACKET_MAX];
	uint16_t ids[2];

	pass(bytes_of(data, size));
	header_short_ids(bytes_of(data, size), ids);
	size_t len = header_expand(rules_get(), bytes_of(data, size), packet, sizeof(packet));
	if (len > 0)
		assert(pass(bytes_of(packet, len)) > 0);
	return 0;
}
