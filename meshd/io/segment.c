/* Cuts large packets of the TUN: RFC 9293 and 768 say what each header becomes. */
#include "meshd/io/segment.h"

#include "meshd/base/checksum.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

static bool kind_read(struct segments *s, uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		s->is_udp = false;
		return true;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		s->is_udp = true;
		return true;
	default:
		return false;
	}
}

/* Where the transport's header ends; 0: it is not whole. */
static size_t headers_end(const struct segments *s, struct bytes head)
{
	size_t least = s->transport + (s->is_udp ? UDP_HEADER : TCP_HEADER);

	if (s->transport < (s->is_v6 ? IPV6_HEADER : IPV4_HEADER) || least > head.len)
		return 0;
	size_t end = s->is_udp ? least : s->transport + (size_t)(head.data[s->transport + 12] >> 4) * 4;
	return end >= least && end <= head.len && end <= SEGMENT_HEADERS_MAX ? end : 0;
}

int segments_init(struct segments *s, const struct virtio_net_hdr *h, struct bytes head, size_t len)
{
	if (!head.len || !kind_read(s, h->gso_type) || !h->gso_size || !(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return -EINVAL;
	s->is_v6 = head.data[0] >> 4 == 6;
	s->transport = h->csum_start;
	s->shape.header_len = headers_end(s, head);
	if (!s->shape.header_len || len <= s->shape.header_len)
		return -EINVAL;
	s->shape.size = h->gso_size;
	s->payload = len - s->shape.header_len;
	s->count = (unsigned)((s->payload + s->shape.size - 1) / s->shape.size);
	memcpy(s->header, head.data, s->shape.header_len);
	return 0;
}

size_t segments_payload(const struct segments *s, unsigned i)
{
	return i + 1 < s->count ? s->shape.size : s->payload - i * s->shape.size;
}

uint64_t pseudo_sum(const uint8_t *packet, bool is_v6, bool is_udp, size_t len)
{
	uint64_t sum = checksum_add(0, is_v6 ? bytes_of(packet + 8, 32) : bytes_of(packet + 12, 8));

	sum = checksum_add_u16(sum, is_udp ? IPPROTO_UDP : IPPROTO_TCP);
	return checksum_add_u16(sum, (uint16_t)len);
}

static void ip_write(const struct segments *s, unsigned i, uint8_t *packet, size_t len)
{
	if (s->is_v6) {
		field_put_u16(packet + 4, len - IPV6_HEADER);
		return;
	}
	field_put_u16(packet + 2, len);
	field_put_u16(packet + 4, (size_t)field_u16(s->header + 4) + i);
	field_put_u16(packet + 10, 0);
	checksum_put(packet + 10, checksum_add(0, bytes_of(packet, (size_t)(packet[0] & 15) * 4)));
}

static void tcp_write(const struct segments *s, unsigned i, uint8_t *tcp)
{
	field_put_u32(tcp + 4, field_u32(s->header + s->transport + 4) + (uint32_t)(i * s->shape.size));
	if (i + 1 < s->count)
		tcp[13] &= (uint8_t)~TCP_FIN_PSH;
	if (i > 0)
		tcp[13] &= (uint8_t)~TCP_CWR; /* RFC 3168, 6.1.2: once */
}

size_t segments_write(const struct segments *s, unsigned i, uint8_t *packet)
{
	size_t len = s->shape.header_len + segments_payload(s, i), transport_len = len - s->transport;
	uint8_t *transport = packet + s->transport, *checksum = transport + (s->is_udp ? UDP_CHECKSUM : TCP_CHECKSUM);

	memcpy(packet, s->header, s->shape.header_len);
	ip_write(s, i, packet, len);
	if (s->is_udp)
		field_put_u16(transport + 4, transport_len);
	else
		tcp_write(s, i, transport);
	field_put_u16(checksum, 0);
	checksum_put(checksum, checksum_add(pseudo_sum(packet, s->is_v6, s->is_udp, transport_len),
				       bytes_of(transport, transport_len)));
	if (s->is_udp && field_u16(checksum) == 0)
		field_put_u16(checksum, 0xffff); /* RFC 768: 0 would mean that there is none */
	return len;
}

int checksum_complete(const struct virtio_net_hdr *h, uint8_t *packet, size_t len)
{
	size_t at = (size_t)h->csum_start + h->csum_offset;

	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return -EINVAL;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	if (at + 2 > len || h->csum_start > len)
		return -EINVAL;
	/* The sum of the pseudo header is there already. */
	checksum_put(packet + at, checksum_add(0, bytes_of(packet + h->csum_start, len - h->csum_start)));
	if (h->csum_offset == UDP_CHECKSUM && field_u16(packet + at) == 0)
		field_put_u16(packet + at, 0xffff);
	return 0;
}
