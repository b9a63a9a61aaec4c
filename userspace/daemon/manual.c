// SPDX-License-Identifier: BSD-2-Clause
#include "manual.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 100 /* of --help */
#define DATE "2026-11-23" /* of the pages: constant, so that a build can be repeated */

/* --- --help --------------------------------------------------------------- */

/* Fills lines between the columns; the cursor stands at `column`. Ends the last line. */
static void fill(FILE *out, const char *text, int indent, int column)
{
	while (*text != '\0') {
		const char *gap;
		int word = (int)strcspn(text, " \n");

		if (column > indent && column + 1 + word > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column < indent) {
			fprintf(out, "%*s", indent - column, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, (size_t)word, out);
		column += word;
		gap = text + word;
		text = gap + strspn(gap, " \n");
		if (strncmp(gap, "\n\n", 2) == 0) {
			fputs("\n\n", out);
			column = 0;
		} else if (*gap == '\n') {
			fputc('\n', out);
			column = 0;
		}
	}
	if (column > 0) {
		fputc('\n', out);
	}
}

/* "--log-level LEVEL", "--loop[=N]", "-o X". */
static int option_text(const struct manual_option *o, char *text, size_t size)
{
	bool letter = o->key < 0x80;
	int n = snprintf(text, size, "%s", "");

	if (letter) {
		n += snprintf(text + n, size - (size_t)n, "-%c%s", o->key,
			      o->name != NULL ? ", " : "");
	}
	if (o->name != NULL) {
		n += snprintf(text + n, size - (size_t)n, "--%s", o->name);
	}
	if (o->argument != NULL && *o->argument == '[') {
		n += snprintf(text + n, size - (size_t)n, "[=%s", o->argument + 1);
	} else if (o->argument != NULL) {
		n += snprintf(text + n, size - (size_t)n, " %s", o->argument);
	}
	return n;
}

static void help_option(FILE *out, const struct manual_option *o)
{
	char text[160];
	int n = option_text(o, text, sizeof text);

	fprintf(out, "  %s%s", o->key < 0x80 ? "" : "    ", text);
	n += 2 + (o->key < 0x80 ? 0 : 4);
	if (n > 28) {
		fputc('\n', out);
		n = 0;
	}
	fill(out, o->help, 30, n);
}

static void help_exits(const struct manual *m, FILE *out)
{
	fputs("\nExit codes:\n", out);
	for (size_t i = 0; i < m->n_exits; i++) {
		int n = fprintf(out, "  %d", m->exits[i].code);

		fill(out, m->exits[i].meaning, 5, n);
	}
}

static const struct manual_option *common_options(const struct manual *m, size_t *n)
{
	static const struct manual_option rows[] = {
		{ MANUAL_HELP, "help", NULL, "Shows this." },
		{ MANUAL_VERSION, "version", NULL, "Shows the version." },
		{ MANUAL_PRINT_CONFIG, "print-config", NULL,
		  "Shows every key of the configuration with its meaning and default." },
	};

	*n = m->config != NULL ? 3 : 2;
	return rows;
}

void manual_help(const struct manual *m, const struct manual_command *command, FILE *out)
{
	const struct manual_option *common;
	size_t n_common;

	if (command == NULL || (command->name == NULL && m->n_commands > 1)) {
		fprintf(out, "usage: %s COMMAND [OPTION]... [ARGUMENT]...\n\n", m->name);
		fill(out, m->about, 0, 0);
		fputc('\n', out);
		for (size_t i = 0; i < m->n_commands; i++) {
			int n = fprintf(out, "  %s", m->commands[i].name);

			fill(out, m->commands[i].brief, 12, n);
		}
		fprintf(out,
			"\n'%s COMMAND --help' shows more; '%s --version' shows the version.\n",
			m->name, m->name);
		help_exits(m, out);
		return;
	}
	fprintf(out, "usage: %s%s%s [OPTION]...%s%s\n\n", m->name, command->name != NULL ? " " : "",
		command->name != NULL ? command->name : "", command->operands != NULL ? " " : "",
		command->operands != NULL ? command->operands : "");
	if (command->name != NULL) {
		fprintf(out, "%c%s.\n%s", toupper((unsigned char)command->brief[0]),
			command->brief + 1, command->about != NULL ? "\n" : "");
	}
	if (command->name == NULL || command->about != NULL) {
		fill(out, command->name == NULL ? m->about : command->about, 0, 0);
	}
	fputc('\n', out);
	for (size_t i = 0; i < command->n_options; i++) {
		help_option(out, &command->options[i]);
	}
	common = common_options(m, &n_common);
	for (size_t i = 0; i < n_common; i++) {
		help_option(out, &common[i]);
	}
	help_exits(m, out);
}

/* --- man(7) --------------------------------------------------------------- */

/* Text with what roff would read otherwise escaped; paragraphs by `par`, lines kept. */
static void roff(FILE *out, const char *text, const char *par)
{
	bool begins = true;

	for (; *text != '\0'; text++) {
		if (begins && (*text == '.' || *text == '\'')) {
			fputs("\\&", out);
		}
		begins = false;
		if (strncmp(text, "\n\n", 2) == 0) {
			fprintf(out, "\n%s\n", par);
			text += strspn(text, "\n") - 1;
			begins = true;
		} else if (*text == '\n') {
			fputs("\n.br\n", out);
			begins = true;
		} else if (*text == '\\') {
			fputs("\\e", out);
		} else if (*text == '-') {
			fputs("\\-", out);
		} else {
			fputc(*text, out);
		}
	}
	fputc('\n', out);
}

static void upper(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		fputc(toupper((unsigned char)*text), out);
	}
}

static void page_head(const char *name, int section, const char *brief, FILE *out)
{
	fputs(".\\\" Made by the program itself from the table that its options are parsed by.\n.TH ",
	      out);
	upper(out, name);
	fprintf(out, " %d %s \"geotherm %s\" \"geotherm\"\n.SH NAME\n", section, DATE,
		GEOTHERM_VERSION);
	fprintf(out, "%s \\- %s\n", name, brief);
}

static void page_options(const struct manual_option *options, size_t n, FILE *out)
{
	char text[160];

	for (size_t i = 0; i < n; i++) {
		option_text(&options[i], text, sizeof text);
		fputs(".TP\n.B ", out);
		roff(out, text, "");
		roff(out, options[i].help, ".IP");
	}
}

static void page_command(const struct manual *m, const struct manual_command *c, FILE *out)
{
	fprintf(out, ".SS %s %s%s%s\n", m->name, c->name,
		c->operands != NULL ? " [OPTION]... " : " [OPTION]...",
		c->operands != NULL ? c->operands : "");
	fputc(toupper((unsigned char)c->brief[0]), out);
	fprintf(out, "%s.\n", c->brief + 1);
	if (c->about != NULL) {
		fputs(".PP\n", out);
		roff(out, c->about, ".PP");
	}
	page_options(c->options, c->n_options, out);
}

void manual_page(const struct manual *m, FILE *out)
{
	bool several = m->commands[0].name != NULL;
	const struct manual_option *common;
	size_t n_common;

	page_head(m->name, m->section, m->brief, out);
	fprintf(out, ".SH SYNOPSIS\n.B %s\n%s[OPTION]...%s%s\n", m->name, several ? "COMMAND " : "",
		several || m->commands[0].operands != NULL ? " " : "",
		several				  ? "[ARGUMENT]..."
		: m->commands[0].operands != NULL ? m->commands[0].operands
						  : "");
	fputs(".SH DESCRIPTION\n", out);
	roff(out, m->about, ".PP");
	if (several) {
		fputs(".SH COMMANDS\n", out);
		for (size_t i = 0; i < m->n_commands; i++) {
			page_command(m, &m->commands[i], out);
		}
	}
	fputs(".SH OPTIONS\n", out);
	if (!several) {
		page_options(m->commands[0].options, m->commands[0].n_options, out);
	}
	common = common_options(m, &n_common);
	page_options(common, n_common, out);
	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < m->n_exits; i++) {
		fprintf(out, ".TP\n.B %d\n", m->exits[i].code);
		roff(out, m->exits[i].meaning, ".IP");
	}
	if (m->config_file != NULL) {
		fputs(".SH FILES\n.I ", out);
		roff(out, m->config_file, "");
	}
	if (m->see_also != NULL) {
		fprintf(out, ".SH SEE ALSO\n%s\n", m->see_also);
	}
}

void manual_config_page(const struct manual *m, FILE *out)
{
	char name[64], brief[96];
	const char *section = "";

	snprintf(name, sizeof name, "%s.conf", m->name);
	snprintf(brief, sizeof brief, "configuration of %s", m->name);
	page_head(name, 5, brief, out);
	fputs(".SH SYNOPSIS\n.I ", out);
	roff(out, m->config_file, "");
	fputs(".SH DESCRIPTION\n", out);
	roff(out,
	     "Lines of \"key = value\" under \"[section]\" lines; a line that begins with ; or # is a comment. An unknown "
	     "section or key, a value that is not allowed and a key given twice are errors that name file and line; "
	     "--check-config reports them and starts nothing. An option -o SECTION.KEY=VALUE goes over the file. "
	     "Times are in seconds, or end in ms, s, min or h.",
	     ".PP");
	for (size_t i = 0; i < m->config->n; i++) {
		const struct config_key *key = &m->config->keys[i];
		char text[256];

		if (key->type == CONFIG_REMOVED) {
			continue;
		}
		if (strcmp(section, key->section) != 0) {
			section = key->section;
			fprintf(out, ".SH [%s]\n", section);
		}
		fprintf(out, ".TP\n.B %s\n", key->key);
		roff(out, key->help, ".IP");
		config_allowed(key, text, sizeof text);
		if (key->type != CONFIG_STRING) {
			fputs(".IP\nAllowed: ", out);
			roff(out, text, "");
		}
		if (key->fallback != NULL) {
			fputs(".IP\nDefault: ", out);
			roff(out, key->fallback, "");
		}
	}
	fprintf(out, ".SH SEE ALSO\n%s(%d)\n", m->name, m->section);
}

/* --- bash completion ------------------------------------------------------ */

/* What may follow an option that takes a value: words, or files. */
static void complete_values(const struct manual_command *c, FILE *out)
{
	for (size_t i = 0; i < c->n_options; i++) {
		const struct manual_option *o = &c->options[i];

		if (o->name == NULL || o->argument == NULL || *o->argument == '[') {
			continue;
		}
		if (strchr(o->argument, '|') != NULL) {
			fprintf(out, "\t%s:--%s) values='", c->name != NULL ? c->name : "",
				o->name);
			for (const char *p = o->argument; *p != '\0'; p++) {
				fputc(*p == '|' ? ' ' : *p, out);
			}
			fputs("' ;;\n", out);
		} else {
			fprintf(out, "\t%s:--%s) %s ;;\n", c->name != NULL ? c->name : "", o->name,
				strcmp(o->argument, "FILE") == 0  ? "files=-f"
				: strcmp(o->argument, "DIR") == 0 ? "files=-d"
								  : "return");
		}
	}
}

/* The lower-case words of the operands: "init [TITLE] | issue NAME" begins with init or issue. */
static void complete_operands(const char *operands, FILE *out)
{
	for (const char *p = operands; *p != '\0'; p += strspn(p, " |")) {
		size_t length = strcspn(p, " |");

		if (islower((unsigned char)*p)) {
			fprintf(out, "%.*s ", (int)length, p);
		}
		p += length;
	}
}

static void complete_words(const struct manual *m, const struct manual_command *c, FILE *out)
{
	size_t n_common;
	const struct manual_option *common = common_options(m, &n_common);

	fprintf(out, "\t\t%s) words='", c->name != NULL ? c->name : "''");
	for (size_t i = 0; i < c->n_options; i++) {
		if (c->options[i].name != NULL) {
			fprintf(out, "--%s ", c->options[i].name);
		}
	}
	for (size_t i = 0; i < n_common; i++) {
		fprintf(out, "--%s%s", common[i].name, i + 1 < n_common ? " " : "");
	}
	fputs("' operands='", out);
	complete_operands(c->operands != NULL ? c->operands : "", out);
	fputs("' ;;\n", out);
}

void manual_completion(const struct manual *m, FILE *out)
{
	bool several = m->commands[0].name != NULL;
	char function[64];

	snprintf(function, sizeof function, "_%s", m->name);
	for (char *c = function; *c != '\0'; c++) {
		*c = *c == '-' ? '_' : *c;
	}
	fprintf(out,
		"# bash completion of %s, made by the program itself\n%s() {\n"
		"\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
		"\tlocal command=%s words='' values='' files='' operands=''\n\tCOMPREPLY=()\n"
		"\tcase $command:$previous in\n",
		m->name, function, several ? "${COMP_WORDS[1]}" : "''");
	for (size_t i = 0; i < m->n_commands; i++) {
		complete_values(&m->commands[i], out);
	}
	fputs("\tesac\n\tif [ -n \"$values\" ]; then\n\t\twords=$values\n\telif [ -n \"$files\" ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen \"$files\" -- \"$word\")\n\t\treturn\n",
	      out);
	if (several) {
		fputs("\telif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='", out);
		for (size_t i = 0; i < m->n_commands; i++) {
			fprintf(out, "%s ", m->commands[i].name);
		}
		fputs("--help --version'\n", out);
	}
	fputs("\telse\n\t\tcase $command in\n", out);
	for (size_t i = 0; i < m->n_commands; i++) {
		complete_words(m, &m->commands[i], out);
	}
	fprintf(out,
		"\t\tesac\n\t\tif [ \"${word:0:1}\" = - ]; then\n\t\t\t:\n"
		"\t\telif [ -n \"$operands\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n\t\t\twords=$operands\n"
		"\t\telse\n\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n\t\t\treturn\n\t\tfi\n"
		"\tfi\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
		"complete -o filenames -F %s %s\n",
		function, m->name);
}
