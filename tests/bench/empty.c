/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a preloaded library can be: what any of them costs. */
extern const char empty;
const char empty;
