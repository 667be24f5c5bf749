/** The parts of a page that make a promise: commands, configurations, collectors. */
import { listFiles, readSource } from "../support/modules.ts";

export interface Block {
  /** Path of the page, from the top of the repository. */
  page: string;
  /** What stands behind the fence: sh, ts, json … */
  language: string;
  text: string;
  /** Of the first line of `text`, from 1. */
  line: number;
}

export interface ShellCommand {
  /** As it stands on the page; lines that belong together are one. */
  text: string;
  /** "docs/install.md:12", for messages. */
  place: string;
}

/** README.md and every page of docs/. */
export function pages(): string[] {
  return ["README.md", ...listFiles(".md", "docs/")];
}

const FENCED = /^( *)```(\w*)[^\n]*\n(.*?)^\1```$/gms;

export function blocksOf(page: string, text = readSource(page)): Block[] {
  return [...text.matchAll(FENCED)].map(({ index, 2: language = "", 3: inside = "" }) => ({
    page,
    language,
    text: inside,
    line: text.slice(0, index).split("\n").length + 1,
  }));
}

/** Goes on in the next line: a backslash at the end, or a quote that is still open. */
function isOpen(text: string): boolean {
  const bare = text.replaceAll(/\\./gs, "");
  const quotes = bare.replaceAll(/'[^']*'|"[^"]*"/gs, "");
  return text.endsWith("\\") || /['"]/.test(quotes);
}

/** The commands of a block of shell, one after the other; comments and empty lines are none. */
export function commandsOf(block: Block): ShellCommand[] {
  const commands: ShellCommand[] = [];
  let open = "";
  for (const [index, line] of block.text.trimEnd().split("\n").entries()) {
    const text = open + line.trim();
    if (isOpen(text)) {
      open = `${text}\n`;
      continue;
    }
    open = "";
    if (text === "" || text.startsWith("#")) continue;
    commands.push({ text, place: `${block.page}:${block.line + index}` });
  }
  if (open !== "") throw new Error(`${block.page}:${block.line}: a command has no end: ${open}`);
  return commands;
}

/** `monitor …` and `deno task …` as they are named inside sentences. */
export function inlineCommands(page: string): ShellCommand[] {
  const text = readSource(page).replaceAll(FENCED, (block) => block.replaceAll(/[^\n]/g, ""));
  return [...text.matchAll(/`((?:monitor|deno task) [^`]+)`/g)].map(({ index, 1: code = "" }) => ({
    text: code.replaceAll(/\s+/g, " "),
    place: `${page}:${text.slice(0, index).split("\n").length}`,
  }));
}
