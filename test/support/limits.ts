import type { RateLimits } from '../../src/http/server/rate-limits.ts';

/** Limits that count nothing. */
export const noLimits: RateLimits = { isLimited: false, count: () => Promise.resolve(), pace: () => undefined };
