/* SPDX-License-Identifier: Apache-2.0 */
/* What podman writes into the bundle of a container, the OCI runtime's config.json. */
#ifndef PODLEASH_BUNDLE_H
#define PODLEASH_BUNDLE_H

/* Bytes; a longer config.json is not read. */
#define BUNDLE_LIMIT (8U << 20)

/*
 * The signal that `podman stop` would send first, of --stop-signal or the image's STOPSIGNAL: the
 * annotation org.opencontainers.image.stopSignal (podman, libpod/container_internal_linux.go) in
 * @text, a config.json. 0 where there is none. Pure.
 */
int bundle_stop_signal(const char *text);

#endif
