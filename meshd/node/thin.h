/*
 * What the files of thin links share: how an inner frame becomes small frames, and
 * these an inner frame again.
 *
 *   inner frame ──► (headers compressed) ──► fits? ──► one frame
 *                                             └─────► pieces, a frame each ──► joined
 */
#ifndef MESHD_NODE_THIN_H
#define MESHD_NODE_THIN_H

#include "meshd/base/list.h"
#include "meshd/node/node.h"

struct node_link;
struct peer;
struct handshake;
struct freshness;

/* --- piece.c: cutting and joining ---------------------------------------------------------- */

#define PIECE_HEADER 2 /* id; offset in units, and whether it is the last */
#define PIECE_UNIT 16
#define PIECES_MAX 128 /* offsets that there are */
#define JOINS_PER_PEER 4 /* as many lanes may interrupt each other */
#define JOINS_MAX 64 /* of a node, over all peers */
#define JOIN_MAX (NODE_FRAME_MAX + 1) /* an inner frame whole: kind and packet */
#define RAW_IDS_MAX 16
#define JOIN_UNITS ((JOIN_MAX + PIECE_UNIT - 1) / PIECE_UNIT)

/* An inner frame on its way out: kind byte first, NODE_HEADROOM - 1 free bytes before it, NODE_TAILROOM behind. */
struct outgoing {
	uint8_t *inner;
	size_t len, at; /* `at`: sent already */
	uint8_t id; /* of its pieces */
};
/* Writes the next piece, of at most `room` bytes with its header (at least PIECE_HEADER + PIECE_UNIT); returns its
 * length, 0 when nothing is left. */
size_t piece_next(struct outgoing *o, uint8_t *out, size_t room);
/* Can so much be cut into pieces of that room at all? */
bool piece_takes(size_t len, size_t room);

/* An inner frame of which some pieces are here. */
struct join {
	struct list on_peer; /* the one that grew last comes last */
	uint8_t id;
	bool is_overtaken; /* one of them was (order.c) */
	uint64_t grown_us;
	size_t len; /* 0: the last piece is not here */
	size_t end; /* of the piece furthest back that is here */
	unsigned units; /* that are here */
	bool has[JOIN_UNITS];
	uint8_t room[FRAME_HEADER + JOIN_MAX + NODE_TAILROOM]; /* the inner frame begins at FRAME_HEADER */
};
enum join_result { JOIN_MORE, JOIN_DONE, JOIN_WRONG };
/* Adds one piece. JOIN_WRONG: it contradicts what is here, or has no sense; `j` is of no use any more. */
enum join_result join_add(struct join *j, struct bytes piece);

/* --- bundle.c: several inner frames in one frame --------------------------------------------- */

struct bundle {
	unsigned count; /* inner frames in it */
	size_t len;
	size_t first_at; /* where the first of them begins */
	uint8_t inner[NODE_FRAME_MAX];
};
/* Has it room for an inner frame of that length? */
bool bundle_takes(const struct peer *p, const struct bundle *b, size_t len);
/* It must have; nothing of `o` was sent. */
void bundle_add(struct peer *p, uint64_t now_us, struct bundle *b, struct outgoing *o);
/* One that is alone goes as it is. */
void bundle_send(struct peer *p, uint64_t now_us, struct bundle *b);
/* The length in front of an inner frame. */
size_t bundle_read_length(struct reader *r);

/* --- part.c: handshake messages in parts ------------------------------------------------------- */

#define ASSEMBLIES_MAX 4 /* of a link */
#define PARTS_MAX 16
#define ASSEMBLY_MAX 512 /* the longest: certificates have 320 bytes at most */

struct assembly {
	bool is_used;
	uint8_t id[2];
	unsigned next; /* part that is expected: a line keeps the order */
	uint64_t grown_us;
	size_t len;
	uint8_t message[ASSEMBLY_MAX];
};

/* What a thin link has besides. */
struct thin_link {
	uint32_t overheard[(THIN_INDEX_MASK + 1) / 32]; /* visible indices of frames that were for others */
	uint8_t part_id[2];
	struct assembly assemblies[ASSEMBLIES_MAX];
};

#endif
