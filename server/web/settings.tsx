/** What the data weighs, when the disk is full, and what this program is. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "./api.ts";
import { agoText, countText, NOTHING, valueText } from "./format.ts";
import { now_s } from "./live.ts";
import { ServerHealth } from "./server_health.tsx";
import { TEXT } from "./text.ts";
import { Tokens } from "./tokens.tsx";

interface Tier {
  name: string;
  bytes: number;
  samples: number;
  oldest: number | null;
  retention_days: number | null;
  growth_bytes_per_day: number | null;
}

interface Storage {
  database_bytes: number;
  disk: { free_bytes: number; size_bytes: number } | null;
  tiers: Tier[];
  hosts: { hostname: string; samples: number; bytes: number }[];
  forecast: { full_in_days: number | null } | null;
}

export function Settings() {
  const [storage, setStorage] = useState<Storage | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const read = () => {
    request<Storage>("/api/v1/storage?hosts=10").then(
      (answer) => {
        setStorage(answer);
        setError(undefined);
      },
      (fault) => setError(fault instanceof ApiError ? fault.message : TEXT.errors.network),
    );
  };
  useEffect(read, []);
  const version = document.querySelector<HTMLMetaElement>('meta[name="monitor-version"]')?.content;
  return (
    <>
      <div class="bar">
        <h1>{TEXT.pages.settings}</h1>
      </div>
      <h2>{TEXT.settings.storage}</h2>
      {error !== undefined && (
        <div class="banner error" role="alert">
          {error} <button type="button" onClick={read}>{TEXT.retry}</button>
        </div>
      )}
      {storage === undefined
        ? error === undefined && <div class="skeleton" style={{ height: "160px" }} />
        : <StorageTable storage={storage} />}
      <ServerHealth />
      <Tokens />
      <h2>{TEXT.settings.about}</h2>
      <p>{TEXT.settings.version(version ?? "")}</p>
      <p class="soft">{TEXT.settings.licence}</p>
      <p>
        <a href="/api">{TEXT.settings.api}</a>
      </p>
    </>
  );
}

function StorageTable({ storage }: { storage: Storage }) {
  const { disk, forecast } = storage;
  const now = now_s.value;
  const days = forecast?.full_in_days ?? null;
  return (
    <>
      <table class="table scrolls" tabIndex={0}>
        <thead>
          <tr>
            <th>{TEXT.settings.tier}</th>
            {[
              TEXT.settings.size,
              TEXT.settings.samples,
              TEXT.settings.per_sample,
              TEXT.settings.oldest,
              TEXT.settings.kept,
              TEXT.settings.growth,
            ].map((text) => <th key={text} class="number">{text}</th>)}
          </tr>
        </thead>
        <tbody>
          {storage.tiers.map((tier) => <TierRow key={tier.name} tier={tier} now={now} />)}
        </tbody>
      </table>
      <p />
      {disk !== null && (
        <p>
          {TEXT.settings.disk(valueText(disk.free_bytes, "B"), valueText(disk.size_bytes, "B"))}
          {" "}
          {forecast === null
            ? ""
            : days === null
            ? TEXT.settings.not_full
            : TEXT.settings.full(agoText(now + days * 86_400, now))}
        </p>
      )}
      <h2>{TEXT.settings.largest}</h2>
      <table class="table scrolls" tabIndex={0}>
        <thead>
          <tr>
            <th>{TEXT.settings.host}</th>
            <th class="number">{TEXT.settings.samples}</th>
            <th class="number">{TEXT.settings.size}</th>
          </tr>
        </thead>
        <tbody>
          {storage.hosts.map(({ hostname, samples, bytes }) => (
            <tr key={hostname}>
              <td>
                <bdi>{hostname}</bdi>
              </td>
              <td class="number">{countText(samples)}</td>
              <td class="number">{valueText(bytes, "B")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function TierRow({ tier, now }: { tier: Tier; now: number }) {
  return (
    <tr>
      <td>{tier.name}</td>
      <td class="number">{valueText(tier.bytes, "B")}</td>
      <td class="number">{countText(tier.samples)}</td>
      <td class="number">
        {tier.samples === 0 ? NOTHING : valueText(tier.bytes / tier.samples, null)}
      </td>
      <td class="number">{tier.oldest === null ? NOTHING : agoText(tier.oldest, now)}</td>
      <td class="number">
        {tier.name === "hot"
          ? NOTHING
          : tier.retention_days === null
          ? TEXT.settings.for_ever
          : TEXT.settings.days(tier.retention_days)}
      </td>
      <td class="number">{valueText(tier.growth_bytes_per_day, "B")}</td>
    </tr>
  );
}
