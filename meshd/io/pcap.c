/* libpcap's functions, as far as links call them (library.h). */
#include "meshd/io/library.h"

#include <pcap/pcap.h>

/* Debian's name for it, and everybody else's. */
struct library library_pcap = { .files = (const char *const[]){ "libpcap.so.0.8", "libpcap.so.1", NULL },
	.package = "libpcap0.8" };

#define FUNCTION(...) LIBRARY_FUNCTION(&library_pcap, __VA_ARGS__)

FUNCTION(pcap_t *, pcap_create, (const char *interface, char *error), interface, error)
FUNCTION(int, pcap_activate, (pcap_t * p), p)
FUNCTION(void, pcap_close, (pcap_t * p), p)
FUNCTION(int, pcap_set_promisc, (pcap_t * p, int is_on), p, is_on)
FUNCTION(int, pcap_set_immediate_mode, (pcap_t * p, int is_on), p, is_on)
FUNCTION(int, pcap_set_snaplen, (pcap_t * p, int len), p, len)
FUNCTION(int, pcap_set_buffer_size, (pcap_t * p, int bytes), p, bytes)
FUNCTION(int, pcap_setnonblock, (pcap_t * p, int is_on, char *error), p, is_on, error)
FUNCTION(int, pcap_setdirection, (pcap_t * p, pcap_direction_t direction), p, direction)
FUNCTION(int, pcap_setfilter, (pcap_t * p, struct bpf_program *filter), p, filter)
FUNCTION(int, pcap_compile,
	(pcap_t * p, struct bpf_program *filter, const char *text, int is_optimized, bpf_u_int32 netmask), p, filter,
	text, is_optimized, netmask)
FUNCTION(void, pcap_freecode, (struct bpf_program * filter), filter)
FUNCTION(int, pcap_datalink, (pcap_t * p), p)
FUNCTION(int, pcap_dispatch, (pcap_t * p, int most, pcap_handler each, u_char *arg), p, most, each, arg)
FUNCTION(int, pcap_get_selectable_fd, (pcap_t * p), p)
FUNCTION(int, pcap_stats, (pcap_t * p, struct pcap_stat *stats), p, stats)
FUNCTION(char *, pcap_geterr, (pcap_t * p), p)
