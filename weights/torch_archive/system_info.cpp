#include "weights/torch_archive/system_info.h"

namespace frost {

void require_system_info(ByteReader& reader, std::int64_t protocol) {
  const PickleGraph info = read_pickle(reader, no_persistent_ids);
  const auto* dict = info.as<PickleDict>(info.root);
  if (!dict) reader.reject("system information is not a dict");
  bool little_endian = false, known_protocol = false;
  for (const auto& [key, value] : dict->items) {
    const auto* name = info.as<std::string>(key);
    const auto* flag = info.as<bool>(value);
    const auto* number = info.as<std::int64_t>(value);
    if (name && *name == "little_endian") little_endian = flag && *flag;
    if (name && *name == "protocol_version") known_protocol = number && *number == protocol;
  }
  if (!known_protocol) reader.reject("system information of an unknown protocol");
  if (!little_endian)
    reader.reject("written on a big-endian machine", "convert it to safetensors there");
}

PickleValue no_persistent_ids(PickleGraph&, PickleId, const ByteReader& where) {
  where.reject("storage in a pickle that has none");
}

}  // namespace frost
