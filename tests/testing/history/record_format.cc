#include "tests/testing/history/record_format.h"

#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

constexpr std::string_view kKinds = "sdiatgl";     // in the order of OperationKind
constexpr std::string_view kOutcomes = "onu";      // of Outcome
constexpr std::string_view kAcks = "mrd";          // of AckLevel
constexpr std::string_view kConditions = "-apvl";  // of SetCondition
constexpr std::string_view kLoses = "nse";         // of LossEvent::Loses
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool IsPlain(char c) { return c > ' ' && c < '\x7f' && c != '%'; }

// Writes fields.
class LineWriter {
 public:
  LineWriter(RecordType type, std::string& out) : out_(out) { out_ += static_cast<char>(type); }
  ~LineWriter() { out_ += '\n'; }

  void Begin(char letter) {
    out_ += ' ';
    out_ += letter;
  }
  template <typename Number>
  void Whole(char letter, Number number) {
    Begin(letter);
    char digits[24];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  }
  template <typename Number>
  void Unless(Number usual, char letter, Number number) {
    if (number != usual) Whole(letter, number);
  }
  void Flag(char letter, bool is_set) {
    if (is_set) Begin(letter);
  }
  void Word(char letter, char word) {
    Begin(letter);
    out_ += word;
  }
  void Text(char letter, std::string_view text) {
    if (text.empty()) return;
    Begin(letter);
    for (const char c : text) {
      if (IsPlain(c)) {
        out_ += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        out_ += '%';
        out_ += kHexDigits[byte >> 4];
        out_ += kHexDigits[byte & 15];
      }
    }
  }
  void Position(char letter, const LogPosition& position) {
    if (!position.is_known()) return;
    Begin(letter);
    absl::StrAppend(&out_, position.shard, ":", position.epoch, ":", position.sequence);
  }

 private:
  std::string& out_;
};

// Reads fields one after the other.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line.substr(1)) {}

  bool Next() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    if (rest_.empty()) return false;
    const std::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    letter_ = field.front();
    value_ = field.substr(1);
    return true;
  }
  char letter() const { return letter_; }

  absl::Status Bad() const {
    return absl::InvalidArgumentError(
        absl::StrCat("field '", std::string(1, letter_), std::string(value_), "' is not valid"));
  }
  template <typename Number>
  bool Read(Number& number) {
    const char* const end = value_.data() + value_.size();
    const auto [at, error] = std::from_chars(value_.data(), end, number);
    return error == std::errc() && at == end;
  }
  template <typename Enum>
  bool ReadWord(std::string_view words, Enum& word) {
    if (value_.size() != 1) return false;
    const size_t at = words.find(value_.front());
    if (at == std::string_view::npos) return false;
    word = static_cast<Enum>(at);
    return true;
  }
  bool ReadFlag(bool& flag) {
    flag = true;
    return value_.empty();
  }
  bool ReadText(std::string& text) {
    text.clear();
    for (size_t i = 0; i < value_.size(); ++i) {
      if (value_[i] != '%') {
        text += value_[i];
        continue;
      }
      if (i + 2 >= value_.size()) return false;
      const size_t high = kHexDigits.find(value_[i + 1]);
      const size_t low = kHexDigits.find(value_[i + 2]);
      if (high == std::string_view::npos || low == std::string_view::npos) return false;
      text += static_cast<char>(high << 4 | low);
      i += 2;
    }
    return true;
  }
  bool ReadId(OperationId& id) {
    const std::optional<OperationId> parsed = ParseOperationId(value_);
    if (parsed) id = *parsed;
    return parsed.has_value();
  }
  bool ReadPosition(LogPosition& position) {
    const size_t first = value_.find(':');
    const size_t second = first == std::string_view::npos ? first : value_.find(':', first + 1);
    if (second == std::string_view::npos) return false;
    const std::string_view whole = value_;
    value_ = whole.substr(0, first);
    bool is_good = Read(position.shard);
    value_ = whole.substr(first + 1, second - first - 1);
    is_good = Read(position.epoch) && is_good;
    value_ = whole.substr(second + 1);
    return Read(position.sequence) && is_good;
  }

 private:
  std::string_view rest_;
  char letter_ = 0;
  std::string_view value_;
};

void WriteAsked(const Operation& operation, std::string_view key, LineWriter& line) {
  line.Word('k', kKinds[static_cast<size_t>(operation.kind)]);
  line.Text('K', key);
  line.Whole('b', operation.begin);
  line.Unless<int64_t>(0, 'd', operation.delta);
  line.Unless<int64_t>(0, 't', operation.ttl_ms);
  if (operation.condition != SetCondition::kNone) {
    line.Word('q', kConditions[static_cast<size_t>(operation.condition)]);
  }
  line.Unless<uint64_t>(0, 'V', operation.condition_version);
  if (operation.condition == SetCondition::kLease) line.Text('L', ToText(operation.lease));
  if (operation.ack != AckLevel::kMemory) {
    line.Word('a', kAcks[static_cast<size_t>(operation.ack)]);
  }
  line.Unless<uint32_t>(0, 'r', operation.replicas);
  line.Unless<int64_t>(-1, 's', operation.max_staleness_ms);
  line.Position('p', operation.min_position);
  line.Flag('F', operation.is_final);
}

void WriteAnswer(const Operation& operation, std::string_view node, LineWriter& line) {
  if (operation.end != kNever) line.Whole('e', operation.end);
  line.Word('o', kOutcomes[static_cast<size_t>(operation.outcome)]);
  line.Text('N', node);
  line.Flag('D', operation.done);
  line.Text('v', operation.state);
  line.Unless<uint64_t>(0, 'w', operation.version);
  line.Position('P', operation.position);
  line.Flag('x', operation.is_stale);
  line.Flag('g', operation.is_granted);
  line.Flag('m', operation.is_created);
}

// Those that say what was asked; nullopt: the field is no such.
std::optional<bool> ReadAsked(LineReader& line, OperationRecord& record) {
  Operation& operation = record.operation;
  switch (line.letter()) {
    case 'k':
      return line.ReadWord(kKinds, operation.kind);
    case 'K':
      return line.ReadText(record.key);
    case 'b':
      return line.Read(operation.begin);
    case 'd':
      return line.Read(operation.delta) && operation.delta >= 1;
    case 't':
      return line.Read(operation.ttl_ms);
    case 'q':
      return line.ReadWord(kConditions, operation.condition);
    case 'V':
      return line.Read(operation.condition_version);
    case 'L':
      return line.ReadId(operation.lease);
    case 'a':
      return line.ReadWord(kAcks, operation.ack);
    case 'r':
      return line.Read(operation.replicas);
    case 's':
      return line.Read(operation.max_staleness_ms);
    case 'p':
      return line.ReadPosition(operation.min_position);
    case 'F':
      return line.ReadFlag(operation.is_final);
    default:
      return std::nullopt;
  }
}

bool ReadAnswer(LineReader& line, OperationRecord& record) {
  Operation& operation = record.operation;
  switch (line.letter()) {
    case 'c':
      return line.Read(operation.id.client);
    case 'n':
      return line.Read(operation.id.number);
    case 'e':
      return line.Read(operation.end);
    case 'o':
      return line.ReadWord(kOutcomes, operation.outcome);
    case 'N':
      return line.ReadText(record.node);
    case 'D':
      return line.ReadFlag(operation.done);
    case 'v':
      return line.ReadText(operation.state);
    case 'w':
      return line.Read(operation.version);
    case 'P':
      return line.ReadPosition(operation.position);
    case 'x':
      return line.ReadFlag(operation.is_stale);
    case 'g':
      return line.ReadFlag(operation.is_granted);
    case 'm':
      return line.ReadFlag(operation.is_created);
    default:
      return false;
  }
}

bool ReadEventField(LineReader& line, LossEvent& event) {
  switch (line.letter()) {
    case 'n':
      return line.ReadText(event.name);
    case 'b':
      return line.Read(event.begin);
    case 'e':
      return line.Read(event.end);
    case 'l':
      return line.ReadWord(kLoses, event.loses);
    case 'N':
      return line.Read(event.nodes_lost);
    case 'd':
      event.disk_lost = false;
      return true;
    case 'p':
      return line.ReadPosition(event.kept);
    case 'E':
      return line.Read(event.new_epoch);
    default:
      return false;
  }
}

}  // namespace

void AppendRecord(RecordType type, const Operation& operation, std::string_view key,
                  std::string_view node, std::string& out) {
  LineWriter line(type, out);
  line.Whole('c', operation.id.client);
  line.Whole('n', operation.id.number);
  if (type != RecordType::kCompleted) WriteAsked(operation, key, line);
  if (type != RecordType::kInvoked) WriteAnswer(operation, node, line);
}

void AppendRecord(RecordType type, const LossEvent& event, std::string& out) {
  LineWriter line(type, out);
  line.Text('n', event.name);
  if (type == RecordType::kEventBegin) {
    line.Whole('b', event.begin);
    line.Word('l', kLoses[static_cast<size_t>(event.loses)]);
    line.Unless<uint32_t>(1, 'N', event.nodes_lost);
    line.Flag('d', !event.disk_lost);
  } else {
    line.Whole('e', event.end);
  }
  // What only who survives knows may come with the end.
  line.Position('p', event.kept);
  line.Unless<uint64_t>(0, 'E', event.new_epoch);
}

absl::Status ParseRecordType(std::string_view line, RecordType& type) {
  constexpr std::string_view kTypes = "ICRBE";
  if (line.size() < 2 || line[1] != ' ' || kTypes.find(line[0]) == std::string_view::npos) {
    return absl::InvalidArgumentError(
        "the line is no record: it begins with none of I, C, R, B, E");
  }
  type = static_cast<RecordType>(line[0]);
  return absl::OkStatus();
}

absl::Status ParseRecord(std::string_view text, OperationRecord& record) {
  LineReader line(text);
  while (line.Next()) {
    const std::optional<bool> asked = ReadAsked(line, record);
    if (!(asked ? *asked : ReadAnswer(line, record))) return line.Bad();
  }
  return absl::OkStatus();
}

absl::Status ParseRecord(std::string_view text, LossEvent& event) {
  LineReader line(text);
  while (line.Next()) {
    if (!ReadEventField(line, event)) return line.Bad();
  }
  return absl::OkStatus();
}

}  // namespace larder::history
