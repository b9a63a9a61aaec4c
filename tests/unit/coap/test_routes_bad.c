// SPDX-License-Identifier: BSD-2-Clause
/* Every malformed request over real CoAP: its code, its words, nothing stored, and the next good
 * one is. */
#define _GNU_SOURCE
#include "server_rig.h"

#include <stdlib.h>
#include <string.h>

#define BASE "\"bn\":\"" NODE "_\""
#define SEQ "{" BASE ",\"bt\":1700000001,\"n\":\"seq\",\"v\":1}"
#define EPOCH_RECORD "{\"n\":\"epoch\",\"vs\":\"1234567890abcdef\"}"
#define PACK(more) "[" SEQ "," EPOCH_RECORD "," more "]"
#define AT(time) "[{" BASE ",\"bt\":" time ",\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"
#define BYTES(s) s, sizeof(s) - 1

struct bad {
	const char *name;
	int format;
	const char *body;
	size_t size;
	unsigned code;
	const char *says;
};

static const struct bad cases[] = {
	/* format */
	{ "a format that is none of ours", 60, BYTES("\xa0"), CODE(4, 15), "content format 60" },
	{ "no payload", SENML_CBOR, "", 0, CODE(4, 0), "no payload" },
	/* CBOR that is none */
	{ "an integer", SENML_CBOR, BYTES("\x01"), CODE(4, 0), "byte 0" },
	{ "a map", SENML_CBOR, BYTES("\xa0"), CODE(4, 0), "byte 0" },
	{ "an empty array", SENML_CBOR, BYTES("\x80"), CODE(4, 0), "" },
	{ "an array that claims 2^64 records", SENML_CBOR,
	  BYTES("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), CODE(4, 0), "byte" },
	{ "an array that claims 4 GB of records", SENML_CBOR, BYTES("\x9a\xff\xff\xff\xff\xa0"),
	  CODE(4, 0), "" },
	{ "a text that claims 2^63 bytes", SENML_CBOR,
	  BYTES("\x81\xa1\x00\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), CODE(4, 0), "byte" },
	{ "a break without a beginning", SENML_CBOR, BYTES("\xff"), CODE(4, 0), "byte" },
	{ "reserved additional information", SENML_CBOR, BYTES("\x81\x1c"), CODE(4, 0), "byte" },
	{ "arrays in arrays", SENML_CBOR,
	  BYTES("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x80"), CODE(4, 0),
	  "" },
	{ "bytes after the end", SENML_CBOR, BYTES("\x81\xa0\x00"), CODE(4, 0), "" },
	/* JSON that is none */
	{ "no JSON", SENML_JSON, BYTES("geotherm"), CODE(4, 0), "byte 0" },
	{ "an object", SENML_JSON, BYTES("{}"), CODE(4, 0), "" },
	{ "a pack cut short", SENML_JSON, BYTES("[" SEQ ","), CODE(4, 0), "byte" },
	{ "no UTF-8", SENML_JSON, BYTES(PACK("{\"n\":\"note\",\"vs\":\"\xff\"}")), CODE(4, 0), "" },
	{ "a NUL in a text", SENML_JSON, BYTES(PACK("{\"n\":\"note\",\"vs\":\"a\\u0000b\"}")),
	  CODE(4, 0), "" },
	/* records */
	{ "no seq", SENML_JSON, BYTES("[{" BASE ",\"n\":\"epoch\",\"vs\":\"1234567890abcdef\"}]"),
	  CODE(4, 0), "seq" },
	{ "no epoch", SENML_JSON, BYTES("[" SEQ "]"), CODE(4, 0), "epoch" },
	{ "an epoch in capitals", SENML_JSON,
	  BYTES("[" SEQ ",{\"n\":\"epoch\",\"vs\":\"1234567890ABCDEF\"}]"), CODE(4, 0), "epoch" },
	{ "a seq of 0", SENML_JSON, BYTES("[{" BASE ",\"n\":\"seq\",\"v\":0}," EPOCH_RECORD "]"),
	  CODE(4, 0), "seq" },
	{ "a seq of a half", SENML_JSON,
	  BYTES("[{" BASE ",\"n\":\"seq\",\"v\":1.5}," EPOCH_RECORD "]"), CODE(4, 0), "seq" },
	{ "a seq in words", SENML_JSON,
	  BYTES("[{" BASE ",\"n\":\"seq\",\"vs\":\"1\"}," EPOCH_RECORD "]"), CODE(4, 0), "seq" },
	{ "a field twice", SENML_JSON,
	  BYTES(PACK("{\"n\":\"fix\",\"v\":3},{\"n\":\"fix\",\"v\":3}")), CODE(4, 0), "fix" },
	{ "a field of the wrong type", SENML_JSON, BYTES(PACK("{\"n\":\"fix\",\"vb\":true}")),
	  CODE(4, 0), "fix" },
	{ "a wrong unit", SENML_JSON, BYTES(PACK("{\"n\":\"hacc\",\"u\":\"km\",\"v\":1}")),
	  CODE(4, 0), "hacc" },
	{ "a value too fine", SENML_JSON,
	  BYTES(PACK("{\"n\":\"lat\",\"u\":\"lat\",\"v\":1.00000001}")), CODE(4, 0),
	  "record 2: lat" },
	{ "a value out of range", SENML_JSON, BYTES(PACK("{\"n\":\"fix\",\"v\":256}")), CODE(4, 0),
	  "fix" },
	{ "a number of 400 digits' size", SENML_JSON, BYTES(PACK("{\"n\":\"fix\",\"v\":1e400}")),
	  CODE(4, 0), "fix" },
	{ "NaN in JSON", SENML_JSON, BYTES(PACK("{\"n\":\"fix\",\"v\":NaN}")), CODE(4, 0), "" },
	{ "a sensor whose CRC is wrong", SENML_JSON,
	  BYTES(PACK("{\"bn\":\"urn:dev:ow:28ff4b4601160338_\",\"n\":\"quality\",\"vs\":\"ok\"}")),
	  CODE(4, 0), "" },
	{ "a quality that is none", SENML_JSON,
	  BYTES(PACK("{\"bn\":\"urn:dev:ow:28ff4b4601160337_\",\"n\":\"quality\",\"vs\":\"fine\"}")),
	  CODE(4, 0), "quality" },
	{ "a scratchpad of eight bytes", SENML_JSON,
	  BYTES(PACK("{\"bn\":\"urn:dev:ow:28ff4b4601160337_\",\"n\":\"quality\",\"vs\":\"ok\"},"
		     "{\"n\":\"sp\",\"vd\":\"kQFLRn__DxA\"}")),
	  CODE(4, 0), "sp" },
	{ "a label that must be understood", SENML_JSON,
	  BYTES(PACK("{\"n\":\"fix\",\"v\":3,\"x_\":1}")), CODE(4, 0), "" },
	{ "a version of SenML to come", SENML_JSON,
	  BYTES("[{\"bver\":11," BASE ",\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"), CODE(4, 0),
	  "" },
	/* time */
	{ "a time in 1970", SENML_JSON, BYTES(AT("1000000000.5e-3")), CODE(4, 0), "" },
	{ "a time before 2000", SENML_JSON, BYTES(AT("946684799")), CODE(4, 0), "" },
	{ "a time in 2106", SENML_JSON, BYTES(AT("4294967296")), CODE(4, 0), "" },
	{ "a time before 1970", SENML_JSON, BYTES(AT("-1")), CODE(4, 0), "" },
	{ "a time of a tenth of a microsecond", SENML_JSON, BYTES(AT("1700000000.0000001")),
	  CODE(4, 0), "" },
	/* who */
	{ "no device", SENML_JSON, BYTES("[{\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"), CODE(4, 0),
	  "" },
	{ "a device that is no URN", SENML_JSON,
	  BYTES("[{\"bn\":\"my-pi_\",\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"), CODE(4, 0), "" },
	{ "another's device", SENML_JSON,
	  BYTES("[{\"bn\":\"" OTHER "_\",\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"), CODE(4, 3),
	  "may not write" },
	{ "its own and another's", SENML_JSON,
	  BYTES("[" SEQ "," EPOCH_RECORD ",{\"bn\":\"" OTHER
		"_\",\"n\":\"seq\",\"v\":1}," EPOCH_RECORD "]"),
	  CODE(4, 3), OTHER },
	/* the legacy client's text; of another MAC it is another's device */
	{ "binary as text", 0, BYTES("\x00\x01\x02/\xff"), CODE(4, 0), "byte" },
	{ "text without end", 0, BYTES("SENSOR_A/202481588596741/24.687"), CODE(4, 0), "byte" },
	{ "a temperature in words", 0, BYTES("SENSOR_A/202481588596741/warm/0//1479396032.57"),
	  CODE(4, 0), "byte" },
	{ "a temperature that is no number", 0,
	  BYTES("SENSOR_A/202481588596741/nan/0//1479396032.57"), CODE(4, 0), "byte" },
	{ "SQL for a temperature", 0,
	  BYTES("A/202481588596741/1'); DROP TABLE readings; --/0//1479396032.57"), CODE(4, 0),
	  "byte" },
	{ "a time in 2106 as text", 0, BYTES("SENSOR_A/202481588596741/1/0//4294967297"),
	  CODE(4, 0), "byte" },
	{ "text of another device", 0, BYTES("SENSOR_A/202481588596741/24.687/0//1479396032.57"),
	  CODE(4, 3), "may not write" },
};

static void each_is_told_what_is_wrong_and_stores_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bad *c = &cases[i];
		unsigned code =
			request(COAPS_POST, "/gpsflowtemp", c->format, -1, c->body, c->size);

		if (code != c->code || strstr((const char *)rig.body, c->says) == NULL) {
			fail_msg("%s: %u.%02u \"%s\", expected %u.%02u \"%s\"", c->name, code >> 5,
				 code & 31, rig.body, c->code >> 5, c->code & 31, c->says);
		}
		assert_true(rig.size > 0); /* never without a word */
	}
	assert_int_equal(count_rows(), 0);
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 3), CODE(2, 4));
	assert_int_equal(count_rows(), 3);
}

static void a_pack_cut_at_any_byte_stores_nothing(void **state)
{
	struct reading r;
	uint8_t body[4096];
	int length;

	(void)state;
	make(&r, NODE, 1);
	for (unsigned f = 0; f < 2; f++) {
		int format = f == 0 ? SENML_CBOR : SENML_JSON;

		length = senml_encode((enum senml_format)format, &r, 1, body, sizeof(body), NULL);
		assert_true(length > 50);
		for (int cut = 1; cut < length; cut++) {
			assert_int_equal(
				request(COAPS_POST, "/gpsflowtemp", format, -1, body, (size_t)cut),
				CODE(4, 0));
			assert_true(rig.size > 0);
		}
	}
	assert_int_equal(count_rows(), 0);
}

/* NaN and infinities of each width in place of a number. */
static void a_number_that_is_none_in_cbor_is_refused(void **state)
{
	static const char head[] = "\x82\xa4\x21\x78\x1d" NODE
				   "_\x22\x1a\x65\x53\xf1\x01\x00\x63seq\x02";
	static const char tail[] = "\xa2\x00\x65"
				   "epoch\x03\x70"
				   "1234567890abcdef";
	static const struct {
		const char *bytes;
		size_t size;
	} numbers[] = {
		{ BYTES("\xf9\x7e\x00") },
		{ BYTES("\xf9\x7c\x00") },
		{ BYTES("\xf9\xfc\x00") },
		{ BYTES("\xfa\x7f\xc0\x00\x00") },
		{ BYTES("\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00") },
		{ BYTES("\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00") },
		{ BYTES("\xf6") },
		{ BYTES("\xc2\x41\x01") },
		{ BYTES("\xc4\x82\x3b\x7f\xff\xff\xff\xff\xff\xff\xff\x01") },
	};
	uint8_t body[256];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		size_t n = sizeof(head) - 1;

		memcpy(body, head, n);
		memcpy(body + n, numbers[i].bytes, numbers[i].size);
		n += numbers[i].size;
		memcpy(body + n, tail, sizeof(tail) - 1);
		n += sizeof(tail) - 1;
		assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, n),
				 CODE(4, 0));
	}
	/* The frame is right: with a number in it, it is stored. */
	memcpy(body, head, sizeof(head) - 1);
	body[sizeof(head) - 1] = 1;
	memcpy(body + sizeof(head), tail, sizeof(tail) - 1);
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body,
				 sizeof(head) + sizeof(tail) - 1),
			 CODE(2, 4));
	assert_int_equal(count_rows(), 1);
}

static void a_body_larger_than_any_pack_is_too_large(void **state)
{
	size_t size = 3 << 20;
	uint8_t *body = calloc(1, size);

	(void)state;
	assert_int_equal(request(COAPS_POST, "/gpsflowtemp", SENML_CBOR, -1, body, size),
			 CODE(4, 13));
	free(body);
	assert_int_equal(post_range(NODE, SENML_CBOR, 1, 1), CODE(2, 4));
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		ON(each_is_told_what_is_wrong_and_stores_nothing, start),
		ON(a_pack_cut_at_any_byte_stores_nothing, start),
		ON(a_number_that_is_none_in_cbor_is_refused, start),
		ON(a_body_larger_than_any_pack_is_too_large, start),
	};

	return cmocka_run_group_tests_name("routes_bad", all, NULL, NULL);
}

int main(void)
{
	return rig_run("test_routes_bad", tests);
}
