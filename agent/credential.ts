/** What the agent shows the server with its reports. */
export interface Credential {
  /** Resolves as soon as there is something to show; false when `signal` was aborted before. */
  ready(signal: AbortSignal): Promise<boolean>;
  /** The header Authorization of a request; undefined: nothing is shown. */
  authorization(request: RequestFacts): string | undefined;
}

/** What is known of a request before it is sent. */
export interface RequestFacts {
  /** As it travels. */
  body: string | Uint8Array;
  /** By the server's clock, as far as it is known. */
  now_ms: number;
}

/** Shows this token, or nothing. */
export function bearer(token: string | undefined): Credential {
  return {
    ready: () => Promise.resolve(true),
    authorization: () => token === undefined ? undefined : `Bearer ${token}`,
  };
}
