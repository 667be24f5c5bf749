/** Answers about who asks: sessions, tokens, join codes, the audit log. Seconds since 1970. */
import { z } from "zod";

export const sessionSchema = z.object({
  mode: z.enum(["open", "required"]).describe("open: everybody may ask everything"),
  who: z.string().nullable(),
  role: z.string().nullable(),
});

export const tokenSchema = z.object({
  name: z.string(),
  role: z.enum(["agent", "viewer", "operator", "admin"]),
  hostname: z.string().nullable().describe("The only host it may send reports of"),
  label: z.string(),
  created: z.number(),
  created_by: z.string().nullable(),
  expires: z.number().nullable(),
  last_used: z.number().nullable(),
  revoked: z.number().nullable(),
});

export const newTokenSchema = tokenSchema.extend({
  token: z.string().describe("Its text, shown this once"),
});

export const tokensSchema = z.object({
  tokens: z.array(tokenSchema),
  next: z.number().nullable().describe("For the parameter after; null: this is the last page"),
});

export const joinCodeSchema = z.object({
  name: z.string(),
  hostname: z.string().nullable().describe("The only host that gets in by it; null: any new one"),
  uses: z.number(),
  uses_left: z.number(),
  created: z.number(),
  created_by: z.string(),
  expires: z.number(),
  revoked: z.number().nullable(),
});

export const newJoinCodeSchema = joinCodeSchema.extend({
  code: z.string().describe("Its text, shown this once"),
});

export const joinCodesSchema = z.object({
  join_codes: z.array(joinCodeSchema),
  next: z.number().nullable().describe("For the parameter after; null: this is the last page"),
});

export const joinedSchema = z.object({
  name: z.string().describe("Of the token"),
  hostname: z.string().describe("The only host it may send reports of"),
  token: z.string().optional().describe("Its text, where it was not sent; shown this once"),
});

export const auditSchema = z.object({
  entries: z.array(z.object({
    id: z.number(),
    at: z.number(),
    who: z.string(),
    token: z.string().nullable().describe("The token's name"),
    address: z.string().describe("Of the client"),
    action: z.string().describe("Method and path with its parameters' names"),
    target: z.string().describe("The path as it was asked for"),
    status: z.number(),
    detail: z.string().describe("What was sent, without secrets"),
  })),
  next: z.number().nullable().describe("For the parameter after; null: this is the last page"),
});
