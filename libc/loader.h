/*
 * libmsg's loader (libmsg/spawn.h), for libc.
 */
#ifndef LIBC_LOADER_H
#define LIBC_LOADER_H

#include "loader_names.h"

#include "../libmsg/spawn.h"

#endif
