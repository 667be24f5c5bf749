/** `/api/v1/channels`: where messages go and whether they arrive, and a test of one. */
import type { Hono } from "hono";
import type { ChannelAnswer, ChannelTestAnswer } from "../wire/channel.ts";

/** What these routes need of the notify step. */
export interface ChannelsRoute {
  channels(): Promise<ChannelAnswer[]>;
  /** Rejects with an error called NotFoundError when there is none of this name. */
  testChannel(name: string): Promise<ChannelTestAnswer>;
}

export function channelRoutes(app: Hono, route: ChannelsRoute): void {
  app.get("/api/v1/channels", async (c) => c.json({ channels: await route.channels() }));

  // how it went is the answer, also when it went wrong
  app.post(
    "/api/v1/channels/:name/test",
    async (c) => c.json(await route.testChannel(c.req.param("name"))),
  );
}
