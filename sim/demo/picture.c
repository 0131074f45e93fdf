/*
 * A valley in the evening, after the quake: sky, three ridges in haze, a river,
 * the houses of the town without a single lit window, rubble in front, and the
 * words that a camera would burn in. Each pixel asks the layers from front to
 * back; the first that covers it gives the colour. All texture is value noise
 * over integer hashes: no state, no library, the same on every machine.
 */
#include "sim/demo/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct colour {
	float r, g, b;
};

static uint32_t hash2(int32_t x, int32_t y, uint32_t seed)
{
	uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u ^ seed * 0xc2b2ae3du;

	h ^= h >> 15;
	h *= 0x2c1b3c6du;
	h ^= h >> 12;
	h *= 0x297a2d39u;
	return h ^ h >> 15;
}

static float unit2(int32_t x, int32_t y, uint32_t seed)
{
	return (float)(hash2(x, y, seed) >> 8) / 16777216.0f;
}

static float noise(float x, float y, uint32_t seed)
{
	float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
	int32_t ix = (int32_t)fx, iy = (int32_t)fy;

	u = u * u * (3 - 2 * u);
	v = v * v * (3 - 2 * v);
	float top = unit2(ix, iy, seed) * (1 - u) + unit2(ix + 1, iy, seed) * u;
	float bottom = unit2(ix, iy + 1, seed) * (1 - u) + unit2(ix + 1, iy + 1, seed) * u;
	return top * (1 - v) + bottom * v;
}

/* Octaves of noise, 0..1. */
static float cloud(float x, float y, unsigned octaves, uint32_t seed)
{
	float sum = 0, weight = 0.5f;

	for (unsigned i = 0; i < octaves; i++) {
		sum += weight * noise(x, y, seed + i);
		x = 2.03f * x + 17;
		y = 2.03f * y + 31;
		weight /= 2;
	}
	return sum;
}

static struct colour mix(struct colour a, struct colour b, float t)
{
	t = t < 0 ? 0 : t > 1 ? 1 : t;
	return (struct colour){ a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t };
}

static struct colour scale(struct colour c, float by)
{
	return (struct colour){ c.r * by, c.g * by, c.b * by };
}

/* x and y are in 0..1 over the width; y grows downwards to 0.75. */
static struct colour sky(float x, float y)
{
	static const struct colour high = { 0.20f, 0.29f, 0.44f }, low = { 0.88f, 0.66f, 0.50f },
				   lit = { 0.98f, 0.83f, 0.70f };
	struct colour c = mix(high, low, powf(y / 0.36f, 1.3f));
	float veil = cloud(x * 3 + 2, y * 9, 6, 11);

	c = mix(c, lit, (veil - 0.48f) * 2.6f);
	float smoke = cloud((x - 0.67f - 0.25f * (0.36f - y)) * 14, y * 7, 5, 23);
	float core = 1 - fabsf(x - 0.67f - 0.32f * (0.36f - y)) / (0.02f + 0.20f * (0.40f - y));
	return core > 0 && y < 0.40f ? mix(c, (struct colour){ 0.19f, 0.18f, 0.19f }, core * smoke * 1.7f) : c;
}

static float ridge_height(float x, unsigned layer)
{
	static const float base[] = { 0.255f, 0.315f, 0.372f }, rough[] = { 0.16f, 0.12f, 0.08f };

	return base[layer] - rough[layer] * (cloud(x * (3 + 2 * (float)layer), 0.5f, 6, 41 + 9 * layer) - 0.45f);
}

static bool ridge(struct colour *c, float x, float y, unsigned layer)
{
	static const struct colour tone[] = { { 0.47f, 0.46f, 0.52f }, { 0.29f, 0.32f, 0.34f },
		{ 0.15f, 0.20f, 0.17f } };
	float top = ridge_height(x, layer);

	if (y < top)
		return false;
	float grain = cloud(x * 60 * (1 + (float)layer), y * 85 * (1 + (float)layer), 4, 71 + layer);
	float slide = cloud(x * 9, y * 5, 4, 83 + layer);
	*c = scale(tone[layer], 0.62f + 0.75f * grain);
	if (layer == 2 && slide > 0.56f)
		*c = mix(*c, (struct colour){ 0.42f, 0.34f, 0.26f }, (slide - 0.56f) * 9 * grain);
	*c = mix(*c, (struct colour){ 0.78f, 0.66f, 0.58f }, (y - top < 0.05f ? 0.05f - (y - top) : 0) * 4);
	return true;
}

/* Two rows of houses; a third of them lean or have lost their upper floors. */
static bool house(struct colour *c, float x, float y, unsigned row)
{
	float step = row ? 0.083f : 0.057f, ground = row ? 0.520f : 0.462f;
	int32_t i = (int32_t)floorf(x / step);
	float inside = x / step - (float)i, height = (row ? 0.070f : 0.052f) * (0.55f + unit2(i, 1, 101 + row));
	bool broken = unit2(i, 2, 101 + row) < 0.36f;
	float width = 0.62f + 0.32f * unit2(i, 3, 101 + row), lean = broken ? 0.5f * (unit2(i, 4, 101) - 0.5f) : 0;

	inside += lean * (ground - y) / height;
	if (broken)
		height *= 0.45f + 0.5f * cloud(x * 160, (float)i, 3, 131);
	if (y > ground || y < ground - height || inside < 0.04f || inside > width)
		return false;
	float wall = cloud(x * 300, y * 300, 3, 151 + row), shade = 0.30f + 0.30f * unit2(i, 5, 101 + row);
	*c = scale((struct colour){ 1.0f, 0.92f, 0.82f }, shade * (0.70f + 0.6f * wall));
	float column = inside * (4 + 3 * unit2(i, 6, 101)), floor_at = (ground - y) * 95;
	if (column - floorf(column) > 0.34f && column - floorf(column) < 0.78f && floor_at - floorf(floor_at) > 0.40f &&
		floor_at - floorf(floor_at) < 0.85f)
		*c = scale((struct colour){ 0.10f, 0.11f, 0.14f }, 0.6f + 0.8f * wall);
	return true;
}

static bool river(struct colour *c, float x, float y)
{
	float bank = 0.545f + 0.02f * (cloud(x * 6, 2, 4, 171) - 0.5f), far = bank - 0.030f - 0.02f * x;

	if (y < far || y > bank)
		return false;
	float wave = cloud(x * 40, y * 420, 4, 181);
	*c = mix((struct colour){ 0.34f, 0.28f, 0.22f }, (struct colour){ 0.80f, 0.62f, 0.48f }, wave * 1.4f - 0.35f);
	return true;
}

/* Stones grow towards the viewer: the ground is seen in perspective. */
static struct colour rubble(float x, float y)
{
	float near = 0.05f + (y - 0.50f), u = (x - 0.5f) * 3.2f / near, v = 1.5f / near;
	float stone = cloud(u, v, 6, 191), towards_light = cloud(u - 0.22f, v + 0.10f, 6, 191);
	float light = 0.62f + (stone - towards_light) * 2.6f, brick = cloud(u / 3, v / 3, 3, 211);
	struct colour c = mix(
		(struct colour){ 0.25f, 0.23f, 0.21f }, (struct colour){ 0.62f, 0.55f, 0.47f }, stone * 2.2f - 0.6f);

	if (brick > 0.50f)
		c = mix(c, (struct colour){ 0.44f, 0.27f, 0.21f }, (brick - 0.50f) * 5);
	return scale(c, light < 0.12f ? 0.12f : light);
}

/* 5 x 7 letters, a row per byte, leftmost pixel is bit 4. */
struct letter {
	char character;
	uint8_t rows[7];
};

static const struct letter letters[] = {
	{ 'S', { 0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e } },
	{ 'C', { 0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e } },
	{ 'E', { 0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f } },
	{ 'N', { 0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11 } },
	{ '1', { 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e } },
};

static bool caption(unsigned px, unsigned py)
{
	static const char text[] = "SCENE 1";
	const unsigned dot = 8, left = 56, top = 56, width = 6 * dot * (unsigned)strlen(text);

	if (px < left || py < top || py >= top + 7 * dot || px >= left + width)
		return false;
	unsigned at = (px - left) / dot, column = at % 6, row = (py - top) / dot;
	for (size_t i = 0; column < 5 && i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].character == text[at / 6])
			return letters[i].rows[row] >> (4 - column) & 1;
	return false;
}

static struct colour look(float x, float y)
{
	struct colour c;

	if (y > 0.528f + 0.03f * cloud(x * 12, 9, 4, 221))
		return rubble(x, y);
	if (house(&c, x, y, 1) || river(&c, x, y) || house(&c, x, y, 0))
		return c;
	for (unsigned layer = 3; layer-- > 0;)
		if (ridge(&c, x, y, layer))
			return c;
	return sky(x, y);
}

static uint8_t level(float value, float grain)
{
	value = 255 * (value + grain);
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

uint8_t *picture_draw(void)
{
	uint8_t *rgb = malloc(3ul * PICTURE_WIDTH * PICTURE_HEIGHT), *at = rgb;

	for (unsigned py = 0; rgb && py < PICTURE_HEIGHT; py++) {
		for (unsigned px = 0; px < PICTURE_WIDTH; px++, at += 3) {
			struct colour c = look((float)px / PICTURE_WIDTH, (float)py / PICTURE_WIDTH);
			/* What a sensor adds in the dusk. */
			float grain =
				0.05f * (unit2((int32_t)px, (int32_t)py, 7) + unit2((int32_t)px, (int32_t)py, 8) - 1);

			if (caption(px, py))
				c = (struct colour){ 1, 0.95f, 0.75f };
			else if (px > 6 && py > 6 && caption(px - 4, py - 4))
				c = scale(c, 0.3f);
			at[0] = level(c.r, grain);
			at[1] = level(c.g, grain);
			at[2] = level(c.b, grain);
		}
	}
	return rgb;
}
