#pragma once

#include <map>
#include <string>

#include "engine/io/preprocessing.h"

namespace frost {

/// Texts by name that a weight file carries beside its tensors.
using Metadata = std::map<std::string, std::string>;

/// The record in a file's metadata (docs/weights.md "Preprocessing"); what it does not say is as in
/// `otherwise`. Throws Error naming `origin` and key for a value that makes no sense.
Preprocessing read_preprocessing(const Metadata& metadata, const std::string& origin,
                                 const Preprocessing& otherwise = {});

/// Writes the whole record into `metadata`.
void write_preprocessing(const Preprocessing& preprocessing, Metadata& metadata);

/// Takes "KEY=VALUE" from the command line into the record. Throws UsageError that lists the keys,
/// or says what the value should be.
void set_preprocessing(Preprocessing& preprocessing, const std::string& assignment);

/// Throws Error naming `origin` where the crop is larger than what it is cut from.
void require_sound(const Preprocessing& preprocessing, const std::string& origin);

/// The record in one line.
std::string to_string(const Preprocessing& preprocessing);

/// timm's, from entries "pretrained_cfg.<key>" in the metadata; torchvision's where there are none.
Preprocessing timm_preprocessing(const Metadata& metadata, const std::string& origin);

/// R3M's (its loader is given 0 to 255, divides by 255 and goes on as torchvision).
Preprocessing r3m_preprocessing();

}  // namespace frost
