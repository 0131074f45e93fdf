/*
 * The internet checksum (RFC 1071), at the speed of memory: what is summed may be a
 * whole packet, for every packet.
 *
 * A sum is of 16 bit words as they lie in memory; it is given its place in a packet by
 * checksum_put(), whatever the byte order of the machine.
 */
#ifndef MESHD_BASE_CHECKSUM_H
#define MESHD_BASE_CHECKSUM_H

#include "meshd/base/bytes.h"

/* Adds `b` to a sum, which is 0 at first. All but the last that is added must be of even length. */
uint64_t checksum_add(uint64_t sum, struct bytes b);
/* Adds a number of 16 bits as a packet would have it. */
uint64_t checksum_add_u16(uint64_t sum, uint16_t value);
/* Of 16 bits, not complemented; 0 only if all that was added is 0. Over what holds its own right checksum: 0xffff. */
uint16_t checksum_fold(uint64_t sum);
/* Writes `sum`, folded and not complemented, to a packet. */
void checksum_put_sum(uint8_t *at, uint64_t sum);
/* Writes the checksum itself, the complement. */
void checksum_put(uint8_t *at, uint64_t sum);

#endif
