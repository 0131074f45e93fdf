/*
 * Which packet counters were seen (RFC 9467, 3.2): the highest, and of each of the
 * 127 below it whether it was.
 */
#include "routing/mac.h"

#include <string.h>

static void window_shift(struct mac_window *w, uint32_t by)
{
	if (by >= MAC_WINDOW) {
		memset(w->seen, 0, sizeof(w->seen));
		return;
	}
	for (; by >= 64; by -= 64) {
		w->seen[1] = w->seen[0];
		w->seen[0] = 0;
	}
	if (by == 0)
		return;
	w->seen[1] = w->seen[1] << by | w->seen[0] >> (64 - by);
	w->seen[0] <<= by;
}

bool mac_window_take(struct mac_window *w, uint32_t counter)
{
	if (counter > w->highest) {
		window_shift(w, counter - w->highest);
		w->highest = counter;
		w->seen[0] |= 1;
		return true;
	}
	uint32_t below = w->highest - counter;
	if (below >= MAC_WINDOW)
		return false;
	uint64_t bit = UINT64_C(1) << (below % 64);
	bool is_new = !(w->seen[below / 64] & bit);

	w->seen[below / 64] |= bit;
	return is_new;
}

/*
 * After a challenge RFC 9467 (3.2) marks the counters below the proven one as not
 * seen. Whoever replays a packet with an index of before brings about a challenge
 * that the neighbour meets; then up to 127 packets that were accepted already would
 * be accepted again, against RFC 8967, 1.2. They count as seen: all that is lost is
 * a packet that the answer has overtaken. Nor does an answer that was overtaken
 * itself take the highest counter back.
 */
void mac_window_close(struct mac_window *w, uint32_t counter)
{
	if (counter > w->highest)
		w->highest = counter;
	memset(w->seen, 0xff, sizeof(w->seen));
}
