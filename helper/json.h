/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines: one object a line, strings and whole numbers only. */
#ifndef PODLEASH_JSON_H
#define PODLEASH_JSON_H

#include <stdint.h>
#include <stdio.h>

void json_begin(FILE *file);
void json_string(FILE *file, const char *key, const char *value);
void json_number(FILE *file, const char *key, int64_t value);
void json_end(FILE *file);

#endif
