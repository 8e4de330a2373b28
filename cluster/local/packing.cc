#include "cluster/local/packing.h"

#include <zlib.h>

#include <array>
#include <string_view>

#include "core/base/result.h"

namespace asya::cluster::local {
namespace {

constexpr int kWindowBits = -15;  // 32 KiB back, without zlib's header
constexpr int kMemoryLevel = 6;
constexpr std::size_t kPieceBytes = 4096;

Bytef* Bytes(std::string_view text) {
  // zlib reads through this pointer; its C interface has no const.
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

std::string_view Tail(const std::string& dictionary) {
  const std::string_view whole = dictionary;
  return whole.size() <= kDictionaryBytesMax ? whole : whole.substr(whole.size() - kDictionaryBytesMax);
}

// Feeds all of `input` through `step`, which is deflate or inflate.
template <class Step>
std::string Run(z_stream& stream, const std::string& input, Step step) {
  stream.next_in = Bytes(input);
  stream.avail_in = static_cast<uInt>(input.size());
  std::string output;
  std::array<char, kPieceBytes> piece{};
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = step(&stream);
    output.append(piece.data(), piece.size() - stream.avail_out);
  }
  ASYA_CHECK(code == Z_STREAM_END);
  output.shrink_to_fit();
  return output;
}

}  // namespace

std::string Pack(const std::string& text, const std::string& dictionary) {
  z_stream stream{};
  ASYA_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
             Z_OK);
  const std::string_view known = Tail(dictionary);
  if (!known.empty()) deflateSetDictionary(&stream, Bytes(known), static_cast<uInt>(known.size()));
  std::string packed = Run(stream, text, [](z_stream* one) { return deflate(one, Z_FINISH); });
  deflateEnd(&stream);
  return packed;
}

std::string Unpack(const std::string& packed, const std::string& dictionary) {
  z_stream stream{};
  ASYA_CHECK(inflateInit2(&stream, kWindowBits) == Z_OK);
  const std::string_view known = Tail(dictionary);
  if (!known.empty()) inflateSetDictionary(&stream, Bytes(known), static_cast<uInt>(known.size()));
  std::string text = Run(stream, packed, [](z_stream* one) { return inflate(one, Z_NO_FLUSH); });
  inflateEnd(&stream);
  return text;
}

}  // namespace asya::cluster::local
