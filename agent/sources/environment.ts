/**
 * The environment that programs get: where programs are, who is asking, and texts in English with a
 * decimal point. Everything else of the agent's own, which may hold its token, is given by name only.
 */

/** Taken over from the agent when they are set. */
const TAKEN_OVER = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ"];
const WINDOWS_TAKEN_OVER = ["SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP", "USERPROFILE"];
const DEFAULTS: Record<string, string> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
};

/** The environment for `entries`: `NAME` takes a variable over, `NAME=value` sets it. */
export function childEnvironment(
  entries: readonly string[],
  options: {
    own?: (name: string) => string | undefined;
    /** Another one than the agent's: the home is theirs. */
    user?: { name: string; home: string };
  } = {},
): Record<string, string> {
  const { own = (name: string) => Deno.env.get(name), user } = options;
  const env = { ...DEFAULTS };
  const take = (name: string) => {
    const value = own(name);
    if (value !== undefined) env[name] = value;
  };
  for (const name of TAKEN_OVER) take(name);
  if (Deno.build.os === "windows") { for (const name of WINDOWS_TAKEN_OVER) take(name); }
  if (user !== undefined) {
    Object.assign(env, { HOME: user.home, USER: user.name, LOGNAME: user.name });
  }
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    if (equals === -1) take(entry);
    else env[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return env;
}
