#pragma once

namespace frost {

/// What a worker process executes: the .py files of this folder, put in by the build.
extern const char* const kWorkerScript;

}  // namespace frost
