#include "weights/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include "kernels/errors.h"

namespace frost {

std::string sha256_hex(std::span<const std::byte> bytes) {
  return sha256_hex_of_parts(std::span(&bytes, 1));
}

std::string sha256_hex_of_parts(std::span<const std::span<const std::byte>> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const auto& part : parts) {
    done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  done = done && EVP_DigestFinal_ex(context.get(), digest.data(), &length) == 1;
  if (!done || length != digest.size()) {
    fail("sha256", "OpenSSL offers no SHA-256; check its configuration");
  }
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace frost
