#pragma once

#include <cstddef>

/// Whether the `new` of so many bytes that was just called shall fail. A program that links
/// failable_new.cpp, whose operators ask, defines it.
bool new_fails(std::size_t bytes);
