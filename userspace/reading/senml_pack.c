// SPDX-License-Identifier: BSD-2-Clause
#include "senml_pack.h"

#include <errno.h>

#include "gpio-w1/ds18b20.h"
#include "userspace/reading/hex.h"
#include "userspace/reading/utf8.h"

/* The record in the making and where it goes. */
struct packer {
	senml_record_fn fn;
	void *context;
	int rc;
	struct senml_record record;
};

static void epoch_hex(uint64_t epoch, char text[17])
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(epoch >> (56 - 8 * i));
	}
	hex_format(text, bytes, sizeof(bytes));
}

static void finish(struct packer *p, const char *name)
{
	senml_record_text(&p->record, SENML_N, name);
	if (p->rc == 0) {
		p->rc = p->fn(p->context, &p->record);
	}
	p->record.present = 0;
}

static void put_text(struct packer *p, const char *name, const char *text)
{
	senml_record_text(&p->record, SENML_VS, text);
	p->record.value[SENML_VS].text.length = utf8_prefix(text, strlen(text));
	finish(p, name);
}

static void put_number(struct packer *p, const char *name, const char *unit,
		       struct senml_number number)
{
	if (unit[0] != '\0') {
		senml_record_text(&p->record, SENML_U, unit);
	}
	senml_record_number(&p->record, SENML_V, number);
	finish(p, name);
}

static void put_temperature(struct packer *p, const struct thermometer_sample *t)
{
	char base[sizeof(SENML_OW_PREFIX) + 17];

	memcpy(base, SENML_OW_PREFIX, sizeof(SENML_OW_PREFIX) - 1);
	hex_format(base + sizeof(SENML_OW_PREFIX) - 1, t->rom, sizeof(t->rom));
	memcpy(base + sizeof(base) - 2, "_", 2);
	senml_record_text(&p->record, SENML_BN, base);
	put_text(p, "quality", ds18b20_quality_name(t->quality));
	if (t->temp_known) {
		put_number(p, "temp", "Cel", senml_number_i64(t->temp_mc, -3));
	}
	if (t->scratchpad_known) {
		p->record.present |= 1u << SENML_VD;
		p->record.value[SENML_VD].text =
			(struct senml_text){ (const char *)t->scratchpad, sizeof(t->scratchpad) };
		finish(p, "sp");
	}
	if (t->resolution_bits != 0) {
		put_number(p, "res", "bit", senml_number_u64(t->resolution_bits, 0));
	}
	if (t->retries != 0) {
		put_number(p, "retries", "count", senml_number_u64(t->retries, 0));
	}
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool is_reading(const struct reading *r)
{
	if (!text_ends(r->device, sizeof(r->device)) || reading_device_check(r->device) != 0 ||
	    r->epoch == 0 || r->seq == 0 || !text_ends(r->host, sizeof(r->host)) ||
	    !text_ends(r->version, sizeof(r->version)) || !text_ends(r->note, sizeof(r->note)) ||
	    (unsigned)r->time_source > READING_TIME_SERVER ||
	    r->n_temperatures > READING_TEMPERATURES_MAX) {
		return false;
	}
	if (r->time_source != READING_TIME_NONE &&
	    (r->utc_us < READING_UTC_MIN_US || r->utc_us >= READING_UTC_MAX_US)) {
		return false;
	}
	for (unsigned i = 0; i < r->n_temperatures; i++) {
		if ((unsigned)r->temperatures[i].quality >= DS18B20_QUALITY_COUNT) {
			return false;
		}
	}
	return true;
}

/* bn of a device. Room for its "_" in place of the NUL of a full name. */
static void put_device(struct packer *p, const char *device, char base[READING_DEVICE_SIZE + 1])
{
	size_t length = strlen(device);

	memcpy(base, device, length);
	base[length] = '_';
	base[length + 1] = '\0';
	senml_record_text(&p->record, SENML_BN, base);
}

int senml_pack_reading(const struct reading *r, senml_record_fn fn, void *context)
{
	struct packer p = { .fn = fn, .context = context };
	char base[READING_DEVICE_SIZE + 1], epoch[17];
	bool dated = r->time_source != READING_TIME_NONE;

	if (!is_reading(r)) {
		return -EINVAL;
	}
	put_device(&p, r->device, base);
	senml_record_number(&p.record, SENML_BT, senml_number_i64(dated ? r->utc_us : 0, -6));
	put_number(&p, "seq", "", senml_number_u64(r->seq, 0));
	epoch_hex(r->epoch, epoch);
	put_text(&p, "epoch", epoch);
	put_text(&p, "tsrc", reading_time_source_name(r->time_source));
	if (r->time_acc_ns != UINT64_MAX) {
		put_number(&p, "tacc", "s", senml_number_u64(r->time_acc_ns, -9));
	}
	if (r->boot_ns != 0) {
		put_number(&p, "boot", "s", senml_number_u64(r->boot_ns, -9));
	}
	for (unsigned i = 0; i < READING_SCALAR_COUNT; i++) {
		const struct reading_scalar_info *info = &reading_scalars[i];
		int64_t value = reading_scalar_get(r, (enum reading_scalar)i);

		if (reading_knows(r, (enum reading_scalar)i)) {
			put_number(&p, info->name, info->unit,
				   info->is_signed
					   ? senml_number_i64(value, info->exponent)
					   : senml_number_u64((uint64_t)value, info->exponent));
		}
	}
	if (r->host[0] != '\0') {
		put_text(&p, "host", r->host);
	}
	if (r->version[0] != '\0') {
		put_text(&p, "version", r->version);
	}
	if (r->note[0] != '\0') {
		put_text(&p, "note", r->note);
	}
	for (unsigned i = 0; i < r->n_temperatures; i++) {
		put_temperature(&p, &r->temperatures[i]);
	}
	return p.rc;
}

int senml_pack_ack(const struct reading_ack *ack, senml_record_fn fn, void *context)
{
	struct packer p = { .fn = fn, .context = context };
	char base[READING_DEVICE_SIZE + 1], epoch[17];

	if (!text_ends(ack->device, sizeof(ack->device)) ||
	    reading_device_check(ack->device) != 0 || ack->epoch == 0) {
		return -EINVAL;
	}
	put_device(&p, ack->device, base);
	epoch_hex(ack->epoch, epoch);
	put_text(&p, "epoch", epoch);
	put_number(&p, "complete", "", senml_number_u64(ack->complete, 0));
	return p.rc;
}
