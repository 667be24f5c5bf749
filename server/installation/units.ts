/**
 * The systemd units of server and agent. They are allowed what they need and nothing else; what is
 * left out is left out for a reason:
 *
 *   MemoryDenyWriteExecute  V8 writes the machine code it runs
 *   PrivateNetwork          both talk to others
 *   ProtectProc             the agent counts others' processes
 *   ProtectHome=yes         the agent tells how full /home is: it may look, not write
 */
import { COLLECTOR_FOLDER, type ServiceName, SERVICES } from "./place.ts";

export interface UnitOptions {
  /** The executable, as an absolute path. */
  program: string;
}

/** What both are held to. */
const HARDENING = [
  "NoNewPrivileges=yes",
  "CapabilityBoundingSet=",
  "AmbientCapabilities=",
  "ProtectSystem=strict",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "SystemCallErrorNumber=EPERM",
  "KeyringMode=private",
  "UMask=0077",
];

const SYSTEM_CALLS: Readonly<Record<ServiceName, string[]>> = {
  server: ["SystemCallFilter=@system-service"],
  // it holds collectors by Landlock, which is not in every version's list of ordinary calls
  agent: [
    "SystemCallFilter=@system-service",
    "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
  ],
};

const OWN: Readonly<Record<ServiceName, string[]>> = {
  server: ["ProtectHome=yes", "ProtectProc=invisible", "ProcSubset=all", "LimitNOFILE=65536"],
  agent: ["ProtectHome=read-only", "LimitNOFILE=8192"],
};

const DESCRIPTIONS: Readonly<Record<ServiceName, string>> = {
  server: "monitor server: takes, keeps and shows metrics",
  agent: "monitor agent: reports this machine",
};

/** A path as a word of `ExecStart`. */
function word(path: string): string {
  const escaped = path.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\]/.test(path) ? `"${escaped.replaceAll(/["\\]/g, "\\$&")}"` : escaped;
}

/** The text of a unit. */
export function unitText(name: ServiceName, { program }: UnitOptions): string {
  const { user, config, state } = SERVICES[name];
  const command = name === "server" ? "serve" : "agent";
  const is_server = name === "server";
  const lines = [
    "# Written by monitor install; changes belong into a drop-in: systemctl edit " +
    SERVICES[name].unit,
    "[Unit]",
    `Description=${DESCRIPTIONS[name]}`,
    "After=network-online.target",
    "Wants=network-online.target",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${word(program)} ${command} --config ${word(config)}`,
    "ExecReload=kill -HUP $MAINPID",
    `User=${user}`,
    `Group=${user}`,
    `WorkingDirectory=${state}`,
    `StateDirectory=${state.replace("/var/lib/", "")}`,
    // files of the database, or of what has not been sent yet
    "StateDirectoryMode=0700",
    "Restart=on-failure",
    "RestartSec=5",
    // wrong settings do not become right by trying again
    "RestartPreventExitStatus=2",
    // the program stops its PostgreSQL and its collectors itself, in order
    "KillMode=mixed",
    `TimeoutStopSec=${is_server ? 120 : 30}`,
    ...(is_server ? [] : ["Nice=5"]),
    "",
    ...OWN[name],
    ...HARDENING,
    ...SYSTEM_CALLS[name],
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return `${lines.join("\n")}\n`;
}

/** The settings a service begins with. */
export function firstConfig(
  name: ServiceName,
  options: { host?: string; port?: number; server?: string },
): string {
  const { host, port, server } = options;
  const webapp = {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  };
  const settings = name === "server"
    ? {
      data_dir: SERVICES.server.state,
      // whoever names an address wants others to come in
      ...(host === undefined ? {} : { access: { mode: "required" } }),
      ...(Object.keys(webapp).length === 0 ? {} : { webapp }),
    }
    : {
      ...(server === undefined ? {} : { server }),
      data_dir: SERVICES.agent.state,
      metrics: [COLLECTOR_FOLDER],
    };
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}
