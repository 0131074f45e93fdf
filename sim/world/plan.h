/*
 * A plan: the scenario of a simulated world, read from one YAML file and checked
 * whole before anything is built. Links and orders read as in the lab's scenarios.
 */
#ifndef SIM_WORLD_PLAN_H
#define SIM_WORLD_PLAN_H

#include "crypto/crypto.h"
#include "meshd/config/config.h"
#include "sim/preset.h"
#include "sim/world/nat.h"
#include "sim/world/place.h"

#define PLAN_NODES_MAX 3072
#define PLAN_LINKS_MAX 8192
#define PLAN_EVENTS_MAX 1024
#define PLAN_FLOWS_MAX 64
#define PLAN_FILES_MAX 64
#define PLAN_GROUPS_MAX 16
#define PLAN_MEMBERS_MAX 16 /* of a group */
#define PLAN_FRAMES_MAX 1000000 /* of a talker */
#define PLAN_FILE_BYTES_MAX 100000000 /* of one */
#define PLAN_EXPECT_MAX 64
#define PLAN_ATTACKS_MAX 16
#define PLAN_CROWDS_MAX 8
#define PLAN_PORTS_MAX 32 /* of a node */
#define PLAN_DEAF_MAX 32
#define PLAN_WAY_MAX 64 /* way-points of a node */
#define PLAN_NAME_MAX 32
#define PLAN_COMMAND_US 2000000 /* an order's answer is there by then */
#define PLAN_PICTURE_BYTES 200000 /* of the smallest that people send */
/* Of a call that shows whether people can talk: so many frames in a row, of which so many
 * are there and back within the budget; one counts when so many more have been sent. */
#define PLAN_VOICE_BUDGET_US 400000 /* from mouth to ear */
#define PLAN_CALL_BPS UINT64_C(2400)
#define PLAN_CALL_FRAME_US 60000
#define PLAN_CALL_WIRE_BPS 24000 /* of its frames with all headers */
#define PLAN_CALL_FRAMES 100
#define PLAN_CALL_GOOD 95
#define PLAN_CALL_WAIT 15
#define PLAN_MESSAGES "short-message" /* preset of links that carry a message at a time */
#define PLAN_THIN_BPS 200000 /* a slower link is thin: it carries no pictures */
#define PLAN_ERROR_MAX 512
#define PLAN_FILE_MAX ((size_t)4 << 20)

struct plan_port {
	char name[CONFIG_INTERFACE_MAX];
	const char *mesh; /* preset of the node's link */
	bool is_lan, is_serial, is_caller;
	enum nat_kind nat; /* what is between it and its links */
	bool hairpins;
	unsigned box; /* shared by ports that have this number; 0: its own */
	struct config_link config;
};

#define PLAN_WATCH_MAX 6

struct plan_node {
	char name[PLAN_NAME_MAX];
	enum level level;
	bool power;
	bool has_mains;
	uint64_t battery_us; /* how long a full one lasts; 0: none */
	bool is_plain; /* it and its neighbours repeat their routes to each other as RFC 8966 has it; to compare */
	uint32_t expires_min; /* of its certificate, minutes since 1970; 0: not in this scenario */
	bool has_place;
	struct position place;
	unsigned way_count;
	struct way_point *way;
	unsigned prefix_count;
	struct prefix prefixes[CERTIFICATE_PREFIX_MAX];
	unsigned watch_count;
	unsigned watch[PLAN_WATCH_MAX]; /* nodes that it watches */
	unsigned guest_to_count; /* 0: it is no guest */
	unsigned guest_to[CERTIFICATE_PREFIX_MAX]; /* nodes that it may meet, ... */
	uint32_t guest_min; /* ... for so many minutes */
	char guest_agency[NAME_MAX_LEN + 1];
	struct traffic_policy *classes; /* of what enters there; NULL: by DSCP alone */
	unsigned port_count;
	struct plan_port *ports;
};

struct plan_end {
	unsigned node, port;
};

struct plan_link {
	char name[PLAN_NAME_MAX];
	const struct link_preset *preset;
	struct link_params params[2];
	enum link_state state;
	bool is_lan; /* else: the first end calls the others, or */
	bool is_silent; /* ... nobody calls: they must be introduced */
	bool is_serial; /* radios on serial ports */
	enum nat_kind nat; /* that the first end is behind */
	bool hairpins; /* it does */
	char box[PLAN_NAME_MAX]; /* its name, where several are behind it; "": nobody else is */
	double range_m; /* of its radios, which hear each other by distance; 0: not looked at */
	unsigned end_count;
	struct plan_end ends[LINK_ENDS_MAX];
	unsigned deaf_count;
	struct link_pair deaf[PLAN_DEAF_MAX];
};

/* To a place: at once, by a time, or at a speed. */
struct plan_move {
	struct position to;
	uint64_t by_us; /* 0: not stated */
	double speed_mps; /* 0: not stated */
};

enum plan_verb {
	PLAN_CUT,
	PLAN_SILENCE,
	PLAN_RESTORE,
	PLAN_SET,
	PLAN_POWER_OFF,
	PLAN_POWER_ON,
	PLAN_WIPE,
	PLAN_REBIND,
	PLAN_DAMAGE,
	PLAN_STALL,
	PLAN_ARRIVE,
	PLAN_LEAVE,
	PLAN_REPLACE,
	PLAN_MAINS_OFF,
	PLAN_MAINS_ON,
	PLAN_CLOCK,
	PLAN_MOVE,
	PLAN_JAM,
	PLAN_REVOKE,
	PLAN_WRITE,
};

/* Radios that do not hear well for a time, everywhere or in a circle. */
struct plan_jam {
	double loss;
	uint64_t for_us;
	bool is_local;
	struct position centre;
	double radius_m;
};

struct plan_event {
	uint64_t at_us, every_us, until_us; /* every_us 0: once */
	enum plan_verb verb;
	unsigned object; /* node or link */
	const struct link_preset *kind; /* all links of it instead of one; NULL: the object */
	char *text; /* as written */
	const char *settings; /* in it */
	uint64_t stall_us;
	uint32_t clock_min; /* minutes since 1970 */
	bool clock_is_trusted;
	bool has_place; /* arrive: move.to says where */
	struct plan_move move;
	struct plan_jam jam;
	int revoke_at; /* the node that is told; -1: the first that runs */
	unsigned write_to;
	bool is_urgent; /* write */
};

struct plan_faults {
	uint64_t from_us, until_us, every_us; /* every_us 0: none */
	bool power; /* nodes too */
};

/* What the traffic of hosts is for; on the packets a DSCP says it (traffic.h). */
enum plan_class { PLAN_TEXT, PLAN_COMMAND, PLAN_VOICE, PLAN_BULK, PLAN_CLASSES };

struct plan_flow {
	char name[PLAN_NAME_MAX];
	enum plan_class class;
	unsigned from;
	int to; /* -1: whoever is in front of `address` */
	struct address address;
	uint64_t start_us, end_us, every_us;
	unsigned size; /* of the IP packet */
};

/* Goes by TCP, until it is there. */
struct plan_file {
	char name[PLAN_NAME_MAX];
	enum plan_class class;
	unsigned from, to;
	uint64_t start_us;
	uint32_t size;
};

/* Push to talk: one speaks, each other one listens. */
struct plan_group {
	char name[PLAN_NAME_MAX];
	enum plan_class class;
	unsigned member_count;
	unsigned members[PLAN_MEMBERS_MAX];
	uint64_t rate_bps; /* of the codec */
	uint64_t frame_us, budget_us; /* from mouth to ear */
	uint64_t talk_us, pause_us; /* in the mean */
	uint64_t start_us, end_us;
};

enum plan_measure {
	PLAN_REACH,
	PLAN_GAP,
	PLAN_LOST,
	PLAN_FALLEN,
	PLAN_SHARE,
	PLAN_MOVES,
	PLAN_WHOLE,
	PLAN_ARRIVES,
	PLAN_USABLE,
	PLAN_CARRIED,
	PLAN_REVOKED,
	PLAN_KNOWN,
	PLAN_OUTAGE,
	PLAN_DELIVERED,
	PLAN_SESSIONS,
	PLAN_ENTRIES,
	PLAN_ROUTED,
	PLAN_RELAYED,
	PLAN_FLOOR,
};

struct plan_expect {
	enum plan_measure measure;
	unsigned from, to; /* reach: nodes; gap and lost: flow; share, carried: link; moves: node; file; group (all in
			      `from`) */
	enum plan_class class; /* reach, whole, carried */
	unsigned file; /* reach of pictures: it sends this one */
	unsigned mark; /* outage: enum outage_mark; OUTAGE_MARKS: its beginning */
	double at_least; /* outage */
	int met; /* routed: only while it is a neighbour of this node; -1: always */
	uint64_t over_us; /* share: the mean of so long; 0: the worst ten seconds */
	bool is_thin; /* share: of all links that were thin at the start */
	const struct link_preset *kind; /* share: of all links of this kind; NULL: of one */
	uint64_t after_us, every_us;
	double at_most; /* seconds, share of one, or a number; of an outage less than nothing: it never comes */
};

/* Somebody at a link who is no node, or a node that is turned against the others (plan_attack.c). */
enum plan_attack_kind {
	ATTACK_DELAY, /* what passes the link comes later */
	ATTACK_REPLAY, /* what passed the link comes again */
	ATTACK_GARBLE, /* ... with other bits */
	ATTACK_FLOOD, /* first handshake messages, with the deployment key of a captured node */
	ATTACK_MALFORM, /* a node seals packets that no node would write */
	ATTACK_ANNOUNCE, /* a node announces very many prefixes */
};
enum plan_prey { PREY_ALL, PREY_DATA, PREY_HANDSHAKES };

struct plan_attack {
	char name[PLAN_NAME_MAX];
	enum plan_attack_kind kind;
	unsigned link; /* delay, replay, flood */
	int node; /* malform, announce: who; flood: to whom; delay: to whom, -1: to all */
	enum plan_prey prey; /* replay */
	bool is_spoofed; /* flood: each from another source */
	uint64_t from_us, until_us;
	uint64_t by_us; /* delay */
	uint64_t every_us; /* a frame; not delay */
	unsigned count; /* announce: prefixes */
};

struct plan {
	uint64_t seed;
	uint64_t duration_us;
	uint64_t linger_us; /* it ends so long after all that it waits for came; 0: not before its time */
	bool is_acquainted; /* every node has the certificates of all on its disk */
	bool is_unbudgeted; /* they say whatever they have to say at once; to compare */
	unsigned node_count, link_count, event_count, flow_count, file_count, group_count, expect_count;
	struct plan_node *nodes;
	struct plan_link *links;
	struct plan_event *events;
	struct plan_faults faults;
	struct plan_flow *flows;
	struct plan_file *files; /* then those that a reach sends */
	struct plan_group *groups;
	struct plan_expect *expect;
	unsigned attack_count;
	struct plan_attack *attacks;
};

/* NULL with one line in `error`: file:line: what; remedy. */
struct plan *plan_load(const char *path, char error[PLAN_ERROR_MAX]);
struct plan *plan_parse(const char *name, struct bytes text, char error[PLAN_ERROR_MAX]);
void plan_free(struct plan *p);
const char *plan_attack_name(enum plan_attack_kind kind);
/* An order for links is for this one. */
bool plan_event_means_link(const struct plan *p, const struct plan_event *e, unsigned link);
const char *plan_measure_name(enum plan_measure measure);
const char *plan_class_name(enum plan_class class);
/* Slower than PLAN_THIN_BPS in a direction. */
bool plan_link_is_thin(const struct plan_link *l);

#endif
