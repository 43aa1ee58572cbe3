/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry of an LD_PRELOAD is our library. */
#include "../../helper/library.h"

#include <string.h>

#include "tap.h"

static void test_entry(void)
{
	static const struct {
		const char *preload, *entry; /* NULL: none */
	} rows[] = {
		{"", NULL},
		{":", NULL},
		{"libm.so.6", NULL},
		{"libpodleash.so", "libpodleash.so"},
		{"/usr/local/lib/libpodleash.so", "/usr/local/lib/libpodleash.so"},
		{"libm.so.6:/lib/libpodleash.so", "/lib/libpodleash.so"},
		{"/lib/libpodleash.so:libm.so.6", "/lib/libpodleash.so"},
		{"libm.so.6 /lib/libpodleash.so libc.so", "/lib/libpodleash.so"},
		{" :/a/libpodleash.so:/b/libpodleash.so", "/a/libpodleash.so"},
		{"/usr/$LIB/libpodleash.so", "/usr/$LIB/libpodleash.so"},
		{"/lib/notlibpodleash.so", NULL},
		{"/lib/libpodleash.so.1", NULL},
		{"/lib/libpodleash.so/x", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t length;
		const char *entry = library_entry(rows[i].preload, &length);

		ok(rows[i].entry ? entry && length == strlen(rows[i].entry) &&
					   !memcmp(entry, rows[i].entry, length)
				 : !entry,
		   "of '%s' it is %s", rows[i].preload, rows[i].entry ? rows[i].entry : "none");
	}
}

int main(void)
{
	test_entry();
	return done();
}
