/*
 * What the files of the node core share: the tables of one node.
 *
 *   link ──► targets (configured peers)     who to call
 *     └────► peers (by static key)          who answered: keys, endpoint, certificate
 *   handshakes (own and theirs)             on the way to a peer
 *   indices: receiver index ──► peer or handshake
 *   certificates: router-id ──► certificate
 *   fib: destination ──► own | peer | held
 */
#ifndef MESHD_NODE_STATE_H
#define MESHD_NODE_STATE_H

#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "meshd/base/map.h"
#include "meshd/node/fib.h"
#include "meshd/node/node.h"

#define MS 1000ull
#define SECOND 1000000ull

#define NODE_ID_LEN 8 /* of the node hash: in beacons and tie-breaks */
#define HANDSHAKES_MAX 64 /* theirs, pending; own ones are bounded by targets and callings */
#define CALLINGS_MAX 64 /* own handshakes under way */
#define CERTIFICATE_WANTS_MAX 64

enum frame_type { FRAME_INIT = 1, FRAME_RESP = 2, FRAME_FIN = 3, FRAME_COOKIE = 4, FRAME_BEACON = 5 };
enum inner_kind { KIND_IP = 0, KIND_BABEL = 1, KIND_CONTROL = 2, KIND_MULTICAST = 0x80 };

#define DROP(n, link_, reason)                                                                                         \
	do {                                                                                                           \
		(n)->counters.drops.reason++;                                                                          \
		if (link_)                                                                                             \
			((struct node_link *)(link_))->drops.reason++;                                                 \
	} while (0)

struct peer;
struct handshake;

/* A receiver index in use. */
struct index {
	struct map_entry entry;
	uint8_t key[4];
	bool used;
	struct peer *peer; /* of a session */
	struct handshake *handshake; /* or of a handshake */
};

/* Somebody to call: a configured peer, or a beacon that was heard. */
struct target {
	struct node *n;
	struct node_link *link;
	bool is_set;
	struct endpoint endpoint;
	struct peer *peer; /* who answered last; NULL until then */
	unsigned tries;
	struct timer timer;
};

struct node_link {
	struct node *n;
	unsigned id;
	struct node_link_config config;
	bool up;
	struct target targets[NODE_TARGET_MAX];
	struct timer beacon;
	unsigned beacons; /* since the link came up */
	struct list peers;
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	struct node_drops drops;
};

struct peer {
	struct list on_link;
	struct node *n;
	struct node_link *link;
	uint8_t dh[KEY_LEN];
	uint8_t id[NODE_ID_LEN];
	router_id rid;
	struct address address; /* link-local, as the routing engine knows it */
	const struct certificate *certificate;
	struct endpoint endpoint;
	struct secret_keyring keys;
	struct index indices[3]; /* current, pending, previous */
	uint32_t epoch; /* of the remote process */
	bool has_epoch;
	bool is_up;
	bool initiated; /* the current session was started by us */
	uint64_t session_us, up_since_us, heard_us, sent_us, alive_told_us, pending_us;
	unsigned silent_tries;
	struct timer timer; /* confirm, keepalive, silence, rekey */
	uint8_t fin[NOISE_MESSAGE_MAX + 64]; /* last XX message, repeated until the peer is heard */
	size_t fin_len;
	uint64_t wants_asked_us; /* last certificate request */
};

struct handshake {
	struct list on_node;
	struct node *n;
	struct node_link *link;
	bool initiator;
	struct secret_noise noise;
	struct index index;
	uint32_t remote_index;
	struct endpoint endpoint;
	struct target *target; /* initiator: who is called; may be NULL */
	bool has_remote; /* the remote's identity is expected */
	uint8_t remote_id[NODE_ID_LEN];
	uint64_t started_us;
	bool has_cookie;
	uint8_t cookie[COOKIE_LEN];
	uint8_t mac1[MAC_LEN]; /* of the message last sent */
	uint8_t mac_key[KEY_LEN]; /* of messages that we send */
	uint8_t message[NOISE_MESSAGE_MAX + 64]; /* last message without mac2, for repetition */
	size_t message_len;
	unsigned sends;
	uint32_t epoch;
	const struct certificate *certificate; /* of the remote, verified */
	struct timer timer;
};

struct known {
	struct map_entry by_rid;
	struct list all;
	router_id rid;
	uint8_t hash[CERTIFICATE_HASH_LEN];
	struct certificate certificate;
};

struct node {
	struct node_output output;
	void *user;
	struct enrolment enrolment;
	uint8_t certificate_bytes[CERTIFICATE_MAX_LEN];
	size_t certificate_len;
	struct time_floor time_floor;
	struct random random;
	router_id rid;
	uint8_t id[NODE_ID_LEN];
	struct address address;
	struct prefix deployment;
	uint32_t epoch;
	uint8_t mac_xx[KEY_LEN]; /* mac1 key of messages whose responder is not known */
	uint8_t mac_own[KEY_LEN]; /* ... of messages to us */
	uint8_t beacon_key[KEY_LEN];
	struct babel *babel;
	struct heap heap;
	struct node_link *links[NODE_LINK_MAX];
	size_t peer_count;
	struct map indices;
	struct list handshakes;
	unsigned handshakes_theirs, handshakes_own;
	struct map certificates;
	struct list certificate_list;
	router_id wants[CERTIFICATE_WANTS_MAX]; /* certificates wanted */
	unsigned want_count;
	struct secret_cookie_jar jar;
	struct rate_limiter *limiter;
	struct fib fib;
	struct node_counters counters;
	bool has_duplicate;
	bool is_leaving;
	uint64_t refilter_us;
	struct timer refilter;
	uint64_t icmp_tokens_us; /* when the bucket was full last */
	unsigned icmp_tokens;
};

/* --- frame.c: what leaves and what arrives -------------------------------------------- */

void frame_send(struct node_link *link, const struct endpoint *to, struct bytes frame);
/* Seals the inner frame at `inner` (kind byte first, NODE_HEADROOM - 1 free bytes
 * before, NODE_TAILROOM behind) to the peer and sends it. */
void peer_send_in_place(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len);
/* The same from anywhere, copying. */
void peer_send(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body);

/* --- peer.c ------------------------------------------------------------------------------ */

struct peer *peer_find(struct node_link *link, const uint8_t dh[KEY_LEN]);
struct peer *peer_find_id(struct node_link *link, const uint8_t id[NODE_ID_LEN]);
struct peer *peer_find_rid(const struct node_link *link, const router_id *rid);
/* Finds or makes the peer of a completed handshake; NULL: tables are full. */
struct peer *peer_get(struct node_link *link, uint64_t now_us, const struct certificate *c,
	const struct endpoint *endpoint);
void peer_free(struct peer *p, uint64_t now_us, const char *why);
void peer_session_made(struct peer *p, uint64_t now_us, struct secret_session *s, uint32_t epoch);
/* A frame from it was opened. */
void peer_heard(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted);
bool peer_is_live(const struct peer *p, uint64_t now_us); /* heard of late */
uint64_t link_silence_us(const struct node_link *link); /* after which a peer counts as silent */
void index_take(struct node *n, struct index *i, uint32_t value);
void index_drop(struct node *n, struct index *i);
uint32_t index_fresh(struct node *n);
struct index *index_find(const struct node *n, uint32_t value);

/* --- call.c, answer.c, handshake.c: handshakes ------------------------------------------------ */

void handshake_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);
void handshake_cookie_in(struct node_link *link, uint64_t now_us, struct bytes frame);
void handshake_free(struct handshake *h);
void handshakes_drop_link(struct node_link *link);
/* Starts one; `target` or `remote` (8 bytes of node hash) may be NULL. False if one is under way. */
bool call_start(struct node_link *link, uint64_t now_us, const struct endpoint *to, struct target *target,
	const uint8_t *remote_id);
bool call_is_under_way(const struct node_link *link, const struct endpoint *to, const uint8_t *remote_id);
void target_init(struct target *t, struct node_link *link);
void target_kick(struct target *t, uint64_t now_us);

/* --- beacon.c ----------------------------------------------------------------------------------- */

void beacon_start(struct node_link *link, uint64_t now_us);
void beacon_due(struct timer *timer, uint64_t now_us);
void beacon_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);

/* --- trust.c: certificates and authorisation -------------------------------------------------------- */

/* Verifies and keeps; NULL with *error set. The certificate stays until node_free(). */
const struct certificate *trust_add(struct node *n, struct bytes encoded, int *error);
const struct certificate *trust_by_hash(const struct node *n, const uint8_t hash[CERTIFICATE_HASH_LEN]);
const struct certificate *trust_by_id(const struct node *n, const uint8_t id[NODE_ID_LEN]);
const struct known *trust_by_rid(const struct node *n, const router_id *rid);
struct babel_verdict trust_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric);
void control_in(struct peer *p, uint64_t now_us, struct bytes body);
void control_ping(struct peer *p, uint64_t now_us); /* proves that we have the keys */
void trust_done(struct node *n);
void refilter_due(struct timer *timer, uint64_t now_us);

/* --- packet.c, fragment.c, icmp.c, forward.c: the data path ------------------------------------------------- */

struct packet {
	uint8_t *data;
	size_t len; /* by its own header: what follows is padding */
	size_t header_len; /* IPv4 with options; 40 for IPv6 */
	uint8_t hop_limit;
	bool dont_fragment; /* always for IPv6 */
	struct address source, destination;
};
bool packet_parse(struct packet *p, uint8_t *data, size_t len); /* borrows; false: malformed */
bool packet_checksum_is_right(const struct packet *p); /* of the header; IPv6 has none */
void packet_hop(struct packet *p); /* one hop less; the hop limit must not be 0 */
/* Can it stand for one host beyond its own link? */
bool address_is_host(const struct address *a);
uint16_t internet_checksum(struct bytes b); /* RFC 1071; 0 over what holds its own right checksum */

/* Cuts an IPv4 packet into fragments of at most `mtu` bytes, one per call. */
struct fragmenter {
	struct packet packet;
	size_t mtu, at;
	uint16_t offset; /* of the next fragment, 8 byte units */
	bool more; /* the packet is itself a fragment with others behind it */
};
void fragmenter_init(struct fragmenter *f, const struct packet *p, size_t mtu);
size_t fragmenter_next(struct fragmenter *f, uint8_t *out, size_t capacity); /* length; 0: no more */

/* A decrypted packet from the mesh; room as in struct node_packet. */
void forward_from_peer(struct node *n, uint64_t now_us, uint8_t *packet, size_t len);
enum icmp_error { ICMP_NO_ROUTE, ICMP_PROHIBITED, ICMP_TIME_EXCEEDED, ICMP_TOO_BIG };
/* Writes the error about `packet` to `out`; 0 if none may be sent. `mtu` for ICMP_TOO_BIG. */
size_t icmp_error_write(uint8_t *out, size_t capacity, struct bytes packet, enum icmp_error error, unsigned mtu,
	const struct address *self);

/* --- event.c ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) void event_say(struct node *n, enum node_event event, const struct node_link *link,
	const char *format, ...);
/* A short name of a node for people: certificate name or router-id. */
#define NODE_NAME_TEXT (NAME_MAX_LEN + 1)
const char *name_of_rid(const struct node *n, const router_id *rid, char text[NODE_NAME_TEXT]);

#endif
