/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines (docs/json.md). Between json_begin() and json_end() each call adds a key, a plain
 * word, with its value; the last key of every object is "podleash": 1. A byte that is
 * not printable ASCII becomes \u00XX in a value. Errors are @file's, and ferror(3) tells.
 */
#ifndef PODLEASH_JSON_H
#define PODLEASH_JSON_H

#include <stdint.h>
#include <stdio.h>

void json_begin(FILE *file);
void json_string(FILE *file, const char *key, const char *value);
void json_number(FILE *file, const char *key, int64_t value);
void json_end(FILE *file);

#endif
