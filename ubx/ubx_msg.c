// SPDX-License-Identifier: BSD-2-Clause
#include "ubx_msg.h"

#define M(c, name_, cls_, id_, len_, len2_, group_)    \
	[UBX_##c##_##name_] = { .name = #c "-" #name_, \
				.cls = (cls_),         \
				.id = (id_),           \
				.len = (len_),         \
				.len2 = (len2_),       \
				.group = (group_) },
const struct ubx_message_row ubx_messages[UBX_MESSAGE_COUNT] = { UBX_MESSAGES(M) };
#undef M

enum type_size { U1 = 1, I1 = 1, U2 = 2, I2 = 2, U4 = 4, I4 = 4 };
enum type_sign { U1_sign = 0, U2_sign = 0, U4_sign = 0, I1_sign = 1, I2_sign = 1, I4_sign = 1 };

#define F(m, name_, offset_, type_, exponent_, unit_)      \
	[UBX_##m##_##name_] = { .name = #name_,            \
				.message = UBX_##m,        \
				.offset = (offset_),       \
				.size = type_,             \
				.is_signed = type_##_sign, \
				.exponent = (exponent_),   \
				.unit = (unit_) },
#define B(m, name_, offset_, type_, lo_, bits_)      \
	[UBX_##m##_##name_] = { .name = #name_,      \
				.message = UBX_##m,  \
				.offset = (offset_), \
				.size = type_,       \
				.lo = (lo_),         \
				.bits = (bits_),     \
				.unit = "" },
#define S(m, name_, offset_, len_)                   \
	[UBX_##m##_##name_] = { .name = #name_,      \
				.message = UBX_##m,  \
				.offset = (offset_), \
				.size = (len_),      \
				.is_text = true,     \
				.unit = "" },
#define M(c, name_, cls_, id_, len_, len2_, group_) UBX_##c##_##name_##_FIELDS(F, B, S, c##_##name_)
const struct ubx_field_row ubx_fields[UBX_FIELD_COUNT] = { UBX_MESSAGES(M) };
#undef M
#undef S
#undef B
#undef F

enum ubx_message ubx_msg_find(uint8_t cls, uint8_t id)
{
	unsigned i;

	for (i = 0; i < UBX_MESSAGE_COUNT; i++) {
		if (ubx_messages[i].cls == cls && ubx_messages[i].id == id) {
			break;
		}
	}
	return (enum ubx_message)i;
}

bool ubx_msg_length_ok(enum ubx_message message, size_t len)
{
	const struct ubx_message_row *m = &ubx_messages[message];

	if (m->group) {
		return len >= m->len && (len - m->len) % m->group == 0;
	}
	return len == m->len || (m->len2 && len == m->len2);
}

unsigned ubx_msg_groups(enum ubx_message message, size_t len)
{
	const struct ubx_message_row *m = &ubx_messages[message];

	return m->group && len >= m->len ? (unsigned)((len - m->len) / m->group) : 0;
}

static size_t field_offset(const struct ubx_field_row *f, unsigned group)
{
	const struct ubx_message_row *m = &ubx_messages[f->message];

	return f->offset + (m->group && f->offset >= m->len ? (size_t)group * m->group : 0);
}

static uint32_t load_le(const uint8_t *p, unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++) {
		v |= (uint32_t)p[i] << 8 * i;
	}
	return v;
}

static uint32_t bit_mask(unsigned bits)
{
	return bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
}

int64_t ubx_msg_get(const uint8_t *payload, enum ubx_field field, unsigned group)
{
	const struct ubx_field_row *f = &ubx_fields[field];
	uint32_t v = load_le(payload + field_offset(f, group), f->size);

	if (f->bits) {
		return v >> f->lo & bit_mask(f->bits);
	}
	if (f->is_signed) {
		uint32_t sign = 1u << (8 * f->size - 1);

		return (int64_t)(v ^ sign) - (int64_t)sign;
	}
	return v;
}

void ubx_msg_put(uint8_t *payload, enum ubx_field field, unsigned group, int64_t value)
{
	const struct ubx_field_row *f = &ubx_fields[field];
	uint8_t *p = payload + field_offset(f, group);
	uint32_t v = (uint32_t)value;

	if (f->bits) {
		uint32_t mask = bit_mask(f->bits) << f->lo;

		v = (load_le(p, f->size) & ~mask) | (v << f->lo & mask);
	}
	for (unsigned i = 0; i < f->size; i++) {
		p[i] = (uint8_t)(v >> 8 * i);
	}
}

void ubx_msg_text(const uint8_t *payload, enum ubx_field field, unsigned group, char *out,
		  size_t size)
{
	const struct ubx_field_row *f = &ubx_fields[field];
	const uint8_t *p = payload + field_offset(f, group);
	size_t n;

	for (n = 0; n < f->size && n + 1 < size && p[n]; n++) {
		out[n] = p[n] >= 0x20 && p[n] < 0x7F ? (char)p[n] : '?';
	}
	if (size) {
		out[n] = '\0';
	}
}
