#include "meshd/base/checksum.h"

#include <string.h>

#define LANES 4

/* Sums of 32 bit words in lanes of 64, which carry nothing for four thousand million words. The compiler makes one
 * or two vectors of it. */
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

static uint64_t add_blocks(uint64_t sum, const uint8_t *p, size_t count)
{
	lanes low = { 0 }, high = { 0 }, words;

	for (size_t i = 0; i < count; i++) {
		memcpy(&words, p + i * sizeof(words), sizeof(words));
		low += words & 0xffffffff;
		high += words >> 32;
	}
	low += high;
	for (unsigned i = 0; i < LANES; i++)
		sum += low[i];
	return sum;
}

uint64_t checksum_add(uint64_t sum, struct bytes b)
{
	size_t blocks = b.len / sizeof(lanes);
	const uint8_t *p = b.data;

	if (blocks)
		sum = add_blocks(sum, p, blocks);
	for (size_t i = blocks * sizeof(lanes); i < b.len; i += 2) {
		uint16_t word = 0;

		memcpy(&word, p + i, b.len - i < 2 ? 1 : 2);
		sum += word;
	}
	return sum;
}

uint64_t checksum_add_u16(uint64_t sum, uint16_t value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	return checksum_add(sum, bytes_of(bytes, sizeof(bytes)));
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void checksum_put_sum(uint8_t *at, uint64_t sum)
{
	uint16_t folded = checksum_fold(sum);

	memcpy(at, &folded, sizeof(folded));
}

void checksum_put(uint8_t *at, uint64_t sum)
{
	uint16_t complement = (uint16_t)~checksum_fold(sum);

	memcpy(at, &complement, sizeof(complement));
}
