// SPDX-License-Identifier: MIT
//
// Device nodes of native services (abi/service_device.h).
#pragma once

#include <files/table.h>

// Whether a device stands for a native service.
bool is_service(uint64_t rdev);
const struct file_ops *service_ops_of(uint64_t rdev);
// What a node of a service or of the log is: a device that only root may open. 0.
int64_t service_stat(struct description *file, struct fs_attributes *attributes);
// Opens one; flags of open(2). The descriptor, or a negative error: EPERM, ENXIO.
[[nodiscard]] int64_t service_open(uint64_t rdev, uint32_t flags);
