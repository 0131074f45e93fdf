/* Reads captures through libpcap and counts by station and tenth of a second. */
#include "sim/demo/capture.h"
#include "sim/demo/tools.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#define MAC_LEN 6

static struct capture_station *station_of(struct capture *c, const uint8_t *mac)
{
	for (unsigned i = 0; i < c->station_count; i++)
		if (memcmp(c->stations[i].mac, mac, MAC_LEN) == 0)
			return &c->stations[i];
	if (c->station_count == CAPTURE_STATIONS_MAX)
		return NULL;
	struct capture_station *s = &c->stations[c->station_count++];
	memcpy(s->mac, mac, MAC_LEN);
	return s;
}

void capture_frame(struct capture *c, uint64_t at_us, struct bytes frame)
{
	struct capture_station *s = frame.len >= 2ul * MAC_LEN ? station_of(c, frame.data + MAC_LEN) : NULL;

	c->frames++;
	if (!s)
		return;
	s->frames++;
	s->bytes += frame.len;
	uint64_t bin = at_us >= c->start_us ? (at_us - c->start_us) / CAPTURE_BIN_US : CAPTURE_BINS_MAX;
	if (bin < CAPTURE_BINS_MAX && frame.len >= CAPTURE_PAYLOAD_MIN) {
		s->payload_frames[bin]++;
		s->payload_bytes[bin] += frame.len;
	}
}

int capture_read(
	struct capture *c, const char *path, uint64_t start_us, const struct scan *scan, char error[CAPTURE_ERROR_MAX])
{
	char reason[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *data;
	int got;

	memset(c, 0, sizeof(*c));
	c->start_us = start_us;
	pcap_t *file = pcap_open_offline(path, reason); /* stamps in microseconds, whatever the file has */
	if (!file) {
		snprintf(error, CAPTURE_ERROR_MAX, "%.200s", reason);
		return -1;
	}
	if (pcap_datalink(file) != DLT_EN10MB) {
		snprintf(error, CAPTURE_ERROR_MAX, "%.200s: not a capture of Ethernet frames", path);
		pcap_close(file);
		return -1;
	}
	while ((got = pcap_next_ex(file, &header, &data)) == 1) {
		uint64_t at = (uint64_t)header->ts.tv_sec * SECOND_US + (uint64_t)header->ts.tv_usec;

		capture_frame(c, at, bytes_of(data, header->caplen));
		c->frames_cut += header->caplen < header->len;
		if (scan)
			scan_frame(scan, bytes_of(data, header->caplen), &c->hits);
	}
	if (got == PCAP_ERROR)
		snprintf(error, CAPTURE_ERROR_MAX, "%.120s: %.120s", path, pcap_geterr(file));
	pcap_close(file);
	return got == PCAP_ERROR ? -1 : 0;
}

const struct capture_station *capture_station_find(const struct capture *c, const uint8_t mac[6])
{
	for (unsigned i = 0; i < c->station_count; i++)
		if (memcmp(c->stations[i].mac, mac, MAC_LEN) == 0)
			return &c->stations[i];
	return NULL;
}

static unsigned bin_from(const struct capture *c, uint64_t at_us)
{
	uint64_t bin = at_us > c->start_us ? (at_us - c->start_us + CAPTURE_BIN_US - 1) / CAPTURE_BIN_US : 0;

	return bin < CAPTURE_BINS_MAX ? (unsigned)bin : CAPTURE_BINS_MAX;
}

uint64_t capture_frames_between(
	const struct capture *c, const struct capture_station *s, uint64_t from_us, uint64_t to_us)
{
	uint64_t sum = 0;

	for (unsigned bin = bin_from(c, from_us); s && bin < bin_from(c, to_us); bin++)
		sum += s->payload_frames[bin];
	return sum;
}

uint64_t capture_bytes_between(
	const struct capture *c, const struct capture_station *s, uint64_t from_us, uint64_t to_us)
{
	uint64_t sum = 0;

	for (unsigned bin = bin_from(c, from_us); s && bin < bin_from(c, to_us); bin++)
		sum += s->payload_bytes[bin];
	return sum;
}
