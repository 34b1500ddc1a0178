import { createHmac } from 'node:crypto';

/** What the headers of a signed message are made of. */
export interface Signed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: Buffer;
  readonly secret: string;
}

/** Returns the headers of the Standard Webhooks specification 1.0: HMAC SHA-256 of the id, the timestamp and the body. */
export function signatureHeaders({ id, timestamp, body, secret }: Signed): Readonly<Record<string, string>> {
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'Webhook-Signature': `v1,${signature}` };
}

/** Returns the header that Flux verifies (`generic-hmac`): HMAC SHA-256 of the body alone, in hex. It does not stop replays. */
export function bodySignatureHeaders({ body, secret }: Pick<Signed, 'body' | 'secret'>): Readonly<Record<string, string>> {
  return { 'X-Signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}

const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** Returns the key: `whsec_` and base64, as the libraries of Standard Webhooks write it, or the bytes of the text itself. */
function keyOf(secret: string): Buffer {
  const base64 = encoded.exec(secret)?.[1];
  return base64 === undefined ? Buffer.from(secret) : Buffer.from(base64, 'base64');
}
