#pragma once

namespace frost {

/// What a worker process executes: spaces.py and worker.py of this folder, put in by the build.
extern const char* const kWorkerScript;

}  // namespace frost
