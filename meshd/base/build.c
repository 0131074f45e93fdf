#include "meshd/base/build.h"

const uint64_t build_s = MESHD_BUILD_S;
