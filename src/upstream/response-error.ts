import type { IncomingMessage } from 'node:http';
import { readWhole } from './transport.ts';
import { UpstreamError } from './upstream-error.ts';

/** Returns the error for a response that says "too many requests" (429), "not now" (503), or anything else that is no success. */
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

/**
 * Returns the error for a response to a read that is neither a success nor a redirect. `isRegistry`: not a host that it
 * redirected to.
 */
export function refusalOf(response: IncomingMessage, isRegistry: boolean, now: number): UpstreamError {
  const { statusCode: status = 0 } = response;
  if (status === 404) return new UpstreamError('not_found', 'not found', { status });
  if ((status === 401 || status === 403) && isRegistry) return new UpstreamError('denied', `status ${status}`, { status });
  if (status === 416) return new UpstreamError('bad_content', `status ${status}`, { status });
  return toError(response, `status ${status}`, now);
}

const maxExplanationBytes = 16 * 1024;
const maxExplanationLength = 300;

/** Returns the error for a refused write, with the explanation that the registry sent. */
export async function refusalOfWrite(response: IncomingMessage, now: number): Promise<UpstreamError> {
  const { code, message, status, retryAfterSeconds } = refusalOf(response, true, now);
  const explanation = explanationIn(await readWhole(response, maxExplanationBytes).catch(() => Buffer.alloc(0)));
  return new UpstreamError(code, explanation === undefined ? message : `${message}: ${explanation}`, {
    retryAfterSeconds,
    ...(status === undefined ? {} : { status }),
  });
}

/** Returns code and message of the first error (distribution-spec, "Error Codes"). */
function explanationIn(body: Buffer): string | undefined {
  try {
    const { errors } = JSON.parse(body.toString()) as { readonly errors?: readonly { code?: unknown; message?: unknown }[] };
    const { code, message } = errors?.[0] ?? {};
    const words = [code, message].filter((text) => typeof text === 'string' && text !== '');
    return words.length === 0 ? undefined : words.join(': ').slice(0, maxExplanationLength);
  } catch {
    return undefined;
  }
}
