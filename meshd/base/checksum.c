#include "meshd/base/checksum.h"

#include <string.h>

#define BLOCK 32

/* Sums of 32 bit words in lanes of 64, which carry nothing for four thousand million words: the compiler keeps them in
 * the vectors that every 64 bit machine has. */
typedef uint64_t lanes __attribute__((vector_size(16)));

static uint64_t add_blocks(const uint8_t *p, size_t count)
{
	lanes sums[4] = { { 0 } }, first, second;

	for (size_t i = 0; i < count; i++, p += BLOCK) {
		memcpy(&first, p, sizeof(first));
		memcpy(&second, p + sizeof(first), sizeof(second));
		sums[0] += first & 0xffffffff;
		sums[1] += first >> 32;
		sums[2] += second & 0xffffffff;
		sums[3] += second >> 32;
	}
	sums[0] += sums[1] + sums[2] + sums[3];
	return sums[0][0] + sums[0][1];
}

/* Less than a block. */
static uint64_t add_rest(uint64_t sum, const uint8_t *p, size_t len)
{
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	uint8_t last[4] = { 0 };
	uint32_t word;

	for (size_t i = 0; i < len; i++)
		last[i] = p[i];
	memcpy(&word, last, sizeof(word));
	return sum + word;
}

uint64_t checksum_add(uint64_t sum, struct bytes b)
{
	size_t blocks = b.len / BLOCK;

	sum += add_blocks(b.data, blocks);
	return add_rest(sum, b.data + blocks * BLOCK, b.len % BLOCK);
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
