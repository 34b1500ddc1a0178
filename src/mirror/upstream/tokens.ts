import { UpstreamError } from './upstream-error.ts';
import { createSingleFlight } from '../../coordination/single-flight.ts';

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970: when to fetch another, before this one ends. */
  readonly refreshAt: number;
}

/** Bearer tokens by their purpose. Each is fetched by one request for all its users. */
export interface Tokens {
  /** The token of `key`, fetched where there is none that lives long enough. */
  get(key: string, fetch: () => Promise<Token>): Promise<string>;
  /** The token of `key`, if there is one that lives long enough. */
  kept(key: string): string | undefined;
  /** A token that is not accepted is not given again. */
  forget(key: string, value: string): void;
}

const maxTokens = 10_000;

export function createTokens(now: () => number): Tokens {
  const kept = new Map<string, Token>();
  const flights = createSingleFlight<Token>();

  function makeRoom(): void {
    for (const [key, token] of kept) if (token.refreshAt <= now()) kept.delete(key);
    if (kept.size >= maxTokens) kept.clear();
  }

  function live(key: string): string | undefined {
    const token = kept.get(key);
    return token && token.refreshAt > now() ? token.value : undefined;
  }

  return {
    kept: live,
    async get(key, fetch) {
      const token = live(key);
      if (token !== undefined) return token;
      const fetched = await flights.run(key, fetch);
      if (kept.size >= maxTokens) makeRoom();
      kept.set(key, fetched);
      return fetched.value;
    },
    forget(key, value) {
      if (kept.get(key)?.value === value) kept.delete(key);
    },
  };
}

/** Docker's own clients take a shorter life for this one. */
const shortestLifeSeconds = 60;

/** Reads a token server's answer. Throws `failed`. */
export function parseToken(body: Buffer, now: number): Token {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(body.toString()) as typeof fields;
  } catch (error) {
    throw new UpstreamError('failed', 'the token server sent no JSON', { cause: error });
  }
  const value = fields['token'] ?? fields['access_token'];
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    throw new UpstreamError('failed', 'the token server sent no token');
  const life = Math.max(Number(fields['expires_in'] ?? 0) || 0, shortestLifeSeconds);
  return { value, refreshAt: now + life * 1000 * 0.8 };
}
