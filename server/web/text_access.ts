/** Sentences about who may do what. */

export const LOGIN_TEXT = {
  token: "Your token",
  enter: "Log in",
  leave: "Log out",
  where: "Who runs the server makes tokens there:",
  role: (role: string) => `Logged in with role ${role}`,
};

export const TOKENS_TEXT = {
  title: "Tokens",
  open: "This server is open: everybody on its own machine may do everything, without a token. " +
    "Tokens are asked for when access.mode is required.",
  not_allowed: "Tokens are shown to admins.",
  none: "No token was made yet.",
  create: "New token",
  make: "Make it",
  made: "The new token",
  once: "Copy it now: it is not shown again.",
  agent: "On the machine that is to be watched:",
  revoke: "Take back",
  revoke_title: (label: string) => `Take back the token of ${label}?`,
  revoke_note: "Whoever uses it is let in no longer, seconds from now. It cannot be undone.",
  heads: ["Whose", "Role", "Host", "Begins with", "Last used", "Ends", "State"],
  never: "never",
  states: { valid: "valid", revoked: "taken back", expired: "expired" },
  role: "What it allows",
  roles: {
    agent: "agent: sends reports, sees nothing",
    viewer: "viewer: sees everything",
    operator: "operator: also acknowledges, silences, edits",
    admin: "admin: everything, tokens too",
  },
  label: "Whose it is, or what for",
  label_hint: "web-1, Ada, wall screen",
  hostname: "Only for this host",
  hostname_hint: "empty: any host",
  expires: "Ends",
  lives: { never: "never", "1d": "in a day", "30d": "in 30 days", "365d": "in a year" },
};
