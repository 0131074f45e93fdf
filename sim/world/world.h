/*
 * A world of nodes in virtual time: the node core that the daemon links, under
 * one clock and one seed.
 *
 *   station (a node: keys, disk, power) ── port ◄──► segment end ── link model
 *
 * Everything that happens is a timer: in the heap of the station to which it
 * happens (a frame that is due, a node that wants to run, a probe's packet), or in
 * the world's heap if it happens to all (an order, a fault, a look at the whole). A
 * port is a link of the node's; the segments that end in it are the cables and radio
 * cells behind it. What happens goes into running hashes, one for each station: two
 * runs are the same run if their hashes are equal.
 *
 *   world.c     time, the hash, building and ending
 *   lane.h      stations run by several threads
 *   revoke.c    nodes that are out
 *   letters.c   messages
 *   roll.c      members that nodes know, once for all
 *   station.c   power, disk, what a node says to its shell
 *   port.c      its links, and how their frames look
 *   segment.c   frames through link models, carrier
 *   nat.c       NAT boxes
 *   disk.c      certificates that nodes keep, each once for all nodes
 *   oracle.c    no forwarding loop in any class, looked at after every event
 *   nonce.c     no nonce twice under one key, looked at with every frame
 *   ledger.c    nothing read that no station sealed, no packet lost in silence or at another's host
 *   bounds.c    tables within their limits
 *   capture.c   what is offered to the links, as pcap files
 *
 * A large world (WORLD_WINDOWS_FROM) is looked at after each WORLD_WINDOW_US instead
 * of every event, and its stations may run in several threads. What is called for a
 * station (deliver, say, offered, inner, its timers) then runs beside the others: it
 * may touch what belongs to this station only, takes the time from station_time_us(),
 * and what it wants to count for all it counts atomically. World timers run alone.
 *
 * The world owns all. It reads no clock and draws from its seed alone.
 */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "crypto/crypto.h"
#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "meshd/config/config.h"
#include "meshd/node/node.h"
#include "sim/link_model.h"

#define WORLD_NAME_MAX 32
#define WORLD_START_US UINT64_C(1000000000) /* of the clock when the world begins */
#define WORLD_DIGEST_LEN 32
#define WORLD_NAT_IDLE_US UINT64_C(120000000) /* a NAT box forgets a silent flow */
#define WORLD_CARRIER_US 100000 /* how late a lost or found carrier is noticed, at most */
#define WORLD_PACKET_MAX 1280
#define WORLD_THREADS_MAX 16
#define WORLD_WINDOWS_FROM 256 /* stations */
#define WORLD_WINDOW_US UINT64_C(10000)
#define WORLD_TWO_LIVES_US UINT64_C(600000000) /* an emptied disk makes another origin; so long for the old one */
#define WORLD_SHARED_LOOP_US UINT64_C(10000000) /* a loop between origins may last so long */
#define WORLD_CLOCK_MIN 29000000u /* what clocks say when the world begins; minutes since 1970 */
#define SECOND_US UINT64_C(1000000)

struct world;
struct segment;
struct lane;
struct crew;
struct disk;

/* What a station sealed into a frame. */
struct sealed {
	bool is_sealed; /* else: by nobody in this world */
	bool is_for_users; /* an IP packet or a message, or a piece of one */
	unsigned from;
	uint64_t number; /* of all that it sealed */
	struct address by, to; /* the device may be replaced meanwhile */
	uint64_t digest;
};

/* Of one life of a node, counted by its shell. */
struct ledger {
	uint64_t offered; /* packets of its host */
	uint64_t delivered; /* to its host, errors of the node's included */
	uint64_t sealed, sent; /* data frames */
	uint64_t users_sealed; /* of these, IP packets and messages */
	uint64_t ip_opened; /* ... IP packets */
	uint64_t carried, nowhere; /* sent data frames: by a segment; to where nobody is, or without a carrier */
	uint64_t data_in, opened; /* data frames of full length that were handed to it */
};

struct arrivals {
	unsigned count, capacity;
	struct arrival **slots; /* lane.h */
};

struct attachment {
	struct segment *segment;
	unsigned end;
};

/* A link of a node, as its configuration has it. */
struct port {
	struct station *station;
	unsigned number; /* of the link */
	char name[CONFIG_INTERFACE_MAX];
	struct node_link_config config;
	bool is_udp; /* else straight on Ethernet */
	struct endpoint self;
	struct nat_box *nat; /* between it and what it is attached to; NULL: none (nat.h) */
	unsigned attachment_count;
	struct attachment *attachments;
	unsigned target_count;
	struct endpoint targets[NODE_TARGET_MAX];
	bool is_up; /* as the node knows */
	struct timer carrier;
	uint64_t pace_us; /* of a message modem: it takes one in so long; 0: it is none */
	struct timer ready; /* it takes the next */
};

struct station {
	struct world *w;
	unsigned index;
	char name[WORLD_NAME_MAX];
	struct enrolment enrolment;
	struct address address;
	struct address neighbour_address;
	bool is_plain; /* repeats its routes, as RFC 8966 has it */
	unsigned damages; /* digests of its tables that were made wrong */
	struct prng prng;
	struct lane *lane; /* that runs it; NULL before the world runs */
	unsigned place; /* in its lane */
	uint64_t far_us; /* nothing from here is in another lane sooner; NEVER: nothing ever is */
	const uint64_t *clock_us; /* its lane's time */
	struct heap heap; /* what happens to it; through station_timer_set() */
	struct arrivals arrivals; /* what others sent it */
	struct list pending; /* struct list first: freed with it if it does not happen */
	struct crypto_generichash_blake2b_state *chain; /* the hash of what happened */
	struct node *node; /* NULL: no power */
	uint64_t born_us; /* of this life */
	uint64_t wiped_us; /* 0: never */
	unsigned replaced; /* devices that were here before this one */
	uint64_t stalled_until_us; /* the process does not run: timers and frames wait */
	bool has_seqno;
	uint32_t seqno;
	uint32_t t_lo; /* it is not earlier, says the disk; minutes since 1970 */
	int64_t clock_ahead_min; /* of the world's time */
	bool clock_is_trusted;
	bool is_loading; /* what the node stores now came from the disk */
	unsigned certificate_count;
	struct stored_certificate *certificates; /* disk.c */
	unsigned kept_count;
	struct kept *kept; /* of messages: letters.c */
	unsigned unwritten; /* messages that its node refused to send */
	size_t revocation_len; /* 0: nobody is out, says the disk */
	uint8_t revocation[REVOCATION_MAX_LEN];
	size_t keys_len; /* the deployment's, that it was told */
	uint8_t keys[NODE_KEYS_MAX_LEN];
	struct timer due;
	unsigned port_count;
	struct port *ports[NODE_LINK_MAX];
	struct nonce *nonces; /* of this life */
	unsigned nonce_count, nonce_slots;
	struct ledger ledger;
	uint64_t sealed_count;
	struct sealed sealing; /* until the frame leaves */
	uint64_t thin_counter; /* of the thin frame that leaves next */
	bool piece_is_for_users[256]; /* by the id of what is cut */
	enum packet_class came_as; /* the packet that its host gets now */
	struct sealed landing; /* of the frame that is handed to the node; no more once it was opened */
	uint64_t host_packets, host_taken,
		host_unsent; /* offered by the host; taken by past lives; no node took them */
	struct opened *opened; /* by sender: what came once; only where attackers can send it again */
	char *breach; /* the first one, in words */
	const struct traffic_policy *classes; /* of what enters here, set at every start; NULL: by DSCP alone */
	unsigned prefix_count; /* originated at every start */
	struct prefix prefixes[CERTIFICATE_PREFIX_MAX];
};

struct segment_traffic {
	uint64_t frames, bytes; /* offered, with what the wire adds */
	uint64_t data_bytes; /* of these, IP packets of the hosts */
	/* Per receiver: all that were meant, and what became of them. */
	uint64_t copies, heard_frames, lost_frames, deaf_frames, flying_frames;
};

struct segment_end {
	struct port *port;
	uint64_t launched; /* frames from here that are, or were, on their way */
	struct segment_traffic traffic; /* what it offered, and what it did not hear */
	uint64_t window_bytes; /* of control in the ten seconds that run */
};

struct segment {
	struct world *w;
	unsigned index;
	char name[WORLD_NAME_MAX];
	bool is_wired; /* an end without power takes the carrier of the other */
	bool is_lan; /* a frame may go to all; otherwise to an address only */
	bool is_silent; /* nobody calls: ends must be introduced, and need not be */
	uint64_t rate_bps; /* the slower direction; 0: no limit */
	struct link_model model;
	struct link_params params[2];
	unsigned end_count;
	uint64_t end_keys[LINK_ENDS_MAX]; /* address_key() of their neighbour addresses: to find one touches no other */
	struct segment_end ends[LINK_ENDS_MAX];
	bool joins_lanes;
	uint64_t reckoned_us; /* the latency by which stations know how far away they are (divide.c) */
	uint64_t epoch; /* frames of an older one are lost */
	uint64_t judged_from_us; /* control bytes before are not counted below */
	uint64_t worst_bytes; /* of control in ten seconds, of those that are over */
};

/* oracle.c: of packets that were followed. */
struct tracks {
	uint64_t mark; /* of those whose way is known to lead out */
	uint64_t *marks; /* by station and class */
	struct trail_step *trail;
	unsigned room; /* for the steps of any way that leads out */
	uint64_t looks;
};

/* Ways that moved since the last look. */
struct suspects {
	unsigned count, capacity;
	struct suspect *suspects;
};

struct world {
	uint64_t seed;
	uint64_t now_us;
	struct heap heap; /* what happens to all */
	struct prng prng; /* not from a station's timers */
	struct secret_authority authority;
	struct revocation revocation; /* the authority's own copy */
	struct roll *roll;
	unsigned station_count, station_capacity;
	struct station **stations;
	unsigned segment_count, segment_capacity;
	struct segment **segments;
	struct list pending; /* as a station's */
	struct timer traffic_fold; /* segment.c */
	struct disk *disk;
	uint64_t events;
	struct crypto_generichash_blake2b_state *chain; /* the hash of what happened to all */
	unsigned threads; /* at most; 0: as many as there are processors */
	unsigned windows_from; /* stations: WORLD_WINDOWS_FROM */
	bool is_watched; /* what is called wants one event after the other */
	bool is_divided; /* into lanes (divide.c) */
	bool is_measured; /* stations know how far they are from other lanes (divide.c) */
	bool is_apart; /* the lanes run: nothing of the world may change */
	unsigned lane_count;
	struct lane *lanes[WORLD_THREADS_MAX];
	struct crew *crew;
	uint64_t meeting_us; /* the least latency of shared media that join lanes; NEVER: there are none */
	uint64_t look_us; /* when the window ends in which something happened; NEVER: nothing did */
	/* What a host gets. */
	void (*deliver)(void *user, struct station *s, struct bytes packet);
	/* What a node has to say. */
	void (*say)(void *user, struct station *s, enum node_event event, const char *text);
	void *user;
	/* A frame leaves end `from` for end `target` (-1: all), as from `source`. */
	void (*offered)(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
		const struct endpoint *source, struct bytes frame);
	void *offered_user;
	/* What a data frame carries, before it is sealed and once it was opened (node.h, inner). */
	void (*inner)(void *user, struct station *s, bool is_out, unsigned link, const struct address *neighbour,
		struct bytes inner);
	/* What the next frame of a thin link is of (node.h, whole). */
	void (*whole)(void *user, struct station *s, const struct address *neighbour, struct bytes inner);
	void *inner_user;
	/* Somebody who is none of the ends (attacker.c): is told what reaches end `to` at `due_us`, and says how much
	 * later it does. */
	uint64_t (*interfere)(void *user, const struct segment *g, unsigned from, unsigned to,
		const struct endpoint *source, const struct endpoint *destination, const struct sealed *sealed,
		struct bytes frame, uint64_t due_us);
	void *interfere_user;
	bool is_unchecked; /* no look after every event */
	/* Whom the oracle follows: oracle_successor(), unless a test has others. */
	struct station *(*successor)(
		const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link);
	struct suspects suspects;
	struct tracks tracks[WORLD_THREADS_MAX]; /* of each lane */
	_Atomic uint64_t nonces_repeated;
	uint64_t looks, loops;
	uint64_t shared_loops; /* of prefixes with several origins; those that last are among `loops` */
	char loop[256]; /* the first one, in words */
};

/* --- world.c ------------------------------------------------------------------------ */

/* NULL: out of memory. sodium_init() must have been called. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* Runs everything that is due until then. */
void world_run(struct world *w, uint64_t until_us);
/* The last look, at all that must add up. Only world_free() may follow. */
void world_close(struct world *w);
static inline uint64_t world_time_us(const struct world *w)
{
	return w->now_us - WORLD_START_US;
}
/* Of two neighbour addresses nearly always different: the router-id in it. */
static inline uint64_t address_key(const struct address *a)
{
	uint64_t key;

	memcpy(&key, a->bytes + 8, sizeof(key));
	return key;
}
static inline bool world_is_windowed(const struct world *w)
{
	return w->station_count >= w->windows_from;
}
/* Adds to the hash of what happened to all. Not from a station's timers. */
void world_note(struct world *w, char kind, unsigned a, unsigned b, struct bytes what);
struct crypto_generichash_blake2b_state *chain_new(void);
/* The hash of all that happened. */
void world_digest(const struct world *w, uint8_t digest[WORLD_DIGEST_LEN]);
void *world_alloc(size_t size); /* zeroed; aborts when memory runs out */
/* Sets that are joined: `parents` by member, one that is its own parent is the root. */
unsigned world_root_of(unsigned *parents, unsigned i);

/* --- station.c ---------------------------------------------------------------------- */

/* Enrolled, without power. The name is unique. */
struct station *station_new(struct world *w, const char *name, enum level level);
/* Before the first start: `prefix` is in the certificate, and announced. -ENOSPC. */
int station_prefix_add(struct station *s, const struct prefix *prefix);
/* Before the first start: the last minute (since 1970) of its certificate. */
void station_expires(struct station *s, uint32_t not_after);
/* It is a guest, for so many minutes from the world's beginning; -EINVAL: the certificate cannot say so much. */
int station_guest(struct station *s, const struct guest_scope *scope, uint32_t minutes);
void station_free(struct station *s);
struct station *station_find(const struct world *w, const char *name);
/* Nothing happens when its certificate is over by what it knows of the time. */
void station_power_on(struct station *s);
void station_power_off(struct station *s); /* nothing is said */
/* The authority revokes `s`, and tells the node of `at`, which runs (revoke.c). */
void station_revoke(struct station *s, struct station *at);
void station_leave(struct station *s); /* takes its routes back, then power off */
void station_wipe(struct station *s); /* its disk; power must be off */
/* Another device: new keys and an empty disk under the old name, with its prefixes; power must be off. */
void station_replace(struct station *s);
/* Its wall clock jumps. Only a trusted one ends certificates, from the next start on (protocol.md 5). */
void station_set_clock(struct station *s, uint32_t minutes, bool is_trusted);
void station_settle(struct station *s); /* after each call into its node */
/* As timer_set(), in the station's heap: from its own timers and calls, or from the world's. */
void station_timer_set(struct station *s, struct timer *timer, uint64_t due_us);
static inline uint64_t station_now_us(const struct station *s)
{
	return *s->clock_us;
}
static inline uint64_t station_time_us(const struct station *s)
{
	return *s->clock_us - WORLD_START_US;
}
/* Adds to the hash of what happened to it. */
void station_note(struct station *s, char kind, unsigned detail, struct bytes what);
/* An IP packet from its host. */
void station_send(struct station *s, struct bytes packet);
/* The same from within deliver(): at once after it. */
void station_send_soon(struct station *s, struct bytes packet);
bool station_reaches(const struct station *s, const struct station *to); /* has a route */
/* A live session with `to` in its present life, over this link. */
bool station_has_session(const struct station *s, unsigned link, const struct station *to);

/* --- port.c ------------------------------------------------------------------------- */

/* As a link of the configuration; NULL: it has NODE_LINK_MAX. */
struct port *station_port_add(struct station *s, const struct config_link *config);
/* -ENOSPC: NODE_TARGET_MAX are known. */
int port_target_add(struct port *p, const struct endpoint *there);
void port_start(struct port *p); /* the node has begun */
void port_stop(struct port *p); /* it has ended */
/* How frames look there (docs/frames.md). */
bool port_frame_is_data(const struct port *p, struct bytes frame);
size_t port_header_len(const struct port *p); /* of data frames; those of thin links end in 16 bits of the counter */

/* --- roll.c ------------------------------------------------------------------------- */

struct roll *roll_new(void);
void roll_free(struct roll *r); /* after the nodes */
/* The member of this certificate; NULL: nobody knows it yet. */
const struct node_member *roll_find(struct roll *r, const struct certificate *certificate);
/* An equal member, for as long as the roll is there. */
const struct node_member *roll_enter(struct roll *r, const struct node_member *member);

/* --- segment.c ---------------------------------------------------------------------- */

struct segment *segment_new(struct world *w, const char *name, bool is_wired, bool is_lan);
void segment_free(struct segment *g);
struct segment *segment_find(const struct world *w, const char *name);
/* The number of the end; -ENOSPC. Before segment_open(). */
int segment_join(struct segment *g, struct port *p);
/* The keys of its station are others: the segments know it by them. */
void segment_name_ends(const struct port *p);
/* 0 or -ENOMEM. */
int segment_open(struct segment *g, bool is_shared, const struct link_params params[2], enum link_state state);
void segment_set_state(struct segment *g, enum link_state state);
void segment_set_params(struct segment *g, const struct link_params params[2]);
void segment_forget_flows(struct segment *g, struct station *s); /* its NAT box gives new ports */
void segment_look_for_carriers(struct segment *g); /* after power or its state changed */
uint64_t segment_latency_us(const struct segment *g); /* no frame takes less; at least 1 */
struct segment_traffic segment_traffic(const struct segment *g);
void segment_fold_start(struct world *w); /* adds up its traffic from time to time */
bool port_has_carrier(const struct port *p);
void port_send(struct port *p, const struct endpoint *to, struct bytes frame);
/* A frame from somebody who is none of the ends, to end `to`, as if from `source`; a
 * NAT box takes it to come from end `from`. It takes no airtime and is there at once. */
void segment_inject(struct segment *g, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame);
/* Worst ten seconds of control bytes, as a share of the slower direction's capacity; 0 without a rate. */
double segment_control_share(const struct segment *g);

/* --- disk.c ------------------------------------------------------------------------- */

struct stored_certificate {
	uint8_t proof[CERTIFICATE_PROOF_LEN];
	const struct disk_file *file;
};
void disk_init(struct world *w);
void disk_keep(struct station *s, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN]);
/* Everybody's certificate is on everybody's disk, as if all had met before; for the next start. */
void disk_acquaint(struct world *w);
struct bytes disk_read(const struct stored_certificate *c);
/* letters.c: what a node wants kept of messages (node.h, store_message()); given back when it starts; gone. */
bool letters_keep(void *user, struct bytes key, struct bytes value);
void letters_restore(struct station *s);
void letters_forget(struct station *s);
/* A breach, if a message came twice, or is said to be delivered and is not there. */
void letters_look(struct world *w);
void disk_forget(struct station *s); /* its certificates */
void disk_free(struct world *w);

/* --- nonce.c ------------------------------------------------------------------------ */

void nonce_sealing(struct station *s, const struct secret_session *session); /* what the node says that it takes */
void nonce_check(struct station *s, struct bytes frame); /* leaves the station, on a link that is not thin */
void nonce_look(struct port *p, struct bytes frame); /* leaves by the port */
void nonces_forget(struct station *s); /* its sessions ended */

/* --- ledger.c ----------------------------------------------------------------------- */

void ledger_sealing(struct station *s, const struct address *to, struct bytes inner);
/* A frame leaves; the note goes with it. */
struct sealed ledger_sent(struct port *p, struct bytes frame);
void ledger_carried(struct station *s, const struct sealed *note, unsigned segments);
void ledger_handed(struct port *p, const struct sealed *note, struct bytes frame); /* to the node, now */
void ledger_handled(struct station *s);
void ledger_opening(struct station *s, const struct address *from, struct bytes inner);
void ledger_delivered(struct station *s, struct bytes packet);
void ledger_done(struct station *s);
/* The node's counters must account for all that went in. Before its life ends. */
void ledger_close(struct station *s);
__attribute__((format(printf, 2, 3))) void station_breach(struct station *s, const char *format, ...);
/* The first breach of the first station that has one; NULL: none. */
const char *world_breach(const struct world *w);

/* --- bounds.c ----------------------------------------------------------------------- */

void bounds_look(struct world *w); /* at the tables of every node */

/* --- oracle.c ----------------------------------------------------------------------- */

/* The way of that class from `s` to `prefix` moved. */
void oracle_suspect(struct station *s, const struct prefix *prefix, enum babel_class class);
/* This node is about to act on a list of who is out: so are its ways to them. */
void oracle_suspect_listed(struct station *s, struct bytes list);
void oracle_gather(struct world *w); /* the lanes' suspects */
/* Looks at all suspects, and forgets them. */
void oracle_look(struct world *w);
/* What oracle_successor() looks at is fetched: step 0, and some time later step 1. */
void oracle_fetch(const struct station *s, const struct prefix *prefix, unsigned step);
/* Where a packet for `prefix` goes from `s`, over which of its links, and as what it goes on; NULL: nowhere, or it is
 * for `s`. */
struct station *oracle_successor(
	const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link);

#endif
