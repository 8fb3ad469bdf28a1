#include "client/measure/trace_reader.h"

#include <lzma.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::load {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kLineBytesMax = size_t{64} << 10;
constexpr uint32_t kValueBytesMax = uint32_t{1} << 30;
constexpr unsigned char kXzMagic[] = {0xfd, '7', 'z', 'X', 'Z', 0x00};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

class FileTraceReader final : public TraceReader {
 public:
  FileTraceReader(std::string path, File file, uint64_t file_bytes)
      : path_(std::move(path)),
        file_(std::move(file)),
        file_bytes_(file_bytes),
        input_(kChunkBytes) {}

  ~FileTraceReader() override { lzma_end(&xz_); }

  // Reads the first chunk and tells plain from packed by it.
  absl::Status Begin() {
    absl::Status status = ReadChunk();
    if (!status.ok()) return status;
    is_xz_ = input_size_ >= sizeof(kXzMagic) &&
             std::memcmp(input_.data(), kXzMagic, sizeof(kXzMagic)) == 0;
    if (!is_xz_) return absl::OkStatus();
    if (lzma_stream_decoder(&xz_, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK) {
      return absl::InternalError(absl::StrCat(path_, ": liblzma does not start"));
    }
    xz_.next_in = input_.data();
    xz_.avail_in = input_size_;
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(TraceRequest& request) override {
    if (!failed_.ok()) return failed_;
    absl::StatusOr<bool> found = NextLine(request);
    if (!found.ok()) failed_ = found.status();
    return found;
  }

  double Progress() const override {
    if (file_bytes_ == 0) return 1;
    return std::min(1.0, static_cast<double>(read_bytes_) / static_cast<double>(file_bytes_));
  }

 private:
  absl::StatusOr<bool> NextLine(TraceRequest& request) {
    while (true) {
      const size_t end = text_.find('\n', text_begin_);
      if (end == std::string::npos && !text_complete_) {
        if (text_.size() - text_begin_ > kLineBytesMax) {
          ++line_;
          return Broken("longer than 64 KiB");
        }
        absl::Status status = ReadText();
        if (!status.ok()) return status;
        continue;
      }
      if (text_begin_ == text_.size()) return false;
      const size_t stop = std::min(end, text_.size());
      std::string_view line(text_.data() + text_begin_, stop - text_begin_);
      text_begin_ = std::min(stop + 1, text_.size());
      ++line_;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (line.empty()) continue;
      absl::Status status = ParseLine(line, request);
      if (!status.ok()) return status;
      return true;
    }
  }

  absl::Status ParseLine(std::string_view line, TraceRequest& request) const {
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

  absl::Status Broken(const char* why) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ":", line_, ": ", why));
  }

  absl::Status ReadChunk() {
    errno = 0;
    input_size_ = std::fread(input_.data(), 1, input_.size(), file_.get());
    if (input_size_ < input_.size() && std::ferror(file_.get())) {
      return absl::InternalError(absl::StrCat(path_, ": ", std::strerror(errno)));
    }
    read_bytes_ += input_size_;
    return absl::OkStatus();
  }

  // Appends to the text that is waiting, or finds that it is complete.
  absl::Status ReadText() {
    text_.erase(0, text_begin_);
    text_begin_ = 0;
    if (is_xz_) return Unpack();
    text_.append(reinterpret_cast<const char*>(input_.data()), input_size_);
    text_complete_ = input_size_ == 0;
    return ReadChunk();
  }

  absl::Status Unpack() {
    if (xz_.avail_in == 0) {
      absl::Status status = ReadChunk();
      if (!status.ok()) return status;
      xz_.next_in = input_.data();
      xz_.avail_in = input_size_;
    }
    const size_t before = text_.size();
    text_.resize(before + kChunkBytes);
    xz_.next_out = reinterpret_cast<uint8_t*>(text_.data() + before);
    xz_.avail_out = kChunkBytes;
    const lzma_ret result = lzma_code(&xz_, input_size_ == 0 ? LZMA_FINISH : LZMA_RUN);
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
  const File file_;
  const uint64_t file_bytes_;
  std::vector<uint8_t> input_;  // a chunk of the file
  size_t input_size_ = 0;
  uint64_t read_bytes_ = 0;
  bool is_xz_ = false;
  lzma_stream xz_ = LZMA_STREAM_INIT;
  std::string text_;  // unpacked, from text_begin_ on not yet returned
  size_t text_begin_ = 0;
  bool text_complete_ = false;
  uint64_t line_ = 0;
  absl::Status failed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TraceReader>> TraceReader::Open(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    const int error = errno;
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(message) : absl::InternalError(message);
  }
  struct stat info;
  if (fstat(fileno(file.get()), &info) != 0) {
    return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  if (S_ISDIR(info.st_mode)) return absl::InternalError(absl::StrCat(path, ": is a directory"));
  auto reader = std::make_unique<FileTraceReader>(path, std::move(file), info.st_size);
  absl::Status status = reader->Begin();
  if (!status.ok()) return status;
  return reader;
}

}  // namespace larder::load
