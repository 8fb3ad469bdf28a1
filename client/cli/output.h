#ifndef LARDER_CLIENT_CLI_OUTPUT_H_
#define LARDER_CLIENT_CLI_OUTPUT_H_

#include <cstdio>
#include <string>
#include <string_view>

namespace larder::cli {

// A stream that notices when writing to it fails, and then writes no more. Does not own the file.
class Output {
 public:
  explicit Output(std::FILE* file);

  void Write(std::string_view bytes);
  void Flush();

  bool is_terminal() const { return is_terminal_; }
  // The errno of the first write that failed; 0: none has.
  int error() const { return error_; }

 private:
  std::FILE* file_;
  bool is_terminal_;
  int error_ = 0;
};

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_OUTPUT_H_
