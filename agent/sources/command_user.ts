/** As whom a command runs when the agent is root: a user of the machine, by name. */

export interface CommandUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** The entry of a user in the text of /etc/passwd. */
export function readUser(passwd: string, name: string): CommandUser | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid = "", gid = "", , home = ""] = line.split(":");
    if (user !== name || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue;
    return { name, uid: Number(uid), gid: Number(gid), home };
  }
  return undefined;
}

/** Looks the user up. Only root may become somebody else. */
export async function findUser(name: string): Promise<CommandUser | { fault: string }> {
  if (Deno.uid() !== 0) {
    return { fault: `cannot be run as user "${name}": the agent is not root; leave out user` };
  }
  const passwd = await Deno.readTextFile("/etc/passwd").catch(() => "");
  return readUser(passwd, name) ??
    { fault: `cannot be run as user "${name}": there is no such user in /etc/passwd` };
}
