/*
 * The node core, without I/O: links, neighbours, handshakes, frames, routes and
 * forwarding. The daemon and the simulator are two shells around it.
 *
 * The shell hands in frames, packets, time and randomness; the core hands back
 * frames to send, packets to deliver, routes to install and the next time at
 * which it wants to run. It opens nothing, reads no clock and keeps no state
 * outside `struct node`. Outputs leave through `struct node_output`, from within
 * any call that takes `now_us`; they must not call back into the node.
 *
 * Time is microseconds of a monotonic clock that never runs backwards.
 */
#ifndef MESHD_NODE_NODE_H
#define MESHD_NODE_NODE_H

#include "crypto/crypto.h"
#include "meshd/base/address.h"
#include "meshd/base/bytes.h"
#include "meshd/base/random.h"
#include "meshd/base/rule.h"
#include "meshd/base/traffic.h"
#include "routing/babel.h"

#define NODE_LINK_MAX 32 /* links have ids below this */
#define NODE_TARGET_MAX 16 /* configured peers per link */
#define NODE_PEER_MAX 256 /* neighbours in all, over all links */
#define NODE_CERTIFICATE_MAX 4096
/* Free bytes that a packet's buffer must have before and behind it, so that it
 * is sealed where it lies. */
#define NODE_HEADROOM (FRAME_HEADER + 1)
#define NODE_TAILROOM TAG_LEN
#define NODE_OVERHEAD (NODE_HEADROOM + NODE_TAILROOM)
#define NODE_FRAME_MAX 2048 /* largest link MTU */
/* What a Babel packet that everybody takes (RFC 8966, 4) needs with its authentication. */
#define NODE_PLAIN_MIN (512 + BABEL_MAC_OVERHEAD)
#define NODE_FRAME_MIN (1280 + NODE_OVERHEAD) /* smallest: IPv6 needs 1280 */
#define NODE_THIN_FRAME_MIN 64 /* smallest of a thin link, where packets travel in pieces */
#define NODE_THIN_PACKET 1280 /* ... the largest packet there, if a frame does not take a larger one */
#define NODE_THIN_BODY 512 /* ... and of what nodes say to each other: Babel wants no less */

struct node;

/* Where on a link a frame came from or goes to. Only the shell knows what the
 * bytes mean (a MAC address; an address and a port); the core compares them. */
#define ENDPOINT_MAX 24
struct endpoint {
	uint8_t len;
	uint8_t bytes[ENDPOINT_MAX]; /* unused tail is zero */
};
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

enum node_event {
	NODE_NEIGHBOUR_UP,
	NODE_NEIGHBOUR_DOWN,
	NODE_LINK_UP,
	NODE_LINK_DOWN,
	NODE_ROUTE_UP, /* a destination became reachable */
	NODE_ROUTE_MOVED, /* by another next hop */
	NODE_ROUTE_DOWN,
	NODE_REFUSED, /* handshake or announcement refused by certificate */
	NODE_DUPLICATE, /* another machine uses this node's keys */
	NODE_SHORT_ID, /* two members have one short-id */
	NODE_REVOKED, /* a member is out, or this node is */
	NODE_GUEST_OVER, /* a guest's time is over */
};
#define NODE_EVENTS (NODE_GUEST_OVER + 1)
const char *node_event_name(enum node_event event); /* stable code: "neighbour-up" */

/* What a host's packet is, from its entry into the mesh to its exit, in two bits of its frames. */
enum packet_class {
	CLASS_TEXT, /* the base topology */
	CLASS_COMMAND,
	CLASS_BULK,
	CLASS_FALLEN, /* bulk that had no route of its own: in the base, but on no link that is too thin for it */
};
#define PACKET_CLASSES 4

#define NODE_ID_LEN 8 /* of the node hash: in beacons and tie-breaks */

/* A verified certificate and what follows from it. */
struct node_member {
	struct certificate certificate;
	uint8_t hash[CERTIFICATE_HASH_LEN];
	uint8_t id[NODE_ID_LEN];
	router_id rid; /* as it follows from the keys */
	struct prefix host; /* its own address, which it may announce whatever else it may */
};

/* What the kernel is to do with packets for a prefix outside the deployment. */
enum node_kernel_way {
	NODE_KERNEL_NONE, /* nothing that comes from us */
	NODE_KERNEL_MESH, /* give them to this node */
	NODE_KERNEL_NATIVE, /* send them by `next_hop` on the interface of `link`, itself */
	NODE_KERNEL_UNREACHABLE, /* refuse them, also if a wider route would take them (RFC 8966, 3.5.4) */
};
struct node_kernel_route {
	struct prefix prefix;
	enum node_kernel_way way;
	unsigned link;
	struct address next_hop; /* IPv6 for an IPv4 prefix: RFC 9229 */
};

/* --- messages: types; what is done with them is further down ------------------------- */

#define NODE_TEXT_MAX 320 /* bytes of a message */
#define NODE_MESSAGE_LIFE_US (24ull * 3600 * 1000000)
#define NODE_MESSAGE_ID_LEN 8

enum node_message_box { NODE_MESSAGE_OUT, NODE_MESSAGE_IN, NODE_MESSAGE_HELD /* for others */ };
#define NODE_MESSAGE_BOXES 3
enum node_message_state {
	NODE_MESSAGE_QUEUED, /* here, and nowhere else as far as is known */
	NODE_MESSAGE_LEFT, /* a neighbour has taken it */
	NODE_MESSAGE_REACHED, /* a node further on says that it has it, and waits for a way */
	NODE_MESSAGE_DELIVERED, /* the member's node has opened and stored it */
	NODE_MESSAGE_EXPIRED, /* a day has passed; nobody knows that it arrived */
};
const char *node_message_state_name(enum node_message_state state); /* "queued", "left", ... */
bool node_message_state_ends(enum node_message_state state); /* none follows on it */
/* Why it has not left. */
enum node_message_wait {
	NODE_MESSAGE_WAIT_NONE,
	NODE_MESSAGE_WAIT_STORE, /* it is being written to the disk */
	NODE_MESSAGE_WAIT_WAY, /* there is no route to the member */
	NODE_MESSAGE_WAIT_TURN, /* others are on their way to the neighbour */
	NODE_MESSAGE_WAIT_ANSWER, /* the neighbour has not said yet that it has it */
	NODE_MESSAGE_WAIT_FULL, /* ... has no room for it now */
	NODE_MESSAGE_WAIT_OLD, /* ... knows nothing of messages */
	NODE_MESSAGE_WAIT_OUT, /* the member was revoked: it goes to who takes its place */
};
/* "", "store", "way", ... */
const char *node_message_wait_name(enum node_message_wait wait);

/* Times are of the node's clock, and negative if they were before it began. */
struct node_message {
	enum node_message_box box;
	uint8_t id[NODE_MESSAGE_ID_LEN]; /* along its way; of OUT another one when it is sealed anew */
	uint32_t era, number; /* as its sender counts them; the number is what people call their own by */
	bool is_urgent;
	struct address from, to; /* in the mesh */
	uint32_t date; /* by its sender's clock when it was written; minutes since 1970; 0: not known */
	int64_t made_us, expires_us; /* when it was written, or came here; of OUT and HELD */
	enum node_message_state state; /* of OUT, since: */
	int64_t state_us;
	enum node_message_wait wait; /* while it is queued, or held */
	char link[16]; /* by which it left */
	struct address at; /* who took it then; of REACHED: who holds it now ... */
	uint8_t hops; /* ... so many from here */
	struct bytes text; /* of OUT and IN; borrowed */
};

/* Borrowed bytes are valid until the output returns; those that lie where the shell handed a frame or a packet in,
 * until that call into the node returns: so a shell may note them, and send and deliver them together. */
struct node_output {
	/* Send `frame` on `link` to `to`, or to all if `to` is NULL. On a plain link it is a
	 * Babel packet, and the endpoint the neighbour's IPv6 address (16 bytes). Borrowed. */
	void (*send)(void *user, unsigned link, const struct endpoint *to, struct bytes frame);
	/* An IP packet for this host or what is behind it. Borrowed. */
	void (*deliver)(void *user, struct bytes packet);
	/* A prefix outside the deployment has another way: the kernel's route is to be
	 * replaced in one step. The same may be said twice. */
	void (*kernel_route)(void *user, const struct node_kernel_route *route);
	/* Persist, and give back at the next start: the routing engine's seqno (babel.h,
	 * seqno_store) below the part of the router-id that it counts for. */
	void (*store_seqno)(void *user, uint32_t seqno);
	/* Persist a certificate that was learned and verified, and the proof of it. */
	void (*store_certificate)(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN]);
	/* Something worth a log line: `text` is one plain line, `link` NODE_LINK_MAX if none. */
	void (*event)(void *user, enum node_event event, unsigned link, const char *text);
	/* For who looks on: what a data frame carries, kind byte first (0 IP, 1 Babel, 2 control;
	 * frame.c), before it is sealed to that neighbour and once it was opened, before anything reads it. On
	 * thin links it may be a piece, which docs/frames.md describes. Borrowed.
	 */
	void (*inner)(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner);
	/* For who looks on: an inner frame of which other ones are. Out: as it was before it was cut, bundled and its
	 * headers were compressed; the next that `inner` shows is of it, or is its first piece. In: joined, taken
	 * apart, with its headers again, before anything reads it; the last that `inner` showed was of it, or was the
	 * last of its pieces. Borrowed. */
	void (*whole)(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner);
	/* For who looks on, NULL in the daemon: packets of that class for `prefix` go another way than before, or one
	 * again. */
	void (*way_moved)(void *user, const struct prefix *prefix, enum babel_class class);
	/* For who looks on, NULL in the daemon: as what the host's packet that is delivered next came here. */
	void (*came_as)(void *user, enum packet_class class);
	/* For who looks on, NULL in the daemon: a data frame is about to be sealed by this session, under its
	 * send_counter.
	 */
	void (*sealing)(void *user, unsigned link, const struct secret_session *session);
	/* For an owner of many nodes that know the same members, NULL in the daemon: an equal member that does not
	 * change and outlives the node. NULL: out of memory. */
	const struct node_member *(*share_member)(void *user, const struct node_member *member);
	/* With it: the member of this certificate, as share_member() gave it before; NULL: it never did. */
	const struct node_member *(*shared_member)(void *user, const struct certificate *certificate);
	/* May the node call at `to` on the word of its neighbour at `by`, who says that a member is there? Few small
	 * frames go there, whoever it is. NULL: never. */
	bool (*may_call)(void *user, unsigned link, const struct endpoint *by, const struct endpoint *to);
	/* Persist the list of who is out, in the place of the one before; it was signed on `date` (minutes since 1970),
	 * and it is not earlier; 0: that is not believed. True: done. False: it will be, and then
	 * node_revocation_stored() is called, also if it cannot be stored; the node waits for that before it acts.
	 * NULL: nothing is kept. */
	bool (*store_revocation)(void *user, struct bytes encoded, uint32_t date);
	/* Persist the deployment's keys, which are secret, newest first (up to NODE_KEYS_MAX_LEN bytes), in the place
	 * of those before. Returns as store_revocation() does, and then node_keys_stored(). NULL: nothing is kept. */
	bool (*store_keys)(void *user, struct bytes encoded);
	/* Persist `value` under `key` (1 to NODE_KEPT_KEY_MAX bytes), in the place of what was there; an empty one: it
	 * need not be there any more. In the order in which it is said. Returns as store_revocation() does, and then
	 * node_message_stored(). NULL: nothing is kept. */
	bool (*store_message)(void *user, struct bytes key, struct bytes value);
	/* A message came, or has another state. NULL: nobody looks. Borrowed. */
	void (*message)(void *user, const struct node_message *message);
	/* An answer came for its keys (grant_decode()); NULL: nobody waits for one. True: it is what it was waited for,
	 * and an applicant asks no more; the shell goes on with another node, of the member that it now is. Borrowed.
	 */
	bool (*granted)(void *user, struct bytes grant);
};
#define NODE_KEYS_MAX_LEN (3 * DEPLOYMENT_KEY_LEN)
#define NODE_KEPT_KEY_MAX 16
#define NODE_KEPT_VALUE_MAX 1280

struct node_config {
	const struct enrolment *enrolment; /* copied */
	struct time_floor time_floor;
	bool is_long; /* names members in full, and reads no other names; to compare */
	bool is_classless; /* routes the base topology alone; to compare */
	bool is_wordless; /* events come with an empty text: nobody will read it */
	bool is_plain; /* repeats its routes to all neighbours, as RFC 8966 has it; to compare */
	bool is_applicant; /* the enrolment is one of its own making: it asks on all links for the authority's answer */
	bool has_plain_links; /* some will be: for a while after the start no route is used (routing/gate.c) */
	bool has_stored_seqno;
	uint32_t stored_seqno;
	struct random random; /* borrowed generator; keys are drawn from it */
};

/* NULL: memory, or the certificate in the enrolment does not verify. */
struct node *node_new(const struct node_config *config, const struct node_output *output, void *user, uint64_t now_us);
/* Wipes and frees; sends nothing. */
void node_free(struct node *n);
/* Retracts everything from the neighbours, once, at once; only node_free() may follow. */
void node_shutdown(struct node *n, uint64_t now_us);
/* Runs what is due and returns the next deadline (UINT64_MAX: none). */
uint64_t node_poll(struct node *n, uint64_t now_us);
/* For who has many nodes: fetches into caches what the next call touches. By steps from 0 to 2, some time apart, as
 * each looks into what the one before it fetched. Nothing changes. */
void node_fetch(const struct node *n, unsigned step);

/* --- links ---------------------------------------------------------------------- */

#define NODE_ESSENTIAL_MAX 8
/* Whom a link is for: a member by the name in its certificate, or what lies within a prefix. */
struct node_essential {
	char name[NAME_MAX_LEN + 1]; /* "": the prefix */
	struct prefix prefix;
};

struct node_link_config {
	char name[16];
	unsigned mtu; /* largest frame, NODE_FRAME_MIN (thin: NODE_THIN_FRAME_MIN)..NODE_FRAME_MAX */
	bool is_thin; /* thin frames (docs/frames.md): at both ends, or there is no link */
	bool is_paired; /* thin: one station at the other end and no more; frames do not say whom they are for */
	uint64_t rate_bps; /* 0: not known */
	bool beacon; /* a frame to all reaches every station of the link */
	bool wired; /* cost by 2-out-of-3 instead of ETX */
	uint16_t rxcost; /* not 0 */
	uint16_t extra_cost; /* added to every route over the link (metered) */
	unsigned hello_ms, update_s, dead_misses;
	unsigned idle_ms; /* between Hellos while no packets pass; at most as often as hello_ms, so 0: the same */
	unsigned probe_ms; /* between questions to a next hop in use that is silent; 0: none are asked (detect.c) */
	unsigned keepalive_s; /* 0: none */
	bool rtt;
	unsigned overhead; /* bytes that the link adds to a frame; counted where rates are */
	bool is_shaped; /* sends no faster than rate_bps; else the rate is only what to expect */
	bool is_by_message; /* a frame takes its time whatever its length: its rate is that of frames of mtu bytes */
	bool is_half_duplex; /* nobody is heard while somebody sends */
	bool probes_mtu; /* what lies below may lose frames for their size without a word (probe.c) */
	bool is_unbudgeted; /* says whatever there is to say at once; to compare */
	bool introduces; /* tells neighbours whose packets it passes on between them where the other one is (meet.c) */
	bool is_introduced; /* calls whom a neighbour tells it of, and lets itself be told of */
	bool is_plain; /* RFC 8966 in the clear, to routers that are no members: node_babel_in(), plain.c */
	bool split_horizon; /* of a plain link */
	unsigned essential_count; /* 0: all routes are announced and believed there (essential.c) */
	struct node_essential essential[NODE_ESSENTIAL_MAX];
};

/* -EINVAL, -EEXIST. A new link is down. */
int node_link_add(struct node *n, uint64_t now_us, unsigned link, const struct node_link_config *config);
void node_link_remove(struct node *n, uint64_t now_us, unsigned link);
/* Says goodbye to everybody there, as node_shutdown() does on all links; node_link_remove() is next. */
void node_link_leave(struct node *n, uint64_t now_us, unsigned link);
/* Frames can (no longer) be sent. Down loses all neighbours there at once. */
void node_link_set_up(struct node *n, uint64_t now_us, unsigned link, bool up);
/* Do packets go to a neighbour there, whose loss would be felt at once? */
bool node_link_is_in_use(const struct node *n, uint64_t now_us, unsigned link);
/* Where the configured peer number `slot` can be found now; NULL: nowhere (yet).
 * The node keeps calling there until there is a session. */
int node_target_set(struct node *n, uint64_t now_us, unsigned link, unsigned slot, const struct endpoint *endpoint);

/*
 * Back-pressure, for a link whose device has a queue of its own or takes a message at
 * a time (a tty, a modem, a socket that is full): it now has room for `bytes` bytes of
 * frames, config.overhead of each included. The core sends while room is left, so the
 * last frame may go over it by all but one byte; what does not leave waits here, where
 * command overtakes the rest. From the first call on nothing is sent without room.
 *
 * Say it when the link comes up, and each time that the device has worked off some: for
 * a tty, whenever (what it may hold, 2 or 3 small frames) less (what TIOCOUTQ says it
 * holds) has become larger; for a message modem the size of a message when it takes
 * the next one, 0 when it refuses. It may be said from within output.send, too: it is
 * only noted, and node_poll() sends.
 *
 * The rate of a link with config.rate_bps 0 is learned from how fast room is made while
 * more waits; so is that of a link that is slower than stated. Room makes is_shaped
 * unnecessary.
 */
void node_link_ready(struct node *n, uint64_t now_us, unsigned link, size_t bytes);
/* Where a plain link stands: its link-local address, and the IPv4 address of the interface or NULL. Another link-local
 * address is another router to the neighbours: the link must be down (-EBUSY). A plain link without comes not up. */
int node_plain_address(
	struct node *n, uint64_t now_us, unsigned link, const struct address *self, const struct address *ipv4);
enum node_direction { NODE_IN, NODE_OUT };
#define NODE_RULE_MAX 32 /* per link and direction */
/* An operator steers (babel.h, babel_link_steer() and babel_drain()): the link costs so much more, both ways, while it
 * is there; ways by this node cost others so much more. 0 ends it. */
void node_link_steer(struct node *n, uint64_t now_us, unsigned link, uint16_t cost);
void node_drain(struct node *n, uint64_t now_us, uint16_t cost);

/* What is believed of the neighbours of a link, and what they are told (policy.c). What no rule matches passes,
 * but on the way in by a plain link it is refused. Adjacencies stay. -EINVAL, -ENOMEM. */
int node_policy_set(struct node *n, uint64_t now_us, unsigned link, enum node_direction direction,
	const struct rule *rules, unsigned count);

#define NODE_MAC_KEYS_MAX BABEL_MAC_KEYS_MAX
/* A plain link is authenticated (RFC 8967): packets carry a MAC of each key, and are let in if one of theirs matches,
 * or `is_lenient`. Neighbours that have one of the new keys stay. Without keys it is not. -EINVAL, -ENOMEM. */
int node_mac_set(struct node *n, unsigned link, const struct secret_packet_key *keys, unsigned count, bool is_lenient);
/* NULL: the link is down, or not authenticated. */
const struct babel_mac_counters *node_mac_counters(const struct node *n, unsigned link);

/* --- frames and packets ------------------------------------------------------------ */

/* A received frame. It is opened, and forwarded sealed again, where it lies; nothing around it is touched, so that
 * frames may lie side by side. */
struct node_frame {
	struct endpoint from;
	uint8_t *data;
	size_t len;
};
/* Whether it carries something, sealed. The upper two bits of a thin frame that is no data are zero. */
static inline bool node_frame_is_data(bool is_thin, struct bytes frame)
{
	return frame.len && (is_thin ? frame.data[0] & 0xc0 : frame.data[0] == FRAME_TYPE_DATA);
}
/* Frames of one link, in the order in which they came. What becomes of them lies where they do until the call returns
 * (struct node_output). */
void node_frames_in(struct node *n, uint64_t now_us, unsigned link, struct node_frame *frames, size_t count);

/* One Babel packet from a plain link (UDP payload). */
void node_babel_in(
	struct node *n, uint64_t now_us, unsigned link, const struct babel_sender *from, struct bytes packet);

/* Seals `inner` (kind byte first), whatever it is, to that neighbour, as whoever has our keys could: for tests of what
 * others make of it. -ENOENT: nobody is there; -EMSGSIZE: more than the link takes. */
int node_inner_send(
	struct node *n, uint64_t now_us, unsigned link, const struct address *neighbour, struct bytes inner);

struct node_packet {
	uint8_t *data; /* NODE_HEADROOM free bytes before, NODE_TAILROOM behind len */
	size_t len;
};
/* IP packets from this host (TUN). Bad ones are dropped and counted. */
void node_packets_in(struct node *n, uint64_t now_us, struct node_packet *packets, size_t count);

/* --- classes of traffic ----------------------------------------------------------------- */

/* Which packets that enter here are of which class, and how much of each one source may send; in place of what was
 * said before. At first: by DSCP, and of command no more than a share of the link (police.c). -EINVAL, -ENOMEM. */
int node_classes_set(struct node *n, const struct traffic_policy *policy);
/* Packets that the rule decided about since they were set. */
uint64_t node_rule_packets(const struct node *n, unsigned rule);

/* --- own prefixes and certificates --------------------------------------------------- */

/* Announces a prefix behind this node: only one that its certificate names.
 * -EACCES, -EEXIST, -ENOMEM. */
int node_originate(struct node *n, uint64_t now_us, const struct prefix *prefix);
/* The same of what the host's kernel has a route to, at a metric of its own. */
int node_redistribute(struct node *n, uint64_t now_us, const struct prefix *prefix, uint16_t metric);
int node_withdraw(struct node *n, uint64_t now_us, const struct prefix *prefix); /* -ENOENT */
/* A certificate given at enrolment. -EBADMSG, -EKEYREJECTED, -EKEYEXPIRED, -ENOSPC. */
int node_certificate_add(struct node *n, struct bytes encoded);
/* A certificate kept from before. With the right proof its signature is not verified
 * again, and it is not handed out to be stored. `proof` may be NULL. Errors as above. */
int node_certificate_restore(struct node *n, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN]);
/* The proof to keep beside a certificate from node_dump_certificates(). */
void node_certificate_prove(const struct node *n, const struct certificate *c, uint8_t proof[CERTIFICATE_PROOF_LEN]);

/* --- who is out (revoke.c) ------------------------------------------------------------- */

/* A list, from whoever. It is told to the neighbours at once, and acted on when it is stored. 0; -EBADMSG: malformed;
 * -EKEYREJECTED: not signed by this deployment's authority; -EALREADY: it is ours; -ESTALE: ours is newer; -ENOMEM. */
int node_revocation_add(struct node *n, uint64_t now_us, struct bytes encoded);
/* The one that was kept, before any link is added. Errors as above. */
int node_revocation_restore(struct node *n, struct bytes encoded);
void node_revocation_stored(struct node *n, uint64_t now_us);
/* The newest that is known; empty: none. */
struct bytes node_revocation(const struct node *n);
/* The key of that list's number, in the place of the deployment's (rotate.c): stored, used, and told to the neighbours.
 * 0; -EBADMSG: malformed; -EKEYREJECTED: not signed by this deployment's authority; -EALREADY: it is ours; -ESTALE:
 * ours is newer; -ENOENT: no list of its number is known here, nor a newer one: hand that in first. */
int node_key_add(struct node *n, uint64_t now_us, struct bytes encoded);
/* As store_keys() had them, before any link is added. -EBADMSG, -EKEYREJECTED: of one, and the others are
 * used. */
int node_keys_restore(struct node *n, struct bytes encoded);
void node_keys_stored(struct node *n, uint64_t now_us);
uint16_t node_key_number(const struct node *n); /* in use; 0: the one of the enrolment */
bool node_is_revoked(const struct node *n, const struct certificate *c);
/* Is it a guest's, and is its time over (guest.c)? Then it is out as well. */
bool node_guest_has_ended(const struct node *n, const struct certificate *c);
/* For how long it goes on if nothing is heard; 0: it is no guest's, or out. */
uint64_t node_guest_left_us(const struct node *n, const struct certificate *c);
/* Has it come round that this member acts on the same list? False where there is none (aware.c). */
bool node_is_aware(const struct node *n, const struct certificate *c);

/* --- messages (message.h tells how they travel) ------------------------------------------- */

/* Writes to the member of that name; it leaves when it is stored and there is a way. `date`: minutes since 1970; 0: not
 * known. *number: what its sender calls it by. -ENOENT: nobody of that name is known; -EKEYREVOKED: whoever had it is
 * out; -EINVAL: it is empty or too long, or the name is this node's; -ENOBUFS: too many wait; -ENOMEM. */
int node_message_send(struct node *n, uint64_t now_us, const char *name, struct bytes text, bool is_urgent,
	uint32_t date, uint32_t *number);
/* What was kept under the key of store_message(), `pause_us` ago; before any link is added. -EBADMSG: it is damaged, or
 * of a newer version; -EKEYREJECTED: it is another node's; -ENOMEM. */
int node_message_restore(struct node *n, uint64_t now_us, struct bytes key, struct bytes value, uint64_t pause_us);
/* It is on the disk; or, false, it cannot be for now: then it goes on all the same, and is not answered for. May be
 * said again when it is. */
void node_message_stored(struct node *n, uint64_t now_us, struct bytes key, bool is_kept);
/* All, in the order in which they were made or came. */
void node_dump_messages(const struct node *n, void (*each)(void *arg, const struct node_message *message), void *arg);
/* The key under which a message of this box and number is kept; for who waits for it to be stored. */
struct bytes node_message_key(
	enum node_message_box box, const uint8_t id[NODE_MESSAGE_ID_LEN], uint8_t out[NODE_KEPT_KEY_MAX]);

/* --- who is to belong (admit.c) ---------------------------------------------------------- */

/* The authority's answer to a machine that asked (grant_encode()): told to all members, and by them to the machine, for
 * an hour. 0; -EBADMSG: malformed; -EKEYREJECTED: not of this deployment's authority; -EKEYEXPIRED; -EKEYREVOKED;
 * -EALREADY: its certificate is known here; -ENOSPC, -ENOMEM. */
int node_grant_add(struct node *n, uint64_t now_us, struct bytes encoded);

/* --- what clocks say, for people only (clock.c) ------------------------------------------ */

/* The machine's clock, whatever it is worth: said now and then, and at once when somebody has set it. */
void node_clock_set(struct node *n, uint64_t now_us, uint64_t unix_s);
enum node_clock_state {
	NODE_CLOCK_GOOD, /* for all that is known */
	NODE_CLOCK_UNSET, /* earlier than it can be */
	NODE_CLOCK_PAST, /* this node's certificate has ended, if it is right */
	NODE_CLOCK_APART, /* most neighbours' are two minutes from it, or more */
};
struct node_clock {
	enum node_clock_state state;
	int64_t date_s; /* what it says, since 1970 */
	unsigned witnesses, apart; /* neighbours whose clocks are known, and not wrong by themselves; those that are far
				      from ours */
	int64_t ahead_s; /* ours, of the one in their middle */
};
struct node_clock node_clock(const struct node *n, uint64_t now_us);

/* --- looking inside ------------------------------------------------------------------- */

/* clang-format off */
#define NODE_DROPS(X) \
	X(unknown_type) X(truncated) X(unknown_session) X(not_authentic) X(replayed) X(session_expired) X(unknown_kind) \
	X(mac1_wrong) X(rate_limited) X(handshake_unexpected) X(handshake_failed) X(certificate_refused) X(tables_full) \
	X(beacon_foreign) X(packet_malformed) X(no_route) X(hop_limit) X(too_big) X(no_session) X(not_forwardable) \
	X(link_down) X(bulk_not_admitted) X(control_malformed) X(not_fresh) X(queue_full) X(queue_late) X(queue_gone) X(policy_denied) \
	X(pieces_lost) X(not_expandable) X(bulk_over_limit) X(introduction_refused) X(reach_limited) X(reach_stray) \
	X(came_back) X(list_refused) X(list_first) X(key_refused) X(guest_denied) X(message_malformed) X(message_limited) X(message_refused) \
	X(message_again)
/* clang-format on */
struct node_drops {
#define NODE_DROP_FIELD(name) uint64_t name;
	NODE_DROPS(NODE_DROP_FIELD)
#undef NODE_DROP_FIELD
};

struct node_counters {
	uint64_t packets_in; /* from the host */
	uint64_t packets_delivered; /* from the mesh to the host */
	uint64_t packets_forwarded; /* to a neighbour, wherever they came from */
	uint64_t packets_fallen; /* of a class that had no route here: they go on in the base topology */
	/* Of a class, beyond what its source may send: text and command go on as bulk does, bulk is dropped. */
	uint64_t over_limit[TRAFFIC_CLASSES];
	uint64_t icmp_sent; /* errors, in none of the others */
	uint64_t fragments_more; /* made beyond the first of a packet */
	uint64_t header_bytes_saved; /* of packets, on thin links */
	uint64_t packets_joined; /* IP packets that came in pieces or in a bundle */
	uint64_t pieces_sent; /* of what thin links do not take at once */
	uint64_t introductions_made; /* of two neighbours to each other */
	uint64_t probes_sent; /* of how large a frame arrives */
	uint64_t questions_sent; /* to next hops in use that were silent */
	uint64_t suspects, deaths; /* of them, by questions that stayed unanswered */
	uint64_t suspects_wronged; /* suspects that were heard again before they were thought dead */
	uint64_t messages_sent, messages_received, messages_passed; /* passed: of others, to the next hop */
	uint64_t messages_said; /* frames about messages, to neighbours; in the lane of text */
	uint64_t handshakes_started, handshakes_completed, beacons_sent, beacons_received, cookies_sent;
	struct node_drops drops;
};
const struct node_counters *node_counters(const struct node *n);
/* Sets *name and returns the value of the i-th drop reason; *name is NULL past the last. */
uint64_t node_drop_at(const struct node_drops *drops, unsigned i, const char **name);

/* A table that others can fill. */
struct node_table {
	const char *name; /* NULL: none */
	size_t used, limit;
};
/* The i-th one, those of the routing engine not included (babel_table_at()). */
struct node_table node_table_at(const struct node *n, unsigned i);

/* The lanes of a link's queue, in the order in which they are served. */
#define NODE_LANE_CONTROL 0
#define NODE_LANES 4
const char *node_lane_name(unsigned lane); /* "control", "command", "text", "bulk" */
struct node_lane_info {
	size_t packets, bytes; /* waiting */
	uint64_t sent_bytes; /* all headers included */
	uint64_t full; /* dropped: no room */
	uint64_t late; /* dropped: waited for too long (CoDel) */
	uint64_t gone; /* dropped: its neighbour or the link was lost meanwhile */
	uint64_t marked; /* congestion experienced, instead of being dropped */
	uint64_t begun; /* of those that wait or were dropped: pieces of them have left */
};

struct node_link_info {
	unsigned id;
	struct node_link_config config;
	bool up;
	unsigned neighbours; /* with a live session */
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	struct node_drops drops;
	struct endpoint stranger; /* who spoke here with the keys of another deployment last ... */
	uint64_t strange_frames; /* ... and how many such frames there were */
	unsigned control_permille; /* of the link's capacity: what nodes said to each other in the last ten seconds */
	uint64_t learned_bps; /* rate, from what it took while more waited; 0: not known */
	struct node_lane_info lanes[NODE_LANES];
};

struct node_peer_info {
	unsigned link;
	router_id rid;
	struct address address; /* in the mesh */
	const struct certificate *certificate;
	struct endpoint endpoint;
	bool is_up; /* a session is established */
	uint64_t up_since_us, last_heard_us;
	bool has_classes; /* it speaks of them */
	uint64_t over_limit[TRAFFIC_CLASSES]; /* packets of a class that it sent beyond what it may */
	bool is_introduced; /* by: */
	router_id introducer;
	size_t frame_max; /* the largest that is sent to it whole */
	bool is_probed; /* ... because no larger one arrives; else the link takes no more */
};

#define NODE_HEARSAY_MAX 4 /* per link */
/* Who is heard on the link, and is no neighbour: it does not hear us, or does not answer. False: no more than i. */
struct node_hearsay {
	const struct certificate *certificate; /* NULL: not known */
	uint64_t since_us, heard_us;
};
bool node_heard_only(const struct node *n, uint64_t now_us, unsigned link, unsigned i, struct node_hearsay *out);

#define NODE_MEETINGS_MAX 32
/* A member of whom a neighbour said where it is. */
struct node_meeting_info {
	unsigned link;
	const struct certificate *certificate; /* NULL: not known (yet) */
	router_id introducer;
	struct endpoint endpoint; /* where it is said to be */
	unsigned tries; /* calls there */
	uint64_t called_us; /* the last of them */
	bool is_direct; /* it is a neighbour; else packets go through the introducer as before */
};

void node_dump_links(const struct node *n, void (*each)(void *arg, const struct node_link_info *info), void *arg);
void node_dump_peers(const struct node *n, void (*each)(void *arg, const struct node_peer_info *info), void *arg);
void node_dump_meetings(const struct node *n, void (*each)(void *arg, const struct node_meeting_info *info), void *arg);
/* By its link-local address on the link. */
bool node_find_peer(const struct node *n, unsigned link, const struct address *neighbour, struct node_peer_info *info);
/* Since when it has been up, or was; 0: never. */
uint64_t node_peer_since(const struct node *n, unsigned link, const struct address *neighbour);
void node_dump_certificates(const struct node *n, void (*each)(void *arg, const struct certificate *c), void *arg);
/* NULL if unknown. */
const struct certificate *node_certificate_of(const struct node *n, const router_id *rid);
const struct certificate *node_certificate(const struct node *n); /* own */
struct address node_address(const struct node *n);
struct prefix node_deployment(const struct node *n);
/* The link-local address by which the routing engine knows a neighbour with this router-id. */
struct address node_neighbour_address(const router_id *rid);
const struct babel *node_babel(const struct node *n);
unsigned node_damage(struct node *n); /* for simulators: babel_damage() */
/* What the data path would do with a packet to `to`. */
enum node_verdict {
	NODE_VERDICT_OWN,
	NODE_VERDICT_ROUTE, /* to a sealed neighbour */
	NODE_VERDICT_NATIVE, /* the kernel sends it to a plain one */
	NODE_VERDICT_HELD,
	NODE_VERDICT_NONE
};
enum node_verdict node_lookup(const struct node *n, const struct address *to, struct prefix *match);
/* Where a packet goes that is for `prefix` and that nothing longer matches; *class is what it came with, and then what
 * it goes on as. False: to nobody, or to the host. */
struct node_way {
	unsigned link;
	struct address neighbour; /* link-local, as the routing engine knows it */
	uint64_t since_us; /* when the session with it was proven: node_peer_since() */
};
bool node_way(const struct node *n, const struct prefix *prefix, enum packet_class *class, struct node_way *way);
/* What that looks at is fetched into caches: step 0, and some time later step 1. */
void node_way_fetch(const struct node *n, const struct prefix *prefix, unsigned step);
/* Where packets of a route's class go, with nobody told, while its next hop is not there. False: nowhere. */
bool node_backup(const struct node *n, const struct prefix *prefix, enum babel_class class, struct node_way *way);

/* --- reach.c: does a class of traffic get to an address, and how well? --- */

enum node_reach_state {
	NODE_REACH_UNASKED,
	NODE_REACH_WAITING,
	NODE_REACH_WORKS,
	NODE_REACH_FAILS,
	NODE_REACH_UNKNOWN, /* no answer */
};
/* Where the question ended, as it goes over the wire. */
enum node_reach_end {
	NODE_REACH_ARRIVED, /* at the node whose address it is, or behind which it lies */
	NODE_REACH_EDGE, /* at a gateway: beyond it others are asked */
	NODE_REACH_NO_ROUTE,
	NODE_REACH_NOT_ADMITTED, /* the next link is too thin for bulk: it is the slowest one of the answer */
	NODE_REACH_TOO_FAR, /* 32 hops, or a circle */
	NODE_REACH_BUSY, /* UNKNOWN: the next link has no room for it now */
	NODE_REACH_SILENT, /* UNKNOWN, and never on the wire: it left, and nobody answered */
	NODE_REACH_ENDS
};
struct node_reach {
	enum node_reach_state state;
	enum node_reach_end end; /* unless unasked or waiting */
	uint64_t at_us; /* when that was known */
	uint64_t worked_us; /* when it worked last; 0: it never did */
	uint64_t rtt_us; /* there and back, in the lanes of the class; 0: it ended here */
	unsigned hops; /* there */
	bool fell_there, fell_back; /* for a part of the way there was none of the class: it went by that of text */
	bool is_rate_unknown; /* of a hop or more */
	unsigned slow_hop; /* the slowest of those whose rate is known, from 1; 0: none is */
	uint64_t slow_bps;
	router_id slow_from, slow_to;
	router_id ended_at;
};
/* Asks; node_reach() tells. While an answer is waited for, 14 s or more if the first link is slow, it is not asked
 * again. What was asked about eight other addresses since is forgotten. -EINVAL, -ENOMEM. */
int node_reach_ask(struct node *n, uint64_t now_us, const struct address *to, unsigned class);
struct node_reach node_reach(const struct node *n, const struct address *to, unsigned class);

/* Short-ids that more than one known member has: of these thin links carry the full names. Nothing is looked at
 * before a thin link asks. */
size_t node_shared_short_ids(const struct node *n);
bool node_has_duplicate(const struct node *n); /* another machine was heard with our keys */

#endif
