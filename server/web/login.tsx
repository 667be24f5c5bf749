/** Asks for a token, where nobody is let in without; or uses the link by which somebody has come. */
import { useEffect, useState } from "preact/hooks";
import { faultText } from "./dialog.tsx";
import { go, path } from "./route.ts";
import { login, logout, session } from "./session.ts";
import { TEXT } from "./text.ts";

const LINK = /^#(link_[\w-]+)$/;

export function Login() {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const enter = async (shown: { token: string } | { link: string }) => {
    setBusy(true);
    setError(undefined);
    try {
      await login(shown);
      if (path.value === "/login") go("/", { replace: true });
    } catch (fault) {
      setError(faultText(fault));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    const link = LINK.exec(location.hash)?.[1];
    if (link === undefined) return;
    // it is used up by this: it need not stay in the address
    history.replaceState(null, "", location.pathname);
    void enter({ link });
  }, []);
  return (
    <main class="login">
      <h1>{TEXT.product}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== "" && !busy) void enter({ token: token.trim() });
        }}
      >
        <label class="field">
          <span>{TEXT.login.token}</span>
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            placeholder="mon_…"
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        {error !== undefined && <div class="banner error" role="alert">{error}</div>}
        <button class="primary" type="submit" disabled={busy || token.trim() === ""}>
          {TEXT.login.enter}
        </button>
      </form>
      <p class="soft">{TEXT.login.where}</p>
      <pre>monitor token create --role admin --label me</pre>
    </main>
  );
}

/** Who is logged in, and the way out; nothing where nobody has to. */
export function Account() {
  const known = session.value;
  if (known?.mode !== "required" || known.who === null) return null;
  return (
    <>
      <span class="soft account" title={TEXT.login.role(known.role ?? "")}>
        <bdi>{known.who}</bdi>
      </span>
      <button type="button" class="plain" onClick={() => void logout()}>
        {TEXT.login.leave}
      </button>
    </>
  );
}
