#include <array>
#include <charconv>
#include <utility>

#include "core/sql/postgres/connection.h"

namespace asya::sql::postgres {
namespace {

void AppendQuoted(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
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
  try {
    auto content = std::make_shared<Rows::Content>();
    content->result = static_cast<pqxx::transaction_base*>(handle_)->exec_prepared(
        connection_.Prepare(sql), pqxx::prepare::make_dynamic_params(values));
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
