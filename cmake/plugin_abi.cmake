# Run where a header has changed: writes into HEADER what a plugin is built against, HEADERS of VERSION.
include(${CMAKE_CURRENT_LIST_DIR}/digest.cmake)
frost_digest_of(digest ${HEADERS})
string(SUBSTRING ${digest} 0 16 digest)
file(CONFIGURE OUTPUT ${HEADER} CONTENT
"#pragma once

// Generated: the version, and a digest of all headers that a plugin can include.
#define FROST_PLUGIN_HEADERS \"frostline ${VERSION}, headers ${digest}\"
")
