/** Settings → Tokens: who may ask the server for what. A new token is shown once. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "./api.ts";
import { Ask, Choice, faultText, Field } from "./dialog.tsx";
import { AgentCommand, Command } from "./first_run.tsx";
import { agoText, NOTHING } from "./format.ts";
import { now_s } from "./live.ts";
import { may, type Role, session } from "./session.ts";
import { TEXT } from "./text.ts";

export interface Token {
  name: string;
  role: Role;
  hostname: string | null;
  label: string;
  created: number;
  created_by: string;
  expires: number | null;
  last_used: number | null;
  revoked: number | null;
}

type NewToken = Token & { token: string };

export function Tokens() {
  const [tokens, setTokens] = useState<Token[] | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [asked, setAsked] = useState<"new" | Token | undefined>(undefined);
  const is_admin = may("admin");
  const read = () => {
    request<{ tokens: Token[] }>("/api/v1/tokens?limit=1000").then(
      ({ tokens: found }) => {
        setTokens(found);
        setError(undefined);
      },
      (fault) => setError(fault instanceof ApiError ? fault.message : TEXT.errors.network),
    );
  };
  useEffect(() => {
    if (is_admin) read();
  }, [is_admin]);
  return (
    <>
      <div class="bar">
        <h2>{TEXT.tokens.title}</h2>
        <span class="space" />
        {is_admin && (
          <button type="button" onClick={() => setAsked("new")}>{TEXT.tokens.create}</button>
        )}
      </div>
      {session.value?.mode === "open" && <p class="soft">{TEXT.tokens.open}</p>}
      {!is_admin && <p class="soft">{TEXT.tokens.not_allowed}</p>}
      {error !== undefined && (
        <div class="banner error" role="alert">
          {error} <button type="button" onClick={read}>{TEXT.retry}</button>
        </div>
      )}
      {is_admin && tokens === undefined && error === undefined && (
        <div class="skeleton" style={{ height: "80px" }} />
      )}
      {tokens?.length === 0 && <p class="soft">{TEXT.tokens.none}</p>}
      {tokens !== undefined && tokens.length > 0 && (
        <TokenTable tokens={tokens} onRevoke={setAsked} />
      )}
      {asked === "new" && <CreateToken onMade={read} onClose={() => setAsked(undefined)} />}
      {asked !== undefined && asked !== "new" && (
        <Ask
          title={TEXT.tokens.revoke_title(asked.label)}
          action={TEXT.tokens.revoke}
          onSubmit={async () => {
            await request(`/api/v1/tokens/${encodeURIComponent(asked.name)}`, { method: "DELETE" });
            read();
          }}
          onClose={() => setAsked(undefined)}
        >
          <p>{TEXT.tokens.revoke_note}</p>
        </Ask>
      )}
    </>
  );
}

function TokenTable(
  { tokens, onRevoke }: { tokens: Token[]; onRevoke: (token: Token) => void },
) {
  const now = now_s.value;
  const heads = TEXT.tokens.heads;
  return (
    <table class="table scrolls" tabIndex={0}>
      <thead>
        <tr>{heads.map((text) => <th key={text}>{text}</th>)}</tr>
      </thead>
      <tbody>
        {tokens.map((token) => {
          const state = stateOf(token, now);
          return (
            <tr key={token.name}>
              <td>
                <bdi>{token.label}</bdi>
              </td>
              <td>{token.role}</td>
              <td>{token.hostname === null ? NOTHING : <bdi>{token.hostname}</bdi>}</td>
              <td>
                <code>{token.name}</code>
              </td>
              <td>
                {token.last_used === null ? TEXT.tokens.never : agoText(token.last_used, now)}
              </td>
              <td>{token.expires === null ? TEXT.tokens.never : agoText(token.expires, now)}</td>
              <td>
                {state === "valid"
                  ? (
                    <button
                      type="button"
                      aria-label={`${TEXT.tokens.revoke}: ${token.label}`}
                      onClick={() => onRevoke(token)}
                    >
                      {TEXT.tokens.revoke}
                    </button>
                  )
                  : TEXT.tokens.states[state]}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function stateOf(token: Token, now: number): "valid" | "revoked" | "expired" {
  if (token.revoked !== null) return "revoked";
  return token.expires !== null && token.expires <= now ? "expired" : "valid";
}

const ROLES = (["agent", "viewer", "operator", "admin"] as const).map(
  (role) => [role, TEXT.tokens.roles[role]] as const,
);
const LIVES = (["never", "1d", "30d", "365d"] as const).map(
  (life) => [life, TEXT.tokens.lives[life]] as const,
);

/** Asks for what a token is for, makes it, and shows it. */
function CreateToken({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [role, setRole] = useState<Role>("agent");
  const [label, setLabel] = useState("");
  const [hostname, setHostname] = useState("");
  const [life, setLife] = useState<"never" | "1d" | "30d" | "365d">("never");
  const [made, setMade] = useState<NewToken | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const make = async () => {
    try {
      const host = role === "agent" && hostname.trim() !== "" ? hostname.trim() : undefined;
      const expires_in = life === "never" ? undefined : life;
      const body = { role, label: label.trim(), hostname: host, expires_in };
      setMade(await request<NewToken>("/api/v1/tokens", { method: "POST", body }));
      onMade();
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  if (made !== undefined) {
    return (
      <Ask title={TEXT.tokens.made} onSubmit={() => Promise.resolve()} onClose={onClose}>
        <p>{TEXT.tokens.once}</p>
        <Command text={made.token} />
        {made.role === "agent" && <AgentCommand token={made.token} />}
      </Ask>
    );
  }
  return (
    <Ask title={TEXT.tokens.create} onSubmit={make} onClose={onClose}>
      <Choice name={TEXT.tokens.role} value={role} options={ROLES} onChange={setRole} />
      <Field
        name={TEXT.tokens.label}
        value={label}
        hint={TEXT.tokens.label_hint}
        onInput={setLabel}
      />
      {role === "agent" && (
        <Field
          name={TEXT.tokens.hostname}
          value={hostname}
          hint={TEXT.tokens.hostname_hint}
          onInput={setHostname}
        />
      )}
      <Choice name={TEXT.tokens.expires} value={life} options={LIVES} onChange={setLife} />
      {error !== undefined && <div class="banner error" role="alert">{error}</div>}
      <div class="bar">
        <button
          type="button"
          class="primary"
          disabled={label.trim() === ""}
          onClick={() => void make()}
        >
          {TEXT.tokens.make}
        </button>
      </div>
    </Ask>
  );
}
