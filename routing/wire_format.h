/*
 * Constants that the packet parser and the packet builder share (RFC 8966,
 * section 4; RFC 9229, section 4; RFC 9616, section 6).
 */
#ifndef ROUTING_WIRE_FORMAT_H
#define ROUTING_WIRE_FORMAT_H

enum wire_encoding { /* AE (RFC 8966, 4.1.4) */
	AE_WILDCARD = 0,
	AE_IPV4 = 1,
	AE_IPV6 = 2,
	AE_LINK_LOCAL = 3,
	AE_V4_VIA_V6 = 4,
};

enum wire_sub_tlv {
	SUB_TLV_PAD1 = 0,
	SUB_TLV_PADN = 1,
	SUB_TLV_TIMESTAMP = 3,
	SUB_TLV_CLASS = 240, /* mandatory, of updates and seqno requests: who knows no classes ignores them */
};

#define SUB_TLV_MANDATORY 0x80
#define HELLO_UNICAST 0x8000
#define UPDATE_PREFIX 0x80
#define UPDATE_ROUTER_ID 0x40
#define DELTA_BEGIN 0x80
#define DELTA_END 0x40
#define DELTA_URGENT 0x20
#define SYNCACK_NACK 0x80
#define SYNCACK_FULL 0x40
#define SYNCACK_UNKNOWN 0x20
#define SYNCACK_WHOLE 112 /* sub-TLV */
#define BATCH_LANS 0x80
#define BATCH_SALTED 0x40
#define BATCH_CLASS 0x03
#define THIN_BODY 0xc0 /* in the upper four bits of its first byte; a packet begins with 42 */
#define THIN_HELLO 0x01
#define THIN_REFRESH 0x02
#define THIN_NACK 0x04
#define THIN_FULL 0x08
#define WIRE_INFINITY 0xffff

#endif
