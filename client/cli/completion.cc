#include "client/cli/completion.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"

namespace larder::cli {
namespace {

// Words are --flag or --flag= ; a flag of a listed type adds --flag=a, --flag=b.
void AppendFlags(const CLI::App& app, std::vector<std::string>& words) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string flag = absl::StrCat("--", name);
      if (option->get_items_expected_max() == 0) {
        words.push_back(flag);
        continue;
      }
      words.push_back(absl::StrCat(flag, "="));
      const std::string type = option->get_type_name();
      if (type.find('|') == std::string::npos) continue;
      for (const absl::string_view choice : absl::StrSplit(type, '|')) {
        // replicas:N is completed as far as it is fixed.
        const absl::string_view fixed = choice.substr(0, choice.find_last_not_of("N") + 1);
        words.push_back(absl::StrCat(flag, "=", fixed));
      }
    }
  }
}

bool TakesFile(const CLI::App& app) {
  const CLI::Option* const file = app.get_option_no_throw("FILE");
  return file != nullptr && file->get_positional();
}

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

constexpr char kScript[] = R"(# bash completion for larder; use: source <(larder completion bash)

# Offers the files that begin with $1, which is as it was typed. bash completes $2, the end of it.
_larder_files() {
  local begin="${1%"$2"}" end="$2" file
  if [[ "$2" == [=:] ]]; then begin="$1" end=""; fi
  begin="${begin//\\/}"
  end="${end#[\"\']}"
  compopt -o filenames 2>/dev/null
  while IFS= read -r file; do
    COMPREPLY+=( "${file#"$begin"}" )
  done < <(compgen -f -- "$begin${end//\\/}")
}

_larder() {
  local current="${COMP_WORDS[COMP_CWORD]}" command="" nested="" word i begin
  # bash parts words at = and :, so put the one at the cursor together again.
  local typed="$current" index=$COMP_CWORD
  while (( index > 1 )) &&
        [[ "${COMP_WORDS[index]}" == [=:] || "${COMP_WORDS[index-1]}" == [=:] ]]; do
    index=$((index - 1))
    typed="${COMP_WORDS[index]}$typed"
  done
  for (( i = 1; i < index; i++ )); do
    word="${COMP_WORDS[i]}"
    case "$command $word" in
@NESTED@) [[ -n "$nested" ]] || nested="$word" ;;
    esac
    case "$word" in
@CASES@
    esac
  done
  local words="@GLOBAL@"
  case "$command" in
    "") words="$words @SUBCOMMANDS@" ;;
@FLAGS@
  esac
  COMPREPLY=()
  if [[ "$typed" == --value_file=* || "$typed" == --tls_*_file=* ]]; then
    _larder_files "${typed#*=}" "$current"
    return
  fi
  if [[ "${COMP_WORDS[index-1]}" == --value_file || "${COMP_WORDS[index-1]}" == --tls_*_file ]]; then
    _larder_files "$typed" "$current"
    return
  fi
  if [[ "$typed" != -* ]]; then
    case "$command" in
      @FILE_COMMANDS@)
        _larder_files "$typed" "$current"
        return ;;
@VALUES@
    esac
  fi
  if [[ "$typed" != -* && -n "$command" ]]; then
    return
  fi
  for word in $words; do
    [[ "$word" == "$typed"* ]] || continue
    # --flag=choice only once the flag is there.
    [[ "$word" == *=?* && "$typed" != *=* ]] && continue
    [[ "$word" == *= && "$typed" == *= ]] && continue
    # Answer with what is after the last parting.
    begin="${typed%"$current"}"
    [[ "$current" == [=:] ]] && begin="$typed"
    COMPREPLY+=( "${word#"$begin"}" )
  done
  if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=:] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _larder larder
)";

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::vector<std::string> global;
  AppendFlags(app, global);
  std::vector<std::string> names;
  std::vector<std::string> files;
  std::string flags;
  std::string values;
  std::vector<std::string> nested_commands;
  for (const CLI::App* command : Subcommands(app)) {
    names.push_back(command->get_name());
    std::vector<std::string> words;
    AppendFlags(*command, words);
    absl::StrAppend(&flags, "    ", command->get_name(), ") words=\"$words ",
                    absl::StrJoin(words, " "), "\" ;;\n");
    if (TakesFile(*command)) files.push_back(command->get_name());
    std::vector<std::string> nested;
    for (const CLI::App* child : Subcommands(*command)) {
      nested.push_back(child->get_name());
      nested_commands.push_back(
          absl::StrCat("\"", command->get_name(), " ", child->get_name(), "\""));
    }
    if (nested.empty()) continue;
    absl::StrAppend(&values, "      ", command->get_name(),
                    ")\n        [[ -n \"$nested\" ]] || COMPREPLY=( $(compgen -W \"",
                    absl::StrJoin(nested, " "), "\" -- \"$typed\") )\n        return ;;\n");
  }
  const std::string cases = absl::StrCat("      ", absl::StrJoin(names, "|"),
                                         ") [[ -n \"$command\" ]] || command=\"$word\" ;;");
  return absl::StrReplaceAll(kScript, {{"@GLOBAL@", absl::StrJoin(global, " ")},
                                       {"@SUBCOMMANDS@", absl::StrJoin(names, " ")},
                                       {"@CASES@", cases},
                                       {"@NESTED@", absl::StrJoin(nested_commands, "|")},
                                       {"@FLAGS@\n", flags},
                                       {"@FILE_COMMANDS@", absl::StrJoin(files, "|")},
                                       {"@VALUES@\n", values}});
}

void AddCompletionCommand(CLI::App& app, Session& session) {
  CLI::App& completion =
      *app.add_subcommand("completion", "Print a script for a shell's completion");
  completion.require_subcommand(1);
  CLI::App& bash = *completion.add_subcommand("bash", "For bash");
  bash.callback([&app, &session] {
    session.command = [&app, &session] {
      session.out().Write(BashCompletion(app));
      return kExitOk;
    };
  });
  completion.footer("Example: source <(larder completion bash)");
}

}  // namespace larder::cli
