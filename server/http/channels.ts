/** `/api/v1/channels`: where messages go and whether they arrive, and a test of one. */
import {
  type ChannelAnswer,
  channelsSchema,
  type ChannelTestAnswer,
  channelTestSchema,
} from "../wire/channel.ts";
import type { Routes } from "./routes.ts";

/** What these routes need of the notify step. */
export interface ChannelsRoute {
  channels(): Promise<ChannelAnswer[]>;
  /** Rejects with an error called NotFoundError when there is none of this name. */
  testChannel(name: string): Promise<ChannelTestAnswer>;
}

export function channelRoutes(routes: Routes, route: ChannelsRoute): void {
  routes.get("/api/v1/channels", {
    access: "viewer",
    summary: "Where messages go, and whether they arrive",
    answer: channelsSchema,
  }, async (c) => c.json({ channels: await route.channels() }));

  // how it went is the answer, also when it went wrong
  routes.post(
    "/api/v1/channels/:name/test",
    { access: "operator", summary: "Sends a test message by a channel", answer: channelTestSchema },
    async (c) => c.json(await route.testChannel(c.req.param("name"))),
  );
}
