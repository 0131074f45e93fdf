/* A pcap file for each link, nanoseconds. A full disk ends a capture, not the lab. */
#include "sim/lab.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <time.h>

struct lab_capture {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	char path[LAB_PATH_MAX];
	bool broken;
};

struct lab_capture *capture_open(const char *dir, const char *link)
{
	struct lab_capture *c = calloc(1, sizeof(*c));

	if (!c) {
		lab_complain("out of memory");
		return NULL;
	}
	snprintf(c->path, sizeof(c->path), "%s/%s.pcap", dir, link);
	c->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, LAB_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	c->dumper = c->pcap ? pcap_dump_open(c->pcap, c->path) : NULL;
	if (!c->dumper) {
		lab_complain("%s: %s", c->path, c->pcap ? pcap_geterr(c->pcap) : "out of memory");
		capture_close(c);
		return NULL;
	}
	return c;
}

void capture_frame(struct lab_capture *c, const void *frame, uint32_t len)
{
	struct pcap_pkthdr header = { .caplen = len, .len = len };
	struct timespec now;

	if (c->broken)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	header.ts.tv_sec = now.tv_sec;
	header.ts.tv_usec = now.tv_nsec; /* nanoseconds in a nanosecond file */
	pcap_dump((u_char *)c->dumper, &header, frame);
}

void capture_flush(struct lab_capture *c)
{
	if (c->broken)
		return;
	c->broken = pcap_dump_flush(c->dumper) != 0 || ferror(pcap_dump_file(c->dumper));
	if (c->broken)
		lab_complain("%s: cannot be written; capture ends here", c->path);
}

void capture_close(struct lab_capture *c)
{
	if (!c)
		return;
	if (c->dumper) {
		capture_flush(c);
		pcap_dump_close(c->dumper);
	}
	if (c->pcap)
		pcap_close(c->pcap);
	free(c);
}
