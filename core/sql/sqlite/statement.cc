#include <sqlite3.h>

#include <utility>

#include "core/sql/sqlite/connection.h"

namespace asya::sql::sqlite {
namespace {

sqlite3_stmt* Handle(void* handle) { return static_cast<sqlite3_stmt*>(handle); }

// SQLite takes a null pointer for NULL; an empty view must stay an empty value.
const char* Bytes(std::string_view view) { return view.data() == nullptr ? "" : view.data(); }

}  // namespace

void Statement::Note(int code) {
  clean_ = false;
  if (code != SQLITE_OK && bind_error_ == SQLITE_OK) bind_error_ = code;
}

Statement& Statement::Bind(int index, std::int64_t value) {
  Note(sqlite3_bind_int64(Handle(handle_), index, value));
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  Note(sqlite3_bind_text64(Handle(handle_), index, Bytes(text), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  Note(sqlite3_bind_blob64(Handle(handle_), index, Bytes(bytes), bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::BindKept(int index, std::string_view text) {
  Note(sqlite3_bind_text64(Handle(handle_), index, Bytes(text), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindNull(int index) {
  Note(sqlite3_bind_null(Handle(handle_), index));
  return *this;
}

Status Statement::Run() {
  for (;;) {
    ASYA_TRY(const bool row, Step());
    if (!row) return Ok();
  }
}

Result<bool> Statement::Step() {
  clean_ = false;
  if (bind_error_ != SQLITE_OK) {
    const int code = bind_error_;
    Reset();
    return TranslateError(code, connection_.path(), sqlite3_errstr(code));
  }
  const int code = sqlite3_step(Handle(handle_));
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(Handle(handle_));
    return false;
  }
  Error error = connection_.LastError(code);
  Reset();
  return error;
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(Handle(handle_), column); }

std::string Statement::Text(int column) const { return std::string(View(column)); }

std::string_view Statement::View(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(Handle(handle_), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(Handle(handle_), column))};
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(Handle(handle_), column) == SQLITE_NULL; }

void Statement::Reset() {
  if (std::exchange(clean_, true)) return;
  sqlite3_reset(Handle(handle_));
  sqlite3_clear_bindings(Handle(handle_));
  bind_error_ = SQLITE_OK;
}

Result<Statement*> Transaction::Prepare(const char* sql) { return connection_.Prepare(sql); }
Status Transaction::Execute(const std::string& sql) {
  executed_ = true;
  return connection_.Execute(sql);
}
std::int64_t Transaction::Changes() const { return connection_.Changes(); }
std::int64_t Transaction::LastInsertId() const { return connection_.LastInsertId(); }

}  // namespace asya::sql::sqlite
