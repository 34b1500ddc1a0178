import type { IncomingMessage } from 'node:http';
import { UpstreamError } from './upstream-error.ts';

/** The error for a response that says "too many requests" (429), "not now" (503), or anything else that is no success. */
export function toError({ statusCode: status = 0, headers }: IncomingMessage, message: string, now: number): UpstreamError {
  const retryAfterSeconds = parseRetryAfter(headers['retry-after'], now);
  if (status === 429) return new UpstreamError('limited', 'it limits how much may be pulled', { retryAfterSeconds, status });
  if (status === 503) return new UpstreamError('unavailable', message, { retryAfterSeconds, status });
  return new UpstreamError('failed', message, { status });
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d{1,6}$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
