/** Where an installed monitor has its files: what `monitor install`, the packages and the units agree on. */

/** The program, when it is not in a directory of programs already. */
export const PROGRAM_PATH = "/usr/local/bin/monitor";
export const CONFIG_FOLDER = "/etc/monitor";
/** Where an installed agent looks for collectors of its users. */
export const COLLECTOR_FOLDER = `${CONFIG_FOLDER}/metrics`;
export const UNIT_FOLDER = "/etc/systemd/system";

export type ServiceName = "server" | "agent";

export interface Service {
  /** Of systemd, without the ending. */
  unit: string;
  /** As whom it runs; made when missing. */
  user: string;
  /** Its settings. */
  config: string;
  /** Where it may write. */
  state: string;
}

/** Two users: the agent runs scripts of others, and must not be able to read the database's files. */
export const SERVICES: Readonly<Record<ServiceName, Service>> = {
  server: {
    unit: "monitor-server",
    user: "monitor",
    config: `${CONFIG_FOLDER}/server_config.json`,
    state: "/var/lib/monitor",
  },
  agent: {
    unit: "monitor-agent",
    user: "monitor-agent",
    config: `${CONFIG_FOLDER}/agent.json`,
    state: "/var/lib/monitor-agent",
  },
};
