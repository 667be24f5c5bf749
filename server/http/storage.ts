/** `GET /api/v1/storage?hosts=10`: what the data weighs, and when the disk is full. */
import { z } from "zod";
import type { StorageReport } from "../query/storage.ts";
import { type StorageAnswer, storageSchema } from "../wire/storage.ts";
import { ParameterError } from "./fetch.ts";
import type { Routes } from "./routes.ts";

/** What this route needs of the query step. */
export interface StorageRoute {
  storage(options: { hosts_max: number }): Promise<StorageReport>;
}

const HOSTS_DEFAULT = 10;
const HOSTS_MAX = 100_000;

const hostsSchema = z.coerce.number().int().min(0).max(HOSTS_MAX).default(HOSTS_DEFAULT);

function seconds(at_ms: number | null): number | null {
  return at_ms === null ? null : at_ms / 1000;
}

function answerOf({ at_ms, tiers, ...report }: StorageReport): StorageAnswer {
  return {
    at: at_ms / 1000,
    ...report,
    tiers: tiers.map(({ oldest_ms, newest_ms, ...tier }) => ({
      ...tier,
      oldest: seconds(oldest_ms),
      newest: seconds(newest_ms),
    })),
  };
}

export function storageRoutes(routes: Routes, route: StorageRoute): void {
  routes.get(
    "/api/v1/storage",
    {
      access: "viewer",
      summary: "What the data weighs",
      query: z.object({ hosts: hostsSchema }),
      answer: storageSchema,
    },
    async (c) => {
      const parsed = hostsSchema.safeParse(c.req.query("hosts") || undefined);
      if (!parsed.success) {
        throw new ParameterError(
          `Cannot read the parameters: hosts must be a whole number from 0 to ${HOSTS_MAX}`,
        );
      }
      return c.json(answerOf(await route.storage({ hosts_max: parsed.data })));
    },
  );
}
