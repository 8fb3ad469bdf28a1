#include "server/http/http_request.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kBlanks = " \t";

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

// RFC 9110, section 5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes what is before the mark off the text, or all of it; and the mark.
std::string_view TakeUntil(std::string_view mark, std::string_view& text) {
  const size_t end = text.find(mark);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + mark.size());
  return taken;
}

// Calls `visit` with each element of a list that has some.
template <typename Visit>
void ForEachElement(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::string_view element = Trimmed(TakeUntil(",", list));
    if (!element.empty()) visit(element);
  }
}

// Says whether a weight, `q=0.5`, is none: RFC 9110, section 12.4.2.
bool IsZeroWeight(std::string_view parameter) {
  if (parameter.size() < 3 || !EqualsIgnoringCase(parameter.substr(0, 2), "q=")) return false;
  return parameter.find_first_not_of("0.", 2) == std::string_view::npos;
}

// The fields of one head, one after the other, and what they come to.
class HeadFields {
 public:
  // False: refusal() says why.
  bool Add(std::string_view line, size_t body_bytes_max);
  bool Finish(int minor_version, HttpRequest& request);

  HttpRefusal& refusal() { return refusal_; }

 private:
  bool Refuse(int status, std::string reason) {
    refusal_ = {status, std::move(reason)};
    return false;
  }
  bool AddContentLength(std::string_view value, size_t body_bytes_max);
  void AddAcceptEncoding(std::string_view value);

  HttpRefusal refusal_;
  int hosts_ = 0;
  std::optional<size_t> content_length_;
  std::optional<std::string_view> transfer_encoding_;
  std::optional<std::string_view> expect_;
  std::optional<bool> accepts_gzip_;  // by its name
  bool accepts_all_encodings_ = false;
  bool closes_ = false;
  bool keeps_ = false;
};

bool HeadFields::Add(std::string_view line, size_t body_bytes_max) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  // Neither a folded line nor a blank before the colon is a token.
  if (colon == std::string_view::npos || !IsToken(name)) {
    return Refuse(400, "a header field is not NAME: VALUE");
  }
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "host")) {
    if (++hosts_ > 1) return Refuse(400, "there is more than one Host");
    if (value.find_first_of(kBlanks) != std::string_view::npos) {
      return Refuse(400, "Host has a blank in it");
    }
  } else if (EqualsIgnoringCase(name, "content-length")) {
    return AddContentLength(value, body_bytes_max);
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    if (transfer_encoding_.has_value()) {
      return Refuse(400, "there is more than one Transfer-Encoding");
    }
    transfer_encoding_ = value;
  } else if (EqualsIgnoringCase(name, "connection")) {
    ForEachElement(value, [this](std::string_view option) {
      closes_ |= EqualsIgnoringCase(option, "close");
      keeps_ |= EqualsIgnoringCase(option, "keep-alive");
    });
  } else if (EqualsIgnoringCase(name, "accept-encoding")) {
    AddAcceptEncoding(value);
  } else if (EqualsIgnoringCase(name, "expect")) {
    expect_ = value;
  }
  return true;
}

bool HeadFields::AddContentLength(std::string_view value, size_t body_bytes_max) {
  if (content_length_.has_value()) return Refuse(400, "there is more than one Content-Length");
  if (value.empty() || !std::all_of(value.begin(), value.end(), IsDigit)) {
    return Refuse(400, "Content-Length is not a number");
  }
  uint64_t bytes = 0;
  const bool fits = absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &bytes);
  if (!fits || bytes > body_bytes_max) {
    return Refuse(413, absl::StrCat("the body has more than ", body_bytes_max,
                                    " bytes (--metrics_max_request_bytes)"));
  }
  content_length_ = bytes;
  return true;
}

void HeadFields::AddAcceptEncoding(std::string_view value) {
  ForEachElement(value, [this](std::string_view element) {
    const std::string_view coding = Trimmed(TakeUntil(";", element));
    const bool accepts = !IsZeroWeight(Trimmed(element));
    if (EqualsIgnoringCase(coding, "gzip") || EqualsIgnoringCase(coding, "x-gzip")) {
      accepts_gzip_ = accepts;
    } else if (coding == "*") {
      accepts_all_encodings_ = accepts;
    }
  });
}

bool HeadFields::Finish(int minor_version, HttpRequest& request) {
  const bool is_http_1_0 = minor_version == 0;
  if (hosts_ == 0 && !is_http_1_0) return Refuse(400, "there is no Host");
  if (transfer_encoding_.has_value()) {
    // Where two lengths may be read, a proxy before us may have read the other.
    if (is_http_1_0 || content_length_.has_value()) {
      return Refuse(400, "Transfer-Encoding does not go with HTTP/1.0 or Content-Length");
    }
    if (EqualsIgnoringCase(*transfer_encoding_, "chunked")) {
      return Refuse(411, "a body needs a Content-Length");
    }
    return Refuse(501, "the Transfer-Encoding is not known");
  }
  if (expect_.has_value() && !is_http_1_0) {
    if (!EqualsIgnoringCase(*expect_, "100-continue")) {
      return Refuse(417, "the Expect is not known");
    }
    request.awaits_continue = content_length_.value_or(0) > 0;
  }
  request.body_bytes = content_length_.value_or(0);
  request.keeps_connection = !closes_ && (!is_http_1_0 || keeps_);
  request.accepts_gzip = accepts_gzip_.value_or(accepts_all_encodings_);
  return true;
}

// Absent: the target has no form that goes with the method, RFC 9112, section 3.2.
std::optional<std::string_view> PathOf(std::string_view method, std::string_view target) {
  if (method == "CONNECT" || (method == "OPTIONS" && target == "*")) return std::string_view();
  if (target.find('#') != std::string_view::npos) return std::nullopt;
  if (target.front() != '/') {
    const std::string_view scheme = TakeUntil("://", target);
    if (!EqualsIgnoringCase(scheme, "http") && !EqualsIgnoringCase(scheme, "https")) {
      return std::nullopt;
    }
    const size_t authority_bytes = std::min(target.find_first_of("/?"), target.size());
    if (authority_bytes == 0) return std::nullopt;
    target.remove_prefix(authority_bytes);
  }
  const std::string_view path = TakeUntil("?", target);
  return path.empty() ? "/" : path;
}

}  // namespace

std::variant<HttpRequest, HttpRefusal> ParseHttpRequest(std::string_view head,
                                                        size_t body_bytes_max) {
  HttpRequest request;
  std::string_view line = TakeUntil(kLineEnd, head);
  request.method = TakeUntil(" ", line);
  const std::string_view target = TakeUntil(" ", line);
  const bool has_version = line.size() == 8 && line.substr(0, 5) == "HTTP/" && IsDigit(line[5]) &&
                           line[6] == '.' && IsDigit(line[7]);
  if (!IsToken(request.method) || target.empty() || !has_version) {
    return HttpRefusal{400, "the request line is not METHOD TARGET HTTP/1.1"};
  }
  if (line[5] != '1') return HttpRefusal{505, "this port speaks HTTP/1.0 and HTTP/1.1"};
  const int minor_version = line[7] - '0';
  const std::optional<std::string_view> path = PathOf(request.method, target);
  if (!path.has_value()) return HttpRefusal{400, "the target is neither a path nor a URL"};
  request.path = *path;
  HeadFields fields;
  while (!(line = TakeUntil(kLineEnd, head)).empty()) {
    if (!fields.Add(line, body_bytes_max)) return std::move(fields.refusal());
  }
  if (!fields.Finish(minor_version, request)) return std::move(fields.refusal());
  return request;
}

}  // namespace larder::server
