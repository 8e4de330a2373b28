#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "core/sql/postgres/connection.h"

namespace asya::sql::postgres {
namespace {

void AppendQuoted(std::string& out, const std::string& text) {
  constexpr std::string_view kEscaped = "\"\\";
  out += '"';
  std::size_t begin = 0;
  for (auto at = text.find_first_of(kEscaped); at != std::string::npos; at = text.find_first_of(kEscaped, at + 1)) {
    out.append(text, begin, at - begin) += '\\';
    begin = at;
  }
  out.append(text, begin) += '"';
}

// In network order, as all numbers of the binary forms.
void AppendWord(std::string& out, std::size_t value) {
  const std::uint32_t word = htonl(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

constexpr unsigned kNoDigit = 0x100;

constexpr std::array<std::uint16_t, 256> DigitValues() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint16_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t value = 0; value < kDigits.size(); ++value) {
    values[static_cast<unsigned char>(kDigits[value])] = static_cast<std::uint16_t>(value);
  }
  return values;
}

// The bytes of a bytea in the hex form, in which they come unless a role is set to have another.
std::optional<std::string> FromHex(std::string_view text) {
  static constexpr auto kValues = DigitValues();
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
  text.remove_prefix(2);
  std::string bytes(text.size() / 2, '\0');
  unsigned seen = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned high = kValues[static_cast<unsigned char>(text[2 * i])];
    const unsigned low = kValues[static_cast<unsigned char>(text[2 * i + 1])];
    seen |= high | low;
    bytes[i] = static_cast<char>(high << 4U | low);
  }
  return (seen & kNoDigit) == 0 ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace

Parameters& Parameters::Add(std::int64_t value) {
  values_.emplace_back(std::to_string(value));
  return *this;
}

Parameters& Parameters::Add(std::string_view text) {
  values_.emplace_back(std::string(text));
  return *this;
}

Parameters& Parameters::AddNull() {
  values_.emplace_back(std::nullopt);
  return *this;
}

Parameters& Parameters::Add(const std::vector<std::string>& texts) {
  std::string array = "{";
  for (const auto& text : texts) {
    if (array.size() > 1) array += ',';
    AppendQuoted(array, text);
  }
  values_.emplace_back(array + "}");
  return *this;
}

Parameters& Parameters::Add(const std::vector<std::int64_t>& values) {
  std::string array = "{";
  for (const std::int64_t value : values) {
    if (array.size() > 1) array += ',';
    array += std::to_string(value);
  }
  values_.emplace_back(array + "}");
  return *this;
}

// The form of array_recv() in PostgreSQL's arrayfuncs.c: dimensions, whether there are nulls, the type of the elements,
// and of the one dimension its size and first index; then each element's size and bytes.
Parameters& Parameters::AddBytes(const std::vector<std::string_view>& values) {
  constexpr std::size_t kByteaType = 17;  // its row in pg_type, which is the same everywhere
  constexpr std::size_t kWord = sizeof(std::uint32_t);
  constexpr std::size_t kHead = 5 * kWord;
  std::size_t size = kHead;
  for (const std::string_view value : values) size += kWord + value.size();
  std::string array;
  array.reserve(size);
  for (const std::size_t word : {std::size_t{1}, std::size_t{0}, kByteaType, values.size(), std::size_t{1}}) {
    AppendWord(array, word);
  }
  for (const std::string_view value : values) {
    AppendWord(array, value.size());
    array += value;
  }
  binary_.push_back(std::move(array));
  return *this;
}

struct Rows::Content {
  pqxx::result result;
};

std::size_t Rows::size() const { return content_ ? content_->result.size() : 0; }

std::int64_t Rows::affected() const {
  return content_ ? static_cast<std::int64_t>(content_->result.affected_rows()) : 0;
}

std::string_view Rows::View(std::size_t row, int column) const {
  const auto field = content_->result[static_cast<pqxx::result::size_type>(row)][column];
  return {field.c_str(), field.size()};
}

std::int64_t Rows::Int(std::size_t row, int column) const {
  const std::string_view text = View(row, column);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string Rows::Bytes(std::size_t row, int column) const {
  // The library takes both forms, five times slower.
  if (auto bytes = FromHex(View(row, column))) return std::move(*bytes);
  return pqxx::binarystring(content_->result[static_cast<pqxx::result::size_type>(row)][column]).str();
}

bool Rows::IsNull(std::size_t row, int column) const {
  return content_->result[static_cast<pqxx::result::size_type>(row)][column].is_null();
}

Result<Rows> Transaction::Execute(const char* sql, const Parameters& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.values_.size());
  for (const auto& value : parameters.values_) {
    if (value && value->find('\0') != std::string::npos) {
      return Invalid("", "text with a NUL byte cannot be stored in PostgreSQL");
    }
    values.push_back(value ? value->c_str() : nullptr);
  }
  const std::vector<pqxx::binarystring> binary(parameters.binary_.begin(), parameters.binary_.end());
  try {
    auto content = std::make_shared<Rows::Content>();
    content->result = static_cast<pqxx::transaction_base*>(handle_)->exec_prepared(
        connection_.Prepare(sql), pqxx::prepare::make_dynamic_params(values),
        pqxx::prepare::make_dynamic_params(binary));
    Rows rows;
    rows.content_ = std::move(content);
    begun_ = true;
    return rows;
  } catch (const std::exception& failure) {
    if (failure_ == Failure::kNone) failure_ = FailureOf(failure);
    return TranslateError(failure);
  }
}

Status Transaction::Script(const std::string& sql) {
  try {
    static_cast<pqxx::transaction_base*>(handle_)->exec(sql);
    begun_ = true;
    return Ok();
  } catch (const std::exception& failure) {
    if (failure_ == Failure::kNone) failure_ = FailureOf(failure);
    return TranslateError(failure);
  }
}

}  // namespace asya::sql::postgres
