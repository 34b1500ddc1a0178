import { LRUCache } from 'lru-cache';
import { UpstreamError } from './upstream-error.ts';

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970: when to fetch another, before this one ends. */
  readonly refreshAt: number;
}

/** Bearer tokens by their purpose. Each is fetched by one request for all its users. */
export interface Tokens {
  /** Returns the token of `key`, fetched unless there is one that lives long enough. */
  get(key: string, fetch: () => Promise<Token>): Promise<string>;
  /** Returns the token of `key`, if there is one that lives long enough. */
  cached(key: string): string | undefined;
  /** A token that is not accepted is not given again. */
  forget(key: string, value: string): void;
}

const maxTokens = 10_000;

export function createTokens(now: () => number): Tokens {
  const tokens = new LRUCache<string, string, () => Promise<Token>>({
    maxSize: maxTokens,
    sizeCalculation: () => 1,
    // Each token has a life of its own.
    ttl: shortestLifeSeconds * 1000,
    ttlResolution: 0,
    perf: { now },
    async fetchMethod(_key, _expired, { options, context: fetch }) {
      const { value, refreshAt } = await fetch();
      options.ttl = refreshAt - now();
      return value;
    },
    ignoreFetchAbort: true,
  });
  return {
    get: (key, fetch) => tokens.forceFetch(key, { context: fetch }),
    cached: (key) => tokens.get(key),
    forget(key, value) {
      if (tokens.peek(key) === value) tokens.delete(key);
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
