/* JPEG in memory. libjpeg leaves by longjmp: each call here has its one place to land. */
#include "sim/demo/picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct failure {
	struct jpeg_error_mgr manager; /* first: libjpeg knows only this */
	jmp_buf landing;
	bool is_damaged; /* libjpeg went on where a byte was wrong */
};

static void fail(j_common_ptr common)
{
	struct failure *failure = (struct failure *)common->err;

	longjmp(failure->landing, 1);
}

static void warn(j_common_ptr common, int level)
{
	if (level < 0)
		((struct failure *)common->err)->is_damaged = true;
}

static void failure_init(struct failure *failure)
{
	jpeg_std_error(&failure->manager);
	failure->manager.error_exit = fail;
	failure->manager.emit_message = warn;
	failure->is_damaged = false;
}

int jpeg_encode(uint8_t **out, size_t *len, const uint8_t *rgb, unsigned width, unsigned height, int quality)
{
	struct jpeg_compress_struct jpeg;
	struct failure failure;
	unsigned char *volatile room = NULL;
	unsigned char *data = NULL;
	unsigned long size = 0;

	if (quality < 1 || quality > 100)
		return -EINVAL;
	failure_init(&failure);
	jpeg.err = &failure.manager;
	jpeg_create_compress(&jpeg);
	if (setjmp(failure.landing)) {
		jpeg_destroy_compress(&jpeg);
		free(room);
		return -EINVAL;
	}
	jpeg_mem_dest(&jpeg, &data, &size);
	room = data;
	jpeg.image_width = width;
	jpeg.image_height = height;
	jpeg.input_components = 3;
	jpeg.in_color_space = JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, quality, TRUE);
	jpeg_start_compress(&jpeg, TRUE);
	while (jpeg.next_scanline < height) {
		JSAMPROW row = (JSAMPROW)(rgb + 3ul * width * jpeg.next_scanline);

		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	*out = data;
	*len = size;
	return 0;
}

int jpeg_of_picture(uint8_t **out, size_t *len)
{
	uint8_t *rgb = picture_draw();
	int error = rgb ? -ERANGE : -ENOMEM;

	/* Size grows with quality: halving finds the highest that is not too large. */
	for (int low = 40, high = 100; rgb && low <= high;) {
		int quality = (low + high) / 2, failed;
		uint8_t *data;
		size_t size;

		failed = jpeg_encode(&data, &size, rgb, PICTURE_WIDTH, PICTURE_HEIGHT, quality);
		if (failed) {
			error = failed;
			break;
		}
		if (size > PICTURE_MAX) {
			high = quality - 1;
			free(data);
			continue;
		}
		low = quality + 1;
		if (size < PICTURE_MIN) {
			free(data);
			continue;
		}
		if (!error)
			free(*out);
		*out = data;
		*len = size;
		error = 0;
	}
	free(rgb);
	return error;
}

/* The whole picture as RGB at the scale; `failure` has the landing. */
static uint8_t *jpeg_decode(struct jpeg_decompress_struct *jpeg, struct bytes bytes, unsigned denominator)
{
	jpeg_mem_src(jpeg, bytes.data, bytes.len);
	jpeg_read_header(jpeg, TRUE);
	jpeg->scale_num = 1;
	jpeg->scale_denom = denominator;
	jpeg->out_color_space = JCS_RGB;
	jpeg_start_decompress(jpeg);
	return malloc(3ul * jpeg->output_width * jpeg->output_height);
}

int jpeg_shrink(uint8_t **out, size_t *len, struct bytes bytes, unsigned denominator, int quality)
{
	struct jpeg_decompress_struct jpeg;
	struct failure failure;
	uint8_t *volatile rgb = NULL;
	int error;

	failure_init(&failure);
	jpeg.err = &failure.manager;
	jpeg_create_decompress(&jpeg);
	if (setjmp(failure.landing)) {
		jpeg_destroy_decompress(&jpeg);
		free(rgb);
		return -EBADMSG;
	}
	rgb = jpeg_decode(&jpeg, bytes, denominator);
	while (rgb && jpeg.output_scanline < jpeg.output_height) {
		JSAMPROW row = rgb + 3ul * jpeg.output_width * jpeg.output_scanline;

		jpeg_read_scanlines(&jpeg, &row, 1);
	}
	error = rgb ? 0 : -ENOMEM;
	if (rgb)
		jpeg_finish_decompress(&jpeg);
	if (failure.is_damaged)
		error = -EBADMSG;
	if (!error)
		error = jpeg_encode(out, len, rgb, jpeg.output_width, jpeg.output_height, quality);
	jpeg_destroy_decompress(&jpeg);
	free(rgb);
	return error;
}
