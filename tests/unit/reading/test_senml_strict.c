// SPDX-License-Identifier: BSD-2-Clause
/* What other encoders may write is understood; what is malformed is refused whole, with its place.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_reading.h"
#include "userspace/reading/senml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A least reading, open for more records. */
#define SEQ "[{\"bn\":\"urn:dev:x_\",\"bt\":1795459200.5,\"n\":\"seq\",\"v\":1}"
#define HEAD SEQ ",{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
#define OW "urn:dev:ow:28ff4b4601160337_" /* its CRC is right */
#define SENSOR ",{\"bn\":\"" OW "\",\"n\":\"quality\",\"vs\":\"ok\"}"

static struct reading out[4];
static struct senml_error err;

static int decode_json(const char *text)
{
	memset(&err, 0x55, sizeof(err));
	return senml_decode(SENML_JSON, text, strlen(text), out, COUNT(out), &err);
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = 0;

	for (hex += strspn(hex, " "); *hex != '\0'; hex += 2, hex += strspn(hex, " ")) {
		unsigned byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		bytes[n++] = (uint8_t)byte;
	}
	return n;
}

static int decode_cbor(const char *hex)
{
	static uint8_t bytes[4096];

	memset(&err, 0x55, sizeof(err));
	return senml_decode(SENML_CBOR, bytes, from_hex(hex, bytes), out, COUNT(out), &err);
}

static void every_malformed_json_pack_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *pack, *words; /* words: part of the error */
	} cases[] = {
		/* no pack */
		{ "", "byte 0: expected an array" },
		{ "null", "byte 0: expected an array" },
		{ "{}", "byte 0: expected an array" },
		{ "5", "byte 0: expected an array" },
		{ "[]", "no seq" },
		{ "[5]", "byte 1: expected an object" },
		{ "[ \"a\"]", "byte 2: expected an object" },
		{ "[[]]", "byte 1: expected an object" },
		{ HEAD, "byte 92: expected , or ]" },
		{ SEQ ",{\"n\":\"epoch\"", "byte 67: the pack ends within a record" },
		{ HEAD "],", "byte 93: characters after the end" },
		{ HEAD "]]", "byte 93: characters after the end" },
		{ HEAD "][", "byte 93: characters after the end" },
		{ HEAD ",]", "byte 93: expected an object" },
		{ HEAD "{}]", "byte 92: expected , or ]" },
		{ HEAD ", {\"v\":1,}]", "byte 102: not JSON" },
		{ HEAD ", {\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}]",
		  "byte 134: nested too deep" },
		{ SEQ ",{\"n\":\"lat\",\"v\":[1]}]", "byte 70: an array inside" },
		{ SEQ ",{\"n\":\"lat\",\"v\":\"1\"}]", "record 1: v: expected a number" },
		{ SEQ ",{\"n\":\"lat\",\"v\":{}}]", "record 1: v: expected a number" },
		{ SEQ ",{\"n\":\"lat\",\"v\":null}]", "record 1: v: expected a number" },
		{ SEQ ",{\"n\":5,\"v\":1}]", "record 1: n: expected a string" },
		{ SEQ ",{\"n\":\"x\",\"vb\":1}]", "record 1: vb: expected true or false" },
		{ SEQ ",{\"n\":\"x\",\"v\":1,\"v\":1}]", "not JSON: duplicate" },
		{ SEQ ",{\"n\":\"x\",\"v\":01}]", "v: expected a number" },
		{ SEQ ",{\"n\":\"x\",\"v\":1.}]", "v: expected a number" },
		{ SEQ ",{\"n\":\"x\",\"v\":-}]", "v: expected a number" },
		{ SEQ ",{\"n\":\"x\",\"v\":1e}]", "v: expected a number" },
		{ SEQ ",{\"n\":\"x\",\"v\":1-2}]", "v: expected a number" },
		{ SEQ ",{\"n\":\"x\",\"v\":+1}]", "not JSON" },
		{ SEQ ",{\"n\":\"x\",\"v\":.5}]", "not JSON" },
		{ SEQ ",{\"n\":\"x\",\"v\":NaN}]", "not JSON" },
		{ SEQ ",{\"n\":\"x\",\"v\":Infinity}]", "not JSON" },
		{ SEQ ",{\"n\":\"x\",\"v\":1e99999}]", "v: a number of too many digits" },
		{ SEQ ",{\"n\":\"x\",\"v\":18446744073709551616}]",
		  "v: a number of too many digits" },
		{ SEQ ",{\"n\":\"x\\u0000\",\"v\":1}]", "not JSON" },
		{ SEQ ",{\"n\":\"\xff\",\"v\":1}]", "not JSON" },
		{ SEQ ",{\"n\":\"x\",\"vd\":\"A\"}]", "vd: expected base64url" },
		{ SEQ ",{\"n\":\"x\",\"vd\":\"AB\"}]", "vd: expected base64url" },
		{ SEQ ",{\"n\":\"x\",\"vd\":\"AA==\"}]", "vd: expected base64url" },
		{ SEQ ",{\"n\":\"x\",\"vd\":\"A+/A\"}]", "vd: expected base64url" },
		/* records */
		{ SEQ ",{\"v\":1,\"bn\":\"\"}]", "record 1: no name" },
		{ SEQ ",{\"n\":\"x\"}]", "record 1: no value" },
		{ SEQ ",{\"n\":\"x\",\"v\":1,\"vs\":\"a\"}]",
		  "record 1: more than one of v, vs, vb, vd" },
		{ SEQ ",{\"n\":\"x y\",\"v\":1}]", "record 1: byte 0x20 in the name" },
		{ SEQ ",{\"n\":\"x\xc3\xa9\",\"v\":1}]", "record 1: byte 0xc3 in the name" },
		{ SEQ ",{\"bver\":11,\"n\":\"x\",\"v\":1}]", "record 1: bver, expected 10" },
		{ SEQ ",{\"bver\":10.5,\"n\":\"x\",\"v\":1}]", "record 1: bver, expected 10" },
		{ SEQ ",{\"n\":\"x\",\"v\":1,\"new_\":1}]", "new_: must be understood" },
		{ SEQ ",{\"bv\":18446744073709551615,\"n\":\"x\",\"v\":1}]",
		  "bv + v is too large" },
		/* readings */
		{ SEQ "]", "reading 0 has no epoch" },
		{ SEQ ",{\"n\":\"seq\",\"v\":2}]", "reading 0 has no epoch" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}]",
		  "epoch: expected a seq before it" },
		{ "[{\"n\":\"seq\",\"v\":2}]", "record 0: seq: of \"seq\", expected a device" },
		{ "[{\"n\":\"urn:mac:x_seq\",\"v\":2}]",
		  "record 0: seq: of \"urn:mac:x\", expected a device" },
		{ "[{\"n\":\"urn:dev:x/y_seq\",\"v\":2}]", "expected a device" },
		{ SEQ ",{\"n\":\"epoch\",\"vs\":\"0000000000000000\"}]", "epoch: expected 16" },
		{ SEQ ",{\"n\":\"epoch\",\"vs\":\"00000000000000FF\"}]", "epoch: expected 16" },
		{ SEQ ",{\"n\":\"epoch\",\"vs\":\"ff\"}]", "epoch: expected 16" },
		{ SEQ ",{\"n\":\"epoch\",\"vs\":\"00000000000000ff0\"}]",
		  "epoch: text of 17 bytes" },
		{ SEQ ",{\"n\":\"epoch\",\"v\":255}]", "epoch: expected a text" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"v\":0}]", "seq: expected 1 or more" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"v\":-1}]", "seq: out of range" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"v\":1.5}]",
		  "seq: expected a multiple of 1e0" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"vs\":\"1\"}]",
		  "seq: expected a number" },
		{ HEAD ",{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}]",
		  "record 2: epoch: given twice" },
		{ HEAD ",{\"n\":\"fix\",\"v\":3},{\"n\":\"fix\",\"v\":3}]",
		  "record 3: fix: given twice" },
		{ HEAD ",{\"n\":\"fix\",\"v\":256}]", "record 2: fix: out of range" },
		{ HEAD ",{\"n\":\"fix\",\"u\":\"Cel\",\"v\":3}]",
		  "fix: unit \"Cel\", expected \"\"" },
		{ HEAD ",{\"bu\":\"Cel\",\"n\":\"fix\",\"v\":3}]",
		  "fix: unit \"Cel\", expected \"\"" },
		{ HEAD ",{\"n\":\"cputemp\",\"v\":3}]", "cputemp: unit \"\", expected \"Cel\"" },
		{ HEAD ",{\"n\":\"lat\",\"u\":\"lat\",\"v\":1.00000001}]",
		  "lat: expected a multiple of 1e-7" },
		{ HEAD ",{\"n\":\"lat\",\"u\":\"lat\",\"v\":214.7483648}]", "lat: out of range" },
		{ HEAD ",{\"n\":\"lat\",\"u\":\"lat\",\"v\":-214.7483649}]", "lat: out of range" },
		{ HEAD ",{\"n\":\"urn:dev:y_fix\",\"v\":3}]",
		  "fix: belongs to \"urn:dev:x_urn:dev:y\": expected the device" },
		{ HEAD ",{\"bn\":\"urn:dev:y_\",\"n\":\"fix\",\"v\":3}]",
		  "fix: belongs to \"urn:dev:y\": expected the device" },
		/* times: 1970, before 2000, 2106, finer than us, relative, another than seq's */
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":12,\"n\":\"seq\",\"v\":1}]",
		  "seq: time is not within 2000 to 2105" },
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":-5,\"n\":\"seq\",\"v\":1}]",
		  "seq: time is not within 2000 to 2105" },
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":946684799.999999,\"n\":\"seq\",\"v\":1}]",
		  "seq: time is not within" },
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":4291747200,\"n\":\"seq\",\"v\":1}]",
		  "seq: time is not within" },
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":1795459200.0000005,\"n\":\"seq\",\"v\":1}]",
		  "seq: expected a time in whole us" },
		{ "[{\"bn\":\"urn:dev:x_\",\"bt\":1e15,\"n\":\"seq\",\"v\":1}]",
		  "seq: expected a time in whole us" },
		{ HEAD ",{\"n\":\"fix\",\"t\":1,\"v\":3}]",
		  "record 2: fix: of another time than its seq" },
		{ HEAD ",{\"n\":\"fix\",\"bt\":0,\"v\":3}]",
		  "record 2: fix: of another time than its seq" },
		{ HEAD ",{\"n\":\"tsrc\",\"vs\":\"none\"}]", "tsrc: \"none\" with a time" },
		{ HEAD ",{\"n\":\"tsrc\",\"vs\":\"sun\"}]", "tsrc: expected none, gnss" },
		{ "[{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"v\":1},{\"n\":\"tsrc\",\"vs\":\"gnss\"}]",
		  "tsrc: \"gnss\" without a time" },
		{ HEAD ",{\"n\":\"tacc\",\"v\":1}]", "tacc: unit" },
		{ HEAD ",{\"n\":\"boot\",\"u\":\"s\",\"v\":-1}]", "boot: out of range" },
		{ HEAD ",{\"n\":\"boot\",\"u\":\"s\",\"v\":1e-10}]",
		  "boot: expected a multiple of 1e-9" },
		{ HEAD
		  ",{\"n\":\"host\",\"vs\":\"0123456789012345678901234567890123456789012345678901234567890123\"}]",
		  "host: text of 64 bytes, expected at most 63" },
		/* sensors */
		{ HEAD ",{\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "quality: of \"urn:dev:x\", expected urn:dev:ow:" },
		{ HEAD ",{\"n\":\"temp\",\"u\":\"Cel\",\"v\":1}]",
		  "temp: of \"urn:dev:x\", expected urn:dev:ow:" },
		{ HEAD
		  ",{\"bn\":\"urn:dev:ow:28ff4b4601160338_\",\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "quality: the CRC in" },
		{ HEAD
		  ",{\"bn\":\"urn:dev:ow:0000000000000000_\",\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "quality: the CRC in" },
		{ HEAD
		  ",{\"bn\":\"urn:dev:ow:28FF4B4601160337_\",\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "16 lowercase hex" },
		{ HEAD ",{\"bn\":\"urn:dev:ow:28ff4b46011603_\",\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "16 lowercase hex" },
		{ HEAD
		  ",{\"bn\":\"urn:dev:ow:28ff4b460116033700_\",\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "16 lowercase hex" },
		{ HEAD ",{\"bn\":\"" OW "\",\"n\":\"temp\",\"u\":\"Cel\",\"v\":1}]",
		  "reading 0 has no quality of a sensor" },
		{ HEAD ",{\"bn\":\"" OW "\",\"n\":\"quality\",\"vs\":\"great\"}]",
		  "quality: \"great\" is not one" },
		{ HEAD SENSOR ",{\"n\":\"quality\",\"vs\":\"ok\"}]",
		  "record 3: quality: given twice" },
		{ HEAD SENSOR ",{\"n\":\"temp\",\"u\":\"F\",\"v\":1}]",
		  "temp: unit \"F\", expected \"Cel\"" },
		{ HEAD SENSOR ",{\"n\":\"temp\",\"u\":\"Cel\",\"v\":0.0001}]",
		  "temp: expected a multiple of 1e-3" },
		{ HEAD SENSOR ",{\"n\":\"temp\",\"u\":\"Cel\",\"v\":2048}]", "temp: out of range" },
		{ HEAD SENSOR ",{\"n\":\"temp\",\"u\":\"Cel\",\"v\":1e300}]",
		  "temp: out of range" },
		{ HEAD SENSOR ",{\"n\":\"res\",\"u\":\"bit\",\"v\":256}]",
		  "res: expected 0 to 255" },
		{ HEAD SENSOR ",{\"n\":\"retries\",\"u\":\"count\",\"v\":-1}]",
		  "retries: out of range" },
		{ HEAD SENSOR ",{\"n\":\"sp\",\"vd\":\"MTIzNDU2Nzg\"}]", "sp: expected 9 bytes" },
		{ HEAD SENSOR ",{\"n\":\"sp\",\"vs\":\"123456789\"}]", "sp: expected 9 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int rc = decode_json(cases[i].pack);

		if (rc != -EBADMSG || err.code != -EBADMSG ||
		    strstr(err.text, cases[i].words) == NULL) {
			fail_msg("%s\n  gave %d \"%s\"\n  expected \"%s\"", cases[i].pack, rc,
				 rc < 0 ? err.text : "", cases[i].words);
		}
	}
}

static void what_other_json_encoders_may_write_is_understood(void **state)
{
	(void)state;
	/* Full names and absolute times in every record, no base; exponents; white space. */
	assert_int_equal(
		decode_json(
			" [ { \"t\" : 17954592005e-1 , \"n\" : \"urn:dev:x_seq\" , \"v\" : 1.0 } ,\n"
			"\t{\"t\":1795459200.5,\"n\":\"urn:dev:x_epoch\",\"vs\":\"\\u0030000000000000001\"},\r"
			"{\"t\":1795459200.500000,\"n\":\"urn:dev:x_lat\",\"u\":\"lat\",\"v\":-2760044E-5},"
			"{\"t\":1795459200.5,\"n\":\"" OW "quality\",\"vs\":\"ok\"},"
			"{\"t\":1795459200.5,\"n\":\"" OW "temp\",\"u\":\"Cel\",\"v\":2.5e1} ] "),
		1);
	assert_string_equal(out[0].device, "urn:dev:x");
	assert_int_equal(out[0].epoch, 1);
	assert_true(out[0].utc_us == INT64_C(1795459200500000));
	assert_int_equal(out[0].time_source, READING_TIME_HOST);
	assert_int_equal(out[0].lat_e7, -276004400);
	assert_int_equal(out[0].temperatures[0].temp_mc, 25000);
	/* Base time plus offset, base unit, base value; the value alone may be left out. */
	assert_int_equal(
		decode_json(
			"[{\"bver\":10,\"bn\":\"urn:dev:x\",\"bt\":1795459200,\"t\":0.5,\"n\":\"_seq\",\"v\":9},"
			"{\"t\":0.5,\"n\":\"_epoch\",\"vs\":\"0000000000000001\"},"
			"{\"t\":0.5,\"n\":\"_alt\",\"bu\":\"m\",\"bv\":100.5,\"v\":-0.25},"
			"{\"t\":0.5,\"n\":\"_height\"},"
			"{\"t\":0.5,\"n\":\"_hacc\",\"bv\":0,\"v\":3},"
			"{\"t\":0.5,\"n\":\"_cputemp\",\"u\":\"Cel\",\"bv\":-20,\"v\":20.125}]"),
		1);
	assert_int_equal(out[0].seq, 9);
	assert_int_equal(out[0].hmsl_mm, 100250);
	assert_int_equal(out[0].height_mm, 100500);
	assert_int_equal(out[0].hacc_mm, 3000);
	assert_int_equal(out[0].cpu_mc, 125);
	/* Names, labels and values that mean nothing to us, before and after seq. */
	assert_int_equal(
		decode_json(
			"[{\"n\":\"urn:dev:x_humidity\",\"u\":\"%RH\",\"v\":0.123456789012345},"
			"{\"n\":\"complete\",\"v\":1},{\"bn\":\"urn:dev:x_\",\"n\":\"seq\",\"v\":1},"
			"{\"n\":\"door\",\"vb\":true,\"ut\":5,\"x\":{\"y\":{\"z\":null}},\"w\":1e-3},"
			"{\"n\":\"energy\",\"u\":\"J\",\"s\":5,\"bs\":1},"
			"{\"n\":\"epoch\",\"vs\":\"0000000000000001\",\"u\":\"\"}]"),
		1);
	assert_int_equal(out[0].time_source, READING_TIME_NONE);
	/* Temperatures in any order, of two sensors mixed. */
	assert_int_equal(
		decode_json(HEAD
			    ",{\"bn\":\"\",\"n\":\"" OW "res\",\"u\":\"bit\",\"v\":12}"
			    ",{\"n\":\"urn:dev:ow:10000000000000fb_quality\",\"vs\":\"absent\"}"
			    ",{\"n\":\"" OW "quality\",\"vs\":\"power-on\"}"
			    ",{\"n\":\"urn:dev:x_fix\",\"v\":3}]"),
		1);
	assert_int_equal(out[0].n_temperatures, 2);
	assert_int_equal(out[0].temperatures[0].quality, DS18B20_POWER_ON);
	assert_int_equal(out[0].temperatures[0].resolution_bits, 12);
	assert_int_equal(out[0].temperatures[1].quality, DS18B20_ABSENT);
	assert_int_equal(out[0].fix_type, 3);
}

static void every_malformed_cbor_pack_is_refused_with_its_byte(void **state)
{
	/* 6a 75..5f: "urn:dev:x_"; 63 736571: "seq"; 65 65706f6368: "epoch" */
#define BN "21 6a 75726e3a6465763a785f "
#define FIRST "a3 " BN "00 63736571 02 01 "
#define SECOND "a2 00 6565706f6368 03 70 30303030303030303030303030306666 "
	static const struct {
		const char *pack, *words;
	} cases[] = {
		{ "", "byte 0: the pack ends within" },
		{ "a0", "byte 0: expected an array" },
		{ "80", "no seq" },
		{ "9f ff", "no seq" },
		{ "9f", "byte 1: the pack ends within" },
		{ "ff", "byte 0: expected an array" },
		{ "81 01", "byte 1: expected a map" },
		{ "81 ff", "byte 1: expected a map" },
		{ "9b ffffffffffffffff", "byte 9: the pack ends within" },
		{ "9b 7fffffffffffffff a0", "record 0: no name" },
		{ "81 bb ffffffffffffffff", "byte 10: the pack ends within" },
		{ "81 a1 00 7b ffffffffffffffff 61", "byte 3: the pack ends within" },
		{ "81 a1 00 5b ffffffffffffffff 61", "byte 3: the pack ends within" },
		{ "82 " FIRST SECOND "00", "byte 47: bytes after the end" },
		{ "83 " FIRST SECOND, "byte 47: the pack ends within" },
		{ "9c", "byte 0: not CBOR" },
		{ "81 a1 1c 00", "byte 2: not CBOR" },
		{ "81 a2 00 6178 00 6178", "byte 6: a label given twice" },
		{ "81 a2 00 6178 616e 6178", "byte 7: a label given twice" },
		{ "81 a1 09 01", "byte 2: expected a label" },
		{ "81 a1 26 01", "byte 2: expected a label" },
		{ "81 a1 1b ffffffffffffffff 01", "byte 2: expected a label" },
		{ "81 a1 f6 01", "byte 2: expected a label" },
		{ "81 bf 00 ff", "byte 3: expected a text" },
		{ "81 a1 63 6e65 5f 01", "byte 2: a label that must be understood" },
		{ "81 a1 00 01", "byte 3: expected a text" },
		{ "81 a1 00 7f 6178 ff", "byte 3: expected a text of definite length" },
		{ "81 a1 08 5f 4178 ff", "byte 3: expected bytes of definite length" },
		{ "81 a1 08 6178", "byte 3: expected bytes" },
		{ "81 a1 04 01", "byte 3: expected true or false" },
		{ "81 a1 02 6131", "byte 3: expected an integer" },
		{ "81 a1 02 f6", "byte 3: expected an integer" },
		{ "81 a1 02 81 01", "byte 3: expected an integer" },
		{ "81 a1 02 3b ffffffffffffffff", "byte 3: expected an integer of 64 bits" },
		{ "81 a1 02 f9 7e00", "byte 3: a float that stands for no" }, /* NaN */
		{ "81 a1 02 f9 7c00", "byte 3: a float that stands for no" }, /* infinity */
		{ "81 a1 02 fa ff800000", "byte 3: a float that stands for no" },
		{ "81 a1 02 fb 7ff8000000000000", "byte 3: a float that stands for no" },
		{ "81 a1 02 fb 7fefffffffffffff", "byte 3: a float that stands for no" },
		{ "81 a1 02 fb 3fd3333333333334", "byte 3: a float that stands for no" }, /* 0.1 +
											     0.2 */
		{ "81 a1 02 fb 0000000000000001", "byte 3: a float that stands for no" },
		{ "81 a1 02 c2 4101", "byte 3: expected a number; of the tags" },
		{ "81 a1 02 c5 82 01 02", "byte 3: expected a number; of the tags" },
		{ "81 a1 02 c4 01", "byte 4: expected [exponent, mantissa]" },
		{ "81 a1 02 c4 81 01", "byte 4: expected [exponent, mantissa]" },
		{ "81 a1 02 c4 83 01 01 01", "byte 4: expected [exponent, mantissa]" },
		{ "81 a1 02 c4 9f 01 01 01 ff", "byte 7: expected the end of" },
		{ "81 a1 02 c4 82 f9 3c00 01", "byte 5: expected an integer" },
		{ "81 a1 02 c4 82 20 f9 3c00", "byte 6: expected an integer" },
		{ "81 a1 02 c4 82 3a 7fffffff 01", "byte 5: expected an exponent within" },
		{ "81 a1 02 c4 82 1b ffffffffffffffff 01", "byte 5: expected an exponent within" },
		/* nested in a label that is not ours */
		{ "81 a1 6178 8181818181818181818181818101", "nested too deep" },
		{ "81 a1 6178 c1c1c1c1c1c1c1c1c1c1c1c1c101", "nested too deep" },
		{ "81 a1 6178 9b ffffffffffffffff 01", "the pack ends within" },
		{ "81 a1 6178 ff", "byte 4: a break where" },
		{ "81 a1 6178 bf 01 ff", "byte 6: a break where" },
		/* what is wrong in a record names the record and its byte */
		{ "82 " FIRST "a1 00 6565706f6368", "record 1: no value" },
		{ "82 " FIRST "a2 00 6565706f6368 03 70 3030303030303030303030303030ff66",
		  "record 1: epoch: expected UTF-8" },
		{ "82 " FIRST "a2 00 6565706f6368 03 70 30303030303030303030303030300066",
		  "record 1: epoch: expected UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int rc = decode_cbor(cases[i].pack);

		if (rc != -EBADMSG || strstr(err.text, cases[i].words) == NULL) {
			fail_msg("%s\n  gave %d \"%s\"\n  expected \"%s\"", cases[i].pack, rc,
				 rc < 0 ? err.text : "", cases[i].words);
		}
	}
	assert_int_equal(decode_cbor("82 " FIRST "a1 00 6565706f6368"), -EBADMSG);
	assert_int_equal(err.byte, 21);
	assert_true(err.in_record);
	assert_int_equal(err.record, 1);
}

static void what_other_cbor_encoders_may_write_is_understood(void **state)
{
	static const struct {
		const char *v;
		int32_t cpu_mc;
	} numbers[] = {
		{ "18 19", 25000 },
		{ "38 18", -25000 },
		{ "f9 4e40", 25000 }, /* 25, half */
		{ "fa 41cb3333", 25400 }, /* 25.4f */
		{ "fb 4039666666666666", 25400 }, /* 25.4 */
		{ "fb bf50624dd2f1a9fc", -1 }, /* -0.001 */
		{ "c4 82 20 18fe", 25400 },
		{ "c4 82 23 1a0003e030", 25400 }, /* 254e-1, 254000e-4 */
		{ "c4 9f 01 02 ff", 20000 },
		{ "c4 82 01 02", 20000 },
		{ "c4 82 39 0063 00", 0 },
		{ "fb 8000000000000000", 0 }, /* -0.0 */
		{ "1b 0000000000000019", 25000 }, /* not the shortest head */
	};
	char pack[512];

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		/* 67..: "cputemp", 63 43656c: "Cel" */
		snprintf(pack, sizeof(pack),
			 "83 " FIRST SECOND "a3 00 6763707574656d70 01 6343656c 02 %s",
			 numbers[i].v);
		if (decode_cbor(pack) != 1 || out[0].cpu_mc != numbers[i].cpu_mc) {
			fail_msg("%s: \"%s\", %d", numbers[i].v, err.text, (int)out[0].cpu_mc);
		}
	}
	/* Arrays and maps of indefinite length, labels as texts, labels and names of nobody's. */
	assert_int_equal(
		decode_cbor(
			"9f bf 62626e 6a75726e3a6465763a785f 616e 63736571 6176 01 ff "
			"bf 00 6565706f6368 627673 70 30303030303030303030303030306666 6178 9f 01 a1 6179 7f 6161 ff ff ff "
			"a2 00 64 646f6f72 04 f5 ff"),
		1);
	assert_string_equal(out[0].device, "urn:dev:x");
	assert_int_equal(out[0].epoch, 255);
}

static void more_readings_than_asked_for_are_refused(void **state)
{
	(void)state;
	assert_int_equal(
		decode_json(
			HEAD
			",{\"n\":\"seq\",\"v\":2},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
			",{\"n\":\"seq\",\"v\":3},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
			",{\"n\":\"seq\",\"v\":4},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}]"),
		4);
	assert_int_equal(out[3].seq, 4);
	assert_int_equal(
		decode_json(HEAD
			    ",{\"n\":\"seq\",\"v\":2},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
			    ",{\"n\":\"seq\",\"v\":3},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
			    ",{\"n\":\"seq\",\"v\":4},{\"n\":\"epoch\",\"vs\":\"00000000000000ff\"}"
			    ",{\"n\":\"seq\",\"v\":5}]"),
		-E2BIG);
	assert_int_equal(err.code, -E2BIG);
}

static void sixty_five_sensors_are_one_too_many(void **state)
{
	static char pack[16384];

	(void)state;
	for (unsigned n = 64; n <= 65; n++) {
		size_t used = (size_t)snprintf(pack, sizeof(pack), "%s", HEAD);

		for (unsigned i = 0; i < n; i++) {
			uint8_t rom[8] = { 0x28, (uint8_t)i };

			used += (size_t)snprintf(
				pack + used, sizeof(pack) - used,
				",{\"bn\":\"urn:dev:ow:28%02x0000000000%02x_\",\"n\":\"quality\",\"vs\":\"ok\"}",
				i, w1_crc8(rom, 7));
		}
		strcpy(pack + used, "]");
		assert_int_equal(decode_json(pack), n == 64 ? 1 : -EBADMSG);
	}
	assert_non_null(strstr(err.text, "more than 64 sensors"));
}

/* Every cut is refused; a changed byte is refused or gives what can be encoded again. */
static void damaged_packs_never_pass_for_something_that_is_no_reading(void **state)
{
	static const enum senml_format formats[] = { SENML_CBOR, SENML_JSON };
	static char pack[4 * SENML_READING_MAX], again[4 * SENML_READING_MAX];
	static struct reading in[2];
	uint64_t seed = 5;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		random_reading(&seed, &in[0]);
		random_reading(&seed, &in[1]);
		in[0].n_temperatures %= 2;
		in[1].n_temperatures %= 2;
		for (size_t f = 0; f < 2; f++) {
			int n = senml_encode(formats[f], in, 2, pack, sizeof(pack), NULL);

			assert_true(n > 0);
			for (int cut = 0; cut < n; cut += 1 + (int)random_below(&seed, 8)) {
				/* A copy of just that size: a read past it is the sanitizer's. */
				char *part = test_malloc((size_t)cut + 1);

				memcpy(part, pack, (size_t)cut);
				assert_int_equal(senml_decode(formats[f], part, (size_t)cut, out,
							      COUNT(out), &err),
						 -EBADMSG);
				test_free(part);
			}
			for (unsigned i = 0; i < 500; i++) {
				char *at = &pack[random_below(&seed, (uint64_t)n)], was = *at;
				int got;

				*at = (char)random_u64(&seed);
				got = senml_decode(formats[f], pack, (size_t)n, out, COUNT(out),
						   &err);
				*at = was;
				if (got < 0) {
					assert_in_range(strlen(err.text), 1, sizeof(err.text) - 1);
					continue;
				}
				assert_true(senml_encode(formats[f], out, (size_t)got, again,
							 sizeof(again), NULL) > 0);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_malformed_json_pack_is_refused_with_its_place),
		cmocka_unit_test(what_other_json_encoders_may_write_is_understood),
		cmocka_unit_test(every_malformed_cbor_pack_is_refused_with_its_byte),
		cmocka_unit_test(what_other_cbor_encoders_may_write_is_understood),
		cmocka_unit_test(more_readings_than_asked_for_are_refused),
		cmocka_unit_test(sixty_five_sensors_are_one_too_many),
		cmocka_unit_test(damaged_packs_never_pass_for_something_that_is_no_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
