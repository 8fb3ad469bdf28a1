#include "client/measure/trace_reader.h"

#include <lzma.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/measure/trace_file.h"
#include "client/measure/trace_format.h"

namespace larder::load {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kLineBytesMax = size_t{64} << 10;
constexpr uint32_t kValueBytesMax = uint32_t{1} << 30;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class FileTraceReader final : public TraceReader {
 public:
  explicit FileTraceReader(std::unique_ptr<TraceFile> file)
      : path_(file->path()), file_(std::move(file)), input_(kChunkBytes) {}

  ~FileTraceReader() override { lzma_end(&xz_); }

  // Reads until it is clear what the file is.
  absl::Status Begin() {
    std::optional<TraceFormat> format;
    while (!(format = DetectTraceFormat(Input(), input_complete_))) {
      absl::Status status = ReadInput();
      if (!status.ok()) return status;
    }
    if (format->kind == TraceFormat::Kind::kForeign) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": is ", format->name, "; a trace is lines of text, plain or packed by xz"));
    }
    is_xz_ = format->kind == TraceFormat::Kind::kXz;
    if (is_xz_ && lzma_stream_decoder(&xz_, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK) {
      return absl::InternalError(absl::StrCat(path_, ": liblzma does not start"));
    }
    return absl::OkStatus();
  }

  bool Wait(absl::Duration timeout) override {
    while (failed_.ok() && !HasLine()) {
      if (NeedsInput() && !file_->WaitReadable(timeout)) return false;
      failed_ = ReadText();
    }
    return true;
  }

  absl::StatusOr<bool> Next(TraceRequest& request) override {
    while (true) {
      while (!Wait(absl::InfiniteDuration())) {
      }
      if (!failed_.ok()) return failed_;
      if (text_begin_ == text_.size()) return false;
      const std::string_view line = TakeLine();
      if (line.empty()) continue;
      failed_ = ParseLine(line, request);
      if (!failed_.ok()) return failed_;
      return true;
    }
  }

  std::optional<double> Progress() const override { return file_->Progress(); }

 private:
  std::string_view Input() const {
    return {reinterpret_cast<const char*>(input_.data()) + input_begin_, input_end_ - input_begin_};
  }

  bool NeedsInput() const { return input_begin_ == input_end_ && !input_complete_; }

  // Whether the text that is waiting has a whole line, or its last one.
  bool HasLine() {
    if (text_complete_) return true;
    searched_ = std::max(searched_, text_begin_);
    const size_t end = text_.find('\n', searched_);
    searched_ = std::min(end, text_.size());
    return end != std::string::npos;
  }

  // REQUIRES: HasLine(), and that it is not empty text.
  std::string_view TakeLine() {
    const size_t stop = std::min(text_.find('\n', std::max(searched_, text_begin_)), text_.size());
    std::string_view line(text_.data() + text_begin_, stop - text_begin_);
    text_begin_ = std::min(stop + 1, text_.size());
    if (line_++ == 0 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      line.remove_prefix(kByteOrderMark.size());
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  absl::Status ParseLine(std::string_view line, TraceRequest& request) const {
    absl::Status status = CheckText(line);
    if (!status.ok()) return status;
    const size_t comma = line.find(',');
    request.key.assign(line.substr(0, comma));
    request.value_bytes.reset();
    if (request.key.empty()) return Broken("no key");
    if (comma == std::string_view::npos) return absl::OkStatus();
    const std::string_view number = line.substr(comma + 1);
    uint32_t bytes = 0;
    if (!absl::SimpleAtoi(absl::string_view(number.data(), number.size()), &bytes) ||
        bytes > kValueBytesMax) {
      return Broken("expected KEY or KEY,BYTES with at most 1073741824 bytes");
    }
    request.value_bytes = bytes;
    return absl::OkStatus();
  }

  absl::Status CheckText(std::string_view line) const {
    const std::optional<uint8_t> byte = FindNonText(line);
    if (!byte) return absl::OkStatus();
    return Broken(absl::StrFormat(
        "byte 0x%02x is no text; a trace is lines of text, plain or packed by xz", *byte));
  }

  absl::Status Broken(std::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ":", line_, ": ", std::string(why)));
  }

  // Appends to the input that is waiting. REQUIRES: there is room behind it.
  absl::Status ReadInput() {
    if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
    const absl::StatusOr<size_t> count =
        file_->Read(input_.data() + input_end_, input_.size() - input_end_);
    if (!count.ok()) return count.status();
    input_complete_ = *count == 0;
    input_end_ += *count;
    return absl::OkStatus();
  }

  // Appends to the text that is waiting, or finds that it is complete.
  absl::Status ReadText() {
    if (text_.size() - text_begin_ > kLineBytesMax) {
      ++line_;
      absl::Status status = CheckText(std::string_view(text_).substr(text_begin_));
      return status.ok() ? Broken("longer than 64 KiB") : status;
    }
    text_.erase(0, text_begin_);
    searched_ -= text_begin_;
    text_begin_ = 0;
    if (NeedsInput()) {
      absl::Status status = ReadInput();
      if (!status.ok()) return status;
    }
    if (is_xz_) return Unpack();
    text_.append(Input());
    input_begin_ = input_end_;
    text_complete_ = input_complete_;
    return absl::OkStatus();
  }

  absl::Status Unpack() {
    xz_.next_in = input_.data() + input_begin_;
    xz_.avail_in = input_end_ - input_begin_;
    const size_t before = text_.size();
    text_.resize(before + kChunkBytes);
    xz_.next_out = reinterpret_cast<uint8_t*>(text_.data() + before);
    xz_.avail_out = kChunkBytes;
    const lzma_ret result = lzma_code(&xz_, input_complete_ ? LZMA_FINISH : LZMA_RUN);
    input_begin_ = input_end_ - xz_.avail_in;
    text_.resize(before + kChunkBytes - xz_.avail_out);
    if (result == LZMA_STREAM_END) {
      text_complete_ = true;
    } else if (result == LZMA_BUF_ERROR) {
      return absl::DataLossError(absl::StrCat(path_, ": the xz stream is cut short"));
    } else if (result != LZMA_OK) {
      return absl::DataLossError(absl::StrCat(path_, ": the xz stream is damaged"));
    }
    return absl::OkStatus();
  }

  const std::string path_;
  const std::unique_ptr<TraceFile> file_;
  std::vector<uint8_t> input_;  // what was read of the file, from input_begin_ on not yet used
  size_t input_begin_ = 0;
  size_t input_end_ = 0;
  bool input_complete_ = false;
  bool is_xz_ = false;
  lzma_stream xz_ = LZMA_STREAM_INIT;
  std::string text_;  // unpacked, from text_begin_ on not yet returned
  size_t text_begin_ = 0;
  size_t searched_ = 0;  // up to here it has no end of a line
  bool text_complete_ = false;
  uint64_t line_ = 0;
  absl::Status failed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TraceReader>> TraceReader::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<TraceFile>> file = TraceFile::Open(path);
  if (!file.ok()) return file.status();
  auto reader = std::make_unique<FileTraceReader>(*std::move(file));
  absl::Status status = reader->Begin();
  if (!status.ok()) return status;
  return reader;
}

}  // namespace larder::load
