#pragma once

// Marks functions that nvcc compiles for host and device alike; nothing for other compilers.
#if defined(__CUDACC__)
#define FROST_HOST_DEVICE __host__ __device__
#else
#define FROST_HOST_DEVICE
#endif
