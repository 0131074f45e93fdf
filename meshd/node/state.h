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
#include "meshd/node/path.h"
#include "meshd/node/thin.h"
#include "meshd/node/egress.h"

#define MS 1000ull
#define SECOND 1000000ull

#define HANDSHAKES_MAX 64 /* theirs, pending; own ones are bounded by targets and callings */
#define ANSWERED_MAX 32 /* messages that are known again */
#define CALLINGS_MAX 64 /* own handshakes under way */
#define CERTIFICATE_WANTS_MAX 64
#define HANDSHAKE_MAX (16 + NOISE_MESSAGE_MAX) /* a handshake frame without its two macs */
#define ECHO_LEN 8
#define PAIRS_MAX 64 /* of neighbours that were introduced to each other */
#define CROSSING_US (5 * SECOND) /* two handshakes of one pair this close are one meeting, */
#define CROSSING_THIN_US (20 * SECOND) /* where they wait for the budget, too */

enum frame_type {
	FRAME_INIT = 1,
	FRAME_RESP = 2,
	FRAME_FIN = 3,
	FRAME_COOKIE = 4,
	FRAME_BEACON = 5,
	FRAME_PART = 6, /* of one of the first three; thin links only */
	FRAME_PLEA = 7, /* in the open: is there an answer for these keys? (admit.c) */
	FRAME_ANSWER = 8, /* ... some bytes of it */
};
/* What a process tells in its handshakes that it can do. */
enum capability {
	CAPABILITY_VERSIONS = 1, /* routes by version and digest (babel_neighbour_session()) */
	CAPABILITY_COMPACT = 2, /* ... and members by their short-ids (babel_neighbour_compact()) */
	CAPABILITY_CLASSES = 4, /* ... of all classes, which packets' frames name */
	CAPABILITY_MEET = 8, /* on this link: it wants to be introduced (meet.c) */
	CAPABILITY_PROBES = 16, /* it answers probes, and joins pieces on any link (probe.c) */
	CAPABILITY_AWARE = 64, /* it tells who has the list of who is out (aware.c) */
	CAPABILITY_MESSAGES = 128, /* it takes messages (message.h) */
	CAPABILITY_CLOCK = 512, /* it says, and hears, what clocks say (clock.c) */
	CAPABILITY_LIST = 32, /* of this handshake: the mark of a list of who is out follows (revoke.c) */
	CAPABILITY_GRANTS = 256, /* it passes the authority's answers on (admit.c) */
	CAPABILITY_KEYS = 1024, /* it takes keys in the place of the deployment's (rotate.c) */
};
enum icmp_error { ICMP_NO_ROUTE, ICMP_PROHIBITED, ICMP_TIME_EXCEEDED, ICMP_TOO_BIG };
enum inner_kind {
	KIND_IP = 0,
	KIND_BABEL = 1,
	KIND_CONTROL = 2,
	KIND_PIECE = 5, /* thin links only, as those that follow */
	KIND_BUNDLE = 6,
	KIND_COMPRESSED = 7,
	KIND_MESSAGE = 8, /* message.h; on any link */
	KIND_MULTICAST = 0x80
};
/* A host's packet has its class (enum packet_class) in its kind, which is sealed: who looks on does not see
 * what is urgent. */
#define KIND_CLASS 0x60
#define KIND_CLASS_SHIFT 5
static inline uint8_t kind_base(uint8_t kind)
{
	uint8_t base = (uint8_t)(kind & ~KIND_CLASS);

	return base == KIND_IP || base == KIND_COMPRESSED ? base : kind;
}
static inline bool kind_is_packet(uint8_t kind) /* of a host */
{
	return kind_base(kind) == KIND_IP || kind_base(kind) == KIND_COMPRESSED;
}
static inline enum packet_class class_of_kind(uint8_t kind)
{
	return (enum packet_class)((kind & KIND_CLASS) >> KIND_CLASS_SHIFT);
}
static inline uint8_t kind_of_class(enum inner_kind base, enum packet_class class)
{
	return (uint8_t)((unsigned)base | (unsigned)class << KIND_CLASS_SHIFT);
}

#define DROP(n, link_, reason)                                                                                         \
	do {                                                                                                           \
		(n)->counters.drops.reason++;                                                                          \
		if (link_)                                                                                             \
			((struct node_link *)(link_))->drops.reason++;                                                 \
	} while (0)

struct peer;
struct packet;
struct handshake;
struct handshake_remote;
struct revocations;
struct admissions;
struct aware;
struct aware_peer;
struct messages;

/* --- bucket.c --------------------------------------------------------------------------- */

struct bucket {
	uint64_t busy_until_us;
};
/* One token per interval, `burst` (at least 1) at once; false: none left. */
bool bucket_take(struct bucket *b, uint64_t now_us, uint64_t interval_us, unsigned burst);
/* What takes `price_us` to work off; false: what was taken before is further ahead than that. */
bool bucket_pour(struct bucket *b, uint64_t now_us, uint64_t price_us, uint64_t ahead_us);

/* What a source has sent of each class, and how much of it was beyond the limit (police.c). */
struct policer {
	struct bucket sent[TRAFFIC_CLASSES]; /* at the rate that it may have */
	uint64_t over[TRAFFIC_CLASSES]; /* packets */
};

/* What the operator says of classes (classify.c, police.c). */
struct node_classes {
	struct traffic_policy policy;
	uint64_t rule_packets[TRAFFIC_RULES_MAX]; /* that each rule decided about */
};

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
	bool has_id;
	uint8_t id[NODE_ID_LEN]; /* of who answered last */
	unsigned tries;
	struct timer timer;
};

/* A key of the deployment, and what is made of it (keys.c). */
enum key_use {
	KEY_FOR_ALL, /* mac1 of messages whose responder is not known, and macs of parts */
	KEY_FOR_US, /* mac1 of messages to us */
	KEY_FOR_BEACONS,
	KEY_USES
};
struct node_key {
	struct secret_deployment_key key; /* number 0: of the enrolment, and nobody has signed it */
	uint8_t made[KEY_USES][KEY_LEN];
};
#define KEYS_MAX 4 /* so many macs may have to be made for a frame */

/* How often it fell of late (damper.c). */
struct damper {
	uint32_t penalty; /* at fell_us, in parts of 256 of a fall */
	uint64_t fell_us;
};
void damper_fell(struct damper *d, uint64_t now_us);
/* For how long its cost is inflated when it is up again now. */
uint64_t damper_hold_us(const struct damper *d, uint64_t now_us);

#define RECALLS_MAX 4

/* Who was there when the link went down (call.c). */
struct recall {
	uint8_t id[NODE_ID_LEN];
	struct endpoint endpoint;
	uint16_t key_number; /* which it has */
};

/* Whose beacons are heard, and who is no neighbour. */
struct hearsay {
	uint8_t id[NODE_ID_LEN];
	uint64_t since_us, heard_us; /* 0: a free place */
};

struct node_link {
	struct node *n;
	unsigned id;
	struct node_link_config config;
	bool up;
	bool has_guest; /* there was one */
	uint16_t steer_cost; /* node_link_steer() */
	struct target targets[NODE_TARGET_MAX];
	struct damper damper; /* of its carrier */
	struct timer beacon;
	unsigned beacons; /* since the link came up */
	uint64_t beacon_us; /* when the last one was sent */
	uint64_t beacon_pause_us; /* after it; 0: as usual */
	unsigned newest_said; /* beacons with the newest key since the last one that all can hear */
	struct bucket calls_by_beacon;
	struct recall recalls[RECALLS_MAX];
	unsigned recall_count;
	struct bucket reaches; /* what of reach.c may go beyond the routine budget */
	struct hearsay hearsay[NODE_HEARSAY_MAX];
	struct endpoint stranger; /* who spoke here with other keys last ... */
	uint64_t strange_frames; /* ... and how often that was, */
	uint64_t strange_us; /* ... and when last; 0: never */
	struct list peers;
	struct shaper shaper;
	struct budget budget;
	enum babel_need need; /* of the Babel packet that comes next */
	struct egress *egress; /* NULL: nothing has had to wait yet */
	unsigned waiting; /* packets in it */
	struct timer dequeue;
	enum lane lane; /* of what is being sent */
	uint64_t lane_bytes[NODE_LANES]; /* sent, all headers included */
	struct plain *plain; /* of a plain link */
	struct policy *policy; /* NULL: there are no rules */
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	struct node_drops drops;
	struct thin_link *thin; /* NULL: its frames are not */
};

/* Where the count of the session that was heard last stood (order.c). */
struct order {
	uint32_t index;
	uint64_t since_us, marked_us;
	uint64_t head_before, head;
};

#define RUMOURS_MAX 8

/* A beacon of another process than the one that we know of. */
struct rumour {
	uint32_t epoch;
	uint64_t heard_us; /* 0: a free place */
};

enum detect_state { DETECT_SOUND, DETECT_SUSPECT, DETECT_DEAD };

/* Whether a next hop in use is there (detect.c). */
struct detector {
	uint64_t interval_us; /* between questions; 0: none are asked on its link */
	uint64_t used_us; /* when a packet went there last */
	uint64_t asked_us; /* the first of `asked` questions since it was heard */
	uint64_t due_us; /* of the timer */
	unsigned asked, misses_least;
	uint16_t asked_number, answered_number; /* of the last question; of the last that was answered */
	uint32_t loss; /* of questions, in parts of 65536 */
	uint32_t rtt_us, rtt_var_us;
	uint64_t died_us; /* when it was last thought dead; 0: never, or it is known why */
	uint32_t late_us; /* an answer that came after that, and was under way before: it was not dead, only as late as
			     this */
	uint64_t late_seen_us; /* ... and when that was */
	bool has_rtt;
	struct damper wronged; /* it was a suspect, and was heard; */
	uint64_t spared_us; /* until then text stays with it */
	bool is_left; /* a suspect that text leaves, too */
	bool is_doomed; /* the sockets are read once more */
	enum detect_state state;
	struct timer timer;
};

struct peer {
	struct list on_link;
	struct node *n;
	struct node_link *link;
	uint8_t dh[KEY_LEN];
	uint8_t id[NODE_ID_LEN];
	router_id rid;
	uint8_t number; /* among peers, by which backups name it; 0: it has none, and is no backup */
	uint32_t ways; /* of the forwarding table by it, or more than there are */
	struct address address; /* link-local, as the routing engine knows it */
	struct address mesh_address;
	const struct certificate *certificate;
	bool is_guest; /* it says so */
	struct endpoint endpoint;
	struct secret_keyring keys;
	struct index indices[3]; /* current, pending, previous */
	uint32_t epoch; /* of the remote process */
	bool has_epoch;
	struct rumour rumours[RUMOURS_MAX]; /* beacon.c */
	uint16_t capabilities; /* ... and what it can do */
	uint32_t pending_epoch; /* of who started the pending session */
	uint16_t pending_capabilities;
	uint32_t list_mark, pending_list_mark; /* of the list of who is out that it holds (revoke.c) */
	uint64_t list_said_us, mark_said_us; /* to it */
	unsigned list_says; /* since it was last heard to hold another one */
	struct bucket lists; /* of its that are looked at */
	uint16_t key_number, pending_key_number; /* the newest key that it is known to have (rotate.c) */
	uint64_t key_next_us; /* it is not told another one before */
	unsigned key_says;
	struct bucket keys_in; /* of its that are looked at */
	struct bucket grants_in; /* likewise of answers of the authority */
	uint16_t grants; /* that it has, by their places (admit.c) */
	bool has_clock; /* it said what its clock says: */
	int64_t clock_base_s; /* that, less the seconds of our time when it said so */
	struct aware_peer *aware; /* NULL: nothing passed yet */
	bool is_up; /* a session was proven, and the process behind it is the same */
	bool is_silent; /* nothing heard for too long, and no answer since */
	bool initiated; /* the current session was started by us */
	uint64_t session_us, up_since_us, heard_us, sent_us, alive_told_us, busy_told_us, pending_us, confirm_us;
	uint64_t look_us; /* at peace: when it is looked at even if it is heard */
	unsigned silent_tries;
	uint64_t echo_asked_us; /* 0: it was not asked, or has answered */
	uint8_t echo[ECHO_LEN];
	struct order order;
	struct list joins;
	uint16_t raw_ids[RAW_IDS_MAX]; /* short-ids that it cannot make a packet of ... */
	unsigned raw_count;
	bool is_raw; /* ... or not of any */
	uint64_t raw_until_us;
	struct bucket raw_says; /* what we say of that kind */
	struct policer policer; /* of what it sends through this node */
	uint64_t relayed_us; /* when a packet that it sent through us to another was looked at (meet.c) */
	struct bucket introductions; /* that are believed */
	struct bucket reaches; /* questions and answers of reach.c that come from it */
	struct bucket messages; /* ... and what is said of messages */
	unsigned offers; /* of messages to it that are not answered */
	uint8_t cut_id; /* of the next inner frame that is cut */
	struct path path; /* how large a frame arrives there, if that is probed */
	struct timer probe;
	struct detector detector;
	struct damper damper;
	struct timer timer; /* confirm, keepalive, silence, rekey */
	uint8_t fin[HANDSHAKE_MAX + 2 * MAC_LEN]; /* last XX message, repeated until the peer is heard */
	size_t fin_len;
	uint16_t said_key; /* the number of the key that these two were made with */
	uint8_t answer[HANDSHAKE_MAX + 2 * MAC_LEN]; /* to the IK message that made the pending session ... */
	size_t answer_len;
	uint8_t answered_mac1[MAC_LEN]; /* ... which had this mac1: repeated if it comes again */
};

struct handshake {
	struct list on_node;
	struct node *n;
	struct node_link *link;
	bool initiator;
	struct secret_noise noise;
	struct index index;
	uint32_t remote_index;
	uint16_t key_number; /* of the deployment's key that it is made with */
	bool is_guess; /* whether the remote has that key is not known */
	struct endpoint endpoint;
	struct target *target; /* initiator: who is called; may be NULL */
	bool has_callee; /* thin: who is called, if it is known */
	uint8_t callee[NODE_ID_LEN];
	bool is_stranger; /* it was known by a hash that we do not know */
	bool has_remote; /* the remote's identity is expected */
	uint8_t remote_id[NODE_ID_LEN];
	uint64_t started_us;
	bool has_cookie;
	uint8_t cookie[COOKIE_LEN];
	uint8_t mac1[MAC_LEN]; /* of the message last sent */
	uint8_t asked_mac1[MAC_LEN]; /* responder: of the message that is answered */
	uint8_t mac_key[KEY_LEN]; /* of messages that we send */
	uint8_t message[HANDSHAKE_MAX]; /* the message last sent, without macs, for repetition */
	size_t message_len;
	unsigned sends;
	struct timer timer;
};

/* A certificate that is needed to judge an update. */
struct want {
	router_id rid;
	unsigned link;
	struct address neighbour; /* who announced it */
	bool is_asked;
	uint64_t first_us, since_us; /* wanted, asked for the last time */
};

/* A message that started a handshake with us (answer.c). */
struct answered {
	uint8_t mac1[MAC_LEN];
	uint64_t at_us; /* when it was last answered */
	unsigned count; /* 0: a free place */
};

struct known {
	struct map_entry by_rid; /* key: the router-id from ROUTER_ID_FREE on */
	struct known *next; /* in the order in which they were learned */
	uint64_t since_us; /* this certificate is known here */
	uint64_t newer_asked_us; /* is there another one? */
	bool has_ended; /* a guest's: it was said */
	uint64_t learned_us; /* in this life, of a neighbour: for a while others may not know it yet; 0: not so */
	const struct node_member *member;
	struct node_member own[]; /* unless the owner shares members */
};

struct node {
	struct node_output output;
	void *user;
	struct enrolment enrolment;
	uint8_t certificate_bytes[CERTIFICATE_MAX_LEN];
	size_t certificate_len;
	struct time_floor time_floor;
	uint64_t floor_us; /* when it was known */
	struct random random;
	router_id rid; /* of this process: other first bytes if the seqno was lost */
	uint8_t id[NODE_ID_LEN];
	struct address address;
	struct prefix deployment;
	uint32_t epoch; /* of this process, random */
	uint16_t capabilities; /* of this process */
	bool is_wordless; /* node.h */
	uint64_t due_us; /* when node_poll() asked to be called */
	uint64_t now_us; /* of the call that is under way */
	struct node_key keys[KEYS_MAX]; /* newest first */
	unsigned key_count;
	struct secret_deployment_key next_key; /* is being stored; number 0: none */
	uint8_t proof_key[KEY_LEN]; /* of certificates that this node verified */
	struct babel *babel;
	struct heap heap;
	struct node_link *links[NODE_LINK_MAX];
	size_t peer_count;
	struct peer *numbered[UINT8_MAX + 1]; /* peers by their number */
	struct map indices;
	struct list handshakes;
	unsigned handshakes_theirs, handshakes_own;
	struct answered answered[ANSWERED_MAX];
	struct map certificates;
	struct known *first_known, **last_known;
	const struct node_member **by_short_id; /* all of them in this order, once anybody asked: short_id.c */
	size_t by_short_id_count;
	bool short_ids_are_outdated;
	size_t shared_short_ids; /* that more than one member has */
	struct want wants[CERTIFICATE_WANTS_MAX];
	unsigned want_count;
	struct timer ask;
	struct secret_cookie_jar jar;
	struct rate_limiter *limiter;
	uint64_t loaded_until_us; /* handshakes need a cookie until then */
	uint64_t duplicate_checked_us;
	struct fib fib;
	struct pool pool; /* of packets that wait */
	struct node_classes *classes; /* NULL: nothing is said of them */
	struct policer host_policer;
	struct meet *meet; /* NULL: nobody was introduced, here or by us (meet.c) */
	struct reach *reaches; /* REACHES_MAX of them, once anybody asked */
	struct messages *messages; /* NULL: there was none yet */
	struct node_counters counters;
	unsigned join_count;
	bool has_duplicate;
	bool is_out; /* its own certificate is */
	struct revocations *revocations; /* NULL: nobody is out */
	struct aware *aware; /* NULL: there is no list to know */
	struct timer guests; /* when the next one ends */
	struct admissions *admissions; /* NULL: nobody was admitted while it ran (admit.c) */
	bool is_applicant; /* is nobody yet, and asks to be */
	bool has_clock; /* the shell said what the machine's clock says: */
	int64_t clock_base_s; /* that, less the seconds of our time */
	struct timer clock;
	bool is_leaving;
	bool believes_foreigners; /* has accepted an origin without certificate: the next certificate may forbid that */
	uint64_t refilter_us;
	struct timer refilter;
	struct bucket icmp_errors[ICMP_TOO_BIG + 1];
	struct bucket calls_by_beacon;
	struct bucket refusals_said[NODE_EVENTS];
};

/* --- room.c: how much a link takes --------------------------------------------------------- */

enum session_form link_form(const struct node_link *link);
size_t link_frame_room(const struct node_link *link); /* of an inner frame with its kind, in one frame */
size_t link_packet_max(const struct node_link *link); /* the largest IP packet; thin links cut it */
size_t link_body_max(const struct node_link *link); /* the largest body of another kind that is sent there */

static inline bool peer_speaks_of(const struct peer *p, unsigned capability) /* both ends do */
{
	return p->capabilities & p->n->capabilities & capability;
}

static inline bool peer_is_told_of(const struct peer *p, unsigned capability) /* ... and it is there */
{
	return p->is_up && !p->is_silent && peer_speaks_of(p, capability);
}

static inline bool peer_is_probed(const struct peer *p) /* how large a frame arrives there: probe.c */
{
	return p->link->config.probes_mtu && !p->link->config.is_thin && peer_speaks_of(p, CAPABILITY_PROBES);
}
/* Likewise of what gets to one neighbour. */
size_t peer_frame_max(const struct peer *p); /* a whole frame */
size_t peer_frame_room(const struct peer *p);
size_t peer_packet_max(const struct peer *p, uint8_t family); /* the largest IP packet, cut or not */

static inline bool peer_has_classes(const struct peer *p)
{
	return peer_speaks_of(p, CAPABILITY_CLASSES);
}

/* --- frame.c: what leaves and what arrives -------------------------------------------- */

/* What order.c says of a frame. */
struct freshness {
	bool is_late; /* one that was sealed after it came before it */
	bool is_overtaken; /* ... long before it */
};

/* Hands a frame to the shell, and counts it as of the link's `lane`. */
void frame_transmit(struct node_link *link, uint64_t now_us, const struct endpoint *to, struct bytes frame);
/* Seals the next frame of `o` to the peer and sends it: all of it, or on a thin link a piece that fits. False: nothing
 * is left. */
bool peer_send_next(struct peer *p, uint64_t now_us, struct outgoing *o);
/* All frames of an inner frame as in struct outgoing, one after the other. */
void peer_send_in_place(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len);
/* What nodes say to each other, in its turn; copies. What does not fit the link is dropped. */
void peer_send(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body);
/* The same, before all that waits. */
void peer_send_first(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body);
/* Seals `len` bytes that lie at the place that the session's form wants in `frame`, and sends it. `first`: the flags,
 * or the first byte of a thin frame. False: there is no session, and it was counted. */
bool peer_seal_send(struct peer *p, uint64_t now_us, uint8_t *frame, size_t len, uint8_t first);
/* Tells who looks on of an inner frame that is about to be sealed, or was opened. */
void inner_show(const struct peer *p, bool is_out, const uint8_t *inner, size_t len);
/* A frame was opened by the keys of the peer's session `index`, as its `counter`. Its inner frame has the room around
 * it that struct outgoing has. The peer may be gone afterwards. */
void inner_opened(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted, uint32_t index,
	uint64_t counter, uint8_t *inner, size_t len);
void inner_in(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len, struct freshness f);
void data_refused(struct node_link *link, int error);

/* --- thin.c, join.c: frames of thin links ------------------------------------------------ */

bool thin_send_next(struct peer *p, uint64_t now_us, struct outgoing *o);
/* What fits into one frame, is compressed, and was shown. */
void thin_send_whole(struct peer *p, uint64_t now_us, const uint8_t *inner, size_t len);
void thin_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, uint8_t *frame, size_t len);
/* A receiver index whose visible bits are used least on the link. */
uint32_t thin_index_fresh(const struct node_link *link);
/* Tells who looks on of an inner frame as it is without what links make of it (node.h, whole). */
void whole_show(const struct peer *p, bool is_out, const uint8_t *inner, size_t len);
/* compress.c: makes the headers of the packet of `o` small, if it is one and there is a rule; nothing of it was sent.
 */
void compress(struct peer *p, uint64_t now_us, struct outgoing *o);
void compressed_in(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes compressed);
/* It says that it cannot read these short-ids; none: any. */
void compress_raw_said(struct peer *p, uint64_t now_us, struct reader *r);
void piece_in(struct peer *p, uint64_t now_us, struct bytes piece, struct freshness f);
void bundle_in(struct peer *p, uint64_t now_us, struct bytes bundle, struct freshness f);
void joins_expire(struct peer *p, uint64_t now_us); /* gives up what did not grow for long */
void joins_done(struct peer *p);

/* --- peer.c ------------------------------------------------------------------------------ */

struct peer *peer_find(struct node_link *link, const uint8_t dh[KEY_LEN]);
struct peer *peer_find_id(struct node_link *link, const uint8_t id[NODE_ID_LEN]);
struct peer *peer_find_address(struct node_link *link, const struct address *link_local);
/* The one after `p` (NULL: the first), link by link; NULL: there is no other. */
struct peer *peer_next(const struct node *n, const struct peer *p);
/* Finds or makes the peer of a completed handshake; NULL: tables are full. */
struct peer *peer_get(
	struct node_link *link, uint64_t now_us, const struct certificate *c, const struct endpoint *endpoint);
void peer_free(struct peer *p, uint64_t now_us, const char *why);
/* Takes over `s` (copies and wipes it). A session that the remote started stays pending until a frame proves it:
 * until then nothing else changes, so that a replayed first message does nothing. */
void peer_session_made(
	struct peer *p, uint64_t now_us, struct secret_session *s, const struct handshake_remote *remote);
/* A frame from it was opened. */
void peer_heard(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted);
/* It answered what we said just now: it is there. */
void peer_answered(struct peer *p, uint64_t now_us);
void peer_echoed(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN]);
/* Both of us hold the same list of who is out, and it is there. */
void peer_settled(struct peer *p, uint64_t now_us);
bool peer_is_live(const struct peer *p, uint64_t now_us); /* heard of late */
bool peer_answers(const struct peer *p, uint64_t now_us); /* ... and, if it was silent, in answer to a question */
/* A packet goes to it, or came from it. */
void peer_busy(struct peer *p, uint64_t now_us);
/* The cost of the link to it is inflated for so long. */
void peer_damp(struct peer *p, uint64_t now_us, uint64_t hold_us);
unsigned link_idle_ms(const struct node_link *link); /* between Hellos to who is not busy */
bool link_is_thin(const struct node_link *link); /* every byte counts, and every frame takes long */
uint64_t link_silence_us(const struct node_link *link); /* after which a peer counts as silent */
/* The time that an answer may take there: nothing is said again, and nobody called, any sooner. */
uint64_t link_pace_us(const struct node_link *link);
void index_take(struct node *n, struct index *i, uint32_t value);
void index_drop(struct node *n, struct index *i);
uint32_t index_fresh(const struct node_link *link);
struct index *index_find(const struct node *n, uint32_t value);

/* --- order.c ------------------------------------------------------------------------------ */

/* A frame that was opened: was it held back, while others came that were sealed after it? */
bool order_is_overtaken(struct peer *p, uint64_t now_us, uint32_t index, uint64_t counter);
/* What was heard last is news: all before it is not. */
void order_begin(struct peer *p, uint64_t now_us);

/* --- handshake.c, call.c, answer.c: handshakes ------------------------------------------------ */

struct handshake_frame {
	enum frame_type type;
	bool is_ik;
	uint32_t sender, receiver; /* receiver: not in FRAME_INIT; thin: what shows of them */
	uint8_t hint; /* thin FRAME_INIT: says whom it is for (handshake_frame.c) */
	struct bytes noise;
	struct bytes before_mac1, before_mac2;
	const struct node_key *key; /* with which mac1 was made */
	uint8_t mac1[MAC_LEN], mac2[MAC_LEN];
};
/* What a handshake tells about the remote. */
struct handshake_remote {
	uint32_t epoch;
	uint16_t capabilities; /* enum capability; others of a newer version */
	uint32_t list_mark;
	uint16_t key_number; /* it has this key */
	const struct certificate *certificate; /* verified */
};
void handshake_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);
struct handshake *handshake_new(struct node_link *link, uint64_t now_us, const struct endpoint *to, bool initiator,
	enum noise_pattern pattern, const uint8_t *remote_static, const struct node_key *key);
void handshake_free(struct handshake *h);
void handshakes_drop_link(struct node_link *link);
/* Writes the next Noise message with our payload into h->message; false: it failed, and so did the handshake. */
bool handshake_write(struct handshake *h, enum frame_type type);
void handshake_send(struct handshake *h, uint64_t now_us, enum babel_need need);
/* Reads a message and, unless `remote` is NULL, whom it comes from; false: dropped, counted, `h` is as before. */
bool handshake_read(
	struct handshake *h, uint64_t now_us, const struct handshake_frame *f, struct handshake_remote *remote);
/* The session of a complete handshake, under the handshake's index; frees the handshake. */
struct peer *handshake_complete(
	struct handshake *h, uint64_t now_us, const struct endpoint *from, const struct handshake_remote *remote);
/* Both ends called each other: the one with the lower static key prevails. True if this handshake must yield. */
bool handshake_yields(const struct handshake *h, uint64_t now_us, const struct handshake_remote *remote);
/* Two machines hold our keys. */
void duplicate_seen(struct node_link *link, uint32_t epoch);

/* handshake_frame.c: how they look. */
void handshake_header_write(const struct handshake *h, enum frame_type type, struct writer *w);
/* Once the Noise message is there. */
void handshake_hint_write(struct handshake *h);
/* Of a message with its macs. */
size_t handshake_frame_len(const struct node_link *link, size_t message_len);
/* Adds the macs to h->message: the whole frame is in `out`; returns its length. */
size_t handshake_finish(struct handshake *h, uint8_t out[HANDSHAKE_MAX + 2 * MAC_LEN]);
bool handshake_frame_parse(const struct node_link *link, struct handshake_frame *f, struct bytes frame);
/* An INIT of a thin link that is said to another station of the radio. */
bool handshake_is_for_another(const struct node_link *link, const struct handshake_frame *f);
/* The key with which mac1 was made; NULL: none of ours. */
const struct node_key *handshake_key_find(const struct node_link *link, const struct handshake_frame *f);
/* In parts if it is longer than the link takes. The budget bears it: whether it may was asked before. `key`: the number
 * of the key that it was made with. */
void handshake_frame_send(struct node_link *link, uint64_t now_us, enum babel_need need, const struct endpoint *to,
	uint16_t key, struct bytes frame);
/* Of a handshake of ours that waits for this receiver index; NULL: none. */
struct handshake *handshake_waiting(const struct node_link *link, bool initiator, uint32_t receiver);

/* part.c: handshake messages longer than a thin link takes. */
void parts_send(struct node_link *link, uint64_t now_us, const struct endpoint *to, const struct node_key *key,
	struct bytes message);
/* The message that this part completes, valid until the next call; empty: none yet. */
struct bytes part_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);

/* call.c: those that we start. */
bool call_is_under_way(const struct node_link *link, const struct endpoint *to);
/* The link goes down with this neighbour, who may believe for long that the session goes on: it is called when the link
 * is up again. */
void recall_note(const struct peer *p);
/* Calls the next of them who has not come back by itself. */
void recall_next(struct node_link *link, uint64_t now_us);
struct call {
	const struct endpoint *to;
	struct target *target; /* may be NULL, as may be: */
	const uint8_t *remote_id;
	const struct node_key *key; /* which it is known to have; NULL: by turns */
	unsigned tries; /* before this one */
};
/* False if one to that endpoint is under way, or none can be started. */
bool call_start(struct node_link *link, uint64_t now_us, const struct call *c);
void call_answered(
	struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f);
void call_cookie_in(struct node_link *link, uint64_t now_us, struct bytes frame);
void call_due(struct timer *timer, uint64_t now_us);
void target_init(struct target *t, struct node_link *link);
void link_bye(struct node_link *link, uint64_t now_us); /* to all peers there, at once */
void target_kick(struct target *t, uint64_t now_us);

/* answer.c: those that are started with us. */
void answer_init(struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f);
void answer_fin(struct node_link *link, uint64_t now_us, const struct endpoint *from, const struct handshake_frame *f);
void answer_due(struct timer *timer, uint64_t now_us);

/* --- beacon.c ----------------------------------------------------------------------------------- */

void beacon_start(struct node_link *link, uint64_t now_us);
void beacon_due(struct timer *timer, uint64_t now_us);
/* A neighbour came or went: others may come. */
void beacon_hurry(struct node_link *link, uint64_t now_us);
/* A frame came with none of our keys: a member may lack the newest, or we. */
void beacon_strange(struct node_link *link, uint64_t now_us);
/* May somebody be called whose word may be a replay? Takes from what there is of such calls. */
bool beacon_may_call(struct node_link *link, uint64_t now_us);
void beacon_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);

/* --- hearsay.c: who is only heard ------------------------------------------------------------------- */

/* A frame of somebody with other keys than this deployment's. */
void stranger_heard(struct node_link *link, uint64_t now_us, const struct endpoint *from);
/* A beacon with this id; the neighbour who has it, or NULL. */
void hearsay_note(struct node_link *link, uint64_t now_us, const uint8_t id[NODE_ID_LEN], const struct peer *p);

/* --- trust.c: certificates and authorisation -------------------------------------------------------- */

/* Verifies and keeps; NULL with *error set. The certificate stays until node_free(). */
const struct certificate *trust_add(struct node *n, struct bytes encoded, int *error);
/* The same, with the proof that we verified it before; NULL or a wrong one: verifies. */
const struct certificate *trust_restore(
	struct node *n, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN], int *error);
/* The same, of what a neighbour told. */
const struct certificate *trust_learn(struct node *n, struct bytes encoded, int *error);
const char *trust_error_text(int error); /* goes on "a certificate that ..." */
const struct certificate *trust_by_hash(const struct node *n, const uint8_t hash[CERTIFICATE_HASH_LEN]);
const struct certificate *trust_by_id(const struct node *n, const uint8_t id[NODE_ID_LEN]);
const struct known *trust_by_rid(const struct node *n, const router_id *rid);
/* Of one member, which may have drawn another one since. */
bool trust_is_same_member(const router_id *a, const router_id *b);
/* The engine's question: may this update be used? (babel.h) */
struct babel_verdict trust_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric);
/* May a router that is no member be believed about `prefix`? Nothing of the deployment, nor of what a member
 * without the gateway role has in its certificate. */
bool trust_is_foreign(const struct node *n, const struct prefix *prefix);
/* Was a certificate with this key's router-id asked for? Then no longer. */
bool trust_was_wanted(struct node *n, const router_id *rid);
void trust_done(struct node *n);
void trust_ask_due(struct timer *timer, uint64_t now_us);
void trust_refilter_due(struct timer *timer, uint64_t now_us);

/* --- revoke.c: who is out ---------------------------------------------------------------------------- */

/* Of the list that this node acts on: epoch 2, hash 2; of two lists the one with the higher mark holds. 0: none. */
uint32_t revoke_mark(const struct node *n);
uint16_t revoke_epoch_of(uint32_t mark);
bool revoke_ends(const struct node *n, const struct certificate *c);
/* Both hold the same list: routes may pass. */
bool revoke_is_settled(const struct peer *p);
/* The list to whoever is behind; our mark to whoever is ahead. Not more often than an answer takes. */
void revoke_say(struct peer *p, uint64_t now_us);
void revoke_mark_told(struct peer *p, uint64_t now_us, uint32_t mark);
void revoke_mark_in(struct peer *p, uint64_t now_us, struct reader *r);
void revoke_list_in(struct peer *p, uint64_t now_us, struct reader *r); /* the peer may be gone afterwards */
void revoke_done(struct node *n);

/* --- keys.c, rotate.c: keys of the deployment, and how new ones come round --------------------------------- */

void keys_start(struct node *n);
void keys_add(struct node *n, const struct secret_deployment_key *key); /* the newest from now on */
const struct node_key *key_newest(const struct node *n);
const struct node_key *key_enrolled(const struct node *n); /* which all members have */
const struct node_key *key_numbered(const struct node *n, uint16_t number); /* or that of the enrolment */
/* The one by which `message` has this mac, of which there are `mac_len` bytes; NULL: none of ours. */
const struct node_key *key_of_mac(
	const struct node *n, enum key_use use, struct bytes message, const uint8_t *mac, size_t mac_len);
/* Who lacks our newest key is told it: not before it has our list, and not if it is out. */
bool rotate_owes(const struct peer *p);
void rotate_say(struct peer *p, uint64_t now_us);
void rotate_known(struct peer *p, uint16_t number); /* it has this key */
void rotate_key_in(struct peer *p, uint64_t now_us, struct reader *r);
void rotate_keyed_in(struct peer *p, uint64_t now_us, struct reader *r);

/* --- aware.c: who has the list of who is out --------------------------------------------------------- */

void aware_begin(struct node *n, uint64_t now_us); /* we have acted on another list */
void aware_met(struct peer *p, uint64_t now_us); /* it is up */
void aware_settled(struct peer *p, uint64_t now_us); /* it has our list, and is heard */
void aware_in(struct peer *p, uint64_t now_us, struct reader *r);
void aware_forget_peer(struct peer *p);
void aware_done(struct node *n);

/* Members who are out are neighbours no more, and what they announce is judged anew. */
void revoke_act(struct node *n, uint64_t now_us);

/* --- guest.c, guest_packet.c: members who are admitted for some things and for a while
 * ------------------------------------- */

/* The lower bound of the date, minutes since 1970: what was signed, and what has passed since. */
uint32_t guest_date_least(const struct node *n, uint64_t now_us);
bool guest_has_ended(const struct node *n, const struct certificate *c); /* by time */
void guest_learned(struct node *n, const struct certificate *c);
void guests_look(struct node *n, uint64_t now_us); /* who has ended by now? */
void guests_due(struct timer *timer, uint64_t now_us);
/* It is a neighbour, before it is told any route. */
void guest_up(struct peer *p, uint64_t now_us);
/* Of a guest: may it announce what has this origin; may it be told of this prefix? */
bool guest_may_say(const struct peer *p, const router_id *origin);
bool guest_may_hear(const struct peer *p, const struct prefix *prefix);
/* Of a guest: may this packet come from it, or go to it? */
bool guest_may_send(const struct peer *guest, const struct packet *p);
bool guest_may_get(const struct peer *guest, const struct packet *p);
/* May this message pass, that `by` has brought? */
bool guest_may_write(const struct node *n, const struct peer *by, const struct address *from, const struct address *to);
bool guest_may_ask(const struct peer *by, const struct address *about); /* what works to there */

/* --- admit.c: answers of the authority to who asks to be a member ----------------------------------------- */

void admit_grant_in(struct peer *p, uint64_t now_us, struct reader *r);
void admit_granted_in(struct peer *p, struct reader *r); /* it has it */
void admit_peer_up(struct peer *p, uint64_t now_us);
void admit_plea_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);
/* Of an applicant: asks for the next bytes of its answer; all of the link, if `to` is NULL. */
void admit_plea(struct node_link *link, uint64_t now_us, const struct endpoint *to);
void admit_answer_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame);
void admit_done(struct node *n);

/* --- clock.c: what clocks say ------------------------------------------------------------------------ */

void clock_tell(struct peer *p, uint64_t now_us);
void clock_due(struct timer *timer, uint64_t now_us);
void clock_in(struct peer *p, uint64_t now_us, struct reader *r);

/* --- short_id.c: members by their short-ids ------------------------------------------------------------ */

/* The engine's questions (babel.h). */
bool short_id_from(void *user, uint16_t from, struct babel_member *out);
bool short_id_of_origin(void *user, const router_id *origin, struct babel_member *out);
bool short_id_to_announce(void *user, const router_id *origin, struct babel_member *out);
void short_id_done(struct node *n);

/* --- control.c: what neighbours say to each other beside Babel ---------------------------------------- */

enum control_op {
	CONTROL_PING = 1,
	CONTROL_ASK = 2,
	CONTROL_TELL = 3,
	CONTROL_BYE = 4,
	CONTROL_HARK = 5,
	CONTROL_ECHO = 6,
	CONTROL_RAW = 7,
	CONTROL_MEET = 8,
	CONTROL_PROBE = 9,
	CONTROL_PROBED = 10,
	CONTROL_LIST = 11,
	CONTROL_MARK = 12,
	CONTROL_AWARE = 13,
	CONTROL_GRANT = 14,
	CONTROL_GRANTED = 15,
	CONTROL_REACH = 16,
	CONTROL_REACHED = 17,
	CONTROL_CLOCK = 18,
	CONTROL_KEY = 19,
	CONTROL_KEYED = 20,
};
void control_in(struct peer *p, uint64_t now_us, struct bytes body);
/* Inside the budget of the link; false: it has no room for it until *again_us. */
bool control_say(struct peer *p, uint64_t now_us, enum babel_need need, struct bytes body, uint64_t *again_us);
void control_ping(struct peer *p, uint64_t now_us); /* proves that we have the keys */
void control_ask_echo(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN]);
void control_bye(struct peer *p, uint64_t now_us); /* we leave: do not wait for us */
void control_raw(struct peer *p, uint64_t now_us, struct bytes short_ids); /* do not name packets by these */
/* A probe with a body of `len` bytes. */
void control_probe(struct peer *p, uint64_t now_us, uint16_t id, size_t len);
bool control_is_probe(const uint8_t *inner, size_t len); /* never cut */
/* Tells it where another neighbour is. */
void control_meet(struct peer *p, uint64_t now_us, const uint8_t id[NODE_ID_LEN], const struct endpoint *at);
/* Asks for the certificates of `count` router-ids. */
void control_ask(struct peer *p, uint64_t now_us, const router_id *rids, unsigned count);

/* --- detect.c: is it there? --------------------------------------------------------------------------------- */

void detect_init(struct peer *p);
/* It is up. The round trip is measured. */
void detect_begin(struct peer *p, uint64_t now_us);
void detect_end(struct peer *p);
void detect_due(struct timer *timer, uint64_t now_us);
void detect_used_first(struct peer *p, uint64_t now_us);
/* A packet goes to it. */
static inline void detect_used(struct peer *p, uint64_t now_us)
{
	p->detector.used_us = now_us;
	if (p->detector.interval_us && !timer_is_armed(&p->detector.timer))
		detect_used_first(p, now_us);
}
/* It was heard, and not thought to be sound. */
void detect_heard(struct peer *p, uint64_t now_us);
/* An echo of what it was asked, maybe by us. */
void detect_answered(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN]);
/* Questions in a row that stay unanswered when it is dead. */
unsigned detect_misses(const struct detector *d);
/* A next hop in use. */
bool detect_is_watching(const struct peer *p, uint64_t now_us);
uint64_t detect_interval_us(const struct node_link *link);

/* --- probe.c: how large a frame arrives --------------------------------------------------------------------- */

void probe_begin(struct peer *p, uint64_t now_us); /* it is up */
void probe_doubt(struct peer *p, uint64_t now_us); /* it is heard from elsewhere, or again: the way may be another */
void probe_due(struct timer *timer, uint64_t now_us);
void probe_answered(struct peer *p, uint64_t now_us, uint16_t id, size_t size);

/* --- meet.c: neighbours of a neighbour's -------------------------------------------------------------- */

/* A packet of `from` goes on to `to`, by one link. */
void meet_relayed(struct peer *from, struct peer *to, uint64_t now_us);
void meet_moved(struct peer *p, uint64_t now_us); /* it is heard from another endpoint than before */
void meet_in(struct peer *by, uint64_t now_us, struct reader *r); /* what a MEET says */
const router_id *meet_introducer(const struct peer *p); /* who said where it is; NULL: nobody */
size_t meet_pairs(const struct node *n); /* that were introduced here */
size_t meet_meetings(const struct node *n); /* of whom we were told */
void meet_forget_link(struct node_link *link);
void meet_done(struct node *n);

/* --- route.c: what the routing engine asks and says ------------------------------------------------------- */

/* The kernel is told what follows from the forwarding table for a prefix outside the deployment. */
void route_kernel(struct node *n, const struct prefix *prefix, enum node_kernel_way way, unsigned link,
	const struct address *next_hop);
bool route_engine_start(struct node *n, const struct node_config *config);
int route_link_start(struct node_link *link, uint64_t now_us);
/* What a whole frame takes where that is a matter of patience; 0 elsewhere. */
uint64_t link_turn_us(const struct node_link *link);

/* --- plain.c: links in the clear, to routers that are no members --------------------------------------------- */

struct plain {
	bool has_self, has_ipv4;
	struct address self, ipv4;
	struct secret_packet_key keys[NODE_MAC_KEYS_MAX];
	unsigned key_count;
	bool is_lenient;
	struct babel_mac *mac; /* NULL: the link is down, or has no keys */
};
bool plain_new(struct node_link *link); /* false: memory */
/* What is different from a link between members. */
void plain_engine_config(const struct node_link *link, struct babel_link_config *config);
/* To one neighbour, or to all if `to` is NULL. */
void plain_send(struct node_link *link, const struct address *to, struct bytes packet);
void plain_send_as_is(
	struct node_link *link, const struct address *to, struct bytes packet); /* authenticated, if at all */
int plain_mac_start(struct node_link *link); /* the link is up; -ENOMEM */
void plain_mac_stop(struct node_link *link);
struct babel_verdict plain_accept(
	struct node_link *link, const struct address *neighbour, const struct prefix *prefix, const router_id *origin);

/* --- essential.c: links that are for a few ------------------------------------------------------------- */

/* Does the link carry this route? Always, if it names nobody. */
bool essential_allows(const struct node_link *link, const struct prefix *prefix, const router_id *origin);
/* The engine's question of every link: may this route be announced there? (babel.h) */
struct babel_verdict essential_announce(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin);

/* --- policy.c: rules of links about routes ---------------------------------------------------------------- */

struct policy {
	struct rule rules[2][NODE_RULE_MAX]; /* by enum node_direction */
	unsigned count[2];
};
bool policy_filters(const struct node_link *link); /* must the engine ask what is announced there? */
/* `neighbour` NULL: all of the link. */
struct babel_verdict policy_ask(struct node_link *link, enum node_direction direction, const struct prefix *prefix,
	const struct address *neighbour);

/* --- packet.c, fragment.c, icmp.c, forward.c: the data path ------------------------------------------------- */

struct packet {
	uint8_t *data;
	size_t len; /* by its own header: what follows is padding */
	size_t header_len; /* IPv4 with options; 40 for IPv6 */
	uint8_t hop_limit;
	bool dont_fragment; /* always for IPv6 */
	enum packet_class class;
	struct address source, destination;
	struct peer *from; /* who brought it; NULL, as after packet_parse(): the host */
	enum packet_class brought_as; /* ... in which topology */
};
bool packet_parse(struct packet *p, uint8_t *data, size_t len); /* borrows; false: malformed */
bool packet_is_icmp_error(const struct packet *p); /* icmp.c */
bool packet_checksum_is_right(const struct packet *p); /* of the header; IPv6 has none */
void packet_hop(struct packet *p); /* one hop less; the hop limit must not be 0 */
/* Can it stand for one host beyond its own link? */
bool address_is_host(const struct address *a);

/* Cuts an IPv4 packet into fragments of at most `mtu` bytes, one per call. */
struct fragmenter {
	struct packet packet;
	size_t mtu, at;
	uint16_t offset; /* of the next fragment, 8 byte units */
	bool more; /* the packet is itself a fragment with others behind it */
};
void fragmenter_init(struct fragmenter *f, const struct packet *p, size_t mtu);
size_t fragmenter_next(struct fragmenter *f, uint8_t *out, size_t capacity); /* length; 0: no more */

/* False: bulk that fell, on a link that is too thin for it. */
bool class_is_admitted(const struct node_link *link, enum packet_class class);
/* A decrypted packet from the mesh, and the kind of its frame; room as in struct node_packet. */
void forward_from_peer(struct peer *from, uint64_t now_us, uint8_t kind, uint8_t *packet, size_t len);

/* --- classify.c, police.c: classes where packets enter -------------------------------------------------------- */

/* What rules look at: nothing beyond the packet is read, whatever its headers say. */
struct traffic_key traffic_key_of(const struct packet *p);
/* The class of a packet that enters the mesh here; it was parsed. */
enum packet_class classify(struct node *n, const struct packet *p);
/* Counts a packet for whom it came from. What is beyond a limit is given a lower class, or, false, was dropped and
 * counted. */
bool police(struct node *n, uint64_t now_us, struct packet *p);

/* --- icmp.c ----------------------------------------------------------------------------------------------------- */

/* Writes the error about `packet` to `out`; 0 if none may be sent. `mtu` for ICMP_TOO_BIG. */
size_t icmp_error_write(uint8_t *out, size_t capacity, struct bytes packet, enum icmp_error error, unsigned mtu,
	const struct address *self);

/* --- reach.c: does a class of traffic get there? ------------------------------------------------------------- */

#define REACHES_MAX 24 /* questions that are remembered: eight destinations in all classes */

/* Behind the op of a question, or of an answer. */
void reach_in(struct peer *from, uint64_t now_us, bool is_answer, struct reader *r);
void reach_done(struct node *n);

/* --- message_pass.c, message_store.c: what others call of messages --------------------------------------------- */

/* Behind the kind. */
void message_in(struct peer *p, uint64_t now_us, struct bytes body);
void messages_way_up(struct node *n); /* there may be a way for what waits */
void messages_forget_peer(struct peer *p);
void messages_done(struct node *n);
struct node_table messages_table(const struct node *n, unsigned i);

/* --- event.c ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) void event_say(
	struct node *n, enum node_event event, const struct node_link *link, const char *format, ...);
/* A short name of a node for people: certificate name or router-id. */
#define NODE_NAME_TEXT (NAME_MAX_LEN + 1)
const char *name_of_rid(const struct node *n, const router_id *rid, char text[NODE_NAME_TEXT]);

#endif
