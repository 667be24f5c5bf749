/**
 * Completion scripts, made from the tree of commands: they cannot know less than the program does.
 * Each script is a plain list; completing asks nothing of the program and costs no start of it.
 */

/** What of a commander command is needed here. */
export interface CommandNode {
  name(): string;
  description(): string;
  readonly commands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
}

interface OptionNode {
  readonly long?: string | null;
  readonly short?: string | null;
  readonly description: string;
  /** It takes a value. */
  readonly required: boolean;
  readonly argChoices?: readonly string[] | undefined;
  readonly flags: string;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = typeof SHELLS[number];

/** `<file>` and `<dir>` are completed with names of files and directories. */
function valueKind(option: OptionNode): "none" | "file" | "dir" | "choice" | "any" {
  if (!option.required) return "none";
  if (option.argChoices !== undefined) return "choice";
  if (/<file>/.test(option.flags)) return "file";
  return /<dir>/.test(option.flags) ? "dir" : "any";
}

function longOptions(command: CommandNode): OptionNode[] {
  return command.options.filter((option) => option.long);
}

/** Inside single quotes of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

interface Place {
  /** What is typed to get there: `script run`. */
  path: string;
  command: CommandNode;
}

/** Commands and their own commands; there are no deeper ones. */
function places(program: CommandNode): Place[] {
  return program.commands.flatMap((command) => [
    { path: command.name(), command },
    ...command.commands.map((child) => ({
      path: `${command.name()} ${child.name()}`,
      command: child,
    })),
  ]);
}

function bashValues({ path, command }: Place): string[] {
  return longOptions(command).flatMap((option) => {
    const words = (option.argChoices ?? []).join(" ");
    const action = {
      none: undefined,
      any: "COMPREPLY=()",
      file: 'COMPREPLY=($(compgen -f -- "$word"))',
      dir: 'COMPREPLY=($(compgen -d -- "$word"))',
      choice: `COMPREPLY=($(compgen -W ${quoted(words)} -- "$word"))`,
    }[valueKind(option)];
    return action === undefined
      ? []
      : [`    ${quoted(`${path} ${option.long}`)}) ${action}; return ;;`];
  });
}

function bash(program: CommandNode): string {
  const commands = program.commands;
  const names = commands.map((command) => command.name()).join(" ");
  const all = places(program);
  const deeper = all.map(({ path }) => path).filter((path) => path.includes(" "));
  const words = all.map(({ path, command }) => {
    const options = [...longOptions(command).map((option) => option.long), "--help"];
    const own = [...command.commands.map((child) => child.name()), ...options].join(" ");
    return `    ${quoted(path)}) words=${quoted(own)} ;;`;
  });
  return `# bash completion of monitor. Load it with:  source <(monitor completion bash)
_monitor() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(`${names} --help --version`)} -- "$word"))
    return
  fi
  local at=\${COMP_WORDS[1]}
  if [ "$COMP_CWORD" -gt 2 ]; then
    case "$at \${COMP_WORDS[2]}" in
      ${deeper.map(quoted).join("|") || "''"}) at="$at \${COMP_WORDS[2]}" ;;
    esac
  fi
  case "$at $before" in
${all.flatMap(bashValues).join("\n")}
  esac
  case "$at" in
${words.join("\n")}
    *) words= ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _monitor monitor
`;
}

/** Inside a zsh completion spec, where brackets and colons have a meaning. */
function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function zshOption(option: OptionNode): string {
  const value = {
    none: "",
    any: ":value: ",
    file: ":file:_files",
    dir: ":directory:_files -/",
    choice: `:value:(${(option.argChoices ?? []).join(" ")})`,
  }[valueKind(option)];
  return quoted(`${option.long}[${zshText(option.description)}]${value}`);
}

function zshWords(command: CommandNode): string {
  const children = command.commands;
  const specs = [
    ...longOptions(command).map(zshOption),
    quoted("--help[show the help]"),
    ...(children.length === 0
      ? [quoted("*::value: ")]
      : [quoted(`1:command:(${children.map((child) => child.name()).join(" ")})`)]),
  ];
  const own = `_arguments ${specs.join(" \\\n      ")}`;
  if (children.length === 0) return own;
  const cases = children.map((child) => `      ${child.name()}) ${zshWords(child)} ;;`);
  return `if (( CURRENT == 2 )); then ${own}
    else
      local child=$words[2]
      shift words
      (( CURRENT-- ))
      case $child in
${cases.join("\n")}
      esac
    fi`;
}

function zsh(program: CommandNode): string {
  const names = program.commands.map((command) =>
    `    ${quoted(`${command.name()}:${zshText(command.description())}`)}`
  );
  const cases = program.commands.map((command) => `    ${command.name()}) ${zshWords(command)} ;;`);
  return `#compdef monitor
# zsh completion of monitor. Load it with:  source <(monitor completion zsh)
_monitor() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
compdef _monitor monitor
`;
}

/** fish escapes only backslash and quote inside single quotes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fish(program: CommandNode): string {
  const lines = places(program).flatMap(({ path, command }) => {
    const inside = path.split(" ").map((name) => `__fish_seen_subcommand_from ${name}`)
      .join("; and ");
    const options = longOptions(command).map((option) => {
      const value = {
        none: "",
        any: " -x",
        file: " -r -F",
        dir: ` -x -a ${fishQuoted("(__fish_complete_directories)")}`,
        choice: ` -x -a ${fishQuoted((option.argChoices ?? []).join(" "))}`,
      }[valueKind(option)];
      const name = option.long?.slice(2) ?? "";
      return `complete -c monitor -n ${fishQuoted(inside)} -l ${name}${value} -d ${
        fishQuoted(option.description)
      }`;
    });
    const children = command.commands.map((child) =>
      `complete -c monitor -n ${fishQuoted(inside)} -a ${child.name()} -d ${
        fishQuoted(child.description())
      }`
    );
    const own = `complete -c monitor -n __fish_use_subcommand -a ${command.name()} -d ${
      fishQuoted(command.description())
    }`;
    return [...path.includes(" ") ? [] : [own], ...options, ...children];
  });
  return `# fish completion of monitor. Load it with:  monitor completion fish | source
complete -c monitor -f
${lines.join("\n")}
`;
}

/** The script that teaches `shell` the commands and options of `program`. */
export function completionScript(shell: Shell, program: CommandNode): string {
  return { bash, zsh, fish }[shell](program);
}
