// SPDX-License-Identifier: BSD-2-Clause
#include "migrations.h"

/* The assembler takes the files as they are: no generated source, no quoting. Paths are from the
 * top of the tree. */
#define EMBED(symbol, path)                                   \
	__asm__(".pushsection .rodata\n"                      \
		".global " #symbol "\n" #symbol ":\n"         \
		".incbin \"" path "\"\n"                      \
		".global " #symbol "_end\n" #symbol "_end:\n" \
		".byte 0\n"                                   \
		".popsection\n");                             \
	extern const char symbol[], symbol##_end[]

EMBED(migration_sqlite_001, "server/store/migrations/sqlite/001-readings.sql");
EMBED(migration_sqlite_002, "server/store/migrations/sqlite/002-devices.sql");
EMBED(migration_sqlite_003, "server/store/migrations/sqlite/003-view-time.sql");
EMBED(migration_sqlite_004, "server/store/migrations/sqlite/004-readings-by-key.sql");
EMBED(migration_sqlite_005, "server/store/migrations/sqlite/005-starts.sql");
EMBED(migration_sqlite_006, "server/store/migrations/sqlite/006-leases.sql");
EMBED(migration_mariadb_001, "server/store/migrations/mariadb/001-readings.sql");
EMBED(migration_mariadb_002, "server/store/migrations/mariadb/002-devices.sql");
EMBED(migration_mariadb_003, "server/store/migrations/mariadb/003-view-time.sql");
EMBED(migration_mariadb_004, "server/store/migrations/mariadb/004-starts.sql");
EMBED(migration_mariadb_005, "server/store/migrations/mariadb/005-leases.sql");

const struct migration migrations_sqlite[] = {
	{ "001-readings", migration_sqlite_001, migration_sqlite_001_end },
	{ "002-devices", migration_sqlite_002, migration_sqlite_002_end },
	{ "003-view-time", migration_sqlite_003, migration_sqlite_003_end },
	{ "004-readings-by-key", migration_sqlite_004, migration_sqlite_004_end },
	{ "005-starts", migration_sqlite_005, migration_sqlite_005_end },
	{ "006-leases", migration_sqlite_006, migration_sqlite_006_end },
};
const size_t migrations_sqlite_count = sizeof(migrations_sqlite) / sizeof(migrations_sqlite[0]);

const struct migration migrations_mariadb[] = {
	{ "001-readings", migration_mariadb_001, migration_mariadb_001_end },
	{ "002-devices", migration_mariadb_002, migration_mariadb_002_end },
	{ "003-view-time", migration_mariadb_003, migration_mariadb_003_end },
	{ "004-starts", migration_mariadb_004, migration_mariadb_004_end },
	{ "005-leases", migration_mariadb_005, migration_mariadb_005_end },
};
const size_t migrations_mariadb_count = sizeof(migrations_mariadb) / sizeof(migrations_mariadb[0]);
