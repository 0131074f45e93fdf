/*
 * What the files of the libev shell share. One thread, one loop, one node:
 *
 *   TUN ───────► node_packets_in ──► output.send ──► port (ethernet, udp, serial, pipe)
 *   port ──────► node_frames_in ────► output.deliver ──► TUN
 *   babel ─────► node_babel_in ────► output.kernel_route ──► routes of the kernel
 *   netlink ───► port_observe, lan_observe ──► node_link_set_up, node_originate
 *   resolver ──► node_target_set        (names are looked up in threads)
 *   control ◄──► node_dump_*            (JSON lines; "reload" and "revoke" change something, "reach" asks others)
 *   page ◄─────► the answers of control (HTTP; who is paired may silence alarms, and ask others)
 *
 * The loop's prepare watcher runs node_poll() before each sleep, so that every
 * callback may simply call the node and return. Outputs of the node come from
 * within such calls: they send, store or note, and never call the node.
 */
#ifndef MESHD_IO_IO_H
#define MESHD_IO_IO_H

#include "meshd/config/config.h"
#include "meshd/io/batch.h"
#include "meshd/node/alarm.h"
#include "meshd/node/outage_ask.h"
#include "meshd/node/trouble.h"
#include "meshd/node/node.h"
#include "meshd/node/outage.h"

#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>

#define IO_BATCH 64 /* packets taken per wakeup of one descriptor: bounds what one source can delay the others */
#define IO_ERROR_MAX CONFIG_ERROR_MAX
#define IO_MAC_LEN 6
#define IO_ETHERTYPE 0x88b5 /* IEEE 802, local experimental 1 */
#define SECOND_US 1000000ull

struct daemon;

/* --- tools.c ---------------------------------------------------------------------------- */

uint64_t io_now_us(void); /* CLOCK_MONOTONIC */
uint64_t io_date_s(void); /* seconds since 1970 by the machine's clock, which may be wrong: for people only */
extern const struct random io_random; /* the kernel's */
struct time_floor io_build_floor(void); /* it is not earlier than when this was built */
/* Before the loop runs: sleeps a moment; false when a second has passed since `since_us`. A daemon that was killed
 * holds what it had until the kernel has cleared it away, and its successor must not give up before. */
bool io_patience(uint64_t since_us);
/* Writes "thing: remedy" to `error` and returns `code` (a negative errno). */
__attribute__((format(printf, 3, 4))) int io_fail(char error[IO_ERROR_MAX], int code, const char *format, ...);

/* --- quota.c: so many of one code in a window ---------------------------------------- */

#define EVENT_CODE_MAX 24
#define QUOTAS_MAX 64
#define QUOTA_TEXT 64

struct quota {
	char code[EVENT_CODE_MAX];
	uint64_t since_us; /* start of the window */
	unsigned kept, more;
};
struct quotas {
	unsigned count;
	struct quota all[QUOTAS_MAX];
};
/* A code beyond the table shares the last entry: bounded and still limited. */
struct quota *quota_find(struct quotas *q, uint64_t now_us, const char *code);
/* It may have begun after what the loop takes for now. */
bool quota_is_over(const struct quota *q, uint64_t now_us, uint64_t window_us);
/* One more of it. False: it was too many, and is only counted. */
bool quota_take(struct quota *q, unsigned most);
/* Another window begins. True: in the last one were so many more, as `text` tells. */
bool quota_renew(struct quota *q, uint64_t now_us, char text[QUOTA_TEXT]);

/* --- log.c: one line per event, by stable code ------------------------------------- */

#define LOG_BURST 20 /* lines of one code ... */
#define LOG_WINDOW_US (10 * SECOND_US) /* ... in so long; the rest is counted */
#define LOG_LINE_MAX 512

struct log {
	int fd;
	bool is_verbose;
	bool is_journal; /* reads it */
	uint64_t start_us;
	unsigned lost; /* lines that could not be written */
	struct quotas quotas;
};

void log_init(struct log *l, int fd, bool is_verbose, uint64_t now_us);
/* From now on each line begins with its grade, "<4>", which the journal takes for its own; if it is the journal that
 * reads `fd`, as $JOURNAL_STREAM has it (systemd.exec(5)). */
void log_find_journal(struct log *l, const char *stream);
/* "12.345 code text\n"; control bytes become '?'. False: it was too many of one code, and is only counted. */
__attribute__((format(printf, 4, 5))) bool log_event(
	struct log *l, uint64_t now_us, const char *code, const char *format, ...);
/* Tells how much was suppressed in windows that are over. */
void log_flush(struct log *l, uint64_t now_us);

/* --- event.c: what the log said lately, by number ------------------------------------ */

#define EVENTS_MAX 256
#define EVENT_TEXT_MAX 256
enum event_grade { EVENT_ERROR = 3, EVENT_WARNING, EVENT_NOTICE, EVENT_INFO }; /* as syslog numbers them */
struct event {
	uint64_t at_us;
	char code[EVENT_CODE_MAX], text[EVENT_TEXT_MAX];
};
struct events {
	uint64_t next; /* number of the next one, from 0 */
	struct event kept[EVENTS_MAX];
};
void events_add(struct events *e, uint64_t now_us, const char *code, const char *text);
/* The oldest that is kept; e->next if there is none. */
uint64_t events_first(const struct events *e);
/* NULL: it is kept no longer, or has not happened. */
const struct event *events_at(const struct events *e, uint64_t number);
bool event_is_known(const char *code);
enum event_grade event_grade(const char *code);
const char *event_grade_name(enum event_grade grade); /* "error", "warning", "notice", "info" */

/* --- alarm_look.c: what is wrong, for people ------------------------------------------ */

#define ALARM_LOSSES 4
/* Who wanted to join on a link and must not, or announced what he must not. */
struct alarm_refusals {
	unsigned count; /* since first_us; without a pause that ends the alarm */
	uint64_t first_us, last_us;
	char text[ALARM_TEXT_MAX]; /* of the last */
};
struct alarm_watch {
	struct alarms alarms;
	uint64_t next_us; /* look */
	uint64_t lost_us[CONFIG_LINK_MAX][ALARM_LOSSES]; /* when neighbours of the link were lost, the last ones */
	unsigned lost_at[CONFIG_LINK_MAX];
	struct alarm_refusals refusals[CONFIG_LINK_MAX + 1]; /* the last: of no link */
	struct use spent[CONFIG_LINK_MAX], strange[CONFIG_LINK_MAX];
	struct trends trends;
	struct spares spares;
};
void alarms_tick(struct daemon *d, uint64_t now_us);
/* What the node said; only noted. */
void alarms_event(struct daemon *d, enum node_event event, unsigned link, const char *text);

/* --- outage_watch.c: the sites that the configuration names ------------------------------ */

_Static_assert(OUTAGE_SITES_MAX == CONFIG_WATCH_MAX && OUTAGE_NAME_MAX > NAME_MAX_LEN, "all that may be written");
struct watched_site {
	struct outage_asker asker; /* is_found: somebody has the name */
	uint64_t find_us; /* when it is looked up next */
	bool is_noted; /* what works, as the incident log has it: bits of classes */
	uint8_t works;
	bool is_out; /* as it was said last, */
	struct outage said; /* ... and of what */
};
struct outage_watch {
	struct outages outages;
	struct watched_site sites[OUTAGE_SITES_MAX]; /* as in outages */
	uint64_t keep_us; /* when what lasts is written again */
};
/* Watches what `config` names, and no more what it does not. */
void outage_watch_set(struct daemon *d, const struct config *config, uint64_t now_us);
void outage_watch_tick(struct daemon *d, uint64_t now_us);
#define OUTAGE_LOST_TEXT 32
const char *outage_lost_text(uint8_t lost, char text[OUTAGE_LOST_TEXT]); /* "text, voice" */

/* --- endpoint.c: what the node's endpoint bytes mean --------------------------------- */

#define ENDPOINT_TEXT 80
#define ENDPOINT_UDP_LEN 22 /* IPv6 address (IPv4 mapped), port, scope */
#define STATION_ENDPOINT_LEN 1
#define MODEM_ENDPOINT_LEN (CONFIG_PIPE_ADDRESS_MAX + 3)
struct endpoint endpoint_of_mac(const uint8_t mac[IO_MAC_LEN]);
struct endpoint endpoint_of_station(uint8_t station); /* on a serial line */
/* As the modem has it, at most CONFIG_PIPE_ADDRESS_MAX bytes; and back, borrowed. */
struct endpoint endpoint_of_modem(struct bytes address);
struct bytes modem_of_endpoint(const struct endpoint *e);
/* AF_INET and AF_INET6; an empty endpoint for others. */
struct endpoint endpoint_of_sockaddr(const struct sockaddr *address);
/* Always AF_INET6; false if it is not an endpoint of a udp link. */
bool endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out, socklen_t *len);
/* "192.0.2.1:6697", "[fe80::1%2]:6697", "02:00:5e:00:00:01", "station 17", "modem 287654". */
const char *endpoint_format(const struct endpoint *e, char text[ENDPOINT_TEXT]);
/* The reverse of endpoint_format() for the first three; -EINVAL. */
int endpoint_parse(struct endpoint *e, const char *text);
/* What a udp endpoint without a scope says; false: it is none. */
bool endpoint_address(const struct endpoint *e, struct address *address, uint16_t *port);
/* May who is at `by` send us to `to`? Where one host of the internet may be, or of the private network that `by` is in
 * as well: nobody makes us knock at doors that he cannot reach himself. */
bool endpoint_is_introducible(const struct endpoint *by, const struct endpoint *to);

/* --- kernel.c, watch.c: netlink ------------------------------------------------------- */

struct kernel_link {
	int ifindex;
	char name[CONFIG_INTERFACE_MAX];
	bool is_present;
	bool is_up; /* by the administrator */
	bool has_carrier; /* and operational */
	bool is_ethernet;
	unsigned mtu;
	uint8_t mac[IO_MAC_LEN];
};

struct kernel {
	struct nl_sock *request; /* asks and waits for the answer */
	struct nl_sock *events;
	ev_io io; /* of events */
	int ethtool; /* any socket: asks for carriers */
	int tun_ifindex;
	uint64_t routes_failed;
	struct route_batch *batch; /* changes that wait (kernel_batch.c) */
};

int kernel_open(struct daemon *d, char error[IO_ERROR_MAX]);
void kernel_close(struct daemon *d);
/* MTU, up, addresses and the deployment's route, all on the TUN. */
int kernel_tun_setup(struct daemon *d, char error[IO_ERROR_MAX]);
/* The address that kernel_tun_setup() gave it is still there. */
bool kernel_tun_is_whole(struct daemon *d);
/* The error of libnl in words: what to do about it. */
const char *kernel_remedy(int nl_error);
struct nl_addr *kernel_nl_addr(const struct prefix *p); /* NULL: memory */
/* The addresses of an interface that a Babel link uses. */
struct kernel_addresses {
	struct address link_local, ipv4; /* FAMILY_NONE: there is none */
};
/* Those of before if they are still there. -EIO: the kernel would not tell, and nothing changes. */
int kernel_addresses_get(struct daemon *d, int ifindex, struct kernel_addresses *addresses);

/* kernel_route.c */
#define KERNEL_PROTOCOL 158 /* "ip route show proto 158": a value that no daemon of iproute2's list has */
/* Our route to a prefix is to be replaced, or removed, with the next route_batch_send(). */
void kernel_route_note(struct daemon *d, const struct node_kernel_route *route);
/* The same, at once, with all that waits. -EIO: the kernel refuses, and that was said. */
int kernel_route_set(struct daemon *d, const struct node_kernel_route *route);
/* kernel_batch.c */
struct nl_msg;
int route_batch_open(struct daemon *d);
void route_batch_close(struct daemon *d); /* what waits is forgotten */
/* A copy of the message waits; it is about the route to that prefix. */
void route_batch_add(struct daemon *d, const struct prefix *prefix, bool is_gone, struct nl_msg *message);
/* Does what waits, in order. What the kernel refused was said; returns how many that were. */
unsigned route_batch_send(struct daemon *d);
struct rtnl_route;
/* Every route of the kernel; `each` must not ask the kernel. */
void kernel_routes_each(struct daemon *d, void (*each)(struct rtnl_route *route, void *arg), void *arg);
/* Removes all of our routes that do not hang on a TUN: those of a meshd that was killed, and of one that leaves. */
void kernel_routes_flush(struct daemon *d);
/* -ENODEV: `out` says not present; -EIO: the kernel would not tell. */
int kernel_link_get(struct daemon *d, const char *name, struct kernel_link *out);
/* 1, 0, or a negative errno: never late, but it waits while others configure the network. */
int kernel_carrier_get(struct daemon *d, const char *name);
/* carrier.c */
struct carrier_count {
	int ifindex;
	uint8_t mac[IO_MAC_LEN];
	bool is_open, is_known;
	int fd;
	unsigned long changes;
};
/* May the carrier of the interface have changed since the last call? True as well where that cannot be told, and the
 * first time. Costs a microsecond, and waits for nobody. All zeros is a count that was not asked yet. */
bool carrier_count_moved(struct carrier_count *c, const struct kernel_link *link);
void carrier_count_close(struct carrier_count *c);
int watch_open(struct daemon *d, char error[IO_ERROR_MAX]);
/* From now on of routes as well; may be repeated. */
void watch_routes(struct daemon *d);
void watch_close(struct daemon *d);

/* --- sysctl.c: switches under /proc/sys ------------------------------------------------- */

/* Lets the kernel forward between LAN and mesh; may be repeated. */
void kernel_forwarding_enable(struct daemon *d);
/* `name` with slashes; negative errno. */
int sysctl_read(const char *name, int *value);
int sysctl_write(const char *name, int value);

/* --- tun.c ------------------------------------------------------------------------------ */

#define TUN_PACKET_MAX CONFIG_FRAME_MAX /* the config keeps the TUN's mtu below */

struct tun {
	int fd;
	ev_io io;
	bool has_header; /* a struct virtio_net_hdr is before each packet, in both directions */
	bool gives_large, takes_udp; /* the kernel hands out large packets; ... and takes rows of datagrams as well */
	uint64_t write_errors;
	uint64_t looped; /* read, but for this node's own address */
	uint64_t malformed; /* read, but too large or not to be cut */
	struct segments_shape guess; /* of the next large packet; size 0: none is expected */
	unsigned plain_reads; /* since the last one */
	uint8_t room[IO_BATCH][NODE_HEADROOM + TUN_PACKET_MAX + NODE_TAILROOM];
	uint8_t large[TUN_PACKET_MAX + LARGE_PACKET_MAX]; /* what of a read was not expected */
};

int tun_open(struct daemon *d, char error[IO_ERROR_MAX]);
void tun_start(struct daemon *d);
void tun_close(struct daemon *d);
void tun_deliver(struct daemon *d, struct bytes packet);
void tun_flush(struct daemon *d); /* writes what batch_packet() noted */
/* Where an IP packet wants to go; false if it is none. */
bool packet_destination(struct bytes packet, struct address *to);

/* --- underlay.c: the way of a frame that may not go through the mesh ----------------------- */

#define UNDERLAY_PLACES 8 /* in a set */
#define UNDERLAY_SETS (4 * NODE_PEER_MAX / UNDERLAY_PLACES)
struct underlay_way {
	struct endpoint to;
	int ifindex;
	uint64_t until_us;
};
struct underlay {
	struct underlay_way ways[UNDERLAY_SETS][UNDERLAY_PLACES];
};
/* For links without interface. 0: as the kernel routes; else the interface to send by; -ENETUNREACH: none. */
int underlay_way(struct daemon *d, const struct endpoint *to, uint64_t now_us);
/* Routes have changed. */
void underlay_forget(struct daemon *d);

/* --- socket.c: options of sockets ---------------------------------------------------------- */

int socket_set(int fd, int level, int option, int value); /* 0 or a negative errno */
/* As root whatever is asked for, else what the system allows. */
void socket_receive_room(int fd, int bytes);
void socket_send_room(int fd, int bytes);
/* Datagrams, or frames, that found no room in the socket since it was opened. */
uint32_t socket_overruns(int fd);

/* --- port.c: a configured link and what is beneath it ------------------------------------ */

enum port_state { PORT_MISSING, PORT_NO_CARRIER, PORT_ERROR, PORT_UP };
const char *port_state_name(enum port_state state);
const char *port_type_name(enum config_link_type type);

/* A configured peer of a udp link. */
#define PEER_ADDRESS_MAX 8
struct remote {
	bool is_numeric, is_asking;
	unsigned count, current; /* addresses, and the one that the node tries */
	struct endpoint addresses[PEER_ADDRESS_MAX];
	uint64_t resolve_us, rotate_us; /* when next */
	bool is_failed; /* the last look-up */
};

/* What became of serial lines and modem programs. */
struct line_counters {
	uint64_t rubbish_bytes; /* that were no frame */
	uint64_t queue_dropped; /* frames that came faster than the line takes them */
	uint64_t stuck; /* times that it took nothing at all */
	uint64_t restarts; /* of the program */
	uint64_t stations_changed; /* another station had our number */
};
struct serial;
struct pipe;

/* Of a link that somebody looks at (tap.c). */
struct port_tap {
	bool is_on, is_opened; /* somebody does; and sees what is inside */
	struct address own; /* as the neighbours know us */
	bool has_whole; /* what leaves next was shown before it was cut */
	bool out_is_shown; /* and the sealed frame is not, beside it */
	struct bytes pending; /* sealed frame that came, and is not shown yet as it is */
	bool in_is_shown; /* ... but what was in it */
	const struct endpoint *pending_from;
};

#define PORT_ERROR_MAX 160
struct port {
	struct daemon *d;
	unsigned id;
	const struct config_link *config; /* NULL: the place is free, its link was removed */
	enum port_state state;
	char error[PORT_ERROR_MAX]; /* "what; remedy", for state other than up */
	struct kernel_link link; /* last seen; not for a udp link without interface */
	struct kernel_addresses addresses; /* babel: of the interface */
	int carrier; /* last answer of the poll */
	struct carrier_count carrier_count;
	unsigned node_mtu; /* 0: not added to the node */
	bool node_is_up;
	bool is_open, wants_reopen;
	char broken[PORT_ERROR_MAX]; /* why it wants to */
	uint64_t retry_us, look_us;
	uint64_t rx_dropped, tx_errors;
	uint32_t overruns; /* of the socket, counted in rx_dropped */
	int tx_errno; /* of the last error */
	int fd, group_fd; /* udp: unicast, multicast; ethernet: that of libpcap if there is one */
	bool has_gso, has_gro; /* udp: the kernel cuts what is sent, and hands over what it has joined */
	ev_io io, group_io;
	struct pcap *pcap;
	struct serial *serial; /* NULL until it was open once */
	struct pipe *pipe;
	struct line_counters line;
	struct port_tap tap;
	bool is_stalled; /* it is open, and takes nothing */
	uint64_t pause_us; /* before the program was started last */
	struct remote remotes[CONFIG_PEER_MAX];
};

void ports_open(struct daemon *d);
/* The link that has the next place; NULL before: the first; NULL: no more. */
struct port *port_next(struct daemon *d, const struct port *before);
struct port *port_named(struct daemon *d, const char *name); /* NULL: there is none */
/* A further link while the daemon runs; `config` is copied. NULL: there are as many as there may be. */
struct port *port_add(struct daemon *d, const struct config_link *config);
/* Says goodbye there, and gives its place back; the others are not touched. */
void port_remove(struct port *p, uint64_t now_us);
/* Hands the rules and keys of its configuration to the node; adjacencies stay. */
void port_policy(struct port *p, uint64_t now_us);
void ports_close(struct daemon *d);
void ports_tick(struct daemon *d, uint64_t now_us);
/* Polls all carriers. */
void ports_carriers(struct daemon *d);
/* The same when it is time, which is often where packets pass; returns when it is next. */
uint64_t ports_watch(struct daemon *d, uint64_t now_us);
/* All ports of the interface learn what netlink says. */
void ports_observe(struct daemon *d, const struct kernel_link *link);
/* Addresses of the interface have changed. */
void ports_addresses(struct daemon *d, int ifindex);
/* Events may have been missed: asks for every interface. */
void ports_resync(struct daemon *d);
/* The interface failed under us; looked at again by the next tick. */
void port_broken(struct port *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void port_send(struct port *p, const struct endpoint *to, struct bytes frame);
void port_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count);
/* It is there and takes nothing, and the link is down until it does. Only notes, as above. */
void port_stalled(struct port *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Counts; an interface that went away breaks the port. `code`: errno. */
void port_send_failed(struct port *p, int code);

/* Backends. Open: 0, or a negative errno with text and remedy. */
int ethernet_open(struct port *p, char error[IO_ERROR_MAX]);
void ethernet_close(struct port *p);
void ethernet_send(struct port *p, const struct endpoint *to, struct bytes frame);
void ethernet_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count);
uint32_t ethernet_overruns(struct port *p); /* since it was opened: frames that the kernel had no room for */

/* ethernet_frame.c: | destination | source | IO_ETHERTYPE | length of the frame (2) | frame | zeros up to 60 bytes |
 * Short frames are padded by whoever sends or carries them, hence the length. */
#define ETHERNET_HEADER 14
#define ETHERNET_LENGTH CONFIG_ETHERNET_OVERHEAD
#define ETHERNET_MIN 60
#define ETHERNET_MAX (ETHERNET_HEADER + ETHERNET_LENGTH + NODE_FRAME_MAX)
/* What is before the frame. */
void ethernet_header_write(uint8_t out[ETHERNET_HEADER + ETHERNET_LENGTH], const uint8_t to[IO_MAC_LEN],
	const uint8_t from[IO_MAC_LEN], size_t frame_len);
size_t ethernet_wrap(uint8_t out[ETHERNET_MAX], const uint8_t to[IO_MAC_LEN], const uint8_t from[IO_MAC_LEN],
	struct bytes frame); /* 0: too long */
/* The reverse of both; false: it is no frame of ours, whole. `whole_len` is with all that follows the headers. */
bool ethernet_header_read(const uint8_t in[ETHERNET_HEADER + ETHERNET_LENGTH], size_t whole_len,
	uint8_t from[IO_MAC_LEN], size_t *frame_len);
bool ethernet_unwrap(struct bytes raw, uint8_t from[IO_MAC_LEN], struct bytes *frame);

#define UDP_ROW_BYTES 65487 /* of a row of frames: the largest UDP payload in IPv4, with some room for options */
int udp_open(struct port *p, char error[IO_ERROR_MAX]);
void udp_close(struct port *p);
void udp_send(struct port *p, const struct endpoint *to, struct bytes frame);
void udp_send_batch(struct port *p, const struct endpoint *to, const struct bytes *frames, unsigned count);
uint32_t udp_overruns(struct port *p); /* of a babel port as well */

/* babel.c: plain Babel on UDP 6696. `to` is the neighbour's link-local address, 16 bytes. */
int babel_open(struct port *p, char error[IO_ERROR_MAX]);
void babel_close(struct port *p);
void babel_send(struct port *p, const struct endpoint *to, struct bytes packet);
/* serial.c */
int serial_open(struct port *p, char error[IO_ERROR_MAX]);
void serial_close(struct port *p);
void serial_free(struct port *p); /* closed before */
void serial_send(struct port *p, const struct endpoint *to, struct bytes frame);
/* Each second while the port is stalled; true: it takes something again. */
bool serial_probe(struct port *p);
/* As deframer_rubbish_at(). */
uint64_t serial_rubbish_at(const struct port *p, unsigned i, const char **name);

/* pipe.c */
int pipe_open(struct port *p, char error[IO_ERROR_MAX]);
void pipe_close(struct port *p);
void pipe_free(struct port *p);
void pipe_send(struct port *p, const struct endpoint *to, struct bytes frame);
/* Each second: gives up a program that takes nothing. */
void pipe_probe(struct port *p, uint64_t now_us);

/* --- resolve.c: names to addresses, off the loop -------------------------------------------- */

struct resolver;
int resolver_open(struct daemon *d, char error[IO_ERROR_MAX]);
void resolver_close(struct daemon *d);
void resolver_tick(struct daemon *d, uint64_t now_us);
/* The port opened: asks for all its peers at once. */
void resolver_kick(struct port *p, uint64_t now_us);

/* --- lan.c: what lies behind this node -------------------------------------------------------- */

struct lan {
	int ifindex;
	bool is_up;
	bool announced[CERTIFICATE_PREFIX_MAX];
};
bool prefix_is_host(const struct prefix *p);
void lan_open(struct daemon *d);
void lan_observe(struct daemon *d, const struct kernel_link *link);

/* --- redistribute.c: routes of the kernel that are announced ------------------------------------- */

struct redistribution;
int redistribute_open(struct daemon *d, char error[IO_ERROR_MAX]);
void redistribute_close(struct daemon *d);
/* A route that is not ours, or what is to be announced, has changed: looks at all of them soon. */
void redistribute_look(struct daemon *d);

/* --- state.c, state_file.c: what survives a restart --------------------------------------------- */

enum state_item {
	STATE_SEQNO,
	STATE_TIME,
	STATE_CERTIFICATES,
	STATE_OUTAGES,
	STATE_REVOCATION,
	STATE_SILENCES,
	STATE_KEYS,
	STATE_ITEMS
};
struct state_job;

/* What the node hands over to be kept, and waits for. */
_Static_assert(NODE_KEYS_MAX_LEN <= REVOCATION_MAX_LEN, "keys fit where a list does");
struct state_record {
	size_t len;
	uint8_t bytes[REVOCATION_MAX_LEN];
	bool is_written, waits; /* an attempt was made; the node waits to hear that */
};

struct state {
	int lock_fd;
	bool is_writable; /* as far as the last attempt tells */
	int error; /* errno of the last failure */
	bool dirty[STATE_ITEMS];
	bool has_seqno;
	uint32_t seqno; /* node.h, store_seqno */
	struct time_floor floor;
	struct state_record list, keys; /* who is out; the deployment's keys, which are secret */
	uint64_t write_us; /* earliest next write */
	struct state_job *job; /* being written by its thread; NULL: none */
};

/* Locks the directory and reads seqno and time floor. -EBUSY with a line: another
 * daemon has held it for a second. A directory that cannot be written is not an error. */
int state_open(struct daemon *d, char error[IO_ERROR_MAX]);
/* Writes what is not written yet, and unlocks. */
void state_close(struct daemon *d);
/* Hands the kept list of who is out, keys and certificates to the node; what does not verify is forgotten. */
void state_restore(struct daemon *d);
void state_seqno(struct daemon *d, uint32_t seqno);
/* The node has learned a certificate. */
void state_certificates_changed(struct daemon *d);
/* The outage clock has moved; and back, over the sites that are watched. */
void state_outages_changed(struct daemon *d);
void state_outages_restore(struct daemon *d);
/* Of alarms, likewise. */
void state_silences_changed(struct daemon *d);
void state_silences_restore(struct daemon *d);
/* The node has a list of who is out, signed on `date` (minutes since 1970): it is told when that is written. */
void state_revocation(struct daemon *d, struct bytes encoded, uint32_t date);
void state_keys(struct daemon *d, struct bytes encoded); /* likewise of the deployment's keys */
void state_tick(struct daemon *d, uint64_t now_us);

/* Files of the state directory. Reading: the length, malloced *data; -EFBIG beyond
 * `max`. Writing is atomic and durable: temporary file, fsync, rename. */
int state_file_read(const char *dir, const char *name, size_t max, uint8_t **data);
int state_file_write(const char *dir, const char *name, struct bytes data);
void state_file_set_aside(const char *dir, const char *name); /* renames to NAME.bad */

/* --- tap.c: what passes on a link, for who looks on --------------------------------------------- */

#define TAPS_MAX 2
#define TAP_ROOM (1u << 20) /* bytes that wait for who reads; what finds no room is lost, and counted */
struct tap; /* a stream of pcapng: its begin, packets, and in the end the statistics */
/* Of the link, from now on. NULL: there are as many as there may be, or no memory. */
struct tap *tap_open(struct port *p, bool is_opened);
/* `ready` is called when bytes wait again, in the midst of anything: it only notes that. */
void tap_watch(struct tap *t, void (*ready)(void *user), void *user);
/* Nothing more is added but the statistics. */
void tap_end(struct tap *t);
void tap_close(struct tap *t);
bool tap_has_ended(const struct tap *t);
/* The next bytes, at most so many as lie together; and those that were taken. */
struct bytes tap_waiting(const struct tap *t);
void tap_take(struct tap *t, size_t len);
/* The link goes away: its taps end. */
void tap_link_gone(struct port *p);
/* What passes; only to be called while somebody looks. A frame that leaves, `to` NULL: to all; */
void tap_out(struct port *p, const struct endpoint *to, struct bytes frame);
/* frames that came, which this hands to the node; */
void tap_frames_in(struct port *p, uint64_t now_us, struct node_frame *frames, size_t count);
/* a plain Babel packet that came; */
void tap_babel_in(struct port *p, const struct address *from, bool is_to_all, struct bytes packet);
/* and what the node shows (node.h, inner and whole). */
void tap_inner(struct port *p, bool is_out, const struct address *neighbour, struct bytes inner);
void tap_whole(struct port *p, bool is_out, const struct address *neighbour, struct bytes inner);

/* --- control.c, control_*.c ------------------------------------------------------------------------ */

#define CONTROL_LINE_MAX 4096
#define CONTROL_CLIENT_MAX 16
struct control;
/* -EBUSY: another meshd answers there. */
int control_open(struct daemon *d, char error[IO_ERROR_MAX]);
void control_close(struct daemon *d);
/* There is another event, for those who follow. */
void control_event(struct daemon *d);
#define CONTROL_NO_FOLLOW UINT64_MAX
struct asker {
	unsigned user; /* who asks, by the kernel's word; not for a browser */
	const char *browser; /* its address; NULL: it is none */
	uint64_t token; /* for control_later() */
	/* Set by the answer: */
	uint64_t follow; /* the number of the event from which on all are to be told, or CONTROL_NO_FOLLOW */
	bool waits; /* the answer comes later */
	struct tap *tap; /* what follows the answer, in place of lines; NULL: nothing. Whoever asked closes it */
};
/* One answer line, newline included, for free(); NULL: memory, or it comes later. */
char *control_answer(struct daemon *d, struct bytes request, struct asker *asker);
/* The answer that somebody waits for; takes `line` over, NULL: there is none. If the asker is gone, nothing happens. */
void control_later(struct daemon *d, uint64_t token, char *line);
/* A line about the event of that number, or, if it is kept no longer, about how many are lost: *number is that of the
 * next one. For free(); NULL: there is none yet, or no memory. */
char *control_event_line(const struct daemon *d, uint64_t *number);

/* --- page*.c, metrics.c: the node's own page, for browsers ------------------------------------------- */

struct page;
/* Listens where the configuration says; where it cannot is told, and tried again. -ENOMEM. */
int page_open(struct daemon *d, char error[IO_ERROR_MAX]);
void page_close(struct daemon *d);
void page_tick(struct daemon *d, uint64_t now_us);
/* Something happened: who reads is told soon. May be called in the midst of anything. */
void page_event(struct daemon *d);

/* --- control_steer.c: ways that somebody bends for a while ------------------------------------------------ */

#define STEERING_MAX 16
enum steering_how { STEER_AVOID, STEER_PREFER, STEER_COST, STEER_DRAIN };
struct steering {
	enum steering_how how;
	char link[CONFIG_INTERFACE_MAX]; /* not of a drain */
	uint16_t cost; /* STEER_COST */
	uint64_t until_us; /* 0: free */
};
struct steering_table {
	struct steering all[STEERING_MAX];
};
void steering_tick(struct daemon *d, uint64_t now_us);

/* --- control_trial.c: a configuration that nobody has confirmed ------------------------------------------- */

struct trial {
	struct config *before; /* that comes back; NULL: nothing is on trial */
	uint64_t until_us;
};
void trial_tick(struct daemon *d, uint64_t now_us);
void trial_end(struct daemon *d); /* what runs, stays */

/* --- loop.c: the daemon ------------------------------------------------------------------------------ */

struct daemon {
	struct config config;
	const char *config_path; /* the file that it came from */
	struct trial trial;
	struct steering_table steering;
	struct enrolment enrolment;
	struct secret_request *applicant; /* NULL: it is a member */
	bool was_admitted;
	struct node *node;
	struct log log;
	struct events events;
	struct alarm_watch watch;
	struct outage_watch outage_watch;
	struct kernel kernel;
	struct tun tun;
	struct underlay underlay;
	unsigned port_count; /* places, some of which may be free; those of config.links are the same */
	struct port ports[CONFIG_LINK_MAX];
	struct resolver *resolver;
	struct lan lan;
	struct redistribution *redistribution;
	struct state state;
	struct incidents *incidents; /* incident.h; NULL: nothing is recorded */
	struct collect *collect; /* collect.h; NULL: logs are not shared */
	struct mailbox *mailbox; /* mailbox.h; NULL: messages are not kept */
	struct control *control;
	struct page *page; /* NULL: it is not served */
	struct ev_loop *loop;
	ev_prepare before_sleep;
	ev_timer tick;
	int timer; /* ends the sleep: libev's own are late by half a millisecond */
	ev_io due;
	uint64_t armed_us; /* what it is set to; 0: nothing that is still to come */
	uint64_t carriers_us; /* when they were polled */
	ev_async written; /* by the threads that write the state and the incident log */
	ev_signal signals[3];
	uint64_t start_us;
	uint64_t route_refused_us; /* when the kernel last refused a route; 0: never */
	int status; /* of the program */
	char error[IO_ERROR_MAX]; /* why it had to stop */
	struct tap *taps[TAPS_MAX];
	struct batch batch;
	uint8_t frames[IO_BATCH][NODE_FRAME_MAX + NODE_TAILROOM]; /* receive room for single frames, of all links */
};

__attribute__((format(printf, 3, 4))) void daemon_say(struct daemon *d, const char *code, const char *format, ...);
/* Stops the loop: the program ends with status 1 and this line. */
__attribute__((format(printf, 2, 3))) void daemon_fail(struct daemon *d, const char *format, ...);
/* Reads and checks the enrolment file and that the certificate is valid at `floor`. -EAGAIN: it has keys, and waits for
 * a certificate. */
int enrolment_load(struct enrolment *e, const char *path, const struct time_floor *floor, char error[IO_ERROR_MAX]);
int enrolment_expired(char error[IO_ERROR_MAX], const char *path, const struct certificate *c); /* says so */
/* At most ENROLMENT_TEXT_MAX + 1 bytes; the length, or a negative errno. */
int key_file_read(const char *path, char text[ENROLMENT_TEXT_MAX + 1]);

/* --- applicant.c: keys without a certificate ------------------------------------------------------------ */

/* The key file waits for an answer: d->enrolment is made of the one that came already, if it is valid at `floor`; else
 * it is one of its own making, and d->applicant says so. */
int applicant_open(struct daemon *d, const struct time_floor *floor);
void applicant_close(struct daemon *d);
/* The certificate of d->enrolment is that of a later answer for the same keys, if one came. */
void enrolment_renew(struct daemon *d, const struct time_floor *floor);
/* struct node_output: it is kept, and the daemon ends, to begin again with it. */
bool applicant_granted(void *user, struct bytes grant);

#define DAEMON_AGAIN (-1)
/* Runs until a signal; the exit status, or DAEMON_AGAIN: the node was admitted, and is to be run again. `config` is
 * from malloc() and is the daemon's from now on. Prints its one error line itself. */
int daemon_run(struct config *config, const char *path, bool is_verbose);

#endif
