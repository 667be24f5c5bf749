/**
 * Second stage: looks at groups whose time has come. silence → group → dedup, all of them pure
 * (silence.ts, group.ts, dedup.ts); what comes out is written in one transaction: what the group is
 * now, and the message if there is one. From then on the message exists, whoever dies.
 */
import type { TransactionSql } from "../../db/connect.ts";
import { selectDowntimes } from "../../db/downtimes.ts";
import {
  deleteGroup,
  type GroupRow,
  holdDueGroups,
  insertHeldEvents,
  type MemberRow,
  saveGroup,
  selectMembers,
  updateMembers,
} from "../../db/notification_groups.ts";
import { insertNotification } from "../../db/notifications.ts";
import { selectHostsInStory, selectParents, selectSilences } from "../../db/silences.ts";
import { transaction } from "../../db/transaction.ts";
import { afterDecision, asOf, type GroupState, groupStateSchema, look } from "./group.ts";
import { type MemberIncident, notificationOf } from "./notification.ts";
import type { Route } from "./route.ts";
import type { Telling } from "./setup.ts";
import { heldBy, type SilenceContext } from "./silence.ts";

/** Held at once; the more, the fewer commits, and the longer others wait for one of them. */
const GROUPS_MAX = 50;

/** What could hold back a message, read once for all groups of a round. */
async function readContext({ sql, clock }: Telling): Promise<SilenceContext> {
  const now_ms = clock.now();
  const [downtimes, silences, pairs, silent] = await Promise.all([
    selectDowntimes(sql, now_ms),
    selectSilences(sql, now_ms),
    selectParents(sql),
    selectHostsInStory(sql, "host_silent"),
  ]);
  const parents = Map.groupBy(pairs, ({ host_id }) => host_id);
  return {
    now_ms,
    downtimes,
    silences,
    parents: new Map(
      [...parents].map(([host_id, rows]) => [host_id, rows.map(({ parent_id }) => parent_id)]),
    ),
    silent_hosts: new Set(silent),
  };
}

/** Every member with what holds it back. */
function withHeld(
  rows: readonly MemberRow[],
  route: Route,
  context: SilenceContext,
): MemberIncident[] {
  return rows.map((row) => ({ ...row, held: heldBy(row, route, context) }));
}

/** What is to be written about members held back or not any more, and the state that remembers it. */
function heldNews(state: GroupState, members: readonly MemberIncident[]) {
  const held: Record<string, string> = {};
  const events = members.flatMap(({ id, host_id, held: reason, resolved_ms }) => {
    const before = state.held[id];
    if (reason !== undefined) held[id] = reason.text;
    if (reason?.text === before || resolved_ms !== null) return [];
    const detail = reason === undefined ? null : { kind: reason.kind, id: reason.id };
    return [{ host_id, incident_id: id, text: reason?.text ?? null, detail }];
  });
  return { held, events };
}

interface Judged {
  group: GroupRow;
  state: GroupState;
  route: Route;
  rows: readonly MemberRow[];
}

async function judge(
  tx: TransactionSql,
  { group, state, route, rows }: Judged,
  { telling, context }: { telling: Telling; context: SilenceContext },
): Promise<boolean> {
  const { now_ms } = context;
  const target = telling.channels.get(state.channel);
  const members = withHeld(rows, route, context);
  const { held, events } = heldNews(state, members);
  const found = look({ ...state, held }, members, {
    now_ms,
    repeat_interval_ms: route.repeat_interval,
    send_resolved: target?.channel.send_resolved ?? true,
  });
  await insertHeldEvents(tx, events, now_ms);
  if (found.finished) {
    await deleteGroup(tx, group.key);
    return false;
  }
  const { decision, looked, leaving, due_ms } = found;
  await updateMembers(tx, { group_key: group.key, looked, leaving }, now_ms);
  if (decision === "none" || decision === "forget") {
    const after = { ...state, held, told: found.told };
    await saveGroup(tx, { key: group.key, state: after, due_ms }, now_ms);
    return false;
  }
  const payload = notificationOf(state, found, {
    group_key: group.key,
    labels: group.labels,
    reason: decision,
    page_url: telling.page_url,
    now_ms,
  });
  const incident_ids = [...found.firing, ...found.resolved].map(({ id }) => id);
  const message = { key: payload.key, group_key: group.key, channel_id: target?.id ?? 0 };
  await insertNotification(tx, { ...message, reason: decision, payload, incident_ids }, now_ms);
  const after = afterDecision({ ...state, held }, found, payload.key);
  await saveGroup(tx, { key: group.key, state: after, due_ms: null }, now_ms);
  return true;
}

/** Looks at due groups; how many there were. */
export async function judgeGroups(telling: Telling): Promise<number> {
  const { sql, clock, log, known, onStep } = telling;
  const context = await readContext(telling);
  const looked = await transaction(sql, async (tx) => {
    const now_ms = clock.now();
    const groups = await holdDueGroups(tx, { now_ms, limit: GROUPS_MAX, known });
    if (groups.length === 0) return 0;
    const rows = await selectMembers(tx, groups.map(({ key }) => key));
    const by_group = Map.groupBy(rows, ({ group_key }) => group_key);
    let messages = 0;
    for (const group of groups) {
      const state = asOf(groupStateSchema.parse(group.state), now_ms);
      const route = telling.routes.find(({ id }) => id === group.route_id);
      // a message on its way decides for itself when the group is looked at next
      if (route === undefined || state.outstanding !== null) {
        await saveGroup(tx, { key: group.key, state, due_ms: null }, now_ms);
        continue;
      }
      const judged = { group, state, route, rows: by_group.get(group.key) ?? [] };
      if (await judge(tx, judged, { telling, context: { ...context, now_ms } })) messages++;
    }
    log.debug("groups looked at", { groups: groups.length, messages });
    return groups.length;
  });
  if (looked > 0) onStep("decided");
  return looked;
}
