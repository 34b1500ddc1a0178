import type { DeliveryRecord } from '../../storage/metadata/queries/webhooks/deliveries.ts';
import { parseRetryAfter } from '../upstream/response-error.ts';
import { bodyOf, createTransport, discard } from '../upstream/transport.ts';
import { reasonOf } from '../upstream/upstream-error.ts';
import { toCloudEvent } from './cloud-events.ts';
import { toEnvelope } from './distribution.ts';
import type { Place } from './format.ts';
import type { Message } from './message.ts';
import { bodySignatureHeaders, signatureHeaders } from './signature.ts';
import type { Target } from './target.ts';

/** How a receiver took a message. */
export type Outcome = { readonly kind: 'delivered'; readonly status: number } | Failure;

export interface Failure {
  readonly kind: 'failed';
  readonly status: number | null;
  readonly error: string;
  /** True if the receiver does not want this message; otherwise it may take no message now. */
  readonly isRejected: boolean;
  /** Seconds that the receiver asks for (`Retry-After`). */
  readonly retryAfterSeconds?: number | undefined;
}

/** Sends messages to one target. */
export interface Client {
  /** Sends a message once. Rejects only if `signal` is aborted. */
  send(message: Pick<DeliveryRecord, 'messageId' | 'content'>, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

export interface ClientOptions {
  readonly place: Place;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Concurrent requests to a receiver. */
export const mostConnections = 16;

/** Statuses about the message, and not about the receiver. */
const rejections: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

export function createClient(target: Target, { place, now }: ClientOptions): Client {
  const { url, format, timeoutSeconds, ca } = target;
  const timeouts = { connectSeconds: timeoutSeconds, headersSeconds: timeoutSeconds, idleSeconds: timeoutSeconds };
  // Without a proxy: it would look up the host's address itself, past the check.
  const transport = createTransport({ timeouts, connections: mostConnections, ca, proxy: {} });
  const write = format === 'distribution' ? toEnvelope : toCloudEvent;

  return {
    async send({ messageId, content }, signal) {
      const whole = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
      try {
        const { contentType, bytes } = write(messageId, JSON.parse(content) as Message, place);
        const headers = {
          ...headersOf(target),
          'Content-Type': contentType,
          'Content-Length': bytes.length,
          'User-Agent': 'berth',
          ...(await identify(target, messageId, bytes, Math.floor(now() / 1000))),
        };
        const rule = target.allowsPrivateAddress ? 'private' : 'public';
        const response = await transport.send({ method: 'POST', url, headers, rule, signal: whole, body: bodyOf(bytes) });
        discard(response);
        return outcomeOf(response.statusCode ?? 0, parseRetryAfter(response.headers['retry-after'], now()));
      } catch (error) {
        signal.throwIfAborted();
        const reason = whole.aborted ? `no response within ${timeoutSeconds} s` : reasonOf(error);
        return { kind: 'failed', status: null, error: reason, isRejected: false };
      }
    },
    close: transport.close,
  };
}

/** A header that is written several times is sent several times. */
function headersOf({ headers }: Target): Readonly<Record<string, string[]>> {
  const values = Map.groupBy(headers, ([name]) => name);
  return Object.fromEntries([...values].map(([name, lines]) => [name, lines.map(([, value]) => value)]));
}

async function identify(
  target: Target,
  id: string,
  body: Buffer,
  timestamp: number,
): Promise<Readonly<Record<string, string | number>>> {
  const headers = { 'Webhook-Id': id, 'Webhook-Timestamp': timestamp };
  const secret = await target.secret();
  if (secret === undefined) return headers;
  return {
    ...headers,
    ...signatureHeaders({ id, timestamp, body, secret }),
    ...(target.signsBody ? bodySignatureHeaders({ body, secret }) : {}),
  };
}

function outcomeOf(status: number, retryAfterSeconds: number | undefined): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  const error = status >= 300 && status < 400 ? `status ${status}: redirects are not followed` : `status ${status}`;
  return { kind: 'failed', status, error, isRejected: rejections.has(status), retryAfterSeconds };
}
